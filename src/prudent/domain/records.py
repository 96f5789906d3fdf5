"""Typed values to and from JSON, and their canonical bytes: the one spelling that is stored, hashed and replayed."""

import dataclasses
import functools
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

from prudent.domain.money import from_float, plain

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]
# The metadata of a field that a row got later: it is written only where it is not at its default, so that what was
# recorded, hashed or signed before reads and hashes as it did.
LATER = types.MappingProxyType({"later": True})
Encoder = typing.Callable[[typing.Any], Json]
Decoder = typing.Callable[[Json], typing.Any]


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    if moment.tzinfo is None:
        raise ValueError(f"time must be aware, was {moment!r}")
    there = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{there.isoformat(timespec='microseconds')[:26]}Z"


def encode(value: object) -> Json:
    """`value` as JSON without floats: decimals and floats become plain decimal strings, times RFC 3339 UTC.

    Raises:
        TypeError: a value of that type has no record form.
    """
    kind = type(value)
    encoder = _ENCODERS.get(kind)
    if encoder is None:
        encoder = _ENCODERS[kind] = _encoder_of(kind)
    return encoder(value)


def _encoder_of(kind: type) -> Encoder:
    # Found once per type: a record holds tens of thousands of values of a few dozen types.
    if issubclass(kind, Enum):
        return {member: encode(member.value) for member in kind}.__getitem__
    if dataclasses.is_dataclass(kind):
        return _row_encoder(kind)
    if issubclass(kind, Mapping):
        return _encode_mapping
    if issubclass(kind, float):
        return lambda value: _encode_float(float(value))
    raise TypeError(f"{kind.__name__} has no record form")


def _row_encoder(kind: type) -> Encoder:
    later = {f.name: f.default for f in dataclasses.fields(kind) if f.metadata.get("later")}
    names = tuple(name for name in _field_names(kind) if name not in later)
    mark = getattr(kind, "kind", None)
    first = {"kind": mark} if isinstance(mark, str) else {}
    known, as_it_is = _ENCODERS, _AS_IT_IS

    def row(value: object) -> Json:
        fields: dict[str, Json] = dict(first)
        for name in names:
            item = getattr(value, name)
            item_kind = type(item)
            if item_kind in as_it_is:
                fields[name] = item
            else:
                fields[name] = (known.get(item_kind) or encode)(item)
        for name, default in later.items():
            if (item := getattr(value, name)) != default:
                fields[name] = encode(item)
        return fields

    return row


def _encode_decimal(value: Decimal) -> Json:
    return plain(value) if value.is_finite() else str(value)


def _encode_float(value: float) -> Json:
    return plain(from_float(value)) if value - value == 0.0 else str(Decimal(value))


def _encode_mapping(value: Mapping[object, object]) -> Json:
    return {
        k if type(k) is str else str(encode(k)): v if type(v) is str else encode(v) for k, v in value.items()
    }  # fmt: skip


def _encode_items(value: typing.Iterable[object]) -> Json:
    known = _ENCODERS
    return [(known.get(type(item)) or encode)(item) for item in value]


# Values that are their own record form.
_AS_IT_IS = frozenset((type(None), bool, int, str))
_ENCODERS: dict[type, Encoder] = {
    type(None): lambda value: None,
    bool: lambda value: typing.cast("Json", value),
    int: lambda value: typing.cast("Json", value),
    str: lambda value: typing.cast("Json", value),
    Decimal: _encode_decimal,
    float: _encode_float,
    datetime: utc_text,
    date: date.isoformat,
    tuple: _encode_items,
    list: _encode_items,
    frozenset: lambda value: _encode_items(sorted(value)),
}


T = typing.TypeVar("T")


def decode(kind: type[T], data: Json) -> T:
    """A value of `kind` from what `encode` gave; raises ValueError where the data do not fit the type."""
    return typing.cast("T", _decoder(typing.cast("typing.Hashable", kind))(data))


@functools.cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))


@functools.cache
def _decoder(kind: object) -> Decoder:
    """What reads a value of that type, found once per type."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _union_decoder(typing.get_args(kind))
    if origin in (tuple, frozenset, list):
        item = _decoder(typing.get_args(kind)[0])
        return lambda data: origin([item(each) for each in _as_list(data)])
    if origin in (dict, Mapping):
        key, item = (_decoder(each) for each in typing.get_args(kind))
        return lambda data: {key(k): item(v) for k, v in _as_dict(data).items()}
    if not isinstance(kind, type):
        return lambda data: data
    if dataclasses.is_dataclass(kind):
        return _row_decoder(kind)
    return _plain_decoder(kind)


def _row_decoder(kind: type) -> Decoder:
    fields: dict[str, Decoder] = {}
    # A mark of the class itself is written beside the fields and is not one of them.
    passed = () if "kind" in _field_names(kind) else ("kind",)

    def row(data: Json) -> object:
        if not fields:
            # At the first use and not before: a type may hold itself.
            fields.update({name: _decoder(hint) for name, hint in typing.get_type_hints(kind).items()})
        return kind(**{n: fields[n](v) for n, v in _as_dict(data).items() if n not in passed})

    return row


def _plain_decoder(kind: type) -> Decoder:
    if issubclass(kind, Enum):
        return kind
    reader = _READERS.get(kind)
    if reader is not None:
        return reader
    if kind not in (bool, int, str):
        return lambda data: data

    def exactly(data: Json) -> Json:
        if type(data) is not kind:
            raise ValueError(f"expected {kind.__name__}, was {data!r}")
        return data

    return exactly


def _read_time(data: Json) -> datetime:
    text = str(data)
    if len(text) != 27 or text[10] != "T" or text[26] != "Z":
        raise ValueError(f"expected a time such as 2024-01-31T15:00:00.000000Z, was {text!r}")
    return datetime.fromisoformat(text)


_READERS: dict[type, Decoder] = {
    Decimal: lambda data: Decimal(str(data)),
    float: lambda data: float(str(data)),
    datetime: _read_time,
    date: lambda data: date.fromisoformat(str(data)),
}


def _union_decoder(options: tuple[object, ...]) -> Decoder:
    may_be_none = type(None) in options
    marked = {
        mark: _decoder(option)
        for option in reversed(options)
        if isinstance(option, type) and isinstance(mark := getattr(option, "kind", None), str)
    }
    if bool in options and str in options:
        return lambda data: data  # `Json` itself: what was read is the value
    usual = _decoder(next(option for option in options if option is not type(None)))

    def union(data: Json) -> object:
        if data is None and may_be_none:
            return None
        if marked and isinstance(data, dict) and "kind" in data:
            return marked.get(str(data["kind"]), usual)(data)
        return usual(data)

    return union


def _as_list(data: Json) -> list[Json]:
    if not isinstance(data, list):
        raise ValueError(f"expected a list, was {type(data).__name__}")
    return data


def _as_dict(data: Json) -> dict[str, Json]:
    if not isinstance(data, dict):
        raise ValueError(f"expected an object, was {type(data).__name__}")
    return data


def canonical(data: Json) -> bytes:
    """RFC 8785 bytes of float-free JSON: keys in UTF-16 order, no white space, UTF-8.

    Raises:
        TypeError: a float is in the data; encode it first.
    """
    _refuse_floats(data)
    text = _SORTING.encode(data)
    if not text.isascii():  # only then can the order of code points differ from that of UTF-16
        text = _PLAIN.encode(_sorted(data))
    return text.encode()


_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_SORTING = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)


def _refuse_floats(data: Json) -> None:
    pending: list[Json] = [data]
    while pending:
        items = pending.pop()
        for item in items.values() if isinstance(items, dict) else items if isinstance(items, list) else (items,):
            kind = type(item)
            if kind is dict or kind is list:
                pending.append(item)
            elif kind is float:
                raise TypeError("a float has no canonical form; encode it first")


def _sorted(data: Json) -> Json:
    if isinstance(data, dict):
        return {k: _sorted(data[k]) for k in sorted(data, key=lambda text: text.encode("utf-16-be"))}
    if isinstance(data, list):
        return [_sorted(item) for item in data]
    return data


def digest(data: Json) -> str:
    """SHA-256 of the canonical bytes, in lower-case hex."""
    return hashlib.sha256(canonical(data)).hexdigest()

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
Encoder = typing.Callable[[typing.Any], Json]


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    if moment.tzinfo is None:
        raise ValueError(f"time must be aware, was {moment!r}")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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
        return lambda value: {str(encode(k)): encode(v) for k, v in value.items()}
    if issubclass(kind, float):
        return lambda value: _encode_float(float(value))
    raise TypeError(f"{kind.__name__} has no record form")


def _row_encoder(kind: type) -> Encoder:
    names = _field_names(kind)
    mark = getattr(kind, "kind", None)
    if not isinstance(mark, str):
        return lambda value: {name: encode(getattr(value, name)) for name in names}
    return lambda value: {"kind": mark, **{name: encode(getattr(value, name)) for name in names}}


def _encode_float(value: float) -> Json:
    return plain(from_float(value)) if value - value == 0.0 else str(Decimal(value))


def _encode_items(value: typing.Iterable[object]) -> Json:
    return [encode(item) for item in value]


_ENCODERS: dict[type, Encoder] = {
    type(None): lambda value: None,
    bool: lambda value: typing.cast("Json", value),
    int: lambda value: typing.cast("Json", value),
    str: lambda value: typing.cast("Json", value),
    Decimal: lambda value: plain(value) if value.is_finite() else str(value),
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
    return typing.cast("T", _decode(kind, data))


@functools.cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))


@functools.cache
def _hints(kind: type) -> dict[str, object]:
    return typing.get_type_hints(kind)


def _decode(kind: object, data: Json) -> object:  # noqa: PLR0911 - one line per kind of value
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), data)
    if origin is tuple:
        (item, *_rest) = typing.get_args(kind)
        return tuple(_decode(item, each) for each in _as_list(data))
    if origin is frozenset:
        (item,) = typing.get_args(kind)
        return frozenset(_decode(item, each) for each in _as_list(data))
    if origin is list:
        (item,) = typing.get_args(kind)
        return [_decode(item, each) for each in _as_list(data)]
    if origin in (dict, Mapping):
        key, item = typing.get_args(kind)
        return {_decode(key, k): _decode(item, v) for k, v in _as_dict(data).items()}
    if not isinstance(kind, type):
        return data
    return _decode_plain(kind, data)


def _decode_plain(kind: type, data: Json) -> object:  # noqa: PLR0911 - one line per kind of value
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        named = "kind" in _field_names(kind)
        return kind(**{n: _decode(hints[n], v) for n, v in _as_dict(data).items() if named or n != "kind"})
    if issubclass(kind, Enum):
        return kind(data)
    if kind is Decimal:
        return Decimal(str(data))
    if kind is float:
        return float(str(data))
    if kind is datetime:
        return datetime.strptime(str(data), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    if kind is date:
        return date.fromisoformat(str(data))
    if kind in (dict, list):
        return data
    if kind in (bool, int, str) and type(data) is not kind:
        raise ValueError(f"expected {kind.__name__}, was {data!r}")
    return data


def _decode_union(options: tuple[object, ...], data: Json) -> object:
    if data is None and type(None) in options:
        return None
    if isinstance(data, dict) and "kind" in data:
        for option in options:
            if isinstance(option, type) and getattr(option, "kind", None) == data["kind"]:
                return _decode(option, data)
    if bool in options and str in options:
        return data  # `Json` itself: what was read is the value
    rest = [option for option in options if option is not type(None)]
    return _decode(rest[0], data)


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
    text = _dumps(data, sort_keys=True)
    if not text.isascii():  # only then can the order of code points differ from that of UTF-16
        text = _dumps(_sorted(data), sort_keys=False)
    return text.encode()


def _dumps(data: Json, *, sort_keys: bool) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=sort_keys)


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

"""The canonical text of a typed value in one go: what `canonical(encode(value))` gives, without the JSON in between."""

import dataclasses
import hashlib
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring as quoted

from prudent.domain.money import plain
from prudent.domain.records import canonical, encode, utc_text

Speller = Callable[[typing.Any], str]


def spelled(value: object) -> str:
    """RFC 8785 text of `value` in its record form.

    Raises:
        TypeError: a value of that type has no record form.
    """
    kind = type(value)
    speller = _SPELLERS.get(kind)
    if speller is None:
        speller = _SPELLERS[kind] = _speller_of(kind)
    return speller(value)


def _speller_of(kind: type) -> Speller:
    # Found once per type, as the encoders are.
    if issubclass(kind, Enum):
        return {member: canonical(encode(member)).decode() for member in kind}.__getitem__
    if dataclasses.is_dataclass(kind):
        return _row_speller(kind)
    return lambda value: canonical(encode(value)).decode()


def _row_speller(kind: type) -> Speller:
    """Fields in the order of their names, which are ASCII; a later field is there where it is not at its default."""
    mark = getattr(kind, "kind", None)
    marked = {"kind": quoted(mark)} if isinstance(mark, str) else {}
    names = {f.name: f.default if f.metadata.get("later") else _ALWAYS for f in dataclasses.fields(kind)}
    steps = tuple(
        (f"{quoted(name)}:", name, names.get(name, _ALWAYS), marked.get(name) if name not in names else None)
        for name in sorted({*names, *marked})
    )
    known = _SPELLERS

    def row(value: object) -> str:
        parts = []
        for start, name, default, fixed in steps:
            if fixed is not None:
                parts.append(start + fixed)
                continue
            item = getattr(value, name)
            if default is not _ALWAYS and item == default:
                continue
            speller = known.get(type(item))
            parts.append(start + (spelled(item) if speller is None else speller(item)))
        return "{" + ",".join(parts) + "}"

    return row


_ALWAYS = object()


def _items(value: Iterable[object]) -> str:
    return "[" + ",".join([spelled(item) for item in value]) + "]"


def _mapping(value: Mapping[object, object]) -> str:
    found = {key if type(key) is str else str(encode(key)): item for key, item in value.items()}
    # Only where a key is not ASCII can the order of code points differ from that of UTF-16.
    keys = sorted(found) if all(map(str.isascii, found)) else sorted(found, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join([f"{quoted(key)}:{spelled(found[key])}" for key in keys]) + "}"


_SPELLERS: dict[type, Speller] = {
    type(None): lambda value: "null",
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    str: quoted,
    Decimal: lambda value: f'"{plain(value) if value.is_finite() else value}"',
    datetime: lambda value: f'"{utc_text(value)}"',
    date: lambda value: f'"{value.isoformat()}"',
    tuple: _items,
    list: _items,
    dict: _mapping,
    frozenset: lambda value: _items(sorted(value)),
}


def digest_of(value: object) -> str:
    """SHA-256 of the canonical text of `value`, in lower-case hex."""
    return hashlib.sha256(spelled(value).encode()).hexdigest()

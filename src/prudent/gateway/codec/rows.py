"""The rows that message tables are made of, and how a message is read and written by its table at a version."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from prudent.gateway.values import BadField, Form, read, write

FLOOR = 157
CEILING = 178

Values = dict[str, Any]
"""A message by the names of its fields: scalars, and lists of such for what repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field, present from version `since` to version `until`."""

    name: str
    form: Form = Form.TEXT
    since: int = 0
    until: int = CEILING


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A field that says nothing: written as `says`, read and dropped."""

    says: str
    since: int = 0
    until: int = CEILING


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """A count and that many groups of `rows`, in `name` as a list."""

    name: str
    rows: "Rows"
    since: int = 0
    until: int = CEILING


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Rows that are there only where the fields before them say so."""

    holds: Callable[[Mapping[str, Any]], bool]
    rows: "Rows"
    since: int = 0
    until: int = CEILING


AnyRow = Row | Fixed | Many | When
Rows = tuple[AnyRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A message: its number on the wire and its fields after that number."""

    id: int
    name: str
    rows: Rows


def text(names: str, since: int = 0, until: int = CEILING) -> Rows:
    return _rows(Form.TEXT, names, since, until)


def whole(names: str, since: int = 0, until: int = CEILING) -> Rows:
    return _rows(Form.WHOLE, names, since, until)


def maybe(names: str, since: int = 0, until: int = CEILING) -> Rows:
    return _rows(Form.MAYBE, names, since, until)


def numbers(names: str, since: int = 0, until: int = CEILING) -> Rows:
    return _rows(Form.NUMBER, names, since, until)


def amount(names: str, since: int = 0, until: int = CEILING) -> Rows:
    return _rows(Form.AMOUNT, names, since, until)


def price(names: str, since: int = 0, until: int = CEILING) -> Rows:
    return _rows(Form.PRICE, names, since, until)


def flag(names: str, since: int = 0, until: int = CEILING) -> Rows:
    return _rows(Form.FLAG, names, since, until)


def fixed(says: str, since: int = 0, until: int = CEILING) -> Rows:
    return (Fixed(says=says, since=since, until=until),)


def many(name: str, rows: Rows, since: int = 0, until: int = CEILING) -> Rows:
    return (Many(name=name, rows=rows, since=since, until=until),)


def when(holds: Callable[[Mapping[str, Any]], bool], rows: Rows, since: int = 0, until: int = CEILING) -> Rows:
    return (When(holds=holds, rows=rows, since=since, until=until),)


def filled(name: str) -> Callable[[Mapping[str, Any]], bool]:
    """True where the field `name` holds something."""
    return lambda values: bool(values.get(name))


def _rows(form: Form, names: str, since: int, until: int) -> Rows:
    return tuple(Row(name=name, form=form, since=since, until=until) for name in names.split())


def encode(table: Table, values: Mapping[str, Any], version: int) -> list[str]:
    """The fields of a message, its number first; what `values` does not name is written empty."""
    out = [str(table.id)]
    _encode(table.rows, values, version, out)
    return out


def _encode(rows: Rows, values: Mapping[str, Any], version: int, out: list[str]) -> None:
    get, append = values.get, out.append
    for row, name, form, nothing, _ in _laid_out(rows, version):
        if row is not None:
            _encode_more(row, values, version, out)
            continue
        value = get(name, _EMPTY)
        if type(value) is str:
            append(value)
        elif value is _EMPTY and nothing is not None:
            append(nothing)
        else:
            append(write(form, None if value is _EMPTY else value))


def _encode_more(row: "Fixed | Many | When", values: Mapping[str, Any], version: int, out: list[str]) -> None:
    match row:
        case Fixed():
            out.append(row.says)
        case Many():
            groups: Sequence[Mapping[str, Any]] = values.get(row.name) or ()
            out.append(str(len(groups)))
            for group in groups:
                _encode(row.rows, group, version, out)
        case When():
            if row.holds(values):
                _encode(row.rows, values, version, out)


# A row that is more than one field, or else a field by its name, its form, how it is written when nobody set it (None
# where it must be set), and what the texts say that most fields have. A flag and a count read as 0 by every client, an
# unknown price as the largest number.
_Step = tuple["Fixed | Many | When | None", str, Form, "str | None", Mapping[str, Any]]
_NOTHING = {Form.WHOLE: "0", Form.FLAG: "0", Form.PRICE: write(Form.PRICE, None), Form.NUMBER: None}
# By the identity of the rows, which stay for good once they are here: to compare a hundred rows would cost more than
# to read them.
_LAID_OUT: dict[tuple[int, int], tuple[Rows, tuple[_Step, ...]]] = {}


def _laid_out(rows: Rows, version: int) -> tuple[_Step, ...]:
    """What is there at a version, found once."""
    found = _LAID_OUT.get((id(rows), version))
    if found is None:
        there = tuple(_step(row) for row in rows if row.since <= version <= row.until)
        found = _LAID_OUT[id(rows), version] = (rows, there)
    return found[1]


def _step(row: AnyRow) -> _Step:
    if isinstance(row, Row):
        return None, row.name, row.form, _NOTHING.get(row.form, ""), _COMMON[row.form]
    return row, "", Form.TEXT, "", {}


def _common(form: Form) -> Mapping[str, Any]:
    found = {}
    for text in ("", "0", "1"):
        with suppress(BadField):
            found[text] = read(form, text)
    return found


_COMMON = {form: _common(form) for form in Form}
_EMPTY = object()


def decode(table: Table, fields: Sequence[str], version: int) -> Values:
    """A message's values from its fields (the number first); `BadField` for one that does not fit or is left over."""
    rest = iter(fields)
    next(rest, None)
    values: Values = {}
    _decode(table, table.rows, rest, version, values)
    left = len(list(rest))
    if left:
        raise BadField(f"{table.name} has {left} fields too many at version {version}")
    return values


def _decode(table: Table, rows: Rows, rest: Iterator[str], version: int, values: Values) -> None:
    for row, name, form, _, common in _laid_out(rows, version):
        if row is None:
            field = next(rest, None)
            if field is None:
                raise _ended(table, name)
            value = common.get(field, _EMPTY)
            values[name] = _read(table, name, form, field) if value is _EMPTY else value
        elif isinstance(row, When):
            if row.holds(values):
                _decode(table, row.rows, rest, version, values)
        elif isinstance(row, Many):
            values[row.name] = _groups(table, row, rest, version)
        elif next(rest, None) is None:
            raise _ended(table, row.says)


def _groups(table: Table, row: Many, rest: Iterator[str], version: int) -> list[Values]:
    field = next(rest, None)
    if field is None:
        raise _ended(table, row.name)
    groups = []
    for _ in range(_read(table, row.name, Form.WHOLE, field)):
        group: Values = {}
        _decode(table, row.rows, rest, version, group)
        groups.append(group)
    return groups


def _ended(table: Table, name: str) -> BadField:
    return BadField(f"{table.name} ends before its field {name}")


def _read(table: Table, name: str, form: Form, field: str) -> Any:
    try:
        return read(form, field)
    except BadField as error:
        raise BadField(f"{table.name}.{name}: {error}") from error


def scalars(table: Table, values: Mapping[str, Any], *, always: Container[str] = ()) -> dict[str, str]:
    """The single fields among `values` as text by name: what a client said, to be told back.

    A field that is as if nobody had set it is left out, for it is written so without being named; not one of `always`.
    """
    found = _FIELDS.get(id(table.rows))
    if found is None:
        found = _FIELDS[id(table.rows)] = (table.rows, {row.name: _step(row) for row in _flat(table.rows)})
    said = {}
    for name, (_, _, form, nothing, common) in found[1].items():
        value = values.get(name, _EMPTY)
        if value is _EMPTY or (value == common.get("", _EMPTY) and name not in always):
            continue
        told = value if type(value) is str else write(form, value)
        if told != nothing or name in always:
            said[name] = told
    return said


_FIELDS: dict[int, tuple[Rows, Mapping[str, _Step]]] = {}


def _flat(rows: Rows) -> Iterator[Row]:
    for row in rows:
        if isinstance(row, Row):
            yield row
        elif isinstance(row, When):
            yield from _flat(row.rows)

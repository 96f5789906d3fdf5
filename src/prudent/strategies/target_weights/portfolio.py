"""Reads a portfolio file: rows of symbol and weight with their unit, or scored signals; every refusal names the row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, NoReturn

from prudent.domain.errors import InputError
from prudent.domain.instruments import CASH, normalise_symbol
from prudent.domain.money import FINITE_MAX, ZERO, plain

# A file without a unit whose weights are no larger than this could mean either unit.
AMBIGUOUS_SUM = Decimal("1.5")
WEIGHT_STEP = Decimal("0.000000000001")
_ROW_KEYS = {"weight": ("symbol", "weight", "name", "reason"), "score": ("symbol", "score", "name", "reason")}


class Unit(StrEnum):
    PERCENT = "percent"
    FRACTION = "fraction"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightRow:
    """`weight` is a signed fraction of equity."""

    symbol: str
    weight: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A bare opinion: above 0 is liked, below 0 is not; only the proportions matter."""

    symbol: str
    score: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """What a file says, before any rule of an account: weight rows (CASH among them), or signals."""

    rows: tuple[WeightRow, ...] = ()
    signals: tuple[Signal, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol named but CASH, sorted."""
        named = {row.symbol for row in self.rows} | {signal.symbol for signal in self.signals}
        return tuple(sorted(named - {CASH}))


def read_portfolio(text: str, *, name: str, unit: Unit | None = None) -> Portfolio:
    """A file as `[{"symbol", "weight"}, ...]`, `{"unit", "targets": [...]}` or `{"signals": [{"symbol", "score"}]}`.

    Weights are percent unless `unit` or the file says otherwise; class shares are normalised (`BRK-B` is `BRK.B`).

    Raises:
        InputError: malformed JSON (with line and column), a wrong row, a symbol twice, no rows, or an unclear unit.
    """
    content = _parse(text, name)
    if isinstance(content, list):
        return Portfolio(rows=_weight_rows(content, name, unit))
    if not isinstance(content, dict):
        raise InputError(
            f"{name} must be a list of rows or an object, was {_kind(content)}; "
            'write it like [{"symbol": "AAPL", "weight": 5.0}]'
        )
    if "signals" in content:
        _only_keys(content, ("signals",), name)
        scores = _pairs(_list(content["signals"], f"signals of {name}"), "score", name)
        return Portfolio(signals=tuple(Signal(symbol=symbol, score=score) for symbol, score in scores))
    _only_keys(content, ("unit", "targets"), name)
    if "targets" not in content:
        raise InputError(f"{name} must have the key targets or signals, had neither; see the examples")
    return Portfolio(
        rows=_weight_rows(_list(content["targets"], f"targets of {name}"), name, _unit(content, name, unit))
    )


def _parse(text: str, name: str) -> object:
    def refuse(word: str) -> NoReturn:
        raise InputError(f"numbers of {name} must be finite, was {word}; correct the row")

    def unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _value in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise InputError(f"keys of one object in {name} must differ, {', '.join(twice)} came twice; remove one")
        return dict(pairs)

    try:
        return json.loads(
            text, parse_float=Decimal, parse_int=Decimal, parse_constant=refuse, object_pairs_hook=unique
        )  # fmt: skip
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name} must be JSON, was not at line {error.lineno}, column {error.colno}: {error.msg}; correct it there"
        ) from error
    except RecursionError as error:
        raise InputError(f"{name} must be a flat list of rows, was nested too deeply; correct it") from error


def _weight_rows(content: Sequence[object], name: str, unit: Unit | None) -> tuple[WeightRow, ...]:
    pairs = _pairs(content, "weight", name)
    if unit is None and _ambiguous([weight for _symbol, weight in pairs]):
        total = plain(sum((weight for _symbol, weight in pairs), ZERO))
        raise InputError(
            f"the unit of the weights in {name} must be clear, they sum to {total} and could be percent or fractions; "
            'say which: {"unit": "fraction", "targets": [...]}, or --unit'
        )
    divisor = 1 if unit is Unit.FRACTION else 100
    return tuple(WeightRow(symbol=symbol, weight=(weight / divisor).quantize(WEIGHT_STEP)) for symbol, weight in pairs)


def _ambiguous(weights: Sequence[Decimal]) -> bool:
    """Small enough to be fractions; all zero means the same in both units."""
    sizes = [abs(weight) for weight in weights]
    return len(sizes) > 1 and 0 < sum(sizes) <= AMBIGUOUS_SUM and max(sizes) <= 1


def _pairs(content: Sequence[object], key: str, name: str) -> list[tuple[str, Decimal]]:
    if not content:
        raise InputError(
            f"{name} must have at least one row, had none; "
            'hold only cash with [{"symbol": "CASH", "weight": 100}]'
        )  # fmt: skip
    found: dict[str, Decimal] = {}
    for number, row in enumerate(content, start=1):
        where = f"row {number} of {name}"
        symbol, value = _pair(row, key, where)
        if symbol in found:
            raise InputError(f"each symbol must have one row, {symbol} had a second in {where}; merge them")
        if symbol == CASH and value < 0:
            raise InputError(f"the weight of CASH must not be below 0, was {value} in {where}; borrow nothing")
        found[symbol] = value
    return list(found.items())


def _pair(row: object, key: str, where: str) -> tuple[str, Decimal]:
    if not isinstance(row, dict):
        raise InputError(f'{where} must be an object like {{"symbol": "AAPL", "{key}": 5.0}}, was {_kind(row)}')
    _only_keys(row, _ROW_KEYS[key], where)
    if "symbol" not in row or key not in row:
        missing = "symbol" if "symbol" not in row else key
        raise InputError(f"{where} must have symbol and {key}, had no {missing}; add it")
    symbol = row["symbol"]
    if not isinstance(symbol, str):
        raise InputError(f"symbol in {where} must be text like AAPL, was {_kind(symbol)}; put it in quotes")
    return _symbol(symbol, where), _number(row[key], f"{key} of {symbol} in {where}")


def _symbol(text: str, where: str) -> str:
    try:
        return normalise_symbol(text)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _number(value: object, what: str) -> Decimal:
    if isinstance(value, str):
        try:
            value = Decimal(value.strip())
        except ArithmeticError as error:
            raise InputError(f"{what} must be a number, was {value!r}; write it like 5.0") from error
    if not isinstance(value, Decimal):
        raise InputError(f"{what} must be a number, was {_kind(value)}; write it like 5.0")
    if not (value.is_finite() and abs(value) < FINITE_MAX):
        raise InputError(f"{what} must be a finite number, was {value}; correct it")
    return value


def _unit(content: Mapping[str, Any], name: str, asked: Unit | None) -> Unit | None:
    given = content.get("unit")
    if given is None:
        return asked
    if given not in tuple(Unit):
        raise InputError(f"unit of {name} must be percent or fraction, was {given!r}; correct it")
    if asked is not None and asked != given:
        raise InputError(f"the unit of {name} must be one, the file says {given} and the request {asked}; drop one")
    return Unit(given)


def _only_keys(row: Mapping[str, object], known: Sequence[str], where: str) -> None:
    odd = sorted(set(row) - set(known))
    if odd:
        raise InputError(f"{where} must have no keys but {', '.join(known)}, had {', '.join(odd)}; remove them")


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise InputError(f"{what} must be a list of rows, was {_kind(value)}; put it in brackets")
    return value


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")

"""Grids: keys of an account's configuration with the values to try, made into one backtest per combination.

A line is `KEY=VALUE,VALUE...`, the key as in `invest.yaml` (`exits.stop_loss`), or `cadence`, `session` or `fill`. A
value is read as YAML; `off` and `null` mean none. A value with commas stands in brackets: `universe=[AAPL,KO],[MSFT]`.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from itertools import islice, product
from math import prod
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from prudent.backtest.request import Cadence, FillAt, Request
from prudent.backtest.run import Prepared, prepare
from prudent.backtest.within_day import limited
from prudent.bootstrap import Desk
from prudent.domain.errors import InputError
from prudent.domain.reasoning import RULES_MODEL
from prudent.domain.records import Json, digest, encode
from prudent.marketdata.hours import Hours
from prudent.settings import AccountSettings, ScheduleSettings
from prudent.settings.accounts import json_object

COMBINATIONS_MAX = 10_000
OF_THE_REQUEST: Mapping[str, type[StrEnum]] = {"cadence": Cadence, "session": Hours, "fill": FillAt}
NOTHING = ("off", "null", "~")
# What does not change the history that a backtest plays on.
_OF_THE_RULES = ("limits", "strategy_limits", "exits", "planning", "costs", "slippage_bps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One key with its values as a person wrote them."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One point of a grid: its values in the order of the keys, and the backtest that tries them."""

    values: tuple[str, ...]
    request: Request


def parse_grid(lines: Sequence[str]) -> tuple[Axis, ...]:
    """Read the lines of a grid, in their order.

    Raises:
        InputError: a line is not `KEY=VALUE,VALUE...`, something is there twice, or there are too many combinations.
    """
    if not lines:
        raise InputError("a sweep needs --grid KEY=VALUE,VALUE; name what to try, like --grid 'exits.stop_loss=5%,10%'")
    axes = tuple(_axis(line) for line in lines)
    twice = [axis.key for i, axis in enumerate(axes) if axis.key in {each.key for each in axes[:i]}]
    if twice:
        raise InputError(f"--grid must name each key once, {twice[0]} is there twice; put its values in one line")
    count = prod(len(axis.values) for axis in axes)
    if count > COMBINATIONS_MAX:
        sizes = " x ".join(str(len(axis.values)) for axis in axes)
        raise InputError(
            f"a grid must have at most {COMBINATIONS_MAX:,} combinations, was {sizes} = {count:,}; take values out"
        )
    return axes


def _axis(line: str) -> Axis:
    key, sign, rest = line.partition("=")
    key, values = key.strip(), tuple(_split(rest, line))
    if not sign or not key or not all(values):
        raise InputError(f"--grid must be KEY=VALUE,VALUE, was {line!r}; like --grid 'exits.stop_loss=5%,10%,off'")
    twice = [each for i, each in enumerate(values) if each in values[:i]]
    if twice:
        raise InputError(f"--grid {key} must name each value once, {twice[0]} is there twice; take one out")
    return Axis(key=key, values=values)


def _split(text: str, line: str) -> list[str]:
    """Cut at commas outside brackets."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    if depth:
        raise InputError(f"every bracket of --grid must be closed, was {line!r}; correct it")
    return [each.strip() for each in found]


def combinations(desk: Desk, base: Request, axes: Sequence[Axis]) -> tuple[Combination, ...]:
    """Every combination, the last key moving fastest, each checked by the models that check `invest.yaml`.

    Raises:
        InputError: a key is not known, a value is not allowed (both are named), or two combinations are the same.
    """
    own = desk.loaded.settings.accounts[base.account]
    plain = _as_given(own)
    for axis in axes:
        _check_key(axis.key)
    _each_alone(desk, base, plain, axes)
    found = tuple(_combination(desk, base, plain, axes, values) for values in product(*(a.values for a in axes)))
    seen: dict[str, Combination] = {}
    for each in found:
        same = seen.setdefault(each.request.strategy_version, each)
        if same is not each:
            raise InputError(
                f"combinations must differ, {_named(axes, same.values)} and {_named(axes, each.values)} are the same "
                "backtest; take one out"
            )
    return found


def _each_alone(desk: Desk, base: Request, plain: dict[str, Any], axes: Sequence[Axis]) -> None:
    """Look at each value by itself first, so that what is wrong is told once and by its own name."""
    for axis in axes:
        for value in axis.values:
            try:
                _combination(desk, base, plain, (axis,), (value,))
            except InputError:
                # Together with the other keys it may be right.
                if len(axes) == 1 or not _ever_right(desk, base, plain, axes, (axis.key, value)):
                    raise


def _ever_right(
    desk: Desk, base: Request, plain: dict[str, Any], axes: Sequence[Axis], given: tuple[str, str]
) -> bool:  # fmt: skip
    others = [axis.values if axis.key != given[0] else (given[1],) for axis in axes]
    for values in islice(product(*others), 100):
        try:
            _combination(desk, base, plain, axes, values)
        except InputError:
            continue
        return True
    return False


def _combination(
    desk: Desk, base: Request, plain: dict[str, Any], axes: Sequence[Axis], values: tuple[str, ...]
) -> Combination:  # fmt: skip
    changed: dict[str, Any] = dict(plain)
    of_request: dict[str, Any] = {}
    for axis, value in zip(axes, values):
        kind = OF_THE_REQUEST.get(axis.key)
        if kind is not None:
            of_request[axis.key] = _one_of(kind, axis.key, value)
        else:
            changed = _put(changed, axis.key.split("."), _read(axis.key, value))
    settings = _validated(desk, changed, axes, values)
    request = replace(
        base, mandate=_mandate(desk, base.account, settings), schedule=_schedule(base, settings, axes), **of_request
    )  # fmt: skip
    return Combination(values=values, request=request)


def _schedule(base: Request, settings: AccountSettings, axes: Sequence[Axis]) -> tuple[ScheduleSettings, ...]:
    return settings.schedule if any(axis.key == "schedule" for axis in axes) else base.schedule


def _mandate(desk: Desk, account: str, settings: AccountSettings) -> Any:
    mandate = settings.mandate(account)
    asked = desk.loaded.settings.language.models.get(mandate.model)
    return mandate if asked is None else replace(mandate, model_parameters=json_object(asked.frozen(mandate.model)))


def _validated(
    desk: Desk, changed: dict[str, Any], axes: Sequence[Axis], values: tuple[str, ...]
) -> AccountSettings:  # fmt: skip
    try:
        settings = AccountSettings.model_validate(changed)
    except ValidationError as error:
        raise InputError(_explained(error, axes, values)) from None
    known = (RULES_MODEL, *desk.loaded.settings.language.models)
    if settings.model not in known:
        raise InputError(
            f"--grid model must be one of {', '.join(known)}, was {settings.model!r}; add it under language.models"
        )
    return settings


def _explained(error: ValidationError, axes: Sequence[Axis], values: tuple[str, ...]) -> str:
    """The first problem, with the key and value of the grid that it is about, or with the whole combination."""
    problem = error.errors()[0]
    at = ".".join(str(part) for part in problem["loc"])
    said = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    for axis, value in zip(axes, values):
        if at and (at == axis.key or at.startswith(axis.key + ".") or axis.key.startswith(at + ".")):
            about = f"--grid {axis.key}={value}"
            return f"{about}: {said}; correct it" if at == axis.key else f"{about}: {at} {said}; correct it"
    return f"--grid {_named(axes, values)}: {at} {said}; correct it"


def _named(axes: Sequence[Axis], values: Sequence[str]) -> str:
    return ", ".join(f"{axis.key}={value}" for axis, value in zip(axes, values))


def _read(key: str, text: str) -> object:
    if text in NOTHING:
        return None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"--grid {key} must hold values as in invest.yaml, was {text!r}; correct it") from None


def _one_of(kind: type[StrEnum], key: str, value: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise InputError(f"--grid {key} must be one of {', '.join(kind)}, was {value!r}; correct it") from None


def _put(section: Mapping[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    if len(path) == 1:
        return {**section, path[0]: value}
    inner = section.get(path[0])
    if isinstance(inner, BaseModel):
        inner = _as_given(inner)
    return {**section, path[0]: _put(inner if isinstance(inner, Mapping) else {}, path[1:], value)}


def _as_given(settings: BaseModel) -> dict[str, Any]:
    """The values of a section, to be validated again; a fraction above 1 is only ever read as a percentage."""
    found: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Decimal) and abs(value) > 1 and "parse_fraction" in repr(field):
            value = f"{value * 100}%"
        found[field.alias or name] = value
    return found


def _check_key(key: str) -> None:
    """Refuse a key that no account has, with the nearest one."""
    if key in OF_THE_REQUEST or key.startswith("parameters."):
        return
    known = [*_paths(AccountSettings), *OF_THE_REQUEST, "parameters.NAME"]
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise InputError(f"--grid must name a key of an account's configuration, was {key!r}; {hint}")


def _paths(model: type[BaseModel], before: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        path, kind = before + (field.alias or name), field.annotation
        inner = isinstance(kind, type) and issubclass(kind, BaseModel)
        found += _paths(kind, path + ".") if inner and isinstance(kind, type) else [path]
    return found


def preparing(desk: Desk) -> Callable[[Request], Prepared]:
    """`prepare`, that looks at the data once for all requests that play on the same history."""
    known: dict[str, Prepared] = {}

    def prepared(request: Request) -> Prepared:
        key = _history(request)
        found = known.get(key)
        if found is None:
            found = known.setdefault(key, prepare(desk, request))
        request = replace(request, texts=found.request.texts)
        if request.session is not Hours.REGULAR:
            request = replace(request, mandate=limited(request.mandate))
        identity = request.identity(
            source=found.source, data_hash=found.data_hash, code_version=desk.code_version
        )  # fmt: skip
        return replace(found, request=request, identity=identity)

    return prepared


def _history(request: Request) -> str:
    """Names what a request's sessions, symbols and due days follow from."""
    own = encode(request.mandate)
    assert isinstance(own, dict)
    schedule: list[Json] = [line.model_dump(mode="json") for line in request.schedule]
    rest = {key: value for key, value in own.items() if key not in _OF_THE_RULES}
    return digest([
        rest, encode(request.rules), request.first.isoformat(), request.last.isoformat(), str(request.cadence),
        str(request.session), str(request.fill), request.benchmark, str(request.cash), list(request.anonymise),
        schedule,
    ])  # fmt: skip

"""User rules as parameters of built-in judges: what each key of `enforcement_params` means, and its allowed range.

Percentages are written as people say them, "10" or "10%" for 10 %. Times are "HH:MM" in `blackout_timezone`
(default America/New_York). A rule whose parameters cannot be read never loosens anything: it lets nobody in.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from prudent.domain.cycles import Observation
from prudent.domain.errors import InputError
from prudent.domain.exits import ExitRules, SymbolExits
from prudent.domain.futures import names_of
from prudent.domain.instruments import SECTORS, UNKNOWN_SECTOR, InstrumentKind, normalise_symbol
from prudent.domain.money import ZERO, parse_decimal, plain
from prudent.domain.records import Json
from prudent.domain.rules import UserRule
from prudent.guards import feeds, judges_book, judges_loss
from prudent.guards.evaluate import Judge

EXCHANGE_ZONE = "America/New_York"
_MONEY_MAX = Decimal(10) ** 11


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLimit:
    """One limit of a rule as numbers for a judge; `approved` = the symbols it does not look at.

    `only` = the symbols, sectors and kinds that it looks at; none named means all.
    """

    parameter: str
    judge: Judge
    limit: Decimal | None
    feeds: frozenset[str] = frozenset()
    approved: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A numeric parameter: its range, what one unit of it is to the judge, and the judge (None for exits)."""

    low: Decimal
    high: Decimal
    scale: Decimal = Decimal(1)
    whole: bool = False
    percent: bool = False
    judge: Judge | None = None
    feeds: frozenset[str] = frozenset()

    def read(self, name: str, raw: Json) -> Decimal:
        if isinstance(raw, bool) or not isinstance(raw, (int, str)):
            raise InputError(f"{name} must be {self.allowed}, was {raw!r}; write it like {self.example}")
        text = str(raw).strip()
        value = parse_decimal(text.removesuffix("%") if self.percent else text, name)
        if not self.low <= value <= self.high or (self.whole and value % 1):
            raise InputError(f"{name} must be {self.allowed}, was {raw}; write it like {self.example}")
        return value * self.scale

    @property
    def allowed(self) -> str:
        kind = "a whole number" if self.whole else "a percentage" if self.percent else "a number"
        return f"{kind} from {plain(self.low)} to {plain(self.high)}"

    @property
    def example(self) -> str:
        return plain(min(self.high, max(self.low, Decimal(10))))


def _percent(judge: Judge | None = None, *needs: str) -> Number:
    return Number(
        low=Decimal("0.01"), high=Decimal(100), scale=Decimal("0.01"), percent=True, judge=judge, feeds=frozenset(needs)
    )


def _money(judge: Judge, *needs: str) -> Number:
    return Number(low=Decimal("0.01"), high=_MONEY_MAX, judge=judge, feeds=frozenset(needs))


def _count(judge: Judge, *needs: str) -> Number:
    return Number(low=ZERO, high=Decimal(100_000), whole=True, judge=judge, feeds=frozenset(needs))


def _rsi(judge: Judge) -> Number:
    return Number(low=ZERO, high=Decimal(100), judge=judge, feeds=frozenset({feeds.RSI}))


NUMBERS: dict[str, Number] = {
    "max_position_pct": _percent(judges_book.max_position_weight),
    "max_position_dollars": _money(judges_book.max_position_value),
    "max_sector_pct": _percent(judges_book.max_sector_weight, feeds.SECTOR),
    "max_order_dollars": _money(judges_book.max_order_notional),
    "max_positions": _count(judges_book.max_positions),
    "min_cash_reserve_pct": _percent(judges_book.minimum_cash_reserve),
    "max_trades_per_session": _count(judges_book.max_trades_per_day, feeds.COUNTS),
    "max_daily_loss_pct": _percent(judges_loss.max_daily_loss, feeds.HISTORY),
    "max_daily_loss_dollars": _money(judges_loss.max_daily_loss_amount, feeds.HISTORY),
    "stop_loss_pct": _percent(),
    "take_profit_pct": Number(
        low=Decimal("0.01"), high=Decimal(10_000), scale=Decimal("0.01"), percent=True
    ),
    "rsi_max_entry": _rsi(judges_loss.max_entry_rsi),
    "rsi_min_entry": _rsi(judges_loss.min_entry_rsi),
    "price_max_entry": _money(judges_loss.max_entry_price),
    "price_min_entry": _money(judges_loss.min_entry_price),
    "min_adv_dollars_entry": _money(judges_loss.min_entry_volume, feeds.VOLUME),
}  # fmt: skip
BLACKOUT = ("blackout_start", "blackout_end")
CLOSE_ALL_BY = "close_all_by"
TIMEZONE = "blackout_timezone"
APPROVED_SYMBOLS = "approved_symbols"
EXCLUDED_SYMBOLS, EXCLUDED_SECTORS, EXCLUDED_KINDS = "excluded_symbols", "excluded_sectors", "excluded_kinds"
EXCLUSIONS = (EXCLUDED_SYMBOLS, EXCLUDED_SECTORS, EXCLUDED_KINDS)
PARAMETERS = (*NUMBERS, *BLACKOUT, TIMEZONE, CLOSE_ALL_BY, APPROVED_SYMBOLS, *EXCLUSIONS)
# What `catalogue` calls the rows of each limit; a black-out is one row of two parameters.
LIMIT_NAMES = (
    *(name for name, number in NUMBERS.items() if number.judge), "blackout", CLOSE_ALL_BY, APPROVED_SYMBOLS,
    *EXCLUSIONS, "unreadable",
)  # fmt: skip


def validate_rule(rule: UserRule) -> None:
    """Refuses a rule that code could not enforce.

    Raises:
        InputError: a parameter is unknown, unreadable or out of range, or the rule has none.
    """
    params = rule.enforcement_params
    for name in params:
        if name not in PARAMETERS:
            raise InputError(f"rule {rule.rule_name!r}: {_unknown(name)}")
    if not set(params) - {TIMEZONE}:
        raise InputError(
            f"rule {rule.rule_name!r} must have a parameter that code enforces, had none; use one of {_known()}"
        )
    for asset in rule.applies_to_assets:
        if asset not in tuple(InstrumentKind):
            kinds = ", ".join(InstrumentKind)
            raise InputError(f"applies_to_assets must name kinds among {kinds}, was {asset!r}; correct it")
    for symbol in (*rule.applies_to_symbols, *rule.exclude_symbols):
        normalise_symbol(symbol)
    for name, number in NUMBERS.items():
        if name in params:
            number.read(name, params[name])
    _blackout(params)
    _close_by(params)
    _symbol_list(params, APPROVED_SYMBOLS)
    for name in EXCLUSIONS:
        _excluded(params, name)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, PARAMETERS, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"no code enforces the parameter {name!r}; {hint}known parameters are {_known()}"


def _known() -> str:
    return ", ".join(PARAMETERS)


def in_scope(rule: UserRule, symbol: str, kind: str) -> bool:
    """Whether a rule looks at an instrument: of the kinds and among the symbols it names, each open where empty."""
    names = names_of(symbol)
    if not names.isdisjoint(normalise_symbol(each) for each in rule.exclude_symbols):
        return False
    named = not rule.applies_to_symbols or not names.isdisjoint(map(normalise_symbol, rule.applies_to_symbols))
    return named and (not rule.applies_to_assets or kind in rule.applies_to_assets)


def rule_limits(rule: UserRule, at: datetime | None) -> tuple[RuleLimit, ...]:
    """What a rule asks of new orders at a moment; one that cannot be read refuses all new risk."""
    try:
        validate_rule(rule)
    except InputError:
        return (RuleLimit(parameter="unreadable", judge=judges_loss.no_entry, limit=Decimal(1)),)
    params = rule.enforcement_params
    found = [
        RuleLimit(parameter=name, judge=number.judge, limit=number.read(name, params[name]), feeds=number.feeds)
        for name, number in NUMBERS.items()
        if name in params and number.judge is not None
    ]
    window, close, approved = _blackout(params), _close_by(params), _symbol_list(params, APPROVED_SYMBOLS)
    if window is not None:
        found.append(_entry_window("blackout", at, lambda now: is_between(now, *window), params))
    if close is not None:
        found.append(_entry_window(CLOSE_ALL_BY, at, lambda now: now >= close, params))
    if approved is not None:
        found.append(
            RuleLimit(parameter=APPROVED_SYMBOLS, judge=judges_loss.no_entry, limit=Decimal(1), approved=approved)
        )
    found += [
        RuleLimit(parameter=name, judge=judges_loss.no_entry, limit=Decimal(1), only=excluded)
        for name in EXCLUSIONS
        if (excluded := _excluded(params, name)) is not None
    ]
    return tuple(found)


def _entry_window(
    name: str, at: datetime | None, shut: Callable[[time], bool], params: dict[str, Json]
) -> RuleLimit:  # fmt: skip
    """Nobody enters while the window is shut; without a moment to look at, it is."""
    closed = at is None or shut(_local(at, params))
    return RuleLimit(parameter=name, judge=judges_loss.no_entry, limit=Decimal(int(closed)))


def is_between(now: time, start: time, end: time) -> bool:
    """From `start` up to but not including `end`, over midnight where `end` is the earlier one."""
    if start < end:
        return start <= now < end
    return now >= start or now < end


def _local(at: datetime, params: dict[str, Json]) -> time:
    return at.astimezone(_zone(params)).time()


def _zone(params: dict[str, Json]) -> ZoneInfo:
    name = params.get(TIMEZONE, EXCHANGE_ZONE)
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"{TIMEZONE} must be a zone like {EXCHANGE_ZONE}, was {name!r}; correct it") from error


def _time(params: dict[str, Json], name: str) -> time:
    raw = params.get(name)
    try:
        return datetime.strptime(str(raw), "%H:%M").time()  # noqa: DTZ007 - a time of day, its zone is a parameter
    except ValueError as error:
        raise InputError(f"{name} must be a time from 00:00 to 23:59, was {raw!r}; write it like 09:30") from error


def _blackout(params: dict[str, Json]) -> tuple[time, time] | None:
    if not any(name in params for name in (*BLACKOUT, TIMEZONE)):
        return None
    _zone(params)
    if not any(name in params for name in BLACKOUT):
        return None
    start, end = _time(params, BLACKOUT[0]), _time(params, BLACKOUT[1])
    if start == end:
        raise InputError(f"blackout_end must differ from blackout_start, both were {start:%H:%M}; correct one")
    return start, end


def _close_by(params: dict[str, Json]) -> time | None:
    return _time(params, CLOSE_ALL_BY) if CLOSE_ALL_BY in params else None


def _symbol_list(params: dict[str, Json], name: str) -> frozenset[str] | None:
    if name not in params:
        return None
    return frozenset(normalise_symbol(each) for each in _texts(params[name], name, "symbols", "AAPL,MSFT"))


def _excluded(params: dict[str, Json], name: str) -> frozenset[str] | None:
    """What may not be bought. An instrument of unknown sector may be of an excluded one, so it is excluded too."""
    if name not in params or name == EXCLUDED_SYMBOLS:
        return _symbol_list(params, name)
    sectors = name == EXCLUDED_SECTORS
    choices = SECTORS if sectors else tuple(str(kind) for kind in InstrumentKind)
    known = {choice.casefold(): choice for choice in choices}
    texts = _texts(params[name], name, name.removeprefix("excluded_"), ",".join(choices[:2]))
    named = [each.strip() for each in texts]
    wrong = [each for each in named if each.casefold() not in known]
    if wrong:
        raise InputError(f"{name} must be among {', '.join(choices)}, was {wrong[0]!r}; correct it")
    return frozenset({*(known[each.casefold()] for each in named), *([UNKNOWN_SECTOR] if sectors else [])})


def _texts(raw: Json, name: str, things: str, example: str) -> list[str]:
    names = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
        raise InputError(f"{name} must be a list of {things}, was {raw!r}; write it like {example}")
    return [str(each) for each in names]


def exit_rules(observation: Observation) -> ExitRules:
    """The tightest stop-loss and take-profit that active rules set for each holding, and whether all must be closed."""
    kinds = {i.symbol: i.kind.value for i in observation.instruments}
    rules = [rule for rule in observation.rules if rule.is_active and _readable(rule)]
    found: dict[str, SymbolExits] = {}
    for position in observation.snapshot.positions:
        mine = [rule for rule in rules if in_scope(rule, position.symbol, kinds.get(position.symbol, ""))]
        exits = SymbolExits(
            stop_loss=_tightest(mine, "stop_loss_pct"),
            take_profit=_tightest(mine, "take_profit_pct"),
            close_all=any(_closes_now(rule, observation.as_of) for rule in mine),
        )
        if exits != SymbolExits():
            found[position.symbol] = exits
    return ExitRules(symbols=found)


def _readable(rule: UserRule) -> bool:
    try:
        validate_rule(rule)
    except InputError:
        return False
    return True


def _tightest(rules: list[UserRule], name: str) -> Decimal | None:
    values = [NUMBERS[name].read(name, r.enforcement_params[name]) for r in rules if name in r.enforcement_params]
    return min(values, default=None)


def _closes_now(rule: UserRule, at: datetime) -> bool:
    close = _close_by(rule.enforcement_params)
    return close is not None and _local(at, rule.enforcement_params) >= close

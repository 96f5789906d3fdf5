"""What an intraday account's parameters may say, read once from its mandate."""

from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.accounts import AccountClass
from prudent.domain.errors import ConfigError, InputError
from prudent.domain.instruments import normalise_symbol
from prudent.domain.mandate import Mandate
from prudent.domain.records import Json
from prudent.strategies.intraday.windows import Minutes

# Below this equity a margin account may make three day trades in five sessions (FINRA's pattern day trader rule).
PDT_EQUITY = Decimal(25_000)
PDT_TRADES = 3
PDT_SESSIONS = 5
BARS = (1, 2, 5, 15, 30, 60)
_MINUTES = Minutes()
_COUNTS = {
    "bar_minutes": 30, "max_trades": 2, "min_holding_minutes": 120, "no_trade_first_minutes": _MINUTES.after_open,
    "no_entries_last_minutes": _MINUTES.entries_end, "no_trade_last_minutes": _MINUTES.trades_end,
    "flat_minutes_before_close": _MINUTES.flat_by,
}  # fmt: skip
_NUMBERS = {
    "min_order": "50", "pass0_confidence": "0.6", "cost_break_even": "2", "stop_loss": "0.03", "max_spread_bps": "50",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Nothing is entered whose spread is wider than `max_spread_bps`, or that is not expected to move `cost_break_even`
    times what going in and out costs. Pass 2 is asked where pass 0 is at least `pass0_confidence` sure. A loss of
    `daily_loss` of today's opening value ends the entries.
    """

    watchlist: tuple[str, ...]
    minutes: Minutes
    bar_minutes: int
    max_trades: int
    min_holding_minutes: int
    min_order: Decimal
    pass0_confidence: Decimal
    cost_break_even: Decimal
    stop_loss: Decimal
    max_spread_bps: Decimal
    daily_loss: Decimal
    pdt_enforced: bool
    research: str
    research_stale_hours: int


def read_params(mandate: Mandate) -> Params:
    """The parameters of the mandate.

    Raises:
        ConfigError: one is not what it must be.
    """
    given = mandate.parameters
    counts = {name: _count(given.get(name, usual), name, mandate) for name, usual in _COUNTS.items()}
    numbers = {name: _number(given.get(name, usual), name, mandate) for name, usual in _NUMBERS.items()}
    if counts["bar_minutes"] not in BARS:
        raise _wrong(mandate, "bar_minutes", f"one of {', '.join(map(str, BARS))}", counts["bar_minutes"])
    margin = mandate.account_class is AccountClass.MARGIN and mandate.broker != "simulated"
    return Params(
        watchlist=_watchlist(mandate),
        minutes=_minutes(counts, mandate),
        bar_minutes=counts["bar_minutes"],
        max_trades=counts["max_trades"],
        min_holding_minutes=counts["min_holding_minutes"],
        daily_loss=_number(given.get("daily_loss", str(mandate.limits.max_daily_loss)), "daily_loss", mandate),
        pdt_enforced=_flag(given.get("pdt_enforced", margin), "pdt_enforced", mandate),
        research=_text(given.get("research", ""), "research", mandate),
        research_stale_hours=_count(given.get("research_stale_hours", 24), "research_stale_hours", mandate),
        **numbers,
    )


def _minutes(counts: dict[str, int], mandate: Mandate) -> Minutes:
    try:
        return Minutes(
            after_open=counts["no_trade_first_minutes"], entries_end=counts["no_entries_last_minutes"],
            trades_end=counts["no_trade_last_minutes"], flat_by=counts["flat_minutes_before_close"],
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(f"parameters of {mandate.account}: {error}; correct the mandate") from error


def _watchlist(mandate: Mandate) -> tuple[str, ...]:
    listed = mandate.parameters.get("watchlist", [])
    if not isinstance(listed, list):
        raise _wrong(mandate, "watchlist", "a list of symbols", listed)
    try:
        return tuple(dict.fromkeys((*mandate.universe, *(normalise_symbol(str(each)) for each in listed))))
    except InputError as error:
        raise ConfigError(f"parameters.watchlist of {mandate.account}: {error}") from error


def _count(value: Json, name: str, mandate: Mandate) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
        raise _wrong(mandate, name, "a whole number from 0 to 10000", value)
    return value


def _number(value: Json, name: str, mandate: Mandate) -> Decimal:
    text = str(value).strip()
    try:
        found = Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ArithmeticError:
        found = Decimal("NaN")
    if isinstance(value, bool) or not (found.is_finite() and found >= 0):
        raise _wrong(mandate, name, "a number from 0", value)
    return found


def _flag(value: Json, name: str, mandate: Mandate) -> bool:
    if not isinstance(value, bool):
        raise _wrong(mandate, name, "true or false", value)
    return value


def _text(value: Json, name: str, mandate: Mandate) -> str:
    if not isinstance(value, str):
        raise _wrong(mandate, name, "text", value)
    return value.strip()


def _wrong(mandate: Mandate, name: str, must: str, was: object) -> ConfigError:
    return ConfigError(f"parameters.{name} of {mandate.account} must be {must}, was {was!r}; correct the mandate")

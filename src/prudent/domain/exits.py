"""Exits that no model is asked about: stop-loss, take-profit, time stop, drawdown cut, close-all-by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal

from prudent.domain.accounts import AccountHistory, Position
from prudent.domain.cycles import Observation
from prudent.domain.mandate import Limits, Mandate
from prudent.domain.money import plain
from prudent.domain.proposals import ExitCause, ForcedExit
from prudent.domain.quotes import Quote
from prudent.domain.reasoning import Terms
from prudent.domain.valuation import ONE, usable

DRAWDOWN_CUT_SHARE = Decimal("0.5")
# A stop or target fires on the second of two readings at least this far apart.
CONFIRMED_AFTER = timedelta(seconds=10)
# Two sources further apart than this dispute the price, and a disputed price fires nothing.
PRICE_DISPUTE = Decimal("0.03")


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolExits:
    """The tightest exits that rules set for one symbol, as fractions of average cost; `None` = none."""

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    close_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRules:
    """Exits by symbol that user rules add to the mandate's; the tighter of both decides."""

    symbols: Mapping[str, SymbolExits] = field(default_factory=dict)

    def of(self, symbol: str) -> SymbolExits:
        return self.symbols.get(symbol, SymbolExits())


def forced_exits(observation: Observation, mandate: Mandate, exit_rules: ExitRules) -> tuple[ForcedExit, ...]:
    """At most one exit per position, by symbol; triggers fire at equality, a missing or disputed price never fires.

    In a cycle that a person began to flatten the account every priced position is closed, whatever its triggers say.

    On wall time a stop or target needs two readings ten seconds apart: the history tells of the first.

    Mandate, user rules and the terms that the position was opened with: the tightest of them decides.

    Where several fire, the first of stop-loss, close-all-by, take-profit, time stop (each closes the position
    whole) and drawdown cut (half, up to the lot, once per episode) names the cause. Shorts are mirrored.
    """
    quotes = {quote.symbol: quote for quote in observation.quotes}
    cut = drawdown_cut_fires(observation.history, mandate.limits)
    found: list[ForcedExit] = []
    for position in sorted(observation.snapshot.positions, key=lambda each: each.symbol):
        quote = quotes.get(position.symbol)
        if position.quantity == 0 or quote is None or quote.price is None or not usable(quote.price):
            continue
        exit_ = _flattened(position, mandate) or _whole_exit(
            position, quote, observation, triggers_of(position, observation, mandate, exit_rules)
        )
        if exit_ is None and cut:
            exit_ = _drawdown_cut(position, observation, mandate)
        if exit_ is not None:
            found.append(exit_)
    return tuple(found)


def drawdown_cut_fires(history: AccountHistory, limits: Limits) -> bool:
    """True when the flow-adjusted unit value is at or below its peak less the cut, and the episode has not cut yet."""
    unit, peak = history.unit_value, history.peak_unit_value
    if history.drawdown_latched or unit is None or peak is None or not (usable(unit) and usable(peak)):
        return False
    return unit <= peak * (ONE - limits.drawdown_cut)


def gain_fires(position: Position, price: Decimal, threshold: Decimal | None, *, losing: Decimal) -> bool:
    """True when the move from average cost reaches `threshold`; `losing` is -1 for losses, 1 for gains."""
    cost = position.average_cost
    if threshold is None or cost is None or not usable(cost) or not usable(threshold):
        return False
    direction = ONE if position.quantity > 0 else -ONE
    return losing * direction * (price - cost) >= threshold * cost


def _flattened(position: Position, mandate: Mandate) -> ForcedExit | None:
    reason = mandate.parameters.get(ExitCause.FLATTEN)
    if not isinstance(reason, str):
        return None
    return ForcedExit(
        symbol=position.symbol, quantity=abs(position.quantity), cause=ExitCause.FLATTEN, reason=reason
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """What closes one position whole: the tightest of all that speak of it; `held` says which time stop has come."""

    stop_loss: Decimal | None
    take_profit: Decimal | None
    close_all: bool
    held: str


def triggers_of(position: Position, observation: Observation, mandate: Mandate, rules: ExitRules) -> Triggers:
    """What closes the position, as the observation shows it: mandate, rules and its own terms, the tightest of each."""
    own = next((t for t in observation.history.terms if t.symbol == position.symbol), Terms(symbol=position.symbol))
    ruled = rules.of(position.symbol)
    return Triggers(
        stop_loss=_tighter(mandate.exits.stop_loss, ruled.stop_loss, own.stop_loss),
        take_profit=_tighter(mandate.exits.take_profit, ruled.take_profit, own.take_profit),
        close_all=ruled.close_all, held=_held_too_long(position, observation, mandate, own),
    )  # fmt: skip


def _whole_exit(
    position: Position, quote: Quote, observation: Observation, triggers: Triggers
) -> ForcedExit | None:  # fmt: skip
    cause, reason = None, ""
    price = quote.price if quote.price is not None and not _disputed(quote) else None
    stop, take = triggers.stop_loss, triggers.take_profit
    if price is not None and gain_fires(position, price, stop, losing=-ONE) and _confirmed(
        position, observation, ExitCause.STOP_LOSS
    ):
        cause, reason = ExitCause.STOP_LOSS, _moved(position, price, stop)
    elif triggers.close_all:
        cause, reason = ExitCause.CLOSE_ALL_BY, "a rule closes all positions at this time"
    elif price is not None and gain_fires(position, price, take, losing=ONE) and _confirmed(
        position, observation, ExitCause.TAKE_PROFIT
    ):
        cause, reason = ExitCause.TAKE_PROFIT, _moved(position, price, take)
    elif triggers.held:
        cause, reason = ExitCause.TIME_STOP, triggers.held
    if cause is None:
        return None
    return ForcedExit(symbol=position.symbol, quantity=abs(position.quantity), cause=cause, reason=reason)


def _confirmed(position: Position, observation: Observation, cause: ExitCause) -> bool:
    """True when an earlier reading, far enough back, was beyond the trigger too."""
    breaches = observation.history.breaches
    return breaches is None or any(
        each.symbol == position.symbol and each.cause == cause and observation.as_of - each.first_at >= CONFIRMED_AFTER
        for each in breaches
    )


def _tighter(*thresholds: Decimal | None) -> Decimal | None:
    # A threshold that cannot be used would never fire, and must not stand before one that can.
    known = [each for each in thresholds if each is not None and usable(each)]
    return min(known, default=None)


def _disputed(quote: Quote) -> bool:
    first, second = quote.price, quote.second_price
    if first is None or second is None or not usable(second):
        return False
    return abs(first - second) > PRICE_DISPUTE * second


def _moved(position: Position, price: Decimal, threshold: Decimal | None) -> str:
    cost = position.average_cost or ONE
    change = (price / cost - ONE) * 100
    side = "long" if position.quantity > 0 else "short"
    limit = plain((threshold or Decimal(0)) * 100)
    return f"{side} at cost {plain(cost)}, price {plain(price)} ({change:+.2f} %); the limit is {limit} %"


def _held_too_long(position: Position, observation: Observation, mandate: Mandate, terms: Terms) -> str:
    """Which time stop has come; empty while none has. Terms count from when they began to hold."""
    for days, since in (
        (mandate.exits.time_stop_days, position.opened),
        (terms.time_stop_days, terms.since or position.opened),
    ):
        if days is not None and since is not None and (observation.session - since.date()).days >= days:
            return f"held {days} days or more"
    return ""


def _drawdown_cut(position: Position, observation: Observation, mandate: Mandate) -> ForcedExit:
    instrument = next((i for i in observation.instruments if i.symbol == position.symbol), None)
    lot = mandate.planning.lot_size or (instrument.lot if instrument else ONE)
    size = abs(position.quantity)
    lots = (size * DRAWDOWN_CUT_SHARE / lot).to_integral_value(rounding=ROUND_CEILING)
    history = observation.history
    fall = (ONE - (history.unit_value or ONE) / (history.peak_unit_value or ONE)) * 100
    return ForcedExit(
        symbol=position.symbol,
        quantity=min(lots * lot, size),
        cause=ExitCause.DRAWDOWN_CUT,
        reason=f"the account is {fall:.2f} % below its peak; the cut at {plain(mandate.limits.drawdown_cut * 100)} % "
        "halves every position once",
    )

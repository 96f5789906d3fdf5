"""From rows to columns: one instrument index over everything observed, and one vector of facts of the account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from prudent.domain.accounts import Mode, TradingState
from prudent.domain.cycles import Observation
from prudent.domain.futures import EXCHANGE_ZONE, names_of, root_of_contract
from prudent.domain.instruments import UNKNOWN_SECTOR, Instrument, InstrumentKind
from prudent.domain.mandate import Mandate
from prudent.domain.money import is_finite
from prudent.domain.orders import Effect, OpenOrder, OrderStatus, OrderType, Side
from prudent.domain.plans import PlannedOrder
from prudent.domain.quotes import Quote
from prudent.domain.valuation import fx_rate
from prudent.guards import feeds as known_feeds
from prudent.guards.arithmetic import NAN, SHARE_TOLERANCE, cents
from prudent.guards.columns import Columns
from prudent.guards.facts import worst_price
from prudent.guards.margins import Stands, margins_stand

# A time stamp further ahead than this makes a quote worthless.
FUTURE_SECONDS_MAX = 2.0
DUPLICATE_WINDOW = timedelta(seconds=60)
ROUND_TRIP_WINDOW = timedelta(minutes=10)
RATE_WINDOW = timedelta(seconds=1)
# Sources that need no second opinion on a live price.
BROKER_SOURCES = frozenset({"ibkr", "simulated"})
# Pairs that move as one: holding both is one bet.
PAIRS = (("VTI", "VOO"), ("QQQ", "TQQQ"), ("NVDA", "SOXL"))

_STATES = {TradingState.ACTIVE: 0.0, TradingState.REDUCING: 1.0, TradingState.HALTED: 2.0}
_EFFECTS = {Effect.OPEN: 0.0, Effect.CLOSE: 1.0, Effect.SHORT: 2.0, Effect.COVER: 3.0}
_SIDES = {Effect.OPEN: Side.BUY, Effect.CLOSE: Side.SELL, Effect.SHORT: Side.SELL, Effect.COVER: Side.BUY}
_KINDS = {kind: float(code) for code, kind in enumerate(InstrumentKind)}
_NEVER_LEFT = frozenset({OrderStatus.PROPOSED, OrderStatus.DENIED, OrderStatus.NOT_SENT, OrderStatus.WOULD_SEND})
_MOST_LOTS = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Columns and what their indices mean; `faults` and `unmargined` say why an order is unusable or lacks margin."""

    columns: Columns
    symbols: tuple[str, ...]
    kinds: tuple[str, ...]
    sectors: tuple[str, ...]
    lots: tuple[Decimal, ...]
    sector_count: int
    faults: tuple[str, ...]
    unmargined: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """The observed rows by symbol."""

    observation: Observation
    mandate: Mandate
    feeds: frozenset[str]
    quotes: Mapping[str, Quote]
    instruments: Mapping[str, Instrument]
    symbols: tuple[str, ...]
    sectors: tuple[str, ...]


def number(value: Decimal | None) -> float:
    """A column number; NaN where there is none that a gate may use."""
    if value is None or not is_finite(value):
        return NAN
    return float(value)


def columns_of(
    observation: Observation, orders: Sequence[PlannedOrder], mandate: Mandate, *,
    feeds: frozenset[str] = known_feeds.ALL_FEEDS, plan_as_of: datetime | None = None,
) -> Crossing:  # fmt: skip
    """Everything the guards read. Instruments stand in the order of their symbols, whatever order the rows have.

    `plan_as_of` is when the decider saw the market; without it, the orders were made on this very observation.
    """
    view = _view(observation, orders, mandate, feeds)
    market = [_market(view, symbol) for symbol in view.symbols]
    holdings = [_holding(view, symbol) for symbol in view.symbols]
    faults = tuple(_fault(view, order) for order in orders)
    duplicates = _duplicates(view, orders)
    margins = margins_stand(observation, orders, mandate, view.instruments)
    rows = [
        [*_order(order, _lot(view, order.symbol), fault, repeats=repeats), *_margin(stands)]
        for order, fault, repeats, stands in zip(orders, faults, duplicates, margins)
    ]
    index = {symbol: i for i, symbol in enumerate(view.symbols)}
    return Crossing(
        columns=Columns(
            [cell for row in market for cell in row],
            [cell for row in holdings for cell in row],
            _account(view, plan_as_of, _net_liquidation(view, market, holdings)),
            [cell for row in rows for cell in row],
            [index[order.symbol] for order in orders],
        ),
        symbols=view.symbols,
        kinds=tuple(i.kind.value if (i := view.instruments.get(s)) else "" for s in view.symbols),
        sectors=tuple(sector_of(view.instruments.get(symbol)) for symbol in view.symbols),
        lots=tuple(_lot(view, symbol) for symbol in view.symbols),
        sector_count=len(view.sectors),
        faults=faults,
        unmargined=tuple(stands.why for stands in margins),
    )


def _view(
    observation: Observation, orders: Sequence[PlannedOrder], mandate: Mandate, feeds: frozenset[str]
) -> _View:  # fmt: skip
    instruments = {i.symbol: i for i in observation.instruments}
    seen = {
        *instruments,
        *(q.symbol for q in observation.quotes),
        *(p.symbol for p in observation.snapshot.positions),
        *(o.symbol for o in observation.snapshot.open_orders),
        *(o.symbol for o in orders),
    }
    symbols = tuple(sorted(seen))
    return _View(
        observation=observation, mandate=mandate, feeds=feeds, instruments=instruments, symbols=symbols,
        quotes={q.symbol: q for q in observation.quotes},
        sectors=tuple(sorted({sector_of(instruments.get(symbol)) for symbol in symbols})),
    )  # fmt: skip


def sector_of(instrument: Instrument | None) -> str:
    """The sector of an instrument; a fund without one is its own, and so are all months of a future."""
    if instrument is None:
        return UNKNOWN_SECTOR
    if instrument.sector == UNKNOWN_SECTOR and instrument.kind is InstrumentKind.ETF:
        return f"ETF:{instrument.symbol}"
    if instrument.sector == UNKNOWN_SECTOR and (root := root_of_contract(instrument.symbol)) is not None:
        return f"FUTURE:{root.code}"
    return instrument.sector


def _lot(view: _View, symbol: str) -> Decimal:
    instrument = view.instruments.get(symbol)
    if view.mandate.planning.lot_size is not None:
        return view.mandate.planning.lot_size
    return instrument.lot if instrument else Decimal(1)


def _seconds_since(moment: datetime | None, now: datetime) -> float:
    """Age of a time stamp; NaN for none and for one that lies ahead."""
    if moment is None:
        return NAN
    age = (now - moment).total_seconds()
    if age < -FUTURE_SECONDS_MAX:
        return NAN
    return age if age > 0.0 else 0.0


def _age(quote: Quote, now: datetime) -> float:
    """The larger of the age the source tells and the age of its time stamp; NaN where neither is known."""
    told, stamped = number(quote.age_seconds), _seconds_since(quote.as_of, now)
    if quote.as_of is None:
        return told
    return told if told > stamped else stamped


def _market(view: _View, symbol: str) -> list[float]:
    """Facts 14-39, in their order."""
    quote = view.quotes.get(symbol) or Quote(symbol=symbol, price=None)
    instrument = view.instruments.get(symbol)
    planning, seen = view.mandate.planning, view.observation
    price = number(quote.price)
    level = number(quote.level) if known_feeds.LEVEL in view.feeds else price
    universe = view.mandate.universe
    rate, rate_age, rate_before = _fx(view, instrument)
    sector = sector_of(instrument)
    states = dict(seen.history.symbol_states)
    names, multiplier = names_of(symbol), float(instrument.multiplier) if instrument else 1.0
    return [
        _mark(view, quote), price, number(quote.bid), number(quote.ask), level,
        number(quote.previous_close), number(quote.previous_level), _age(quote, seen.as_of),
        number(quote.adv_dollars) * multiplier, float(quote.adv_sessions), number(quote.second_price),
        number(quote.rsi_14), float(_lot(view, symbol)), multiplier, rate, rate_age, rate_before,
        float(view.sectors.index(sector)), float(sector != UNKNOWN_SECTOR),
        _KINDS[instrument.kind] if instrument else 0.0,
        float(instrument is not None and instrument.tradable),
        float(not universe or not names.isdisjoint(universe)), float(not names.isdisjoint(planning.no_trading)),
        float(quote.market_open),
        float(seen.mode is not Mode.LIVE or quote.source in BROKER_SOURCES),
        _STATES[states.get(symbol, TradingState.ACTIVE)],
    ]  # fmt: skip


def _mark(view: _View, quote: Quote) -> float:
    """What values a holding; a partial plan freezes one without a price at its last close, or a long one at nothing."""
    price = number(quote.price)
    if price > 0.0:
        return price
    if not view.mandate.planning.allow_partial:
        return NAN
    last = number(quote.previous_close)
    if last > 0.0:
        return last
    held = sum(p.quantity for p in view.observation.snapshot.positions if p.symbol == quote.symbol)
    return 0.0 if held > 0 else NAN


def _fx(view: _View, instrument: Instrument | None) -> tuple[float, float, float]:
    """Rate to the base currency, its age in seconds, and the rate before; the base itself is always 1."""
    base = view.observation.snapshot.currency
    if instrument is None or instrument.currency == base:
        return 1.0, 0.0, NAN
    found = fx_rate(instrument.currency, base, view.observation.fx)
    row = next((r for r in view.observation.fx if r.currency == instrument.currency), None)
    if found is None or row is None:
        return NAN, NAN, NAN
    return number(found), _seconds_since(row.as_of, view.observation.as_of), number(row.previous)


def _holding(view: _View, symbol: str) -> list[float]:
    """Facts 40-50, in their order."""
    snapshot, history = view.observation.snapshot, view.observation.history
    positions = [p for p in snapshot.positions if p.symbol == symbol]
    live = [o for o in snapshot.open_orders if o.symbol == symbol and not o.status.is_done]
    buys = [o for o in live if o.side is Side.BUY]
    sells = [o for o in live if o.side is Side.SELL]
    opened = [p.opened for p in positions if p.opened is not None]
    days = NAN
    if opened:
        last = max(each.astimezone(EXCHANGE_ZONE).date() for each in opened)
        days = float((view.observation.session - last).days)
    unknown = symbol in history.unknown_symbols or any(o.status is OrderStatus.UNKNOWN for o in live)
    risks = [_pending(view, order) for order in live]
    return [
        number(sum((p.quantity for p in positions), Decimal(0))),
        sum(number(o.remaining) for o in buys), sum(number(o.remaining) for o in sells),
        sum(cost for cost, _ in risks), sum(loss for _, loss in risks), days,
        float(len(buys)), float(len(sells)), _partner(view, symbol), float(unknown),
        _reentry_days_left(view, symbol),
    ]  # fmt: skip


def _reentry_days_left(view: _View, symbol: str) -> float:
    days, session = view.mandate.exits.reentry_days, view.observation.session
    stops = (stop.session for stop in view.observation.history.stopped_out if stop.symbol == symbol)
    return float(max((0, *(days - (session - stop).days for stop in stops))))


def _pending(view: _View, order: OpenOrder) -> tuple[float, float]:
    """What a live order may still cost at worst, and what it may lose against the mark, in the base currency."""
    quote = view.quotes.get(order.symbol) or Quote(symbol=order.symbol, price=None)
    instrument = view.instruments.get(order.symbol)
    sign = float(order.side.sign)
    side = quote.ask if order.side is Side.BUY else quote.bid
    has_spread = float(known_feeds.SPREAD in view.feeds)
    worst = worst_price(sign, number(order.limit_price), number(side), number(quote.price), has_spread)
    factor = (float(instrument.multiplier) if instrument else 1.0) * _fx(view, instrument)[0]
    remaining = number(order.remaining)
    loss = sign * (worst - _mark(view, quote)) * factor * remaining
    cost = cents(remaining * worst * factor) if order.side is Side.BUY else 0.0
    return cost, cents(loss) if loss > 0.0 else 0.0


def _partner(view: _View, symbol: str) -> float:
    """Row of what moves alike, by name or by correlation: one that is held before one that is not; else -1."""
    pairs = (*PAIRS, *((each.one, each.other) for each in view.observation.alike))
    twins = [other if one == symbol else one for one, other in pairs if symbol in (one, other)]
    known = [twin for twin in twins if twin in view.symbols]
    held = {p.symbol for p in view.observation.snapshot.positions if p.quantity != 0}
    best = next((twin for twin in known if twin in held), known[0] if known else None)
    return -1.0 if best is None else float(view.symbols.index(best))


def _net_liquidation(view: _View, market: list[list[float]], holdings: list[list[float]]) -> float:
    """Cash and every holding at its mark; NaN where one that is held has none."""
    value = cents(number(view.observation.snapshot.cash))
    for row, holding in zip(market, holdings):
        if holding[0] != 0.0:
            value = cents(value + cents(holding[0] * (row[0] * (row[13] * row[14]))))
    return value


def _account(view: _View, plan_as_of: datetime | None, nlv: float) -> list[float]:
    """Facts 51-75, in their order."""
    seen, history = view.observation, view.observation.history
    now = seen.as_of
    recent = [(now - each.at, each) for each in history.recent_orders]
    left = [(age, each) for age, each in recent if each.status not in _NEVER_LEFT]
    rejects = sum(age <= DUPLICATE_WINDOW and each.status is OrderStatus.REJECTED for age, each in recent)
    unclear = {o.symbol for o in seen.snapshot.open_orders if o.status is OrderStatus.UNKNOWN}
    decided = plan_as_of or now
    age = (now - decided).total_seconds()
    return [
        number(seen.snapshot.cash), nlv, number(history.nlv_open), number(history.flows_today),
        number(history.unit_value), number(history.peak_unit_value), float(history.trades_today),
        float(sum(age < RATE_WINDOW for age, _ in left)), float(rejects), float(_round_trips(view)),
        float(history.decider_failures_in_row), number(history.refused_share_5_cycles),
        float(len(unclear.union(history.unknown_symbols))),
        age if age >= -FUTURE_SECONDS_MAX else NAN, abs((now - seen.snapshot.as_of).total_seconds()),
        _STATES[history.state], float(history.has_traded), float(history.daily_loss_latched),
        float(history.drawdown_latched), float(history.drawdown_halt_latched), float(seen.market_open),
        float(view.mandate.planning.allow_short), float(known_feeds.AGE in view.feeds),
        float(known_feeds.SPREAD in view.feeds), float(known_feeds.PREVIOUS_CLOSE in view.feeds),
    ]  # fmt: skip


def _round_trips(view: _View) -> int:
    """The most round trips of one symbol within ten minutes."""
    counts: dict[str, list[int]] = {}
    for each in view.observation.history.recent_orders:
        filled = each.status in (OrderStatus.FILLED, OrderStatus.PARTIAL)
        if filled and view.observation.as_of - each.at <= ROUND_TRIP_WINDOW:
            counts.setdefault(each.symbol, [0, 0])[each.side is Side.SELL] += 1
    return max((min(pair) for pair in counts.values()), default=0)


def _fault(view: _View, order: PlannedOrder) -> str:
    """What makes the order unusable; empty for a usable one."""
    lot, limit = _lot(view, order.symbol), order.limit_price
    if not _usable_quantity(order, lot):
        return f"its quantity must be a finite number above 0, was {order.quantity}"
    if not (is_finite(order.reference_price) and order.reference_price > 0):
        return f"its reference price must be above 0, was {order.reference_price}"
    if order.type is OrderType.LIMIT and not (limit is not None and is_finite(limit) and limit > 0):
        return f"its limit price must be above 0, was {limit}"
    if not is_finite(order.estimated_fee) or order.estimated_fee < 0:
        return f"its estimated fee must be from 0, was {order.estimated_fee}"
    if order.side is not _SIDES[order.effect]:
        return f"its effect {order.effect} must be a {_SIDES[order.effect]}, was a {order.side}"
    odd = order.quantity % lot != 0 and not _closes_whole(view, order)
    return f"its quantity must be a multiple of the lot {lot}, was {order.quantity}" if odd else ""


def _usable_quantity(order: PlannedOrder, lot: Decimal) -> bool:
    quantity = order.quantity
    return is_finite(quantity) and quantity > 0 and quantity / lot <= _MOST_LOTS


def _closes_whole(view: _View, order: PlannedOrder) -> bool:
    """An odd lot may only be closed, and only whole."""
    snapshot = view.observation.snapshot
    held = sum((p.quantity for p in snapshot.positions if p.symbol == order.symbol), Decimal(0))
    mine = [o for o in snapshot.open_orders if o.symbol == order.symbol and o.side is order.side]
    free = abs(held) - sum((o.remaining for o in mine), Decimal(0))
    return order.effect.reduces and abs(free - order.quantity) <= Decimal(SHARE_TOLERANCE)


def _duplicates(view: _View, orders: Sequence[PlannedOrder]) -> list[bool]:
    """Which orders repeat one of the last minute, meet an own live order in their instrument, or repeat each other."""
    seen, now = view.observation, view.observation.as_of
    sent = [each for each in seen.history.recent_orders if each.status not in _NEVER_LEFT]
    live = {o.symbol for o in seen.snapshot.open_orders if o.ours and not o.status.is_done}
    live |= {each.symbol for each in sent if not each.status.is_done}
    recent = {(e.symbol, e.side, e.quantity) for e in sent if now - e.at <= DUPLICATE_WINDOW}
    sliced = view.mandate.planning.slices > 1
    refs: set[str] = set()
    batch: set[tuple[str, Side, Effect, Decimal]] = set()
    found: list[bool] = []
    for order in orders:
        same = (order.symbol, order.side, order.effect, order.quantity)
        repeats = (order.symbol, order.side, order.quantity) in recent or order.symbol in live
        found.append(repeats or order.order_ref in refs or (same in batch and not sliced))
        refs.add(order.order_ref)
        batch.add(same)
    return found


def _order(order: PlannedOrder, lot: Decimal, fault: str, *, repeats: bool) -> list[float]:
    """Facts 0-8, in their order."""
    limit = number(order.limit_price) if order.type is OrderType.LIMIT else NAN
    usable = _usable_quantity(order, lot)
    return [
        number(order.quantity) if usable else 0.0,
        float(order.side.sign), _EFFECTS[order.effect], limit, number(order.reference_price),
        number(order.estimated_fee), float(order.forced), float(not fault), float(repeats),
    ]  # fmt: skip


def _margin(stands: Stands) -> list[float]:
    """Facts 9-13, in their order."""
    answer = stands.answer
    if answer is None:
        return [stands.code, NAN, NAN, NAN, NAN]
    return [
        stands.code, number(answer.initial_change), number(answer.initial_after),
        number(answer.excess_change), number(answer.excess_after),
    ]  # fmt: skip

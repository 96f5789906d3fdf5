"""Reads a run's records into the intervals whose profit is split, and says the parts in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from prudent.analytics.attribution import Attribution, Interval, Parts, Trade, attribute
from prudent.backtest.recorded import Recording
from prudent.domain.cycles import CycleRecord, Observation
from prudent.domain.mandate import Unlisted
from prudent.domain.money import ZERO, from_float, to_cents
from prudent.domain.orders import Fill
from prudent.domain.performance import Panel
from prudent.domain.plans import OrderPlan, WeightRow
from prudent.domain.proposals import Answer
from prudent.domain.valuation import ONE, fx_rate, usable
from prudent.pipeline.residuals import sent_orders
from prudent.ports import Calendar
from prudent.tearsheet.extras import AttributionRow

PRICE_STEP = Decimal("0.0001")
ROWS = {
    "target_choice": ("Target choice", "what the decider's weights earned at the prices that it saw, without friction"),
    "drift": ("Drift between cycles", "holdings left to run instead of brought back to their weights every session"),
    "forced_exits": ("Forced exits", "stops, targets and cuts against keeping what the decider wanted"),
    "rounding_and_cash": ("Rounding and idle cash", "whole lots, bands, least trades, the buffer, cash at hand"),
    "guards": ("Guards", "orders that guards refused or shrank"),
    "execution": ("Execution", "prices paid against those decided on, and orders that did not trade"),
    "fees": ("Fees", ""),
    "dividends": ("Dividends", ""),
    "elsewhere": ("Elsewhere", "changes of the book that no order or cash on record explains"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """A moment of a run at which its book is known: quantities, cash and prices in the account's currency."""

    at: datetime
    held: Mapping[str, Decimal]
    cash: Decimal
    prices: Mapping[str, Decimal]


def rows_of(parts: Parts) -> tuple[AttributionRow, ...]:
    """The parts as a tear sheet shows them; a part that is 0 for want of any cause is left out."""
    always = ("target_choice", "guards", "rounding_and_cash", "execution", "fees")
    return tuple(
        AttributionRow(name=name, amount=float(getattr(parts, key)), note=note)
        for key, (name, note) in ROWS.items()
        if key in always or getattr(parts, key) != 0
    )


def attribution_of(recording: Recording, panel: Panel, calendar: Calendar) -> Attribution:
    """Split the profit of a run from its first decision on: of a backtest to its last value, else to its last decision.

    What came after the last decision of a live or paper run was valued at moments whose prices are not on record.
    `panel` holds the closes of all symbols that the run ever held, wanted or traded, over its sessions.
    """
    groups = _groups(recording.records)
    prices = _Closes(panel, calendar)
    points = [_point_of(group.main.observation) for group in groups]
    spans = zip(points, (*(point.at for point in points[1:]), None))
    for group, (point, ends) in zip(groups, spans):
        group.late = [fill for fill in recording.late if point.at < fill.time and (ends is None or fill.time <= ends)]
    if recording.played:
        points.append(_last_point(recording, groups[-1], points[-1], prices))
    flows = _flows(recording, calendar)
    return attribute(
        _interval(group, before, after, prices, sum((f for at, f in flows if before.at < at <= after.at), ZERO))
        for group, before, after in zip(groups, points, points[1:])
    )


# One interval


def _interval(group: "_Group", before: _Point, after: _Point, prices: "_Closes", flow: Decimal) -> Interval:
    main, plan = group.main, group.main.plan
    units = {**before.prices, **{line.symbol: line.unit_value for line in plan.book if line.unit_value is not None}}
    wanted, aimed = _wanted(main), _aimed(plan)
    sent = sent_orders(plan, main.phases, main.report)
    changes = [(each.order.symbol, each.order.side.sign, each) for each in sent]
    trades = [_trade(fill) for fill in (*_fills(main), *group.late)]
    beside = [_trade(fill, record) for record in group.aside for fill in _fills(record)]
    symbols = {
        *before.held, *wanted, *aimed, *after.held, *(each.symbol for each in (*trades, *beside)),
        *(order.symbol for order in plan.orders),
    }  # fmt: skip
    opening = {symbol: units.get(symbol) or prices.at(symbol, before.at) or ZERO for symbol in symbols}
    # Nobody watched what was wanted and not held; without any price it counts as unmoved.
    closing = {symbol: after.prices.get(symbol) or prices.at(symbol, after.at) or opening[symbol] for symbol in symbols}
    opening = {symbol: price or closing[symbol] for symbol, price in opening.items()}
    splits, dividends = prices.actions(before, after, group.fills)
    return Interval(
        begins=before.at, ends=after.at, held=before.held, wanted=wanted, aimed=aimed,
        planned=_moved(before.held, [(symbol, sign * each.order.quantity) for symbol, sign, each in changes]),
        allowed=_moved(before.held, [(symbol, sign * each.allowed) for symbol, sign, each in changes]),
        sent=_moved(before.held, [(symbol, sign * each.intended) for symbol, sign, each in changes]),
        trades=trades, aside=beside, opening=opening, closing=closing, after=after.held, cash=before.cash,
        cash_after=after.cash, flow=flow, dividends=dividends, splits=splits,
        rebalances=main.decision.answer is Answer.TRADE,
        marks=tuple(prices.between(before.at, after.at, wanted, opening)),
    )  # fmt: skip


def _aimed(plan: OrderPlan) -> dict[str, Decimal]:
    """Quantities that the plan's target weights stand for, fractional; what it keeps is kept exactly."""
    rows = {row.symbol: row for row in plan.weights}
    forced = _moved({}, [(o.symbol, o.side.sign * o.quantity) for o in plan.orders if o.forced])
    found = {}
    for line in plan.book:
        row, change = rows[line.symbol], forced.get(line.symbol)
        if change is not None:
            found[line.symbol] = line.quantity + change
        else:
            found[line.symbol] = _quantity(row, line.quantity, line.unit_value, plan.nav)
    return found


def _wanted(record: CycleRecord) -> dict[str, Decimal]:
    """What was aimed at, had no exit been forced: the decider's weight of those symbols, or what was held of them."""
    plan, decision = record.plan, record.decision
    found = _aimed(plan)
    forced = {order.symbol for order in plan.orders if order.forced}
    weights = {target.symbol: target.weight for target in decision.targets}
    keeps = decision.keeps_rest or record.mandate.planning.unlisted is not Unlisted.SELL
    for line in plan.book:
        if line.symbol not in forced:
            continue
        if decision.answer is not Answer.TRADE or (line.symbol not in weights and keeps) or line.unit_value is None:
            found[line.symbol] = line.quantity
        else:
            found[line.symbol] = weights.get(line.symbol, ZERO) * plan.nav / line.unit_value
    return found


def _quantity(row: WeightRow, held: Decimal, unit: Decimal | None, nav: Decimal) -> Decimal:
    return held if unit is None or row.target == row.current else row.target * nav / unit


def _moved(held: Mapping[str, Decimal], changes: Sequence[tuple[str, Decimal]]) -> dict[str, Decimal]:
    found = dict(held)
    for symbol, change in changes:
        found[symbol] = found.get(symbol, ZERO) + change
    return found


def _fills(record: CycleRecord) -> tuple[Fill, ...]:
    """Each execution once, the latest word on it; one that was taken back is none."""
    latest: dict[str, Fill] = {}
    for fill in record.fills:
        if fill.exec_id not in latest or fill.version >= latest[fill.exec_id].version:
            latest[fill.exec_id] = fill
    return tuple(fill for fill in latest.values() if not fill.busted)


def _trade(fill: Fill, decided: CycleRecord | None = None) -> Trade:
    """`decided` is the cycle that decided it, where that is not the interval's own."""
    reference = None if decided is None else _point_of(decided.observation).prices.get(fill.symbol, fill.price)
    return Trade(
        symbol=fill.symbol, quantity=fill.side.sign * fill.quantity, fee=fill.commission,
        cash=to_cents(fill.cash_effect) + fill.commission, reference=reference,
    )  # fmt: skip


# Moments


@dataclass(slots=True)
class _Group:
    """A cycle, those that ran while it waited, and what orders of any cycle traded late until the next one."""

    main: CycleRecord
    aside: list[CycleRecord] = field(default_factory=list)
    late: list[Fill] = field(default_factory=list)

    @property
    def fills(self) -> tuple[Fill, ...]:
        return (*(fill for each in (self.main, *self.aside) for fill in _fills(each)), *self.late)


def _groups(records: Sequence[CycleRecord]) -> list[_Group]:
    """Cycles in the order in which they saw the book."""
    # Of two that saw the same moment, the one begun later ran while the other waited, and so was over first.
    ordered = sorted(records, key=lambda each: (each.observation.as_of, -each.started.timestamp(), each.cycle))
    groups: list[_Group] = []
    for record in ordered:
        main = groups[-1].main if groups else None
        if main is not None and main.observation.as_of < record.started and record.finished <= main.finished:
            groups[-1].aside.append(record)
        else:
            groups.append(_Group(record))
    return groups


def _point_of(seen: Observation) -> _Point:
    instruments = {each.symbol: each for each in seen.instruments}
    prices = {}
    for quote in seen.quotes:
        instrument = instruments.get(quote.symbol)
        currency = seen.snapshot.currency
        rate = fx_rate(instrument.currency if instrument else currency, currency, seen.fx)
        if quote.price is not None and usable(quote.price) and rate is not None:
            prices[quote.symbol] = quote.price * (instrument.multiplier if instrument else ONE) * rate
    held: dict[str, Decimal] = {}
    for position in seen.snapshot.positions:
        held[position.symbol] = held.get(position.symbol, ZERO) + position.quantity
    return _Point(at=seen.as_of, held=held, cash=to_cents(seen.snapshot.cash), prices=prices)


def _last_point(recording: Recording, group: _Group, before: _Point, prices: "_Closes") -> _Point:
    """The end of the run: what its last cycle left, at the last closes; its cash is what makes its last value."""
    nav = recording.book.nav
    fills = group.fills
    held = _moved(before.held, [(fill.symbol, fill.side.sign * fill.quantity) for fill in fills])
    at = max(prices.close_of(nav.days[-1].item()), before.at)
    closing = {symbol: price for symbol in held if (price := prices.at(symbol, at)) is not None}
    splits, _ = prices.actions(before, replace(before, at=at), fills)
    held = {symbol: quantity * splits.get(symbol, ONE) for symbol, quantity in held.items()}
    worth = sum(
        (to_cents(quantity * (closing.get(s) or before.prices.get(s) or ZERO)) for s, quantity in held.items()), ZERO
    )
    return _Point(at=at, held=held, cash=to_cents(from_float(float(nav.nav[-1]))) - worth, prices=closing)


def _flows(recording: Recording, calendar: Calendar) -> list[tuple[datetime, Decimal]]:
    nav = recording.book.nav
    moved = np.flatnonzero(nav.flow != 0.0)
    return [
        (calendar.sessions(day, day)[0].open, to_cents(from_float(float(nav.flow[i]))))
        for i in moved.tolist()
        if len(calendar.sessions(day := nav.days[i].item(), day))
    ]


class _Closes:
    """Closes and corporate actions of a panel by moment."""

    def __init__(self, panel: Panel, calendar: Calendar) -> None:
        self._panel = panel
        days: list[date] = panel.days.astype("datetime64[D]").tolist()
        sessions = {each.date: each for each in calendar.sessions(days[0], days[-1])} if days else {}
        self._rows = [(sessions[day].open, sessions[day].close, i) for i, day in enumerate(days) if day in sessions]
        self._close_of = {day: sessions[day].close for day in days if day in sessions}
        self._column = {symbol: i for i, symbol in enumerate(panel.symbols)}

    def close_of(self, day: date) -> datetime:
        return self._close_of[day]

    def at(self, symbol: str, moment: datetime) -> Decimal | None:
        """The last close by that moment."""
        column = self._column.get(symbol)
        if column is None:
            return None
        rows = [i for _, close, i in self._rows if close <= moment]
        known = [i for i in rows[::-1] if self._panel.close[i, column] > 0.0]
        return None if not known else self._price(known[0], column)

    def between(
        self, begins: datetime, ends: datetime, book: Mapping[str, Decimal], opening: Mapping[str, Decimal]
    ) -> Iterator[dict[str, Decimal]]:
        """Prices of a book at the closes strictly in between, carried where a session has none, each of what one share
        of the beginning has become by then."""
        prices = {symbol: opening[symbol] for symbol, quantity in book.items() if quantity}
        shares = dict.fromkeys(prices, ONE)
        for opened, close, i in self._rows:
            for symbol in prices if begins < close < ends else ():
                column = self._column.get(symbol)
                if column is None:
                    continue
                if begins < opened:
                    shares[symbol] *= self._split(i, column)
                if self._panel.close[i, column] > 0.0:
                    prices[symbol] = self._price(i, column) * shares[symbol]
            if begins < close < ends:
                yield dict(prices)

    def actions(
        self, before: _Point, after: _Point, fills: Sequence[Fill]
    ) -> tuple[dict[str, Decimal], Decimal]:  # fmt: skip
        """Shares that one has become, and the cash paid on what was held before each open in between."""
        splits: dict[str, Decimal] = {}
        cash = ZERO
        for opened, _, i in self._rows:
            if not before.at < opened <= after.at:
                continue
            for symbol, column in self._column.items():
                split, dividend = self._split(i, column), float(self._panel.dividend[i, column])
                if split != ONE:
                    splits[symbol] = splits.get(symbol, ONE) * split
                if dividend > 0.0:
                    own = (f.side.sign * f.quantity for f in fills if f.symbol == symbol and f.time < opened)
                    shares = (before.held.get(symbol, ZERO) + sum(own, ZERO)) * splits.get(symbol, ONE)
                    cash += to_cents(shares * from_float(dividend))
        return splits, cash

    def _split(self, row: int, column: int) -> Decimal:
        split = float(self._panel.split[row, column])
        return from_float(split) if split > 0.0 else ONE

    def _price(self, row: int, column: int) -> Decimal:
        return from_float(round(float(self._panel.close[row, column]), 4))

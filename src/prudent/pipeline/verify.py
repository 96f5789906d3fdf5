"""VERIFY: does the broker agree? Targets against positions and fills, every gap with its name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.cycles import (
    MissingOrder,
    Observation,
    PhaseRecord,
    Reconciliation,
    SymbolCheck,
)
from prudent.domain.instruments import CASH
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, to_cents
from prudent.domain.orders import Fill, OpenOrder, OrderStatus, Side
from prudent.domain.plans import OrderPlan
from prudent.domain.valuation import ONE, fx_rate, usable
from prudent.domain.verdicts import GuardReport
from prudent.pipeline.plan.summary import accuracy, weight
from prudent.pipeline.residuals import Sent, explain, sent_orders

QUANTITY_STEP = Decimal("0.000001")
DUST = ONE
BPS = Decimal(10_000)
# Accepted by nobody, or over: such an order changes no projected position.
_NOT_LIVE = frozenset({
    OrderStatus.HELD, OrderStatus.PROPOSED, OrderStatus.APPROVED, OrderStatus.SENDING, OrderStatus.UNKNOWN,
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterBook:
    """Quantities, cash and values after a cycle; `units` are plan prices, so that drift is not an execution error."""

    units: Mapping[str, Decimal]
    marks: Mapping[str, Decimal]
    actual: Mapping[str, Decimal]
    cash: Decimal
    live: tuple[OpenOrder, ...]

    def projected(self, symbol: str) -> Decimal:
        """The quantity once every live open order has filled."""
        rest = sum((o.side.sign * o.remaining for o in self.live if o.symbol == symbol), ZERO)
        return self.actual.get(symbol, ZERO) + rest

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted({*self.units, *self.actual, *(o.symbol for o in self.live)}))

    def projected_cash(self, prices: Mapping[str, Decimal]) -> Decimal:
        moved = (o.side.sign * o.remaining * prices.get(o.symbol, ZERO) for o in self.live)
        return to_cents(self.cash - sum(moved, ZERO))


def verify(
    plan: OrderPlan, after: Observation, *, phases: Sequence[PhaseRecord], report: GuardReport, mandate: Mandate
) -> Reconciliation:
    """Compare the plan's targets with the book observed `after` it, and with what each phase sent and reported.

    `total_accuracy` counts positions and fills only, with cash and holdings nobody targeted; live open orders enter
    the projected figures alone. Accuracy is measured at the plan's prices, projected money at the latest ones.
    A fill younger than the snapshot counts once, by its execution id.
    """
    sent = sent_orders(plan, phases, report)
    book = _after_book(plan, after, sent, mandate)
    actual = _weights(book, book.actual, book.cash)
    quantities = {symbol: book.projected(symbol) for symbol in book.symbols}
    projected = _weights(book, quantities, book.projected_cash(book.units))
    targets = {row.symbol: row.target for row in plan.weights}
    names = sorted({*targets, *actual})
    total = accuracy((actual.get(s, ZERO), targets.get(s, ZERO)) for s in names)
    invested = sum((to_cents(q * book.marks.get(s, ZERO)) for s, q in quantities.items()), ZERO)
    ours = {each.order.order_ref for each in sent}
    return Reconciliation(
        as_of=after.as_of,
        total_open_orders=len(after.snapshot.open_orders),
        total_accuracy=total,
        projected_accuracy=accuracy((projected.get(s, ZERO), targets.get(s, ZERO)) for s in names),
        attainable_accuracy=plan.attainable_accuracy,
        efficiency=weight(total / plan.attainable_accuracy) if plan.attainable_accuracy > 0 else ONE,
        projected_invested=invested,
        projected_cash=book.projected_cash(book.marks),
        missing_orders=_missing(sent, book.live),
        extra_orders=tuple(sorted(o.order_ref for o in book.live if o.ours and o.order_ref not in ours)),
        foreign_orders=tuple(sorted(o.order_ref for o in book.live if not o.ours)),
        duplicate_orders=_duplicates(sent, book.live),
        symbols_verified=tuple(_check(s, plan, book, actual, sent) for s in names if s != CASH),
        residuals=explain(plan, sent, book.actual, book.units, after=after),
    )


def _after_book(plan: OrderPlan, after: Observation, sent: Sequence[Sent], mandate: Mandate) -> AfterBook:
    snapshot = after.snapshot
    marks = _marks(after, mandate)
    units = {line.symbol: line.unit_value for line in plan.book if line.unit_value is not None}
    actual: dict[str, Decimal] = {}
    for position in snapshot.positions:
        actual[position.symbol] = actual.get(position.symbol, ZERO) + position.quantity
        units.setdefault(position.symbol, marks.get(position.symbol, position.average_cost or ZERO))
    for order in snapshot.open_orders:
        units.setdefault(order.symbol, marks.get(order.symbol, order.limit_price or ZERO))
    cash = snapshot.cash
    for fill, unit in _younger_fills(plan, sent, after):
        actual[fill.symbol] = actual.get(fill.symbol, ZERO) + fill.side.sign * fill.quantity
        cash -= fill.side.sign * to_cents(fill.quantity * fill.price * unit) + fill.commission
    live = tuple(o for o in snapshot.open_orders if not o.status.is_done and o.status not in _NOT_LIVE)
    return AfterBook(units=units, marks={**units, **marks}, actual=actual, cash=cash, live=live)


def _younger_fills(plan: OrderPlan, sent: Sequence[Sent], after: Observation) -> Iterable[tuple[Fill, Decimal]]:
    """Fills that happened after the snapshot was taken, once each, with the base-currency value of one price unit."""
    factors = {line.symbol: line.unit_value / line.price for line in plan.book if line.unit_value and line.price}
    fills = {fill.exec_id: fill for each in sent for fill in each.fills if fill.time > after.snapshot.as_of}
    return [(fill, factors.get(fill.symbol, ONE)) for fill in fills.values()]


def _marks(after: Observation, mandate: Mandate) -> dict[str, Decimal]:
    instruments = {instrument.symbol: instrument for instrument in after.instruments}
    marks: dict[str, Decimal] = {}
    for quote in after.quotes:
        instrument = instruments.get(quote.symbol)
        rate = fx_rate(instrument.currency if instrument else mandate.currency, after.snapshot.currency, after.fx)
        if quote.price is not None and usable(quote.price) and rate is not None:
            marks[quote.symbol] = quote.price * (instrument.multiplier if instrument else ONE) * rate
    return marks


def _weights(book: AfterBook, quantities: Mapping[str, Decimal], cash: Decimal) -> dict[str, Decimal]:
    """Weights at plan prices, of the value they sum to; without value everything is cash."""
    values = {s: to_cents(q * book.units.get(s, ZERO)) for s, q in quantities.items() if q != 0}
    total = sum(values.values(), cash)
    if total <= 0:
        return {CASH: ONE}
    return {CASH: weight(cash / total)} | {s: weight(value / total) for s, value in values.items()}


def _missing(sent: Sequence[Sent], live: Sequence[OpenOrder]) -> tuple[MissingOrder, ...]:
    """Orders that should be live or filled at the broker and are not, or only in part."""
    rests = {o.order_ref: o.remaining for o in live}
    found = []
    for each in sent:
        seen = each.filled + rests.get(each.order.order_ref, ZERO)
        if seen < each.expected:
            found.append(
                MissingOrder(
                    order_ref=each.order.order_ref,
                    symbol=each.order.symbol,
                    planned=each.expected,
                    seen=seen,
                    partial=seen > 0,
                )
            )
    return tuple(found)


def _duplicates(sent: Sequence[Sent], live: Sequence[OpenOrder]) -> tuple[str, ...]:
    """Live orders of ours beyond what was planned on the same symbol and side; the plan's own orders come first."""
    planned = {each.order.order_ref for each in sent}
    room: dict[tuple[str, Side], Decimal] = {}
    for each in sent:
        key = (each.order.symbol, each.order.side)
        room[key] = room.get(key, ZERO) + each.expected - each.filled
    count: dict[tuple[str, Side], int] = {}
    found = []
    for order in sorted(live, key=lambda o: (o.order_ref not in planned, o.order_ref)):
        key = (order.symbol, order.side)
        count[key] = count.get(key, 0) + 1
        room[key] = room.get(key, ZERO) - order.remaining
        if order.ours and count[key] > 1 and room[key] < 0:
            found.append(order.order_ref)
    return tuple(found)


def _check(
    symbol: str, plan: OrderPlan, book: AfterBook, actual: Mapping[str, Decimal], sent: Sequence[Sent]
) -> SymbolCheck:
    target = next((row.target for row in plan.weights if row.symbol == symbol), ZERO)
    unit = book.units.get(symbol, ZERO)
    wanted = (target * plan.nav / unit).quantize(QUANTITY_STEP) if unit > 0 else ZERO
    held, has = book.actual.get(symbol, ZERO), actual.get(symbol, ZERO)
    if target == 0:
        score = ONE if abs(held) < DUST else ZERO
    else:
        score = weight(max(ZERO, ONE - abs(has - target) / abs(target)))
    return SymbolCheck(
        symbol=symbol,
        target_quantity=wanted,
        actual_quantity=held,
        projected_quantity=book.projected(symbol),
        target_weight=target,
        actual_weight=has,
        accuracy=score,
        slippage_bps=_slippage_bps(symbol, sent),
    )


def _slippage_bps(symbol: str, sent: Sequence[Sent]) -> Decimal | None:
    """Quantity-weighted cost of the fills against the price the plan saw, in basis points; `None` without fills."""
    weighted, filled = ZERO, ZERO
    for each in sent:
        if each.order.symbol != symbol:
            continue
        for fill in each.fills:
            arrival = each.order.reference_price
            weighted += fill.side.sign * (fill.price - arrival) / arrival * BPS * fill.quantity
            filled += fill.quantity
    return (weighted / filled).quantize(Decimal("0.01")) if filled else None

"""What a plan says of itself: weights with cash, accuracy, turnover, no-trade codes and the hash that names it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from prudent.domain.instruments import CASH
from prudent.domain.money import ZERO
from prudent.domain.orders import Side
from prudent.domain.plans import BookLine, PlannedOrder, Turnover, WeightRow
from prudent.domain.proposals import Answer, Decision
from prudent.domain.records import Json, digest, encode
from prudent.domain.valuation import ONE
from prudent.pipeline.plan.aims import Aim
from prudent.pipeline.plan.book import Book
from prudent.pipeline.plan.rows import cash_effect

WEIGHT_STEP = Decimal("0.0000000001")


def weight(fraction: Decimal) -> Decimal:
    """A fraction as plans show it: ten decimals."""
    return fraction.quantize(WEIGHT_STEP)


def book_lines(book: Book, aims: Sequence[Aim]) -> tuple[BookLine, ...]:
    """The book as the plan keeps it, each line with the code of its aim."""
    return tuple(
        BookLine(
            symbol=line.symbol,
            quantity=line.held,
            open_quantity=line.open_buy - line.open_sell,
            price=line.price,
            unit_value=line.unit_value if line.unit_value > 0 else None,
            code=aim.code,
        )
        for line, aim in zip(book.lines, aims)
    )


def weight_rows(book: Book, aims: Sequence[Aim], orders: Sequence[PlannedOrder]) -> tuple[WeightRow, ...]:
    """One row per symbol and CASH last; `reachable` is after all open orders and these orders at their prices."""
    changes: dict[str, Decimal] = {}
    for order in orders:
        changes[order.symbol] = changes.get(order.symbol, ZERO) + order.side.sign * order.quantity
    nav = book.nav or ONE
    rows = [
        WeightRow(
            symbol=aim.line.symbol,
            current=weight(aim.line.value(aim.line.held) / nav),
            target=weight(aim.target),
            reachable=weight(aim.line.value(aim.line.effective + changes.get(aim.line.symbol, ZERO)) / nav),
        )
        for aim in aims
    ]
    open_orders = sum((line.value(line.open_buy - line.open_sell) for line in book.lines), ZERO)
    cash = WeightRow(
        symbol=CASH,
        current=weight(book.cash / nav),
        target=ONE - sum((row.target for row in rows), ZERO),
        reachable=weight((book.cash + cash_effect(orders) - open_orders) / nav),
    )
    return (*rows, cash)


def accuracy(pairs: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    """One less half the sum of distances between weights and their targets, cash included."""
    return weight(ONE - sum((abs(actual - target) for actual, target in pairs), ZERO) / 2)


def turnover(orders: Sequence[PlannedOrder], nav: Decimal) -> Turnover:
    """Turnover of the orders: half the weight changes with cash, gross, and the lesser of buys and sells."""
    if nav == 0:
        return Turnover(one_way=ZERO, gross=ZERO, fund=ZERO)
    buys = sum((order.notional for order in orders if order.side is Side.BUY), ZERO)
    sells = sum((order.notional for order in orders if order.side is Side.SELL), ZERO)
    return Turnover(
        one_way=weight((buys + sells + abs(buys - sells)) / 2 / nav),
        gross=weight((buys + sells) / nav),
        fund=weight(min(buys, sells) / nav),
    )


def no_trade_codes(decision: Decision, aims: Sequence[Aim], orders: Sequence[PlannedOrder]) -> tuple[str, ...]:
    """Why nothing is to be done, in codes; empty when something is."""
    if orders:
        return ()
    if decision.answer is not Answer.TRADE:
        return (decision.answer.value.lower(),)
    return tuple(sorted({aim.code for aim in aims} - {"", "no_drift"})) or ("no_drift",)


def plan_hash(decision: Decision, book: Sequence[BookLine], orders: Sequence[PlannedOrder], *, cycle_of: str) -> str:
    """SHA-256 over account and cycle, targets, positions, prices and orders; order of input and ages do not count."""
    targets = sorted((t.symbol, encode(t.weight)) for t in decision.targets)
    exits = sorted((e.symbol, encode(e.quantity), e.cause.value) for e in decision.exits)
    content: dict[str, Json] = {
        "cycle": cycle_of,
        "targets": [list(each) for each in targets],
        "exits": [list(each) for each in exits],
        "positions": [[line.symbol, encode(line.quantity)] for line in book if line.quantity != 0],
        "prices": [[line.symbol, encode(line.price), encode(line.unit_value)] for line in book],
        "orders": [_order_content(order) for order in orders],
    }
    return digest(content)


def _order_content(order: PlannedOrder) -> Json:
    return [
        order.symbol,
        order.side.value,
        order.effect.value,
        encode(order.quantity),
        order.type.value,
        encode(order.limit_price),
        order.phase,
        *([order.alias, order.roll] if order.alias else []),
    ]

"""Limits worked out by hand hold for the oracle itself, at the limit and one lot beyond it."""

from dataclasses import replace
from decimal import Decimal

from tests.oracle.desk import Book, D, Thing
from tests.oracle.guard_cases import SIDES
from tests.oracle.guards import Ruling, rulings

from prudent.domain.accounts import AccountClass
from prudent.domain.mandate import Limits, Mandate, Planning
from prudent.domain.orders import Effect, Side
from prudent.domain.plans import PlannedOrder
from prudent.guards.feeds import ALL_FEEDS

FREE = Limits(max_position_weight=None, max_sector_weight=None, max_gross_exposure=D(10))
OWN = replace(FREE, max_position_weight=D(1), max_sector_weight=D(1))
PRICES_ONLY = ALL_FEEDS - {"spread"}


def order(symbol: str, effect: Effect, quantity: int, price: Decimal) -> PlannedOrder:
    return PlannedOrder(
        order_ref=f"ref-{symbol}", symbol=symbol, side=SIDES[effect], effect=effect, quantity=D(quantity),
        reference_price=price, notional=quantity * price, phase=1 if effect.reduces else 2, reason="hand",
    )  # fmt: skip


def ruled(book: Book, *orders: PlannedOrder, limits: Limits = FREE) -> list[tuple[Decimal, bool]]:
    mandate = Mandate(account="hand", account_class=book.account_class, limits=limits, planning=Planning())
    found: tuple[Ruling, ...] = rulings(book.seen(), orders, mandate, feeds=PRICES_ONLY)
    return [(ruling.quantity, ruling.waits) for ruling in found]


def test_a_market_buy_must_be_paid_at_one_percent_above_the_ask() -> None:
    # 100 x 10 x 1.01 = 1,010: one cent less buys 99.
    things = {"AAA": Thing(price=D(10), bid=D(10), ask=D(10))}
    assert ruled(Book(things=things, cash=D("1010.00")), order("AAA", Effect.OPEN, 100, D(10))) == [(D(100), False)]
    assert ruled(Book(things=things, cash=D("1009.99")), order("AAA", Effect.OPEN, 100, D(10))) == [(D(99), False)]


def test_an_autonomous_account_keeps_a_tenth_in_cash() -> None:
    # 490 shares may cost 4,949 at 10.10, which leaves 5,051 of cash and a lowest value of 9,951. After q more:
    # 5,051 - 10.1 q >= 0.1 (9,951 - 0.1 q), so q <= 4,055.9 / 10.09 = 401.97.
    things = {s: Thing(price=D(10), bid=D(10), ask=D(10)) for s in ("AAA", "BBB")}
    book = Book(things=things, cash=D(10_000), account_class=AccountClass.AUTONOMOUS)
    orders = (order("AAA", Effect.OPEN, 490, D(10)), order("BBB", Effect.OPEN, 490, D(10)))
    assert ruled(book, *orders, limits=OWN) == [(D(490), False), (D(401), False)]


def test_proceeds_of_an_unfilled_sale_do_not_pay_but_let_the_order_wait() -> None:
    things = {s: Thing(price=D(10), bid=D(10), ask=D(10)) for s in ("AAA", "BBB")}
    book = Book(things=things, cash=D(0), positions={"AAA": D(200)})
    sale, purchase = order("AAA", Effect.CLOSE, 200, D(10)), order("BBB", Effect.OPEN, 100, D(10))
    assert ruled(book, sale, purchase) == [(D(200), False), (D(100), True)]
    assert ruled(book, purchase) == [(D(0), False)]


def test_an_order_of_more_than_half_the_account_is_refused_for_its_size() -> None:
    things = {"AAA": Thing(price=D(10), bid=D(10), ask=D(10))}
    book = Book(things=things, cash=D(10_000), account_class=AccountClass.AUTONOMOUS)
    assert ruled(book, order("AAA", Effect.OPEN, 495, D(10)), limits=OWN) == [(D(495), False)]  # 4,999.50
    assert ruled(book, order("AAA", Effect.OPEN, 496, D(10)), limits=OWN) == [(D(0), False)]  # 5,009.60


def test_a_position_stops_at_its_weight() -> None:
    # 0.2 (10,000 - 0.1 q) >= 10 q: q <= 2,000 / 10.02 = 199.6.
    things = {"AAA": Thing(price=D(10), bid=D(10), ask=D(10))}
    limits = replace(FREE, max_position_weight=D("0.20"))
    book = Book(things=things, cash=D(10_000))
    assert ruled(book, order("AAA", Effect.OPEN, 500, D(10)), limits=limits) == [(D(199), False)]


def test_more_than_held_is_refused_and_not_shrunk() -> None:
    book = Book(things={"AAA": Thing(price=D(10))}, cash=D(0), positions={"AAA": D(10)})
    assert ruled(book, order("AAA", Effect.CLOSE, 10, D(10))) == [(D(10), False)]
    assert ruled(book, order("AAA", Effect.CLOSE, 11, D(10))) == [(D(0), False)]


def test_liquidity_is_measured_in_dollars_and_a_penny_stock_fails_on_its_price() -> None:
    liquid = Thing(price=D(2), level=D(2), previous_level=D(2), adv_dollars=D(120_000))
    assert ruled(Book(things={"AAA": liquid}, cash=D(10_000)), order("AAA", Effect.OPEN, 100, D(2))) == [(D(0), False)]
    dear = replace(liquid, level=D("5.01"), previous_level=D("5.01"))
    assert ruled(Book(things={"AAA": dear}, cash=D(10_000)), order("AAA", Effect.OPEN, 100, D(2))) == [(D(100), False)]


def test_a_sale_passes_where_a_purchase_is_stopped_for_the_day() -> None:
    things = {s: Thing(price=D(10)) for s in ("AAA", "BBB")}
    book = Book(things=things, cash=D(5_000), positions={"AAA": D(10)})
    lost = replace(book.seen().history, nlv_open=D("5204.09"))  # 5,100 is 2.0001 % less
    orders = (order("AAA", Effect.CLOSE, 10, D(10)), order("BBB", Effect.OPEN, 10, D(10)))
    assert ruled(replace(book, past=lost), *orders) == [(D(10), False), (D(0), False)]
    assert [o.side for o in orders] == [Side.SELL, Side.BUY]

"""The venue's row face: what contract tests through a broker do not reach."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.contract.broker_fakes import NOON, WeekdayCalendar, intent

from prudent.domain.accounts import Position
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.mandate import CostModel
from prudent.domain.orders import Effect, OrderIntent, OrderStatus, OrderType, Side
from prudent.domain.quotes import Quote
from prudent.exchange.book import Book, Change, Terms
from prudent.exchange.venue import Moment, SessionBar, Venue, VenueFaults
from prudent.ports import BrokerTraits

D = Decimal
SESSION = WeekdayCalendar().session_of(NOON)
OPEN = Moment(now=NOON, open=True, session=SESSION)
CLOSED = Moment(now=SESSION.open - timedelta(hours=2), open=False, session=SESSION)
AAPL = Quote(symbol="AAPL", price=D(100))


class Shelf:
    """An instrument master of hand-made rows."""

    def __init__(self, *rows: Instrument) -> None:
        self._rows = {row.symbol: row for row in rows}

    def find(self, symbol: str) -> Instrument | None:
        return self._rows.get(symbol)

    def all(self) -> tuple[Instrument, ...]:
        return tuple(self._rows.values())


def stock(symbol: str = "AAPL", *, kind: InstrumentKind = InstrumentKind.STOCK, currency: str = "USD",
          lot: str = "1", multiplier: str = "1", tradable: bool = True) -> Instrument:  # fmt: skip
    return Instrument(
        symbol=symbol, venue="XNAS", kind=kind, currency=currency, lot=D(lot), multiplier=D(multiplier),
        tradable=tradable,
    )  # fmt: skip


def book(cash: str = "10000", *, allow_short: bool = False, **held: str) -> Book:
    terms = Terms(allow_short=allow_short, costs=CostModel.NONE, slippage_bps=D(0))
    holdings = {s: Position(symbol=s, quantity=D(q), average_cost=D(90)) for s, q in held.items()}
    return Book(account="acc", terms=terms, cash=D(cash), holdings=holdings)


def only(change: Change) -> tuple[OrderStatus, Decimal, str]:
    (order,) = change.orders
    return order.status, order.filled, order.message


def test_the_given_book_is_never_changed() -> None:
    before = book(AAPL="5")
    change = Venue(BrokerTraits()).place(before, intent("r1"), AAPL, OPEN)
    assert before == book(AAPL="5")
    assert (change.book.cash, change.book.held("AAPL")) == (D(9000), D(15))


@pytest.mark.parametrize(
    ("traits", "instrument", "quantity", "status"),
    [
        (BrokerTraits(), stock(), "1.5", OrderStatus.REJECTED),
        (BrokerTraits(), stock(lot="0.5"), "1.5", OrderStatus.FILLED),
        (BrokerTraits(lot=D(10)), stock(), "15", OrderStatus.REJECTED),
        (BrokerTraits(lot=D(10)), stock(), "20", OrderStatus.FILLED),
        (BrokerTraits(fractional=True), stock(), "1.234567", OrderStatus.FILLED),
        (BrokerTraits(fractional=True), stock(), "1.2345678", OrderStatus.REJECTED),
    ],
)
def test_a_quantity_is_a_multiple_of_the_lot_in_force(
    traits: BrokerTraits, instrument: Instrument, quantity: str, status: OrderStatus
) -> None:
    change = Venue(traits, instruments=Shelf(instrument)).place(book(), intent("r1", quantity=quantity), AAPL, OPEN)
    assert only(change)[0] is status


def test_an_odd_lot_may_be_closed_whole_but_not_in_part() -> None:
    venue = Venue(BrokerTraits())
    assert only(venue.place(book(AAPL="1.5"), intent("r1", Effect.CLOSE, "1.5"), AAPL, OPEN))[0] is OrderStatus.FILLED
    assert only(venue.place(book(AAPL="1.5"), intent("r1", Effect.CLOSE, "0.5"), AAPL, OPEN))[0] is OrderStatus.REJECTED


def test_fractions_trade_exactly_and_cash_to_the_cent() -> None:
    change = Venue(BrokerTraits(fractional=True)).place(
        book(), intent("r1", quantity="0.333333"), replace(AAPL, price=D("33.33")), OPEN
    )
    # 0.333333 x 33.33 = 11.10998889 -> 11.11
    assert (change.fills[0].quantity, change.book.cash) == (D("0.333333"), D("9988.89"))


@pytest.mark.parametrize(
    ("instrument", "says"),
    [
        (stock(kind=InstrumentKind.INDEX, tradable=False), "not tradable"),
        (stock(multiplier="50"), "multiplier 50"),
        (stock(currency="EUR"), "converts no currency"),
    ],
)
def test_what_the_venue_cannot_settle_is_refused(instrument: Instrument, says: str) -> None:
    venue = Venue(BrokerTraits(), instruments=Shelf(instrument))
    status, _, message = only(venue.place(book(), intent("r"), AAPL, OPEN))
    assert status is OrderStatus.REJECTED
    assert says in message


def test_a_side_that_contradicts_the_effect_is_refused() -> None:
    odd = OrderIntent(
        order_ref="r", account="acc", symbol="AAPL", side=Side.SELL, quantity=D(1), effect=Effect.OPEN
    )
    assert "must be a BUY" in only(Venue(BrokerTraits()).place(book(AAPL="5"), odd, AAPL, OPEN))[2]


def test_a_short_needs_the_venue_and_the_account() -> None:
    order = intent("r", Effect.SHORT)
    for shorting, allow_short, status in (
        (True, True, OrderStatus.FILLED), (True, False, OrderStatus.REJECTED), (False, True, OrderStatus.REJECTED),
    ):  # fmt: skip
        change = Venue(BrokerTraits(shorting=shorting)).place(book(allow_short=allow_short), order, AAPL, OPEN)
        assert only(change)[0] is status


def test_a_long_position_is_sold_before_it_is_shorted() -> None:
    venue = Venue(BrokerTraits(shorting=True))
    held = book(allow_short=True, AAPL="10")
    assert "sell them before" in only(venue.place(held, intent("s", Effect.SHORT), AAPL, OPEN))[2]
    resting = venue.place(held, intent("c", Effect.CLOSE), AAPL, CLOSED).book
    shorted = venue.place(resting, intent("s", Effect.SHORT, "4"), AAPL, CLOSED).book
    assert venue.match(shorted, {"AAPL": AAPL}, OPEN).book.held("AAPL") == D(-4)


def test_an_opening_order_waits_until_the_cover_before_it_has_traded() -> None:
    venue = Venue(BrokerTraits(shorting=True))
    short = book("10000", allow_short=True, AAPL="-10")
    cover = intent("c", Effect.COVER, limit="95")
    waiting = venue.place(venue.place(short, cover, AAPL, CLOSED).book, intent("o"), AAPL, CLOSED).book
    assert venue.match(waiting, {"AAPL": AAPL}, OPEN).fills == ()
    traded = venue.match(waiting, {"AAPL": replace(AAPL, price=D(94))}, OPEN)
    assert [f.order_ref for f in traded.fills] == ["c", "o"]
    assert traded.book.held("AAPL") == D(10)


def test_a_partly_filled_order_that_runs_out_of_cash_is_cancelled() -> None:
    venue = Venue(BrokerTraits(), participation=D("0.1"))
    thin = replace(AAPL, adv_dollars=D(5000))
    placed = venue.place(book("1000"), intent("r1"), thin, OPEN)
    assert only(placed)[:2] == (OrderStatus.PARTIAL, D(5))
    later = WeekdayCalendar().session_of(NOON + timedelta(days=1))
    moment = Moment(now=later.open, open=True, session=later)
    ended = venue.match(placed.book, {"AAPL": replace(thin, price=D(101))}, moment)
    # 500 is left; the cap of 4 (500 / 101) would cost 404, so it trades; then 96 is short of the rest
    assert only(ended)[:2] == (OrderStatus.PARTIAL, D(9))
    third = WeekdayCalendar().session_of(NOON + timedelta(days=2))
    moment = Moment(now=third.open, open=True, session=third)
    ended = venue.match(ended.book, {"AAPL": replace(thin, price=D(101))}, moment)
    assert only(ended)[:2] == (OrderStatus.CANCELLED, D(9))
    assert "insufficient cash" in only(ended)[2]


def test_the_limit_price_of_a_market_order_is_not_used() -> None:
    odd = replace(intent("r1", limit="50"), type=OrderType.MARKET)
    assert only(Venue(BrokerTraits()).place(book(), odd, AAPL, OPEN))[0] is OrderStatus.FILLED


def test_a_symbol_told_to_be_refused_is_refused() -> None:
    venue = Venue(BrokerTraits(), faults=VenueFaults(rejects=frozenset({"AAPL"})))
    assert only(venue.place(book(), intent("r1"), AAPL, OPEN))[0] is OrderStatus.REJECTED


def test_a_partial_fault_never_fills_more_than_its_share() -> None:
    venue = Venue(BrokerTraits(), faults=VenueFaults(partial={"AAPL": D("0.55")}))
    placed = venue.place(book(), intent("r1"), AAPL, OPEN)
    assert only(placed)[:2] == (OrderStatus.PARTIAL, D(5))
    assert venue.match(placed.book, {"AAPL": AAPL}, replace(OPEN, now=NOON + timedelta(hours=1))).fills == ()


def test_a_delay_fault_holds_a_fill_back() -> None:
    venue = Venue(BrokerTraits(), faults=VenueFaults(delay=timedelta(seconds=30)))
    placed = venue.place(book(), intent("r1"), AAPL, OPEN)
    assert only(placed)[0] is OrderStatus.ACKED
    early = venue.match(placed.book, {"AAPL": AAPL}, replace(OPEN, now=NOON + timedelta(seconds=29)))
    late = venue.match(placed.book, {"AAPL": AAPL}, replace(OPEN, now=NOON + timedelta(seconds=30)))
    assert (len(early.fills), len(late.fills)) == (0, 1)


def test_a_past_session_moves_only_orders_that_waited_for_it() -> None:
    venue = Venue(BrokerTraits())
    bars = {"AAPL": SessionBar(open=D(100), high=D(120), low=D(80), quality=AAPL.quality)}
    late = venue.place(book(), intent("r1", limit="90"), AAPL, OPEN).book
    early = venue.place(book(), intent("r1", limit="90"), AAPL, CLOSED).book
    assert venue.match_session(late, bars, SESSION).fills == ()
    (fill,) = venue.match_session(early, bars, SESSION).fills
    assert (fill.price, fill.time) == (D(90), SESSION.close)


def test_a_closed_market_matches_nothing() -> None:
    venue = Venue(BrokerTraits())
    resting = venue.place(book(), intent("r1"), AAPL, CLOSED).book
    assert venue.match(resting, {"AAPL": AAPL}, CLOSED).fills == ()


@pytest.mark.parametrize("bps", ["-1", "10000", "NaN"])
def test_terms_refuse_a_slippage_that_makes_no_price(bps: str) -> None:
    with pytest.raises(ValueError, match="slippage_bps"):
        Terms(slippage_bps=D(bps))

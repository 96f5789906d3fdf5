"""Golden cases, one order type and one time in force at a time."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.paper_floor import AAPL, ES, EURUSD, MORNING, D, Desk, codes, executions, refusals, statuses, ticket

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Kind, Status, Tif

CLOSE = datetime(2024, 3, 4, 21, 0, tzinfo=UTC)
EVENING = datetime(2024, 3, 4, 22, 0, tzinfo=UTC)
NEXT_PRE = datetime(2024, 3, 5, 12, 0, tzinfo=UTC)
NEXT_OPEN = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)


def test_a_stop_waits_for_the_last_price_and_trades_as_a_market_order() -> None:
    desk = Desk()
    assert statuses(desk.place(ticket(1, Side.SELL, 10, kind=Kind.STOP, stop="95.00"))) == [Status.PRE_SUBMITTED]
    assert desk.show(AAPL, "94.00", "96.00", last="95.01") == ()
    events = desk.show(AAPL, "94.90", "95.10", last="95.00")
    assert statuses(events) == [Status.SUBMITTED, Status.FILLED]
    assert executions(events)[0].price == D("94.90")


def test_a_stop_limit_rests_once_triggered_where_the_market_jumped_over_its_limit() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 10, kind=Kind.STOP_LIMIT, stop="101.00", limit="101.50"))
    assert statuses(desk.show(AAPL, "101.90", "102.00", last="102.00")) == [Status.SUBMITTED]
    assert executions(desk.show(AAPL, "101.30", "101.40", last="100.50"))[0].price == D("101.50")


def test_a_trailing_stop_follows_the_market_by_its_amount_and_never_back() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.SELL, 10, kind=Kind.TRAIL, stop="2.00"))
    assert executions(desk.show(AAPL, "104.99", "105.01", last="105.00")) == []
    assert executions(desk.show(AAPL, "103.00", "103.02", last="103.01")) == []
    # 105.00 - 2.00
    assert executions(desk.show(AAPL, "102.99", "103.01", last="103.00"))[0].price == D("102.99")


def test_a_trailing_stop_follows_by_percent_from_its_first_stop() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 10, kind=Kind.TRAIL, trail_percent="1", trail_stop="101.50"))
    assert executions(desk.show(AAPL, "89.99", "90.01", last="90.00")) == []
    assert executions(desk.show(AAPL, "90.88", "90.90", last="90.89")) == []
    # 90.00 and 1 % of it
    assert executions(desk.show(AAPL, "90.90", "90.92", last="90.90"))[0].price == D("90.92")


def test_the_limit_of_a_trailing_stop_limit_lies_its_offset_behind_the_stop() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.SELL, 10, kind=Kind.TRAIL_LIMIT, stop="2.00", trail_stop="98.00", limit_offset="0.10"))
    assert executions(desk.show(AAPL, "97.00", "97.50", last="97.90")) == []
    # The stop of 98.00 less 0.10; the market is below, so the order rests.
    assert executions(desk.show(AAPL, "97.95", "97.99", last="97.97"))[0].price == D("97.90")


def test_a_market_on_close_order_trades_the_closing_print() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 10, kind=Kind.MARKET_ON_CLOSE))
    assert desk.status(1) is Status.PRE_SUBMITTED
    desk.market.show(AAPL, "101.00", "101.10", last="101.07")
    assert desk.advance(CLOSE - timedelta(seconds=1)) == ()
    assert executions(desk.advance(CLOSE))[0].price == D("101.07")


@pytest.mark.parametrize(("limit", "price"), [("101.07", [D("101.07")]), ("101.06", [])])
def test_a_limit_on_close_order_trades_the_closing_print_or_ends(limit: str, price: list[object]) -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 10, kind=Kind.LIMIT_ON_CLOSE, limit=limit))
    desk.market.show(AAPL, "101.00", "101.10", last="101.07")
    assert [e.price for e in executions(desk.advance(CLOSE))] == price
    assert desk.status(1) is (Status.FILLED if price else Status.CANCELLED)


def test_orders_for_the_close_are_taken_until_the_cut_off() -> None:
    desk = Desk()
    desk.at = CLOSE - timedelta(minutes=20, seconds=1)
    assert codes(desk.place(ticket(1, Side.BUY, 10, kind=Kind.MARKET_ON_CLOSE))) == []
    desk.at = CLOSE - timedelta(minutes=20)
    assert codes(desk.place(ticket(2, Side.BUY, 10, kind=Kind.MARKET_ON_CLOSE))) == [201]


def test_an_order_for_the_open_waits_for_the_next_and_trades_its_print() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 10, tif=Tif.OPG))
    assert (desk.advance(), desk.advance(EVENING)) == ((), ())
    desk.market.show(AAPL, "102.00", "102.10", open_="102.05")
    assert executions(desk.advance(NEXT_OPEN))[0].price == D("102.05")


def test_a_limit_for_the_open_that_is_not_reached_ends_there() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 10, kind=Kind.LIMIT, limit="102.04", tif=Tif.OPG))
    desk.market.show(AAPL, "102.00", "102.10", open_="102.05")
    assert (statuses(desk.advance(NEXT_OPEN)), desk.filled(1)) == ([Status.CANCELLED], D(0))


def test_a_midpoint_order_trades_between_bid_and_ask_within_its_cap() -> None:
    desk = Desk()
    assert executions(desk.place(ticket(1, Side.BUY, 10, kind=Kind.MIDPRICE)))[0].price == D("100.00")
    assert executions(desk.place(ticket(2, Side.BUY, 10, kind=Kind.MIDPRICE, limit="99.50"))) == []
    assert executions(desk.show(AAPL, "99.40", "99.50"))[0].price == D("99.45")
    assert codes(desk.place(ticket(3, Side.BUY, 1, ES, Kind.MIDPRICE))) == [387]


def test_an_adaptive_order_trades_as_its_base_type_and_for_the_day_only() -> None:
    desk = Desk()
    (execution,) = executions(desk.place(ticket(1, Side.BUY, 10, adaptive="Patient")))
    assert execution.price == D("100.01")
    assert codes(desk.place(ticket(2, Side.BUY, 10, adaptive="Patient", tif=Tif.GTC))) == [387]
    assert codes(desk.place(ticket(3, Side.BUY, 10, kind=Kind.STOP, stop="101", adaptive="Urgent"))) == [387]


def test_fill_or_kill_takes_all_or_nothing() -> None:
    desk = Desk()
    desk.market.show(AAPL, "99.99", "100.01", size=99)
    desk.place(ticket(1, Side.BUY, 100, kind=Kind.LIMIT, limit="100.01", tif=Tif.FOK))
    assert (desk.status(1), desk.filled(1)) == (Status.CANCELLED, D(0))
    desk.place(ticket(2, Side.BUY, 99, kind=Kind.LIMIT, limit="100.01", tif=Tif.FOK))
    assert (desk.status(2), desk.filled(2)) == (Status.FILLED, D(99))


def test_an_immediate_order_in_a_closed_market_is_cancelled() -> None:
    desk = Desk()
    desk.at = EVENING
    events = desk.place(ticket(1, Side.BUY, 10, kind=Kind.LIMIT, limit="101.00", tif=Tif.IOC))
    assert (desk.status(1), codes(events)) == (Status.CANCELLED, [202])


def test_a_good_till_order_ends_at_its_moment() -> None:
    desk = Desk()
    till = MORNING + timedelta(hours=1)
    desk.place(ticket(1, Side.BUY, 10, kind=Kind.LIMIT, limit="90.00", tif=Tif.GTD, good_till=till))
    assert desk.advance(till - timedelta(seconds=1)) == ()
    assert statuses(desk.advance(till)) == [Status.CANCELLED]
    assert codes(desk.place(ticket(2, Side.BUY, 10, kind=Kind.LIMIT, limit="90.00", tif=Tif.GTD))) == [201]


def test_in_a_closed_market_an_order_waits_for_the_open_with_a_warning() -> None:
    desk = Desk()
    desk.at = EVENING
    events = desk.place(ticket(1, Side.BUY, 10))
    assert (statuses(events), codes(events)) == ([Status.PRE_SUBMITTED], [399])
    (warning,) = refusals(events)
    assert warning.warning
    assert "BUY 10 AAPL NASDAQ" in warning.text
    assert "until 2024-03-05 09:30:00 US/Eastern" in warning.text
    assert desk.advance(NEXT_PRE) == ()
    assert statuses(desk.advance(NEXT_OPEN)) == [Status.SUBMITTED, Status.FILLED]


def test_outside_regular_hours_only_a_limit_that_asks_for_it_trades() -> None:
    desk = Desk()
    desk.at = NEXT_PRE
    assert codes(desk.place(ticket(1, Side.BUY, 10, kind=Kind.LIMIT, limit="101.00"))) == [399]
    wanted = ticket(2, Side.BUY, 10, kind=Kind.LIMIT, limit="101.00", outside_rth=True)
    assert [e.price for e in executions(desk.place(wanted))] == [D("100.01")]
    assert codes(desk.place(ticket(3, Side.BUY, 10, outside_rth=True))) == [2109, 399]
    view = desk.floor.order(1, 3)
    assert view is not None
    assert not view.ticket.outside_rth


def test_a_day_order_for_extended_hours_ends_with_them() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 10, kind=Kind.LIMIT, limit="90.00", outside_rth=True))
    assert desk.advance(EVENING) == ()
    assert statuses(desk.advance(CLOSE + timedelta(hours=4))) == [Status.CANCELLED]


def test_a_market_order_without_a_quote_or_in_a_halt_is_held() -> None:
    desk = Desk()
    desk.market.show(AAPL, "99.99", None)
    assert statuses(desk.place(ticket(1, Side.BUY, 10))) == [Status.PRE_SUBMITTED]
    desk.market.show(AAPL, "99.99", "100.01", halted=True)
    assert desk.advance() == ()
    assert statuses(desk.show(AAPL, "99.99", "100.05")) == [Status.SUBMITTED, Status.FILLED]


def test_a_limit_order_without_a_quote_works_and_waits() -> None:
    desk = Desk()
    desk.market.show(AAPL, None, None)
    assert statuses(desk.place(ticket(1, Side.BUY, 10, kind=Kind.LIMIT, limit="100"))) == [Status.SUBMITTED]
    # It did not rest before a market that nobody saw: the first quote is met as it is.
    assert executions(desk.show(AAPL, "98.99", "99.01"))[0].price == D("99.01")


def test_the_rest_of_a_market_order_sent_to_one_exchange_is_cancelled() -> None:
    desk = Desk()
    desk.market.show(ES, "5000.00", "5000.25", size=2)
    desk.place(ticket(1, Side.BUY, 5, ES))
    assert (desk.status(1), desk.filled(1)) == (Status.CANCELLED, D(2))


def test_a_currency_is_exchanged_for_another() -> None:
    desk = Desk()
    (execution,) = executions(desk.place(ticket(1, Side.BUY, 20_000, EURUSD)))
    # 20,000 x 1.1001 = 22,002.00; 0.002 % of it is below the minimum of 2.00.
    assert (execution.commission, execution.currency) == (D("2.00"), "USD")
    assert (desk.value("CashBalance", "EUR"), desk.value("CashBalance")) == (D(20_000), D("977996.00"))
    assert desk.floor.positions() == ()


def test_selling_more_than_is_held_opens_a_short() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100))
    (execution,) = executions(desk.place(ticket(2, Side.SELL, 150)))
    # 100 closed: 9,999.00 less 2/3 of 1.00, less the cost of 10,002.00
    assert execution.realized == D("-3.666667")
    (held,) = desk.floor.positions()
    # 50 at 99.99, less 1/3 of 1.00, rounded with the part above
    assert (held.quantity, held.average_cost) == (D(-50), D("99.98333334"))


def test_the_rest_of_a_marketable_limit_meets_the_next_quote_until_the_market_leaves_it() -> None:
    desk = Desk()
    desk.market.show(AAPL, "99.99", "100.01", size=40)
    desk.place(ticket(1, Side.BUY, 100, kind=Kind.LIMIT, limit="101.00"))
    assert desk.advance() == ()
    assert executions(desk.show(AAPL, "100.00", "100.02", size=40))[0].price == D("100.02")
    desk.show(AAPL, "101.50", "101.52")
    assert executions(desk.show(AAPL, "100.49", "100.50"))[0].price == D("101.00")

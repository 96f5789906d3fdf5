"""Options, combos of them, and futures: executions, margin, settlement, expiry."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.paper_floor import (
    AAPL,
    CALL,
    CASH,
    ES,
    EXPIRY,
    HIGH_CALL,
    PUT,
    SPREAD,
    SPX,
    D,
    Desk,
    codes,
    executions,
    ticket,
    told_positions,
)

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Kind, Leg, Margin, Status

CLOSE = datetime(2024, 3, 4, 21, 0, tzinfo=UTC)


def test_a_combo_has_one_execution_of_its_own_and_one_a_leg_that_moves_the_position() -> None:
    desk = Desk()
    events = desk.place(ticket(1, Side.BUY, 3, SPREAD))
    combo, bought, sold = executions(events)
    # The ask of 5.10 less the bid of 1.90.
    assert (combo.price, combo.quantity, combo.commission) == (D("3.20"), D(3), D(0))
    assert (bought.side, bought.price, bought.quantity) == (Side.BUY, D("5.10"), D(3))
    assert (sold.side, sold.price, sold.quantity) == (Side.SELL, D("1.90"), D(3))
    assert len({e.exec_id.rsplit(".", 1)[0] for e in (combo, bought, sold)}) == 3
    assert (desk.held(CALL), desk.held(HIGH_CALL), desk.filled(1)) == (D(3), D(-3), D(3))
    assert {p.contract.con_id for p in told_positions(events)} == {5, 6}
    # 3 x 3.20 x 100, and two legs of 3 x 0.65 each
    assert desk.value("TotalCashValue") == CASH - D("963.90")


def test_a_credit_spread_is_bought_with_a_negative_limit() -> None:
    desk = Desk()
    legs = tuple(replace(leg, action=Side.SELL if leg.action is Side.BUY else Side.BUY) for leg in SPREAD.legs)
    credit = replace(SPREAD, legs=legs)
    # The bid of 4.90 less the ask of 2.10 is a credit of 2.80.
    assert executions(desk.place(ticket(1, Side.BUY, 1, credit, Kind.LIMIT, limit="-2.90"))) == []
    desk.place(ticket(2, Side.BUY, 1, credit, Kind.LIMIT, limit="-2.80"))
    assert (desk.status(1), desk.status(2)) == (Status.SUBMITTED, Status.FILLED)
    # A call sold 10 points below the one that covers it: 10 x 100, with no regard to premiums.
    assert desk.value("InitMarginReq") == D("1000.00")


def test_a_resting_combo_trades_at_its_limit_and_its_legs_add_up_to_it() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 2, SPREAD, Kind.LIMIT, limit="3.00"))
    combo, bought, sold = executions(desk.show(CALL, "4.50", "4.70"))
    assert (combo.price, bought.price - sold.price) == (D("3.00"), D("3.00"))


def test_ratios_multiply_the_legs() -> None:
    desk = Desk()
    legs = (Leg(con_id=5, ratio=1, action=Side.BUY), Leg(con_id=6, ratio=2, action=Side.SELL))
    combo, *_ = executions(desk.place(ticket(1, Side.BUY, 2, replace(SPREAD, legs=legs))))
    # 5.10 - 2 x 1.90
    assert combo.price == D("1.30")
    assert (desk.held(CALL), desk.held(HIGH_CALL)) == (D(2), D(-4))


def test_the_commission_of_options_has_a_minimum() -> None:
    desk = Desk()
    assert executions(desk.place(ticket(1, Side.BUY, 1, CALL)))[0].commission == D("1.00")
    assert executions(desk.place(ticket(2, Side.BUY, 10, CALL)))[0].commission == D("6.50")


def test_a_naked_short_call_ties_up_its_value_and_a_fifth_of_the_underlying() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.SELL, 1, HIGH_CALL))
    # 2.00 + max(20 % of 100 - 10 out of the money, 10 % of 100), times 100
    assert desk.value("InitMarginReq") == D("1200.00")
    desk.place(ticket(2, Side.BUY, 100))
    # The stock covers the call; half its own value is left.
    assert desk.value("InitMarginReq") == D("5000.00")


def test_a_naked_short_put_counts_the_strike() -> None:
    desk = Desk()
    desk.show(AAPL, "119.99", "120.01")
    desk.place(ticket(1, Side.SELL, 1, PUT))
    # 3.00 + max(20 % of 120 - 30, 10 % of 90), times 100
    assert desk.value("InitMarginReq") == D("1200.00")


def test_what_if_of_a_combo_shows_what_it_ties_up() -> None:
    desk = Desk()
    margin = desk.floor.what_if(ticket(1, Side.SELL, 1, SPREAD), desk.at)
    assert isinstance(margin, Margin)
    assert (margin.initial_change, margin.commission) == (D(1000), D("2.00"))


def test_a_future_moves_no_cash_but_its_commission_until_it_is_settled() -> None:
    desk = Desk()
    (execution,) = executions(desk.place(ticket(1, Side.BUY, 2, ES)))
    assert (execution.commission, execution.price) == (D("4.50"), D("5000.25"))
    assert desk.value("SettledCash") == CASH - D("4.50")
    assert (desk.value("InitMarginReq"), desk.value("MaintMarginReq")) == (D(24_000), D(22_000))
    desk.show(ES, "5009.75", "5010.25", last="5010.00")
    # 2 x 50 x (5,010.00 - 5,000.25)
    assert desk.value("FuturesPNL") == D("975.00")
    # What is not settled yet is told among the cash, as at the real venue, but is not settled cash.
    assert (desk.value("TotalCashValue"), desk.value("SettledCash")) == (CASH + D("970.50"), CASH - D("4.50"))
    assert desk.value("NetLiquidation") == CASH + D("970.50")


def test_at_the_sessions_end_a_future_is_marked_to_market() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 2, ES))
    desk.market.show(ES, "5009.75", "5010.25", last="5010.00")
    desk.advance(CLOSE)
    assert (desk.value("TotalCashValue"), desk.value("FuturesPNL")) == (CASH + D("970.50"), D(0))
    desk.show(ES, "5010.75", "5011.25", last="5011.00")
    # 2 x 50 x 1.00 that the next session's end will settle
    assert (desk.value("SettledCash"), desk.value("FuturesPNL")) == (CASH + D("970.50"), D(100))
    assert desk.value("TotalCashValue") == CASH + D("1070.50")
    desk.market.show(ES, "4999.75", "5000.25", last="5000.00")
    desk.at += timedelta(days=1, hours=-2)
    (execution,) = executions(desk.place(ticket(2, Side.SELL, 2, ES)))
    # 2 x 50 x (4,999.75 - 5,000.25) - 4 x 2.25
    assert execution.realized == D("-59.00")
    assert desk.value("TotalCashValue") == CASH - D("59.00")


def test_an_expiring_future_is_settled_in_cash() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.SELL, 1, ES))
    desk.market.show(ES, None, None, last="4990.00")
    (execution,) = executions(desk.advance(EXPIRY))
    # 50 x (5,000.00 - 4,990.00) - 2.25; the settlement itself is free.
    assert (execution.realized, execution.commission, desk.held(ES)) == (D("497.75"), D(0), D(0))
    assert desk.value("TotalCashValue") == CASH + D("497.75")


def test_a_call_in_the_money_is_exercised_and_delivers_the_stock_at_its_strike() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 2, CALL))
    desk.market.show(AAPL, "107.99", "108.01", last="108.00")
    option, stock = executions(desk.advance(EXPIRY))
    assert (option.price, option.side, option.quantity) == (D(0), Side.SELL, D(2))
    assert (stock.price, stock.side, stock.quantity) == (D(100), Side.BUY, D(200))
    assert (option.order_id, option.perm_id != stock.perm_id) == (0, True)
    assert (desk.held(CALL), desk.held(AAPL)) == (D(0), D(200))


def test_a_short_put_in_the_money_is_assigned_and_a_call_out_of_it_is_worth_nothing() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.SELL, 1, PUT))
    desk.place(ticket(2, Side.SELL, 1, HIGH_CALL))
    desk.market.show(AAPL, "79.99", "80.01", last="80.00")
    events = executions(desk.advance(EXPIRY))
    assert [(e.contract.con_id, e.side, e.quantity, e.price) for e in events] == [
        (7, Side.BUY, D(1), D(0)), (1, Side.BUY, D(100), D(90)), (6, Side.BUY, D(1), D(0)),
    ]  # fmt: skip
    assert desk.held(AAPL) == D(100)


def test_an_option_on_an_index_is_settled_in_cash() -> None:
    desk = Desk()
    desk.market.known[5] = replace(desk.market.known[5], underlying=SPX.con_id)
    desk.market.show(SPX, None, None, last="104.00")
    desk.place(ticket(1, Side.BUY, 1, CALL))
    (execution,) = executions(desk.advance(EXPIRY))
    # 100 x (4.00 - 5.10) - 1.00
    assert (execution.price, execution.realized) == (D("4.00"), D("-111.00"))


def test_expiry_works_when_the_market_forgot_the_contract_and_ends_its_orders() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 1, CALL))
    desk.place(ticket(2, Side.SELL, 1, CALL, Kind.LIMIT, limit="9.00", good_till=None))
    del desk.market.known[5], desk.market.tops[5]
    events = desk.advance(EXPIRY)
    assert codes(events) == [202]
    assert (desk.held(CALL), desk.status(2)) == (D(0), Status.CANCELLED)

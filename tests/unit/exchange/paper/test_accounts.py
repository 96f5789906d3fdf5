"""What an account is told: figures, profit by day and contract, several currencies, the night, and a reset."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.paper_floor import AAPL, ACCOUNT, CASH, SAP, D, Desk, codes, ticket, told_positions

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Kind, Profit, Status

TUESDAY = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)


def test_the_figures_of_an_account_belong_together() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 1000))
    # Bought at 100.01 with a commission of 5.00, worth 100.00.
    assert desk.value("TotalCashValue") == CASH - D("100015.00")
    assert desk.value("GrossPositionValue") == desk.value("StockMarketValue") == D("100000.00")
    assert desk.value("NetLiquidation") == CASH - D("15.00")
    assert (desk.value("InitMarginReq"), desk.value("MaintMarginReq")) == (D(50_000), D(25_000))
    assert desk.value("AvailableFunds") == CASH - D("50015.00")
    assert desk.value("ExcessLiquidity") == CASH - D("25015.00")
    assert desk.value("BuyingPower") == 2 * desk.value("AvailableFunds")
    assert desk.value("UnrealizedPnL") == D("-15.00")


def test_profit_counts_from_the_days_begin_which_is_midnight_in_new_york() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100))
    desk.show(AAPL, "104.99", "105.01")
    assert desk.floor.profit(ACCOUNT, desk.at) == Profit(daily=D("498.00"), unrealized=D("498.00"), realized=D(0))
    desk.advance(datetime(2024, 3, 5, 4, 59, tzinfo=UTC))
    assert desk.floor.profit(ACCOUNT, desk.at).daily == D("498.00")
    desk.advance(datetime(2024, 3, 5, 5, 0, tzinfo=UTC))
    assert desk.floor.profit(ACCOUNT, desk.at) == Profit(daily=D(0), unrealized=D("498.00"), realized=D(0))
    assert desk.value("PreviousDayEquityWithLoanValue") == CASH + D("498.00")
    desk.at = TUESDAY
    desk.market.show(AAPL, "106.00", "106.02")
    desk.place(ticket(2, Side.SELL, 40))
    # Sold: 40 x 106.00 - 1.00 - 0.4 x 10,002.00. Held: 60 x 106.01 - 0.6 x 10,002.00. Today: all of it less 498.00.
    expected = Profit(daily=D("99.60"), unrealized=D("359.40"), realized=D("238.20"))
    assert desk.floor.profit(ACCOUNT, desk.at, 1) == expected
    assert desk.floor.profit(ACCOUNT, desk.at) == expected


def test_what_was_closed_today_is_shown_until_the_night() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100))
    desk.place(ticket(2, Side.SELL, 100))
    (line,) = desk.floor.portfolio(ACCOUNT, desk.at)
    # The spread of 2.00 and two commissions.
    assert (line.quantity, line.realized, line.daily) == (D(0), D("-4.00"), D("-4.00"))
    desk.advance(TUESDAY)
    assert desk.floor.portfolio(ACCOUNT, desk.at) == ()
    assert desk.floor.profit(ACCOUNT, desk.at) == Profit(daily=D(0), unrealized=D(0), realized=D(0))


def test_a_stock_of_another_currency_is_paid_in_it_and_counted_at_its_rate() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100, SAP))
    assert desk.value("CashBalance", "EUR") == D("-5002.00")
    assert desk.value("StockMarketValue", "EUR") == D("5000.00")
    # -2.00 EUR at 1.10
    assert desk.value("NetLiquidation") == CASH - D("2.20")
    assert desk.value("NetLiquidationByCurrency", "BASE") == CASH - D("2.20")
    desk.market.rates.pop("EUR")
    assert codes(desk.place(ticket(2, Side.BUY, 100, SAP))) == [201]


def test_a_reset_starts_an_account_anew_and_keeps_ids_and_history() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100))
    desk.place(ticket(2, Side.SELL, 100, kind=Kind.LIMIT, limit="110"))
    events = desk.floor.reset(ACCOUNT, D(500), desk.at)
    assert (codes(events), [p.quantity for p in told_positions(events)]) == ([202], [D(0)])
    assert (desk.status(2), desk.floor.positions()) == (Status.CANCELLED, ())
    assert (desk.value("NetLiquidation"), desk.floor.next_order_id(1)) == (D(500), 3)
    assert len(desk.floor.executions()) == 1


def test_accounts_are_apart() -> None:
    desk = Desk(accounts=(ACCOUNT, "DU200"))
    desk.place(ticket(1, Side.BUY, 100, account="DU200"))
    assert desk.value("TotalCashValue") == CASH
    assert [(p.account, p.quantity) for p in desk.floor.positions()] == [("DU200", D(100))]
    assert desk.floor.positions(ACCOUNT) == ()


def test_an_unknown_account_has_no_figures() -> None:
    desk = Desk()
    for read in (desk.floor.account_values, desk.floor.portfolio, desk.floor.profit):
        with pytest.raises(KeyError):
            read("DU999", desk.at)


def test_lists_can_begin_at_a_moment() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100))
    assert len(desk.floor.executions(desk.at)) == len(desk.floor.completed(desk.at)) == 1
    later = desk.at + timedelta(seconds=1)
    assert (desk.floor.executions(later), desk.floor.completed(later)) == ((), ())


def test_the_night_forgets_what_was_realized_of_a_contract_still_held() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 100))
    desk.place(ticket(2, Side.SELL, 50))
    # 50 x (99.99 - 100.01) - 1.00 - half of 1.00
    assert desk.floor.profit(ACCOUNT, desk.at, 1).realized == D("-2.50")
    desk.advance(TUESDAY)
    assert desk.floor.profit(ACCOUNT, desk.at, 1).realized == D(0)

"""What holdings tie up and what an account may still do, by hand-made numbers."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from tests.paper_floor import AAPL, CALL, CASH, ES, HIGH_CALL, PUT, SAP, SPREAD, D, Desk, codes, executions, ticket

from prudent.domain.orders import Side
from prudent.exchange.paper import margin
from prudent.exchange.paper.act import Act
from prudent.exchange.paper.margin import Trade, is_paid_for
from prudent.exchange.paper.words import Contract, Kind, Margin, Status

# 2.00 + max(20 % of 100 - 10 out of the money, 10 % of 100), times 100
NAKED_HIGH_CALL = D("1200.00")
TOP_CALL = replace(CALL, con_id=10, strike=D(120))
# 1.00 + max(20 % of 100 - 20 out of the money, 10 % of 100), times 100
NAKED_TOP_CALL = D("1100.00")
EARLY_CALL = replace(CALL, con_id=9, expiry="20240308")


def _list(desk: Desk, contract: Contract, bid: str, ask: str) -> None:
    desk.market.known[contract.con_id] = replace(desk.market.known[CALL.con_id], contract=contract)
    desk.market.show(contract, bid, ask)


def test_neither_a_put_nor_a_call_that_ends_sooner_covers_a_short_call() -> None:
    desk = Desk()
    _list(desk, EARLY_CALL, "4.00", "4.10")
    desk.place(ticket(1, Side.SELL, 1, HIGH_CALL))
    desk.place(ticket(2, Side.BUY, 1, PUT))
    desk.place(ticket(3, Side.BUY, 1, EARLY_CALL))
    assert desk.value("InitMarginReq") == NAKED_HIGH_CALL


def test_a_bought_call_covers_one_short_call_and_not_two() -> None:
    desk = Desk()
    _list(desk, TOP_CALL, "0.99", "1.01")
    desk.place(ticket(1, Side.SELL, 1, HIGH_CALL))
    desk.place(ticket(2, Side.SELL, 1, TOP_CALL))
    assert desk.value("InitMarginReq") == NAKED_HIGH_CALL + NAKED_TOP_CALL
    desk.place(ticket(3, Side.BUY, 1, CALL))
    assert desk.value("InitMarginReq") == NAKED_TOP_CALL


def test_a_hundred_shares_cover_one_short_call_and_not_two() -> None:
    desk = Desk()
    _list(desk, TOP_CALL, "0.99", "1.01")
    desk.place(ticket(1, Side.SELL, 1, HIGH_CALL))
    desk.place(ticket(2, Side.SELL, 1, TOP_CALL))
    desk.place(ticket(3, Side.BUY, 100))
    # Half of the stock's 10,000.
    assert desk.value("InitMarginReq") == D(5000) + NAKED_TOP_CALL


def test_an_account_below_its_margin_may_sell_and_not_buy() -> None:
    desk = Desk(cash=D(10_000))
    desk.place(ticket(1, Side.BUY, 150))
    desk.show(AAPL, "9.99", "10.01", last="10.00")
    assert desk.value("AvailableFunds") < 0
    assert codes(desk.place(ticket(2, Side.BUY, 1))) == [201]
    assert codes(desk.place(ticket(3, Side.SELL, 50))) == []
    assert desk.held(AAPL) == D(100)


def test_adding_to_a_future_counts_what_is_held_at_its_last_settlement() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 2, ES))
    margin = desk.floor.what_if(ticket(2, Side.BUY, 2, ES), desk.at)
    assert isinstance(margin, Margin)
    # 2 x 50 x (5,000.125 - 5,000.25) - 4.50, now and once more
    assert (margin.equity_before, margin.equity_change) == (CASH - D("17.00"), D("-17.00"))
    assert margin.initial_after == D(48_000)


def test_a_limit_beyond_the_market_is_judged_by_what_it_would_trade_at() -> None:
    desk = Desk(cash=D(10_000))
    assert codes(desk.place(ticket(1, Side.BUY, 150, kind=Kind.LIMIT, limit="190"))) == []
    desk = Desk(cash=D(10_000))
    assert codes(desk.place(ticket(1, Side.SELL, 150, kind=Kind.LIMIT, limit="1"))) == []
    assert desk.held(AAPL) == D(-150)


def test_the_price_step_is_that_of_the_price() -> None:
    desk = Desk()
    desk.market.known[1] = replace(desk.market.known[1], ticks=((D(0), D("0.01")), (D(50), D("0.05"))))
    assert codes(desk.place(ticket(1, Side.BUY, 1, kind=Kind.LIMIT, limit="49.99"))) == []
    assert codes(desk.place(ticket(2, Side.BUY, 1, kind=Kind.LIMIT, limit="90.01"))) == [110]


def test_a_change_that_does_not_transmit_leaves_a_sent_order_at_work() -> None:
    desk = Desk()
    desk.place(ticket(1, Side.BUY, 10, kind=Kind.LIMIT, limit="90"))
    desk.place(ticket(1, Side.BUY, 10, kind=Kind.LIMIT, limit="100.01", transmit=False))
    desk.advance()
    assert desk.status(1) is Status.FILLED


def test_selling_a_combo_gets_the_bid_of_what_it_buys_and_pays_the_ask_of_what_it_sells() -> None:
    # 4.90 - 2.10
    assert executions(Desk().place(ticket(1, Side.SELL, 1, SPREAD)))[0].price == D("2.80")


def test_a_combo_is_as_large_as_its_scarcest_side() -> None:
    desk = Desk()
    desk.market.tops[6] = replace(desk.market.tops[6], bid_size=D(2), ask_size=D(50))
    desk.place(ticket(1, Side.BUY, 5, SPREAD))
    assert desk.filled(1) == D(2)


def test_what_cash_pays_for_is_allowed_just_as_if_all_were_valued(monkeypatch: pytest.MonkeyPatch) -> None:
    paid: list[bool] = []

    def noted(act: Act, account: str, trades: Sequence[Trade]) -> bool:
        paid.append(is_paid_for(act, account, trades))
        return paid[-1]

    def played() -> list[object]:
        told: list[object] = []
        chance = Random(7)
        desk = Desk(cash=D(20_000))
        for number in range(1, 600):
            for contract in (AAPL, SAP, CALL):
                price = D(chance.randint(60, 140))
                desk.show(contract, str(price), str(price + 1))
            contract = AAPL if number < 300 else chance.choice((AAPL, AAPL, SAP, CALL))
            side = chance.choice((Side.BUY, Side.SELL))
            told += desk.place(ticket(number, side, chance.randint(1, 3 if contract is CALL else 60), contract))
        return told

    monkeypatch.setattr(margin, "is_paid_for", noted)
    short_cut = played()
    monkeypatch.setattr(margin, "is_paid_for", lambda *_: False)
    assert short_cut == played()
    assert 50 < sum(paid) < len(paid) - 50

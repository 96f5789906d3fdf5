"""What may be bought and sold of each symbol, told before a model is asked, and as the guards then judge it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from tests.unit.reasoning.account import MANDATE, limited, quote, seen, stock

from prudent.domain.accounts import AccountHistory, StoppedOut, TradingState
from prudent.domain.cycles import Observation
from prudent.domain.instruments import InstrumentKind
from prudent.domain.mandate import Exits, Mandate
from prudent.domain.orders import OpenOrder, Side
from prudent.domain.rules import RuleCategory, UserRule
from prudent.reasoning.room import Room, bootstraps, rooms_of

D = Decimal


def room(account: Observation, symbol: str, mandate: Mandate = MANDATE) -> Room:
    return rooms_of(account, mandate, (symbol,)).symbols[symbol]


def rule(**params: str) -> UserRule:
    return UserRule(rule_id="r1", rule_name="mine", rule_category=RuleCategory.RISK, enforcement_params=dict(params))


def test_cash_above_80_percent_is_bootstrap_and_exactly_80_is_not() -> None:
    assert not bootstraps(D("80000"), D("100000"))
    assert bootstraps(D("80010"), D("100000"))


@pytest.mark.parametrize(("cash", "held", "trades"), [("80000", "200", 3), ("80010", "199.9", 6)])
def test_bootstrap_doubles_the_number_of_trades(cash: str, held: str, trades: int) -> None:
    account = seen({"AAA": "100"}, cash=cash, held={"AAA": held})
    assert rooms_of(account, MANDATE, ("AAA",)).trades == trades


def test_a_position_may_be_filled_to_its_limit_at_the_worst_price() -> None:
    # 20 % of 100,000 is 20,000, of which 5,000 are held: 15,000 / 1.01.
    account = seen({"AAA": "100"}, cash="95000", held={"AAA": "50"})
    assert (room(account, "AAA").buy, room(account, "AAA").buy_bound) == (D("14851.48"), "MaxPositionWeight")
    assert room(account, "AAA").value == 5000


def test_cash_keeps_its_reserve_and_what_open_purchases_take() -> None:
    # 12,000 less 10 % of 100,000 is 2,000; an open purchase of 10 at 100 takes 1,000; the rest at the worst price.
    account = seen({"AAA": "100", "BBB": "100"}, cash="12000", held={"BBB": "880"})
    order = OpenOrder(order_ref="X", symbol="AAA", side=Side.BUY, remaining=D(10), limit_price=None)
    account = replace(account, snapshot=replace(account.snapshot, open_orders=(order,)))
    assert rooms_of(account, MANDATE, ()).spendable == D("990.09")
    assert room(account, "AAA").value == 1000


def test_a_sector_counts_all_that_is_held_of_it() -> None:
    names = tuple(stock(symbol) for symbol in ("AAA", "BBB"))
    account = seen({"AAA": "100", "BBB": "100"}, cash="65000", held={"BBB": "350"}, instruments=names)
    # 40 % of 100,000 less 35,000 of BBB: 5,000 / 1.01.
    assert (room(account, "AAA").buy, room(account, "AAA").buy_bound) == (D("4950.49"), "MaxSectorWeight")


def test_a_users_rule_is_a_bound_by_its_name() -> None:
    account = replace(seen({"AAA": "100"}), rules=(rule(max_position_dollars="1010"),))
    assert (room(account, "AAA").buy, room(account, "AAA").buy_bound) == (D(1000), "rule mine")


def test_dollar_volume_is_price_times_shares_and_a_low_price_is_refused_all_the_same() -> None:
    # 2.00 x 60,000 shares is 120,000 dollars a day: enough volume, too low a price.
    account = seen({"AAA": "2"}, quotes=(quote("AAA", "2", adv="120000"),))
    assert room(account, "AAA").buy == 0
    assert room(account, "AAA").buy_bound.startswith("NoPennyStock: price is 2")
    thin = seen({"AAA": "20"}, quotes=(quote("AAA", "20", adv="100000"),))
    assert room(thin, "AAA").buy_bound.startswith("AverageVolume: dollar volume is 100000")
    fund = seen({"AAA": "2"}, instruments=(stock("AAA", kind=InstrumentKind.ETF),))
    assert room(fund, "AAA").buy > 0


def test_what_is_not_known_is_not_bought() -> None:
    assert room(seen({"AAA": None}), "AAA").buy_bound == "no price"
    assert "unknown" in room(seen({"AAA": "20"}, quotes=(quote("AAA", "20", adv=None),)), "AAA").buy_bound
    assert room(seen({"AAA": "20"}, instruments=()), "AAA").buy_bound == "not tradable"


def test_the_universe_and_the_restricted_list_are_kept() -> None:
    account = seen({"AAA": "20"})
    assert room(account, "AAA", replace(MANDATE, universe=("BBB",))).buy == 0
    restricted = replace(MANDATE, planning=replace(MANDATE.planning, no_trading=("AAA",)))
    assert room(account, "AAA", restricted).buy == 0


def test_what_a_stop_sold_waits_for_its_days() -> None:
    out = StoppedOut(symbol="AAA", session=date(2022, 11, 20))
    account = seen({"AAA": "20"})
    account = replace(account, history=replace(account.history, stopped_out=(out,)))
    assert room(account, "AAA", replace(MANDATE, exits=Exits(reentry_days=9))).buy == 0
    assert room(account, "AAA", replace(MANDATE, exits=Exits(reentry_days=8))).buy > 0


def test_an_account_that_only_reduces_buys_nothing() -> None:
    account = seen({"AAA": "20"})
    account = replace(account, history=AccountHistory(session=account.session, state=TradingState.REDUCING))
    assert room(account, "AAA").buy_bound == "trading is REDUCING"


def test_a_holding_is_sold_only_after_its_days() -> None:
    mandate = replace(MANDATE, strategy_limits=replace(MANDATE.strategy_limits, min_holding_days=5))
    prices, held = {"AAA": "100"}, {"AAA": "10"}
    old = seen(prices, held=held, opened=datetime(2022, 11, 23, 15, 0, tzinfo=UTC))
    young = seen(prices, held=held, opened=datetime(2022, 11, 24, 15, 0, tzinfo=UTC))
    assert room(old, "AAA", mandate).sell == 1000
    assert (room(young, "AAA", mandate).sell, room(young, "AAA", mandate).sell_bound) == (D(0), "held less than 5 days")
    assert room(seen(prices, held=held, opened=None), "AAA", mandate).sell == 0
    assert room(seen(prices), "AAA", mandate).sell_bound == "not held"


def test_the_days_number_of_trades_bounds_the_cycles() -> None:
    account = seen({"AAA": "100"})
    account = replace(account, history=replace(account.history, trades_today=48))
    assert rooms_of(account, MANDATE, ()).trades == 2
    assert rooms_of(account, limited(max_trades_per_day=40), ()).trades == 0

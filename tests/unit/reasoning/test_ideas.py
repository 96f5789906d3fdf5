"""From wishes to target weights: capped, most urgent first, payable together, in whole lots, never more than wished."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.reasoning.account import MANDATE, seen

from prudent.domain.cycles import Observation
from prudent.domain.mandate import Exits, Mandate, Planning
from prudent.domain.orders import Side
from prudent.domain.plans import OrderPlan
from prudent.domain.proposals import Answer, Decision
from prudent.domain.reasoning import Basis, Idea
from prudent.guards.report import judge
from prudent.pipeline.plan import make_plan
from prudent.reasoning.answers import Wish
from prudent.reasoning.ideas import Ideas, bounded, payable, targets_of
from prudent.reasoning.room import rooms_of
from prudent.reasoning.words import Amount

D = Decimal
PRICES = {"AAA": "100", "BBB": "50", "CCC": "33.337", "DDD": "10"}


def usd(amount: str) -> Amount:
    return Amount("usd", D(amount))


def buy(symbol: str, amount: Amount | None = None, **more: object) -> Wish:
    return Wish(symbol=symbol, side=Side.BUY, amount=amount or usd("5000"), **more)  # type: ignore[arg-type]


def sell(symbol: str, amount: Amount | None = None, **more: object) -> Wish:
    return Wish(symbol=symbol, side=Side.SELL, amount=amount, everything=amount is None, **more)  # type: ignore[arg-type]


def ideas(account: Observation, *wishes: Wish, mandate: Mandate = MANDATE) -> Ideas:
    return bounded(wishes, rooms_of(account, mandate, tuple(PRICES)), mandate)


def plan(account: Observation, found: Ideas, mandate: Mandate = MANDATE) -> OrderPlan:
    targets = targets_of(found.kept, rooms_of(account, mandate, tuple(PRICES)))
    return make_plan(account, Decision(answer=Answer.TRADE, targets=targets, keeps_rest=True), mandate, cycle="acc/1/1")


def traded(account: Observation, *wishes: Wish, mandate: Mandate = MANDATE) -> dict[str, Decimal]:
    """Signed quantities of the orders that the wishes come to."""
    found = ideas(account, *wishes, mandate=mandate)
    return {each.symbol: each.side.sign * each.quantity for each in plan(account, found, mandate).orders}


def test_three_buys_of_4000_with_9000_to_spend_are_3000_each() -> None:
    three = [Idea(symbol=s, side=Side.BUY, amount=D(4000), basis=Basis.USD) for s in ("AAA", "BBB", "CCC")]
    notes: list[str] = []
    assert [each.amount for each in payable(three, D(9000), notes)] == [D(3000)] * 3
    assert notes == ["purchases of 12000 scaled to the 9000 that may be spent"]
    assert list(payable(three, D(12000), notes)) == three


def test_a_purchase_is_whole_shares_and_never_more_than_wished() -> None:
    # 5,000 / 33.337 is 149.98 shares.
    assert traded(seen(PRICES), buy("CCC")) == {"CCC": D(149)}


def test_what_is_held_already_does_not_change_what_is_bought_or_sold() -> None:
    account = seen(PRICES, held={"CCC": "300", "AAA": "100"})
    for buffer in ("0", "0.0025", "0.05"):
        mandate = replace(MANDATE, planning=Planning(buffer=D(buffer)))
        assert traded(account, buy("CCC", usd("1000")), mandate=mandate) == {"CCC": D(29)}
        assert traded(account, sell("AAA", usd("1050")), mandate=mandate) == {"AAA": D(-10)}


def test_the_rest_of_the_holdings_stays() -> None:
    account = seen(PRICES, held={"AAA": "100", "BBB": "10"})
    assert traded(account, buy("CCC")) == {"CCC": D(149)}


def test_shares_become_dollars_and_shares_again() -> None:
    found = ideas(seen(PRICES), buy("CCC", Amount("shares", D(7))))
    assert found.kept[0].amount == D("233.359")
    assert "from_shares" in found.kept[0].flags
    assert traded(seen(PRICES), buy("CCC", Amount("shares", D(7)))) == {"CCC": D(7)}
    assert traded(seen(PRICES, held={"CCC": "10"}), sell("CCC", Amount("shares", D(7)))) == {"CCC": D(-7)}


def test_a_share_is_of_equity_to_buy_and_of_the_position_to_sell() -> None:
    tenth = Amount("share", D("0.1"))
    assert traded(seen(PRICES), buy("AAA", tenth)) == {"AAA": D(100)}
    assert traded(seen(PRICES, held={"AAA": "50"}), sell("AAA", tenth)) == {"AAA": D(-5)}


def test_an_exit_closes_the_position_whole_odd_lot_included() -> None:
    assert traded(seen(PRICES, held={"CCC": "10.5"}), sell("CCC")) == {"CCC": D("-10.5")}


def test_more_than_the_limit_is_lowered_to_it_and_the_guards_then_agree() -> None:
    account = seen(PRICES)
    found = ideas(account, buy("AAA", usd("90000")))
    assert "capped_to_limit" in found.kept[0].flags
    assert found.notes == ("AAA: 90000 lowered to 19801.98 by MaxPositionWeight",)
    orders = plan(account, found).orders
    report = judge(account, orders, MANDATE)
    assert [(each.quantity, report.approved_quantity(each.order_ref)) for each in orders] == [(D(198), D(198))]


def test_selling_more_than_is_held_sells_what_is_held() -> None:
    account = seen(PRICES, held={"AAA": "10"})
    found = ideas(account, sell("AAA", usd("5000")))
    assert found.kept[0].flags == ("capped_to_held",)
    assert traded(account, sell("AAA", usd("5000"))) == {"AAA": D(-10)}


def test_a_sale_larger_than_one_order_may_be_is_lowered_and_goes_through_the_guards() -> None:
    # 60,000 of 100,000 is held; one order is at most half of the account.
    account = seen(PRICES, cash="40000", held={"AAA": "600"})
    orders = plan(account, ideas(account, sell("AAA"))).orders
    report = judge(account, orders, MANDATE)
    assert [(each.quantity, report.approved_quantity(each.order_ref)) for each in orders] == [(D(500), D(500))]


def test_what_is_not_held_cannot_be_sold() -> None:
    found = ideas(seen(PRICES), sell("AAA"), sell("BBB", usd("100")))
    assert [each.code for each in found.dropped] == ["not_held", "not_held"]


def test_a_sale_within_the_minimum_holding_falls() -> None:
    mandate = replace(MANDATE, strategy_limits=replace(MANDATE.strategy_limits, min_holding_days=999))
    found = ideas(seen(PRICES, held={"AAA": "10"}), sell("AAA"), mandate=mandate)
    assert [each.code for each in found.dropped] == ["min_holding"]


def test_over_the_trade_cap_the_least_urgent_fall_first() -> None:
    account = seen(PRICES, cash="50000", held={"DDD": "5000"})
    wishes = [
        buy("AAA", urgency=2),
        buy("BBB", urgency=5),
        buy("CCC", urgency=2, confidence=D("0.9")),
        sell("DDD", urgency=2),
    ]
    found = ideas(account, *wishes)
    assert [each.symbol for each in found.kept] == ["BBB", "CCC", "DDD"]
    assert [(each.code, each.item) for each in found.dropped] == [("over_trade_cap", "BUY AAA")]


def test_a_looser_stop_is_clamped_with_a_note_and_a_tighter_one_stands() -> None:
    found = ideas(seen(PRICES), buy("AAA", stop_loss=D("0.30")), buy("BBB", stop_loss=D("0.05")), buy("CCC"))
    assert [each.stop_loss for each in found.kept] == [D("0.15"), D("0.05"), None]
    assert "stop_clamped" in found.kept[0].flags
    assert "AAA: stop of 30 % is too loose, 15 % holds" in found.notes


def test_without_a_stop_of_the_mandate_20_percent_is_the_loosest() -> None:
    found = ideas(seen(PRICES), buy("AAA", stop_loss=D("0.30")), mandate=replace(MANDATE, exits=Exits()))
    assert found.kept[0].stop_loss == D("0.20")


def test_stops_of_a_sale_mean_nothing() -> None:
    found = ideas(seen(PRICES, held={"AAA": "10"}), sell("AAA", stop_loss=D("0.05")))
    assert (found.kept[0].stop_loss, found.kept[0].flags) == (None, ("stops_of_a_sale_ignored",))


def test_too_small_a_trade_falls_but_a_whole_exit_does_not() -> None:
    account = seen(PRICES, held={"DDD": "1"})
    found = ideas(account, buy("AAA", usd("99")), buy("DDD", usd("95")), mandate=MANDATE)
    assert [each.code for each in found.dropped] == ["below_one_lot", "below_min_trade"]
    assert [each.amount for each in ideas(account, sell("DDD")).kept] == [D(10)]


def test_sales_of_the_same_answer_pay_for_purchases() -> None:
    account = seen(PRICES, cash="11000", held={"AAA": "890"})
    # 11,000 less 10 % of 100,000 is 1,000, at the worst price 990.09; shares of BBB are 50.
    assert [each.amount for each in ideas(account, buy("BBB", usd("9000"))).kept] == [D(950)]
    both = ideas(account, buy("BBB", usd("9000")), sell("AAA", usd("10000")))
    assert [each.amount for each in both.kept] == [D(9000), D(10000)]


WISHES = st.lists(
    st.builds(
        Wish,
        symbol=st.sampled_from(sorted(PRICES)),
        side=st.sampled_from(Side),
        amount=st.builds(
            Amount,
            st.sampled_from(["usd", "share", "shares"]),
            st.decimals(min_value="0.01", max_value="99999", places=2),
        ),
        everything=st.booleans(),
        stop_loss=st.none() | st.decimals(min_value="0.01", max_value=5, places=2),
        urgency=st.integers(1, 5),
    ),
    max_size=4,
    unique_by=lambda wish: wish.symbol,
)


@given(
    wishes=WISHES,
    cash=st.integers(0, 200_000),
    held=st.dictionaries(st.sampled_from(sorted(PRICES)), st.integers(1, 999)),
)
def test_whatever_is_wished_the_plan_stays_within_wishes_room_and_guards(
    wishes: list[Wish], cash: int, held: dict[str, int]
) -> None:
    account = seen(PRICES, cash=str(cash), held={symbol: str(size) for symbol, size in held.items()})
    rooms = rooms_of(account, MANDATE, tuple(PRICES))
    found = bounded(wishes, rooms, MANDATE)
    assert len(found.kept) <= rooms.trades
    assert all(each.stop_loss is None or each.stop_loss <= D("0.15") for each in found.kept)
    wanted = {each.symbol: each for each in found.kept}
    for order in plan(account, found).orders:
        idea = wanted[order.symbol]
        assert order.side is idea.side
        assert order.notional <= idea.amount + D("0.01")
        room = rooms.symbols[order.symbol]
        assert order.notional <= (room.buy if order.side is Side.BUY else room.sell) + D("0.01")


@pytest.mark.parametrize("cash", ["0", "5000", "9999.99"])
def test_an_account_below_its_reserve_buys_nothing(cash: str) -> None:
    account = seen(PRICES, cash=cash, held={"AAA": "1000"})
    found = ideas(account, buy("BBB"))
    assert (found.kept, [each.code for each in found.dropped]) == ((), ["unaffordable"])

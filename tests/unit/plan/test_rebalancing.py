"""From target weights to orders: the worked examples, computed by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.plan.build import code, d, mandate, order, plan_of, planning, reach, seen, stock, told, wants

from prudent.domain.errors import InputError
from prudent.domain.mandate import Allocator, Unlisted
from prudent.domain.proposals import Answer, Decision, TargetWeight

THREE = {"AAA": "173.00", "BBB": "91.50", "CCC": "37.25"}
SPLIT = {"AAA": "0.50", "BBB": "0.30", "CCC": "0.20"}


def test_the_largest_remainders_that_the_rest_affords_get_the_spare_lots() -> None:
    plan = plan_of(seen(THREE, cash="10000"), wants(SPLIT))
    assert told(plan) == ["2 OPEN 29 AAA", "2 OPEN 32 BBB", "2 OPEN 54 CCC"]
    assert plan.cash_after == d("43.50")
    assert reach(plan, "CASH") == d("0.00435")
    # 0.5017, 0.2928, 0.20115 and 0.00435 against 0.50, 0.30, 0.20 and 0.
    assert plan.attainable_accuracy == d("0.9928")


def test_the_exact_allocator_finds_the_smaller_distance() -> None:
    plan = plan_of(seen(THREE, cash="10000"), wants(SPLIT), mandate(planning(allocator=Allocator.MIP)))
    assert told(plan) == ["2 OPEN 29 AAA", "2 OPEN 33 BBB", "2 OPEN 52 CCC"]
    assert plan.cash_after == d("26.50")


def test_the_floor_allocator_hands_out_no_spare_lots() -> None:
    plan = plan_of(seen(THREE, cash="10000"), wants(SPLIT), mandate(planning(allocator=Allocator.FLOOR)))
    assert told(plan) == ["2 OPEN 28 AAA", "2 OPEN 32 BBB", "2 OPEN 53 CCC"]
    assert plan.cash_after == d("253.75")


def test_what_the_targets_leave_stays_cash() -> None:
    plan = plan_of(seen({"AAA": "7", "BBB": "11"}, cash="10000"), wants({"AAA": "0.60", "BBB": "0.30"}))
    # 857.14 and 272.72 lots: the sleeve of 9000 leaves 9, so BBB's larger remainder is too dear and AAA gets its lot.
    assert told(plan) == ["2 OPEN 858 AAA", "2 OPEN 272 BBB"]
    assert plan.cash_after == d("1002")


def test_the_buffer_is_left_out_of_what_weights_are_fractions_of() -> None:
    plan = plan_of(seen({"AAA": "10"}, cash="10000"), wants({"AAA": "1"}), mandate(planning(buffer=d("0.0025"))))
    assert told(plan) == ["2 OPEN 997 AAA"]
    assert plan.cash_after == d("30")


def test_a_foreign_share_is_sized_with_its_rate() -> None:
    world = seen({"SAP": "180"}, cash="100000", instruments=(stock("SAP", currency="EUR"),), fx={"EUR": "1.08"})
    plan = plan_of(world, wants({"SAP": "0.10"}))
    assert told(plan) == ["2 OPEN 51 SAP"]
    assert plan.orders[0].notional == d("9914.40")
    assert plan.cash_after == d("90085.60")


def test_lots_and_multipliers_count() -> None:
    thing = stock("AAA", lot="10", multiplier="2")
    plan = plan_of(seen({"AAA": "50"}, cash="10000", instruments=(thing,)), wants({"AAA": "0.55"}))
    # One lot is 10 x 50 x 2 = 1000; 5.5 lots floor to 5, and the sleeve's 500 pays no sixth.
    assert told(plan) == ["2 OPEN 50 AAA"]


def test_the_lot_size_of_the_mandate_replaces_the_instruments() -> None:
    plan = plan_of(seen({"AAA": "300"}, cash="1000"), wants({"AAA": "0.5"}), mandate(planning(lot_size=d("0.01"))))
    assert told(plan) == ["2 OPEN 1.66 AAA"]


def test_turnover_is_told_in_three_ways() -> None:
    prices = dict.fromkeys("ABCD", "1")
    world = seen(prices, held={"A": "5000", "B": "3000", "C": "2000"})
    plan = plan_of(world, wants({"A": "0.4", "B": "0.3", "C": "0.1", "D": "0.15"}))
    assert told(plan) == ["1 CLOSE 1000 A", "1 CLOSE 1000 C", "2 OPEN 1500 D"]
    assert (plan.turnover.one_way, plan.turnover.gross, plan.turnover.fund) == (d("0.20"), d("0.35"), d("0.15"))


def test_a_holding_that_is_not_listed_is_sold_whole_with_its_odd_lot() -> None:
    lots = (stock("AAA", lot="10"), stock("BBB", lot="10"))
    world = seen({"AAA": "10", "BBB": "10"}, held={"BBB": "37"}, instruments=lots)
    assert told(plan_of(world, wants({"AAA": "0"}))) == ["1 CLOSE 37 BBB"]


def test_a_target_of_zero_closes_whole_even_below_the_minimum_trade() -> None:
    world = seen({"AAA": "1", "BBB": "1"}, cash="100000", held={"AAA": "3"})
    plan = plan_of(world, wants({"AAA": "0", "BBB": "0.5"}))
    assert told(plan)[0] == "1 CLOSE 3 AAA"


def test_a_reduction_that_is_no_close_trades_whole_lots() -> None:
    world = seen({"AAA": "10"}, held={"AAA": "37"}, instruments=(stock("AAA", lot="10"),))
    # 18.5 is wanted: one lot of 10; selling 27 would break the lot, 20 does not.
    assert told(plan_of(world, wants({"AAA": "0.5"}))) == ["1 CLOSE 20 AAA"]


def test_unlisted_holdings_can_be_kept() -> None:
    world = seen({"AAA": "10", "OLD": "10"}, cash="5000", held={"OLD": "500"})
    plan = plan_of(world, wants({"AAA": "0.5"}), mandate(planning(unlisted=Unlisted.KEEP)))
    assert told(plan) == ["2 OPEN 500 AAA"]
    assert code(plan, "OLD") == "unlisted_kept"
    assert plan.attainable_accuracy == 1


def test_unlisted_holdings_can_be_an_error() -> None:
    world = seen({"AAA": "10", "OLD": "10"}, cash="5000", held={"OLD": "500"})
    with pytest.raises(InputError, match="OLD"):
        plan_of(world, wants({"AAA": "0.5"}), mandate(planning(unlisted=Unlisted.ERROR)))


def test_open_orders_count_as_held() -> None:
    waiting = (order("AAA", "BUY", "30"),)
    plan = plan_of(seen({"AAA": "10"}, cash="1000", open_orders=waiting), wants({"AAA": "0.5"}))
    assert told(plan) == ["2 OPEN 20 AAA"]
    assert reach(plan, "AAA") == d("0.5")


def test_a_sell_never_exceeds_the_holding_net_of_open_sells() -> None:
    waiting = (order("AAA", "SELL", "4"), order("BBB", "BUY", "5", ref="B"))
    world = seen({"AAA": "10", "BBB": "10"}, cash="100", held={"AAA": "10", "BBB": "3"}, open_orders=waiting)
    assert told(plan_of(world, wants({"CASH": "1"}))) == ["1 CLOSE 6 AAA", "1 CLOSE 3 BBB"]


def test_a_trade_below_the_minimum_is_left_and_said() -> None:
    world = seen({"AAA": "1", "BBB": "1"}, cash="50000", held={"AAA": "49960"})
    plan = plan_of(world, wants({"AAA": "0.5"}))
    # 20 more would be 20.00, the minimum is 0.1 % of 99,960 = 99.96.
    assert told(plan) == []
    assert plan.no_trade_codes == ("below_min_trade",)


def test_a_trade_of_exactly_the_minimum_is_made() -> None:
    plan = plan_of(seen({"AAA": "1"}, cash="100000"), wants({"AAA": "0.001"}))
    assert told(plan) == ["2 OPEN 100 AAA"]


def test_nothing_to_do_says_no_drift() -> None:
    plan = plan_of(seen({"AAA": "10"}, cash="500", held={"AAA": "50"}), wants({"AAA": "0.5"}))
    assert plan.orders == ()
    assert plan.no_trade_codes == ("no_drift",)


def test_a_share_dearer_than_its_target_is_unaffordable() -> None:
    plan = plan_of(seen({"AAA": "600"}, cash="1000"), wants({"AAA": "0.5"}))
    assert plan.no_trade_codes == ("unaffordable",)


def test_only_the_capital_to_deploy_is_deployed() -> None:
    how = planning(capital_to_deploy=d(4000))
    plan = plan_of(seen({"AAA": "10"}, cash="10000"), wants({"AAA": "0.5"}), mandate(how))
    assert told(plan) == ["2 OPEN 200 AAA"]
    assert [row.target for row in plan.weights] == [d("0.2"), d("0.8")]


def test_capital_above_nav_is_cut_and_said() -> None:
    plan = plan_of(
        seen({"AAA": "10"}, cash="100"), wants({"AAA": "1"}), mandate(planning(capital_to_deploy=d(4000)))
    )  # fmt: skip
    assert told(plan) == ["2 OPEN 10 AAA"]
    assert "4000" in plan.warnings[0]


@pytest.mark.parametrize("capital", ["0", "-1", "NaN"])
def test_capital_that_is_no_amount_is_refused(capital: str) -> None:
    with pytest.raises(InputError, match="capital"):
        plan_of(seen({"A": "1"}, cash="9"), wants({"A": "1"}), mandate(planning(capital_to_deploy=d(capital))))


@pytest.mark.parametrize("answer", [Answer.HOLD, Answer.ABSTAIN, Answer.FAILED])
def test_an_answer_without_targets_trades_nothing_and_sells_nothing(answer: Answer) -> None:
    plan = plan_of(seen({"AAA": "10"}, held={"AAA": "50"}), Decision(answer=answer))
    assert plan.orders == ()
    assert plan.no_trade_codes == (answer.value.lower(),)
    assert plan.attainable_accuracy == 1


def test_weights_have_a_cash_row_and_sum_to_one() -> None:
    plan = plan_of(seen(THREE, cash="10000"), wants(SPLIT))
    assert plan.weights[-1].symbol == "CASH"
    for column in ("current", "target", "reachable"):
        assert sum(getattr(row, column) for row in plan.weights) == 1


def test_the_plan_does_not_depend_on_the_order_of_its_inputs() -> None:
    world = seen(THREE, cash="10000", held={"AAA": "5", "CCC": "80"})
    turned = replace(world, quotes=world.quotes[::-1], instruments=world.instruments[::-1])
    backwards = {symbol: SPLIT[symbol] for symbol in reversed(SPLIT)}
    one, other = plan_of(world, wants(SPLIT)), plan_of(turned, wants(backwards))
    assert told(one) == told(other)
    assert one.plan_hash == other.plan_hash


def test_sells_come_first_then_symbols() -> None:
    world = seen({"AAA": "10", "BBB": "10", "ZZZ": "10"}, held={"ZZZ": "100"})
    plan = plan_of(world, wants({"BBB": "0.5", "AAA": "0.4"}))
    assert told(plan) == ["1 CLOSE 100 ZZZ", "2 OPEN 40 AAA", "2 OPEN 50 BBB"]


@pytest.mark.parametrize(
    ("targets", "match"),
    [
        (("AAA", "0.5", "NEW", "0.1"), "NEW"),
        (("AAA", "1.2"), "120"),
        (("AAA", "-0.3"), "AAA"),
    ],
)
def test_wrong_targets_are_refused_by_name(targets: tuple[str, ...], match: str) -> None:
    weights = dict(zip(targets[::2], targets[1::2]))
    with pytest.raises(InputError, match=match):
        plan_of(seen({"AAA": "10"}, cash="1000"), wants(weights))


def test_a_symbol_with_two_targets_is_refused() -> None:
    rows = (TargetWeight(symbol="AAA", weight=d("0.1")), TargetWeight(symbol="AAA", weight=d("0.2")))
    with pytest.raises(InputError, match="AAA"):
        plan_of(seen({"AAA": "10"}, cash="1000"), Decision(answer=Answer.TRADE, targets=rows))


def test_a_sum_within_the_rounding_of_its_inputs_is_taken_as_it_is() -> None:
    plan = plan_of(seen({"AAA": "10", "BBB": "10"}, cash="1000"), wants({"AAA": "0.5003", "BBB": "0.5002"}))
    assert sum((o.notional for o in plan.orders), Decimal(0)) <= 1000


def test_an_empty_account_trades_nothing() -> None:
    plan = plan_of(seen({"AAA": "10"}), wants({"AAA": "0.5"}))
    assert plan.orders == ()
    assert plan.nav == 0

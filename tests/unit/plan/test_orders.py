"""Order rows: forced exits, ids, limit conversion, slices, reasons and the hash of the plan."""

from dataclasses import replace

import pytest
from tests.unit.plan.build import CYCLE, NOW, d, mandate, order, plan_of, planning, quote, seen, stock, told, wants

from prudent.domain.orders import OrderType, order_ref
from prudent.domain.proposals import Answer, Decision, ExitCause, ForcedExit
from prudent.pipeline.plan import make_plan


def stop(symbol: str, quantity: str) -> ForcedExit:
    return ForcedExit(symbol=symbol, quantity=d(quantity), cause=ExitCause.STOP_LOSS, reason="fell 10 %")


def test_a_forced_exit_wins_over_the_target_of_its_symbol() -> None:
    world = seen({"AAA": "10", "BBB": "10"}, cash="500", held={"AAA": "50"})
    plan = plan_of(world, wants({"AAA": "0.9", "BBB": "0.1"}, stop("AAA", "50")))
    assert told(plan) == ["1 CLOSE 50 AAA", "2 OPEN 10 BBB"]
    assert plan.orders[0].forced
    assert plan.orders[0].reason == "stop_loss: fell 10 %"
    assert [row.target for row in plan.weights] == [d(0), d("0.1"), d("0.9")]


def test_forced_exits_go_first() -> None:
    world = seen({"AAA": "10", "ZZZ": "10"}, held={"AAA": "50", "ZZZ": "50"})
    plan = plan_of(world, wants({"AAA": "0"}, stop("ZZZ", "50")))
    assert told(plan) == ["1 CLOSE 50 ZZZ", "1 CLOSE 50 AAA"]


def test_a_forced_exit_needs_no_targets() -> None:
    world = seen({"AAA": "10", "BBB": "10"}, held={"AAA": "50", "BBB": "50"})
    plan = plan_of(world, Decision(answer=Answer.FAILED, exits=(stop("AAA", "25"),)))
    assert told(plan) == ["1 CLOSE 25 AAA"]


def test_a_forced_exit_covers_a_short() -> None:
    world = seen({"AAA": "10"}, cash="2000", held={"AAA": "-50"})
    plan = plan_of(world, Decision(answer=Answer.HOLD, exits=(stop("AAA", "50"),)))
    assert told(plan) == ["1 COVER 50 AAA"]


def test_a_forced_exit_is_net_of_open_sells() -> None:
    world = seen({"AAA": "10"}, held={"AAA": "50"}, open_orders=(order("AAA", "SELL", "30"),))
    assert told(plan_of(world, wants({}, stop("AAA", "50")))) == ["1 CLOSE 20 AAA"]
    sold = seen({"AAA": "10"}, held={"AAA": "50"}, open_orders=(order("AAA", "SELL", "50"),))
    assert told(plan_of(sold, wants({}, stop("AAA", "50")))) == []


def test_a_forced_exit_of_an_unlisted_symbol_is_not_sold_twice() -> None:
    world = seen({"AAA": "10"}, held={"AAA": "50"})
    assert told(plan_of(world, wants({}, stop("AAA", "25"), stop("AAA", "25")))) == ["1 CLOSE 25 AAA"]


def test_the_id_is_a_function_of_account_cycle_instrument_leg_and_decision() -> None:
    world, decision = seen({"AAA": "10"}, cash="1000"), wants({"AAA": "0.5"})
    plan = plan_of(world, decision)
    assert plan.orders[0].order_ref == order_ref("acc", CYCLE, "AAA.SMART", "open", decision.hash)
    assert make_plan(world, decision, mandate(), cycle="acc/1/2").orders[0].order_ref != plan.orders[0].order_ref


def test_planning_twice_gives_the_same_plan() -> None:
    world, decision = seen({"AAA": "10"}, cash="1000"), wants({"AAA": "0.5"})
    assert plan_of(world, decision) == plan_of(world, decision)


@pytest.mark.parametrize(
    "changed",
    [
        plan_of(seen({"AAA": "10"}, cash="1000"), wants({"AAA": "0.4"})),
        plan_of(seen({"AAA": "11"}, cash="1000"), wants({"AAA": "0.5"})),
        plan_of(seen({"AAA": "10"}, cash="990", held={"AAA": "1"}), wants({"AAA": "0.5"})),
        make_plan(seen({"AAA": "10"}, cash="1000"), wants({"AAA": "0.5"}), mandate(), cycle="acc/1/2"),
        make_plan(
            seen({"AAA": "10"}, cash="1000"), wants({"AAA": "0.5"}), replace(mandate(), account="other"), cycle=CYCLE
        ),
        plan_of(seen({"AAA": "10"}, cash="1000"), wants({"AAA": "0.5"}), mandate(planning(slices=2))),
    ],
)
def test_the_hash_covers_account_cycle_targets_positions_prices_and_orders(changed: object) -> None:
    plan = plan_of(seen({"AAA": "10"}, cash="1000"), wants({"AAA": "0.5"}))
    assert plan.plan_hash != getattr(changed, "plan_hash", None)


def test_the_hash_covers_no_ages_and_no_times() -> None:
    world = seen({"AAA": "10"}, cash="1000")
    older = replace(
        world,
        as_of=NOW.replace(hour=16),
        quotes=tuple(replace(each, age_seconds=d(30), as_of=NOW) for each in world.quotes),
    )
    decision = wants({"AAA": "0.5"})
    assert plan_of(world, decision).plan_hash == plan_of(older, decision).plan_hash


@pytest.mark.parametrize(
    ("bid", "ask", "kind", "limit"),
    [
        ("99.50", "100.50", OrderType.MARKET, None),
        ("99.50", "100.51", OrderType.LIMIT, d("101.00")),
        (None, "100.51", OrderType.MARKET, None),
        ("0", "100.51", OrderType.MARKET, None),
        ("NaN", "100.51", OrderType.MARKET, None),
    ],
)
def test_a_wide_spread_turns_a_market_order_into_a_limit(
    bid: str | None, ask: str, kind: OrderType, limit: object
) -> None:
    world = replace(seen({"AAA": "100"}, cash="1000"), quotes=(quote("AAA", "100", bid=bid, ask=ask),))
    bought = plan_of(world, wants({"AAA": "1"})).orders[0]
    assert (bought.type, bought.limit_price) == (kind, limit)
    assert ("spread" in bought.reason) == (kind is OrderType.LIMIT)


def test_a_limit_lies_on_a_tick_no_further_than_allowed() -> None:
    thing = replace(stock("AAA"), tick=d("0.05"))
    wide = (quote("AAA", "33.33", bid="30", ask="36"),)
    world = replace(seen({"AAA": "33.33"}, cash="1000", instruments=(thing,)), quotes=wide)
    assert plan_of(world, wants({"AAA": "1"})).orders[0].limit_price == d("33.65")
    sold = replace(seen({"AAA": "33.33"}, held={"AAA": "5"}, instruments=(thing,)), quotes=wide)
    assert plan_of(sold, wants({})).orders[0].limit_price == d("33.00")


def test_slices_sum_to_their_parent_and_the_last_takes_the_odd_lot() -> None:
    lots = (stock("AAA", lot="10"),)
    plan = plan_of(
        seen({"AAA": "10"}, held={"AAA": "73"}, instruments=lots), wants({"AAA": "0"}), mandate(planning(slices=3))
    )
    assert told(plan) == ["1 CLOSE 30 AAA", "1 CLOSE 20 AAA", "1 CLOSE 23 AAA"]


def test_more_slices_than_lots_make_single_lots() -> None:
    plan = plan_of(seen({"AAA": "10"}, cash="20"), wants({"AAA": "1"}), mandate(planning(slices=5)))
    assert told(plan) == ["2 OPEN 1 AAA", "2 OPEN 1 AAA"]


def test_an_order_says_why() -> None:
    world = seen({"AAA": "10", "OLD": "10"}, cash="400", held={"AAA": "40", "OLD": "20"})
    plan = plan_of(world, wants({"AAA": "0.5"}))
    assert [each.reason for each in plan.orders] == [
        "not in the targets; held at 20.00 % of equity",
        "target 50.00 % of equity; held at 40.00 %",
    ]

"""Margin beside other orders: what a batch takes before an order counts, what its exits free is waited for."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.guards.build import Change, D, Scene, described, holding, limits, observed, order_of, scene, verdict
from tests.unit.guards.cases_futures import dated, rolling
from tests.unit.guards.cases_margin import REFUSED, UNHEARD, answer, future, said

from prudent.domain.instruments import InstrumentKind
from prudent.domain.margin import MarginAnswer, Margins
from prudent.domain.orders import Effect, OrderType
from prudent.domain.plans import PlannedOrder
from prudent.domain.verdicts import GuardReport, Outcome

PASS, DEFER, REJECT = Outcome.PASS, Outcome.DEFER, Outcome.REJECT


def batch(orders: tuple[PlannedOrder, ...], *answers: MarginAnswer) -> Change:
    """These orders at the price exactly, and what the venue said of each alone."""
    limited = tuple(replace(each, type=OrderType.LIMIT, limit_price=each.reference_price) for each in orders)
    return lambda s: replace(observed(margins=Margins(answers=answers))(s), orders=limited)


def futures(s: Scene) -> Scene:
    """Every known symbol is a future of known dates."""
    changed = dated()(s)
    terms = changed.observation.futures[0]
    return observed(
        instruments=tuple(replace(each, kind=InstrumentKind.FUTURE) for each in changed.observation.instruments),
        futures=tuple(replace(terms, symbol=each) for each in ("AAA", "BBB", "CCC")),
    )(changed)


def outcomes(report: GuardReport, guard: str) -> list[Outcome]:
    return [verdict(report, guard, order)[0] for order in range(len(report.order_refs))]


def test_an_account_whose_venue_tells_nothing_has_no_guards_of_margin() -> None:
    assert {"P15", "P15.X"}.isdisjoint(label.id for label in scene(futures).judged().guards)
    assert {"P15", "P15.X"} <= {label.id for label in scene(futures, observed(margins=Margins())).judged().guards}


def test_two_orders_that_fit_alone_do_not_fit_together() -> None:
    # 30,000 each of 100,000 is 30 % alone and 60 % together
    orders = (order_of("AAA"), order_of("BBB"))
    told = [answer(f"{each}-OPEN", initial_change=30_000, initial_after=30_000) for each in ("AAA", "BBB")]
    report = scene(futures, batch(orders, *told)).judged()
    assert outcomes(report, "P15") == [PASS, REJECT]
    assert verdict_seen(report, "P15") == [D("0.3"), D("0.6")]
    looser = scene(futures, limits(max_initial_margin=D("0.6")), batch(orders, *told)).judged()
    assert outcomes(looser, "P15") == [PASS, PASS]


def verdict_seen(report: GuardReport, guard: str) -> list[Decimal | None]:
    return [each.observed for each in report.verdicts() if each.guard == guard]


def test_excess_liquidity_is_used_up_by_the_orders_before() -> None:
    # 45,000 of maintenance each: 55,000 stay after the first, 10,000 after both
    orders = (order_of("AAA"), order_of("BBB"))
    told = [
        answer(f"{each}-OPEN", maintenance_change=45_000, maintenance_after=45_000, initial_change=0, initial_after=0)
        for each in ("AAA", "BBB")
    ]
    report = scene(futures, batch(orders, *told)).judged()
    assert outcomes(report, "P15.X") == [PASS, REJECT]
    assert verdict_seen(report, "P15.X") == [D("0.55"), D("0.1")]


def test_an_order_that_another_guard_refused_takes_no_margin() -> None:
    orders = (order_of("AAA", 300), order_of("BBB"))
    told = [answer(f"{each}-OPEN", initial_change=30_000, initial_after=30_000) for each in ("AAA", "BBB")]
    report = scene(futures, limits(max_order_notional=D(1_000)), batch(orders, *told)).judged()
    assert outcomes(report, "P12.L1") == [REJECT, PASS]
    assert outcomes(report, "P15") == [PASS, PASS]


@pytest.mark.parametrize(("quantity", "outcome"), [(200, PASS), (201, REJECT)])
def test_a_purchase_that_nobody_told_of_counts_with_its_whole_value(quantity: int, outcome: Outcome) -> None:
    # 200 x 100 = 20,000 beside 30,000 is half of 100,000
    orders = (order_of("AAA", quantity), order_of("BBB"))
    told = answer("BBB-OPEN", initial_change=30_000, initial_after=30_000)
    roomy = limits(max_position_weight=D("0.5"))
    report = scene(futures, described(kind=InstrumentKind.STOCK), roomy, batch(orders, told)).judged()
    assert outcomes(report, "P15") == [PASS, outcome]


def roll(freed: int) -> Change:
    """Ten old months AAA are closed for twenty new ones, BBB, beside which they cannot be held."""
    told = (
        answer("AAA-CLOSE", initial_change=-freed, maintenance_change=-freed),
        answer("BBB-OPEN", initial_change=40_000, initial_after=80_000, maintenance_after=85_000),
    )
    return lambda s: observed(margins=Margins(answers=told))(futures(rolling()(s)))


def test_what_exits_of_the_plan_free_is_waited_for() -> None:
    report = scene(roll(freed=40_000)).judged()
    assert outcomes(report, "P15") == [PASS, DEFER]
    assert outcomes(report, "P15.X") == [PASS, DEFER]
    closing, opening = report.approved
    assert (closing.waits_for_sells, opening.waits_for_sells, opening.quantity) == (False, True, D(20))


def test_exits_that_free_too_little_are_not_waited_for() -> None:
    # 80,000 less 20,000 is still above half of about 101,000
    report = scene(roll(freed=20_000)).judged()
    assert outcomes(report, "P15")[1] is REJECT


def test_what_the_venue_refuses_now_waits_where_sales_come_first() -> None:
    orders = (order_of("BBB", 10, Effect.CLOSE), order_of("AAA"))
    refused = scene(holding(BBB=10), batch(orders, answer("AAA-OPEN", **REFUSED))).judged()
    assert outcomes(refused, "P15") == [PASS, DEFER]
    assert [each.waits_for_sells for each in refused.approved] == [False, True]
    assert outcomes(scene(batch(orders[1:], answer("AAA-OPEN", **REFUSED))).judged(), "P15") == [REJECT]


def test_a_verdict_without_figures_says_what_was_heard() -> None:
    def reason(*changes: Change) -> str:
        (row,) = [each for each in scene(*changes).judged().verdicts() if each.guard == "P15"]
        return row.reason

    assert "margin unchecked: no answer in 4 s; must be told before new risk" in reason(*future(said(**UNHEARD)))
    assert "margin unchecked: it was not asked about" in reason(*future(observed(margins=Margins())))
    assert "the venue would refuse it (201: no margin)" in reason(*future(said(**REFUSED)))
    assert "it is paid from cash and goes on" in reason(said(**UNHEARD))
    assert "initial margin would be 60.00 % of net liquidation" in reason(*future(said(initial_after=60_000)))


def test_options_are_bound_as_futures_are() -> None:
    report = scene(described(kind=InstrumentKind.OPTION), observed(margins=Margins())).judged()
    assert outcomes(report, "P15") == [REJECT]

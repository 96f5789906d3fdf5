"""Verification by hand: accuracy on positions and fills, orders that are missing or too many, named gaps."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.unit.plan.build import NOW, d, mandate, order, plan_of, planning, seen, stock, wants

from prudent.domain.accounts import Position
from prudent.domain.cycles import Observation, PhaseRecord, Reconciliation, Residual, ResidualCause
from prudent.domain.mandate import Mandate
from prudent.domain.orders import Fill, OpenOrder, OrderIntent, OrderReport, OrderStatus
from prudent.domain.plans import OrderPlan, PlannedOrder
from prudent.domain.verdicts import Approved, GuardLabel, GuardReport, Layer, Outcome
from prudent.pipeline.verify import verify

ONES = {"A": "1", "B": "1", "C": "1"}
START = seen(ONES, cash="10000")
TARGETS = wants({"A": "0.5", "B": "0.3"})


def ref(plan: OrderPlan, symbol: str) -> str:
    return next(each.order_ref for each in plan.orders if each.symbol == symbol)


def judged(plan: OrderPlan, quantities: Mapping[str, str] | None = None) -> GuardReport:
    """One guard that lets each order through at the quantity given by symbol, whole where none is given."""
    given = {symbol: d(text) for symbol, text in (quantities or {}).items()}
    allowed = [given.get(each.symbol, each.quantity) for each in plan.orders]
    outcomes = [Outcome.PASS if q == o.quantity else Outcome.CLIP for q, o in zip(allowed, plan.orders)]
    return GuardReport(
        guards=(GuardLabel(id="P08", name="MaxPositionWeight", layer=Layer.ACCOUNT),),
        order_refs=tuple(each.order_ref for each in plan.orders),
        outcomes=tuple((each,) for each in outcomes),
        allowed=tuple((each,) for each in allowed),
        observed=tuple((None,) for _each in allowed),
        reasons={},
        approved=tuple(Approved(order_ref=o.order_ref, quantity=q) for q, o in zip(allowed, plan.orders) if q > 0),
    )


def fill(each: PlannedOrder, quantity: Decimal, *, price: str = "1", fee: str = "0", number: int = 1) -> Fill:
    return Fill(
        exec_id=f"{each.order_ref}:{number}",
        order_ref=each.order_ref,
        account="acc",
        symbol=each.symbol,
        side=each.side,
        quantity=quantity,
        price=d(price),
        commission=d(fee),
        time=NOW,
    )


def reported(
    each: PlannedOrder, quantity: Decimal, status: OrderStatus, filled: str, *, price: str = "1", fee: str = "0"
) -> OrderReport:
    done = d(filled)
    return OrderReport(
        order_ref=each.order_ref,
        symbol=each.symbol,
        side=each.side,
        quantity=quantity,
        status=status,
        filled=done,
        fills=(fill(each, done, price=price, fee=fee),) if done else (),
    )


def phase(plan: OrderPlan, reports: tuple[OrderReport, ...], report: GuardReport | None = None) -> PhaseRecord:
    """All reported orders sent at the quantity of their report."""
    by_ref = {each.order_ref: each for each in plan.orders}
    return PhaseRecord(
        phase=2,
        observation=START,
        report=report or judged(plan),
        intents=tuple(
            OrderIntent(
                order_ref=each.order_ref,
                account="acc",
                symbol=each.symbol,
                side=each.side,
                quantity=each.quantity,
                effect=by_ref[each.order_ref].effect,
            )
            for each in reports
        ),
        reports=reports,
    )


def after(
    held: Mapping[str, str],
    *,
    cash: str,
    open_orders: tuple[OpenOrder, ...] = (),
    prices: Mapping[str, str] | None = None,
) -> Observation:
    return seen(prices or ONES, cash=cash, held=held, open_orders=open_orders)


def check(
    plan: OrderPlan,
    then: Observation,
    *reports: OrderReport,
    report: GuardReport | None = None,
    account: Mandate | None = None,
) -> Reconciliation:
    phases = (phase(plan, reports, report),) if reports else ()
    return verify(plan, then, phases=phases, report=report or judged(plan), mandate=account or mandate())


def done(plan: OrderPlan, **filled: str) -> tuple[OrderReport, ...]:
    """Every order reported: filled whole unless its symbol says how much."""
    return tuple(
        reported(
            each,
            each.quantity,
            OrderStatus.FILLED if each.symbol not in filled else OrderStatus.CANCELLED,
            filled.get(each.symbol, str(each.quantity)),
        )
        for each in plan.orders
    )


def by_cause(found: Reconciliation, symbol: str) -> dict[ResidualCause, Decimal]:
    return {each.cause: each.quantity for each in found.residuals if each.symbol == symbol}


PLAN = plan_of(START, TARGETS)


def test_all_filled_is_fully_accurate() -> None:
    found = check(PLAN, after({"A": "5000", "B": "3000"}, cash="2000"), *done(PLAN))
    assert found.total_accuracy == found.projected_accuracy == found.efficiency == 1
    assert (found.projected_invested, found.projected_cash) == (d(8000), d(2000))
    assert found.missing_orders == ()
    assert (*found.extra_orders, *found.foreign_orders, *found.duplicate_orders) == ()
    assert found.residuals == ()


def test_accuracy_counts_cash_and_what_nobody_targeted() -> None:
    found = check(PLAN, after({"A": "4800", "B": "3000", "C": "200"}, cash="2000"), *done(PLAN, A="4800"))
    assert found.total_accuracy == d("0.98")
    assert {each.symbol: each.accuracy for each in found.symbols_verified} == {"A": d("0.96"), "B": 1, "C": 0}


def test_open_orders_count_in_the_projection_alone() -> None:
    live = order("A", "BUY", "2000", ref=ref(PLAN, "A"))
    reports = done(PLAN, A="3000")
    found = check(PLAN, after({"A": "3000", "B": "3000"}, cash="4000", open_orders=(live,)), *reports)
    assert found.total_accuracy == d("0.8")
    assert found.projected_accuracy == 1
    assert (found.projected_invested, found.projected_cash) == (d(8000), d(2000))
    assert found.total_open_orders == 1
    assert found.missing_orders == ()


def test_an_order_nobody_accepted_projects_nothing() -> None:
    held = replace(order("A", "BUY", "2000", ref=ref(PLAN, "A")), status=OrderStatus.HELD)
    found = check(PLAN, after({"A": "3000", "B": "3000"}, cash="4000", open_orders=(held,)), *done(PLAN, A="3000"))
    assert found.projected_accuracy == found.total_accuracy == d("0.8")
    assert [(each.symbol, each.planned, each.seen, each.partial) for each in found.missing_orders] == [
        ("A", d(5000), d(3000), True)
    ]


def test_a_fill_younger_than_the_snapshot_counts_once() -> None:
    then = after({"B": "3000"}, cash="7000")
    lagging = replace(then, snapshot=replace(then.snapshot, as_of=NOW - timedelta(seconds=5)))
    reports = tuple(
        replace(each, fills=each.fills * 2)
        if each.symbol == "A"
        else replace(each, fills=tuple(replace(f, time=NOW - timedelta(seconds=9)) for f in each.fills))
        for each in done(PLAN)
    )
    found = check(PLAN, lagging, *reports)
    assert found.total_accuracy == 1
    assert found.residuals == ()


def test_efficiency_is_measured_against_what_was_attainable() -> None:
    plan = plan_of(seen({"A": "300"}, cash="1000"), wants({"A": "1"}))
    then = seen({"A": "300"}, cash="400", held={"A": "2"})
    short = tuple(reported(each, each.quantity, OrderStatus.CANCELLED, "2", price="300") for each in plan.orders)
    found = verify(plan, then, phases=(phase(plan, short),), report=judged(plan), mandate=mandate())
    assert found.attainable_accuracy == d("0.9")
    assert found.total_accuracy == d("0.6")
    assert found.efficiency == d("0.6666666667")


def test_accuracy_is_measured_at_the_plans_prices() -> None:
    risen = after({"A": "5000", "B": "3000"}, cash="2000", prices={"A": "2", "B": "1"})
    found = check(PLAN, risen, *done(PLAN))
    assert found.total_accuracy == 1
    assert found.projected_invested == d(13000)


def test_what_was_sent_and_is_not_there_is_missing() -> None:
    reports = (*done(PLAN)[:1], replace(done(PLAN, B="0")[1], status=OrderStatus.REJECTED, message="no such share"))
    found = check(PLAN, after({"A": "5000"}, cash="5000"), *reports)
    assert [(each.symbol, each.planned, each.seen, each.partial) for each in found.missing_orders] == [
        ("B", d(3000), d(0), False)
    ]
    assert by_cause(found, "B") == {ResidualCause.REJECTED: d(-3000)}


def test_orders_that_are_not_of_the_plan_are_extra_or_foreign() -> None:
    ours, theirs = order("C", "BUY", "1", ref="OURS"), replace(order("C", "SELL", "1", ref="HAND"), ours=False)
    found = check(PLAN, after({"A": "5000", "B": "3000"}, cash="2000", open_orders=(ours, theirs)), *done(PLAN))
    assert (found.extra_orders, found.foreign_orders) == (("OURS",), ("HAND",))


def test_a_second_live_order_beyond_the_plan_is_a_duplicate() -> None:
    live = (order("A", "BUY", "5000", ref=ref(PLAN, "A")), order("A", "BUY", "5000", ref="AGAIN"))
    found = check(PLAN, after({"B": "3000"}, cash="7000", open_orders=live), *done(PLAN, A="0"))
    assert found.duplicate_orders == ("AGAIN",)


def test_slices_of_one_parent_are_no_duplicates() -> None:
    plan = plan_of(START, wants({"A": "0.5"}), mandate(planning(slices=2)))
    live = tuple(order("A", "BUY", "2500", ref=each.order_ref) for each in plan.orders)
    reports = tuple(reported(each, each.quantity, OrderStatus.ACKED, "0") for each in plan.orders)
    assert check(plan, after({}, cash="10000", open_orders=live), *reports).duplicate_orders == ()


def test_dust_of_what_should_be_gone_is_gone() -> None:
    plan = plan_of(seen({"A": "10"}, held={"A": "10.5"}), wants({"A": "0"}))
    found = check(plan, after({"A": "0.5"}, cash="100", prices={"A": "10"}), *done(plan, A="10"))
    assert found.symbols_verified[0].accuracy == 1
    assert by_cause(found, "A") == {ResidualCause.PARTIAL: d("0.5")}


def test_slippage_is_told_in_basis_points_against_the_plans_price() -> None:
    reports = tuple(
        reported(each, each.quantity, OrderStatus.FILLED, str(each.quantity), price="1.001", fee="1")
        for each in PLAN.orders
    )
    found = check(PLAN, after({"A": "5000", "B": "3000"}, cash="1990"), *reports)
    assert [each.slippage_bps for each in found.symbols_verified] == [d(10), d(10)]
    assert by_cause(found, "CASH") == {ResidualCause.FEES: d(-2), ResidualCause.PRICE_MOVE: d(-8)}


def test_selling_below_the_plans_price_is_slippage_too() -> None:
    plan = plan_of(seen({"A": "100"}, held={"A": "10"}), wants({"A": "0"}))
    sold = reported(plan.orders[0], d(10), OrderStatus.FILLED, "10", price="99")
    found = check(plan, after({}, cash="990", prices={"A": "100"}), sold)
    assert found.symbols_verified[0].slippage_bps == 100
    assert by_cause(found, "CASH") == {ResidualCause.PRICE_MOVE: d(-10)}


def test_a_guards_no_is_named() -> None:
    report = judged(PLAN, {"A": "2000", "B": "0"})
    sent = reported(PLAN.orders[0], d(2000), OrderStatus.FILLED, "2000")
    found = check(PLAN, after({"A": "2000"}, cash="8000"), sent, report=report)
    assert by_cause(found, "A") == {ResidualCause.BLOCKED: d(-3000)}
    assert by_cause(found, "B") == {ResidualCause.BLOCKED: d(-3000)}
    assert all("P08" in each.detail for each in found.residuals)
    assert found.missing_orders == ()


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (OrderStatus.CANCELLED, ResidualCause.UNFILLED),
        (OrderStatus.EXPIRED, ResidualCause.UNFILLED),
        (OrderStatus.ACKED, ResidualCause.UNFILLED),
        (OrderStatus.UNKNOWN, ResidualCause.UNKNOWN),
        (OrderStatus.NOT_SENT, ResidualCause.BLOCKED),
        (OrderStatus.WOULD_SEND, ResidualCause.DRY_RUN),
    ],
)
def test_what_the_broker_did_not_do_is_named(status: OrderStatus, cause: ResidualCause) -> None:
    reports = tuple(reported(each, each.quantity, status, "0") for each in PLAN.orders)
    found = check(PLAN, after({}, cash="10000"), *reports)
    assert by_cause(found, "A") == {cause: d(-5000)}
    assert bool(found.missing_orders) == (status is not OrderStatus.WOULD_SEND)


def test_an_order_that_waits_for_the_open_is_named_so() -> None:
    reports = tuple(reported(each, each.quantity, OrderStatus.ACKED, "0") for each in PLAN.orders)
    closed = replace(after({}, cash="10000"), market_open=False)
    assert by_cause(check(PLAN, closed, *reports), "A") == {ResidualCause.SESSION_CLOSED: d(-5000)}


def test_less_cash_than_approved_is_named() -> None:
    reports = tuple(reported(each, d(1000), OrderStatus.FILLED, "1000") for each in PLAN.orders)
    found = check(PLAN, after({"A": "1000", "B": "1000"}, cash="8000"), *reports)
    assert by_cause(found, "A") == {ResidualCause.CASH_SHORT: d(-4000)}


def test_a_trade_by_another_hand_is_named() -> None:
    found = check(PLAN, after({"A": "5000", "B": "3000", "C": "7"}, cash="1993"), *done(PLAN))
    assert by_cause(found, "C") == {ResidualCause.FOREIGN_TRADE: d(7)}


def test_an_approved_order_whose_phase_never_came_is_missing() -> None:
    found = check(PLAN, after({}, cash="10000"))
    assert [each.symbol for each in found.missing_orders] == ["A", "B"]
    assert by_cause(found, "A") == {ResidualCause.UNKNOWN: d(-5000)}


@pytest.mark.parametrize(
    ("account", "weight", "cause"),
    [
        (mandate(planning(min_trade_notional=d(9000))), "0.5", ResidualCause.MIN_ORDER),
        (mandate(planning(band_absolute=d("0.6"))), "0.5", ResidualCause.BAND),
        (mandate(planning(no_trading=("A",))), "0.5", ResidualCause.BLOCKED),
        (mandate(planning(buffer=d("0.01"))), "0.5", ResidualCause.ROUNDING),
    ],
)
def test_what_the_plan_left_is_named(account: Mandate, weight: str, cause: ResidualCause) -> None:
    plan = plan_of(START, wants({"A": weight}), account)
    bought = sum((each.quantity for each in plan.orders), Decimal(0))
    then = after({"A": str(bought)} if bought else {}, cash=str(10000 - bought))
    assert by_cause(check(plan, then, *done(plan)), "A") == {cause: bought - 5000}


def test_whole_lots_are_named_rounding() -> None:
    plan = plan_of(seen({"A": "300"}, cash="1000"), wants({"A": "1"}))
    found = check(plan, seen({"A": "300"}, cash="100", held={"A": "3"}), *done(plan))
    assert by_cause(found, "A") == {ResidualCause.ROUNDING: d("-0.333333")}


def test_an_older_order_that_still_waits_is_named() -> None:
    older = order("A", "BUY", "1000", ref="OLDER")
    plan = plan_of(seen(ONES, cash="10000", open_orders=(older,)), wants({"A": "0.5"}))
    then = after({"A": "4000"}, cash="6000", open_orders=(older,))
    found = check(plan, then, *done(plan))
    assert by_cause(found, "A") == {ResidualCause.UNFILLED: d(-1000)}
    assert found.projected_accuracy == 1


def test_an_older_order_that_filled_meanwhile_leaves_no_gap() -> None:
    older = order("A", "BUY", "1000", ref="OLDER")
    plan = plan_of(seen(ONES, cash="10000", open_orders=(older,)), wants({"A": "0.5"}))
    assert check(plan, after({"A": "5000"}, cash="5000"), *done(plan)).residuals == ()


def test_the_residuals_of_a_symbol_sum_to_its_gap() -> None:
    report = judged(PLAN, {"A": "4000"})
    sent = (
        reported(PLAN.orders[0], d(3500), OrderStatus.CANCELLED, "3000"),
        reported(PLAN.orders[1], d(3000), OrderStatus.FILLED, "3000"),
    )
    found = check(PLAN, after({"A": "3011", "B": "3000"}, cash="3989"), *sent, report=report)
    gaps = by_cause(found, "A")
    assert gaps == {
        ResidualCause.BLOCKED: d(-1000),
        ResidualCause.CASH_SHORT: d(-500),
        ResidualCause.PARTIAL: d(-500),
        ResidualCause.FOREIGN_TRADE: d(11),
    }
    assert sum(gaps.values()) == d(3011) - d(5000)


def test_a_foreign_currency_and_a_new_symbol_are_valued() -> None:
    lots = (stock("SAP", currency="EUR"), stock("A"))
    plan = plan_of(seen({"SAP": "100"}, cash="11000", instruments=lots[:1], fx={"EUR": "1.1"}), wants({"SAP": "0.5"}))
    then = seen(
        {"SAP": "100", "A": "10"}, cash="5390", held={"SAP": "50", "A": "11"}, instruments=lots, fx={"EUR": "1.1"}
    )
    found = check(plan, then, *(reported(each, d(50), OrderStatus.FILLED, "50", price="100") for each in plan.orders))
    assert found.total_accuracy == d("0.99")
    assert found.projected_invested == d("5610")


def test_a_holding_that_nobody_prices_counts_at_its_cost() -> None:
    then = after({"A": "5000", "B": "3000"}, cash="1900")
    odd = Position(symbol="ODD", quantity=d(10), average_cost=d(10))
    then = replace(then, snapshot=replace(then.snapshot, positions=(*then.snapshot.positions, odd)))
    assert check(PLAN, then, *done(PLAN)).total_accuracy == d("0.99")


def test_a_cycle_without_orders_is_verified_too() -> None:
    plan = plan_of(seen({"A": "10"}, cash="500", held={"A": "50"}), wants({"A": "0.5"}))
    found = check(plan, seen({"A": "10"}, cash="500", held={"A": "50"}))
    assert found.total_accuracy == 1
    assert found.residuals == ()


def test_an_empty_account_is_all_cash() -> None:
    plan = plan_of(seen({"A": "10"}), wants({}))
    assert check(plan, seen({"A": "10"})).total_accuracy == 1


def test_residual_weights_are_fractions_of_nav() -> None:
    found = check(PLAN, after({"A": "4000", "B": "3000"}, cash="3000"), *done(PLAN, A="4000"))
    assert [each for each in found.residuals if each.symbol == "A"] == [
        Residual(
            symbol="A",
            cause=ResidualCause.PARTIAL,
            quantity=d(-1000),
            weight=d("-0.1"),
            detail="4000 of 5000 filled",
        )
    ]

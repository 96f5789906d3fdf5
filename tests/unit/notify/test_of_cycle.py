"""What a cycle tells: from its record alone, every kind once, in few lines and without anybody's secrets."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.contract.ledger_build import (
    ACCOUNT,
    GUARDS,
    d,
    drawdown_cut,
    fill,
    intent,
    plan_of,
    record,
    report,
    stop_loss,
    verdicts,
)

from prudent.domain.accounts import Mode, TradingState
from prudent.domain.cycles import CycleRecord, CycleStatus, MissingOrder, Reconciliation, Residual, ResidualCause
from prudent.domain.notices import LINES_MAX, Event, Notice, Severity
from prudent.domain.orders import OrderIntent, OrderStatus
from prudent.domain.plans import Blocked
from prudent.domain.proposals import Answer, ExitCause, ForcedExit
from prudent.domain.verdicts import GuardLabel, Layer, Outcome
from prudent.notify.of_cycle import notices_of

OK = [Outcome.PASS] * len(GUARDS)


def told(cycle: CycleRecord) -> dict[Event, Notice]:
    found = notices_of(cycle)
    assert len({each.dedup_key for each in found}) == len(found), "no notice of a cycle may silence another"
    return {each.event: each for each in found}


def reported(cycle: CycleRecord, status: OrderStatus, *, message: str = "") -> CycleRecord:
    (phase,) = cycle.phases
    reports = tuple(report(each, status, message=message) for each in phase.intents)
    return replace(cycle, phases=(replace(phase, reports=reports),))


def checked(**found: object) -> Reconciliation:
    plain = Reconciliation(
        as_of=record().finished, total_open_orders=0, total_accuracy=d("1"), projected_accuracy=d("1"),
        attainable_accuracy=d("1"), efficiency=d("1"), projected_invested=d("0"), projected_cash=d("0"),
        missing_orders=(), extra_orders=(), foreign_orders=(), duplicate_orders=(), symbols_verified=(), residuals=(),
    )  # fmt: skip
    return replace(plain, **found)  # type: ignore[arg-type]


def test_a_quiet_cycle_tells_that_it_is_done_and_what_was_decided() -> None:
    found = told(record())
    assert set(found) == {Event.CYCLE_SUCCEEDED, Event.DECISION_MADE}
    done = found[Event.CYCLE_SUCCEEDED]
    assert (done.account, done.mode, done.cycle) == (ACCOUNT, Mode.PAPER, f"{ACCOUNT}/1/1")
    assert (done.amount, done.currency) == (Decimal("10000.00"), "USD")
    assert "nothing was traded: no_orders" in done.lines


def test_fills_are_one_notice_with_their_worth() -> None:
    buy, other = intent(), intent("KO")
    cycle = record(orders=(buy, other))
    (phase,) = cycle.phases
    reports = (
        report(buy, OrderStatus.FILLED, fill(buy, "4", "100"), fill(buy, "6", "101", number=2)),
        report(other, OrderStatus.FILLED, fill(other, "10", "50")),
    )
    found = told(replace(cycle, phases=(replace(phase, reports=reports),)))
    filled = found[Event.ORDER_FILLED]
    assert filled.title == "2 orders filled"
    assert filled.lines == ("BUY 4 AAPL at 100", "BUY 6 AAPL at 101", "BUY 10 KO at 50")
    # 4 x 100 + 6 x 101 + 10 x 50 = 1506.
    assert filled.amount == Decimal("1506.00")
    assert found[Event.ORDER_SUBMITTED].title == "2 orders sent"


def test_each_guard_that_refuses_is_told_once_with_its_orders() -> None:
    orders = (intent(), intent("KO"), intent("XOM"))
    cap = [Outcome.PASS, Outcome.PASS, Outcome.REJECT]
    loss = [Outcome.PASS, Outcome.REJECT, Outcome.PASS]
    found = [n for n in notices_of(record(orders=orders, sent=(), outcomes=[cap, cap, loss]))
             if n.event is Event.ORDER_BLOCKED]  # fmt: skip
    assert [n.title for n in found] == [
        "2 orders blocked by max_position_pct (rule:cap-apple:max_position_pct)",
        "1 order blocked by MaxDailyLoss (X01)",
    ]
    assert found[0].lines == ("BUY 10 AAPL: max_position_pct refuses", "BUY 10 KO: max_position_pct refuses")
    # Two orders of a notional of 1000 each.
    assert found[0].amount == Decimal("2000.00")
    assert found[1].reason == "X01 MaxDailyLoss"


def test_what_both_passes_refuse_is_told_once() -> None:
    buy = intent()
    refuses = [[Outcome.PASS, Outcome.REJECT, Outcome.PASS]]
    cycle = record(orders=(buy,), outcomes=refuses)
    (phase,) = cycle.phases
    again = replace(cycle, phases=(replace(phase, report=verdicts((buy,), refuses)),))
    blocked = [n for n in notices_of(again) if n.event is Event.ORDER_BLOCKED]
    assert [n.lines for n in blocked] == [("BUY 10 AAPL: MaxDailyLoss refuses",)]
    assert [n.amount for n in blocked] == [Decimal("1000.00")]


@pytest.mark.parametrize(
    ("status", "event", "severity"),
    [
        (OrderStatus.UNKNOWN, Event.ORDER_UNKNOWN, Severity.CRITICAL),
        (OrderStatus.REJECTED, Event.ORDER_REJECTED, Severity.WARNING),
    ],
)
def test_orders_that_went_wrong_are_told(status: OrderStatus, event: Event, severity: Severity) -> None:
    found = told(reported(record(orders=(intent(),)), status, message="the venue says so"))
    assert found[event].severity is severity
    assert found[event].lines == (f"BUY 10 AAPL: {status} the venue says so",)
    assert found[event].amount == Decimal("1000.00")


@pytest.mark.parametrize("status", [OrderStatus.WOULD_SEND, OrderStatus.NOT_SENT, OrderStatus.DENIED])
def test_what_never_left_is_not_told_as_sent(status: OrderStatus) -> None:
    assert Event.ORDER_SUBMITTED not in told(reported(record(orders=(intent(),)), status))


def test_forced_exits_and_drawdown_cuts_are_two_things() -> None:
    found = told(record(exits=(stop_loss("AAPL"), stop_loss("KO"), drawdown_cut("XOM"))))
    assert found[Event.STOP_TRIGGERED].title == "2 exits without asking any model: AAPL, KO"
    assert found[Event.STOP_TRIGGERED].reason == "stop_loss"
    assert found[Event.DRAWDOWN_BREACH].severity is Severity.CRITICAL
    assert found[Event.DRAWDOWN_BREACH].lines == ("20 % below the peak",)


@pytest.mark.parametrize("cause", [each for each in ExitCause if each is not ExitCause.DRAWDOWN_CUT])
def test_every_other_exit_is_a_stop(cause: ExitCause) -> None:
    exit_ = ForcedExit(symbol="AAPL", quantity=d("5"), cause=cause, reason="because")
    assert told(record(exits=(exit_,)))[Event.STOP_TRIGGERED].lines == (f"AAPL: {cause}, 5: because",)


def test_a_decider_that_failed_is_a_failed_cycle() -> None:
    found = told(record(answer=Answer.FAILED))
    assert Event.CYCLE_FAILED in found
    assert Event.CYCLE_SUCCEEDED not in found


def test_a_cycle_that_did_not_complete_is_a_failed_one() -> None:
    found = told(replace(record(), status=CycleStatus.FAILED))
    assert found[Event.CYCLE_FAILED].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ({"extra_orders": ("REF1",)}, "order REF1 is at the broker and not in the plan"),
        ({"foreign_orders": ("REF2",)}, "order REF2 was placed by somebody else"),
        ({"duplicate_orders": ("REF3",)}, "order REF3 is there more than once"),
        (
            {"missing_orders": (
                MissingOrder(order_ref="R", symbol="AAPL", planned=d("10"), seen=d("0"), partial=False),
            )},
            "AAPL: 10 sent, 0 filled",
        ),
        (
            {"residuals": (Residual(symbol="KO", cause=ResidualCause.UNKNOWN, quantity=d("1"), weight=d("0")),)},
            "KO: the fate of an order is unknown",
        ),
    ],
)  # fmt: skip
def test_a_book_that_contradicts_is_critical(found: dict[str, object], line: str) -> None:
    notice = told(replace(record(), reconciliation=checked(**found)))[Event.VERIFICATION_MISMATCH]
    assert notice.severity is Severity.CRITICAL
    assert notice.lines == (line,)


def test_a_book_that_agrees_is_not_told() -> None:
    partial = MissingOrder(order_ref="R", symbol="AAPL", planned=d("10"), seen=d("4"), partial=True)
    drift = Residual(symbol="KO", cause=ResidualCause.PRICE_MOVE, quantity=d("1"), weight=d("0"))
    agreed = checked(missing_orders=(partial,), residuals=(drift,))
    assert Event.VERIFICATION_MISMATCH not in told(replace(record(), reconciliation=agreed))


def test_missing_and_stale_prices_are_told() -> None:
    buy = intent()
    stale = (GuardLabel(id="D05", name="FreshPrice", layer=Layer.PLATFORM),)
    judged = replace(
        verdicts((buy,)), guards=stale, outcomes=((Outcome.REJECT,),), allowed=((d("0"),),), observed=((None,),),
        reasons={f"{buy.order_ref}|D05": "the price is 2000 s old"},
    )  # fmt: skip
    plan = replace(
        plan_of(f"{ACCOUNT}/1/1", (buy,)), blocked=(Blocked(symbol="KO", code="no_price", reason="no usable price"),)
    )
    found = told(replace(record(), plan=plan, report=judged))
    assert found[Event.DATA_STALE].lines == ("BUY 10 AAPL: the price is 2000 s old", "KO: no usable price")


def test_a_state_that_a_guard_sets_is_told_with_the_way_out() -> None:
    judged = replace(verdicts(()), sets_state=TradingState.HALTED, sets_state_reason="orders look odd")
    found = told(replace(record(), report=judged))
    assert found[Event.STATE_CHANGED].title == "the account is HALTED: orders look odd"
    assert found[Event.STATE_CHANGED].lines == (f"let it go with `invest resume --account {ACCOUNT}`",)


def test_the_drawdown_halt_is_a_breach() -> None:
    buy = intent()
    halt = (GuardLabel(id="X03", name="DrawdownHalt", layer=Layer.PLATFORM),)
    judged = replace(
        verdicts((buy,)), guards=halt, outcomes=((Outcome.REJECT,),), allowed=((d("0"),),), observed=((None,),),
        sets_state=TradingState.REDUCING, sets_state_reason="25 % below the peak",
    )  # fmt: skip
    found = told(replace(record(orders=(buy,), sent=()), report=judged))
    assert Event.DRAWDOWN_BREACH in found
    assert Event.STATE_CHANGED not in found


def many(count: int) -> Sequence[OrderIntent]:
    return tuple(intent(f"S{i}") for i in range(count))


def test_many_orders_fit_in_ten_lines() -> None:
    orders = many(50)
    refuses = [[Outcome.PASS, Outcome.PASS, Outcome.REJECT]] * 50
    for each in (*notices_of(record(orders=orders)), *notices_of(record(orders=orders, sent=(), outcomes=refuses))):
        assert 1 + len(each.lines) <= 10
        assert len(each.lines) <= LINES_MAX
    blocked = told(record(orders=orders, sent=(), outcomes=refuses))[Event.ORDER_BLOCKED]
    assert blocked.lines[-1] == "… and 43 more"


def test_a_dry_cycle_says_so() -> None:
    assert told(record(mode=Mode.DRY_RUN))[Event.CYCLE_SUCCEEDED].heading.startswith(f"[DRY] {ACCOUNT}: ")


def test_a_plan_that_nobody_answered_is_told() -> None:
    found = told(replace(record(), no_trade_codes=("approval_expired",)))
    assert found[Event.APPROVAL_EXPIRED].severity is Severity.WARNING

"""Small true values for ledger tests: a mandate, an intent, what a broker says of it, a whole cycle record."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from prudent.domain.accounts import AccountHistory, AccountSnapshot, Mode
from prudent.domain.cycles import CycleRecord, CycleStatus, Observation, PhaseRecord
from prudent.domain.mandate import Limits, Mandate
from prudent.domain.orders import Effect, Fill, OrderIntent, OrderReport, OrderStatus, Side, order_ref
from prudent.domain.plans import OrderPlan, PlannedOrder, Turnover
from prudent.domain.proposals import Answer, Decision, ExitCause, ForcedExit
from prudent.domain.records import Json
from prudent.domain.verdicts import Approved, GuardLabel, GuardReport, Layer, Outcome

MONDAY = datetime(2022, 11, 28, 15, 0, tzinfo=UTC)
SESSION = date(2022, 11, 28)
TUESDAY = date(2022, 11, 29)
ACCOUNT = "weekly"
GUARDS = (
    GuardLabel(id="P01", name="NoNegativeCash", layer=Layer.PLATFORM),
    GuardLabel(id="X01", name="MaxDailyLoss", layer=Layer.PLATFORM),
    GuardLabel(id="rule:cap-apple:max_position_pct", name="max_position_pct", layer=Layer.USER),
)


def d(text: str) -> Decimal:
    return Decimal(text)


def later(**amount: int) -> datetime:
    return MONDAY + timedelta(**amount)


def mandate(account: str = ACCOUNT, *, cash_max: str = "1") -> Mandate:
    return Mandate(account=account, name="Weekly balanced", limits=Limits(cash_max=d(cash_max)))


def intent(
    symbol: str = "AAPL", side: Side = Side.BUY, quantity: str = "10", *, cycle: str = "1", account: str = ACCOUNT,
    effect: Effect | None = None,
) -> OrderIntent:  # fmt: skip
    return OrderIntent(
        order_ref=order_ref(account, cycle, symbol, side, "decision"),
        account=account,
        symbol=symbol,
        side=side,
        quantity=d(quantity),
        effect=effect or (Effect.OPEN if side is Side.BUY else Effect.CLOSE),
    )


def fill(
    of: OrderIntent, quantity: str, price: str, *, number: int = 1, commission: str = "1", at: datetime = MONDAY
) -> Fill:
    return Fill(
        exec_id=f"{of.order_ref}:{number}", order_ref=of.order_ref, account=of.account, symbol=of.symbol,
        side=of.side, quantity=d(quantity), price=d(price), commission=d(commission), time=at,
    )  # fmt: skip


def report(of: OrderIntent, status: OrderStatus, *fills: Fill, message: str = "") -> OrderReport:
    return OrderReport(
        order_ref=of.order_ref, symbol=of.symbol, side=of.side, quantity=of.quantity, status=status,
        filled=sum((each.quantity for each in fills), d("0")), fills=fills, message=message,
    )  # fmt: skip


def verdicts(orders: Sequence[OrderIntent], outcomes: Sequence[Sequence[Outcome]] | None = None) -> GuardReport:
    rows = outcomes if outcomes is not None else [[Outcome.PASS] * len(GUARDS) for _ in orders]
    return GuardReport(
        guards=GUARDS,
        order_refs=tuple(order.order_ref for order in orders),
        outcomes=tuple(tuple(row) for row in rows),
        allowed=tuple(tuple(order.quantity for _ in GUARDS) for order in orders),
        observed=tuple(tuple(None for _ in GUARDS) for _ in orders),
        reasons={
            f"{order.order_ref}|{guard.id}": f"{guard.name} refuses"
            for order, row in zip(orders, rows)
            for guard, outcome in zip(GUARDS, row)
            if outcome is Outcome.REJECT
        },
        approved=tuple(
            Approved(order_ref=order.order_ref, quantity=order.quantity)
            for order, row in zip(orders, rows)
            if Outcome.REJECT not in row
        ),
    )


def observation(history: AccountHistory | None = None, *, mode: Mode = Mode.PAPER) -> Observation:
    return Observation(
        account=ACCOUNT, account_class=mandate().account_class, mode=mode, as_of=MONDAY, session=SESSION,
        market_open=True,
        snapshot=AccountSnapshot(
            account=ACCOUNT, currency="USD", cash=d("10000"), positions=(), open_orders=(), as_of=MONDAY,
            source="test",
        ),
        history=history or AccountHistory(session=SESSION), quotes=(), instruments=(),
    )  # fmt: skip


def plan_of(cycle: str, orders: Sequence[OrderIntent]) -> OrderPlan:
    return OrderPlan(
        plan_hash="plan", account=ACCOUNT, cycle=cycle, currency="USD", nav=d("10000"),
        orders=tuple(
            PlannedOrder(
                order_ref=order.order_ref, symbol=order.symbol, side=order.side, effect=order.effect,
                quantity=order.quantity, reference_price=d("100"), notional=order.quantity * 100, phase=2,
                reason=f"{order.symbol} is below its target",
            )
            for order in orders
        ),
        weights=(), turnover=Turnover(one_way=d("0"), gross=d("0"), fund=d("0")), cash_before=d("10000"),
        cash_after=d("9000"), attainable_accuracy=d("1"),
    )  # fmt: skip


def record(
    run: int = 1, cycle: int = 1, *, orders: Sequence[OrderIntent] = (), sent: Sequence[OrderIntent] | None = None,
    outcomes: Sequence[Sequence[Outcome]] | None = None, answer: Answer = Answer.TRADE, mode: Mode = Mode.PAPER,
    exits: Sequence[ForcedExit] = (), inputs: dict[str, Json] | None = None, at: datetime = MONDAY,
    answered: OrderStatus = OrderStatus.ACKED, code: str = "",
) -> CycleRecord:  # fmt: skip
    judged = verdicts(orders, outcomes)
    leaving = tuple(orders if sent is None else sent)
    seen = observation(mode=mode)
    reports = tuple(report(each, answered) for each in leaving)
    phase = PhaseRecord(phase=2, observation=seen, report=verdicts(leaving), intents=leaving, reports=reports)
    return CycleRecord(
        account=ACCOUNT, run=run, cycle=cycle, mode=mode, mandate=mandate(), code_version="1", started=at,
        finished=at + timedelta(seconds=2), status=CycleStatus.COMPLETED, observation=seen,
        decision_inputs=inputs or {},
        decision=Decision(
            answer=answer, reason="rebalance to the file", decided_by="target_weights", exits=tuple(exits), code=code
        ),
        plan=plan_of(f"{ACCOUNT}/{run}/{cycle}", orders), report=judged, phases=(phase,) if leaving else (),
        reconciliation=None, nlv_after=d("10000"), no_trade_codes=() if leaving else ("no_orders",),
    )  # fmt: skip


def stop_loss(symbol: str = "AAPL") -> ForcedExit:
    return ForcedExit(symbol=symbol, quantity=d("5"), cause=ExitCause.STOP_LOSS, reason="10 % below its cost")


def drawdown_cut(symbol: str = "AAPL") -> ForcedExit:
    return ForcedExit(symbol=symbol, quantity=d("5"), cause=ExitCause.DRAWDOWN_CUT, reason="20 % below the peak")

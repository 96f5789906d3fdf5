"""What holds for every plan: never overspent, never a lot above target, the same for the same, in any order."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.plan.build import mandate, order, plan_of, planning, seen, stock, wants

from prudent.domain.cycles import Observation
from prudent.domain.mandate import Allocator, CostModel, Mandate
from prudent.domain.money import ZERO
from prudent.domain.orders import Effect, Side
from prudent.domain.plans import OrderPlan
from prudent.domain.proposals import Decision
from prudent.domain.records import canonical, decode, encode
from prudent.domain.verdicts import Approved, GuardReport
from prudent.pipeline.plan import phase_two
from prudent.pipeline.verify import verify

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
ONE = Decimal(1)


@dataclass(frozen=True, kw_only=True)
class Case:
    seen: Observation
    decision: Decision
    mandate: Mandate

    @property
    def plan(self) -> OrderPlan:
        return plan_of(self.seen, self.decision, self.mandate)


def cents(low: int, high: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(lambda n: str(Decimal(n) / 100))


@st.composite
def cases(draw: Callable[..., object], *, shorting: bool = False) -> Case:
    """Random accounts; the sizes of all weights sum to 1 at most, long-only unless shorting."""
    prices = {symbol: draw(cents(50, 50_000)) for symbol in SYMBOLS}
    lots = tuple(stock(symbol, lot=str(draw(st.sampled_from(("1", "1", "10", "0.001"))))) for symbol in SYMBOLS)
    low = -300 if shorting else 0
    held = {symbol: str(draw(st.integers(low, 300))) for symbol in SYMBOLS if draw(st.booleans())}
    parts = [int(str(draw(st.integers(0, 100)))) for _symbol in (*SYMBOLS, "CASH")]
    total = sum(parts) or 1
    signs = [-1 if shorting and draw(st.booleans()) else 1 for _symbol in SYMBOLS]
    weights = {
        symbol: str((Decimal(part * sign) / total).quantize(Decimal("0.0001")))
        for symbol, part, sign in zip(SYMBOLS, parts, signs)
    }
    waiting = tuple(
        order(symbol, str(draw(st.sampled_from(("BUY", "SELL")))), str(draw(st.integers(1, 20))), ref=f"O{symbol}")
        for symbol in SYMBOLS
        if draw(st.integers(0, 5)) == 0
    )
    cash = str(Decimal(str(draw(cents(0, 10_000_000)))) + (700_000 if shorting else 0))
    how = planning(
        buffer=Decimal(str(draw(st.sampled_from(("0", "0.0025"))))),
        allocator=draw(st.sampled_from(Allocator)),
        allow_short=shorting,
        slices=draw(st.sampled_from((1, 1, 3))),
    )
    costs = draw(st.sampled_from(CostModel))
    assert isinstance(costs, CostModel)
    return Case(
        seen=seen({s: str(p) for s, p in prices.items()}, cash=cash, held=held, open_orders=waiting, instruments=lots),
        decision=wants(weights),
        mandate=mandate(how, costs=costs),
    )


def spent(plan: OrderPlan) -> Decimal:
    """What the buys of the second phase cost with their fees."""
    return sum((o.notional + o.estimated_fee for o in plan.orders if o.effect is Effect.OPEN), ZERO)


@given(cases())
def test_buys_never_cost_more_than_cash_and_the_plans_own_sells(case: Case) -> None:
    plan = case.plan
    prices = {quote.symbol: quote.price or ZERO for quote in case.seen.quotes}
    waiting = (o for o in case.seen.snapshot.open_orders if o.side is Side.BUY)
    reserved = sum((o.remaining * prices[o.symbol] for o in waiting), ZERO)
    brought = sum((o.notional - o.estimated_fee for o in plan.orders if o.phase == 1), ZERO)
    # The reserve rounds each open order to the cent.
    assert spent(plan) <= max(plan.cash_before - reserved + brought + Decimal("0.02"), ZERO)


@given(cases())
def test_no_target_is_exceeded_by_more_than_a_lot(case: Case) -> None:
    plan = case.plan
    lots = {each.symbol: each.lot for each in case.seen.instruments}
    lines = {line.symbol: line for line in plan.book}
    for row in plan.weights:
        bought = [o for o in plan.orders if o.symbol == row.symbol and o.effect is Effect.OPEN]
        if bought:
            line = lines[row.symbol]
            reached = line.quantity + line.open_quantity + sum((o.quantity for o in bought), ZERO)
            assert line.unit_value is not None
            ideal = row.target * plan.nav / line.unit_value
            assert reached <= ideal + lots[row.symbol]


@given(cases(shorting=True))
def test_shorts_never_exceed_their_target(case: Case) -> None:
    plan = case.plan
    lines = {line.symbol: line for line in plan.book}
    targets = {row.symbol: row.target for row in plan.weights}
    for each in plan.orders:
        line = lines[each.symbol]
        assert line.unit_value is not None
        if each.effect is Effect.SHORT:
            assert each.quantity <= -targets[each.symbol] * plan.nav / line.unit_value + Decimal("1e-6")
        if each.effect is Effect.CLOSE:
            assert each.quantity <= line.quantity
        if each.effect is Effect.COVER:
            assert each.quantity <= -line.quantity


@given(cases(shorting=True))
def test_every_order_is_whole_lots_or_closes_whole(case: Case) -> None:
    lots = {each.symbol: each.lot for each in case.seen.instruments}
    for each in case.plan.orders:
        if not each.effect.reduces:
            assert each.quantity % lots[each.symbol] == 0


@given(cases(shorting=True))
def test_the_order_of_inputs_changes_nothing(case: Case) -> None:
    world, decision = case.seen, case.decision
    turned = replace(
        world,
        quotes=world.quotes[::-1],
        instruments=world.instruments[::-1],
        snapshot=replace(
            world.snapshot,
            positions=world.snapshot.positions[::-1],
            open_orders=world.snapshot.open_orders[::-1],
        ),
    )
    one = case.plan
    other = plan_of(turned, replace(decision, targets=decision.targets[::-1]), case.mandate)
    assert one.plan_hash == other.plan_hash
    assert [replace(o, order_ref="") for o in one.orders] == [replace(o, order_ref="") for o in other.orders]
    assert one.weights == other.weights


@given(cases(shorting=True))
def test_planning_twice_gives_the_same_bytes(case: Case) -> None:
    first, second = case.plan, case.plan
    assert canonical(encode(first)) == canonical(encode(second))
    assert len({o.order_ref for o in first.orders}) == len(first.orders)
    assert decode(OrderPlan, encode(first)) == first


@given(cases())
def test_weights_account_for_all_but_the_fees(case: Case) -> None:
    plan = case.plan
    if plan.nav == 0:
        return
    fees = sum((o.estimated_fee for o in plan.orders), ZERO)
    for column, missing in (("current", ZERO), ("target", ZERO), ("reachable", fees)):
        total = sum((getattr(row, column) for row in plan.weights), ZERO)
        assert abs(total - (ONE - missing / plan.nav)) < Decimal("0.01") / plan.nav * 20 + Decimal("1e-8")


@given(cases(shorting=True), st.integers(0, 100), st.integers(0, 100))
def test_the_second_phase_spends_only_real_cash_and_raises_nothing(case: Case, cash: int, share: int) -> None:
    plan = case.plan
    poorer = replace(
        case.seen,
        snapshot=replace(case.seen.snapshot, open_orders=(), positions=(), cash=plan.cash_before * cash / 100),
    )
    approved = {o.order_ref: (o.quantity * share / 100).quantize(Decimal("0.001")) for o in plan.orders}
    lowered = phase_two(plan, poorer, approved, case.mandate)
    buys = sum((o.notional + o.estimated_fee for o in lowered if o.side is Side.BUY), ZERO)
    assert buys <= max(poorer.snapshot.cash, ZERO) + Decimal("0.01") * len(lowered)
    for each in lowered:
        assert 0 < each.quantity <= approved[each.order_ref]


@given(cases())
def test_filling_the_plan_reaches_what_it_called_attainable(case: Case) -> None:
    clear = replace(case, seen=replace(case.seen, snapshot=replace(case.seen.snapshot, open_orders=())))
    plan = clear.plan
    if plan.nav < 1000:
        return
    held = {p.symbol: p.quantity for p in clear.seen.snapshot.positions}
    for each in plan.orders:
        held[each.symbol] = held.get(each.symbol, ZERO) + each.side.sign * each.quantity
    then = seen(
        {q.symbol: str(q.price) for q in clear.seen.quotes},
        cash=str(plan.cash_after),
        held={s: str(q) for s, q in held.items()},
        instruments=clear.seen.instruments,
    )
    report = GuardReport(
        guards=(),
        order_refs=tuple(o.order_ref for o in plan.orders),
        outcomes=tuple(() for _o in plan.orders),
        allowed=tuple(() for _o in plan.orders),
        observed=tuple(() for _o in plan.orders),
        reasons={},
        approved=tuple(Approved(order_ref=o.order_ref, quantity=o.quantity) for o in plan.orders),
    )
    found = verify(plan, then, phases=(), report=report, mandate=clear.mandate)
    assert abs(found.total_accuracy - plan.attainable_accuracy) < Decimal("0.01")

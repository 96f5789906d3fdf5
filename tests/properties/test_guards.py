"""What holds for every list and every batch: guards only shrink, and no subset of fills breaks the platform."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.guards.build import D, Scene, quote_of, rule_of, scene

from prudent.domain.accounts import AccountClass, Position
from prudent.domain.mandate import Limits, Mandate, Planning, StrategyLimits
from prudent.domain.orders import Effect, OpenOrder, OrderType, Side
from prudent.domain.plans import PlannedOrder
from prudent.domain.verdicts import GuardReport, Layer
from prudent.guards.catalogue import GuardRow, guard_rows
from prudent.guards.feeds import ALL_FEEDS
from prudent.guards.from_rows import columns_of
from prudent.guards.report import report_of

SYMBOLS = ("AAA", "BBB", "CCC")
PRICES = {"AAA": D("100.00"), "BBB": D("50.00"), "CCC": D("20.00")}
EFFECTS = {Effect.OPEN: Side.BUY, Effect.CLOSE: Side.SELL, Effect.SHORT: Side.SELL, Effect.COVER: Side.BUY}


def orders(luck: Random, held: dict[str, int]) -> tuple[PlannedOrder, ...]:
    """Exits of what is held before entries, most of them sensible."""
    rows = []
    for number in range(luck.randint(1, 7)):
        symbol = luck.choice(SYMBOLS)
        entry = luck.choice([Effect.OPEN, Effect.OPEN, Effect.OPEN, Effect.SHORT])
        effect = luck.choice([Effect.CLOSE if held[symbol] > 0 else Effect.COVER, entry]) if held[symbol] else entry
        most = abs(held[symbol]) + 1 if effect.reduces else int(luck.choice([9_000, 60_000]) / PRICES[symbol])
        limited = luck.random() < 0.4
        price, quantity = PRICES[symbol], D(luck.randint(1, most))
        rows.append(
            PlannedOrder(
                order_ref=f"{number}", symbol=symbol, side=EFFECTS[effect], effect=effect, quantity=quantity,
                reference_price=price, notional=quantity * price, phase=1 if effect.reduces else 2, reason="any",
                forced=luck.random() < 0.2, type=OrderType.LIMIT if limited else OrderType.MARKET,
                limit_price=price * luck.randint(97, 103) / 100 if limited else None,
                estimated_fee=D(luck.randint(0, 300)) / 100,
            )
        )  # fmt: skip
    return tuple(sorted(rows, key=lambda order: order.phase))


def limits(luck: Random) -> Limits:
    share = [None, D("0.20"), D("0.60"), D(3), D(3), D(3)]
    return Limits(
        max_position_weight=luck.choice(share), max_sector_weight=luck.choice(share),
        cash_min=luck.choice([D(-1), D(-1), D(-1), D("0.3")]),
        max_turnover_per_cycle=luck.choice([D(3), D(3), D(3), D("0.2")]),
        max_trades_per_cycle=luck.choice([200, 3]), max_gross_exposure=luck.choice([D(1), D(2), D(2), D("0.7")]),
        max_order_notional=luck.choice([None, None, D(20_000)]),
    )  # fmt: skip


RULES: tuple[dict[str, Any], ...] = (
    {"max_position_pct": "15"}, {"max_position_dollars": "3000"}, {"max_positions": 1}, {"min_cash_reserve_pct": "40"},
    {"approved_symbols": "AAA"}, {"max_position_pct": "nonsense"},
)  # fmt: skip


def scene_of(seed: int) -> Scene:
    luck = Random(seed)
    base = scene()
    short = luck.random() < 0.4
    held = {symbol: luck.choice([0, 0, 5, 60, 300, -40 if short else 0]) for symbol in SYMBOLS}
    live = OpenOrder(order_ref="live", symbol="BBB", side=Side.BUY, remaining=D(7), ours=luck.random() < 0.3)
    snapshot = replace(
        base.observation.snapshot,
        cash=D(luck.choice([luck.randint(0, 200_000), luck.randint(0, 9_000_000)])) / 100,
        positions=tuple(Position(symbol=s, quantity=D(q)) for s, q in held.items() if q),
        open_orders=(live,) if luck.random() < 0.2 else (),
    )
    rules = tuple(
        replace(rule_of(enforcement_params=params), rule_id=f"r{n}")
        for n, params in enumerate(RULES)
        if luck.random() < 0.08
    )
    strategy = StrategyLimits(max_position_weight=D("0.07"), max_trades_per_cycle=2)
    mandate = Mandate(
        account="desk", account_class=luck.choice([AccountClass.AUTONOMOUS, AccountClass.DIRECTED]),
        limits=limits(luck), planning=Planning(allow_short=short, slices=2),
        strategy_limits=strategy if luck.random() < 0.2 else StrategyLimits(),
    )  # fmt: skip
    history = replace(base.observation.history, nlv_open=D(1), has_traded=luck.random() < 0.8)
    observation = replace(
        base.observation, snapshot=snapshot, account_class=mandate.account_class, history=history, rules=rules
    )
    return Scene(observation=observation, orders=orders(luck, held), mandate=mandate)


def scenes() -> st.SearchStrategy[Scene]:
    return st.integers(0, 10**12).map(scene_of)


def report_by(case: Scene, rows: Sequence[GuardRow]) -> GuardReport:
    crossing = columns_of(case.observation, case.orders, case.mandate)
    return report_of(crossing, case.orders, rows, ALL_FEEDS)


def all_rows(case: Scene) -> tuple[GuardRow, ...]:
    seen = case.observation
    return guard_rows(case.mandate, seen.rules, mode=seen.mode, interlocks=seen.interlocks, at=seen.as_of)


@given(scenes())
def test_guards_only_shrink(case: Scene) -> None:
    report = case.judged()
    planned = {order.order_ref: order.quantity for order in case.orders}
    for approved in report.approved:
        assert 0 < approved.quantity <= planned[approved.order_ref]
    for order, allowed in zip(case.orders, report.allowed):
        assert all(0 <= each <= order.quantity for each in allowed)


@given(scenes())
def test_what_all_layers_approve_the_platform_approves(case: Scene) -> None:
    rows = all_rows(case)
    platform = report_by(case, [row for row in rows if row.label.layer in (Layer.MODE, Layer.PLATFORM)])
    for approved in report_by(case, rows).approved:
        assert approved.quantity <= platform.approved_quantity(approved.order_ref)


@dataclass(slots=True)
class Book:
    cash: Decimal
    held: dict[str, Decimal]


def filled(case: Scene, chosen: Sequence[tuple[PlannedOrder, Decimal]]) -> Book:
    """The book after these orders trade, each at the worst price that it may trade at, and the open buy as well."""
    held = dict.fromkeys(SYMBOLS, D(0)) | {p.symbol: p.quantity for p in case.observation.snapshot.positions}
    book = Book(case.observation.snapshot.cash, held)
    for live in case.observation.snapshot.open_orders:
        book.cash -= live.remaining * (PRICES[live.symbol] + D("0.01")) * D("1.01")
        book.held[live.symbol] += live.remaining
    for order, quantity in chosen:
        price = PRICES[order.symbol]
        worst = order.limit_price or (price + order.side.sign * D("0.01")) * (1 + order.side.sign * D("0.01"))
        book.cash -= order.side.sign * quantity * worst + order.estimated_fee
        book.held[order.symbol] += order.side.sign * quantity
    return book


def test_any_subset_of_fills_in_any_order_keeps_the_platform_gates(scale: Callable[[int, int], int]) -> None:
    """Orders that wait for exits are judged again before they go; all others may fill or not, as the venue likes."""
    met = 0
    for seed in range(scale(1_000, 100_000)):
        case, luck = scene_of(seed), Random(seed)
        going = {a.order_ref: a.quantity for a in case.judged().approved if not a.waits_for_sells}
        some = [order for order in case.orders if order.order_ref in going and luck.random() < 0.7]
        luck.shuffle(some)
        done: list[tuple[PlannedOrder, Decimal]] = []
        for order in some:
            done.append((order, going[order.order_ref] * luck.choice([D(1), D(1), D(1), D("0.5")])))
            met += platform_holds(case, done, str(seed))
    assert met > 100


def platform_holds(case: Scene, done: Sequence[tuple[PlannedOrder, Decimal]], what: str) -> int:
    """Checks the book after these fills; 1 where a purchase had to leave the reserve in it."""
    book = filled(case, done)
    before = {p.symbol: p.quantity for p in case.observation.snapshot.positions}
    for symbol, quantity in sorted(book.held.items()):
        least = min(before.get(symbol, D(0)), D(0))
        assert case.mandate.planning.allow_short or quantity >= least, what
    if not any(order.effect is Effect.OPEN for order, _ in done):
        return 0
    value = book.cash + sum((book.held[s] * PRICES[s] for s in SYMBOLS), D(0))
    autonomous = case.mandate.account_class is AccountClass.AUTONOMOUS
    # A cent for each rounding on the way.
    assert book.cash >= (D("0.10") if autonomous else D(0)) * value - D("0.10"), what
    for symbol in {order.symbol for order, _ in done if order.effect in (Effect.OPEN, Effect.SHORT)}:
        assert not autonomous or abs(book.held[symbol]) * PRICES[symbol] <= D("0.50") * value + D("0.10"), what
    return 1


def test_exits_never_cross_zero(scale: Callable[[int, int], int]) -> None:
    refused = 0
    for seed in range(scale(1_000, 100_000)):
        case = scene_of(seed)
        report = case.judged()
        for position in case.observation.snapshot.positions:
            mine = [o for o in case.orders if o.symbol == position.symbol and o.effect.reduces]
            assert sum(report.approved_quantity(o.order_ref) for o in mine) <= abs(position.quantity), seed
            refused += sum(o.quantity for o in mine) > abs(position.quantity)
    assert refused > 20


@given(scenes(), st.permutations(range(3)))
def test_the_order_of_instruments_does_not_matter(case: Scene, places: list[int]) -> None:
    seen = case.observation
    other = replace(
        seen,
        quotes=tuple(seen.quotes[i] for i in places),
        instruments=tuple(seen.instruments[i] for i in reversed(places)),
        snapshot=replace(seen.snapshot, positions=tuple(reversed(seen.snapshot.positions))),
    )
    assert replace(case, observation=other).judged() == case.judged()


@given(scenes(), st.integers(0, 5))
def test_the_rows_of_columns_may_stand_in_any_order(case: Scene, turn: int) -> None:
    """Renaming the symbols changes the instrument index, and nothing else."""
    names = dict(zip(SYMBOLS, [("XAA", "MBB", "ACC"), ("AAX", "CCX", "BBX")][turn % 2]))

    def renamed(row: Any) -> Any:
        return replace(row, symbol=names[row.symbol])

    seen = case.observation
    other = replace(
        seen,
        quotes=tuple(map(renamed, seen.quotes)),
        instruments=tuple(map(renamed, seen.instruments)),
        snapshot=replace(
            seen.snapshot,
            positions=tuple(map(renamed, seen.snapshot.positions)),
            open_orders=tuple(map(renamed, seen.snapshot.open_orders)),
        ),
        rules=tuple(r for r in seen.rules if "approved_symbols" not in r.enforcement_params),
    )
    plain = replace(case, observation=replace(seen, rules=other.rules)).judged()
    moved = replace(case, observation=other, orders=tuple(map(renamed, case.orders))).judged()
    assert (moved.approved, moved.outcomes, moved.observed) == (plain.approved, plain.outcomes, plain.observed)


FIELDS = ("price", "bid", "ask", "level", "previous_close", "previous_level", "adv_dollars", "age_seconds")


@given(scenes(), st.sampled_from(FIELDS), st.sampled_from([None, D("NaN"), D("Infinity"), D("-Infinity"), D(10) ** 15]))
def test_a_number_that_is_none_never_lets_new_risk_pass(case: Scene, name: str, value: Decimal | None) -> None:
    changed: dict[str, Any] = {name: value, **({"as_of": None} if name == "age_seconds" else {})}
    quotes = tuple(replace(quote_of(symbol, PRICES[symbol]), **changed) for symbol in SYMBOLS)
    report = replace(case, observation=replace(case.observation, quotes=quotes)).judged()
    held = {p.symbol: p.quantity for p in case.observation.snapshot.positions}
    for order in case.orders:
        if report.approved_quantity(order.order_ref) > 0 and name not in ("bid", "ask"):
            assert order.effect.reduces
            assert held[order.symbol] != 0


@given(scenes())
def test_judging_twice_gives_the_same_report(case: Scene) -> None:
    assert case.judged() == case.judged()

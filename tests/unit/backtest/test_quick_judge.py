"""The short way of judging a batch gives what asking every guard about every order gives."""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest

from prudent.backtest.day_batch import OrderLog, SpanColumns, Terms, Work, empty_log, empty_work, run_days, stand_day
from prudent.backtest.guard_classes import BOUND_JUDGES, FACTS, class_of, facts_read, guard_classes
from prudent.backtest.quick_bounds import BOUNDS
from prudent.domain.accounts import Mode
from prudent.domain.mandate import CostModel, Limits, Mandate
from prudent.exchange.fees import NONE
from prudent.exchange.matching import Costs
from prudent.guards import columns as fact
from prudent.guards import feeds, judges_book, judges_data, judges_loss, report
from prudent.guards.catalogue import guard_rows
from prudent.guards.columns import GuardColumns
from prudent.guards.evaluate import JUDGES, Judge
from prudent.pipeline.plan.sizing import FLOOR

SYMBOLS, DAYS, SECTORS = 9, 12, 3
FEEDS = frozenset({
    feeds.MODES, feeds.MARKET_HOURS, feeds.AGE, feeds.PREVIOUS_CLOSE, feeds.LEVEL, feeds.VOLUME, feeds.SECTOR,
    feeds.HISTORY, feeds.COUNTS,
})  # fmt: skip


def random_guards(luck: np.random.Generator) -> GuardColumns:
    """A guard list whose limits are met now and then."""

    def some(*choices: float) -> Decimal:
        return Decimal(str(luck.choice(choices)))

    limits = Limits(
        max_position_weight=some(0.2, 0.25, 0.5), max_sector_weight=some(0.35, 0.45, 1),
        max_turnover_per_cycle=some(0.3, 0.6, 1, 1, 1), max_trades_per_cycle=int(luck.choice([3, 50, 50])),
        max_trades_per_day=int(luck.choice([6, 50, 50])), max_gross_exposure=some(0.8, 1, 1),
        cash_min=some(-1, 0, 0.06), max_order_notional=None if luck.random() < 0.8 else Decimal(20_000),
    )  # fmt: skip
    mandate = Mandate(account="w", costs=CostModel.NONE, limits=limits)
    rows = [row for row in guard_rows(mandate, mode=Mode.BACKTEST) if row.told and not row.feeds - FEEDS]
    table = report.guard_columns(SimpleNamespace(symbols=(), kinds=()), rows, FEEDS)  # type: ignore[arg-type]
    whole = ("bounds", "kind", "scope", "applies", "funding")
    return GuardColumns(**{
        name: np.array(column, np.int64 if name in whole else np.float64) for name, column in table._asdict().items()
    })  # fmt: skip


def prices(luck: np.random.Generator, volatility: float) -> np.ndarray:
    start = luck.uniform(4.0, 200.0, SYMBOLS)
    return np.round(start * np.exp(np.cumsum(luck.normal(0.0, volatility, (DAYS, SYMBOLS)), axis=0)), 2)


def trade(seed: int, *, quick: bool) -> tuple[Work, OrderLog, SpanColumns]:
    """Some random days of one random account."""
    luck = np.random.default_rng(seed)
    guards, close = random_guards(luck), prices(luck, luck.choice([0.01, 0.05, 0.1]))
    terms = Terms(costs=Costs(NONE, 5.0), allocator=FLOOR, buffer=0.0, share=0.0, minimum=0.0)
    work = empty_work(terms, guards, luck.integers(0, SECTORS, SYMBOLS).astype(float), SECTORS, 100_000.0)
    if not quick:
        work = work._replace(quick=work.quick._replace(classes=work.quick.classes._replace(provable=0)))
    raw = luck.random((DAYS - 2, SYMBOLS)) * (luck.random((DAYS - 2, SYMBOLS)) < 0.7) + 1e-9
    span = SpanColumns(
        close=close, dollars=luck.choice([5e4, 3e5, 1e7, 1e9, 1e9, 1e9], close.shape),
        weight=luck.uniform(0.5, 0.99) * raw / raw.sum(axis=1, keepdims=True), day=np.arange(1, DAYS - 1),
        until=np.arange(2, DAYS), curve=np.zeros(DAYS), end=np.zeros(DAYS - 2, np.int64),
    )  # fmt: skip
    log = empty_log(SYMBOLS * DAYS * 2)
    stand_day(work)
    run_days(work, span, log)
    return work, log, span


@pytest.mark.parametrize("block", range(4))
def test_the_short_way_lowers_the_same_orders_for_the_same_guard(block: int, scale: Callable[[int, int], int]) -> None:
    proven, whole, lowered = 0, 0, set()
    for seed in range(block * 1000, block * 1000 + scale(8, 150)):
        work, log, span = trade(seed, quick=True)
        _, truth, true_span = trade(seed, quick=False)
        for name, ours, true in zip(OrderLog._fields, log, truth):
            assert np.array_equal(ours, true, equal_nan=True), (seed, name)
        assert np.array_equal(span.curve, true_span.curve), seed
        whole, proven = whole + int(work.proven[0]), proven + int(work.proven[1])
        lowered |= {JUDGES[work.guards.kind[g]].__name__ for g in log.guard[: span.end[-1]] if g >= 0}
    assert min(proven, whole) > 40, (proven, whole)
    assert len(lowered) > 4, lowered


def test_each_bounded_judge_has_its_bound() -> None:
    assert len(BOUNDS) == len(BOUND_JUDGES) == len(set(BOUND_JUDGES))
    assert BOUNDS[BOUND_JUDGES.index(judges_book.max_sector_weight)].__name__ == "fits_sector"
    assert BOUNDS[BOUND_JUDGES.index(judges_book.max_turnover_per_cycle)].__name__ == "fits_turnover"


@pytest.mark.parametrize(("judge", "expected"), [
    (judges_data.known_instrument, "standing"), (judges_data.penny_stock, "row"),
    (judges_loss.drawdown_halt, "account"), (judges_book.correlated_pair, "warning"), (judges_book.no_short, "plain"),
    (judges_data.participation, "bounded"),
])  # fmt: skip
def test_a_judge_is_sorted_by_what_it_reads(judge: Judge, expected: str) -> None:
    assert class_of(judge) == expected


def test_a_judge_that_reads_running_state_is_not_asked_once() -> None:
    def looks_at_gross(o: fact.Cells, limit: float, second: float) -> fact.Judgement:
        return judges_book.max_gross_exposure(o, limit, second)

    assert FACTS["GROSS"] in facts_read(judges_book.max_gross_exposure)
    assert class_of(looks_at_gross) == ""


def test_a_guard_of_no_class_proves_nothing() -> None:
    guards = random_guards(np.random.default_rng(0))
    assert guard_classes(guards).provable == 1


def test_facts_that_a_judge_does_not_name_do_not_change_its_answer() -> None:
    """What the classes rest on: the names in a judge's code are all that it looks at."""
    luck = np.random.default_rng(3)
    for judge in JUDGES:
        unread = [f for f in range(fact.FACTS_WIDTH) if f not in facts_read(judge)]
        for _ in range(20):
            facts = [float(x) for x in luck.choice([0.0, 1.0, 2.0, 50.0, 1e6], fact.FACTS_WIDTH)]
            facts[fact.LOT] = 1.0
            other = list(facts)
            for f in unread:
                other[f] = float(luck.choice([1.0, 7.0, 1e5] if f == fact.LOT else [0.0, 1.0, 7.0, 1e5]))
            one, two = judge(facts, 0.2, 1.0), judge(other, 0.2, 1.0)
            assert np.array_equal(one, two, equal_nan=True), judge.__name__

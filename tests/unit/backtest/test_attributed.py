"""The profit of whole runs is split from their records alone, and nothing of it is left over."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.daily_files import flat, sessions_from, write_bars
from tests.unit.backtest.why_home import CONFIG, FIRST, WEIGHTS, attributed, made_in, open_home, targets

from prudent.analytics.attribution import Parts
from prudent.backtest.attributed import attribution_of, rows_of
from prudent.backtest.book import fills_of, late_fills, load, records_of
from prudent.backtest.explained import explained
from prudent.backtest.places import folder_of
from prudent.backtest.recorded import panel_of, recording_of
from prudent.backtest.request import Cadence
from prudent.backtest.shadow import held_back, shadow_book
from prudent.bootstrap import Desk, open_desk
from prudent.domain.verdicts import GuardReport, Outcome
from prudent.ledger import open_ledger

SYMBOLS = ("AAPL", "AMD", "HD", "JNJ", "JPM", "KO", "MSFT", "RRC", "UNH", "XOM")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    found = open_home(tmp_path_factory.mktemp("why"), CONFIG, WEIGHTS)
    made_in(found)
    yield found
    found.ledger.close()


def profit_of(desk: Desk) -> Decimal:
    nav = load(folder_of(desk, "one", 1)).nav
    return Decimal(str(round(float(nav.nav[-1]) - nav.opening, 2)))


def test_the_parts_sum_to_the_profit_of_the_run(desk: Desk) -> None:
    found = attributed(desk, "one/b1")
    assert found.parts.total == found.profit == profit_of(desk)
    assert found.parts.elsewhere == 0
    for one, parts in found.intervals:
        assert parts.elsewhere == 0, one.begins
        assert parts.total == one.profit
    for (one, _), (other, _) in zip(found.intervals, found.intervals[1:]):
        assert (one.ends, one.value_after) == (other.begins, other.value)


def test_every_cause_has_its_part(desk: Desk) -> None:
    book, parts = load(folder_of(desk, "one", 1)), attributed(desk, "one/b1").parts
    assert -parts.fees == Decimal(str(round(float(book.fills.fees.sum()), 2))) > 0
    # The first orders traded at the open after the close that they were decided on, two basis points dearer.
    assert parts.execution != 0
    assert parts.forced_exits != 0
    assert parts.guards != 0
    assert parts.drift != 0
    names = [row.name for row in rows_of(parts)]
    assert names[0] == "Target choice"
    assert "Elsewhere" not in names
    assert "Forced exits" not in [row.name for row in rows_of(replace(parts, forced_exits=Decimal(0)))]


def test_a_sheet_gets_both_parts_and_a_whole_life_neither(desk: Desk) -> None:
    book = load(folder_of(desk, "one", 1))
    rows, shadow = explained(desk, book)
    assert sum(row.amount for row in rows) == pytest.approx(float(profit_of(desk)))
    assert {row.guard for row in shadow} >= {"P08", "P24"}
    assert all("fewer than 20" in row.name for row in shadow if row.orders < 20)
    assert explained(desk, replace(book, id="one")) == ((), ())
    assert explained(desk, replace(book, id="one/b9")) == ((), ())


def test_the_shadow_book_holds_every_order_that_a_guard_stopped(desk: Desk) -> None:
    recording = recording_of(desk, "one/b1")
    book = shadow_book(recording.records, panel_of(desk, recording))
    for each in book.orders:
        record = next(record for record in recording.records if record.id == each.order.cycle)
        sent = {intent.order_ref: intent.quantity for phase in record.phases for intent in phase.intents}
        assert sent.get(each.order.order_ref, Decimal(0)) <= each.order.planned - each.order.quantity
    told = {(each.order.cycle, each.order.order_ref, each.order.quantity) for each in book.orders}
    less = {
        (record.id, order.order_ref, order.quantity - record.report.approved_quantity(order.order_ref))
        for record in recording.records for order in record.plan.orders
    }  # fmt: skip
    assert {each for each in less if each[2] > 0} <= told
    shrunk = {each.order.order_ref for each in book.orders if each.order.quantity < each.order.planned}
    assert shrunk
    assert sum(guard.orders for guard in book.guards) == len(book.orders)


def test_what_traded_after_its_cycle_was_recorded_is_a_fill_of_the_run(tmp_path: Path) -> None:
    # A spread too wide for a market order makes AMD a limit order, which rests until its price comes.
    desk = open_home(tmp_path, {"targets": "json/own.json", "exits": {"stop_loss": "5%"}}, {"AMD": "0.15", "KO": "0.2"})
    made_in(desk, last=date(2016, 2, 26))
    ledger = open_ledger(folder_of(desk, "one", 1) / "ledger.sqlite", durable=False)
    records = records_of(ledger, "one")
    late = late_fills(ledger, "one", records)
    trades = ledger.views.trades("one", limit=10_000).rows
    ledger.close()
    book = load(folder_of(desk, "one", 1))
    assert late
    assert len(fills_of(records)) == len(trades) - len(late)
    assert len(book.fills) == len(trades)
    assert np.all(np.diff(book.fills.day) >= np.timedelta64(0))
    assert attributed(desk, "one/b1").parts.elsewhere == 0
    desk.ledger.close()


def random_home(folder: Path, seed: int) -> tuple[Desk, Cadence]:
    """An account whose weights, limits, exits, bands and costs are drawn."""
    luck = np.random.Generator(np.random.PCG64(seed))
    names = luck.choice(SYMBOLS, size=int(luck.integers(2, 7)), replace=False)
    shares = luck.dirichlet(np.ones(len(names))) * luck.uniform(0.5, 0.98)
    config = {
        "targets": "json/own.json",
        "limits": {"max_position_weight": f"{luck.integers(12, 60)}%", "max_turnover_per_cycle": "60%"},
        "exits": {"stop_loss": f"{luck.integers(2, 9)}%", "take_profit": f"{luck.integers(3, 12)}%"},
        "costs": str(luck.choice(["none", "ibkr_fixed", "ibkr_tiered"])), "slippage_bps": int(luck.integers(0, 30)),
        "planning": {"band_absolute": "2%"} if luck.random() < 0.3 else {},
    }  # fmt: skip
    cadence = Cadence(str(luck.choice(["daily", "weekly"])))
    weights = {str(name): f"{share:.4f}" for name, share in zip(names, shares)}
    return open_home(folder, config, weights), cadence


def test_random_runs_leave_nothing_over(tmp_path: Path, scale: Callable[[int, int], int]) -> None:
    acted = Parts()
    for seed in range(scale(4, 60)):
        desk, cadence = random_home(tmp_path / str(seed), seed)
        made_in(desk, cadence, last=date(2016, 2, 12))
        found = attributed(desk, "one/b1")
        assert found.parts.total == found.profit == profit_of(desk), seed
        assert [parts.elsewhere for _, parts in found.intervals] == [0] * len(found.intervals), seed
        acted = acted + Parts(**{
            name: abs(getattr(found.parts, name)) for name in ("guards", "forced_exits", "rounding_and_cash", "drift")
        })  # fmt: skip
        desk.ledger.close()
    assert min(acted.guards, acted.forced_exits, acted.rounding_and_cash, acted.drift) > 0


RAW = """\
schema_version: 1
mode: paper
data: {{source: files, path: {data}}}
clock: {{start: {clock}}}
backtest: {{sealed_days: 0}}
accounts:
  one: {{targets: json/own.json, limits: {{max_daily_loss: 90%}}}}
"""


def test_dividends_and_splits_have_their_place(tmp_path: Path) -> None:
    days = sessions_from(date(2015, 12, 1), 60)
    at = days.index(FIRST)
    bars = [flat(100.0)] * (at + 14) + [flat(26.0)] * (60 - at - 14)
    # Two a share on the ninth session; four shares for one on the fifteenth, which trade at 26.
    write_bars(tmp_path / "bars", "AAPL", days, bars, actions={days[at + 8]: (2.0, 1.0), days[at + 14]: (0.0, 4.0)})
    write_bars(tmp_path / "bars", "SPY", days, [flat(200.0)] * 60, actions={})
    for name in ("json", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "json" / "own.json").write_text(targets({"AAPL": "0.19"}))
    (tmp_path / "invest.yaml").write_text(RAW.format(data=tmp_path / "bars", clock=days[-1]))
    desk = open_desk(tmp_path)
    made_in(desk, last=days[at + 20])
    found = attributed(desk, "one/b1")
    assert found.parts.total == found.profit == profit_of(desk)
    assert found.parts.elsewhere == 0
    bought = load(folder_of(desk, "one", 1)).fills.quantity[0]
    assert found.parts.dividends == Decimal(2) * Decimal(bought)
    # The decider gained 4 a share for a fifth of the account; it did not lose three quarters of it at the split.
    assert 0 < found.parts.target_choice < Decimal(500)
    desk.ledger.close()


def test_a_fill_that_is_not_on_record_shows_elsewhere(desk: Desk) -> None:
    recording = recording_of(desk, "one/b1")
    panel = panel_of(desk, recording)
    first = next(i for i, record in enumerate(recording.records) if record.fills)
    phases = recording.records[first].phases
    lost = replace(phases[-1], reports=phases[-1].reports[1:])
    records = list(recording.records)
    records[first] = replace(records[first], phases=(*phases[:-1], lost))
    found = attribution_of(replace(recording, records=tuple(records)), panel, desk.calendar)
    assert found.intervals[first][1].elsewhere != 0
    assert found.parts.total == found.profit


def spoken(report: GuardReport, row: int, guard: int, outcome: Outcome, allowed: Decimal) -> GuardReport:
    """The report with another word of one guard on one order."""
    outcomes = [list(each) for each in report.outcomes]
    most = [list(each) for each in report.allowed]
    outcomes[row][guard], most[row][guard] = outcome, allowed
    return replace(report, outcomes=tuple(map(tuple, outcomes)), allowed=tuple(map(tuple, most)))


def test_an_order_is_told_of_the_guard_that_let_least_of_it_through(desk: Desk) -> None:
    record = next(each for each in recording_of(desk, "one/b1").records if held_back(each))
    first = held_back(record)[0]
    row = record.report.order_refs.index(first.order_ref)
    own = next(j for j, label in enumerate(record.report.guards) if label.id == first.guard)
    less = spoken(record.report, row, 0, Outcome.CLIP, record.report.allowed[row][own] + 1)
    assert held_back(replace(record, report=less))[0].guard == first.guard
    more = spoken(record.report, row, 0, Outcome.REJECT, record.report.allowed[row][own] - 1)
    assert held_back(replace(record, report=more))[0].guard == record.report.guards[0].id


def test_an_order_that_a_later_round_of_its_phase_let_through_was_not_held_back(desk: Desk) -> None:
    records = recording_of(desk, "one/b1").records
    record = next(each for each in records if each.phases and each.phases[-1].intents and not held_back(each))
    phase = record.phases[-1]
    ref = phase.intents[0].order_ref
    report = spoken(phase.report, phase.report.order_refs.index(ref), 0, Outcome.REJECT, Decimal(0))
    refused = replace(
        phase, report=replace(report, approved=tuple(each for each in report.approved if each.order_ref != ref)),
        intents=tuple(each for each in phase.intents if each.order_ref != ref),
    )  # fmt: skip
    assert [each.order_ref for each in held_back(replace(record, phases=(*record.phases[:-1], refused)))] == [ref]
    assert held_back(replace(record, phases=(*record.phases[:-1], refused, phase))) == ()

"""Every look at history is counted and kept, the sealed window opens once, and what cannot be tested is refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.daily_files import flat, sessions_from, write_bars

from prudent.backtest.books import run_book
from prudent.backtest.request import Cadence, Request
from prudent.backtest.run import Playing, backtest, prepare, with_seed
from prudent.bootstrap import Desk, open_desk
from prudent.domain.errors import BlockedError, InputError
from prudent.ledger.backtests import BacktestStatus

FIRST = date(2015, 1, 2)
DAYS = sessions_from(FIRST, 300)
CONFIG = """\
schema_version: 1
mode: paper
data: {{source: files, path: {data}}}
clock: {{start: {clock}}}
backtest: {{sealed_days: 30}}
accounts:
  one: {{targets: json/one.json}}
  other: {{targets: json/one.json, exits: {{stop_loss: 10%}}}}
  follower: {{targets: "account:one"}}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    data = tmp_path / "bars"
    write_bars(data, "AAPL", DAYS, [flat(100.0)] * 300)
    write_bars(data, "SPY", DAYS, [flat(200.0)] * 300)
    # Listed late, and with a hole.
    write_bars(data, "KO", DAYS[100:], [flat(40.0)] * 200)
    holed = [*DAYS[:60], *DAYS[70:]]
    write_bars(data, "XOM", holed, [flat(80.0)] * len(holed))
    (tmp_path / "json").mkdir()
    (tmp_path / "data").mkdir()
    for name, symbol in (("one", "AAPL"), ("late", "KO"), ("holed", "XOM"), ("unknown", "MSFT")):
        (tmp_path / "json" / f"{name}.json").write_text(
            f'{{"unit": "percent", "targets": [{{"symbol": "{symbol}", "weight": "15"}}]}}'
        )
    (tmp_path / "invest.yaml").write_text(CONFIG.format(data=data, clock=DAYS[-1]))
    found = open_desk(tmp_path)
    yield found
    found.ledger.close()


def wanted(desk: Desk, first: date, last: date, account: str = "one", targets: str = "json/one.json") -> Request:
    mandate = desk.mandate(account)
    mandate = replace(mandate, parameters={**mandate.parameters, "targets": targets})
    return Request(mandate=mandate, first=first, last=last, cadence=Cadence.WEEKLY, cash=Decimal(10_000))


def run(desk: Desk, request: Request, *, open_seal: bool = False) -> str:
    return backtest(desk, prepare(desk, request), Playing(open_seal=open_seal)).id


def test_backtests_are_numbered_by_account_and_counted_by_window(desk: Desk) -> None:
    assert run(desk, wanted(desk, DAYS[40], DAYS[60])) == "one/b1"
    assert run(desk, wanted(desk, DAYS[50], DAYS[70])) == "one/b2"
    assert run(desk, wanted(desk, DAYS[40], DAYS[60], "other")) == "other/b1"
    assert [row.id for row in desk.ledger.backtests.listed("one")] == ["one/b2", "one/b1"]
    # Two of them looked at the first window before the third, and so did the third.
    assert run_book(desk, "other/b1").provenance.trials == 3
    assert desk.ledger.backtests.trials("files", DAYS[65], DAYS[68]) == 1


def test_the_same_backtest_is_given_back_and_is_no_second_look(desk: Desk) -> None:
    assert run(desk, wanted(desk, DAYS[40], DAYS[60])) == "one/b1"
    assert run(desk, wanted(desk, DAYS[40], DAYS[60])) == "one/b1"
    assert len(desk.ledger.backtests.listed()) == 1


def test_another_seed_is_another_look(desk: Desk) -> None:
    prepared = prepare(desk, wanted(desk, DAYS[40], DAYS[60]))
    ids = [backtest(desk, with_seed(prepared, desk, seed)).id for seed in (0, 1)]
    assert ids == ["one/b1", "one/b2"]


def test_a_result_whose_files_are_gone_is_made_again_under_a_new_number(desk: Desk) -> None:
    run(desk, wanted(desk, DAYS[40], DAYS[60]))
    (desk.home / "backtests" / "one" / "b1" / "result.json").unlink()
    assert run(desk, wanted(desk, DAYS[40], DAYS[60])) == "one/b2"


def test_the_book_reads_back_as_it_was(desk: Desk) -> None:
    made = backtest(desk, prepare(desk, wanted(desk, DAYS[40], DAYS[60])))
    read = run_book(desk, made.id)
    assert read.nav.nav.tolist() == made.nav.nav.tolist()
    assert read.fills.price.tolist() == made.fills.price.tolist()
    assert (read.decisions, read.mandate, read.provenance) == (made.decisions, made.mandate, made.provenance)


# The seal


def test_the_sealed_window_is_refused_unless_it_is_asked_for(desk: Desk) -> None:
    with pytest.raises(BlockedError, match="is sealed, so that one honest look is left; end it earlier, or add --open"):
        run(desk, wanted(desk, DAYS[40], DAYS[-1]))
    assert desk.ledger.backtests.listed() == ()
    assert run(desk, wanted(desk, DAYS[280], DAYS[-1]), open_seal=True) == "one/b1"
    assert any("was opened" in note for note in run_book(desk, "one/b1").provenance.notes)


def test_a_version_of_a_strategy_opens_the_seal_once(desk: Desk) -> None:
    run(desk, wanted(desk, DAYS[280], DAYS[-1]), open_seal=True)
    with pytest.raises(BlockedError, match="opened it with one/b1 and cannot again"):
        run(desk, wanted(desk, DAYS[270], DAYS[-1]), open_seal=True)
    # The very same look again shows nothing new; another version has a look of its own.
    assert run(desk, wanted(desk, DAYS[280], DAYS[-1])) == "one/b1"
    assert run(desk, wanted(desk, DAYS[280], DAYS[-1], "other"), open_seal=True) == "other/b1"


def test_another_name_of_the_account_is_no_other_version(desk: Desk) -> None:
    run(desk, wanted(desk, DAYS[280], DAYS[-1]), open_seal=True)
    twin = wanted(desk, DAYS[280], DAYS[-1])
    twin = replace(twin, mandate=replace(twin.mandate, account="other", name="Other"))
    with pytest.raises(BlockedError, match="opened it with one/b1"):
        run(desk, twin, open_seal=True)


def test_a_benchmark_that_the_data_lack_does_not_break_the_seal(desk: Desk) -> None:
    request = replace(wanted(desk, DAYS[280], DAYS[-1]), benchmark="ZZZ")
    with pytest.raises(BlockedError, match="is sealed"):
        run(desk, request)


def test_other_weights_in_the_targets_file_are_another_version(desk: Desk) -> None:
    assert run(desk, wanted(desk, DAYS[40], DAYS[60])) == "one/b1"
    path = desk.home / "json" / "one.json"
    path.write_text(path.read_text().replace('"15"', '"5"'))
    assert run(desk, wanted(desk, DAYS[40], DAYS[60])) == "one/b2"


# What cannot be tested


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (DAYS[60], DAYS[40], "--from must be before --to"),
        (date(2015, 1, 3), date(2015, 1, 4), "at least two sessions"),
        (date(2014, 12, 1), date(2015, 2, 2), "the first price of any symbol (AAPL) is of that day"),
    ],
)
def test_a_window_that_cannot_be_is_refused(desk: Desk, first: date, last: date, said: str) -> None:
    with pytest.raises(InputError) as refused:
        prepare(desk, wanted(desk, first, last))
    assert said in str(refused.value)


def test_a_symbol_without_history_is_named(desk: Desk) -> None:
    with pytest.raises(InputError, match=r"every symbol must have history in source files, MSFT had none"):
        prepare(desk, wanted(desk, DAYS[40], DAYS[60], targets="json/unknown.json"))


def test_a_hole_is_named_with_its_days(desk: Desk) -> None:
    with pytest.raises(InputError) as refused:
        prepare(desk, wanted(desk, DAYS[40], DAYS[90], targets="json/holed.json"))
    assert f"XOM must have a price in every 5 sessions, has none from {DAYS[60]} to {DAYS[69]}" in str(refused.value)


def test_a_benchmark_that_does_not_cover_the_window_is_left_out_and_said(desk: Desk) -> None:
    request = replace(wanted(desk, DAYS[90], DAYS[110]), benchmark="KO")
    book = backtest(desk, prepare(desk, request))
    assert book.benchmark is None
    assert "benchmark KO does not cover the window and is left out" in book.warnings


def test_an_account_that_follows_another_cannot_be_tested(desk: Desk) -> None:
    request = Request(mandate=desk.mandate("follower"), first=DAYS[40], last=DAYS[60])
    with pytest.raises(InputError, match="must decide by itself to be tested on history"):
        backtest(desk, prepare(desk, request))


def test_a_backtest_that_fails_is_kept_as_failed_and_counts(desk: Desk) -> None:
    prepared = prepare(desk, wanted(desk, DAYS[40], DAYS[60]))

    def broken(_done: int, _all: int, _day: date) -> None:
        raise InputError("it broke half-way")

    with pytest.raises(InputError, match="half-way"):
        backtest(desk, prepared, Playing(progress=broken))
    (row,) = desk.ledger.backtests.listed()
    assert (row.status, row.note) == (BacktestStatus.FAILED, "it broke half-way")
    assert desk.ledger.backtests.trials("files", DAYS[40], DAYS[60]) == 1
    with pytest.raises(InputError, match="must have a result, is failed: it broke half-way"):
        run_book(desk, row.id)


def test_a_stopped_backtest_is_marked_as_cancelled(desk: Desk) -> None:
    def stopped(_done: int, _all: int, _day: date) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtest(desk, prepare(desk, wanted(desk, DAYS[40], DAYS[60])), Playing(progress=stopped))
    assert [row.status for row in desk.ledger.backtests.listed()] == [BacktestStatus.CANCELLED]

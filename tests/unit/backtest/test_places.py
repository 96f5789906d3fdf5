"""Backtests of two people lie apart, and the one look into the sealed window is given to one of two that race."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.daily_files import flat, sessions_from, write_bars

from prudent.backtest.books import run_book
from prudent.backtest.places import folder_of
from prudent.backtest.request import Cadence, Request
from prudent.backtest.run import backtest, prepare
from prudent.bootstrap import Desk, open_desk
from prudent.domain.errors import BlockedError, InputError
from prudent.ledger.backtests import NewBacktest

DAYS = sessions_from(date(2015, 1, 2), 80)
CONFIG = """\
schema_version: 1
mode: paper
data: {{source: files, path: {data}}}
clock: {{start: {clock}}}
backtest: {{sealed_days: 10}}
accounts:
  one: {{targets: json/one.json}}
  other: {{targets: json/one.json}}
"""
LOOK = NewBacktest(
    account="one", source="files", first=DAYS[0], last=DAYS[9], cadence="daily", fill="next_open", model="none",
    strategy_version="v1", identity="first", code_version="c", data_hash="d", opened_seal=True,
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_bars(tmp_path / "bars", "AAPL", DAYS, [flat(100.0)] * len(DAYS))
    write_bars(tmp_path / "bars", "SPY", DAYS, [flat(200.0)] * len(DAYS))
    (tmp_path / "json").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "json" / "one.json").write_text('{"unit": "percent", "targets": [{"symbol": "AAPL", "weight": "15"}]}')
    (tmp_path / "invest.yaml").write_text(CONFIG.format(data=tmp_path / "bars", clock=DAYS[-1]))
    return tmp_path


@pytest.fixture
def anna(home: Path) -> Iterator[Desk]:
    desk = open_desk(home, owner="anna")
    desk.ledger.add_account(desk.mandate("one"), cash=Decimal(10_000), at=desk.clock.now())
    yield desk
    desk.ledger.close()


def wanted(desk: Desk, account: str) -> Request:
    return Request(
        mandate=desk.mandate(account), first=DAYS[30], last=DAYS[40], cadence=Cadence.WEEKLY, cash=Decimal(10_000)
    )


def test_an_account_that_is_configured_but_somebody_elses_looks_like_one_that_is_not_there(anna: Desk) -> None:
    with pytest.raises(InputError, match=r"account must be one of yours \(one\), was 'other'"):
        prepare(anna, wanted(anna, "other"))


def test_two_owners_keep_a_backtest_of_the_same_name_apart(home: Path, anna: Desk) -> None:
    # A ledger of its own stands for the rows of another owner on PostgreSQL: one file is for one person.
    local = open_desk(home, overrides={"database.url": str(home / "data" / "mine.sqlite")})
    hers = backtest(anna, prepare(anna, wanted(anna, "one")))
    mine = backtest(local, prepare(local, replace(wanted(local, "one"), cash=Decimal(20_000))))
    assert (hers.id, mine.id) == ("one/b1", "one/b1")
    assert folder_of(anna, "one", 1) == home / "people" / "anna" / "backtests" / "one" / "b1"
    assert folder_of(local, "one", 1) == home / "backtests" / "one" / "b1"
    assert run_book(anna, "one/b1").nav.opening == 10_000
    assert run_book(local, "one/b1").nav.opening == 20_000
    local.ledger.close()


def test_of_two_that_ask_for_the_sealed_window_at_once_the_second_is_refused(anna: Desk) -> None:
    # Both have passed the check that is made before a backtest begins; the row itself decides.
    backtests = anna.ledger.backtests
    backtests.begin(LOOK, at=anna.clock.now())
    with pytest.raises(BlockedError, match="sealed window must be opened once"):
        backtests.begin(replace(LOOK, identity="second"), at=anna.clock.now())
    assert [row.identity for row in backtests.listed()] == ["first"]
    # The same bytes again are no second look.
    assert backtests.begin(LOOK, at=anna.clock.now()).number == 2

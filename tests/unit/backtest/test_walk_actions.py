"""Dividends are cash, splits are shares, a delisting pays out: on raw prices a backtest books what companies do."""

from datetime import date
from pathlib import Path

import pytest
from tests.daily_files import Bar, flat, sessions_from, write_bars

from prudent.backtest import run_backtest
from prudent.domain.performance import RunBook

BEFORE = 25
DAYS = sessions_from(date(2015, 1, 2), BEFORE + 12)
WINDOW = DAYS[BEFORE:]
FREE = {"costs": "none", "slippage_bps": 0}


def made(folder: Path, bars: list[Bar], actions: dict[date, tuple[float, float]], count: int = 12) -> RunBook:
    """A backtest that buys once, weekly, and then holds."""
    days = DAYS[: BEFORE + count]
    write_bars(folder, "AAPL", days, ([flat(100.0)] * BEFORE + bars)[: len(days)], actions=actions)
    write_bars(folder, "SPY", DAYS, [flat(200.0)] * len(DAYS), actions={})
    config = {**FREE, "planning": {"band_absolute": "10%"}, "limits": {"max_daily_loss": "0.9"}}
    return run_backtest(
        config, WINDOW[0], WINDOW[-1], targets={"AAPL": "0.19"}, data=str(folder), cadence="weekly"
    )


def test_a_dividend_is_cash_on_its_day_and_counts_as_return(tmp_path: Path) -> None:
    paid = WINDOW[8]
    book = made(tmp_path, [flat(100.0)] * 12, {paid: (2.0, 1.0)})
    shares = book.fills.quantity[0]
    assert book.nav.nav[8] - book.nav.nav[7] == pytest.approx(2.0 * shares)
    assert book.nav.cash[8] - book.nav.cash[7] == pytest.approx(2.0 * shares)
    assert book.nav.flow.tolist() == [0.0] * 12
    assert not any("total-return" in note for note in book.provenance.notes)


def test_a_split_changes_shares_and_not_the_value(tmp_path: Path) -> None:
    day = WINDOW[8]
    book = made(tmp_path, [flat(100.0)] * 8 + [flat(25.0)] * 4, {day: (0.0, 4.0)})
    assert book.nav.gross[7] > 1_700.0
    assert book.nav.nav[8] == pytest.approx(book.nav.nav[7])
    assert book.nav.gross[8] == pytest.approx(book.nav.gross[7])


def test_a_split_between_a_decision_and_its_open_is_decided_anew(tmp_path: Path) -> None:
    # The first decision falls on the last session of a week; the split on the one after it.
    bought_without = made(tmp_path / "plain", [flat(100.0)] * 12, {}).fills
    day = bought_without.day[0].item()
    at = WINDOW.index(day)
    bars = [flat(100.0)] * at + [flat(50.0)] * (12 - at)
    book = made(tmp_path / "split", bars, {day: (0.0, 2.0)})
    assert book.fills.day[0].item() == day
    assert book.fills.quantity[0] * book.fills.price[0] == pytest.approx(1_800.0, rel=0.06)


def test_the_benchmark_reinvests_its_dividends(tmp_path: Path) -> None:
    write_bars(tmp_path, "AAPL", DAYS, [flat(100.0)] * len(DAYS), actions={})
    write_bars(tmp_path, "SPY", DAYS, [flat(200.0)] * len(DAYS), actions={WINDOW[4]: (10.0, 1.0)})
    book = run_backtest(FREE, WINDOW[0], WINDOW[-1], targets={"AAPL": "0.19"}, data=str(tmp_path), cadence="weekly")
    assert book.benchmark is not None
    assert book.benchmark.level[-1] / book.benchmark.opening == pytest.approx(1.05)


def test_a_symbol_that_trades_no_more_is_paid_out_at_its_last_close(tmp_path: Path) -> None:
    days = sessions_from(date(2015, 1, 2), BEFORE + 24)
    gone = days[: BEFORE + 12]
    write_bars(tmp_path, "AAPL", gone, [flat(100.0)] * len(gone), actions={})
    write_bars(tmp_path, "SPY", days, [flat(200.0)] * len(days), actions={})
    config = {**FREE, "planning": {"allow_partial": True}}
    book = run_backtest(
        config, days[BEFORE], days[-1], targets={"AAPL": "0.19"}, data=str(tmp_path), cadence="weekly"
    )
    assert book.nav.gross[11] > 0
    assert book.nav.stale[12:17].all()
    assert book.nav.gross[-1] == 0.0
    assert book.nav.cash[-1] == pytest.approx(book.nav.nav[11])

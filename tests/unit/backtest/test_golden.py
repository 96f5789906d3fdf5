"""Two backtests of the shipped record whose every figure is known: what changes them must be meant to."""

import pytest

from prudent.backtest import run_backtest
from prudent.backtest.run import measured
from prudent.domain.performance import EvidenceLevel, RunBook


def figures(book: RunBook) -> tuple[float | None, ...]:
    found = measured(book)
    return found.total_return, found.sharpe, found.max_drawdown, found.fees, found.turnover


def test_four_stocks_with_a_stop_over_a_year_of_the_record() -> None:
    book = run_backtest(
        {"exits": {"stop_loss": "12%"}}, "2015-01-02", "2015-12-31", cadence="monthly",
        targets={"AAPL": "0.19", "JNJ": "0.19", "XOM": "0.19", "KO": "0.19"},
    )  # fmt: skip
    assert float(book.nav.nav[-1]) == 9902.38
    assert (len(book.fills), len(book.decisions), measured(book).trades.closed) == (36, 12, 1)
    assert figures(book) == pytest.approx(
        (-0.009762, -0.039604962005959685, -0.1039888370302654, 24.17, 1.254460784430325), rel=1e-9
    )


def test_a_momentum_account_answered_by_the_rules_over_half_a_year_of_it() -> None:
    account = {
        "strategy": "llm_portfolio", "class": "autonomous",
        "parameters": {"style": "momentum", "watchlist": ["AAPL", "KO", "JNJ", "XOM"]},
    }  # fmt: skip
    book = run_backtest(account, "2015-01-02", "2015-06-30", "rules", cadence="weekly")
    assert float(book.nav.nav[-1]) == 9904.42
    assert (len(book.fills), len(book.decisions), measured(book).trades.closed) == (16, 26, 7)
    assert figures(book) == pytest.approx(
        (-0.009558, -0.3240490792181592, -0.03402857865477338, 16.0, 5.263854383493787), rel=1e-9
    )
    assert book.evidence.level is EvidenceLevel.E0


def test_the_window_that_the_documentation_names_runs_offline() -> None:
    seen: list[int] = []
    book = run_backtest(
        {}, "2015-01-01", "2016-12-31", "rules", on_progress=lambda done, total, day: seen.append(done),
        targets={"SPY": "0.19"}, cadence="monthly",
    )  # fmt: skip
    assert seen == list(range(1, 505))
    assert (book.partial, len(book.nav.days)) == ("", 504)

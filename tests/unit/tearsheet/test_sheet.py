"""What all forms of a tear sheet share: sentence, years, falls, costs and attribution, on numbers made by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from tests.unit.tearsheet.books import book_of, figures_of, nav_of, no_fills

from prudent.analytics.trades import closed_trades, open_trades
from prudent.domain.mandate import Mandate
from prudent.domain.performance import Benchmark, DecisionRow, Evidence, EvidenceLevel, FillTable, RunBook
from prudent.tearsheet import AttributionRow, Extras, Significance
from prudent.tearsheet.activity_part import attribution_table, cause_table, closed_table, cost_rows, open_table
from prudent.tearsheet.markup import TEXT_MAX, text
from prudent.tearsheet.origin_part import mandate_rows, provenance_rows
from prudent.tearsheet.sheet import WINDOW, Sheet, sheet_of
from prudent.tearsheet.verdict import verdict

TWO_YEARS = np.array(["2020-12-30", "2020-12-31", "2021-01-04", "2021-02-01"], dtype="datetime64[D]")


def sheet(book: RunBook, extras: Extras | None = None) -> Sheet:
    return sheet_of(book, figures_of(book), extras or Extras())


def two_years() -> Sheet:
    """100 to 110, 99, 198 after 99 came in, 188.1; the benchmark 50 to 55, 60.5, 60.5, 30.25."""
    flow = np.array([0.0, 0.0, 99.0, 0.0])
    nav = nav_of(np.array([110.0, 99.0, 198.0, 188.1]), opening=100.0, flow=flow, days=TWO_YEARS)
    benchmark = Benchmark(name="SPY", days=TWO_YEARS, level=np.array([55.0, 60.5, 60.5, 30.25]), opening=50.0)
    return sheet(book_of(nav, benchmark=benchmark))


def trades() -> FillTable:
    """10 AAPL at 100, sold at 90 by a stop; 5 MSFT at 20, still held; a dollar of fees each."""
    return replace(
        no_fills(), day=np.array(["2021-01-04", "2021-01-05", "2021-01-06"], dtype="datetime64[D]"),
        symbol=np.array([0, 1, 0]), quantity=np.array([10.0, 5.0, -10.0]), price=np.array([100.0, 20.0, 90.0]),
        fees=np.ones(3), arrival=np.array([99.0, np.nan, 91.0]), cause=np.array([0, 0, 1]),
    )  # fmt: skip


def test_years_have_their_own_returns_flows_and_falls() -> None:
    first, second = two_years().years
    assert (first.year, second.year) == (2020, 2021)
    assert first.total == pytest.approx(-0.01)
    # 198 / (99 + 99) and 188.1 / 198; from the high of 1.1 to 0.99 x 0.95
    assert second.total == pytest.approx(-0.05)
    assert first.deepest == pytest.approx(-0.1)
    assert second.deepest == pytest.approx(0.99 * 0.95 / 1.1 - 1)
    assert (first.flow, second.flow) == (0.0, 99.0)
    assert (first.value, second.value) == (99.0, 188.1)
    assert first.benchmark == pytest.approx(0.21)
    assert second.benchmark == pytest.approx(-0.5)
    assert first.months[11] == pytest.approx(-0.01)
    assert np.isnan(first.months[0])
    assert second.gross == pytest.approx(0.9)


def test_growth_leaves_money_from_outside_out() -> None:
    found = two_years()
    assert found.growth == pytest.approx([1.1, 0.99, 0.99, 0.9405])
    assert found.fall == pytest.approx([0.0, -0.1, -0.1, 0.9405 / 1.1 - 1])


def test_rolling_figures_begin_when_a_year_of_returns_is_there() -> None:
    values = np.concatenate((np.zeros(10), 10_000.0 * np.cumprod(1 + np.tile([0.01, -0.005], 130))))
    money = np.zeros(270)
    money[10] = 10_000.0
    found = sheet(book_of(nav_of(values, opening=0.0, flow=money)))
    first = int(np.flatnonzero(np.isfinite(found.rolling_volatility))[0])
    assert first == 10 + WINDOW - 1
    assert found.rolling_sharpe[-1] > 0


def test_the_sentence_says_gain_risk_benchmark_and_trust() -> None:
    found = two_years()
    said = verdict(found).replace("\u00a0", " ")
    assert said == (
        "This backtest lost 5.95 % in 4 sessions after costs, and fell 14.50 % at the worst, where SPY made −39.50 % "
        "and fell 50.00 %; its evidence level is E0, which proves nothing about the future."
    )


@pytest.mark.parametrize(("deflated", "said"), [
    (0.96, "after 14 trials it is 96.00 % sure that this is more than luck"),
    (0.94, "after 14 trials this cannot be told from luck"),
])  # fmt: skip
def test_the_sentence_counts_the_trials(deflated: float, said: str) -> None:
    book = two_years().book
    book = replace(book, provenance=replace(book.provenance, trials=14))
    found = verdict(sheet(book, Extras(significance=Significance(deflated=deflated))))
    assert said in found.replace("\u00a0", " ")


@pytest.mark.parametrize("level", EvidenceLevel)
def test_every_evidence_level_has_its_words(level: EvidenceLevel) -> None:
    book = book_of(nav_of(np.array([10_100.0])), evidence=Evidence(level=level, why="because"))
    assert f"its evidence level is {level.value}, " in verdict(sheet(book))


def test_trades_are_told_by_cause_and_what_is_open() -> None:
    fills = trades()
    done, held = closed_trades(fills), open_trades(fills)
    # 10 x (90 - 100) less 2 of fees, on 1,000
    assert cause_table(fills, done).rows[0] == ["stop loss", "1", "−102.00", "−10.20\u00a0%", "2.0"]
    assert closed_table(fills, done).rows[0][:4] == ["AAPL", "2021-01-04", "2021-01-06", "+10"]
    assert open_table(fills, held).rows == [["MSFT", "2021-01-05", "+5", "100.00", "0.00"]]


def test_costs_are_fees_what_fills_gave_away_and_the_model() -> None:
    decisions = tuple(
        DecisionRow(
            cycle=f"core/b1/{number}", at=datetime(2021, 1, 4, tzinfo=UTC), answer="TARGETS", tokens=1_500,
            cost=Decimal("0.002"), fallback=number == 2,
        )
        for number in (1, 2)
    )  # fmt: skip
    rows = cost_rows(sheet(book_of(nav_of(np.full(3, 10_000.0)), fills=trades(), decisions=decisions)))
    # bought 1 above and sold 1 below the price at the decision, 10 each; 20 of 990 + 910
    assert rows == [
        ["Fees", "3.00"], ["Paid beyond the price at the decision", "+20.00"],
        ["The same in basis points of what traded", "105.26"], ["Tokens of the model", "3,000"],
        ["Cost of the model", "0.0040"], ["Decisions made by a fallback", "1"],
    ]  # fmt: skip


def test_parts_of_the_profit_are_summed() -> None:
    made = attribution_table((AttributionRow(name="choice", amount=10.25), AttributionRow(name="fees", amount=-0.5)))
    assert made.rows[-1] == ["all", "+9.75"]
    assert attribution_table(()).rows == []


def test_long_text_is_cut_on_the_page() -> None:
    assert text("x" * TEXT_MAX) == "x" * TEXT_MAX
    assert text("x" * (TEXT_MAX + 1)) == "x" * TEXT_MAX + "…"
    assert text("a\u202eb\x00c\nd") == "a b c d"


def test_a_large_universe_is_counted() -> None:
    names = tuple(f"S{number}" for number in range(500))
    book = book_of(nav_of(np.array([10_100.0])), mandate=Mandate(account="core", universe=names))
    rows = dict(mandate_rows(sheet(book))[0][1])
    assert rows["universe"].startswith("S0, S1, ")
    assert rows["universe"].endswith("S59, … (500 in all)")


def test_provenance_leaves_out_what_is_not_there() -> None:
    book = book_of(nav_of(np.array([10_100.0])))
    rows = dict(provenance_rows(sheet(book)))
    assert rows["evidence level"] == "E0: no real model was asked"
    assert rows["data hash"] == "9f" * 32
    assert rows["window"] == f"{date(1990, 1, 2)} to {date(1990, 1, 2)}"
    assert "model" not in rows
    assert "contamination" not in rows

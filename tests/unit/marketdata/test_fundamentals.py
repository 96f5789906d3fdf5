"""Fundamentals: the source's figures in our names, asked for once a day, and refused on past dates."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import Temporary
from prudent.marketdata.fundamentals import NoFundamentals, YahooFundamentals, figures_of
from prudent.marketdata.instruments import InstrumentMaster

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
ANSWER = {
    "trailingPE": 30.5, "revenueGrowth": 0.081, "targetMeanPrice": 220.0, "currentPrice": 200.0,
    "recommendationMean": 2, "profitMargins": math.nan, "beta": "high", "surprisePercent": 0.034,
    "earningsTimestampStart": int(datetime(2026, 3, 12, 21, tzinfo=UTC).timestamp()),
}  # fmt: skip


class Source:
    def __init__(self, *, down: bool = False) -> None:
        self.asked: list[str] = []
        self.down = down

    def __call__(self, symbol: str) -> Mapping[str, Any]:
        self.asked.append(symbol)
        if self.down:
            raise Temporary("yahoo gave no fundamentals")
        return ANSWER


def fundamentals(source: Source, folder: Path, clock: SteppedClock) -> YahooFundamentals:
    return YahooFundamentals(clock, InstrumentMaster(), folder, fetch=source)


def test_figures_have_our_names_and_what_is_no_number_is_not_known() -> None:
    found = figures_of(ANSWER, NOW)
    assert (found["pe"], found["revenue_growth"]) == (Decimal("30.5"), Decimal("0.081"))
    assert found["consensus_1_buy_5_sell"] == 2
    assert found["target_upside"] == Decimal("0.1000")
    assert found["last_surprise"] == Decimal("0.034")
    assert found["earnings_in_days"] == 10
    assert (found["profit_margin"], found["beta"], found["market_cap"]) == (None, None, None)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ({"targetMeanPrice": 10.0, "currentPrice": 0.0}, "target_upside"),
        ({"targetMeanPrice": 10.0}, "target_upside"),
        ({"earningsTimestamp": 1e300}, "earnings_in_days"),
        ({"earningsTimestamp": int((NOW - timedelta(days=1)).timestamp())}, "earnings_in_days"),
        ({"trailingPE": math.inf}, "pe"),
        ({"trailingPE": True}, "pe"),
        ({}, "pe"),
    ],
)
def test_odd_answers_leave_a_figure_unknown(answer: Mapping[str, Any], name: str) -> None:
    assert figures_of(answer, NOW)[name] is None


def test_a_company_is_asked_for_once_a_day_and_a_fund_never(tmp_path: Path) -> None:
    source, clock = Source(), SteppedClock(NOW)
    found = fundamentals(source, tmp_path, clock).figures(("AAPL", "SPY", "NOSUCH"))
    assert {each.symbol for each in found} == {"AAPL"}
    assert {(each.as_of, each.source) for each in found} == {(NOW, "yahoo")}
    clock.set(NOW + timedelta(hours=19))
    assert fundamentals(source, tmp_path, clock).figures(("AAPL",)) == found
    assert source.asked == ["AAPL"]
    clock.set(NOW + timedelta(hours=20))
    assert fundamentals(source, tmp_path, clock).figures(("AAPL",))[0].as_of == clock.now()
    assert source.asked == ["AAPL", "AAPL"]


def test_an_outage_is_told_and_asks_no_further(tmp_path: Path) -> None:
    source = Source(down=True)
    found = fundamentals(source, tmp_path, SteppedClock(NOW))
    assert found.figures(("AAPL", "MSFT", "JNJ")) == ()
    assert found.why_not == "yahoo gave no fundamentals"
    assert source.asked == ["AAPL"]
    source.down = False
    assert {each.symbol for each in found.figures(("AAPL", "MSFT"))} == {"AAPL", "MSFT"}
    assert found.why_not == ""


def test_a_broken_file_is_asked_for_again(tmp_path: Path) -> None:
    source, clock = Source(), SteppedClock(NOW)
    (tmp_path / "AAPL.json").write_text('{"asked": "yesterday", "values": []}', encoding="utf-8")
    assert fundamentals(source, tmp_path, clock).figures(("AAPL",))
    assert source.asked == ["AAPL"]


def test_on_past_dates_there_are_none_and_the_reason_is_told() -> None:
    assert NoFundamentals().figures(("AAPL",)) == ()
    assert "no history" in NoFundamentals().why_not

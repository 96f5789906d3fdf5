"""The market as facts: indicators by hand, gaps, earnings dates, the regime's series, and what is missing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import numpy as np
import pytest
from tests.unit.reasoning.account import MANDATE, NOW, seen, stock
from tests.unit.reasoning.hand_market import HandMarket, earnings

from prudent.domain.errors import Temporary
from prudent.domain.instruments import InstrumentKind
from prudent.domain.quotes import Quote
from prudent.ports import DecideContext, Floats
from prudent.reasoning.book import UNKNOWN, read_book
from prudent.reasoning.market_facts import market_facts, symbol_facts

PRICES = {"AAA": "50", "BBB": "200"}
LINE = np.arange(1.0, 254.0)


def context(market: HandMarket, prices: dict[str, str | None] | None = None) -> DecideContext:
    return DecideContext(seen(prices or dict(PRICES)), MANDATE, market, target_of=lambda account: {}, read_file=str)


def rows(market: HandMarket, prices: dict[str, str | None] | None = None) -> list[dict[str, Any]]:
    own = context(market, prices)
    found = symbol_facts(own, read_book(own.observation, tuple(own.observation.quotes[n].symbol for n in range(2))))
    return cast("list[dict[str, Any]]", found)


def market(aaa: Floats = LINE, bbb: Floats = LINE) -> HandMarket:
    return HandMarket(closes={"AAA": aaa, "BBB": bbb})


def test_indicators_of_a_straight_line_by_hand() -> None:
    shown = rows(market())[0]["indicators"]
    # Closes 1..253: the mean of the last n is 253 - (n - 1) / 2; nothing ever fell; 253 over 252 and so on.
    assert (shown["of"], shown["sessions"]) == ("2022-11-25", 253)
    assert [shown[f"sma_{n}"] for n in (20, 50, 200)] == ["243.5", "228.5", "153.5"]
    assert shown["rsi_14"] == "100"
    assert (shown["return_5"], shown["return_252"]) == ("0.0202", "252")
    # The population deviation of twenty numbers in a row is sqrt((400 - 1) / 12) = 5.7663.
    assert (shown["bollinger_middle"], shown["bollinger_upper"]) == ("243.5", "255.0326")
    assert shown["bollinger_position"] == "0.9119"
    # A line rises by 1 a bar: the averages of 12 and 26 lag it by 5.5 and 12.5 bars.
    assert (shown["macd"], shown["macd_signal"], shown["macd_histogram"]) == ("7", "7", "0")


def test_a_young_symbol_knows_what_it_can_and_does_not_disturb_an_old_one() -> None:
    old, young = rows(market(bbb=np.arange(1.0, 31.0)))
    assert old["indicators"] == rows(market())[0]["indicators"]
    shown = young["indicators"]
    assert (shown["sessions"], shown["sma_20"], shown["sma_50"], shown["return_63"]) == (30, "20.5", UNKNOWN, UNKNOWN)


def test_a_gap_in_the_middle_is_closed_and_a_price_of_zero_is_a_gap() -> None:
    gapped = LINE.copy()
    gapped[[100, 101]] = np.nan
    gapped[102] = 0.0
    closed = np.delete(LINE, [100, 101, 102])
    assert rows(market(aaa=gapped))[0]["indicators"] == rows(market(aaa=closed))[0]["indicators"]


def test_a_flat_price_has_no_place_between_its_bands() -> None:
    shown = rows(market(aaa=np.full(60, 10.0)))[0]["indicators"]
    assert (shown["bollinger_upper"], shown["bollinger_position"], shown["volatility_20"]) == ("10", UNKNOWN, "0")


def test_a_symbol_without_a_price_is_not_asked_for() -> None:
    found = rows(HandMarket(closes={"BBB": LINE}), {"AAA": None, "BBB": "200"})
    assert found[0]["indicators"] == {}
    assert found[1]["indicators"]["sessions"] == 253


def test_the_change_of_the_day_and_the_age_are_told() -> None:
    own = context(market())
    quote = Quote(
        symbol="AAA", price=Decimal(50), previous_close=Decimal(48), as_of=NOW - timedelta(seconds=90),
        age_seconds=Decimal("90.4"), source="hand", adv_dollars=Decimal("1234567.89"),
    )  # fmt: skip
    observed = replace(own.observation, quotes=(quote, own.observation.quotes[1]))
    row = cast("dict[str, Any]", symbol_facts(replace(own, observation=observed), read_book(observed, ("AAA",)))[0])
    assert (row["change"], row["age_seconds"], row["adv_dollars"]) == ("0.0417", "90", "1234568")
    assert (row["source"], row["quality"], row["limits"]) == ("hand", "REAL", {})


def test_earnings_are_those_announced_and_a_fund_has_none() -> None:
    found = market()
    known = datetime(2022, 11, 1, tzinfo=UTC)
    found.told = [
        earnings("AAA", date(2022, 12, 8), known_at=known),
        earnings("AAA", date(2022, 12, 1), known_at=NOW + timedelta(seconds=1)),
        earnings("AAA", date(2022, 10, 27), known_at=known),
        earnings("AAA", date(2022, 9, 1), known_at=known),
    ]
    own = context(found)
    fund = replace(own.observation, instruments=(stock("AAA"), stock("BBB", kind=InstrumentKind.ETF)))
    one, other = (
        cast("dict[str, Any]", row)["earnings"]
        for row in symbol_facts(replace(own, observation=fund), read_book(fund, ("AAA", "BBB")))
    )
    assert one == {"next": "2022-12-08", "days": 10, "last": "2022-10-27", "source": "hand"}
    assert other == {"next": "none", "last": "none"}


def test_a_date_of_today_is_the_next_one_and_none_is_unknown() -> None:
    found = market()
    found.told = [earnings("AAA", date(2022, 11, 28), known_at=datetime(2022, 11, 1, tzinfo=UTC))]
    one, other = rows(found)
    assert (one["earnings"]["next"], one["earnings"]["days"]) == ("2022-11-28", 0)
    assert (other["earnings"]["next"], other["earnings"]["days"]) == (UNKNOWN, UNKNOWN)
    found.failing["earnings"] = Temporary("the calendar is away")
    assert rows(found)[0]["earnings"]["why"] == "the calendar is away"


def whole(found: HandMarket) -> dict[str, Any]:
    own = context(found)
    return cast("dict[str, Any]", market_facts(own, symbol_facts(own, read_book(own.observation, ("AAA", "BBB")))))


def rising(count: int = 524) -> Floats:
    """A calm climb of a tenth of a percent a day, up and down a little."""
    steps = 0.001 + 0.002 * np.where(np.arange(count) % 2, 1.0, -1.0)
    climb: Floats = 100 * np.exp(np.cumsum(steps))
    return climb


def series(**changed: Floats) -> HandMarket:
    found = market()
    found.named = {"SPX": rising(), "VIX": np.full(524, 14.0), "TNX": np.linspace(3.0, 3.5, 22), **changed}
    found.closes["SPX"] = found.named["SPX"]
    return found


def test_a_calm_climb_is_a_bull_market() -> None:
    told = whole(series())
    assert (told["regime"]["rule"], told["regime"]["trend"], told["regime"]["flags"]) == ("BULL", "UP", [])
    assert (told["index"]["name"], told["index"]["of"], told["index"]["quality"]) == ("SPX", "2022-11-25", "REAL")
    assert Decimal(told["index"]["close_to_sma200"]) > Decimal("1.05")
    assert told["index"]["adx_14"] != UNKNOWN
    assert (told["vix"]["level"], told["vix"]["change_5"], told["vix"]["term"]) == ("14", "0", UNKNOWN)
    assert (told["ten_year"]["level"], told["ten_year"]["change_21"]) == ("3.5", "0.5")


def test_fear_alone_makes_it_volatile_at_once() -> None:
    vix = np.full(524, 14.0)
    vix[-1] = 38.0
    told = whole(series(VIX=vix))["regime"]
    assert (told["rule"], told["trend"], told["volatility"]) == ("HIGH_VOLATILITY", "UP", "HIGH")


def test_without_vix_the_regime_says_so_and_the_reason_is_told() -> None:
    found = series()
    del found.named["VIX"]
    told = whole(found)
    assert told["regime"]["flags"] == ["no_vix"]
    assert told["vix"] == {"level": UNKNOWN, "why": "source hand must have VIX"}


@pytest.mark.parametrize("away", ["SPX", "TNX"])
def test_a_series_that_cannot_be_had_now_is_unknown_with_the_reason(away: str) -> None:
    found = series()
    found.failing[away] = Temporary("the source is away")
    told = whole(found)
    part, name = ("index", "close") if away == "SPX" else ("ten_year", "level")
    assert (told[part][name], told[part]["why"]) == (UNKNOWN, "the source is away")
    assert (told["regime"]["rule"] == "SIDEWAYS") is (away == "SPX")


def test_a_short_history_is_sideways_without_confidence() -> None:
    told = whole(series(SPX=rising(199)))["regime"]
    assert (told["rule"], told["confidence"], told["flags"]) == ("SIDEWAYS", "0", ["insufficient_history"])
    assert told["sessions"] == 199


def test_sessions_that_only_one_series_has_are_not_mixed_up() -> None:
    vix = np.full(524, 14.0)
    vix[-2] = np.nan
    assert whole(series(VIX=vix))["regime"]["flags"] == []
    vix[-1] = np.nan
    assert whole(series(VIX=vix))["regime"]["flags"] == ["no_vix"]


def test_breadth_counts_the_listed_symbols_that_are_above_their_average() -> None:
    # AAA at 50 is below the mean of 204..253, BBB at 200 too, then above the mean of a flat 10.
    assert whole(series())["breadth"] == {"above_sma_50": "0", "of_symbols": 2}
    found = series()
    found.closes["BBB"] = np.full(60, 10.0)
    assert whole(found)["breadth"] == {"above_sma_50": "0.5", "of_symbols": 2}
    found.closes["BBB"] = np.full(20, 10.0)
    assert whole(found)["breadth"] == {"above_sma_50": "0", "of_symbols": 1}

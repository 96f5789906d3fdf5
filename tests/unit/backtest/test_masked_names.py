"""Names and days of a run: what is replaced comes back exactly, and what is counted leaves no gap."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.backtest.masked_days import DayNumbers
from prudent.backtest.masked_names import OTHER, Names
from prudent.domain.instruments import Instrument
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.instruments import InstrumentMaster

MASTER = InstrumentMaster()
ALL = tuple(MASTER.all())
LISTED = ("AAPL", "ALL", "A", "BRK.B", "F", "JPM", "MSFT", "SPY", "T", "XOM")
DAYS = DayNumbers(ExchangeCalendar(), date(2020, 3, 2), date(2020, 4, 30))


def names(seed: int = 0, symbols: tuple[str, ...] = LISTED) -> Names:
    return Names(symbols, ALL, seed=seed)


@given(st.integers(0, 10_000), st.sets(st.sampled_from([each.symbol for each in ALL]), min_size=1, max_size=60))
def test_every_symbol_and_sector_comes_back(seed: int, symbols: set[str]) -> None:
    found = Names(symbols, ALL[:150], seed=seed)
    masked = [found.symbol(each) for each in sorted(symbols)]
    assert len(set(masked)) == len(symbols)
    assert [found.real(each) for each in masked] == sorted(symbols)
    sectors = {each.sector for each in ALL[:150] if each.symbol in symbols and each.sector in found.pairs()}
    assert {found.real(found.sector(each)) for each in sectors} == sectors


def test_the_seed_draws_the_names() -> None:
    assert names(1).pairs() == names(1).pairs()
    assert names(1).pairs() != names(2).pairs()


def test_a_text_with_names_in_it_comes_back() -> None:
    found = names()
    text = "AAPL and ALL fell, BRK.B rose; XOM is in Energy"
    masked = found.text(text)
    assert masked.count("ASSET_") == 4
    assert found.real(masked) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Apple and Microsoft", "AAPL MSFT"), ("JPMorgan Chase", "JPM"), ("$AAPL", "AAPL"), ("iPhone sales", "AAPL"),
        ("the S&P 500", ""), ("ALLOW and Appleton and SPYGLASS", ""), ("NVDA", ""),
    ],
)  # fmt: skip
def test_companies_are_known_by_what_they_are_called(text: str, kept: str) -> None:
    found = names()
    masked = found.text(text)
    assert [found.real(each) for each in masked.split() if each.startswith("ASSET_")] == kept.split()


@pytest.mark.parametrize(
    "spelling", [str.lower, lambda s: s.replace("_", " "), lambda s: f"${s}", lambda s: s.replace("_0", "_"),
                 lambda s: s.replace("_", "-")],
)  # fmt: skip
def test_a_pseudonym_is_known_in_any_spelling(spelling: Callable[[str], str]) -> None:
    found = names()
    assert [found.real(spelling(found.symbol(each))) for each in LISTED] == list(LISTED)


def test_other_companies_are_one() -> None:
    found = names()
    assert found.text("Chevron, CVX") == f"{OTHER}, {OTHER}"
    assert found.symbol("CVX") == OTHER


def test_a_symbol_that_a_model_was_not_shown_names_nothing() -> None:
    assert names().real('{"symbol": "AAPL"}') == '{"symbol": "(not on the list)"}'
    assert names().real("ASSET_99 and ASSET_00") == "ASSET_99 and ASSET_00"


def test_funds_keep_a_sector_of_their_own() -> None:
    spy = next(each for each in ALL if each.symbol == "SPY")
    assert ":" in names().sector(spy.sector)
    assert isinstance(spy, Instrument)


def test_days_are_counted_without_week_ends_and_holidays() -> None:
    """Good Friday of 2020 was 10 April."""
    days = [date(2020, 3, 2) + timedelta(days=n) for n in range(45)]
    sessions = [each for each in days if each.weekday() < 5 and each != date(2020, 4, 10)]
    assert [DAYS.number(each) for each in sessions] == list(range(1, len(sessions) + 1))
    assert DAYS.day("2020-03-02T21:00:00.000000Z") == "Day 1"
    assert DAYS.number(date(2020, 4, 10)) == DAYS.number(date(2020, 4, 13))
    assert DAYS.number(date(2020, 2, 28)) == 0
    assert [DAYS.week(str(each)) for each in sessions[4:6]] == ["Week 1", "Week 2"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("since 2008", "since a year"),
        ("on 12 March 2020", "on a date"),
        ("on March 12, 2020 it fell", "on a date it fell"),
        ("by 2020-03-05 or 2020-03-05T10:00:00Z", "by Day 4 or Day 4"),
        ("reports Q3 2019", "reports a quarter"),
        ("after May, it may rise", "a date, it may rise"),
        ("on Mondays", "on a day"),
        ("the COVID-19 low of the 1990s", "the an event low of the a decade"),
        ("a march of 2000 shares for $1999 or 2010 USD", "a a month of 2000 shares for $1999 or 2010 USD"),
        ("12 Mar '20", "a date"),
    ],
)
def test_dates_in_texts_are_taken_out(text: str, masked: str) -> None:
    assert DAYS.words(text) == masked

"""Raw prices: levels as quoted, history on the scale of the clock's day, and nothing of it from a row to come."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import InputError, LookAhead
from prudent.domain.quotes import Quality, Quote
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.files import FilesMarket, FileSource
from prudent.marketdata.raw_prices import RawFilesMarket, RawFileSource, history_of
from prudent.ports import Bars

CALENDAR = ExchangeCalendar()
HEAD = "date,open,high,low,close,volume,dividend,split"
# A split of two on Wednesday 3 July 2024, a dividend of 0.50 the day before.
ROWS = (
    "2024-07-01,100,104,98,102,1000,0,1",
    "2024-07-02,101,105,99,104,1000,0.5,1",
    "2024-07-03,52,54,51,53,2000,0,2",
    "2024-07-05,53,55,52,54,2000,0,1",
)
D = Decimal


def source_of(folder: Path, rows: tuple[str, ...] = ROWS, head: str = HEAD) -> RawFileSource:
    (folder / "ABC.csv").write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    return RawFileSource(CALENDAR, folder)


def market_at(source: RawFileSource, now: datetime) -> RawFilesMarket:
    return RawFilesMarket(SteppedClock(now), CALENDAR, source)


def quote_at(source: RawFileSource, now: datetime) -> Quote:
    (quote,) = market_at(source, now).quotes(("ABC",))
    return quote


def test_a_price_is_as_it_was_quoted_and_history_is_on_its_scale(tmp_path: Path) -> None:
    source = source_of(tmp_path)
    market = market_at(source, datetime(2024, 7, 3, 22, tzinfo=UTC))
    bars = market.daily(("ABC",), sessions=9)
    assert bars.fields["close"][:, 0].tolist() == [51.0, 52.0, 53.0]
    assert bars.fields["high"][:, 0].tolist() == [52.0, 52.5, 54.0]
    assert bars.fields["raw_close"][:, 0].tolist() == [102.0, 104.0, 53.0]
    assert bars.fields["dividend"][:, 0].tolist() == [0.0, 0.5, 0.0]
    assert bars.quality["close"] == (Quality.DERIVED,)
    (quote,) = market.quotes(("ABC",))
    assert (quote.price, quote.level, quote.previous_close) == (D("53"), D("53"), D("53"))


def test_before_a_split_nothing_is_divided_by_it(tmp_path: Path) -> None:
    market = market_at(source_of(tmp_path), datetime(2024, 7, 2, 22, tzinfo=UTC))
    bars = market.daily(("ABC",), sessions=9)
    assert bars.fields["close"][:, 0].tolist() == [102.0, 104.0]
    assert bars.quality["close"] == (Quality.REAL,)
    assert market.quotes(("ABC",))[0].price == D("104")


def test_a_split_counts_from_the_midnight_before_its_open(tmp_path: Path) -> None:
    source, clock = source_of(tmp_path), SteppedClock(datetime(2024, 7, 3, 3, 59, tzinfo=UTC))
    market = RawFilesMarket(clock, CALENDAR, source)
    assert market.quotes(("ABC",))[0].price == D("104")
    clock.set(datetime(2024, 7, 3, 4, 0, tzinfo=UTC))  # midnight in New York
    assert market.quotes(("ABC",))[0].price == D("52")
    clock.set(datetime(2024, 7, 3, 13, 30, tzinfo=UTC))
    (quote,) = market.quotes(("ABC",))
    assert (quote.price, quote.level, quote.previous_close) == (D("52"), D("52"), D("52"))


def test_an_adjusted_close_beside_raw_prices_is_not_used(tmp_path: Path) -> None:
    rows = ("2024-07-01,100,104,98,102,1000,40",)
    source = source_of(tmp_path, rows, "date,open,high,low,close,volume,adj_close")
    assert quote_at(source, datetime(2024, 7, 1, 22, tzinfo=UTC)).price == D("102")


def test_the_clock_bounds_raw_prices_too(tmp_path: Path) -> None:
    market = market_at(source_of(tmp_path), datetime(2024, 7, 2, 22, tzinfo=UTC))
    with pytest.raises(LookAhead):
        market.daily(("ABC",), sessions=1, end=date(2024, 7, 3))
    assert market.quotes(("NOSUCH",))[0].price is None


def test_what_was_read_is_read_again_once_it_is_forgotten(tmp_path: Path) -> None:
    source = source_of(tmp_path)
    market = market_at(source, datetime(2024, 7, 3, 22, tzinfo=UTC))
    market.quotes(("ABC",))
    source_of(tmp_path, (*ROWS[:2], "2024-07-03,52,54,51,53.5,2000,0,2"))
    market.forget()
    assert market.quotes(("ABC",))[0].price == D("53.5")


def test_a_backtest_reads_raw_prices_where_files_have_actions_only(tmp_path: Path) -> None:
    raw, adjusted = tmp_path / "raw", tmp_path / "adjusted"
    for each in (raw, adjusted):
        each.mkdir()
    source_of(raw)
    assert isinstance(history_of(CALENDAR, raw), RawFileSource)
    head = "date,open,high,low,close,volume,adj_close"
    source_of(adjusted, ("2024-07-01,100,104,98,102,1000,40",), head)
    assert history_of(CALENDAR, adjusted).total_return
    (adjusted / "XYZ.csv").write_text(f"{HEAD}\n{ROWS[0]}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"adj_close in all files or in none, XYZ\.csv have none"):
        history_of(CALENDAR, adjusted)
    (raw / "ABC.csv").write_text("date,open,high,low,close,volume\n2024-07-01,1,1,1,1,1\n", encoding="utf-8")
    assert type(history_of(CALENDAR, raw)) is FileSource


SESSIONS = CALENDAR.sessions(date(2024, 7, 1), date(2024, 9, 30))
prices = st.floats(5.0, 500.0).map(lambda value: round(value, 2))
rows = st.tuples(prices, prices, st.sampled_from([0.0, 0.0, 0.0, 0.37]), st.sampled_from([1.0, 1.0, 1.0, 2.0, 0.1]))
SAME = ("price", "bid", "ask", "level", "previous_close", "previous_level", "adv_dollars", "rsi_14", "as_of")


def text_of(made: list[tuple[float, float, float, float]]) -> str:
    lines = [HEAD]
    for session, (opened, close, paid, ratio) in zip(SESSIONS, made):
        top, bottom = max(opened, close) + 1.0, min(opened, close) - 1.0
        lines.append(f"{session.date},{opened},{top},{bottom},{close},1000,{paid},{ratio}")
    return "\n".join(lines) + "\n"


def seen(path: Path, made: list[tuple[float, float, float, float]], now: datetime) -> tuple[list[object], Bars]:
    (path / "ABC.csv").write_text(text_of(made), encoding="utf-8")
    market = market_at(RawFileSource(CALENDAR, path), now)
    (quote,) = market.quotes(("ABC",))
    return [getattr(quote, name) for name in SAME], market.daily(("ABC",), sessions=99)


@given(
    st.lists(rows, min_size=8, max_size=20), st.lists(rows, min_size=20, max_size=20), st.integers(3, 7),
    st.sampled_from([timedelta(hours=-9), timedelta(0), timedelta(hours=7)]),
)  # fmt: skip
def test_no_value_of_a_day_depends_on_a_later_row(
    tmp_path_factory: pytest.TempPathFactory, past: list[tuple[float, float, float, float]],
    other: list[tuple[float, float, float, float]], day: int, hour: timedelta,
) -> None:  # fmt: skip
    # Half past midnight of a day (-9 h), its open (0 h) and after its close (7 h).
    now = SESSIONS[day].open + hour
    opened, _, paid, ratio = past[day]
    # Until the close its open and its actions may be known, and no more.
    today = past[day] if hour > timedelta(0) else (opened, other[0][1], paid, ratio)
    before = seen(tmp_path_factory.mktemp("before"), past, now)
    after = seen(tmp_path_factory.mktemp("after"), [*past[:day], today, *other[1:]], now)
    assert before[0] == after[0]
    for name in before[1].fields:
        np.testing.assert_array_equal(before[1].fields[name], after[1].fields[name], err_msg=name)


def test_carried_prices_are_another_reading_of_the_same_files(tmp_path: Path) -> None:
    source_of(tmp_path)
    carried = FilesMarket(SteppedClock(datetime(2024, 7, 3, 22, tzinfo=UTC)), CALENDAR, tmp_path)
    # One unit is a share of 1 July that reinvests: 53 / ((1 - 0.5 / 102) / 2).
    assert float(carried.quotes(("ABC",))[0].price or 0) == pytest.approx(53 / ((1 - 0.5 / 102) / 2))

"""Prices from a folder: daily files, bars inside sessions, unknown symbols, and what is wrong with a file."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.gateway.market.worlds import CALENDAR, made

from prudent.domain.errors import InputError
from prudent.gateway.market.details import Query
from prudent.gateway.market.files import FileHistory
from prudent.gateway.market.history import Bar

HEAD = "date,open,high,low,close,volume\n"
DAYS = HEAD + "2024-07-01,100,104,99,103,1000\n2024-07-02,103,106,101,102,2000\n2024-07-03,102,103,98,99,1500\n"
# The third of July 2024 ended at one; the bars are of five minutes, with a hole at 09:40.
MINUTES = HEAD + (
    "2024-07-03T08:00,9,9,9,9,77\n"
    "2024-07-03T09:30,10,12,9,11,500\n2024-07-03T09:35,11,11.5,10.5,10.75,300\n2024-07-03T09:45,13,14,12.5,13.5,200\n"
    "2024-07-03T12:55,20,21,19,20.5,400\n"
)
MORNING = datetime(2024, 7, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ZZZZ.csv").write_text(DAYS)
    (tmp_path / "AAPL.csv").write_text(MINUTES)
    return tmp_path


def floats(*values: Decimal | None) -> list[float | None]:
    return [None if value is None else float(value) for value in values]


def ohlcv(bar: Bar) -> list[float | None]:
    return floats(bar.open, bar.high, bar.low, bar.close, bar.volume)


def con_id(source: FileHistory, symbol: str) -> int:
    (row,) = made(MORNING, source=source).find(Query(symbol=symbol, sec_type="STK", currency="USD"))
    return row.con_id


def test_a_symbol_that_only_a_file_has_is_listed_and_its_day_is_the_files(folder: Path) -> None:
    source = FileHistory(folder, CALENDAR)
    evening = datetime(2024, 7, 2, 20, 0, tzinfo=UTC)
    market = made(evening, source=source)
    number = con_id(source, "ZZZZ")
    shown = market.top(number)
    assert shown is not None
    assert floats(shown.open, shown.high, shown.low, shown.last) == [103, 106, 101, 102]
    assert floats(shown.close, shown.volume) == [103, 2000]
    days = market.bars(number, "TRADES", timedelta(days=1), evening - timedelta(days=2), evening, use_rth=True)
    assert [ohlcv(bar) for bar in days] == [[100, 104, 99, 103, 1000], [103, 106, 101, 102, 2000]]
    minutes = market.bars(number, "TRADES", timedelta(minutes=1), evening - timedelta(hours=8), evening, use_rth=True)
    assert floats(minutes[0].open, minutes[-1].close) == [103, 102]
    assert floats(max(bar.high for bar in minutes), min(bar.low for bar in minutes)) == [106, 101]


def test_bars_of_a_file_come_back_as_they_are(folder: Path) -> None:
    noon = datetime(2024, 7, 3, 18, 0, tzinfo=UTC)
    market = made(noon, source=FileHistory(folder, CALENDAR))
    five = timedelta(minutes=5)
    bars = {
        f"{bar.start:%H:%M}": ohlcv(bar)
        for bar in market.bars(265598, "TRADES", five, noon - timedelta(hours=8), noon, use_rth=True)
    }
    assert len(bars) == 42
    assert bars["13:30"] == [10, 12, 9, 11, 500]
    assert bars["13:40"] == [10.75, 10.75, 10.75, 10.75, 0]
    assert bars["13:45"] == [13, 14, 12.5, 13.5, 200]
    assert bars["16:55"] == [20, 21, 19, 20.5, 400]
    (day,) = market.bars(265598, "TRADES", timedelta(days=1), noon - timedelta(hours=8), noon, use_rth=True)
    assert ohlcv(day) == [10, 21, 9, 20.5, 1400]


def test_the_clock_begins_at_the_last_session_of_the_files(folder: Path) -> None:
    assert FileHistory(folder, CALENDAR).last == date(2024, 7, 3)


def test_after_its_last_day_a_file_is_carried_on(folder: Path) -> None:
    market = made(datetime(2024, 8, 1, 15, 0, tzinfo=UTC), source=FileHistory(folder, CALENDAR))
    shown = market.top(con_id(FileHistory(folder, CALENDAR), "ZZZZ"))
    assert shown is not None
    assert shown.last is not None
    assert Decimal(40) < shown.last < Decimal(250)


def test_parquet_is_read_too(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    columns = {"open": [10.0, 11.0], "high": [12.0, 13.0], "low": [9.0, 10.0], "close": [11.0, 12.0], "volume": [5, 6]}
    polars.DataFrame({"date": ["2024-07-01", "2024-07-02"], **columns}).write_parquet(tmp_path / "ZZZZ.parquet")
    source = FileHistory(tmp_path, CALENDAR)
    shown = made(datetime(2024, 7, 2, 21, 0, tzinfo=UTC), source=source).top(con_id(source, "ZZZZ"))
    assert shown is not None
    assert floats(shown.last, shown.close) == [12, 11]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("2024-07-04T09:30,1,1,1,1,1\n2024-07-04T09:31,1,1,1,1,1\n", "must be sessions of the exchange"),
        ("2024-07-03T09:30,1,1,1,1,1\n2024-07-03T09:30,1,1,1,1,1\n", "stands twice"),
        ("2024-07-03T09:30,1,1,1,1,1\n2024-07-03T09:37,1,1,1,1,1\n", "1 to 30 minutes"),
        ("2024-07-03T09:30,1,1,1,1,1\nnever,1,1,1,1,1\n", "date must be like"),
        ("2024-07-03T09:30,1,1,2,1,1\n2024-07-03T09:31,1,1,1,1,1\n", "between low and high"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, rows: str, fault: str) -> None:
    (tmp_path / "AAPL.csv").write_text(HEAD + rows)
    with pytest.raises(InputError, match=fault):
        made(MORNING, source=FileHistory(tmp_path, CALENDAR)).top(265598)


def test_a_folder_without_prices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must hold"):
        made(MORNING, source=FileHistory(tmp_path, CALENDAR))

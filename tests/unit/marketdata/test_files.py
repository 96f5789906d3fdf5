"""The folder source: both layouts, adjustment, and bad rows named by file and line."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars
import pytest
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import ConfigError, InputError
from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.files import FilesMarket

CALENDAR = ExchangeCalendar()
HEAD = "date,open,high,low,close,volume"
THREE = "2024-07-01,10,12,9,11,100\n2024-07-02,11,13,10,12,200\n2024-07-03,12,14,11,13,300\n"
EVENING = datetime(2024, 7, 3, 22, 0, tzinfo=UTC)


def market(folder: Path, now: datetime = EVENING) -> FilesMarket:
    return FilesMarket(SteppedClock(now), CALENDAR, folder)


def write(folder: Path, text: str, name: str = "ABC.csv") -> FilesMarket:
    (folder / name).write_text(text, encoding="utf-8")
    return market(folder)


def test_one_file_a_symbol_is_named_after_it(tmp_path: Path) -> None:
    write(tmp_path, f"{HEAD}\n{THREE}", "brk-b.csv")
    bars = market(tmp_path).daily(("BRK.B",), sessions=5)
    assert bars.fields["close"][:, 0].tolist() == [11.0, 12.0, 13.0]
    assert bars.fields["volume"][:, 0].tolist() == [100.0, 200.0, 300.0]
    assert bars.fields["dividend"][:, 0].tolist() == [0.0, 0.0, 0.0]
    assert bars.fields["split"][:, 0].tolist() == [1.0, 1.0, 1.0]
    assert set(bars.quality["close"]) == {Quality.REAL}
    assert market(tmp_path).symbols == ("BRK.B",)


def test_a_long_file_holds_many_symbols_in_any_order(tmp_path: Path) -> None:
    rows = ("XYZ,2024-07-02,5,5,5,5,1", "ABC,2024-07-02,2,2,2,2,1", "ABC,2024-07-01,1,1,1,1,1")
    source = write(tmp_path, "\n".join(("Symbol,Date,Open,High,Low,Close,Volume", *rows)), "all.csv")
    assert source.symbols == ("ABC", "XYZ")
    closes = source.daily(("XYZ", "ABC"), sessions=5).fields["close"]
    assert np.isnan(closes[0, 0])
    assert closes[:, 1].tolist() == [1.0, 2.0]


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    days = [datetime(2024, 7, 1).date(), datetime(2024, 7, 2).date()]  # noqa: DTZ001
    frame = polars.DataFrame({
        "date": days, "open": [10, 11], "high": [12, 13], "low": [9, 10], "close": [11.0, 12.0], "volume": [100, None],
    })  # fmt: skip
    frame.write_parquet(tmp_path / "ABC.parquet")
    bars = market(tmp_path).daily(("ABC",), sessions=5)
    assert bars.fields["close"][:, 0].tolist() == [11.0, 12.0]
    assert np.isnan(bars.fields["volume"][1, 0])


def test_without_polars_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ABC.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ConfigError, match=r"extra `parquet`"):
        market(tmp_path).quotes(("ABC",))


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "ABC.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"ABC\.parquet must be a readable Parquet file"):
        market(tmp_path).quotes(("ABC",))


def test_inside_a_session_the_price_is_the_open_of_the_day(tmp_path: Path) -> None:
    write(tmp_path, f"{HEAD}\n{THREE}")
    (quote,) = market(tmp_path, datetime(2024, 7, 3, 14, 0, tzinfo=UTC)).quotes(("ABC",))
    assert (quote.price, quote.level, quote.previous_close) == (Decimal("12.0"), Decimal("12.0"), Decimal("12.0"))
    assert quote.as_of == datetime(2024, 7, 3, 13, 30, tzinfo=UTC)
    assert quote.quality is Quality.REAL


def test_a_day_without_a_row_keeps_the_last_close_and_its_age(tmp_path: Path) -> None:
    write(tmp_path, f"{HEAD}\n{THREE}")
    (quote,) = market(tmp_path, datetime(2024, 7, 5, 14, 0, tzinfo=UTC)).quotes(("ABC",))
    assert (quote.price, quote.as_of) == (Decimal("13.0"), datetime(2024, 7, 3, 17, 0, tzinfo=UTC))
    assert quote.market_open


def test_adjusted_closes_scale_the_other_prices(tmp_path: Path) -> None:
    bars = write(tmp_path, f"{HEAD},Adj Close\n2024-07-01,10,12,8,10,100,5\n2024-07-02,5,6,4,5,200,5\n").daily(
        ("ABC",), sessions=2
    )
    assert bars.fields["close"][:, 0].tolist() == [5.0, 5.0]
    assert bars.fields["open"][:, 0].tolist() == [5.0, 5.0]
    assert bars.fields["high"][:, 0].tolist() == [6.0, 6.0]
    assert bars.fields["raw_close"][:, 0].tolist() == [10.0, 5.0]
    assert (bars.quality["close"], bars.quality["open"]) == ((Quality.REAL,), (Quality.DERIVED,))


def test_splits_and_dividends_are_carried_forward(tmp_path: Path) -> None:
    # 2 for 1 on the second day: one share becomes two. A dividend of 1 on 5 buys a quarter more at 4.
    text = f"{HEAD},split,dividend\n2024-07-01,10,10,10,10,1,,\n2024-07-02,5,5,5,5,1,2,\n2024-07-03,4,4,4,4,1,,1\n"
    bars = write(tmp_path, text).daily(("ABC",), sessions=3)
    assert bars.fields["close"][:, 0].tolist() == [10.0, 10.0, 10.0]
    assert bars.fields["raw_close"][:, 0].tolist() == [10.0, 5.0, 4.0]
    (quote,) = market(tmp_path).quotes(("ABC",))
    assert (quote.price, quote.level, quote.quality) == (Decimal("10.0"), Decimal("4.0"), Quality.DERIVED)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("2024-07-02,11,13,10,x,200", "close must be a number above 0, was 'x'"),
        ("2024-07-02,11,13,10,,200", "close must be a number above 0, was ''"),
        ("2024-07-02,11,13,10,nan,200", "close must be a number above 0, was 'nan'"),
        ("2024-07-02,11,13,10,-12,200", "close must be a number above 0, was '-12'"),
        ("2024-07-02,11,13,10,12,-1", "volume must be a number 0 or more, was '-1'"),
        ("2024-07-02,11,11.5,10,12,200", "open and close must lie between low and high"),
        ("02/07/2024,11,13,10,12,200", "date must be like 2024-12-31, was '02/07/2024'"),
        ("2024-07-04,11,13,10,12,200", "date must be a session of the exchange, was 2024-07-04"),
        ("2024-07-01,11,13,10,12,200", "ABC must have one row a date, has two of 2024-07-01"),
        ("2024-07-02,11,13,10,12", "row must have 6 cells, has 5"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, row: str, says: str) -> None:
    source = write(tmp_path, f"{HEAD}\n2024-07-01,10,12,9,11,100\n{row}\n")
    with pytest.raises(InputError, match=rf"^ABC\.csv line 3: {says}"):
        source.daily(("ABC",), sessions=1)


def test_a_bad_symbol_of_a_long_file_is_named(tmp_path: Path) -> None:
    source = write(tmp_path, f"symbol,{HEAD}\n!,2024-07-01,10,12,9,11,100\n", "all.csv")
    with pytest.raises(InputError, match=r"^all\.csv line 2: symbol must be a ticker"):
        source.quotes(("ABC",))


def test_missing_columns_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must hold \.csv or \.parquet files"):
        market(tmp_path).quotes(("ABC",))
    with pytest.raises(InputError, match=r"ABC\.csv: columns must include .*, missing: low, volume"):
        write(tmp_path, "date,open,high,close\n").quotes(("ABC",))


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "ABC.csv").write_bytes(b"date,\xff\xfe\n")
    with pytest.raises(InputError, match=r"ABC\.csv must be a readable CSV file in UTF-8"):
        market(tmp_path).quotes(("ABC",))


def test_there_are_no_bars_inside_a_session_and_no_events(tmp_path: Path) -> None:
    source = write(tmp_path, f"{HEAD}\n{THREE}")
    bars = source.bars(("ABC",), minutes=30, start=datetime(2024, 7, 1, tzinfo=UTC), end=EVENING)
    assert len(bars.times) == 0
    assert bars.fields["close"].shape == (0, 1)
    assert source.events(("ABC",), kind="earnings", start=EVENING.date(), end=EVENING.date()) == ()

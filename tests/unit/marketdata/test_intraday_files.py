"""Bars within the day from files: what the clock allows to be seen of them, on which scale, and what is refused."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.daily_files import flat, sessions_from, write_bars
from tests.intraday_files import at, flat_bars, write_intraday

from prudent.clock import SimulatedClock
from prudent.domain.errors import InputError, LookAhead
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.files import FilesMarket
from prudent.marketdata.hours import Hours, LongDays
from prudent.marketdata.raw_prices import RawFilesMarket, RawFileSource

DAYS = sessions_from(date(2015, 2, 2), 3)
TODAY = DAYS[-1]
CALENDAR = ExchangeCalendar()


def market(folder: Path, moment: datetime, hours: Hours = Hours.REGULAR) -> FilesMarket:
    return FilesMarket(SimulatedClock(moment), CALENDAR, folder, hours=hours)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Daily bars at 100, an evening at 107; today minutes at 101 before the open, at 102 from it on, but for 09:31."""
    write_bars(tmp_path, "AAPL", DAYS, [flat(100.0)] * 3)
    write_intraday(
        tmp_path, "AAPL",
        [
            *flat_bars(DAYS[1], "19:00", "19:05", 107.0, minutes=1, volume=10.0),
            *flat_bars(TODAY, "09:00", "09:30", 101.0, minutes=1, volume=10.0),
            (at(TODAY, "09:30"), 102.0, 102.0, 102.0, 102.0, 10.0),
            (at(TODAY, "09:31"), 102.5, 104.0, 101.5, 103.0, 30.0),
            *flat_bars(TODAY, "09:32", "10:00", 102.0, minutes=1, volume=10.0),
            *flat_bars(TODAY, "16:00", "16:05", 105.0, minutes=1, volume=10.0),
        ],
        minutes=1,
    )  # fmt: skip
    return tmp_path


def price(source: FilesMarket) -> float:
    (quote,) = source.quotes(("AAPL",))
    assert quote.price is not None
    return float(quote.price)


def test_a_price_is_that_of_the_last_bar_that_has_ended(folder: Path) -> None:
    assert price(market(folder, at(TODAY, "09:30"))) == 100.0, "the first bar has not ended: the open of the day"
    assert price(market(folder, at(TODAY, "09:31"))) == 102.0
    assert price(market(folder, at(TODAY, "09:32") - timedelta(seconds=1))) == 102.0
    assert price(market(folder, at(TODAY, "09:32"))) == 103.0
    # At its close and after it the day has its own close, unless the evening is asked for.
    assert price(market(folder, at(TODAY, "16:00"))) == 100.0
    assert price(market(folder, at(TODAY, "16:10"))) == 100.0


def test_around_a_session_there_is_a_price_where_those_hours_are_asked_for(folder: Path) -> None:
    early = market(folder, at(TODAY, "09:10"), Hours.PRE)
    (quote,) = early.quotes(("AAPL",))
    assert (quote.market_open, quote.price, quote.age_seconds) == (True, Decimal(101), Decimal(0))
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.bid < 101 < quote.ask
    assert price(market(folder, at(TODAY, "08:00"), Hours.PRE)) == 100.0, "nothing traded yet: the last close"
    late = market(folder, at(TODAY, "16:10"), Hours.AFTER)
    (quote,) = late.quotes(("AAPL",))
    assert (quote.market_open, quote.price, quote.age_seconds) == (True, Decimal(105), Decimal(300))
    plain = market(folder, at(TODAY, "09:10")).quotes(("AAPL",))[0]
    assert (plain.market_open, plain.price) == (False, Decimal(100))


def test_bars_are_made_of_complete_ones_and_anchored_at_the_open(folder: Path) -> None:
    source = market(folder, at(TODAY, "09:44"))
    bars = source.bars(("AAPL",), minutes=5, start=at(TODAY, "09:00"), end=at(TODAY, "09:44"))
    assert bars.times.tolist() == [at(TODAY, "09:30").astimezone(UTC).replace(tzinfo=None) + timedelta(minutes=m)
                                   for m in (0, 5)]  # fmt: skip
    first = {name: float(bars.fields[name][0, 0]) for name in ("open", "high", "low", "close", "volume")}
    assert first == {"open": 102.0, "high": 104.0, "low": 101.5, "close": 102.0, "volume": 70.0}
    both = market(folder, at(TODAY, "09:44"), Hours.PRE)
    assert len(both.bars(("AAPL",), minutes=30, start=at(TODAY, "04:00"), end=at(TODAY, "09:44")).times) == 1
    with pytest.raises(LookAhead):
        source.bars(("AAPL",), minutes=5, start=at(TODAY, "09:30"), end=at(TODAY, "09:45"))


def test_a_symbol_without_a_file_has_no_bars_and_its_open(folder: Path) -> None:
    write_bars(folder, "MSFT", DAYS, [flat(50.0)] * 3)
    source = market(folder, at(TODAY, "10:00"))
    assert float(source.quotes(("MSFT",))[0].price or 0) == 50.0
    bars = source.bars(("AAPL", "MSFT"), minutes=30, start=at(TODAY, "09:30"), end=at(TODAY, "10:00"))
    assert np.isnan(bars.fields["close"][:, 1]).all()
    assert bars.fields["close"][:, 0].tolist() == [102.0]


def test_bars_stand_on_the_scale_of_the_daily_prices(tmp_path: Path) -> None:
    # A split of two for one on the last day: raw prices halve.
    raw = [flat(100.0), flat(100.0), flat(50.0)]
    write_bars(tmp_path, "AAPL", DAYS, raw, actions={TODAY: (0.0, 2.0)})
    rows = [*flat_bars(DAYS[1], "09:30", "10:00", 100.0, minutes=30), *flat_bars(TODAY, "09:30", "10:00", 51.0)]
    write_intraday(tmp_path, "AAPL", rows)
    now = at(TODAY, "10:00")
    forward = market(tmp_path, now)
    # Carried forward from the first row, one unit is two shares by now.
    assert price(forward) == 102.0
    asked = {"minutes": 30, "start": at(DAYS[1], "09:30"), "end": now}
    assert forward.bars(("AAPL",), **asked).fields["close"][:, 0].tolist() == [100.0, 102.0]  # type: ignore[arg-type]
    quoted = RawFilesMarket(SimulatedClock(now), CALENDAR, RawFileSource(CALENDAR, tmp_path))
    (quote,) = quoted.quotes(("AAPL",))
    assert quote.price == 51
    assert quoted.bars(("AAPL",), **asked).fields["close"][:, 0].tolist() == [50.0, 51.0]  # type: ignore[arg-type]


def test_parquet_gives_what_csv_gives(folder: Path) -> None:
    polars = pytest.importorskip("polars")
    path = folder / "1min" / "AAPL.csv"
    asked = {"minutes": 5, "start": at(TODAY, "09:30"), "end": at(TODAY, "10:00")}
    before = market(folder, at(TODAY, "10:00")).bars(("AAPL",), **asked)  # type: ignore[arg-type]
    polars.read_csv(path, schema_overrides={"time": polars.String}).write_parquet(path.with_suffix(".parquet"))
    path.unlink()
    after = market(folder, at(TODAY, "10:00")).bars(("AAPL",), **asked)  # type: ignore[arg-type]
    assert len(after.times) == 6
    assert np.array_equal(before.fields["close"], after.fields["close"])


@pytest.mark.parametrize(("line", "why"), [
    ("2015-02-04T03:59:00-05:00,1,1,1,1,1", "within a session or the hours around it"),
    ("2015-02-04T20:00:00-05:00,1,1,1,1,1", "within a session or the hours around it"),
    ("2015-02-01T10:00:00-05:00,1,1,1,1,1", "within a session or the hours around it"),
    ("2015-02-04T10:00:30-05:00,1,1,1,1,1", "start of a bar with its offset"),
    ("2015-02-04T10:00:00,1,1,1,1,1", "start of a bar with its offset"),
    ("2015-02-04T10:00:00-05:00,1,1,1,2,1", "between low and high"),
    ("2015-02-04T10:00:00-05:00,1,1,1,one,1", "close must be a number above 0"),
    ("2015-02-04T10:00:00-05:00,1,1,1,1,1\n2015-02-04T15:00:00+00:00,1,1,1,1,1", "one row a time, has two"),
])  # fmt: skip
def test_a_row_that_cannot_be_is_refused_with_its_place(tmp_path: Path, line: str, why: str) -> None:
    write_bars(tmp_path, "AAPL", DAYS, [flat(100.0)] * 3)
    path = write_intraday(tmp_path, "AAPL", [], minutes=1)
    path.write_text(f"time,open,high,low,close,volume\n{line}\n")
    with pytest.raises(InputError, match=rf"AAPL.csv line \d.*{why}"):
        market(tmp_path, at(TODAY, "10:00")).quotes(("AAPL",))


def test_a_bar_off_the_grid_and_a_file_without_time_are_refused(tmp_path: Path) -> None:
    write_bars(tmp_path, "AAPL", DAYS, [flat(100.0)] * 3)
    path = write_intraday(tmp_path, "AAPL", [(at(TODAY, "09:40"), 1, 1, 1, 1, 1)])
    with pytest.raises(InputError, match="every 30 minutes"):
        market(tmp_path, at(TODAY, "10:00")).quotes(("AAPL",))
    path.write_text("date,open,high,low,close,volume\n")
    with pytest.raises(InputError, match=r"missing: time"):
        market(tmp_path, at(TODAY, "10:00")).quotes(("AAPL",))


def test_days_are_longer_by_the_hours_around_them_in_winter_summer_and_on_half_days() -> None:
    early, late = LongDays(CALENDAR, Hours.PRE), LongDays(CALENDAR, Hours.AFTER)
    for day, offset in ((date(2015, 2, 4), 5), (date(2015, 7, 1), 4)):
        (session,) = early.sessions(day, day)
        assert session.open == datetime(day.year, day.month, day.day, 4 + offset, tzinfo=UTC)
        assert session.close == datetime(day.year, day.month, day.day, 16 + offset, tzinfo=UTC)
        assert late.sessions(day, day)[0].close == session.close + timedelta(hours=4)
    thanksgiving = date(2015, 11, 27)
    (half,) = late.sessions(thanksgiving, thanksgiving)
    assert half.close == at(thanksgiving, "17:00")
    assert late.is_open(at(thanksgiving, "16:59"))
    assert not late.is_open(at(thanksgiving, "17:00"))
    assert not late.is_open(at(thanksgiving, "09:29"))
    assert early.is_open(at(thanksgiving, "04:00"))
    assert not early.is_open(at(thanksgiving, "13:00"))
    assert late.next_open(at(thanksgiving, "17:00")) == at(date(2015, 11, 30), "09:30")
    assert early.next_open(at(thanksgiving, "04:01")) == at(date(2015, 11, 30), "04:00")
    assert [each.date for each in late.completed(at(thanksgiving, "16:59"), 1)] == [date(2015, 11, 25)]
    assert [each.date for each in late.completed(at(thanksgiving, "17:00"), 1)] == [thanksgiving]

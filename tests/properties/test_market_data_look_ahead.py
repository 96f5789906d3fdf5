"""Nothing the sample shows at a time depends on what came after: altering the later record alters no answer."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.fakes_clock import SteppedClock

from prudent.marketdata.calendars import ExchangeCalendar, day_number
from prudent.marketdata.columns import Days
from prudent.marketdata.sample import SampleMarket
from prudent.marketdata.sample_record import Closes, MemberBars, ShippedRecord
from prudent.marketdata.sample_series import SampleSource
from prudent.ports import Bars

CALENDAR = ExchangeCalendar()
SHIPPED = ShippedRecord()
WHOLE = SampleSource(SHIPPED)
SYMBOLS = ("AAPL", "RRC", "MTUM", "SPY", "VOO", "SPX", "VIX", "TNX", "DHR", "BRK.B")


class AlteredRecord:
    """The shipped record up to a time; what was not known then is scaled, or gone (NaN)."""

    def __init__(self, now: datetime, factor: float) -> None:
        completed = CALENDAR.completed(now, 1)
        self._last_day = day_number(completed[-1].date) if completed else 0
        self._open_day = day_number(CALENDAR.session_of(now).date) if CALENDAR.is_open(now) else 0
        self._factor = factor

    @property
    def days(self) -> Days:
        return SHIPPED.days

    @property
    def bar_counts(self) -> NDArray[np.int64]:
        return SHIPPED.bar_counts

    @property
    def members(self) -> tuple[str, ...]:
        return SHIPPED.members

    def closes(self, symbol: str) -> Closes:
        real = SHIPPED.closes(symbol)
        known = SHIPPED.days[real.first : real.first + len(real.values)] <= self._last_day
        return Closes(real.first, np.where(known, real.values, real.values * self._factor))

    def member(self, symbol: str) -> MemberBars:
        real = SHIPPED.member(symbol)
        known = real.days <= self._last_day
        opened = known | (real.days == self._open_day)
        return MemberBars(
            days=real.days,
            open=np.where(opened, real.open, real.open * self._factor),
            high=np.where(known, real.high, real.high * self._factor),
            low=np.where(known, real.low, real.low * self._factor),
            close=np.where(known, real.close, real.close * self._factor),
            volume=np.where(known, real.volume, real.volume * self._factor),
        )


def same(one: Bars, other: Bars) -> bool:
    return (
        np.array_equal(one.times, other.times)
        and one.quality == other.quality
        and all(np.array_equal(one.fields[name], other.fields[name], equal_nan=True) for name in one.fields)
    )


def check(now: datetime, factor: float, symbols: Sequence[str] = SYMBOLS) -> None:
    seen = SampleMarket(SteppedClock(now), CALENDAR, source=WHOLE)
    blind = SampleMarket(SteppedClock(now), CALENDAR, source=SampleSource(AlteredRecord(now, factor)))
    assert seen.quotes(symbols) == blind.quotes(symbols)
    assert same(seen.daily(symbols, sessions=30), blind.daily(symbols, sessions=30))
    span = {"minutes": 30, "start": now - timedelta(days=4), "end": now}
    assert same(seen.bars(symbols, **span), blind.bars(symbols, **span))  # type: ignore[arg-type]
    assert same(seen.series("VIX", sessions=30), blind.series("VIX", sessions=30))
    for kind in ("earnings", "headline"):
        days = {"kind": kind, "start": now.date() - timedelta(days=60), "end": now.date() - timedelta(days=1)}
        assert seen.events(symbols, **days) == blind.events(symbols, **days)  # type: ignore[arg-type]


moments = st.one_of(
    st.datetimes(datetime(1990, 1, 2, 20), datetime(2022, 12, 30)),  # noqa: DTZ001
    st.datetimes(datetime(2009, 8, 21, 12), datetime(2010, 8, 25)),  # noqa: DTZ001
).map(lambda each: each.replace(tzinfo=UTC))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@given(now=moments, factor=st.sampled_from([0.5, 1.01, 3.0, float("nan")]))
def test_answers_do_not_depend_on_what_comes_after(now: datetime, factor: float) -> None:
    check(now, factor)


@pytest.mark.parametrize("minute", [0, 29, 30, 31, 359, 360, 389, 390])
def test_the_last_minutes_of_a_session_do_not_show_its_close(minute: int) -> None:
    opened = CALENDAR.sessions(date(2010, 6, 11), date(2010, 6, 11))[0].open
    check(opened + timedelta(minutes=minute), 1.5)

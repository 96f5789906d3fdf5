"""The calendar: its table against exchange_calendars, local hours through the changes of the clock, and its edges."""

from datetime import UTC, date, datetime, timedelta

import exchange_calendars
import pytest

from prudent.domain.errors import ConfigError, InputError
from prudent.marketdata.calendars import ExchangeCalendar

CALENDAR = ExchangeCalendar()
MINUTE = timedelta(minutes=1)


@pytest.mark.filterwarnings("ignore:Series.values")
def test_every_session_is_the_one_of_exchange_calendars() -> None:
    reference = exchange_calendars.get_calendar("XNYS", start="1990-01-01", end="2027-12-31").schedule
    sessions = CALENDAR.sessions(date(1990, 1, 1), date(2027, 12, 31))
    assert [s.date for s in sessions] == [stamp.date() for stamp in reference.index]
    assert [s.open for s in sessions] == [stamp.to_pydatetime() for _, stamp in reference["open"].items()]
    assert [s.close for s in sessions] == [stamp.to_pydatetime() for _, stamp in reference["close"].items()]


def test_hours_follow_new_york_through_the_change_of_the_clock() -> None:
    friday, monday = CALENDAR.sessions(date(2024, 3, 8), date(2024, 3, 11))
    assert friday.open == datetime(2024, 3, 8, 14, 30, tzinfo=UTC)
    assert monday.open == datetime(2024, 3, 11, 13, 30, tzinfo=UTC)
    assert monday.close == datetime(2024, 3, 11, 20, 0, tzinfo=UTC)
    before, after = CALENDAR.sessions(date(2006, 3, 31), date(2006, 4, 3))
    assert (before.open.hour, after.open.hour) == (14, 13)


def test_a_half_day_closes_at_one() -> None:
    (session,) = CALENDAR.sessions(date(2025, 11, 28), date(2025, 11, 28))
    assert session.early_close
    assert session.close == datetime(2025, 11, 28, 18, 0, tzinfo=UTC)
    assert not CALENDAR.is_open(datetime(2025, 11, 28, 18, 5, tzinfo=UTC))


def test_a_special_closure_has_no_session() -> None:
    assert CALENDAR.sessions(date(2001, 9, 11), date(2001, 9, 14)) == ()
    assert CALENDAR.sessions(date(2025, 1, 9), date(2025, 1, 9)) == ()


def test_a_session_is_open_from_its_open_until_just_before_its_close() -> None:
    (session,) = CALENDAR.sessions(date(2024, 7, 1), date(2024, 7, 1))
    assert not CALENDAR.is_open(session.open - MINUTE)
    assert CALENDAR.is_open(session.open)
    assert CALENDAR.is_open(session.close - MINUTE)
    assert not CALENDAR.is_open(session.close)


def test_session_of_takes_the_local_date_or_the_next_session() -> None:
    late_monday = datetime(2024, 7, 2, 3, 0, tzinfo=UTC)
    assert CALENDAR.session_of(late_monday).date == date(2024, 7, 1)
    assert CALENDAR.session_of(datetime(2024, 7, 4, 15, 0, tzinfo=UTC)).date == date(2024, 7, 5)
    assert CALENDAR.session_of(datetime(2024, 7, 6, 15, 0, tzinfo=UTC)).date == date(2024, 7, 8)


def test_next_open_is_now_at_the_open_itself() -> None:
    opened = datetime(2024, 7, 1, 13, 30, tzinfo=UTC)
    assert CALENDAR.next_open(opened) == opened
    assert CALENDAR.next_open(opened + MINUTE) == opened + timedelta(days=1)


def test_completed_counts_a_session_from_its_close_on() -> None:
    close = datetime(2024, 7, 1, 20, 0, tzinfo=UTC)
    assert [s.date.day for s in CALENDAR.completed(close, 2)] == [28, 1]
    assert [s.date.day for s in CALENDAR.completed(close - MINUTE, 2)] == [27, 28]
    assert CALENDAR.completed(datetime(1990, 1, 2, 12, tzinfo=UTC), 5) == ()


@pytest.mark.parametrize("day", [date(1989, 12, 29), date(2028, 1, 3)])
def test_asking_outside_the_table_names_its_range(day: date) -> None:
    moment = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    for ask in (CALENDAR.session_of, CALENDAR.is_open, CALENDAR.next_open):
        with pytest.raises(InputError, match="from 1990-01-01 to 2027-12-31"):
            ask(moment)
    with pytest.raises(InputError, match="from 1990-01-01 to 2027-12-31"):
        CALENDAR.sessions(day, day)


def test_after_the_last_session_of_the_table_there_is_no_next() -> None:
    with pytest.raises(InputError, match="no session after 2027-12-31"):
        CALENDAR.next_open(datetime(2027, 12, 31, 23, tzinfo=UTC))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware time"):
        CALENDAR.is_open(datetime(2024, 7, 1, 15, 0))  # noqa: DTZ001


def test_an_unknown_calendar_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="one of XNYS, was 'XLON'"):
        ExchangeCalendar("XLON").is_open(datetime(2024, 7, 1, 15, 0, tzinfo=UTC))

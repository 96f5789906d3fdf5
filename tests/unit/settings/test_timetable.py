"""When cycles are due: cron in its own time zone through clock changes, and minutes around each session."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from prudent.marketdata.calendars import ExchangeCalendar
from prudent.settings import ScheduleSettings
from prudent.settings.timetable import Timetable, timetables

CALENDAR = ExchangeCalendar()
DAY = timedelta(days=1)


def line(**keys: str) -> Timetable:
    (found,) = timetables([ScheduleSettings.model_validate(keys)])
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spelled(moments: list[datetime]) -> list[str]:
    return [f"{each:%m-%d %H:%M}" for each in moments]


def test_cron_is_read_in_its_own_time_zone() -> None:
    weekly = line(cron="30 10 * * mon", timezone="America/New_York")
    assert spelled(weekly.between(at("2022-11-01"), at("2022-11-15"), CALENDAR)) == ["11-07 15:30", "11-14 15:30"]
    tokyo = line(cron="30 10 * * mon", timezone="Asia/Tokyo")
    assert spelled(tokyo.between(at("2022-11-01"), at("2022-11-08"), CALENDAR)) == ["11-07 01:30"]


def test_a_wall_time_keeps_its_place_when_the_clocks_change() -> None:
    daily = line(cron="0 10 * * *", timezone="America/New_York")
    assert spelled(daily.between(at("2022-11-05"), at("2022-11-08"), CALENDAR)) == [
        "11-05 14:00", "11-06 15:00", "11-07 15:00",
    ]  # fmt: skip


def test_a_time_that_the_clocks_skip_is_due_once_after_the_gap() -> None:
    night = line(cron="30 2 * * *", timezone="America/New_York")
    assert spelled(night.between(at("2022-03-12T12:00"), at("2022-03-14T12:00"), CALENDAR)) == [
        "03-13 07:30", "03-14 06:30",
    ]  # fmt: skip
    often = line(cron="*/30 2-3 * * *", timezone="America/New_York")
    found = often.between(at("2022-03-13T00:00"), at("2022-03-13T12:00"), CALENDAR)
    assert spelled(found) == ["03-13 07:00", "03-13 07:30"]


def test_a_time_that_comes_twice_is_due_once() -> None:
    night = line(cron="30 1 * * *", timezone="America/New_York")
    assert spelled(night.between(at("2022-11-06T00:00"), at("2022-11-06T12:00"), CALENDAR)) == ["11-06 05:30"]
    # Looked at again between the two, it is not due a second time.
    assert night.between(at("2022-11-06T05:45"), at("2022-11-06T12:00"), CALENDAR) == []


def test_looking_in_slices_finds_each_time_exactly_once() -> None:
    quarter = line(cron="*/15 * * * *", timezone="America/New_York")
    begin, end = at("2022-03-12T20:00"), at("2022-03-13T16:00")
    whole = quarter.between(begin, end, CALENDAR)
    sliced: list[datetime] = []
    moment = begin
    while moment < end:
        upto = min(moment + timedelta(minutes=7), end)
        sliced += quarter.between(moment, upto, CALENDAR)
        moment = upto
    assert sliced == whole
    assert len(whole) == 80


def test_minutes_from_the_open_and_the_close_follow_half_days_and_holidays() -> None:
    opening, closing = line(at="open+30m"), line(at="close-30m")
    week = (at("2022-11-23"), at("2022-11-26"))
    # Thanksgiving is closed, the Friday after it ends at 13:00 New York time.
    assert spelled(opening.between(*week, CALENDAR)) == ["11-23 15:00", "11-25 15:00"]
    assert spelled(closing.between(*week, CALENDAR)) == ["11-23 20:30", "11-25 17:30"]


def test_a_time_after_a_half_days_close_is_not_due() -> None:
    late = line(at="open+4h")
    assert spelled(late.between(at("2022-11-23"), at("2022-11-29"), CALENDAR)) == ["11-23 18:30", "11-28 18:30"]


def test_the_next_due_time_is_found_over_weekends_and_far_away() -> None:
    assert line(at="open").next_after(at("2022-11-25T20:00"), CALENDAR) == at("2022-11-28T14:30")
    yearly = line(cron="0 12 29 2 *", timezone="UTC")
    assert yearly.next_after(at("2023-03-01"), CALENDAR) == at("2024-02-29T12:00")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "either `cron` or `at`"),
        ({"cron": "0 10 * * *"}, "needs `timezone`"),
        ({"cron": "0 10 * * *", "at": "open"}, "either `cron` or `at`"),
        ({"cron": "0 25 * * *", "timezone": "UTC"}, "five cron fields"),
        ({"cron": "0 0 10 * * *", "timezone": "UTC"}, "five cron fields"),
        ({"cron": "0 10 * * *", "timezone": "America/New_Yrok"}, "did you mean America/New_York"),
        ({"at": "open+"}, "open+30m"),
        ({"at": "noon"}, "open+30m"),
        ({"at": "open+30m", "timezone": "UTC"}, "takes no `timezone`"),
        ({"at": "open", "missed": "always"}, "run_once"),
    ],
)
def test_a_wrong_schedule_is_refused_in_words(keys: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("+", r"\+")):
        ScheduleSettings.model_validate(keys)

"""The gateway's clocks: in hours at wall pace, faster than life, by the step, and never back after a restart."""

from datetime import UTC, date, datetime, timedelta

import pytest

from prudent.domain.errors import InputError
from prudent.gateway.pace import DWELL, Mode, Pace, StepPace, pace_of
from prudent.marketdata.calendars import ExchangeCalendar

CALENDAR = ExchangeCalendar()
LAST = date(2022, 12, 28)
OPEN, CLOSE = datetime(2022, 12, 28, 14, 30, tzinfo=UTC), datetime(2022, 12, 28, 21, 0, tzinfo=UTC)
NEXT_OPEN = datetime(2022, 12, 29, 14, 30, tzinfo=UTC)
SESSION_SECONDS = 6.5 * 3600


class Wall:
    """A machine whose time passes as told."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 12, 0, tzinfo=UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1_000.0 + self.passed


def paced(text: str, wall: Wall, saved: datetime | None = None) -> Pace:
    return pace_of(text, CALENDAR, last=LAST, saved=saved, wall=wall)


def test_the_session_pace_begins_at_the_open_of_the_last_session_and_follows_the_wall() -> None:
    wall = Wall()
    pace = paced("session", wall)
    assert (pace.mode, pace.speed, pace.now()) == (Mode.SESSION, 1.0, OPEN)
    wall.passed = 90.5
    assert pace.now() == OPEN + timedelta(seconds=90.5)


def test_after_a_close_it_stays_a_minute_and_then_stands_at_the_next_open() -> None:
    wall = Wall()
    pace = paced("session", wall)
    wall.passed = SESSION_SECONDS + 60.0
    assert pace.now() == CLOSE + DWELL
    wall.passed += 5.0
    assert pace.now() == NEXT_OPEN + timedelta(seconds=5)


def test_it_leaps_over_weekends_holidays_and_half_days() -> None:
    wall = Wall()
    # The Wednesday before Thanksgiving; the Friday after ends at 13:00.
    pace = paced("session", wall, datetime(2022, 11, 23, 20, 59, tzinfo=UTC))
    wall.passed = 60.0 + 60.0 + 1.0
    assert pace.now() == datetime(2022, 11, 25, 14, 30, 1, tzinfo=UTC)
    wall.passed += 3.5 * 3600 + 60.0
    assert pace.now() == datetime(2022, 11, 28, 14, 30, 1, tzinfo=UTC)


def test_many_sessions_at_once_are_as_many_one_by_one() -> None:
    slow, fast = Wall(), Wall()
    often, once = paced("session", slow), paced("session", fast)
    while slow.passed < 20 * SESSION_SECONDS:
        slow.passed += 1_800.0
        often.now()
    fast.passed = slow.passed
    assert once.now() == often.now()


@pytest.mark.parametrize("text", ["session", "x50", "wall"])
def test_no_clock_ever_goes_back(text: str) -> None:
    wall = Wall()
    pace = paced(text, wall)
    seen = [pace.now()]
    for _ in range(500):
        wall.passed += 731.0
        seen.append(pace.now())
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


@pytest.mark.parametrize("text", ["session", "x50", "step"])
def test_a_restart_goes_on_where_the_clock_was_left_whatever_time_has_passed(text: str) -> None:
    wall = Wall()
    left = OPEN + timedelta(hours=2)
    wall.passed = 1_000_000.0
    assert paced(text, wall, left).now() == left


def test_a_clock_left_out_of_hours_goes_on_at_the_next_open() -> None:
    assert paced("session", Wall(), CLOSE + timedelta(hours=2)).now() == NEXT_OPEN
    assert paced("session", Wall(), CLOSE + timedelta(seconds=30)).now() == CLOSE + timedelta(seconds=30)


def test_faster_than_life_keeps_nights() -> None:
    wall = Wall()
    pace = paced("x60", wall)
    wall.passed = 3_600.0
    assert pace.now() == OPEN + timedelta(hours=60)
    assert (pace.mode, pace.speed, pace.monotonic()) == (Mode.TIMES, 60.0, 216_000.0)


def test_a_stepped_clock_moves_when_told_and_not_back() -> None:
    wall = Wall()
    pace = paced("step", wall)
    assert isinstance(pace, StepPace)
    wall.passed = 500.0
    assert pace.now() == OPEN
    pace.move_by(2.5)
    assert (pace.now(), pace.monotonic()) == (OPEN + timedelta(seconds=2.5), 2.5)
    with pytest.raises(InputError, match="must not go back"):
        pace.move_to(OPEN)


def test_the_wall_is_the_machine_and_may_not_lie_behind_the_books() -> None:
    wall = Wall()
    assert paced("wall", wall, wall.now() - timedelta(days=1)).now() == wall.now()
    with pytest.raises(InputError, match="ahead of the wall clock"):
        paced("wall", wall, wall.now() + timedelta(seconds=1))


@pytest.mark.parametrize("text", ["", "x", "x0", "x-2", "xtwo", "fast", "x9999999"])
def test_a_clock_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="session, wall, step or x1"):
        paced(text, Wall())

"""The pace of orders on a clock that a test moves: ten a second for an account, twenty for all."""

from collections import Counter
from datetime import UTC, datetime

from prudent.clock import SimulatedClock
from prudent.pipeline.pace import Pace


def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2024, 3, 4, 15, 0, tzinfo=UTC))


def most_within_a_second(times: list[float]) -> int:
    return max(sum(start <= each < start + 1.0 for each in times) for start in times)


def test_an_account_sends_ten_in_any_second() -> None:
    time = clock()
    pace = Pace(time, time.pause)
    sent = []
    for _ in range(35):
        assert pace.turn("a", 60.0)
        sent.append(time.monotonic())
    assert most_within_a_second(sent) == 10
    assert sent[-1] < 3.1


def test_all_accounts_together_send_twenty() -> None:
    time = clock()
    pace = Pace(time, time.pause)
    sent = []
    for number in range(60):
        assert pace.turn(f"account {number % 6}", 60.0)
        sent.append(time.monotonic())
    assert most_within_a_second(sent) == 20


def test_who_cannot_wait_is_told_so_and_takes_no_place() -> None:
    time = clock()
    pace = Pace(time, time.pause)
    turns = Counter(pace.turn("a", 0.5) for _ in range(12))
    assert turns == {True: 10, False: 2}
    assert time.monotonic() == 0.0
    assert pace.turn("b", 0.0)

"""The limiter in front of the library's: never more than forty messages in any sliding second."""

import asyncio
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from prudent.brokers.ibkr.pace import KEPT_FREE, MESSAGES_MAX, Pace
from prudent.brokers.ibkr.tap import Ear, Hears, TappedClient


def sent(pace: Pace, wishes: list[float], free: int = 0) -> list[float]:
    """When each of these messages left, one waiting for the other, on a clock that only waiting moves."""
    now, times = 0.0, []
    for wish in wishes:
        now = max(now, wish)
        while (wait := pace.wait(now, free=free)) > 0:
            now += wait
        pace.left(now)
        times.append(now)
    return times


def most_in_a_second(times: list[float]) -> int:
    return max(sum(start <= each < start + 1.0 for each in times) for start in times)


def test_five_hundred_at_once_stay_below_forty_one_in_any_second() -> None:
    times = sent(Pace(), [0.0] * 500)
    assert most_in_a_second(times) == MESSAGES_MAX
    # 500 messages are 12 full windows of 1.1 s after the first one.
    assert times[-1] < 13.5


@given(st.lists(st.floats(0, 5), min_size=1, max_size=90))
def test_whatever_is_wished_no_second_holds_more_than_forty(gaps: list[float]) -> None:
    assert most_in_a_second(sent(Pace(), sorted(gaps))) <= MESSAGES_MAX


def test_what_leaves_slowly_enough_never_waits() -> None:
    wishes = [each * 0.05 for each in range(100)]
    assert sent(Pace(), wishes) == wishes


def test_a_full_second_is_full_until_it_is_over() -> None:
    pace = Pace()
    for _ in range(MESSAGES_MAX):
        pace.left(0.0)
    assert pace.wait(0.95) > 0
    assert pace.wait(1.2) == 0


def test_market_data_leaves_some_of_the_second_to_orders() -> None:
    pace = Pace()
    for _ in range(MESSAGES_MAX - KEPT_FREE):
        assert pace.wait(1.0, free=KEPT_FREE) == 0
        pace.left(1.0)
    assert pace.wait(1.0, free=KEPT_FREE) > 0
    assert pace.wait(1.0) == 0


def test_a_login_waits_for_its_turn_as_every_message_does() -> None:
    sent_at: list[str] = []

    async def story() -> None:
        may = asyncio.Event()
        client = TappedClient(Ear(cast(Hears, None)), lambda: sent_at.append("login"), lambda: None, may.wait)
        client.connState = TappedClient.CONNECTED
        client.startApi()
        await asyncio.sleep(0)
        sent_at.append("its turn")
        may.set()
        await asyncio.sleep(0.01)

    asyncio.run(story())
    assert sent_at == ["its turn", "login"]

"""Work that other threads hand to the one loop: its answer, its failure, its time, and its end with the loop."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from prudent.brokers.ibkr.loop import LoopThread
from prudent.domain.errors import InputError, Temporary

NAME = "the session"


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    made = LoopThread(NAME)
    made.start()
    yield made
    made.stop()


def test_work_runs_on_the_loops_thread_and_its_answer_and_failure_come_back(loop: LoopThread) -> None:
    async def where() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    async def fails() -> None:
        raise InputError("a symbol must be known")

    assert loop.call(where, 5) == NAME
    with pytest.raises(InputError, match="a symbol must be known"):
        loop.call(fails, 5)


def test_what_takes_too_long_is_cancelled_and_told(loop: LoopThread) -> None:
    ended = threading.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(Temporary, match=r"must answer within 0.05 s"):
        loop.call(forever, 0.05)
    assert ended.wait(5)


def test_work_under_way_ends_with_the_loop_and_says_so(loop: LoopThread) -> None:
    begun, told = threading.Event(), []

    async def forever() -> None:
        begun.set()
        await asyncio.Event().wait()

    def ask() -> None:
        with pytest.raises(Temporary, match="was closed while it was asked"):
            loop.call(forever, 30)
        told.append("closed")

    asker = threading.Thread(target=ask)
    asker.start()
    assert begun.wait(5)
    loop.stop()
    asker.join(5)
    assert told == ["closed"]
    with pytest.raises(Temporary, match="is closed; open it again"):
        loop.call(forever, 1)


def test_the_loops_own_thread_cannot_wait_for_itself(loop: LoopThread) -> None:
    async def asks_itself() -> None:
        loop.call(lambda: asyncio.sleep(0), 1)

    with pytest.raises(RuntimeError, match="await it there"):
        loop.call(asks_itself, 5)

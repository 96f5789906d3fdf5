"""Event loops without a thread or a wait: their time is the world's, and one caller at a time lets them run."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context
from datetime import timedelta
from typing import Any, Protocol, TypeVar, TypeVarTuple

from prudent.domain.errors import Temporary
from prudent.simulation.timeline import Timeline
from prudent.simulation.truth import Violation

T = TypeVar("T")
Args = TypeVarTuple("Args")
GRACE_SECONDS = 2.0
# No honest program does so much in an instant.
ROUNDS_MAX = 20_000


class Lines(Protocol):
    """Who joins two loops: opens connections and ports for them."""

    async def open(self, loop: "SteppedLoop", protocol: asyncio.BaseProtocol, port: int) -> asyncio.Transport: ...

    def listen(self, loop: "SteppedLoop", factory: Callable[[], asyncio.BaseProtocol], port: int) -> Any: ...


class Loops:
    """All loops of a world, in the order in which they came. `after` is called when all of them have come to rest."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.after: list[Callable[[], None]] = []
        self.running = False
        self.broken: BaseException | None = None
        self._loops: list[SteppedLoop] = []

    def join(self, loop: "SteppedLoop") -> None:
        self._loops.append(loop)

    def leave(self, loop: "SteppedLoop") -> None:
        self._loops.remove(loop)

    def settle(self) -> None:
        """Run everything that can run now; time stands meanwhile.

        Raises:
            Violation: something that must never be was seen, or a callback failed that nobody waits for.
        """
        if self.running:
            return
        self.running = True
        try:
            rounds = 0
            while ready := [each for each in self._loops if each.is_ready]:
                rounds += 1
                if rounds > ROUNDS_MAX:
                    raise Violation("I0", f"{ready[0].name} does not come to rest")
                for loop in ready:
                    loop.turn()
        finally:
            self.running = False
        for act in self.after:
            act()
        if self.broken is not None:
            broken, self.broken = self.broken, None
            raise broken


class SteppedLoop(asyncio.BaseEventLoop):
    """One program's loop. It runs while `Loops.settle` lets it, and not while `stands_still` says that it is frozen.

    A loop that was ended runs nothing any more, as the loop of a killed process.
    """

    def __init__(
        self, name: str, loops: Loops, lines: Lines, stands_still: Callable[[], bool] = lambda: False
    ) -> None:
        # The base asks whether it runs before it is made.
        self.ended = True
        super().__init__()
        self.ended = False
        self.name = name
        # See what the program writes to any connection, before it is on its way, and what arrives for it.
        self.overhears: Callable[[str, bytes], None] = lambda connection, data: None
        self.hears: Callable[[str, bytes], None] = lambda connection, data: None
        self._loops = loops
        self._lines = lines
        self._stands_still = stands_still
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._waiting: list[asyncio.Handle] = []
        self.set_exception_handler(lambda _loop, context: self._failed(context))
        self.set_task_factory(self._tasked)
        loops.join(self)

    @property
    def is_ready(self) -> bool:
        return bool(self._waiting) and not self._stands_still()

    def turn(self) -> None:
        """Run what waits now, and not what comes of it."""
        waiting, self._waiting = self._waiting, []
        asyncio._set_running_loop(self)
        try:
            for handle in waiting:
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(None)

    def end(self) -> None:
        """The process is gone: nothing of it runs again; what its coroutines would clean up reaches nobody."""
        self.ended = True
        self._loops.leave(self)
        self._waiting.clear()
        for task in self._tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined] # it is meant to die unfinished
            coroutine = task.get_coro()
            # One that awaits while it is torn down is left as it is.
            with suppress(RuntimeError):
                coroutine.close()
        self._tasks.clear()
        self.close()

    def _tasked(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any] | Generator[Any, None, Any], /,
        **kwargs: Any,
    ) -> asyncio.Task[Any]:  # fmt: skip
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **kwargs)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    def _failed(self, context: dict[str, Any]) -> None:
        # What is only said when an object is collected comes at a moment that no seed decides.
        error = context.get("exception")
        if "handle" in context and error is not None and self._loops.broken is None:
            self._loops.broken = error

    # What asyncio asks of a loop

    def time(self) -> float:
        return (self._loops.timeline.now - self._loops.timeline.start) / timedelta(seconds=1)

    def is_running(self) -> bool:
        return not self.ended

    def get_debug(self) -> bool:
        return False

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if not self.ended:
            self._waiting.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not self.ended:
            timeline = self._loops.timeline
            moment = timeline.start + timedelta(seconds=when)
            timeline.at(moment, f"timer of {self.name}", lambda: self._fire(handle))
        return handle

    def _fire(self, handle: asyncio.TimerHandle) -> None:
        if not self.ended and not handle.cancelled():
            self._waiting.append(handle)
            self._loops.settle()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It stays on the timeline and does nothing."""

    async def create_connection(  # type: ignore[override] # what the client library uses of it
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        del host
        protocol = protocol_factory()
        return await self._lines.open(self, protocol, port), protocol

    async def create_server(  # type: ignore[override] # what the paper gateway uses of it
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> Any:
        del host
        return self._lines.listen(self, protocol_factory, port)


class SteppedCaller:
    """The face that the adapter has of its thread, for a caller who lets time pass himself while he waits.

    `between` is passed whenever time is about to pass: there the caller's process may stand still or die.
    """

    def __init__(self, name: str, loop: SteppedLoop, loops: Loops, between: Callable[[], None]) -> None:
        self.between = between
        self._name = name
        self._loop = loop
        self._loops = loops

    def start(self) -> None:
        """It has no thread to start."""

    def call(self, work: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
        """As `LoopThread.call`."""
        if self._loops.running:
            raise RuntimeError(f"{self._name} was asked to wait by a callback; await it there")
        if self._loop.ended:
            raise Temporary(f"{self._name} must be running to be asked, is closed; open it again")
        timeline = self._loops.timeline
        task = self._loop.create_task(_limited(work, seconds))
        until = timeline.now + timedelta(seconds=seconds + GRACE_SECONDS)
        self._loops.settle()
        while not task.done():
            self.between()
            if not timeline.step(until):
                task.cancel()
                self._loops.settle()
                raise Temporary(f"{self._name} must answer within {seconds:g} s, did not; try again")
            self._loops.settle()
        try:
            return task.result()
        except TimeoutError:
            raise Temporary(f"{self._name} must answer within {seconds:g} s, did not; try again") from None
        except asyncio.CancelledError:
            raise Temporary(f"{self._name} was closed while it was asked; open it again") from None

    def stop(self) -> None:
        """The world ends the loop."""


async def _limited(work: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
    async with asyncio.timeout(seconds):
        return await work()



"""One event loop in one thread: work is handed to it from any other thread and waited for, with a limit."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, Protocol, TypeVar

from prudent.domain.errors import Temporary

T = TypeVar("T")
_START_SECONDS = 5.0
_GRACE_SECONDS = 2.0


class Runs(Protocol):
    """Who runs the session's work on its one loop and waits for it."""

    def start(self) -> None: ...

    def call(self, work: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T: ...

    def stop(self) -> None: ...


class LoopThread:
    """Implements `Runs`: owns the loop. Threads may come and go: what they ask for runs here and nowhere else."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; where it runs, nothing happens."""
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        # Whoever comes second waits too: a thread that was started does not run yet.
        if not self._started.wait(_START_SECONDS):
            raise Temporary(f"the thread of {self._name} must start within {_START_SECONDS:.0f} s, did not; try again")

    def call(self, work: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
        """Run `work` on the loop and wait for what it gives, from any thread but the loop's own.

        Raises:
            Temporary: it took longer than `seconds`; it is cancelled then.
            RuntimeError: called on the loop's thread, which would wait for itself.
        """
        loop = self._loop
        if loop is None or not loop.is_running():
            raise Temporary(f"{self._name} must be running to be asked, is closed; open it again")
        if threading.current_thread() is self._thread:
            raise RuntimeError(f"{self._name} was asked to wait on its own thread; await it there")
        future = asyncio.run_coroutine_threadsafe(_limited(work, seconds), loop)
        try:
            return future.result(seconds + _GRACE_SECONDS)
        except TimeoutError:
            future.cancel()
            raise Temporary(f"{self._name} must answer within {seconds:g} s, did not; try again") from None
        except CancelledError:
            raise Temporary(f"{self._name} was closed while it was asked; open it again") from None

    def stop(self) -> None:
        """End what runs on the loop, then the loop and its thread."""
        with self._guard:
            thread, self._thread = self._thread, None
        loop = self._loop
        if thread is None or loop is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_START_SECONDS)
        self._started.clear()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            loop = self._loop = runner.get_loop()
            asyncio.set_event_loop(loop)
            loop.call_soon(self._started.set)
            loop.run_forever()
        # The runner has cancelled what was left.
        self._loop = None


async def _limited(work: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
    async with asyncio.timeout(seconds):
        return await work()

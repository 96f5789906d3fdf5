"""The memory of a process: above a soft limit caches go and optional work waits, above a hard one it starts anew."""

import ctypes
import gc
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from prudent.bootstrap import Desk
from prudent.domain.notices import Event, Notice
from prudent.workflows.notices import happened

LOG = logging.getLogger("prudent.memory")
MIB = 2**20
# A process that ends with this asks its supervisor to start it again (EX_TEMPFAIL of sysexits.h).
RESTART_EXIT_CODE = 75
# Optional work goes on again once this share of the soft limit is free, so that it does not flutter.
RELIEF = 0.9


@runtime_checkable
class Forgets(Protocol):
    """Something that keeps what it could find again."""

    def forget(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLimits:
    """In MiB of resident memory; `hard` must be above `soft`."""

    soft_mb: int
    hard_mb: int

    def __post_init__(self) -> None:
        if self.hard_mb <= self.soft_mb:
            raise ValueError(f"the hard limit must be above the soft one, was {self.hard_mb} and {self.soft_mb}")


def resident_mb() -> float:
    """What this process occupies now."""
    import psutil

    return float(psutil.Process().memory_info().rss) / MIB


class MemoryWatch:
    """Looks when it is asked to (`check`), from any one thread.

    `restart` is called once, with a reason, when the hard limit is passed: the caller finishes the step that it is in
    and ends with `RESTART_EXIT_CODE`. `tell` is given which limit it was, a title and a line.
    """

    def __init__(
        self, limits: MemoryLimits, caches: Callable[[], Sequence[Forgets]], *, tell: Callable[[str, str, str], object],
        restart: Callable[[str], object], read: Callable[[], float] = resident_mb,
    ) -> None:  # fmt: skip
        self._limits = limits
        self._caches = caches
        self._tell = tell
        self._restart = restart
        self._read = read
        self._pressed = False
        self._restarting = False

    @property
    def optional_work(self) -> bool:
        """False while memory is short: what can wait (reports, rehearsals of restores, training) waits."""
        return not self._pressed

    def check(self) -> float:
        """One look; gives what was found before anything was dropped, in MiB."""
        found = self._read()
        if found > self._limits.soft_mb:
            self._shed(found)
        elif self._pressed and found <= self._limits.soft_mb * RELIEF:
            self._pressed = False
            LOG.info("memory_relieved", extra={"resident_mb": round(found)})
        return found

    def _shed(self, found: float) -> None:
        for cache in self._caches():
            cache.forget()
        release()
        after = self._read()
        LOG.warning("memory_high", extra={"resident_mb": round(found), "after_mb": round(after)})
        if not self._pressed:
            self._pressed = True
            self._tell(
                "soft",
                f"{found:.0f} MiB of memory are in use, above the soft limit of {self._limits.soft_mb} MiB",
                f"caches were dropped, {after:.0f} MiB are left; optional work waits",
            )
        if after > self._limits.hard_mb and not self._restarting:
            self._restarting = True
            reason = f"{after:.0f} MiB of memory are in use, above the hard limit of {self._limits.hard_mb} MiB"
            self._tell("hard", reason, "the process finishes its step and starts anew")
            self._restart(reason)


def release() -> None:
    """Give memory that is free inside the process back to the machine, where its C library can."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        LOG.debug("memory_stays_with_the_process")


def memory_limits(desk: Desk) -> MemoryLimits:
    """The limits that the settings name."""
    engine = desk.loaded.settings.engine
    return MemoryLimits(soft_mb=engine.memory_soft_mb, hard_mb=engine.memory_hard_mb)


def caches_of(*desks: Desk) -> tuple[Forgets, ...]:
    """What desks keep only to be fast: prices, books and compiled statements."""
    return tuple(each for desk in desks for each in (desk.market, desk.ledger) if isinstance(each, Forgets))


def memory_watch(
    desk: Desk, *, tell: Callable[[Notice], object], restart: Callable[[str], object],
    others: Callable[[], Sequence[Desk]] = lambda: (),
) -> MemoryWatch:  # fmt: skip
    """The watch of a desk's process, in which there may be `others`."""
    return MemoryWatch(
        memory_limits(desk), lambda: caches_of(desk, *others()), restart=restart,
        tell=lambda limit, title, line: tell(happened(desk, Event.MEMORY_HIGH, title, line, subject=limit)),
    )  # fmt: skip

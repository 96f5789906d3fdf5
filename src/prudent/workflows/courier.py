"""Sends what was kept: every notice at least once to every channel, whatever the channels do."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from prudent.domain.errors import Permanent, StoreError
from prudent.domain.notices import Notice, Severity, fitted, one_line
from prudent.ledger.notices import Delivery, NoticeBook, NoticeRow
from prudent.ports import Clock, Notifier

LOG = logging.getLogger("prudent.notices")
TRIES_MAX = 300
BACK_OFF_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
LOOK_SECONDS = 2.0
PER_MINUTE_MAX = 20
MINUTE = 60.0
BATCH = 200


@dataclass(slots=True, kw_only=True)
class _Lane:
    """One channel's state in this process: what is on its way, when it may try again, and how much it sent lately."""

    channel: Notifier
    under_way: "Future[None] | None" = None
    rows: tuple[tuple[NoticeBook, NoticeRow], ...] = ()
    failures: int = 0
    not_before: float = 0.0
    gathered_at: float = -MINUTE
    sent_at: deque[float] = field(default_factory=deque)

    def room(self, now: float) -> bool:
        """False once it has sent its share of the last minute."""
        while self.sent_at and now - self.sent_at[0] >= MINUTE:
            self.sent_at.popleft()
        return len(self.sent_at) < PER_MINUTE_MAX


class Courier:
    """Sends what is kept: at least once to each channel, oldest first, one at a time per channel.

    A channel that fails or hangs holds up only itself. What is not critical and comes faster than twenty a minute is
    gathered into one message; what is critical always goes by itself. `books` names the owners' notices each time, so
    owners may come and go. `clock` dates deliveries and measures back-off.
    """

    def __init__(
        self, books: Callable[[], Sequence[NoticeBook]], channels: Sequence[Notifier], *, clock: Clock,
        dated: Clock | None = None,
    ) -> None:  # fmt: skip
        self._books = books
        self._lanes = [_Lane(channel=channel) for channel in channels]
        self._names = frozenset(channel.name for channel in channels)
        self._clock = clock
        self._dated = dated or clock
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=max(1, 2 * len(channels)), thread_name_prefix="notify")
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send, on a thread of its own."""
        self._thread = threading.Thread(target=self._loop, name="courier", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look at once for new notices."""
        self._wake.set()

    def stop(self, *, seconds: float = 15.0) -> None:
        """Send what is due now, once, and end; what no channel took stays for the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def deliver(self, *, seconds: float = 30.0) -> None:
        """Send what is due until nothing is left that can go now, or the time is over; for one-shot use and tests."""
        end = self._clock.monotonic() + seconds
        while self._pass() and self._clock.monotonic() < end:
            flying = [lane.under_way for lane in self._lanes if lane.under_way is not None]
            wait(flying, timeout=max(0.1, end - self._clock.monotonic()), return_when=FIRST_COMPLETED)

    def call_out(self, notice: Notice) -> None:
        """Send a notice that cannot be kept to every channel once, without waiting and without a second try."""
        for lane in self._lanes:
            self._pool.submit(lane.channel.send, notice, 0)

    def _loop(self) -> None:
        while not self._stop.is_set():
            busy = self._guarded_pass()
            self._wake.wait(0.05 if busy else LOOK_SECONDS)
            self._wake.clear()
        for _ in range(200):
            if not self._guarded_pass():
                return
            self._wake.wait(0.05)

    def _guarded_pass(self) -> bool:
        try:
            return self._pass()
        except StoreError as error:
            LOG.error("notices_unreadable", extra={"why": str(error)})
            return False

    def _pass(self) -> bool:
        """Collect what has come back and send what is next; True while anything is on its way."""
        for lane in self._lanes:
            if lane.under_way is not None and lane.under_way.done():
                self._settle(lane)
        waiting = [(book, row) for book in self._books() for row in book.unsent(limit=BATCH)]
        for book, row in waiting if not self._lanes else ():
            book.nowhere_to_send(row.number, at=self._dated.now())
        now = self._clock.monotonic()
        for lane in self._lanes:
            if lane.under_way is None and now >= lane.not_before:
                due = [pair for pair in waiting if not _done(pair[1], lane.channel.name)]
                if due:
                    self._dispatch(lane, due, now)
        return any(lane.under_way is not None for lane in self._lanes)

    def _dispatch(self, lane: _Lane, due: list[tuple[NoticeBook, NoticeRow]], now: float) -> None:
        # What failed before lets the others pass, so one notice that cannot be taken holds up none.
        chosen = min(due, key=lambda pair: _turn(pair[1], lane.channel.name))
        row = chosen[1]
        if row.severity is Severity.CRITICAL or lane.room(now):
            lane.rows, notice = (chosen,), _with_repeats(row)
        elif len(due) > 1 and now - lane.gathered_at >= MINUTE:
            lane.rows, notice = tuple(due), gathered([each for _book, each in due])
            lane.gathered_at = now
        else:
            return
        lane.sent_at.append(now)
        lane.under_way = self._pool.submit(lane.channel.send, notice, row.number)

    def _settle(self, lane: _Lane) -> None:
        assert lane.under_way is not None
        error = lane.under_way.exception()
        rows, lane.under_way, lane.rows = lane.rows, None, ()
        name, at = lane.channel.name, self._dated.now()
        if error is None:
            lane.failures, lane.not_before = 0, 0.0
        else:
            pause = BACK_OFF_SECONDS[min(lane.failures, len(BACK_OFF_SECONDS) - 1)]
            lane.failures += 1
            lane.not_before = self._clock.monotonic() + pause
        for book, row in rows:
            delivery = _delivery(row.deliveries, name, error)
            if delivery.error:
                LOG.warning(
                    "notice_not_sent",
                    extra={"channel": name, "number": row.number, "tries": delivery.tries, "why": delivery.error},
                )
            book.delivered(row.number, name, replace(delivery, at=at), waiting=self._names)


def _delivery(known: Mapping[str, Delivery], name: str, error: BaseException | None) -> Delivery:
    """How a channel stands after a try: done, to be tried again, or given up."""
    before = known.get(name, Delivery())
    tries = before.tries + 1
    if error is None:
        return Delivery(done=True, tries=tries)
    gives_up = tries >= TRIES_MAX or isinstance(error, Permanent)
    return Delivery(done=gives_up, tries=tries, error=one_line(str(error) or type(error).__name__))


def _done(row: NoticeRow, channel: str) -> bool:
    mark = row.deliveries.get(channel)
    return mark is not None and mark.done


def _turn(row: NoticeRow, channel: str) -> tuple[bool, int, int]:
    """Critical first, then what was tried least, then the oldest."""
    mark = row.deliveries.get(channel)
    return row.severity is not Severity.CRITICAL, 0 if mark is None else mark.tries, row.number


def _with_repeats(row: NoticeRow) -> Notice:
    if not row.repeats:
        return row.notice
    more = f"the same {row.repeats} more time{'s' if row.repeats > 1 else ''} since"
    return replace(row.notice, lines=fitted((*row.notice.lines, more)))


def gathered(rows: Sequence[NoticeRow]) -> Notice:
    """Many notices as one message: how many of each event, and where to read them."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[str(row.notice.event)] = counts.get(str(row.notice.event), 0) + 1
    last = rows[-1].notice
    worst = max((row.notice for row in rows), key=lambda notice: list(Severity).index(notice.severity))
    lines = [f"{number} {event}" for event, number in sorted(counts.items(), key=lambda pair: -pair[1])]
    return Notice(
        event=worst.event, at=last.at, title=f"{len(rows)} notices came at once; read them with `invest notify list`",
        lines=fitted(lines), mode=last.mode, subject="gathered",
    )  # fmt: skip

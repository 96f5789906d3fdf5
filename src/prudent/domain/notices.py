"""What a person is told: the list of events, how grave each is, and a notice as a few plain lines."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from prudent.domain.accounts import Mode

LINES_MAX = 8
LINE_LENGTH_MAX = 300


class Severity(StrEnum):
    """`critical` means that somebody should look now; it is never held back or gathered with others."""

    NOTE = "note"
    WARNING = "warning"
    CRITICAL = "critical"


class Routing(StrEnum):
    """What becomes of an event: kept and sent, only kept, or neither."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


class Event(StrEnum):
    """Everything that a person can be told of."""

    CYCLE_STARTED = "cycle.started"
    CYCLE_SUCCEEDED = "cycle.succeeded"
    CYCLE_FAILED = "cycle.failed"
    CYCLE_WAITING = "cycle.waiting"
    DECISION_MADE = "decision.made"
    ORDER_BLOCKED = "order.blocked"
    ORDER_SUBMITTED = "order.submitted"
    ORDER_FILLED = "order.filled"
    ORDER_REJECTED = "order.rejected"
    ORDER_UNKNOWN = "order.unknown"
    VERIFICATION_MISMATCH = "verification.mismatch"
    STOP_TRIGGERED = "stop.triggered"
    DRAWDOWN_BREACH = "drawdown.breach"
    DATA_STALE = "data.stale"
    BROKER_DISCONNECTED = "broker.disconnected"
    BROKER_RECONNECTED = "broker.reconnected"
    KILLSWITCH_ON = "killswitch.on"
    KILLSWITCH_OFF = "killswitch.off"
    STATE_CHANGED = "state.changed"
    APPROVAL_NEEDED = "approval.needed"
    APPROVAL_EXPIRED = "approval.expired"
    SCHEDULE_MISSED = "schedule.missed"
    BACKUP_DONE = "backup.done"
    BACKUP_FAILED = "backup.failed"
    ENGINE_STARTED = "engine.started"
    ENGINE_STOPPED = "engine.stopped"
    ENGINE_LOST = "engine.lost"
    MEMORY_HIGH = "memory.high"
    MIRROR_REFUSED = "mirror.refused"
    DISK_LOW = "disk.low"
    DISK_OK = "disk.ok"
    AUDIT_BROKEN = "audit.broken"
    POSITION_BREAK = "position.break"
    TICKET_OPENED = "ticket.opened"
    NOTIFY_TEST = "notify.test"

    @property
    def severity(self) -> Severity:
        if self in _CRITICAL:
            return Severity.CRITICAL
        return Severity.WARNING if self in _WARNING else Severity.NOTE

    @property
    def routing(self) -> Routing:
        """What becomes of it unless the settings say otherwise: steps of an ordinary cycle are kept and not sent."""
        return Routing.SILENT if self in _SILENT else Routing.ON


_CRITICAL = frozenset({
    Event.ORDER_UNKNOWN, Event.VERIFICATION_MISMATCH, Event.DRAWDOWN_BREACH, Event.BROKER_DISCONNECTED,
    Event.KILLSWITCH_ON, Event.BACKUP_FAILED, Event.ENGINE_LOST, Event.DISK_LOW, Event.AUDIT_BROKEN,
    Event.POSITION_BREAK, Event.TICKET_OPENED,
})  # fmt: skip
_WARNING = frozenset({
    Event.CYCLE_FAILED, Event.ORDER_BLOCKED, Event.ORDER_REJECTED, Event.STOP_TRIGGERED, Event.DATA_STALE,
    Event.KILLSWITCH_OFF, Event.STATE_CHANGED, Event.APPROVAL_NEEDED, Event.APPROVAL_EXPIRED, Event.SCHEDULE_MISSED,
    Event.MEMORY_HIGH, Event.MIRROR_REFUSED,
})  # fmt: skip
_SILENT = frozenset({Event.CYCLE_STARTED, Event.DECISION_MADE, Event.ORDER_SUBMITTED, Event.BACKUP_DONE})

_MODE_WORDS = {Mode.DRY_RUN: "DRY", Mode.PAPER: "PAPER", Mode.LIVE: "LIVE"}


def mode_word(mode: Mode) -> str:
    """How a notice says the mode: DRY, PAPER or LIVE; anything else by its own name."""
    return _MODE_WORDS.get(mode, str(mode).upper())


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that happened, in one title and at most eight lines.

    `subject` tells occurrences of one event apart (a cycle, an order, a rule): the same event, account and subject
    within the window of de-duplication is one notice. `account` is empty for what concerns the whole installation.
    """

    event: Event
    at: datetime
    title: str
    lines: tuple[str, ...] = ()
    account: str = ""
    mode: Mode | None = None
    amount: Decimal | None = None
    currency: str = ""
    reason: str = ""
    subject: str = ""
    cycle: str = ""

    def __post_init__(self) -> None:
        if not self.title or any(len(line) > LINE_LENGTH_MAX or "\n" in line for line in (self.title, *self.lines)):
            raise ValueError(f"a notice needs a title, and lines of at most {LINE_LENGTH_MAX} characters")
        if len(self.lines) > LINES_MAX:
            raise ValueError(f"a notice must have at most {LINES_MAX} lines below its title, had {len(self.lines)}")

    @property
    def severity(self) -> Severity:
        return self.event.severity

    @property
    def dedup_key(self) -> str:
        return f"{self.event}|{self.account}|{self.subject}"

    @property
    def heading(self) -> str:
        """The title with mode and account in front: `[PAPER] core: 2 orders were filled`."""
        mode = f"[{mode_word(self.mode)}] " if self.mode is not None else ""
        return f"{mode}{self.account}: {self.title}" if self.account else f"{mode}{self.title}"


def fitted(lines: tuple[str, ...] | list[str], *, limit: int = LINES_MAX) -> tuple[str, ...]:
    """The lines as a notice takes them: each on one line and cut, and the surplus counted in the last one."""
    flat = [one_line(line) for line in lines]
    if len(flat) <= limit:
        return tuple(flat)
    return (*flat[: limit - 1], f"… and {len(flat) - limit + 1} more")


def one_line(text: str) -> str:
    """`text` without line breaks, at most as long as a line of a notice may be."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LINE_LENGTH_MAX else flat[: LINE_LENGTH_MAX - 1] + "…"

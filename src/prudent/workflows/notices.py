"""Tell people what happened: every notice is kept in the ledger first; the courier sends it from there."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import Wait, WaitWhy
from prudent.domain.errors import DeskError
from prudent.domain.notices import Event, Notice, Routing, fitted, one_line
from prudent.domain.redaction import Redactor
from prudent.ledger.notices import Wanted
from prudent.ledger.schedules import PAUSED, SKIPPED, ScheduleRun
from prudent.notify.channels import channels
from prudent.notify.of_cycle import notices_of
from prudent.ports import Clock, Notifier
from prudent.settings import NotifySettings, Settings
from prudent.settings.secret_values import secret_values
from prudent.workflows.courier import Courier

if TYPE_CHECKING:
    from prudent.domain.cycles import CycleRecord

LOG = logging.getLogger("prudent.notices")
HASH_SHOWN = 12


def tell(desk: Desk, *notices: Notice, courier: Courier | None = None) -> tuple[int, ...]:
    """Keep each notice as the settings say; gives the numbers of those that were kept.

    It never raises for what is wrong with notices: one that the ledger cannot keep is logged and, with a courier,
    called out to every channel at once; trading goes on.
    """
    settings = desk.loaded.settings
    redactor = Redactor(secret_values(settings))
    wanted = [_wanted(settings.notify, _clean(notice, redactor)) for notice in notices]
    try:
        return tuple(number for number in desk.ledger.notices.add_all(wanted) if number is not None)
    except DeskError as error:
        for each in wanted:
            LOG.error("notice_not_kept", extra={"told": str(each.notice.event), "why": str(error)})
            if courier is not None and each.routing is Routing.ON:
                courier.call_out(each.notice)
        return ()


def _wanted(settings: NotifySettings, notice: Notice) -> Wanted:
    # What a cycle tells it tells once, however often a restart makes it tell it again.
    window = timedelta.max if notice.cycle else timedelta(minutes=settings.dedup_minutes)
    return Wanted(notice=notice, window=window, routing=routing(settings, notice.event))


def routing(settings: NotifySettings, event: Event) -> Routing:
    """What becomes of an event: what the settings say, else its own default."""
    given = settings.events.get(str(event))
    return event.routing if given is None else Routing(given)


def tell_cycle(desk: Desk, record: "CycleRecord") -> tuple[int, ...]:
    """Tell what a finished cycle did; a rehearsal on a desk that trades tells nobody anything."""
    if record.mode is Mode.DRY_RUN and desk.mode is not Mode.DRY_RUN:
        return ()
    return tell(desk, *notices_of(record))


def tell_failure(desk: Desk, account: str, error: DeskError, *, cycle: str = "") -> tuple[int, ...]:
    """Tell that a cycle ended in an error before it had a record."""
    return tell(
        desk,
        Notice(
            event=Event.CYCLE_FAILED, at=desk.clock.now(), title=one_line(f"a cycle failed: {error}"),
            account=account, mode=desk.mode, reason=error.code, subject=cycle or error.code, cycle=cycle,
        ),
    )  # fmt: skip


def tell_wait(desk: Desk, wait: Wait) -> tuple[int, ...]:
    """Tell that a cycle waits: for a person, who is told how to answer, or for the market."""
    until = f"until {wait.until:%Y-%m-%d %H:%M} UTC"
    if wait.why is WaitWhy.APPROVAL:
        event, title = Event.APPROVAL_NEEDED, f"cycle {wait.cycle} needs a yes {until}"
        lines = [f"invest approve {wait.cycle} --plan {wait.plan_hash[:HASH_SHOWN]}"]
        lines += ["an earlier plan expired or no longer held"] if wait.round > 1 else []
    else:
        event, title, lines = Event.CYCLE_WAITING, f"cycle {wait.cycle} waits for the market {until}", []
    return tell(desk, _of_cycle(desk, event, title, lines, cycle=wait.cycle, subject=f"{wait.cycle}/{wait.round}"))


def tell_begun(desk: Desk, cycle: str, *, mode: Mode, by: str) -> tuple[int, ...]:
    """Tell that a cycle has begun, and who or what began it; a rehearsal on a desk that trades tells nobody."""
    if mode is Mode.DRY_RUN and desk.mode is not Mode.DRY_RUN:
        return ()
    title = f"cycle {cycle} began, by {by}"
    return tell(desk, _of_cycle(desk, Event.CYCLE_STARTED, title, [], cycle=cycle, subject=cycle))


def tell_missed(desk: Desk, run: ScheduleRun) -> tuple[int, ...]:
    """Tell that a due time started nothing, and why; what started something, or was paused, tells nothing."""
    if run.outcome != SKIPPED or desk.ledger.schedule(run.account).state == PAUSED:
        return ()
    due = f"{run.due:%Y-%m-%d %H:%M} UTC"
    missed = happened(
        desk, Event.SCHEDULE_MISSED, f"nothing was started at {due}: {run.reason}", account=run.account,
        reason=run.reason, subject=due,
    )  # fmt: skip
    return tell(desk, missed)


def _of_cycle(desk: Desk, event: Event, title: str, lines: list[str], *, cycle: str, subject: str) -> Notice:
    said = happened(desk, event, title, *lines, account=cycle.rsplit("/", 2)[0], subject=subject)
    return replace(said, cycle=cycle)


def happened(
    desk: Desk, event: Event, title: str, *lines: str, account: str = "", reason: str = "", subject: str = ""
) -> Notice:
    """A notice of this desk as of now, for what is no cycle."""
    return Notice(
        event=event, at=desk.clock.now(), title=one_line(title), lines=fitted(lines), account=account, mode=desk.mode,
        reason=one_line(reason), subject=subject,
    )  # fmt: skip


def _clean(notice: Notice, redactor: Redactor) -> Notice:
    return replace(
        notice, title=redactor.text(notice.title), lines=tuple(redactor.text(line) for line in notice.lines),
        reason=redactor.text(notice.reason),
    )  # fmt: skip


def channels_of(settings: Settings, clock: Clock) -> tuple[Notifier, ...]:
    """The channels of a configuration; a URL that cannot be used fails when something is sent to it."""
    hook = settings.notify.webhook
    return channels(
        settings.notify.urls, webhook=None if hook is None else (hook.url, hook.secret), clock=clock,
        secrets=secret_values(settings),
    )  # fmt: skip


@contextmanager
def sending(desk: Desk) -> Iterator[Courier]:
    """A courier of the desk's notices, for as long as the block runs; on leaving it sends what is due."""
    wall = SystemClock()
    courier = Courier(
        lambda: (desk.ledger.notices,), channels_of(desk.loaded.settings, wall), clock=wall, dated=desk.clock
    )
    courier.start()
    try:
        yield courier
    finally:
        courier.stop()

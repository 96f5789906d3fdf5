"""Start what is due: each scheduled time once, missed ones skipped with a reason or made up for by one cycle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prudent.bootstrap import Desk
from prudent.domain.errors import DeskError, InputError
from prudent.domain.records import utc_text
from prudent.ledger.schedules import PAUSED, SKIPPED, STARTED, ScheduleRun
from prudent.registry import IN_SESSION
from prudent.settings.timetable import LOOK_BACK, Timetable, timetables
from prudent.strategies.intraday import why_closed
from prudent.workflows.cycle import SCHEDULE, CycleWanted, begin
from prudent.workflows.notices import tell_missed
from prudent.workflows.pairs import partners

# An engine that looks this late still starts the cycle; later it has missed it.
GRACE = timedelta(minutes=5)
Start = Callable[[CycleWanted], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """When an account is due next, and by which line of its schedule; `due` None while it is paused or never due."""

    account: str
    spelled: str
    due: datetime | None
    paused: str = ""


def scheduled(desk: Desk) -> dict[str, tuple[Timetable, ...]]:
    """The timetables of every open and enabled account with a schedule; a pair is due when its first account is."""
    accounts = desk.loaded.settings.accounts
    found = [
        account for account in desk.account_ids()
        if accounts[account].schedule and desk.is_open_account(account) and not desk.why_disabled(account)
    ]  # fmt: skip
    together = partners(desk, found)
    return {account: timetables(accounts[together[account][0]].schedule) for account in found}


def start_due(desk: Desk, *, start: Start | None = None) -> tuple[ScheduleRun, ...]:
    """Begin a cycle for every account that is due now, and say why a due time was skipped.

    `start` begins (or asks somebody to begin) a cycle and gives its id; each due time is its key, so it begins once.
    """
    told: list[ScheduleRun] = []
    for account, lines in scheduled(desk).items():
        told += _of_account(desk, account, lines, start or (lambda wanted: begin(desk, wanted)))
    for run in told:
        tell_missed(desk, run)
    return tuple(told)


def next_runs(desk: Desk) -> tuple[NextRun, ...]:
    """The next due time of every line of every schedule."""
    now = desk.clock.now()
    found: list[NextRun] = []
    for account, lines in scheduled(desk).items():
        standing = desk.ledger.schedule(account)
        for line in lines:
            paused = f"paused: {standing.reason}" if standing.state == PAUSED else ""
            due = None if paused else line.next_after(now, desk.calendar)
            found.append(NextRun(account=account, spelled=line.spelled, due=due, paused=paused))
    return tuple(found)


def due_times(desk: Desk, after: datetime, upto: datetime) -> list[datetime]:
    """Every due time of every active schedule in (after, upto], ascending."""
    return sorted({
        due
        for account, lines in scheduled(desk).items()
        if desk.ledger.schedule(account).state != PAUSED
        for line in lines
        for due in line.between(after, upto, desk.calendar)
    })


def _of_account(desk: Desk, account: str, lines: Sequence[Timetable], start: Start) -> list[ScheduleRun]:
    now = desk.clock.now()
    standing = desk.ledger.schedule(account)
    if standing.looked_until is None:
        # A schedule counts from when it is first seen; what lay before was never promised.
        desk.ledger.schedule_looked(account, until=now)
        return []
    after = max(standing.looked_until, now - LOOK_BACK)
    due = {moment: line for line in lines for moment in line.between(after, now, desk.calendar)}
    told = [_settle(desk, account, moment, due[moment], start, last=moment == max(due)) for moment in sorted(due)]
    desk.ledger.schedule_looked(account, until=now)
    return told


def _settle(
    desk: Desk, account: str, due: datetime, line: Timetable, start: Start, *, last: bool
) -> ScheduleRun:  # fmt: skip
    now = desk.clock.now()
    reason, cycle = _why_not(desk, account, due, line, last=last), None
    if not reason:
        try:
            beside = tuple(each for each in _pair(desk, account) if not _why_not(desk, each, due, line, last=last))
            cycle = start(CycleWanted(account=account, key=_key(due), started_by=SCHEDULE, beside=beside))
        except DeskError as error:
            reason = str(error)
    run = ScheduleRun(
        account=account, due=due, outcome=SKIPPED if reason else STARTED, reason=reason, cycle=cycle
    )  # fmt: skip
    desk.ledger.note_schedule_run(run, at=now)
    return run


def _pair(desk: Desk, account: str) -> tuple[str, ...]:
    """The rest of the account's pair, where it has one that is scheduled."""
    together = partners(desk, [*scheduled(desk)])
    return tuple(each for each in together.get(account, ()) if each != account)


def _key(due: datetime) -> str:
    return f"schedule:{utc_text(due)}"


def _why_not(desk: Desk, account: str, due: datetime, line: Timetable, *, last: bool) -> str:
    """Why a due time starts nothing; empty when it does."""
    standing = desk.ledger.schedule(account)
    if standing.state == PAUSED:
        return f"the schedule is paused: {standing.reason}"
    late = desk.clock.now() - due > GRACE
    if late and not (last and line.missed == "run_once"):
        return "missed: no engine ran at that time"
    if closed := _closed(desk, account):
        return closed
    # One that its pair began for this very time is no other work.
    own = desk.ledger.cycle_by_key(account, _key(due)) if _pair(desk, account) else None
    under_way = (each for each in desk.ledger.cycles_under_way() if each != own)
    busy = next((each for each in under_way if each.rsplit("/", 2)[0] == account), None)
    return f"cycle {busy} of the account is still under way" if busy else ""


def _closed(desk: Desk, account: str) -> str:
    """Why the exchange is closed for an account that decides only inside its sessions; empty for any other."""
    if desk.loaded.settings.accounts[account].strategy not in IN_SESSION:
        return ""
    try:
        return why_closed(desk.calendar, desk.clock.now())
    except InputError as error:  # past the end of the calendar
        return f"the exchange's hours must be known: {error}"

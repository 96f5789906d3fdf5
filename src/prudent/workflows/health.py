"""Is the desk able to work: its database, an engine that beats, reconciled accounts, room on the disk, a sane clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.errors import DeskError
from prudent.ports import Clock
from prudent.workflows.disk import Space, space_of

RECONCILED_WITHIN = timedelta(hours=1)
CLOCK_BEHIND_MAX = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that must hold, as found; `detail` holds no secret and no account's money."""

    name: str
    ok: bool
    detail: str


def probes(desk: Desk, *, wall: Clock | None = None, space: Space | None = None) -> tuple[Probe, ...]:
    """Every probe of `/readyz`, in the order in which a person would look. Nothing is changed by looking."""
    wall = wall or SystemClock()
    try:
        return (
            _database(desk), *_engine(desk, wall), *_reconciled(desk), _disk(space or space_of(desk)),
            *_clock(desk),
        )  # fmt: skip
    except (DeskError, OSError) as error:
        return (Probe(name="database", ok=False, detail=str(error)),)


def _database(desk: Desk) -> Probe:
    accounts = desk.ledger.accounts()
    return Probe(name="database", ok=True, detail=f"answers, {len(accounts)} accounts")


def _engine(desk: Desk, wall: Clock) -> Iterator[Probe]:
    now = wall.now()
    alive = [each for each in desk.ledger.engines.all() if each.lives(now)]
    detail = ", ".join(f"beat {_age(now, each.beat):.0f} s ago" for each in alive)
    yield Probe(name="engine", ok=bool(alive), detail=detail or "no engine beats; start one with `invest start`")


def _reconciled(desk: Desk) -> Iterator[Probe]:
    """Accounts that a living desk has compared with their venue lately; one that never traded needs none."""
    now = desk.clock.now()
    found = {each.account: each for each in desk.ledger.measures.reconciled()}
    late: list[str] = []
    for account in desk.account_ids():
        known = found.get(account)
        if desk.is_open_account(account) and (known is None or now - known.at > RECONCILED_WITHIN):
            late.append(account)
    detail = f"{', '.join(late)} not compared with the venue within the hour" if late else "all accounts"
    yield Probe(name="reconciled", ok=not late, detail=detail)


def _disk(space: Space) -> Probe:
    return Probe(name="disk", ok=space.enough(), detail=str(space))


def _clock(desk: Desk) -> Iterator[Probe]:
    """A clock that stands before the newest row of the ledger was set back, or is another machine's."""
    newest = desk.ledger.views.audit(limit=1).rows
    now = desk.clock.now()
    ahead = newest[0].at - now if newest else timedelta(0)
    ok = ahead <= CLOCK_BEHIND_MAX
    detail = f"{now:%Y-%m-%dT%H:%M:%SZ}" if ok else f"{ahead.total_seconds():.0f} s behind the ledger; set the clock"
    yield Probe(name="clock", ok=ok, detail=detail)


def _age(now: datetime, then: datetime) -> float:
    return max(0.0, (now - then).total_seconds())

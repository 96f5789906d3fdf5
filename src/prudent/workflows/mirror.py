"""Show the books at Ghostfolio: what they moved is kept in an outbox, told once, compared, and told anew when lost.

Nothing here is read by a cycle, and nothing here can stop one: Ghostfolio may be away for as long as it likes.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

from prudent.bootstrap import Desk
from prudent.brokers.ghostfolio import Activity, Ghostfolio, Mark, NotSure, Refused, RemoteAccount, RemoteActivity
from prudent.clock import SystemClock
from prudent.domain.errors import ConfigError, DeskError, Permanent, StoreError, Temporary
from prudent.domain.money import plain, to_cents
from prudent.domain.notices import Event
from prudent.domain.records import Json
from prudent.ledger.hash_chain import Anchor
from prudent.ledger.outbox import Movement, OutboxKind, OutboxRow, OutboxState
from prudent.ports import Clock
from prudent.workflows.mirror_link import Connection, connect, mirrored, one_writer
from prudent.workflows.notices import happened, tell

LOG = logging.getLogger("prudent.mirror")
CASH_REF = "cash"
BACK_OFF_MIN, BACK_OFF_MAX = timedelta(seconds=15), timedelta(minutes=15)
# A refusal of these kinds is about the user, not about one activity.
_OF_THE_USER = (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one pass did with one account. `waiting` is still due; `refused` waits for a person, `fresh` since now."""

    account: str
    booked: int = 0
    removed: int = 0
    cash_set: bool = False
    waiting: int = 0
    refused: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    problem: DeskError | None = None


def enqueue(desk: Desk, account: str, *, at: datetime) -> int:
    """Hold the books against the outbox; what it lacks becomes due. A second look finds nothing more to do."""
    outbox = desk.ledger.outbox
    standing = {ref_of(each): body_of(each) for each in outbox.movements(account)}
    known = {row.ref for row in outbox.rows(account) if row.kind is OutboxKind.ACTIVITY}
    made = outbox.put(account, OutboxKind.ACTIVITY, standing, at=at)
    made += outbox.put(account, OutboxKind.REMOVAL, {ref: {} for ref in sorted(known - standing.keys())}, at=at)
    cash: dict[str, Json] = {"balance": plain(to_cents(desk.ledger.views.money(account).cash))}
    return made + outbox.put(account, OutboxKind.CASH, {CASH_REF: cash}, at=at)


def ref_of(movement: Movement) -> str:
    """What names a movement for ever: a correction is another one."""
    mark = mark_of_movement("-", movement)
    return f"{mark.order_ref}:{mark.exec_id}#{mark.version}"


def mark_of_movement(account: str, movement: Movement) -> Mark:
    return Mark(
        account=account, order_ref=_quoted(movement.order_ref), exec_id=_quoted(movement.exec_id),
        version=movement.version,
    )  # fmt: skip


def _quoted(text: str) -> str:
    """Without what a mark is split at; ids of other programs may hold anything."""
    return quote(text, safe="-._~+@") or "-"


def body_of(movement: Movement) -> dict[str, Json]:
    """What the outbox keeps of a movement: enough to see what is due; what is sent is read from the books."""
    return {
        "fee": plain(movement.fee), "price": plain(movement.price), "quantity": plain(movement.quantity),
        "side": str(movement.side), "symbol": movement.symbol,
    }  # fmt: skip


def activity_of(server: Ghostfolio, account: str, movement: Movement) -> Activity:
    """A movement as it is shown."""
    return Activity(
        mark=mark_of_movement(account, movement), side=movement.side, asset=server.asset(movement.symbol),
        quantity=movement.quantity, price=movement.price, fee=movement.fee, time=movement.time,
        currency=movement.currency,
    )  # fmt: skip


def sync(desk: Desk, connection: Connection, accounts: Sequence[str], *, patient: bool = False) -> tuple[Told, ...]:
    """Tell what is due of each account; `patient` leaves what failed lately for later.

    A server that cannot be reached, or takes nothing from us, ends the pass: everything stays due, and the accounts
    left say why. What is wrong with one account is told with it and leaves the others alone.
    """
    told: list[Told] = []
    ended: DeskError | None = None
    for account in accounts:
        if ended is not None:
            told.append(_put_off(desk, account, ended))
            continue
        each = _Pass(desk=desk, connection=connection, account=account, patient=patient)
        try:
            told.append(each.run())
        except StoreError:
            raise
        except (Temporary, Permanent) as error:
            connection.forget(account)
            ended = error if isinstance(error, (Temporary, Refused, ConfigError)) else None
            told.append(_put_off(desk, account, error))
    return tuple(told)


def _put_off(desk: Desk, account: str, problem: DeskError) -> Told:
    rows = desk.ledger.outbox.rows(account)
    return Told(
        account=account, waiting=sum(row.state is OutboxState.DUE for row in rows), refused=_refused(rows),
        problem=problem,
    )  # fmt: skip


def _refused(rows: Sequence[OutboxRow]) -> tuple[str, ...]:
    return tuple(f"{_named(row)}: {row.message}" for row in rows if row.state is OutboxState.REFUSED)


def _named(row: OutboxRow) -> str:
    said = " ".join(str(row.body[name]) for name in ("side", "quantity", "symbol") if name in row.body)
    return f"{row.kind} {said or row.ref}"


@dataclass(slots=True, kw_only=True)
class _Pass:
    """One pass over one account's outbox."""

    desk: Desk
    connection: Connection
    account: str
    patient: bool
    clock: SystemClock = field(default_factory=SystemClock)
    movements: Mapping[str, Movement] = field(default_factory=dict)
    there: dict[str, list[RemoteActivity]] = field(default_factory=dict)
    booked: int = 0
    removed: int = 0
    cash_set: bool = False
    fresh: list[str] = field(default_factory=list)

    def run(self) -> Told:
        outbox = self.desk.ledger.outbox
        enqueue(self.desk, self.account, at=self.clock.now())
        now = self.clock.now()
        # What failed least goes first, so one that cannot be taken holds up none; cash is the sum of the others.
        last = OutboxKind.CASH
        due = sorted(outbox.due(self.account), key=lambda row: (row.attempts, row.kind is last, row.number))
        due = [row for row in due if not self.patient or now >= row.at + _back_off(row.attempts)]
        if due:
            remote = self.connection.account(self.desk, self.account)
            self.movements = {ref_of(each): each for each in outbox.movements(self.account)}
            self._read(remote, due)
            for row in due:
                self._guarded(remote, row)
        rows = outbox.rows(self.account)
        return Told(
            account=self.account, booked=self.booked, removed=self.removed, cash_set=self.cash_set,
            waiting=sum(row.state is OutboxState.DUE for row in rows), refused=_refused(rows), fresh=tuple(self.fresh),
        )  # fmt: skip

    def _read(self, remote: RemoteAccount, due: Sequence[OutboxRow]) -> None:
        """What stands there already: whatever was in doubt is settled by it."""
        if all(row.kind is OutboxKind.CASH for row in due):
            return
        for each in self.connection.server.activities(remote.id):
            if each.mark is not None and each.mark.account == self.account:
                self.there.setdefault(_ref(each.mark), []).append(each)

    def _guarded(self, remote: RemoteAccount, row: OutboxRow) -> None:
        outbox = self.desk.ledger.outbox
        try:
            message = self._tell(remote, row)
        except Refused as error:
            if error.status in _OF_THE_USER:
                raise
            LOG.warning("mirror_refused", extra={"account": self.account, "ref": row.ref, "why": str(error)})
            outbox.failed(row, at=self.clock.now(), message=str(error), refused=True)
            self.fresh.append(f"{_named(row)}: {error}")
        except Temporary as error:
            if isinstance(error, NotSure):
                LOG.warning("mirror_in_doubt", extra={"account": self.account, "ref": row.ref, "why": str(error)})
            outbox.failed(row, at=self.clock.now(), message=str(error))
            raise
        else:
            outbox.done(row, at=self.clock.now(), message=message)

    def _tell(self, remote: RemoteAccount, row: OutboxRow) -> str:
        if row.kind is OutboxKind.CASH:
            balance = Decimal(str(row.body["balance"]))
            # The latest day that is not in the future counts there, whatever day the desk's clock has.
            self.connection.server.set_cash(remote.id, balance, day=self.clock.now().date())
            self.cash_set = True
            return ""
        if row.kind is OutboxKind.REMOVAL:
            return self._remove(row.ref, keep=0)
        movement = self.movements.get(row.ref)
        if movement is None:
            return "it does not stand any more"
        return self._book(remote, row.ref, movement)

    def _book(self, remote: RemoteAccount, ref: str, movement: Movement) -> str:
        if ref in self.there:
            self._remove(ref, keep=1)
            return "it was there already"
        activity = activity_of(self.connection.server, self.account, movement)
        found = self.connection.server.book(remote.id, activity)
        self.booked += 1
        return f"activity {found}"

    def _remove(self, ref: str, *, keep: int) -> str:
        extra = self.there.get(ref, [])[keep:]
        for each in extra:
            self.connection.server.remove(each.id)
            self.removed += 1
        if extra:
            self.there[ref] = self.there[ref][:keep]
            if not keep:
                del self.there[ref]
        return f"{len(extra)} removed"


def _ref(mark: Mark) -> str:
    return f"{mark.order_ref}:{mark.exec_id}#{mark.version}"


def _back_off(attempts: int) -> timedelta:
    return min(BACK_OFF_MIN * 2 ** min(attempts - 1, 10), BACK_OFF_MAX) if attempts else timedelta(0)


class MirrorWatch:
    """The pass of an engine's beat for one owner: quiet where nothing is configured, patient where nobody answers."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._connections: dict[str, tuple[Desk, Connection]] = {}
        self._not_before: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._seen: dict[str, tuple[Desk, Anchor]] = {}

    def look(self, desk: Desk) -> tuple[Told, ...]:
        """Tell what is due, unless nothing was booked since, the server failed lately or another process is at it."""
        owner = desk.ledger.owner
        settings = desk.loaded.settings.ghostfolio
        if settings.url is None or self._clock.monotonic() < self._not_before.get(owner, 0.0):
            return ()
        # Whatever moves the books leaves a line in the audit chain.
        head, seen = desk.ledger.audit_head(), self._seen.get(owner)
        if seen is not None and seen[0] is desk and seen[1] == head:
            return ()
        try:
            with one_writer(desk.home, seconds=0.0):
                told = sync(desk, self._connection(owner, desk), mirrored(desk), patient=True)
        except (Temporary, ConfigError) as error:
            self._failed(owner, str(error))
            return ()
        _tell_refused(desk, told)
        problems = [each.problem for each in told if each.problem is not None]
        if problems:
            self._failed(owner, str(problems[0]))
        else:
            self._failures[owner], self._not_before[owner] = 0, 0.0
        if not any(each.waiting for each in told):
            self._seen[owner] = (desk, head)
        return told

    def _connection(self, owner: str, desk: Desk) -> Connection:
        """One connection for as long as the configuration stays as it is."""
        known = self._connections.get(owner)
        if known is not None and known[0] is desk:
            return known[1]
        if known is not None:
            known[1].server.close()
        made = connect(desk)
        self._connections[owner] = (desk, made)
        return made

    def _failed(self, owner: str, problem: str) -> None:
        failures = self._failures.get(owner, 0) + 1
        pause = _back_off(failures)
        self._failures[owner] = failures
        self._not_before[owner] = self._clock.monotonic() + pause.total_seconds()
        LOG.warning("mirror_waits", extra={"why": problem, "seconds": int(pause.total_seconds())})


def _tell_refused(desk: Desk, told: Sequence[Told]) -> None:
    """What Ghostfolio will not take needs a person, who is told once."""
    for each in told:
        for words in each.fresh:
            title = f"Ghostfolio does not take {words}"
            way_out = "correct it there, then `invest ghostfolio sync --again`"
            tell(desk, happened(desk, Event.MIRROR_REFUSED, title, way_out, account=each.account, subject=words))

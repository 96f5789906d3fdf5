"""Hold the books against what Ghostfolio shows, and make it show them again where it does not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from prudent.bootstrap import Desk
from prudent.brokers.ghostfolio import Activity, RemoteAccount, RemoteActivity, alike
from prudent.clock import SystemClock
from prudent.domain.money import ZERO, plain, to_cents
from prudent.ledger.outbox import OutboxKind, OutboxRow, OutboxState
from prudent.workflows.mirror import CASH_REF, Told, activity_of, enqueue, ref_of, sync
from prudent.workflows.mirror_link import Connection, wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that Ghostfolio shows otherwise: `what` names it, the rest says how."""

    what: str
    ours: str
    theirs: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One account held against Ghostfolio; `waiting` movements were not told yet and count as no difference."""

    account: str
    there: str
    activities: int
    waiting: int
    foreign: int
    differences: tuple[Difference, ...] = ()

    @property
    def agrees(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuilding did, and how the account compares after it."""

    account: str
    removed: int
    told: Told
    after: Comparison


@dataclass(slots=True, kw_only=True)
class _Sides:
    """Both sides of one account, ours by ref."""

    remote: RemoteAccount | None
    ours: dict[str, Activity] = field(default_factory=dict)
    theirs: dict[str, list[RemoteActivity]] = field(default_factory=dict)
    foreign: list[RemoteActivity] = field(default_factory=list)
    waiting: frozenset[str] = frozenset()
    cash: Decimal = ZERO
    cash_waits: bool = False


def compare(desk: Desk, connection: Connection, account: str) -> Comparison:
    """Our movements, quantities and cash against its activities and balance; its computed figures are never read."""
    sides = _sides(desk, connection, account)
    if sides.remote is None:
        lost = Difference(what="account", ours=wanted(desk, account).name, theirs="none", why="it is not there")
        return Comparison(account=account, there="", activities=0, waiting=len(sides.waiting), foreign=0,
                          differences=(lost,))  # fmt: skip
    found = (*_of_activities(sides), *_of_quantities(sides), *_of_cash(sides))
    return Comparison(
        account=account, there=sides.remote.name, activities=sum(map(len, sides.theirs.values())),
        waiting=len(sides.waiting), foreign=len(sides.foreign), differences=found,
    )  # fmt: skip


def rebuild(desk: Desk, connection: Connection, account: str) -> Rebuilt:
    """Make Ghostfolio show the books: what is ours and wrong there goes, what is missing is told again.

    What a person or another program booked there stays, and is named as a difference.
    """
    clock = SystemClock()
    outbox = desk.ledger.outbox
    enqueue(desk, account, at=clock.now())
    connection.forget(account)
    connection.account(desk, account)
    sides = _sides(desk, connection, account)
    wrong = tuple(_wrong(sides))
    for each in wrong:
        connection.server.remove(each.id)
    gone = {each.id for each in wrong}
    left = {ref for ref, rows in sides.theirs.items() if any(each.id not in gone for each in rows)}
    lacking = [row for row in outbox.rows(account) if _lacking(row, sides, left)]
    outbox.again(account, lacking, at=clock.now())
    (told,) = sync(desk, connection, (account,))
    if told.problem is not None:
        raise told.problem
    return Rebuilt(account=account, removed=len(wrong), told=told, after=compare(desk, connection, account))


def _lacking(row: OutboxRow, sides: _Sides, left: set[str]) -> bool:
    if row.kind is OutboxKind.CASH:
        return True
    return row.kind is OutboxKind.ACTIVITY and row.ref in sides.ours and row.ref not in left


def _sides(desk: Desk, connection: Connection, account: str) -> _Sides:
    server = connection.server
    sides = _Sides(remote=server.find(wanted(desk, account)))
    outbox = desk.ledger.outbox
    sides.ours = {ref_of(each): activity_of(server, account, each) for each in outbox.movements(account)}
    rows = outbox.rows(account)
    told = {row.ref for row in rows if row.kind is OutboxKind.ACTIVITY and row.state is not OutboxState.DUE}
    sides.waiting = frozenset(sides.ours) - told
    money = desk.ledger.views.money(account)
    sides.cash = to_cents(money.cash)
    sides.cash_waits = not any(
        row.kind is OutboxKind.CASH and row.ref == CASH_REF and row.state is OutboxState.DONE
        and Decimal(str(row.body["balance"])) == sides.cash
        for row in rows
    )  # fmt: skip
    if sides.remote is not None:
        for each in server.activities(sides.remote.id):
            if each.mark is None or each.mark.account != account:
                sides.foreign.append(each)
            else:
                ref = f"{each.mark.order_ref}:{each.mark.exec_id}#{each.mark.version}"
                sides.theirs.setdefault(ref, []).append(each)
    return sides


def _wrong(sides: _Sides) -> Iterator[RemoteActivity]:
    """What carries our mark and should not stand: taken back or corrected, doubled, or changed by somebody."""
    for ref, rows in sides.theirs.items():
        ours = sides.ours.get(ref)
        right = [each for each in rows if ours is not None and not ours.differs_from(each)]
        keep = right[0].id if right else ""
        yield from (each for each in rows if each.id != keep)


def _of_activities(sides: _Sides) -> Iterator[Difference]:
    for ref, ours in sides.ours.items():
        rows = sides.theirs.get(ref, [])
        said = _words(ours)
        if not rows and ref not in sides.waiting:
            yield Difference(what=ref, ours=said, theirs="none", why="it is missing there")
        elif len(rows) > 1:
            yield Difference(what=ref, ours=said, theirs=f"{len(rows)} of them", why="it is there more than once")
        elif rows and (why := ours.differs_from(rows[0])):
            yield Difference(what=ref, ours=said, theirs=_said(rows[0]), why=why)
    for ref, rows in sides.theirs.items():
        if ref not in sides.ours:
            yield Difference(what=ref, ours="none", theirs=_said(rows[0]), why="our books do not have it any more")
    for each in sides.foreign:
        yield Difference(what=each.id, ours="none", theirs=_said(each), why="it was booked there by others")


def _of_quantities(sides: _Sides) -> Iterator[Difference]:
    """Quantities held, folded from all that is booked there; while something waits they cannot agree."""
    if sides.waiting:
        return
    names = {(each.asset.source, each.asset.symbol): each.asset.name for each in sides.ours.values()}
    held: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for ours in sides.ours.values():
        key = (ours.asset.source, ours.asset.symbol)
        before = held.get(key, (ZERO, ZERO))
        held[key] = (before[0] + ours.side.sign * ours.quantity, before[1])
    for each in (*sides.foreign, *(row for rows in sides.theirs.values() for row in rows)):
        key = (each.source, each.symbol)
        before = held.get(key, (ZERO, ZERO))
        held[key] = (before[0], before[1] + each.moved)
    for key, (mine, there) in sorted(held.items()):
        if not alike(mine, there):
            name = names.get(key, key[1])
            yield Difference(what=name, ours=plain(mine), theirs=plain(there), why="another quantity is held")


def _of_cash(sides: _Sides) -> Iterator[Difference]:
    there = None if sides.remote is None else sides.remote.balance
    if sides.cash_waits or there is None or to_cents(there) == sides.cash:
        return
    yield Difference(what="cash", ours=plain(sides.cash), theirs=plain(to_cents(there)), why="another balance")


def _words(ours: Activity) -> str:
    return f"{ours.side} {plain(ours.quantity)} {ours.asset.name} at {plain(ours.price)}"


def _said(there: RemoteActivity) -> str:
    return f"{there.type} {plain(there.quantity)} {there.symbol} at {plain(there.price)}"

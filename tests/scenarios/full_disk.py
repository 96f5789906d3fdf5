"""A desk on a disk that fills up in the middle of a cycle: `python -m tests.scenarios.full_disk HOME DISK SEED POINTS`.

DISK is an empty folder of a file system of its own, small enough to be filled. For each point all but a random rest of
it is filled, a cycle is run until the disk says no, and what is left is looked at after there is space again. One line
of JSON is written for each point.
"""

import json
import os
import random
import shutil
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.scenarios.homes import ACCOUNT

from prudent.bootstrap import Desk, open_desk
from prudent.domain.cycles import ResidualCause
from prudent.domain.errors import DeskError, StoreError
from prudent.domain.orders import OrderIntent, OrderReport, OrderStatus
from prudent.ledger import LedgerStore
from prudent.ledger.backup import databases
from prudent.ledger.hash_chain import Anchor
from prudent.ledger.snapshot import all_faults
from prudent.ports import NO_CLAIM, Claim
from prudent.workflows.backup import Wishes, back_up
from prudent.workflows.cycle import at_work, run_account

CHUNK = 4096


@dataclass(kw_only=True)
class Point:
    """What one filling of the disk did, and what was found afterwards."""

    room: int
    ended: str = ""
    refused: str = ""
    said: str = ""
    backup_refused: str = ""
    left_by_backup: tuple[str, ...] = ()
    acknowledged: int = 0
    orders_acknowledged: int = 0
    faults: tuple[str, ...] = ()
    books_agree: bool = False
    orders_lost: tuple[str, ...] = ()
    sent_twice: bool = False
    resumed: str = ""
    within_a_lot: bool = False


class Acknowledged:
    """A ledger that remembers how far its chain had come each time it said that something was done."""

    def __init__(self, ledger: LedgerStore) -> None:
        self._ledger = ledger
        self.head = ledger.audit_head()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        if not callable(found):
            return found

        def called(*args: Any, **named: Any) -> Any:
            result = found(*args, **named)
            self.head = self._ledger.audit_head()
            return result

        return called


def fill(disk: Path, room: int) -> Path:
    """Take all space but about `room` bytes."""
    path = disk / "filler"
    with path.open("wb") as handle:
        while (free := _free(disk)) > room:
            handle.write(b"\0" * min(1 << 20, max(CHUNK, free - room)))
            handle.flush()
    return path


def _free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def need(home: Path, disk: Path) -> int:
    """How much one cycle takes of the disk where there is enough."""
    copied = _copied(home, disk)
    before = _free(disk)
    desk = open_desk(copied)
    with at_work(desk):
        run_account(desk, ACCOUNT)
    taken = before - _free(disk)
    _remove(copied)
    return taken


def _copied(home: Path, disk: Path) -> Path:
    target = disk / "home"
    shutil.copytree(home, target)
    return target


def _remove(home: Path) -> None:
    shutil.rmtree(home)


def cycle(desk: Desk) -> tuple[Acknowledged, list[str], DeskError | None]:
    """One cycle; how far the ledger had acknowledged, the orders that the venue had, and what ended it."""
    kept = Acknowledged(desk.ledger)
    desk.ledger = kept  # type: ignore[assignment]  # it passes everything on
    taken: list[str] = []
    submit: Callable[..., OrderReport] = desk.broker.submit

    def noted(intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        report = submit(intent, claim)
        if report.status is not OrderStatus.NOT_SENT:
            taken.append(intent.order_ref)
        return report

    desk.broker.submit = noted  # type: ignore[method-assign]  # it passes everything on
    try:
        with at_work(desk):
            run_account(desk, ACCOUNT)
    except DeskError as error:
        return kept, taken, error
    return kept, taken, None


def survive(home: Path, disk: Path, room: int) -> Point:
    found = Point(room=room)
    copied = _copied(home, disk)
    desk = open_desk(copied)
    store = desk.ledger
    filler = fill(disk, room)
    kept, taken, error = cycle(desk)
    found.ended = "done" if error is None else "refused"
    found.refused, found.said = ("", "") if error is None else (type(error).__name__, str(error))
    try:
        back_up(desk.loaded, Wishes())
    except StoreError as refusal:
        found.backup_refused = str(refusal)
    found.left_by_backup = tuple(path.name for path in (copied / "backups").glob("*") if path.name.startswith("."))
    found.acknowledged, found.orders_acknowledged = kept.head.seq, len(taken)
    store.close()
    filler.unlink()
    _judge(found, copied, kept.head, taken)
    _remove(copied)
    return found


def _survived(home: Path, disk: Path, room: int) -> dict[str, object]:
    return asdict(survive(home, disk, room))


def _judge(found: Point, home: Path, head: Anchor, taken: list[str]) -> None:
    """What the next process sees, with space again."""
    faults = [fault for path in databases(home) for fault in all_faults(path)]
    desk = open_desk(home)
    broken = desk.ledger.verify_audit(anchor=head).broken
    found.faults = (*faults, *desk.ledger.faults(), *([broken.what] if broken else []))
    with at_work(desk):
        answers = desk.broker.reports(ACCOUNT, taken)
        found.orders_lost = tuple(each.order_ref for each in answers if each.status is OrderStatus.NOT_SENT)
        record = run_account(desk, ACCOUNT)
        snapshot = desk.broker.snapshot(ACCOUNT)
        held = {p.symbol: p.quantity for p in snapshot.positions}
        own = {p.symbol: p.quantity for p in desk.ledger.views.positions(ACCOUNT)}
        found.books_agree = held == own and desk.ledger.views.money(ACCOUNT).cash == snapshot.cash
        pairs = [(fill.order_ref, fill.exec_id) for fill in desk.broker.fills(ACCOUNT)]
        found.sent_twice = len(pairs) != len(set(pairs)) or len({ref for ref, _ in pairs}) != len(pairs)
    found.resumed = str(record.status)
    assert record.reconciliation is not None
    # But where a guard shrank what was wanted.
    shrunk = {r.symbol for r in record.reconciliation.residuals if r.cause is ResidualCause.BLOCKED}
    checked = [each for each in record.reconciliation.symbols_verified if each.symbol not in shrunk]
    found.within_a_lot = len(checked) >= 10 and all(
        abs(each.target_quantity - each.actual_quantity) <= 1 for each in checked
    )


def main(home: Path, disk: Path, seed: int, points: int) -> None:
    chance = random.Random(seed)
    most = int(_apart(partial(need, home, disk)))
    for _ in range(points):
        # From the first byte to just beyond the last that a cycle needs.
        room = chance.randrange(0, most + 8 * CHUNK)
        sys.stdout.write(_apart(partial(_survived, home, disk, room)) + "\n")
        sys.stdout.flush()


def _apart(act: Callable[[], object]) -> str:
    """What `act` gives, as JSON, from a process of its own: an open file keeps its space after it is deleted."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(writer, json.dumps(act()).encode())
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as told:
        text = told.read()
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise SystemExit(f"a point ended without an answer after {text!r}")
    return text


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

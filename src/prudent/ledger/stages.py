"""Outputs of the finished steps of cycles that have no record yet, and the cycles that wait."""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from prudent.domain.cycles import Wait, WaitWhy
from prudent.domain.records import Json, utc_text
from prudent.ledger import audit, runs
from prudent.ledger.database import Row, Transaction
from prudent.ledger.hash_chain import spelled
from prudent.ledger.journal import moment
from prudent.ledger.schema import CYCLES, STAGES, WAITS, mine

WAITING_CYCLE = "waiting"
_LEVEL = 1

_ONE = select(STAGES.c.body).where(mine(STAGES, "account", "run", "cycle", "name"))
_ADD = insert(STAGES)
_DROP = delete(STAGES).where(mine(STAGES, "account", "run", "cycle"))
_WAIT = select(WAITS).where(mine(WAITS, "account", "run", "cycle"))
_WAITS = select(WAITS).where(mine(WAITS)).order_by(WAITS.c.until, WAITS.c.account)
_ADD_WAIT = insert(WAITS)
_DROP_WAIT = delete(WAITS).where(mine(WAITS, "account", "run", "cycle"))
_STATUS = (
    update(CYCLES)
    .where(mine(CYCLES, "account", "run", "cycle", "status"))
    .values(status=bindparam("b_status"))
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A stored wait and since when."""

    wait: Wait
    since: datetime


def find(tx: Transaction, cycle_id: str, name: str) -> tuple[Json] | None:
    """The output of a finished step, in a tuple of one (it may be null); None when the step has not finished."""
    account, run, cycle = runs.parse_cycle(cycle_id)
    row = tx.one(_ONE, account=account, run=run, cycle=cycle, name=name)
    return None if row is None else (json.loads(zlib.decompress(row["body"])),)


def keep(tx: Transaction, cycle_id: str, name: str, output: Json, *, at: datetime) -> None:
    """Store what a step gave; a step that is there already stays as it is, and so does a recorded cycle."""
    account, run, cycle = runs.parse_cycle(cycle_id)
    row = runs.find_cycle(tx, account, run, cycle or 0)
    if row["record_digest"] is None and tx.one(_ONE, account=account, run=run, cycle=cycle, name=name) is None:
        body = zlib.compress(spelled(output).encode(), _LEVEL)
        tx.run(_ADD, account=account, run=run, cycle=cycle, name=name, at=utc_text(at), body=body)


def drop(tx: Transaction, account: str, run: int, cycle: int) -> None:
    """Forget the steps and the wait of a cycle that is over; its record holds them all."""
    tx.run(_DROP, account=account, run=run, cycle=cycle)
    tx.run(_DROP_WAIT, account=account, run=run, cycle=cycle)


def wait(tx: Transaction, waits: Wait, *, at: datetime) -> None:
    """Mark a cycle as waiting; the same wait again changes nothing."""
    account, run, cycle = runs.parse_cycle(waits.cycle)
    row = tx.one(_WAIT, account=account, run=run, cycle=cycle)
    if row is not None and _wait(row).wait == waits:
        _set_waiting(tx, account, run, cycle)
        return
    tx.run(_DROP_WAIT, account=account, run=run, cycle=cycle)
    tx.run(
        _ADD_WAIT, account=account, run=run, cycle=cycle, why=str(waits.why), until=utc_text(waits.until),
        plan_hash=waits.plan_hash, since=utc_text(at), round=waits.round,
    )  # fmt: skip
    _set_waiting(tx, account, run, cycle)
    audit.note(tx, "cycle_waits", account, at, {
        "cycle": waits.cycle, "why": str(waits.why), "until": utc_text(waits.until), "plan": waits.plan_hash,
    })  # fmt: skip


def _set_waiting(tx: Transaction, account: str, run: int, cycle: int | None) -> None:
    tx.run(
        _STATUS, account=account, run=run, cycle=cycle, status=runs.RUNNING_CYCLE, b_status=WAITING_CYCLE
    )  # fmt: skip


def go_on(tx: Transaction, cycle_id: str, *, at: datetime) -> None:
    """A waiting cycle runs again; its wait row stays until it waits for something else or is over."""
    account, run, cycle = runs.parse_cycle(cycle_id)
    changed = tx.run(
        _STATUS, account=account, run=run, cycle=cycle, status=WAITING_CYCLE, b_status=runs.RUNNING_CYCLE
    )  # fmt: skip
    if changed:
        audit.note(tx, "cycle_goes_on", account, at, {"cycle": cycle_id})


def wait_of(tx: Transaction, cycle_id: str) -> Waiting | None:
    """What the cycle waits or last waited for; None where it never waited, or is over."""
    account, run, cycle = runs.parse_cycle(cycle_id)
    row = tx.one(_WAIT, account=account, run=run, cycle=cycle)
    return None if row is None else _wait(row)


def waiting(tx: Transaction) -> tuple[Waiting, ...]:
    """Every wait of the owner, the earliest end first."""
    return tuple(_wait(row) for row in tx.all(_WAITS))


def _wait(row: Row) -> Waiting:
    wait_for = Wait(
        cycle=f"{row['account']}/{row['run']}/{row['cycle']}", why=WaitWhy(row["why"]), until=moment(row["until"]),
        plan_hash=row["plan_hash"], round=row["round"],
    )  # fmt: skip
    return Waiting(wait=wait_for, since=moment(row["since"]))

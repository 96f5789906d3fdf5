"""Runs and their cycles: numbered per account, with mandate, rules, mode and code frozen in."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, func, insert, select, update

from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleStatus
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.mandate import Mandate
from prudent.domain.orders import OrderStatus
from prudent.domain.proposals import ExitCause
from prudent.domain.records import canonical, decode, digest, encode, utc_text
from prudent.domain.rules import UserRule
from prudent.ledger import accounts, audit, mandates, valuations
from prudent.ledger.database import Row, Transaction
from prudent.ledger.schema import CYCLES, ORDERS, RUNS, among, mine
from prudent.ledger.transitions import NEVER_LEFT
from prudent.ports import RunRef

_DRY = str(Mode.DRY_RUN)
_RUNNING = select(RUNS).where(mine(RUNS, "account", "status")).order_by(RUNS.c.run.desc())
_LAST = select(func.max(RUNS.c.run).label("run")).where(mine(RUNS, "account"))
_ONE = select(RUNS).where(mine(RUNS, "account", "run"))
_ADD = insert(RUNS)
_END = (
    update(RUNS)
    .where(mine(RUNS, "account", "run"))
    .values(status=bindparam("b_status"), ended=bindparam("b_ended"), note=bindparam("b_note"))
)
_LAST_CYCLE = select(func.max(CYCLES.c.cycle).label("cycle")).where(mine(CYCLES, "account", "run"))
_ADD_CYCLE = insert(CYCLES)
_CYCLE = select(CYCLES).where(mine(CYCLES, "account", "run", "cycle"))
_ANY_ORDER = select(ORDERS.c.order_ref).where(mine(ORDERS, "account", "run", "cycle")).limit(1)
_BY_KEY = select(CYCLES.c.run, CYCLES.c.cycle).where(mine(CYCLES, "account", "cycle_key"))
_OPEN_CYCLES = (
    select(CYCLES.c.account, CYCLES.c.run, CYCLES.c.cycle)
    .where(mine(CYCLES, "status"))
    .order_by(CYCLES.c.account, CYCLES.c.run, CYCLES.c.cycle)
)
_GIVE_UP = (
    update(CYCLES)
    .where(mine(CYCLES, "account", "run", "cycle"))
    .values(status=bindparam("b_status"), finished=bindparam("b_finished"), note=bindparam("b_note"))
)
_RECORDED = (
    select(CYCLES.c.run)
    .join(
        RUNS,
        (RUNS.c.owner_id == CYCLES.c.owner_id) & (RUNS.c.account == CYCLES.c.account) & (RUNS.c.run == CYCLES.c.run),
    )
    .where(mine(CYCLES, "account"), CYCLES.c.record_digest.is_not(None))
    # Runs that traded before rehearsals, the newest first.
    .order_by(RUNS.c.mode == _DRY, CYCLES.c.run.desc())
    .limit(1)
)
_SENT_CUTS = (
    select(ORDERS.c.order_ref)
    .where(
        mine(ORDERS, "account", "run", "cycle"),
        among(ORDERS.c.effect, ("CLOSE", "COVER")),
        among(ORDERS.c.state, tuple(set(OrderStatus) - NEVER_LEFT)),
    )
    .limit(1)
)

RUNNING_CYCLE = "running"
# Who or what begins a cycle. A person is there to answer for it, the others are not; a name may follow after a colon.
PERSON, SCHEDULE, PROTECTION, FLATTEN = "person", "schedule", "protection", str(ExitCause.FLATTEN)
ONLY_EXITS = (PROTECTION, FLATTEN)


class RunStatus(StrEnum):
    """`completed` = superseded by the next run, `stopped` by a person, `failed` by an error."""

    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What a run is fixed to."""

    mode: str
    mandate: Mandate
    rules: tuple[UserRule, ...]
    code_version: str

    def same(self, row: Row) -> bool:
        known = (row["mode"], row["mandate_hash"], row["rules_hash"], row["code_version"])
        return known == (self.mode, self.mandate.hash, self.rules_hash, self.code_version)

    @property
    def rules_hash(self) -> str:
        return digest(encode(self.rules))


def open_run(tx: Transaction, frozen: Frozen, *, at: datetime) -> RunRef:
    """The running run if nothing frozen in it has changed, else the next one; the run before it is completed.

    A dry run stands beside the runs that trade: it neither ends them nor is ended by them.
    """
    account = frozen.mandate.account
    if accounts.find(tx, account).status != "open":
        raise BlockedError(f"account {account} must be open to run, was closed; reopen it first")
    for row in tx.all(_RUNNING, account=account, status=str(RunStatus.RUNNING)):
        if frozen.same(row):
            return RunRef(account=account, number=row["run"])
        if (row["mode"] == _DRY) == (frozen.mode == _DRY):
            end_run(tx, RunRef(account=account, number=row["run"]), RunStatus.COMPLETED, note="superseded", at=at)
    last = tx.one(_LAST, account=account)
    ref = RunRef(account=account, number=int((last["run"] if last else 0) or 0) + 1)
    valued = valuations.last(tx, account) if frozen.mode != _DRY else None
    unit = None if valued is None or valued.unit_value is None else str(encode(valued.unit_value))
    tx.run(
        _ADD, account=account, run=ref.number, mode=frozen.mode, status=str(RunStatus.RUNNING),
        mandate_hash=frozen.mandate.hash, rules_hash=frozen.rules_hash,
        rules=canonical(encode(frozen.rules)).decode(), strategy=frozen.mandate.strategy,
        code_version=frozen.code_version, started=utc_text(at), ended=None,
        start_value=None if unit is None or valued is None else str(encode(valued.nlv)), final_value=None,
        unit_start=unit, unit_peak=unit, unit_last=unit, max_drawdown=None, note="",
        mandate_version=mandates.version_of(tx, frozen.mandate, at), trades=0,
    )  # fmt: skip
    audit.note(tx, "run_started", account, at, {
        "run": ref.number, "mode": frozen.mode, "mandate": frozen.mandate.hash, "rules": frozen.rules_hash,
        "code": frozen.code_version,
    })  # fmt: skip
    return ref


def end_run(tx: Transaction, run: RunRef, status: RunStatus, *, note: str, at: datetime) -> None:
    """End a running run; one that has ended stays as it is."""
    row = find_run(tx, run)
    if row["status"] != RunStatus.RUNNING:
        return
    tx.run(_END, account=run.account, run=run.number, b_status=str(status), b_ended=utc_text(at), b_note=note)
    audit.note(tx, "run_ended", run.account, at, {"run": run.number, "status": str(status), "note": note})


def find_run(tx: Transaction, run: RunRef) -> Row:
    row = tx.one(_ONE, account=run.account, run=run.number)
    if row is None:
        raise InputError(f"run must be one of the ledger's, was {run.id!r}; see `invest runs list`")
    return row


def last_recorded(tx: Transaction, account: str) -> RunRef | None:
    """The newest run with a recorded cycle, rehearsals only where nothing else is; None when there is none."""
    row = tx.one(_RECORDED, account=account)
    return None if row is None else RunRef(account=account, number=row["run"])


def next_cycle(tx: Transaction, run: RunRef, *, at: datetime, key: str | None = None, started_by: str = "") -> int:
    """Reserve the next number; it is used up even if the process ends before the cycle does.

    A cycle that was begun under the same `key` (an account's scheduled time, a request) is not begun again.
    """
    if key is not None and (begun := by_key(tx, run.account, key)) is not None:
        raise BlockedError(f"a cycle for {key} must run once, {begun} did; see `invest runs show {begun}`")
    if find_run(tx, run)["status"] != RunStatus.RUNNING:
        raise BlockedError(f"run {run.id} must be running to take a cycle, was ended; open the next run")
    last = tx.one(_LAST_CYCLE, account=run.account, run=run.number)
    number = int((last["cycle"] if last else 0) or 0) + 1
    tx.run(
        _ADD_CYCLE, account=run.account, run=run.number, cycle=number, status=RUNNING_CYCLE, scheduled=utc_text(at),
        started=None, finished=None, answer=None, code=None, decided_by=None, no_trade_codes=None,
        record_digest=None, note=None, orders_planned=0, orders_refused=0, cycle_key=key, started_by=started_by,
    )  # fmt: skip
    audit.note(tx, "cycle_started", run.account, at, {"cycle": f"{run.id}/{number}"})
    return number


def by_key(tx: Transaction, account: str, key: str) -> str | None:
    """The cycle that was begun under `key`, None when none was."""
    row = tx.one(_BY_KEY, account=account, cycle_key=key)
    return None if row is None else f"{account}/{row['run']}/{row['cycle']}"


def frozen(tx: Transaction, run: RunRef) -> Frozen:
    """What the run is fixed to, as it was stored."""
    row = find_run(tx, run)
    return Frozen(
        mode=row["mode"], mandate=mandates.version(tx, run.account, row["mandate_version"]),
        rules=decode(tuple[UserRule, ...], json.loads(row["rules"])), code_version=row["code_version"],
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRow:
    """Where a cycle stands: `running`, `waiting`, or how it ended; `has_orders` once any order was approved for it."""

    id: str
    run: RunRef
    number: int
    status: str
    recorded: bool
    key: str | None
    started_by: str
    has_orders: bool

    @property
    def kind(self) -> str:
        """Who or what began it, without the name: a person, a schedule, the protection monitor, a flatten."""
        return self.started_by.partition(":")[0]

    @property
    def only_exits(self) -> bool:
        """True for a cycle that asks no strategy: it may only reduce what is held."""
        return self.kind in ONLY_EXITS


def standing(tx: Transaction, cycle_id: str) -> CycleRow:
    """Where the cycle stands; an unknown one raises `InputError`."""
    account, run, cycle = parse_cycle(cycle_id)
    row = find_cycle(tx, account, run, cycle or 0)
    return CycleRow(
        id=cycle_id, run=RunRef(account=account, number=run), number=cycle or 0, status=row["status"],
        recorded=row["record_digest"] is not None, key=row["cycle_key"], started_by=row["started_by"] or "",
        has_orders=tx.one(_ANY_ORDER, account=account, run=run, cycle=cycle) is not None,
    )  # fmt: skip


def parse_cycle(cycle_id: str) -> tuple[str, int, int | None]:
    """Account, run and cycle of `account/run/cycle`, or of `account/run` with None for the cycle.

    Raises:
        InputError: the text is neither.
    """
    parts = cycle_id.split("/")
    if len(parts) in (2, 3) and parts[0] and all(part.isascii() and part.isdigit() for part in parts[1:]):
        return parts[0], int(parts[1]), int(parts[2]) if len(parts) == 3 else None
    raise InputError(
        f"cycle must be written ACCOUNT/RUN/CYCLE or ACCOUNT/RUN, was {cycle_id!r}; see `invest runs list`"
    )


def find_cycle(tx: Transaction, account: str, run: int, cycle: int) -> Row:
    row = tx.one(_CYCLE, account=account, run=run, cycle=cycle)
    if row is None:
        raise InputError(
            f"cycle must be one of the ledger's, was {account}/{run}/{cycle}; see `invest runs show {account}/{run}`"
        )
    return row


def interrupted(tx: Transaction) -> tuple[str, ...]:
    """Every cycle that began and has neither record nor mark: at a start, what a killed process left."""
    return tuple(f"{row['account']}/{row['run']}/{row['cycle']}" for row in tx.all(_OPEN_CYCLES, status=RUNNING_CYCLE))


def resolve_interrupted(tx: Transaction, cycle_id: str, *, at: datetime) -> None:
    """Mark a cycle that will never get a record; one that has its record or mark stays as it is."""
    account, run, cycle = parse_cycle(cycle_id)
    row = find_cycle(tx, account, run, cycle or 0)
    if row["status"] != RUNNING_CYCLE:
        return
    tx.run(
        _GIVE_UP, account=account, run=run, cycle=cycle, b_status=str(CycleStatus.INTERRUPTED),
        b_finished=utc_text(at), b_note="the process ended before its record",
    )  # fmt: skip
    audit.note(tx, "cycle_interrupted", account, at, {"cycle": cycle_id})
    _latch_made_cut(tx, account, run, cycle or 0, at=at)


def fail_cycle(tx: Transaction, cycle_id: str, *, reason: str, at: datetime) -> None:
    """Mark a cycle that ended in an error; one that has its record or mark stays as it is."""
    account, run, cycle = parse_cycle(cycle_id)
    if find_cycle(tx, account, run, cycle or 0)["status"] != RUNNING_CYCLE:
        return
    tx.run(
        _GIVE_UP, account=account, run=run, cycle=cycle, b_status=str(CycleStatus.FAILED), b_finished=utc_text(at),
        b_note=reason,
    )  # fmt: skip
    audit.note(tx, "cycle_failed", account, at, {"cycle": cycle_id, "reason": reason})
    _latch_made_cut(tx, account, run, cycle or 0, at=at)


def _latch_made_cut(tx: Transaction, account: str, run: int, cycle: int, *, at: datetime) -> None:
    """A drawdown cut counts as made if a cycle without a record had sent reducing orders at the drawdown cut."""
    valued = valuations.last(tx, account)
    down = valued is not None and valued.is_down(mandates.in_force(tx, account).limits.drawdown_cut)
    cut = tx.one(_SENT_CUTS, account=account, run=run, cycle=cycle) is not None
    if valued is not None and down and cut and valuations.DRAWDOWN not in valuations.latches(tx, account):
        valuations.latch(
            tx, account, valuations.DRAWDOWN, at=at, session=valued.session,
            reason=f"cycle {account}/{run}/{cycle} had sent reducing orders at the drawdown cut",
        )  # fmt: skip

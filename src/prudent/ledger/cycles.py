"""Records of cycles: stored whole by digest, with what lists and counts need beside them."""

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update

from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import BlockedError, InputError, StoreError
from prudent.domain.orders import OrderIntent, OrderStatus
from prudent.domain.proposals import ExitCause
from prudent.domain.records import Json, decode, utc_text
from prudent.domain.verdicts import GuardLabel, GuardReport, Layer, Outcome
from prudent.ledger import audit, orders, runs, stages, trail, valuations
from prudent.ledger.database import Transaction, Value
from prudent.ledger.hash_chain import spelled
from prudent.ledger.journal import Books
from prudent.ledger.schema import CYCLES, ORDERS, REASONING, RECORDS, VERDICT_COUNTS, mine

REASONING_KINDS = ("plan", "analysis", "decision", "reflection")
# Market closed, stale price or rate, late decision, clocks apart, an order in doubt: no order could have passed.
_ABOUT_THE_WORLD = frozenset({"D04", "D05", "D15", "D16", "D17", "R04"})
# Fast and nearly as small as the slow levels on repetitive JSON.
_LEVEL = 1

_ADD_RECORD = insert(RECORDS)
_RECORD = select(RECORDS.c.body).where(mine(RECORDS, "digest"))
_CLOSE = (
    update(CYCLES)
    .where(mine(CYCLES, "account", "run", "cycle"))
    .values(
        status=bindparam("b_status"), started=bindparam("b_started"), finished=bindparam("b_finished"),
        answer=bindparam("b_answer"), code=bindparam("b_code"), decided_by=bindparam("b_decided_by"),
        no_trade_codes=bindparam("b_codes"), orders_planned=bindparam("b_planned"),
        orders_refused=bindparam("b_refused"), record_digest=bindparam("b_digest"),
    )
)  # fmt: skip
_LAST_RECORDED = (
    select(func.max(CYCLES.c.cycle).label("cycle"))
    .where(mine(CYCLES, "account", "run"), CYCLES.c.record_digest.is_not(None))
)  # fmt: skip
_ADD_REASONING = insert(REASONING)
_REASONING = select(REASONING.c.text).where(mine(REASONING, "account", "run", "cycle", "kind"))
_REFS = select(ORDERS.c.order_ref).where(mine(ORDERS, "account", "run", "cycle"))
_EXPLAIN = (
    update(ORDERS)
    .where(mine(ORDERS, "account", "order_ref"))
    .values(why=bindparam("b_why"), reasoning=bindparam("b_reasoning"))
)
_COUNTS = select(VERDICT_COUNTS.c.guard).where(mine(VERDICT_COUNTS, "account", "run"))
_NOT_TAKEN = (OrderStatus.REJECTED, OrderStatus.NOT_SENT, OrderStatus.WOULD_SEND)
_ADD_COUNT = insert(VERDICT_COUNTS)
_COUNT = (
    update(VERDICT_COUNTS)
    .where(mine(VERDICT_COUNTS, "account", "run", "guard"))
    .values(
        refusals=VERDICT_COUNTS.c.refusals + bindparam("b_refusals"),
        shrinks=VERDICT_COUNTS.c.shrinks + bindparam("b_shrinks"),
    )
)


def record(
    tx: Transaction, books: Books, record: CycleRecord, encoded: Json, *, why: Mapping[str, str]
) -> str:  # fmt: skip
    """Store a cycle (`encoded` is its JSON) and everything that is listed of it; the same record twice is stored once.

    Raises:
        BlockedError: the cycle has another record already.
    """
    row = runs.find_cycle(tx, record.account, record.run, record.cycle)
    body = spelled(encoded).encode()
    name = hashlib.sha256(body).hexdigest()
    if row["record_digest"] is not None:
        if row["record_digest"] != name:
            raise BlockedError(f"cycle {record.id} must be recorded once, has another record; begin the next cycle")
        return name
    tx.run(
        _ADD_RECORD, digest=name, created=utc_text(record.finished), size=len(body), body=zlib.compress(body, _LEVEL)
    )
    _explain(tx, record, why)
    _reason(tx, books, record)
    refused = _refused(record)
    _count(tx, record)
    tx.run(
        _CLOSE, account=record.account, run=record.run, cycle=record.cycle, b_status=str(record.status),
        b_started=utc_text(record.started), b_finished=utc_text(record.finished),
        b_answer=str(record.decision.answer), b_code=record.decision.code, b_decided_by=record.decision.decided_by,
        b_codes=json.dumps(list(record.no_trade_codes)), b_planned=len(record.plan.orders), b_refused=len(refused),
        b_digest=name,
    )  # fmt: skip
    stages.drop(tx, record.account, record.run, record.cycle)
    audit.note(tx, "cycle_recorded", record.account, record.finished, {
        "cycle": record.id, "record": name, "status": str(record.status), "mode": str(record.mode),
        "plan": record.plan.plan_hash, "decision": record.decision.hash,
    })  # fmt: skip
    _latch_cut(tx, record)
    _latch_stops(tx, record)
    return name


def _reason(tx: Transaction, books: Books, record: CycleRecord) -> None:
    """The decision's own reason always; plan and analysis where there are any, and what became of closed positions."""
    told = record.decision_inputs.get("reasoning")
    texts = trail.texts(record.decision.reasoning)
    if isinstance(told, dict):
        texts |= {kind: str(told[kind]) for kind in REASONING_KINDS if told.get(kind)}
    texts.setdefault("decision", record.decision.reason or str(record.decision.answer))
    if closed := trail.reflection(tx, books, record):
        texts.setdefault("reflection", closed)
    tx.many(_ADD_REASONING, [
        {"account": record.account, "run": record.run, "cycle": record.cycle, "kind": kind, "text": text,
         "at": utc_text(record.finished)}
        for kind, text in texts.items()
    ])  # fmt: skip


def _explain(tx: Transaction, record: CycleRecord, why: Mapping[str, str]) -> None:
    """One line of why and the reasoning on each order that was approved; planned ones that were not, as DENIED."""
    known = {row["order_ref"] for row in tx.all(_REFS, account=record.account, run=record.run, cycle=record.cycle)}
    reasoning = f"{record.id}/decision"
    tx.many(_EXPLAIN, [
        {"account": record.account, "order_ref": ref, "b_why": why.get(ref, ""), "b_reasoning": reasoning}
        for ref in sorted(known)
    ])  # fmt: skip
    dry = int(record.mode is Mode.DRY_RUN)
    denied: list[dict[str, Value]] = []
    for order in record.plan.orders:
        if order.order_ref in known:
            continue
        intent = OrderIntent(
            order_ref=order.order_ref, account=record.account, symbol=order.symbol, side=order.side,
            quantity=order.quantity, effect=order.effect, type=order.type, limit_price=order.limit_price,
        )  # fmt: skip
        denied.append(orders.first_row(intent, OrderStatus.DENIED, record.finished) | {
            "run": record.run, "cycle": record.cycle, "dry": dry, "why": why.get(order.order_ref, order.reason),
            "reasoning": reasoning, "message": _refusal(record, order.order_ref),
        })  # fmt: skip
    orders.insert_denied(tx, denied)


def _refusal(record: CycleRecord, ref: str) -> str:
    for report in _reports(record):
        for verdict in report.verdicts():
            if verdict.order_ref == ref and verdict.outcome in (Outcome.REJECT, Outcome.DEFER):
                return verdict.reason
    return "nothing of it was left to send"


def _reports(record: CycleRecord) -> Iterator[GuardReport]:
    """The verdicts of the whole cycle, the latest phase first."""
    yield from (phase.report for phase in reversed(record.phases))
    yield record.report


def _refused(record: CycleRecord) -> set[str]:
    """Orders that a guard refused for what they are; what stops any order says nothing of the decider."""
    return {ref for ref, guard, outcome in _verdicts(record) if outcome is Outcome.REJECT and _about_the_order(guard)}


def _about_the_order(guard: GuardLabel) -> bool:
    return guard.layer is not Layer.MODE and not guard.id.startswith("X") and guard.id not in _ABOUT_THE_WORLD


def _verdicts(record: CycleRecord) -> Iterator[tuple[str, GuardLabel, Outcome]]:
    """Every verdict that stopped or shrank an order."""
    for report in _reports(record):
        for ref, outcomes in zip(report.order_refs, report.outcomes):
            for guard, outcome in zip(report.guards, outcomes):
                if outcome is Outcome.REJECT or outcome is Outcome.CLIP:
                    yield ref, guard, outcome


def _count(tx: Transaction, record: CycleRecord) -> None:
    """Refusals and shrinks per guard and run; an order counts once per guard, however many phases judged it."""
    told = set(_verdicts(record))
    refusals = Counter(guard.id for _, guard, outcome in told if outcome is Outcome.REJECT)
    shrinks = Counter(guard.id for _, guard, outcome in told if outcome is Outcome.CLIP)
    known = {row["guard"] for row in tx.all(_COUNTS, account=record.account, run=record.run)}
    labels = {guard.id: guard for _, guard, _ in told}
    place: dict[str, Value] = {"account": record.account, "run": record.run}
    tx.many(_ADD_COUNT, [
        place | {"guard": name, "name": labels[name].name, "layer": str(labels[name].layer),
                 "refusals": refusals[name], "shrinks": shrinks[name]}
        for name in sorted(labels) if name not in known
    ])  # fmt: skip
    tx.many(_COUNT, [
        place | {"guard": name, "b_refusals": refusals[name], "b_shrinks": shrinks[name]}
        for name in sorted(labels) if name in known
    ])  # fmt: skip


def _latch_cut(tx: Transaction, record: CycleRecord) -> None:
    """A drawdown cut that was sent is made once: its latch holds until the account has recovered."""
    if _exits(record, ExitCause.DRAWDOWN_CUT):
        valuations.latch(
            tx, record.account, valuations.DRAWDOWN, at=record.finished, session=record.observation.session,
            reason=f"cycle {record.id} cut every position",
        )  # fmt: skip


def _exits(record: CycleRecord, cause: ExitCause) -> list[str]:
    """The symbols whose exit for that cause the broker took; it may still be filling."""
    wanted = {e.symbol for e in record.decision.exits if e.cause is cause and record.mode is not Mode.DRY_RUN}
    reports = (report for phase in record.phases for report in phase.reports)
    return sorted({report.symbol for report in reports if report.symbol in wanted and report.status not in _NOT_TAKEN})


def _latch_stops(tx: Transaction, record: CycleRecord) -> None:
    """A symbol that a stop-loss sold is remembered, so that it is not bought again too soon."""
    for symbol in _exits(record, ExitCause.STOP_LOSS):
        valuations.latch(
            tx, record.account, valuations.STOPPED + symbol, at=record.finished, session=record.observation.session,
            reason=f"cycle {record.id} sold it at its stop",
        )  # fmt: skip


def load(tx: Transaction, cycle_id: str) -> CycleRecord:
    """The stored cycle, read back from its bytes.

    Raises:
        InputError: no such cycle, or it has no record.
        StoreError: the bytes are not those that were stored.
    """
    account, run, cycle = runs.parse_cycle(cycle_id)
    if cycle is None:
        row = tx.one(_LAST_RECORDED, account=account, run=run)
        if row is None or row["cycle"] is None:
            raise InputError(f"run must have a recorded cycle, was {cycle_id!r}; see `invest runs list`")
        cycle = int(row["cycle"])
    found = runs.find_cycle(tx, account, run, cycle)
    if found["record_digest"] is None:
        raise InputError(f"cycle must have a record, {cycle_id!r} was {found['status']}; name another cycle")
    return decode(CycleRecord, json.loads(body(tx, found["record_digest"])))


def body(tx: Transaction, name: str) -> bytes:
    """The canonical bytes stored under a digest.

    Raises:
        StoreError: they are gone or are not those that were stored.
    """
    row = tx.one(_RECORD, digest=name)
    if row is None:
        raise StoreError(f"record {name} must be in the ledger, was not; restore it from a backup")
    fault = f"record {name} does not match its digest; it was changed after it was stored: restore it from a backup"
    try:
        data = zlib.decompress(row["body"])
    except zlib.error as error:
        raise StoreError(fault) from error
    if hashlib.sha256(data).hexdigest() != name:
        raise StoreError(fault)
    return data


def add_reasoning(tx: Transaction, cycle_id: str, *, kind: str, text: str, at: datetime) -> None:
    """Append a text that came after the cycle, such as a reflection; each kind once per cycle."""
    account, run, cycle = runs.parse_cycle(cycle_id)
    runs.find_cycle(tx, account, run, cycle or 0)
    if kind not in REASONING_KINDS:
        raise InputError(f"reasoning must be one of {', '.join(REASONING_KINDS)}, was {kind!r}; correct it")
    if tx.one(_REASONING, account=account, run=run, cycle=cycle, kind=kind) is not None:
        raise InputError(f"{kind} of cycle {cycle_id} must be new, was written before; it is never changed")
    tx.run(_ADD_REASONING, account=account, run=run, cycle=cycle, kind=kind, text=text, at=utc_text(at))
    facts: dict[str, Json] = {
        "cycle": cycle_id, "kind": kind, "text": hashlib.sha256(text.encode()).hexdigest(),
    }  # fmt: skip
    audit.note(tx, "reasoning_added", account, at, facts)

"""The statements behind the views, and how their rows become plain values."""

import json
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ColumnElement, Select, Table, and_, bindparam, func, or_, select
from sqlalchemy.sql.elements import ClauseElement

from prudent.domain.orders import Effect, OrderStatus, OrderType, Side
from prudent.domain.quotes import Quality
from prudent.ledger.database import Row
from prudent.ledger.journal import moment
from prudent.ledger.rows import DecisionRow, EntryRow, OrderRow, RunRow, TradeRow
from prudent.ledger.schema import CYCLES, FILLS, JOURNAL_ENTRIES, JOURNAL_LINES, ORDERS, REASONING, RUNS, mine
from prudent.ledger.valuations import UNIT


def narrowed(table: Table, *optional: str) -> ColumnElement[bool]:
    """`table`'s rows of the owner, narrowed by each optional column whose parameter is not None."""
    # PostgreSQL wants to know the type of a value that may be NULL.
    filters = [
        or_(bindparam(name, type_=table.c[name].type).is_(None), table.c[name] == bindparam(name)) for name in optional
    ]
    return and_(mine(table), *filters)


def joined(left: Table, right: Table, *columns: str) -> ColumnElement[bool]:
    """Rows of both tables that agree in owner and columns."""
    return and_(*(left.c[name] == right.c[name] for name in ("owner_id", *columns)))


def paged(query: Select[*tuple[object, ...]]) -> tuple[ClauseElement, ClauseElement]:
    """The query with limit and offset, and the count of all its rows."""
    counted = select(func.count().label("n")).select_from(query.order_by(None).subquery())
    return query.limit(bindparam("limit", type_=BigInteger)).offset(bindparam("offset", type_=BigInteger)), counted


_CYCLES_OF_RUN = (
    select(func.count())
    .select_from(CYCLES)
    .where(joined(CYCLES, RUNS, "account", "run"))
    .correlate(RUNS)
    .scalar_subquery()
)
RUN_LIST = paged(
    select(RUNS, _CYCLES_OF_RUN.label("cycles"))
    .where(narrowed(RUNS, "account", "run"))
    .order_by(RUNS.c.started.desc(), RUNS.c.account, RUNS.c.run.desc())
)
DECISION_LIST = paged(
    select(CYCLES, RUNS.c.mode, REASONING.c.text.label("reason"))
    .join(RUNS, joined(CYCLES, RUNS, "account", "run"))
    .outerjoin(REASONING, joined(CYCLES, REASONING, "account", "run", "cycle") & (REASONING.c.kind == "decision"))
    .where(narrowed(CYCLES, "account", "run"))
    .order_by(CYCLES.c.scheduled.desc(), CYCLES.c.account, CYCLES.c.run.desc(), CYCLES.c.cycle.desc())
)
ORDER_LIST = paged(
    select(ORDERS)
    .where(narrowed(ORDERS, "account", "run", "cycle", "state"))
    .order_by(ORDERS.c.approved.desc(), ORDERS.c.account, ORDERS.c.order_ref)
)
_NEWER = FILLS.alias("newer")
# A fill counts in its latest version, unless that takes it back.
_STANDS = and_(
    FILLS.c.busted == 0,
    ~select(_NEWER.c.version)
    .where(
        and_(*(_NEWER.c[name] == FILLS.c[name] for name in ("owner_id", "account", "exec_id"))),
        _NEWER.c.version > FILLS.c.version,
    )
    .correlate(FILLS)
    .exists(),
)
TRADE_LIST = paged(
    select(FILLS, ORDERS.c.effect, ORDERS.c.why, ORDERS.c.reasoning)
    .join(ORDERS, joined(FILLS, ORDERS, "account", "order_ref"))
    .where(narrowed(FILLS, "account", "run", "cycle"), _STANDS)
    .order_by(FILLS.c.time.desc(), FILLS.c.account, FILLS.c.exec_id)
)
ENTRY_LIST = paged(
    select(JOURNAL_LINES, JOURNAL_ENTRIES.c.at, JOURNAL_ENTRIES.c.kind, JOURNAL_ENTRIES.c.ref, JOURNAL_ENTRIES.c.text)
    .join(JOURNAL_ENTRIES, joined(JOURNAL_LINES, JOURNAL_ENTRIES, "entry"))
    .where(narrowed(JOURNAL_LINES, "account"))
    .order_by(JOURNAL_LINES.c.entry, JOURNAL_LINES.c.line)
)


def maybe_decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def maybe_moment(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


def grown(start: Decimal | None, end: Decimal | None) -> Decimal | None:
    """The return from one unit value to another, as a fraction."""
    return None if not start or end is None else (end / start - 1).quantize(UNIT)


def run_row(row: Row) -> RunRow:
    return RunRow(
        account=row["account"], run=row["run"], mode=row["mode"], status=row["status"], strategy=row["strategy"],
        mandate_version=row["mandate_version"], mandate_hash=row["mandate_hash"], rules_hash=row["rules_hash"],
        code_version=row["code_version"], started=moment(row["started"]), ended=maybe_moment(row["ended"]),
        cycles=row["cycles"], trades=row["trades"], start_value=maybe_decimal(row["start_value"]),
        final_value=maybe_decimal(row["final_value"]),
        total_return=grown(maybe_decimal(row["unit_start"]), maybe_decimal(row["unit_last"])),
        max_drawdown=maybe_decimal(row["max_drawdown"]), note=row["note"] or "",
    )  # fmt: skip


def decision_row(row: Row) -> DecisionRow:
    return DecisionRow(
        account=row["account"], run=row["run"], cycle=row["cycle"], mode=row["mode"], status=row["status"],
        scheduled=moment(row["scheduled"]), started=maybe_moment(row["started"]),
        finished=maybe_moment(row["finished"]), answer=row["answer"] or "", code=row["code"] or "",
        decided_by=row["decided_by"] or "", reason=row["reason"] or row["note"] or "",
        no_trade_codes=tuple(json.loads(row["no_trade_codes"] or "[]")), orders_planned=row["orders_planned"],
        orders_refused=row["orders_refused"], record_digest=row["record_digest"] or "",
    )  # fmt: skip


def order_row(row: Row) -> OrderRow:
    return OrderRow(
        account=row["account"], run=row["run"], cycle=row["cycle"], order_ref=row["order_ref"], symbol=row["symbol"],
        side=Side(row["side"]), effect=Effect(row["effect"]), quantity=Decimal(row["quantity"]),
        filled=Decimal(row["filled"]), type=OrderType(row["type"]), limit_price=maybe_decimal(row["limit_price"]),
        state=OrderStatus(row["state"]), why=row["why"], reasoning=row["reasoning"] or "", message=row["message"],
        approved=moment(row["approved"]), sent=maybe_moment(row["sent"]), updated=moment(row["updated"]),
        dry=bool(row["dry"]), seal=row["seal"],
    )  # fmt: skip


def trade_row(row: Row) -> TradeRow:
    return TradeRow(
        account=row["account"], run=row["run"], cycle=row["cycle"], order_ref=row["order_ref"],
        exec_id=row["exec_id"], time=moment(row["time"]), symbol=row["symbol"], side=Side(row["side"]),
        effect=Effect(row["effect"]), quantity=Decimal(row["quantity"]), price=Decimal(row["price"]),
        commission=Decimal(row["commission"]), realised=Decimal(row["realised"]), quality=Quality(row["quality"]),
        why=row["why"], reasoning=row["reasoning"] or "",
    )  # fmt: skip


def entry_row(row: Row) -> EntryRow:
    return EntryRow(
        entry=row["entry"], at=moment(row["at"]), kind=row["kind"], ref=row["ref"], text=row["text"],
        ledger_account=row["ledger_account"], symbol=row["symbol"], quantity=Decimal(row["quantity"]),
        amount=Decimal(row["amount"]), currency=row["currency"],
    )  # fmt: skip

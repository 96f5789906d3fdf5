"""Is the ledger what it was when it was written? The audit chain, the records it names, the books' balance."""

import json
from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import select

from prudent.domain.errors import StoreError
from prudent.domain.money import ZERO
from prudent.ledger import cycles
from prudent.ledger.database import Row, Transaction
from prudent.ledger.hash_chain import Anchor, Broken, ChainReport, Link
from prudent.ledger.hash_chain import verify as verify_chain
from prudent.ledger.schema import AUDIT, CYCLES, JOURNAL_LINES, mine

_ROWS = select(AUDIT).where(mine(AUDIT)).order_by(AUDIT.c.seq)
_LINES = (
    select(JOURNAL_LINES.c.entry, JOURNAL_LINES.c.currency, JOURNAL_LINES.c.amount)
    .where(mine(JOURNAL_LINES))
    .order_by(JOURNAL_LINES.c.entry)
)  # fmt: skip
_RECORDED = select(CYCLES.c.account, CYCLES.c.run, CYCLES.c.cycle, CYCLES.c.record_digest).where(
    mine(CYCLES), CYCLES.c.record_digest.is_not(None)
)


def verify(tx: Transaction, anchor: Anchor | None) -> ChainReport:
    """The chain first; then that its plain columns repeat its bodies and that every record it names is unchanged."""
    rows = tx.all(_ROWS)
    report = verify_chain(_links(rows), owner=tx.owner, anchor=anchor)
    broken = report.broken or _column_fault(rows) or _record_fault(tx, rows)
    return ChainReport(rows=report.rows, head=report.head, broken=broken)


def _links(rows: list[Row]) -> Iterator[Link]:
    for row in rows:
        yield Link(seq=row["seq"], owner=row["owner_id"], body=row["body"], prev=row["prev"], hash=row["hash"])


def _column_fault(rows: list[Row]) -> Broken | None:
    for row in rows:
        told = json.loads(row["body"])
        if any(row[name] != told[name] for name in ("at", "event", "account")):
            return Broken(seq=row["seq"], what=f"row {row['seq']} was changed: its columns differ from its body")
    return None


def _record_fault(tx: Transaction, rows: list[Row]) -> Broken | None:
    stored = {f"{row['account']}/{row['run']}/{row['cycle']}": row["record_digest"] for row in tx.all(_RECORDED)}
    for row in rows:
        if row["event"] != "cycle_recorded":
            continue
        told = json.loads(row["body"])
        if stored.get(told["cycle"]) != told["record"]:
            return Broken(seq=row["seq"], what=f"cycle {told['cycle']} names another record than row {row['seq']}")
        try:
            cycles.body(tx, told["record"])
        except StoreError as error:
            return Broken(seq=row["seq"], what=f"cycle {told['cycle']}: {error}")
    return None


def unbalanced(tx: Transaction) -> tuple[str, ...]:
    """Journal entries that do not sum to zero in each currency; there are none unless the file was changed."""
    sums: dict[tuple[int, str], Decimal] = {}
    for row in tx.all(_LINES):
        key = (row["entry"], row["currency"])
        sums[key] = sums.get(key, ZERO) + Decimal(row["amount"])
    return tuple(
        f"journal entry {entry} sums to {total} {currency}" for (entry, currency), total in sums.items() if total
    )

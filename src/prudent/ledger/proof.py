"""Is the ledger what it was when it was written? The audit chain, the records it names, the books' balance."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import bindparam, func, select

from prudent.domain.errors import StoreError
from prudent.domain.money import ZERO
from prudent.domain.records import Json
from prudent.ledger import cycles
from prudent.ledger.anchors import AnchorReport
from prudent.ledger.database import Row, Transaction
from prudent.ledger.hash_chain import Anchor, Broken, ChainReport, Link
from prudent.ledger.hash_chain import verify as verify_chain
from prudent.ledger.schema import AUDIT, CYCLES, JOURNAL_LINES, mine

# Rows in memory at once; a chain grows for years.
PAGE_ROWS = 10_000
# Processes read their clocks before they wait for each other, so neighbours may stand a moment the wrong way round.
CLOCK_SLACK = timedelta(minutes=1)
WARNINGS_MAX = 20
_PAGE = select(AUDIT).where(mine(AUDIT), AUDIT.c.seq > bindparam("b_after")).order_by(AUDIT.c.seq).limit(PAGE_ROWS)
_COUNT = select(func.count().label("rows")).select_from(AUDIT).where(mine(AUDIT), AUDIT.c.seq <= bindparam("b_head"))
_LINES = (
    select(JOURNAL_LINES.c.entry, JOURNAL_LINES.c.currency, JOURNAL_LINES.c.amount)
    .where(mine(JOURNAL_LINES))
    .order_by(JOURNAL_LINES.c.entry)
)  # fmt: skip
_RECORDED = select(CYCLES.c.account, CYCLES.c.run, CYCLES.c.cycle, CYCLES.c.record_digest).where(
    mine(CYCLES), CYCLES.c.record_digest.is_not(None)
)


def verify(tx: Transaction, anchor: Anchor | None, kept: AnchorReport | None = None) -> ChainReport:
    """The chain against every anchor; then that its plain columns repeat its bodies and every record it names is whole.

    The first row of all that does not hold is named; what is wrong with the anchors is told when every row holds.
    """
    walk = _Walk(tx)
    report = verify_chain(walk.links(), owner=tx.owner, anchor=anchor, anchors=kept.hashes if kept else None)
    broken = report.broken
    if broken is None and (surplus := _count(tx, report.rows) - report.rows):
        broken = Broken(seq=report.rows + 1, what=f"{surplus} rows stand outside the chain's numbers")
    broken = _first(broken, walk.column_fault, None if broken else _record_fault(tx, walk.recorded))
    warnings = walk.warnings
    if kept is not None and kept.last is None and kept.fault is None and walk.recorded:
        warnings = [*warnings, "no anchor stands, though cycles were recorded: was the anchor file taken away?"]
    if kept is not None and kept.fault is not None:
        if broken is None:
            broken = Broken(seq=kept.last.anchor.seq + 1 if kept.last else 1, what=kept.fault)
        else:
            warnings = [*warnings, kept.fault]
    return ChainReport(
        rows=report.rows, head=report.head, broken=broken, warnings=tuple(warnings), anchored=report.anchored
    )


class _Walk:
    """Reads the chain page by page and notices on the way what a hash cannot: columns, times, the records named."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._at = ""
        self.column_fault: Broken | None = None
        self.recorded: list[tuple[int, Mapping[str, Json]]] = []
        self.warnings: list[str] = []

    def links(self) -> Iterator[Link]:
        after = 0
        while page := self._tx.all(_PAGE, b_after=after):
            for row in page:
                self._look(row)
                yield Link(seq=row["seq"], owner=row["owner_id"], body=row["body"], prev=row["prev"], hash=row["hash"])
            after = page[-1]["seq"]

    def _look(self, row: Row) -> None:
        try:
            told = json.loads(row["body"])
            same = row["at"] == told["at"] and row["event"] == told["event"] and row["account"] == told["account"]
        except (ValueError, KeyError, TypeError):
            # No body that was ever written: the hash names this row.
            return
        if not same and self.column_fault is None:
            what = f"row {row['seq']} was changed: its columns differ from its body"
            self.column_fault = Broken(seq=row["seq"], what=what)
        if row["at"] < self._at:
            self._warn_of_clock(row)
        self._at = row["at"]
        if row["event"] == "cycle_recorded":
            self.recorded.append((row["seq"], told))

    def _warn_of_clock(self, row: Row) -> None:
        back = datetime.fromisoformat(self._at) - datetime.fromisoformat(row["at"])
        if back > CLOCK_SLACK and len(self.warnings) < WARNINGS_MAX:
            self.warnings.append(f"row {row['seq']} is dated {back} before the row ahead of it: a clock was set back")


def _first(*found: Broken | None) -> Broken | None:
    return min((each for each in found if each is not None), key=lambda each: each.seq, default=None)


def _count(tx: Transaction, head: int) -> int:
    row = tx.one(_COUNT, b_head=head)
    return 0 if row is None else int(row["rows"])


def _record_fault(tx: Transaction, recorded: list[tuple[int, Mapping[str, Json]]]) -> Broken | None:
    stored = {f"{row['account']}/{row['run']}/{row['cycle']}": row["record_digest"] for row in tx.all(_RECORDED)}
    for seq, told in recorded:
        cycle, name = str(told["cycle"]), str(told["record"])
        if stored.get(cycle) != name:
            return Broken(seq=seq, what=f"cycle {cycle} names another record than row {seq}")
        try:
            cycles.body(tx, name)
        except StoreError as error:
            return Broken(seq=seq, what=f"cycle {cycle}: {error}")
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

"""Looks of administrators at a person's rows, kept among that person's own rows and never changed."""

from datetime import datetime

from sqlalchemy import func, insert, select

from prudent.domain.people import AdminRead
from prudent.domain.records import utc_text
from prudent.ledger.database import Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import ADMIN_READS, mine

_ALL = select(ADMIN_READS).where(mine(ADMIN_READS)).order_by(ADMIN_READS.c.number.desc())
_LAST = select(func.max(ADMIN_READS.c.number).label("number")).where(mine(ADMIN_READS))
_ADD = insert(ADMIN_READS)


def add(tx: Transaction, *, admin: str, reason: str, at: datetime) -> AdminRead:
    last = tx.one(_LAST)
    number = int((last["number"] if last else 0) or 0) + 1
    tx.run(_ADD, number=number, at=utc_text(at), admin=admin, subject=tx.owner, reason=reason)
    return AdminRead(number=number, at=at, admin=admin, subject=tx.owner, reason=reason)


def listed(tx: Transaction) -> tuple[AdminRead, ...]:
    """The newest first."""
    return tuple(
        AdminRead(
            number=row["number"], at=moment(row["at"]), admin=row["admin"], subject=row["subject"],
            reason=row["reason"],
        )
        for row in tx.all(_ALL)
    )  # fmt: skip

"""The inbox of a broker's messages: each is kept once, word for word, before anything of it is believed."""

from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.orders import OrderReport
from prudent.domain.records import canonical, digest, encode, utc_text
from prudent.ledger.database import Transaction
from prudent.ledger.schema import BROKER_MESSAGES, mine

_ONE = select(BROKER_MESSAGES.c.applied).where(mine(BROKER_MESSAGES, "account", "digest"))
_ADD = insert(BROKER_MESSAGES)
_APPLIED = (
    update(BROKER_MESSAGES).where(mine(BROKER_MESSAGES, "account", "digest")).values(applied=bindparam("b_at"))
)  # fmt: skip


def receive(tx: Transaction, account: str, report: OrderReport, at: datetime) -> bool:
    """Keep a report; True when it came word for word before and was taken in."""
    body = encode(report)
    name = digest(body)
    row = tx.one(_ONE, account=account, digest=name)
    if row is None:
        tx.run(_ADD, account=account, digest=name, body=canonical(body).decode(), at=utc_text(at), applied=None)
        return False
    return row["applied"] is not None


def applied(tx: Transaction, account: str, report: OrderReport, at: datetime) -> None:
    """Mark a report as taken in."""
    tx.run(_APPLIED, account=account, digest=digest(encode(report)), b_at=utc_text(at))

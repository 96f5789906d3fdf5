"""The inbox of a broker's messages: each is kept once, word for word, before anything of it is believed."""

import hashlib
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.orders import OrderReport
from prudent.domain.records import utc_text
from prudent.domain.spelling import spelled
from prudent.ledger.database import Transaction
from prudent.ledger.schema import BROKER_MESSAGES, mine

_ONE = select(BROKER_MESSAGES.c.applied).where(mine(BROKER_MESSAGES, "account", "digest"))
_ADD = insert(BROKER_MESSAGES)
_APPLIED = (
    update(BROKER_MESSAGES).where(mine(BROKER_MESSAGES, "account", "digest")).values(applied=bindparam("b_at"))
)  # fmt: skip


def take_in(tx: Transaction, account: str, report: OrderReport, at: datetime) -> bool:
    """Keep a report that this transaction takes in; True when it came word for word before and was taken in then."""
    name, body = _named(report)
    row = tx.one(_ONE, account=account, digest=name)
    if row is None:
        tx.run(_ADD, account=account, digest=name, body=body, at=utc_text(at), applied=utc_text(at))
        return False
    if row["applied"] is not None:
        return True
    tx.run(_APPLIED, account=account, digest=name, b_at=utc_text(at))
    return False


def keep(tx: Transaction, account: str, report: OrderReport, at: datetime) -> None:
    """Keep a report that cannot be taken in."""
    name, body = _named(report)
    if tx.one(_ONE, account=account, digest=name) is None:
        tx.run(_ADD, account=account, digest=name, body=body, at=utc_text(at), applied=None)


def _named(report: OrderReport) -> tuple[str, str]:
    body = spelled(report)
    return hashlib.sha256(body.encode()).hexdigest(), body

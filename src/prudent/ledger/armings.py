"""Armings: a person's dated word that an account may trade live, for one build and one configuration."""

from datetime import datetime

from sqlalchemy import delete, insert, select

from prudent.domain.interlocks import Arming
from prudent.domain.records import utc_text
from prudent.ledger import audit
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import ARMINGS, mine

_ONE = select(ARMINGS).where(mine(ARMINGS, "account"))
_ALL = select(ARMINGS).where(mine(ARMINGS)).order_by(ARMINGS.c.account)
_ADD = insert(ARMINGS)
_DROP = delete(ARMINGS).where(mine(ARMINGS, "account"))


def _arming(row: Row) -> Arming:
    return Arming(
        account=row["account"], at=moment(row["at"]), until=moment(row["until"]), by=row["armed_by"],
        build=row["build"], config=row["config"], reason=row["reason"],
    )  # fmt: skip


def find(tx: Transaction, account: str) -> Arming | None:
    row = tx.one(_ONE, account=account)
    return None if row is None else _arming(row)


def listed(tx: Transaction) -> tuple[Arming, ...]:
    """Every arming that nobody ended, expired ones too."""
    return tuple(_arming(row) for row in tx.all(_ALL))


def arm(tx: Transaction, arming: Arming) -> None:
    """Store the arming in place of the one before it."""
    tx.run(_DROP, account=arming.account)
    tx.run(
        _ADD, account=arming.account, until=utc_text(arming.until), at=utc_text(arming.at), armed_by=arming.by,
        build=arming.build, config=arming.config, reason=arming.reason,
    )  # fmt: skip
    audit.note(tx, "account_armed", arming.account, arming.at, {
        "until": utc_text(arming.until), "by": arming.by, "build": arming.build, "config": arming.config,
        "reason": arming.reason,
    })  # fmt: skip


def disarm(tx: Transaction, account: str, *, reason: str, at: datetime) -> bool:
    """End the arming; False, and nothing noted, where the account was not armed."""
    if find(tx, account) is None:
        return False
    tx.run(_DROP, account=account)
    audit.note(tx, "account_disarmed", account, at, {"reason": reason})
    return True

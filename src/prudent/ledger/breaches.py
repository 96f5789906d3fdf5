"""First readings beyond a stop or a target: an exit needs a second one, some seconds later."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import delete, insert, select

from prudent.domain.accounts import Breach
from prudent.domain.money import plain
from prudent.domain.records import utc_text
from prudent.ledger.database import Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import BREACHES, mine

_ALL = select(BREACHES).where(mine(BREACHES, "account")).order_by(BREACHES.c.symbol, BREACHES.c.cause)
_ADD = insert(BREACHES)
_DROP = delete(BREACHES).where(mine(BREACHES, "account", "symbol", "cause"))


def known(tx: Transaction, account: str) -> tuple[Breach, ...]:
    """The breaches that stand, each since its first reading."""
    return tuple(
        Breach(symbol=row["symbol"], cause=row["cause"], first_at=moment(row["first_at"]))
        for row in tx.all(_ALL, account=account)
    )


def note(tx: Transaction, account: str, readings: Mapping[tuple[str, str], Decimal], *, at: datetime) -> None:
    """Take one reading, by (symbol, cause): a new breach begins, a standing one goes on, one that is not read ends."""
    standing = {(each.symbol, each.cause) for each in known(tx, account)}
    for symbol, cause in sorted(standing - readings.keys()):
        tx.run(_DROP, account=account, symbol=symbol, cause=cause)
    for symbol, cause in sorted(readings.keys() - standing):
        price = plain(readings[symbol, cause])
        tx.run(_ADD, account=account, symbol=symbol, cause=cause, first_at=utc_text(at), price=price)

"""Small values of the ledger's keeper by key, such as where a simulated clock stands."""

from sqlalchemy import bindparam, insert, select, update

from prudent.ledger.database import Transaction
from prudent.ledger.schema import SETTINGS, mine

_ONE = select(SETTINGS.c.value).where(mine(SETTINGS, "key"))
_ADD = insert(SETTINGS)
_SET = update(SETTINGS).where(mine(SETTINGS, "key")).values(value=bindparam("b_value"), at=bindparam("b_at"))


def read(tx: Transaction, key: str) -> str | None:
    row = tx.one(_ONE, key=key)
    return None if row is None else str(row["value"])


def write(tx: Transaction, key: str, value: str, *, at: str) -> None:
    if tx.run(_SET, key=key, b_value=value, b_at=at) == 0:
        tx.run(_ADD, key=key, value=value, at=at)

"""The highest order id ever used at an endpoint: it only rises, whatever the venue offers."""

from datetime import datetime

from sqlalchemy import Integer, bindparam, insert, select, update

from prudent.domain.records import utc_text
from prudent.ledger.database import Transaction
from prudent.ledger.schema import ORDER_MARKS, mine

_ONE = select(ORDER_MARKS.c.high_water).where(mine(ORDER_MARKS, "endpoint"))
_ADD = insert(ORDER_MARKS)
_RAISE = (
    update(ORDER_MARKS)
    .where(mine(ORDER_MARKS, "endpoint"))
    .values(high_water=bindparam("b_high_water", type_=Integer), at=bindparam("b_at"))
)


def next_id(tx: Transaction, endpoint: str, offered: int, at: datetime) -> int:
    """Reserve an id above every one that was used and not below the venue's offer."""
    row = tx.one(_ONE, endpoint=endpoint)
    before = 0 if row is None else int(row["high_water"])
    number = max(before, offered - 1) + 1
    if row is None:
        tx.run(_ADD, endpoint=endpoint, high_water=number, at=utc_text(at))
    else:
        tx.run(_RAISE, endpoint=endpoint, b_high_water=number, b_at=utc_text(at))
    return number

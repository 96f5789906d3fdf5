"""When each account was last held against its broker, and what came of it."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, bindparam, insert, select, update

from prudent.domain.records import utc_text
from prudent.ledger import accounts
from prudent.ledger.database import Row, Transaction, Value
from prudent.ledger.journal import moment
from prudent.ledger.schema import RECONCILIATIONS, mine

_ONE = select(RECONCILIATIONS).where(mine(RECONCILIATIONS, "account"))
_ADD = insert(RECONCILIATIONS)
_SET = (
    update(RECONCILIATIONS)
    .where(mine(RECONCILIATIONS, "account"))
    .values(
        session=bindparam("b_session"), at=bindparam("b_at"), detail=bindparam("b_detail"),
        clean=bindparam("b_clean", type_=Integer),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The last look: `clean` when the round was complete and nothing was found that is neither booked nor locked."""

    account: str
    session: str
    at: datetime
    clean: bool
    detail: tuple[str, ...] = ()


def store(tx: Transaction, last: Reconciled) -> None:
    """Keep the last look at an account; the same one again writes nothing."""
    known = of(tx, last.account)
    if known == last:
        return
    values: dict[str, Value] = {
        "session": last.session, "at": utc_text(last.at), "detail": json.dumps(list(last.detail)),
        "clean": int(last.clean),
    }  # fmt: skip
    if known is None:
        accounts.find(tx, last.account)
        tx.run(_ADD, account=last.account, **values)
    else:
        tx.run(_SET, account=last.account, **{f"b_{name}": value for name, value in values.items()})


def of(tx: Transaction, account: str) -> Reconciled | None:
    """The last look at the account; None before the first."""
    row = tx.one(_ONE, account=account)
    return None if row is None else row_of(row)


def row_of(row: Row) -> Reconciled:
    return Reconciled(
        account=row["account"], session=row["session"], at=moment(row["at"]), clean=bool(row["clean"]),
        detail=tuple(json.loads(row["detail"])),
    )  # fmt: skip

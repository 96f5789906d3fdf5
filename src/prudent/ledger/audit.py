"""The stored audit chain: one row per change of state, written in the transaction of that change."""

from datetime import datetime

from sqlalchemy import insert, select

from prudent.domain.records import Json, utc_text
from prudent.ledger.database import Transaction
from prudent.ledger.hash_chain import GENESIS, Anchor, append
from prudent.ledger.schema import AUDIT, mine

_HEAD = select(AUDIT.c.seq, AUDIT.c.hash).where(mine(AUDIT)).order_by(AUDIT.c.seq.desc()).limit(1)
_ADD = insert(AUDIT)


def head(tx: Transaction) -> Anchor:
    """The last row of the chain, or its beginning."""
    row = tx.one(_HEAD)
    return Anchor(seq=0, hash=GENESIS) if row is None else Anchor(seq=row["seq"], hash=row["hash"])


def note(tx: Transaction, event: str, account: str, at: datetime, facts: dict[str, Json]) -> None:
    """Append what happened; `event` is a past-tense name."""
    when = utc_text(at)
    link = append(head(tx), tx.owner, {**facts, "event": event, "account": account, "at": when})
    tx.run(
        _ADD, seq=link.seq, at=when, event=event, account=account, body=link.body, prev=link.prev, hash=link.hash
    )  # fmt: skip

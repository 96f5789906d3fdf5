"""Login sessions as stored rows; the reference itself is never here."""

from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.people import LoginSession
from prudent.domain.records import utc_text
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import SESSIONS, mine

_ALL = select(SESSIONS).where(mine(SESSIONS)).order_by(SESSIONS.c.created, SESSIONS.c.session_id)
_ADD = insert(SESSIONS)
_SEEN = update(SESSIONS).where(mine(SESSIONS, "session_id")).values(seen=bindparam("b_seen"))
_STANDING = SESSIONS.c.revoked.is_(None)
_END = update(SESSIONS).where(mine(SESSIONS, "session_id"), _STANDING).values(revoked=bindparam("b_revoked"))
_END_ALL = update(SESSIONS).where(mine(SESSIONS), _STANDING).values(revoked=bindparam("b_revoked"))


def session_row(row: Row) -> LoginSession:
    return LoginSession(
        owner=row["owner_id"], session_id=row["session_id"], created=moment(row["created"]), seen=moment(row["seen"]),
        expires=moment(row["expires"]), stepped_up=time_or_none(row["stepped_up"]),
        revoked=time_or_none(row["revoked"]), client=row["client"],
    )  # fmt: skip


def time_or_none(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


def text_or_none(at: datetime | None) -> str | None:
    return None if at is None else utc_text(at)


def listed(tx: Transaction) -> tuple[LoginSession, ...]:
    return tuple(session_row(row) for row in tx.all(_ALL))


def add(tx: Transaction, session: LoginSession) -> None:
    tx.run(
        _ADD, session_id=session.session_id, created=utc_text(session.created), seen=utc_text(session.seen),
        expires=utc_text(session.expires), stepped_up=text_or_none(session.stepped_up),
        revoked=text_or_none(session.revoked), client=session.client,
    )  # fmt: skip


def saw(tx: Transaction, session_id: str, at: datetime) -> None:
    tx.run(_SEEN, session_id=session_id, b_seen=utc_text(at))


def end(tx: Transaction, session_id: str, at: datetime) -> bool:
    """True when it stood until now."""
    return tx.run(_END, session_id=session_id, b_revoked=utc_text(at)) == 1


def end_all(tx: Transaction, at: datetime) -> int:
    return tx.run(_END_ALL, b_revoked=utc_text(at))

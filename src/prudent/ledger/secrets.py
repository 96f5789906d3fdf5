"""Secrets as sealed rows: one standing version a name; a retired one keeps its number and loses its contents."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, update

from prudent.domain.errors import StoreError
from prudent.domain.people import SealedSecret
from prudent.domain.records import utc_text
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import SECRETS, mine
from prudent.ledger.sessions import time_or_none

_STANDS = SECRETS.c.retired.is_(None)
_STANDING = select(SECRETS).where(mine(SECRETS), _STANDS).order_by(SECRETS.c.name)
_ONE = select(SECRETS).where(mine(SECRETS, "name"), _STANDS)
_LAST = select(func.max(SECRETS.c.version).label("version")).where(mine(SECRETS, "name"))
_ADD = insert(SECRETS)
_RETIRE = (
    update(SECRETS)
    .where(mine(SECRETS, "name"), _STANDS)
    .values(retired=bindparam("b_retired"), nonce="", body="", wrapped_key="")
)
_REWRAP = (
    update(SECRETS)
    .where(mine(SECRETS, "name", "version"), SECRETS.c.wrapped_key == bindparam("b_before"))
    .values(key_id=bindparam("b_key_id"), wrapped_key=bindparam("b_wrapped"))
)


def secret_row(row: Row) -> SealedSecret:
    return SealedSecret(
        owner=row["owner_id"], name=row["name"], version=row["version"], key_id=row["key_id"], nonce=row["nonce"],
        body=row["body"], wrapped_key=row["wrapped_key"], created=moment(row["created"]),
        retired=time_or_none(row["retired"]),
    )  # fmt: skip


def standing(tx: Transaction) -> tuple[SealedSecret, ...]:
    return tuple(secret_row(row) for row in tx.all(_STANDING))


def find(tx: Transaction, name: str) -> SealedSecret | None:
    row = tx.one(_ONE, name=name)
    return None if row is None else secret_row(row)


def last_version(tx: Transaction, name: str) -> int:
    """The highest version that the name ever had, 0 when it had none."""
    row = tx.one(_LAST, name=name)
    return int((row["version"] if row else 0) or 0)


def put(tx: Transaction, sealed: SealedSecret) -> None:
    """Store the next version; the one before loses its contents in the same transaction."""
    after = last_version(tx, sealed.name) + 1
    if sealed.version != after:
        raise StoreError(
            f"secret {sealed.name} must be stored as version {after}, was sealed as {sealed.version}: somebody else "
            "set it meanwhile; set it again"
        )
    retire(tx, sealed.name, sealed.created)
    tx.run(
        _ADD, name=sealed.name, version=sealed.version, key_id=sealed.key_id, nonce=sealed.nonce, body=sealed.body,
        wrapped_key=sealed.wrapped_key, created=utc_text(sealed.created), retired=None,
    )  # fmt: skip


def retire(tx: Transaction, name: str, at: datetime) -> bool:
    """True when there was one to retire."""
    return tx.run(_RETIRE, name=name, b_retired=utc_text(at)) == 1


def rewrap(tx: Transaction, pairs: Sequence[tuple[SealedSecret, SealedSecret]]) -> None:
    """Replace wrapped keys; (before, after) of each. One that changed meanwhile undoes all."""
    for before, after in pairs:
        touched = tx.run(
            _REWRAP, name=after.name, version=after.version, b_before=before.wrapped_key, b_key_id=after.key_id,
            b_wrapped=after.wrapped_key,
        )  # fmt: skip
        if touched != 1:
            raise StoreError(f"secret {after.name} changed while its key was rotated; rotate again")

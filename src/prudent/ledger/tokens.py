"""API tokens as stored rows: digest, scopes, end and last use; the token itself is never here."""

from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.errors import InputError
from prudent.domain.people import ApiToken, Scope
from prudent.domain.records import utc_text
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import API_TOKENS, mine
from prudent.ledger.sessions import text_or_none, time_or_none

_ALL = select(API_TOKENS).where(mine(API_TOKENS)).order_by(API_TOKENS.c.created, API_TOKENS.c.token_id)
_ADD = insert(API_TOKENS)
_USED = update(API_TOKENS).where(mine(API_TOKENS, "token_id")).values(last_used=bindparam("b_used"))
_STANDING = API_TOKENS.c.revoked.is_(None)
_REVOKE = update(API_TOKENS).where(mine(API_TOKENS, "token_id"), _STANDING).values(revoked=bindparam("b_revoked"))
_REVOKE_ALL = update(API_TOKENS).where(mine(API_TOKENS), _STANDING).values(revoked=bindparam("b_revoked"))


def token_row(row: Row) -> ApiToken:
    return ApiToken(
        owner=row["owner_id"], token_id=row["token_id"], name=row["name"], digest=row["digest"],
        scopes=frozenset(Scope(name) for name in row["scopes"].split()), created=moment(row["created"]),
        expires=moment(row["expires"]), last_used=time_or_none(row["last_used"]),
        revoked=time_or_none(row["revoked"]), hosts=tuple(row["hosts"].split()),
    )  # fmt: skip


def listed(tx: Transaction) -> tuple[ApiToken, ...]:
    return tuple(token_row(row) for row in tx.all(_ALL))


def add(tx: Transaction, token: ApiToken) -> None:
    """Store a token under a name that no standing token of the person has."""
    if any(each.name == token.name and each.revoked is None for each in listed(tx)):
        raise InputError(f"a token's name must be free, {token.name!r} is taken; revoke that one or choose another")
    tx.run(
        _ADD, token_id=token.token_id, name=token.name, digest=token.digest, scopes=" ".join(sorted(token.scopes)),
        created=utc_text(token.created), expires=utc_text(token.expires), last_used=text_or_none(token.last_used),
        revoked=text_or_none(token.revoked), hosts=" ".join(token.hosts),
    )  # fmt: skip


def used(tx: Transaction, token_id: str, at: datetime) -> None:
    tx.run(_USED, token_id=token_id, b_used=utc_text(at))


def revoke(tx: Transaction, token_id: str, at: datetime) -> bool:
    """True when it stood until now."""
    return tx.run(_REVOKE, token_id=token_id, b_revoked=utc_text(at)) == 1


def revoke_all(tx: Transaction, at: datetime) -> int:
    return tx.run(_REVOKE_ALL, b_revoked=utc_text(at))

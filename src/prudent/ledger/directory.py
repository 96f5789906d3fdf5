"""The narrow look-ups that come before identity: a user by name, a token by its digest, a session by its id.

On PostgreSQL each runs as a role that sees the one row it asks about and nothing else; on SQLite it reads the file of
its one person.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import bindparam, select

from prudent.domain.people import ApiToken, LoginSession, User
from prudent.ledger.database import DIRECTORY, ENGINE, Identity, Source, Transaction
from prudent.ledger.schema import API_TOKENS, SESSIONS, USERS
from prudent.ledger.sessions import session_row
from prudent.ledger.tokens import token_row
from prudent.ledger.users import user_row

_USER = select(USERS).where(USERS.c.name == bindparam("name"))
_TOKEN = select(API_TOKENS).where(API_TOKENS.c.digest == bindparam("digest"))
_SESSION = select(SESSIONS).where(SESSIONS.c.session_id == bindparam("session_id"))
_OWNERS = select(USERS.c.owner_id).order_by(USERS.c.created, USERS.c.owner_id)


class LedgerDirectory:
    """The look-ups of one database."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def find_user(self, name: str) -> User | None:
        with self._asking(name) as tx:
            row = tx.one(_USER, name=name)
        return None if row is None else user_row(row)

    def find_token(self, digest: str) -> ApiToken | None:
        with self._asking(digest) as tx:
            row = tx.one(_TOKEN, digest=digest)
        return None if row is None else token_row(row)

    def find_session(self, session_id: str) -> LoginSession | None:
        with self._asking(session_id) as tx:
            row = tx.one(_SESSION, session_id=session_id)
        return None if row is None else session_row(row)

    def owners(self) -> tuple[str, ...]:
        """The ids of every person, the first one first."""
        with self._as(Identity(role=ENGINE)) as tx:
            return tuple(str(row["owner_id"]) for row in tx.all(_OWNERS))

    @contextmanager
    def _asking(self, asked: str) -> Iterator[Transaction]:
        with self._as(Identity(role=DIRECTORY, asked=asked)) as tx:
            yield tx

    @contextmanager
    def _as(self, identity: Identity) -> Iterator[Transaction]:
        with self._source.transaction(identity, writes=False, after_statement=_silent) as tx:
            yield tx


def _silent(_sql: str) -> None:
    return None

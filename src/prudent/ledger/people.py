"""The rows of one person behind one door: every change is one transaction, with its row in the person's audit chain."""

from collections.abc import Callable, Sequence
from datetime import datetime

from prudent.domain.errors import ConfigError, InputError
from prudent.domain.people import AdminRead, ApiToken, LoginSession, Role, SealedSecret, User, UserStatus
from prudent.domain.records import Json
from prudent.ledger import admin_reads, audit, secrets, sessions, tokens, users
from prudent.ledger.database import Database, Source, Transaction
from prudent.ledger.directory import LedgerDirectory
from prudent.ledger.schema import PLATFORM

ONE_PERSON = "SQLite is for one person; set database.url to PostgreSQL"


class People:
    """What a ledger remembers of its person. `stamp` dates audit rows, where a desk's own clock is not the wall's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.stamp: Callable[[datetime], datetime] = lambda at: at

    @property
    def owner(self) -> str:
        return self._database.owner

    def of(self, owner: str) -> "People":
        """The rows of another person in the same database."""
        other = People(Database(self._database.source, owner, after_statement=self._database.after_statement))
        other.stamp = self.stamp
        return other

    @property
    def directory(self) -> LedgerDirectory:
        return LedgerDirectory(self._database.source)

    # The person

    def user(self) -> User | None:
        """The person; None before they were added."""
        with self._database.read() as tx:
            return users.find(tx)

    def add_user(self, name: str, *, role: Role, status: UserStatus, password: str | None, at: datetime) -> User:
        """Store the person.

        Raises:
            ConfigError: this database holds one person and has them.
            InputError: the name is taken.
        """
        user = User(
            owner=self.owner, name=name, role=role, status=status, created=at, password=password,
            password_changed=None if password is None else at,
        )  # fmt: skip
        with self._database.write() as tx:
            if tx.single_user and self.directory.owners():
                raise ConfigError(f"a second user cannot be added: {ONE_PERSON}")
            if self.directory.find_user(name) is not None:
                raise InputError(f"a user's name must be free, {name!r} is taken; choose another")
            users.add(tx, user)
            self._note(tx, "user_added", at, {"name": name, "role": str(role), "status": str(status)})
        return user

    def set_password(self, password: str, *, status: UserStatus, at: datetime) -> None:
        """Store the hash of a new password; every session ends with the old one."""
        with self._database.write() as tx:
            users.set_password(tx, password, status, at)
            ended = sessions.end_all(tx, at)
            self._note(tx, "password_changed", at, {"status": str(status), "sessions_ended": ended})

    def refresh_hash(self, password: str) -> None:
        """Replace the hash of the same password."""
        with self._database.write() as tx:
            users.refresh_hash(tx, password)

    def set_status(self, status: UserStatus, *, by: str, at: datetime) -> None:
        """Disable or enable the person; disabling ends every session and revokes every token."""
        with self._database.write() as tx:
            users.set_status(tx, status)
            ended = revoked = 0
            if status is UserStatus.DISABLED:
                ended, revoked = sessions.end_all(tx, at), tokens.revoke_all(tx, at)
            self._note(tx, "user_status_set", at, {
                "status": str(status), "by": by, "sessions_ended": ended, "tokens_revoked": revoked,
            })  # fmt: skip

    # Sessions

    def sessions(self) -> tuple[LoginSession, ...]:
        with self._database.read() as tx:
            return sessions.listed(tx)

    def add_session(self, session: LoginSession, *, failed_before: int, replaces: str | None) -> None:
        """Begin a session; `replaces` ends in the same transaction, `failed_before` tries had failed."""
        with self._database.write() as tx:
            if replaces is not None:
                sessions.end(tx, replaces, session.created)
            sessions.add(tx, session)
            facts: dict[str, Json] = {
                "session": session.session_id[:12], "client": session.client, "failed_before": failed_before,
                "stepped_up": session.stepped_up is not None,
            }  # fmt: skip
            self._note(tx, "logged_in" if replaces is None else "session_renewed", session.seen, facts)

    def saw_session(self, session_id: str, *, at: datetime) -> None:
        with self._database.write() as tx:
            sessions.saw(tx, session_id, at)

    def end_session(self, session_id: str, *, at: datetime) -> bool:
        """True when it stood until now."""
        with self._database.write() as tx:
            ended = sessions.end(tx, session_id, at)
            if ended:
                self._note(tx, "session_ended", at, {"session": session_id[:12]})
            return ended

    def end_sessions(self, *, at: datetime) -> int:
        """End all; gives how many stood."""
        with self._database.write() as tx:
            ended = sessions.end_all(tx, at)
            if ended:
                self._note(tx, "sessions_ended", at, {"sessions_ended": ended})
            return ended

    # Tokens

    def tokens(self) -> tuple[ApiToken, ...]:
        with self._database.read() as tx:
            return tokens.listed(tx)

    def add_token(self, token: ApiToken) -> None:
        with self._database.write() as tx:
            tokens.add(tx, token)
            self._note(tx, "token_added", token.created, {
                "token": token.token_id, "name": token.name, "scopes": [str(each) for each in sorted(token.scopes)],
                "expires": token.expires.isoformat(), "hosts": list(token.hosts),
            })  # fmt: skip

    def used_token(self, token_id: str, *, at: datetime) -> None:
        with self._database.write() as tx:
            tokens.used(tx, token_id, at)

    def revoke_token(self, token_id: str, *, at: datetime) -> bool:
        """True when it stood until now."""
        with self._database.write() as tx:
            revoked = tokens.revoke(tx, token_id, at)
            if revoked:
                self._note(tx, "token_revoked", at, {"token": token_id})
            return revoked

    # Secrets

    def secrets(self) -> tuple[SealedSecret, ...]:
        """Every secret in its standing version, by name."""
        with self._database.read() as tx:
            return secrets.standing(tx)

    def secret(self, name: str) -> SealedSecret | None:
        with self._database.read() as tx:
            return secrets.find(tx, name)

    def secret_version(self, name: str) -> int:
        """The highest version that the name ever had, 0 when it had none."""
        with self._database.read() as tx:
            return secrets.last_version(tx, name)

    def put_secret(self, sealed: SealedSecret) -> None:
        """Store the next version; the one before loses its contents."""
        with self._database.write() as tx:
            users.require(tx)
            secrets.put(tx, sealed)
            facts: dict[str, Json] = {"name": sealed.name, "version": sealed.version, "key": sealed.key_id}
            self._note(tx, "secret_set", sealed.created, facts)

    def retire_secret(self, name: str, *, at: datetime) -> bool:
        """True when there was one."""
        with self._database.write() as tx:
            retired = secrets.retire(tx, name, at)
            if retired:
                self._note(tx, "secret_removed", at, {"name": name})
            return retired

    def rewrap_secrets(self, pairs: Sequence[tuple[SealedSecret, SealedSecret]], *, at: datetime) -> None:
        """Put secrets under another master key, all or none; (before, after) of each."""
        with self._database.write() as tx:
            secrets.rewrap(tx, pairs)
            keys = sorted({after.key_id for _before, after in pairs})
            self._note(tx, "secrets_rewrapped", at, {"secrets": len(pairs), "keys": list[Json](keys)})

    # Administrators' looks

    def note_admin_read(self, *, admin: str, reason: str, at: datetime) -> AdminRead:
        """Write down that an administrator is about to look; the person sees it, and it stays."""
        with self._database.write() as tx:
            users.require(tx)
            read = admin_reads.add(tx, admin=admin, reason=reason, at=at)
            self._note(tx, "admin_read", at, {"number": read.number, "admin": admin, "reason": reason})
            return read

    def admin_reads(self) -> tuple[AdminRead, ...]:
        """The newest first."""
        with self._database.read() as tx:
            return admin_reads.listed(tx)

    def _note(self, tx: Transaction, event: str, at: datetime, facts: dict[str, Json]) -> None:
        audit.note(tx, event, PLATFORM, self.stamp(at), facts)


def open_people(source: Source, owner: str) -> People:
    """The rows of one person of an opened database."""
    return People(Database(source, owner))

"""People in memory: a small true implementation of `access.stores`, for tests of what stands on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from prudent.domain.errors import InputError, StoreError
from prudent.domain.people import AdminRead, ApiToken, LoginSession, Role, SealedSecret, User, UserStatus


@dataclass
class Rows:
    """What is remembered of one person."""

    user: User | None = None
    sessions: dict[str, LoginSession] = field(default_factory=dict)
    tokens: dict[str, ApiToken] = field(default_factory=dict)
    secrets: list[SealedSecret] = field(default_factory=list)
    reads: list[AdminRead] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


class MemoryPeople:
    """The rows of one person."""

    def __init__(self, town: "MemoryTown", owner: str) -> None:
        self._town = town
        self._owner = owner
        self.rows = town.rows.setdefault(owner, Rows())

    @property
    def owner(self) -> str:
        return self._owner

    def user(self) -> User | None:
        return self.rows.user

    def add_user(self, name: str, *, role: Role, status: UserStatus, password: str | None, at: datetime) -> User:
        if self._town.find_user(name) is not None:
            raise InputError(f"a user's name must be free, {name!r} is taken; choose another")
        changed = at if password is not None else None
        self.rows.user = User(
            owner=self._owner, name=name, role=role, status=status, created=at, password=password,
            password_changed=changed,
        )  # fmt: skip
        self.rows.events.append("user_added")
        return self.rows.user

    def _known(self) -> User:
        if self.rows.user is None:
            raise InputError("the person must be known, is not")
        return self.rows.user

    def set_password(self, password: str, *, status: UserStatus, at: datetime) -> None:
        self.rows.user = replace(self._known(), password=password, password_changed=at, status=status)
        self._end_all(at)
        self.rows.events.append("password_changed")

    def refresh_hash(self, password: str) -> None:
        self.rows.user = replace(self._known(), password=password)

    def set_status(self, status: UserStatus, *, by: str, at: datetime) -> None:
        self.rows.user = replace(self._known(), status=status)
        if status is UserStatus.DISABLED:
            self._end_all(at)
            for token in tuple(self.rows.tokens.values()):
                if token.revoked is None:
                    self.rows.tokens[token.token_id] = replace(token, revoked=at)
        self.rows.events.append("user_status_set")

    def sessions(self) -> tuple[LoginSession, ...]:
        return tuple(sorted(self.rows.sessions.values(), key=lambda each: (each.created, each.session_id)))

    def add_session(self, session: LoginSession, *, failed_before: int, replaces: str | None) -> None:
        if replaces is not None:
            self.end_session(replaces, at=session.created)
        self.rows.sessions[session.session_id] = session
        self.rows.events.append(f"logged_in after {failed_before}")

    def saw_session(self, session_id: str, *, at: datetime) -> None:
        self.rows.sessions[session_id] = replace(self.rows.sessions[session_id], seen=at)

    def end_session(self, session_id: str, *, at: datetime) -> bool:
        session = self.rows.sessions.get(session_id)
        if session is None or session.revoked is not None:
            return False
        self.rows.sessions[session_id] = replace(session, revoked=at)
        return True

    def end_sessions(self, *, at: datetime) -> int:
        return self._end_all(at)

    def _end_all(self, at: datetime) -> int:
        return sum(self.end_session(session_id, at=at) for session_id in tuple(self.rows.sessions))

    def tokens(self) -> tuple[ApiToken, ...]:
        return tuple(sorted(self.rows.tokens.values(), key=lambda each: (each.created, each.token_id)))

    def add_token(self, token: ApiToken) -> None:
        if any(each.name == token.name and each.revoked is None for each in self.rows.tokens.values()):
            raise InputError(f"a token's name must be free, {token.name!r} is taken")
        self.rows.tokens[token.token_id] = token

    def used_token(self, token_id: str, *, at: datetime) -> None:
        self.rows.tokens[token_id] = replace(self.rows.tokens[token_id], last_used=at)

    def revoke_token(self, token_id: str, *, at: datetime) -> bool:
        token = self.rows.tokens.get(token_id)
        if token is None or token.revoked is not None:
            return False
        self.rows.tokens[token_id] = replace(token, revoked=at)
        return True

    def secrets(self) -> tuple[SealedSecret, ...]:
        return tuple(sorted((each for each in self.rows.secrets if each.retired is None), key=lambda each: each.name))

    def secret(self, name: str) -> SealedSecret | None:
        return next((each for each in self.secrets() if each.name == name), None)

    def secret_version(self, name: str) -> int:
        return max((each.version for each in self.rows.secrets if each.name == name), default=0)

    def put_secret(self, sealed: SealedSecret) -> None:
        self._known()
        if sealed.version != self.secret_version(sealed.name) + 1:
            raise StoreError(f"secret {sealed.name} was set meanwhile")
        self.retire_secret(sealed.name, at=sealed.created)
        self.rows.secrets.append(sealed)

    def retire_secret(self, name: str, *, at: datetime) -> bool:
        for number, each in enumerate(self.rows.secrets):
            if each.name == name and each.retired is None:
                self.rows.secrets[number] = replace(each, retired=at, nonce="", body="", wrapped_key="")
                return True
        return False

    def rewrap_secrets(self, pairs: Sequence[tuple[SealedSecret, SealedSecret]], *, at: datetime) -> None:
        kept = list(self.rows.secrets)
        for before, after in pairs:
            if before not in kept:
                raise StoreError(f"secret {after.name} changed while its key was rotated")
            kept[kept.index(before)] = after
        self.rows.secrets[:] = kept

    def note_admin_read(self, *, admin: str, reason: str, at: datetime) -> AdminRead:
        self._known()
        read = AdminRead(number=len(self.rows.reads) + 1, at=at, admin=admin, subject=self._owner, reason=reason)
        self.rows.reads.append(read)
        return read

    def admin_reads(self) -> tuple[AdminRead, ...]:
        return tuple(reversed(self.rows.reads))


class MemoryTown:
    """Everybody, and the look-ups over them."""

    def __init__(self) -> None:
        self.rows: dict[str, Rows] = {}

    def people_of(self, owner: str) -> MemoryPeople:
        return MemoryPeople(self, owner)

    def find_user(self, name: str) -> User | None:
        users = (each.user for each in self.rows.values())
        return next((user for user in users if user is not None and user.name == name), None)

    def find_token(self, digest: str) -> ApiToken | None:
        tokens = (token for each in self.rows.values() for token in each.tokens.values())
        return next((token for token in tokens if token.digest == digest), None)

    def find_session(self, session_id: str) -> LoginSession | None:
        return next(
            (each.sessions[session_id] for each in self.rows.values() if session_id in each.sessions), None
        )  # fmt: skip

    def owners(self) -> tuple[str, ...]:
        known = [each.user for each in self.rows.values() if each.user is not None]
        return tuple(user.owner for user in sorted(known, key=lambda user: (user.created, user.owner)))

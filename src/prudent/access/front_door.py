"""The front door: login, sessions, tokens and the acts on people, each asking authority before anything changes.

It answers a wrong name and a wrong password alike, in the same time, and writes nothing on the way that could tell.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prudent.access import tokens
from prudent.access.authority import PLATFORM, Act, Principal, Proof, missing, require
from prudent.access.passwords import Passwords, require_good
from prudent.access.stores import Directory, People
from prudent.access.throttle import Attempt, Throttle
from prudent.domain.errors import BlockedError, InputError, Temporary
from prudent.domain.people import (
    USER_NAME,
    AdminRead,
    ApiToken,
    LoginSession,
    Role,
    Scope,
    User,
    UserStatus,
    folded,
    label,
    user_name,
)
from prudent.ports import Clock

EVERY_SCOPE = frozenset(Scope)
CLIENT_LENGTH_MAX = 200
REASON_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """From where somebody comes; `device` is the reference of an earlier session on it, if it still has one."""

    address: str = ""
    client: str = ""
    device: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session that has begun: its reference, for the person's browser only, and who they are."""

    reference: str = field(repr=False)
    session: LoginSession
    principal: Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A person for whom a first password was made: it is shown once."""

    user: User
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    """What a new token should be."""

    name: str
    scopes: frozenset[Scope]
    days: int = 30
    hosts: tuple[str, ...] = ()


class FrontDoor:
    """Who comes in, and what is done to people. `people_of` opens the rows of one owner."""

    def __init__(
        self, directory: Directory, people_of: Callable[[str], People], clock: Clock, *,
        passwords: Passwords | None = None, throttle: Throttle | None = None,
    ) -> None:  # fmt: skip
        self._directory = directory
        self._people_of = people_of
        self._clock = clock
        self._own_passwords = passwords
        self._throttle = throttle or Throttle()

    @property
    def _passwords(self) -> Passwords:
        # Made when first needed: it costs one hash.
        self._own_passwords = self._own_passwords or Passwords()
        return self._own_passwords

    # Coming in

    def login(self, name: str, password: str, visitor: Visitor) -> Opened:
        """Begin a session.

        Raises:
            InputError: not this name with this password; which of the two is not said.
            Temporary: too many tries; it says when to come back.
        """
        now = self._clock.now()
        user, failed = self._checked(name, password, visitor, now)
        return self._open(self._people_of(user.owner), user, visitor, now=now, failed_before=failed)

    def by_password(self, name: str, password: str) -> Principal:
        """Who they are, for one act at a terminal: no session is begun.

        Raises:
            InputError, Temporary: as for `login`.
        """
        user, _failed = self._checked(name, password, Visitor(), self._clock.now())
        return _principal(user, EVERY_SCOPE, Proof.PASSWORD, stepped_up=True)

    def _checked(self, name: str, password: str, visitor: Visitor, now: datetime) -> tuple[User, int]:
        """The person of that name and password, and how many tries had failed before."""
        user, attempt = self._known(folded(name)[:128], visitor)
        self._admit(attempt, now)
        checked = self._passwords.check(password, user.password if user is not None else None)
        if user is None or not checked.right or user.status is UserStatus.DISABLED:
            raise InputError("name and password must be those of a person here, were not; try again")
        if checked.rehashed is not None:
            self._people_of(user.owner).refresh_hash(checked.rehashed)
        return user, self._throttle.succeeded(attempt)

    def _known(self, name: str, visitor: Visitor) -> tuple[User | None, Attempt]:
        user = self._directory.find_user(name) if USER_NAME.fullmatch(name) else None
        mark = tokens.digest_of(visitor.device) if visitor.device else None
        seen = self._directory.find_session(mark) if mark else None
        known = seen is not None and user is not None and seen.owner == user.owner and seen.revoked is None
        return user, Attempt(account=name, address=visitor.address, device=mark if known else None)

    def _admit(self, attempt: Attempt, now: datetime) -> None:
        wait = self._throttle.admit(attempt, now)
        if wait > timedelta():
            seconds = -(-wait // timedelta(seconds=1))
            raise Temporary(f"logins must be tried less often; wait {seconds} seconds, then try again")

    def _open(
        self, people: People, user: User, visitor: Visitor, *, now: datetime, failed_before: int = 0,
        before: LoginSession | None = None,
    ) -> Opened:  # fmt: skip
        fresh = tokens.fresh_session()
        session = LoginSession(
            owner=user.owner, session_id=fresh.digest, created=now, seen=now,
            expires=before.expires if before else now + tokens.SESSION_LIFE, stepped_up=now if before else None,
            client=_shown(visitor.client)[:CLIENT_LENGTH_MAX],
        )  # fmt: skip
        people.add_session(session, failed_before=failed_before, replaces=before.session_id if before else None)
        return Opened(reference=fresh.shown, session=session, principal=_by_session(user, session, now))

    def step_up(self, reference: str, password: str, visitor: Visitor) -> Opened:
        """The password once more within a session: a new reference that stands higher for five minutes.

        Raises:
            InputError: the session has ended or the password is wrong.
            Temporary: too many tries.
        """
        now = self._clock.now()
        user, session = self._standing(reference, now)
        attempt = Attempt(account=user.name, address=visitor.address, device=session.session_id)
        self._admit(attempt, now)
        if not self._passwords.check(password, user.password).right:
            raise InputError("the password must be the one of this session's person, was not; try again")
        failed = self._throttle.succeeded(attempt)
        return self._open(
            self._people_of(user.owner), user, visitor, now=now, failed_before=failed, before=session
        )

    def by_session(self, reference: str) -> Principal:
        """Who holds the session.

        Raises:
            InputError: it has ended, or never was.
        """
        now = self._clock.now()
        user, session = self._standing(reference, now)
        if now - session.seen >= tokens.SEEN_EVERY:
            self._people_of(user.owner).saw_session(session.session_id, at=now)
        return _by_session(user, session, now)

    def _standing(self, reference: str, now: datetime) -> tuple[User, LoginSession]:
        session = self._directory.find_session(tokens.digest_of(reference))
        if session is not None and tokens.session_is_good(session, now):
            user = self._people_of(session.owner).user()
            if user is not None and user.status is not UserStatus.DISABLED:
                return user, session
        raise InputError("the session must still stand, has ended; log in again")

    def by_token(self, token: str, *, address: str) -> Principal:
        """Whom the token speaks for, when it comes from `address`.

        Raises:
            InputError: no such token for that use; revoked, expired and unknown are not told apart.
        """
        now = self._clock.now()
        found = self._directory.find_token(tokens.digest_of(token)) if token.startswith(tokens.TOKEN_PREFIX) else None
        if found is not None and tokens.token_is_good(found, address=address, now=now):
            people = self._people_of(found.owner)
            user = people.user()
            if user is not None and user.status is UserStatus.ACTIVE:
                if found.last_used is None or now - found.last_used >= tokens.SEEN_EVERY:
                    people.used_token(found.token_id, at=now)
                return _principal(user, found.scopes, Proof.TOKEN)
        raise InputError("the API token must be a valid one for this place, was not; make one with `invest tokens add`")

    def by_machine(self, owner: str) -> Principal:
        """The one person of an installation, at its own terminal."""
        user = self._people_of(owner).user()
        if user is None:
            return Principal(owner=owner, name=owner, role=Role.ADMIN, scopes=EVERY_SCOPE, proof=Proof.MACHINE)
        return _principal(user, EVERY_SCOPE, Proof.MACHINE)

    # Sessions of a person

    def logout(self, reference: str) -> bool:
        """End the session of that reference; True when it stood."""
        session = self._directory.find_session(tokens.digest_of(reference))
        if session is None:
            return False
        return self._people_of(session.owner).end_session(session.session_id, at=self._clock.now())

    def sessions(self, principal: Principal) -> tuple[LoginSession, ...]:
        """The person's own sessions that still stand."""
        require(principal, Act.LIST_SESSIONS, principal.owner, thing=("session", "list"))
        now = self._clock.now()
        every = self._people_of(principal.owner).sessions()
        return tuple(each for each in every if tokens.session_is_good(each, now))

    def end_session(self, principal: Principal, handle: str) -> None:
        """End one of the person's own sessions, by the first letters of its id."""
        require(principal, Act.END_SESSIONS, principal.owner, thing=("session", handle))
        found = [each for each in self.sessions(principal) if len(handle) >= 8 and each.session_id.startswith(handle)]
        if len(found) != 1:
            raise missing("session", handle)
        self._people_of(principal.owner).end_session(found[0].session_id, at=self._clock.now())

    # Passwords

    def change_password(self, principal: Principal, password: str) -> None:
        """Choose one's own password; every session ends, and an invited person is one of us from here."""
        require(principal, Act.CHANGE_PASSWORD, principal.owner, thing=("user", principal.name))
        require_good(password, about=(principal.name,))
        people = self._people_of(principal.owner)
        user = people.user()
        if user is None:
            raise missing("user", principal.name)
        if self._passwords.check(password, user.password).right:
            raise InputError("the password must be another than before, was the same; choose one that nobody else knew")
        people.set_password(self._passwords.hash(password), status=UserStatus.ACTIVE, at=self._clock.now())

    def reset_password(self, principal: Principal, name: str, *, reason: str) -> Invited:
        """A first password for somebody who lost theirs; they see who did it and why, and must choose their own."""
        user = self._other(principal, name)
        require(principal, Act.RESET_PASSWORD, user.owner, thing=("user", name), reason=reason)
        password, now = tokens.fresh_password(), self._clock.now()
        people = self._people_of(user.owner)
        people.note_admin_read(admin=principal.name, reason=f"password reset: {_reason(reason)}", at=now)
        people.set_password(self._passwords.hash(password), status=UserStatus.INVITED, at=now)
        return Invited(user=user, password=password)

    # People

    def add_first_admin(self, name: str) -> Invited:
        """The first administrator of an installation that has nobody yet.

        Raises:
            BlockedError: there is somebody; administrators add people.
        """
        if self._directory.owners():
            raise BlockedError("the first user must be added before any other, there are some; an admin adds people")
        return self._add(name, Role.ADMIN)

    def add_user(self, principal: Principal, name: str, role: Role) -> Invited:
        """Add a person, with a first password that they must change."""
        require(principal, Act.ADD_USER, PLATFORM, thing=("user", name))
        return self._add(name, role)

    def _add(self, name: str, role: Role) -> Invited:
        password = tokens.fresh_password()
        people = self._people_of(f"u-{tokens.fresh_id()}")
        user = people.add_user(
            user_name(name), role=role, status=UserStatus.INVITED, password=self._passwords.hash(password),
            at=self._clock.now(),
        )  # fmt: skip
        return Invited(user=user, password=password)

    def users(self, principal: Principal) -> tuple[User, ...]:
        """Everybody, for an administrator; a person alone for anybody else."""
        if principal.role is Role.ADMIN:
            require(principal, Act.LIST_USERS, PLATFORM, thing=("user", "list"))
            found = [self._people_of(owner).user() for owner in self._directory.owners()]
        else:
            require(principal, Act.READ, principal.owner, thing=("user", "list"))
            found = [self._people_of(principal.owner).user()]
        return tuple(user for user in found if user is not None)

    def disable_user(self, principal: Principal, name: str) -> User:
        """Let a person in no more; sessions and tokens end. Nobody disables themselves, so an administrator stays."""
        return self._set_status(principal, name, UserStatus.DISABLED)

    def enable_user(self, principal: Principal, name: str) -> User:
        """Let a disabled person in again; they come with the password they had, and must choose another."""
        return self._set_status(principal, name, UserStatus.INVITED)

    def _set_status(self, principal: Principal, name: str, status: UserStatus) -> User:
        user = self._other(principal, name)
        require(principal, Act.DISABLE_USER, user.owner, thing=("user", name))
        if status is UserStatus.INVITED and user.status is not UserStatus.DISABLED:
            raise InputError(f"user {user.name} must be disabled to be enabled, is {user.status}")
        self._people_of(user.owner).set_status(status, by=principal.name, at=self._clock.now())
        return user

    def _other(self, principal: Principal, name: str) -> User:
        """Another person by name, for an administrator; hidden and absent are one answer."""
        wanted = folded(name)
        user = self._directory.find_user(wanted) if USER_NAME.fullmatch(wanted) else None
        if user is None or (principal.role is not Role.ADMIN and user.owner != principal.owner):
            raise missing("user", name)
        if user.owner == principal.owner:
            raise InputError("an administrator must not do this to themselves; ask another administrator")
        return user

    # Administrators

    def look_at(self, principal: Principal, name: str, *, reason: str) -> User:
        """Leave to read another's rows: the reason is in their record before anything is read.

        Raises:
            InputError: no such person for them, or no reason.
        """
        user = self._other(principal, name)
        require(principal, Act.READ, user.owner, thing=("user", name), reason=reason)
        self._people_of(user.owner).note_admin_read(
            admin=principal.name, reason=_reason(reason), at=self._clock.now()
        )  # fmt: skip
        return user

    def halt_other(self, principal: Principal, name: str, *, reason: str) -> User:
        """Leave to stop another's trading; it is in their record."""
        user = self._other(principal, name)
        require(principal, Act.HALT, user.owner, thing=("user", name))
        self._people_of(user.owner).note_admin_read(
            admin=principal.name, reason=f"halted: {_reason(reason)}", at=self._clock.now()
        )  # fmt: skip
        return user

    def admin_reads(self, principal: Principal) -> tuple[AdminRead, ...]:
        """What administrators did at the person's rows, the newest first."""
        require(principal, Act.READ_ADMIN_READS, principal.owner, thing=("admin reads", "list"))
        return self._people_of(principal.owner).admin_reads()

    # Tokens

    def add_token(self, principal: Principal, wish: TokenWish) -> tuple[ApiToken, str]:
        """A new token of the person, and its text, which is shown once."""
        require(principal, Act.ADD_TOKEN, principal.owner, thing=("token", wish.name))
        if Scope.ADMIN in wish.scopes and principal.role is not Role.ADMIN:
            raise InputError("a token with the scope admin must be an administrator's; leave the scope out")
        fresh, now = tokens.fresh_token(), self._clock.now()
        token = ApiToken(
            owner=principal.owner, token_id=tokens.fresh_id(), name=label(wish.name, of="a token's name"),
            digest=fresh.digest, scopes=wish.scopes, created=now, expires=now + tokens.lifetime(wish.days),
            hosts=tokens.parse_hosts(wish.hosts),
        )  # fmt: skip
        self._people_of(principal.owner).add_token(token)
        return token, fresh.shown

    def tokens(self, principal: Principal) -> tuple[ApiToken, ...]:
        require(principal, Act.LIST_TOKENS, principal.owner, thing=("token", "list"))
        return self._people_of(principal.owner).tokens()

    def revoke_token(self, principal: Principal, name: str) -> ApiToken:
        """Revoke one of the person's own tokens, by its id or name."""
        require(principal, Act.REVOKE_TOKEN, principal.owner, thing=("token", name))
        people = self._people_of(principal.owner)
        for token in people.tokens():
            if name in (token.token_id, token.name) and people.revoke_token(token.token_id, at=self._clock.now()):
                return token
        raise missing("token", name)


def _principal(user: User, scopes: frozenset[Scope], proof: Proof, *, stepped_up: bool = False) -> Principal:
    return Principal(
        owner=user.owner, name=user.name, role=user.role, scopes=scopes, proof=proof, stepped_up=stepped_up,
        status=user.status,
    )  # fmt: skip


def _by_session(user: User, session: LoginSession, now: datetime) -> Principal:
    return _principal(user, EVERY_SCOPE, Proof.PASSWORD, stepped_up=tokens.is_stepped_up(session, now))


def _reason(text: str) -> str:
    return _shown(text)[:REASON_LENGTH_MAX]


def _shown(text: str) -> str:
    """Text from outside as one printable line."""
    return "".join(each if each.isprintable() else " " for each in text).strip()

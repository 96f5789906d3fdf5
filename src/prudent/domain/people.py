"""People of an installation and what they may hold: users, sessions, API tokens, sealed secrets, admin reads."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from prudent.domain.errors import InputError

USER_NAME = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,63}")


class Role(StrEnum):
    """`ADMIN` looks after people and may stop trading; it never trades for another, loosens or reads secrets."""

    USER = "user"
    ADMIN = "admin"


class UserStatus(StrEnum):
    """`INVITED`: the password is one that somebody else knew, and the only act left is to choose another."""

    ACTIVE = "active"
    INVITED = "invited"
    DISABLED = "disabled"


class Scope(StrEnum):
    """What an API token is for."""

    READ = "read"
    PROPOSE = "propose"
    TRADE = "trade"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One person; `owner` is the id that all their rows carry, `name` what they log in with."""

    owner: str
    name: str
    role: Role
    status: UserStatus
    created: datetime
    password: str | None = field(default=None, repr=False)
    password_changed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A stored token: its digest, never itself. No `hosts` = from any address."""

    owner: str
    token_id: str
    name: str
    digest: str = field(repr=False)
    scopes: frozenset[Scope]
    created: datetime
    expires: datetime
    last_used: datetime | None = None
    revoked: datetime | None = None
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSession:
    """A stored session; `session_id` is the digest of the reference that the person's browser holds."""

    owner: str
    session_id: str
    created: datetime
    seen: datetime
    expires: datetime
    stepped_up: datetime | None = None
    revoked: datetime | None = None
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """One version of a secret at rest; nothing here opens without the master key `key_id`."""

    owner: str
    name: str
    version: int
    key_id: str
    nonce: str = field(repr=False)
    body: str = field(repr=False)
    wrapped_key: str = field(repr=False)
    created: datetime
    retired: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminRead:
    """One look of an administrator at the rows of `subject`, with the reason that was given."""

    number: int
    at: datetime
    admin: str
    subject: str
    reason: str


def user_name(text: str) -> str:
    """A login name in the one form in which it is stored and looked up.

    Raises:
        InputError: it could not be a name.
    """
    name = folded(text)
    if not USER_NAME.fullmatch(name):
        raise InputError("a user's name must be 1 to 64 letters, digits, '.', '_', '@' or '-'; choose such a name")
    return name


def folded(text: str) -> str:
    """Text as names compare: compatibility forms, case and outer spaces do not tell two apart."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def label(text: str, *, of: str) -> str:
    """A name of a token or secret, as it may stand in lists and logs.

    Raises:
        InputError: it has other characters, or too many.
    """
    if not LABEL.fullmatch(text):
        raise InputError(f"{of} must be 1 to 64 letters, digits or one of _ . : @ / -, was not; choose such a name")
    return text

"""References that open doors: 256 random bits shown once, of which only a digest is kept."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network

from prudent.domain.errors import InputError
from prudent.domain.people import ApiToken, LoginSession, Scope

TOKEN_PREFIX = "prd_"
_BYTES = 32
TOKEN_LIFE_MAX = timedelta(days=90)
SESSION_IDLE = timedelta(minutes=30)
SESSION_LIFE = timedelta(hours=12)
STEP_UP_LIFE = timedelta(minutes=5)
# A session's last use is stored at most this often; it then ends this much early, never late.
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A reference as its holder gets it, once, and as it is stored."""

    shown: str = field(repr=False)
    digest: str = field(repr=False)


def digest_of(reference: str) -> str:
    """What is stored of a reference; 256 random bits need no salt and no slow hash."""
    return sha256(reference.encode("utf-8", "surrogatepass")).hexdigest()


def fresh_token() -> Fresh:
    shown = TOKEN_PREFIX + secrets.token_urlsafe(_BYTES)
    return Fresh(shown=shown, digest=digest_of(shown))


def fresh_session() -> Fresh:
    shown = secrets.token_urlsafe(_BYTES)
    return Fresh(shown=shown, digest=digest_of(shown))


def fresh_id() -> str:
    """A public id that cannot be guessed from others."""
    return secrets.token_hex(8)


def fresh_password() -> str:
    """A first password for somebody else, to be read aloud: five groups of 20 bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(5))


def lifetime(days: int) -> timedelta:
    """How long a token may live.

    Raises:
        InputError: not between one day and the longest life.
    """
    if not 1 <= days <= TOKEN_LIFE_MAX.days:
        raise InputError(f"a token must live 1 to {TOKEN_LIFE_MAX.days} days, was {days}; choose within")
    return timedelta(days=days)


def parse_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes of those names.

    Raises:
        InputError: none, or one that does not exist.
    """
    given = [name.strip().lower() for name in names if name.strip()]
    unknown = [name for name in given if name not in set(Scope)]
    if unknown or not given:
        was = ", ".join(unknown) or "nothing"
        raise InputError(f"scopes must be of {', '.join(Scope)}, was {was}; correct them")
    return frozenset(Scope(name) for name in given)


def parse_hosts(texts: Iterable[str]) -> tuple[str, ...]:
    """Addresses or networks from which a token may come, in one spelling.

    Raises:
        InputError: one is neither an address nor a network.
    """
    found = []
    for text in texts:
        try:
            found.append(str(ip_network(text.strip())))
        except ValueError as error:
            raise InputError(
                f"a token's host must be an address or network like 10.0.0.0/24, was {text!r}; correct it"
            ) from error
    return tuple(dict.fromkeys(found))


def token_is_good(token: ApiToken, *, address: str, now: datetime) -> bool:
    """May it be used from there, now? Not once it is revoked, expired, or elsewhere."""
    return token.revoked is None and now < token.expires and _among(address, token.hosts)


def _among(address: str, hosts: Iterable[str]) -> bool:
    listed = tuple(hosts)
    if not listed:
        return True
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in ip_network(host) for host in listed)


def session_is_good(session: LoginSession, now: datetime) -> bool:
    """Does it still stand? It ends when revoked, after idling, and at its fixed end."""
    return session.revoked is None and session.seen <= now + SEEN_EVERY and (
        now < session.expires and now - session.seen < SESSION_IDLE
    )


def is_stepped_up(session: LoginSession, now: datetime) -> bool:
    """Was the password given again a moment ago?"""
    return session.stepped_up is not None and timedelta() <= now - session.stepped_up < STEP_UP_LIFE

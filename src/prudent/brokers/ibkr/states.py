"""The states of the connection to a gateway, in words that tell a person what is and what to do."""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from prudent.brokers.ibkr.codes import LOST

_EXCHANGE = ZoneInfo("America/New_York")
# The broker restarts its servers each night; pages differ in when, so both windows count.
_RESET_FROM = time(23, 45)
_RESET_UNTIL = time(1, 45)
_LOGIN_FROM = time(1, 0)
_SUNDAY = 6


class State(StrEnum):
    """Where the connection stands."""

    CONNECTING = "connecting"
    UP = "up"
    LINK_LOST = "link lost"
    NIGHTLY_RESET = "nightly reset"
    LOGIN_NEEDED = "login needed"
    UNREACHABLE = "unreachable"
    NOT_A_GATEWAY = "not a gateway"
    CLIENT_ID_IN_USE = "client id in use"
    WRONG_ACCOUNT = "wrong account"
    UNREADABLE = "unreadable"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a gateway listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The state now, since when, and what was heard that led to it."""

    state: State
    since: datetime
    address: Address
    client_id: int
    heard: str = ""

    @property
    def words(self) -> str:
        """One sentence: what is, what must be, what to do."""
        words = _WORDS[self.state].format(address=self.address, client_id=self.client_id)
        return f"{words} ({self.heard})" if self.heard else words


_WORDS = {
    State.CONNECTING: "the connection to the gateway at {address} is being made; wait a moment",
    State.UP: "connected to the gateway at {address} as client {client_id}",
    State.LINK_LOST: "the gateway at {address} has lost the broker's servers; orders wait until it says that they are "
    "back",
    State.NIGHTLY_RESET: "the broker restarts its servers each night between 23:45 and 01:45 New York time; the "
    "connection comes back by itself",
    State.LOGIN_NEEDED: "the gateway at {address} does not answer since the weekly end of all logins, Sunday 01:00 New "
    "York time; log in to it with the second factor",
    State.UNREACHABLE: "the gateway at {address} must be reachable, is not; start it and log in, or correct host and "
    "port",
    State.NOT_A_GATEWAY: "something listens at {address} that does not speak as a gateway; correct the port, or wait "
    "until the gateway has started",
    State.CLIENT_ID_IN_USE: "client id {client_id} is in use at {address}; end the other program or choose another id",
    State.WRONG_ACCOUNT: "the gateway at {address} is logged in to accounts that this mode may not touch; log in to "
    "those of the mode, or correct the settings",
    State.UNREADABLE: "the gateway at {address} tells its orders or trades in a form that cannot be read; set its time "
    "zone to one such as US/Eastern or UTC",
    State.CLOSED: "the connection to {address} was closed by us",
}


def state_when_lost(at: datetime) -> State:
    """How a lost link reads at that time: within the nightly window it is no alarm."""
    local = at.astimezone(_EXCHANGE).time()
    return State.NIGHTLY_RESET if local >= _RESET_FROM or local <= _RESET_UNTIL else State.LINK_LOST


def state_when_refused(at: datetime, last_up: datetime | None) -> State:
    """How a gateway that does not answer reads: since Sunday's end of all logins it needs a person."""
    local = at.astimezone(_EXCHANGE)
    sunday = local.weekday() == _SUNDAY and local.time() >= _LOGIN_FROM
    if sunday and last_up is not None and last_up.astimezone(_EXCHANGE) < _login_end(local):
        return State.LOGIN_NEEDED
    if last_up is not None and state_when_lost(at) is State.NIGHTLY_RESET:
        return State.NIGHTLY_RESET
    return State.UNREACHABLE


def _login_end(local: datetime) -> datetime:
    return datetime.combine(local.date(), _LOGIN_FROM, tzinfo=_EXCHANGE)


def is_lost(code: int) -> bool:
    """True for what says that the gateway stands without the broker behind it."""
    return code in LOST

"""Which Ghostfolio a desk has: its server, its token, the accounts that it shows, and the one process that writes."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prudent.bootstrap import Desk
from prudent.brokers.ghostfolio import (
    Found,
    Ghostfolio,
    RemoteAccount,
    Wanted,
    Wire,
    account_mark,
    account_uuid,
)
from prudent.clock import SystemClock
from prudent.domain.errors import ConfigError, Temporary
from prudent.edge import secret
from prudent.settings.ghostfolio import TOKEN_VARIABLE

LOCK_FILE = "ghostfolio.lock"
LOCK_SECONDS = 15.0
_LOCK_LOOK = 0.1
# The broker of an account whose book of record Ghostfolio shows: it trades at the simulated venue.
OF_RECORD = "ghostfolio"
_NEVER_MIRRORED = frozenset({"research"})


class Connection:
    """A server of one desk, with the ids of accounts that were found there."""

    def __init__(self, server: Ghostfolio) -> None:
        self.server = server
        self._accounts: dict[str, RemoteAccount] = {}

    def account(self, desk: Desk, account: str) -> RemoteAccount:
        """Our account there, found or made."""
        known = self._accounts.get(account)
        if known is None:
            known = self.server.find_or_make(wanted(desk, account))
            self._accounts[account] = known
        return known

    def forget(self, account: str) -> None:
        self._accounts.pop(account, None)


def look_at(url: str, token: str, *, seconds: float = 10.0) -> Found:
    """What is at a URL, before anything is configured; see `Ghostfolio.look` for what it raises."""
    server = Ghostfolio(Wire(url, token, clock=SystemClock(), seconds=seconds))
    try:
        return server.look()
    finally:
        server.close()


@contextmanager
def connected(desk: Desk) -> Iterator[Connection]:
    """The desk's Ghostfolio.

    Raises:
        ConfigError: none is configured, or there is no token.
    """
    connection = connect(desk)
    try:
        yield connection
    finally:
        connection.server.close()


def connect(desk: Desk) -> Connection:
    """As `connected`, for one who closes it."""
    settings = desk.loaded.settings.ghostfolio
    if settings.url is None:
        raise ConfigError("no Ghostfolio is configured; set ghostfolio.url in invest.yaml, or GHOSTFOLIO_URL")
    wire = Wire(settings.url, token_of(desk), clock=SystemClock(),
                seconds=settings.timeout_seconds)  # fmt: skip
    return Connection(Ghostfolio(wire, symbols=settings.symbols))


def token_of(desk: Desk) -> str:
    """The token of the environment, else the person's stored secret.

    Raises:
        ConfigError: there is neither.
    """
    found = secret(desk.loaded, desk.ledger, TOKEN_VARIABLE)
    if found is None:
        stored = f"`invest secrets set {TOKEN_VARIABLE.lower()}`"
        raise ConfigError(f"Ghostfolio needs its user's security token, found none; set {TOKEN_VARIABLE}, or {stored}")
    return found


def mirrored(desk: Desk) -> tuple[str, ...]:
    """The accounts that Ghostfolio shows: those of the mapping and of record, else every open one that can trade."""
    settings = desk.loaded.settings
    named = settings.ghostfolio.accounts
    chosen = [
        name
        for name, each in settings.accounts.items()
        if each.broker == OF_RECORD or (name in named if named else each.strategy not in _NEVER_MIRRORED)
    ]
    return tuple(each for each in chosen if desk.is_open_account(each))


def wanted(desk: Desk, account: str) -> Wanted:
    """The account as it should stand there."""
    given = desk.loaded.settings.ghostfolio.accounts.get(account, "")
    row = desk.ledger.views.account(account)
    owner = desk.ledger.owner
    return Wanted(
        id=given or account_uuid(owner, account), name=row.name, currency=row.currency,
        mark=account_mark(owner, account), cash=desk.ledger.views.money(account).contributions, given=bool(given),
    )  # fmt: skip


@contextmanager
def one_writer(home: Path, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Be the only process of this home that writes to Ghostfolio.

    Raises:
        Temporary: another one is at it.
    """
    path = home / "data" / LOCK_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    clock, pause = SystemClock(), threading.Event()
    end = clock.monotonic() + seconds
    with path.open("a", encoding="ascii") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.monotonic() >= end:
                    raise Temporary("another process of this home is writing to Ghostfolio; try again") from None
            pause.wait(_LOCK_LOOK)
        yield

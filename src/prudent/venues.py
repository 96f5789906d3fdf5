"""Opens where a desk's prices and its time come from, and the brokers that its accounts trade at."""

import json
import os
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from prudent.brokers.ibkr.greeting import greet
from prudent.clock import OffsetClock, SimulatedClock, SystemClock
from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfigError, DeskError, StoreError, Temporary
from prudent.domain.records import utc_text
from prudent.ports import Calendar, Clock, Instruments, MarketData
from prudent.settings import Loaded
from prudent.settings.gateways import gateway_of

if TYPE_CHECKING:
    from prudent.brokers.ibkr.broker import IbkrBroker
    from prudent.marketdata.ibkr import IbkrMarket

SIMULATED = "simulated"
IBKR = "ibkr"
FIRST_CLIENT_ID = 11
# How far above its owner's first client id a desk or a command that only looks connects, so that it disturbs no engine.
LOOKING = 2
# Orders, market data, and two that only look; all ids of all owners lie below a million.
_IDS_EACH, _OWNERS_APART = 4, 200_000
FOLLOWED_SECONDS = 1.0
FOLLOWED_SLACK = timedelta(seconds=2)


def client_id_of(loaded: Loaded, owner: str) -> int:
    """The first of four client ids in a row: the configured one, or else the owner's, which is the same for ever.

    An empty owner is the home's own, where nobody is named.
    A gateway lets only the id that placed an order change it, and turns a second session under one id away: so an
    owner's engine meets its own other engine there, and nobody else's.
    """
    configured = loaded.settings.ibkr.client_id
    if configured is not None or not owner:
        return FIRST_CLIENT_ID if configured is None else configured
    place = int.from_bytes(sha256(owner.encode()).digest()[:8], "big") % _OWNERS_APART
    return FIRST_CLIENT_ID + _IDS_EACH * (1 + place)


class Connections:
    """The sessions of one process with the gateway, each opened when it is first needed.

    A desk that may send holds its owner's first client id and the next one; one that only looks takes the two after
    those, so that it is in no engine's way.
    """

    def __init__(self, loaded: Loaded, clock: Clock, instruments: Instruments, *, owner: str = "") -> None:
        # True while the desk may send: then it needs no session that only looks.
        self.sends = False
        self._loaded = loaded
        self._clock = clock
        self.client_id = client_id_of(loaded, owner)
        self.instruments = instruments
        self._open: dict[bool, IbkrBroker] = {}
        self._lock = Lock()

    def broker(self, *, sends: bool) -> "IbkrBroker":
        """The broker over the session that may send, or over the one that looks.

        Raises:
            ConfigError: `ib_async` is not installed, or port and mode do not fit.
        """
        with self._lock:
            if sends not in self._open:
                self._open[sends] = self._connected(sends=sends)
            return self._open[sends]

    def current(self) -> "IbkrBroker":
        """The broker that sends where there is one, else the one that looks: prices need no session of their own."""
        with self._lock:
            sending = self._open.get(True)
        return sending or self.broker(sends=self.sends)

    def endpoint(self) -> Mode | str:
        """What the gateway trades with, as its login says now; where that cannot be told, why not."""
        try:
            session = self.broker(sends=self.sends).session
            # Whoever is ready has shown its accounts on this very connection, and they were those of the mode.
            session.call(session.ready)
        except DeskError as error:
            return str(error)
        return session.login.mode

    def close(self) -> None:
        for each in self._open.values():
            each.session.close()
        self._open.clear()

    def _connected(self, *, sends: bool) -> "IbkrBroker":
        if find_spec("ib_async") is None:
            raise ConfigError("broker ibkr needs the extra `ibkr`; install prudent[ibkr]")
        from prudent.brokers.ibkr.broker import IbkrBroker
        from prudent.brokers.ibkr.fronts import front_names
        from prudent.brokers.ibkr.session import IbkrSession, Login
        from prudent.brokers.ibkr.states import Address
        from prudent.brokers.ibkr.words import Style

        settings = self._loaded.settings
        there = {name: each.ibkr for name, each in settings.accounts.items() if each.ibkr is not None}
        gateway = gateway_of(self._loaded)
        login = Login(
            address=Address(host=gateway.host, port=gateway.port), mode=gateway.mode, allowed=gateway.allowed,
            client_id=self.client_id + (0 if sends else LOOKING),
            accounts=_once_each({name: each.account for name, each in there.items()}),
        )  # fmt: skip
        return IbkrBroker(
            IbkrSession(login, self._clock), instruments=self.instruments, names=front_names(self._clock),
            style_of=lambda account: Style(there[account].style) if account in there else Style.CAPPED,
        )  # fmt: skip


def _once_each(accounts: Mapping[str, str]) -> Mapping[str, str]:
    owners: dict[str, str] = {}
    for name, there in accounts.items():
        if there in owners:
            raise ConfigError(
                f"{there} at the gateway must be one account here, was {owners[there]} and {name}; correct ibkr.account"
            )
        owners[there] = name
    return accounts


def open_market(
    home: Path, loaded: Loaded, clock: Clock, calendar: Calendar, connections: Connections | None = None
) -> MarketData:
    """The source of prices that the settings name, with the second one beside it where they name one.

    Raises:
        ConfigError: the source is a gateway, and whoever asks has no connection to one.
    """
    data = loaded.settings.data
    first = _open_source(data.source, home, loaded, clock, calendar, connections)
    if data.second == "none":
        return first
    from prudent.marketdata.two_sources import TwoSources

    second = _open_source(data.second, home, loaded, clock, calendar, connections)
    return TwoSources(first, second, seconds=data.deadline_seconds)


def open_ibkr_market(
    connections: Connections, clock: Clock, calendar: Calendar, instruments: Instruments, folder: Path
) -> "IbkrMarket":
    """Prices of a gateway over whichever session the process has; `folder` keeps their history."""
    from prudent.brokers.ibkr.fronts import front_names
    from prudent.brokers.ibkr.market import IbkrFeed, IbkrFeeds
    from prudent.marketdata.ibkr import IbkrMarket

    feeds = IbkrFeeds(
        lambda: connections.current().session,
        lambda session: IbkrFeed(session, instruments=instruments, names=front_names(clock)),
    )
    return IbkrMarket(clock, calendar, feeds, folder)


def _open_source(
    source: str, home: Path, loaded: Loaded, clock: Clock, calendar: Calendar, connections: Connections | None
) -> MarketData:
    data = loaded.settings.data
    if source == IBKR:
        if connections is None:
            raise ConfigError(
                "history must come from a source that has it at any time, a gateway tells of now; set data.source to "
                "sample, files or yahoo here"
            )
        return open_ibkr_market(connections, clock, calendar, connections.instruments, home / "data" / "cache_ibkr")
    if source == "sample":
        from prudent.marketdata.sample import SampleMarket

        return SampleMarket(clock, calendar)
    if source == "files":
        from prudent.marketdata.files import FilesMarket

        return FilesMarket(clock, calendar, folder=home / (data.path or "data"))
    from prudent.marketdata.yahoo import YahooMarket

    return YahooMarket(clock, calendar, home / "data" / "cache")


def home_clock(loaded: Loaded) -> SystemClock | SimulatedClock:
    """The clock of a home: wall time with live data, that of the gateway where the home follows one.

    With sample or file data it is a simulated one, and stands where it was left.

    Raises:
        ConfigError: it needs `clock.start` and has none.
        StoreError: the file that holds the simulated time cannot be read.
    """
    data, clock = loaded.settings.data, loaded.settings.clock
    if data.source in ("yahoo", IBKR):
        return _followed(loaded) if clock.follows == IBKR else SystemClock()
    path = loaded.home / "data" / "clock.json"
    start = clock.start
    if path.is_file():
        try:
            start = datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["now"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path} must hold the simulated time, was {error}; restore or delete it") from error
    if start is None:
        raise ConfigError("clock.start must be set with sample or file data; add e.g. `clock: {start: 2022-11-28}`")
    return SimulatedClock(start, on_move=lambda now: write_atomically(path, json.dumps({"now": utc_text(now)})))


def _followed(loaded: Loaded) -> SystemClock:
    """The gateway's time, by its distance from the machine's; while it cannot be reached, the distance it last had.

    It is told in whole seconds and heard late, so what is measured is never more than the distance and at most about a
    second less: the most that was measured stands. Else one process would stand before what another has just dated.
    """
    kept = loaded.home / "data" / "gateway_time.json"
    ibkr, wall = gateway_of(loaded), SystemClock()
    before = _distance_in(kept)
    try:
        # Whoever stops trading opens a home, too, and must not wait long for a gateway that is silent.
        greeting = greet(ibkr.host, ibkr.port, seconds=FOLLOWED_SECONDS)
    except Temporary:
        if before is None:
            raise
        distance = before
    else:
        if greeting.time is None:
            raise ConfigError(
                f"the gateway at {ibkr.host}:{ibkr.port} must tell its time in a zone such as US/Eastern or UTC, was "
                f"{greeting.said!r}; set its time zone"
            )
        distance = greeting.time - wall.now()
        if before is not None and timedelta(0) < before - distance < FOLLOWED_SLACK:
            distance = before
        if distance != before:
            write_atomically(kept, json.dumps({"distance_seconds": distance.total_seconds()}))
    return OffsetClock(distance)


def _distance_in(path: Path) -> timedelta | None:
    """The distance that was kept; None where none was, or what is there is none."""
    try:
        return timedelta(seconds=float(json.loads(path.read_text(encoding="utf-8"))["distance_seconds"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None


def write_atomically(path: Path, text: str) -> None:
    """Replace a file at once, so that whoever reads it finds the old or the new text whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(handle.name).replace(path)
    except OSError as error:
        raise StoreError(f"{path} must be writable: {error}; free space or correct the permissions") from error

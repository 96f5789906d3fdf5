"""A look at a gateway from the command line: where it is, who may be behind it, and a session that only reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from prudent.brokers.ibkr.greeting import Greeting, greet
from prudent.brokers.ibkr.modes import check_port
from prudent.brokers.ibkr.states import Address
from prudent.clock import OffsetClock, SystemClock
from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfigError, InputError
from prudent.venues import LOOKING, client_id_of

if TYPE_CHECKING:
    from prudent.brokers.ibkr.broker import IbkrBroker
    from prudent.brokers.ibkr.contracts import Wanted
    from prudent.brokers.ibkr.market import IbkrFeed


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The gateway that a command asks, and the first of the two client ids that it takes there.

    With real money it sees the `allowed` accounts alone.
    """

    address: Address
    client_id: int
    mode: Mode = Mode.PAPER
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A connected session that only reads; the gateway's own names of accounts are the names here.

    `others` are the accounts behind the gateway that may not be touched.
    """

    target: Target
    greeting: Greeting
    clock: SystemClock
    broker: "IbkrBroker"
    feed: "IbkrFeed"
    accounts: tuple[str, ...]
    others: tuple[str, ...] = ()


def address_of(text: str) -> Address:
    """`HOST:PORT`.

    Raises:
        InputError: it is no such text.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) <= 65535:
        raise InputError(f"a gateway's address must be HOST:PORT such as 127.0.0.1:4002, was {text!r}; correct it")
    return Address(host=host.strip("[]"), port=int(port))


def target_of(home: Path, *, address: str = "", client_id: int | None = None) -> Target:
    """The gateway of a home's settings or of the environment, unless an address is given: that is a paper one."""
    from prudent.settings import load_settings
    from prudent.settings.gateways import gateway_of

    loaded = load_settings(home)
    first = client_id_of(loaded, "") + LOOKING if client_id is None else client_id
    if address:
        return Target(address=address_of(address), client_id=first)
    found = gateway_of(loaded)
    where = Address(host=found.host, port=found.port)
    return Target(address=where, client_id=first, mode=found.mode, allowed=found.allowed)


def gateway_clock(greeting: Greeting) -> SystemClock:
    """The gateway's time: what expires or rolls there does so by its clock, which in a simulation is not ours."""
    wall = SystemClock()
    return wall if greeting.time is None else OffsetClock(greeting.time - wall.now())


@contextmanager
def looking(target: Target, *, listing: "Wanted | None" = None) -> Iterator[Look]:
    """Connect, give a session that reads, and hang up. `listing` is what any symbol means, where one was chosen.

    Raises:
        ConfigError: port or accounts do not fit the mode, or the client's package is not installed.
        Temporary: nothing answers, it is silent, or a client id is in use.
        Permanent: something else answers there.
    """
    if find_spec("ib_async") is None:
        raise ConfigError("the extra `ibkr` must be installed to connect, is not; run pip install 'prudent[ibkr]'")
    from prudent.brokers.ibkr.broker import IbkrBroker
    from prudent.brokers.ibkr.fronts import front_names
    from prudent.brokers.ibkr.market import IbkrFeed
    from prudent.brokers.ibkr.session import IbkrSession, Login

    # The session refuses it too, but not before the handshake.
    check_port(target.address.port, target.mode)
    known: dict[str, str] = {}
    login = Login(
        address=target.address, client_id=target.client_id, accounts=known, mode=target.mode, allowed=target.allowed
    )
    greeting = greet(target.address.host, target.address.port)
    clock = gateway_clock(greeting)
    session = IbkrSession(login, clock)
    try:
        session.call(session.ready)
        # Only now is it known what accounts there are.
        shown = session.orders.accounts
        accounts = tuple(name for name in shown if target.mode is not Mode.LIVE or name in target.allowed)
        known.update((name, name) for name in accounts)
        names = front_names(clock) if listing is None else lambda _symbol: listing
        yield Look(
            target=target, greeting=greeting, clock=clock, broker=IbkrBroker(session, names=names),
            feed=IbkrFeed(session, names=names), accounts=accounts,
            others=tuple(name for name in shown if name not in accounts),
        )  # fmt: skip
    finally:
        session.close()

"""What `doctor` says about a gateway: ports and modes, the handshake, its clock, accounts, rights and precautions."""

from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from prudent.brokers.ibkr.greeting import Greeting, greet
from prudent.brokers.ibkr.modes import LIVE_PORTS
from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfigError, DeskError
from prudent.entrypoints.cli.checks import Check, Status
from prudent.settings.gateways import gateway_of

if TYPE_CHECKING:
    from prudent.bootstrap import Desk
    from prudent.brokers.ibkr.session import IbkrSession
    from prudent.settings.gateways import Gateway

SKEW_MAX = timedelta(seconds=2)
# The greeting tells whole seconds: on average half of one has passed.
ROUNDING = timedelta(seconds=0.5)
QUOTED = "SPY"
_BROKER = "ibkr"


def gateway_checks(desk: "Desk") -> Iterator[Check]:
    """Nothing is asked of a gateway that no account and no price needs."""
    assert desk.connections is not None
    ibkr = gateway_of(desk.loaded)
    where = f"{ibkr.host}:{ibkr.port} ({ibkr.mode}), client {desk.connections.client_id}"
    data = desk.loaded.settings.data
    trades = any(desk.mandate(account).broker == _BROKER for account in desk.account_ids())
    if not trades and _BROKER not in (data.source, data.second):
        yield Check(name="ibkr", status=Status.SKIP, detail=f"{where}; no account uses it")
        return
    if ibkr.port in LIVE_PORTS and ibkr.mode is not Mode.LIVE:
        yield Check(
            name="ibkr", status=Status.FAIL, detail=f"{where} is a live port, mode is {desk.mode}",
            fix="set IBKR_PORT to 4002 for a gateway or 7497 for the workstation",
        )  # fmt: skip
        return
    yield Check(name="ibkr", status=Status.PASS, detail=where)
    greeting = yield from _greeted(ibkr)
    if greeting is None:
        return
    yield _clock(desk, greeting)
    yield from _behind(desk)


def _greeted(ibkr: "Gateway") -> Generator[Check, None, Greeting | None]:
    try:
        greeting = greet(ibkr.host, ibkr.port)
    except DeskError as error:
        yield Check(
            name="ibkr handshake", status=Status.FAIL, detail=str(error),
            fix="start the gateway and log in, or `invest paper-gateway`; once a week a person must log in",
        )  # fmt: skip
        return None
    kind = "SIMULATED, " if greeting.simulated else ""
    yield Check(name="ibkr handshake", status=Status.PASS, detail=f"{kind}version {greeting.version}")
    return greeting


def _clock(desk: "Desk", greeting: Greeting) -> Check:
    if greeting.time is None:
        return Check(
            name="ibkr clock", status=Status.WARN, detail=f"its time {greeting.said!r} is in no zone that can be read",
            fix="set the gateway's time zone to a name such as America/New_York; executions may be lost otherwise",
        )  # fmt: skip
    skew = greeting.time + ROUNDING - desk.clock.now()
    late = abs(skew) > SKEW_MAX
    fix = "synchronise this machine's clock"
    if greeting.simulated:
        fix = "write `clock: {follows: ibkr}` into invest.yaml"
    return Check(
        name="ibkr clock", status=Status.WARN if late else Status.PASS,
        detail=f"the gateway's is {skew.total_seconds():+.1f} s from the desk's", fix=fix if late else "",
    )  # fmt: skip


def _behind(desk: "Desk") -> Iterator[Check]:
    """What only a connected session tells; where none comes about, that is all there is to say."""
    assert desk.connections is not None
    session = desk.connections.current().session
    try:
        session.call(session.ready)
    except ConfigError as error:
        kind = gateway_of(desk.loaded).mode
        yield Check(
            name="ibkr accounts", status=Status.FAIL, detail=str(error),
            fix=f"log in to the {kind} account, or correct `ibkr.account`; see `invest ibkr accounts`",
        )  # fmt: skip
        return
    except DeskError as error:
        yield Check(
            name="ibkr session", status=Status.FAIL, detail=str(error),
            fix="look at the gateway's window: a login or a connection may wait there, or Read-Only API is on",
        )  # fmt: skip
        return
    yield Check(name="ibkr accounts", status=Status.PASS, detail=_accounts(session))
    yield from _rights(session)
    if session.simulated:
        return
    yield Check(
        name="ibkr precautions", status=Status.SKIP,
        detail="the API does not tell them; an order that meets one waits in a dialog of the gateway",
        fix="in the gateway: Configure, API, Precautions: bypass them for API orders; and leave Read-Only API off",
    )  # fmt: skip


def _accounts(session: "IbkrSession") -> str:
    shown, login = session.orders.accounts, session.login
    if login.mode is not Mode.LIVE:
        return ", ".join(shown)
    left = [each for each in shown if each not in login.allowed]
    listed = ", ".join(each for each in shown if each in login.allowed)
    return f"{listed}; left alone, for ibkr.live.accounts lists them not: {', '.join(left)}" if left else listed


def _rights(session: "IbkrSession") -> Iterator[Check]:
    from prudent.brokers.ibkr.market import IbkrFeed

    try:
        price = IbkrFeed(session).latest((QUOTED,)).get(QUOTED)
    except DeskError as error:
        yield Check(name="ibkr prices", status=Status.FAIL, detail=str(error), fix="try again when the link is up")
        return
    notes = "; ".join(session.notes())
    if price is not None and not price.delayed and not notes:
        yield Check(name="ibkr prices", status=Status.PASS, detail=f"{QUOTED} {price.price}")
        return
    found = f"no price of {QUOTED}" if price is None else f"{QUOTED} {price.price}{' delayed' if price.delayed else ''}"
    yield Check(
        name="ibkr prices", status=Status.WARN, detail=f"{found}; {notes}".rstrip("; "),
        fix="log out of this user's other sessions (10197), or subscribe to the data and share it with paper (10089)",
    )  # fmt: skip

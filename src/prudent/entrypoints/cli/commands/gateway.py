"""The command `paper-gateway`: our own market behind the protocol of Interactive Brokers, or a copy of somebody's."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prudent.domain.errors import InputError
from prudent.entrypoints.cli import screen
from prudent.entrypoints.cli.answer import Answer
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.heap import settle

if TYPE_CHECKING:
    from prudent.gateway.opening import Opened

TITLE = "paper-gateway"
# Not in the folder `data`: what lies there is copied by backups, which cannot read a file that a gateway holds.
DB_PLACE = Path("paper-gateway") / "paper.sqlite"
SIMULATED = "SIMULATED"
LOOPBACK = "127.0.0.1"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    command(app, TITLE)(paper_gateway)


def paper_gateway(  # noqa: PLR0913 - a parameter is an option of the command
    call: Call,
    *, port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 for any free.")] = 4002,
    db: Annotated[Path | None, typer.Option("--db", metavar="FILE", help="Its memory; else in the home.")] = None,
    clock: Annotated[
        str, typer.Option("--clock", metavar="session|wall|xN|step", help="How its time runs.")
    ] = "session",
    quotes: Annotated[
        str, typer.Option("--quotes", metavar="sample|synthetic|file", help="Where its prices come from.")
    ] = "sample",
    files: Annotated[
        Path | None, typer.Option("--files", metavar="FOLDER", help="Price files, for --quotes file.")
    ] = None,
    reset: Annotated[
        list[str] | None, typer.Option("--reset", metavar="ACCOUNT", help="Begin this account anew; its ids stay.")
    ] = None,
    admin_port: Annotated[
        int | None, typer.Option("--admin-port", min=0, max=65535, help="Faults, and a stepped clock: JSON lines.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Be a relay instead, and keep what passes, masked.")
    ] = None,
    upstream: Annotated[
        str, typer.Option("--upstream", metavar="HOST:PORT", help="The gateway behind the relay, with --record.")
    ] = "",
) -> Answer:  # fmt: skip
    """Be a simulated IB Gateway on this machine until Ctrl-C: any client of the TWS API can trade play money at it.

    Accounts, orders and trades outlive it. With --record it relays to a gateway of your own and keeps a masked copy of
    every message for tests.
    """
    if (record is None) != (not upstream):
        raise InputError("--record and --upstream must be given together, was one of them; add the other")
    if record is not None:
        return _recorded(call, record, upstream, port)
    from prudent.clock import SystemClock
    from prudent.gateway.opening import Wishes, opened

    if files is not None and quotes != "file":
        raise InputError(f"--files needs --quotes file, was {quotes}; add it")
    place = (db or call.folder() / DB_PLACE).expanduser().absolute()
    wishes = Wishes(db=place, clock=clock, quotes=quotes, folder=files, reset=tuple(reset or ()), admin_port=admin_port)
    with opened(wishes, SystemClock()) as gateway:
        settle()
        asyncio.run(_until_told(lambda: gateway.serve(port, ready=lambda: _say(call, _listening(gateway, place)))))
    return Answer(
        data={"state": "stopped", "db": str(place)}, blocks=[f"stopped; accounts and orders are kept in {place}"]
    )


def _listening(gateway: "Opened", place: Path) -> Answer:
    port, now = gateway.paper.server.port, gateway.pace.now()
    accounts = gateway.paper.floor.accounts
    admin = gateway.paper.admin
    runs = f"clock {gateway.pace.mode}, now {now:%Y-%m-%d %H:%M:%S} UTC"
    return Answer(
        data={
            "state": "listening", "simulated": True, "host": LOOPBACK, "port": port, "accounts": accounts,
            "db": str(place), "clock": str(gateway.pace.mode), "speed": gateway.pace.speed, "now": now,
            "quotes": gateway.source.name, "admin_port": None if admin is None else admin.port,
        },
        blocks=[
            f"{SIMULATED} gateway at {LOOPBACK}:{port}, no real money behind it; Ctrl-C ends it",
            f"accounts {', '.join(accounts)}; prices: {gateway.source.name}; {runs}; kept in {place}",
            *([] if admin is None else [f"admin port {admin.port}: whoever reaches it may break this gateway"]),
        ],
    )  # fmt: skip


def _recorded(call: Call, path: Path, upstream: str, port: int) -> Answer:
    from prudent.brokers.ibkr.greeting import greet
    from prudent.entrypoints.cli.ibkr_link import address_of
    from prudent.gateway.conversation import Recorder
    from prudent.gateway.record import Relay

    address = address_of(upstream)
    greet(address.host, address.port)
    with path.open("x", encoding="ascii") as file:
        recorder = Recorder(file)
        relay = Relay((address.host, address.port), recorder)

        async def serve() -> None:
            _say(call, _relaying(await relay.start(port), upstream, path))
            try:
                await asyncio.Event().wait()
            finally:
                await relay.stop()

        try:
            asyncio.run(_until_told(serve))
        finally:
            if not recorder.count:
                path.unlink()
    call.warnings += relay.failures
    if not recorder.count:
        return Answer(data={"state": "stopped", "messages": 0}, blocks=["nobody connected; nothing is kept"])
    return Answer(
        data={"state": "stopped", "file": str(path), "messages": recorder.count, "blank": recorder.blank},
        blocks=[f"{recorder.count} messages kept in {path}, {recorder.blank} of them blank: no table knows those"],
    )


def _relaying(port: int, upstream: str, path: Path) -> Answer:
    kept = "without account ids and names; quantities and amounts are kept as they are"
    return Answer(
        data={"state": "recording", "host": LOOPBACK, "port": port, "upstream": upstream, "file": str(path)},
        blocks=[f"relay at {LOOPBACK}:{port} to {upstream}; what passes is kept in {path} {kept}; Ctrl-C ends it"],
    )


def _say(call: Call, answer: Answer) -> None:
    if call.as_json:
        screen.write_json(call.title, answer)
    else:
        screen.write_text(answer, no_color=True)


async def _until_told(serve: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `serve` until it fails, or until Ctrl-C or a supervisor ends it."""
    work = asyncio.ensure_future(serve())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    with suppress(asyncio.CancelledError):
        await work

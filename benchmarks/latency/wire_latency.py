"""W7: an order over the socket to the paper gateway until its fill is in the ledger, and what a message costs to read.

One account rebalances ten stocks back and forth, a session apart. The gateway is a process of its own on loopback whose
every act is durable (SQLite, synchronous=FULL), as is every write to the ledger. A round trip begins when the broker is
given the claimed order and ends when its report, with fill and commission, is booked: two commits to the disk, one on
each side. Cycles are spaced, so that none waits for its turn within the
pace of messages. The gateway's clock stands while a portfolio is traded.

The machine's own speed moves the median of a run by more than half, so the whole is run several times, each with new
processes and files: p50 is that of the middle run, and its least and most are told; p99 is that of all round trips.
After each run the bare round trip is timed: bytes to another process, a commit there, bytes back, a commit here.
"""

import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from prudent.bootstrap import Desk, open_desk
from prudent.clock import SimulatedClock
from prudent.domain.orders import OrderReport
from prudent.entrypoints.cli.heap import settle
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.gateway.codec.answers import ANSWERS
from prudent.gateway.codec.requests import REQUESTS
from prudent.gateway.codec.rows import decode, encode
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.market.series import SampleHistory
from prudent.gateway.pace import StepPace
from prudent.gateway.paper import Paper
from prudent.gateway.store import open_floor_store
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.workflows.advance import next_sessions
from prudent.workflows.cycle import CycleWanted, at_work, begin, carry_on

ACCOUNT, THERE = "core", "DU1234567"
# So little that the top of each book, at least a hundred shares, fills every order at once.
CASH = Decimal(20_000)
CYCLES = 16
RUNS = 9
SPACE_SECONDS = 1.2
MESSAGES = 20_000
BARE, BARE_SPACE_SECONDS = 150, 0.005
MESSAGE_BYTES, COMMIT_BYTES = 300, 8_000
VERSION = 178
SYMBOLS = ("AAPL", "MSFT", "JPM", "JNJ", "PG", "XOM", "KO", "WMT", "HD", "LLY")
WEIGHTS = (17, 15, 13, 11, 9, 8, 7, 6, 5, 4)
MANDATE = """
broker: ibkr
ibkr: {account: DU1234567, style: market}
targets: json/heavy.json
limits: {max_turnover_per_cycle: 200%, max_daily_loss: 100%, drawdown_cut: 100%, drawdown_rearm: 99%}
"""


def gateway(at: str, file: str) -> None:
    """The other process: prints its two ports, and serves until it is ended."""
    clock = StepPace(datetime.fromisoformat(at))
    market = PaperMarket(clock, ExchangeCalendar(), SampleHistory())
    store = open_floor_store(Path(file))
    paper = Paper(clock, market, store=store, accounts={THERE: CASH}, admin_port=0)

    def ready() -> None:
        assert paper.admin is not None
        sys.stdout.write(f"{paper.server.port} {paper.admin.port}\n")
        sys.stdout.flush()

    settle()
    asyncio.run(paper.serve(port=0, ready=ready))


class Measured:
    """Runs cycles and notes how long each filled order took from the wire to the ledger."""

    def __init__(self, home: Path, admin_port: int) -> None:
        self.desk = open_desk(home)
        self.taken: list[float] = []
        self._admin = socket.create_connection(("127.0.0.1", admin_port)).makefile("rwb")
        self._pause = threading.Event()
        self._began = 0.0

    def run(self) -> None:
        desk = self.desk
        desk.ledger.add_account(desk.mandate(ACCOUNT), cash=CASH, at=desk.clock.now())
        # As the processes of the product do before they serve.
        settle()
        with at_work(desk):
            broker, ledger = desk.broker_of(ACCOUNT), desk.ledger
            submit, reported = broker.submit, ledger.reported

            def timed_submit(*args: Any) -> OrderReport:
                self._began = perf_counter()
                return submit(*args)

            def timed_reported(account: str, report: OrderReport, **named: Any) -> object:
                told = reported(account, report, **named)
                if self._began and report.fills and all(fill.commission for fill in report.fills):
                    self.taken.append((perf_counter() - self._began) * 1000)
                self._began = 0.0
                return told

            broker.submit = timed_submit  # type: ignore[method-assign, assignment]
            ledger.reported = timed_reported  # type: ignore[method-assign, assignment]
            for number in range(CYCLES):
                self._to_next_session()
                wanted = {"targets": f"json/{('heavy', 'light')[number % 2]}.json"}
                carry_on(desk, begin(desk, CycleWanted(account=ACCOUNT, parameters=wanted)))
                self._pause.wait(SPACE_SECONDS)
        assert desk.connections is not None
        desk.connections.close()

    def _to_next_session(self) -> None:
        (moment,) = next_sessions(self.desk, 1)
        self._admin.write(json.dumps({"ask": "step", "to": moment.isoformat()}).encode() + b"\n")
        self._admin.flush()
        answer = json.loads(self._admin.readline())
        if not answer["ok"]:
            sys.exit(str(answer["error"]))
        assert isinstance(self.desk.clock, SimulatedClock)
        self.desk.clock.move_to(moment)


def new_home(folder: Path, port: int) -> Path:
    home = folder / "home"
    config = create_home(home, Wishes(start="2017-01-03"))
    config.write_text(config.read_text() + f"\nibkr: {{port: {port}, client_id: 11}}\n")
    for name, weights in (("heavy", WEIGHTS), ("light", tuple(reversed(WEIGHTS)))):
        targets = [{"symbol": symbol, "weight": weight} for symbol, weight in zip(SYMBOLS, weights)]
        (home / "json" / f"{name}.json").write_text(json.dumps({"unit": "percent", "targets": targets}))
    (home / "config" / "accounts" / f"{ACCOUNT}.yaml").write_text(MANDATE)
    return home


def start_time(folder: Path) -> datetime:
    create_home(folder / "clock", Wishes(start="2017-01-03"))
    desk: Desk = open_desk(folder / "clock")
    return desk.clock.now()


def round_trips() -> list[float]:
    """Milliseconds, ascending."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        other = subprocess.Popen(
            [sys.executable, __file__, "gateway", start_time(folder).isoformat(), str(folder / "paper.sqlite")],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert other.stdout is not None
            port, admin_port = map(int, other.stdout.readline().split())
            measured = Measured(new_home(folder, port), admin_port)
            measured.run()
        finally:
            other.terminate()
            other.wait()
    # The first cycle connects, asks for contracts and reads the market's files.
    return sorted(measured.taken[len(SYMBOLS) :])


class Commits:
    """A file as both sides keep theirs, in a folder of its own, and a commit of about what they write for an order."""

    def __init__(self, folder: Path) -> None:
        self._file = sqlite3.connect(folder / "commits.sqlite", isolation_level=None)
        for line in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE rows (body BLOB)"):
            self._file.execute(line)

    def make(self) -> None:
        self._file.execute("INSERT INTO rows VALUES (?)", (bytes(COMMIT_BYTES),))

    def close(self) -> None:
        self._file.close()


def echo(folder: str) -> None:
    """The other process of a bare round trip: prints its port, answers each message once a commit is made."""
    kept = Commits(Path(folder))
    with socket.create_server(("127.0.0.1", 0)) as server:
        sys.stdout.write(f"{server.getsockname()[1]}\n")
        sys.stdout.flush()
        client, _ = server.accept()
        while client.recv(MESSAGE_BYTES, socket.MSG_WAITALL):
            kept.make()
            client.sendall(bytes(MESSAGE_BYTES))
    kept.close()


def bare() -> tuple[list[float], list[float]]:
    """Milliseconds of bare round trips and of the commits here among them, ascending."""
    taken, commits, pause = [], [], threading.Event()
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
        other = subprocess.Popen([sys.executable, __file__, "echo", there], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        kept = Commits(Path(here))
        with socket.create_connection(("127.0.0.1", int(other.stdout.readline()))) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(BARE):
                pause.wait(BARE_SPACE_SECONDS)
                began = perf_counter()
                line.sendall(bytes(MESSAGE_BYTES))
                line.recv(MESSAGE_BYTES, socket.MSG_WAITALL)
                heard = perf_counter()
                kept.make()
                ended = perf_counter()
                taken.append((ended - began) * 1000)
                commits.append((ended - heard) * 1000)
        other.wait()
        kept.close()
    return sorted(taken), sorted(commits)


def microseconds(read: Callable[[], object]) -> float:
    """CPU of this process for one message."""
    read()
    began = process_time()
    for _ in range(MESSAGES):
        read()
    return (process_time() - began) * 1e6 / MESSAGES


def decoders() -> dict[str, float]:
    """What an order costs the gateway to read, and an execution to write and the adapter to read."""
    from prudent.brokers.ibkr.tap import Ear, _Reader

    class Deaf:
        """Hears and does nothing."""

        def __getattr__(self, _name: str) -> Callable[..., None]:
            return lambda *_args: None

    order = encode(REQUESTS[3], {
        "orderId": 7, "conId": 265598, "exchange": "SMART", "action": "BUY", "totalQuantity": Decimal(10),
        "orderType": "LMT", "lmtPrice": Decimal("101.25"), "tif": "DAY", "account": THERE, "orderRef": "core/1/1/0",
        "transmit": True,
    }, VERSION)  # fmt: skip
    execution = {
        "reqId": -1, "orderId": 7, "conId": 265598, "symbol": "AAPL", "secType": "STK", "exchange": "SMART",
        "currency": "USD", "execId": "0000e1a7.00000001.01.01", "time": "20240304 12:00:00 US/Eastern",
        "account": THERE, "execExchange": "PAPER", "side": "BOT", "shares": Decimal(10), "price": Decimal("100.1"),
        "permId": 1_500_000_001, "clientId": 11, "cumQty": Decimal(10), "avgPrice": Decimal("100.1"),
        "orderRef": "core/1/1/0", "liquidity": 2,
    }  # fmt: skip
    told: Sequence[str] = encode(ANSWERS["execDetails"], execution, VERSION)
    reader = _Reader(Ear(Deaf()))
    reader.serverVersion = VERSION
    return {
        "order_read": microseconds(lambda: decode(REQUESTS[3], order, VERSION)),
        "execution_written": microseconds(lambda: encode(ANSWERS["execDetails"], execution, VERSION)),
        "execution_read": microseconds(lambda: reader.interpret([*told])),
    }


def main() -> None:
    if sys.argv[1] in ("gateway", "echo"):
        {"gateway": gateway, "echo": echo}[sys.argv[1]](*sys.argv[2:])
        return
    runs, trips, commits = [], [], []
    for _ in range(RUNS):
        taken, (trip, commit) = round_trips(), bare()
        runs.append(taken)
        trips.append(trip[BARE // 2])
        commits.append(commit[BARE // 2])
    middle = sorted(taken[len(taken) // 2] for taken in runs)
    every = sorted(one for taken in runs for one in taken)
    sys.stdout.write(json.dumps({
        "case": "wire", "count": len(every), "p50": middle[RUNS // 2], "p50_least": middle[0], "p50_most": middle[-1],
        "p99": every[len(every) * 99 // 100], "most": every[-1],
        "bare": sorted(trips)[RUNS // 2], "commit": sorted(commits)[RUNS // 2], **decoders(),
    }) + "\n")  # fmt: skip


if __name__ == "__main__":
    main()

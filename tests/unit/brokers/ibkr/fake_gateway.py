"""A gateway of a few lines: it shakes hands, lists nothing, and does to a client what a test tells it."""

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

VERSION = 178
Fields = list[str]


@dataclass(eq=False)
class FakeGateway:
    """What it answers by number of the request; `received` is what came, `talks` who is connected."""

    accounts: str = "DU1,"
    next_id: int = 7
    greeting: bytes | None = None
    in_use: set[int] = field(default_factory=set)
    silent: set[int] = field(default_factory=set)
    values: list[tuple[str, str, str]] = field(default_factory=lambda: [("TotalCashValue", "10000.005", "USD")])
    white_brand: str = "PAPERGW"
    received: list[Fields] = field(default_factory=list)
    talks: list["Talk"] = field(default_factory=list)
    on: dict[int, Callable[["Talk", Fields], None]] = field(default_factory=dict)
    port: int = 0

    def count(self, number: int) -> int:
        return sum(each[0] == str(number) for each in self.received)

    def say(self, *fields: object) -> None:
        for talk in self.talks:
            talk.say(*fields)

    def hang_up(self) -> None:
        for talk in list(self.talks):
            # Its client may have hung up just before.
            with suppress(OSError):
                talk.request.shutdown(2)

    def answer(self, talk: "Talk", fields: Fields) -> None:
        number = int(fields[0])
        self.received.append(fields)
        if number in self.silent:
            return
        if number in self.on:
            self.on[number](talk, fields)
        elif number == 71:
            self._start(talk, int(fields[2]))
        else:
            self._usual(talk, number, fields)

    def _start(self, talk: "Talk", client_id: int) -> None:
        if client_id in self.in_use:
            talk.say(4, 2, -1, 326, "Unable to connect as the client id is already in use.", "")
            talk.request.shutdown(2)
            return
        talk.client_id = client_id
        if self.accounts:
            talk.say(15, 1, self.accounts)
        talk.say(9, 1, self.next_id)

    def _usual(self, talk: "Talk", number: int, fields: Fields) -> None:
        ends: dict[int, tuple[object, ...]] = {
            16: (53, 1), 99: (102,), 7: (55, 1, fields[2] if len(fields) > 2 else ""), 61: (62, 1),
            49: (49, 1, 1700000000), 104: (107, fields[1] if len(fields) > 1 else "", self.white_brand),
        }  # fmt: skip
        if number == 91:
            talk.say(93, fields[1], 1, 0, 0.01)
        elif number == 76:
            for tag, text, currency in self.values:
                talk.say(73, 1, fields[2], fields[3], "", tag, text, currency)
            talk.say(74, 1, fields[2])
        elif number in ends:
            talk.say(*ends[number])


class Talk(socketserver.StreamRequestHandler):
    """One client."""

    server: "_Server"
    client_id = -1

    def handle(self) -> None:
        gateway = self.server.gateway
        gateway.talks.append(self)
        try:
            if self.rfile.read(4) != b"API\0":
                return
            self._frame()
            if gateway.greeting is not None:
                self.wfile.write(gateway.greeting)
            else:
                self.say(VERSION, "20240304 12:00:00 US/Eastern")
            while True:
                gateway.answer(self, self._frame())
        except (ConnectionError, ValueError, OSError):
            return
        finally:
            gateway.talks.remove(self)

    def say(self, *fields: object) -> None:
        """Says it; a client that has left in the meantime hears nothing more."""
        text = "".join(f"{each}\0" for each in fields).encode()
        with suppress(OSError):
            self.wfile.write(struct.pack(">I", len(text)) + text)

    def _frame(self) -> Fields:
        head = self.rfile.read(4)
        if len(head) < 4:
            raise ConnectionError
        return self.rfile.read(struct.unpack(">I", head)[0]).decode().split("\0")[:-1]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    gateway: FakeGateway


@contextmanager
def listening(gateway: FakeGateway) -> Iterator[FakeGateway]:
    """The gateway on a free port of this machine, until the block ends."""
    with _Server(("127.0.0.1", 0), Talk) as server:
        server.gateway = gateway
        gateway.port = int(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield gateway
        finally:
            gateway.hang_up()
            server.shutdown()
            thread.join(5)

"""A real HTTP server on this machine that keeps what it is sent and answers as it is told."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """What came, in order; `answers` are given one a request, the last one from then on."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[int] = [200]
        self.location = ""
        self.hold: threading.Event | None = None
        self.drips = False
        self.port = 0
        self._came = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def apprise_url(self) -> str:
        return f"json://127.0.0.1:{self.port}/apprise"

    def wait(self, count: int, *, seconds: float = 10.0) -> list[Received]:
        """What came, once it is that much."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.received) >= count, seconds), len(self.received)
            return list(self.received)

    def take(self, request: Received) -> int:
        with self._came:
            self.received.append(request)
            self._came.notify_all()
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A running receiver on a free port."""
    receiver = Receiver()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = receiver.take(Received(path=self.path, headers=dict(self.headers), body=body))
            if receiver.hold is not None:
                receiver.hold.wait(30)
            if receiver.drips:
                # One byte at a time keeps a timeout of each read from ever firing.
                for _ in range(200):
                    self.wfile.write(b"H")
                    if threading.Event().wait(0.05):
                        break
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the library
            """Nothing is printed."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hung up is no error here."""

    server = Quiet(("127.0.0.1", 0), Answering)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        if receiver.hold is not None:
            receiver.hold.set()
        server.shutdown()
        server.server_close()

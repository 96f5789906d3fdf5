"""A publisher on loopback for tests of feeds: answers by path, what a test told it to, and counts its questions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Event, Thread

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(slots=True)
class Publisher:
    """`answers` by path; `asked` are the paths in order; `ended` is set when the test is over."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    ended: Event = field(default_factory=Event)

    def url(self, path: str, host: str = "news.example.org") -> str:
        return f"http://{host}:{self.port}{path}"


def document(body: bytes, *, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def redirect(to: str, status: int = 302) -> Answer:
    return document(b"", status=status, Location=to)


@contextmanager
def publisher(tls: SSLContext | None = None) -> Iterator[Publisher]:
    class Desk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            told.headers.append(dict(self.headers))
            told.answers.get(self.path, document(b"gone", status=404))(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the base class
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        told = Publisher(port=server.server_port)
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield told
        finally:
            told.ended.set()
            server.shutdown()
            thread.join()

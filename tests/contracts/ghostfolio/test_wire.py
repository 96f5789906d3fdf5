"""Every answer that three real servers gave is read: as what it says, as nothing, or as a kind of failure."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.contracts.ghostfolio.recorded import VERSIONS, Exchange, exchanges, recorded

from prudent.brokers.ghostfolio import NotSure, Refused, Wire
from prudent.brokers.ghostfolio.mapping import account_from, activity_from, rows_of
from prudent.clock import SystemClock
from prudent.domain.errors import ConfigError, Permanent, Temporary

NO_PAUSE = threading.Event()
NO_PAUSE.set()


class Replay:
    """Answers whatever is asked with one exchange; logins are good and health is as it was recorded then."""

    def __init__(self) -> None:
        self.now: Exchange | None = None
        self.raw: bytes | None = None
        self.slow = threading.Event()
        replay = self

        class Asking(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_args: Any) -> None: ...

            def handle_one(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                assert replay.now is not None
                down = replay.now.label.startswith("postgres down")
                if self.path == "/api/v1/auth/anonymous" and "auth" not in replay.now.path:
                    self.send(201, b'{"authToken": "good"}')
                elif self.path == "/api/v1/health" and not replay.now.path.endswith("/health"):
                    self.send(503 if down else 200, b'{"status": "?"}')
                elif replay.raw is not None:
                    self.connection.sendall(replay.raw)
                    self.close_connection = True
                elif replay.now.silent:
                    replay.slow.wait(5.0)
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                else:
                    self.send(replay.now.status, replay.now.body)

            def send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if replay.now is not None and replay.now.retry_after:
                    self.send_header("retry-after", replay.now.retry_after)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_one  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Asking)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def wire(self, seconds: float = 0.5) -> Wire:
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return Wire(url, "t" * 20, clock=SystemClock(), seconds=seconds, pause=NO_PAUSE)


@pytest.fixture
def replay() -> Iterator[Replay]:
    server = Replay()
    yield server
    server.slow.set()
    server.server.shutdown()
    server.server.server_close()


def asked(wire: Wire, exchange: Exchange) -> object:
    if exchange.method == "GET":
        return wire.ask(exchange.path)
    return wire.tell(exchange.method, exchange.path, {})


def kind_of(exchange: Exchange) -> type[Exception] | None:
    """What an answer must be read as, written down apart from the code that reads it."""
    reads = exchange.method == "GET"
    if exchange.silent:
        return Temporary
    if exchange.label.startswith("postgres down") and exchange.status in (401, 403):
        return Temporary
    if exchange.status in (429, 502, 503, 504):
        return Temporary
    if exchange.status >= 500:
        return Temporary if reads else NotSure
    return Refused if exchange.status >= 400 else None


@pytest.mark.parametrize("version", VERSIONS)
def test_every_recorded_answer_is_read_as_what_it_is(version: str, replay: Replay) -> None:
    odd = []
    seen = set()
    with_wire = replay.wire()
    for exchange in exchanges(version):
        replay.now = exchange
        kind = kind_of(exchange)
        seen.add(kind)
        try:
            answer = asked(with_wire, exchange)
            right = kind is None and answer == (None if exchange.empty else exchange.answer)
        except (Temporary, Permanent) as error:
            right = type(error) is kind or (kind is Temporary and isinstance(error, Temporary))
            right = right and (kind is NotSure or not isinstance(error, NotSure))
        if not right:
            odd.append(exchange.label)
    assert odd == []
    assert {None, Refused, NotSure} <= seen
    with_wire.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_both_shapes_of_a_refusal_keep_its_words(version: str, replay: Replay) -> None:
    known = recorded(version)
    replay.now = known["activity: missing fee"]
    assert isinstance(replay.now.answer["message"], list)
    with pytest.raises(Refused, match="fee must"):
        asked(replay.wire(), replay.now)
    replay.now = known["activity by id: unknown"]
    assert isinstance(replay.now.answer["message"], str)
    with pytest.raises(Refused, match="Not Found"):
        asked(replay.wire(), replay.now)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_recorded_account_and_activity_is_understood(version: str) -> None:
    accounts = activities = 0
    for exchange in exchanges(version):
        if exchange.status not in (200, 201) or not isinstance(exchange.answer, dict):
            continue
        if "activities" in exchange.answer and "meta" not in exchange.answer and "dryRun" not in exchange.path:
            for row in rows_of(exchange.answer, "activities"):
                found = activity_from(row)
                assert found.symbol
                assert found.source in ("YAHOO", "MANUAL")
                activities += 1
        if exchange.method == "GET" and exchange.path.rstrip("/").endswith("/account"):
            for row in rows_of(exchange.answer, "accounts"):
                assert account_from(row).balance is not None
                accounts += 1
    assert accounts >= 4
    assert activities >= 10


def test_a_redirect_is_not_followed(replay: Replay) -> None:
    replay.now = recorded("3.58.0")["account list"]
    replay.raw = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(ConfigError, match="redirect"):
        replay.wire().ask("/account")


def test_a_page_of_another_server_is_no_account(replay: Replay) -> None:
    replay.now = recorded("3.58.0")["account list"]
    text = b"<html>It works</html>"
    replay.raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
    with pytest.raises(Permanent, match="is the URL that of Ghostfolio"):
        rows_of(replay.wire().ask("/account"), "accounts")


def test_half_an_answer_is_no_answer(replay: Replay) -> None:
    replay.now = recorded("3.58.0")["account list"]
    replay.raw = b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"accounts": ['
    with pytest.raises(Temporary, match="gave no answer"):
        replay.wire().ask("/account")
    with pytest.raises(NotSure):
        replay.wire().tell("POST", "/account", {})


def test_a_flood_is_cut_off(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prudent.brokers.ghostfolio.wire.BYTES_MAX", 1000)
    replay.now = recorded("3.58.0")["account list"]
    text = json.dumps(["x" * 5000]).encode()
    replay.raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
    with pytest.raises(Temporary, match="more than 1000 bytes"):
        replay.wire().ask("/account")


def test_nobody_at_the_url_was_told_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        wire = Wire(f"http://127.0.0.1:{free.getsockname()[1]}", "t" * 20, clock=SystemClock(), seconds=0.5)
        with pytest.raises(Temporary, match="cannot be reached") as caught:
            wire.tell("POST", "/account", {})
    assert not isinstance(caught.value, NotSure)
    assert not wire.healthy()

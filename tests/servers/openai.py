"""An OpenAI-compatible server on this machine: keeps the bytes it is asked with, and answers as told, or badly."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BIG = 10_000_000


class Fault(StrEnum):
    """How a server can fail; each is one whole bad answer."""

    DEAD = "dead"
    HANGING = "hanging"
    SLOW_DRIP = "slow_drip"
    DRIPPING_HEADER = "dripping_header"
    TRUNCATING = "truncating"
    TEN_MB = "ten_mb"
    ENDLESS = "endless"
    HALF_JSON = "half_json"
    NO_CHOICE = "no_choice"
    HTML = "html"
    ERROR_500 = "500"
    GRAMMAR_500 = "500 of a grammar"
    UNAUTHORIZED = "401"
    NO_SUCH_MODEL = "404"
    BUSY = "429"
    LOADING = "503"
    REDIRECT = "302"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came; `at` and `until` are seconds of this machine's clock around its answer."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def model(self) -> str:
        return str(self.document["model"])

    @property
    def prompt(self) -> str:
        """Every message's text, in order."""
        return "\n".join(str(each["content"]) for each in self.document["messages"])

    @property
    def shape(self) -> str:
        """How the reply is asked for: json_schema, json_object or plain."""
        return str(self.document.get("response_format", {}).get("type", "plain"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A completion. `usage` None: counted from the bytes; `served` empty: the model's name as it was asked."""

    text: str = '{"ok": true}'
    reasoning: str | None = None
    finish: str | None = "stop"
    usage: Mapping[str, object] | None = None
    served: str = ""


def seeded_latency(seed: int, low: float, high: float) -> Callable[[Asked], float]:
    """Seconds for an answer, the same for the same request bytes and seed."""

    def seconds(asked: Asked) -> float:
        drawn = hashlib.sha256(seed.to_bytes(8, "big") + asked.body).digest()
        return low + (high - low) * int.from_bytes(drawn[:6], "big") / 2**48

    return seconds


@dataclass
class OpenAIServer:
    """What it was asked is in `asked`; `answer` makes each answer, unless `script` still holds lines.

    `refuses` holds what it will not take: names of parameters, `json_schema`, `json_object`; it says so with status
    400. At most `slots` answers are made at a time (`busiest` is how many were); asking another model than the one
    before takes `swap_seconds` more and counts as one of `swaps`.
    """

    models: Sequence[str] = ("qwen", "nemotron")
    key: str = ""
    refuses: set[str] = field(default_factory=set)
    refusal: str = "unsupported: {name}"
    answer: "Callable[[Asked], Said | Fault | str]" = field(default=lambda asked: Said())
    latency: Callable[[Asked], float] = field(default=lambda asked: 0.0)
    slots: int = 64
    swap_seconds: float = 0.0
    redirect_to: str = "http://127.0.0.1:1/elsewhere"
    drip_seconds: float = 0.05
    script: "list[Said | Fault | str]" = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    listed: int = 0
    port: int = 0
    swaps: int = 0
    busiest: int = 0
    _loaded: str = ""
    _busy: int = 0
    _lock: threading.Condition = field(default_factory=threading.Condition)
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def prompts(self) -> list[str]:
        return [each.prompt for each in self.asked]

    def close(self) -> None:
        """Let every answer that hangs end."""
        self._over.set()

    def pause(self, seconds: float) -> bool:
        """Wait that long; False once the server ends."""
        return not self._over.wait(seconds)

    def take(self, asked: Asked) -> "Said | Fault | str | tuple[str, str]":
        """The answer to one request; a pair is a refusal and the name of what it refuses."""
        with self._lock:
            self.asked.append(asked)
            refused = self._refused(asked)
            if refused:
                return self.refusal.format(name=refused), refused
            assert self._lock.wait_for(lambda: self._busy < self.slots, 120)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            swap = self._loaded not in ("", asked.model)
            self.swaps += swap
            self._loaded = asked.model
            line: Said | Fault | str | None = self.script.pop(0) if self.script else None
        try:
            self.pause(self.latency(asked) + (self.swap_seconds if swap else 0))
            return self.answer(asked) if line is None else line
        finally:
            with self._lock:
                self._busy -= 1
                self._lock.notify_all()

    def _refused(self, asked: Asked) -> str:
        document = asked.document
        if asked.shape in self.refuses:
            return asked.shape
        return next((name for name in document if name in self.refuses), "")


@contextmanager
def serving(**options: Any) -> Iterator[OpenAIServer]:
    """A running server on a free port, with the fields of `OpenAIServer` as given."""
    state = OpenAIServer(**options)

    class Answers(_Answers):
        server_state = state

    server = _Server(("127.0.0.1", 0), Answers)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.close()
        server.shutdown()
        server.server_close()
        thread.join(5)


def dead_url() -> str:
    """The URL of a port on which nobody listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = server.server_address[1]
    server.server_close()
    return f"http://127.0.0.1:{port}/v1"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on a bad answer is what is expected."""


class _Answers(BaseHTTPRequestHandler):
    server_state: OpenAIServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing is logged."""

    def do_GET(self) -> None:
        state = self.server_state
        self.close_connection = True
        if not self._is_let_in():
            return
        state.listed += 1
        rows = [{"id": name, "object": "model"} for name in state.models]
        if self.path.endswith("/models"):
            self._send(200, {"object": "list", "data": rows})
        else:
            self._send(404, {"error": {"message": "no such address"}})

    def do_POST(self) -> None:
        state = self.server_state
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        asked = Asked(path=self.path, headers=dict(self.headers.items()), body=body)
        if not self._is_let_in():
            return
        line = state.take(asked)
        if isinstance(line, tuple):
            said, name = line
            self._send(400, {"error": {"message": said, "param": name, "type": "invalid_request_error"}})
        elif isinstance(line, Fault):
            with suppress(OSError):
                _FAULTS[line](self, asked)
        else:
            self._send(200, completion(asked, Said(text=line) if isinstance(line, str) else line))

    def _is_let_in(self) -> bool:
        key = self.server_state.key
        if not key or self.headers.get("Authorization") == f"Bearer {key}":
            return True
        self._send(401, {"error": {"message": "wrong API key"}})
        return False

    def _send(self, status: int, document: object) -> None:
        self.raw(status, json.dumps(document).encode())

    def raw(
        self, status: int, body: bytes, *, kind: str = "application/json", length: int | None = None,
        location: str = "",
    ) -> None:  # fmt: skip
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def completion(asked: Asked, said: Said) -> dict[str, object]:
    """The document of a completion, as servers send it."""
    message: dict[str, object] = {"role": "assistant", "content": said.text}
    if said.reasoning is not None:
        message["reasoning_content"] = said.reasoning
    usage = said.usage
    if usage is None:
        usage = {"prompt_tokens": max(1, len(asked.body) // 4), "completion_tokens": max(1, len(said.text) // 4)}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": said.served or asked.model,
        "choices": [{"index": 0, "message": message, "finish_reason": said.finish}], "usage": dict(usage),
    }  # fmt: skip


def _whole(asked: Asked, text: str = '{"ok": true}') -> bytes:
    return json.dumps(completion(asked, Said(text=text))).encode()


def _drip(to: _Answers, first: bytes, rest: bytes) -> None:
    to.wfile.write(first)
    for i in range(len(rest)):
        if not to.server_state.pause(to.server_state.drip_seconds):
            return
        to.wfile.write(rest[i : i + 1])
        to.wfile.flush()


def _head(length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()


def _slow_drip(to: _Answers, asked: Asked) -> None:
    _drip(to, _head(500_000), _whole(asked))


def _dripping_header(to: _Answers, asked: Asked) -> None:
    _drip(to, b"HTTP/1.1 200 OK\r\n", b"X-Padding: " + b"x" * 10_000)


def _endless(to: _Answers, asked: Asked) -> None:
    to.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while to.server_state.pause(0):
        to.wfile.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")


_FAULTS: dict[Fault, Callable[[_Answers, Asked], object]] = {
    Fault.DEAD: lambda to, asked: None,
    Fault.HANGING: lambda to, asked: to.server_state.pause(120),
    Fault.SLOW_DRIP: _slow_drip,
    Fault.DRIPPING_HEADER: _dripping_header,
    Fault.TRUNCATING: lambda to, asked: to.raw(200, _whole(asked)[:40], length=len(_whole(asked))),
    Fault.TEN_MB: lambda to, asked: to.raw(200, _whole(asked, "x" * BIG)),
    Fault.ENDLESS: _endless,
    Fault.HALF_JSON: lambda to, asked: to.raw(200, _whole(asked)[:60]),
    Fault.NO_CHOICE: lambda to, asked: to.raw(200, b'{"choices": []}'),
    Fault.HTML: lambda to, asked: to.raw(200, b"<html><h1>Welcome</h1></html>", kind="text/html"),
    Fault.ERROR_500: lambda to, asked: to.raw(500, b'{"error": {"message": "out of memory"}}'),
    Fault.GRAMMAR_500: lambda to, asked: to.raw(500, b'{"error": {"message": "failed to parse grammar"}}'),
    Fault.UNAUTHORIZED: lambda to, asked: to.raw(401, b'{"error": {"message": "wrong API key"}}'),
    Fault.NO_SUCH_MODEL: lambda to, asked: to.raw(404, b'{"error": {"message": "model not found"}}'),
    Fault.BUSY: lambda to, asked: to.raw(429, b'{"error": {"message": "slow down"}}'),
    Fault.LOADING: lambda to, asked: to.raw(503, b'{"error": {"message": "Loading model"}}'),
    Fault.REDIRECT: lambda to, asked: to.raw(302, b"", location=to.server_state.redirect_to),
}


def timed(action: Callable[[], object]) -> float:
    """How many seconds an action took."""
    start = time.monotonic()
    action()
    return time.monotonic() - start

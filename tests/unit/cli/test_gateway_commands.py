"""`invest paper-gateway`: it says where it listens and that it is simulated, ends in order, and remembers."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.running import Ended, invest

from prudent.brokers.ibkr.greeting import greet
from prudent.gateway.conversation import conversation

START_SECONDS = 60


class Running:
    """A gateway in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.began = self._line()
        self.data: dict[str, Any] = self.began["data"]

    @property
    def port(self) -> int:
        return int(self.data["port"])

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, dict[str, Any]]:
        """Its exit code and what it said last."""
        self._process.send_signal(number)
        last = self._line()
        return self._process.wait(START_SECONDS), last["data"]

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        assert ready, "it said nothing"
        found = json.loads(self._process.stdout.readline())
        assert isinstance(found, dict)
        return found


@contextmanager
def running(home: Path, *words: str) -> Iterator[Running]:
    asked = [sys.executable, "-m", "prudent", "paper-gateway", "--home", str(home), "--port", "0", "--json", *words]
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait(START_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


def asked(port: int, question: dict[str, Any]) -> dict[str, Any]:
    """One question to the admin port."""
    with socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS) as link, link.makefile("rw") as lines:
        lines.write(json.dumps(question) + "\n")
        lines.flush()
        found = json.loads(lines.readline())
    assert isinstance(found, dict)
    return found


def message(answer: Ended) -> str:
    (problem,) = answer.document["errors"]
    return str(problem["message"])


def test_it_tells_what_it_is_and_goes_on_later_where_it_was_left(tmp_path: Path) -> None:
    # Ten minutes a second: what was lost of its time would be seen.
    with running(tmp_path, "--clock", "x600") as first:
        assert first.began["command"] == "paper-gateway"
        assert first.data["state"] == "listening"
        assert first.data["simulated"] is True
        assert first.data["accounts"] == ["DU1234567"]
        assert first.data["host"] == "127.0.0.1"
        assert first.data["db"] == str(tmp_path / "paper-gateway" / "paper.sqlite")
        began = greet("127.0.0.1", first.port)
        assert began.simulated
        code, last = first.end()
    assert (code, last["state"]) == (0, "stopped")
    with running(tmp_path, "--admin-port", "0") as again:
        assert asked(int(again.data["admin_port"]), {"ask": "state"})["accounts"] == ["DU1234567"]
        resumed = datetime.fromisoformat(again.data["now"])
        code, _last = again.end(signal.SIGTERM)
    assert code == 0
    assert began.time is not None
    assert resumed >= began.time
    # The sample's last session begins at 14:30 UTC, and so did the clock.
    assert resumed > datetime(2022, 12, 28, 14, 30, tzinfo=UTC)


def test_a_port_that_is_taken_is_refused_by_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = invest("paper-gateway", "--home", str(tmp_path), "--port", str(port), "--json")
    assert answer.code == 2
    assert f"port {port} of 127.0.0.1 is in use, perhaps by a real gateway" in message(answer)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--clock", "fast"), "clock must be session, wall, step or x1"),
        (("--quotes", "live"), "quotes must be one of sample, synthetic, file"),
        (("--quotes", "file"), "need a folder"),
        (("--files", "somewhere"), "--files needs --quotes file"),
        (("--reset", "DU7"), "account to reset must be one of DU1234567"),
        (("--record", "talk.jsonl"), "must be given together"),
        (("--upstream", "127.0.0.1:4002"), "must be given together"),
        (("--record", "talk.jsonl", "--upstream", "4002"), "HOST:PORT"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    answer = invest("paper-gateway", "--home", str(tmp_path), "--port", "0", "--json", *words)
    assert answer.code == 2
    assert said in message(answer)


def test_nothing_is_recorded_where_nothing_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    file = tmp_path / "talk.jsonl"
    answer = invest("paper-gateway", "--record", str(file), "--upstream", f"127.0.0.1:{port}", "--json")
    assert answer.code == 4
    assert not file.exists()


def test_a_relay_keeps_what_a_client_and_a_gateway_say(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    with (
        running(tmp_path) as gateway,
        running(tmp_path, "--record", str(file), "--upstream", f"127.0.0.1:{gateway.port}") as relay,
    ):
        assert relay.data["state"] == "recording"
        assert greet("127.0.0.1", relay.port).simulated
        code, last = relay.end()
    assert code == 0
    assert (last["messages"], last["blank"]) == (2, 0)
    hello, answer = conversation(file)
    assert hello.fields == ("v157..178",)
    assert answer.fields[0] == "178"

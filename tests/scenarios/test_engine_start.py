"""`invest start`, `stop`, `restart`, `logs` and `status` over real processes, the web one too."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.engines import ROOT, until
from tests.scenarios.homes import ACCOUNT, new_home
from tests.unit.cli.running import invest

from prudent.workflows.beat import engine_beat
from prudent.workflows.lease import home_holder
from prudent.workflows.supervisor import supervisor_of


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    made = new_home(tmp_path)
    config = made / "invest.yaml"
    config.write_text(config.read_text() + f"\nweb: {{port: {free_port()}}}\n")
    yield made
    invest("stop", "--home", str(made))
    assert home_holder(made) is None


def port_of(home: Path) -> int:
    return int((home / "invest.yaml").read_text().rsplit("port: ", 1)[1].split("}")[0])


def healthy(home: Path) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port_of(home)}/healthz", timeout=5) as answer:
            return bool(json.load(answer)["status"] == "ok")
    except OSError:
        return False


def test_start_runs_engine_and_web_until_stop(home: Path) -> None:
    started = invest("start", "--detach", "--home", str(home), "--json")
    assert started.code == 0, started.err
    assert invest("start", "--detach", "--home", str(home)).code == 4
    until(lambda: healthy(home), said="the web process answers")
    status = invest("status", "--home", str(home), "--json").data["processes"]
    assert status["supervisor"] == started.data["supervisor"]
    (engine,) = status["engines"]
    assert (engine["pid"], engine["status"], engine["serves_this_home"]) == (started.data["engine"], "running", True)
    # What is killed comes back, and what was asked meanwhile is done.
    os.kill(engine["pid"], signal.SIGKILL)
    assert invest("run", ACCOUNT, "--home", str(home)).code in (0, 4)
    until(lambda: engine_beat(home).process() not in (None, engine["pid"]), said="the engine comes back")
    again = invest("restart", "--home", str(home), "--json")
    assert again.code == 0, again.err
    assert again.data["engine"] != engine["pid"]
    assert again.data["supervisor"] == started.data["supervisor"]
    assert invest("run", ACCOUNT, "--home", str(home)).code == 0
    lines = invest("logs", "--home", str(home), "--json", "-n", "500").data
    assert {"engine", "supervisor"} <= {line["process"] for line in lines}
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert "engine_ready" in invest("logs", "--home", str(home), "--process", "engine").out
    stopped = invest("stop", "--home", str(home), "--json")
    assert (stopped.code, stopped.data) == (0, {"stopped": True, "killed": False})
    assert supervisor_of(home) is None
    assert not healthy(home)
    assert invest("stop", "--home", str(home)).out == "nothing was running\n"


def test_ctrl_c_in_the_foreground_exits_130_and_shows_what_is_logged(home: Path) -> None:
    command = [sys.executable, "-m", "prudent", "start", "--no-web", "--home", str(home)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: engine_beat(home).process(), said="the engine is ready")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "engine_ready" in out
    assert "next `invest start`" in out


def test_a_taken_port_is_told_before_anything_starts(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port_of(home)))
        taken.listen()
        answer = invest("start", "--detach", "--home", str(home))
    assert answer.code == 3
    assert f"{port_of(home)} was not" in answer.err
    assert "Nothing was started" in answer.err
    assert not engine_beat(home).process()


def test_a_wrong_configuration_is_told_before_anything_starts(home: Path) -> None:
    config = home / "invest.yaml"
    config.write_text(config.read_text() + "\nengine: {workers: many}\n")
    answer = invest("start", "--detach", "--home", str(home))
    config.write_text(config.read_text().replace("\nengine: {workers: many}\n", ""))
    assert answer.code == 3
    assert "engine.workers" in answer.err

"""Logs: JSON lines with who, what and where, no secret, no forged line, turned over and kept under a cap."""

import json
import logging
import multiprocessing
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prudent.logs import WHO, LogOptions, set_up, set_up_long
from prudent.logs.file import LogFile, log_path

LOG = logging.getLogger("prudent.engine")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), sys.excepthook, threading.excepthook)
    yield
    set_up(LogOptions(process="test"))
    root.setLevel(before[0])
    sys.excepthook, threading.excepthook = before[2], before[3]


def lines(home: Path, process: str = "engine") -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_path(home, process).read_text(encoding="utf-8").splitlines()]


def test_a_line_says_when_who_what_and_where(tmp_path: Path) -> None:
    set_up(LogOptions(process="engine", home=tmp_path))
    WHO.set("anna")
    LOG.info("cycle_started", extra={"account": "core", "cycle": "core/1/2"})
    (line,) = lines(tmp_path)
    assert list(line)[:7] == ["at", "level", "what", "who", "where", "process", "pid"]
    assert line["at"].endswith("Z")
    assert (line["level"], line["what"], line["who"], line["where"]) == ("info", "cycle_started", "anna", "engine")
    assert (line["process"], line["account"], line["cycle"]) == ("engine", "core", "core/1/2")
    WHO.set("")


def test_no_secret_is_written_wherever_it_stands(tmp_path: Path) -> None:
    set_up(LogOptions(process="engine", home=tmp_path, secrets=("canary-value",)))
    try:
        raise ValueError("canary-value in an error")
    except ValueError:
        LOG.exception("failed with canary-value", extra={"facts": {"deep": ["canary-value"]}, "password": "other"})
    logging.getLogger("some.library").error("GET postgresql://u:other-secret@h/db %s", "canary-value")
    text = log_path(tmp_path, "engine").read_text()
    assert "canary-value" not in text
    assert "other" not in text
    assert "ValueError" in text


def test_a_line_break_cannot_forge_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogOptions(process="engine", home=tmp_path, verbosity=1))
    LOG.info("order\n{\"forged\": true}", extra={"symbol": "A\r\nB\x1b[2J"})
    assert len(lines(tmp_path)) == 1
    shown = capsys.readouterr().err
    assert len(shown.splitlines()) == 1
    assert "\x1b" not in shown


def test_the_screen_shows_what_was_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verbosity, expected in ((0, []), (1, ["note"]), (2, ["note", "detail"])):
        set_up(LogOptions(process="engine", home=tmp_path, verbosity=verbosity))
        LOG.info("note")
        LOG.debug("detail")
        assert [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()] == expected


def test_the_screen_can_show_json(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogOptions(process="cli", verbosity=1, as_json=True))
    LOG.info("note", extra={"n": 1})
    assert json.loads(capsys.readouterr().err)["n"] == 1


def test_a_second_set_up_replaces_the_first(tmp_path: Path) -> None:
    for _ in range(3):
        set_up(LogOptions(process="engine", home=tmp_path))
    LOG.info("once")
    assert len(lines(tmp_path)) == 1


def test_nothing_is_made_before_the_first_line(tmp_path: Path) -> None:
    set_up(LogOptions(process="engine", home=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_long_process_logs_by_structlog_and_the_end_of_its_threads(tmp_path: Path) -> None:
    import structlog

    set_up_long(LogOptions(process="engine", home=tmp_path))
    threading.excepthook = _only_ours(threading.excepthook)
    structlog.get_logger("prudent.web").warning("slow", seconds=3)

    def fails() -> None:
        raise RuntimeError("of this thread")

    thread = threading.Thread(target=fails, name="worker-1")
    thread.start()
    thread.join()
    slow, crashed = lines(tmp_path)
    assert (slow["what"], slow["where"], slow["seconds"]) == ("slow", "web", 3)
    assert (crashed["level"], crashed["what"], crashed["thread_of"]) == ("critical", "thread_crashed", "worker-1")
    assert "RuntimeError: of this thread" in crashed["exception"]
    structlog.reset_defaults()


def _only_ours(hook: Any) -> Any:
    return lambda found: hook(found)


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder must be")
    set_up(LogOptions(process="engine", home=tmp_path))
    LOG.error("lost")
    assert (tmp_path / "logs").read_text() == "a file where the folder must be"


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    set_up(LogOptions(process="engine", home=tmp_path))
    LOG.info("note")
    assert log_path(tmp_path, "engine").stat().st_mode & 0o077 == 0


def file_of(path: Path, *, turn: int, cap: int) -> logging.Logger:
    log = logging.Logger(str(path))
    log.addHandler(LogFile(path, turn_bytes=turn, cap_bytes=cap))
    return log


def test_a_full_file_is_turned_over_and_no_line_is_lost(tmp_path: Path) -> None:
    path = log_path(tmp_path, "engine")
    log = file_of(path, turn=1000, cap=10**9)
    for number in range(200):
        log.info("%04d %s", number, "x" * 45)
    parts = sorted(path.parent.glob("engine.*.jsonl"))
    # A line has 51 bytes; 20 of them pass 1000 and end a part, so 200 lines are ten parts.
    assert [part.name for part in parts] == [f"engine.{n:06d}.jsonl" for n in range(1, 11)]
    written = "".join(part.read_text() for part in [*parts, path] if part.exists())
    assert [int(line[:4]) for line in written.splitlines()] == list(range(200))


def test_all_logs_together_stay_under_the_cap_and_the_oldest_go(tmp_path: Path) -> None:
    path = log_path(tmp_path, "engine")
    path.parent.mkdir()
    (path.parent / "web.jsonl").write_text("what another process writes now stays\n")
    log = file_of(path, turn=1000, cap=5000)
    for number in range(400):
        log.info("%04d %s", number, "x" * 45)
    files = list(path.parent.glob("*.jsonl"))
    assert sum(each.stat().st_size for each in files) <= 5000
    assert (path.parent / "web.jsonl").exists()
    newest = sorted(path.parent.glob("engine.*.jsonl"))[-1].read_text().splitlines()[-1]
    assert newest.startswith("0399")


@pytest.mark.parametrize("races", [False, True])
def test_what_another_process_turned_over_is_neither_written_to_nor_turned_again(tmp_path: Path, races: object) -> None:
    path = log_path(tmp_path, "cli")
    one, other = (LogFile(path, turn_bytes=100, cap_bytes=10**9) for _ in range(2))
    other._write(b"of the other\n")
    descriptor = other._descriptor
    assert descriptor is not None
    one._write(b"x" * 100 + b"\n")
    one._write(b"after the turn\n")
    if races:
        other._turn(descriptor)
    other._write(b"of the other too\n")
    assert [each.name for each in sorted(path.parent.glob("cli.*.jsonl"))] == ["cli.000001.jsonl"]
    assert path.read_text() == "after the turn\nof the other too\n"


def _write_many(path: Path, worker: int, lines_each: int) -> None:
    log = file_of(path, turn=4000, cap=10**9)
    for number in range(lines_each):
        log.info("%s", json.dumps({"worker": worker, "number": number, "pad": "y" * 40}))


def test_processes_share_a_file_without_mixing_or_losing_lines(tmp_path: Path) -> None:
    path = log_path(tmp_path, "cli")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(path, worker, 150)) for worker in range(3)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
        assert each.exitcode == 0
    found = [json.loads(line) for part in path.parent.glob("cli*.jsonl") for line in part.read_text().splitlines()]
    assert {(each["worker"], each["number"]) for each in found} == {(w, n) for w in range(3) for n in range(150)}
    assert len(found) == 450

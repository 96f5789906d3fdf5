"""The logs of a home as a person reads them: the lines of all its processes in one order, and what comes after."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prudent.domain.records import Json
from prudent.logs.file import FOLDER as FOLDER

_TOLD_APART = ("at", "level", "what", "process", "pid", "who", "where")
_READ_MAX = 4 * 2**20

Line = dict[str, Json]


def last_lines(home: Path, count: int, *, process: str = "") -> list[Line]:
    """The last lines of the processes' logs, oldest first."""
    found = [line for path in _files(home, process) for line in _lines(_tail(path))]
    return sorted(found, key=_moment)[-count:]


def shown(line: Line) -> str:
    """One line of a log for the screen."""
    facts = " ".join(f"{key}={value}" for key, value in line.items() if key not in _TOLD_APART)
    at = str(line.get("at", ""))[:19].replace("T", " ")
    return f"{at} {line.get('level', ''):<8} {line.get('process', '')}: {line.get('what', '')} {facts}".rstrip()


@dataclass(slots=True)
class Follower:
    """Gives what is written after it was made; a file that was turned over is followed by its successor."""

    home: Path
    process: str = ""
    _read: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in _files(self.home, self.process):
            stat = path.stat()
            self._read[path] = (stat.st_ino, stat.st_size)

    def fresh(self) -> list[Line]:
        """The whole lines since the last call, oldest first."""
        found = [line for path in _files(self.home, self.process) for line in self._fresh(path)]
        return sorted(found, key=_moment)

    def _fresh(self, path: Path) -> Iterator[Line]:
        number, done = self._read.get(path, (0, 0))
        with path.open("rb") as handle:
            now = path.stat().st_ino
            handle.seek(done if now == number else 0)
            text = handle.read(_READ_MAX)
            whole = text[: text.rfind(b"\n") + 1]
            self._read[path] = (now, (done if now == number else 0) + len(whole))
        yield from _lines(whole)


def _files(home: Path, process: str) -> Sequence[Path]:
    """The files that are written now; older parts have a number in their name."""
    return [path for path in sorted((home / FOLDER).glob(f"{process or '*'}.jsonl")) if path.name.count(".") == 1]


def _tail(path: Path) -> bytes:
    with path.open("rb") as handle:
        size = path.stat().st_size
        handle.seek(max(0, size - _READ_MAX))
        return handle.read()


def _lines(text: bytes) -> Iterator[Line]:
    for each in text.splitlines():
        try:
            line = json.loads(each)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line


def _moment(line: Line) -> str:
    return str(line.get("at", ""))

"""How a program is run: in a process of its own, by the Python of its environment; what fails has its reason."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent / ".venv" / "peers"
PATIENCE_SECONDS = 1800
INSTALL_SECONDS = 900
SHOWN = 160
Row = dict[str, object]
Judge = Callable[[Row], str]


class Failed(Exception):
    """Something could not be measured; the text is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One implementation: its script, its environment (ours where empty), its cases, and those that it runs only once.

    A case that would take it many minutes is not in its list.
    """

    name: str
    script: str
    environment: str = ""
    cases: tuple[str, ...]
    once: tuple[str, ...] = ()


def run(script: str, case: str, python: str = sys.executable) -> Row:
    """The JSON line that a script prints for a case.

    Raises:
        Failed: it ended with an error, took too long, or printed no such line.
    """
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent / "src")])}
    try:
        done = subprocess.run(
            [python, script, case], cwd=HERE, env=variables, capture_output=True, text=True, timeout=PATIENCE_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Failed(f"{script} {case} took more than {PATIENCE_SECONDS} seconds") from None
    if done.returncode != 0:
        print(done.stderr[-2000:], file=sys.stderr)
        raise Failed(f"{script} {case} ended with {done.returncode}: {last_line(done.stderr)}")
    try:
        row: Row = json.loads(last_line(done.stdout, most=None))
    except ValueError:
        raise Failed(f"{script} {case} printed no result") from None
    return row


def last_line(text: str, most: int | None = SHOWN) -> str:
    """What a program said last, fit for a cell of a table."""
    lines = text.strip().splitlines() or ["nothing said"]
    return lines[-1] if most is None else lines[-1].replace("|", "/")[:most]


def environment(name: str) -> str:
    """The Python of an environment with the programs of `NAME.txt`, made when needed; ours where `name` is empty.

    Raises:
        Failed: it cannot be made here.
    """
    if not name:
        return sys.executable
    folder = ENVIRONMENTS / name
    python, ready = folder / "bin" / "python", folder / "ready"
    wanted = (HERE / f"{name}.txt").read_text(encoding="utf-8")
    if not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        make = [
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", f"{name}.txt"],
        ]
        for command in make:
            try:
                done = subprocess.run(
                    command, cwd=HERE, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS
                )
            except subprocess.TimeoutExpired:
                raise Failed(f"{name}.txt did not install in {INSTALL_SECONDS} seconds") from None
            if done.returncode != 0:
                raise Failed(f"{name}.txt does not install here: {last_line(done.stderr)}")
        ready.write_text(wanted, encoding="utf-8")
    return str(python)


class Others:
    """Runs the other programs; one that does not install, fails or differs leaves a hole with its reason, no crash."""

    def __init__(self, *, wanted: bool = True) -> None:
        self.wanted = wanted
        self.holes: dict[tuple[str, str], str] = {}
        self._pythons: dict[str, str] = {}
        self._missing: dict[str, str] = {}

    def row(self, program: Program, case: str, judge: Judge = lambda _row: "") -> Row | None:
        """What the program prints; None where it cannot, or where `judge` says what is wrong with it."""
        if not self.wanted or (program.name, case) in self.holes:
            return None
        try:
            row = run(program.script, case, self._python(program.environment))
            why = judge(row)
            if why:
                raise Failed(why)
        except Failed as error:
            self.holes[program.name, case] = str(error)
            print(f"{program.name} {case} is left out: {error}", file=sys.stderr)
            return None
        return row

    def _python(self, name: str) -> str:
        if name in self._missing:
            raise Failed(self._missing[name])
        if name not in self._pythons:
            try:
                self._pythons[name] = environment(name)
            except Failed as error:
                self._missing[name] = str(error)
                raise
        return self._pythons[name]

    def hole(self, program: Program, case: str, cells: int) -> list[str]:
        """The row of a table, of so many cells, that names what is missing; none where nothing is."""
        why = self.holes.get((program.name, case))
        return [] if why is None else [f"| {program.name} | not measured: {why} {'| ' * (cells - 2)}|"]


def number(row: Row, name: str) -> float:
    return float(str(row[name]))


def median(rows: Sequence[Row], name: str) -> float:
    return statistics.median(number(row, name) for row in rows)

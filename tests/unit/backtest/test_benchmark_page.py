"""The benchmark's frame: what cannot be measured is named with its reason, and nothing else is lost by it."""

import importlib
import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
MODULES = ("programs", "page", "bars", "rebalances", "waits", "run", "models.run_again")
FIGURES = (
    "cpu", "peak_mb", "p50", "p50_least", "p50_most", "p99", "most", "bare", "commit",
    "order_read", "execution_written", "execution_read", "batch_ns",
    "talib_batch_ns", "tick_us", "tick_ns", "stream_ns", "error", "bound", "efficiency", "sequential",
    "cpu_ms_an_account", "median", "p95", "gather", "decide", "plan", "guard",
)  # fmt: skip
REASON = "print('a trace', file=sys.stderr); print('no | module', file=sys.stderr); sys.exit(3)"


@pytest.fixture(scope="module")
def bench() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(BENCHMARKS))
    yield {name: importlib.import_module(name) for name in MODULES}
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def programs(bench: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, with scripts of this test."""
    monkeypatch.setattr(bench["programs"], "HERE", tmp_path)
    monkeypatch.setattr(bench["programs"], "ENVIRONMENTS", tmp_path / "environments")
    for name, body in {
        "good.py": "print('noise'); print(json.dumps({'final': 1.5, 'case': sys.argv[1]}))", "bad.py": REASON,
        "silent.py": "",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(f"import json, sys\n{body}\n")
    return bench["programs"]


def test_a_program_that_fails_leaves_a_hole_with_its_last_words(programs: Any) -> None:
    others = programs.Others()
    names = ("good", "bad", "silent")
    good, bad, silent = (programs.Program(name=each, script=f"{each}.py", cases=("W",)) for each in names)
    assert others.row(good, "W") == {"final": 1.5, "case": "W"}
    assert others.row(bad, "W") is None
    assert others.row(silent, "W") is None
    assert others.hole(good, "W", 4) == []
    assert others.hole(bad, "W", 4) == ["| bad | not measured: bad.py W ended with 3: no / module | | |"]
    assert "printed no result" in others.hole(silent, "W", 2)[0]


def test_a_program_that_differs_is_measured_no_more(programs: Any) -> None:
    others, good = programs.Others(), programs.Program(name="good", script="good.py", cases=("W",))
    assert others.row(good, "W", lambda row: f"has {row['final']}, must be 2") is None
    assert others.row(good, "W") is None
    assert others.hole(good, "W", 2) == ["| good | not measured: has 1.5, must be 2 |"]
    assert others.row(good, "other") is not None


def test_an_environment_that_does_not_install_is_tried_once(programs: Any, tmp_path: Path) -> None:
    (tmp_path / "peers.txt").write_text("nothing\n")
    (tmp_path / "environments").write_text("a file where the folder must be")
    others = programs.Others()
    one, two = (programs.Program(name=each, script="good.py", environment="peers", cases=("W",)) for each in "ab")
    assert others.row(one, "W") is None
    (tmp_path / "environments").unlink()
    assert others.row(two, "W") is None
    assert set(others.holes) == {("a", "W"), ("b", "W")}
    assert all(why.startswith("peers.txt does not install here: ") for why in others.holes.values())


def test_an_other_program_with_a_hole_stands_in_the_table_of_its_case(bench: dict[str, ModuleType]) -> None:
    rebalances, others = bench["rebalances"], bench["programs"].Others()
    row = {
        "version": "1", "cpu": 2.0, "peak_mb": 9.0, "orders": 7, "final": 3.0, "changed": {"D13": 4}, "size_mb": 0.5,
    }  # fmt: skip
    others.holes["vectorbt", "W1b"] = "it is not there"
    runs = {"prudent": [row], "plain loop": [{**row, "cpu": 1.0}], "vectorbt": [row]}
    told = "\n".join(rebalances.table("W1b", {"plain": 3.0}, runs, others))
    assert "| plain loop 1 | 1 | 0.5 | 9 | 7 | +0.0e+00 | 1 |" in told
    assert "| vectorbt | not measured: it is not there | | | | | |" in told
    assert "nautilus" not in told, "it is not run on this case, which is no hole"


def test_a_section_of_ours_that_fails_says_so_and_the_others_stay(
    bench: dict[str, ModuleType], programs: Any, tmp_path: Path
) -> None:
    (tmp_path / "page.md").write_text("old head\n\nMachine: of old.\n\n## W2\n\nkept\n\n## W10\n\nkept too\n")
    page = bench["page"].Page(tmp_path / "page.md", keep=True)
    lines, good = bench["run"].measured("W3", lambda: programs.run("bad.py", "W3"))
    assert not good
    page.put(lines)
    text = (tmp_path / "page.md").read_text()
    assert text.startswith("# Benchmark results")
    assert "old head" not in text
    assert "\n\nMachine: of old.\n" in text
    assert [part for part in text.split("\n") if part.startswith("## ")] == ["## W2", "## W3", "## W10"]
    assert "Not measured: bad.py W3 ended with 3: no / module." in text
    page.put(["## W3", "", "now it is there"])
    assert "Not measured" not in (tmp_path / "page.md").read_text()


class Said:
    """Stands for the processes: a row for each script, with every field that a section reads."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, script: str, case: str, python: str = "") -> dict[str, object]:
        del python
        self.asked.append(f"{script} {case}")
        count = {"calls": 0, "seconds": 0.5, "cpu": 0.4}
        told: dict[str, object] = dict.fromkeys(FIGURES, 2.0)
        rest = {
            "bars": case if case.isdigit() else "1000000", "case": case, "version": "1", "talib": "0.8", "count": 3,
            "program": "prudent" if script.endswith("ours.py") else script.rpartition("_")[2].removesuffix(".py"),
            "final": 100.0, "orders": 2 if script == "intraday/peers/with_backtrader.py" else 4, "cycles": 10.0,
            "swaps": 0, "seconds": 1.0, "calls": 9, "repeats": 7, "last": [[1.0]], "weeks": 25,
            "accounts": [{"account": "a", **told}],
            **dict.fromkeys(("first", "unchanged", "answered", "one changed"), count),
        }  # fmt: skip
        named = {"latency/start_latency.py": {"case": "start"}, "latency/send_latency.py": {"case": "send"}}
        return {**told, **rest, **named.get(script, {})}


def test_every_section_has_whole_tables(bench: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    said, others = Said(), bench["programs"].Others()
    for name in ("programs", "bars", "rebalances", "waits"):
        monkeypatch.setattr(bench[name], "run", said)
    monkeypatch.setattr(bench["programs"], "environment", lambda name: name)
    bench["bars"].exact_loop.cache_clear()
    made = {
        name: "\n".join(section())
        for name, section in bench["run"].measurements(2, others).items() if name not in bench["rebalances"].CASES
    }  # fmt: skip
    bench["bars"].exact_loop.cache_clear()
    for name, text in made.items():
        assert text.startswith(f"## {bench['run'].HEADINGS.get(name, name)}\n"), name
        rows = [line.count("|") - line.count("\\|") for line in text.split("\n") if line.startswith("|")]
        assert len(rows) >= 3, name
        assert len(set(rows)) == 1, name
    assert "| backtrader | not measured: backtrader differs from the exact loop: 2 fills and" in made["W2"]
    assert said.asked.count("intraday/bars.py 1000000") == 1
    assert "| one bar of 500 symbols | 0.4 | talipp 1 | 2 | 5 |" in made["W3"]
    assert "| again, unchanged | 0 | 0.5 | 0.4 |" in made["W10d"]


def test_every_measurement_can_be_asked_for_alone(bench: dict[str, ModuleType]) -> None:
    names = list(bench["run"].measurements(1, bench["programs"].Others()))
    assert names == [
        "W1a", "W1b", "W1c", "W1d", "W1e", "W1r", "W2", "W3", "latency", "W7", "W10", "W10c", "W10d",
    ]  # fmt: skip
    headings = [f"## {bench['run'].HEADINGS.get(name, name)}" for name in names]
    assert sorted(set(headings), key=bench["page"].place) == headings


def test_values_that_differ_by_more_than_a_billionth_are_no_result(bench: dict[str, ModuleType]) -> None:
    def row(value: float) -> dict[str, object]:
        return {"program": "talipp", "last": [[0.5, value], [50.0, -3.0]]}

    assert bench["bars"].differ(row(100.0), row(100.0 + 9e-8)) == ""
    assert bench["bars"].differ(row(100.0), row(100.0 + 2e-7)) == "talipp differs from ours by 2.0e-09 in the last bar"


def test_backtests_that_are_run_again_ask_nobody(
    bench: dict[str, ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    bench["models.run_again"].main(2, date(2015, 1, 16))
    row = json.loads(capsys.readouterr().out)
    assert (row["accounts"], row["weeks"]) == (2, 1)
    calls = {name: row[name]["calls"] for name in ("first", "unchanged", "answered", "one changed")}
    assert calls == {"first": 4, "unchanged": 0, "answered": 0, "one changed": 2}

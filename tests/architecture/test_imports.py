"""The core stands on the standard library and numpy alone, and looking at it loads nothing heavy."""

import ast
import subprocess
import sys

import pytest
from tests.architecture.tree import ROOT, SOURCE, imported, modules, nodes

CORE = ("domain", "ports", "analytics", "guards", "exchange", "reasoning", "pipeline", "strategies")
ALLOWED = sys.stdlib_module_names | {"numpy", "prudent"}
# Standard modules that reach the network, the disk's databases, other processes or the machine's clock and luck.
OUTSIDE = {"socket", "ssl", "http", "urllib", "sqlite3", "subprocess", "asyncio", "threading", "random"}
HEAVY = ("pandas", "numba", "polars", "sqlalchemy", "alembic", "yfinance", "exchange_calendars")


def core_imports() -> list[tuple[str, str]]:
    return [
        (module.name, name)
        for module in modules("src")
        if module.dotted.removeprefix("prudent.").split(".")[0] in CORE
        for name in imported(module.tree)
    ]


def test_the_core_imports_the_standard_library_and_numpy_only() -> None:
    foreign = [pair for pair in core_imports() if pair[1].split(".")[0] not in ALLOWED]
    assert not foreign, foreign


def test_the_core_reaches_nothing_outside_the_process() -> None:
    reaching = [pair for pair in core_imports() if pair[1].split(".")[0] in OUTSIDE]
    assert not reaching, reaching


def test_the_core_imports_of_prudent_stay_in_the_core() -> None:
    above = [
        (module, name)
        for module, name in core_imports()
        if name.startswith("prudent.") and name.split(".")[1] not in CORE
    ]
    assert not above, above


def test_kernels_do_not_import_the_compiler() -> None:
    found = [
        module.name
        for module in modules("src")
        if any(name.split(".")[0] == "numba" for name in imported(module.tree, top_level_only=True))
    ]
    assert not found, found


def test_only_the_clock_module_reads_the_clock() -> None:
    tellers = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    tellers |= {f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep")}
    found = [
        f"{module.name}:{node.lineno}"
        for module in modules("src")
        if module.path != SOURCE / "clock.py"
        for node in nodes(module)
        if isinstance(node, ast.Attribute) and ast.unparse(node).removeprefix("datetime.") in tellers
    ]
    assert found == []


@pytest.mark.parametrize(
    "target",
    [
        "import prudent.domain.cycles, prudent.ports",
        "import prudent.guards.report, prudent.pipeline.run_cycle",
        "import prudent.entrypoints.cli.app",
    ],
)
def test_importing_the_core_or_showing_help_loads_nothing_heavy(target: str) -> None:
    script = f"import sys; {target}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []

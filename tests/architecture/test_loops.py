"""The gateway's library runs on one loop in one thread: what would run it elsewhere, or wait on it, is not there."""

import ast
import functools
import re

import pytest
from tests.architecture.tree import Module, imported, modules

HOME = "src/prudent/brokers/ibkr/"
LIBRARY = "ib_async"
# What starts a loop inside a loop, or waits for one from inside it.
FORBIDDEN_NAMES = {"startLoop", "patchAsyncio", "useQt", "run_until_complete", "nest_asyncio"}
FORBIDDEN_MODULES = {"nest_asyncio", "ib_insync", "ibapi", "ib_async.ib", "ib_async.util", "ib_async.ibcontroller"}
# The library's own face and its waits; its client, words and decoder are what is used.
FORBIDDEN_FROM_LIBRARY = {"IB", "IBC", "Watchdog", "util"}
# Calls that its face offers in a form that waits; each of them has a twin that does not.
WAITING = {
    "connect", "sleep", "run", "schedule", "waitOnUpdate", "loopUntil", "qualifyContracts", "reqTickers",
    "reqContractDetails", "reqHistoricalData", "reqOpenOrders", "reqAllOpenOrders", "reqCompletedOrders",
    "reqExecutions", "reqPositions", "reqCurrentTime", "reqAccountUpdates", "reqAccountSummary", "accountSummary",
    "whatIfOrder", "reqSecDefOptParams", "reqMatchingSymbols", "reqMarketRule", "reqHeadTimeStamp",
}  # fmt: skip


# A file without any of these holds none of it; the others are looked at in full.
SUSPICIOUS = re.compile(
    rf"{LIBRARY}|ib_insync|ibapi|\b_?ib\.|\butil\.|{'|'.join(sorted(FORBIDDEN_NAMES))}"
)


@functools.cache
def suspects() -> tuple[Module, ...]:
    return tuple(module for module in modules("src") if SUSPICIOUS.search(module.text))


def faults(tree: ast.AST) -> list[str]:
    """What a module does that would freeze a thread or run the library twice, with its line."""
    found = [f"imports {name}" for name in imported(tree) if name in FORBIDDEN_MODULES]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == LIBRARY:
            found += [f"{node.lineno}: takes {a.name}" for a in node.names if a.name in FORBIDDEN_FROM_LIBRARY]
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_NAMES:
            found.append(f"{node.lineno}: uses {node.attr}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WAITING:
            owner = ast.unparse(node.func.value).rsplit(".", 1)[-1].lstrip("_")
            if owner in ("ib", "util", LIBRARY):
                found.append(f"{node.lineno}: waits in {owner}.{node.func.attr}")
    return found


def test_nothing_in_the_product_waits_on_the_library_or_patches_its_loop() -> None:
    found = {module.name: wrong for module in suspects() if (wrong := faults(module.tree))}
    assert found == {}


def test_the_library_is_used_in_one_place() -> None:
    users = {
        module.name for module in suspects() if any(n.split(".")[0] == LIBRARY for n in imported(module.tree))
    }  # fmt: skip
    assert users
    assert not [name for name in users if not name.startswith(HOME)]


def test_the_library_is_loaded_only_where_it_is_needed() -> None:
    early = {
        module.name for module in suspects()
        if any(n.split(".")[0] == LIBRARY for n in imported(module.tree, top_level_only=True))
    }  # fmt: skip
    assert early == {f"{HOME}tap.py"}


@pytest.mark.parametrize(
    "planted",
    [
        "import nest_asyncio", "from ib_async import IB", "from ib_async import util\nutil.startLoop()",
        "self._ib.reqPositions()", "ib.sleep(1)", "loop.run_until_complete(x)", "from ib_async.ib import IB",
        "ib_async.util.patchAsyncio()", "import ibapi",
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(planted: str) -> None:
    assert faults(ast.parse(planted))
    assert SUSPICIOUS.search(planted)


def test_what_only_looks_like_one_is_not_found() -> None:
    assert faults(ast.parse("client.reqPositions()\nasyncio.sleep(1)\nself._line.connect()")) == []

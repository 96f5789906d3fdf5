"""Names are words of the trade; words that say nothing, or that sell, are banned."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.tree import Module, all_modules, files, modules, name_of, nodes

BANNED_WORDS = {"Manager", "Helper", "Helpers", "Util", "Utils", "System", "Engine", "Handler", "Data", "Info"}
BANNED_PREFIXES = ("advanced_", "enhanced_", "new_")
VERSIONED = re.compile(r"(^|_)v[2-9](_|$)")

# Terms that contain a banned word and mean one exact thing; `DataSettings` is the section `data` of `invest.yaml`,
# an engine is the process that does an installation's work.
TERMS = ("MarketData", "SystemClock", "DataSettings", "EngineSettings", "EngineRow", "EngineStatus", "new_risk")


def words(name: str) -> set[str]:
    """The words of a CamelCase name, without the terms that may stay."""
    for term in TERMS:
        name = name.replace(term, "")
    return set(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name))


def is_banned(identifier: str) -> bool:
    """True for a snake_case name (of a file, function, argument or variable) that may not be used."""
    if identifier.startswith(TERMS):
        return False
    return identifier.startswith(BANNED_PREFIXES) or bool(VERSIONED.search(identifier))


def identifiers(module: Module) -> Iterator[str]:
    """Names that a module gives to its own functions, arguments and variables."""
    for node in nodes(module):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def test_no_class_has_a_name_that_says_nothing() -> None:
    found = [
        f"{module.name}: {node.name}"
        for module in all_modules()
        for node in nodes(module)
        if isinstance(node, ast.ClassDef) and words(node.name) & BANNED_WORDS
    ]
    assert not found, found


def test_no_identifier_sells_or_counts_versions() -> None:
    found = [
        f"{module.name}: {name}"
        for module in modules("src")
        for name in identifiers(module)
        if is_banned(name)
    ]
    assert not found, sorted(set(found))


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    banned = {word.lower() for word in BANNED_WORDS}
    found = [
        name_of(path)
        for path in files()
        for part in path.with_suffix("").parts[-3:]
        if path.suffix == ".py" and (part.lower() in banned or is_banned(part))
    ]
    assert not found, found


def test_the_words_are_really_found() -> None:
    assert words("OrderManager") & BANNED_WORDS
    assert words("HTTPHandler") & BANNED_WORDS
    assert not words("MarketDataContract") & BANNED_WORDS
    assert is_banned("new_order")
    assert is_banned("planner_v2")
    assert not is_banned("new_risk_blocked")
    assert not is_banned("news")

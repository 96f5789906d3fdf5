"""The repository as the architecture tests read it: files, syntax trees and the names in them."""

import ast
import functools
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "prudent"
TESTS = ROOT / "tests"
FOLDERS = ("src", "tests", "docs", "benchmarks", "scripts", "changelog.d", ".ci", "examples", "deploy")
TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".cfg", ".ini", ".json", ".sh", ".csv", ".mako", ""}


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """One Python file with its syntax tree; `name` is the path from the repository's root."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def dotted(self) -> str:
        parts = self.path.relative_to(ROOT / "src").with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def files() -> Iterator[Path]:
    """Every file that belongs to the repository; build products and caches do not."""
    yield from (p for p in sorted(ROOT.iterdir()) if p.is_file())
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def text_files() -> Iterator[tuple[str, str]]:
    """(name, content) of every file that a person may read."""
    for path in files():
        if path.suffix in TEXT:
            yield name_of(path), path.read_text(encoding="utf-8")


@functools.cache
def modules(folder: str) -> tuple[Module, ...]:
    """Every Python file below that folder of the repository, parsed."""
    found = []
    with _nothing_to_collect():
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            found.append(Module(path, name_of(path), text, ast.parse(text)))
    return tuple(found)


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Syntax trees are a million objects that stay: looking through them for garbage while they grow is all waste."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@functools.cache
def nodes(module: Module) -> tuple[ast.AST, ...]:
    """Every node of the module's tree, as `ast.walk` gives them."""
    with _nothing_to_collect():
        return tuple(ast.walk(module.tree))


def all_modules() -> tuple[Module, ...]:
    return tuple(m for folder in ("src", "tests", "benchmarks", "scripts") for m in modules(folder))


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Every function with its dotted name inside the module, methods and inner functions included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name, node
            yield from functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            yield from functions(node, prefix)


def imported(tree: ast.AST, *, top_level_only: bool = False) -> Iterator[str]:
    """Dotted names of what a module imports."""
    for node in ast.iter_child_nodes(tree) if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module

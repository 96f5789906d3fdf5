"""Errors are caught narrowly, at a border, once."""

import ast
import functools
from collections.abc import Iterator

from tests.architecture.budgets import BROAD_EXCEPT
from tests.architecture.tree import functions, modules, nodes

BROAD = {"Exception", "BaseException"}


def caught(handler: ast.ExceptHandler) -> Iterator[str]:
    """The names of what a handler catches; a bare one catches everything."""
    if handler.type is None:
        yield "BaseException"
        return
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    yield from (kind.id for kind in kinds if isinstance(kind, ast.Name))


def passes_on(handler: ast.ExceptHandler) -> bool:
    """True for one that only cleans up: what it caught goes on as it came."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@functools.cache
def broad_handlers() -> frozenset[str]:
    """Functions that catch everything and keep it."""
    return frozenset(
        f"{module.name}::{name}"
        for module in modules("src")
        if any(isinstance(node, ast.ExceptHandler) and BROAD & set(caught(node)) for node in nodes(module))
        for name, function in functions(module.tree)
        for node in ast.walk(function)
        if isinstance(node, ast.ExceptHandler) and BROAD & set(caught(node)) and not passes_on(node)
    )


def test_no_code_catches_everything() -> None:
    assert broad_handlers() - set(BROAD_EXCEPT) == set()


def test_every_exception_from_that_rule_is_needed_and_has_a_reason() -> None:
    assert set(BROAD_EXCEPT) <= broad_handlers()
    assert all(reason.strip() for reason in BROAD_EXCEPT.values())


def test_no_error_is_swallowed_without_a_word() -> None:
    """`except X: pass` hides a failure; what may be ignored is suppressed by name where it happens."""
    silent = [
        f"{module.name}:{node.lineno}"
        for module in modules("src")
        for node in nodes(module)
        if isinstance(node, ast.ExceptHandler) and all(isinstance(each, ast.Pass) for each in node.body)
    ]
    assert not silent, silent

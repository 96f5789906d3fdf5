"""A test that asserts nothing proves nothing, and a module that does not say what it is for is not read."""

import ast
import functools

from tests.architecture.tree import Function, all_modules, functions, modules

PROVES = {"raises", "warns", "fail"}


@functools.cache
def looked_at(function: Function) -> tuple[frozenset[str], bool]:
    """Bare names of what a function calls, and whether it has an `assert`."""
    names, has_assert = set(), False
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            target = node.func
            names.add(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
        has_assert = has_assert or isinstance(node, ast.Assert)
    return frozenset(names), has_assert


def called(function: Function) -> frozenset[str]:
    return looked_at(function)[0]


def asserts(function: Function) -> bool:
    return looked_at(function)[1] or bool(called(function) & PROVES)


def asserting_names() -> set[str]:
    """Functions of the tests that assert, themselves or through another one."""
    all_functions = [node for module in modules("tests") for _name, node in functions(module.tree)]
    found = {node.name for node in all_functions if asserts(node)}
    grown = -1
    while grown != len(found):
        grown = len(found)
        found |= {node.name for node in all_functions if called(node) & found}
    return found


def test_every_test_asserts_something() -> None:
    proving = asserting_names()
    idle = [
        f"{module.name}::{name}"
        for module in modules("tests")
        for name, node in functions(module.tree)
        if node.name.startswith("test_") and not asserts(node) and not called(node) & proving
    ]
    assert idle == []


def test_every_module_opens_with_one_sentence() -> None:
    missing = [module.name for module in all_modules() if module.text.strip() and not ast.get_docstring(module.tree)]
    assert missing == []

"""A setting that no code reads is a promise nobody keeps."""

import ast
import functools
from collections.abc import Iterator

from tests.architecture.tree import Module, functions, modules

# "Model.field" -> why nothing outside the settings needs to read it.
READ_AT_THE_DOOR = {"Settings.schema_version": "the model itself refuses every version but its own"}


def is_settings(module: Module) -> bool:
    return module.dotted == "prudent.settings" or module.dotted.startswith("prudent.settings.")


def reads(tree: ast.AST) -> Iterator[str]:
    """Names that code reads as attributes, or as keys of a mapping."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            yield str(node.slice.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            yield from (str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant))


def settings_fields() -> Iterator[str]:
    """`Model.field` of every model of the settings."""
    for module in filter(is_settings, modules("src")):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == "Strict" for b in node.bases):
                for item in node.body:
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                        yield f"{node.name}.{item.target.id}"


@functools.cache
def read_elsewhere() -> frozenset[str]:
    """What the rest of the product reads; a property of a model that is read counts for what it reads itself."""
    own = [m for m in modules("src") if is_settings(m) or m.dotted == "prudent.domain.mandate"]
    rest = [m for m in modules("src") if not is_settings(m) and m.dotted != "prudent.domain.mandate"]
    found = {name for module in rest for name in reads(module.tree)}
    for module in own:
        for name, node in functions(module.tree):
            is_property = any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list)
            if is_property and name.split(".")[-1] in found:
                found |= set(reads(node))
    return frozenset(found)


def test_there_are_settings_to_check() -> None:
    assert len(list(settings_fields())) > 30


def test_every_setting_is_read_by_code() -> None:
    read = read_elsewhere()
    idle = [name for name in settings_fields() if name.split(".")[1] not in read and name not in READ_AT_THE_DOOR]
    assert idle == []


def test_every_exception_from_that_rule_is_needed() -> None:
    assert set(READ_AT_THE_DOOR) <= set(settings_fields())
    assert not {name.split(".")[1] for name in READ_AT_THE_DOOR} & read_elsewhere()

"""What only shows the books is never read by what decides, limits or trades."""

import ast

from tests.architecture.tree import modules

SERVER = "prudent.brokers.ghostfolio"
MAY = ("prudent.brokers.ghostfolio", "prudent.workflows.mirror", "prudent.entrypoints.cli.commands.ghostfolio")


def imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found


def test_only_the_mirror_speaks_to_ghostfolio() -> None:
    users = {module.dotted for module in modules("src") if any(n.startswith(SERVER) for n in imports(module.tree))}
    assert {"prudent.workflows.mirror", "prudent.workflows.mirror_link"} <= users
    assert [each for each in sorted(users) if not each.startswith(MAY)] == []


def test_no_stage_and_no_guard_knows_the_outbox() -> None:
    deciding = ("prudent.pipeline", "prudent.guards", "prudent.strategies", "prudent.reasoning", "prudent.exchange")
    users = [
        module.dotted
        for module in modules("src")
        if module.dotted.startswith(deciding) and any("outbox" in n or "mirror" in n for n in imports(module.tree))
    ]
    assert users == []

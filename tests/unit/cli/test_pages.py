"""The page of the command line is the one that the commands themselves make."""

import importlib.util
from pathlib import Path

from prudent.entrypoints.cli.app import app

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = {
    "accounts", "admin", "apply", "approvals", "approve", "arm", "attribution", "audit", "backtest", "backtests",
    "backup", "cancel-all", "cash", "clock", "config", "contamination", "data", "db", "decisions", "demo", "disarm",
    "doctor", "drawdown", "engine", "export", "flatten", "ghostfolio", "halt", "ibkr", "import", "init", "logs",
    "lookahead", "models", "notify", "orders", "paper-gateway", "plan", "portfolios", "positions", "rebalance",
    "reconcile", "reject", "replay", "report", "research", "restart", "restore", "resume", "rules", "run", "run-all",
    "runs", "schedule", "secrets", "sim", "start", "status", "stop", "sweep", "tokens", "trades", "unlock", "users",
    "verify", "version", "web", "whatif",
}  # fmt: skip


def test_docs_cli_is_current() -> None:
    spec = importlib.util.spec_from_file_location("build_docs", ROOT / "scripts" / "build_docs.py")
    assert spec is not None
    assert spec.loader is not None
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == builder.page(), "run `make docs`"


def test_every_command_of_the_product_is_there() -> None:
    names = {str(each.name) for each in app.registered_commands} | {str(each.name) for each in app.registered_groups}
    assert names == COMMANDS

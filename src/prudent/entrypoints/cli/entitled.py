"""For whom a command acts, and whether they may: each command is one act, and what is not listed no token may run."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prudent.access.authority import Act, Grant, Principal, Proof, may, require
from prudent.entrypoints.cli.asking import secret_line

if TYPE_CHECKING:
    from prudent.workflows.people import Reception

_BY_ACT: Mapping[Act, tuple[str, ...]] = {
    Act.READ: (
        "accounts list", "accounts show", "approvals", "attribution",
        "audit anchor", "audit verify", "backtests", "backtests fills", "backtests list", "backtests orders",
        "backtests show", "backtests sql", "backtests verify", "clock show", "data list", "data verify",
        "decisions list", "decisions show", "doctor", "ghostfolio check",
        "ghostfolio reconcile", "logs",
        "models list", "notify events", "notify list", "notify read", "orders", "orders list", "portfolios list",
        "portfolios show", "positions", "rebalance", "replay", "report", "research show", "rules list", "rules test",
        "runs compare", "runs list", "runs show", "schedule list", "status", "sweep list", "sweep show",
        "trades", "verify",
    ),
    Act.EXPORT: ("export",),
    Act.PROPOSE: (
        "backtest", "contamination", "lookahead", "plan", "portfolios add", "portfolios remove", "sweep join",
        "sweep resume", "sweep run", "whatif",
    ),
    Act.TRADE: (
        "cancel-all", "clock advance", "ghostfolio rebuild", "ghostfolio sync", "ibkr cancel-everything",
        "ibkr restart", "models test", "notify test", "reconcile", "run", "run-all", "schedule pause",
        "schedule resume",
    ),
    Act.TIGHTEN: ("rules add",),
    Act.LOOSEN: ("rules disable",),
    Act.MOVE_MONEY: ("accounts add", "cash deposit", "cash dividend", "cash withdraw", "ibkr adopt"),
}  # fmt: skip
ACTS: Mapping[str, Act] = {title: act for act, titles in _BY_ACT.items() for title in titles}
# These ask for themselves, by account and with the password where that is needed; opening is reading.
ASK_THEMSELVES = frozenset({
    "approve", "arm", "disarm", "drawdown acknowledge", "flatten", "halt", "orders resolve", "reject", "resume",
    "unlock",
})  # fmt: skip
# These open no desk, or are of the machine: no token runs them.
OF_THE_MACHINE = frozenset({
    "admin halt", "admin look", "admin reads", "apply", "backup", "config schema", "config show", "config validate",
    "data download",
    "db downgrade", "db lint", "db prepare", "db status", "db upgrade", "demo", "engine", "ibkr accounts",
    "ibkr chain", "ibkr contract", "ibkr positions", "ibkr probe", "import invest-research", "init", "paper-gateway",
    "restart", "restore", "secrets list", "secrets remove", "secrets rotate", "secrets set", "sim", "start",
    "stop", "sweep work",
    "tokens add", "tokens list", "tokens revoke", "users add", "users disable", "users enable", "users list",
    "users passwd", "users reset", "version", "web",
})  # fmt: skip


def entitled(home: Path, title: str) -> Principal | None:
    """Whom the command acts for, who may do it; None at a home of one person where no token is used.

    Raises:
        InputError, BlockedError, ConfirmationMissing: they may not; see `access.authority.require`.
        ConfigError: the database has nobody, or the configuration is wrong.
    """
    from prudent.settings import access_token, load_settings
    from prudent.workflows.people import needs_identity, reception

    loaded = load_settings(home)
    if not needs_identity(loaded):
        return None
    with reception(loaded) as found:
        return _allowed(found, found.principal(access_token()), title)


def _allowed(found: "Reception", me: Principal, title: str) -> Principal:
    if title in ASK_THEMSELVES or (title not in ACTS and me.proof is Proof.MACHINE):
        return me
    # What is not listed is refused to a token as the act that no token may do.
    act = ACTS.get(title, Act.EXPORT)
    if may(me, act, me.owner) is Grant.NEEDS_PASSWORD:
        me = found.door.by_password(me.name, secret_line(f"password of {me.name}", from_stdin=False))
    require(me, act, me.owner, thing=("command", title))
    return me

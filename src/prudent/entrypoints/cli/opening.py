"""Opening an account: its mandate file, its book at the venue and its ledger, each step harmless to repeat."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import yaml

from prudent.bootstrap import Desk
from prudent.domain.accounts import Position
from prudent.domain.errors import InputError
from prudent.domain.mandate import Mandate
from prudent.domain.money import plain
from prudent.entrypoints.cli import csv_tables
from prudent.settings import AccountSettings, check_account_id
from prudent.venues import IBKR
from prudent.workflows.beside import account_turn

HEAD = "# Mandate of this account; every change starts its next run. Limits are written 5% or 0.05.\n"
FOLLOWS = "account:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the user asked for; `mandate` holds the keys of the mandate file that were given."""

    account: str
    cash: Decimal
    positions: Path | None
    mandate: Mapping[str, str]


def open_account(desk: Desk, opening: Opening) -> Path | None:
    """Open the account; the path of its new mandate file, None where invest.yaml described it before.

    Raises:
        InputError: a wrong id, amount, position or target; nothing was written.
    """
    check_account_id(opening.account)
    if desk.is_open_account(opening.account):
        raise InputError(f"account {opening.account} must be new, is open already; choose another id")
    if opening.cash < 0:
        raise InputError(f"--cash must be 0 or above, was {plain(opening.cash)}; correct it")
    described = opening.account in desk.account_ids()
    if described and opening.mandate:
        raise InputError(f"account {opening.account} has a mandate already; change it there and give only its opening")
    _check_targets(desk, opening.mandate.get("targets"))
    found = AccountSettings.model_validate(dict(opening.mandate)).mandate(opening.account)
    mandate = desk.mandate(opening.account) if described else found
    held = _positions(desk, opening.positions, mandate)
    with account_turn(desk, opening.account):
        desk.own_venue(opening.account).open_account(
            opening.account, currency=mandate.currency, cash=opening.cash, positions=held,
            allow_short=mandate.planning.allow_short, costs=mandate.costs, slippage_bps=mandate.slippage_bps,
        )  # fmt: skip
        path = None if described else _write_mandate(desk.home, opening)
        desk.ledger.add_account(mandate, cash=opening.cash, positions=held, at=desk.clock.now())
    return path


def open_described(desk: Desk) -> tuple[str, ...]:
    """Open every account that the configuration describes and that is not open yet, each with its initial budget.

    A disabled one is opened too: it is there, and waits. What trades at a broker of its own is adopted, not opened.
    """
    settings = desk.loaded.settings
    opened = tuple(
        account for account in desk.account_ids()
        if not desk.is_open_account(account) and settings.accounts[account].broker != IBKR
    )  # fmt: skip
    for account in opened:
        own = settings.accounts[account].initial_budget
        cash = settings.initial_budget if own is None else own
        open_account(desk, Opening(account=account, cash=cash, positions=None, mandate={}))
    return opened


def _check_targets(desk: Desk, targets: str | None) -> None:
    if targets is None:
        return
    if targets.startswith(FOLLOWS):
        desk.mandate(targets.removeprefix(FOLLOWS))
    else:
        desk.read_file(targets.removeprefix("signals:"))


def _positions(desk: Desk, path: Path | None, mandate: Mandate) -> tuple[Position, ...]:
    held = csv_tables.positions(path, shorts=mandate.planning.allow_short) if path else ()
    unknown = [each.symbol for each in held if desk.instruments.find(each.symbol) is None]
    if unknown:
        raise InputError(f"{path}: symbols must be known instruments, {', '.join(unknown)} were not; correct the rows")
    return held


def _write_mandate(home: Path, opening: Opening) -> Path:
    path = home / "config" / "accounts" / f"{opening.account}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(HEAD + (yaml.safe_dump(dict(opening.mandate), sort_keys=False) if opening.mandate else "{}\n"))
    part.replace(path)
    return path

"""Homes for scenarios: a paper account on the sample, opened through the same doors as a person's."""

from decimal import Decimal
from pathlib import Path

from prudent.bootstrap import Desk, open_desk
from prudent.entrypoints.cli.opening import Opening, open_account
from prudent.entrypoints.cli.starter import Wishes, create_home

ACCOUNT = "core"
CASH = Decimal(100_000)


def new_home(folder: Path, *, account: str = ACCOUNT, cash: Decimal = CASH) -> Path:
    """A home at 2022-11-28 with one funded account on the portfolio `core`."""
    home = folder / "home"
    create_home(home, Wishes(start="2022-11-28"))
    add_account(home, account, cash=cash)
    return home


def add_account(home: Path, account: str, *, cash: Decimal = CASH, **mandate: str) -> None:
    given = {"targets": "json/core.json", **mandate}
    open_account(open_desk(home), Opening(account=account, cash=cash, positions=None, mandate=given))


def write_mandate(home: Path, account: str, text: str) -> None:
    """Replace the mandate of an account that is open."""
    (home / "config" / "accounts" / f"{account}.yaml").write_text(text)


def reopened(home: Path) -> Desk:
    """What the next process sees."""
    return open_desk(home)

"""A ledger with one cycle under way, for what keeps the outputs of its steps."""

from pathlib import Path

from tests.contract.ledger_build import ACCOUNT, MONDAY, d, mandate

from prudent.ledger import LedgerStore, open_ledger

CYCLE = f"{ACCOUNT}/1/1"


def ledger_with_cycle(folder: Path) -> LedgerStore:
    """The ledger of a folder, with an account whose first cycle has begun."""
    ledger = open_ledger(folder / "ledger.sqlite")
    if not ledger.accounts():
        ledger.add_account(mandate(), cash=d("1000"), at=MONDAY)
        run = ledger.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
        ledger.next_cycle(run, at=MONDAY)
    return ledger

"""What a start finds after a killed process: orders whose fate must be asked, never guessed."""

from collections.abc import Sequence

from prudent.bootstrap import Desk
from prudent.workflows.adoption import Finding
from prudent.workflows.reconcile import reconcile

__all__ = ["Finding", "recover", "settle_orders"]


def recover(desk: Desk, accounts: Sequence[str] | None = None) -> tuple[Finding, ...]:
    """Hold these accounts (all that are open by default) against their broker; idempotent.

    An order that was approved but never reached SENDING did not leave: the cycle that it belongs to decides about it
    when it is carried on. One that may have left is adopted from what the broker shows, or stays UNKNOWN with its
    symbol locked until its absence is proved.
    """
    wanted = tuple(each.id for each in desk.ledger.accounts()) if accounts is None else accounts
    return tuple(finding for account in wanted for finding in settle_orders(desk, account))


def settle_orders(desk: Desk, account: str) -> tuple[Finding, ...]:
    """One look at the account's broker; gives what it changed."""
    return reconcile(desk, account).findings

"""Reconcile, resolve and unlock for a person: at the running engine, or in this process where none runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from prudent.bootstrap import Desk
from prudent.domain.errors import Temporary
from prudent.domain.records import Json, decode, encode
from prudent.workflows.lease import held_leases, home_lease
from prudent.workflows.orders import unlock_symbol
from prudent.workflows.reconcile import ReconcileReport, reconcile
from prudent.workflows.requests import Answer, Reach, Work, hand_over, kind

RECONCILE, UNLOCK = "reconcile", "unlock"


@kind(RECONCILE, reach=Reach.ACCOUNT)
def _reconcile(work: Work) -> Answer:
    """Hold an account against its broker now."""
    return {"report": encode(reconcile(work.desk, work.asked.account))}


@kind(UNLOCK, reach=Reach.ACCOUNT)
def _unlock(work: Work) -> Answer:
    """Lift what locks a symbol of an account."""
    lifted: list[Json] = list(
        unlock_symbol(work.desk, work.asked.account, work.text("symbol"), reason=work.text("reason"))
    )
    return {"lifted": lifted}


def reconcile_wherever(desk: Desk, account: str) -> ReconcileReport:
    """One look at an account's broker.

    Raises:
        Temporary: another process has the account and no engine answers for it.
    """
    answer = hand_over(desk, RECONCILE, {}, account=account)
    if answer is not None:
        return decode(ReconcileReport, answer["report"])
    with _held(desk, account):
        return reconcile(desk, account)


def unlock_wherever(desk: Desk, account: str, symbol: str, *, reason: str) -> tuple[str, ...]:
    """Lift what locks a symbol; gives what was lifted, in words."""
    answer = hand_over(desk, UNLOCK, {"symbol": symbol, "reason": reason}, account=account)
    if answer is not None:
        lifted = answer.get("lifted")
        return tuple(str(each) for each in lifted) if isinstance(lifted, list) else ()
    with _held(desk, account):
        return unlock_symbol(desk, account, symbol, reason=reason)


@contextmanager
def _held(desk: Desk, account: str) -> Iterator[None]:
    """Hold the home's lock and the account's lease, and begin no cycle."""
    with home_lease(desk.home), held_leases(desk) as leases:
        if account not in leases.take((account,)):
            raise Temporary(f"account {account} must be free, is traded by another process; try again in a minute")
        with desk.leased(leases):
            yield

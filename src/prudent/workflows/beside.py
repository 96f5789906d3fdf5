"""Changing an account by command: alone at the home, or beside a running engine while that leaves the account alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from prudent.bootstrap import Desk
from prudent.workflows.lease import HeldLeases, engine_id, home_holder, home_lease
from prudent.workflows.requests import live_engine

TURN_SECONDS = 15.0


@contextmanager
def account_turn(desk: Desk, account: str) -> Iterator[None]:
    """Have an account to oneself for a change of its money, its rules or itself.

    Raises:
        Temporary: another process works on it, or at this home without being an engine; the message names it.
    """
    if home_holder(desk.home) is None or live_engine(desk) is None:
        with home_lease(desk.home):
            yield
        return
    leases = HeldLeases(desk.ledger.leases, f"{engine_id(desk.home)}/{os.getpid()}")
    try:
        if desk.is_open_account(account):
            with leases.holding(account, seconds=TURN_SECONDS):
                yield
        else:
            # Nobody serves an account that is not open yet.
            yield
    finally:
        leases.close()

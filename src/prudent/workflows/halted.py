"""Cancel our orders where trading was halted, by whichever process, until nothing of ours is left there."""

import logging
from math import inf

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.accounts import TradingState
from prudent.domain.errors import DeskError
from prudent.workflows.control import cancel_own, traded

LOG = logging.getLogger("prudent.engine")
# A scope is looked at again after this long, and after twice as long each time that something is still left.
LEFT_SECONDS, LEFT_SECONDS_MAX = 10.0, 600.0
FAILED_SECONDS, FAILED_SECONDS_MAX = 0.25, 10.0

# Owner, account, symbol and since when; empty names are all of them.
_Scope = tuple[str, str, str, str]


class HaltedScopes:
    """The halted scopes of every owner that were met, when each is looked at again, and how often it was in vain."""

    def __init__(self, wall: SystemClock) -> None:
        self._wall = wall
        self._next: dict[_Scope, tuple[float, int]] = {}

    def look(self, desk: Desk) -> None:
        """Cancel in every scope of one owner that was halted since the last look.

        Where an order is left that did not end, because its cancel was lost or waits at the venue, and where somebody
        could not be asked, it is asked again later. One scope that fails keeps no other; the first failure is raised
        once all were tried.
        """
        owner = desk.ledger.owner
        halted = self._scopes(desk, owner)
        for scope in [each for each in self._next if each[0] == owner and each not in halted]:
            del self._next[scope]
        failures: list[DeskError] = []
        for scope in sorted(halted):
            due, tries = self._next.get(scope, (0.0, 0))
            if self._wall.monotonic() < due:
                continue
            try:
                left = self._cancelled(desk, scope, first=not tries)
                wait = min(LEFT_SECONDS * 2**tries, LEFT_SECONDS_MAX) if left else inf
            except DeskError as error:
                failures.append(error)
                wait = min(FAILED_SECONDS * 2**tries, FAILED_SECONDS_MAX)
            # Beyond this the wait has long been the longest.
            self._next[scope] = (self._wall.monotonic() + wait, min(tries + 1, 16))
        if failures:
            raise failures[0]

    def _cancelled(self, desk: Desk, scope: _Scope, *, first: bool) -> int:
        """How many orders of the scope are left that did not end."""
        _owner, account, symbol, _since = scope
        answers = cancel_own(desk, (account,) if account else traded(desk), symbol=symbol)
        left = sum(not each.status.is_done for each in answers)
        if answers or first:
            LOG.warning("halted", extra={
                "account": account, "symbol": symbol, "cancelled": len(answers) - left, "left": left,
            })  # fmt: skip
        return left

    def _scopes(self, desk: Desk, owner: str) -> set[_Scope]:
        halted = {
            (owner, row.account, row.symbol, row.at.isoformat())
            for row in desk.ledger.views.states() if row.state is TradingState.HALTED
        }  # fmt: skip
        if desk.stop_reason("") is not None and not any(each[1:3] == ("", "") for each in halted):
            # The file or this process alone says it: there is no row of the ledger to tell one halt from the next.
            halted.add((owner, "", "", "switch"))
        return halted

"""Cancel our orders where trading was halted, by whichever process, until nothing of ours is left there."""

import logging
from math import inf

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.accounts import TradingState
from prudent.workflows.control import cancel_own, traded

LOG = logging.getLogger("prudent.engine")
AGAIN_SECONDS = 10.0

# Owner, account, symbol and since when; empty names are all of them.
_Scope = tuple[str, str, str, str]


class HaltedScopes:
    """The halted scopes of every owner that were met, and when each is looked at again."""

    def __init__(self, wall: SystemClock) -> None:
        self._wall = wall
        self._next: dict[_Scope, float] = {}

    def look(self, desk: Desk) -> None:
        """Cancel in every scope of one owner that was halted since the last look.

        Where an order is left that did not end, because its cancel was lost or waits at the venue, it is asked again
        after `AGAIN_SECONDS`; a scope that could not be asked at all, at the next look.
        """
        owner = desk.ledger.owner
        halted = self._scopes(desk, owner)
        for scope in [each for each in self._next if each[0] == owner and each not in halted]:
            del self._next[scope]
        for scope in sorted(halted):
            if self._wall.monotonic() < self._next.get(scope, 0.0):
                continue
            _owner, account, symbol, _since = scope
            answers = cancel_own(desk, (account,) if account else traded(desk), symbol=symbol)
            left = sum(not each.status.is_done for each in answers)
            if answers or scope not in self._next:
                LOG.warning("halted", extra={
                    "account": account, "symbol": symbol, "cancelled": len(answers) - left, "left": left,
                })  # fmt: skip
            self._next[scope] = self._wall.monotonic() + AGAIN_SECONDS if left else inf

    def _scopes(self, desk: Desk, owner: str) -> set[_Scope]:
        halted = {
            (owner, row.account, row.symbol, row.at.isoformat())
            for row in desk.ledger.views.states() if row.state is TradingState.HALTED
        }  # fmt: skip
        if desk.stop_reason("") is not None and not any(each[1:3] == ("", "") for each in halted):
            # The file or this process alone says it: there is no row of the ledger to tell one halt from the next.
            halted.add((owner, "", "", "switch"))
        return halted

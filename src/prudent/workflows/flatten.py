"""Flatten an account: cancel what is live, close every position through the guards, and stand still afterwards."""

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode, TradingState
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import BlockedError, DeskError
from prudent.ledger.runs import FLATTEN
from prudent.workflows.control import Scope, halt
from prudent.workflows.cycle import CycleWanted, begin, carry_on


def flatten(desk: Desk, account: str, *, by: str, reason: str) -> CycleRecord:
    """Halt the account, close all its positions in a cycle of its own, and leave it HALTED. Only a person asks this.

    While the cycle runs, or waits for the market to open, the account is REDUCING: only what reduces risk may leave. A
    process that dies on the way leaves it HALTED or REDUCING, and its cycle is carried on by the next start.

    Raises:
        BlockedError: a stop of the platform, or a mode that sends nothing, would keep every exit; nothing was changed.
        CycleWaits: the market is closed; the cycle goes on when it opens.
    """
    cycle_id = begin_flatten(desk, account, by=by, reason=reason)
    return carry_on(desk, cycle_id)


def begin_flatten(desk: Desk, account: str, *, by: str, reason: str, key: str | None = None) -> str:
    """The first half, up to a cycle that `carry_on` runs: stopped, cancelled, begun and REDUCING. Gives its id."""
    if desk.mode not in (Mode.PAPER, Mode.LIVE):
        raise BlockedError(f"mode must be paper or live to flatten {account}, was {desk.mode}; nothing was changed")
    stop = desk.stop_reason("")
    if stop is not None:
        raise BlockedError(
            f"the platform must not be stopped to flatten {account}, was ({stop}): exits could not leave; "
            f"halt the accounts one by one, `invest resume`, then flatten. Nothing was changed"
        )
    halt(desk, Scope(account=account), state=TradingState.HALTED, reason=f"flatten: {reason}")
    wanted = CycleWanted(account=account, parameters={FLATTEN: reason}, key=key, started_by=f"{FLATTEN}:{by}")
    cycle_id = begin(desk, wanted)
    try:
        desk.ledger.set_state(
            account, TradingState.REDUCING, reason=f"cycle {cycle_id} flattens it: {reason}", at=desk.clock.now()
        )
    except DeskError:
        desk.ledger.fail_cycle(cycle_id, reason="its account could not be let go", at=desk.clock.now())
        raise
    desk.kill_switch.lift(account)
    return cycle_id

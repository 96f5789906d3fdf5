"""What the order path stops by itself: an account or a symbol is HALTED with the reason and what lifts it."""

from datetime import datetime

from sqlalchemy import select

from prudent.domain.accounts import TradingState
from prudent.ledger import audit, states
from prudent.ledger.database import Transaction
from prudent.ledger.schema import TRADING_STATES, mine

_ONE = select(TRADING_STATES).where(mine(TRADING_STATES, "account", "symbol"))


def standing(tx: Transaction, account: str, symbol: str) -> tuple[TradingState, str]:
    """State and reason set for exactly this symbol (or the whole account, empty)."""
    row = tx.one(_ONE, account=account, symbol=symbol)
    return (TradingState.ACTIVE, "") if row is None else (TradingState(row["state"]), str(row["reason"]))


def lock(
    tx: Transaction, account: str, *, reason: str, at: datetime, symbol: str = "",
    state: TradingState = TradingState.HALTED,
) -> None:  # fmt: skip
    """Stop an account, or one symbol of it; what stands stopped already keeps its own reason."""
    before, known = standing(tx, account, symbol)
    if before is TradingState.HALTED or before is state:
        if known != reason:
            audit.note(tx, "lock_repeated", account, at, {"symbol": symbol, "reason": reason, "stands": known})
        return
    states.set_state(tx, account, state, reason=reason, at=at, symbol=symbol)

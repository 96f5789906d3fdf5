"""Trading states: ACTIVE, REDUCING or HALTED per platform, account and symbol; the severest holds."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, or_, select, update

from prudent.domain.accounts import TradingState
from prudent.domain.records import utc_text
from prudent.ledger import accounts, audit
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import PLATFORM, TRADING_STATES, mine

_SEVERITY = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}

_ONE = select(TRADING_STATES).where(mine(TRADING_STATES, "account", "symbol"))
_FOR = (
    select(TRADING_STATES)
    .where(mine(TRADING_STATES), or_(TRADING_STATES.c.account == bindparam("account"),
                                     TRADING_STATES.c.account == PLATFORM))
    .order_by(TRADING_STATES.c.account, TRADING_STATES.c.symbol)
)  # fmt: skip
_ALL = select(TRADING_STATES).where(mine(TRADING_STATES)).order_by(TRADING_STATES.c.account, TRADING_STATES.c.symbol)
_ADD = insert(TRADING_STATES)
_SET = (
    update(TRADING_STATES)
    .where(mine(TRADING_STATES, "account", "symbol"))
    .values(state=bindparam("b_state"), reason=bindparam("b_reason"), at=bindparam("b_at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """One state with its scope: `account` may be the platform (empty), an empty symbol means all of the scope."""

    account: str
    symbol: str
    state: TradingState
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds for one account: the severest state over it, its symbols, and when it last became active."""

    state: TradingState
    reason: str
    symbols: tuple[tuple[str, TradingState], ...]
    resumed: str


def _row(row: Row) -> StateRow:
    return StateRow(
        account=row["account"], symbol=row["symbol"], state=TradingState(row["state"]), reason=row["reason"],
        at=moment(row["at"]),
    )  # fmt: skip


def listed(tx: Transaction) -> tuple[StateRow, ...]:
    """Every state that was ever set, platform first."""
    return tuple(_row(row) for row in tx.all(_ALL))


def standing(tx: Transaction, account: str) -> Standing:
    """The states that an account trades under."""
    rows = [_row(row) for row in tx.all(_FOR, account=account)]
    wide = [row for row in rows if not row.symbol]
    severest = max(wide, key=lambda row: _SEVERITY[row.state], default=None)
    symbols: dict[str, TradingState] = {}
    for row in rows:
        if row.symbol and row.state is not TradingState.ACTIVE:
            known = symbols.get(row.symbol, TradingState.ACTIVE)
            symbols[row.symbol] = max(known, row.state, key=_SEVERITY.__getitem__)
    resumed = max((utc_text(row.at) for row in wide if row.state is TradingState.ACTIVE), default="")
    if severest is None or severest.state is TradingState.ACTIVE:
        return Standing(state=TradingState.ACTIVE, reason="", symbols=tuple(sorted(symbols.items())), resumed=resumed)
    scope = "platform: " if severest.account == PLATFORM else ""
    return Standing(
        state=severest.state, reason=scope + severest.reason, symbols=tuple(sorted(symbols.items())), resumed=resumed
    )


def row(tx: Transaction, account: str, symbol: str = "") -> StateRow | None:
    """What was last set for exactly this scope; None where nothing ever was."""
    found = tx.one(_ONE, account=account, symbol=symbol)
    return None if found is None else _row(found)


def of_scope(tx: Transaction, account: str) -> tuple[TradingState, str]:
    """State and reason that were set for exactly this account, or for the platform (empty)."""
    row = tx.one(_ONE, account=account, symbol="")
    return (TradingState.ACTIVE, "") if row is None else (TradingState(row["state"]), str(row["reason"]))


def set_state(tx: Transaction, account: str, state: TradingState, *, reason: str, at: datetime, symbol: str) -> None:
    """Set the state of the platform (empty), an account, or one symbol of either."""
    if account != PLATFORM:
        accounts.find(tx, account)
    known = tx.one(_ONE, account=account, symbol=symbol)
    before = TradingState.ACTIVE if known is None else TradingState(known["state"])
    if known is None:
        tx.run(_ADD, account=account, symbol=symbol, state=str(state), reason=reason, at=utc_text(at))
    elif (known["state"], known["reason"]) == (str(state), reason) and state is not TradingState.ACTIVE:
        return  # a resume is an act each time: what is counted since the last one begins anew
    else:
        tx.run(
            _SET, account=account, symbol=symbol, b_state=str(state), b_reason=reason, b_at=utc_text(at)
        )  # fmt: skip
    audit.note(
        tx, "trading_state_set", account, at,
        {"symbol": symbol, "before": str(before), "state": str(state), "reason": reason},
    )  # fmt: skip

"""Stop, resume and cancel: effective at once, remembered over restarts, and never more than was asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from prudent.bootstrap import Desk
from prudent.domain.accounts import TradingState
from prudent.domain.orders import OrderReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a halt or resume is about: the platform, one account, or one symbol (of one account or of all)."""

    account: str = ""
    symbol: str = ""

    def __str__(self) -> str:
        parts = [f"account {self.account}"] if self.account else []
        parts += [f"symbol {self.symbol}"] if self.symbol else []
        return ", ".join(parts) or "the whole platform"


def halt(desk: Desk, scope: Scope, *, state: TradingState, reason: str) -> tuple[OrderReport, ...]:
    """Set HALTED (and cancel our own orders there) or REDUCING; returns what the cancels answered."""
    desk.ledger.set_state(scope.account, state, reason=reason, at=desk.clock.now(), symbol=scope.symbol)
    if not scope.account and not scope.symbol:
        desk.set_kill_file(reason if state is TradingState.HALTED else None)
    if state is not TradingState.HALTED:
        return ()
    return cancel_own(desk, (scope.account,) if scope.account else desk.account_ids(), symbol=scope.symbol)


def resume(desk: Desk, scope: Scope, *, reason: str) -> None:
    """Back to ACTIVE in that scope; other scopes keep their state.

    Resuming an account is a person's acknowledgement of its drawdown: the latches lift and its peak starts anew.
    """
    now = desk.clock.now()
    desk.ledger.set_state(scope.account, TradingState.ACTIVE, reason=reason, at=now, symbol=scope.symbol)
    if scope.account and not scope.symbol:
        desk.ledger.rearm(scope.account, reason=reason, at=now)
    if not scope.account and not scope.symbol:
        desk.set_kill_file(None)


def cancel_own(
    desk: Desk, accounts: Sequence[str], *, symbol: str = "", foreign_too: bool = False
) -> tuple[OrderReport, ...]:
    """Cancel our live orders by their refs; with `foreign_too` also those that others placed."""
    answers: list[OrderReport] = []
    for account in accounts:
        for order in desk.broker.snapshot(account).open_orders:
            if (order.ours or foreign_too) and symbol in ("", order.symbol):
                report = desk.broker.cancel(account, order.order_ref)
                if order.ours:
                    desk.ledger.reported(account, report, at=desk.clock.now())
                answers.append(report)
    return tuple(answers)

"""Stop, resume and cancel: effective at once, remembered over restarts, and never more than was asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prudent.bootstrap import Desk
from prudent.domain.accounts import TradingState
from prudent.domain.errors import BlockedError, DeskError, Temporary
from prudent.domain.notices import Event
from prudent.domain.orders import OrderReport
from prudent.ledger.valuations import DRAWDOWN, DRAWDOWN_HALT
from prudent.workflows.notices import happened, tell
from prudent.workflows.orders import at_venue, cancel_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a halt or resume is about: the platform, one account, or one symbol (of one account or of all)."""

    account: str = ""
    symbol: str = ""

    def __str__(self) -> str:
        parts = [f"account {self.account}"] if self.account else []
        parts += [f"symbol {self.symbol}"] if self.symbol else []
        return ", ".join(parts) or "the whole platform"

    @property
    def options(self) -> str:
        """The scope as options of a command, each after a space."""
        parts = [f" --account {self.account}"] if self.account else []
        return "".join(parts + ([f" --symbol {self.symbol}"] if self.symbol else []))


def halt(desk: Desk, scope: Scope, *, state: TradingState, reason: str) -> tuple[OrderReport, ...]:
    """Set HALTED (and cancel our own orders there) or REDUCING; returns what the cancels answered.

    HALTED is set in memory, in the file (for the platform) and in the ledger, each whether or not another fails; the
    first failure is raised once all were tried.

    Raises:
        BlockedError: the scope is HALTED, and REDUCING would let orders through again.
        Temporary: the scope is HALTED, but a venue could not be asked to cancel what is open there.
    """
    if state is not TradingState.HALTED:
        _check_tightens(desk, scope)
        _store(desk, scope, state, reason)
        _tell(desk, Event.STATE_CHANGED, scope, f"{scope} is {state}: {reason}")
        return ()
    failures: list[DeskError] = []
    if not scope.symbol:
        desk.kill_switch.stop(desk.ledger, scope.account, reason)
    if scope == Scope():
        _try(failures, lambda: desk.set_kill_file(reason))
    _try(failures, lambda: _store(desk, scope, state, reason))
    if not scope.symbol and not failures:
        desk.kill_switch.stored(scope.account)
    answers: list[OrderReport] = []
    left: list[DeskError] = []
    for account in (scope.account,) if scope.account else traded(desk):
        _try(left, lambda: answers.extend(cancel_own(desk, (account,), symbol=scope.symbol)))  # noqa: B023
    _tell(desk, Event.KILLSWITCH_ON, scope, f"{scope} is HALTED: {reason}")
    if failures:
        raise failures[0]
    if left:
        raise Temporary(
            f"{scope} is HALTED and sends nothing more, but its open orders could not be cancelled: {left[0]}; "
            "a running engine tries again, so does `invest cancel-all`"
        ) from left[0]
    return tuple(answers)


def traded(desk: Desk) -> tuple[str, ...]:
    """Accounts that have a book at the venue; one that is only configured has nothing to cancel."""
    return tuple(account for account in desk.account_ids() if desk.is_open_account(account))


def resume(desk: Desk, scope: Scope, *, reason: str) -> None:
    """Back to ACTIVE in that scope; other scopes keep their state, and latches of a loss or drawdown hold on."""
    _store(desk, scope, TradingState.ACTIVE, reason)
    if not scope.symbol:
        desk.kill_switch.lift(scope.account)
    if scope == Scope():
        desk.set_kill_file(None)
    _tell(desk, Event.KILLSWITCH_OFF, scope, f"{scope} is ACTIVE: {reason}")


def acknowledge_drawdown(desk: Desk, account: str, *, reason: str) -> tuple[str, ...]:
    """A person has seen the drawdown: its latches lift and the peak starts anew. Gives the latches that held.

    A trading state that the drawdown set stays, and so does the end of an arming: each has a way out of its own.

    Raises:
        BlockedError: no latch of a drawdown holds, so there is nothing to acknowledge.
    """
    held = tuple(
        each.kind for each in desk.ledger.permissions.latches(account) if each.kind in (DRAWDOWN, DRAWDOWN_HALT)
    )
    if not held:
        raise BlockedError(f"a drawdown of {account} must hold to be acknowledged, none does; see `invest status`")
    desk.ledger.rearm(account, reason=reason, at=desk.clock.now())
    return held


def cancel_own(
    desk: Desk, accounts: Sequence[str], *, symbol: str = "", foreign_too: bool = False
) -> tuple[OrderReport, ...]:
    """Cancel our live orders by their refs; with `foreign_too` also those that others placed.

    Ours are those that the venue shows, whatever the ledger holds of them, and those that may be there although it
    does not show them. Every order of every account is tried; the first failure is raised once all were.
    """
    answers: list[OrderReport] = []
    failures: list[DeskError] = []
    for account in accounts:
        for ref, is_shown in _wanted(desk, account, symbol, foreign_too=foreign_too, failures=failures).items():
            _try(failures, lambda: answers.append(cancel_order(desk, account, ref, shown=is_shown)))  # noqa: B023
    if failures:
        raise failures[0]
    return tuple(answers)


def _wanted(
    desk: Desk, account: str, symbol: str, *, foreign_too: bool, failures: list[DeskError]
) -> dict[str, bool]:  # fmt: skip
    """The orders of an account that are to be cancelled, and whether the venue shows them."""
    try:
        orders = desk.broker_of(account).snapshot(account).open_orders
        there = {order.order_ref: order.symbol for order in orders if order.ours or foreign_too}
        every = {**at_venue(desk, account), **there}
    except DeskError as error:
        failures.append(error)
        return {}
    return {ref: ref in there for ref, of in every.items() if symbol in ("", of)}


def _check_tightens(desk: Desk, scope: Scope) -> None:
    row = next((r for r in desk.ledger.views.states() if (r.account, r.symbol) == (scope.account, scope.symbol)), None)
    if row is not None and row.state is TradingState.HALTED:
        raise BlockedError(
            f"{scope} must not be HALTED to become REDUCING, was: {row.reason}; a halt only tightens, "
            f"first `invest resume{scope.options}`"
        )


def _store(desk: Desk, scope: Scope, state: TradingState, reason: str) -> None:
    desk.ledger.set_state(scope.account, state, reason=reason, at=desk.clock.now(), symbol=scope.symbol)


def _try(failures: list[DeskError], act: Callable[[], None]) -> None:
    """What stops trading is tried whole: one part that fails must not keep the others."""
    try:
        act()
    except DeskError as error:
        failures.append(error)


def _tell(desk: Desk, event: Event, scope: Scope, title: str) -> None:
    tell(desk, happened(desk, event, title, account=scope.account, reason=title, subject=f"{scope.symbol}|{title}"))

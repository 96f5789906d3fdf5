"""Every lock that keeps orders from leaving, why it holds, and the exact command that lifts it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prudent.bootstrap import KILL_FILE, Desk
from prudent.domain.accounts import Mode, TradingState
from prudent.domain.orders import OrderStatus
from prudent.guards.catalogue import DECIDER_FAILURES_MAX, REFUSED_SHARE_MAX
from prudent.ledger.valuations import DAILY_LOSS, DRAWDOWN, DRAWDOWN_HALT, STOPPED, Latch
from prudent.workflows.control import Scope

_WHY = " --reason …"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One lock: its scope, what it is, why and since when it holds, and how it is lifted (a command, or time)."""

    account: str
    symbol: str
    lock: str
    reason: str
    way_out: str
    since: datetime | None = None

    @property
    def line(self) -> str:
        scope = " ".join(part for part in (self.account or "platform", self.symbol) if part)
        return f"{scope}: {self.lock}: {self.reason}; {self.way_out}"


def locks(desk: Desk) -> tuple[Lock, ...]:
    """All of them, the platform's first, then account by account."""
    found = [*_file(desk), *_states(desk)]
    for account in desk.account_ids():
        if desk.is_open_account(account):
            found += [*_latches(desk, account), *_decider(desk, account), *_orders(desk, account)]
            found += _interlocks(desk, account)
    return tuple(found)


def _file(desk: Desk) -> Iterator[Lock]:
    killed = desk.kill_switch.reasons(desk.ledger, "")
    told = ("it cannot be read",) if killed is None else killed
    rows = [row for row in desk.ledger.views.states() if not row.account and not row.symbol]
    by_row = any(row.state is TradingState.HALTED for row in rows)
    for reason in told if not by_row else told[: max(0, len(told) - 1)]:
        yield Lock(
            account="", symbol="", lock=f"kill switch ({KILL_FILE} in the home)", reason=reason,
            way_out=f"invest resume{_WHY}",
        )  # fmt: skip


def _states(desk: Desk) -> Iterator[Lock]:
    for row in desk.ledger.views.states():
        if row.state is not TradingState.ACTIVE:
            scope = Scope(account=row.account, symbol=row.symbol)
            yield Lock(
                account=row.account, symbol=row.symbol, lock=str(row.state), reason=row.reason, since=row.at,
                way_out=f"invest resume{scope.options}{_WHY}",
            )  # fmt: skip


def _latches(desk: Desk, account: str) -> Iterator[Lock]:
    session = desk.calendar.session_of(desk.clock.now()).date
    for latch in desk.ledger.permissions.latches(account):
        if latch.kind == DAILY_LOSS and latch.session != session:
            continue
        kind, way_out = _way_out(desk, account, latch)
        symbol = latch.kind.removeprefix(STOPPED) if latch.kind.startswith(STOPPED) else ""
        if way_out:
            yield Lock(
                account=account, symbol=symbol, lock=kind, reason=latch.reason, since=latch.at, way_out=way_out
            )  # fmt: skip


def _way_out(desk: Desk, account: str, latch: Latch) -> tuple[str, str]:
    """What the latch is, and what lifts it; nothing where its time is over."""
    acknowledge = f"invest drawdown acknowledge {account}{_WHY}"
    if latch.kind == DRAWDOWN_HALT:
        return "drawdown limit of the platform", acknowledge
    if latch.kind == DRAWDOWN:
        rearm = desk.mandate(account).limits.drawdown_rearm
        return "drawdown cut made", f"lifts above {-rearm:.0%} of the peak, or {acknowledge}"
    if latch.kind == DAILY_LOSS:
        return "daily loss", "lifts with the next session"
    days = desk.mandate(account).exits.reentry_days
    left = days - (desk.calendar.session_of(desk.clock.now()).date - latch.session).days
    return "stopped out", f"may be bought again in {left} days" if left > 0 else ""


def _decider(desk: Desk, account: str) -> Iterator[Lock]:
    """X07: a decider that failed too often, or whose orders were refused too often, is suspended."""
    now = desk.clock.now()
    history = desk.ledger.history(account, session=desk.calendar.session_of(now).date, at=now)
    way_out = f"invest resume --account {account}{_WHY}"
    if history.decider_failures_in_row >= DECIDER_FAILURES_MAX:
        reason = f"{history.decider_failures_in_row} invalid answers in a row"
        yield Lock(account=account, symbol="", lock="decider suspended", reason=reason, way_out=way_out)
    elif history.refused_share_5_cycles > REFUSED_SHARE_MAX:
        reason = f"{history.refused_share_5_cycles:.0%} of the orders of five cycles were refused"
        yield Lock(account=account, symbol="", lock="decider suspended", reason=reason, way_out=way_out)


def _orders(desk: Desk, account: str) -> Iterator[Lock]:
    """R04: an order of which nobody knows what the broker has, or that nobody here placed."""
    unknown = set(desk.switches(account, desk.mode).in_doubt or ())
    for order in desk.ledger.pending_orders(account):
        if order.order_ref in unknown:
            yield Lock(
                account=account, symbol=order.symbol, lock="unknown order", since=order.sent,
                reason=f"nobody knows what became of {order.side} {order.quantity} {order.symbol} {order.order_ref}",
                way_out=f"invest reconcile {account}",
            )  # fmt: skip
        elif order.state is OrderStatus.HELD:
            yield Lock(
                account=account, symbol=order.symbol, lock="held order", since=order.sent,
                reason=f"the broker has not accepted order {order.order_ref}", way_out=f"invest reconcile {account}",
            )  # fmt: skip
        elif order.state is OrderStatus.ORPHAN and not order.unlocked:
            yield Lock(
                account=account, symbol=order.symbol, lock="foreign order", since=order.approved,
                reason=f"nobody here placed order {order.order_ref}",
                way_out=f"lifts when it ends, or invest unlock {order.symbol} --account {account}{_WHY}",
            )  # fmt: skip


def _interlocks(desk: Desk, account: str) -> Iterator[Lock]:
    """Interlocks that nothing above tells of: those of the lease are taken by each run, so they are no lock here."""
    told = {"M04", "M08", "M09"}
    for each in desk.interlocks(account, desk.mode):
        if not each.satisfied and each.id not in told and desk.mode in (Mode.PAPER, Mode.LIVE):
            yield Lock(
                account=account, symbol="", lock=f"{each.id} {each.name}", reason=each.detail,
                way_out="see `invest doctor`",
            )  # fmt: skip

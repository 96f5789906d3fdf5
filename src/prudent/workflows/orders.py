"""What is done to an order besides sending it: cancelled, resolved by a person, and the lock on its symbol lifted."""

from decimal import Decimal

from prudent.bootstrap import Desk
from prudent.domain.accounts import TradingState
from prudent.domain.errors import StoreError, Temporary
from prudent.domain.futures import point_value
from prudent.domain.instruments import CASH
from prudent.domain.money import ZERO
from prudent.domain.orders import OrderReport, OrderStatus, Side
from prudent.ledger.settlement import Adjustment, Word
from prudent.ledger.transitions import AT_VENUE
from prudent.pipeline.breaks import Break, BreakKind, breaks_between

BREAK_WORDS = ("position break", "cash break")


def cancel_order(desk: Desk, account: str, order_ref: str, *, shown: bool = False) -> OrderReport:
    """Ask to cancel one order, ours or not; that it was filled already, or cannot be cancelled, is a normal answer.

    What is asked is written before it is asked. A cancel passes every guard and every stop; where it cannot even be
    written it is asked all the same. An order that the venue has `shown` is cancelled there whatever the ledger holds
    of it, also one that it holds for ended. Gives what is known of the order afterwards.
    """
    clock = desk.clock
    known = desk.ledger.found(account, (order_ref,)).get(order_ref)
    over = known is not None and known.status.is_done
    if known is not None and not shown and (over or known.status is OrderStatus.APPROVED):
        return known
    unwritten: StoreError | None = None
    if known is not None:
        try:
            desk.ledger.cancelling(account, order_ref, at=clock.now())
        except StoreError as error:
            unwritten = error
    try:
        answer = desk.broker_of(account).cancel(account, order_ref)
    except Temporary:
        # Nobody can say whether the cancel arrived: it stays asked for, and reconciling tells what became of it.
        return desk.ledger.found(account, (order_ref,)).get(order_ref) or known or _unknown(order_ref)
    if unwritten is not None:
        raise unwritten
    if known is None:
        return answer
    if answer.status is not OrderStatus.NOT_SENT:
        # That it is not found settles nothing: it may be on its way there.
        desk.ledger.reported(account, answer, at=clock.now())
    # The end of what was over stands as it is booked; what a person wants to hear is what became of it at the venue.
    return answer if over else desk.ledger.found(account, (order_ref,))[order_ref]


def _unknown(order_ref: str) -> OrderReport:
    return OrderReport(
        order_ref=order_ref, symbol="", side=Side.BUY, quantity=ZERO, status=OrderStatus.UNKNOWN,
        message="the venue could not be asked to cancel it; try again",
    )  # fmt: skip


def at_venue(desk: Desk, account: str) -> dict[str, str]:
    """Our own orders that may be live at the venue, with their symbols."""
    pending = desk.ledger.pending_orders(account)
    return {order.order_ref: order.symbol for order in pending if order.state in AT_VENUE and not order.dry}


def stop_new_risk(desk: Desk, account: str) -> tuple[OrderReport, ...]:
    """X01 has fired: what of ours rests at the venue and would add risk is cancelled."""
    if not desk.ledger.daily_loss_latched(account, desk.calendar.session_of(desk.clock.now()).date):
        return ()
    resting = (
        order for order in desk.ledger.pending_orders(account)
        if order.state in (OrderStatus.ACKED, OrderStatus.PARTIAL) and not order.effect.reduces and not order.dry
    )  # fmt: skip
    return tuple(cancel_order(desk, account, order.order_ref) for order in resting)


def resolve_order(desk: Desk, order_ref: str, word: Word) -> OrderReport:
    """A person settles the fate of an order that nobody else can; `InputError` when it is nobody's order."""
    account = desk.ledger.account_of_order(order_ref)
    return desk.ledger.resolve(account, order_ref, word, at=desk.clock.now())


def unlock_symbol(desk: Desk, account: str, symbol: str, *, reason: str) -> tuple[str, ...]:
    """Lift what locks a symbol, or with CASH what a cash break locked; a difference to the broker is taken over first.

    Raises:
        BlockedError: an order of ours in the symbol has no known fate; that is settled first.
        Temporary: the broker cannot be asked what it holds.
    """
    now = desk.clock.now()
    lifted = list(desk.ledger.unlock(account, symbol, reason=reason, at=now)) if symbol != CASH else []
    for each in current_breaks(desk, account):
        if each.symbol == symbol:
            change = adjustment_of(desk, account, each)
            desk.ledger.adjust(account, change, reason=reason, at=now)
            lifted.append(f"{each.words} was taken over")
    if symbol == CASH:
        state, why = desk.ledger.lock_of(account, "")
        if state is not TradingState.ACTIVE and why.startswith(BREAK_WORDS):
            desk.ledger.set_state(account, TradingState.ACTIVE, reason=reason, at=now)
            lifted.append(f"{state}: {why}")
    return tuple(lifted)


def current_breaks(desk: Desk, account: str) -> tuple[Break, ...]:
    """Where the broker's book differs from the ledger's at this moment."""
    snapshot = desk.broker_of(account).snapshot(account)
    return breaks_between(
        held(desk, account), desk.ledger.views.money(account).cash, snapshot,
        at_venue=desk.ledger.at_venue(account),
    )  # fmt: skip


def held(desk: Desk, account: str) -> dict[str, Decimal]:
    """The ledger's positions."""
    return {row.symbol: row.quantity for row in desk.ledger.views.positions(account)}


def adjustment_of(desk: Desk, account: str, found: Break) -> Adjustment:
    """What the ledger books to agree with the broker: a split moves no cost, a trade costs what it cost in cash."""
    cost = ZERO
    if found.symbol != CASH and found.kind is not BreakKind.CORPORATE_ACTION:
        rows = {row.symbol: row for row in desk.ledger.views.positions(account)}
        row = rows.get(found.symbol)
        theirs = {p.symbol: p.average_cost for p in desk.broker_of(account).snapshot(account).positions}
        average = theirs.get(found.symbol) or (row.average_cost if row is not None else ZERO)
        cost = -found.cash if found.cash else found.gap * average * point_value(found.symbol)
        if found.theirs == 0 and row is not None:
            cost = -row.cost
    return Adjustment(
        symbol=found.symbol, quantity=ZERO if found.symbol == CASH else found.gap,
        cost=cost.quantize(Decimal("0.01")), cash=found.cash, kind=str(found.kind),
    )  # fmt: skip

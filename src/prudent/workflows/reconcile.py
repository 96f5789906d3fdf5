"""Hold one account against its broker: adopt, book, lock what cannot be explained, prove absence; never trade."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode, TradingState
from prudent.domain.errors import BlockedError, Temporary
from prudent.domain.instruments import CASH
from prudent.domain.money import ZERO
from prudent.domain.notices import Event
from prudent.domain.orders import OrderStatus
from prudent.ledger.accounts import exchange_date
from prudent.ledger.orders import PendingOrder
from prudent.ledger.reconciliations import Reconciled
from prudent.pipeline.absence import Missing, ReconcileMemory, Round, not_proved, rounds_apart
from prudent.pipeline.breaks import Break, breaks_between
from prudent.ports import NO_PERMIT, Link, Listing, Permit
from prudent.workflows.adoption import UNSENT, Finding, Look, adopt, subject_of
from prudent.workflows.notices import happened, tell
from prudent.workflows.orders import BREAK_WORDS, held, stop_new_risk

S = OrderStatus
EVERY = timedelta(seconds=60)
EVERY_IN_DOUBT = timedelta(seconds=10)
TICKET_AFTER = timedelta(minutes=10)
_IN_DOUBT = (S.SENDING, S.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileReport:
    """One look at an account: `complete` when the broker answered everything, `clean` when nothing is left open."""

    account: str
    session: str
    at: datetime
    complete: bool
    clean: bool
    findings: tuple[Finding, ...] = ()
    breaks: tuple[Break, ...] = ()
    unknown: tuple[str, ...] = ()
    problem: str = ""


def due(desk: Desk, account: str, *, memory: ReconcileMemory | None = None) -> bool:
    """True when the account should be looked at: never yet, on a new session, each minute, sooner while in doubt."""
    known = _memory(desk, memory).looked.get(account)
    if known is None:
        return True
    session, at = known
    since = desk.clock.now() - at
    if since >= EVERY:
        return True
    in_doubt = any(each.state in _IN_DOUBT for each in desk.ledger.pending_orders(account))
    if in_doubt and since >= EVERY_IN_DOUBT:
        return True
    try:
        return desk.broker_of(account).link(account).session != session
    except Temporary:
        return False


def reconcile(desk: Desk, account: str, *, memory: ReconcileMemory | None = None) -> ReconcileReport:
    """Compare one round of the broker's answers with the ledger; the caller holds the account's lease.

    What the broker shows is adopted and booked. An order that it does not show is UNKNOWN, and ends only by proof of
    absence or by a person. A difference between the books is named and locks its symbol; nothing is ever traded for
    it. A venue without quiet time is asked twice at once, where a second answer can settle something.
    """
    kept = _memory(desk, memory)
    first = _once(desk, account, kept)
    if desk.broker_of(account).traits.quiet_seconds or first.clean or not first.complete:
        return first
    second = _once(desk, account, kept)
    return replace(second, findings=(*first.findings, *second.findings))


def _memory(desk: Desk, memory: ReconcileMemory | None) -> ReconcileMemory:
    return desk.reconciling if memory is None else memory


def _once(desk: Desk, account: str, memory: ReconcileMemory) -> ReconcileReport:
    look = Look(desk=desk, account=account, memory=memory)
    _end_unsent(look)
    try:
        link, listing = _ask(desk, account)
    except Temporary as error:
        return _unanswered(look, str(error))
    adopt(look, listing)
    rounds = memory.asked(listing, link)
    memory.looked[account] = (link.session, look.now)
    complete = bool(rounds) and rounds[-1].asked == listing.asked
    _doubt(look, listing, link, complete=complete)
    breaks, open_gaps = _compare(look, listing) if complete else ((), ())
    unknown = _judge_missing(look, listing, link, rounds)
    if desk.mode is not Mode.DRY_RUN:
        stop_new_risk(desk, account)
    in_doubt = tuple(each.order_ref for each in look.pending() if each.state in _IN_DOUBT)
    problem = "" if complete else "the broker's lists did not all end, or its link is not up"
    report = ReconcileReport(
        account=account, session=link.session, at=look.now, complete=complete,
        clean=complete and not in_doubt and not breaks and not open_gaps and not look.untold,
        findings=tuple(look.findings), breaks=breaks, unknown=unknown, problem=problem,
    )  # fmt: skip
    _keep(desk, report, open_gaps)
    return report


def _ask(desk: Desk, account: str) -> tuple[Link, Listing]:
    """One round of questions; a session that changed while it was asked makes it incomplete."""
    listing = desk.broker_of(account).listing(account)
    link = desk.broker_of(account).link(account)
    return link, replace(listing, complete=listing.complete and link.up and listing.session == link.session)


def _unanswered(look: Look, problem: str) -> ReconcileReport:
    """The broker cannot be asked: what may have left is UNKNOWN, and all that is not stays locked."""
    for order in look.pending():
        if order.state is S.SENDING:
            _mark_unknown(look, order, f"nobody could be asked about it: {problem}")
    unknown = tuple(each.order_ref for each in look.pending() if each.state is S.UNKNOWN)
    report = ReconcileReport(
        account=look.account, session="", at=look.now, complete=False, clean=False, findings=tuple(look.findings),
        unknown=unknown, problem=problem,
    )  # fmt: skip
    _keep(look.desk, report, ())
    return report


def _keep(desk: Desk, report: ReconcileReport, gaps: Sequence[Break]) -> None:
    detail = [report.problem] if report.problem else []
    detail += [f"order {ref} is UNKNOWN" for ref in report.unknown]
    detail += [each.words for each in report.breaks]
    detail += [f"{each.words}, to be confirmed" for each in gaps]
    desk.ledger.reconciled(
        Reconciled(
            account=report.account, session=report.session, at=report.at, clean=report.clean, detail=tuple(detail)
        )
    )


def _end_unsent(look: Look) -> None:
    """What was approved and never claimed did not leave; the cycle that it belongs to decides while that is alive."""
    ledger = look.desk.ledger
    alive = {*ledger.interrupted_cycles(), *(each.wait.cycle for each in ledger.waiting())}
    for order in ledger.pending_orders(look.account):
        over = f"{order.account}/{order.run}/{order.cycle}" not in alive
        if over and (order.state in UNSENT or (order.dry and order.state is S.SENDING)):
            reason = "approved but never sent before the process ended"
            ledger.never_left(look.account, order.order_ref, reason=reason, at=look.now)
            look.note(subject_of(order), f"left in state {order.state}", f"it never left: {S.NOT_SENT}")


def _doubt(look: Look, listing: Listing, link: Link, *, complete: bool) -> None:
    """What may be at the venue and is not shown there is UNKNOWN; acknowledged orders only on a quiet link."""
    shown = {order.order_ref for order in listing.orders} | {fill.order_ref for fill in listing.fills}
    quiet = timedelta(seconds=look.desk.broker_of(look.account).traits.quiet_seconds)
    settled = complete and (link.quiet_since is None or listing.asked >= link.quiet_since + quiet)
    for order in look.pending():
        if order.order_ref in shown or order.state in (*UNSENT, S.UNKNOWN):
            continue
        if order.state is S.SENDING:
            _mark_unknown(look, order, "sent, and the broker does not show it")
        elif settled and order.state is S.ORPHAN:
            look.desk.ledger.orphan_gone(look.account, order.order_ref, at=look.now)
            look.note(subject_of(order), "it was placed by others", "no longer at the venue")
        elif settled and not _answers(look, order):
            _mark_unknown(look, order, f"it was {order.state}, and the broker does not show it any more")


def _answers(look: Look, order: PendingOrder) -> bool:
    """The venue knows the order when it is asked by its ref, although its lists leave it out."""
    (report,) = look.desk.broker_of(look.account).reports(look.account, (order.order_ref,))
    return report.status is not S.NOT_SENT


def _mark_unknown(look: Look, order: PendingOrder, reason: str) -> None:
    if look.desk.ledger.in_doubt(look.account, order.order_ref, reason=reason, at=look.now):
        look.note(subject_of(order), f"left in state {order.state}", f"UNKNOWN, {order.symbol} is locked: {reason}")
        tell(look.desk, happened(
            look.desk, Event.ORDER_UNKNOWN, f"nobody knows what became of {subject_of(order)}", reason,
            account=look.account, reason="unknown", subject=order.order_ref,
        ))  # fmt: skip


def _judge_missing(look: Look, listing: Listing, link: Link, rounds: Sequence[Round]) -> tuple[str, ...]:
    """End what is proved absent; call a person to what stays unknown too long. Gives what is left."""
    left: list[str] = []
    shown = {order.order_ref for order in listing.orders} | {fill.order_ref for fill in listing.fills}
    for order in look.pending():
        if order.state is not S.UNKNOWN or order.order_ref in shown or order.sent is None:
            continue
        missing = Missing(
            order_ref=order.order_ref, sent=max(order.sent, look.memory.left.get(order.order_ref, order.sent)),
            session=order.session,
            same_day=exchange_date(order.sent) == exchange_date(look.now),
            explained=_quantity(listing, order.symbol) == held(look.desk, look.account).get(order.symbol, ZERO),
        )  # fmt: skip
        quiet = look.desk.broker_of(look.account).traits.quiet_seconds
        needed = not_proved(missing, rounds, link, quiet_seconds=quiet, now=look.now)
        if needed or _answers(look, order) or not _end_absent(look, order, rounds):
            left.append(order.order_ref)
            _call_a_person(look, order, needed)
    return tuple(left)


def _quantity(listing: Listing, symbol: str) -> Decimal:
    return sum((p.quantity for p in listing.snapshot.positions if p.symbol == symbol), ZERO)


def _end_absent(look: Look, order: PendingOrder, rounds: Sequence[Round]) -> bool:
    """The verdict, under the account's lease; who has lost it may not judge."""
    last = rounds[-1]
    try:
        end = look.desk.ledger.absent(
            look.account, order.order_ref, at=look.now, permit=_permit(look.desk, look.account),
            evidence={
                "proof": f"rounds of {rounds[0].asked.isoformat()} and {last.asked.isoformat()} without it",
                "session": last.session, "sent_session": order.session,
            },
        )  # fmt: skip
    except BlockedError:
        return False
    look.note(subject_of(order), "left in state UNKNOWN", f"proved absent at the venue: {end}")
    return True


def _permit(desk: Desk, account: str) -> Permit:
    try:
        return desk.permit(account)
    except Temporary:
        return NO_PERMIT


def _call_a_person(look: Look, order: PendingOrder, needed: str) -> None:
    if order.sent is None or look.now - order.sent < TICKET_AFTER:
        return
    reason = f"its fate is unknown for more than {TICKET_AFTER.seconds // 60} minutes; the proof still needs {needed}"
    if look.desk.ledger.open_ticket(look.account, order.order_ref, reason=reason, at=look.now):
        way_out = f"ask the broker, then `invest orders resolve {order.order_ref} --as filled|not-sent`"
        tell(look.desk, happened(
            look.desk, Event.TICKET_OPENED, f"{subject_of(order)} needs a person", reason, way_out,
            account=look.account, reason="unknown", subject=order.order_ref,
        ))  # fmt: skip


def _compare(look: Look, listing: Listing) -> tuple[tuple[Break, ...], tuple[Break, ...]]:
    """Positions exact, cash to the cent: what differs in two rounds locks; gives those, and those seen once."""
    desk, account = look.desk, look.account
    found = breaks_between(
        held(desk, account), desk.ledger.views.money(account).cash, listing.snapshot,
        at_venue=desk.ledger.at_venue(account), untold=frozenset(look.untold),
    )  # fmt: skip
    apart = rounds_apart(desk.broker_of(account).traits.quiet_seconds)
    gaps = {each.symbol: each.gap for each in found}
    sure = look.memory.confirmed(account, gaps, listing.asked, apart)
    confirmed = tuple(each for each in found if each.symbol in sure)
    for each in confirmed:
        _lock_break(look, each)
    if not look.untold:
        _lift_healed(look, frozenset(gaps))
    return confirmed, tuple(each for each in found if each.symbol not in sure)


def _lock_break(look: Look, found: Break) -> None:
    """CASH stops new risk of the account, a symbol everything in it; a person takes the difference over."""
    symbol = "" if found.symbol == CASH else found.symbol
    state = TradingState.HALTED if symbol else TradingState.REDUCING
    reason = f"{found.words}; `invest unlock {found.symbol} --account {look.account}` takes the broker's"
    before, known = look.desk.ledger.lock_of(look.account, symbol)
    if before is not TradingState.ACTIVE and known == reason:
        return
    if known.startswith(BREAK_WORDS):
        look.desk.ledger.set_state(look.account, state, reason=reason, at=look.now, symbol=symbol)
    else:
        look.desk.ledger.lock(look.account, reason=reason, at=look.now, symbol=symbol, state=state)
    look.note(found.symbol, found.words, f"{symbol or 'new risk of the account'} is locked, nothing was traded for it")
    tell(look.desk, happened(
        look.desk, Event.POSITION_BREAK, found.words, reason, account=look.account, reason="position_break",
        subject=found.symbol,
    ))  # fmt: skip


def _lift_healed(look: Look, still: frozenset[str]) -> None:
    """A lock that a break set is lifted once both books agree again; every other lock waits for a person."""
    for row in look.desk.ledger.views.states():
        name = row.symbol or CASH
        ours = row.account == look.account and row.reason.startswith(BREAK_WORDS)
        if ours and row.state is not TradingState.ACTIVE and name not in still:
            reason = f"both books agree again in {name}"
            look.desk.ledger.set_state(
                look.account, TradingState.ACTIVE, reason=reason, at=look.now, symbol=row.symbol
            )
            look.note(name, row.reason, reason)

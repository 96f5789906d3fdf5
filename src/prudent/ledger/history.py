"""What the ledger remembers of an account when a cycle observes it."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import and_, bindparam, func, not_, or_, select

from prudent.domain.accounts import AccountHistory, RecentOrder, StoppedOut, TradingState
from prudent.domain.money import ZERO
from prudent.domain.orders import OrderStatus, Side
from prudent.domain.proposals import Answer
from prudent.domain.reasoning import LLM_FAILED
from prudent.domain.records import utc_text
from prudent.ledger import breaches, orders, states, terms, valuations
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import Books, moment
from prudent.ledger.schema import CYCLES, ORDERS, RUNS, VALUATIONS, among, mine
from prudent.ledger.transitions import NEVER_LEFT, UNSETTLED

RECENT = timedelta(minutes=10)
CYCLES_JUDGED = 5
SHARE_STEP = Decimal("0.000001")
_BEGINNING = date.min.isoformat()

_SESSION_BEFORE = select(func.max(VALUATIONS.c.session).label("session")).where(
    mine(VALUATIONS, "account"), VALUATIONS.c.session < bindparam("session")
)
_COUNTED = (ORDERS.c.dry == 0) & not_(among(ORDERS.c.state, tuple(NEVER_LEFT - {OrderStatus.APPROVED})))
_TODAY = (
    select(func.count().label("n"))
    .select_from(ORDERS)
    .where(
        mine(ORDERS, "account"),
        ORDERS.c.exchange_date > bindparam("after"),
        ORDERS.c.exchange_date <= bindparam("upto"),
        _COUNTED,
        ORDERS.c.state != str(OrderStatus.ORPHAN),
    )
)
_RECENT = (
    select(
        ORDERS.c.order_ref, ORDERS.c.symbol, ORDERS.c.side, ORDERS.c.quantity, ORDERS.c.approved, ORDERS.c.state
    )
    .where(
        mine(ORDERS, "account"),
        ORDERS.c.approved > bindparam("since"),
        ORDERS.c.approved <= bindparam("upto"),
        ORDERS.c.dry == 0,
        not_(among(ORDERS.c.state, (OrderStatus.PROPOSED, OrderStatus.DENIED))),
    )
    .order_by(ORDERS.c.approved, ORDERS.c.order_ref)
)  # fmt: skip
_UNSETTLED = (
    select(ORDERS.c.symbol)
    .distinct()
    .where(
        mine(ORDERS, "account"),
        or_(
            among(ORDERS.c.state, tuple(UNSETTLED)),
            and_(ORDERS.c.state == str(OrderStatus.ORPHAN), ORDERS.c.unlocked.is_(None)),
        ),
        ORDERS.c.dry == 0,
    )
    .order_by(ORDERS.c.symbol)
)
_LAST_RUN = (
    select(RUNS.c.run)
    .where(mine(RUNS, "account"), RUNS.c.mode != "dry_run")
    .order_by(RUNS.c.run.desc())
    .limit(1)
)  # fmt: skip
_JUDGED = (
    select(CYCLES.c.answer, CYCLES.c.code, CYCLES.c.orders_planned, CYCLES.c.orders_refused)
    .where(
        mine(CYCLES, "account", "run"),
        CYCLES.c.record_digest.is_not(None),
        CYCLES.c.started > bindparam("resumed"),
    )
    .order_by(CYCLES.c.cycle.desc())
    .limit(50)
)


def history(tx: Transaction, books: Books, account: str, *, session: date, at: datetime) -> AccountHistory:
    """Everything that guards and exits need of the past; what is not known is None."""
    opened = valuations.opening(tx, account, session)
    valued = valuations.last(tx, account)
    latched = valuations.latches(tx, account)
    standing = states.standing(tx, account)
    judged = _judged_cycles(tx, account, standing.resumed)
    flows = books.of(tx, account).net_contributions
    return AccountHistory(
        session=session,
        nlv_open=opened.nlv if opened else None,
        flows_today=flows - opened.flows_total if opened else ZERO,
        unit_value=valued.unit_value if valued else None,
        peak_unit_value=valued.peak if valued else None,
        trades_today=_trades_today(tx, account, session),
        has_traded=orders.has_traded(tx, account),
        drawdown_latched=valuations.DRAWDOWN in latched,
        drawdown_halt_latched=valuations.DRAWDOWN_HALT in latched,
        daily_loss_latched=latched.get(valuations.DAILY_LOSS) == session,
        state=_after_cut(standing.state, cut_today=latched.get(valuations.DRAWDOWN) == session),
        state_reason=standing.reason,
        symbol_states=standing.symbols,
        recent_orders=_recent_orders(tx, account, at),
        unknown_symbols=tuple(row["symbol"] for row in tx.all(_UNSETTLED, account=account)),
        decider_failures_in_row=_failures(judged),
        refused_share_5_cycles=_refused_share(judged),
        stopped_out=tuple(
            StoppedOut(symbol=kind.removeprefix(valuations.STOPPED), session=when)
            for kind, when in sorted(latched.items())
            if kind.startswith(valuations.STOPPED)
        ),
        breaches=breaches.known(tx, account),
        at_venue=orders.at_venue(tx, account),
        terms=terms.known(tx, account),
    )


def _after_cut(state: TradingState, *, cut_today: bool) -> TradingState:
    """After a drawdown cut nothing is bought until the next session."""
    return TradingState.REDUCING if cut_today and state is TradingState.ACTIVE else state


def _trades_today(tx: Transaction, account: str, session: date) -> int:
    """Orders of this session: those approved since the last session that was valued, so a crash can only overcount."""
    day = session.isoformat()
    before = tx.one(_SESSION_BEFORE, account=account, session=day)
    after = (before["session"] if before else None) or _BEGINNING
    row = tx.one(_TODAY, account=account, after=after, upto=day)
    return int(row["n"]) if row else 0


def _recent_orders(tx: Transaction, account: str, at: datetime) -> tuple[RecentOrder, ...]:
    return tuple(
        RecentOrder(
            order_ref=row["order_ref"], symbol=row["symbol"], side=Side(row["side"]),
            quantity=Decimal(row["quantity"]), at=moment(row["approved"]), status=OrderStatus(row["state"]),
        )
        for row in tx.all(_RECENT, account=account, since=utc_text(at - RECENT), upto=utc_text(at))
    )  # fmt: skip


def _judged_cycles(tx: Transaction, account: str, resumed: str) -> list[Row]:
    """The recorded cycles of the latest run, newest first, since a person last set the account active."""
    run = tx.one(_LAST_RUN, account=account)
    return [] if run is None else tx.all(_JUDGED, account=account, run=run["run"], resumed=resumed)


def _failures(judged: list[Row]) -> int:
    """How many of the newest in a row gave no answer; rules that stood in for a model do not make it one."""
    count = 0
    for row in judged:
        if row["answer"] != Answer.FAILED and row["code"] != LLM_FAILED:
            break
        count += 1
    return count


def _refused_share(judged: list[Row]) -> Decimal:
    """Refused orders over planned ones of the last five cycles; zero while there are fewer than five."""
    last = judged[:CYCLES_JUDGED]
    planned = sum(row["orders_planned"] for row in last)
    if len(last) < CYCLES_JUDGED or not planned:
        return ZERO
    # A gate takes at most 12 decimals for a number; a share of 1/29 would count as missing.
    return (Decimal(sum(row["orders_refused"] for row in last)) / Decimal(planned)).quantize(SHARE_STEP)

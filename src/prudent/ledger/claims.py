"""The claim of an order for the wire: in one transaction everything that forbids it is asked once more."""

from datetime import datetime, timedelta

from sqlalchemy import Integer, bindparam, select, update

from prudent.domain.accounts import Mode, TradingState
from prudent.domain.errors import BlockedError
from prudent.domain.orders import Effect, OrderStatus
from prudent.domain.records import utc_text
from prudent.ledger import audit, order_marks, orders, runs, states
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import ARMINGS, LEASES, ORDERS, PLATFORM, among, mine
from prudent.ledger.transitions import AT_VENUE, UNSETTLED
from prudent.ports import NO_PERMIT, Claim, Permit

APPROVAL_LASTS = timedelta(seconds=30)

_CLAIM = (
    update(ORDERS)
    .where(mine(ORDERS, "account", "order_ref", "state", "seal"))
    .values(
        state=bindparam("b_state"), sent=bindparam("b_at"), updated=bindparam("b_at"),
        session=bindparam("b_session"), order_id=bindparam("b_order_id", type_=Integer),
        epoch=bindparam("b_epoch", type_=Integer),
    )
)  # fmt: skip
_ON_SYMBOL = select(ORDERS).where(
    mine(ORDERS, "account", "symbol"), ORDERS.c.dry == 0,
    among(ORDERS.c.state, (*AT_VENUE, OrderStatus.ORPHAN)),
)  # fmt: skip
_LEASE = select(LEASES).where(mine(LEASES, "account"))
_ARMING = select(ARMINGS).where(mine(ARMINGS, "account"))


class SealBroken(BlockedError):
    """What is about to leave is not what was approved: nothing more may leave this home until a person has looked."""


def sending(
    tx: Transaction, account: str, order_ref: str, *, seal: str, at: datetime, permit: Permit = NO_PERMIT
) -> Claim:  # fmt: skip
    """Claim an order for the wire: it must be APPROVED under exactly this seal, and is so for one claimant only.

    Raises:
        BlockedError: something forbids it now; nothing was changed.
        SealBroken: the seal is not the approved one.
    """
    row = orders.find(tx, account, order_ref)
    if row is None:
        raise BlockedError(f"order {order_ref} must be approved before it is sent, was not known; approve it first")
    _require_approved(row, seal, at)
    if not row["dry"]:
        require_lease(tx, account, permit, at)
        _require_state(tx, row)
        _require_symbol(tx, row)
        _require_armed(tx, row, at)
    number = 0 if row["dry"] else order_marks.next_id(tx, permit.endpoint, permit.next_order_id, at)
    claimed = tx.run(
        _CLAIM, account=account, order_ref=order_ref, state=str(OrderStatus.APPROVED), seal=seal,
        b_state=str(OrderStatus.SENDING), b_at=utc_text(at), b_session=permit.session, b_order_id=number,
        b_epoch=permit.epoch,
    )  # fmt: skip
    if claimed != 1:
        raise BlockedError(f"order {order_ref} must be APPROVED, was claimed by another; it is not sent, plan anew")
    orders.note_step(tx, row, OrderStatus.APPROVED, OrderStatus.SENDING, message="", at=at)
    audit.note(tx, "order_sending", account, at, {
        "order_ref": order_ref, "seal": seal, "order_id": number, "session": permit.session, "epoch": permit.epoch,
    })  # fmt: skip
    return Claim(order_id=number, session=permit.session)


def _require_approved(row: Row, seal: str, at: datetime) -> None:
    ref, state = row["order_ref"], row["state"]
    if row["seal"] != seal:
        raise SealBroken(
            f"order {ref} must be {OrderStatus.APPROVED} as sealed, was {state} under another seal; it is not sent, "
            "find out what changed it, then `invest resume`"
        )
    if state != OrderStatus.APPROVED:
        raise BlockedError(f"order {ref} must be APPROVED as sealed, was {state}; it is not sent, plan anew")
    age = at - moment(row["approved"])
    # One from the future was given on a clock that has been set back since: nobody knows how old it is.
    if not timedelta(0) <= age <= APPROVAL_LASTS:
        raise BlockedError(
            f"the approval of order {ref} must be at most {APPROVAL_LASTS.seconds} s old, was {age.total_seconds():.0f}"
            " s; it is not sent, the next cycle plans anew"
        )


def require_lease(tx: Transaction, account: str, permit: Permit, at: datetime) -> None:
    """The account's lease is the permit's and lives; without an epoch nobody else can act.

    Raises:
        BlockedError: another process has the account, or nobody has.
    """
    if permit.epoch == 0:
        return
    row = tx.one(_LEASE, account=account)
    if row is None or (row["holder"], row["epoch"]) != (permit.holder, permit.epoch):
        holder = "nobody" if row is None else f"{row['holder']} in epoch {row['epoch']}"
        raise BlockedError(
            f"the lease of account {account} must be {permit.holder}'s in epoch {permit.epoch}, was {holder}'s; "
            "this process may not act for it any more"
        )
    now = permit.at or at
    if not now < moment(row["until"]):
        raise BlockedError(
            f"the lease of account {account} must be renewed every few seconds, ran out at {row['until']}; "
            "nothing is sent until this process has it again"
        )


def _require_state(tx: Transaction, row: Row) -> None:
    """Platform, account and symbol may trade; where they only reduce, so does the order."""
    standing = states.standing(tx, row["account"])
    symbol = dict(standing.symbols).get(row["symbol"], TradingState.ACTIVE)
    scopes = ((f"account {row['account']}", standing.state, standing.reason), (row["symbol"], symbol, ""))
    for scope, state, reason in scopes:
        stopped = state is TradingState.HALTED or (
            state is TradingState.REDUCING and not Effect(row["effect"]).reduces
        )
        if stopped:
            why = f": {reason}" if reason else ""
            raise BlockedError(
                f"{scope} must be ACTIVE to send order {row['order_ref']}, is {state}{why}; see `invest status`"
            )


def _require_symbol(tx: Transaction, row: Row) -> None:
    """No order of unknown fate, nobody else's order, and none of an earlier cycle is live on the symbol."""
    for other in tx.all(_ON_SYMBOL, account=row["account"], symbol=row["symbol"]):
        state = OrderStatus(other["state"])
        if other["order_ref"] == row["order_ref"] or (state is OrderStatus.ORPHAN and other["unlocked"] is not None):
            continue
        same_cycle = (other["run"], other["cycle"]) == (row["run"], row["cycle"])
        if state in UNSETTLED or state is OrderStatus.ORPHAN or not same_cycle:
            raise BlockedError(
                f"{row['symbol']} must have no other order under way, has {other['order_ref']} in state {state}; "
                f"order {row['order_ref']} is not sent, run `invest reconcile {row['account']}`"
            )


def _require_armed(tx: Transaction, row: Row, at: datetime) -> None:
    """A live order needs its account armed now, but for protective exits that the owner lets go without."""
    if orders.mode_of(tx, row["account"], row["run"], row["cycle"]) != Mode.LIVE or _is_excused(tx, row):
        return
    arming = tx.one(_ARMING, account=row["account"])
    if arming is None or not at < moment(arming["until"]):
        raise BlockedError(
            f"account {row['account']} must be armed to send live orders, was not; see `invest arm`, nothing was sent"
        )


def _is_excused(tx: Transaction, row: Row) -> bool:
    if not Effect(row["effect"]).reduces:
        return False
    cycle = runs.standing(tx, f"{row['account']}/{row['run']}/{row['cycle']}")
    return cycle.kind == runs.PROTECTION and runs.frozen(tx, cycle.run).mandate.protective_exits_when_disarmed


def halt_platform(tx: Transaction, account: str, *, reason: str, at: datetime) -> None:
    """R03: an order differs from its approval, so nothing of this home can be trusted to leave as it was approved."""
    audit.note(tx, "seal_broken", account, at, {"reason": reason})
    states.set_state(tx, PLATFORM, TradingState.HALTED, reason=f"R03 ApprovalSeal: {reason}", at=at, symbol="")

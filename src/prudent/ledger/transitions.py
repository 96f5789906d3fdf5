"""The legal order-state transitions as one table, and what follows from it: the path of a report, the trigger."""

from prudent.domain.orders import DONE, OrderStatus

S = OrderStatus

_LIVE = frozenset({
    S.PARTIAL, S.FILLED, S.PEND_CANCEL, S.PEND_REPLACE, S.CANCELLED, S.EXPIRED, S.REJECTED, S.UNKNOWN,
})  # fmt: skip
_LATE = frozenset({S.FILLED_LATE, S.PARTIAL_LATE})
_PENDING = frozenset({S.ACKED, S.PARTIAL, S.FILLED, S.CANCELLED, S.UNKNOWN})

LEGAL: dict[OrderStatus, frozenset[OrderStatus]] = {
    S.PROPOSED: frozenset({S.DENIED, S.APPROVED}),
    S.DENIED: frozenset(),
    # An approved order that was stopped before SENDING is proved absent: nothing can have left.
    S.APPROVED: frozenset({S.SENDING, S.DENIED, S.NOT_SENT}),
    # WOULD_SEND is the answer of a venue without a transport.
    S.SENDING: frozenset({S.ACKED, S.HELD, S.REJECTED, S.UNKNOWN, S.NOT_SENT, S.WOULD_SEND}),
    S.UNKNOWN: frozenset({S.ACKED, S.HELD, S.PARTIAL, S.FILLED, S.CANCELLED, S.REJECTED, S.NOT_SENT}),
    S.ACKED: _LIVE,
    S.HELD: frozenset({S.ACKED, S.UNKNOWN, S.CANCELLED, S.REJECTED}),
    S.PARTIAL: _LIVE - {S.PARTIAL},
    S.PEND_CANCEL: _PENDING,
    S.PEND_REPLACE: _PENDING,
    S.FILLED: frozenset(),
    # A fill that comes after the end of its order is a fact: it is booked, and the state says that it was late.
    S.CANCELLED: _LATE,
    S.REJECTED: _LATE,
    S.EXPIRED: _LATE,
    S.NOT_SENT: _LATE,
    S.PARTIAL_LATE: frozenset({S.FILLED_LATE}),
    S.FILLED_LATE: frozenset(),
    # An order of somebody else is followed to its end and never becomes ours.
    S.ORPHAN: frozenset({S.PARTIAL, S.FILLED, S.CANCELLED, S.EXPIRED, S.REJECTED}),
    S.WOULD_SEND: frozenset(),
}

# A row may begin in these; a denial folds PROPOSED and DENIED into one commit, an approval likewise.
FIRST = frozenset({S.PROPOSED, S.DENIED, S.APPROVED, S.ORPHAN})
NEVER_LEFT = frozenset({S.PROPOSED, S.DENIED, S.APPROVED, S.NOT_SENT, S.WOULD_SEND})
PENDING = frozenset(set(OrderStatus) - DONE)
# While an order is in one of these nobody can say what the broker has; its symbol takes no new risk. An ORPHAN locks
# its symbol too, until it ends or a person unlocks it.
UNSETTLED = frozenset({S.SENDING, S.UNKNOWN, S.HELD})
# What may be live at the venue of ours: its rest counts as exposure, whatever the venue shows.
AT_VENUE = UNSETTLED | {S.ACKED, S.PARTIAL, S.PEND_CANCEL, S.PEND_REPLACE}
LATE = frozenset({S.FILLED_LATE, S.PARTIAL_LATE})


def path(current: OrderStatus, told: OrderStatus) -> tuple[OrderStatus, ...]:
    """The states an order passes when `told` is reported, in order; empty when the report changes nothing.

    Whatever a broker says of an order it shows implies that it acknowledged it, so a direct fill of a SENDING order
    passes ACKED. An order that the broker does not find is UNKNOWN and not absent: absence is proved, never told.
    """
    if told is S.NOT_SENT and current is not S.APPROVED:
        told = S.UNKNOWN
    if told in LEGAL[current]:
        return (told,)
    if told is not current and S.ACKED in LEGAL[current] and told in LEGAL[S.ACKED]:
        return (S.ACKED, told)
    return ()


def trigger_sql() -> tuple[str, ...]:
    """SQLite triggers that refuse every pair which is not in `LEGAL` and every first state which is not in `FIRST`."""
    allowed = " OR ".join(
        f"(OLD.state = '{old}' AND NEW.state IN ({_listed(new)}))" for old, new in LEGAL.items() if new
    )
    moves = (
        "CREATE TRIGGER orders_legal_transition BEFORE UPDATE OF state ON orders "
        f"WHEN NEW.state <> OLD.state AND NOT ({allowed}) "
        "BEGIN SELECT RAISE(ABORT, 'illegal order transition'); END"
    )
    firsts = (
        "CREATE TRIGGER orders_legal_first BEFORE INSERT ON orders "
        f"WHEN NEW.state NOT IN ({_listed(FIRST)}) "
        "BEGIN SELECT RAISE(ABORT, 'illegal first order state'); END"
    )
    return moves, firsts


def _listed(states: frozenset[OrderStatus]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))

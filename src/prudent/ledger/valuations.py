"""Valuations: flow-adjusted unit value, its peak, the session's opening value, and the latches that hang on them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import bindparam, delete, insert, select, update

from prudent.domain.errors import InputError
from prudent.domain.money import ZERO, is_finite, plain
from prudent.domain.records import encode, utc_text
from prudent.guards.catalogue import DAILY_LOSS_MAX, DRAWDOWN_MAX
from prudent.ledger import armings, audit, mandates
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import Books, moment
from prudent.ledger.schema import LATCHES, RUNS, VALUATIONS, by_index, mine

ONE = Decimal(1)
UNIT = Decimal("0.000000000001")

DRAWDOWN = "drawdown"
DRAWDOWN_HALT = "drawdown_halt"
STOPPED = "stopped:"
DAILY_LOSS = "daily_loss"

_LAST = select(VALUATIONS).where(mine(VALUATIONS, "account")).order_by(VALUATIONS.c.number.desc()).limit(1)
_OPEN = (
    select(VALUATIONS)
    .with_hint(VALUATIONS, by_index(VALUATIONS, "account", "session"), "sqlite")
    .where(mine(VALUATIONS, "account", "session", "is_open"))
    .limit(1)
)  # fmt: skip
_ADD = insert(VALUATIONS)
_RUNNING = select(RUNS).where(mine(RUNS, "account", "status"), RUNS.c.mode != "dry_run").limit(1)
_PROGRESS = (
    update(RUNS)
    .where(mine(RUNS, "account", "run"))
    .values(
        start_value=bindparam("b_start_value"), final_value=bindparam("b_final_value"),
        unit_start=bindparam("b_unit_start"), unit_peak=bindparam("b_unit_peak"), unit_last=bindparam("b_unit_last"),
        max_drawdown=bindparam("b_max_drawdown"),
    )
)  # fmt: skip
_LATCHES = select(LATCHES).where(mine(LATCHES, "account"))
_UNLATCH = delete(LATCHES).where(mine(LATCHES, "account", "kind"))
_LATCH = insert(LATCHES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """Net liquidation at one moment; `unit_value` is 1 at the first funding and moved by results only."""

    number: int
    at: str
    session: date
    nlv: Decimal
    unit_value: Decimal | None
    peak: Decimal | None
    flows_total: Decimal

    @property
    def drawdown(self) -> Decimal:
        """Loss from the peak as a fraction, 0 or below."""
        if self.unit_value is None or not self.peak:
            return ZERO
        return self.unit_value / self.peak - 1

    def is_down(self, fraction: Decimal) -> bool:
        """True when the unit lost `fraction` of its peak or more; exact at the limit."""
        if self.unit_value is None or self.peak is None:
            return False
        return self.unit_value <= self.peak * (ONE - fraction)


def _valuation(row: Row) -> Valuation:
    return Valuation(
        number=row["number"], at=row["at"], session=date.fromisoformat(row["session"]), nlv=Decimal(row["nlv"]),
        unit_value=_decimal(row["unit_value"]), peak=_decimal(row["peak"]), flows_total=Decimal(row["flows_total"]),
    )  # fmt: skip


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def last(tx: Transaction, account: str) -> Valuation | None:
    row = tx.one(_LAST, account=account)
    return None if row is None else _valuation(row)


def opening(tx: Transaction, account: str, session: date) -> Valuation | None:
    """The first valuation of a session."""
    row = tx.one(_OPEN, account=account, session=session.isoformat(), is_open=1)
    return None if row is None else _valuation(row)


def unit_value(before: Valuation | None, nlv: Decimal, flows_total: Decimal) -> Decimal | None:
    """The value of one unit after `nlv`: flows since the valuation before count as made at its start."""
    if before is None or before.unit_value is None:
        return ONE if nlv > 0 else None
    base = before.nlv + flows_total - before.flows_total
    if base <= 0:
        # Nothing was invested since, so nothing was earned or lost on it.
        return before.unit_value
    return (before.unit_value * (max(nlv, ZERO) / base)).quantize(UNIT)


def store(tx: Transaction, books: Books, account: str, *, nlv: Decimal, at: datetime, session: date) -> Valuation:
    """Append a valuation and let it move peak, running run and latches.

    Raises:
        InputError: `nlv` is no finite amount.
    """
    if not is_finite(nlv):
        raise InputError(f"net liquidation of {account} must be a finite amount, was {nlv}; check its prices")
    before = last(tx, account)
    flows = books.of(tx, account).net_contributions
    unit = unit_value(before, nlv, flows)
    peak = unit if before is None or before.peak is None or unit is None else max(before.peak, unit)
    first = opening(tx, account, session) is None
    now = Valuation(
        number=before.number + 1 if before else 1, at=utc_text(at), session=session, nlv=nlv, unit_value=unit,
        peak=peak, flows_total=flows,
    )  # fmt: skip
    tx.run(
        _ADD, account=account, number=now.number, at=now.at, session=session.isoformat(), nlv=plain(nlv),
        unit_value=_text(unit), peak=_text(peak), flows_total=plain(flows), is_open=int(first),
    )  # fmt: skip
    _move_run(tx, account, now)
    _judge(tx, account, now, at)
    return now


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _move_run(tx: Transaction, account: str, now: Valuation) -> None:
    row = tx.one(_RUNNING, account=account, status="running")
    if row is None or now.unit_value is None:
        return
    start = _decimal(row["unit_start"]) or now.unit_value
    peak = max(_decimal(row["unit_peak"]) or start, now.unit_value)
    deepest = min(_decimal(row["max_drawdown"]) or ZERO, now.unit_value / peak - 1 if peak else ZERO)
    tx.run(
        _PROGRESS, account=account, run=row["run"], b_start_value=row["start_value"] or plain(now.nlv),
        b_final_value=plain(now.nlv), b_unit_start=plain(start), b_unit_peak=plain(peak),
        b_unit_last=plain(now.unit_value), b_max_drawdown=plain(deepest.quantize(UNIT)),
    )  # fmt: skip


def _judge(tx: Transaction, account: str, now: Valuation, at: datetime) -> None:
    """Set and lift latches: a loss latches for its session, a drawdown until it has recovered above the re-arm level,
    the platform's drawdown limit until a person acknowledges it."""
    limits = mandates.in_force(tx, account).limits
    latched = latches(tx, account)
    lost = daily_loss(opening(tx, account, now.session), now)
    limit = min(limits.max_daily_loss, DAILY_LOSS_MAX)
    if lost is not None and lost[0] >= lost[1] * limit and latched.get(DAILY_LOSS) != now.session:
        reason = f"{lost[0]} lost of {lost[1]} at the open, the limit is {limit:.2%}"
        latch(tx, account, DAILY_LOSS, at=at, session=now.session, reason=reason)
    if now.is_down(DRAWDOWN_MAX) and DRAWDOWN_HALT not in latched:
        latch(tx, account, DRAWDOWN_HALT, at=at, session=now.session, reason=f"drawdown {now.drawdown:.4%}")
        armings.disarm(tx, account, reason=f"drawdown {now.drawdown:.4%}, the platform's limit", at=at)
    if DRAWDOWN in latched and not now.is_down(limits.drawdown_rearm):
        unlatch(tx, account, DRAWDOWN, at=at, reason=f"drawdown recovered to {now.drawdown:.4%}")


def daily_loss(start: Valuation | None, now: Valuation) -> tuple[Decimal, Decimal] | None:
    """What the session lost, flows apart, and the opening value it counts against; None when that is not known."""
    if start is None or start.nlv <= 0:
        return None
    return start.nlv + now.flows_total - start.flows_total - now.nlv, start.nlv


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """A limit that was hit and holds on."""

    kind: str
    session: date
    reason: str
    at: datetime


def latch_rows(tx: Transaction, account: str) -> tuple[Latch, ...]:
    """Every latch that holds, with its reason."""
    return tuple(
        Latch(kind=row["kind"], session=date.fromisoformat(row["session"]), reason=row["reason"], at=moment(row["at"]))
        for row in sorted(tx.all(_LATCHES, account=account), key=lambda row: str(row["kind"]))
    )


def latches(tx: Transaction, account: str) -> dict[str, date]:
    """Kind and session of each latch that holds."""
    return {row["kind"]: date.fromisoformat(row["session"]) for row in tx.all(_LATCHES, account=account)}


def latch(tx: Transaction, account: str, kind: str, *, at: datetime, session: date, reason: str) -> None:
    tx.run(_UNLATCH, account=account, kind=kind)
    tx.run(_LATCH, account=account, kind=kind, session=session.isoformat(), reason=reason, at=utc_text(at))
    audit.note(tx, "latch_set", account, at, {"kind": kind, "session": encode(session), "reason": reason})


def unlatch(tx: Transaction, account: str, kind: str, *, at: datetime, reason: str) -> None:
    tx.run(_UNLATCH, account=account, kind=kind)
    audit.note(tx, "latch_lifted", account, at, {"kind": kind, "reason": reason})


def rearm(tx: Transaction, account: str, *, reason: str, at: datetime) -> None:
    """A person acknowledges a drawdown: its latches are lifted and the peak starts anew from here."""
    for kind in sorted({DRAWDOWN, DRAWDOWN_HALT} & set(latches(tx, account))):
        unlatch(tx, account, kind, at=at, reason=reason)
    now = last(tx, account)
    if now is None or now.unit_value is None:
        return
    tx.run(
        _ADD, account=account, number=now.number + 1, at=utc_text(at), session=now.session.isoformat(),
        nlv=plain(now.nlv), unit_value=plain(now.unit_value), peak=plain(now.unit_value),
        flows_total=plain(now.flows_total), is_open=0,
    )  # fmt: skip
    audit.note(tx, "peak_renewed", account, at, {"unit_value": encode(now.unit_value), "reason": reason})

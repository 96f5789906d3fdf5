"""The trail of a decision as text: plan and analysis, and what became of positions, from ledger facts only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import and_, bindparam, func, or_, select

from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord
from prudent.domain.money import ZERO, plain, to_cents
from prudent.domain.orders import Side
from prudent.domain.reasoning import Analysis, Basis, Idea, Reasoning
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import Books, moment
from prudent.ledger.schema import CYCLES, FILLS, ORDERS, REASONING, RUNS, mine

# A reflection names this many positions; more than that close together only when an account is flattened.
TRIPS_MAX = 50
_DAY = 86400

_BEFORE = (
    select(func.max(CYCLES.c.finished).label("at"))
    .join(RUNS, and_(RUNS.c.owner_id == CYCLES.c.owner_id, RUNS.c.account == CYCLES.c.account,
                     RUNS.c.run == CYCLES.c.run))
    .where(
        mine(CYCLES, "account"), CYCLES.c.record_digest.is_not(None), RUNS.c.mode != "dry_run",
        or_(CYCLES.c.run != bindparam("b_run"), CYCLES.c.cycle != bindparam("b_cycle")),
    )
)  # fmt: skip
_SINCE = (
    select(FILLS.c.symbol).distinct()
    .where(mine(FILLS, "account"), FILLS.c.time > bindparam("since"))
    .order_by(FILLS.c.symbol)
)  # fmt: skip
# Oldest first, every version: the latest of an execution counts.
_OF_SYMBOL = (
    select(FILLS, ORDERS.c.why)
    .join(ORDERS, and_(ORDERS.c.owner_id == FILLS.c.owner_id, ORDERS.c.account == FILLS.c.account,
                       ORDERS.c.order_ref == FILLS.c.order_ref))
    .where(mine(FILLS, "account", "symbol"))
    .order_by(FILLS.c.time, FILLS.c.entry, FILLS.c.exec_id, FILLS.c.version)
)  # fmt: skip
_PLAN = select(REASONING.c.text).where(mine(REASONING, "account", "run", "cycle"), REASONING.c.kind == "plan")


def texts(reasoning: Reasoning | None) -> dict[str, str]:
    """The rows `analysis` and `plan` of a decision that a model was asked for."""
    if reasoning is None:
        return {}
    found = {"plan": "\n".join(_plan(reasoning))}
    if reasoning.analysis is not None:
        found["analysis"] = "\n".join(_analysis(reasoning.analysis))
    return {kind: text for kind, text in found.items() if text}


def _analysis(analysis: Analysis) -> Iterator[str]:
    rule = analysis.rule_regime
    differs = f" (the rule says {rule})" if rule is not None and rule is not analysis.regime else ""
    yield f"regime {analysis.regime}{differs}"
    if analysis.sector_scores:
        yield "sectors " + ", ".join(f"{name} {score:+d}" for name, score in sorted(analysis.sector_scores.items()))
    if analysis.portfolio_health:
        yield f"portfolio {analysis.portfolio_health}"
    yield from (f"risk {risk}" for risk in analysis.key_risks)


def _plan(reasoning: Reasoning) -> Iterator[str]:
    yield from (f"{_heading(idea)} {spoken(idea)}" for idea in reasoning.ideas)
    for each in reasoning.dropped:
        yield f"not used ({each.code}): {' '.join(each.item.split())[:200]}"


def _heading(idea: Idea) -> str:
    return f"{idea.side} {idea.symbol}"


def spoken(idea: Idea) -> str:
    """The amount, the stops and the thesis of an idea on one line."""
    parts = [amount_of(idea), *(f"{name} {value}" for name, value in stops_of(idea))]
    return ", ".join(parts) + (f": {' '.join(idea.thesis.split())}" if idea.thesis else "")


def amount_of(idea: Idea) -> str:
    if idea.basis is Basis.USD:
        return f"{to_cents(idea.amount):,.2f} USD"
    return f"{plain(idea.amount * 100)} % of {'equity' if idea.basis is Basis.EQUITY else 'the position'}"


def stops_of(idea: Idea) -> Iterator[tuple[str, str]]:
    if idea.stop_loss is not None:
        yield "stop", f"-{plain(idea.stop_loss * 100)} %"
    if idea.take_profit is not None:
        yield "target", f"+{plain(idea.take_profit * 100)} %"
    if idea.time_stop_days is not None:
        yield "time stop", f"{idea.time_stop_days} days"


@dataclass(slots=True)
class _Trip:
    """One position from its first fill to the one that closed it; `quantity` is what is still held."""

    first: Row
    given: Decimal
    quantity: Decimal
    entered: Decimal = ZERO
    paid: Decimal = ZERO
    left: Decimal = ZERO
    received: Decimal = ZERO
    realised: Decimal = ZERO
    commission: Decimal = ZERO
    last: Row | None = None

    def add(self, fill: Row) -> None:
        size, price, signed = Decimal(fill["quantity"]), Decimal(fill["price"]), _signed(fill)
        if self.quantity * signed >= 0:
            self.entered, self.paid = self.entered + size, self.paid + size * price
        else:
            self.left, self.received = self.left + size, self.received + size * price
        self.quantity += signed
        self.realised += Decimal(fill["realised"])
        self.commission += Decimal(fill["commission"])
        self.last = fill


def reflection(tx: Transaction, books: Books, record: CycleRecord) -> str:
    """What became of the positions that closed since the account's last recorded cycle; empty when none did."""
    if record.mode is Mode.DRY_RUN:
        return ""
    before = tx.one(_BEFORE, account=record.account, b_run=record.run, b_cycle=record.cycle)
    since = (before["at"] if before else None) or ""
    holdings = books.of(tx, record.account).holdings
    lines: list[str] = []
    for row in tx.all(_SINCE, account=record.account, since=since):
        fills = _standing(tx.all(_OF_SYMBOL, account=record.account, symbol=row["symbol"]))
        held = holdings.get(row["symbol"])
        # What the account was opened with, or was given since, came without a fill.
        given = (held.quantity if held is not None else ZERO) - sum((_signed(fill) for fill in fills), ZERO)
        lines += [_told(tx, record.account, trip) for trip in _closed(fills, given) if _end(trip)["time"] > since]
    return "\n".join(lines[:TRIPS_MAX])


def _standing(fills: list[Row]) -> list[Row]:
    """The latest version of each execution, without those that were taken back, in the order they were booked."""
    latest: dict[str, Row] = {}
    for fill in fills:
        # A later version keeps the place of the first.
        latest[fill["exec_id"]] = fill
    return [fill for fill in latest.values() if not fill["busted"]]


def _signed(fill: Row) -> Decimal:
    return Decimal(fill["quantity"]) * Side(fill["side"]).sign


def _closed(fills: list[Row], given: Decimal) -> list[_Trip]:
    """The positions that came to an end, the first of them with what was held before any fill."""
    found: list[_Trip] = []
    trip: _Trip | None = None
    for fill in fills:
        trip = trip or _Trip(first=fill, quantity=given, given=given)
        given = ZERO
        held = trip.quantity
        trip.add(fill)
        # A fill that crosses zero ends a position as well; what it opened is not told apart from here.
        if trip.quantity == 0 or held * trip.quantity < 0:
            found.append(trip)
            trip = None
    return found


def _end(trip: _Trip) -> Row:
    return trip.last if trip.last is not None else trip.first


def _told(tx: Transaction, account: str, trip: _Trip) -> str:
    first, last = trip.first, _end(trip)
    began, ended = moment(first["time"]), moment(last["time"])
    out = f"out at {_mean(trip.received, trip.left)} on {ended:%Y-%m-%d}"
    result = to_cents(trip.realised - trip.commission)
    cost = f"after {plain(to_cents(trip.commission))} of commission"
    why = f"why: {last['why'] or 'not told'}"
    if trip.given:
        side = "long" if trip.given > 0 else "short"
        return (
            f"{first['symbol']} {side} {plain(trip.left)} closed: held since before the first fill, {out}; "
            f"result {result:+f} {cost}; {why}"
        )
    side = "long" if first["side"] == Side.BUY else "short"
    share = f" ({trip.realised / trip.paid * 100:+.2f} %)" if trip.paid else ""
    return (
        f"{first['symbol']} {side} {plain(trip.entered)} closed: in at {_mean(trip.paid, trip.entered)} on "
        f"{began:%Y-%m-%d}, {out}, {_days(began, ended)}; result {result:+f} {cost}{share}; {why}; "
        f"thesis at entry: {_thesis(tx, account, first) or 'none was written'}"
    )


def _mean(amount: Decimal, quantity: Decimal) -> str:
    return f"{amount / quantity:.2f}" if quantity else "-"


def _days(began: datetime, ended: datetime) -> str:
    days = int((ended - began).total_seconds()) // _DAY
    return "held less than a day" if days == 0 else f"held {days} day{'s' if days > 1 else ''}"


def _thesis(tx: Transaction, account: str, first: Row) -> str:
    """What the cycle that opened the position wrote about this symbol before it did."""
    if first["run"] is None or first["cycle"] is None:
        return ""
    row = tx.one(_PLAN, account=account, run=first["run"], cycle=first["cycle"])
    heading = f"{first['side']} {first['symbol']} "
    lines = row["text"].splitlines() if row is not None else []
    return next((line.removeprefix(heading) for line in lines if line.startswith(heading)), "")


"""The shadow book: every order that a guard refused or shrank, followed as if it had been filled at its moment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from prudent.domain.cycles import CycleRecord, Observation
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, from_float
from prudent.domain.orders import Side
from prudent.domain.performance import Floats, Panel
from prudent.domain.plans import PlannedOrder
from prudent.domain.quotes import Quote
from prudent.domain.verdicts import GuardLabel, GuardReport, Outcome
from prudent.exchange.fees import commission_row
from prudent.exchange.matching import TakerQuote, match_one
from prudent.pipeline.execute import phase_orders
from prudent.tearsheet.extras import ShadowRow

# Sessions after the moment; what stands at the end of the prices comes beside them.
HORIZONS = (1, 5, 20)
SHOWN = 20
# Fewer orders than this tell nothing about a guard.
FEW = 20
_HOLDS_BACK = (Outcome.REJECT, Outcome.DEFER, Outcome.CLIP)
_NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """One order, or the part of it, that did not go; `quantity` is that part, above 0.

    `guard` is the one that let through least (the first of them in the list); nobody else is told of the order.
    """

    cycle: str
    order_ref: str
    at: datetime
    day: date
    symbol: str
    side: Side
    quantity: Decimal
    planned: Decimal
    quote: Quote | None
    guard: str
    name: str
    layer: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What an order would have made after costs: at the close `HORIZONS` sessions later, and at the last close.

    None where there was no price at its moment, or the prices end before.
    """

    order: HeldBack
    notional: float | None
    after: Mapping[int, float | None]
    to_date: float | None

    @property
    def shown(self) -> float | None:
        return self.after[SHOWN]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPrice:
    """What one guard held back; above 0 in `after` is what it cost, below 0 what it saved, over `counted` orders."""

    guard: str
    name: str
    layer: str
    orders: int
    notional: float
    counted: Mapping[int, int]
    after: Mapping[int, float | None]
    to_date: float | None

    @property
    def few(self) -> bool:
        return self.counted[SHOWN] < FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowBook:
    orders: tuple[Followed, ...]
    guards: tuple[GuardPrice, ...]

    def rows(self) -> tuple[ShadowRow, ...]:
        """As a tear sheet shows it, after `SHOWN` sessions."""
        return tuple(
            ShadowRow(
                guard=each.guard, name=each.name + (f" (fewer than {FEW})" if each.few else ""), orders=each.orders,
                amount=each.notional, profit=each.after[SHOWN],
            )
            for each in self.guards
        )  # fmt: skip


def shadow_book(records: Sequence[CycleRecord], panel: Panel) -> ShadowBook:
    """Follow what guards held back in these cycles on `panel`, whose prices are those that the account was quoted."""
    orders = tuple(each for record in records for each in follow(held_back(record), record.mandate, panel))
    return ShadowBook(orders=orders, guards=prices_of(orders))


# What was held back


def held_back(record: CycleRecord) -> tuple[HeldBack, ...]:
    """Orders of one cycle that guards refused or shrank, each with the last word on it, in the order of the plan."""
    found: dict[tuple[str, int], HeldBack] = {}
    seen = record.guarded or record.observation
    for each in _of_report(record, seen, record.report, record.plan.orders):
        found[each.order_ref, 0] = each
    for number, phase in enumerate(record.phases):
        gone = frozenset(
            intent.order_ref for earlier in record.phases[:number] if earlier.phase == phase.phase
            for intent in earlier.intents
        )  # fmt: skip
        orders = phase_orders(
            record.plan, record.report, phase.phase, observation=phase.observation, mandate=record.mandate, gone=gone
        )
        for order in orders:
            found.pop((order.order_ref, 1), None)
        for each in _of_report(record, phase.observation, phase.report, orders):
            found[each.order_ref, 1] = each
    place = {order.order_ref: i for i, order in enumerate(record.plan.orders)}
    return tuple(found[key] for key in sorted(found, key=lambda key: (place[key[0]], key[1])))


def _of_report(
    record: CycleRecord, seen: Observation, report: GuardReport, orders: Sequence[PlannedOrder]
) -> Iterator[HeldBack]:  # fmt: skip
    approved = {each.order_ref: each.quantity for each in report.approved}
    rows = {ref: i for i, ref in enumerate(report.order_refs)}
    quotes = {quote.symbol: quote for quote in seen.quotes}
    for order in orders:
        less = order.quantity - approved.get(order.order_ref, ZERO)
        row = rows.get(order.order_ref)
        spoken = None if row is None else _tightest(report, row)
        if less <= 0 or spoken is None:
            continue
        guard, outcome = spoken
        yield HeldBack(
            cycle=record.id, order_ref=order.order_ref, at=seen.as_of, day=seen.session, symbol=order.symbol,
            side=order.side, quantity=less, planned=order.quantity, quote=quotes.get(order.symbol), guard=guard.id,
            name=guard.name, layer=str(guard.layer), outcome=outcome,
            reason=report.reasons.get(f"{order.order_ref}|{guard.id}", ""),
        )  # fmt: skip


def _tightest(report: GuardReport, row: int) -> tuple[GuardLabel, Outcome] | None:
    """The guard that let least of an order through; None where none spoke."""
    spoke = [j for j, outcome in enumerate(report.outcomes[row]) if outcome in _HOLDS_BACK]
    if not spoke:
        return None
    least = min(spoke, key=lambda j: (report.allowed[row][j], j))
    return report.guards[least], report.outcomes[row][least]


# What became of it


def follow(orders: Sequence[HeldBack], mandate: Mandate, panel: Panel) -> Iterator[Followed]:
    """Fill each at the quote of its moment with the mandate's slippage and commission, and value it at later closes.

    A sale is followed like a short: what the price falls afterwards it gains. Nothing is paid for closing.
    """
    closes = _carried(panel)
    column = {symbol: i for i, symbol in enumerate(panel.symbols)}
    for order in orders:
        day = int(np.searchsorted(panel.days, np.datetime64(order.day)))
        at, price = column.get(order.symbol), fill_price(order, mandate)
        if price is None or at is None or day >= len(panel.days):
            yield Followed(order=order, notional=None, after=dict.fromkeys(HORIZONS), to_date=None)
            continue
        worth = _worth(panel, closes[:, at], at, day)
        quantity = float(order.quantity)
        paid = order.side.sign * quantity * float(price)
        fee = float(commission_row(mandate.costs, order.quantity, price))
        profit = [
            None if np.isnan(each) else order.side.sign * quantity * float(each) - paid - fee for each in worth
        ]
        after = {h: profit[h] if h < len(profit) else None for h in HORIZONS}
        yield Followed(order=order, notional=abs(paid), after=after, to_date=profit[-1])


def fill_price(order: HeldBack, mandate: Mandate) -> Decimal | None:
    """What a market order would have traded at; None without a price."""
    quote = order.quote
    if quote is None:
        return None
    taker = TakerQuote(_number(quote.price), _number(quote.bid), _number(quote.ask), float("inf"), 1.0)
    filled, price = match_one(order.side.sign, float(order.quantity), _NAN, taker, float(mandate.slippage_bps))
    return from_float(price) if filled > 0.0 else None


def prices_of(orders: Sequence[Followed]) -> tuple[GuardPrice, ...]:
    """What each guard cost or saved, the one that held back most orders first."""
    by_guard: dict[str, list[Followed]] = {}
    for each in orders:
        by_guard.setdefault(each.order.guard, []).append(each)
    found = [_price_of(own) for own in by_guard.values()]
    return tuple(sorted(found, key=lambda each: (-each.orders, each.guard)))


def _price_of(own: Sequence[Followed]) -> GuardPrice:
    first = own[0].order
    known = {h: [value for each in own if (value := each.after[h]) is not None] for h in HORIZONS}
    to_date = [each.to_date for each in own if each.to_date is not None]
    return GuardPrice(
        guard=first.guard, name=first.name, layer=first.layer, orders=len(own),
        notional=sum(each.notional or 0.0 for each in own),
        counted={h: len(values) for h, values in known.items()},
        after={h: sum(values) if values else None for h, values in known.items()},
        to_date=sum(to_date) if to_date else None,
    )  # fmt: skip


def _carried(panel: Panel) -> Floats:
    """Closes with each missing one replaced by the last before it."""
    known = np.where(panel.close > 0.0, np.arange(len(panel.days))[:, None], -1)
    last = np.maximum.accumulate(known, axis=0) if len(known) else known
    out: Floats = np.where(last >= 0, np.take_along_axis(panel.close, np.maximum(last, 0), axis=0), np.nan)
    return out


def _worth(panel: Panel, closes: Floats, at: int, day: int) -> Floats:
    """Worth of one share bought on `days[day]` at the closes from then on: shares it became, and dividends on them.

    A split and a dividend of the day itself happened before its open, so they are in the price that was paid.
    """
    split = panel.split[day:, at].copy()
    dividend = panel.dividend[day:, at].copy()
    split[0], dividend[0] = 1.0, 0.0
    shares = np.cumprod(np.where(split > 0.0, split, 1.0))
    before = np.concatenate(([1.0], shares[:-1]))
    out: Floats = shares * closes[day:] + np.cumsum(before * np.nan_to_num(dividend))
    return out


def _number(value: Decimal | None) -> float:
    return _NAN if value is None else float(value)

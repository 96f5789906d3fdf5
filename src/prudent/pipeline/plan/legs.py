"""From aims to legs: which quantity of each symbol is sold, covered, bought or shorted, in exact whole lots."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from prudent.domain.mandate import Allocator, Mandate
from prudent.domain.money import ZERO
from prudent.domain.orders import Effect, Side
from prudent.domain.proposals import ForcedExit
from prudent.exchange.fees import commission_row, model_code, split_cost
from prudent.pipeline.plan.aims import Aim, base_of
from prudent.pipeline.plan.book import Book, Line
from prudent.pipeline.plan.mip import allocate
from prudent.pipeline.plan.sizing import (
    FLOOR,
    REMAINDER,
    LotColumns,
    SizingColumns,
    SizingRules,
    empty_lots,
    size_orders,
    target_lots,
)

RAISES_CASH = 1
SPENDS_CASH = 2
_HALF_LOT_NOISE = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One order before it has an id, a type and a price; `forced` legs are exits."""

    line: Line
    side: Side
    effect: Effect
    quantity: Decimal
    reason: str
    forced: bool = False

    @property
    def phase(self) -> int:
        return RAISES_CASH if self.effect.reduces else SPENDS_CASH

    @property
    def change(self) -> Decimal:
        return self.side.sign * self.quantity

    def fee(self, mandate: Mandate) -> Decimal:
        line = self.line
        price = (line.price or ZERO) * line.rate
        return commission_row(mandate.costs, self.quantity, price, line.multiplier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """The legs of a plan, and the aims again, each with a code where it falls short of its target."""

    legs: tuple[Leg, ...]
    aims: tuple[Aim, ...]
    warnings: tuple[str, ...] = ()


def exit_legs(book: Book, exits: Iterable[ForcedExit]) -> tuple[Leg, ...]:
    """Forced exits as legs, the first per symbol, never more than the holding net of open orders that reduce it."""
    lines = {line.symbol: line for line in book.lines}
    legs: dict[str, Leg] = {}
    for exit_ in exits:
        line = lines[exit_.symbol]
        if line.code or exit_.symbol in legs:
            continue
        pending = line.open_sell if line.held > 0 else line.open_buy
        quantity = min(exit_.quantity, max(abs(line.held) - pending, ZERO))
        if quantity > 0:
            legs[exit_.symbol] = Leg(
                line=line,
                side=Side.SELL if line.held > 0 else Side.BUY,
                effect=Effect.CLOSE if line.held > 0 else Effect.COVER,
                quantity=quantity,
                reason=f"{exit_.cause}: {exit_.reason}",
                forced=True,
            )
    return tuple(legs[symbol] for symbol in sorted(legs))


def yield_to_exits(aims: Sequence[Aim], exits: Sequence[ForcedExit], legs: Sequence[Leg], nav: Decimal) -> list[Aim]:
    """The aims with every symbol under a forced exit aiming at what the exit leaves, and nothing else."""
    forced = {exit_.symbol for exit_ in exits}
    changes = {leg.line.symbol: leg.change for leg in legs}
    yielded = []
    for aim in aims:
        if aim.line.symbol in forced and not aim.line.code:
            left = aim.line.effective + changes.get(aim.line.symbol, ZERO)
            target = aim.line.value(left) / nav if nav else ZERO
            yielded.append(replace(aim, weight=ZERO, target=target, code="forced_exit"))
        else:
            yielded.append(aim)
    return yielded


def size(book: Book, aims: Sequence[Aim], exits: Sequence[Leg], mandate: Mandate) -> Sized:
    """Run the sizing kernels over the aims that trade and read their answer back as exact legs."""
    trading = [aim for aim in aims if aim.trades]
    columns = _columns(trading)
    rules = _rules(book, exits, mandate, len(trading))
    lots = empty_lots(len(trading))
    target_lots(columns, rules.base, rules.allocator, lots.target)
    warnings = _allocate_exactly(book, trading, mandate, lots) if mandate.planning.allocator is Allocator.MIP else ()
    size_orders(columns, rules, lots)
    legs = [leg for i, aim in enumerate(trading) for leg in _legs(aim, book, lots, i)]
    codes = {aim.line.symbol: _code(aim, lots, i) for i, aim in enumerate(trading)}
    return Sized(
        legs=tuple(legs),
        aims=tuple(replace(aim, code=codes.get(aim.line.symbol, aim.code)) for aim in aims),
        warnings=warnings,
    )


def _columns(aims: Sequence[Aim]) -> SizingColumns:
    lines = [aim.line for aim in aims]
    return SizingColumns(
        weight=np.array([float(aim.weight) for aim in aims]),
        trades=np.ones(len(lines), np.int64),
        unit=np.array([float(line.unit_value * line.lot) for line in lines]),
        price=np.array([float((line.price or ZERO) * line.rate) for line in lines]),
        multiplier=np.array([float(line.multiplier) for line in lines]),
        lot=np.array([float(line.lot) for line in lines]),
        held=np.array([float(line.held / line.lot) for line in lines]),
        open_buy=np.array([float(line.open_buy / line.lot) for line in lines]),
        open_sell=np.array([float(line.open_sell / line.lot) for line in lines]),
    )


def _rules(book: Book, exits: Sequence[Leg], mandate: Mandate, count: int) -> SizingRules:
    planning = mandate.planning
    # Slices pay a fee each; one crossing of zero makes two sliced legs.
    cash = book.spendable - split_cost(mandate.costs, 2 * count * (planning.slices - 1))
    for leg in exits:
        # A cover pays with the money set aside for its short; only its fee comes from the cash.
        cash += (leg.line.value(leg.quantity) if leg.effect is Effect.CLOSE else ZERO) - leg.fee(mandate)
    return SizingRules(
        base=float(base_of(book, planning) * (1 - planning.buffer)),
        cash=float(cash),
        minimum=float(max(planning.min_trade_fraction * book.nav, planning.min_trade_notional)),
        allocator=FLOOR if planning.allocator is Allocator.FLOOR else REMAINDER,
        model=model_code(mandate.costs),
    )


def _allocate_exactly(book: Book, aims: Sequence[Aim], mandate: Mandate, lots: LotColumns) -> tuple[str, ...]:
    """Replace the long targets by the exact allocation; a warning where the search gave up."""
    base = base_of(book, mandate.planning) * (1 - mandate.planning.buffer)
    longs = [i for i, aim in enumerate(aims) if aim.weight > 0]
    targets = [aims[i].weight * base for i in longs]
    units = [aims[i].line.unit_value * aims[i].line.lot for i in longs]
    answer = allocate(targets, units, sum(targets, ZERO), [int(lots.target[i]) for i in longs])
    if answer is None:
        return ("the mip allocator gave up within its budget of nodes; largest remainders were used",)
    for i, count in zip(longs, answer):
        lots.target[i] = float(count)
    return ()


def _legs(aim: Aim, book: Book, lots: LotColumns, i: int) -> list[Leg]:
    line, legs = aim.line, []
    reducing, adding = float(lots.reduce[i]), float(lots.add[i])
    reason = _reason(aim, book)
    if reducing != 0.0:
        side = Side.BUY if reducing > 0 else Side.SELL
        pending = line.open_buy if side is Side.BUY else line.open_sell
        quantity = _exact(abs(reducing), line.lot, abs(line.held) - pending)
        effect = Effect.COVER if side is Side.BUY else Effect.CLOSE
        legs.append(Leg(line=line, side=side, effect=effect, quantity=quantity, reason=reason))
    if adding != 0.0:
        side = Side.BUY if adding > 0 else Side.SELL
        quantity = Decimal(round(abs(adding))) * line.lot
        effect = Effect.OPEN if side is Side.BUY else Effect.SHORT
        legs.append(Leg(line=line, side=side, effect=effect, quantity=quantity, reason=reason))
    return legs


def _exact(lots: float, lot: Decimal, whole: Decimal) -> Decimal:
    """A count of lots as a quantity; `whole` itself, odd lot included, where the count stands for it."""
    if abs(Decimal(lots) * lot - whole) <= lot * _HALF_LOT_NOISE:
        return whole
    return Decimal(round(lots)) * lot


def _reason(aim: Aim, book: Book) -> str:
    current = _percent(aim.line.value(aim.line.held) / book.nav if book.nav else ZERO)
    if not aim.listed:
        return f"not in the targets; held at {current} of equity"
    return f"target {_percent(aim.target)} of equity; held at {current}"


def _percent(fraction: Decimal) -> str:
    return f"{(fraction * 100).quantize(Decimal('0.01'))} %"


def _code(aim: Aim, lots: LotColumns, i: int) -> str:
    """Why this aim falls short of its target, if it does."""
    if lots.dropped[i] == 1 and lots.wanted[i] == 0.0 and lots.add[i] == 0.0:
        return "below_min_trade"
    if lots.add[i] < lots.wanted[i]:
        return "unaffordable"
    if lots.reduce[i] != 0.0 or lots.add[i] != 0.0:
        return ""
    if aim.line.open_buy != 0 or aim.line.open_sell != 0:
        return "open_orders"
    return "unaffordable" if aim.weight != 0 and lots.target[i] == 0.0 and aim.line.held == 0 else "no_drift"

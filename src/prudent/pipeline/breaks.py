"""Position breaks: where the broker's book differs from ours, what kind of difference it is, and nothing is traded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from prudent.domain.accounts import AccountSnapshot
from prudent.domain.futures import root_of_contract
from prudent.domain.instruments import CASH
from prudent.domain.money import ZERO, plain
from prudent.domain.orders import OpenOrder

# A future's price moves by no more than this between the two answers that its account's cash is made of.
FUTURES_MOVE = Decimal("0.01")
RATIOS = tuple(Decimal(n) for n in (2, 3, 4, 5, 10, 20))


class BreakKind(StrEnum):
    """What a difference most likely is, asked in this order."""

    MISSING_FILL = "missing fill"
    CORPORATE_ACTION = "corporate action"
    FOREIGN_TRADE = "foreign trade"
    TRANSFER = "transfer"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One symbol (or CASH) that the broker holds otherwise; `cash` is the cash that came or went with it."""

    symbol: str
    ours: Decimal
    theirs: Decimal
    cash: Decimal
    kind: BreakKind

    @property
    def gap(self) -> Decimal:
        return self.theirs - self.ours

    @property
    def words(self) -> str:
        what = "cash break" if self.symbol == CASH else f"position break in {self.symbol}"
        return f"{what}: ours {plain(self.ours)}, the broker's {plain(self.theirs)} ({self.kind})"


def breaks_between(
    ours: Mapping[str, Decimal], cash: Decimal, snapshot: AccountSnapshot, *, at_venue: Sequence[OpenOrder],
    untold: frozenset[str] = frozenset(),
) -> tuple[Break, ...]:  # fmt: skip
    """Every difference, positions exact and cash to the cent; symbols in `untold` still have executions to come.

    What futures gained is cash that moves with their price between two answers: beside them so much less is known.
    """
    theirs: dict[str, Decimal] = {}
    for position in snapshot.positions:
        theirs[position.symbol] = theirs.get(position.symbol, ZERO) + position.quantity
    symbols = sorted({*ours, *theirs} - untold)
    gaps = {symbol: theirs.get(symbol, ZERO) - ours.get(symbol, ZERO) for symbol in symbols}
    gaps = {symbol: gap for symbol, gap in gaps.items() if gap != 0}
    money = ZERO if untold else snapshot.cash - cash
    # Cash belongs to a symbol's difference only where there is but one.
    along = money if len(gaps) == 1 else ZERO
    found = [
        Break(
            symbol=symbol, ours=ours.get(symbol, ZERO), theirs=theirs.get(symbol, ZERO), cash=along,
            kind=_kind(symbol, gap, ours.get(symbol, ZERO), along, at_venue),
        )
        for symbol, gap in gaps.items()
    ]  # fmt: skip
    if abs(money) > _price_moves(snapshot) and not along:
        kind = BreakKind.TRANSFER if not gaps else BreakKind.UNEXPLAINED
        found.append(Break(symbol=CASH, ours=cash, theirs=snapshot.cash, cash=money, kind=kind))
    return tuple(found)


def _price_moves(snapshot: AccountSnapshot) -> Decimal:
    futures = (each for each in snapshot.positions if root_of_contract(each.symbol) is not None)
    return FUTURES_MOVE * sum((abs(each.cost) for each in futures), ZERO)


def _kind(symbol: str, gap: Decimal, ours: Decimal, cash: Decimal, at_venue: Sequence[OpenOrder]) -> BreakKind:
    paid = cash * gap < 0
    for order in at_venue:
        if order.symbol == symbol and order.side.sign * gap > 0 and abs(gap) <= order.remaining and paid:
            return BreakKind.MISSING_FILL
    if cash == 0 and ours and any(_is_ratio(ours, ours + gap, ratio) for ratio in RATIOS):
        return BreakKind.CORPORATE_ACTION
    if paid:
        return BreakKind.FOREIGN_TRADE
    return BreakKind.TRANSFER if cash == 0 else BreakKind.UNEXPLAINED


def _is_ratio(before: Decimal, after: Decimal, ratio: Decimal) -> bool:
    return after in (before * ratio, before / ratio)

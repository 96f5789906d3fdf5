"""A second planner, written from the rules alone in exact decimals: slow, plain and without columns."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

from prudent.domain.cycles import Observation
from prudent.domain.instruments import CASH
from prudent.domain.mandate import Allocator, CostModel, Mandate, Planning, RebalanceTo, Unlisted
from prudent.domain.orders import Effect, Side
from prudent.domain.proposals import Decision

ZERO = Decimal(0)
ONE = Decimal(1)
DIGITS = 60
REACH = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One symbol of the book: `unit` is the value of one unit in the base currency."""

    symbol: str
    held: Decimal
    open_buys: Decimal
    open_sells: Decimal
    unit: Decimal
    lot: Decimal

    @property
    def current(self) -> Decimal:
        """Open orders count as held, so that planning twice never doubles an order."""
        return self.held + self.open_buys - self.open_sells

    @property
    def sellable(self) -> Decimal:
        return max(self.held - self.open_sells, ZERO)

    @property
    def coverable(self) -> Decimal:
        return max(-self.held - self.open_buys, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One order that the rules ask for."""

    symbol: str
    side: Side
    effect: Effect
    quantity: Decimal
    notional: Decimal
    fee: Decimal
    phase: int
    forced: bool
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the rules ask for, and what a person reads beside it; `enough_cash` is False when buys had to shrink."""

    nav: Decimal
    orders: tuple[Wanted, ...]
    cash_after: Decimal
    one_way: Decimal
    gross: Decimal
    fund: Decimal
    reachable: Mapping[str, Decimal]
    spendable: Decimal
    enough_cash: bool

    def quantities(self) -> dict[tuple[str, Effect], Decimal]:
        return {(order.symbol, order.effect): order.quantity for order in self.orders}


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def whole_lots(quantity: Decimal, lot: Decimal) -> Decimal:
    """Towards zero, to a multiple of the lot."""
    count = int(abs(quantity) / lot)
    return count * lot if quantity >= 0 else -count * lot


def fee_of(model: CostModel, quantity: Decimal, value: Decimal) -> Decimal:
    """A maximum of 1 % of the value, a sum of whole cents, wins over a minimum fee."""
    if model is CostModel.NONE:
        return ZERO
    if model is CostModel.XTB:
        return cents(value * Decimal("0.0008"))
    if model is CostModel.CRYPTO:
        return cents(value * Decimal("0.001"))
    a_share, least = (
        (Decimal("0.005"), Decimal("1.00")) if model is CostModel.IBKR_FIXED else (Decimal("0.0035"), Decimal("0.35"))
    )
    return cents(min(max(quantity * a_share, least), value * Decimal("0.01")))


def lines_of(seen: Observation, planning: Planning, symbols: Sequence[str]) -> dict[str, Line]:
    prices = {quote.symbol: quote.price for quote in seen.quotes}
    things = {thing.symbol: thing for thing in seen.instruments}
    rates = {rate.currency: rate.rate for rate in seen.fx} | {seen.snapshot.currency: ONE}
    held = {position.symbol: position.quantity for position in seen.snapshot.positions}
    found = {}
    for symbol in symbols:
        thing, price = things[symbol], prices[symbol]
        assert price is not None
        waiting = [order for order in seen.snapshot.open_orders if order.symbol == symbol]
        found[symbol] = Line(
            symbol=symbol,
            held=held.get(symbol, ZERO),
            open_buys=sum((o.remaining for o in waiting if o.side is Side.BUY), ZERO),
            open_sells=sum((o.remaining for o in waiting if o.side is Side.SELL), ZERO),
            unit=price * thing.multiplier * rates[thing.currency],
            lot=planning.lot_size or thing.lot,
        )
    return found


def reserved(seen: Observation, lines: Mapping[str, Line]) -> Decimal:
    """What open buys may cost: their limit where they have one, else the price."""
    prices = {quote.symbol: quote.price for quote in seen.quotes}
    total = ZERO
    for order in seen.snapshot.open_orders:
        if order.side is Side.BUY:
            price = prices[order.symbol]
            assert price is not None
            ratio = ONE if order.limit_price is None else order.limit_price / price
            total += cents(order.remaining * lines[order.symbol].unit * ratio)
    return total


def band_of(planning: Planning, target: Decimal) -> Decimal | None:
    limits = []
    if planning.band_absolute is not None:
        limits.append(planning.band_absolute)
    if planning.band_relative is not None:
        limits.append(planning.band_relative * abs(target))
    return min(limits) if limits else None


def after_bands(
    lines: Mapping[str, Line], targets: Mapping[str, Decimal], nav: Decimal, planning: Planning
) -> dict[str, Decimal]:
    """The weights to trade towards; a symbol inside its band is not in the answer. A target of 0 has no band."""
    wanted = {}
    for symbol, target in targets.items():
        band = band_of(planning, target)
        if band is None or target == 0:
            wanted[symbol] = target
            continue
        gap = lines[symbol].current * lines[symbol].unit / nav - target
        if abs(gap) > band:
            edge = target + band if gap > 0 else target - band
            wanted[symbol] = edge if planning.rebalance_to is RebalanceTo.BAND else target
    return wanted


def by_remainder(lines: Mapping[str, Line], weights: Mapping[str, Decimal], base: Decimal) -> dict[str, Decimal]:
    """Floors, then one more lot each by fractional share (then weight, then symbol) while the rest affords it."""
    ideal = {s: w * base / lines[s].unit for s, w in weights.items()}
    chosen = {s: whole_lots(q, lines[s].lot) for s, q in ideal.items()}
    longs = [s for s, w in weights.items() if w > 0]
    left = sum((weights[s] * base - chosen[s] * lines[s].unit for s in longs), ZERO)
    share = {s: (ideal[s] - chosen[s]) / lines[s].lot for s in longs}
    for symbol in sorted(longs, key=lambda s: (-share[s], -weights[s], s)):
        cost = lines[symbol].lot * lines[symbol].unit
        if share[symbol] > 0 and cost <= left:
            chosen[symbol] += lines[symbol].lot
            left -= cost
    return chosen


def by_search(lines: Mapping[str, Line], weights: Mapping[str, Decimal], base: Decimal) -> dict[str, Decimal]:
    """Every combination of lots up to the rounded-up ideal; the least gap and cash, then fewest lots above target."""
    longs = sorted(s for s, w in weights.items() if w > 0)
    chosen = {s: whole_lots(w * base / lines[s].unit, lines[s].lot) for s, w in weights.items() if w <= 0}
    ideal = {s: weights[s] * base / (lines[s].unit * lines[s].lot) for s in longs}
    budget = sum((weights[s] * base for s in longs), ZERO)
    ranges = [range(max(0, int(ideal[s]) - REACH), int(ideal[s]) + (2 if ideal[s] % 1 else 1)) for s in longs]
    best: tuple[Decimal, int, tuple[int, ...]] | None = None
    for lots in itertools.product(*ranges):
        value = [n * lines[s].lot * lines[s].unit for n, s in zip(lots, longs)]
        cash = budget - sum(value, ZERO)
        if cash < 0:
            continue
        gap = sum((abs(weights[s] * base - v) for s, v in zip(longs, value)), ZERO) + cash
        above = sum(1 for n, s in zip(lots, longs) if n > ideal[s])
        # Of equal answers the first symbol gets the lot: more lots of it compare as smaller.
        key = (gap, above, tuple(-n for n in lots))
        best = key if best is None else min(best, key)
    assert best is not None
    return chosen | {s: -n * lines[s].lot for s, n in zip(longs, best[2])}


def orders_of(line: Line, target: Decimal, model: CostModel, *, forced: bool, whole: bool) -> list[Wanted]:
    """At most two orders that lead from what is there to the target; one that crosses zero is split there.

    `whole` closes what is there with its odd lot; a target that only rounds to nothing trades in whole lots.
    """
    gap = target - line.current
    if gap == 0:
        return []
    side, closing, opening = (
        (Side.SELL, Effect.CLOSE, Effect.SHORT) if gap < 0 else (Side.BUY, Effect.COVER, Effect.OPEN)
    )
    room = line.sellable if side is Side.SELL else line.coverable
    closes = min(abs(gap), room)
    opens = abs(gap) - closes if (target < 0) == (side is Side.SELL) and target != 0 else ZERO
    if not whole and opens == 0:
        closes = whole_lots(closes, line.lot)
    found = []
    for effect, quantity, phase in ((closing, closes, 1), (opening, whole_lots(opens, line.lot), 2)):
        if quantity > 0:
            notional = cents(quantity * line.unit)
            found.append(
                Wanted(
                    symbol=line.symbol, side=side, effect=effect, quantity=quantity, notional=notional,
                    fee=fee_of(model, quantity, notional), phase=phase, forced=forced,
                    whole=effect is closing and (whole or quantity == abs(line.held)),
                )
            )  # fmt: skip
    return found


def expected(seen: Observation, decision: Decision, mandate: Mandate) -> Expected:
    """The plan of a decision by the rules."""
    with localcontext() as context:
        context.prec = DIGITS
        return _expected(seen, decision, mandate)


def _expected(seen: Observation, decision: Decision, mandate: Mandate) -> Expected:
    planning = mandate.planning
    held = {position.symbol for position in seen.snapshot.positions}
    waiting = {order.symbol for order in seen.snapshot.open_orders}
    named = {target.symbol: target.weight for target in decision.targets if target.symbol != CASH}
    lines = lines_of(seen, planning, sorted(held | waiting | set(named)))
    nav = seen.snapshot.cash + sum((cents(line.held * line.unit) for line in lines.values()), ZERO)
    # Capital to deploy, never more than there is, makes every target a smaller fraction of the same equity.
    share = ONE if planning.capital_to_deploy is None else min(planning.capital_to_deploy / nav, ONE)
    # What the owner keeps out of trading stays out of it, whatever is proposed.
    kept = set(planning.no_trading)
    exits = {exit_.symbol: exit_.quantity for exit_ in decision.exits if exit_.symbol not in kept}

    targets = {symbol: weight * share for symbol, weight in named.items()}
    if planning.unlisted is Unlisted.SELL:
        targets |= {symbol: ZERO for symbol in held | waiting if symbol not in named}
    fixed = kept | set(exits)
    targets = {s: w for s, w in targets.items() if s not in fixed}
    weights = after_bands(lines, targets, nav, planning)
    base = nav * (1 - planning.buffer)
    chosen = _allocate(lines, weights, base, planning)

    wanted: list[Wanted] = []
    for symbol, quantity in exits.items():
        line = lines[symbol]
        goal = line.current - quantity if line.held > 0 else line.current + quantity
        wanted += orders_of(line, goal, mandate.costs, forced=True, whole=True)
    least = max(planning.min_trade_notional, planning.min_trade_fraction * nav)
    for symbol, goal in chosen.items():
        for order in orders_of(lines[symbol], goal, mandate.costs, forced=False, whole=weights[symbol] == 0):
            if order.whole or order.notional >= least:
                wanted.append(order)
    return _with_cash(seen, lines, nav, tuple(wanted))


def _allocate(
    lines: Mapping[str, Line], weights: Mapping[str, Decimal], base: Decimal, planning: Planning
) -> dict[str, Decimal]:
    if planning.allocator is Allocator.FLOOR:
        return {s: whole_lots(w * base / lines[s].unit, lines[s].lot) for s, w in weights.items()}
    rule = by_search if planning.allocator is Allocator.MIP else by_remainder
    return rule(lines, weights, base)


def _with_cash(seen: Observation, lines: Mapping[str, Line], nav: Decimal, wanted: tuple[Wanted, ...]) -> Expected:
    cash = seen.snapshot.cash
    # Money that short sales brought is not free to spend: a cover is paid from what its short has set aside.
    aside = sum((cents(-line.held * line.unit) for line in lines.values() if line.held < 0), ZERO)
    freed = sum((o.notional if o.effect is Effect.CLOSE else ZERO for o in wanted), ZERO)
    spendable = cash - reserved(seen, lines) - aside + freed - sum((o.fee for o in wanted if o.phase == 1), ZERO)
    cost = sum((o.notional + o.fee for o in wanted if o.effect is Effect.OPEN), ZERO)
    shorting_fees = sum((o.fee for o in wanted if o.effect is Effect.SHORT), ZERO)
    moved: dict[str, Decimal] = {}
    for order in wanted:
        moved[order.symbol] = moved.get(order.symbol, ZERO) + order.side.sign * order.notional
    after = cash - sum(moved.values(), ZERO) - sum((o.fee for o in wanted), ZERO)
    bought = sum((o.notional for o in wanted if o.side is Side.BUY), ZERO)
    sold = sum((o.notional for o in wanted if o.side is Side.SELL), ZERO)
    reachable = {
        s: cents((line.held + sum((o.side.sign * o.quantity for o in wanted if o.symbol == s), ZERO)) * line.unit) / nav
        for s, line in lines.items()
    }
    return Expected(
        nav=nav,
        orders=wanted,
        cash_after=after,
        one_way=(sum((abs(v) for v in moved.values()), ZERO) + abs(bought - sold)) / nav / 2,
        gross=(bought + sold) / nav,
        fund=min(bought, sold) / nav,
        reachable=reachable | {"CASH": after / nav},
        spendable=spendable,
        enough_cash=cost + shorting_fees <= max(spendable, ZERO) or cost == 0,
    )

"""Random portfolios to plan for, each from one seed: what fails is found again by its number."""

import random
from dataclasses import dataclass
from decimal import Decimal

from tests.oracle.desk import Book, Thing, decision
from tests.oracle.planner import cents

from prudent.domain.cycles import Observation
from prudent.domain.mandate import Allocator, CostModel, Mandate, Planning, RebalanceTo, Unlisted
from prudent.domain.orders import OpenOrder, Side
from prudent.domain.proposals import Decision, ExitCause, ForcedExit

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerCase:
    seed: int
    seen: Observation
    decision: Decision
    mandate: Mandate


def amount(luck: random.Random, low: float, high: float, step: Decimal = CENT) -> Decimal:
    """A number between the bounds, small ones as likely as large ones, to a multiple of the step."""
    value = Decimal(repr(low * (high / low) ** luck.random()))
    return (value / step).to_integral_value() * step


def fractions(luck: random.Random, count: int, total: Decimal) -> list[Decimal]:
    """Positive weights with at most four decimals whose sum is at most `total`."""
    parts = [luck.randint(1, 100) for _ in range(count)]
    return [(total * part / sum(parts)).quantize(Decimal("0.0001"), rounding="ROUND_DOWN") for part in parts]


def planning_of(luck: random.Random) -> Planning:
    rebalance_to = RebalanceTo.BAND if luck.random() < 0.2 else RebalanceTo.TARGET
    return Planning(
        # Weights of bands are fractions of all equity; with a buffer the edge of a band would have two readings.
        buffer=Decimal(0) if rebalance_to is RebalanceTo.BAND else luck.choice([Decimal(0), Decimal("0.0025")]),
        unlisted=luck.choice([Unlisted.SELL, Unlisted.SELL, Unlisted.KEEP]),
        allocator=luck.choice([Allocator.REMAINDER, Allocator.REMAINDER, Allocator.FLOOR]),
        band_absolute=luck.choice([None, None, Decimal("0.05")]),
        band_relative=luck.choice([None, None, Decimal("0.25")]),
        rebalance_to=rebalance_to,
        min_trade_fraction=luck.choice([Decimal("0.001"), Decimal(0), Decimal("0.01")]),
        min_trade_notional=luck.choice([Decimal(0), Decimal(0), Decimal(250)]),
        allow_short=True,
        no_trading=("AAA",) if luck.random() < 0.05 else (),
        capital_to_deploy=amount(luck, 5_000, 50_000) if luck.random() < 0.05 else None,
        lot_size=luck.choice([Decimal(1), Decimal(5)]) if luck.random() < 0.05 else None,
    )


def things_of(luck: random.Random, count: int) -> dict[str, Thing]:
    things = {}
    for symbol in SYMBOLS[:count]:
        foreign = luck.random() < 0.1
        things[symbol] = Thing(
            price=amount(luck, 0.5, 900, luck.choice([CENT, CENT, Decimal("0.0001")])),
            lot=luck.choice([Decimal(1)] * 8 + [Decimal(10), Decimal("0.001")]),
            currency="EUR" if foreign else "USD",
        )
    return things


def quantity_of(luck: random.Random, lot: Decimal) -> Decimal:
    """A holding: usually whole lots, sometimes an odd one."""
    lots = Decimal(luck.randint(1, 400)) * lot
    return lots + lot / 2 if luck.random() < 0.05 and lot >= 10 else lots


def owed(thing: Thing, quantity: Decimal) -> Decimal:
    """What a short sale brought in, and a little more than its loss in any currency."""
    return cents(max(-quantity * (thing.price or 0), Decimal(0)) * Decimal("1.1"))


def planner_case(seed: int) -> PlannerCase:
    luck = random.Random(seed)
    things = things_of(luck, luck.randint(1, 6))
    symbols = list(things)
    held = {s: quantity_of(luck, things[s].lot) for s in symbols if luck.random() < 0.5}
    short = luck.random() < 0.15
    if short:
        held = {s: -q if luck.random() < 0.5 else q for s, q in held.items()}
    waiting = [] if short else [o for s in symbols if luck.random() < 0.1 for o in [open_order(luck, s, held, things)]]
    book = Book(
        things=things,
        cash=amount(luck, 100, 2_000_000) + sum((owed(things[s], q) for s, q in held.items()), Decimal(0)),
        positions=held,
        open_orders=[o for o in waiting if o.remaining > 0],
        fx={"EUR": Decimal("1.08")},
    )
    named = [s for s in symbols if luck.random() < 0.8]
    weights = dict(zip(named, fractions(luck, len(named), luck.choice([Decimal(1), Decimal("0.9"), Decimal("0.5")]))))
    if short:
        weights = {s: -w / 2 if luck.random() < 0.4 else w / 2 for s, w in weights.items()}
    exits = [] if short else exits_of(luck, held, waiting, things)
    costs = luck.choice([CostModel.NONE, CostModel.NONE, *CostModel])
    if any(thing.currency != "USD" for thing in things.values()):
        costs = CostModel.NONE
    mandate = Mandate(account="hand", costs=costs, planning=planning_of(luck))
    return PlannerCase(seed=seed, seen=book.seen(), decision=decision(weights, exits), mandate=mandate)


def open_order(
    luck: random.Random, symbol: str, held: dict[str, Decimal], things: dict[str, Thing]
) -> OpenOrder:  # fmt: skip
    """A waiting order that fits the holding."""
    thing = things[symbol]
    most = int(held.get(symbol, Decimal(0)) / thing.lot)
    side = Side.SELL if most > 0 and luck.random() < 0.5 else Side.BUY
    lots = luck.randint(1, most if side is Side.SELL else 20)
    return OpenOrder(
        order_ref=f"O{symbol}", symbol=symbol, side=side, remaining=lots * thing.lot, limit_price=thing.price
    )


def exits_of(
    luck: random.Random, held: dict[str, Decimal], waiting: list[OpenOrder], things: dict[str, Thing]
) -> list[ForcedExit]:
    """A forced exit, whole or half, of a holding without waiting orders."""
    busy = {order.symbol for order in waiting}
    found = []
    for symbol, quantity in held.items():
        if symbol not in busy and luck.random() < 0.1:
            lot = things[symbol].lot
            part = quantity if luck.random() < 0.5 else max(int(quantity / lot / 2), 1) * lot
            found.append(ForcedExit(symbol=symbol, quantity=part, cause=ExitCause.STOP_LOSS, reason="hand"))
    return found


def mip_case(seed: int) -> PlannerCase:
    """Two or three symbols of similar price and no fees: small enough to try every combination of lots."""
    luck = random.Random(seed)
    symbols = SYMBOLS[: luck.randint(2, 3)]
    low = amount(luck, 5, 300)
    things = {s: Thing(price=cents(low * (1 + Decimal(luck.randint(0, 200)) / 100))) for s in symbols}
    weights = dict(zip(symbols, fractions(luck, len(symbols), luck.choice([Decimal(1), Decimal("0.7")]))))
    planning = Planning(
        buffer=luck.choice([Decimal(0), Decimal("0.0025")]), allocator=Allocator.MIP, min_trade_fraction=Decimal(0)
    )
    book = Book(things=things, cash=amount(luck, float(low) * 4, float(low) * 300))
    mandate = Mandate(account="hand", costs=CostModel.NONE, planning=planning)
    return PlannerCase(seed=seed, seen=book.seen(), decision=decision(weights), mandate=mandate)

"""Random batches of orders to judge, each from one seed: honest ones, and ones that break a rule."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from tests.oracle.desk import INTERLOCKS, NOON, SESSION, Book, Thing, history
from tests.oracle.planner import cents
from tests.oracle.planner_cases import SYMBOLS, amount, owed

from prudent.domain.accounts import AccountClass, AccountHistory, Position, RecentOrder, TradingState
from prudent.domain.cycles import Observation
from prudent.domain.instruments import InstrumentKind
from prudent.domain.mandate import CostModel, Limits, Mandate, Planning, StrategyLimits
from prudent.domain.orders import Effect, OpenOrder, OrderStatus, OrderType, Side
from prudent.domain.plans import PlannedOrder
from prudent.domain.rules import RuleCategory, UserRule
from prudent.guards.feeds import ALL_FEEDS, CALCULATOR_FEEDS

SIDES = {Effect.OPEN: Side.BUY, Effect.COVER: Side.BUY, Effect.CLOSE: Side.SELL, Effect.SHORT: Side.SELL}
TENTH = Decimal("0.1")
COLLAR = [None] * 12 + [Decimal("0.05"), Decimal("-0.05"), Decimal("0.051"), Decimal("-0.11"), Decimal("0.02")]
JUMPS = [Decimal(1)] * 30 + [Decimal("0.85"), Decimal("1.3"), Decimal("0.7")]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardCase:
    seed: int
    seen: Observation
    orders: tuple[PlannedOrder, ...]
    mandate: Mandate
    feeds: frozenset[str]


def maybe(luck: random.Random, chance: float, value: Decimal, other: Decimal | None) -> Decimal | None:
    return value if luck.random() < chance else other


def thing_of(luck: random.Random, *, quoted: bool) -> Thing:
    price = amount(luck, 2, 600)
    quoted = quoted and luck.random() > 0.02
    spread = luck.choice([Decimal("0.0002"), Decimal("0.001"), Decimal("0.004")])
    return Thing(
        price=price,
        lot=luck.choice([Decimal(1)] * 6 + [Decimal(10)]),
        sector=luck.choice(["TECH", "TECH", "BANKS", "UNKNOWN"]),
        kind=luck.choice([InstrumentKind.STOCK] * 3 + [InstrumentKind.ETF]),
        bid=cents(price * (1 - spread)) if quoted else None,
        ask=cents(price * (1 + spread)) if quoted else None,
        level=maybe(luck, 0.05, luck.choice([Decimal(5), Decimal("5.01"), Decimal("4.99")]), price + 5),
        previous_level=maybe(luck, 0.05, luck.choice([Decimal(5), Decimal("5.01")]), price + 5),
        previous_close=cents(price * luck.choice(JUMPS)),
        adv_dollars=luck.choice([Decimal(10) ** 9] * 30 + [Decimal(100_000), Decimal(100_001), Decimal(400_000)]),
        adv_sessions=luck.choice([20] * 30 + [15, 14]),
        age=luck.choice([Decimal(1)] * 12 + [Decimal(1_200)]),
    )


def past_of(luck: random.Random, nlv: Decimal) -> AccountHistory:
    """The account's history: mostly quiet, sometimes with a loss, a latch, a state or a recent order."""
    past = replace(history(nlv), has_traded=luck.random() < 0.8, trades_today=luck.choice([0] * 8 + [45, 49, 50]))
    trouble = luck.randint(0, 40)
    changes: dict[int, AccountHistory] = {
        0: replace(past, state=TradingState.REDUCING),
        1: replace(past, state=TradingState.HALTED),
        2: replace(past, symbol_states=(("AAA", TradingState.HALTED),)),
        3: replace(past, symbol_states=(("AAA", TradingState.REDUCING),)),
        4: replace(past, nlv_open=cents(nlv / (1 - Decimal("0.02")))),
        5: replace(past, nlv_open=cents(nlv / (1 - Decimal("0.015")))),
        6: replace(past, unit_value=Decimal("0.75")),
        7: replace(past, unit_value=Decimal("0.81")),
        14: replace(past, unit_value=Decimal("0.80")),
        15: replace(past, unit_value=Decimal("0.75"), drawdown_latched=True),
        16: replace(past, unit_value=Decimal("0.7501"), drawdown_latched=True),
        8: replace(past, unknown_symbols=("AAA",)),
        9: replace(past, unknown_symbols=("UUU", "VVV", "WWW")),
        10: replace(past, decider_failures_in_row=3),
        11: replace(past, daily_loss_latched=True),
        12: replace(past, flows_today=cents(nlv / 2), nlv_open=cents(nlv / 2)),
        13: replace(past, nlv_open=None),
    }
    return changes.get(trouble, past)


def rules_of(luck: random.Random) -> list[UserRule]:
    choices: list[tuple[str, str]] = [
        ("max_position_pct", luck.choice(["5", "15", "30"])),
        ("max_position_dollars", luck.choice(["1000", "25000.50"])),
        ("min_cash_reserve_pct", luck.choice(["5", "25"])),
        ("max_positions", luck.choice(["2", "4"])),
        ("max_trades_per_session", luck.choice(["1", "3"])),
        ("approved_symbols", "AAA, BBB, CCC"),
        ("rsi_max_entry", luck.choice(["50", "49.9"])),
        ("price_min_entry", luck.choice(["20", "100"])),
        ("price_max_entry", luck.choice(["300", "500"])),
        ("min_adv_dollars_entry", luck.choice(["200000", "400000"])),
    ]
    picked = [each for each in choices if luck.random() < 0.08]
    return [
        UserRule(
            rule_id=f"U{i}", rule_name=key, rule_category=RuleCategory.RISK, enforcement_params={key: value},
            applies_to_symbols=("AAA", "BBB") if luck.random() < 0.3 else (),
            exclude_symbols=("AAA",) if luck.random() < 0.2 else (),
        )
        for i, (key, value) in enumerate(picked)
    ]  # fmt: skip


def mandate_of(luck: random.Random, account_class: AccountClass, *, selling: bool) -> Mandate:
    """Limits at random; half of them wide where there are sales, so that exits are seen to go, too."""
    wide = selling and luck.random() < 0.5
    limits = Limits(
        max_position_weight=luck.choice([None, Decimal("0.20"), Decimal("0.35")]),
        max_sector_weight=luck.choice([None, Decimal(1), Decimal("0.40")]),
        cash_min=luck.choice([Decimal(-1), Decimal(-1), Decimal("0.05")]),
        max_turnover_per_cycle=Decimal(1) if wide else luck.choice([Decimal(1), Decimal("0.25")]),
        max_trades_per_cycle=200 if wide else luck.choice([200, 200, 2]),
        max_order_notional=luck.choice([None, None, Decimal(20_000)]),
        max_daily_loss=luck.choice([Decimal("0.02"), Decimal("0.01")]),
    )
    own = StrategyLimits(
        max_position_weight=luck.choice([None, None, Decimal("0.15")]),
        max_trades_per_cycle=luck.choice([None, None, None, 1, 2]),
        min_holding_days=luck.choice([0, 0, 0, 5]),
    )
    return Mandate(
        account="hand", account_class=account_class, limits=limits, strategy_limits=own, costs=CostModel.NONE,
        planning=Planning(allow_short=luck.random() < 0.5),
    )  # fmt: skip


def orders_of(luck: random.Random, book: Book, *, selling: bool) -> tuple[PlannedOrder, ...]:
    """Sales first; at most one order a symbol."""
    found = []
    for symbol, thing in book.things.items():
        held = book.positions.get(symbol, Decimal(0))
        if luck.random() < 0.25:
            continue
        effect = Effect.OPEN
        if selling and held > 0 and luck.random() < 0.6:
            effect = Effect.CLOSE
        elif selling and held < 0:
            effect = Effect.COVER if luck.random() < 0.7 else Effect.SHORT
        elif selling and held == 0 and luck.random() < 0.2:
            effect = Effect.SHORT
        elif held < 0:
            continue
        found.append(order_of(luck, symbol, thing, effect, book))
    return tuple(sorted(found, key=lambda order: (order.phase, order.symbol)))


def order_of(luck: random.Random, symbol: str, thing: Thing, effect: Effect, book: Book) -> PlannedOrder:
    assert thing.price is not None
    held = abs(book.positions.get(symbol, Decimal(0)))
    if effect.reduces:
        lots = luck.randint(1, max(int(held / thing.lot), 1))
        quantity = luck.choice([held, lots * thing.lot, lots * thing.lot, held + thing.lot])
    else:
        most = max(int(book.nlv * luck.choice([TENTH, TENTH, Decimal("0.6")]) / (thing.price * thing.lot)), 1)
        quantity = luck.randint(1, most) * thing.lot
    off = luck.choice(COLLAR)
    return PlannedOrder(
        order_ref=f"ref-{symbol}", symbol=symbol, side=SIDES[effect], effect=effect, quantity=quantity,
        reference_price=thing.price, notional=cents(quantity * thing.price), phase=1 if effect.reduces else 2,
        reason="hand", forced=effect.reduces and luck.random() < 0.2,
        type=OrderType.MARKET if off is None else OrderType.LIMIT,
        limit_price=None if off is None else thing.price * (1 + off),
    )  # fmt: skip


def book_of(luck: random.Random, *, quoted: bool) -> Book:
    things = {s: thing_of(luck, quoted=quoted) for s in SYMBOLS[: luck.randint(1, 6)]}
    held: dict[str, Decimal] = {}
    for symbol, thing in things.items():
        if luck.random() < 0.5:
            held[symbol] = luck.randint(1, 60) * thing.lot * (-1 if luck.random() < 0.1 else 1)
    waiting = [
        OpenOrder(
            order_ref=f"open-{s}", symbol=s, side=Side.BUY, remaining=luck.randint(1, 9) * t.lot,
            limit_price=maybe(luck, 0.5, t.price or Decimal(1), None), ours=luck.random() < 0.5,
        )
        for s, t in things.items()
        if held.get(s, Decimal(0)) >= 0 and luck.random() < 0.08
    ]  # fmt: skip
    return Book(
        things=things,
        cash=amount(luck, 1_000, 300_000) + sum((owed(things[s], q) for s, q in held.items()), Decimal(0)),
        positions=held,
        open_orders=waiting,
        account_class=AccountClass.AUTONOMOUS if luck.random() < 0.3 else AccountClass.DIRECTED,
        rules=rules_of(luck),
        market_open=luck.random() > 0.02,
    )


def guard_case(seed: int) -> GuardCase:
    luck = random.Random(seed)
    quoted = luck.random() < 0.7
    book = book_of(luck, quoted=quoted)
    book = replace(book, past=past_of(luck, book.nlv))
    selling = luck.random() < 0.5
    orders = orders_of(luck, book, selling=selling)
    seen = book.seen()
    seen = replace(seen, snapshot=replace(seen.snapshot, positions=aged(luck, seen.snapshot.positions)))
    if luck.random() < 0.02:
        seen = replace(seen, interlocks=(replace(INTERLOCKS[0], satisfied=False), *INTERLOCKS[1:]))
    if orders and luck.random() < 0.05:
        seen = replace(seen, history=replace(seen.history, recent_orders=(recent(luck, orders[0]),)))
    feeds = ALL_FEEDS if quoted else ALL_FEEDS - {"spread"}
    mandate = mandate_of(luck, book.account_class, selling=selling)
    return GuardCase(seed=seed, seen=seen, orders=orders, mandate=mandate, feeds=feeds)


def aged(luck: random.Random, positions: tuple[Position, ...]) -> tuple[Position, ...]:
    """Some holdings are young: opened at the same hour of another day."""
    days = [luck.choice([0, 4, 5]) if luck.random() < 0.2 else 1_000 for _ in positions]
    return tuple(replace(each, opened=NOON - timedelta(days=old)) for each, old in zip(positions, days))


def calculator_case(seed: int) -> GuardCase:
    """A batch of which only prices, cash, positions and open orders are known, as a plan from files has it."""
    luck = random.Random(seed)
    full = book_of(luck, quoted=False)
    things = {s: Thing(price=t.price, lot=t.lot, level=None, previous_level=None) for s, t in full.things.items()}
    bare = {s: replace(t, adv_dollars=None, adv_sessions=0, age=None, sector="UNKNOWN") for s, t in things.items()}
    book = replace(full, things=bare, market_open=False, rules=(), past=AccountHistory(session=SESSION))
    orders = orders_of(luck, book, selling=luck.random() < 0.7)
    seen = book.seen()
    quotes = tuple(replace(quote, previous_close=None, rsi_14=None, market_open=False) for quote in seen.quotes)
    return GuardCase(
        seed=seed, seen=replace(seen, quotes=quotes, interlocks=()), orders=orders,
        mandate=mandate_of(luck, book.account_class, selling=True), feeds=CALCULATOR_FEEDS,
    )  # fmt: skip


def recent(luck: random.Random, order: PlannedOrder) -> RecentOrder:
    """The same order a little while ago: within the minute that makes it a duplicate, or just outside."""
    return RecentOrder(
        order_ref="earlier", symbol=order.symbol, side=order.side, quantity=order.quantity,
        at=NOON - timedelta(seconds=luck.choice([5, 59, 61, 120])), status=OrderStatus.FILLED,
    )  # fmt: skip

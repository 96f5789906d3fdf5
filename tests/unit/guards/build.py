"""A scene in which every guard passes, and small changes to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from prudent.domain.accounts import AccountClass, AccountHistory, AccountSnapshot, Mode, Position
from prudent.domain.cycles import FxRate, Interlock, Observation
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.mandate import Limits, Mandate
from prudent.domain.orders import Effect, OpenOrder, OrderType, Side
from prudent.domain.plans import PlannedOrder
from prudent.domain.quotes import Quote
from prudent.domain.records import Json
from prudent.domain.rules import RuleCategory, UserRule
from prudent.domain.verdicts import GuardReport, Outcome
from prudent.guards.feeds import ALL_FEEDS
from prudent.guards.report import judge

NOW = datetime(2022, 11, 28, 15, 0, tzinfo=UTC)
SESSION = date(2022, 11, 28)
D = Decimal


def quote_of(symbol: str, price: Decimal) -> Quote:
    return Quote(
        symbol=symbol, price=price, bid=price - D("0.01"), ask=price + D("0.01"), level=price, previous_close=price,
        previous_level=price, adv_dollars=D(10) ** 9, adv_sessions=20, as_of=NOW - timedelta(seconds=1),
        age_seconds=D(1), source="sample", market_open=True, rsi_14=D(50), second_price=price,
    )  # fmt: skip


def instrument_of(symbol: str) -> Instrument:
    return Instrument(symbol=symbol, venue="XNYS", kind=InstrumentKind.STOCK, sector="TECH")


def order_of(symbol: str = "AAA", quantity: int = 10, effect: Effect = Effect.OPEN) -> PlannedOrder:
    side = Side.BUY if effect in (Effect.OPEN, Effect.COVER) else Side.SELL
    return PlannedOrder(
        order_ref=f"{symbol}-{effect}", symbol=symbol, side=side, effect=effect, quantity=D(quantity),
        reference_price=D(100) if symbol == "AAA" else D(50), notional=D(quantity * 100),
        phase=1 if effect.reduces else 2, reason="hand",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    observation: Observation
    orders: tuple[PlannedOrder, ...]
    mandate: Mandate
    feeds: frozenset[str] = ALL_FEEDS
    plan_as_of: datetime | None = None

    def judged(self) -> GuardReport:
        return judge(self.observation, self.orders, self.mandate, feeds=self.feeds, plan_as_of=self.plan_as_of)


Change = Callable[[Scene], Scene]


def scene(*changes: Change) -> Scene:
    """100,000 in cash, nothing held, a market order for 10 AAA at 100; BBB at 50 and CCC at 20 are known too."""
    prices = {"AAA": D(100), "BBB": D(50), "CCC": D(20)}
    observation = Observation(
        account="desk", account_class=AccountClass.AUTONOMOUS, mode=Mode.PAPER, as_of=NOW, session=SESSION,
        market_open=True,
        snapshot=AccountSnapshot(
            account="desk", currency="USD", cash=D(100_000), positions=(), open_orders=(), as_of=NOW, source="hand"
        ),
        history=AccountHistory(
            session=SESSION, nlv_open=D(100_000), unit_value=D(1), peak_unit_value=D(1), has_traded=True
        ),
        quotes=tuple(quote_of(s, p) for s, p in prices.items()),
        instruments=tuple(instrument_of(s) for s in prices),
        interlocks=tuple(Interlock(id=f"M{i:02}", name="hand", satisfied=True) for i in range(1, 11)),
    )  # fmt: skip
    mandate = Mandate(account="desk", account_class=AccountClass.AUTONOMOUS, limits=Limits(max_order_notional=D(10**9)))
    found = Scene(observation=observation, orders=(order_of(),), mandate=mandate)
    for change in changes:
        found = change(found)
    return found


def observed(**fields: Any) -> Change:
    return lambda s: replace(s, observation=replace(s.observation, **fields))


def quoted(**fields: Any) -> Change:
    """Change AAA's quote."""
    return lambda s: observed(quotes=(replace(s.observation.quotes[0], **fields), *s.observation.quotes[1:]))(s)


def described(**fields: Any) -> Change:
    """Change AAA as an instrument."""
    return lambda s: observed(
        instruments=(replace(s.observation.instruments[0], **fields), *s.observation.instruments[1:])
    )(s)


def remembered(**fields: Any) -> Change:
    return lambda s: observed(history=replace(s.observation.history, **fields))(s)


def booked(**fields: Any) -> Change:
    return lambda s: observed(snapshot=replace(s.observation.snapshot, **fields))(s)


def cash(amount: str) -> Change:
    return booked(cash=D(amount))


def holding(opened: datetime | None = None, **quantities: int) -> Change:
    positions = tuple(Position(symbol=s, quantity=D(q), opened=opened) for s, q in quantities.items())
    return booked(positions=positions)


def live(side: Side, remaining: int, symbol: str = "AAA", **fields: Any) -> Change:
    return booked(
        open_orders=(OpenOrder(order_ref="live", symbol=symbol, side=side, remaining=D(remaining), **fields),)
    )


def asked(**fields: Any) -> Change:
    """Change the first order."""
    return lambda s: replace(s, orders=(replace(s.orders[0], **fields), *s.orders[1:]))


def at_limit(price: str) -> Change:
    return asked(type=OrderType.LIMIT, limit_price=D(price))


def ordering(*orders: PlannedOrder) -> Change:
    return lambda s: replace(s, orders=orders)


def exact(quantity: int) -> Change:
    """A limit order at the price, so that worst price and mark are the same: limits are met to the cent."""
    return lambda s: at_limit("100")(asked(quantity=D(quantity))(s))


def selling(quantity: int, effect: Effect = Effect.CLOSE) -> Change:
    return ordering(order_of(quantity=quantity, effect=effect))


def covering(quantity: int) -> Change:
    return ordering(order_of(quantity=quantity, effect=Effect.COVER))


def mandated(**fields: Any) -> Change:
    return lambda s: replace(s, mandate=replace(s.mandate, **fields))


def limits(**fields: Any) -> Change:
    return lambda s: mandated(limits=replace(s.mandate.limits, **fields))(s)


def strategy_limits(**fields: Any) -> Change:
    return lambda s: mandated(strategy_limits=replace(s.mandate.strategy_limits, **fields))(s)


def planning(**fields: Any) -> Change:
    return lambda s: mandated(planning=replace(s.mandate.planning, **fields))(s)


def ruled(scope: dict[str, Any] | None = None, **params: Json) -> Change:
    return observed(rules=(rule_of(**(scope or {}), enforcement_params=params),))


def rule_of(**fields: Any) -> UserRule:
    return UserRule(rule_id="r1", rule_name="hand", rule_category=RuleCategory.RISK, **fields)


def at_time(moment: datetime) -> Change:
    """The whole scene at another moment."""
    return lambda s: observed(
        as_of=moment,
        snapshot=replace(s.observation.snapshot, as_of=moment),
        quotes=tuple(replace(q, as_of=moment) for q in s.observation.quotes),
    )(s)


def directed() -> Change:
    return mandated(account_class=AccountClass.DIRECTED)


def abroad(rate: str | None, *, age: int | None = 0, previous: str | None = None) -> Change:
    """AAA trades in euros at a rate of some age."""
    as_of = None if age is None else NOW - timedelta(seconds=age)
    before = None if previous is None else D(previous)
    rates = () if rate is None else (FxRate(currency="EUR", rate=D(rate), as_of=as_of, previous=before),)
    return lambda s: observed(fx=rates)(described(currency="EUR")(s))


def verdict(report: GuardReport, guard: str, order: int = 0) -> tuple[Outcome, Decimal]:
    g = next(i for i, label in enumerate(report.guards) if label.id == guard)
    return report.outcomes[order][g], report.allowed[order][g]

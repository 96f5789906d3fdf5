"""Small accounts by hand for planner, exits and verification tests; numbers are written as text."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from prudent.domain.accounts import AccountClass, AccountHistory, AccountSnapshot, Mode, Position
from prudent.domain.cycles import FxRate, Observation
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.mandate import CostModel, Limits, Mandate, Planning
from prudent.domain.orders import OpenOrder, Side
from prudent.domain.plans import OrderPlan, PlannedOrder
from prudent.domain.proposals import Answer, Decision, ForcedExit, TargetWeight
from prudent.domain.quotes import Quote
from prudent.pipeline.plan import make_plan

NOW = datetime(2022, 11, 28, 15, 0, tzinfo=UTC)
CYCLE = "acc/1/1"


def d(text: str | int) -> Decimal:
    return Decimal(text)


def stock(symbol: str, *, currency: str = "USD", lot: str = "1", multiplier: str = "1") -> Instrument:
    return Instrument(
        symbol=symbol, venue="SMART", kind=InstrumentKind.STOCK, currency=currency, lot=d(lot), multiplier=d(multiplier)
    )


def quote(symbol: str, price: str | None, *, bid: str | None = None, ask: str | None = None) -> Quote:
    return Quote(
        symbol=symbol,
        price=None if price is None else d(price),
        bid=None if bid is None else d(bid),
        ask=None if ask is None else d(ask),
    )


def order(symbol: str, side: str, remaining: str, *, limit: str | None = None, ref: str = "OTHER") -> OpenOrder:
    return OpenOrder(
        order_ref=ref,
        symbol=symbol,
        side=Side(side),
        remaining=d(remaining),
        limit_price=None if limit is None else d(limit),
    )


def seen(
    prices: Mapping[str, str | None],
    *,
    cash: str = "0",
    held: Mapping[str, str] | None = None,
    open_orders: tuple[OpenOrder, ...] = (),
    instruments: tuple[Instrument, ...] | None = None,
    fx: Mapping[str, str] | None = None,
) -> Observation:
    """An account that holds `cash` and `held` in a world of these prices; every priced symbol is known."""
    positions = tuple(Position(symbol=symbol, quantity=d(quantity)) for symbol, quantity in (held or {}).items())
    return Observation(
        account="acc",
        account_class=AccountClass.DIRECTED,
        mode=Mode.PAPER,
        as_of=NOW,
        session=date(2022, 11, 28),
        market_open=True,
        snapshot=AccountSnapshot(
            account="acc",
            currency="USD",
            cash=d(cash),
            positions=positions,
            open_orders=open_orders,
            as_of=NOW,
            source="hand",
        ),
        history=AccountHistory(session=date(2022, 11, 28)),
        quotes=tuple(quote(symbol, price) for symbol, price in prices.items()),
        instruments=tuple(stock(symbol) for symbol in prices) if instruments is None else instruments,
        fx=tuple(FxRate(currency=currency, rate=d(rate)) for currency, rate in (fx or {}).items()),
    )


def wants(weights: Mapping[str, str], *exits: ForcedExit) -> Decision:
    targets = tuple(TargetWeight(symbol=symbol, weight=d(weight)) for symbol, weight in weights.items())
    return Decision(answer=Answer.TRADE, targets=targets, exits=exits)


def planning(**changes: object) -> Planning:
    """No buffer unless said, as the worked examples are."""
    values: dict[str, object] = {"buffer": d(0), **changes}
    return replace(Planning(), **values)  # type: ignore[arg-type]


def mandate(how: Planning | None = None, *, costs: CostModel = CostModel.NONE, gross: str = "1") -> Mandate:
    return Mandate(
        account="acc",
        planning=planning() if how is None else how,
        costs=costs,
        limits=Limits(max_gross_exposure=d(gross)),
    )


def plan_of(observation: Observation, decision: Decision, account: Mandate | None = None) -> OrderPlan:
    return make_plan(observation, decision, mandate() if account is None else account, cycle=CYCLE)


def told(plan: OrderPlan) -> list[str]:
    """The orders as a trader would say them, in the order of the plan."""
    return [say(each) for each in plan.orders]


def say(each: PlannedOrder) -> str:
    return f"{each.phase} {each.effect} {each.quantity} {each.symbol}"


def reach(plan: OrderPlan, symbol: str) -> Decimal:
    return next(row.reachable for row in plan.weights if row.symbol == symbol)


def code(plan: OrderPlan, symbol: str) -> str:
    return next(line.code for line in plan.book if line.symbol == symbol)

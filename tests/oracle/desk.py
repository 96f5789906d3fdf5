"""Observations, mandates and decisions made by hand, as the oracle's examples and random cases need them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from prudent.domain.accounts import AccountClass, AccountHistory, AccountSnapshot, Mode, Position
from prudent.domain.cycles import FxRate, Interlock, Observation
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.orders import OpenOrder
from prudent.domain.proposals import Answer, Decision, ForcedExit, TargetWeight
from prudent.domain.quotes import Quote
from prudent.domain.rules import UserRule

NOON = datetime(2022, 11, 28, 17, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 2, 15, 0, tzinfo=UTC)
SESSION = date(2022, 11, 28)
INTERLOCKS = tuple(
    Interlock(id=id_, name=name, satisfied=True)
    for id_, name in (
        ("M01", "mode"),
        ("M02", "master_switch"),
        ("M03", "execution_enabled"),
        ("M04", "kill_switch"),
        ("M05", "auto_trade"),
        ("M06", "armed"),
        ("M07", "endpoint"),
        ("M08", "lease"),
        ("M09", "reconciled"),
        ("M10", "build"),
    )
)


def D(text: str | int) -> Decimal:  # noqa: N802 - the short name keeps tables of numbers readable
    return Decimal(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One symbol with its quote; what is not said is what a healthy, liquid stock shows."""

    price: Decimal | None
    lot: Decimal = Decimal(1)
    currency: str = "USD"
    sector: str = "TECH"
    kind: InstrumentKind = InstrumentKind.STOCK
    bid: Decimal | None = None
    ask: Decimal | None = None
    level: Decimal | None = Decimal(100)
    previous_close: Decimal | None = None
    previous_level: Decimal | None = Decimal(100)
    adv_dollars: Decimal | None = Decimal(10) ** 11
    adv_sessions: int = 20
    age: Decimal | None = Decimal(1)
    second_price: Decimal | None = None

    def quote(self, symbol: str) -> Quote:
        return Quote(
            symbol=symbol, price=self.price, bid=self.bid, ask=self.ask, level=self.level,
            previous_close=self.price if self.previous_close is None else self.previous_close,
            previous_level=self.previous_level, adv_dollars=self.adv_dollars, adv_sessions=self.adv_sessions,
            as_of=NOON, age_seconds=self.age, source="hand", market_open=True, rsi_14=Decimal(50),
            second_price=self.second_price, second_source="" if self.second_price is None else "other",
        )  # fmt: skip

    def instrument(self, symbol: str) -> Instrument:
        return Instrument(
            symbol=symbol, venue="XNYS", kind=self.kind, currency=self.currency, lot=self.lot, sector=self.sector
        )


def history(nlv: Decimal) -> AccountHistory:
    return AccountHistory(
        session=SESSION, nlv_open=nlv, unit_value=Decimal(1), peak_unit_value=Decimal(1), has_traded=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What an account holds and what it sees."""

    things: Mapping[str, Thing]
    cash: Decimal
    positions: Mapping[str, Decimal] = field(default_factory=dict)
    open_orders: Sequence[OpenOrder] = ()
    fx: Mapping[str, Decimal] = field(default_factory=dict)
    rules: Sequence[UserRule] = ()
    account_class: AccountClass = AccountClass.DIRECTED
    past: AccountHistory | None = None
    market_open: bool = True

    @property
    def nlv(self) -> Decimal:
        total = self.cash
        for symbol, quantity in self.positions.items():
            price = self.things[symbol].price
            assert price is not None
            total += quantity * price * self.fx.get(self.things[symbol].currency, Decimal(1))
        return total

    def seen(self) -> Observation:
        snapshot = AccountSnapshot(
            account="hand", currency="USD", cash=self.cash,
            positions=tuple(
                Position(symbol=s, quantity=q, average_cost=self.things[s].price, opened=LONG_AGO)
                for s, q in self.positions.items()
            ),
            open_orders=tuple(self.open_orders), as_of=NOON, source="hand",
        )  # fmt: skip
        return Observation(
            account="hand", account_class=self.account_class, mode=Mode.PAPER, as_of=NOON, session=SESSION,
            market_open=self.market_open, snapshot=snapshot,
            history=self.past if self.past is not None else history(self.nlv),
            quotes=tuple(thing.quote(symbol) for symbol, thing in self.things.items()),
            instruments=tuple(thing.instrument(symbol) for symbol, thing in self.things.items()),
            fx=tuple(FxRate(currency=c, rate=r, as_of=NOON) for c, r in self.fx.items()),
            rules=tuple(self.rules), interlocks=INTERLOCKS, data_source="hand",
        )  # fmt: skip


def decision(weights: Mapping[str, Decimal], exits: Sequence[ForcedExit] = ()) -> Decision:
    return Decision(
        answer=Answer.TRADE,
        targets=tuple(TargetWeight(symbol=s, weight=w) for s, w in weights.items()),
        exits=tuple(exits),
        decided_by="hand",
    )

"""A market that a test moves by hand and a floor on it, for every test of the paper exchange."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from prudent.domain.orders import Side
from prudent.exchange.paper.floor import Floor
from prudent.exchange.paper.words import (
    Contract,
    Event,
    Execution,
    Facts,
    Hours,
    Kind,
    Leg,
    Phase,
    PositionView,
    Refusal,
    SecType,
    Status,
    Ticket,
    Tif,
    Top,
)

ACCOUNT = "DU100"
CASH = Decimal(1_000_000)
# Monday, 4 March 2024, an hour after the open in New York.
MORNING = datetime(2024, 3, 4, 15, 30, tzinfo=UTC)
D = Decimal

AAPL = Contract(con_id=1, sec_type=SecType.STOCK, symbol="AAPL", primary_exchange="NASDAQ")
SAP = Contract(con_id=2, sec_type=SecType.STOCK, symbol="SAP", currency="EUR")
EURUSD = Contract(con_id=3, sec_type=SecType.FX, symbol="EUR", currency="USD", exchange="IDEALPRO")
ES = Contract(
    con_id=4, sec_type=SecType.FUTURE, symbol="ES", exchange="CME", multiplier=D(50), expiry="20240315",
    local_symbol="ESH4",
)  # fmt: skip
CALL = Contract(
    con_id=5, sec_type=SecType.OPTION, symbol="AAPL", expiry="20240315", strike=D(100), right="C", multiplier=D(100)
)
HIGH_CALL = replace(CALL, con_id=6, strike=D(110))
PUT = replace(CALL, con_id=7, right="P", strike=D(90))
SPX = Contract(con_id=8, sec_type=SecType.INDEX, symbol="SPX")
SPREAD = Contract(
    con_id=0, sec_type=SecType.COMBO, symbol="AAPL",
    legs=(Leg(con_id=5, ratio=1, action=Side.BUY), Leg(con_id=6, ratio=1, action=Side.SELL)),
)  # fmt: skip
EXPIRY = datetime(2024, 3, 15, 20, tzinfo=UTC)
CENT_TICKS = ((D(0), D("0.01")),)


def _facts() -> dict[int, Facts]:
    stocks = [Facts(contract=each, ticks=CENT_TICKS) for each in (AAPL, SAP, EURUSD)]
    options = [
        Facts(contract=each, ticks=CENT_TICKS, underlying=1, last_trade=EXPIRY) for each in (CALL, HIGH_CALL, PUT)
    ]
    future = Facts(
        contract=ES, ticks=((D(0), D("0.25")),), initial_margin=D(12_000), maintenance_margin=D(11_000),
        last_trade=EXPIRY,
    )  # fmt: skip
    index = Facts(contract=SPX, ticks=CENT_TICKS, tradable=False)
    return {each.contract.con_id: each for each in (*stocks, *options, future, index)}


class HandMarket:
    """Tops as a test sets them; weekdays 14:30 to 21:00 UTC are regular, four hours before and after extended."""

    def __init__(self) -> None:
        self.known = _facts()
        self.tops: dict[int, Top] = {}
        self.rates = {"USD": D(1), "EUR": D("1.10")}
        self._ticks = 0

    def show(self, contract: Contract, bid: str | None, ask: str | None, *, last: str | None = None,
             size: int = 10_000, open_: str | None = None, halted: bool = False) -> None:  # fmt: skip
        self._ticks += 1
        self.tops[contract.con_id] = Top(
            con_id=contract.con_id, time=MORNING + timedelta(seconds=self._ticks), bid=_price(bid), ask=_price(ask),
            last=_price(last), bid_size=D(size), ask_size=D(size), open=_price(open_), halted=halted,
        )  # fmt: skip

    def facts(self, con_id: int) -> Facts | None:
        return self.known.get(con_id)

    def top(self, con_id: int) -> Top | None:
        return self.tops.get(con_id)

    def rate(self, currency: str) -> Decimal | None:
        return self.rates.get(currency)

    def hours(self, con_id: int, at: datetime) -> Hours:
        day = at.replace(hour=14, minute=30, second=0, microsecond=0)
        close = day.replace(hour=21, minute=0)
        while day.weekday() >= 5 or at >= close:
            day, close = day + timedelta(days=1), close + timedelta(days=1)
        return Hours(phase=_phase(at), open=day, close=close, day_end=close + timedelta(hours=4))


def _phase(at: datetime) -> Phase:
    minutes = at.hour * 60 + at.minute
    if at.weekday() >= 5:
        return Phase.CLOSED
    if 870 <= minutes < 1260:
        return Phase.REGULAR
    if 630 <= minutes < 870:
        return Phase.PRE
    return Phase.AFTER if minutes >= 1260 else Phase.CLOSED


def _price(text: str | None) -> Decimal | None:
    return None if text is None else D(text)


class Desk:
    """A floor, its market and a clock that a test moves; every answer so far in `events`."""

    def __init__(self, *, cash: Decimal = CASH, accounts: Sequence[str] = (ACCOUNT,)) -> None:
        self.market = HandMarket()
        self.at = MORNING
        self.floor = Floor(self.market, dict.fromkeys(accounts, cash), self.at)
        self.events: list[Event] = []
        self.market.show(AAPL, "99.99", "100.01", last="100.00")
        self.market.show(SAP, "49.99", "50.01", last="50.00")
        self.market.show(EURUSD, "1.0999", "1.1001", size=10_000_000)
        self.market.show(ES, "5000.00", "5000.25", last="5000.00")
        self.market.show(CALL, "4.90", "5.10", last="5.00")
        self.market.show(HIGH_CALL, "1.90", "2.10", last="2.00")
        self.market.show(PUT, "2.90", "3.10", last="3.00")

    def place(self, ticket: Ticket) -> tuple[Event, ...]:
        return self._heard(self.floor.place(ticket, self.at))

    def cancel(self, order_id: int, client_id: int = 1) -> tuple[Event, ...]:
        return self._heard(self.floor.cancel(client_id, order_id, self.at))

    def advance(self, at: datetime | None = None) -> tuple[Event, ...]:
        """A second later, or at that moment."""
        self.at = at or self.at + timedelta(seconds=1)
        return self._heard(self.floor.advance(self.at))

    def show(self, contract: Contract, bid: str | None, ask: str | None, *, last: str | None = None,
             size: int = 10_000) -> tuple[Event, ...]:  # fmt: skip
        """A new quote, and the floor looks at it."""
        self.market.show(contract, bid, ask, last=last, size=size)
        return self.advance()

    def status(self, order_id: int) -> Status:
        view = self.floor.order(1, order_id)
        assert view is not None
        return view.status

    def filled(self, order_id: int) -> Decimal:
        view = self.floor.order(1, order_id)
        assert view is not None
        return view.filled

    def held(self, contract: Contract) -> Decimal:
        rows = [row for row in self.floor.positions(ACCOUNT) if row.contract.con_id == contract.con_id]
        return rows[0].quantity if rows else D(0)

    def value(self, name: str, currency: str = "USD") -> Decimal:
        values = self.floor.account_values(ACCOUNT, self.at).values
        return D(next(value for tag, value, unit in values if tag == name and unit == currency))

    def _heard(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        self.events += events
        return events


def ticket(order_id: int, action: Side, quantity: int | str, contract: Contract = AAPL, kind: Kind = Kind.MARKET,
           **more: object) -> Ticket:  # fmt: skip
    """A ticket of client 1; prices may be written as text."""
    prices = {"limit", "stop", "trail_stop", "trail_percent", "limit_offset"}
    fields = {name: D(str(value)) if name in prices else value for name, value in more.items()}
    known = {"client_id": 1, "account": ACCOUNT, "tif": Tif.DAY} | fields
    return Ticket(order_id=order_id, contract=contract, action=action, quantity=D(quantity), kind=kind, **known)  # type: ignore[arg-type] # any field


def statuses(events: Sequence[Event]) -> list[Status]:
    return [event.order.status for event in events if event.order is not None]


def codes(events: Sequence[Event]) -> list[int]:
    return [event.refusal.code for event in events if event.refusal is not None]


def refusals(events: Sequence[Event]) -> list[Refusal]:
    return [event.refusal for event in events if event.refusal is not None]


def executions(events: Sequence[Event]) -> list[Execution]:
    return [event.execution for event in events if event.execution is not None]


def told_positions(events: Sequence[Event]) -> list[PositionView]:
    return [event.position for event in events if event.position is not None]

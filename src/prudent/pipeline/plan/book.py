"""The account as the planner sees it: one line per symbol with what is held, ordered and known of its price."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.accounts import Position
from prudent.domain.cycles import Observation
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.futures import names_of, point_value
from prudent.domain.instruments import CASH, Instrument, InstrumentKind
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, to_cents
from prudent.domain.orders import OpenOrder, Side
from prudent.domain.plans import Blocked
from prudent.domain.quotes import Quote
from prudent.domain.valuation import ONE, fx_rate, usable
from prudent.exchange.fees import commission_row

# Kinds that target weights may trade, besides futures whose terms were observed; options belong to other strategies.
TRADED_KINDS = (InstrumentKind.STOCK, InstrumentKind.ETF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One symbol; `price` (`None` = not usable) and `unit_value` are of quantity 1, the latter in the base currency.

    A line with a `code` does not trade: `no_price`, `no_trading`, `not_tradable`, `unknown_instrument`. `dated` is a
    contract month whose terms are known.
    """

    symbol: str
    instrument: Instrument | None
    quote: Quote | None
    lot: Decimal
    rate: Decimal
    price: Decimal | None
    unit_value: Decimal
    held: Decimal
    open_buy: Decimal
    open_sell: Decimal
    code: str = ""
    dated: bool = False

    @property
    def tradable(self) -> bool:
        """True for what a target may name."""
        found = self.instrument
        return found is not None and found.tradable and (found.kind in TRADED_KINDS or self.dated)

    @property
    def effective(self) -> Decimal:
        """What is held once every open order has filled."""
        return self.held + self.open_buy - self.open_sell

    @property
    def multiplier(self) -> Decimal:
        return self.instrument.multiplier if self.instrument else ONE

    def value(self, quantity: Decimal) -> Decimal:
        """Worth of `quantity` in the base currency, to the cent."""
        return to_cents(quantity * self.unit_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All lines by symbol; `spendable` is cash less what open buys may cost and less what covers all shorts."""

    lines: tuple[Line, ...]
    currency: str
    nav: Decimal
    cash: Decimal
    spendable: Decimal
    blocked: tuple[Blocked, ...]
    warnings: tuple[str, ...]


def read_book(observation: Observation, symbols: Iterable[str], mandate: Mandate) -> Book:
    """Holdings, open orders and `symbols` of one observation as lines, with the net asset value.

    Raises:
        BlockedError: a holding or open order has no usable price, so no NAV can be computed.
    """
    snapshot = observation.snapshot
    held = _quantities(snapshot.positions)
    names = {*held, *(o.symbol for o in snapshot.open_orders), *symbols} - {CASH}
    reader = _Reader.of(observation, mandate)
    lines = tuple(reader.line(symbol, held.get(symbol)) for symbol in sorted(names))
    cash = to_cents(snapshot.cash)
    nav = cash + sum((line.value(line.held) for line in lines), ZERO)
    by_symbol = {line.symbol: line for line in lines}
    reserve = _reserve(snapshot.open_orders, by_symbol, mandate, cash)
    shorts = sum((line.value(-line.held) for line in lines if line.held < 0), ZERO)
    return Book(
        lines=lines,
        currency=snapshot.currency,
        nav=nav,
        cash=cash,
        spendable=cash - reserve - shorts,
        blocked=tuple(_blocked(line) for line in lines if line.code),
        warnings=tuple(_valued_otherwise(line) for line in lines if line.code == "no_price" and line.held != 0),
    )


def _reserve(orders: Iterable[OpenOrder], lines: dict[str, Line], mandate: Mandate, cash: Decimal) -> Decimal:
    """What open buys may cost; all cash where one of them has neither limit nor price and a partial plan is allowed."""
    total = ZERO
    for order in orders:
        if order.side is Side.SELL or order.remaining <= 0:
            continue
        line = lines[order.symbol]
        price = order.limit_price if order.limit_price is not None and usable(order.limit_price) else line.price
        if price is not None:
            cost = to_cents(order.remaining * price * line.multiplier * line.rate)
            total += cost + commission_row(mandate.costs, order.remaining, price * line.rate, line.multiplier)
        elif mandate.planning.allow_partial:
            total += max(cash, ZERO)
        else:
            raise BlockedError(
                f"the open buy of {order.symbol} needs a price above 0 to reserve its cash, was missing; "
                "give a price for it or cancel the order"
            )
    return total


def _quantities(positions: Iterable[Position]) -> dict[str, Decimal]:
    held: dict[str, Decimal] = {}
    for position in positions:
        if not position.quantity.is_finite():
            raise InputError(
                f"quantity of {position.symbol} must be a finite number, was {position.quantity}; correct the position"
            )
        held[position.symbol] = held.get(position.symbol, ZERO) + position.quantity
    return {symbol: quantity for symbol, quantity in held.items() if quantity != 0}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Looks up what one observation knows of a symbol."""

    observation: Observation
    mandate: Mandate
    quotes: dict[str, Quote]
    instruments: dict[str, Instrument]
    costs: dict[str, Decimal | None]
    dated: frozenset[str]

    @classmethod
    def of(cls, observation: Observation, mandate: Mandate) -> "_Reader":
        return cls(
            observation,
            mandate,
            {quote.symbol: quote for quote in observation.quotes},
            {instrument.symbol: instrument for instrument in observation.instruments},
            {position.symbol: position.average_cost for position in observation.snapshot.positions},
            frozenset(each.symbol for each in observation.futures),
        )

    def line(self, symbol: str, held: Decimal | None) -> Line:
        instrument, quote = self.instruments.get(symbol), self.quotes.get(symbol)
        base = self.observation.snapshot.currency
        rate = fx_rate(instrument.currency if instrument else base, base, self.observation.fx)
        price = quote.price if quote is not None and usable(quote.price) and rate is not None else None
        if price is None and held is not None and not self.mandate.planning.allow_partial:
            raise BlockedError(_no_nav(symbol, quote, rate))
        valued = price if price is not None else self._last_known(symbol, quote)
        multiplier = instrument.multiplier if instrument else ONE
        dated = symbol in self.dated and multiplier == point_value(symbol)
        return Line(
            symbol=symbol,
            instrument=instrument,
            quote=quote,
            lot=self.mandate.planning.lot_size or (instrument.lot if instrument else ONE),
            rate=rate if rate is not None else ONE,
            price=price,
            unit_value=(valued or ZERO) * multiplier * (rate or ZERO),
            held=held or ZERO,
            open_buy=self._open(symbol, Side.BUY),
            open_sell=self._open(symbol, Side.SELL),
            code=self._code(symbol, instrument, price, dated=dated),
            dated=dated,
        )

    def _last_known(self, symbol: str, quote: Quote | None) -> Decimal | None:
        known = (quote.previous_close if quote else None, self.costs.get(symbol))
        return next((each for each in known if usable(each)), None)

    def _open(self, symbol: str, side: Side) -> Decimal:
        orders = self.observation.snapshot.open_orders
        return sum((o.remaining for o in orders if o.symbol == symbol and o.side is side), ZERO)

    def _code(self, symbol: str, instrument: Instrument | None, price: Decimal | None, *, dated: bool) -> str:
        if price is None:
            return "no_price"
        if instrument is None:
            return "unknown_instrument"
        if not names_of(symbol).isdisjoint(self.mandate.planning.no_trading):
            return "no_trading"
        return "" if instrument.tradable and (instrument.kind in TRADED_KINDS or dated) else "not_tradable"


def _no_nav(symbol: str, quote: Quote | None, rate: Decimal | None) -> str:
    if rate is None:
        return f"no NAV: the FX rate for held {symbol} must be above 0, was missing; give one with its pair"
    was = "missing" if quote is None or quote.price is None else str(quote.price)
    return (
        f"no NAV: the price of held {symbol} must be above 0, was {was}; "
        "give a price for it, or allow a partial plan that leaves it alone"
    )


_BLOCKED_REASONS = {
    "no_price": "no usable price; it is left as it is",
    "no_trading": "the mandate lists it under no_trading; it is left as it is",
    "not_tradable": "not a tradable stock or fund; it is left as it is",
    "unknown_instrument": "not in the instrument master; it is left as it is",
}


def _blocked(line: Line) -> Blocked:
    return Blocked(symbol=line.symbol, code=line.code, reason=_BLOCKED_REASONS[line.code])


def _valued_otherwise(line: Line) -> str:
    if line.unit_value == 0:
        return f"{line.symbol} has no price and no last known value; NAV leaves it out"
    return f"{line.symbol} has no price; NAV counts it at its last known value of {line.value(line.held)}"

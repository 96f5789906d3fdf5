"""An observation by symbol, and how the facts spell numbers: rounded decimals, and "unknown" for what is not known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from prudent.domain.accounts import Position
from prudent.domain.cycles import Observation
from prudent.domain.errors import BlockedError
from prudent.domain.instruments import CASH, UNKNOWN_SECTOR, Instrument
from prudent.domain.money import ZERO, from_float, plain
from prudent.domain.quotes import Quote
from prudent.domain.records import Json
from prudent.domain.valuation import net_asset_value, position_values, usable

UNKNOWN = "unknown"
ALIAS = "ACC-1"
FRACTION = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The observation by symbol. `symbols` are the watchlist, then what else is held, the largest holding first."""

    seen: Observation
    symbols: tuple[str, ...]
    positions: tuple[Position, ...]
    quotes: Mapping[str, Quote]
    instruments: Mapping[str, Instrument]
    values: Mapping[str, Decimal]
    equity: Decimal | None

    def price(self, symbol: str) -> Decimal | None:
        quote = self.quotes.get(symbol)
        return quote.price if quote is not None and usable(quote.price) else None

    def sector(self, symbol: str) -> str:
        found = self.instruments.get(symbol)
        return UNKNOWN if found is None or found.sector == UNKNOWN_SECTOR else found.sector

    @property
    def priced(self) -> tuple[str, ...]:
        """The symbols that the market has prices of."""
        return tuple(each for each in self.symbols if self.price(each) is not None)

    @property
    def held(self) -> frozenset[str]:
        return frozenset(each.symbol for each in self.positions)


def read_book(seen: Observation, watchlist: Sequence[str]) -> Book:
    """The observation by symbol; a holding without a price leaves the equity unknown, never too low."""
    quotes = {quote.symbol: quote for quote in seen.quotes}
    instruments = {instrument.symbol: instrument for instrument in seen.instruments}
    try:
        values = position_values(seen.snapshot, quotes, instruments, seen.fx)
        equity: Decimal | None = net_asset_value(seen)
    except BlockedError:
        values, equity = {}, None
    held = [each for each in seen.snapshot.positions if each.quantity != 0]
    held.sort(key=lambda each: (-values.get(each.symbol, ZERO), each.symbol))
    symbols = dict.fromkeys([each for each in watchlist if each != CASH] + [each.symbol for each in held])
    return Book(
        seen=seen, symbols=tuple(symbols), positions=tuple(held), quotes=quotes, instruments=instruments,
        values=values, equity=equity,
    )  # fmt: skip


def number(fact: Json) -> Decimal | None:
    """A number of the facts as a decimal; None where it is unknown."""
    if isinstance(fact, bool) or not isinstance(fact, (str, int)):
        return None
    try:
        value = Decimal(fact)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def told(value: Decimal | None, step: Decimal | None = None) -> str:
    """A number as the facts spell it, rounded to `step`; "unknown" for none."""
    if value is None or not value.is_finite():
        return UNKNOWN
    return plain(value if step is None else value.quantize(step))


def told_float(value: float, step: Decimal = FRACTION) -> str:
    """As `told`, of a column's value; NaN is unknown."""
    return told(from_float(value) if value - value == 0.0 else None, step)


def share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """`part` as a fraction of `whole`; None where either is unknown or the whole is not above 0."""
    return None if part is None or whole is None or not whole > 0 else part / whole

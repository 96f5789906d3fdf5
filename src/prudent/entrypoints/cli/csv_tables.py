"""The calculator's CSV files as rows: strict headers, every refusal with its file and line."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from prudent.domain.accounts import Position
from prudent.domain.cycles import FxRate
from prudent.domain.errors import InputError
from prudent.domain.instruments import CASH, normalise_symbol
from prudent.domain.money import parse_decimal
from prudent.domain.orders import OpenOrder, Side

NOT_A_NUMBER = Decimal("NaN")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """One line of the price file; `price` is None for an empty cell and NaN where the file says so."""

    symbol: str
    price: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One data row with its place for messages."""

    place: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def number(self, column: str) -> Decimal:
        return parse_decimal(self[column], f"{self.place}: {column}")

    def symbol(self) -> str:
        try:
            found = normalise_symbol(self["symbol"])
        except InputError as error:
            raise InputError(f"{self.place}: {error}") from error
        if found == CASH:
            raise InputError(f"{self.place}: cash is given with --cash, not as a row; remove the row")
        return found


def read_text(path: Path) -> str:
    """The text of a file the user named; `-` is standard input."""
    try:
        if str(path) == "-":
            import sys

            return sys.stdin.read()
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path} must be a readable text file, but: {what}; check the name") from error


def lines(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Line]:
    """The rows of a CSV whose header holds all `required` and only known columns."""
    reader = csv.reader(io.StringIO(read_text(path)))
    header = [cell.strip().lower() for cell in next(reader, [])]
    known = [*required, *optional]
    if not set(required) <= set(header) or not set(header) <= set(known) or len(set(header)) != len(header):
        shown = ",".join(required) + "".join(f"[,{each}]" for each in optional)
        was = ",".join(header) or "empty"
        raise InputError(f"{path}:1: the header must be {shown}, was {was}; correct the first line")
    for cells in reader:
        place = f"{path}:{reader.line_num}"
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header) or not set(header[len(cells) :]) <= set(optional):
            raise InputError(f"{place}: a row must have {len(header)} cells, had {len(cells)}; correct the row")
        yield Line(place=place, cells=dict(zip(header, cells)))


def positions(path: Path, *, shorts: bool = False) -> tuple[Position, ...]:
    """`symbol,quantity[,avg_cost]`; a negative quantity is a short and needs `shorts`."""
    found: dict[str, Position] = {}
    for line in lines(path, ("symbol", "quantity"), ("avg_cost",)):
        symbol, quantity = _new(line, found), line.number("quantity")
        if quantity < 0 and not shorts:
            raise InputError(
                f"{line.place}: {symbol} is held short ({quantity}) and must not be; allow it with --allow-short"
            )
        cost = line.number("avg_cost") if line["avg_cost"] else None
        if cost is not None and cost < 0:
            raise InputError(f"{line.place}: avg_cost must be 0 or above, was {cost}; correct the cell")
        found[symbol] = Position(symbol=symbol, quantity=quantity, average_cost=cost)
    return tuple(each for each in found.values() if each.quantity != 0)


def prices(path: Path, *, base: str) -> tuple[PriceRow, ...]:
    """`symbol,price[,currency]`; what is no usable price is judged later, by whether the symbol is held."""
    found: dict[str, PriceRow] = {}
    for line in lines(path, ("symbol", "price"), ("currency",)):
        symbol = _new(line, found)
        found[symbol] = PriceRow(
            symbol=symbol, price=_price(line), currency=_currency(line["currency"] or base, line.place)
        )
    return tuple(found.values())


def open_orders(path: Path) -> tuple[OpenOrder, ...]:
    """`symbol,side,quantity` of orders that are still live."""
    found: list[OpenOrder] = []
    for line in lines(path, ("symbol", "side", "quantity")):
        side, quantity = line["side"].upper(), line.number("quantity")
        if side not in (Side.BUY, Side.SELL):
            raise InputError(f"{line.place}: side must be BUY or SELL, was {line['side']!r}; correct the cell")
        if quantity <= 0:
            raise InputError(f"{line.place}: quantity must be above 0, was {quantity}; correct the cell")
        ref = f"OPEN-{len(found) + 1}"
        found.append(OpenOrder(order_ref=ref, symbol=line.symbol(), side=Side(side), remaining=quantity))
    return tuple(found)


def fx_rates(path: Path, *, base: str) -> tuple[FxRate, ...]:
    """`pair,rate`: units of the base currency for one unit of the pair's first currency, e.g. `EURUSD,1.08`."""
    found: dict[str, FxRate] = {}
    for line in lines(path, ("pair", "rate")):
        pair, rate = line["pair"].upper().replace("/", "").replace(".", ""), line.number("rate")
        if len(pair) != 6 or not pair.endswith(base) or pair.startswith(base):
            raise InputError(
                f"{line.place}: pair must be a currency and {base}, like EUR{base}, was {line['pair']!r}; "
                f"write {base} per unit of the first currency"
            )
        currency = _currency(pair[:3], line.place)
        if currency in found:
            raise InputError(f"{line.place}: {pair} is there twice; remove one row")
        if rate <= 0:
            raise InputError(f"{line.place}: rate must be above 0, was {rate}; correct the cell")
        found[currency] = FxRate(currency=currency, rate=rate)
    return tuple(found.values())


def _new(line: Line, found: dict[str, Position] | dict[str, PriceRow]) -> str:
    symbol = line.symbol()
    if symbol in found:
        raise InputError(f"{line.place}: {symbol} is there twice; remove one row")
    return symbol


def _price(line: Line) -> Decimal | None:
    text = line["price"]
    if not text:
        return None
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return NOT_A_NUMBER
    return line.number("price")


def _currency(text: str, place: str) -> str:
    code = text.strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise InputError(f"{place}: a currency is three letters like USD, was {text!r}; correct the cell")
    return code

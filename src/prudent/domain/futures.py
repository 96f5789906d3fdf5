"""Futures: roots, contract months, expiries, the roll rule, and aliases for the front contract (`ES1!`, `EURUSD`)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

from prudent.domain.errors import InputError

MONTH_CODES = "FGHJKMNQUVXZ"
ROLL_DAYS = 8
METAL_ROLL_BUSINESS_DAYS = 5
CLOSE_OUT_BUSINESS_DAYS = 2
WEDNESDAY, FRIDAY = 2, 4
ONE_DAY = timedelta(days=1)
_QUARTERS = (3, 6, 9, 12)
_EVEN = (2, 4, 6, 8, 10, 12)
_LOCAL = re.compile(r"([A-Z0-9]{2,3})([FGHJKMNQUVXZ])(\d{1,2})")
EXCHANGE_ZONE = ZoneInfo("America/New_York")
BusinessDay = Callable[[date], bool]


class Family(StrEnum):
    """What decides expiry, settlement and roll of a root."""

    INDEX = "index"
    FX = "fx"
    METAL = "metal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """One kind of future: `symbol` as Interactive Brokers has it, `code` as in local symbols (`6E` of `6EZ6`).

    `tick` is what is usual; what counts is the one that contract details say. `spot` is what the price follows.
    """

    symbol: str
    code: str
    family: Family
    exchange: str
    multiplier: Decimal
    tick: Decimal
    months: tuple[int, ...]
    spot: str
    name: str
    alias: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FutureMonth:
    """One contract with its dates.

    From `roll` on the next contract is the front one, and nothing new is opened in this one. `first_notice` is None
    for what settles in cash or by currency; long positions must be gone by the end of `close_out`.
    """

    root: Root
    year: int
    month: int
    expiry: date
    roll: date
    first_notice: date | None = None
    close_out: date | None = None

    @property
    def local_symbol(self) -> str:
        """`ESZ4`: one digit of the year, as the exchanges write it."""
        return f"{self.root.code}{MONTH_CODES[self.month - 1]}{self.year % 10}"

    @property
    def contract_month(self) -> str:
        return f"{self.year:04d}{self.month:02d}"

    @property
    def held_until(self) -> date:
        """The last day on which it may be held: before notice of delivery, else the business day before its last."""
        return self.close_out or _back(self.expiry, 1, is_business_day)

    def takes_entries(self, on: date) -> bool:
        """False from the roll date on: inside the window of notice or expiry a position may only be closed."""
        return on < self.roll


@dataclass(frozen=True, slots=True, kw_only=True)
class FutureTerms:
    """What a contract month was on the day it was looked at; `alias` is set on the front one of a root that has one.

    Once observed it is a fact of the record: nothing asks later which month was the front.
    """

    symbol: str
    root: str
    expiry: date
    roll: date
    held_until: date
    takes_entries: bool
    alias: str = ""


def _root(line: str) -> Root:
    symbol, code, family, exchange, multiplier, tick, spot, alias, name = (part.strip() for part in line.split("|"))
    kind = Family(family)
    return Root(
        symbol=symbol, code=code, family=kind, exchange=exchange, multiplier=Decimal(multiplier), tick=Decimal(tick),
        months=_EVEN if kind is Family.METAL else _QUARTERS, spot=spot, name=name, alias=alias,
    )  # fmt: skip


_TABLE = """
    ES  | ES  | index | CME   | 50     | 0.25    | SPX | ES1!   | E-mini S&P 500
    NQ  | NQ  | index | CME   | 20     | 0.25    | NDX | NQ1!   | E-mini NASDAQ 100
    EUR | 6E  | fx    | CME   | 125000 | 0.00005 | EUR | EURUSD | European Monetary Union Euro
    GBP | 6B  | fx    | CME   | 62500  | 0.0001  | GBP | GBPUSD | British pound
    AUD | 6A  | fx    | CME   | 100000 | 0.0001  | AUD | AUDUSD | Australian dollar
    GC  | GC  | metal | COMEX | 100    | 0.1     | XAU | XAUUSD | Gold
    MES | MES | index | CME   | 5      | 0.25    | SPX |        | Micro E-Mini S&P 500
    MNQ | MNQ | index | CME   | 2      | 0.25    | NDX |        | Micro E-Mini NASDAQ 100
    M6E | M6E | fx    | CME   | 12500  | 0.0001  | EUR |        | E-Micro EUR/USD
    M6B | M6B | fx    | CME   | 6250   | 0.0001  | GBP |        | E-Micro GBP/USD
    M6A | M6A | fx    | CME   | 10000  | 0.0001  | AUD |        | E-Micro AUD/USD
    MGC | MGC | metal | COMEX | 10     | 0.1     | XAU |        | E-Micro Gold
"""
# The order is kept: numbers of contracts are made from it.
ROOTS = tuple(_root(line) for line in _TABLE.strip().splitlines())
ALIASES = {root.alias: root for root in ROOTS if root.alias}


def root_of(text: str) -> Root | None:
    """The root by symbol, code or alias: `EUR`, `6E` and `EURUSD` are the same one."""
    wanted = text.strip().upper()
    return next((root for root in ROOTS if wanted in (root.symbol, root.code, root.alias)), None)


@cache
def is_business_day(day: date) -> bool:
    """A weekday on which neither the US exchanges nor clearing rest, by the rules of their holidays.

    Days of mourning and the like are not in it; none has moved an expiry.
    """
    return day.weekday() < 5 and day not in _holidays(day.year)


def contract(root: Root, year: int, month: int, *, business: BusinessDay = is_business_day) -> FutureMonth:
    """The contract of a month, with the dates of the exchange's rules.

    Index futures end on the third Friday, FX two business days before the third Wednesday, gold on the third last
    business day of its month; a day that is none moves to the one before.
    """
    if month not in root.months:
        months = ", ".join(MONTH_CODES[each - 1] for each in root.months)
        raise InputError(f"month of {root.code} must be one of {months}, was {month}; ask for one of those")
    if root.family is Family.METAL:
        last_before = _on_or_before(date(year, month, 1) - ONE_DAY, business)
        return FutureMonth(
            root=root, year=year, month=month, expiry=_back(_month_end(year, month, business), 2, business),
            roll=_back(last_before, METAL_ROLL_BUSINESS_DAYS, business), first_notice=last_before,
            close_out=_back(last_before, CLOSE_OUT_BUSINESS_DAYS, business),
        )  # fmt: skip
    if root.family is Family.INDEX:
        expiry = _on_or_before(nth_weekday(year, month, FRIDAY, 3), business)
    else:
        expiry = _back(nth_weekday(year, month, WEDNESDAY, 3), 2, business)
    roll = _on_or_before(expiry - timedelta(days=ROLL_DAYS), business)
    return FutureMonth(root=root, year=year, month=month, expiry=expiry, roll=roll)


def contracts(root: Root, on: date, *, business: BusinessDay = is_business_day) -> Iterator[FutureMonth]:
    """The contracts not yet expired on that day, the nearest first, without end."""
    year = on.year
    while True:
        for month in root.months:
            if (year, month) >= (on.year, on.month):
                found = contract(root, year, month, business=business)
                if found.expiry >= on:
                    yield found
        year += 1


def front(root: Root, on: date, *, business: BusinessDay = is_business_day) -> FutureMonth:
    """The contract that is traded on that day: the first whose roll date is still to come."""
    return next(each for each in contracts(root, on, business=business) if on < each.roll)


def after(held: FutureMonth, *, business: BusinessDay = is_business_day) -> FutureMonth:
    """The contract that `held` is rolled into."""
    return next(islice(contracts(held.root, held.expiry + ONE_DAY, business=business), 1))


def resolve(alias: str, on: date, *, business: BusinessDay = is_business_day) -> FutureMonth:
    """The front contract of `ES1!`, `EURUSD` and the like on that day.

    Raises:
        InputError: it is no such alias.
    """
    root = ALIASES.get(alias.strip().upper())
    if root is None:
        raise InputError(f"alias must be one of {', '.join(ALIASES)}, was {alias!r}; correct it")
    return front(root, on, business=business)


def parse_local(text: str, on: date, *, business: BusinessDay = is_business_day) -> FutureMonth | None:
    """The contract of a local symbol like `6EZ6`: of the year with that ending that lies nearest ahead of `on`.

    A contract that expired up to a year ago wins over one nine years ahead. None for text that is none.
    """
    match = _LOCAL.fullmatch(text.strip().upper())
    root = match and next((each for each in ROOTS if each.code == match[1]), None)
    if not match or root is None or (month := MONTH_CODES.index(match[2]) + 1) not in root.months:
        return None
    ending, span = int(match[3]), 10 ** len(match[3])
    year = next(each for each in range(on.year - 1, on.year + span) if each % span == ending)
    return contract(root, year, month, business=business)


def terms(symbol: str, on: date) -> FutureTerms | None:
    """The terms on that day of an alias or of a contract by its own name; None for any other symbol."""
    name = symbol.strip().upper()
    month = resolve(name, on) if name in ALIASES else parse_local(name, on)
    if month is None:
        return None
    root = month.root
    return FutureTerms(
        symbol=month.local_symbol, root=root.code, expiry=month.expiry, roll=month.roll, held_until=month.held_until,
        takes_entries=month.takes_entries(on), alias=root.alias if month == front(root, on) else "",
    )  # fmt: skip


@cache
def root_of_contract(symbol: str) -> Root | None:
    """The root that a contract's own name stands under: that of `6EZ6` is `6E`; None for any other symbol."""
    match = _LOCAL.fullmatch(symbol)
    root = match and next((each for each in ROOTS if each.code == match[1]), None)
    return root if match and root and MONTH_CODES.index(match[2]) + 1 in root.months else None


@cache
def point_value(symbol: str) -> Decimal:
    """What one unit of a symbol is worth for a price of 1: the multiplier of a future's contract, else 1."""
    root = root_of_contract(symbol)
    return Decimal(1) if root is None else root.multiplier


@cache
def names_of(symbol: str) -> frozenset[str]:
    """What lists and rules may call a symbol: itself and, for a future's contract, the alias of its root."""
    root = root_of_contract(symbol)
    return frozenset({symbol, root.alias} if root and root.alias else {symbol})


def exchange_day(now: datetime) -> date:
    """The day by which the front contract is told."""
    return now.astimezone(EXCHANGE_ZONE).date()


def nth_weekday(year: int, month: int, weekday: int, count: int) -> date:
    """The `count`-th such weekday of a month; Monday is 0."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


def _month_end(year: int, month: int, business: BusinessDay) -> date:
    last = date(year + month // 12, month % 12 + 1, 1) - ONE_DAY
    return _on_or_before(last, business)


def _on_or_before(day: date, business: BusinessDay) -> date:
    while not business(day):
        day -= ONE_DAY
    return day


def _back(day: date, count: int, business: BusinessDay) -> date:
    # That many business days before `day`, whether or not `day` is one itself.
    for _ in range(count):
        day = _on_or_before(day - ONE_DAY, business)
    return day


@cache
def _holidays(year: int) -> frozenset[date]:
    fixed = [(1, 1), (7, 4), (12, 25), *([(6, 19)] if year >= 2022 else [])]
    days = {_observed(date(year, month, day)) for month, day in fixed}
    days |= {
        nth_weekday(year, 1, 0, 3), nth_weekday(year, 2, 0, 3), nth_weekday(year, 9, 0, 1),
        nth_weekday(year, 11, 3, 4), easter(year) - timedelta(days=2),
        date(year, 5, 31) - timedelta(days=date(year, 5, 31).weekday()),
    }  # fmt: skip
    # New Year's Day on a Saturday is not kept on the Friday before.
    return frozenset(day for day in days if day.year == year)


def _observed(day: date) -> date:
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by the anonymous (Meeus/Jones/Butcher) computation."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    el = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * el) // 451
    month, day = divmod(h + el - 7 * m + 114, 31)
    return date(year, month, day + 1)

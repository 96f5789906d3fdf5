"""What expires: futures of the roots with their continuous ones, and options, all made when asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from prudent.domain import futures
from prudent.domain.futures import Family, FutureMonth, Root
from prudent.exchange.paper.words import Contract, Facts, SecType
from prudent.gateway.market import con_ids
from prudent.gateway.market.con_ids import OptionIds, OptionName
from prudent.gateway.market.details import RULES, Details, Query
from prudent.gateway.market.spans import CHICAGO, NEW_YORK

MONTHS_LISTED = 5
# Contracts that are kept once made; more are made again.
KEPT = 4_096
LAST_TRADE = {Family.INDEX: (time(8, 30), CHICAGO), Family.FX: (time(9, 16), CHICAGO),
              Family.METAL: (time(13, 30), NEW_YORK)}  # fmt: skip
CLOSE_OUT_AT = time(16)
RULE_OF_TICK = {"0.25": 67, "0.00005": 242, "0.0001": 241, "0.1": 243}
# Margin as a part of the contract's value at levels of the end of 2022: initial, and maintenance a tenth lower.
MARGINS = {"ES": 12_000, "NQ": 16_800, "EUR": 2_600, "GBP": 2_500, "AUD": 1_900, "GC": 9_100, "MES": 1_200,
           "MNQ": 1_680, "M6E": 260, "M6B": 250, "M6A": 190, "MGC": 910}  # fmt: skip
MAINTENANCE_PART = Decimal("0.9")
WEEKLIES, MONTHLIES = 8, 12
OPTION_CLOSE = time(16)
EXPIRED_KEPT = timedelta(days=365)
STRIKES_EACH_SIDE = 30
STRIKE_REACH = 0.45
# The step between strikes listed, by the price from which it holds.
STRIKE_STEPS = (("0", "0.5"), ("20", "1"), ("150", "2.5"), ("200", "5"), ("2500", "25"), ("8000", "100"))
FINE_STRIKES = ("QQQ", "SPY", "IWM", "VOO", "VTI")
OPTION_EXCHANGES = ("SMART", "AMEX", "CBOE", "ISE", "PHLX")


class Futures:
    """Contracts of the roots around a day."""

    def by_id(self, con_id: int) -> Details | None:
        """A future by its id, expired or not."""
        found = con_ids.future_of(con_id)
        if found is None or found[2] not in found[0].months:
            return None
        return _future(_month(*found))

    def find(self, query: Query, on: date) -> tuple[Details, ...]:
        """The contracts that the question may mean: those listed on that day, and older ones if it says so."""
        if query.con_id:
            known = self.by_id(query.con_id)
            rows = [] if known is None else [known]
        else:
            roots = [root for root in futures.ROOTS if _is_root(root, query)]
            rows = [_future(month) for root in roots for month in _listed(root, query, on)]
        if query.sec_type == SecType.CONTINUOUS:
            return tuple(each for each in self._continuous(query, on))
        return tuple(each for each in rows if each.fits(query) and (query.include_expired or not _is_over(each, on)))

    def front(self, root: Root, on: date) -> Details:
        """The contract that is traded on that day."""
        return _future(futures.front(root, on))

    def _continuous(self, query: Query, on: date) -> Iterator[Details]:
        for root in futures.ROOTS:
            if _is_root(root, query):
                found = self.front(root, on)
                contract = replace(found.contract, sec_type=SecType.CONTINUOUS)
                row = replace(found, facts=replace(found.facts, contract=contract, tradable=False))
                if row.fits(replace(query, expiry="")):
                    yield row


def _is_root(root: Root, query: Query) -> bool:
    if query.root:
        return query.root == root.symbol
    named = query.trading_class or query.local_symbol
    return bool(named) and named.upper().startswith(root.code)


def _listed(root: Root, query: Query, on: date) -> Iterator[FutureMonth]:
    if query.include_expired:
        past = futures.contracts(root, on - EXPIRED_KEPT)
        yield from (month for month in islice(past, 7) if month.expiry < on)
    yield from islice(futures.contracts(root, on), MONTHS_LISTED)


@lru_cache(maxsize=KEPT)
def _month(root: Root, year: int, month: int) -> FutureMonth:
    return futures.contract(root, year, month)


def _is_over(details: Details, on: date) -> bool:
    return details.expiry_day is not None and details.expiry_day < on


@lru_cache(maxsize=KEPT)
def _future(month: FutureMonth) -> Details:
    root = month.root
    at, zone = LAST_TRADE[root.family]
    rule = RULE_OF_TICK[str(root.tick)]
    contract = Contract(
        con_id=con_ids.future(root, month.year, month.month), sec_type=SecType.FUTURE, symbol=root.symbol,
        exchange=root.exchange, expiry=f"{month.expiry:%Y%m%d}", multiplier=root.multiplier,
        local_symbol=month.local_symbol, trading_class=root.code,
    )  # fmt: skip
    initial = Decimal(MARGINS[root.symbol])
    facts = Facts(
        contract=contract, ticks=RULES[rule], initial_margin=initial, maintenance_margin=initial * MAINTENANCE_PART,
        last_trade=_moment(month.expiry, at, zone),
        close_out=_moment(month.close_out, CLOSE_OUT_AT, NEW_YORK) if month.close_out else None,
    )  # fmt: skip
    return Details(
        facts=facts, spot=root.spot, rule=rule, long_name=root.name, market_name=root.code,
        valid_exchanges=(root.exchange,), contract_month=month.contract_month, expiry_day=month.expiry,
        time_zone="US/Central" if root.exchange == "CME" else "US/Eastern", under_symbol=root.spot,
        under_sec_type="IND", agg_group=2147483647,
    )  # fmt: skip


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionParams:
    """One exchange's expiries and strikes of options on an underlying."""

    exchange: str
    underlying: int
    trading_class: str
    multiplier: Decimal
    expirations: tuple[str, ...]
    strikes: tuple[Decimal, ...]


class Options:
    """Options on the stocks and indices of a list; every strike on an id's ladder has an id, those near are listed."""

    def __init__(self, underlyings: dict[str, Details]) -> None:
        self._underlyings = underlyings
        self._ids = OptionIds(sorted(underlyings))
        self._made: dict[int, tuple[OptionName, Details]] = {}

    def underlying(self, symbol: str) -> Details | None:
        return self._underlyings.get(symbol)

    def by_id(self, con_id: int, on: date) -> Details | None:
        """An option by its id, expired for up to a year or not."""
        name = self._ids.name_of(con_id, on)
        return None if name is None else self._details(name, con_id)

    def expiries(self, on: date) -> tuple[date, ...]:
        """The days on which listed options end: the next Fridays, then the third Fridays; a holiday's day before."""
        week = (on - con_ids.MONDAY_ZERO).days // 7
        coming = [con_ids.expiry_of_week(week + number) for number in range(WEEKLIES + 1)]
        weeklies = [day for day in coming if day >= on][:WEEKLIES]
        months = [(on.year + (on.month - 1 + ahead) // 12, (on.month - 1 + ahead) % 12 + 1) for ahead in range(24)]
        thirds = [futures.nth_weekday(year, month, futures.FRIDAY, 3) for year, month in months]
        ends = [con_ids.expiry_of_week((third - con_ids.MONDAY_ZERO).days // 7) for third in thirds]
        # The next months one by one, then every third of them.
        picked = [day for i, day in enumerate(ends) if day >= on and (i < 4 or i % 3 == 0)][:MONTHLIES]
        return tuple(sorted({*weeklies, *picked}))

    def strikes(self, symbol: str, price: float) -> tuple[Decimal, ...]:
        """Strikes around a price, ascending."""
        level = Decimal(repr(round(price, 6)))
        step = Decimal(next(step for least, step in reversed(STRIKE_STEPS) if level >= Decimal(least)))
        if symbol in FINE_STRIKES:
            step = max(Decimal(1), min(step, Decimal(1)))
        if symbol in ("SPX", "NDX"):
            step = max(step, Decimal(5))
        near = [strike for strike in self._ids.strikes if strike % step == 0 and is_near(strike, price)]
        near.sort(key=lambda strike: (abs(strike - level), strike))
        return tuple(sorted(near[: 2 * STRIKES_EACH_SIDE]))

    def params(self, underlying: Details, on: date, price: float) -> tuple[OptionParams, ...]:
        """What is listed on an underlying, once for each exchange."""
        symbol = underlying.contract.symbol
        if symbol not in self._underlyings:
            return ()
        expiries = tuple(f"{day:%Y%m%d}" for day in self.expiries(on))
        strikes = self.strikes(symbol, price)
        return tuple(
            OptionParams(
                exchange=exchange, underlying=underlying.con_id, trading_class=symbol, multiplier=Decimal(100),
                expirations=expiries, strikes=strikes,
            )
            for exchange in OPTION_EXCHANGES
        )

    def find(self, query: Query, on: date, price: float | None) -> tuple[Details, ...]:
        """The listed options that the question may mean; `price` is the underlying's."""
        if query.con_id:
            known = self.by_id(query.con_id, on)
            return () if known is None or not known.fits(query) or self._is_over(known, query, on) else (known,)
        named = parse_occ(query.local_symbol)
        if named is not None:
            return self._named(named, query) if named.expiry >= on or query.include_expired else ()
        symbol = query.root
        if symbol not in self._underlyings or price is None:
            return ()
        strikes = self.strikes(symbol, price)
        if query.strike:
            strikes = (query.strike,) if is_near(query.strike, price) else ()
        rights = (query.right[:1].upper(),) if query.right else ("C", "P")
        days = [day for day in self._days(query, on) if f"{day:%Y%m%d}".startswith(query.expiry)]
        names = (
            OptionName(underlying=symbol, expiry=day, strike=strike, right=right)
            for day in days
            for strike in strikes
            for right in rights
        )
        rows = (self._named(name, query) for name in names)
        return tuple(row for found in rows for row in found)

    def _days(self, query: Query, on: date) -> tuple[date, ...]:
        listed, asked = self.expiries(on), _day(query.expiry)
        return (*listed, asked) if query.include_expired and asked is not None and asked not in listed else listed

    def _named(self, name: OptionName, query: Query) -> tuple[Details, ...]:
        number = self._ids.id_of(name)
        row = None if number is None else self._details(name, number)
        return (row,) if row is not None and row.fits(replace(query, local_symbol="")) else ()

    def _is_over(self, details: Details, query: Query, on: date) -> bool:
        return not query.include_expired and _is_over(details, on)

    def _details(self, name: OptionName, con_id: int) -> Details | None:
        kept = self._made.get(con_id)
        if kept is not None and kept[0] == name:
            return kept[1]
        made = self._make(name, con_id)
        if made is not None:
            if len(self._made) >= KEPT:
                self._made = {}
            self._made[con_id] = (name, made)
        return made

    def _make(self, name: OptionName, con_id: int) -> Details | None:
        under = self._underlyings.get(name.underlying)
        if under is None:
            return None
        symbol, is_index = name.underlying, under.contract.sec_type is SecType.INDEX
        rule = 109 if is_index else 32 if symbol in FINE_STRIKES else 110
        contract = Contract(
            con_id=con_id, sec_type=SecType.OPTION, symbol=symbol, expiry=f"{name.expiry:%Y%m%d}", strike=name.strike,
            right=name.right, multiplier=Decimal(100), local_symbol=occ_symbol(name), trading_class=symbol,
        )  # fmt: skip
        return Details(
            facts=Facts(
                contract=contract, ticks=RULES[rule], underlying=under.con_id,
                last_trade=_moment(name.expiry, OPTION_CLOSE, NEW_YORK),
            ),
            spot=under.spot, rule=rule, long_name=under.long_name, market_name=symbol,
            valid_exchanges=OPTION_EXCHANGES, contract_month=f"{name.expiry:%Y%m}", expiry_day=name.expiry,
            under_symbol=symbol, under_sec_type=under.contract.sec_type,
        )  # fmt: skip


def is_near(strike: Decimal, price: float) -> bool:
    """Whether options of that strike are listed while the underlying stands at a price."""
    return abs(float(strike) - price) <= price * STRIKE_REACH


def occ_symbol(name: OptionName) -> str:
    """The 21 characters that clearing writes: `SPY   230120P00380000`."""
    return f"{name.underlying:<6}{name.expiry:%y%m%d}{name.right}{int(name.strike * 1000):08d}"


def parse_occ(text: str) -> OptionName | None:
    """What such a symbol says, with or without its spaces; None for text that is none."""
    body = text.strip().upper()
    root, rest = body[:-15].strip(), body[-15:]
    digits = rest[:6] + rest[7:]
    if not root or len(rest) != 15 or not (digits.isascii() and digits.isdigit()) or rest[6] not in "CP":
        return None
    day = _day("20" + rest[:6])
    if day is None:
        return None
    return OptionName(underlying=root, expiry=day, strike=Decimal(int(rest[7:])) / 1000, right=rest[6])


def _day(text: str) -> date | None:
    """The date that YYYYMMDD says; None for anything else."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None

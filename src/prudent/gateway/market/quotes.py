"""What each contract is quoted at, worked out from the price of what it follows."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from prudent.analytics.options import Greeks, Option, greeks
from prudent.domain import futures
from prudent.domain.futures import Family
from prudent.domain.money import ZERO
from prudent.exchange.paper.words import Hours, Phase, SecType, Top
from prudent.gateway.market import prices
from prudent.gateway.market.details import Details
from prudent.gateway.market.spans import CHICAGO, NEW_YORK
from prudent.gateway.market.spots import SessionSoFar, Spots, Stretch
from prudent.marketdata.calendars import day_number
from prudent.marketdata.noise import seed, uniform
from prudent.marketdata.standing import SPREAD_TIERS
from prudent.ports import Floats

# Continuous rates of the made-up money market, and what each family of futures earns while it is held.
RATE = 0.04
YIELDS = {Family.INDEX: 0.015, Family.FX: 0.02, Family.METAL: -0.005}
DIVIDEND_YIELD = 0.015
DAYS_A_YEAR = 365.0
YEAR = timedelta(days=365)
LEAST_TIME = timedelta(hours=1)
# Spreads outside regular hours are so much wider.
OFF_HOURS_TIMES = 4.0
FX_HALF = 0.00004
OPTION_HALF = 0.015
BROAD = {"SPX": 1.0, "SPY": 1.0, "VOO": 1.0, "VTI": 1.05, "NDX": 1.2, "QQQ": 1.2, "IVV": 1.0}
SESSIONS_A_YEAR = 252.0
VOLATILITY_TIMES = 1.15
# The smile over the distance of the strike in deviations: how much it leans and how much it bends.
LEAN, BEND, FAR = 0.06, 0.015, 3.0
LOTS = {SecType.STOCK: 100, SecType.FUTURE: 1, SecType.OPTION: 1, SecType.FX: 500_000}
FUTURES_A_DAY = 400_000
EVENING = timedelta(hours=7)
AROUND_THE_CLOCK = (SecType.FUTURE, SecType.CONTINUOUS, SecType.FX)
ADV_SESSIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a quote is asked for, and where the contract's trading day stands then; `first` is when it began."""

    at: datetime
    hours: Hours
    first: datetime

    @property
    def seconds(self) -> float:
        return self.at.timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """The fields of a quote that speak of the day, as far as they are known."""

    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    close: Decimal | None = None
    volume: Decimal = ZERO


class Quotes:
    """Quotes from spots: the same contract at the same moment is quoted the same."""

    def __init__(self, spots: Spots, *, seed_number: int) -> None:
        self._spots = spots
        self._seed = str(seed_number)
        # Half-spreads as parts of the price, by symbol, with the day that they are of.
        self._halves: dict[str, tuple[int, float]] = {}

    def middle(self, details: Details, at: datetime) -> float | None:
        """The fair price: of a stock or index its spot, of a future with carry, of an option by the model."""
        if details.contract.sec_type is SecType.OPTION:
            model = self.model(details, at)
            return None if model is None else model.price
        spot = self._spots.price(details.spot, at.timestamp())
        scale = self.scale(details, at)
        return None if spot is None or scale is None else spot * scale

    def scale(self, details: Details, at: datetime) -> float | None:
        """What the spot is multiplied with: the same all day long."""
        contract = details.contract
        if contract.sec_type in (SecType.FUTURE, SecType.CONTINUOUS) and details.expiry_day is not None:
            # The trading day of a future begins at 17:00 in Chicago.
            day = (at.astimezone(CHICAGO) + EVENING).date()
            left = max((details.expiry_day - day).days, 0)
            root = futures.root_of(contract.symbol)
            earned = YIELDS[root.family] if root is not None else 0.0
            return math.exp((RATE - earned) * left / DAYS_A_YEAR)
        if contract.sec_type is SecType.STOCK and contract.currency != "USD":
            midday = at.replace(hour=12, minute=0, second=0, microsecond=0)
            return self._spots.price(contract.currency, midday.timestamp())
        return 1.0

    def rate(self, currency: str, at: datetime) -> Decimal | None:
        """US dollars for one unit of the currency; None for one without a pair."""
        if currency == "USD":
            return Decimal(1)
        price = self._spots.price(currency, at.timestamp()) if currency in ("EUR", "GBP", "AUD") else None
        if price is None and currency in ("JPY", "CHF", "CAD", "MXN"):
            against = self._spots.price(currency, at.timestamp())
            price = 1.0 / against if against else None
        return None if price is None else Decimal(repr(round(price, 8)))

    def top(self, details: Details, moment: Moment) -> Top:
        """The top of the book: without bid and ask where nothing trades, empty where nothing is known."""
        contract, at = details.contract, moment.at
        middle = self.middle(details, at)
        if middle is None:
            return Top(con_id=contract.con_id, time=at)
        ticks = details.facts.ticks
        day = self._day(details, moment)
        top = Top(
            con_id=contract.con_id, time=at, last=prices.rounded(ticks, middle),
            last_size=self._size(details, at, "last"), open=day.open, high=day.high, low=day.low, close=day.close,
            volume=day.volume,
        )  # fmt: skip
        is_over = details.facts.last_trade is not None and at >= details.facts.last_trade
        if moment.hours.phase is Phase.CLOSED or contract.sec_type is SecType.INDEX or is_over:
            return top
        is_regular = moment.hours.phase is Phase.REGULAR
        sides = prices.sides(ticks, middle, self.half_spread(details, middle, at, regular=is_regular))
        bid_size = self._size(details, at, "bid") if sides.bid is not None else ZERO
        ask_size = self._size(details, at, "ask")
        return replace(top, bid=sides.bid, ask=sides.ask, bid_size=bid_size, ask_size=ask_size)

    def model(self, details: Details, at: datetime, *, spot: float | None = None) -> Greeks | None:
        """An option's value and greeks at the smile's volatility, from `spot` if given; None for other contracts."""
        contract = details.contract
        level = self._spots.price(details.spot, at.timestamp()) if spot is None else spot
        last = details.facts.last_trade
        if contract.sec_type is not SecType.OPTION or level is None or last is None:
            return None
        base = self._volatility(details.spot, at)
        if base is None:
            return None
        years = max(last - at, LEAST_TIME) / YEAR
        strike = float(contract.strike)
        option = Option(
            is_call=contract.right == "C", spot=level, strike=strike, years=years, rate=RATE,
            dividend_yield=DIVIDEND_YIELD,
        )  # fmt: skip
        away = math.log(option.paid_strike / option.forward_spot) / (base * math.sqrt(years))
        away = min(max(away, -FAR), FAR)
        return greeks(option, base * (1.0 - LEAN * away + BEND * away * away))

    def so_far(self, details: Details, moment: Moment) -> SessionSoFar | None:
        """The trading day in progress or the last one, in units of the spot."""
        if details.contract.sec_type in AROUND_THE_CLOCK:
            return _so_far(self._spots.stretches(details.spot, moment.first.timestamp(), moment.seconds, resting=True),
                           moment)  # fmt: skip
        return self._spots.session(details.spot, moment.seconds)

    def _day(self, details: Details, moment: Moment) -> "_Day":
        scale, ticks = self.scale(details, moment.at), details.facts.ticks
        is_wide = details.contract.sec_type in AROUND_THE_CLOCK
        before = (
            self._spots.close_by(details.spot, moment.first.timestamp()) if is_wide
            else self._spots.close_before(details.spot, moment.seconds)
        )  # fmt: skip
        if scale is None or before is None:
            return _Day()
        if details.contract.sec_type is SecType.OPTION:
            model = self.model(details, moment.at - timedelta(days=1), spot=before)
            return _Day(close=prices.rounded(ticks, model.price)) if model is not None else _Day()
        close, day = prices.rounded(ticks, before * scale), self.so_far(details, moment)
        if day is None:
            return _Day(close=close)
        opened, high, low = (prices.rounded(ticks, value * scale) for value in (day.open, day.high, day.low))
        volume = Decimal(int(self._volume(details, day, moment)))
        return _Day(open=opened, high=high, low=low, close=close, volume=volume)

    def _volume(self, details: Details, day: SessionSoFar, moment: Moment) -> float:
        if details.contract.sec_type is SecType.FUTURE:
            elapsed = (moment.at - moment.first) / (moment.hours.close - moment.first)
            return FUTURES_A_DAY * min(max(elapsed, 0.0), 1.0)
        return day.volume if details.contract.sec_type is SecType.STOCK else 0.0

    def half_spread(self, details: Details, middle: float, at: datetime, *, regular: bool) -> float:
        """Half of what lies between bid and ask around a price, before both are rounded outwards to the tick."""
        kind = details.contract.sec_type
        tick = float(prices.tick_at(details.facts.ticks, Decimal(repr(round(middle, 8)))))
        if kind is SecType.STOCK:
            half = middle * self._stock_half(details.spot, at)
            return half if regular else half * OFF_HOURS_TIMES
        if kind is SecType.FX:
            return middle * FX_HALF
        if kind is SecType.OPTION:
            return max(tick, middle * OPTION_HALF)
        return tick / 2.0

    def _stock_half(self, symbol: str, at: datetime) -> float:
        day = day_number(at.astimezone(NEW_YORK).date())
        kept = self._halves.get(symbol)
        if kept is None or kept[0] != day:
            kept = self._halves[symbol] = (day, self._half_on(symbol, day))
        return kept[1]

    def _half_on(self, symbol: str, day: int) -> float:
        series = self._spots.series(symbol)
        if series is None:
            return float(SPREAD_TIERS[-1][1])
        end = int(np.searchsorted(series.days, day))
        rows = slice(max(end - ADV_SESSIONS, 0), end)
        dollars = float(np.mean(series.volume[rows] * series.close[rows])) if end else 0.0
        return float(next(part for least, part in SPREAD_TIERS if dollars >= least))

    def _volatility(self, symbol: str, at: datetime) -> float | None:
        if symbol in BROAD:
            fear = self._spots.price("VIX", at.timestamp())
            return None if fear is None else BROAD[symbol] * fear / 100.0
        series, day = self._spots.series(symbol), day_number(at.astimezone(NEW_YORK).date())
        if series is None:
            return None
        place = min(int(np.searchsorted(series.days, day)), len(series.days) - 1)
        yearly = float(series.deviation[place]) * math.sqrt(SESSIONS_A_YEAR) * VOLATILITY_TIMES
        return min(max(yearly, 0.12), 1.5)

    def _size(self, details: Details, at: datetime, side: str) -> Decimal:
        lot = LOTS.get(details.contract.sec_type, 1)
        share = uniform(seed("size", side, str(details.con_id), self._seed), int(at.timestamp()))
        return Decimal(lot * (1 + int(share * 20)))


def _so_far(found: list[Stretch], moment: Moment) -> SessionSoFar | None:
    parts: list[Floats] = []
    for stretch in found:
        begin = stretch.place(moment.first.timestamp())
        parts.append(stretch.prices[begin : stretch.place(moment.seconds) + 1])
    if not parts:
        return None
    seen = np.concatenate(parts)
    return SessionSoFar(
        open=float(seen[0]), high=float(seen.max()), low=float(seen.min()), last=float(seen[-1]), volume=0.0
    )

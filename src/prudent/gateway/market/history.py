"""Bars of the past: made of the same points that quotes showed, so that a bar holds what its seconds were quoted at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np

from prudent.exchange.paper.words import SecType
from prudent.gateway.market import prices
from prudent.gateway.market.details import Details
from prudent.gateway.market.quotes import AROUND_THE_CLOCK, FUTURES_A_DAY, Quotes
from prudent.gateway.market.spans import NEW_YORK, Span, Spans
from prudent.gateway.market.spots import Seconds, Spots, Stretch
from prudent.marketdata.calendars import day_number
from prudent.ports import Floats

DAY = timedelta(days=1)
WEEK_DAYS = 7
# An option's price is worked out at no more points than this for one answer, and at ten or more for a bar.
OPTION_POINTS_MAX, OPTION_POINTS_A_BAR = 5_000, 10
SHARES_A_TRADE = 100
AVERAGE_PLACES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar; `start` is when it began, New York midnight for days and longer. `count` is the number of trades."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    average: Decimal
    count: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Points:
    """Prices at some seconds, ascending, what was traded in each, and half the spread around a price."""

    times: Seconds
    prices: Floats
    volume: Floats
    half: Callable[[float], float]


# Open, high, low, close and volume.
_Four = tuple[float, float, float, float, float]


class History:
    """Bars and first moments of every contract, never beyond the present of `now`."""

    def __init__(self, spots: Spots, quotes: Quotes, now: Callable[[], datetime]) -> None:
        self._spots = spots
        self._quotes = quotes
        self._now = now
        # Days that are over, by spot, day and whether they go round the clock.
        self._days: dict[tuple[str, int, bool], _Four | None] = {}

    def bars(
        self, details: Details, spans: Spans, show: str, size: timedelta, reach: tuple[datetime, datetime],
        *, use_rth: bool,
    ) -> tuple[Bar, ...]:  # fmt: skip
        """Bars of the days in `reach` (begin, end), or of its seconds where they are shorter than a day.

        `show` is TRADES, ADJUSTED_LAST, MIDPOINT, BID, ASK or BID_ASK. A bar in progress is given as far as it is.
        There are none of what the contract does not have: no trades of currencies, no spreads of indices.
        """
        begin, end = reach[0], min(reach[1], self._now())
        kind = details.contract.sec_type
        is_trade = show in ("TRADES", "ADJUSTED_LAST")
        if begin >= end or (kind is SecType.FX and is_trade) or (kind is SecType.INDEX and not is_trade):
            return ()
        shape = _Shape(details.facts.ticks, show)
        if size >= DAY:
            found = self._daily(details, spans, _days(begin, end), use_rth=use_rth)
            return tuple(shape.bar(start, points) for start, points in _grouped(found, size))
        seconds = int(size.total_seconds())
        begin -= timedelta(seconds=begin.timestamp() % seconds)
        found_inside = (
            each for span in _spans(spans, begin, end)
            for each in self._within(details, span, (begin, end), use_rth=use_rth, seconds=seconds)
        )  # fmt: skip
        return tuple(shape.bar(start, points) for start, points in _binned(found_inside, seconds))

    def head(self, details: Details) -> datetime | None:
        """When the first bar of the contract begins; None for one without prices."""
        series = self._spots.series(details.spot)
        if series is None or not len(series.days):
            return None
        first = date(1970, 1, 1) + timedelta(days=int(series.days[0]))
        if details.expiry_day is not None:
            # Nothing is listed longer than two years before it ends.
            first = max(first, details.expiry_day - timedelta(days=730))
        return datetime.combine(first, time(9, 30), NEW_YORK).astimezone(UTC)

    def _daily(
        self, details: Details, spans: Spans, days: Iterator[date], *, use_rth: bool
    ) -> Iterator[tuple[date, _Points]]:
        for day in days:
            span = spans.on(day)
            whole = self._whole(details, span, use_rth=use_rth) if span is not None else None
            if whole is not None:
                yield day, whole
            elif span is not None and span.first <= self._now():
                reach = (span.first, min(span.last, self._now() + timedelta(seconds=1)))
                parts = list(self._within(details, span, reach, use_rth=use_rth, seconds=3600))
                if parts:
                    yield day, _joined(parts)

    def _whole(self, details: Details, span: Span, *, use_rth: bool) -> _Points | None:
        # A day that is over, from its four prices alone.
        kind = details.contract.sec_type
        scale = self._quotes.scale(details, span.open)
        if span.last > self._now() or kind is SecType.OPTION or scale is None:
            return None
        number = day_number(span.day)
        if kind in AROUND_THE_CLOCK or (kind is SecType.STOCK and not use_rth):
            key = (details.spot, number, kind in AROUND_THE_CLOCK)
            if key not in self._days:
                self._days[key] = self._four(details, span)
            four = self._days[key]
        else:
            day = self._spots.day(details.spot, number)
            four = None if day is None else (day.open, day.high, day.low, day.last, day.volume)
        if four is None:
            return None
        volume = four[4] if kind in (SecType.STOCK, SecType.INDEX) else FUTURES_A_DAY
        return _Points(
            times=np.zeros(4, dtype=np.int64), prices=np.array(four[:4]) * scale, volume=np.array([volume]),
            half=self._half(details, span.open, regular=True),
        )  # fmt: skip

    def _four(self, details: Details, span: Span) -> _Four | None:
        low, high = span.first.timestamp(), span.last.timestamp()
        parts = []
        volume = 0.0
        for stretch in self._spots.stretches(details.spot, low, high, resting=True):
            times = stretch.start + stretch.step * np.arange(len(stretch.prices), dtype=np.int64)
            inside = stretch.prices[(times >= low) & (times < high)]
            if len(inside):
                parts.append(np.array([inside[0], inside.max(), inside.min(), inside[-1]]))
                volume += float(stretch.volume[-1])
        if not parts:
            return None
        every = np.stack(parts)
        return float(every[0, 0]), float(every[:, 1].max()), float(every[:, 2].min()), float(every[-1, 3]), volume

    def _within(
        self, details: Details, span: Span, reach: tuple[datetime, datetime], *, use_rth: bool, seconds: int
    ) -> Iterator[_Points]:
        # The points of one trading day inside the reach, one part for each stretch of it.
        kind = details.contract.sec_type
        wide = kind in AROUND_THE_CLOCK or (kind is SecType.STOCK and not use_rth)
        first, last = (span.first, span.last) if wide else (span.open, span.close)
        low = max(first, reach[0]).timestamp()
        high = min(last, reach[1]).timestamp()
        if low >= high:
            return
        for stretch in self._spots.stretches(details.spot, low, high, resting=wide):
            times = stretch.start + stretch.step * np.arange(len(stretch.prices), dtype=np.int64)
            inside = (times >= low) & (times < high)
            if inside.any():
                yield self._points(details, stretch, times, inside, seconds)

    def _points(
        self, details: Details, stretch: Stretch, times: Seconds, inside: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
        seconds: int,
    ) -> _Points:  # fmt: skip
        at = datetime.fromtimestamp(int(times[inside][0]), UTC)
        if details.contract.sec_type is SecType.OPTION:
            return self._option_points(details, times[inside], stretch.prices[inside], seconds)
        scale = self._quotes.scale(details, at) or 1.0
        values = stretch.prices[inside] * scale
        traded = np.diff(stretch.volume, prepend=0.0)[inside]
        if details.contract.sec_type in (SecType.FUTURE, SecType.CONTINUOUS):
            traded = np.full(len(values), FUTURES_A_DAY / 82_800.0 * stretch.step)
        half = self._half(details, at, regular=stretch.step == 1)
        return _Points(times=times[inside], prices=values, volume=traded, half=half)

    def _option_points(self, details: Details, times: Seconds, spots: Floats, seconds: int) -> _Points:
        step = max(seconds // OPTION_POINTS_A_BAR, len(times) // OPTION_POINTS_MAX, 1)
        rows = np.unique(np.append(np.arange(0, len(times), step), len(times) - 1))
        moments = [datetime.fromtimestamp(second, UTC) for second in times[rows].tolist()]
        models = [self._quotes.model(details, at, spot=spot) for at, spot in zip(moments, spots[rows].tolist())]
        values = np.array([model.price if model is not None else np.nan for model in models])
        half = self._half(details, moments[0], regular=True)
        return _Points(times=times[rows], prices=values, volume=np.zeros(len(rows)), half=half)

    def _half(self, details: Details, at: datetime, *, regular: bool) -> Callable[[float], float]:
        return lambda price: self._quotes.half_spread(details, price, at, regular=regular)


class _Shape:
    """What of the points a bar shows."""

    def __init__(self, ticks: prices.Ticks, show: str) -> None:
        self._ticks = ticks
        self._show = show

    def bar(self, start: datetime, points: _Points) -> Bar:
        values = points.prices
        mean = float(np.mean(values))
        marks = (float(values[0]), float(values.max()), float(values.min()), float(values[-1]))
        opened, high, low, close = (self._shown(value, points.half(value)) for value in marks)
        if self._show == "BID_ASK":
            middle, top, bottom = (
                prices.sides(self._ticks, value, points.half(value)) for value in (mean, marks[1], marks[2])
            )
            opened, close = middle.bid or Decimal(0), middle.ask
            high, low = top.ask, bottom.bid or Decimal(0)
        is_trade = self._show in ("TRADES", "ADJUSTED_LAST")
        volume = int(points.volume.sum()) if is_trade else 0
        return Bar(
            start=start, open=opened, high=high, low=low, close=close, volume=Decimal(volume),
            average=Decimal(repr(round(mean, AVERAGE_PLACES))), count=-(-volume // SHARES_A_TRADE),
        )  # fmt: skip

    def _shown(self, value: float, half: float) -> Decimal:
        if self._show in ("TRADES", "ADJUSTED_LAST"):
            return prices.rounded(self._ticks, value)
        sides = prices.sides(self._ticks, value, half)
        bid = sides.bid if sides.bid is not None else Decimal(0)
        if self._show == "BID":
            return bid
        return sides.ask if self._show == "ASK" else (bid + sides.ask) / 2


def _days(begin: datetime, end: datetime) -> Iterator[date]:
    day, last = begin.astimezone(NEW_YORK).date(), end.astimezone(NEW_YORK).date()
    # The evening of a day may be the next trading day already.
    while day <= last + DAY:
        yield day
        day += DAY


def _spans(spans: Spans, begin: datetime, end: datetime) -> Iterator[Span]:
    for day in _days(begin, end):
        span = spans.on(day)
        if span is not None and span.last > begin and span.first < end:
            yield span


def _joined(parts: list[_Points]) -> _Points:
    return _Points(
        times=np.concatenate([each.times for each in parts]), prices=np.concatenate([each.prices for each in parts]),
        volume=np.concatenate([each.volume for each in parts]), half=parts[-1].half,
    )  # fmt: skip


def _grouped(found: Iterator[tuple[date, _Points]], size: timedelta) -> Iterator[tuple[datetime, _Points]]:
    # Days, or the days of a week or month together, by the first of them.
    kept: dict[tuple[int, int], tuple[date, list[_Points]]] = {}
    for day, points in found:
        if size < WEEK_DAYS * DAY:
            key = (day.toordinal(), 0)
        elif size == WEEK_DAYS * DAY:
            key = day.isocalendar()[:2]
        else:
            key = (day.year, day.month)
        kept.setdefault(key, (day, []))[1].append(points)
    for first, parts in kept.values():
        yield datetime.combine(first, time(0), NEW_YORK).astimezone(UTC), _joined(parts)


def _binned(parts: Iterator[_Points], seconds: int) -> Iterator[tuple[datetime, _Points]]:
    # A bar is named by a whole multiple of its size, and begins there or where its first point is.
    held: list[_Points] = []
    for part in parts:
        cuts = np.flatnonzero(np.diff(part.times // seconds)) + 1
        for low, high in pairwise([0, *cuts.tolist(), len(part.times)]):
            coming = _Points(
                times=part.times[low:high], prices=part.prices[low:high], volume=part.volume[low:high], half=part.half
            )
            if held and held[0].times[0] // seconds != coming.times[0] // seconds:
                yield _bin(held)
                held = []
            held.append(coming)
    if held:
        yield _bin(held)


def _bin(held: list[_Points]) -> tuple[datetime, _Points]:
    return datetime.fromtimestamp(int(held[0].times[0]), UTC), _joined(held) if len(held) > 1 else held[0]

"""What today's bars say of each symbol: VWAP, relative volume, opening range and the noise area at this time of day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from prudent.analytics import intraday
from prudent.domain.money import from_float
from prudent.ports import Bars, Calendar, DecideContext, Floats, Session

SESSIONS = 14
PRICE_PLACES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One symbol after the last completed bar; None is not known, and nothing may be entered on what is not known.

    `direction` is 1 above the noise area, -1 below it, 0 inside. `sigma` is what it usually moves from the open until
    this time of day. `range_direction` is that of the first bar, 0 for one that closed where it opened.
    """

    bars: int
    close: Decimal | None = None
    vwap: Decimal | None = None
    relative_volume: Decimal | None = None
    range_high: Decimal | None = None
    range_low: Decimal | None = None
    range_direction: int | None = None
    upper: Decimal | None = None
    lower: Decimal | None = None
    sigma: Decimal | None = None
    direction: int | None = None


def readings(context: DecideContext, symbols: Sequence[str], *, bar_minutes: int) -> dict[str, Reading]:
    """A reading of each symbol as of the clock; without a completed bar today there is nothing to read."""
    now, calendar = context.observation.as_of, context.calendar
    if calendar is None or not symbols:
        return {symbol: Reading(bars=0) for symbol in symbols}
    past = tuple(calendar.completed(now, SESSIONS))
    today = calendar.session_of(now)
    bars = context.market.bars(
        symbols, minutes=bar_minutes, start=past[0].open if past else today.open, end=min(now, today.close)
    )  # fmt: skip
    return read_bars(bars, past, today, before=closes_before(context, symbols, calendar))


def closes_before(context: DecideContext, symbols: Sequence[str], calendar: Calendar) -> Mapping[str, float]:
    """The close of the last completed session of each symbol; NaN where there is none."""
    last = calendar.completed(context.observation.as_of, 1)
    if not last:
        return {}
    daily = context.market.daily(symbols, sessions=1, end=last[0].date)
    return {symbol: float(daily.fields["close"][-1, i]) for i, symbol in enumerate(symbols) if len(daily.times)}


def read_bars(
    bars: Bars, past: Sequence[Session], today: Session, *, before: Mapping[str, float]
) -> dict[str, Reading]:  # fmt: skip
    """The readings from the bars of `past` sessions and of `today` so far; half days count for nothing usual."""
    starts = bars.times.astype("datetime64[s]").astype(np.int64)
    sessions = (*past, today)
    slices = intraday.sessions_of(
        starts.tolist(), [_seconds(each.open) for each in sessions], [_seconds(each.close) for each in sessions]
    )
    *earlier, now = slices
    count = now.stop - now.start
    if count == 0:
        return {symbol: Reading(bars=0) for symbol in bars.symbols}
    full = [
        each for each, session in zip(earlier, past)
        if not session.early_close and each.stop - each.start >= count and _same_start(starts, each, session)
    ]  # fmt: skip
    if not _same_start(starts, now, today):
        full = []
    return {symbol: _read(bars, i, now, full, before.get(symbol)) for i, symbol in enumerate(bars.symbols)}


def _read(bars: Bars, i: int, now: slice, full: Sequence[slice], before: float | None) -> Reading:
    count = now.stop - now.start
    opened, high, low, close, volume = (bars.fields[name][:, i] for name in ("open", "high", "low", "close", "volume"))
    last = float(close[now][-1])
    if not last > 0.0:
        return Reading(bars=count)
    usual = np.array([[float(np.sum(volume[each.start : each.start + count]))] for each in full]).reshape(-1, 1)
    ratio = intraday.relative_volume(np.array([float(np.sum(volume[now]))]), usual)
    found = intraday.opening_range(*(each[now.start : now.start + 1] for each in (opened, high, low, close)))
    sigma = intraday.noise_sigma(
        np.array([float(opened[each.start]) for each in full]),
        np.array([float(close[each.start + count - 1]) for each in full]),
    )
    area = None
    first = float(opened[now][0])
    if before is not None and before > 0.0 and first > 0.0 and np.isfinite(sigma):
        area = intraday.noise_area(first, before, sigma)
    return Reading(
        bars=count,
        close=_decimal(last),
        vwap=_decimal(float(intraday.vwap(*(_column(each[now]) for each in (high, low, close, volume)))[-1, 0])),
        relative_volume=_decimal(float(ratio[0])),
        range_high=None if found is None else _decimal(found.high),
        range_low=None if found is None else _decimal(found.low),
        range_direction=None if found is None else found.direction,
        upper=None if area is None else _decimal(area.upper),
        lower=None if area is None else _decimal(area.lower),
        sigma=None if area is None else _decimal(area.sigma, 6),
        direction=None if area is None else area.direction(last),
    )


def _column(values: Floats) -> Floats:
    return values.reshape(-1, 1)


def _same_start(starts: np.ndarray, part: slice, session: Session) -> bool:
    """True when the first bar there is is the session's first: a hole at the open would shift every window."""
    return part.stop > part.start and int(starts[part.start]) == _seconds(session.open)


def _seconds(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp())


def _decimal(value: float, places: int = PRICE_PLACES) -> Decimal | None:
    return from_float(round(value, places)) if np.isfinite(value) else None

"""The market as facts: each listed symbol with its indicators and earnings date, and the regime of the whole.

    symbols[].indicators {of, sessions, sma_20, sma_50, sma_200, rsi_14, macd, macd_signal, macd_histogram,
                          bollinger_upper, bollinger_middle, bollinger_lower, bollinger_position, return_5, return_21,
                          return_63, return_252, volatility_20}             `of`: the last completed session
    symbols[].earnings   {next, days, last, source}                         next: a date, "unknown" or "none" (a fund)
    market.regime        {rule, raw, trend, volatility, confidence, flags[], sessions}
    market.index         {name, of, close, quality, source, <features of analytics.regime>, adx_14, choppiness_14}
    market.vix           {of, level, percentile_1y, change_5, term, quality, source}
    market.ten_year      {of, level, change_21, quality, source}
    market.breadth       {above_sma_50, of_symbols}                         over the listed symbols

Levels are on the scale of `price`. A series that the source does not have, or cannot give now, is "unknown" with `why`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from prudent.analytics import regime as rules
from prudent.analytics.technical import bollinger, macd, rsi, sma
from prudent.domain.errors import InputError, Temporary
from prudent.domain.instruments import InstrumentKind
from prudent.domain.quotes import Quote
from prudent.domain.records import Json, encode
from prudent.ports import Bars, DecideContext, Event, Floats
from prudent.reasoning.book import FRACTION, UNKNOWN, Book, number, told, told_float

SESSIONS = 253
INDEX, FEAR, TEN_YEAR = "SPX", "VIX", "TNX"
RETURNS = (5, 21, 63, 252)
BANDS = 2.0
EARNINGS_AHEAD, EARNINGS_BACK = timedelta(days=60), timedelta(days=100)
HUNDREDTH = Decimal("0.01")
NEW_YORK = ZoneInfo("America/New_York")


def symbol_facts(context: DecideContext, book: Book) -> list[Json]:
    """Every listed symbol in order, its index counting from 1."""
    shown = indicators(context, book.priced)
    dates = earnings(context, book)
    rows: list[Json] = []
    for index, symbol in enumerate(book.symbols, 1):
        quote = book.quotes.get(symbol) or Quote(symbol=symbol, price=None)
        instrument = book.instruments.get(symbol)
        before = quote.previous_close
        change = None if quote.price is None or not before else quote.price / before - 1
        rows.append(
            {
                "index": index,
                "symbol": symbol,
                "name": instrument.name if instrument else UNKNOWN,
                "sector": book.sector(symbol),
                "kind": str(instrument.kind) if instrument else UNKNOWN,
                "tradable": instrument is not None and instrument.tradable,
                "held": symbol in book.held,
                "price": told(book.price(symbol)),
                "level": told(quote.level),
                "change": told(change, FRACTION),
                "as_of": UNKNOWN if quote.as_of is None else encode(quote.as_of),
                "age_seconds": told(quote.age_seconds, Decimal(1)),
                "source": quote.source or UNKNOWN,
                "quality": str(quote.quality) if quote.price is not None else UNKNOWN,
                "adv_dollars": told(quote.adv_dollars, Decimal(1)),
                "indicators": shown.get(symbol, {}),
                "earnings": dates[symbol],
                "limits": {},
            }
        )
    return rows


def indicators(context: DecideContext, symbols: Sequence[str]) -> dict[str, dict[str, Json]]:
    """Indicators of each symbol from its completed daily bars; symbols with the same gaps are worked out together."""
    if not symbols:
        return {}
    bars = context.market.daily(symbols, sessions=SESSIONS)
    close = bars.fields["close"]
    there = np.isfinite(close) & (np.where(np.isfinite(close), close, 0.0) > 0.0)
    groups: dict[bytes, list[int]] = {}
    for i in range(close.shape[1]):
        groups.setdefault(there[:, i].tobytes(), []).append(i)
    found: dict[str, dict[str, Json]] = {}
    for columns in groups.values():
        rows = there[:, columns[0]]
        if rows.any():
            shown = _indicators(close[rows][:, columns])
            last = _day(bars.times[rows][-1])
            for place, i in enumerate(columns):
                row: dict[str, Json] = {"of": last, "sessions": int(rows.sum())}
                row |= {name: told_float(float(values[place]), step) for name, (values, step) in shown.items()}
                found[bars.symbols[i]] = row
    return found


def _indicators(close: Floats) -> dict[str, tuple[Floats, Decimal]]:
    """The last value of every indicator for each column of complete closes, with the step it is rounded to."""
    averages = sma(close, 20, 50, 200)[:, -1]
    lines = macd(close)[:, -1]
    middle, spread = bollinger(close)[:, -1]
    upper, lower = middle + BANDS * spread, middle - BANDS * spread
    width = np.where(upper > lower, upper - lower, np.nan)
    found = {
        **{f"sma_{period}": (averages[n], FRACTION) for n, period in enumerate((20, 50, 200))},
        "rsi_14": (rsi(close)[-1], HUNDREDTH),
        **{name: (lines[n], FRACTION) for n, name in enumerate(("macd", "macd_signal", "macd_histogram"))},
        "bollinger_upper": (upper, FRACTION),
        "bollinger_middle": (middle, FRACTION),
        "bollinger_lower": (lower, FRACTION),
        "bollinger_position": ((close[-1] - lower) / width, FRACTION),
    }
    nothing = np.full(close.shape[1], np.nan)
    for sessions in RETURNS:
        known = len(close) > sessions
        found[f"return_{sessions}"] = (close[-1] / close[-1 - sessions] - 1.0 if known else nothing, FRACTION)
    spreads = np.array([rules.volatility(close[:, i])[-1] for i in range(close.shape[1])])
    return {**found, "volatility_20": (spreads, FRACTION)}


def earnings(context: DecideContext, book: Book) -> dict[str, Json]:
    """The next and the last announced earnings date of each symbol; a fund has none."""
    today = book.seen.as_of.astimezone(NEW_YORK).date()
    funds = {each.symbol for each in book.instruments.values() if each.kind is not InstrumentKind.STOCK}
    asked = [each for each in book.symbols if each not in funds]
    found: dict[str, list[Event]] = {}
    why = ""
    try:
        for event in context.market.events(
            asked, kind="earnings", start=today - EARNINGS_BACK, end=today + EARNINGS_AHEAD
        ):
            if event.known_at <= book.seen.as_of:
                found.setdefault(event.symbol, []).append(event)
    except Temporary as error:
        why = str(error)
    return {symbol: _earnings(found.get(symbol, []), today, fund=symbol in funds, why=why) for symbol in book.symbols}


def _earnings(events: Sequence[Event], today: date, *, fund: bool, why: str) -> Json:
    if fund:
        return {"next": "none", "last": "none"}
    ahead = min((event.date for event in events if event.date >= today), default=None)
    back = max((event.date for event in events if event.date < today), default=None)
    row: dict[str, Json] = {
        "next": UNKNOWN if ahead is None else encode(ahead),
        "days": UNKNOWN if ahead is None else (ahead - today).days,
        "last": UNKNOWN if back is None else encode(back),
        "source": events[0].source if events else UNKNOWN,
    }
    return row | {"why": why} if why else row


@dataclass(frozen=True, slots=True, eq=False)
class _Series:
    """A named daily series, without its gaps."""

    times: NDArray[np.datetime64]
    close: Floats
    quality: str
    source: str


def market_facts(context: DecideContext, symbols: Sequence[Json]) -> dict[str, Json]:
    """The state of the whole market as of the last completed session, and the regime that the rule makes of it."""
    index, fear = _series(context, INDEX, rules.HISTORY), _series(context, FEAR, rules.HISTORY)
    return {
        "regime": regime_facts(index, fear),
        "index": _index_facts(context, index),
        "vix": _fear_facts(fear),
        "ten_year": _ten_year_facts(_series(context, TEN_YEAR, 22)),
        "breadth": _breadth(symbols),
    }


def _series(context: DecideContext, name: str, sessions: int) -> _Series | str:
    """The series, or why there is none."""
    try:
        bars = context.market.series(name, sessions=sessions)
    except (InputError, Temporary) as error:
        return str(error)
    close = bars.fields["close"][:, 0] if bars.fields["close"].size else np.empty(0)
    there = np.isfinite(close)
    if not there.any():
        return f"{bars.source} has no {name}"
    return _Series(bars.times[there], close[there], str(bars.quality["close"][0]), bars.source)


def regime_facts(index: _Series | str, fear: _Series | str) -> Json:
    """What the rule says, with what it could not look at."""
    if isinstance(index, str):
        readings: tuple[rules.Reading, ...] = ()
        count = 0
    else:
        count = len(index.close)
        readings = rules.readings_of(index.close, _aligned(fear, index.times))
    said = rules.rule_regime(readings, sessions=count)
    return {
        "rule": str(said.label), "raw": str(said.raw), "trend": said.trend, "volatility": said.volatility,
        "confidence": told_float(said.confidence, HUNDREDTH), "flags": list(said.flags), "sessions": count,
    }  # fmt: skip


def _aligned(series: _Series | str, times: NDArray[np.datetime64]) -> Floats:
    out = np.full(len(times), np.nan)
    if not isinstance(series, str):
        at = np.minimum(np.searchsorted(series.times, times), len(series.times) - 1)
        same = series.times[at] == times
        out[same] = series.close[at][same]
    return out


def _index_facts(context: DecideContext, index: _Series | str) -> Json:
    if isinstance(index, str):
        return {"name": INDEX, "close": UNKNOWN, "why": index}
    features = rules.index_features(index.close) | _range_features(context)
    return {
        "name": INDEX, "of": _day(index.times[-1]), "close": told_float(float(index.close[-1]), HUNDREDTH),
        "quality": index.quality, "source": index.source,
        **{name: told_float(value) for name, value in features.items()},
    }  # fmt: skip


def _range_features(context: DecideContext) -> dict[str, float]:
    """Features that need highs and lows of the index, where the source has them."""
    nothing = {"adx_14": float("nan"), "choppiness_14": float("nan")}
    try:
        bars = context.market.daily((INDEX,), sessions=rules.ADX_SESSIONS)
    except (InputError, Temporary):
        return nothing
    rows = _complete(bars)
    if not len(rows["close"]):
        return nothing
    return {
        "adx_14": rules.last_adx(rows["high"], rows["low"], rows["close"]),
        "choppiness_14": rules.choppiness(rows["high"], rows["low"], rows["close"]),
    }


def _complete(bars: Bars) -> Mapping[str, Floats]:
    fields = {name: bars.fields[name][:, 0] for name in ("high", "low", "close")}
    there = np.all([np.isfinite(values) for values in fields.values()], axis=0)
    return {name: values[there] for name, values in fields.items()}


def _fear_facts(fear: _Series | str) -> Json:
    if isinstance(fear, str):
        return {"level": UNKNOWN, "why": fear}
    return {
        "of": _day(fear.times[-1]),
        "level": told_float(float(fear.close[-1]), HUNDREDTH),
        "percentile_1y": told_float(float(rules.rank_of(fear.close)[-1])),
        "change_5": told_float(float(rules.change_over(fear.close, 5)[-1])),
        "term": UNKNOWN,
        "quality": fear.quality,
        "source": fear.source,
    }


def _ten_year_facts(series: _Series | str) -> Json:
    if isinstance(series, str):
        return {"level": UNKNOWN, "why": series}
    change = series.close[-1] - series.close[-22] if len(series.close) >= 22 else float("nan")
    return {
        "of": _day(series.times[-1]),
        "level": told_float(float(series.close[-1])),
        "change_21": told_float(float(change)),
        "quality": series.quality,
        "source": series.source,
    }


def _breadth(symbols: Sequence[Json]) -> Json:
    above = count = 0
    for row in symbols:
        shown = row["indicators"] if isinstance(row, dict) else None
        if isinstance(row, dict) and isinstance(shown, dict):
            price, average = number(row["price"]), number(shown.get("sma_50"))
            if price is not None and average is not None:
                count += 1
                above += price > average
    return {"above_sma_50": told(Decimal(above) / count, HUNDREDTH) if count else UNKNOWN, "of_symbols": count}


def _day(moment: np.datetime64) -> str:
    return datetime.fromtimestamp(int(moment.astype("datetime64[s]").astype(np.int64)), UTC).date().isoformat()

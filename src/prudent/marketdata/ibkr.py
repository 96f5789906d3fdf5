"""Prices of a venue's gateway as market data: daily history kept on disk by contract, quotes as they stream."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import numpy as np

from prudent.domain.errors import InputError, StoreError
from prudent.domain.futures import ALIASES
from prudent.domain.instruments import normalise_symbol
from prudent.domain.quotes import LivePrice, Quality, Quote, VenueBars
from prudent.marketdata.columns import DAILY_FIELDS, DailyColumns
from prudent.marketdata.daily import INTRADAY_FIELDS, SERIES, DailyMarket, Moment, Seen
from prudent.marketdata.files import raw_columns
from prudent.ports import Bars, Calendar, Clock, Floats

# Enough for a year's averages; whoever asks for more gets it, and it is kept.
SESSIONS = 400
_COLUMNS = ("open", "high", "low", "close", "volume")


class Feed(Protocol):
    """What the gateway of a venue tells, for any thread; unknown symbols are absent from answers.

    Each raises `Temporary` where the gateway cannot be asked.
    """

    @property
    def name(self) -> str: ...

    @property
    def simulated(self) -> bool:
        """True where the gateway has told that no exchange is behind it."""

    def latest(self, symbols: Sequence[str]) -> Mapping[str, LivePrice]: ...

    def daily(self, symbols: Sequence[str], *, sessions: int) -> Mapping[str, VenueBars]:
        """At least so many sessions where there are; the running one may be among them, as far as it is."""

    def bars(
        self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime
    ) -> Mapping[str, VenueBars]: ...  # fmt: skip

    def implied(self, symbols: Sequence[str]) -> Mapping[str, Decimal]: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """The history of one symbol, when it was asked for, and how many sessions of it."""

    fetched_at: datetime
    sessions: int
    bars: VenueBars | None
    columns: DailyColumns | None


class IbkrMarket(DailyMarket):
    """`MarketData` of a gateway. History is asked for again after each close and each open, else read from `folder`.

    Closes are total-return where the venue adjusts them (stocks and funds); dividends are not told apart, and are NaN.
    It has no events. Where the venue has none of a named series, the series is empty.
    """

    def __init__(
        self, clock: Clock, calendar: Calendar, feed: Feed, folder: Path, *, sessions: int = SESSIONS
    ) -> None:  # fmt: skip
        self._feed = feed
        self._folder = folder
        self._least = sessions
        self._history: dict[str, _Kept] = {}
        self._latest: Mapping[str, LivePrice] = {}
        self._forgets = False
        super().__init__(clock, calendar, source=feed.name, columns_of=self._columns)

    def forget(self) -> None:
        """Drop prices in memory before the next question; those on disk stay, so nothing is asked for again."""
        self._forgets = True

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        moment = self._now()
        self._refresh(symbols, self._least)
        self._latest = {}
        known = [symbol for symbol in dict.fromkeys(symbols) if self._columns(symbol) is not None]
        if moment.session is not None and known:
            self._latest = self._feed.latest(known)
        return tuple(self._with_sides(quote) for quote in super().quotes(symbols))

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        if sessions < 1:
            raise InputError(f"sessions must be 1 or more, was {sessions}; ask for at least one bar")
        last = self._last_day(end)
        between = max(int((self._now().last_day - last) * 0.75), 0)
        self._refresh(symbols, sessions + between)
        return super().daily(symbols, sessions=sessions, end=end)

    def series(self, name: str, *, sessions: int) -> Bars:
        if name not in SERIES:
            raise InputError(f"series must be one of {', '.join(SERIES)}, was {name!r}; correct the name")
        self._refresh((name,), sessions)
        if self._columns(name) is None:
            nothing = np.empty((0, 1))
            times = np.empty(0, dtype="datetime64[s]")
            return Bars((name,), times, {"close": nothing}, {"close": (Quality.REAL,)}, self.source)
        return super().series(name, sessions=sessions)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        self._refresh(symbols, self._least)
        self.check_intraday(symbols, minutes=minutes, end=end)
        found = self._feed.bars(symbols, minutes=minutes, start=start, end=end) if symbols and start < end else {}
        now, length = self._clock.now().timestamp(), minutes * 60
        keys = sorted({key for bars in found.values() for key in bars.keys if key + length <= now})
        place = {key: t for t, key in enumerate(keys)}
        fields = {name: np.full((len(keys), len(symbols)), np.nan) for name in INTRADAY_FIELDS}
        for i, symbol in enumerate(symbols):
            bars = found.get(symbol)
            for n, key in enumerate(bars.keys if bars else ()):
                if bars and key in place:
                    for name in INTRADAY_FIELDS:
                        fields[name][place[key], i] = bars.columns[name][n]
        kinds = tuple(found[s].quality if s in found else Quality.REAL for s in symbols)
        times = np.array(keys, dtype="datetime64[s]")
        return Bars(tuple(symbols), times, fields, dict.fromkeys(INTRADAY_FIELDS, kinds), self.source)

    @property
    def implied_source(self) -> str:
        """Where the last implied volatilities are from."""
        return f"{self.source} (SIMULATED)" if self._feed.simulated else self.source

    def implied(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        """The volatility of the next 30 days that options imply, of each symbol that has options quoted now."""
        return self._feed.implied(symbols)

    def price_inside(self, columns: DailyColumns, row: int | None, moment: Moment) -> Seen | None:
        live = self._latest.get(columns.symbol)
        if moment.session is None or live is None or not moment.session.open <= live.as_of <= moment.now:
            return None
        price = float(live.price)
        return Seen(price, live.as_of, live.quality, level=price)

    def before_close(self, symbol: str, low: int, high: int) -> Floats | None:
        return None

    def _with_sides(self, quote: Quote) -> Quote:
        """The venue's own bid and ask where it quotes them; a delayed quote says so in its source."""
        live = self._latest.get(quote.symbol)
        if live is None or not quote.market_open or quote.as_of != live.as_of:
            return quote
        source = f"{quote.source} (delayed)" if live.delayed else quote.source
        if live.bid is None or live.ask is None:
            return replace(quote, source=source)
        return replace(quote, bid=live.bid, ask=live.ask, source=source)

    def _columns(self, symbol: str) -> DailyColumns | None:
        kept = self._history.get(symbol)
        return None if kept is None else kept.columns

    def _refresh(self, symbols: Sequence[str], sessions: int) -> None:
        if self._forgets:
            self._forgets = False
            super().forget()
            self._history = {}
        moment = self._now()
        wanted = []
        for symbol in filter(_is_symbol, dict.fromkeys(symbols)):
            kept = self._history.get(symbol) or self._read(symbol, moment)
            if kept is None or kept.sessions < sessions or self._is_old(kept, moment):
                wanted.append(symbol)
            else:
                self._history[symbol] = kept
        if not wanted:
            return
        count = max(sessions, self._least)
        found = self._feed.daily(wanted, sessions=count)
        for symbol in wanted:
            kept = _Kept(moment.now, count, found.get(symbol), _columns_of(symbol, found.get(symbol), moment))
            self._standing.pop(symbol, None)
            self._history[symbol] = kept
            if kept.bars is not None:
                self._write(symbol, kept)

    def _is_old(self, kept: _Kept, moment: Moment) -> bool:
        closed = moment.last_close is not None and kept.fetched_at < moment.last_close
        opened = moment.session is not None and kept.fetched_at < moment.session.open
        return closed or opened or kept.fetched_at > moment.now

    # On disk: what each symbol was, and the bars of each contract

    def _read(self, symbol: str, moment: Moment) -> _Kept | None:
        try:
            contract = json.loads((self._folder / f"{symbol}.json").read_text(encoding="utf-8"))["contract"]
            kept = json.loads(self._path(int(contract)).read_text(encoding="utf-8"))
            columns = {name: tuple(float(v) for v in kept["columns"][name]) for name in _COLUMNS}
            adjusted = kept["adjusted"]
            bars = VenueBars(
                contract=int(contract), keys=tuple(int(key) for key in kept["days"]), columns=columns,
                adjusted=None if adjusted is None else tuple(float(v) for v in adjusted),
                quality=Quality(kept["quality"]),
            )  # fmt: skip
            fetched_at = datetime.fromisoformat(kept["fetched_at"])
            return _Kept(fetched_at, int(kept["sessions"]), bars, _columns_of(symbol, bars, moment))
        except (OSError, ValueError, KeyError, TypeError):
            # A cache that cannot be read is asked for again; nothing is lost with it.
            return None

    def _write(self, symbol: str, kept: _Kept) -> None:
        bars = kept.bars
        assert bars is not None
        content = {
            "source": self.source, "fetched_at": kept.fetched_at.isoformat(), "sessions": kept.sessions,
            "contract": bars.contract, "quality": str(bars.quality), "days": bars.keys,
            "columns": {name: bars.columns[name] for name in _COLUMNS}, "adjusted": bars.adjusted,
        }  # fmt: skip
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for path, body in (
                (self._path(bars.contract), content),
                (self._folder / f"{symbol}.json", {"contract": bars.contract}),
            ):
                draft = path.with_suffix(".part")
                draft.write_text(json.dumps(body), encoding="utf-8")
                draft.replace(path)
        except OSError as error:
            raise StoreError(f"price cache {self._folder} must be writable, but: {error}; free it") from error

    def _path(self, contract: int) -> Path:
        return self._folder / f"contract_{contract}.json"


def _columns_of(symbol: str, bars: VenueBars | None, moment: Moment) -> DailyColumns | None:
    """Completed sessions as columns; None where there is none."""
    if bars is None:
        return None
    count = sum(key <= moment.last_day for key in bars.keys)
    if not count:
        return None
    values = {name: np.array(bars.columns[name][:count]) for name in _COLUMNS}
    values |= {"dividend": np.full(count, np.nan), "split": np.ones(count)}
    values["adj_close"] = values["close"] if bars.adjusted is None else np.array(bars.adjusted[:count])
    made = raw_columns(symbol, bars.keys[:count], values)
    if bars.quality is Quality.REAL:
        return made
    return replace(made, quality=dict.fromkeys(DAILY_FIELDS, bars.quality))


def _is_symbol(symbol: str) -> bool:
    # Symbols become file names: nothing else may get there.
    if symbol in ALIASES:
        return True
    try:
        return normalise_symbol(symbol) == symbol
    except InputError:
        return False

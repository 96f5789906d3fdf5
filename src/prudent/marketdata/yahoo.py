"""Prices from Yahoo Finance through the optional package yfinance: raw bars and actions, one request for all."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from prudent.domain.errors import ConfigError, InputError, StoreError, Temporary
from prudent.domain.instruments import normalise_symbol
from prudent.domain.quotes import Quality, Quote
from prudent.marketdata.calendars import NEW_YORK, day_number
from prudent.marketdata.columns import DailyColumns
from prudent.marketdata.daily import INTRADAY_FIELDS, DailyMarket, Moment, Seen
from prudent.marketdata.files import raw_columns
from prudent.ports import Bars, Calendar, Clock, Floats

Download = Callable[..., Any]
YEARS = 6
QUOTE_MINUTES = 5
QUOTE_SECONDS_MAX = 60
# A delayed feed may show nothing in the first minutes of a session; after them nothing means an outage.
QUIET_MINUTES = 25
INTERVALS = (1, 2, 5, 15, 30, 60, 90)
TICKERS = {"SPX": "^GSPC", "VIX": "^VIX", "TNX": "^TNX"}
DAILY_COLUMNS = {
    "open": "Open", "high": "High", "low": "Low", "close": "Close", "adj_close": "Adj Close", "volume": "Volume",
    "dividend": "Dividends", "split": "Stock Splits",
}  # fmt: skip
INTRADAY_COLUMNS = {name: DAILY_COLUMNS[name] for name in INTRADAY_FIELDS}


class NoRows(Temporary):
    """An answer without a row: an outage, or nothing that the source knows."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What one request gave of one symbol: keys (days, or seconds of bar starts) and columns in step."""

    fetched_at: datetime
    keys: list[int]
    values: dict[str, list[float]]


class YahooMarket(DailyMarket):
    """`MarketData` of live prices; daily history is kept in `folder`, with its source and the time of the request.

    History holds completed sessions only and is asked for again after each close and each open, for an action of the
    day changes the adjusted past. Inside a session a quote is the close of the last completed five-minute bar.
    """

    def __init__(self, clock: Clock, calendar: Calendar, folder: Path, *, download: Download | None = None) -> None:
        self._folder = folder
        self._download = download or yfinance_download
        self._history: dict[str, tuple[Rows, DailyColumns | None]] = {}
        self._latest: dict[str, Rows] = {}
        self._forgets = False
        super().__init__(clock, calendar, source="yahoo", columns_of=self._columns)

    def forget(self) -> None:
        """Drop prices in memory before the next question; those on disk stay, so nothing is asked for again."""
        self._forgets = True

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        moment = self._now()
        self._refresh(symbols)
        if moment.session is not None:
            self._refresh_latest(symbols, moment)
        return super().quotes(symbols)

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        self._last_day(end)
        self._refresh(symbols)
        return super().daily(symbols, sessions=sessions, end=end)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        self._refresh(symbols)
        self.check_intraday(symbols, minutes=minutes, end=end)
        if minutes not in INTERVALS:
            choices = ", ".join(map(str, INTERVALS))
            raise InputError(f"minutes must be one of {choices}, was {minutes}; ask for one of those")
        found = self._intraday(symbols, minutes=minutes, start=start, end=end)
        length, now = minutes * 60, self._clock.now().timestamp()
        keys = sorted({key for rows in found.values() for key in rows.keys if key + length <= now})
        keys = [key for key in keys if start.timestamp() <= key < end.timestamp()]
        place = {key: t for t, key in enumerate(keys)}
        fields = {name: np.full((len(keys), len(symbols)), np.nan) for name in INTRADAY_FIELDS}
        for i, symbol in enumerate(symbols):
            rows = found.get(symbol)
            for n, key in enumerate(rows.keys if rows else ()):
                if rows and key in place:
                    for name in INTRADAY_FIELDS:
                        fields[name][place[key], i] = rows.values[name][n]
        quality = dict.fromkeys(INTRADAY_FIELDS, (Quality.REAL,) * len(symbols))
        return Bars(tuple(symbols), np.array(keys, dtype="datetime64[s]"), fields, quality, self.source)

    def price_inside(self, columns: DailyColumns, row: int | None, moment: Moment) -> Seen | None:
        rows = self._latest.get(columns.symbol)
        if moment.session is None or rows is None:
            return None
        length = timedelta(minutes=QUOTE_MINUTES)
        for key, close in zip(reversed(rows.keys), reversed(rows.values["close"])):
            ended = datetime.fromtimestamp(key, NEW_YORK).astimezone(moment.now.tzinfo) + length
            if moment.session.open < ended <= moment.now and close > 0.0:
                return Seen(close, ended, Quality.REAL, level=close)
        return None

    def before_close(self, symbol: str, low: int, high: int) -> Floats | None:
        return None

    def _columns(self, symbol: str) -> DailyColumns | None:
        kept = self._history.get(symbol)
        return None if kept is None else kept[1]

    def _refresh(self, symbols: Sequence[str]) -> None:
        if self._forgets:
            # Here, where they are read again at once: a question under way keeps what it has found.
            self._forgets = False
            super().forget()
            self._history, self._latest = {}, {}
        moment = self._now()
        wanted = []
        for symbol in filter(_is_ticker, dict.fromkeys(symbols)):
            kept = self._history.get(symbol)
            rows = kept[0] if kept is not None else self._read(symbol)
            if rows is None or self._is_old(rows, moment):
                wanted.append(symbol)
            elif kept is None:
                self._keep(symbol, rows, moment)
        if wanted:
            first = (moment.now - timedelta(days=366 * YEARS)).date()
            frame = self._ask(wanted, start=first, end=moment.now.date() + timedelta(days=1), interval="1d")
            for symbol in wanted:
                rows = rows_of(frame, symbol, DAILY_COLUMNS, moment.now)
                self._write(symbol, rows)
                self._keep(symbol, rows, moment)

    def _is_old(self, rows: Rows, moment: Moment) -> bool:
        closed = moment.last_close is not None and rows.fetched_at < moment.last_close
        opened = moment.session is not None and rows.fetched_at < moment.session.open
        return closed or opened or rows.fetched_at > moment.now

    def _keep(self, symbol: str, rows: Rows, moment: Moment) -> None:
        count = sum(key <= moment.last_day for key in rows.keys)
        self._standing.pop(symbol, None)
        self._history[symbol] = (rows, _columns_of(symbol, rows, count) if count else None)

    def _refresh_latest(self, symbols: Sequence[str], moment: Moment) -> None:
        limit = timedelta(seconds=QUOTE_SECONDS_MAX)
        session = moment.session
        wanted = [s for s in dict.fromkeys(symbols) if not self._is_fresh(s, moment, limit)]
        if not wanted or session is None or moment.now - session.open < timedelta(minutes=QUOTE_MINUTES):
            return
        self._latest |= self._intraday(wanted, minutes=QUOTE_MINUTES, start=session.open, end=moment.now)

    def _is_fresh(self, symbol: str, moment: Moment, limit: timedelta) -> bool:
        rows = self._latest.get(symbol)
        known = self._columns(symbol) is not None
        return not known or (rows is not None and timedelta(0) <= moment.now - rows.fetched_at < limit)

    def _intraday(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> dict[str, Rows]:
        now = self._clock.now()
        session = self._now().session
        quiet = session is not None and start >= session.open and now - session.open < timedelta(minutes=QUIET_MINUTES)
        try:
            frame = self._ask(symbols, start=start, end=end, interval=f"{minutes}m")
        except Temporary:
            if quiet:
                return {}
            raise
        return {symbol: rows_of(frame, symbol, INTRADAY_COLUMNS, now) for symbol in symbols}

    def _ask(self, symbols: Sequence[str], **when: object) -> Any:
        return ask(self._download, symbols, **when)

    def _path(self, symbol: str) -> Path:
        return self._folder / f"{symbol.replace('^', '_')}.json"

    def _read(self, symbol: str) -> Rows | None:
        try:
            kept = json.loads(self._path(symbol).read_text(encoding="utf-8"))
            values = {name: [float(v) for v in kept["values"][name]] for name in DAILY_COLUMNS}
            return Rows(datetime.fromisoformat(kept["fetched_at"]), [int(k) for k in kept["days"]], values)
        except (OSError, ValueError, KeyError, TypeError):
            # A cache that cannot be read is asked for again; nothing is lost with it.
            return None

    def _write(self, symbol: str, rows: Rows) -> None:
        kept = {
            "source": "yahoo", "fetched_at": rows.fetched_at.isoformat(), "days": rows.keys, "values": rows.values,
        }  # fmt: skip
        path = self._path(symbol)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".part")
            draft.write_text(json.dumps(kept), encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            raise StoreError(f"price cache {self._folder} must be writable, but: {error}; free it") from error


def ask(download: Download, symbols: Sequence[str], **when: object) -> Any:
    """The frame of one request for raw prices and actions.

    Raises:
        Temporary: it failed.
        NoRows: it gave nothing, which the source does in an outage as for a symbol that it does not know.
    """
    tickers = [ticker_of(symbol) for symbol in symbols]
    try:
        frame = download(
            tickers, auto_adjust=False, actions=True, group_by="ticker", progress=False, threads=False, **when
        )
    except (OSError, ValueError, KeyError) as error:
        raise Temporary(f"yahoo could not be asked for {', '.join(symbols)}: {error}; try again later") from error
    if frame is None or frame.empty:
        raise NoRows(
            f"yahoo gave no rows for {', '.join(symbols)}; an empty answer counts as an outage, try again later"
        )
    return frame


def ticker_of(symbol: str) -> str:
    """Yahoo's spelling: class shares with a dash, indices with a caret."""
    return TICKERS.get(symbol, symbol.replace(".", "-"))


def _is_ticker(symbol: str) -> bool:
    # Symbols become file names and parts of a request: nothing else may get there.
    try:
        return normalise_symbol(symbol) == symbol
    except InputError:
        return False


def rows_of(frame: Any, symbol: str, columns: Mapping[str, str], fetched_at: datetime) -> Rows:
    # The complete rows of one ticker; a ticker that the answer does not have gives none.
    ticker = ticker_of(symbol)
    part = frame
    if frame.columns.nlevels > 1:
        part = frame[ticker] if ticker in frame.columns.get_level_values(0) else frame.iloc[:, :0]
    if "Close" not in part.columns:
        return Rows(fetched_at, [], {name: [] for name in columns})
    table = {name: part[theirs].tolist() if theirs in part.columns else [] for name, theirs in columns.items()}
    rows = list(_complete(_keys(part.index, daily="dividend" in columns), table))
    return Rows(fetched_at, [key for key, _ in rows], {name: [row[name] for _, row in rows] for name in columns})


def _keys(index: Any, *, daily: bool) -> list[int]:
    moments = [stamp.to_pydatetime() for stamp in index]
    return [day_number(m.date()) if daily else int(m.timestamp()) for m in moments]


def _complete(keys: Sequence[int], table: Mapping[str, list[Any]]) -> Iterator[tuple[int, dict[str, float]]]:
    # A dividend or split on a row without prices counts on the next row that has them.
    paid, ratio = 0.0, 1.0
    for n, key in enumerate(keys):
        row = {name: float(values[n]) if values else 0.0 for name, values in table.items()}
        if "dividend" in row:
            paid += row["dividend"] if row["dividend"] > 0.0 else 0.0
            ratio *= row["split"] if row["split"] > 0.0 else 1.0
            row |= {"dividend": paid, "split": ratio if ratio != 1.0 else 0.0}
        if all(math.isfinite(row[name]) and row[name] > 0.0 for name in ("open", "high", "low", "close")):
            paid, ratio = 0.0, 1.0
            yield key, row


def _columns_of(symbol: str, rows: Rows, count: int) -> DailyColumns:
    values = as_traded({name: np.array(column[:count]) for name, column in rows.values.items()})
    adjusted = np.array(rows.values["adj_close"][:count])
    values["adj_close"] = np.where(adjusted > 0.0, adjusted, np.array(rows.values["close"][:count]))
    return raw_columns(symbol, rows.keys[:count], values)


def as_traded(values: Mapping[str, Floats]) -> dict[str, Floats]:
    """Yahoo's columns as the day saw them: it restates prices and dividends for every later split, which is undone.

    Only splits among the rows can be undone, so the rows must go up to the day of the request. `split` is 1 for none.
    """
    split = np.where(values["split"] > 0.0, values["split"], 1.0)
    later = np.concatenate((np.cumprod(split[::-1])[::-1][1:], [1.0]))
    raw = {name: values[name] * later for name in ("open", "high", "low", "close")}
    dividend = np.nan_to_num(values["dividend"]) * later
    return {**raw, "volume": values["volume"] / later, "dividend": dividend, "split": split}


def yfinance_download(*arguments: object, **options: object) -> Any:
    # Imported on use: it is large, optional and slow to load.
    try:
        import yfinance
    except ImportError as error:
        raise ConfigError("live prices need the extra `live`; install prudent[live] or use another source") from error
    try:
        return yfinance.download(*arguments, **options)
    except yfinance.exceptions.YFException as error:
        raise Temporary(f"yahoo refused the request: {error}; try again later") from error

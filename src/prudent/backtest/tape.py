"""The whole history of a source, as the simulated exchange knows it: what a session traded at, seen from after it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256

import numpy as np

from prudent.clock import SimulatedClock
from prudent.domain.errors import InputError
from prudent.domain.money import from_float
from prudent.domain.performance import Benchmark, Days, Floats, Panel
from prudent.marketdata.calendars import day_number
from prudent.marketdata.columns import DailyColumns
from prudent.ports import Clock, MarketData, Session

# Prices of a quote have so many decimals.
PRICE_DECIMALS = 4
FIELDS, ACTIONS = ("open", "high", "low", "close"), ("dividend", "split")
# Enough to reach the beginning of any source.
EVERYTHING = 100_000
NAN = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class _History:
    """One symbol: columns, and the same as lists with each session's row, for looking up one price at a time."""

    days: Days
    fields: dict[str, Floats]
    rows: dict[date, int]
    values: dict[str, list[float]]


class Tape:
    """Daily bars of a source up to the last session of a window. Only fills, stops and valuations may read it."""

    def __init__(self, open_source: Callable[[Clock], MarketData], last: Session) -> None:
        self._market = open_source(SimulatedClock(last.close))
        self._last = last.date
        self._read: dict[str, _History | None] = {}
        # A source that has prices as quoted has dividends and splits beside them; in all others prices contain them.
        self._traded: Callable[[str], DailyColumns | None] | None = getattr(self._market, "traded", None)

    @property
    def total_return(self) -> bool:
        """True where prices contain dividends and splits, so that none of them is booked."""
        return self._traded is None

    @property
    def source(self) -> str:
        return self._market.source

    def price(self, symbol: str, day: date, field: str) -> Decimal | None:
        """A price of that session as a quote would spell it; None where there is none."""
        value = self.value(symbol, day, field)
        return from_float(round(value, PRICE_DECIMALS)) if value > 0.0 else None

    def value(self, symbol: str, day: date, field: str) -> float:
        """A price of that session, NaN where there is none."""
        history = self._history(symbol)
        row = None if history is None else history.rows.get(day)
        return NAN if history is None or row is None else history.values[field][row]

    def known(self, symbol: str) -> bool:
        return self._history(symbol) is not None

    def first_day(self, symbol: str) -> date | None:
        """The first session with a close."""
        history = self._history(symbol)
        if history is None:
            return None
        rows = np.flatnonzero(history.fields["close"] > 0.0)
        return history.days[rows[0]].item() if len(rows) else None

    def last_day(self, symbol: str) -> date | None:
        """The last session with a close."""
        history = self._history(symbol)
        if history is None:
            return None
        rows = np.flatnonzero(history.fields["close"] > 0.0)
        return history.days[rows[-1]].item() if len(rows) else None

    def panel(self, symbols: Iterable[str], days: Days) -> Panel:
        """Columns of known symbols on these sessions; NaN where a symbol has no bar."""
        names = tuple(each for each in symbols if self.known(each))
        columns = {field: np.full((len(days), len(names)), np.nan) for field in (*FIELDS, *ACTIONS)}
        for i, symbol in enumerate(names):
            history = self._history(symbol)
            assert history is not None
            rows = np.searchsorted(history.days, days)
            inside = rows < len(history.days)
            found = np.zeros(len(days), dtype=np.bool_)
            found[inside] = history.days[rows[inside]] == days[inside]
            for field in (*FIELDS, *ACTIONS):
                columns[field][found, i] = history.fields[field][rows[found]]
        columns["dividend"] = np.nan_to_num(columns["dividend"])
        columns["split"] = np.nan_to_num(columns["split"], nan=1.0)
        return Panel(symbols=names, days=days, **columns, total_return=self.total_return)

    def benchmark(self, symbol: str, days: Days) -> Benchmark | None:
        """Total-return levels of a benchmark on these sessions; None where it does not cover all of them."""
        history = self._history(symbol)
        if history is None or not len(days):
            return None
        before = int(np.searchsorted(history.days, days[0])) - 1
        panel = self.panel((symbol,), days)
        # One share at the beginning grows by its splits, and by its dividends put back into it.
        close, paid = panel.close[:, 0], panel.dividend[:, 0]
        growth = np.cumprod(panel.split[:, 0] * (1.0 + paid / np.where(close > 0.0, close, np.nan)))
        level: Floats = close * growth
        opening = float(history.fields["close"][before]) if before >= 0 else float(level[0])
        if np.isnan(level).any() or not opening > 0.0:
            return None
        return Benchmark(name=symbol, days=days, level=level, opening=opening)

    def hash(self, symbols: Iterable[str], first: date, last: date) -> str:
        """Names the data of a window: every bar of these symbols up to its end."""
        seal = sha256(f"{self.source}|{first}|{last}".encode())
        for symbol in sorted(set(symbols)):
            history = self._history(symbol)
            seal.update(symbol.encode() + b"\0")
            if history is None:
                continue
            upto = int(np.searchsorted(history.days, np.datetime64(last), side="right"))
            seal.update(history.days[:upto].astype("datetime64[D]").astype(np.int64).tobytes())
            for field in (*FIELDS, *ACTIONS):
                seal.update(np.ascontiguousarray(history.fields[field][:upto]).tobytes())
        return seal.hexdigest()

    def hash_within(self, symbols: Iterable[str], daily: str) -> str:
        """The same with the bars within the day; a source that makes them from the daily ones adds none."""
        intraday = getattr(self._market, "intraday", None)
        named = "" if intraday is None else intraday.digest(tuple(symbols))
        return sha256(f"{daily}|{named}".encode()).hexdigest() if named else daily

    def _history(self, symbol: str) -> _History | None:
        if symbol not in self._read:
            found = self._as_traded(symbol) if self._traded is not None else self._as_quoted(symbol)
            if found is None:
                self._read[symbol] = None
                return None
            days, fields = found
            self._read[symbol] = _History(
                days=days, fields=fields, rows={day: row for row, day in enumerate(days.tolist())},
                values={field: fields[field].tolist() for field in FIELDS},
            )  # fmt: skip
        return self._read[symbol]

    def _as_quoted(self, symbol: str) -> tuple[Days, dict[str, Floats]] | None:
        try:
            bars = self._market.daily((symbol,), sessions=EVERYTHING)
        except InputError:
            return None
        fields = {field: np.ascontiguousarray(bars.fields[field][:, 0]) for field in FIELDS}
        nothing = np.zeros(len(bars.times))
        return bars.times.astype("datetime64[D]"), {**fields, "dividend": nothing, "split": nothing + 1.0}

    def _as_traded(self, symbol: str) -> tuple[Days, dict[str, Floats]] | None:
        assert self._traded is not None
        columns = self._traded(symbol)
        if columns is None:
            return None
        upto = int(np.searchsorted(columns.days, day_number(self._last), side="right"))
        fields = {field: np.ascontiguousarray(columns.fields[field][:upto]) for field in (*FIELDS, *ACTIONS)}
        return columns.days[:upto].astype("datetime64[D]"), fields


def day_array(days: Iterable[date]) -> Days:
    return np.array(sorted(days), dtype="datetime64[D]")


def moment_inside(session: Session, part: float) -> datetime:
    """A moment within a session, `part` of the way from its open to its close."""
    return session.open + (session.close - session.open) * part

"""Daily history kept for backtests: raw prices with their actions, one whole file a symbol, and a manifest of all."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from prudent.domain.errors import InputError, StoreError, Temporary
from prudent.domain.money import from_float, plain
from prudent.domain.quotes import Quality
from prudent.domain.records import decode, encode
from prudent.marketdata.calendars import day_number, day_of
from prudent.marketdata.rows import PRICES
from prudent.marketdata.tape import HOLE_SESSIONS, gaps_of
from prudent.marketdata.yahoo import DAILY_COLUMNS, Download, NoRows, as_traded, ask, rows_of, yfinance_download
from prudent.ports import Calendar, Floats

FOLDER = Path("data") / "history"
MANIFEST = "manifest.json"
SOURCE = "yahoo"
COLUMNS = (*PRICES, "volume", "dividend", "split")
PRICE_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The days that are asked for, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the manifest says of one file: the window `asked`, the rows that there are, and what was odd in them.

    `widened` rows had an open or close outside their range, `left_out` ones were on no session or of no price.
    """

    symbol: str
    source: str
    asked: Window
    first: date
    last: date
    rows: int
    sha256: str
    downloaded_at: datetime
    quality: Quality = Quality.REAL
    widened: int = 0
    left_out: int = 0
    holes: tuple[str, ...] = ()

    def covers(self, window: Window) -> bool:
        return self.asked.first <= window.first and window.last <= self.asked.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    version: int = 1
    files: Mapping[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """What a download did: files `written`, and those `kept` that held the window already."""

    written: tuple[Kept, ...] = ()
    kept: tuple[Kept, ...] = ()


class HistoryFolder:
    """The folder of downloaded history. A file is written beside its place and moved there whole."""

    def __init__(self, folder: Path, calendar: Calendar, *, fetch: Download | None = None) -> None:
        self.folder = folder
        self._calendar = calendar
        self._fetch = fetch or yfinance_download

    def manifest(self) -> Manifest:
        """The manifest; an empty one where none was written yet.

        Raises:
            StoreError: it cannot be read.
        """
        return read_manifest(self.folder)

    def download(
        self, symbols: Sequence[str], first: date, last: date | None, *, now: datetime, force: bool = False
    ) -> Downloaded:  # fmt: skip
        """Ask for each symbol in turn; a file that holds the window already is kept, unless `force` is given.

        Sessions that are not complete at `now` are left out. What was written before a failure stays, and is whole.

        Raises:
            InputError: the window is wrong, another file is in the way, or a symbol has no price in the window.
            Temporary: the source failed, or gave nothing at all.
        """
        window = self._window(first, last, now)
        manifest = self.manifest()
        kept = () if force else self._held(symbols, window, manifest)
        wanted = [symbol for symbol in symbols if symbol not in {each.symbol for each in kept}]
        written: list[Kept] = []
        silent: list[str] = []
        for symbol in wanted:
            try:
                written.append(self._one(symbol, window, now))
            except NoRows:
                silent.append(symbol)
            except Temporary as error:
                raise Temporary(f"{error}{_so_far(written)}") from error
        if silent:
            # One that knows others answers: it has none of these. One that gives nothing at all is down.
            failure = InputError if written else Temporary
            why = "it knows no such symbol; correct it" if written else "an outage, or unknown symbols; try again later"
            raise failure(f"yahoo gave no rows for {', '.join(silent)}: {why}{_so_far(written)}")
        return Downloaded(written=tuple(written), kept=tuple(kept))

    def _window(self, first: date, last: date | None, now: datetime) -> Window:
        complete = self._calendar.completed(now, 1)
        newest = complete[-1].date if complete else date.min
        end = newest if last is None else last
        if first > end:
            raise InputError(f"the window must end after it begins, was {first} to {end}; exchange the dates")
        window = Window(first=first, last=min(end, newest))
        if window.first > window.last or not self._calendar.sessions(window.first, window.last):
            raise InputError(
                f"the window must hold a complete session, {first} to {end} has none by {newest}; widen it"
            )
        return window

    def _held(self, symbols: Sequence[str], window: Window, manifest: Manifest) -> tuple[Kept, ...]:
        held: list[Kept] = []
        for symbol in symbols:
            path, entry = path_of(self.folder, symbol), manifest.files.get(symbol)
            if not path.exists():
                continue
            if entry is None or digest_of(path) != entry.sha256:
                raise InputError(f"{path} is not what was downloaded; add --force to replace it")
            if not entry.covers(window):
                raise InputError(
                    f"{path} holds {entry.asked.first} to {entry.asked.last}, was asked for {window.first} to "
                    f"{window.last}; add --force to replace it"
                )
            held.append(entry)
        return tuple(held)

    def _one(self, symbol: str, window: Window, now: datetime) -> Kept:
        # Up to today, whatever the window's end: prices are restated for every split since, which is undone from it.
        frame = ask(
            self._fetch, (symbol,), start=window.first, end=now.date() + timedelta(days=1), interval="1d"
        )
        table = _Table.of(frame, symbol, window, now, self._calendar)
        text = table.text()
        entry = replace(table.entry, sha256=sha256(text.encode()).hexdigest())
        _write_whole(path_of(self.folder, symbol), text)
        manifest = self.manifest()
        files = {**manifest.files, symbol: entry}
        _write_whole(
            self.folder / MANIFEST,
            json.dumps(encode(Manifest(files={name: files[name] for name in sorted(files)})), indent=1) + "\n",
        )
        return entry


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """The rows of one file as columns, and the manifest's entry but for its digest."""

    days: list[int]
    values: Mapping[str, Floats]
    entry: Kept

    @classmethod
    def of(cls, frame: Any, symbol: str, window: Window, now: datetime, calendar: Calendar) -> "_Table":
        rows = rows_of(frame, symbol, DAILY_COLUMNS, now)
        if not rows.keys:
            raise NoRows(f"yahoo gave no complete row for {symbol}")
        every = np.array(rows.keys, dtype=np.int64)
        values = as_traded({name: np.array(column) for name, column in rows.values.items()})
        sessions = np.array([day_number(s.date) for s in calendar.sessions(window.first, window.last)], dtype=np.int64)
        inside = (every >= sessions[0]) & (every <= sessions[-1])
        good = inside & np.isin(every, sessions) & ~np.isin(np.arange(len(every)), _doubled(every))
        if not good.any():
            raise InputError(
                f"yahoo has {symbol} from {day_of(int(every[0]))} to {day_of(int(every[-1]))}, none from "
                f"{window.first} to {window.last}; choose a window inside"
            )
        _move_actions(values, inside & ~good, good)
        days, kept = every[good], {name: np.round(values[name][good], PRICE_DECIMALS) for name in COLUMNS}
        widened = _widen(kept)
        entry = Kept(
            symbol=symbol, source=SOURCE, asked=window, first=day_of(int(days[0])), last=day_of(int(days[-1])),
            rows=len(days), sha256="", downloaded_at=now, widened=widened, left_out=int((inside & ~good).sum()),
            holes=_holes(symbol, days, sessions),
        )  # fmt: skip
        return cls(days=days.tolist(), values=kept, entry=entry)

    def text(self) -> str:
        columns = [self.values[name].tolist() for name in COLUMNS]
        lines = [",".join(("date", *COLUMNS))]
        for day, *cells in zip(self.days, *columns):
            lines.append(",".join((day_of(day).isoformat(), *(plain(from_float(cell)) for cell in cells))))
        return "\n".join(lines) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder, empty where there is none.

    Raises:
        StoreError: it cannot be read.
    """
    path = folder / MANIFEST
    if not path.exists():
        return Manifest()
    try:
        return decode(Manifest, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} must be a manifest that a download wrote, but: {error}; delete it") from error


def path_of(folder: Path, symbol: str) -> Path:
    """The file of one symbol."""
    return folder / f"{symbol}.csv"


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    return sha256(path.read_bytes()).hexdigest()


def _so_far(written: Sequence[Kept]) -> str:
    names = ", ".join(each.symbol for each in written)
    return f"; written before that: {names}" if names else ""


def _doubled(days: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.intp]]:
    # Of two rows of one day the later counts.
    return np.flatnonzero(np.diff(days, append=days[-1] + 1) == 0)


def _move_actions(values: Mapping[str, Floats], left_out: Any, good: Any) -> None:
    # What is paid on a row that is left out counts on the next row that stays.
    places = np.flatnonzero(good)
    for row in np.flatnonzero(left_out):
        later = places[places > row]
        if len(later):
            values["dividend"][later[0]] += values["dividend"][row]
            values["split"][later[0]] *= values["split"][row]


def _widen(values: Mapping[str, Floats]) -> int:
    # Rounding and faulty feeds put an open or close just outside the range of its own day.
    stacked = np.stack([values[name] for name in PRICES])
    top, bottom = stacked.max(axis=0), stacked.min(axis=0)
    widened = int(((values["high"] < top) | (values["low"] > bottom)).sum())
    values["high"][:], values["low"][:] = top, bottom
    return widened


def _holes(symbol: str, days: Any, sessions: Any) -> tuple[str, ...]:
    return tuple(str(gap) for gap in gaps_of(symbol, days, sessions, least=HOLE_SESSIONS + 1))


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreError(f"{path} must be writable, but: {error}; free space or correct the permissions") from error

"""What is wrong with a folder of price files: against its manifest, the calendar, and plain sense."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from prudent.domain.errors import InputError
from prudent.domain.instruments import normalise_symbol
from prudent.marketdata.calendars import day_number, day_of
from prudent.marketdata.downloads import Kept, digest_of, path_of, read_manifest
from prudent.marketdata.files import parsed
from prudent.marketdata.rows import SUFFIXES, Line, lines_of
from prudent.marketdata.tape import HOLE_SESSIONS, gaps_of
from prudent.ports import Calendar

# Of one kind of fault in one file this many are named.
NAMED_MAX = 3
# A split shows where the overnight change is nearer to its ratio than to none; below this size it cannot be told.
SPLIT_LOG_MIN = math.log(1.2)
Row = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One file: how many rows it has, and every fault in words; none where it is sound."""

    file: str
    rows: int
    faults: tuple[str, ...]


def check_folder(folder: Path, calendar: Calendar) -> tuple[Checked, ...]:
    """Every price file of `folder`, and every file that its manifest names, in the order of their names.

    Raises:
        StoreError: the manifest cannot be read.
        InputError: there is no price file and no manifest.
    """
    entries = read_manifest(folder).files
    named = {path_of(folder, symbol): kept for symbol, kept in entries.items()}
    there = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not there and not named:
        raise InputError(f"{folder} must hold price files, holds none; run `invest data download` or correct data.path")
    checked = [_check(path, named.get(path), calendar, listed=bool(entries)) for path in there]
    checked += [
        Checked(file=path.name, rows=0, faults=(f"the manifest names it with {kept.rows} rows, but it is not there",))
        for path, kept in named.items()
        if path not in there
    ]
    return tuple(sorted(checked, key=lambda each: each.file))


def _check(path: Path, kept: Kept | None, calendar: Calendar, *, listed: bool) -> Checked:
    faults = list(_against(path, kept)) if kept is not None else ["the manifest does not name it"] if listed else []
    rows: dict[str, list[tuple[Line, Row]]] = {}
    unread: list[str] = []
    count = 0
    try:
        for line in lines_of(path):
            count += 1
            try:
                symbol, row = normalise_symbol(line.cells.get("symbol", path.stem)), parsed(line)
            except (InputError, KeyError) as error:
                unread.append(_why(error))
                continue
            rows.setdefault(symbol, []).append((line, row))
    except InputError as error:
        unread.append(str(error))
    faults += _some(unread)
    if kept is not None and count != kept.rows:
        faults.append(f"it has {count} rows, the manifest says {kept.rows}")
    for symbol, own in rows.items():
        faults += _guarded(_faults_of(symbol, own, calendar))
    return Checked(file=path.name, rows=count, faults=tuple(faults))


def _guarded(faults: Iterator[str]) -> list[str]:
    try:
        return list(faults)
    except InputError as error:
        # Days that the calendar does not know.
        return [str(error)]


def _why(error: Exception) -> str:
    return f"column {error} is missing" if isinstance(error, KeyError) else str(error)


def _against(path: Path, kept: Kept) -> Iterator[str]:
    found = digest_of(path)
    if found != kept.sha256:
        yield f"its SHA-256 is {found[:12]}…, the manifest says {kept.sha256[:12]}…: it was changed since"


def _faults_of(symbol: str, own: Sequence[tuple[Line, Row]], calendar: Calendar) -> Iterator[str]:
    days = np.array([int(row["day"]) for _, row in own], dtype=np.int64)
    steps = np.diff(days)
    doubled = np.flatnonzero(steps == 0).tolist()
    yield from _some([f"{own[n + 1][0].where}: two rows of {day_of(int(days[n]))}" for n in doubled])
    if (steps < 0).any():
        yield f"rows of {symbol} must stand in the order of their dates"
    sessions = np.array(
        [day_number(s.date) for s in calendar.sessions(day_of(int(days.min())), day_of(int(days.max())))], np.int64
    )
    yield from _some([
        f"{own[n][0].where}: {day_of(int(days[n]))} is no session"
        for n in np.flatnonzero(~np.isin(days, sessions)).tolist()
    ])  # fmt: skip
    holes = gaps_of(symbol, np.unique(days), sessions, least=HOLE_SESSIONS + 1)
    yield from _some([f"hole: {gap}" for gap in holes])
    yield from _some(list(_hidden_splits([pair for _, pair in sorted(zip(days.tolist(), own), key=_first)])))


def _first(pair: tuple[int, object]) -> int:
    return pair[0]


def _hidden_splits(own: Sequence[tuple[Line, Row]]) -> Iterator[str]:
    """Splits of ratio r after which the open is nearer to the last close than to the last close / r."""
    for (_, before), (line, row) in pairwise(own):
        size = math.log(row["split"])
        if abs(size) < SPLIT_LOG_MIN:
            continue
        fall = math.log(before["close"] / row["open"])
        if abs(fall - size) > abs(fall):
            yield (
                f"{line.where}: a split of {row['split']:g} does not show, the price went from {before['close']:g} to "
                f"{row['open']:g}: are prices adjusted already?"
            )


def _some(faults: Sequence[str]) -> list[str]:
    rest = len(faults) - NAMED_MAX
    return [*faults[:NAMED_MAX], *([f"and {rest} more of that kind"] if rest > 0 else [])]

"""Chooses the moments at which a proof changes the future: where a run decided, where it traded, and others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from prudent.backtest.perturbed import Cut, Known
from prudent.domain.cycles import CycleRecord
from prudent.ports import Session

# Sessions that a run goes on after its cut, so that what waits at the cut comes to its end.
BEYOND = 2
# The first part of a window has little before it to compare.
SKIPPED_PART = 0.15
BEFORE_CLOSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Spot:
    """A moment to cut at, and the row of its session in the window."""

    moment: datetime
    row: int
    known: Known


def choose(
    sessions: Sequence[Session], decided: Iterable[datetime], records: Iterable[CycleRecord], *, count: int, seed: int,
    by_bars: bool,
) -> tuple[Cut, ...]:  # fmt: skip
    """At most `count` cuts, ascending and spread over the window; in each part of it where most can go wrong.

    In turn: where orders traded at an open or within a bar, where something was decided, any close. `by_bars`: the run
    lives by bars within the session, so that of the running day only the open is known.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    last = len(sessions) - 1 - BEYOND
    first = min(int(len(sessions) * SKIPPED_PART), max(last, 0))
    fills = _unique(_at(fill.time, sessions, by_bars=by_bars) for record in records for fill in record.fills)
    decisions = _unique(_at(moment, sessions, by_bars=by_bars) for moment in decided)
    closes = [Spot(session.close, row, Known.ALL) for row, session in enumerate(sessions)]
    ranges, opens = ([spot for spot in fills if spot.known is known] for known in (Known.RANGE, Known.OPEN))
    turns = (
        (ranges, opens, fills, decisions, closes), (decisions, closes), (opens, fills, closes), (closes,),
    )  # fmt: skip
    edges = np.linspace(first, last + 1, count + 1)
    found: dict[datetime, Spot] = {}
    for i in range(count):
        low, high = int(edges[i]), max(int(edges[i + 1]), int(edges[i]) + 1)
        for spots in turns[i % len(turns)]:
            inside = [each for each in spots if low <= each.row < high and each.row <= last]
            if inside:
                spot = inside[int(rng.integers(len(inside)))]
                found[spot.moment] = spot
                break
    return tuple(
        Cut(
            moment=spot.moment, day=sessions[spot.row].date, known=spot.known,
            until=sessions[spot.row + BEYOND].date, seed=int(rng.integers(2**31)),
        )
        for spot in sorted(found.values(), key=lambda spot: spot.moment)
    )  # fmt: skip


def _at(moment: datetime, sessions: Sequence[Session], *, by_bars: bool) -> Spot | None:
    row = next((i for i, session in enumerate(sessions) if session.open <= moment <= session.close), None)
    if row is None:
        return None
    session = sessions[row]
    if moment >= session.close - BEFORE_CLOSE:
        # What trades at the close trades at its price, a moment before it.
        return Spot(session.close, row, Known.ALL)
    if moment == session.open or by_bars:
        return Spot(moment, row, Known.OPEN)
    # A stop inside the bar fires because the bar's range reached it; its close is still to come.
    return Spot(moment, row, Known.RANGE)


def _unique(spots: Iterable[Spot | None]) -> list[Spot]:
    return list({spot.moment: spot for spot in spots if spot is not None}.values())

"""Shows that no decision of an account hangs on what came after it: the future is changed, and nothing before differs.

A window is run once. Then, for several moments in it, everything that was not known at the moment is changed and the
window is run again under another wall clock, to a little beyond: every stage of every cycle up to the moment must give
the same canonical bytes. What never hangs on data is checked on the records: which prices orders traded at, and when.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np

from prudent.backtest.book import records_of
from prudent.backtest.clock_reads import watching
from prudent.backtest.cuts import BEYOND, choose
from prudent.backtest.perturbed import Changes, Cut, perturbing
from prudent.backtest.remembered import Remembered, Remembering
from prudent.backtest.run import Playing, Prepared, staged
from prudent.backtest.stage import Wrap, unwrapped
from prudent.backtest.traced import DECIDED, Difference, Diverged, Event, Follower, Trail, tracing
from prudent.backtest.walk import Progress, Told, Walk
from prudent.bootstrap import Desk
from prudent.clock import wall_time_moved
from prudent.domain.cycles import CycleRecord, Observation
from prudent.domain.errors import DeskError, InputError
from prudent.ports import Clock, LanguageModel, MarketData
from prudent.registry import strategy

TRADING_MIN = 10
SESSIONS_MIN = 10
# What only writes briefs is proved by as many of those.
WRITES_ONLY = ("research",)
# Another year, month, weekday and hour; in the past, for nothing that is written bears this time.
WALL_TIME_OFF = timedelta(days=-1234, hours=-7, minutes=-13)


class Verdict(StrEnum):
    """`too_few`: nothing was found, but too little was tried to call that a proof."""

    PROVED = "proved"
    LEAK = "leak"
    TOO_FEW = "too_few"


class LeakKind(StrEnum):
    """What a decision hangs on, or how it traded, that it must not."""

    FUTURE = "future"
    WALL_CLOCK = "wall_clock"
    NOT_REPEATABLE = "not_repeatable"
    SAME_PRICE = "same_price"
    NEWER_INPUT = "newer_input"
    ASKED_AHEAD = "asked_ahead"


MEANS: Mapping[LeakKind, str] = {
    LeakKind.FUTURE: "what was decided or filled by then changed when only later data were changed",
    LeakKind.WALL_CLOCK: "what was decided hangs on the time of this machine",
    LeakKind.NOT_REPEATABLE: "the same data gave another decision when run again: something is kept between runs, "
    "such as a cache without the time in its key, or drawn without a seed",
    LeakKind.SAME_PRICE: "an order traded no later than the price it was decided on",
    LeakKind.NEWER_INPUT: "an observation held a price newer than itself",
    LeakKind.ASKED_AHEAD: "a market that is bound to the clock was asked for a later time, and refused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    kind: LeakKind
    detail: str
    cut: datetime | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {MEANS[self.kind]}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CutRow:
    """One cut as it ended: how much was compared before it and changed after it.

    `noticed`: the run differed after the cut, as it should where it reads what was changed.
    """

    moment: datetime
    known: str
    stages: int
    decisions: int
    trading: int
    changed: int
    noticed: bool
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """`decisions` and `trading` count each cycle before any cut once; `changed` is by kind of input, over all cuts."""

    account: str
    first: date
    last: date
    source: str
    seed: int
    verdict: Verdict
    why: str
    cuts: tuple[CutRow, ...]
    decisions: int
    trading: int
    changed: Mapping[str, int]
    leaks: tuple[Leak, ...]

    @property
    def inputs_changed(self) -> int:
        return sum(self.changed.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a proof is made; `wrap` stands outside of what changes the future, and `model` answers the first run."""

    cuts: int = 8
    seed: int = 0
    progress: Progress | None = None
    wrap: Wrap = unwrapped
    model: LanguageModel | None = None


def prove(desk: Desk, prepared: Prepared, asked: Asked = Asked()) -> Proof:
    """Run the window, and again for each cut; ends at the first leak.

    Raises:
        InputError: the window is too short to cut.
        DeskError: the window cannot be run at all.
    """
    if len(prepared.sessions) < SESSIONS_MIN:
        raise InputError(
            f"the window must hold at least {SESSIONS_MIN} sessions for a proof, has {len(prepared.sessions)}; widen it"
        )
    with tempfile.TemporaryDirectory(prefix="prudent-lookahead-") as folder:
        return _Proving(desk, prepared, asked, Path(folder)).run()


@dataclass(slots=True)
class _First:
    """The run that all others are compared with."""

    told: Told
    trail: Trail
    records: list[CycleRecord]
    model: Remembering
    refused: int
    reads: list[str]


class _Proving:
    def __init__(self, desk: Desk, prepared: Prepared, asked: Asked, folder: Path) -> None:
        self._desk = desk
        self._prepared = prepared
        self._asked = asked
        self._folder = folder
        self._account = prepared.request.account
        self._done, self._all = 0, len(prepared.sessions) * (1 + asked.cuts)
        self._changed: dict[str, int] = {}

    def run(self) -> Proof:
        first = self._first()
        leaks = [*_leaks_of_records(first.records), *_asked_ahead(first.refused), *_read_past(first.reads)]
        decided = _decided(first.trail)
        cuts = choose(
            self._prepared.sessions, decided.values(), first.records, count=self._asked.cuts, seed=self._asked.seed,
            by_bars=self._prepared.within is not None,
        )  # fmt: skip
        self._all = self._done + sum(self._reach(cut) for cut in cuts)
        rows: list[CutRow] = []
        for cut in cuts:
            if leaks:
                break
            row, leak = self._cut(first, cut, decided)
            rows.append(row)
            leaks += [leak] if leak is not None else []
        return self._proof(first, rows, leaks, decided)

    # Runs

    def _first(self) -> _First:
        trail, changes, reads = Trail(), Changes(), list[str]()
        model = Remembering(self._desk.language if self._asked.model is None else self._asked.model)
        playing = Playing(model=model, wrap=self._wrapped(None, changes))
        with staged(self._desk, self._prepared, self._folder / "first", playing) as stage:
            own = type(strategy(self._prepared.request.mandate.strategy)).__module__
            packages = frozenset({__name__.partition(".")[0], own.partition(".")[0]})
            steps = watching(tracing(trail.events.append, stage.clock), packages, reads)
            told = Walk(
                stage, self._prepared.due, within=self._prepared.within, progress=self._progress, steps=steps
            ).run()  # fmt: skip
            records = records_of(stage.desk.ledger, self._account)
        self._done += len(self._prepared.sessions)
        return _First(told, trail, records, model, changes.refused, reads)

    def _cut(self, first: _First, cut: Cut, decided: Mapping[str, datetime]) -> tuple[CutRow, Leak | None]:
        changes = Changes()
        follower = Follower(first.trail, cut.moment)
        difference = self._again(first, cut, follower, self._wrapped(cut, changes), wall_off=WALL_TIME_OFF)
        self._done += self._reach(cut)
        leak = None if difference is None else self._named(first, cut, difference)
        before = {cycle for cycle, at in decided.items() if at <= cut.moment}
        row = CutRow(
            moment=cut.moment, known=str(cut.known), stages=first.trail.upto(cut.moment), decisions=len(before),
            trading=len(before & _traded(first.records)), changed=changes.count, noticed=follower.later_differ,
            same=leak is None,
        )  # fmt: skip
        for name, count in changes.by_kind().items():
            self._changed[name] = self._changed.get(name, 0) + count
        return row, leak

    def _named(self, first: _First, cut: Cut, difference: Difference) -> Leak:
        """Which of the things that were changed it was: run again with the same data, then under another wall clock."""
        for kind, wall_off in ((LeakKind.NOT_REPEATABLE, timedelta(0)), (LeakKind.WALL_CLOCK, WALL_TIME_OFF)):
            found = self._again(
                first, cut, Follower(first.trail, cut.moment), self._wrapped(None, Changes()), wall_off=wall_off
            )  # fmt: skip
            if found is not None:
                return Leak(kind=kind, detail=str(found), cut=cut.moment)
        return Leak(kind=LeakKind.FUTURE, detail=str(difference), cut=cut.moment)

    def _again(
        self, first: _First, cut: Cut, follower: Follower, wrap: Wrap, *, wall_off: timedelta
    ) -> Difference | None:  # fmt: skip
        """Run to a little beyond the cut; the first difference up to it."""
        prepared = replace(self._prepared, sessions=self._prepared.sessions[: self._reach(cut)])
        model = Remembered(first.model, cut.moment)
        with wall_time_moved(wall_off):
            try:
                with staged(self._desk, prepared, self._folder / "again", Playing(model=model, wrap=wrap)) as stage:
                    model.clock = stage.clock
                    walk = Walk(
                        stage, prepared.due, within=prepared.within, progress=self._progress,
                        steps=tracing(follower.take, stage.clock),
                    )  # fmt: skip
                    _walked(walk, stage.clock, cut)
                    follower.end(stage.clock.now())
                    _same_values(first.told, walk.told, prepared, cut)
            except Diverged as found:
                return found.difference
        return None

    def _wrapped(self, cut: Cut | None, changes: Changes) -> Wrap:
        inside = perturbing(cut, changes)

        def wrap(market: MarketData, clock: Clock) -> MarketData:
            return self._asked.wrap(inside(market, clock), clock)

        return wrap

    def _reach(self, cut: Cut) -> int:
        """How many sessions a run with this cut lives through."""
        row = next(i for i, session in enumerate(self._prepared.sessions) if session.date == cut.day)
        return min(row + 1 + BEYOND, len(self._prepared.sessions))

    def _progress(self, done: int, total: int, day: date) -> None:
        del total
        if self._asked.progress is not None:
            self._asked.progress(min(self._done + done, self._all), self._all, day)

    # Result

    def _proof(
        self, first: _First, rows: Sequence[CutRow], leaks: Sequence[Leak], decided: Mapping[str, datetime]
    ) -> Proof:  # fmt: skip
        request = self._prepared.request
        until = max((row.moment for row in rows), default=None)
        before = {cycle for cycle, at in decided.items() if until is not None and at <= until}
        trading = len(before & _traded(first.records))
        counts = len(before) if request.mandate.strategy in WRITES_ONLY else trading
        verdict, why = _verdict(rows, leaks, counts, sum(self._changed.values()))
        return Proof(
            account=self._account, first=request.first, last=request.last, source=self._prepared.source,
            seed=self._asked.seed, verdict=verdict, why=why, cuts=tuple(rows), decisions=len(before), trading=trading,
            changed=dict(sorted(self._changed.items())), leaks=tuple(leaks),
        )  # fmt: skip


def _verdict(rows: Sequence[CutRow], leaks: Sequence[Leak], counts: int, changed: int) -> tuple[Verdict, str]:
    if leaks:
        return Verdict.LEAK, str(leaks[0])
    if not rows or not changed or not any(row.noticed for row in rows):
        return Verdict.TOO_FEW, "void: nothing that was changed after a cut was ever read; choose another window"
    if counts < TRADING_MIN:
        return Verdict.TOO_FEW, (
            f"too few to prove: {counts} decisions before the last cut trade or brief, must be {TRADING_MIN} or more; "
            "widen the window, or let it decide more often with --cadence daily"
        )
    return Verdict.PROVED, "no decision, plan, verdict or fill hangs on what came after it"


def _walked(walk: Walk, clock: Clock, cut: Cut) -> None:
    """A changed future may break a run after the cut, which proves nothing; before it that is a difference."""
    try:
        walk.run()
    except DeskError as error:
        now = clock.now()
        if now <= cut.moment:
            raise Diverged(
                Difference(at=now, cycle="", stage="run", path="", was="no failure", now=str(error))
            ) from error


def _same_values(before: Told, again: Told, prepared: Prepared, cut: Cut) -> None:
    """The account's values at the closes up to the cut, compared to the bit."""
    closed = sum(session.close <= cut.moment for session in prepared.sessions)
    one, other = (told.values.series(prepared.request.cash) for told in (before, again))
    for name in ("nav", "cash", "gross", "net", "low"):
        was, now = getattr(one, name)[:closed], getattr(other, name)[:closed]
        rows = min(len(was), len(now))
        different = np.flatnonzero(was[:rows] != now[:rows])
        if len(different) or len(was) != len(now):
            row = int(different[0]) if len(different) else rows
            session = prepared.sessions[row]
            raise Diverged(Difference(
                at=session.close, cycle="", stage="valuation", path=name,
                was=_nth(was, row), now=_nth(now, row),
            ))  # fmt: skip


def _nth(values: Sequence[float], row: int) -> str:
    return f"{values[row]:.2f}" if row < len(values) else "not there"


# What is read off the trail and the records of the first run


def _decided(trail: Trail) -> dict[str, datetime]:
    """When each cycle first decided."""
    found: dict[str, datetime] = {}
    for event in trail.events:
        if _is_decision(event):
            found.setdefault(event.cycle, event.at)
    return found


def _is_decision(event: Event) -> bool:
    return event.stage.partition("@")[0] == DECIDED


def _traded(records: Sequence[CycleRecord]) -> frozenset[str]:
    return frozenset(record.id for record in records if record.fills)


def _leaks_of_records(records: Sequence[CycleRecord]) -> list[Leak]:
    """What a change of the future cannot show: a trade at the very price of its decision, and a price from later."""
    found: list[Leak] = []
    for record in records:
        forced = {order.order_ref for order in record.plan.orders if order.forced}
        decided = record.observation.as_of
        for fill in record.fills:
            if fill.order_ref not in forced and fill.time <= decided:
                found.append(Leak(
                    kind=LeakKind.SAME_PRICE,
                    detail=f"{record.id} decided at {decided:%Y-%m-%d %H:%M}, {fill.symbol} traded then",
                ))  # fmt: skip
        for seen in (record.observation, record.guarded, *(phase.observation for phase in record.phases)):
            found += _newer(record, seen)
    return found


def _newer(record: CycleRecord, seen: Observation | None) -> list[Leak]:
    if seen is None:
        return []
    return [
        Leak(
            kind=LeakKind.NEWER_INPUT,
            detail=f"{record.id} saw at {seen.as_of:%Y-%m-%d %H:%M:%S} a price of {quote.symbol} of {quote.as_of}",
        )
        for quote in seen.quotes
        if quote.as_of is not None and quote.as_of > seen.as_of
    ]


def _read_past(reads: Sequence[str]) -> list[Leak]:
    where = ", ".join(dict.fromkeys(reads))
    return [Leak(kind=LeakKind.WALL_CLOCK, detail=f"read past the clock at {where}")] if reads else []


def _asked_ahead(count: int) -> list[Leak]:
    return [Leak(kind=LeakKind.ASKED_AHEAD, detail=f"{count} times")] if count else []

"""Thought experiments: a finished run once more, its decisions as recorded, under another rule or without a guard."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np

from prudent.analytics.comparison import Arm, Comparison, compare
from prudent.analytics.metrics import measure
from prudent.analytics.returns import daily_returns
from prudent.backtest.book import fills_of, late_fills, records_of
from prudent.backtest.places import folder_of
from prudent.backtest.recorded import (
    WHATIF,
    NobodyAsked,
    RecordedDecisions,
    Recording,
    prepared_of,
    recording_of,
    tape_of,
)
from prudent.backtest.run import Playing, Prepared, backtest, staged
from prudent.backtest.shadow import Followed, HeldBack, follow, held_back
from prudent.backtest.stage import LEDGER_FILE, Thought
from prudent.backtest.walk import Progress, Walk
from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord, Observation
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.mandate import Mandate
from prudent.domain.performance import Evidence, EvidenceLevel, FillTable, Metrics, NavSeries, Panel, RunBook
from prudent.domain.plans import PlannedOrder
from prudent.domain.records import digest, encode
from prudent.domain.rules import UserRule
from prudent.domain.verdicts import GuardReport
from prudent.guards.catalogue import BUILT_IN, guard_rows
from prudent.guards.from_rows import columns_of
from prudent.guards.report import ALL_FEEDS, report_of
from prudent.guards.user_rules import validate_rule
from prudent.ledger import open_ledger
from prudent.pipeline.world import Judge

CENT = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is otherwise: rules that come on top, and guards or rules, by id or name, that are left out."""

    rules: tuple[UserRule, ...] = ()
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.rules and not self.without:
            raise InputError("a what-if must change something, had neither --rule nor --without; give one")
        for rule in self.rules:
            validate_rule(rule)

    def in_words(self) -> str:
        ruled = [f"{key} {value}" for rule in self.rules for key, value in rule.enforcement_params.items()]
        parts = [f"with {', '.join(ruled)}"] if ruled else []
        return " and ".join([*parts, *([f"without {', '.join(self.without)}"] if self.without else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The ids of guards that keep silent, and of rules that are not there."""

    guards: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The unchanged run played again against what it is known to have been worth.

    `exact`: every session's value is the same to the cent. `worst` is the largest difference, at the close of `day`.
    """

    exact: bool
    sessions: int
    worst: float
    day: date | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeChange:
    """What one symbol traded in one session, signed, in the unchanged run and in the changed one."""

    day: date
    symbol: str
    was: float
    now: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Played:
    """One path of a run."""

    id: str
    nav: NavSeries
    records: tuple[CycleRecord, ...]
    fills: FillTable
    figures: Metrics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhatIf:
    """A run and its thought experiment.

    `held` are orders that only one of both held back: for a rule those that it blocked or shrank, for a guard left out
    those that it had held back in the run. Each is followed as if filled.
    """

    run: str
    change: Change
    check: Check
    base: Played
    changed: Played
    comparison: Comparison
    held: tuple[Followed, ...]
    trades: tuple[TradeChange, ...]
    trials: int
    warnings: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[Followed, ...]:
        """Held-back orders that gained, the largest gain first."""
        gained = [each for each in self.held if each.shown is not None and each.shown > 0.0]
        return tuple(sorted(gained, key=lambda each: -(each.shown or 0.0)))

    @property
    def difference(self) -> float:
        """What the change made of the final value, flows aside."""
        return _last(self.changed.nav) - _last(self.base.nav)


def whatif(
    desk: Desk, name: str, change: Change, *, progress: Progress | None = None, open_seal: bool = False
) -> WhatIf:  # fmt: skip
    """Play a run twice from its recorded decisions, as it was and changed, and compare; the second counts as a look.

    Raises:
        InputError: the run cannot be played again, or nothing that is in force is changed.
        BlockedError: its window reaches into the sealed one.
    """
    recording = recording_of(desk, name)
    out = left_out(recording, change)
    prepared = prepared_of(desk, recording)
    base = _unchanged(desk, recording, prepared, progress)
    check = checked(recording, base.nav, prepared, desk.code_version)
    changed = _changed(
        desk, recording, _otherwise(prepared, recording, change, out), change,
        Playing(
            progress=progress, model=NobodyAsked(), sweep=WHATIF, open_seal=open_seal,
            thought=_thought(recording, out), note=f"what if of {name}: {change.in_words()}",
        ),
    )  # fmt: skip
    panel = _panel(desk, prepared, base, changed)
    how = _only(change, out, base, changed)
    return WhatIf(
        run=name, change=change, check=check, base=base, changed=changed,
        comparison=compare(_arm(name, base.nav), _arm(changed.id, changed.nav)),
        held=tuple(follow(how, prepared.request.mandate, panel)), trades=trade_changes(base.fills, changed.fills),
        trials=desk.ledger.backtests.trials(prepared.source, prepared.request.first, prepared.request.last),
        warnings=_warnings(check, recording),
    )  # fmt: skip


def left_out(recording: Recording, change: Change) -> LeftOut:
    """Which guards and rules of the run the change names.

    Raises:
        InputError: one of them is not in force in the run, or a new rule has the id of one that is.
    """
    in_force = {label.id: label.name for label in recording.scheduled[0].report.guards}
    ruled = {rule.rule_id for rule in recording.book.rules}
    taken = [rule.rule_id for rule in change.rules if rule.rule_id in ruled]
    if taken:
        raise InputError(f"rule {taken[0]} is in force in {recording.book.id} already; name the new one otherwise")
    guards: set[str] = set()
    rules: set[str] = set()
    for named in change.without:
        found = {each for each, label in in_force.items() if named.upper() == each.upper() or named == label}
        if named in ruled:
            rules.add(named)
        elif found:
            guards |= found
        else:
            known = ", ".join(sorted({*ruled, *(each for each in in_force if each in BUILT_IN)}))
            raise InputError(f"--without must be a guard or rule in force in {recording.book.id}, {known}; was {named}")
    return LeftOut(guards=frozenset(guards), rules=frozenset(rules))


def judge_without(silent: frozenset[str]) -> Judge:
    """Every guard but these. It speaks in backtests only: no account can be traded with it."""

    def judged(
        observation: Observation, orders: Sequence[PlannedOrder], mandate: Mandate, *,
        plan_as_of: datetime | None = None,
    ) -> GuardReport:  # fmt: skip
        if observation.mode is not Mode.BACKTEST:
            raise BlockedError(f"guards can be left out in a thought experiment only, the mode was {observation.mode}")
        every = guard_rows(
            mandate, observation.rules, mode=observation.mode, interlocks=observation.interlocks, at=observation.as_of
        )
        crossing = columns_of(observation, orders, mandate, feeds=ALL_FEEDS, plan_as_of=plan_as_of)
        return report_of(crossing, orders, tuple(row for row in every if row.label.id not in silent), ALL_FEEDS)

    return judged


# The two paths


def _thought(recording: Recording, out: LeftOut | None = None) -> Thought:
    plain = Thought(
        decider=lambda clock: RecordedDecisions(recording, clock),
        positions=() if recording.played else recording.positions,
    )
    return plain if out is None or not out.guards else replace(plain, judge=judge_without(out.guards))


def _unchanged(desk: Desk, recording: Recording, prepared: Prepared, progress: Progress | None) -> Played:
    playing = Playing(model=NobodyAsked(), thought=_thought(recording))
    account = prepared.request.account
    with (
        tempfile.TemporaryDirectory(prefix="prudent-whatif-") as folder,
        staged(desk, prepared, Path(folder) / "unchanged", playing) as stage,
    ):
        told = Walk(stage, prepared.due, within=prepared.within, progress=progress).run()
        records = tuple(records_of(stage.desk.ledger, account))
        fills = fills_of(records, late_fills(stage.desk.ledger, account, records))
    nav = _opened(told.values.series(prepared.request.cash), recording)
    return _played(recording.book.id, nav, records, fills, recording.book)


def _changed(
    desk: Desk, recording: Recording, prepared: Prepared, change: Change, playing: Playing
) -> Played:  # fmt: skip
    def amend(book: RunBook) -> RunBook:
        note = f"what if of {recording.book.id}: its recorded decisions {change.in_words()}"
        level = min(recording.book.evidence.level, EvidenceLevel.E1)
        return replace(
            book, nav=_opened(book.nav, recording),
            evidence=Evidence(level=level, why="the change was chosen after the run was seen, on the same window"),
            provenance=replace(book.provenance, notes=(note, *book.provenance.notes)),
        )

    book = backtest(desk, prepared, replace(playing, amend=amend))
    number = int(book.id.rpartition("/b")[2])
    ledger = open_ledger(folder_of(desk, book.account, number) / LEDGER_FILE, owner=desk.ledger.owner, durable=False)
    try:
        records = tuple(records_of(ledger, book.account))
    finally:
        ledger.close()
    return _played(book.id, book.nav, records, book.fills, recording.book)


def _otherwise(prepared: Prepared, recording: Recording, change: Change, out: LeftOut) -> Prepared:
    """The request of the changed run, with an identity that no backtest has."""
    kept = tuple(rule for rule in prepared.request.rules if rule.rule_id not in out.rules)
    request = replace(prepared.request, rules=(*kept, *change.rules))
    own = request.identity(source=prepared.source, data_hash=prepared.data_hash, code_version=prepared.identity)
    identity = digest([WHATIF, recording.book.id, own, encode(tuple(sorted(out.guards))), encode(recording.decided)])
    return replace(prepared, request=request, identity=identity)


def _opened(nav: NavSeries, recording: Recording) -> NavSeries:
    """A run that began with holdings was worth more than its cash."""
    return nav if recording.played else replace(nav, opening=recording.book.nav.opening)


def _played(
    name: str, nav: NavSeries, records: tuple[CycleRecord, ...], fills: FillTable, run: RunBook
) -> Played:  # fmt: skip
    figures = measure(nav, fills, benchmark=run.benchmark)
    return Played(id=name, nav=nav, records=records, fills=fills, figures=figures)


def _panel(desk: Desk, prepared: Prepared, base: Played, changed: Played) -> Panel:
    traded = {order.symbol for each in (base, changed) for record in each.records for order in record.plan.orders}
    tape = tape_of(desk, prepared.sessions[-1])
    return tape.panel(sorted(traded), np.array([each.date for each in prepared.sessions], dtype="datetime64[D]"))


# What came of it


def checked(recording: Recording, nav: NavSeries, prepared: Prepared, code_version: str) -> Check:
    """Compare the values of the unchanged run, played again, with those on record, session by session."""
    known = recording.book.nav
    days, ours, theirs = np.intersect1d(nav.days, known.days, return_indices=True)
    off = np.abs(nav.nav[ours] - known.nav[theirs])
    worst = int(np.argmax(off)) if len(off) else 0
    same = len(days) == len(known.days) == len(nav.days) and bool((off < CENT).all())
    return Check(
        exact=same, sessions=len(days), worst=float(off[worst]) if len(off) else 0.0,
        day=days[worst].item() if len(off) else None, why="" if same else _why_off(recording, prepared, code_version),
    )  # fmt: skip


def _why_off(recording: Recording, prepared: Prepared, code_version: str) -> str:
    made = recording.book.provenance
    if not recording.played:
        return "a run that was not a backtest traded at prices of its moments; here a decision trades a session later"
    if made.code_version != code_version:
        return f"the code is another one: {made.code_version} then, {code_version} now"
    if made.data_hash != prepared.data_hash:
        return "the history of its symbols has changed since"
    if any(record.rounds > 2 for record in recording.scheduled):
        return "a plan of it was made anew with another decision, and only the last decision is on record"
    return "something that is not on record decided it"


def _warnings(check: Check, recording: Recording) -> tuple[str, ...]:
    if check.exact:
        return ()
    told = f"played again unchanged, {recording.book.id} is worth up to {check.worst:,.2f} more or less ({check.day})"
    return (f"{told}: {check.why}; both paths are those played again",)


def _only(change: Change, out: LeftOut, base: Played, changed: Played) -> list[HeldBack]:
    """What a new rule held back in the changed run, and what the silent guards had held back in the unchanged one."""
    new = tuple(f"rule:{rule.rule_id}:" for rule in change.rules)
    gone = tuple(f"rule:{rule_id}:" for rule_id in out.rules)
    found = [each for record in changed.records for each in held_back(record) if each.guard.startswith(new)]
    silent = (each for record in base.records for each in held_back(record))
    return [*found, *(each for each in silent if each.guard in out.guards or each.guard.startswith(gone))]


def trade_changes(base: FillTable, changed: FillTable) -> tuple[TradeChange, ...]:
    """Sessions and symbols in which both paths traded differently, by day."""
    was, now = _traded(base), _traded(changed)
    return tuple(
        TradeChange(day=key[0], symbol=key[1], was=was.get(key, 0.0), now=now.get(key, 0.0))
        for key in sorted({*was, *now})
        if was.get(key, 0.0) != now.get(key, 0.0)
    )


def _traded(fills: FillTable) -> Mapping[tuple[date, str], float]:
    found: dict[tuple[date, str], float] = {}
    for day, symbol, quantity in zip(fills.day.tolist(), fills.symbol.tolist(), fills.quantity.tolist()):
        key = (day, fills.symbols[symbol])
        found[key] = found.get(key, 0.0) + quantity
    return found


def _arm(name: str, nav: NavSeries) -> Arm:
    returns = daily_returns(nav)
    return Arm(id=name, days=returns.days, returns=returns.value)


def _last(nav: NavSeries) -> float:
    return float(nav.nav[-1]) if len(nav.nav) else nav.opening

"""Sweeps: the backtests of a grid, in batches over a queue, on as many processes and machines as share the database.

A sweep is its combinations with the identities of their results, so the same command is the same sweep: what is done
is never done again, and what was killed or cancelled goes on.
"""

import base64
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import ceil
from typing import Any

import numpy as np

from prudent.analytics.comparison import Arm
from prudent.analytics.returns import daily_returns
from prudent.backtest.book import RESULT_FILE
from prudent.backtest.book import load as load_book
from prudent.backtest.grid import Axis, Combination, preparing
from prudent.backtest.kept import packed
from prudent.backtest.places import folder_of
from prudent.backtest.run import DONE, Prepared, named_symbols, sealed_from
from prudent.backtest.searched import COMPLETED, OPEN, Searched, Tried, searched
from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.performance import RunBook
from prudent.domain.records import Json, digest, utc_text
from prudent.ledger.backtests import BacktestRow, BacktestStatus
from prudent.workflows.sweep_journal import SweepJournal

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
# With this much work in a batch the journal stays below 2 % of it; docs/SWEEPS.md says how that was measured.
WORK_LEAST, WORK_MOST = 4.0, 30.0
# CPU seconds of a session and of a decision, at the least: a fast account must not make batches too small.
SESSION_SECONDS, DECISION_SECONDS = 0.0005, 0.015
BATCHES_EACH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One combination of a sweep: its values, the identity of its result, and its request as plain values."""

    values: tuple[str, ...]
    identity: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a sweep is. `guessed` is about the CPU seconds of one combination."""

    name: str
    account: str
    keys: tuple[str, ...]
    source: str
    first: date
    last: date
    code_version: str
    fingerprint: str
    begun: str
    guessed: float
    points: tuple[Point, ...]


def check_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise InputError(f"--name must be 1 to 64 letters, digits, '.', '_' or '-', was {name!r}; rename it")
    return name


def prepared_all(desk: Desk, found: Sequence[Combination]) -> list[Prepared]:
    """Every combination looked at before anything is begun.

    Raises:
        InputError: the data do not cover it.
        BlockedError: the window reaches into the sealed one, which is for one look and not for a search.
    """
    first = found[0].request
    sealed = sealed_from(desk, first.benchmark, *named_symbols(desk, first.mandate))
    if sealed is not None and found[0].request.last >= sealed:
        raise BlockedError(
            f"a sweep must end before {sealed}, ends {found[0].request.last}: {sealed} and later is sealed for one "
            "honest look at what was chosen, and a search may not choose by it; end the window earlier"
        )
    prepare = preparing(desk)
    return [prepare(each.request) for each in found]


def plan_of(
    desk: Desk, axes: Sequence[Axis], found: Sequence[Combination], prepared: Sequence[Prepared], name: str
) -> Plan:  # fmt: skip
    """The plan of a grid; without a name it is named by what it is, so that the same command finds it again."""
    points = tuple(
        Point(values=each.values, identity=ready.identity, request=packed(each.request))
        for each, ready in zip(found, prepared, strict=True)
    )
    base, first = found[0].request, prepared[0]
    fingerprint = digest([point.identity for point in points])
    return Plan(
        name=check_name(name or f"{base.account}-{fingerprint[:8]}"), account=base.account,
        keys=tuple(axis.key for axis in axes), source=first.source, first=base.first, last=base.last,
        code_version=desk.code_version, fingerprint=fingerprint, begun=utc_text(SystemClock().now()), points=points,
        guessed=max(SESSION_SECONDS * len(ready.sessions) + DECISION_SECONDS * len(ready.due) for ready in prepared),
    )  # fmt: skip


# In the journal


def keep(journal: SweepJournal, plan: Plan) -> Plan:
    """Keep the plan, or give the one that is known under its name.

    Raises:
        InputError: the name is another sweep's.
    """
    known = journal.heads().get(plan.name)
    if known is None:
        head: dict[str, Json] = {
            "account": plan.account, "keys": list(plan.keys), "source": plan.source, "first": plan.first.isoformat(),
            "last": plan.last.isoformat(), "code_version": plan.code_version, "fingerprint": plan.fingerprint,
            "begun": plan.begun, "guessed": str(plan.guessed), "count": len(plan.points),
        }  # fmt: skip
        body: list[Json] = [
            {"values": list(point.values), "identity": point.identity, "request": dict(point.request)}
            for point in plan.points
        ]
        journal.keep_plan(plan.name, head, body)
    elif known["fingerprint"] != plan.fingerprint:
        raise InputError(
            f"sweep {plan.name} must be the same grid on the same data with the same program, was begun "
            f"{known['begun']} with another; take another --name"
        )
    return load(journal, plan.name)


def load(journal: SweepJournal, name: str) -> Plan:
    """The plan of a sweep; an unknown one raises `InputError`."""
    head, body = journal.heads().get(name), journal.body(name)
    if head is None or body is None:
        raise InputError(f"a sweep must be one that was begun, was {name!r}; see `invest sweep list`")
    return Plan(
        name=name, account=head["account"], keys=tuple(head["keys"]), source=head["source"],
        first=date.fromisoformat(head["first"]), last=date.fromisoformat(head["last"]),
        code_version=head["code_version"], fingerprint=head["fingerprint"], begun=head["begun"],
        guessed=float(head["guessed"]),
        points=tuple(
            Point(values=tuple(each["values"]), identity=each["identity"], request=each["request"]) for each in body
        ),
    )  # fmt: skip


def enqueue_missing(journal: SweepJournal, plan: Plan, *, workers: int) -> int:
    """Put what has no result and is not under way into the queue, also what failed; gives how many combinations."""
    batches = journal.batches(plan.name)
    there = {place for batch in batches if batch.under_way for place in batch.places}
    there |= {tried.place for tried in tried_of(journal, plan) if tried.status not in (OPEN, "failed")}
    missing = [place for place in range(len(plan.points)) if place not in there]
    size = batch_size(len(missing), plan.guessed, workers=workers)
    cut = [missing[start : start + size] for start in range(0, len(missing), size)]
    if cut:
        last = max((int(batch.id.rpartition("/")[2]) for batch in batches), default=0)
        journal.enqueue(plan.name, cut, after=last)
    return len(missing)


def batch_size(count: int, seconds: float, *, workers: int) -> int:
    """Combinations of a batch: some batches for each worker, but never so small that the journal's share matters."""
    least, most = ceil(WORK_LEAST / seconds), max(1, int(WORK_MOST / seconds))
    return max(least, min(most, ceil(count / (BATCHES_EACH * max(workers, 1)))))


# Results


def found_of(place: int, book: RunBook, summary: Mapping[str, Json], *, status: str) -> dict[str, Json]:
    """What a batch says of a combination that has a result; its daily returns go along, for other machines to judge."""
    days = daily_returns(book.nav)
    return {
        "place": place, "id": book.id, "status": status, "note": book.partial, "summary": dict(summary),
        "days": _packed(days.days.astype("datetime64[D]").astype(np.int64)), "returns": _packed(days.value),
    }  # fmt: skip


def tried_of(journal: SweepJournal, plan: Plan) -> tuple[Tried, ...]:
    """Every combination of a sweep with what became of it; the latest batch has the last word, but for a result."""
    found: dict[int, Mapping[str, Any]] = {}
    for batch in journal.batches(plan.name):
        for each in batch.found or ():
            if found.get(each["place"], {}).get("status") != COMPLETED:
                found[each["place"]] = each
    return tuple(_tried(place, point, found.get(place)) for place, point in enumerate(plan.points))


def _tried(place: int, point: Point, found: Mapping[str, Any] | None) -> Tried:
    if found is None:
        return Tried(place=place, values=point.values, summary={})
    tried = Tried(
        place=place, values=point.values, id=found["id"], status=found["status"], note=found["note"],
        summary=found["summary"],
    )  # fmt: skip
    if not found.get("returns"):
        return tried
    days = _unpacked(found["days"], np.int64).astype("datetime64[D]")
    return replace(tried, arm=Arm(id=tried.id, days=days, returns=_unpacked(found["returns"], np.float64)))


def results_of(desk: Desk, journal: SweepJournal, plan: Plan) -> tuple[Tried, ...]:
    """As `tried_of`, with what ended in batches that did not: of a cancelled sweep, or of one that is under way."""
    known = {row.identity: row for row in reversed(desk.ledger.backtests.listed(plan.account)) if _counts(row, plan)}
    return tuple(
        _of_row(desk, each, known[point.identity]) if each.status == OPEN and point.identity in known else each
        for each, point in zip(tried_of(journal, plan), plan.points, strict=True)
    )


def _counts(row: BacktestRow, plan: Plan) -> bool:
    return row.status in DONE or (row.status is BacktestStatus.FAILED and row.sweep == plan.name)


def _of_row(desk: Desk, tried: Tried, row: BacktestRow) -> Tried:
    found = replace(tried, id=row.id, status=str(row.status), note=row.note, summary=row.summary)
    folder = folder_of(desk, row.account, row.number)
    if row.status not in DONE or not (folder / RESULT_FILE).is_file():
        return found
    days = daily_returns(load_book(folder).nav)
    return replace(found, arm=Arm(id=row.id, days=days.days, returns=days.value))


def judged(desk: Desk, plan: Plan, tried: Sequence[Tried]) -> Searched:
    return searched(tried, trials=desk.ledger.backtests.trials(plan.source, plan.first, plan.last))


def _packed(values: Any) -> str:
    plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(plain.tobytes())).decode()


def _unpacked(text: str, kind: Any) -> Any:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.dtype(kind).newbyteorder("<")).astype(kind)

"""The book of any run by its name: a backtest's from its files, a live or paper run's out of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from prudent.backtest.book import decision_row, fills_of, guard_counts, late_fills, load, prompts_of
from prudent.backtest.places import folder_of
from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import InputError
from prudent.domain.performance import Evidence, EvidenceLevel, NavSeries, Provenance, RunBook
from prudent.domain.reasoning import RULES_LABEL
from prudent.ledger.booking import CASH
from prudent.ledger.rows import ValuationRow
from prudent.ports import RunRef

EVERYTHING = 2**31
SPELLED = "a run is ACCOUNT/NUMBER, ACCOUNT/bNUMBER for a backtest, or ACCOUNT for its whole life"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunName:
    """A run as a person names it; `number` None is the account's whole life."""

    account: str
    number: int | None
    is_backtest: bool


def parse(name: str) -> RunName:
    """Read `account`, `account/3` or `account/b3`; anything else raises `InputError`."""
    account, _, number = name.partition("/")
    if not number and account and "/" not in name:
        return RunName(account=account, number=None, is_backtest=False)
    tested = number.startswith("b")
    digits = number[1:] if tested else number
    if not account or not digits.isdigit():
        raise InputError(f"{SPELLED}, was {name!r}; see `invest runs list` and `invest backtests`")
    return RunName(account=account, number=int(digits), is_backtest=tested)


def run_book(desk: Desk, name: str) -> RunBook:
    """The book of a run.

    Raises:
        InputError: there is no such run, or it has no value yet.
        StoreError: a backtest's files are gone or damaged.
    """
    wanted = parse(name)
    if wanted.is_backtest and wanted.number is not None:
        row = desk.ledger.backtests.find(wanted.account, wanted.number)
        if row.status in ("running", "failed", "cancelled"):
            raise InputError(f"backtest {row.id} must have a result, is {row.status}: {row.note or 'run it again'}")
        return load(folder_of(desk, wanted.account, wanted.number))
    return _live_book(desk, wanted)


def _live_book(desk: Desk, wanted: RunName) -> RunBook:
    account = wanted.account
    desk.ledger.account(account)
    run = None
    if wanted.number is not None:
        run = desk.ledger.views.run(RunRef(account=account, number=wanted.number))
    records = _records(desk, account, wanted.number)
    points = [
        each for each in desk.ledger.views.valuations(account)
        if run is None or (each.at >= run.started and (run.ended is None or each.at <= run.ended))
    ]  # fmt: skip
    if not points:
        raise InputError(f"{account} must have been valued to be reported on, was not yet; run it first")
    nav = _nav(points, _cash_by_day(desk, account))
    frozen = desk.ledger.frozen(RunRef(account=account, number=wanted.number)) if wanted.number is not None else None
    mode = Mode(run.mode) if run is not None else _mode(records)
    return RunBook(
        id=account if wanted.number is None else f"{account}/{wanted.number}", account=account, mode=mode,
        mandate=desk.mandate(account) if frozen is None else frozen.mandate,
        rules=desk.ledger.rules(account) if frozen is None else frozen.rules, nav=nav,
        fills=fills_of(records, late_fills(desk.ledger, account, records, run=wanted.number)),
        decisions=tuple(decision_row(each) for each in records),
        guards=guard_counts(desk.ledger, account, run=wanted.number), evidence=_evidence(records, mode),
        provenance=Provenance(
            code_version=records[-1].code_version if records else desk.code_version,
            data_source=records[-1].observation.data_source if records else desk.market.source, data_hash="",
            fill="venue", cadence="account", first=nav.days[0].item(), last=nav.days[-1].item(), trials=1,
            model=records[-1].mandate.model if records else "", prompts=prompts_of(records),
        ),
    )  # fmt: skip


def _records(desk: Desk, account: str, run: int | None) -> list[CycleRecord]:
    rows = desk.ledger.views.decisions(account, run=run, limit=EVERYTHING).rows
    kept = [row for row in reversed(rows) if row.record_digest and (run is not None or row.mode != Mode.DRY_RUN)]
    return [desk.ledger.load_record(row.id) for row in kept]


def _mode(records: Sequence[CycleRecord]) -> Mode:
    return records[-1].mode if records else Mode.PAPER


def _evidence(records: Sequence[CycleRecord], mode: Mode) -> Evidence:
    answered = {each.decision.reasoning.answered_by for each in records if each.decision.reasoning is not None}
    if answered == {RULES_LABEL}:
        return Evidence(level=EvidenceLevel.E0, why="answered by the built-in rules, no language model")
    return Evidence(level=EvidenceLevel.E4, why=f"forward: every decision was made before its outcome ({mode})")


def _cash_by_day(desk: Desk, account: str) -> dict[date, Decimal]:
    """Cash at the end of each day on which it moved."""
    total = Decimal(0)
    found: dict[date, Decimal] = {}
    for entry in reversed(desk.ledger.views.journal(account, limit=EVERYTHING).rows):
        if entry.ledger_account == CASH:
            total += entry.amount
            found[entry.at.date()] = total
    return found


def _nav(points: Sequence[ValuationRow], cash_of: dict[date, Decimal]) -> NavSeries:
    """One row a session, its last valuation; what the account was worth before the first is its first value."""
    last: dict[date, ValuationRow] = {each.session: each for each in points}
    rows = [last[day] for day in sorted(last)]
    days = sorted(cash_of)
    cash = np.array([float(_upto(cash_of, days, row.session)) for row in rows])
    nav = np.array([float(row.nlv) for row in rows])
    flows = np.diff([float(points[0].flows_total), *(float(row.flows_total) for row in rows)])
    # Without prices of each holding, what is invested is what is not cash.
    invested = nav - cash
    return NavSeries(
        opening=float(points[0].nlv), days=np.array([row.session for row in rows], dtype="datetime64[D]"), nav=nav,
        flow=flows, cash=cash, gross=np.abs(invested), net=invested, low=np.full(len(rows), np.nan),
        stale=np.zeros(len(rows), dtype=np.bool_),
    )  # fmt: skip


def _upto(cash_of: dict[date, Decimal], days: Sequence[date], day: date) -> Decimal:
    known = [each for each in days if each <= day]
    return cash_of[known[-1]] if known else Decimal(0)

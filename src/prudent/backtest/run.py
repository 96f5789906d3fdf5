"""Runs a backtest of a home's account: number it, look at its data, walk it, and keep its book."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from prudent.analytics.metrics import measure
from prudent.backtest.book import decision_row, fills_of, guard_counts, late_fills, load, prompts_of, records_of, save
from prudent.backtest.columnar import can_keep, is_columnar
from prudent.backtest.columnar_plan import column_plan
from prudent.backtest.columnar_run import run_columns
from prudent.backtest.columns import NeedsCycles
from prudent.backtest.covered import check_data
from prudent.backtest.evidence import evidence_of
from prudent.backtest.history import history_source
from prudent.backtest.kept import keep_request
from prudent.backtest.masked import counts_of
from prudent.backtest.outcome import Outcome
from prudent.backtest.outside import OUTSIDE
from prudent.backtest.places import folder_of
from prudent.backtest.probes import masking_of
from prudent.backtest.request import Request, RunPath, check_request, due_sessions
from prudent.backtest.running import under_way
from prudent.backtest.stage import PLAIN, Stage, Thought, Wrap, check_history, open_stage, unwrapped
from prudent.backtest.tape import Tape
from prudent.backtest.walk import Progress, Told, Walk
from prudent.backtest.within_day import WithinDay, check_bars, limited, within_day
from prudent.bootstrap import LOCAL, Desk
from prudent.clock import SystemClock
from prudent.domain.accounts import Mode
from prudent.domain.errors import BlockedError, DeskError, InputError
from prudent.domain.instruments import CASH
from prudent.domain.mandate import Mandate
from prudent.domain.performance import DecisionRow, Evidence, Metrics, Provenance, RunBook
from prudent.domain.records import Json, digest
from prudent.ledger.backtests import BacktestRow, BacktestStatus, NewBacktest
from prudent.marketdata.hours import Hours
from prudent.ports import LanguageModel, Session

DONE = (BacktestStatus.COMPLETED, BacktestStatus.PARTIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request that can be run: its sessions, when it decides, and what names its data and its result."""

    request: Request
    sessions: tuple[Session, ...]
    due: frozenset[date]
    within: WithinDay | None
    symbols: tuple[str, ...]
    source: str
    total_return: bool
    data_hash: str
    identity: str
    sealed_from: date | None
    warnings: tuple[str, ...]

    @property
    def touches_seal(self) -> bool:
        return self.sealed_from is not None and self.request.last >= self.sealed_from


def _texts(desk: Desk, mandate: Mandate) -> str:
    """Names the file of targets that the strategy reads; empty where it reads none."""
    targets = mandate.parameters.get("targets")
    if not isinstance(targets, str) or targets.startswith("account:"):
        return ""
    return digest(desk.read_file(targets.removeprefix("signals:")))


def _check_owner(desk: Desk, account: str) -> None:
    """Refuse an account that the configuration describes and that is somebody else's; it looks like one not there."""
    if desk.ledger.owner != LOCAL and not desk.is_open_account(account):
        known = ", ".join(each.id for each in desk.ledger.accounts()) or "none yet"
        raise InputError(f"account must be one of yours ({known}), was {account!r}; correct the name")


def prepare(desk: Desk, request: Request) -> Prepared:
    """Check a request against the home's data before anything is begun.

    Raises:
        InputError: the window is empty, inverted or before the data; a symbol has a hole or no history at all.
    """
    _check_owner(desk, request.account)
    check_history(request)
    sessions = check_request(request, desk.calendar)
    source = history_source(desk, request.session)
    tape = Tape(source, sessions[-1])
    symbols = named_symbols(desk, request.mandate)
    request = replace(request, texts=_texts(desk, request.mandate))
    warnings = check_data(tape, symbols, request, sessions)
    within = within_day(request, sessions, desk.calendar)
    data_hash = tape.hash((*symbols, request.benchmark), request.first, request.last)
    if within is not None:
        check_bars(source, symbols, within, sessions)
        data_hash = tape.hash_within(symbols, data_hash)
    if request.session is not Hours.REGULAR:
        request = replace(request, mandate=limited(request.mandate))
    return Prepared(
        request=request, sessions=sessions, due=due_sessions(request, sessions, desk.calendar),
        within=within, symbols=symbols,
        source=tape.source, total_return=tape.total_return, data_hash=data_hash,
        identity=request.identity(source=tape.source, data_hash=data_hash, code_version=desk.code_version),
        sealed_from=sealed_from(desk, request.benchmark, *symbols), warnings=warnings,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """How a backtest is run; nothing of it changes the result but `model` and `wrap`, which are for tests and probes.

    `wrap` stands between the source and all that reads it. `thought` and `amend`, the last word on the book, are those
    of a thought experiment, whose identity is its own; `note` is kept in the list of backtests. `path` is the way it is
    worked out, whose results are the same to the cent.
    """

    progress: Progress | None = None
    model: LanguageModel | None = None
    sweep: str = ""
    open_seal: bool = False
    wrap: Wrap = unwrapped
    thought: Thought = PLAIN
    amend: Callable[[RunBook], RunBook] = lambda book: book
    note: str = ""
    path: RunPath = RunPath.AUTO


def backtest(desk: Desk, prepared: Prepared, playing: Playing = Playing()) -> RunBook:
    """Run it, or give back the book of the one that had the same identity and was run to its end.

    Raises:
        BlockedError: the window reaches into the sealed one, which this strategy may not open (again).
        DeskError: it could not be run; it is kept as failed, and counts as a look all the same.
    """
    known = finished_alike(desk, prepared, playing.path)
    if known is not None:
        return restamped(desk, prepared, known)
    check_seal(desk, prepared, open_seal=playing.open_seal)
    if playing.path is RunPath.COLUMNS:
        # Before it counts as a look at its window.
        column_plan(desk, prepared)
    row = _begin(desk, prepared, playing.sweep)
    folder = folder_of(desk, row.account, row.number)
    try:
        with under_way(desk, row):
            outcome = _outcome(desk, prepared, folder, playing)
            book = playing.amend(_book(desk, prepared, outcome, row, playing.wrap))
            save(book, folder)
            keep_request(prepared.request, folder)
    except KeyboardInterrupt:
        desk.ledger.backtests.end(row, BacktestStatus.CANCELLED, at=_now(), note="stopped by a person")
        raise
    except DeskError as error:
        desk.ledger.backtests.end(row, BacktestStatus.FAILED, at=_now(), note=str(error))
        raise
    status = BacktestStatus.PARTIAL if book.partial else BacktestStatus.COMPLETED
    told = {"ledger": outcome.ledger} if outcome.ledger else {}
    desk.ledger.backtests.end(
        row, status, at=_now(), summary=summary_of(measured(book)) | told, evidence=str(book.evidence.level),
        note=book.partial or playing.note,
    )  # fmt: skip
    return book


def _outcome(desk: Desk, prepared: Prepared, folder: Path, playing: Playing) -> Outcome:
    """By columns where that is wanted or may be and gives the same, else cycle by cycle."""
    why = _why_rows(playing)
    if not why:
        try:
            outcome = run_columns(desk, prepared, folder)
        except NeedsCycles as error:
            why = str(error)
        else:
            for done, session in enumerate(prepared.sessions, 1):
                (playing.progress or _nobody)(done, len(prepared.sessions), session.date)
            return outcome
    if playing.path is RunPath.COLUMNS:
        raise InputError(f"--path columns must be for an account and a window that columns can do, but {why}")
    return run_rows(desk, prepared, folder, playing)


def _nobody(done: int, all_: int, day: date) -> None:
    del done, all_, day


def _why_rows(playing: Playing) -> str:
    """Why columns are not even tried; empty where they are."""
    if playing.path is RunPath.ROWS:
        return "it was asked for in rows"
    if playing.thought is not PLAIN or playing.model is not None or playing.wrap is not unwrapped:
        return "it is a thought experiment, which must be played cycle by cycle"
    if playing.path is RunPath.AUTO and not can_keep():
        return "the package polars is not installed"
    return ""


def run_rows(desk: Desk, prepared: Prepared, folder: Path, playing: Playing) -> Outcome:
    """Cycle by cycle on a stage in this folder, whose ledger keeps every record."""
    with staged(desk, prepared, folder, playing) as stage:
        told = Walk(stage, prepared.due, within=prepared.within, progress=playing.progress).run()
        ledger, account = stage.desk.ledger, prepared.request.account
        records = records_of(ledger, account)
        return Outcome(
            path=RunPath.ROWS, nav=told.values.series(prepared.request.cash),
            fills=fills_of(records, late_fills(ledger, account, records)),
            decisions=tuple(decision_row(each) for each in records), guards=guard_counts(ledger, account),
            prompts=prompts_of(records), notes=(*_halts(prepared, told), *_masked_notes(stage)),
            failures=tuple(told.failures[:10]), partial=told.partial,
        )  # fmt: skip


def finished_alike(desk: Desk, prepared: Prepared, path: RunPath = RunPath.AUTO) -> BacktestRow | None:
    """A finished backtest that would give the same values and whose files are there; `path` narrows how it was run."""
    for row in desk.ledger.backtests.same(prepared.identity):
        folder = folder_of(desk, row.account, row.number)
        is_so = path is RunPath.AUTO or (path is RunPath.COLUMNS) == is_columnar(folder)
        if row.status in DONE and is_so and (folder / "result.json").is_file():
            return row
    return None


def measured(book: RunBook) -> Metrics:
    return measure(book.nav, book.fills, benchmark=book.benchmark)


def summary_of(figures: Metrics) -> dict[str, Json]:
    """The main figures as a list of runs shows them, as decimal text; None where one is not defined."""
    named = {
        "total_return": figures.total_return, "cagr": figures.cagr, "volatility": figures.volatility,
        "sharpe": figures.sharpe, "max_drawdown": figures.max_drawdown, "turnover": figures.turnover,
        "fees": figures.fees,
    }  # fmt: skip
    found: dict[str, Json] = {name: None if value is None else f"{value:.10g}" for name, value in named.items()}
    return {**found, "trades": figures.trades.closed, "sessions": figures.sessions}


# Seal


def sealed_from(desk: Desk, *symbols: str) -> date | None:
    """The first day of the sealed last window, from the newest bar of any of these symbols; None if nothing is sealed.

    Every symbol that a run could read must be among them: one that the source lacks must not hide the others.
    """
    days = desk.loaded.settings.backtest.sealed_days
    if not days:
        return None
    tape = Tape(history_source(desk), desk.calendar.completed(SystemClock().now(), 1)[0])
    known = [last for last in map(tape.last_day, symbols) if last is not None]
    return max(known) - timedelta(days=days - 1) if known else None


def named_symbols(desk: Desk, mandate: Mandate) -> tuple[str, ...]:
    """What the mandate's strategy and universe name, without cash."""
    named = (*desk.world(mandate, Mode.DRY_RUN).symbols(mandate), *mandate.universe)
    return tuple(sorted({each for each in named if each != CASH}))


def check_seal(desk: Desk, prepared: Prepared, *, open_seal: bool) -> None:
    """Refuse a look into the sealed window, unless it is asked for and this version has not had its one look."""
    if not prepared.touches_seal:
        return
    window = f"{prepared.sealed_from} and later is sealed, so that one honest look is left"
    if not open_seal:
        raise BlockedError(
            f"the window must end before {prepared.sealed_from}, ends {prepared.request.last}: {window}; end it "
            "earlier, or add --open-seal, which this version of the strategy can do once"
        )
    opened = desk.ledger.backtests.seal_opened(prepared.source, prepared.request.strategy_version)
    if opened is not None and opened[1] != prepared.identity:
        raise BlockedError(
            f"{window}; this version of the strategy opened it with {opened[0]} and cannot again: end the window "
            "before it"
        )


# Pieces


def _now() -> datetime:
    return SystemClock().now()


def _begin(desk: Desk, prepared: Prepared, sweep: str) -> BacktestRow:
    request = prepared.request
    new = NewBacktest(
        account=request.account, source=prepared.source, first=request.first, last=request.last,
        cadence=str(request.cadence), fill=str(request.fill), model=request.mandate.model,
        strategy_version=request.strategy_version, identity=prepared.identity, code_version=desk.code_version,
        data_hash=prepared.data_hash, sweep=sweep, opened_seal=prepared.touches_seal,
    )  # fmt: skip
    return desk.ledger.backtests.begin(new, at=_now())


@contextmanager
def staged(desk: Desk, prepared: Prepared, folder: Path, playing: Playing) -> Iterator[Stage]:
    """The stage of a backtest in an empty folder, whose ledger is closed at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    stage = open_stage(
        desk, prepared.request, prepared.sessions, folder, model=playing.model, wrap=playing.wrap,
        thought=playing.thought,
    )  # fmt: skip
    try:
        yield stage
    finally:
        stage.desk.ledger.close()


def _book(desk: Desk, prepared: Prepared, outcome: Outcome, row: BacktestRow, wrap: Wrap) -> RunBook:
    request, history = prepared.request, history_source(desk)
    trials = desk.ledger.backtests.trials(prepared.source, request.first, request.last)
    tape = Tape(lambda clock: wrap(history(clock), clock), prepared.sessions[-1])
    return RunBook(
        id=row.id, account=request.account, mode=Mode.BACKTEST, mandate=request.mandate, rules=request.rules,
        nav=outcome.nav, fills=outcome.fills, decisions=outcome.decisions, guards=outcome.guards,
        evidence=_evidence(desk, prepared, outcome.decisions, folder_of(desk, row.account, row.number)),
        provenance=Provenance(
            code_version=desk.code_version, data_source=prepared.source, data_hash=prepared.data_hash,
            fill=str(request.fill), cadence=str(request.cadence), first=request.first, last=request.last,
            trials=trials, seed=request.seed, model=request.mandate.model, anonymised=request.anonymise,
            prompts=outcome.prompts, notes=(*_notes(prepared), *outcome.notes), path=str(outcome.path),
        ),
        benchmark=tape.benchmark(request.benchmark, outcome.nav.days),
        warnings=(*prepared.warnings, *outcome.failures), partial=outcome.partial,
    )  # fmt: skip


def _evidence(desk: Desk, prepared: Prepared, decisions: Sequence[DecisionRow], folder: Path) -> Evidence:
    request = prepared.request
    settings = desk.loaded.settings.language.models.get(request.mandate.model)
    return evidence_of(
        decisions, first=request.first, knowledge_until=None if settings is None else settings.knowledge_until,
        masking=masking_of(desk, request, symbols=prepared.symbols, source=prepared.source, folder=folder),
    )  # fmt: skip


def restamped(desk: Desk, prepared: Prepared, row: BacktestRow) -> RunBook:
    """A finished backtest with the evidence that is known by now: probes may have come after it."""
    folder = folder_of(desk, row.account, row.number)
    book = load(folder)
    evidence = _evidence(desk, prepared, book.decisions, folder)
    if not prepared.request.anonymise or evidence == book.evidence:
        return book
    book = replace(book, evidence=evidence)
    save(book, folder)
    desk.ledger.backtests.end(
        row, row.status, at=row.finished or _now(), summary=row.summary, evidence=str(evidence.level), note=row.note
    )  # fmt: skip
    return book


def _masked_notes(stage: Stage) -> tuple[str, ...]:
    counts = counts_of(stage.model)
    if counts is None or not counts.questions:
        return ()
    note = (
        f"anonymised: {counts.questions} prompts, {counts.leaks} of them with something left of what was to be hidden, "
        f"{counts.recognised} replies that named a company, {counts.news_left_out} headlines left out"
    )
    return (note,)


def _notes(prepared: Prepared) -> tuple[str, ...]:
    notes = []
    if prepared.total_return:
        notes.append("total-return prices: dividends are inside the prices and are not booked")
    if prepared.request.session is not Hours.REGULAR:
        notes.append(OUTSIDE[prepared.request.session])
    if prepared.source == "sample":
        notes.append("sample data: closes are real, prices within the day and volumes are synthetic")
    if prepared.touches_seal:
        notes.append(f"the sealed window from {prepared.sealed_from} was opened")
    return tuple(notes)


def _halts(prepared: Prepared, told: Told) -> tuple[str, ...]:
    if not told.acknowledged:
        return ()
    days = ", ".join(f"{each}" for each in told.acknowledged[:5])
    note = (
        f"a drawdown halted the account {len(told.acknowledged)} times; each halt was acknowledged after "
        f"{prepared.request.acknowledged_after} sessions ({days}{', ...' if len(told.acknowledged) > 5 else ''})"
    )
    return (note,)


def with_seed(prepared: Prepared, desk: Desk, seed: int) -> Prepared:
    """The same backtest as another repeat."""
    request = replace(prepared.request, seed=seed)
    identity = request.identity(
        source=prepared.source, data_hash=prepared.data_hash, code_version=desk.code_version
    )  # fmt: skip
    return replace(prepared, request=request, identity=identity)

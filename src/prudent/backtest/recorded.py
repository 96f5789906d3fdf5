"""A finished run, ready to be played again: its decisions by the moment at which they were made, asking no model."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from prudent.backtest.book import late_fills, records_of
from prudent.backtest.books import parse, run_book
from prudent.backtest.columnar_rows import rows_of
from prudent.backtest.history import history_source
from prudent.backtest.kept import kept_request
from prudent.backtest.places import folder_of
from prudent.backtest.request import Cadence, FillAt, Request, check_request
from prudent.backtest.run import Prepared, sealed_from
from prudent.backtest.tape import Tape
from prudent.backtest.within_day import within_day
from prudent.bootstrap import Desk
from prudent.domain.accounts import Position
from prudent.domain.cycles import CycleRecord, Observation
from prudent.domain.errors import InputError
from prudent.domain.instruments import CASH
from prudent.domain.mandate import Mandate
from prudent.domain.money import from_float
from prudent.domain.orders import Fill
from prudent.domain.performance import Panel, RunBook
from prudent.domain.proposals import Decision
from prudent.domain.reasoning import Question, Reply
from prudent.domain.records import Json
from prudent.ledger import LedgerStore, open_ledger
from prudent.ports import Calendar, Clock, DecideContext, ReadFile, Session, TargetOf

WHATIF = "whatif"
DEFAULT_BENCHMARK = "SPY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A run and all that it recorded, oldest first; `scheduled` are the cycles in which the decider was asked.

    `decided` gives for each of them the moment at which it decides when it is played again, `late` what orders traded
    once their cycle was on record. `played` True: the run was itself played on a tape, so that playing it again must
    give the same values. `whatif`: it is a thought experiment itself.
    """

    book: RunBook
    records: tuple[CycleRecord, ...]
    scheduled: tuple[CycleRecord, ...]
    decided: tuple[datetime, ...]
    late: tuple[Fill, ...]
    played: bool
    whatif: bool = False

    @property
    def positions(self) -> tuple[Position, ...]:
        """What was held at the beginning."""
        return self.records[0].observation.snapshot.positions

    @property
    def cash(self) -> Decimal:
        """The cash at the beginning; a backtest begins before its first cycle."""
        return from_float(self.book.nav.opening) if self.played else self.records[0].observation.snapshot.cash


class RecordedDecisions:
    """Implements `Strategy`: at each moment the last decision that the run had made by then; it reads nothing else."""

    def __init__(self, recording: Recording, clock: Clock) -> None:
        self._moments = recording.decided
        self._records = recording.scheduled
        self._clock = clock

    def symbols(self, mandate: Mandate, read_file: ReadFile, target_of: TargetOf) -> tuple[str, ...]:
        del mandate, read_file, target_of
        now = self._clock.now()
        if now < self._moments[0]:
            return tuple(sorted({quote.symbol for each in self._records for quote in each.observation.quotes}))
        return tuple(quote.symbol for quote in self._at(now).observation.quotes)

    def gather(self, context: DecideContext) -> dict[str, Json]:
        return self._at(context.observation.as_of).decision_inputs

    def decide(self, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision:
        del mandate, inputs
        return replace(self._at(observation.as_of).decision, exits=())

    def _at(self, moment: datetime) -> CycleRecord:
        place = bisect_right(self._moments, moment)
        if place == 0:
            raise InputError(f"a decision must have been recorded by {moment}, the first is of {self._moments[0]}")
        return self._records[place - 1]


class NobodyAsked:
    """Implements `LanguageModel` where none may be asked."""

    def ask(self, question: Question) -> Reply:
        raise InputError(f"no model is asked when recorded decisions are played again, was asked {question.model}")

    def fallback(self, model: str) -> str | None:
        del model
        return None


def recording_of(desk: Desk, name: str) -> Recording:
    """Read a run with its records.

    Raises:
        InputError: there is no such run, or it decided nothing.
        StoreError: a backtest's files are gone.
    """
    wanted = parse(name)
    if wanted.number is None:
        raise InputError(f"a run must be ACCOUNT/NUMBER or ACCOUNT/bNUMBER, was {name!r}; see `invest runs list`")
    book = run_book(desk, name)
    account = wanted.account
    if not wanted.is_backtest:
        return _recording(book, desk.ledger, wanted.number, desk.calendar)
    row = desk.ledger.backtests.find(account, wanted.number)
    whatif = row.sweep == WHATIF
    ledger = open_ledger(rows_of(desk, row), owner=desk.ledger.owner, durable=False)
    try:
        return replace(_recording(book, ledger, None, None), whatif=whatif)
    finally:
        ledger.close()


def _recording(book: RunBook, ledger: LedgerStore, run: int | None, calendar: Calendar | None) -> Recording:
    """`calendar` for a run that was not played on a tape: its decisions are put at the close that they could trade."""
    records = tuple(records_of(ledger, book.account, run=run))
    scheduled = tuple(record for record in records if not ledger.cycle_row(record.id).only_exits)
    if not scheduled:
        raise InputError(f"{book.id} must have decided something, has no decision on record; nothing can be replayed")
    moments = [record.started for record in scheduled]
    if calendar is not None:
        moments = [_close_for(moment, calendar) for moment in moments]
        # Of several decisions that would fall on one close the last one stands.
        last = dict(zip(moments, scheduled))
        moments, scheduled = list(last), tuple(last.values())
    return Recording(
        book=book, records=records, scheduled=scheduled, decided=tuple(moments),
        late=late_fills(ledger, book.account, records, run=run), played=calendar is None,
    )  # fmt: skip


def _close_for(moment: datetime, calendar: Calendar) -> datetime:
    """The close at which a live decision is played: never before it was made, unless no price lay in between."""
    session = calendar.session_of(moment)
    if moment < session.open:
        return calendar.completed(moment, 1)[-1].close
    return session.close


# What it was asked for


def prepared_of(desk: Desk, recording: Recording) -> Prepared:
    """The run as a request on this desk's data, due when it decided. Nothing is read but the tape.

    Raises:
        InputError: it is a what-if, money moved while it ran, or the window is too short to be played.
    """
    # Nobody is asked, so that nothing has to be hidden.
    request = replace(request_of(desk, recording), anonymise=())
    sessions = check_request(request, desk.calendar)
    tape = tape_of(desk, sessions[-1])
    quoted = {quote.symbol for record in recording.scheduled for quote in record.observation.quotes}
    symbols = tuple(sorted(quoted - {CASH}))
    data_hash = tape.hash((*symbols, request.benchmark), request.first, request.last)
    within = within_day(request, sessions, desk.calendar) if recording.played else None
    if within is not None:
        data_hash = tape.hash_within(symbols, data_hash)
        within = replace(within, due=_by_day(recording.decided, desk.calendar))
    due = frozenset(desk.calendar.session_of(moment).date for moment in recording.decided)
    return Prepared(
        request=request, sessions=sessions, due=due, within=within, symbols=symbols, source=tape.source,
        total_return=tape.total_return, data_hash=data_hash,
        identity=request.identity(source=tape.source, data_hash=data_hash, code_version=desk.code_version),
        sealed_from=sealed_from(desk, request.benchmark, *symbols), warnings=(),
    )  # fmt: skip


def request_of(desk: Desk, recording: Recording) -> Request:
    """What the run was asked for, as far as its book tells."""
    book, made = recording.book, recording.book.provenance
    if recording.whatif:
        raise InputError(f"{book.id} is a what-if; name the run that it was made of, and give all that is changed")
    if not recording.played and bool((book.nav.flow[1:] != 0.0).any()):
        raise InputError(
            f"money moved in or out of {book.account} while {book.id} ran, so that it cannot be played on a tape; "
            "take a run without deposits, or see its shadow book (--shadow)"
        )
    last = book.nav.days[-1].item() if book.partial else made.last
    number = parse(book.id).number
    kept = kept_request(folder_of(desk, book.account, number)) if recording.played and number is not None else None
    if kept is not None:
        return replace(kept, last=last)
    first = made.first if recording.played else desk.calendar.session_of(recording.decided[0]).date
    own = desk.loaded.settings.accounts.get(book.account)
    return Request(
        mandate=book.mandate, rules=book.rules, first=first, last=last, cash=recording.cash,
        cadence=Cadence(made.cadence) if recording.played else Cadence.DAILY,
        fill=FillAt(made.fill) if recording.played else FillAt.NEXT_OPEN,
        benchmark=DEFAULT_BENCHMARK if book.benchmark is None else book.benchmark.name,
        anonymise=made.anonymised, seed=made.seed, schedule=() if own is None else own.schedule,
    )  # fmt: skip


def panel_of(desk: Desk, recording: Recording) -> Panel:
    """Prices of every symbol that the run held, wanted or traded, over its sessions."""
    days = recording.book.nav.days
    sessions = desk.calendar.sessions(days[0].item(), days[-1].item())
    found = {line.symbol for record in recording.records for line in record.plan.book}
    found |= {each.symbol for record in recording.records for each in record.observation.snapshot.positions}
    tape = tape_of(desk, sessions[-1])
    return tape.panel(sorted(found - {CASH}), np.array([each.date for each in sessions], dtype="datetime64[D]"))


def tape_of(desk: Desk, last: Session) -> Tape:
    """The history of the desk's own source up to the end of a session."""

    return Tape(history_source(desk), last)


def _by_day(moments: Sequence[datetime], calendar: Calendar) -> dict[date, tuple[datetime, ...]]:
    found: dict[date, tuple[datetime, ...]] = {}
    for moment in moments:
        day = calendar.session_of(moment).date
        found[day] = (*found.get(day, ()), moment)
    return found

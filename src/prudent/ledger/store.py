"""The opened ledger: every act of the `Ledger` port and of its keepers, each one durable transaction of one owner."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from prudent.domain.accounts import AccountHistory, AccountSnapshot, Breach, Position, TradingState
from prudent.domain.corporate_actions import CorporateAction
from prudent.domain.cycles import CycleRecord, Wait
from prudent.domain.errors import StoreError
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO
from prudent.domain.records import Json, encode, utc_text
from prudent.domain.rules import UserRule
from prudent.ledger import (
    accounts,
    actions,
    audit,
    breaches,
    cycles,
    files,
    proof,
    rules,
    runs,
    schedules,
    settings,
    stages,
    states,
    terms,
    valuations,
)
from prudent.ledger.accounts import Account, Flow, flow_kind
from prudent.ledger.anchors import KEY_FILE, AnchorLine, AnchorLog
from prudent.ledger.backtests import Backtests
from prudent.ledger.booking import FlowKind
from prudent.ledger.database import AfterStatement, Database, open_database
from prudent.ledger.engines import Engines
from prudent.ledger.hash_chain import Anchor, ChainReport
from prudent.ledger.history import history
from prudent.ledger.journal import Books
from prudent.ledger.leases import Leases
from prudent.ledger.measures import Measures
from prudent.ledger.model_calls import ModelCalls, claim
from prudent.ledger.notices import NoticeBook
from prudent.ledger.order_acts import OrderActs
from prudent.ledger.outbox import Outbox
from prudent.ledger.people import People
from prudent.ledger.permissions import Permissions
from prudent.ledger.requests import Requests
from prudent.ledger.runs import CycleRow, Frozen, RunStatus
from prudent.ledger.schedules import ScheduleRun, ScheduleStanding
from prudent.ledger.schema import PLATFORM
from prudent.ledger.stages import Waiting
from prudent.ledger.views import Views
from prudent.ledger.volatilities import Volatilities
from prudent.ports import RunRef


def open_ledger(
    path_or_url: str | os.PathLike[str],
    *,
    owner: str = "local",
    audit_folder: Path | None = None,
    after_statement: AfterStatement | None = None,
    durable: bool = True,
) -> "LedgerStore":
    """Open or create the ledger of one owner; `:memory:` keeps nothing.

    Only what can be made again, such as a backtest, may be opened without `durable` commits.

    With `audit_folder` each recorded cycle is also written there as one JSON file and closed with an anchor of the
    audit chain, signed with the key beside the folder. `after_statement` is told the SQL of every change, for tests
    that end the process there.

    Raises:
        StoreError: the file cannot be used; the message says why and what to do.
    """
    database = open_database(path_or_url, owner, after_statement=after_statement)
    if not durable:
        database.driver.execute("PRAGMA synchronous=OFF")
    return LedgerStore(database, audit_folder=audit_folder)


class LedgerStore(OrderActs):
    """`ports.Ledger` on SQLite, and what opens accounts, moves money, sets rules and reads it all back."""

    def __init__(self, database: Database, *, audit_folder: Path | None = None) -> None:
        self._database = database
        self._books = Books()
        self._audit_folder = audit_folder
        self.anchors = AnchorLog(audit_folder, audit_folder.parent / KEY_FILE) if audit_folder is not None else None
        self.views = Views(database, self._books)
        self.notices = NoticeBook(database)
        self.people = People(database)
        self.measures = Measures(database)
        self.requests = Requests(database)
        self.leases = Leases(database)
        self.engines = Engines(database)
        self.permissions = Permissions(database)
        self.model_calls = ModelCalls(database)
        self.outbox = Outbox(database)
        self.backtests = Backtests(database)
        self.volatilities = Volatilities(database)

    @property
    def owner(self) -> str:
        return self._database.owner

    def forget(self) -> None:
        """Drop what is kept in memory only to be fast; nothing that is stored changes."""
        self._books.forget()
        self._database.source.statements.forget()

    def close(self) -> None:
        self._database.close()

    # Accounts, money, mandates

    def add_account(
        self, mandate: Mandate, *, cash: Decimal = ZERO, positions: Iterable[Position] = (), at: datetime
    ) -> Account:
        """Open an account; cash and positions (at their average cost) are contributions of its owner."""
        with self._database.write() as tx:
            return accounts.add(tx, self._books, mandate, cash=cash, positions=positions, at=at)

    def adopt_account(self, mandate: Mandate, found: AccountSnapshot, *, at: datetime, there: str = "") -> Account:
        """Open an account that trades elsewhere (`there`: as what) with what it holds there, as one sealed entry."""
        with self._database.write() as tx:
            return accounts.adopt(tx, self._books, mandate, found, at=at, there=there)

    def accounts(self) -> tuple[Account, ...]:
        with self._database.read() as tx:
            return accounts.listed(tx)

    def account(self, account: str) -> Account:
        """The account of that id; an unknown one raises `InputError`."""
        with self._database.read() as tx:
            return accounts.find(tx, account)

    def set_account_status(self, account: str, status: str, *, at: datetime) -> None:
        """`open` or `closed`; a closed account starts no run."""
        with self._database.write() as tx:
            accounts.set_status(tx, account, status, at)

    def flow(self, account: str, kind: FlowKind | str, amount: Decimal, *, at: datetime, ref: str) -> bool:
        """Book a deposit, withdrawal or dividend once per `ref`; True when it was booked by this call."""
        moved = Flow(kind=flow_kind(kind), amount=amount, at=at, ref=ref)
        with self._database.write() as tx:
            return accounts.flow(tx, self._books, account, moved)

    def book_action(self, account: str, action: CorporateAction, *, at: datetime) -> bool:
        """Book a dividend, split or delisting once; True when it was booked by this call."""
        with self._database.write() as tx:
            return actions.book_action(tx, self._books, account, action, at=at)

    # Runs and cycles

    def open_run(
        self, mandate: Mandate, *, mode: str, rules: Sequence[UserRule], code_version: str, at: datetime
    ) -> RunRef:
        frozen = Frozen(mode=str(mode), mandate=mandate, rules=tuple(rules), code_version=code_version)
        with self._database.write() as tx:
            return runs.open_run(tx, frozen, at=at)

    def end_run(self, run: RunRef, status: RunStatus, *, note: str = "", at: datetime) -> None:
        with self._database.write() as tx:
            runs.end_run(tx, run, status, note=note, at=at)

    def next_cycle(self, run: RunRef, *, at: datetime, key: str | None = None, started_by: str = "") -> int:
        with self._database.write() as tx:
            return runs.next_cycle(tx, run, at=at, key=key, started_by=started_by)

    def cycle_by_key(self, account: str, key: str) -> str | None:
        """The cycle that was begun under `key`; None when none was."""
        with self._database.read() as tx:
            return runs.by_key(tx, account, key)

    def cycle_row(self, cycle_id: str) -> CycleRow:
        """Where a cycle stands."""
        with self._database.read() as tx:
            return runs.standing(tx, cycle_id)

    def frozen(self, run: RunRef) -> Frozen:
        """Mode, mandate, rules and code that the run is fixed to."""
        with self._database.read() as tx:
            return runs.frozen(tx, run)

    # Cycles under way: finished steps and waits

    def find_stage(self, cycle_id: str, name: str) -> tuple[Json] | None:
        """The output of a finished step, in a tuple of one; None when it has not finished."""
        with self._database.read() as tx:
            return stages.find(tx, cycle_id, name)

    def keep_stage(self, cycle_id: str, name: str, output: Json, *, at: datetime) -> None:
        with self._database.write() as tx:
            stages.keep(tx, cycle_id, name, output, at=at)

    def wait(self, waits: Wait, *, at: datetime) -> None:
        """Mark a cycle as waiting for a person or for the market."""
        with self._database.write() as tx:
            stages.wait(tx, waits, at=at)

    def go_on(self, cycle_id: str, *, at: datetime) -> None:
        """A waiting cycle runs again."""
        with self._database.write() as tx:
            stages.go_on(tx, cycle_id, at=at)

    def waiting(self) -> tuple[Waiting, ...]:
        """Every cycle that waits, the earliest end first."""
        with self._database.read() as tx:
            return stages.waiting(tx)

    def interrupted_cycles(self) -> tuple[str, ...]:
        """Cycles that began and have no record; asked at a start, what a killed process left."""
        with self._database.read() as tx:
            return runs.interrupted(tx)

    def resolve_interrupted(self, cycle_id: str, *, at: datetime) -> None:
        with self._database.write() as tx:
            runs.resolve_interrupted(tx, cycle_id, at=at)

    def fail_cycle(self, cycle_id: str, *, reason: str, at: datetime) -> None:
        """Mark a cycle that ended in an error and has no record."""
        with self._database.write() as tx:
            runs.fail_cycle(tx, cycle_id, reason=reason, at=at)

    def last_run(self, account: str) -> RunRef | None:
        """The newest run with a recorded cycle, a dry run only where nothing else is; None when there is none."""
        with self._database.read() as tx:
            return runs.last_recorded(tx, account)

    def record(self, record: CycleRecord, *, why: Mapping[str, str]) -> str:
        encoded = encode(record)
        with self._database.write() as tx:
            name = cycles.record(tx, self._books, record, encoded, why=why)
            terms.keep(tx, self._books, record)
            claim(tx, record)
        if self._audit_folder is not None:
            # The cycle is recorded whatever becomes of its anchor; the next one covers it, and verifying tells why.
            with suppress(StoreError):
                self.anchor(at=record.finished)
            files.write_audit_file(self._audit_folder, record, encoded)
        return name

    def load_record(self, cycle_id: str) -> CycleRecord:
        with self._database.read() as tx:
            return cycles.load(tx, cycle_id)

    def add_reasoning(self, cycle_id: str, *, kind: str, text: str, at: datetime) -> None:
        with self._database.write() as tx:
            cycles.add_reasoning(tx, cycle_id, kind=kind, text=text, at=at)

    def history(self, account: str, *, session: date, at: datetime) -> AccountHistory:
        with self._database.read() as tx:
            return history(tx, self._books, account, session=session, at=at)

    def cycles_under_way(self) -> tuple[str, ...]:
        """Every cycle that runs or waits."""
        with self._database.read() as tx:
            return (*runs.interrupted(tx), *(each.wait.cycle for each in stages.waiting(tx)))

    # Schedules

    def schedule(self, account: str) -> ScheduleStanding:
        """Whether the account's schedule is paused, and how far it has been looked at."""
        with self._database.read() as tx:
            return schedules.standing(tx, account)

    def set_schedule(self, account: str, state: str, *, reason: str, at: datetime) -> None:
        """Pause or resume."""
        with self._database.write() as tx:
            schedules.set_state(tx, account, state, reason=reason, at=at)

    def schedule_looked(self, account: str, *, until: datetime) -> None:
        with self._database.write() as tx:
            schedules.looked(tx, account, until=until)

    def note_schedule_run(self, run: ScheduleRun, *, at: datetime) -> bool:
        with self._database.write() as tx:
            return schedules.note_run(tx, run, at=at)

    def schedule_runs(self, account: str, most: int = 20) -> tuple[ScheduleRun, ...]:
        with self._database.read() as tx:
            return schedules.recent(tx, account, most)

    # Valuation, states, latches, first readings

    def breaches(self, account: str) -> tuple[Breach, ...]:
        """Positions that were read beyond a trigger, each since its first reading."""
        with self._database.read() as tx:
            return breaches.known(tx, account)

    def note_breaches(self, account: str, readings: Mapping[tuple[str, str], Decimal], *, at: datetime) -> None:
        """One reading of an account, by symbol and cause; the same as before writes nothing."""
        with self._database.write() as tx:
            breaches.note(tx, account, readings, at=at)

    def value(self, account: str, *, nlv: Decimal, at: datetime, session: date) -> None:
        with self._database.write() as tx:
            accounts.find(tx, account)
            valuations.store(tx, self._books, account, nlv=nlv, at=at, session=session)

    def set_state(self, account: str, state: TradingState, *, reason: str, at: datetime, symbol: str = "") -> None:
        with self._database.write() as tx:
            states.set_state(tx, account, state, reason=reason, at=at, symbol=symbol)

    def state(self, account: str = PLATFORM) -> tuple[TradingState, str]:
        """State and reason that were set for exactly this scope: an account, or (empty) the platform."""
        with self._database.read() as tx:
            return states.of_scope(tx, account)

    def halt(self, account: str = PLATFORM, *, reason: str, at: datetime, symbol: str = "") -> None:
        self.set_state(account, TradingState.HALTED, reason=reason, at=at, symbol=symbol)

    def resume(self, account: str = PLATFORM, *, reason: str, at: datetime, symbol: str = "") -> None:
        self.set_state(account, TradingState.ACTIVE, reason=reason, at=at, symbol=symbol)

    def rearm(self, account: str, *, reason: str, at: datetime) -> None:
        """A person acknowledges a drawdown: its latches are lifted and the peak starts anew."""
        with self._database.write() as tx:
            accounts.find(tx, account)
            valuations.rearm(tx, account, reason=reason, at=at)

    # Rules and settings

    def rules(self, account: str) -> tuple[UserRule, ...]:
        """The rules in force."""
        with self._database.read() as tx:
            return rules.active(tx, account)

    def add_rule(self, account: str, rule: UserRule, *, at: datetime) -> None:
        with self._database.write() as tx:
            rules.add(tx, account, rule, at=at)

    def disable_rule(self, account: str, rule_id: str, *, at: datetime) -> None:
        with self._database.write() as tx:
            rules.switch(tx, account, rule_id, 0, at=at)

    def enable_rule(self, account: str, rule_id: str, *, at: datetime) -> None:
        with self._database.write() as tx:
            rules.switch(tx, account, rule_id, 1, at=at)

    def setting(self, key: str) -> str | None:
        with self._database.read() as tx:
            return settings.read(tx, key)

    def set_setting(self, key: str, value: str, *, at: datetime) -> None:
        with self._database.write() as tx:
            settings.write(tx, key, value, at=utc_text(at))

    # Proof

    def verify_audit(self, *, anchor: Anchor | None = None) -> ChainReport:
        """Walk the audit chain, the records it names and its anchors; the report names the first broken row."""
        kept = None if self.anchors is None else self.anchors.read(self.owner)
        with self._database.read() as tx:
            return proof.verify(tx, anchor, kept)

    def anchor(self, *, at: datetime) -> AnchorLine | None:
        """Keep the chain's head in the anchor file; None where the ledger has no audit folder or no row."""
        return None if self.anchors is None else self.anchors.append(self.owner, self.audit_head(), at)

    def renew_anchors(self, *, reason: str, at: datetime) -> Path | None:
        """Set anchors and lost key aside; the next anchor begins anew, and the chain says so for ever."""
        if self.anchors is None:
            return None
        with self._database.write() as tx:
            audit.note(tx, "audit_key_renewed", PLATFORM, at, {"reason": reason})
        return self.anchors.set_aside(at)

    def audit_head(self) -> Anchor:
        """The chain's head, to be kept outside the database as an anchor."""
        with self._database.read() as tx:
            return audit.head(tx)

    def faults(self) -> tuple[str, ...]:
        """What the database's own checks and the books' balance find; empty when the ledger is sound."""
        with self._database.read() as tx:
            return self._database.faults() + proof.unbalanced(tx)

    def restore_audit_files(self) -> tuple[Path, ...]:
        """Write the audit file of every recorded cycle that has none; gives those written."""
        if self._audit_folder is None:
            return ()
        written: list[Path] = []
        for cycle_id in self.views.recorded_cycles():
            record_path = files.audit_path(self._audit_folder, cycle_id)
            if not record_path.exists():
                written.append(files.write_audit_file(self._audit_folder, self.load_record(cycle_id)))
        return tuple(written)

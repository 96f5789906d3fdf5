"""The opened ledger: every act of the `Ledger` port and of its keepers, each one durable transaction of one owner."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from prudent.domain.accounts import AccountHistory, Position, TradingState
from prudent.domain.cycles import CycleRecord
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO
from prudent.domain.orders import OrderIntent, OrderReport
from prudent.domain.records import encode, utc_text
from prudent.domain.rules import UserRule
from prudent.ledger import accounts, audit, cycles, files, orders, proof, rules, runs, settings, states, valuations
from prudent.ledger.accounts import Account, Flow, flow_kind
from prudent.ledger.booking import FlowKind
from prudent.ledger.database import AfterStatement, Database, open_database, sqlite_path
from prudent.ledger.hash_chain import Anchor, ChainReport
from prudent.ledger.history import history
from prudent.ledger.journal import Books
from prudent.ledger.orders import PendingOrder
from prudent.ledger.runs import Frozen, RunStatus
from prudent.ledger.schema import PLATFORM
from prudent.ledger.views import Views
from prudent.ports import RunRef


def open_ledger(
    path_or_url: str | os.PathLike[str],
    *,
    owner: str = "local",
    audit_folder: Path | None = None,
    after_statement: AfterStatement | None = None,
) -> "LedgerStore":
    """Open or create the ledger of one owner; `:memory:` keeps nothing.

    With `audit_folder` each recorded cycle is also written there as one JSON file. `after_statement` is told the SQL
    of every change, for tests that end the process there.

    Raises:
        StoreError: the file cannot be used; the message says why and what to do.
    """
    database = open_database(sqlite_path(path_or_url), owner, after_statement=after_statement)
    return LedgerStore(database, audit_folder=audit_folder)


class LedgerStore:
    """`ports.Ledger` on SQLite, and what opens accounts, moves money, sets rules and reads it all back."""

    def __init__(self, database: Database, *, audit_folder: Path | None = None) -> None:
        self._database = database
        self._books = Books()
        self._audit_folder = audit_folder
        database.on_rollback = self._books.forget
        self.views = Views(database, self._books)

    @property
    def owner(self) -> str:
        return self._database.owner

    def close(self) -> None:
        self._database.close()

    # Accounts, money, mandates

    def add_account(
        self, mandate: Mandate, *, cash: Decimal = ZERO, positions: Iterable[Position] = (), at: datetime
    ) -> Account:
        """Open an account; cash and positions (at their average cost) are contributions of its owner."""
        with self._database.write() as tx:
            return accounts.add(tx, self._books, mandate, cash=cash, positions=positions, at=at)

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

    def next_cycle(self, run: RunRef, *, at: datetime) -> int:
        with self._database.write() as tx:
            return runs.next_cycle(tx, run, at=at)

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
            name = cycles.record(tx, record, encoded, why=why)
        if self._audit_folder is not None:
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

    # Orders

    def approve(self, run: RunRef, cycle: int, intents: Sequence[OrderIntent], *, at: datetime) -> None:
        with self._database.write() as tx:
            orders.approve(tx, run, cycle, intents, at=at)

    def sending(self, account: str, order_ref: str, *, seal: str, at: datetime) -> None:
        with self._database.write() as tx:
            orders.sending(tx, account, order_ref, seal=seal, at=at)

    def reported(self, account: str, report: OrderReport, *, at: datetime) -> None:
        with self._database.write() as tx:
            orders.reported(tx, self._books, account, report, at=at)

    def pending_orders(self, account: str) -> tuple[PendingOrder, ...]:
        """Orders that are not terminal, oldest first: what a start must ask the broker about."""
        with self._database.read() as tx:
            return orders.pending(tx, account)

    # Valuation, states, latches

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
        """Walk the audit chain and the records it names; the report names the first broken row."""
        with self._database.read() as tx:
            return proof.verify(tx, anchor)

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

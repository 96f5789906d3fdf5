"""Builds a wired desk for a home and a mode; the only module that knows which mode it is."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import Protocol

from prudent.brokers.dry_run import DryRunBroker
from prudent.brokers.simulated import SimulatedBroker, open_store
from prudent.clock import SimulatedClock, SystemClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import Consent, Draft, Interlock
from prudent.domain.errors import BlockedError, ConfigError, InputError
from prudent.domain.interlocks import Switches, interlocks
from prudent.domain.mandate import Mandate
from prudent.domain.orders import OrderStatus
from prudent.domain.records import digest
from prudent.edge import LanguageDesk, open_fundamentals, open_news, past_records
from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.approvals import Word
from prudent.ledger.kill_switch import KillSwitch
from prudent.ledger.runs import CycleRow
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.instruments import InstrumentMaster
from prudent.pipeline.absence import ReconcileMemory
from prudent.pipeline.pace import Pace
from prudent.pipeline.world import World, at_once
from prudent.ports import Broker, Calendar, Fundamentals, LanguageModel, MarketData, News, Permit
from prudent.registry import strategy
from prudent.settings import Loaded, load_settings
from prudent.settings.accounts import json_object, plain_json
from prudent.settings.gateways import check_live
from prudent.settings.identity import code_version, files_hash
from prudent.strategies.protection import NAME as PROTECTION
from prudent.venues import IBKR, Connections, home_clock, open_market

CONFIG_FILE = "invest.yaml"
KILL_FILE = "KILL"
INSTRUMENTS_FILE = "instruments.csv"
# The owner of a home's ledger where nobody is named: the one person of a SQLite file.
LOCAL = "local"
_IN_DOUBT = (OrderStatus.SENDING, OrderStatus.UNKNOWN)


class Holding(Protocol):
    """The leases that this process holds: `epoch` is None for an account whose lease it has not, or has lost."""

    holder: str

    def epoch(self, account: str) -> int | None: ...


@dataclass(kw_only=True)
class Desk:
    """One opened home. The ledger remembers, the broker holds the book, the market answers as of the clock.

    `venue` is the simulated broker where that is the desk's own. `consent` makes the answer to a cycle's draft; None:
    approvals and the market's hours do. `endpoint` is what the venue trades with, real money (LIVE) or play money.
    `connections` leads to the broker of an account that does not trade at `broker`.
    """

    home: Path
    loaded: Loaded
    mode: Mode
    clock: SystemClock | SimulatedClock
    calendar: Calendar
    instruments: InstrumentMaster
    market: MarketData
    ledger: LedgerStore
    broker: Broker
    venue: SimulatedBroker | None
    config_hash: str
    consent: Callable[[CycleRow, Mandate], Callable[[Draft], Consent]] | None = None
    endpoint: Mode = Mode.PAPER
    connections: Connections | None = None
    reconciling: ReconcileMemory = field(default_factory=ReconcileMemory)
    _leased: bool = field(default=False, init=False)
    _leases: Holding | None = field(default=None, init=False)
    _tried: dict[str, float] = field(default_factory=dict, init=False)
    _own: set[str] = field(default_factory=set, init=False)

    def account_ids(self) -> tuple[str, ...]:
        """Accounts that have a mandate, in the order of the configuration."""
        return tuple(self.loaded.settings.accounts)

    def why_disabled(self, account: str) -> str:
        """Why the configuration lets an account not run; empty for one that may."""
        found = self.loaded.settings.accounts.get(account)
        if found is None or found.enabled:
            return ""
        return found.disabled_because or "its configuration says `enabled: false`"

    def is_open_account(self, account: str) -> bool:
        """True for an account that was funded, not only configured."""
        return any(each.id == account for each in self.ledger.accounts())

    def mandate(self, account: str) -> Mandate:
        """What the account may do; an unknown one raises `InputError` with the nearest known name."""
        found = self.loaded.settings.accounts.get(account)
        if found is None:
            known = ", ".join(self.account_ids()) or "none yet; add one with `invest accounts add`"
            raise InputError(f"account must be one of {known}, was {account!r}")
        mandate = found.mandate(account)
        asked = self.loaded.settings.language.models.get(mandate.model)
        return mandate if asked is None else replace(mandate, model_parameters=json_object(asked.frozen(mandate.model)))

    def agree_terms(self, mandate: Mandate) -> None:
        """Let the venue trade the account at the costs, the slippage and with the shorts that its mandate says."""
        if self.venue is not None and mandate.broker != IBKR:
            self.venue.set_terms(
                mandate.account,
                allow_short=mandate.planning.allow_short,
                costs=mandate.costs,
                slippage_bps=mandate.slippage_bps,
            )

    def broker_of(self, account: str) -> Broker:
        """Where the account trades.

        Raises:
            InputError: it trades through the machine's gateway and is not this person's.
        """
        found = self.loaded.settings.accounts.get(account)
        if self.connections is None or found is None or found.broker != IBKR:
            return self.broker
        if account not in self._own:
            self._check_owned(account, found.owner)
            self._own.add(account)
        return self.connections.broker(sends=self._leased)

    def _check_owned(self, account: str, owner: str | None) -> None:
        """One gateway shows the accounts of all: each is its owner's alone, named by id or by user name.

        One without an owner is the machine's own; so is one with an owner where nobody has been added as a user.
        """
        me, user = self.ledger.owner, self.ledger.people.user()
        names = (me,) if user is None else (me, user.name)
        own = owner in names or (me == LOCAL and (owner is None or not self.ledger.people.directory.owners()))
        if not own:
            raise InputError(
                f"account {account} must be yours to be reached at {IBKR}, its owner is "
                f"{owner or 'nobody'}; whoever keeps the configuration sets accounts.{account}.owner"
            )

    def own_venue(self, account: str) -> SimulatedBroker:
        """The simulated venue, where accounts are opened and money is moved by command.

        Raises:
            InputError: the account trades at somebody else's venue.
        """
        found = self.loaded.settings.accounts.get(account)
        if found is not None and found.broker == IBKR:
            raise InputError(
                f"account {account} must be opened and funded at Interactive Brokers itself, not by this command; "
                f"`invest ibkr adopt {account}` books what it holds there"
            )
        if self.venue is None:
            raise InputError(f"accounts and money are moved at {self.broker.name} itself, not by this command")
        return self.venue

    def world(self, mandate: Mandate, mode: Mode, *, cycle: CycleRow | None = None) -> World:
        """The ports of one account's cycle in that mode; `cycle` is the one under way, None for a look around."""
        broker = self.broker_of(mandate.account)
        broker = DryRunBroker(broker) if mode is Mode.DRY_RUN else broker
        # A disabled account may name a strategy that is not built in; what remains to be done for it is protection.
        exits = (cycle is not None and cycle.only_exits) or bool(self.why_disabled(mandate.account))
        return World(
            mode=mode,
            clock=self.clock,
            calendar=self.calendar,
            instruments=self.instruments,
            market=self.market,
            broker=broker,
            ledger=self.ledger,
            strategy=strategy(PROTECTION if exits else mandate.strategy),
            code_version=self.code_version,
            interlocks=lambda account: self.interlocks(account, mode, cycle),
            stop_reason=self.stop_reason if mode is not Mode.LIVE else lambda account: self._live_stop(account, cycle),
            target_of=self.target_of,
            read_file=self.read_file,
            confirms=not isinstance(self.clock, SimulatedClock),
            permit=self.permit,
            turn=self.pace.turn,
            tried=self._tried,
            left=self.reconciling.left,
            consent=self.consent(cycle, mandate) if cycle is not None and self.consent is not None else at_once,
            model=self.language,
            news=self.news,
            fundamentals=self.fundamentals,
            records_of=partial(past_records, self.ledger, own=mandate.account, rehearsed=mode is Mode.DRY_RUN),
        )

    def permit(self, account: str) -> Permit:
        """The right to send for an account now: its lease, and the venue's live session.

        Raises:
            BlockedError: this process works under leases and has not, or no longer, that of the account.
        """
        link = self.broker_of(account).link(account)
        if self._leases is None:
            return Permit(session=link.session, next_order_id=link.next_order_id)
        epoch = self._leases.epoch(account)
        if epoch is None:
            raise BlockedError(f"the lease of account {account} must be held to send, was lost; nothing more is sent")
        return Permit(
            holder=self._leases.holder, epoch=epoch, at=SystemClock().now(), session=link.session,
            next_order_id=link.next_order_id,
        )  # fmt: skip

    @cached_property
    def pace(self) -> Pace:
        """How fast orders may leave; desks of one process on wall time share one."""
        return Pace(self.clock, self.clock.pause, lock=Lock())

    @cached_property
    def language(self) -> LanguageModel:
        """Every configured language model; desks of one process share its limits of servers."""
        return LanguageDesk(self.loaded, self.ledger, self.clock).models()

    @cached_property
    def news(self) -> News | None:
        return open_news(self.loaded, self.clock, self.instruments)

    @cached_property
    def fundamentals(self) -> Fundamentals:
        return open_fundamentals(self.loaded, self.clock, self.instruments)

    @cached_property
    def code_version(self) -> str:
        """The release and a digest of the package's source and prompts: what a run freezes and arming pins."""
        return code_version()

    @contextmanager
    def leased(self, leases: Holding | None = None) -> Iterator[None]:
        """Mark that this process holds the home's lease, which interlock M08 asks for, and those of its accounts."""
        self._mark(leases, leased=True)
        try:
            yield
        finally:
            self._mark(None, leased=False)

    def _mark(self, leases: Holding | None, *, leased: bool) -> None:
        self._leased, self._leases = leased, leases
        if self.connections is not None:
            self.connections.sends = leased

    def holds(self, account: str) -> bool:
        """True while this process may trade the account."""
        return self._leased and (self._leases is None or self._leases.epoch(account) is not None)

    def interlocks(self, account: str, mode: Mode, cycle: CycleRow | None = None) -> tuple[Interlock, ...]:
        """The interlocks that a cycle of the account needs in that mode, as they stand now."""
        return interlocks(self.switches(account, mode, cycle))

    def switches(self, account: str, mode: Mode, cycle: CycleRow | None = None) -> Switches:
        """Every switch that an order of the account must pass; what cannot be read stays at its safe side."""
        settings = self.loaded.settings
        own = settings.accounts.get(account)
        protects = cycle is not None and cycle.kind == PROTECTION
        held = self.holds(account)
        return Switches(
            mode=mode, configured=self.mode, dry_run=settings.switches.dry_run,
            allow_orders=settings.switches.allow_orders, enable_order_exec=settings.switches.enable_order_exec,
            killed=self.kill_switch.reasons(self.ledger, ""), auto_trade=own is not None and own.auto_trade,
            confirmed_at=None if cycle is None else self._confirmed_at(cycle),
            arming=self.ledger.permissions.arming(account), endpoint=self._endpoint(account), leased=held,
            in_doubt=self._in_doubt(account), build=self.code_version, config=self.config_hash,
            config_now=files_hash(self.home / CONFIG_FILE), arming_config=self.arming_config,
            excused=protects and own is not None and own.protective_exits_when_disarmed, now=self.clock.now(),
        )  # fmt: skip

    def _endpoint(self, account: str) -> Mode | str:
        """What the account's venue trades with, or in words why nobody can tell."""
        settings = self.loaded.settings
        found = settings.accounts.get(account)
        there = found is not None and found.broker == IBKR and settings.mode is Mode.LIVE
        return self.connections.endpoint() if there and self.connections is not None else self.endpoint

    def is_stale(self) -> bool:
        """True once the configuration's files differ from those that the desk was opened with."""
        return files_hash(self.home / CONFIG_FILE) != self.config_hash

    @cached_property
    def kill_switch(self) -> KillSwitch:
        return KillSwitch(self.home / KILL_FILE)

    @cached_property
    def arming_config(self) -> str:
        """What arming pins beside the build: the files and every value in force, models and environment included."""
        values = plain_json(self.loaded.settings.model_dump(mode="json"))
        return digest({"files": self.config_hash, "values": values})

    def _confirmed_at(self, cycle: CycleRow) -> datetime | None:
        """When a person said yes to the very plan that the cycle waits or last waited with."""
        waiting = self.ledger.permissions.wait_of(cycle.id)
        said = None if waiting is None else self.ledger.permissions.answer(cycle.id, waiting.wait.plan_hash)
        return said.at if said is not None and said.word is Word.YES else None

    def _in_doubt(self, account: str) -> tuple[str, ...]:
        return tuple(each.order_ref for each in self.ledger.pending_orders(account) if each.state in _IN_DOUBT)

    def stop_reason(self, account: str) -> str | None:
        """Why nothing may be sent now, or None; an unreadable switch counts as set."""
        found = self.kill_switch.reasons(self.ledger, account)
        return "the kill switch cannot be read" if found is None else next(iter(found), None)

    def _live_stop(self, account: str, cycle: CycleRow | None) -> str | None:
        """Real money: every interlock is asked once more before each submit, not the kill switch alone.

        All but M09, for the order that is about to leave is itself in doubt by then; its claim asks about the others.
        """
        found = (each for each in self.interlocks(account, Mode.LIVE, cycle) if not each.satisfied and each.id != "M09")
        return self.stop_reason(account) or next((f"{each.id} {each.name}: {each.detail}" for each in found), None)

    def set_kill_file(self, reason: str | None) -> None:
        """Set the file that stops every process of this home at its next submit, or take it away."""
        self.kill_switch.set_file(reason)

    def target_of(self, account: str) -> Mapping[str, Decimal]:
        """The target weights of another account's last decision; cycles that only closed something decided none."""
        newest = self.last_cycle_id(account)
        rows = self.ledger.views.decisions(account).rows
        decided = [row for row in rows if row.record_digest and row.decided_by != PROTECTION]
        traded = [row for row in decided if row.mode != Mode.DRY_RUN] or decided
        record = self.ledger.load_record(traded[0].id if traded else newest)
        return {target.symbol: target.weight for target in record.decision.targets}

    def last_cycle_id(self, account: str) -> str:
        """`account/run` of the newest run; raises `InputError` when the account never ran."""
        self.mandate(account)
        run = self.ledger.last_run(account)
        if run is None:
            raise InputError(f"account {account} must have run a cycle, has none yet; run `invest run {account}`")
        return run.id

    def read_file(self, name: str) -> str:
        """The text of a targets file: a path, or a name in the home's `json` folder."""
        for path in (Path(name), self.home / name, self.home / "json" / name, self.home / "json" / f"{name}.json"):
            if path.is_file():
                try:
                    return path.read_text(encoding="utf-8")
                except (OSError, UnicodeDecodeError) as error:
                    raise InputError(f"{path} must be a readable text file: {error}; check it") from error
        raise InputError(f"file {name!r} must exist, was neither here nor in {self.home / 'json'}; check the name")


def open_desk(home: Path, *, overrides: Mapping[str, str] | None = None, owner: str = LOCAL) -> Desk:
    """Open a home that `invest init` made, in its effective mode, for one owner of its ledger.

    Raises:
        ConfigError: there is no home there, its configuration is wrong, or it asks for what is not built in.
        StoreError: the ledger or the venue's book cannot be opened.
    """
    if not (home / CONFIG_FILE).is_file():
        raise ConfigError(f"no home at {home}: {CONFIG_FILE} is missing; run `invest init` or set INVEST_HOME")
    loaded = load_settings(home, overrides=overrides)
    mode = loaded.settings.effective_mode
    if mode is Mode.LIVE:
        check_live(loaded, home / CONFIG_FILE)
    calendar = ExchangeCalendar()
    own_list = home / INSTRUMENTS_FILE
    instruments = InstrumentMaster(own_list if own_list.is_file() else None)
    clock = home_clock(loaded)
    connections = Connections(loaded, clock, instruments, owner="" if owner == LOCAL else owner)
    market = open_market(home, loaded, clock, calendar, connections)
    store = open_store(loaded.settings.data.venue or home / "data" / "venue.sqlite")
    venue = SimulatedBroker(store, market, calendar, clock, instruments=instruments)
    return Desk(
        home=home, loaded=loaded, mode=mode, clock=clock, calendar=calendar, instruments=instruments, market=market,
        ledger=open_ledger(
            loaded.settings.database.url or home / "data" / "ledger.sqlite", owner=owner, audit_folder=home / "audit"
        ),
        broker=venue, venue=venue, config_hash=files_hash(home / CONFIG_FILE),
        connections=connections,
    )  # fmt: skip


def current_clock(desk: Desk) -> SystemClock | SimulatedClock:
    """The desk's clock as it stands now, for a process that only reads: another one may have moved a simulated one."""
    return desk.clock if isinstance(desk.clock, SystemClock) else home_clock(desk.loaded)

"""Builds a wired desk for a home and a mode; the only module that knows which mode it is."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from prudent import __version__
from prudent.brokers.dry_run import DryRunBroker
from prudent.brokers.simulated import SimulatedBroker, open_store
from prudent.clock import SimulatedClock, SystemClock
from prudent.domain.accounts import Mode, TradingState
from prudent.domain.cycles import Interlock
from prudent.domain.errors import ConfigError, InputError, StoreError
from prudent.domain.mandate import Mandate
from prudent.domain.orders import OrderStatus
from prudent.domain.records import utc_text
from prudent.ledger import LedgerStore, open_ledger
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.instruments import InstrumentMaster
from prudent.pipeline.world import World
from prudent.ports import Broker, Clock, MarketData
from prudent.registry import strategy
from prudent.settings import Loaded, load_settings

CONFIG_FILE = "invest.yaml"
KILL_FILE = "KILL"
INSTRUMENTS_FILE = "instruments.csv"
_IN_DOUBT = (OrderStatus.SENDING, OrderStatus.UNKNOWN)


@dataclass(kw_only=True)
class Desk:
    """One opened home. The ledger remembers, the broker holds the book, the market answers as of the clock."""

    home: Path
    loaded: Loaded
    mode: Mode
    clock: SystemClock | SimulatedClock
    calendar: ExchangeCalendar
    instruments: InstrumentMaster
    market: MarketData
    ledger: LedgerStore
    broker: SimulatedBroker
    config_hash: str
    _leased: bool = field(default=False, init=False)

    def account_ids(self) -> tuple[str, ...]:
        """Accounts that have a mandate, in the order of the configuration."""
        return tuple(self.loaded.settings.accounts)

    def is_open_account(self, account: str) -> bool:
        """True for an account that was funded, not only configured."""
        return any(each.id == account for each in self.ledger.accounts())

    def mandate(self, account: str) -> Mandate:
        """What the account may do; an unknown one raises `InputError` with the nearest known name."""
        found = self.loaded.settings.accounts.get(account)
        if found is None:
            known = ", ".join(self.account_ids()) or "none yet; add one with `invest accounts add`"
            raise InputError(f"account must be one of {known}, was {account!r}")
        return found.mandate(account)

    def agree_terms(self, mandate: Mandate) -> None:
        """Let the venue trade the account at the costs, the slippage and with the shorts that its mandate says."""
        self.broker.set_terms(
            mandate.account,
            allow_short=mandate.planning.allow_short,
            costs=mandate.costs,
            slippage_bps=mandate.slippage_bps,
        )

    def world(self, mandate: Mandate, mode: Mode) -> World:
        """The ports of one account's cycle in that mode."""
        broker: Broker = DryRunBroker(self.broker) if mode is Mode.DRY_RUN else self.broker
        return World(
            mode=mode,
            clock=self.clock,
            calendar=self.calendar,
            instruments=self.instruments,
            market=self.market,
            broker=broker,
            ledger=self.ledger,
            strategy=strategy(mandate.strategy),
            code_version=self.code_version,
            interlocks=lambda account: self.interlocks(account, mode),
            stop_reason=self.stop_reason,
            target_of=self.target_of,
            read_file=self.read_file,
        )

    @cached_property
    def code_version(self) -> str:
        """The release and a digest of the package's source: what a run freezes and arming pins."""
        package = Path(__file__).parent
        seal = sha256()
        for path in sorted(package.rglob("*.py")):
            seal.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
        return f"{__version__}+{seal.hexdigest()[:12]}"

    @contextmanager
    def leased(self) -> Iterator[None]:
        """Mark that this process holds the home's lease, which interlock M08 asks for."""
        self._leased = True
        try:
            yield
        finally:
            self._leased = False

    def interlocks(self, account: str, mode: Mode) -> tuple[Interlock, ...]:
        """The mode interlocks that paper and dry-run need; live is not wired to any broker yet."""
        killed = self.stop_reason("")
        rehearsal = mode is Mode.DRY_RUN
        in_doubt = [each.order_ref for each in self.ledger.pending_orders(account) if each.state in _IN_DOUBT]
        found = [
            ("M01", "mode", mode in (Mode.PAPER, Mode.DRY_RUN, Mode.BACKTEST), str(mode)),
            ("M04", "kill switch", killed is None or rehearsal, killed or "not set"),
            ("M08", "lease", self._leased or rehearsal, "held by this process" if self._leased else "not held"),
            ("M09", "reconciled", not in_doubt, ", ".join(in_doubt) or "the fate of every order is known"),
            ("M10", "configuration", _config_hash(self.home) == self.config_hash, "unchanged since the start"),
        ]
        return tuple(Interlock(id=i, name=n, satisfied=ok, detail=detail) for i, n, ok, detail in found)

    def stop_reason(self, account: str) -> str | None:
        """Why nothing may be sent now, or None; an unreadable switch counts as set."""
        kill = self.home / KILL_FILE
        try:
            if kill.exists():
                return f"kill switch file: {kill.read_text(encoding='utf-8').strip() or 'no reason given'}"
            for scope in dict.fromkeys(("", account)):
                state, reason = self.ledger.state(scope)
                if state is TradingState.HALTED:
                    return f"{scope or 'platform'} is HALTED: {reason}"
        except (OSError, StoreError) as error:
            return f"the kill switch cannot be read: {error}"
        return None

    def set_kill_file(self, reason: str | None) -> None:
        """Set the file that stops every process of this home at its next submit, or take it away."""
        path = self.home / KILL_FILE
        if reason is None:
            path.unlink(missing_ok=True)
        else:
            _write_atomically(path, reason + "\n")

    def target_of(self, account: str) -> Mapping[str, Decimal]:
        """The target weights of another account's last decision."""
        record = self.ledger.load_record(self.last_cycle_id(account))
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


def open_desk(home: Path, *, overrides: Mapping[str, str] | None = None) -> Desk:
    """Open a home that `invest init` made, in its effective mode.

    Raises:
        ConfigError: there is no home there, its configuration is wrong, or it asks for what is not built in.
        StoreError: the ledger or the venue's book cannot be opened.
    """
    if not (home / CONFIG_FILE).is_file():
        raise ConfigError(f"no home at {home}: {CONFIG_FILE} is missing; run `invest init` or set INVEST_HOME")
    loaded = load_settings(home, overrides=overrides)
    mode = loaded.settings.effective_mode
    if mode is Mode.LIVE:
        raise ConfigError("mode must be paper or dry_run: this build has no live broker; set `mode` in invest.yaml")
    calendar = ExchangeCalendar()
    own_list = home / INSTRUMENTS_FILE
    instruments = InstrumentMaster(own_list if own_list.is_file() else None)
    clock = _clock(home, loaded)
    market = _market(home, loaded, clock, calendar)
    store = open_store(home / "data" / "venue.sqlite")
    venue = SimulatedBroker(store, market, calendar, clock, instruments=instruments)
    return Desk(
        home=home, loaded=loaded, mode=mode, clock=clock, calendar=calendar, instruments=instruments, market=market,
        ledger=open_ledger(home / "data" / "ledger.sqlite", audit_folder=home / "audit"), broker=venue,
        config_hash=_config_hash(home),
    )  # fmt: skip


def _market(home: Path, loaded: Loaded, clock: Clock, calendar: ExchangeCalendar) -> MarketData:
    data = loaded.settings.data
    if data.source == "sample":
        from prudent.marketdata.sample import SampleMarket

        return SampleMarket(clock, calendar)
    if data.source == "files":
        from prudent.marketdata.files import FilesMarket

        return FilesMarket(clock, calendar, folder=home / (data.path or "data"))
    from prudent.marketdata.yahoo import YahooMarket

    return YahooMarket(clock, calendar, home / "data" / "cache")


def _clock(home: Path, loaded: Loaded) -> SystemClock | SimulatedClock:
    """Wall time with live data; with sample or file data the time where the home's clock was left."""
    if loaded.settings.data.source == "yahoo":
        return SystemClock()
    path = home / "data" / "clock.json"
    start = loaded.settings.clock.start
    if path.is_file():
        try:
            start = datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["now"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path} must hold the simulated time, was {error}; restore or delete it") from error
    if start is None:
        raise ConfigError("clock.start must be set with sample or file data; add e.g. `clock: {start: 2022-11-28}`")
    return SimulatedClock(start, on_move=lambda now: _write_atomically(path, json.dumps({"now": utc_text(now)})))


def _config_hash(home: Path) -> str:
    seal = sha256()
    for path in (home / CONFIG_FILE, *sorted((home / "config" / "accounts").glob("*.y*ml"))):
        seal.update(path.name.encode() + b"\0" + path.read_bytes())
    return seal.hexdigest()


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(handle.name).replace(path)
    except OSError as error:
        raise StoreError(f"{path} must be writable: {error}; free space or correct the permissions") from error

"""One owner's installation: a home, a ledger, the one process that works in it, and what is waiting to be done."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from prudent.bootstrap import KILL_FILE
from prudent.domain.accounts import Position
from prudent.domain.mandate import Mandate
from prudent.ledger import LedgerStore
from prudent.ledger.database import Database
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.instruments import InstrumentMaster
from prudent.ports import BrokerTraits
from prudent.settings import Loaded, Settings
from prudent.simulation.decider import Decider
from prudent.simulation.disk import FaultyFile, fresh_ledger
from prudent.simulation.faults import CALM, Weather
from prudent.simulation.prices import TruePrices
from prudent.simulation.process import Process, SimulatedDesk, Surroundings, make_desk
from prudent.simulation.shape import AccountShape
from prudent.simulation.sides import Sides
from prudent.simulation.timeline import ProcessClock, Timeline, Trace
from prudent.simulation.truth import Truth

Task = Callable[[Process], object]


class Owner:
    """What outlives a process: files, the gateway, and the list of work."""

    def __init__(  # noqa: PLR0913 - the parts of one seed's world
        self, name: str, folder: Path, template: Path, accounts: list[AccountShape], timeline: Timeline,
        weather: Weather, prices: TruePrices, sides: Sides, calendar: ExchangeCalendar, instruments: InstrumentMaster,
        *, seed: str, symbols: tuple[str, ...], quiet_seconds: int,
    ) -> None:  # fmt: skip
        self.name = name
        self.home = folder / name
        self.accounts = tuple(each.id for each in accounts)
        self.mandates: dict[str, dict[str, Any]] = {each.id: each.mandate for each in accounts}
        self.queue: deque[tuple[str, Task]] = deque()
        self.process: Process | None = None
        self.lives = 0
        self.copies = 0
        self.looks = 0
        self.asks = False
        self.answered: set[tuple[str, str]] = set()
        self._person: tuple[FaultyFile, SimulatedDesk] | None = None
        self.gateway = sides.gateway(name, self.accounts, self.mandate)
        self.timeline = timeline
        ledger_file = self.home / "data" / "ledger.sqlite"
        for each in (self.home / "data", self.home / "config" / "accounts"):
            each.mkdir(parents=True)
        fresh_ledger(ledger_file, template)
        self.write_configuration()
        self.truth = Truth(name, sides.venue, ledger_file, prices.of)
        self.around = Surroundings(
            owner=name, timeline=timeline, weather=weather, prices=prices, venue=sides.venue, gateway=self.gateway,
            calendar=calendar, instruments=instruments,
            decider=Decider(Random(f"{seed}/decider/{name}"), weather, symbols, {}),
            ledger_file=ledger_file, loaded=self.loaded,
            traits=BrokerTraits(quiet_seconds=quiet_seconds, margin=sides.margin),
        )  # fmt: skip
        self._open_accounts(accounts)

    def _open_accounts(self, accounts: list[AccountShape]) -> None:
        calm = calm_weather()
        file = FaultyFile(str(self.around.ledger_file), self.timeline, calm, lambda name: None)
        ledger = LedgerStore(Database(file, self.name))
        prices = self.around.prices
        for each in accounts:
            self.around.venue.open_account(each.id, each.cash, each.positions)
            held = [Position(symbol=s, quantity=q, average_cost=prices.of(s)) for s, q in each.positions.items()]
            ledger.add_account(self.mandate(each.id), cash=each.cash, positions=held, at=self.timeline.now)
        ledger.close()

    def person(self) -> SimulatedDesk:
        """The desk as a person's command opens it, beside the process; only the wire fails for people."""
        if self._person is None:
            around = replace(self.around, weather=calm_weather())
            clock = ProcessClock(self.timeline)
            file = FaultyFile(str(around.ledger_file), self.timeline, around.weather, lambda name: None)
            wire = self.gateway.person_wire(clock, self.around.weather, traits=around.traits)
            self._person = file, make_desk(around, self.home, file, clock, wire)
        return self._person[1]

    @property
    def kill_file(self) -> Path:
        return self.home / KILL_FILE

    def mandate(self, account: str) -> Mandate:
        return self.loaded().settings.accounts[account].mandate(account)

    def loaded(self) -> Loaded:
        """The settings as a process that starts now reads them."""
        settings = Settings.model_validate({"mode": "paper", "accounts": self.mandates})
        return Loaded(home=self.home, settings=settings, origins={}, warnings=())

    def write_configuration(self, note: str = "") -> None:
        """The files whose digest a process keeps from its start."""
        (self.home / "invest.yaml").write_text(f"# {note}\n", encoding="utf-8")
        for account in self.accounts:
            text = repr(sorted(self.mandates[account].items(), key=str))
            (self.home / "config" / "accounts" / f"{account}.yaml").write_text(text, encoding="utf-8")

    def task(self, name: str, act: Task) -> None:
        self.queue.append((name, act))

    def first(self, name: str, act: Task) -> None:
        self.queue.appendleft((name, act))

    def close(self) -> None:
        if self.process is not None and self.process.alive:
            self.process.die()
        if self._person is not None:
            self._person[0].close()
        self.truth.close()


def calm_weather() -> Weather:
    return Weather(Random(0), CALM, Trace(keep=1))

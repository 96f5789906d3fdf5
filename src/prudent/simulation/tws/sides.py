"""The TWS wire as a kind of world: a paper gateway for each owner, on one stretch of virtual time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from prudent.domain.cycles import CycleRecord
from prudent.domain.mandate import Mandate
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.instruments import InstrumentMaster
from prudent.simulation.faults import Weather
from prudent.simulation.prices import TruePrices
from prudent.simulation.timeline import ProcessClock, Timeline
from prudent.simulation.tws.cables import Cables
from prudent.simulation.tws.loops import Loops
from prudent.simulation.tws.market import SeedMarket
from prudent.simulation.tws.site import Site
from prudent.simulation.tws.venue import FloorVenue

FIRST_PORT = 4102
DELAYS = (0.0005, 0.002, 0.01, 0.04)


class TwsSides:
    """Implements `Sides`."""

    margin = True

    def __init__(  # noqa: PLR0913 - the parts of one seed's world
        self, timeline: Timeline, prices: TruePrices, calendar: ExchangeCalendar, instruments: InstrumentMaster,
        weather: Weather, folder: Path, *, chance: Callable[[str], Random],
    ) -> None:  # fmt: skip
        self._timeline = timeline
        self._weather = weather
        self._folder = folder
        self._chance = chance
        self._loops = Loops(timeline)
        self._cables = Cables(self._loops, weather, delay=chance("cable").choice(DELAYS))
        self.venue = FloorVenue(timeline, calendar)
        self._loops.after.append(self.venue.refresh)
        self._market = SeedMarket(ProcessClock(timeline), calendar, instruments, prices, halted=self.venue.halted)
        self._sites: list[Site] = []

    def gateway(self, owner: str, accounts: Sequence[str], mandate_of: Callable[[str], Mandate]) -> Site:
        number = len(self._sites)
        names = {account: f"DU{number * 100 + place:07d}" for place, account in enumerate(accounts, start=1)}
        site = Site(
            owner, names, FIRST_PORT + number, self._folder / f"gateway-{owner}.sqlite",
            timeline=self._timeline, weather=self._weather,
            loops=self._loops, cables=self._cables, market=self._market, halted=self.venue.halted,
            mandate_of=mandate_of, chance=self._chance(f"gateway/{owner}"),
        )  # fmt: skip
        self._sites.append(site)
        self.venue.join(site)
        return site

    def finished(self, record: CycleRecord) -> None:
        next(site for site in self._sites if record.account in site.accounts).asked.finished(record)

    def close(self) -> None:
        for site in self._sites:
            site.close()

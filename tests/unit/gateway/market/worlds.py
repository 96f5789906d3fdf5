"""Markets of the gateway for its tests: one on the sample, shared for its speed, and a clock to stand where needed."""

from datetime import UTC, datetime
from functools import lru_cache

from prudent.gateway.market.market import PaperMarket
from prudent.gateway.market.series import SampleHistory, Source
from prudent.marketdata.calendars import ExchangeCalendar

CALENDAR = ExchangeCalendar()
# Half past ten and seven seconds of the last sample session in New York.
MORNING = datetime(2022, 12, 28, 15, 30, 7, tzinfo=UTC)


class StandingClock:
    """A clock that may be put anywhere: a test may look back."""

    def __init__(self, moment: datetime = MORNING) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


def made(moment: datetime = MORNING, *, source: Source | None = None, seed: int = 1) -> PaperMarket:
    """A market of its own."""
    return PaperMarket(StandingClock(moment), CALENDAR, source or SampleHistory(), seed=seed)


@lru_cache(maxsize=1)
def _shared() -> tuple[StandingClock, PaperMarket]:
    clock = StandingClock()
    return clock, PaperMarket(clock, CALENDAR, SampleHistory(), seed=1)


def at(moment: datetime = MORNING) -> PaperMarket:
    """The shared market on the sample, standing at a moment."""
    clock, market = _shared()
    clock.moment = moment
    return market

"""Contract ids that last: real ones of a few well-known contracts, else numbers made from what the contract is.

No table is kept. A future's id holds root and month, an option's underlying, expiry, strike and right, so that both
are read back from it after a restart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from prudent.domain.futures import FRIDAY, ROOTS, Root, is_business_day
from prudent.domain.money import plain
from prudent.marketdata.noise import seed

KNOWN = {
    "STK:AAPL": 265598, "STK:AMD": 4391, "STK:AMZN": 3691937, "STK:BAC": 10098, "STK:GOOG": 208813720,
    "STK:GOOGL": 208813719, "STK:IBM": 8314, "STK:INTC": 270639, "STK:KO": 8894, "STK:MSFT": 272093,
    "STK:NVDA": 4815747, "STK:QQQ": 320227571, "STK:SPY": 756733, "STK:TSLA": 76792991,
    "IND:SPX": 416904, "IND:VIX": 13455763, "IND:NDX": 416843,
    "CASH:EUR.USD": 12087792, "CASH:GBP.USD": 12087797, "CASH:AUD.USD": 14433401, "CASH:USD.JPY": 15016059,
    "CASH:USD.CAD": 15016062, "CASH:USD.CHF": 12087820,
}  # fmt: skip
NAMED_FIRST, NAMED_COUNT = 900_000_000, 60_000_000
FUTURES_FIRST, FUTURES_YEAR, FUTURES_STEP = 960_000_000, 1990, 1_000
OPTIONS_FIRST = 2**30
SLOTS, WEEKS, STRIKES = 1024, 256, 2048
# Strikes that an id can name: up to `top` in steps of `step`.
LADDER = (("25", "0.5"), ("600", "1"), ("6000", "5"), ("10000", "25"), ("28300", "100"))
MONDAY_ZERO = date(1990, 1, 1)
WEEKS_BEHIND = 52


def named(name: str) -> int:
    """The id of `STK:AAPL`, `STK:AAPL@MEXI`, `IND:SPX`, `CASH:EUR.USD` and the like."""
    return KNOWN.get(name) or NAMED_FIRST + seed("con id", name) % NAMED_COUNT


def future(root: Root, year: int, month: int) -> int:
    """The id of a future; that of a continuous future is its front contract's."""
    return FUTURES_FIRST + ROOTS.index(root) * FUTURES_STEP + (year - FUTURES_YEAR) * 12 + month - 1


def future_of(con_id: int) -> tuple[Root, int, int] | None:
    """Root, year and month of a future's id."""
    place, months = divmod(con_id - FUTURES_FIRST, FUTURES_STEP)
    if not 0 <= place < len(ROOTS):
        return None
    return ROOTS[place], FUTURES_YEAR + months // 12, months % 12 + 1


def ladder() -> tuple[Decimal, ...]:
    """Every strike that an id can name, ascending."""
    strikes, strike = [], Decimal(0)
    for top, step in LADDER:
        while strike < Decimal(top):
            strike += Decimal(step)
            strikes.append(Decimal(plain(strike)))
    return tuple(strikes[:STRIKES])


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionName:
    """What an option's id says; `expiry` is the last day on which it trades."""

    underlying: str
    expiry: date
    strike: Decimal
    right: str


class OptionIds:
    """Ids of options on some underlyings, each of which has a slot by its name.

    An id holds the week of the expiry modulo 256, and is read as the one from a year before `on` to four years after.
    """

    def __init__(self, underlyings: Sequence[str]) -> None:
        self._slots = _slots(underlyings)
        self._names = {slot: name for name, slot in self._slots.items()}
        self._ladder = ladder()
        self._places = {strike: i for i, strike in enumerate(self._ladder)}

    @property
    def strikes(self) -> tuple[Decimal, ...]:
        return self._ladder

    def id_of(self, option: OptionName) -> int | None:
        """The option's id; None where underlying, strike or expiry is none that options are listed on."""
        slot, place = self._slots.get(option.underlying), self._places.get(option.strike)
        week = (option.expiry - MONDAY_ZERO).days // 7
        if slot is None or place is None or option.right not in ("C", "P") or expiry_of_week(week) != option.expiry:
            return None
        number = ((slot * WEEKS + week % WEEKS) * STRIKES + place) * 2 + (option.right == "P")
        return OPTIONS_FIRST + number

    def name_of(self, con_id: int, on: date) -> OptionName | None:
        """What the id means on that day; None for one that is no option's."""
        if not OPTIONS_FIRST <= con_id < 2 * OPTIONS_FIRST:
            return None
        rest, right = divmod(con_id - OPTIONS_FIRST, 2)
        rest, place = divmod(rest, STRIKES)
        slot, short = divmod(rest, WEEKS)
        name = self._names.get(slot)
        if name is None or place >= len(self._ladder):
            return None
        first = (on - MONDAY_ZERO).days // 7 - WEEKS_BEHIND
        week = first + (short - first) % WEEKS
        return OptionName(
            underlying=name, expiry=expiry_of_week(week), strike=self._ladder[place], right="P" if right else "C"
        )


def expiry_of_week(week: int) -> date:
    """The day on which the options of a week expire: its Friday, or the business day before."""
    day = MONDAY_ZERO + timedelta(days=7 * week + FRIDAY)
    while not is_business_day(day):
        day -= timedelta(days=1)
    return day


def _slots(underlyings: Sequence[str]) -> dict[str, int]:
    # By hash and the next free place, so that a name put in later moves few others.
    taken: dict[int, str] = {}
    for name in underlyings[:SLOTS]:
        slot = seed("option slot", name) % SLOTS
        while slot in taken:
            slot = (slot + 1) % SLOTS
        taken[slot] = name
    return {name: slot for slot, name in taken.items()}

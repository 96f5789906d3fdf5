"""What a symbol of the desk is at the venue: asked for once, kept by its lasting id, refused where it is several."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from prudent.brokers.ibkr.words import Asset, Listed, Refused
from prudent.domain.errors import InputError, Temporary
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.ports import Clock, Instruments

_EXCHANGE = ZoneInfo("America/New_York")
# What the gateway answers where it knows no such contract, or more than one and will not say which.
_NO_DEFINITION = 200
_SHOWN_MAX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to ask the venue for; what is empty is left open."""

    sec_type: str
    symbol: str = ""
    exchange: str = "SMART"
    currency: str = "USD"
    primary: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    expiry: str = ""
    con_id: int = 0


Ask = Callable[[Wanted], Awaitable[Sequence[Listed]]]
Steps = Sequence[tuple[Decimal, Decimal]]
AskSteps = Callable[[int], Awaitable[Steps]]
Names = Callable[[str], Wanted | None]


def no_names(symbol: str) -> Wanted | None:
    """No symbol has another meaning than the instrument list says."""
    del symbol
    return None


async def no_steps(rule: int) -> Steps:
    """Nobody is asked for price steps."""
    del rule
    return ()


def wanted_of(symbol: str, instrument: Instrument | None) -> Wanted:
    """What the instrument list makes of a symbol; what it does not know is asked for as a US stock.

    Raises:
        InputError: the kind cannot be asked for by its symbol alone.
    """
    kind = InstrumentKind.STOCK if instrument is None else instrument.kind
    currency = "USD" if instrument is None else instrument.currency
    if kind in (InstrumentKind.STOCK, InstrumentKind.ETF):
        return Wanted(sec_type="STK", symbol=symbol.replace(".", " "), currency=currency)
    if kind is InstrumentKind.FX and len(symbol) == 6:
        return Wanted(sec_type="CASH", symbol=symbol[:3], currency=symbol[3:], exchange="IDEALPRO")
    if kind is InstrumentKind.INDEX:
        return Wanted(sec_type="IND", symbol=symbol.lstrip("^"), currency=currency, exchange="")
    if kind is InstrumentKind.FUTURE:
        return Wanted(sec_type="FUT", local_symbol=symbol, currency=currency, exchange="")
    raise InputError(f"{symbol} must be a stock, fund, pair, index or future to be found at the venue, is {kind}")


class Contracts:
    """Symbols and what they are; everything here runs on the loop's thread.

    `names` tells of symbols with a meaning of their own (the front month of a future), before the instrument list; it
    is asked each time, for that meaning changes.
    """

    def __init__(
        self, ask: Ask, clock: Clock, *, instruments: Instruments | None = None, names: Names = no_names,
        ask_steps: AskSteps = no_steps,
    ) -> None:  # fmt: skip
        self._ask = ask
        self._clock = clock
        self._instruments = instruments
        self._names = names
        self._ask_steps = ask_steps
        self._known: dict[Wanted, Listed] = {}
        self._locks: dict[Wanted, asyncio.Lock] = {}

    async def listed(self, symbol: str) -> Listed:
        """The one contract that a symbol means.

        Raises:
            InputError: the venue knows none, several, or one that has expired.
            Temporary: the venue cannot be asked.
        """
        instrument = None if self._instruments is None else self._instruments.find(symbol)
        wanted = self._names(symbol) or wanted_of(symbol, instrument)
        async with self._locks.setdefault(wanted, asyncio.Lock()):
            found = self._known.get(wanted)
            if found is None:
                found = self._known[wanted] = await self._with_steps(await self._find(symbol, wanted, instrument))
        self._refuse_expired(symbol, found.asset)
        return found

    async def _with_steps(self, listed: Listed) -> Listed:
        """The steps of its prices at its exchange; where the venue does not tell them, its smallest one must do."""
        if listed.rule is None:
            return listed
        with suppress(Temporary):
            return replace(listed, ticks=tuple(sorted(await self._ask_steps(listed.rule))))
        return listed

    async def _find(self, symbol: str, wanted: Wanted, instrument: Instrument | None) -> Listed:
        try:
            found = tuple(await self._ask(wanted))
        except Refused as error:
            if error.shown.code != _NO_DEFINITION:
                raise
            found = ()
        found = _same_kind(wanted, found)
        if len({each.asset.con_id for each in found}) > 1 and instrument is not None:
            venue = instrument.venue.upper()
            found = tuple(each for each in found if venue in (each.asset.primary, each.asset.exchange)) or found
        if not found:
            raise InputError(f"{symbol} must be known to the venue, is not; check its spelling and its kind")
        if len({each.asset.con_id for each in found}) > 1:
            raise InputError(
                f"{symbol} must mean one contract at the venue, means {len(found)}: {_shown(found)}; give the listing"
            )
        one = found[0]
        # A contract that was asked for at any exchange is traded at any.
        exchange = wanted.exchange or one.asset.exchange
        return replace(one, asset=replace(one.asset, exchange=exchange))

    def _refuse_expired(self, symbol: str, asset: Asset) -> None:
        today = f"{self._clock.now().astimezone(_EXCHANGE):%Y%m%d}"
        if len(asset.expiry) == 8 and asset.expiry < today:
            raise InputError(f"{symbol} must not have expired, its last day was {_day(asset.expiry)}; take a later one")


def _same_kind(wanted: Wanted, found: Sequence[Listed]) -> tuple[Listed, ...]:
    """Once each by its id: a venue lists one contract again for each exchange that it trades at."""
    once = {each.asset.con_id: each for each in found if each.asset.sec_type == wanted.sec_type}
    return tuple(once.values())


def _shown(found: Sequence[Listed]) -> str:
    names = [
        f"{each.asset.local_symbol or each.asset.symbol} at {each.asset.primary or each.asset.exchange} in "
        f"{each.asset.currency}{f' {_day(each.asset.expiry)}' if each.asset.expiry else ''}"
        for each in found[:_SHOWN_MAX]
    ]
    return ", ".join(names) + (f" and {len(found) - _SHOWN_MAX} more" if len(found) > _SHOWN_MAX else "")


def _day(expiry: str) -> str:
    if len(expiry) != 8:
        return expiry
    return f"{datetime.strptime(expiry, '%Y%m%d'):%Y-%m-%d}"  # noqa: DTZ007 - a day has no zone

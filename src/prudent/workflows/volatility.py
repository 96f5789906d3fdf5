"""Store once a session what options imply of the symbols that accounts hold, and say how high that stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol, runtime_checkable

from prudent.analytics.implied import percentile
from prudent.bootstrap import Desk
from prudent.domain.instruments import InstrumentKind
from prudent.domain.money import from_float

# In the first half hour of a session spreads of options are wide.
AFTER_OPEN = timedelta(minutes=30)
YEAR_SESSIONS = 252
# What a part of them gave is stored before the next part is asked for.
SYMBOLS_AT_ONCE = 20
OPTIONABLE = (InstrumentKind.STOCK, InstrumentKind.ETF)


@runtime_checkable
class Implies(Protocol):
    """A source of market data that knows what options imply, and says where that is from."""

    @property
    def implied_source(self) -> str: ...

    def implied(self, symbols: Sequence[str]) -> Mapping[str, Decimal]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityStanding:
    """The last stored volatility and the share of `sessions` stored ones before it that it stands above.

    `percentile` None is unknown: too few sessions are stored, or none.
    """

    symbol: str
    session: date | None
    implied: Decimal | None
    sessions: int
    percentile: Decimal | None

    @property
    def words(self) -> str:
        """The percentile as people read it."""
        return "unknown" if self.percentile is None else f"{self.percentile * 100:.0f} %"


def store_volatilities(desk: Desk) -> tuple[str, ...]:
    """Store those of this session that are not stored yet; the symbols that were stored now.

    Nothing happens where the market's source has no options, outside a session and in its first half hour.

    Raises:
        Temporary: the source cannot be asked.
    """
    now, market = desk.clock.now(), desk.market
    if not isinstance(market, Implies) or not desk.calendar.is_open(now):
        return ()
    session = desk.calendar.session_of(now)
    if now < session.open + AFTER_OPEN:
        return ()
    wanted = sorted(_symbols(desk) - desk.ledger.volatilities.stored(session.date))
    new: list[str] = []
    for start in range(0, len(wanted), SYMBOLS_AT_ONCE):
        found = market.implied(wanted[start : start + SYMBOLS_AT_ONCE])
        if found:
            new += desk.ledger.volatilities.note(found, session=session.date, source=market.implied_source, at=now)
    return tuple(new)


def volatility_standing(desk: Desk, symbol: str) -> VolatilityStanding:
    """How high the last stored volatility of a symbol stands among those of the year before it."""
    until = desk.calendar.session_of(desk.clock.now()).date
    stored = desk.ledger.volatilities.last(symbol, count=YEAR_SESSIONS + 1, until=until)
    if not stored:
        return VolatilityStanding(symbol=symbol, session=None, implied=None, sessions=0, percentile=None)
    past = [float(each.implied) for each in stored[:-1]]
    above = percentile(past, float(stored[-1].implied))
    return VolatilityStanding(
        symbol=symbol, session=stored[-1].session, implied=stored[-1].implied, sessions=len(past),
        percentile=None if above is None else from_float(round(above, 4)),
    )  # fmt: skip


def _symbols(desk: Desk) -> set[str]:
    """What open accounts hold and may hold, as far as it is of a kind that has options."""
    found: set[str] = set()
    for account in desk.account_ids():
        if desk.is_open_account(account):
            found |= {row.symbol for row in desk.ledger.views.positions(account)}
            found |= set(desk.mandate(account).universe)
    known = ((symbol, desk.instruments.find(symbol)) for symbol in found)
    return {symbol for symbol, instrument in known if instrument is not None and instrument.kind in OPTIONABLE}

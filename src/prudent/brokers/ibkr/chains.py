"""Which options there are on an underlying, and which of them stand nearest to the money some days from now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from prudent.brokers.ibkr.words import Listed, ShownChain

if TYPE_CHECKING:
    from prudent.brokers.ibkr.session import IbkrSession

_SMART = "SMART"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The options on one underlying: expiries and strikes ascending; not every strike is listed for every expiry."""

    symbol: str
    exchange: str
    trading_class: str
    multiplier: Decimal
    expiries: tuple[date, ...]
    strikes: tuple[Decimal, ...]

    def around(self, today: date, days: int) -> tuple[date, ...]:
        """The last expiry at or before `days` from now and the first after it; those of this week are none."""
        usable = [each for each in self.expiries if (each - today).days > _WEEK]
        before = [each for each in usable if (each - today).days <= days][-1:]
        after = [each for each in usable if (each - today).days > days][:1]
        return (*before, *after)

    def near(self, price: Decimal, count: int) -> tuple[Decimal, ...]:
        """The `count` strikes nearest to a price, the nearest first."""
        return tuple(sorted(self.strikes, key=lambda strike: (abs(strike - price), strike))[:count])


# The last days of an option say more about its last days than about its volatility.
_WEEK = 7


async def chain_of(session: "IbkrSession", listed: Listed, symbol: str) -> Chain | None:
    """Ask for the options on a contract; None where there are none.

    Raises:
        Temporary: the gateway cannot be asked, or is silent.
    """
    asset = listed.asset
    shown: Sequence[ShownChain] = await session.market.ask(
        f"the options on {symbol}",
        lambda client, number: client.reqSecDefOptParams(number, asset.symbol, "", asset.sec_type, asset.con_id),
    )
    return chosen(symbol, asset.symbol, shown)


def chosen(symbol: str, venue_symbol: str, shown: Sequence[ShownChain]) -> Chain | None:
    """The standard series: at the smart exchange where it is, of the underlying's own class, with the most expiries."""
    if not shown:
        return None
    best = max(
        shown,
        key=lambda each: (
            each.exchange == _SMART, each.trading_class == venue_symbol.replace(" ", ""), len(each.expiries)
        ),
    )  # fmt: skip
    return Chain(
        symbol=symbol, exchange=best.exchange, trading_class=best.trading_class, multiplier=best.multiplier,
        expiries=tuple(_day(each) for each in best.expiries), strikes=best.strikes,
    )  # fmt: skip


def _day(text: str) -> date:
    return datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=UTC).date()

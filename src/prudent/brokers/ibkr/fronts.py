"""Symbols of futures that mean another contract as time goes on: `ES1!`, `EURUSD` and the like are the front month."""

from prudent.brokers.ibkr.contracts import Names, Wanted
from prudent.domain.futures import ALIASES, FutureMonth, exchange_day, parse_local, resolve
from prudent.ports import Clock


def month_of(symbol: str, clock: Clock) -> FutureMonth | None:
    """The contract that an alias or a local symbol such as `6EZ6` means today; None for any other symbol."""
    today = exchange_day(clock.now())
    name = symbol.strip().upper()
    return resolve(name, today) if name in ALIASES else parse_local(name, today)


def front_names(clock: Clock) -> Names:
    """What to ask the venue for where a symbol is an alias or names a contract month."""

    def names(symbol: str) -> Wanted | None:
        month = month_of(symbol, clock)
        if month is None:
            return None
        root = month.root
        return Wanted(
            sec_type="FUT", symbol=root.symbol, exchange=root.exchange, local_symbol=month.local_symbol,
            trading_class=root.code,
        )  # fmt: skip

    return names

"""Net asset value of a snapshot: cash plus every holding at its price, each product rounded to the cent."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from prudent.domain.accounts import AccountSnapshot
from prudent.domain.cycles import FxRate, Observation
from prudent.domain.errors import BlockedError
from prudent.domain.instruments import Instrument
from prudent.domain.money import ZERO, to_cents
from prudent.domain.quotes import Quote

ONE = Decimal(1)


def usable(price: Decimal | None) -> bool:
    """True for a price that a valuation may use: known, finite and above 0."""
    return price is not None and price.is_finite() and price > 0


def fx_rate(currency: str, base: str, rates: Iterable[FxRate]) -> Decimal | None:
    """Units of `base` for one `currency`; `None` when unknown."""
    if currency == base:
        return ONE
    return next((r.rate for r in rates if r.currency == currency and usable(r.rate)), None)


def position_values(
    snapshot: AccountSnapshot, quotes: Mapping[str, Quote], instruments: Mapping[str, Instrument],
    rates: Iterable[FxRate] = (),
) -> dict[str, Decimal]:  # fmt: skip
    """Market value in the account's currency of each holding, signed, to the cent.

    Raises:
        BlockedError: a held symbol has no usable price or FX rate, so no NAV can be computed.
    """
    fixed = tuple(rates)
    values: dict[str, Decimal] = {}
    for position in snapshot.positions:
        quote = quotes.get(position.symbol)
        if quote is None or quote.price is None or not usable(quote.price):
            was = "missing" if quote is None or quote.price is None else str(quote.price)
            raise BlockedError(
                f"no NAV: the price of held {position.symbol} must be above 0, was {was}; "
                "give a price for it or check the data source"
            )
        instrument = instruments.get(position.symbol)
        rate = fx_rate(instrument.currency if instrument else snapshot.currency, snapshot.currency, fixed)
        if rate is None:
            raise BlockedError(f"no NAV: no FX rate for held {position.symbol}; give one with its pair")
        multiplier = instrument.multiplier if instrument else ONE
        values[position.symbol] = to_cents(position.quantity * quote.price * multiplier * rate)
    return values


def net_asset_value(observation: Observation) -> Decimal:
    """Cash plus holdings of the observed account, in its currency, to the cent."""
    values = position_values(
        observation.snapshot,
        {q.symbol: q for q in observation.quotes},
        {i.symbol: i for i in observation.instruments},
        observation.fx,
    )
    return to_cents(observation.snapshot.cash) + sum(values.values(), ZERO)

"""What a venue says beforehand that an order would do to the margin of its account; silence is an answer of its own."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginAnswer:
    """The venue's figures in the account's currency, as if the order alone were filled; None where it told none.

    `checked` False: nobody answered, `message` says why. `refused` says why the venue would not take the order.
    `equity` is equity with loan value; what it exceeds the maintenance margin by is excess liquidity.
    """

    order_ref: str
    checked: bool
    initial_change: Decimal | None = None
    initial_after: Decimal | None = None
    maintenance_change: Decimal | None = None
    maintenance_after: Decimal | None = None
    equity_change: Decimal | None = None
    equity_after: Decimal | None = None
    commission: Decimal | None = None
    refused: str = ""
    message: str = ""

    @property
    def excess_after(self) -> Decimal | None:
        """Excess liquidity once the order is filled."""
        return _less(self.equity_after, self.maintenance_after)

    @property
    def excess_change(self) -> Decimal | None:
        return _less(self.equity_change, self.maintenance_change)


def _less(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one - other


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """The answers to one round of questions; an order without one was not asked about."""

    answers: tuple[MarginAnswer, ...] = ()

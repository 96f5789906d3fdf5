"""What an order would do to the margin, asked of the venue before it is sent; silence is not a yes."""

from dataclasses import dataclass
from decimal import Decimal

from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.brokers.ibkr.leaving import leaving, wire_contract, wire_order
from prudent.brokers.ibkr.words import Refused, Style, number
from prudent.domain.errors import Temporary
from prudent.domain.orders import OrderIntent

WHAT_IF_SECONDS = 4.0
_READY_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """The venue's figures in the account's currency, None where it told none.

    `checked` False: nobody answered, so nothing is known. `refused` says why the venue would not take the order.
    """

    checked: bool
    initial_change: Decimal | None = None
    initial_after: Decimal | None = None
    maintenance_after: Decimal | None = None
    equity_after: Decimal | None = None
    commission: Decimal | None = None
    refused: str = ""
    message: str = ""

    @property
    def allows(self) -> bool:
        """True where the venue has said that the account can carry the order; what it left unsaid is no yes."""
        if not self.checked or self.refused or self.initial_after is None or self.equity_after is None:
            return False
        return self.initial_after <= self.equity_after


def what_if(broker: IbkrBroker, intent: OrderIntent, style: Style = Style.CAPPED) -> Margin:
    """What the order would do to its account's margin; it is not placed. Any thread may ask.

    Raises:
        InputError: the account is not one of the venue's, or the symbol not one contract there.
    """
    venue = broker.session.venue_account(intent.account)
    try:
        return broker.session.call(lambda: _asked(broker, intent, venue, style))
    except Refused as error:
        return Margin(checked=True, refused=f"{error.shown.code}: {error.shown.text}")
    except Temporary as error:
        return Margin(checked=False, message=str(error))


async def _asked(broker: IbkrBroker, intent: OrderIntent, venue: str, style: Style) -> Margin:
    session, line = broker.session, broker.session.market
    await session.ready()
    await line.ready(_READY_SECONDS)
    listed = await broker.contracts.listed(intent.symbol)
    contract, order = wire_contract(listed), wire_order(leaving(intent, listed, venue, style), what_if=True)
    # Its number is one of this connection's orders: on the other connection it would take an order's place.
    line.next_id, order_id = line.next_id + 1, line.next_id
    (state,) = await line.ask(
        "what the order would do to the margin", lambda client, asked: client.placeOrder(asked, contract, order),
        number=order_id, seconds=WHAT_IF_SECONDS,
    )  # fmt: skip
    return Margin(
        checked=True, initial_change=number(state.initMarginChange), initial_after=number(state.initMarginAfter),
        maintenance_after=number(state.maintMarginAfter), equity_after=number(state.equityWithLoanAfter),
        commission=number(state.commission), message=state.warningText,
    )  # fmt: skip

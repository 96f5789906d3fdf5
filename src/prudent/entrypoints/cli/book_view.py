"""An account's book with prices: what `accounts`, `positions` and `status` show of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from prudent.bootstrap import Desk
from prudent.domain.accounts import AccountSnapshot, Mode, Position
from prudent.domain.cycles import Observation
from prudent.domain.errors import Temporary
from prudent.domain.money import ZERO, to_cents
from prudent.domain.valuation import fx_rate, usable
from prudent.pipeline.observe import observe


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedPosition:
    """A holding at its latest price; price and value are None when no usable price is known."""

    symbol: str
    quantity: Decimal
    market_price: Decimal | None
    market_value: Decimal | None
    avg_cost: Decimal | None
    quality: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedBook:
    """One account's cash and priced holdings; `net_liquidation` is None when a holding has no price.

    `why_silent` says why the venue could not be asked: then the book is the ledger's, and has no prices.
    """

    account: str
    currency: str
    net_liquidation: Decimal | None
    cash: Decimal
    positions: tuple[PricedPosition, ...]
    snapshot: AccountSnapshot
    as_of: datetime
    source: str
    why_silent: str = ""

    @property
    def unpriced(self) -> tuple[str, ...]:
        return tuple(each.symbol for each in self.positions if each.market_value is None)


def priced_book(desk: Desk, account: str) -> PricedBook:
    """The account as of the desk's clock; a holding without a price stays in it, without a value.

    While the venue or the source of prices cannot be asked, the book is the one that the ledger has.
    """
    mandate = desk.mandate(account)
    try:
        seen = observe(desk.world(mandate, Mode.DRY_RUN), mandate, symbols=())
    except Temporary as error:
        return _kept_book(desk, account, why=str(error))
    positions = tuple(_priced(position, seen) for position in seen.snapshot.positions)
    values = [each.market_value for each in positions]
    known = [value for value in values if value is not None]
    cash = to_cents(seen.snapshot.cash)
    return PricedBook(
        account=account, currency=seen.snapshot.currency, cash=cash, positions=positions, snapshot=seen.snapshot,
        net_liquidation=cash + sum(known, ZERO) if len(known) == len(values) else None,
        as_of=seen.snapshot.as_of, source=f"{seen.snapshot.source}, prices {seen.data_source}",
    )  # fmt: skip


def _kept_book(desk: Desk, account: str, *, why: str) -> PricedBook:
    """What the ledger has booked, and those of our orders that may be live; other people's are not known from here."""
    money, now = desk.ledger.views.money(account), desk.clock.now()
    ours = desk.ledger.history(account, session=desk.calendar.session_of(now).date, at=now).at_venue
    held = tuple(
        Position(symbol=row.symbol, quantity=row.quantity, average_cost=row.average_cost, opened=row.opened)
        for row in desk.ledger.views.positions(account)
        if row.quantity
    )
    snapshot = AccountSnapshot(
        account=account, currency=money.currency, cash=money.cash, positions=held, open_orders=ours, as_of=now,
        source="ledger",
    )  # fmt: skip
    return PricedBook(
        account=account, currency=money.currency, cash=to_cents(money.cash), snapshot=snapshot, as_of=now,
        net_liquidation=None if held else to_cents(money.cash), source="the ledger, no prices", why_silent=why,
        positions=tuple(
            PricedPosition(
                symbol=each.symbol, quantity=each.quantity, market_price=None, market_value=None,
                avg_cost=each.average_cost,
            )
            for each in held
        ),
    )  # fmt: skip


def _priced(position: Position, seen: Observation) -> PricedPosition:
    quote = next((q for q in seen.quotes if q.symbol == position.symbol), None)
    instrument = next((i for i in seen.instruments if i.symbol == position.symbol), None)
    base = seen.snapshot.currency
    rate = fx_rate(instrument.currency if instrument else base, base, seen.fx)
    price = quote.price if quote is not None and usable(quote.price) else None
    multiplier = instrument.multiplier if instrument else Decimal(1)
    value = None if price is None or rate is None else to_cents(position.quantity * price * multiplier * rate)
    return PricedPosition(
        symbol=position.symbol, quantity=position.quantity, market_price=price, market_value=value,
        avg_cost=position.average_cost, quality=quote.quality if quote is not None and price is not None else "",
    )  # fmt: skip

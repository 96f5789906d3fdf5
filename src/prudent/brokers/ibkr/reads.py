"""The reading half of the Interactive Brokers broker: it leads back to nothing that places an order."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from prudent.brokers.ibkr.line import Connection
from prudent.brokers.ibkr.session import CALL_SECONDS, OPEN, IbkrSession
from prudent.brokers.ibkr.table import Row
from prudent.brokers.ibkr.whatif import WhatIf
from prudent.brokers.ibkr.words import ONE, ShownPosition, number
from prudent.domain.accounts import AccountSnapshot, Position
from prudent.domain.errors import Temporary
from prudent.domain.margin import MarginAnswer
from prudent.domain.money import ZERO, plain, to_cents
from prudent.domain.orders import Fill, OrderIntent, OrderReport, OrderStatus, Side
from prudent.domain.quotes import Quality
from prudent.ports import BrokerTraits, Link, Listing

if TYPE_CHECKING:
    from prudent.brokers.ibkr.tap import TappedClient

NAME = "ibkr"
POSITIONS = "positions"
# So long after it came up, and between two sessions, what the gateway does not list may still be on its way.
QUIET_SECONDS = 60
TRAITS = BrokerTraits(shorting=True, futures=True, margin=True, lot=Decimal(1), quiet_seconds=QUIET_SECONDS)
_CASH, _RATE, _FUTURE = "TotalCashValue", "ExchangeRate", "FUT"
Values = list[tuple[str, str, Any]]
_COST_PLACES = Decimal("0.000001")


class IbkrReads:
    """Implements `BrokerReads` and `TellsMargin` over a session.

    What it gives are frozen copies of our own book, never the library's.
    """

    def __init__(self, session: IbkrSession, margin: WhatIf, *, traits: BrokerTraits = TRAITS) -> None:
        self._session = session
        self._margin = margin
        self._traits = traits

    @property
    def name(self) -> str:
        return f"{NAME} (SIMULATED)" if self._session.simulated else NAME

    @property
    def traits(self) -> BrokerTraits:
        return self._traits

    # For any thread

    def link(self, account: str) -> Link:
        self._session.venue_account(account)
        return self._session.call(self.link_now)

    def snapshot(self, account: str) -> AccountSnapshot:
        venue = self._session.venue_account(account)
        return self._session.call(lambda: self._snapshot(account, venue))

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        venue = self._session.venue_account(account)
        return self._session.call(lambda: self.reports_now(account, venue, order_refs))

    def wait(self, account: str, order_refs: Sequence[str], *, seconds: float) -> tuple[OrderReport, ...]:
        """As `reports`, after each has ended or `seconds` of real time have passed."""
        venue = self._session.venue_account(account)
        return self._session.call(lambda: self._wait(account, venue, order_refs, seconds), seconds + CALL_SECONDS)

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]:
        venue = self._session.venue_account(account)
        return self._session.call(lambda: self._fills(account, venue, since))

    def listing(self, account: str) -> Listing:
        venue = self._session.venue_account(account)
        return self._session.call(lambda: self._listing(account, venue))

    def what_if(self, intents: Sequence[OrderIntent]) -> tuple[MarginAnswer, ...]:
        return self._margin.ask(intents)

    # On the session's thread

    @property
    def quality(self) -> Quality:
        return Quality.SYNTHETIC if self._session.simulated else Quality.REAL

    async def link_now(self) -> Link:
        line = self._session.orders
        try:
            await self._session.ready()
        except Temporary:
            if not line.session:
                raise
        return Link(
            session=line.session, up=line.up, quiet_since=line.quiet_since,
            next_order_id=max(line.next_id, self._session.table.highest_id + 1),
        )  # fmt: skip

    async def reports_now(self, account: str, venue: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        """What the venue knows of each order; what is not plain from what was heard is asked for first.

        Raises:
            Temporary: the venue cannot be asked, or its lists did not end.
        """
        await self._session.ready()
        table = self._session.table
        if any(_must_ask(table.of(venue, ref)) for ref in order_refs) and not await self._session.round(venue):
            raise Temporary("the gateway must list all orders and executions, did not; try again")
        return tuple(self.report(account, ref, table.of(venue, ref)) for ref in order_refs)

    def report(self, account: str, ref: str, row: Row | None) -> OrderReport:
        """An order that a complete round did not show is not at the venue; one that has just left is unknown."""
        if row is None or (row.lost and not row.state.is_done):
            return not_sent(ref)
        return self._session.table.report(row, account, self.quality)

    async def _wait(
        self, account: str, venue: str, order_refs: Sequence[str], seconds: float
    ) -> tuple[OrderReport, ...]:  # fmt: skip
        await self._session.ready()
        table = self._session.table
        known = [row for ref in order_refs if (row := table.of(venue, ref)) is not None]
        await self._session.until(lambda: all(row.state.is_done or row.suspected for row in known), seconds)
        return await self.reports_now(account, venue, order_refs)

    async def _fills(self, account: str, venue: str, since: datetime | None) -> tuple[Fill, ...]:
        await self._session.ready()
        if not await self._session.round(venue):
            raise Temporary("the gateway must list all executions, did not; try again")
        rows = [row for row in self._session.table if row.account == venue]
        return self._sorted(account, rows, since)

    def _sorted(self, account: str, rows: Sequence[Row], since: datetime | None = None) -> tuple[Fill, ...]:
        found = [fill for row in rows for fill in self._session.table.fills(row, account, self.quality)]
        found.sort(key=lambda fill: (fill.time, fill.exec_id))
        return tuple(fill for fill in found if since is None or fill.time >= since)

    async def _snapshot(self, account: str, venue: str) -> AccountSnapshot:
        connection = await self._session.ready()
        book, _open = await asyncio.gather(
            self._book(venue, connection),
            self._session.orders.ask(
                OPEN, lambda client, _number: client.reqAllOpenOrders(), over=connection, key=OPEN
            ),
        )  # fmt: skip
        return self._pictured(account, venue, *book)

    def _pictured(
        self, account: str, venue: str, positions: tuple[Position, ...], cash: tuple[str, Decimal]
    ) -> AccountSnapshot:  # fmt: skip
        currency, amount = cash
        live = sorted(self._session.table.live(venue), key=lambda row: row.ref)
        # The venue's clock may be ahead of ours: what was heard by now is inside, whenever it says that it happened.
        heard = (trade.time for row in self._session.table if row.account == venue for trade in row.trades.values())
        return AccountSnapshot(
            account=account, currency=currency, cash=amount, positions=positions,
            open_orders=tuple(self._session.table.open_order(row) for row in live),
            as_of=max([self._session.clock.now(), *heard]), source=self.name,
        )  # fmt: skip

    async def _book(self, venue: str, connection: Connection) -> tuple[tuple[Position, ...], tuple[str, Decimal]]:
        """Holdings, and the cash beside them: a future is held at its whole value, which is set aside from the cash.

        The venue counts what futures gained among the cash. So cash and holdings add up to what it says that the
        account is worth, and no price that moves between trades moves the cash.
        """
        held, values = await asyncio.gather(self._held(venue, connection), self._values(venue, connection))
        currency, cash = _cash(values)
        for each in held:
            if each.asset.sec_type == _FUTURE:
                worth = await self._worth(venue, connection, each)
                cash -= worth * _rate(values, each.asset.currency, currency)
        positions = tuple(sorted((_position(each) for each in held), key=lambda each: each.symbol))
        return positions, (currency, to_cents(cash))

    async def _worth(self, venue: str, connection: Connection, held: ShownPosition) -> Decimal:
        """What a held contract is worth to the venue now, with its multiplier."""
        numbers: list[int] = []

        def send(client: "TappedClient", request: int) -> None:
            numbers.append(request)
            client.reqPnLSingle(request, venue, "", held.asset.con_id)

        line, name = self._session.orders, held.asset.desk_symbol
        (found,) = await line.ask(f"what {name} is worth", send, over=connection)
        await line.turn()
        if not connection.broken.is_set():
            connection.client.cancelPnLSingle(numbers[0])
        if found is None:
            raise Temporary(f"the gateway must tell what held {name} is worth, did not; try again")
        return Decimal(found)

    async def _held(self, venue: str, connection: Connection) -> tuple[ShownPosition, ...]:
        shown = await self._session.orders.ask(
            POSITIONS, lambda client, _number: client.reqPositions(), over=connection, key=POSITIONS
        )
        # The list goes on by itself with each trade: the last word on a contract counts.
        latest: dict[int, ShownPosition] = {each.asset.con_id: each for each in shown if each.account == venue}
        return tuple(each for each in latest.values() if each.quantity != 0)

    async def _values(self, venue: str, connection: Connection) -> Values:
        """The account's values as (name, currency, text)."""
        numbers: list[int] = []

        def send(client: "TappedClient", request: int) -> None:
            numbers.append(request)
            client.reqAccountUpdatesMulti(request, venue, "", False)

        line = self._session.orders
        values: Values = await line.ask("the account's values", send, over=connection)
        await line.turn()
        if not connection.broken.is_set():
            connection.client.cancelAccountUpdatesMulti(numbers[0])
        return values

    async def _listing(self, account: str, venue: str) -> Listing:
        connection = await self._session.ready()
        asked, since = self._session.clock.now(), self._session.table.count
        whole, book = await asyncio.gather(self._session.round(venue), self._book(venue, connection))
        shown = [
            row for row in self._session.table
            if row.account == venue and row.touched > since and (row.is_there or row.filled > ZERO)
        ]  # fmt: skip
        return Listing(
            account=account, session=connection.session, asked=asked, ended=self._session.clock.now(),
            complete=whole and self._session.orders.up and self._session.orders.session == connection.session,
            orders=tuple(self._session.table.report(row, account, self.quality) for row in shown),
            fills=self._sorted(account, shown), snapshot=self._pictured(account, venue, *book),
        )  # fmt: skip


def _cash(values: Values) -> tuple[str, Decimal]:
    """The account's currency and its cash, foreign cash at the gateway's rates included."""
    for tag, currency, text in values:
        amount = number(text) if tag == _CASH and currency != "BASE" else None
        if amount is not None:
            return currency or "USD", amount
    raise Temporary(f"the gateway must tell {_CASH} of the account, did not; try again")


def _rate(values: Values, currency: str, base: str) -> Decimal:
    """The gateway's own rate, which is also that of its cash."""
    if currency == base:
        return ONE
    for tag, of, text in values:
        rate = number(text) if tag == _RATE and of == currency else None
        if rate is not None and rate > 0:
            return rate
    raise Temporary(f"the gateway must tell its rate from {currency} to {base}, did not; try again")


def _must_ask(row: Row | None) -> bool:
    if row is None:
        return True
    return not row.state.is_done and (not row.seen or row.lost or bool(row.suspected))


def _position(shown: ShownPosition) -> Position:
    cost = (shown.average_cost / shown.asset.multiplier).quantize(_COST_PLACES)
    return Position(symbol=shown.asset.desk_symbol, quantity=shown.quantity, average_cost=Decimal(plain(cost)))


def not_sent(order_ref: str) -> OrderReport:
    """The answer about an order that the venue does not know."""
    return OrderReport(
        order_ref=order_ref, symbol="", side=Side.BUY, quantity=ZERO, status=OrderStatus.NOT_SENT,
        message="not known to the venue",
    )  # fmt: skip

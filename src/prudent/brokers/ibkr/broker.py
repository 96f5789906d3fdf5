"""Interactive Brokers as a `Broker`: an order leaves once under its claim; what became of it is told, or unknown."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from prudent.brokers.ibkr.contracts import Contracts, Names
from prudent.brokers.ibkr.fronts import front_names
from prudent.brokers.ibkr.leaving import Leaving, leaving, why_not, wire_contract, wire_order
from prudent.brokers.ibkr.line import Connection
from prudent.brokers.ibkr.lookup import Lookup
from prudent.brokers.ibkr.reads import TRAITS, IbkrReads, not_sent
from prudent.brokers.ibkr.session import IbkrSession
from prudent.brokers.ibkr.table import Row
from prudent.brokers.ibkr.whatif import WhatIf
from prudent.brokers.ibkr.words import Listed, Style
from prudent.domain.accounts import AccountSnapshot
from prudent.domain.errors import ConfigError, InputError, Temporary
from prudent.domain.margin import MarginAnswer
from prudent.domain.orders import Fill, OrderIntent, OrderReport, OrderStatus
from prudent.ports import NO_CLAIM, BrokerTraits, Claim, Instruments, Link, Listing

# No sign of life for so long leaves an order unknown. What has one may trade at once, and its costs come just after;
# an order that the desk gave a limit is as likely to rest.
ACK_SECONDS = 8.0
TRADE_SECONDS = 0.25
REST_SECONDS = 0.1
CANCEL_SECONDS = 4.0
SUBMIT_SECONDS = 30.0
_ASKED_AGAIN_MAX = 2


class Attempt:
    """Whether a byte of the order may have left: before that a failure is certain, after it nothing is.

    Two threads decide it, the one that writes and the one that waits: whoever comes first has the last word, so that
    an order which its caller gave up for unsent cannot leave when a stalled loop goes on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = self._given_up = False

    def leave(self) -> None:
        """Take the right to write.

        Raises:
            Temporary: the caller waits no longer.
        """
        with self._lock:
            if self._given_up:
                raise Temporary("an order must leave while somebody waits for it, nobody does; it is planned anew")
            self._left = True

    def give_up(self) -> bool:
        """True when nothing has left, and then nothing will."""
        with self._lock:
            self._given_up = True
            return not self._left


def capped(account: str) -> Style:
    """Every account sends with a cap on the price."""
    del account
    return Style.CAPPED


class IbkrBroker:
    """Implements `Broker` and `TellsMargin`. `style_of` tells how the orders of an account that have no limit leave,
    `names` what symbols mean that the instrument list does not have: by default contract months of futures.

    `patience` turns the desk's seconds into real ones, for desks whose clock does not run as the wall's does.
    """

    def __init__(
        self, session: IbkrSession, *, instruments: Instruments | None = None, names: Names | None = None,
        style_of: Callable[[str], Style] = capped, traits: BrokerTraits = TRAITS,
        patience: Callable[[float], float] = float,
    ) -> None:  # fmt: skip
        self.session = session
        lookup = Lookup(session)
        self.contracts = Contracts(
            lookup.details, session.clock, instruments=instruments, names=names or front_names(session.clock),
            ask_steps=lookup.steps,
        )
        self._reads = IbkrReads(session, WhatIf(session, self.contracts, style_of), traits=traits)
        self._style_of = style_of
        self._patience = patience
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def name(self) -> str:
        return self._reads.name

    @property
    def traits(self) -> BrokerTraits:
        return self._reads.traits

    def reads(self) -> IbkrReads:
        return self._reads

    def link(self, account: str) -> Link:
        return self._reads.link(account)

    def snapshot(self, account: str) -> AccountSnapshot:
        return self._reads.snapshot(account)

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        return self._reads.reports(account, order_refs)

    def wait(self, account: str, order_refs: Sequence[str], *, seconds: float) -> tuple[OrderReport, ...]:
        return self._reads.wait(account, order_refs, seconds=self._patience(seconds))

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]:
        return self._reads.fills(account, since=since)

    def listing(self, account: str) -> Listing:
        return self._reads.listing(account)

    def what_if(self, intents: Sequence[OrderIntent]) -> tuple[MarginAnswer, ...]:
        return self._reads.what_if(intents)

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        venue = self.session.venue_account(intent.account)
        attempt = Attempt()
        try:
            return self.session.call(lambda: self._submit(intent, claim, venue, attempt), SUBMIT_SECONDS)
        except (Temporary, ConfigError) as error:
            if attempt.give_up():
                raise Temporary(f"{error}; nothing was sent") from error
            return _of(intent, OrderStatus.UNKNOWN, str(error))

    def cancel(self, account: str, order_ref: str) -> OrderReport:
        venue = self.session.venue_account(account)
        return self.session.call(lambda: self._cancel(account, venue, order_ref))

    # On the session's thread

    async def _submit(self, intent: OrderIntent, claim: Claim, venue: str, attempt: Attempt) -> OrderReport:
        lock = self._locks.setdefault(intent.order_ref, asyncio.Lock())
        try:
            async with lock:
                return await self._submit_one(intent, claim, venue, attempt)
        finally:
            if not lock.locked():
                self._locks.pop(intent.order_ref, None)

    async def _submit_one(self, intent: OrderIntent, claim: Claim, venue: str, attempt: Attempt) -> OrderReport:
        connection = await self.session.ready()
        _must_be_live(claim, connection)
        row = self.session.table.of(venue, intent.order_ref)
        if row is not None:
            return self._told(intent, row)
        try:
            listed = await self.contracts.listed(intent.symbol)
        except InputError as error:
            return _of(intent, OrderStatus.REJECTED, str(error))
        refusal = why_not(intent, listed)
        if refusal:
            return _of(intent, OrderStatus.REJECTED, refusal)
        order = leaving(intent, listed, venue, self._style_of(intent.account))
        await self.session.orders.turn()
        # Nothing is awaited between this look and the write: it is the same socket, and it is up.
        if self.session.orders.live() is not connection or not connection.is_ready:
            raise Temporary("the session must stay the same until an order leaves, did not; it is planned anew")
        row = self._write(intent, order, listed, claim, connection, attempt)
        return await self._answer(intent, row, connection)

    def _write(
        self, intent: OrderIntent, order: Leaving, listed: Listed, claim: Claim, connection: Connection,
        attempt: Attempt,
    ) -> Row:  # fmt: skip
        """The wire: written once, and there is no second try."""
        line, table = self.session.orders, self.session.table
        order_id = claim.order_id or max(line.next_id, table.highest_id + 1)
        made, contract = wire_order(order), wire_contract(listed)
        attempt.leave()
        row = table.place(intent, order.account, client_id=line.client_id, order_id=order_id)
        row.asset = listed.asset
        with suppress(ConnectionError):
            connection.client.placeOrder(order_id, contract, made)
        line.next_id = max(line.next_id, order_id + 1)
        return row

    async def _answer(self, intent: OrderIntent, row: Row, connection: Connection) -> OrderReport:
        """Wait for a sign of life, then a moment for its trade; what an error says is asked for before it is told."""
        broken = connection.broken.is_set
        await self.session.until(lambda: row.seen or bool(row.suspected) or broken(), ACK_SECONDS)
        for _ in range(_ASKED_AGAIN_MAX):
            if row.suspected and not row.state.is_done and not broken():
                await self.session.round(row.account)
        if row.seen and not row.state.is_done:
            patience = TRADE_SECONDS if intent.limit_price is None else REST_SECONDS
            await self.session.until(lambda: row.state.is_done or bool(row.suspected) or broken(), patience)
        if row.filled > 0:
            await self.session.until(lambda: self.session.table.costs_known(row) or broken(), TRADE_SECONDS)
        if row.suspected and not row.state.is_done and not broken():
            await self.session.round(row.account)
        return self._told(intent, row)

    def _told(self, intent: OrderIntent, row: Row) -> OrderReport:
        """What is known of an order that was sent before: at worst that nothing is."""
        report = self.session.table.report(row, intent.account, self._reads.quality)
        if report.status is not OrderStatus.UNKNOWN:
            return report
        why = row.message or f"no sign of life in {ACK_SECONDS:.0f} s, or the connection ended before it"
        return _of(intent, OrderStatus.UNKNOWN, why)

    async def _cancel(self, account: str, venue: str, order_ref: str) -> OrderReport:
        connection = await self.session.ready()
        (report,) = await self._reads.reports_now(account, venue, (order_ref,))
        row = self.session.table.of(venue, order_ref)
        if row is None or report.status.is_done:
            return report
        line = self.session.orders
        if row.order_id <= 0 or row.client_id != line.client_id:
            text = f"only who placed it may cancel it: client {row.client_id}, we are {line.client_id}"
            return OrderReport(
                order_ref=order_ref, symbol=row.symbol, side=row.side, quantity=row.quantity, status=row.state,
                filled=row.filled, fills=report.fills, message=text, venue_id=report.venue_id,
            )  # fmt: skip
        await line.turn()
        if line.live() is not connection or not connection.is_ready:
            raise Temporary("the session must stay the same while an order is cancelled, did not; ask again")
        connection.client.cancelOrder(row.order_id)
        await self.session.until(
            lambda: row.state.is_done or bool(row.suspected) or connection.broken.is_set(), CANCEL_SECONDS
        )
        if not row.state.is_done and not connection.broken.is_set():
            await self.session.round(venue)
        return self._reads.report(account, order_ref, row)


def _must_be_live(claim: Claim, connection: Connection) -> None:
    if claim != NO_CLAIM and claim.session != connection.session:
        raise Temporary(f"the session must be {claim.session} to send, is {connection.session}; nothing was sent")


def _of(intent: OrderIntent, status: OrderStatus, message: str) -> OrderReport:
    return OrderReport(
        order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity, status=status,
        message=message,
    )  # fmt: skip


__all__ = ["IbkrBroker", "capped", "not_sent"]

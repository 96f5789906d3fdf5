"""The simulated broker: the `Broker` port and the administration of accounts over one venue store."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from prudent.brokers.simulated.reads import NAME, SimulatedReads, not_sent, unknown
from prudent.brokers.simulated.storage import ACTION, Acted, Transfer, TransferKind, VenueStore
from prudent.domain.accounts import AccountSnapshot, Position
from prudent.domain.corporate_actions import CorporateAction
from prudent.domain.errors import InputError, Temporary
from prudent.domain.mandate import CostModel
from prudent.domain.money import is_finite, plain, to_cents
from prudent.domain.orders import Fill, OrderIntent, OrderReport
from prudent.exchange.actions import act, cash_of
from prudent.exchange.book import Book, Terms
from prudent.exchange.rules import opening_refusal
from prudent.exchange.venue import Venue
from prudent.ports import (
    NO_CLAIM,
    BrokerTraits,
    Calendar,
    Claim,
    Clock,
    Instruments,
    Link,
    Listing,
    MarketData,
)

TRAITS = BrokerTraits(shorting=True)


class SimulatedBroker:
    """Implements `Broker`. When `submit` returns, order and fills are stored for good.

    An order that meets an open market trades inside `submit`; the rest is traded by the passing of time, whoever
    looks. There is nothing to wait for: `wait` brings the venue up to the clock and reports.
    """

    def __init__(
        self, store: VenueStore, market: MarketData, calendar: Calendar, clock: Clock, *,
        instruments: Instruments | None = None, venue: Venue | None = None,
    ) -> None:  # fmt: skip
        self._venue = Venue(TRAITS, instruments=instruments) if venue is None else venue
        self._store = store
        self._clock = clock
        self._reads = SimulatedReads(store, market, calendar, clock, venue=self._venue)

    @property
    def name(self) -> str:
        return NAME

    @property
    def traits(self) -> BrokerTraits:
        return self._venue.traits

    def reads(self) -> SimulatedReads:
        """A view of the venue that cannot trade; it leads back to no `submit`."""
        return self._reads

    def snapshot(self, account: str) -> AccountSnapshot:
        return self._reads.snapshot(account)

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        return self._reads.reports(account, order_refs)

    def wait(self, account: str, order_refs: Sequence[str], *, seconds: float) -> tuple[OrderReport, ...]:
        del seconds
        return self._reads.reports(account, order_refs)

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]:
        return self._reads.fills(account, since=since)

    def link(self, account: str) -> Link:
        return self._reads.link(account)

    def listing(self, account: str) -> Listing:
        return self._reads.listing(account)

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        self._reads.settle(intent.account)
        if claim != NO_CLAIM and claim.session != NAME:
            raise Temporary(f"the session must be {claim.session} to send, is {NAME}; nothing was sent, try again")
        known = self._known(intent.account, intent.order_ref)
        if known is not None:
            return known
        quote, moment = self._reads.quote(intent.symbol), self._reads.moment()
        with self._store.writing() as venue:
            order = venue.order(intent.account, intent.order_ref)
            if order is None:
                book = _book_of(venue.book(intent.account), intent.account)
                change = self._venue.place(book, intent, quote, moment)
                venue.save(book, change)
                (order,) = change.orders
        return order.report()

    def cancel(self, account: str, order_ref: str) -> OrderReport:
        self._reads.settle(account)
        with self._store.writing() as venue:
            book = _book_of(venue.book(account), account)
            change = self._venue.cancel(book, order_ref)
            if change.orders:
                venue.save(book, change)
            order = venue.order(account, order_ref)
        return not_sent(order_ref) if order is None else order.report()

    def has_account(self, account: str) -> bool:
        with self._store.reading() as venue:
            return venue.book(account) is not None

    def open_account(  # noqa: PLR0913 - one line per thing agreed when an account is opened
        self, account: str, *, currency: str = "USD", cash: Decimal, positions: Sequence[Position] = (),
        allow_short: bool = False, costs: CostModel = CostModel.IBKR_FIXED, slippage_bps: Decimal = Decimal(2),
    ) -> None:  # fmt: skip
        """Open an account; opening it again with the same content changes nothing.

        Raises:
            InputError: cash or a position cannot be, or an account of that name holds something else.
        """
        now = self._clock.now()
        terms = Terms(currency=currency, allow_short=allow_short, costs=costs, slippage_bps=slippage_bps)
        opening = Book(
            account=account, terms=terms, cash=_cents(cash, "opening cash"), holdings=_opening(positions, terms, now)
        )
        with self._store.writing() as venue:
            before = venue.opening(account)
            if before is None:
                venue.open_book(opening, now)
            elif _content(before) != _content(opening):
                raise InputError(
                    f"account {account} is open at the venue with {plain(before.cash)} {before.terms.currency} and "
                    f"{len(before.holdings)} positions; choose another name or give the same opening"
                )

    def set_terms(self, account: str, *, allow_short: bool, costs: CostModel, slippage_bps: Decimal) -> None:
        """Agree new terms for the orders to come; unchanged terms write nothing."""
        with self._store.writing() as venue:
            book = _book_of(venue.book(account), account)
            terms = replace(book.terms, allow_short=allow_short, costs=costs, slippage_bps=slippage_bps)
            if terms != book.terms:
                venue.save_terms(book, replace(book, terms=terms))

    def transfer(self, account: str, amount: Decimal, kind: TransferKind | str, *, ref: str, at: datetime) -> None:
        """Book money in or out once per `ref`; `amount` is above 0, `kind` says which way it goes.

        Raises:
            InputError: the amount cannot be, more is withdrawn than can be spent, or `ref` meant something else.
        """
        if ref.startswith(ACTION):
            raise InputError(f"a transfer's ref must not begin with {ACTION}, was {ref!r}; choose another one")
        wanted = Transfer(account=account, ref=ref, kind=_kind(kind), amount=_positive_cents(amount), at=at)
        self._reads.settle(account)
        with self._store.writing() as venue:
            book = _book_of(venue.book(account), account)
            booked = venue.transfer(account, ref)
            if booked is not None:
                if (booked.kind, booked.amount) != (wanted.kind, wanted.amount):
                    was = f"{booked.kind} of {plain(booked.amount)}"
                    raise InputError(f"transfer {ref} is booked as {was}; use a new ref for another transfer")
                return
            free = book.spendable()
            if wanted.kind is TransferKind.WITHDRAW and wanted.amount > free:
                raise InputError(
                    f"cannot withdraw {plain(wanted.amount)} from {account}: {plain(free)} {book.terms.currency} "
                    "can be spent; withdraw less or sell first"
                )
            after = replace(book, cash=book.cash + wanted.kind.sign * wanted.amount)
            venue.save_transfer(book, after, wanted)

    def act(
        self, account: str, actions: Sequence[CorporateAction], *, at: datetime
    ) -> tuple[CorporateAction, ...]:  # fmt: skip
        """Book what companies do to their holders, in that order, each once per symbol, day and kind.

        It is booked on the action's own day and before its open, so that what trades there trades in new shares. Gives
        those that were booked by this call for a holding; a ledger is told all of them, it too books each once.

        Raises:
            InputError: the clock stands on another day than the action's, or its session has opened.
        """
        self._reads.settle(account)
        day = self._reads.opens_today()
        late = next((each for each in actions if each.day != day), None)
        if late is not None:
            raise InputError(
                f"{late.ref} must be booked on {late.day} before the open, was asked for at {self._clock.now()}; "
                "move the clock there"
            )
        return tuple(each for each in actions if self._acted(account, each, at))

    def _acted(self, account: str, action: CorporateAction, at: datetime) -> bool:
        with self._store.writing() as venue:
            book = _book_of(venue.book(account), account)
            change = act(book, action)
            if change.book == book or venue.acted(account, action.ref) is not None:
                return False
            venue.save_action(
                book, change, Acted(account=account, ref=action.ref, cash=cash_of(book, action), at=at)
            )
        return bool(book.held(action.symbol))

    def _known(self, account: str, order_ref: str) -> OrderReport | None:
        with self._store.reading() as venue:
            order = venue.order(account, order_ref)
        return None if order is None else order.report()


def _book_of(book: Book | None, account: str) -> Book:
    if book is None:
        raise unknown(account)
    return book


def _kind(kind: TransferKind | str) -> TransferKind:
    if kind not in set(TransferKind):
        raise InputError(f"transfer must be one of {', '.join(TransferKind)}, was {kind!r}")
    return TransferKind(kind)


def _cents(amount: Decimal, what: str) -> Decimal:
    if not (is_finite(amount) and amount >= 0 and to_cents(amount) == amount):
        raise InputError(f"{what} must be an amount from 0 in whole cents, was {amount}; correct it")
    return to_cents(amount)


def _positive_cents(amount: Decimal) -> Decimal:
    if _cents(amount, "a transfer") == 0:
        raise InputError("a transfer must be above 0, was 0; give an amount")
    return to_cents(amount)


def _opening(positions: Sequence[Position], terms: Terms, now: datetime) -> dict[str, Position]:
    holdings: dict[str, Position] = {}
    for position in positions:
        refusal = opening_refusal(position, allow_short=terms.allow_short)
        if not refusal and position.symbol in holdings:
            refusal = f"{position.symbol} stands twice in the opening positions; give one row per symbol"
        if refusal:
            raise InputError(refusal)
        holdings[position.symbol] = replace(position, opened=position.opened or now)
    return holdings


def _content(book: Book) -> object:
    rows = sorted((p.symbol, p.quantity, p.average_cost) for p in book.holdings.values())
    return book.cash, book.terms.currency, rows

"""The reading side of the simulated broker: it brings the venue up to the clock, and cannot place an order."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import numpy as np

from prudent.brokers.simulated.storage import VenueStore
from prudent.domain.accounts import AccountSnapshot
from prudent.domain.errors import InputError
from prudent.domain.money import ZERO, from_float
from prudent.domain.orders import Fill, OrderReport, OrderStatus, Side
from prudent.domain.quotes import Quality, Quote
from prudent.exchange.book import Book, Change
from prudent.exchange.venue import Moment, SessionBar, Venue
from prudent.ports import Bars, BrokerTraits, Calendar, Clock, Link, Listing, MarketData, Session

NAME = "simulated"
# How far back a listing shows orders that have ended, and executions.
LISTED = timedelta(days=1)
_WORST_LAST = (Quality.REAL, Quality.DERIVED, Quality.SYNTHETIC)


class SimulatedReads:
    """Snapshot, reports and fills as of the clock.

    Time, not the reader, is what trades a resting order: whoever looks first after an open finds it traded there.
    Two looks at the same time see the same and store nothing the second time.
    """

    def __init__(
        self, store: VenueStore, market: MarketData, calendar: Calendar, clock: Clock, *, venue: Venue
    ) -> None:
        self._store = store
        self._market = market
        self._calendar = calendar
        self._clock = clock
        self._venue = venue

    @property
    def name(self) -> str:
        return NAME

    @property
    def traits(self) -> BrokerTraits:
        return self._venue.traits

    def snapshot(self, account: str) -> AccountSnapshot:
        book = self.settle(account)
        return AccountSnapshot(
            account=account, currency=book.terms.currency, cash=book.cash,
            positions=tuple(book.holdings[symbol] for symbol in sorted(book.holdings)),
            open_orders=tuple(order.open_order() for order in book.orders),
            as_of=self._clock.now(), source=NAME,
        )  # fmt: skip

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        self.settle(account)
        with self._store.reading() as venue:
            found = [(ref, venue.order(account, ref)) for ref in order_refs]
        return tuple(not_sent(ref) if order is None else order.report() for ref, order in found)

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]:
        self.settle(account)
        with self._store.reading() as venue:
            fills = venue.fills(account)
        return tuple(fill for fill in fills if since is None or fill.time >= since)

    def link(self, account: str) -> Link:
        """The venue lies in this process: it is always up, and an order that it does not list is not there."""
        with self._store.reading() as venue:
            if venue.book(account) is None:
                raise unknown(account)
        return Link(session=NAME)

    def listing(self, account: str) -> Listing:
        now = self._clock.now()
        snapshot = self.snapshot(account)
        with self._store.reading() as venue:
            orders = venue.orders(account, now - LISTED)
            fills = venue.fills(account)
        return Listing(
            account=account, session=NAME, asked=now, ended=now, complete=True,
            orders=tuple(order.report() for order in orders),
            fills=tuple(fill for fill in fills if fill.time >= now - LISTED), snapshot=snapshot,
        )  # fmt: skip

    def moment(self) -> Moment:
        """The clock's time as the venue sees it."""
        now = self._clock.now()
        is_open = self._calendar.is_open(now)
        inside = now if is_open else self._calendar.next_open(now)
        return Moment(now=now, open=is_open, session=self._calendar.session_of(inside))

    def opens_today(self) -> date | None:
        """The day of the session that the clock stands before; None once it has opened, or is over."""
        now = self._clock.now()
        session = self._calendar.session_of(now)
        return session.date if now < session.open else None

    def quote(self, symbol: str) -> Quote:
        (quote,) = self._market.quotes((symbol,))
        return quote

    def settle(self, account: str) -> Book:
        """Trade and expire what time has traded and expired since the last look; the book as it then is.

        Raises:
            InputError: no such account.
        """
        with self._store.reading() as venue:
            book = venue.book(account)
        if book is None:
            raise unknown(account)
        if not book.orders:
            return book
        moment = self.moment()
        symbols = tuple(sorted({order.intent.symbol for order in book.orders}))
        past = [(session, self._session_bars(symbols, session)) for session in self._waited_through(book, moment.now)]
        quotes = {quote.symbol: quote for quote in self._market.quotes(symbols)} if moment.open else {}
        if not self._caught_up(book, past, quotes, moment).orders:
            return book
        with self._store.writing() as venue:
            # Read again under the lock: another process may have settled the same orders meanwhile.
            book = venue.book(account) or book
            change = self._caught_up(book, past, quotes, moment)
            venue.save(book, change)
        return change.book

    def _caught_up(
        self, book: Book, past: Sequence[tuple[Session, Mapping[str, SessionBar]]], quotes: Mapping[str, Quote],
        moment: Moment,
    ) -> Change:  # fmt: skip
        change = Change(book=book)
        for session, bars in past:
            change = change.then(self._venue.match_session(change.book, bars, session))
        change = change.then(self._venue.expire_day_orders(change.book, moment.now))
        return change.then(self._venue.match(change.book, quotes, moment))

    def _waited_through(self, book: Book, now: datetime) -> list[Session]:
        # Completed sessions that some live order saw from their open on.
        first = min(order.accepted for order in book.orders)
        sessions = self._calendar.sessions(first.date(), now.date())
        return [session for session in sessions if first <= session.open and session.close <= now]

    def _session_bars(self, symbols: tuple[str, ...], session: Session) -> dict[str, SessionBar]:
        bars = self._market.daily(symbols, sessions=1, end=session.date)
        if not len(bars.times) or bars.times[-1].astype("datetime64[D]") != np.datetime64(session.date):
            return {}
        found = ((symbol, _bar(bars, i)) for i, symbol in enumerate(bars.symbols))
        return {symbol: bar for symbol, bar in found if bar is not None}


def _bar(bars: Bars, i: int) -> SessionBar | None:
    names = ("open", "high", "low")
    values = [float(bars.fields[name][-1, i]) for name in names]
    if not all(value > 0.0 for value in values):
        return None
    opened, high, low = (from_float(value) for value in values)
    quality = max((bars.quality[name][i] for name in names), key=_WORST_LAST.index)
    return SessionBar(open=opened, high=high, low=low, quality=quality)


def not_sent(order_ref: str) -> OrderReport:
    """The answer about an order that the venue has never seen."""
    return OrderReport(
        order_ref=order_ref, symbol="", side=Side.BUY, quantity=ZERO, status=OrderStatus.NOT_SENT,
        message="the venue has no order of that ref",
    )  # fmt: skip


def unknown(account: str) -> InputError:
    return InputError(f"account must be one that the simulated venue holds, was {account!r}; add it first")

"""The market that the paper exchange and the gateway ask: facts, quotes and hours at the time of its clock."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from prudent.analytics.options import Greeks
from prudent.domain.orders import Side
from prudent.exchange.paper.words import Contract, Facts, Hours, SecType, Top
from prudent.gateway.market.details import RULES, Details, Query, Ticks
from prudent.gateway.market.expiring import Futures, OptionParams, Options
from prudent.gateway.market.history import Bar, History
from prudent.gateway.market.listings import Found, Listings
from prudent.gateway.market.quotes import Moment, Quotes
from prudent.gateway.market.series import AllSeries, Source
from prudent.gateway.market.spans import FX_HOURS, GLOBEX, NEW_YORK, ZONE_TEXT, Spans
from prudent.gateway.market.spots import Spots
from prudent.marketdata.instruments import InstrumentMaster
from prudent.ports import Calendar, Clock, Instruments

NOT_OPTIONABLE = ("VIX", "TNX")
# What is quoted anew each second and not between: futures count their volume by the moment, options lose their time.
BY_THE_SECOND = (SecType.STOCK, SecType.INDEX, SecType.FX)


class PaperMarket:
    """`words.Market`, and what contract details, searches, chains and bars need, all as of the clock's time.

    Prices follow `source` where it has a symbol, else a seeded walk. There are no corporate actions, halts or borrow
    limits, and every order book is only its top.
    """

    def __init__(
        self,
        clock: Clock,
        calendar: Calendar,
        source: Source,
        *,
        seed: int = 1,
        instruments: Instruments | None = None,
    ) -> None:
        self._clock = clock
        self._listings = Listings((instruments or InstrumentMaster()).all(), source.symbols)
        self.series = AllSeries(source, calendar, seed_number=seed, listed=_spots_of(self._listings))
        self.spots = Spots(self.series)
        self.quotes = Quotes(self.spots, seed_number=seed)
        self._history = History(self.spots, self.quotes, clock.now)
        self._futures = Futures()
        self._options = Options(_optionable(self._listings))
        # An order looks at all that its account holds, and orders come in bursts.
        self._tops: dict[int, tuple[int, Top]] = {}
        self._spans: Mapping[SecType, Spans] = {
            SecType.STOCK: Spans(calendar, extended=True),
            SecType.OPTION: Spans(calendar),
            SecType.INDEX: Spans(calendar),
            SecType.COMBO: Spans(calendar),
            SecType.FUTURE: Spans(calendar, hourly=GLOBEX),
            SecType.CONTINUOUS: Spans(calendar, hourly=GLOBEX),
            SecType.FX: Spans(calendar, hourly=FX_HOURS),
        }

    def now(self) -> datetime:
        """The clock's time."""
        return self._clock.now()

    def facts(self, con_id: int) -> Facts | None:
        found = self.details(con_id)
        return None if found is None else found.facts

    def top(self, con_id: int) -> Top | None:
        found = self.details(con_id)
        if found is None:
            return None
        at = self._clock.now()
        if found.contract.sec_type not in BY_THE_SECOND:
            return self.quotes.top(found, self.moment(found, at))
        second, kept = int(at.timestamp()), self._tops.get(con_id)
        if kept is None or kept[0] != second:
            kept = self._tops[con_id] = (second, self.quotes.top(found, self.moment(found, at)))
        return kept[1] if kept[1].time == at else replace(kept[1], time=at)

    def hours(self, con_id: int, at: datetime) -> Hours:
        """Hours of the contract; of an American stock where the id is unknown, or 0 for a combo."""
        found = self.details(con_id)
        kind = SecType.OPTION if found is None else found.contract.sec_type
        return self._spans[kind].hours(at)

    def rate(self, currency: str) -> Decimal | None:
        return self.quotes.rate(currency, self._clock.now())

    def details(self, con_id: int) -> Details | None:
        """What there is to say of a contract, without its hours as text; None for an unknown id."""
        found = self._listings.by_id(con_id) or self._futures.by_id(con_id)
        return found or self._options.by_id(con_id, self._today())

    def listed(self) -> tuple[Details, ...]:
        """Every contract that does not expire."""
        return self._listings.all()

    def find(self, query: Query) -> tuple[Details, ...]:
        """Every contract that the question may mean, with hours as text; none where it fits nothing.

        An expired contract is found with `include_expired` only, for a year after its end; `details` knows it still.
        """
        texts: dict[Spans, tuple[str, str]] = {}
        return tuple(self._with_hours(each, texts) for each in self.matches(query))

    def search(self, pattern: str) -> tuple[Found, ...]:
        """Stocks and indices by the beginning of their symbol or a part of their name."""
        return self._listings.search(pattern)

    def option_params(self, con_id: int) -> tuple[OptionParams, ...]:
        """Expiries and strikes of options on an underlying, once for each exchange; none where it has no options."""
        under = self._listings.by_id(con_id)
        price = None if under is None else self.quotes.middle(under, self._clock.now())
        return () if under is None or price is None else self._options.params(under, self._today(), price)

    def model(self, con_id: int) -> Greeks | None:
        """An option's greeks by the model; None for anything else."""
        found = self.details(con_id)
        return None if found is None else self.quotes.model(found, self._clock.now())

    def bars(
        self, con_id: int, show: str, size: timedelta, begin: datetime, end: datetime, *, use_rth: bool
    ) -> tuple[Bar, ...]:
        """Historical bars up to now, the one in progress included; none for a combo or an unknown contract.

        `show` is TRADES, ADJUSTED_LAST, MIDPOINT, BID, ASK or BID_ASK. `end` is not part of the span, but bars of a
        day and longer hold whole days.
        """
        found = self.details(con_id)
        if found is None:
            return ()
        spans = self._spans[found.contract.sec_type]
        return self._history.bars(found, spans, show, size, (begin, end), use_rth=use_rth)

    def head(self, con_id: int) -> datetime | None:
        """When the first bar of a contract begins; None for a combo or an unknown contract."""
        found = self.details(con_id)
        return None if found is None else self._history.head(found)

    def rule(self, number: int) -> Ticks | None:
        """The increments of a market rule; None for an unknown one."""
        return RULES.get(number)

    def moment(self, details: Details, at: datetime | None = None) -> Moment:
        """Where the contract's trading day stands now, or at another moment."""
        when = at or self._clock.now()
        spans = self._spans[details.contract.sec_type]
        return Moment(at=when, hours=spans.hours(when), first=spans.day_begun(when))

    def combo_fault(self, contract: Contract) -> str | None:
        """Why a combo cannot be traded; None for a good one of two to four legs on known contracts."""
        if not 2 <= len(contract.legs) <= 4:
            return f"a combo must have 2 to 4 legs, was {len(contract.legs)}"
        if len({leg.con_id for leg in contract.legs}) != len(contract.legs):
            return "a combo must not have one contract twice"
        for leg in contract.legs:
            found = self.facts(leg.con_id)
            if found is None or not found.tradable:
                return f"leg {leg.con_id} must be a contract that trades"
            if leg.ratio < 1:
                return f"ratio of leg {leg.con_id} must be 1 or more, was {leg.ratio}"
            if found.contract.currency != contract.currency:
                return f"leg {leg.con_id} must trade in {contract.currency}, was {found.contract.currency}"
        return None

    def combo_top(self, contract: Contract) -> Top | None:
        """The top of a combo from its legs: what buying it costs, and what selling it brings; either may be below 0."""
        if self.combo_fault(contract) is not None:
            return None
        bid, ask, last = Decimal(0), Decimal(0), Decimal(0)
        for leg in contract.legs:
            top = self.top(leg.con_id)
            if top is None or top.bid is None or top.ask is None or top.last is None:
                return Top(con_id=contract.con_id, time=self._clock.now())
            gives, costs = (top.bid, top.ask) if leg.action is Side.BUY else (-top.ask, -top.bid)
            bid, ask = bid + leg.ratio * gives, ask + leg.ratio * costs
            last += leg.ratio * (top.last if leg.action is Side.BUY else -top.last)
        size = Decimal(10)
        return Top(con_id=contract.con_id, time=self._clock.now(), bid=bid, ask=ask, last=last, bid_size=size,
                   ask_size=size)  # fmt: skip

    def matches(self, query: Query) -> tuple[Details, ...]:
        """What `find` gives, without hours."""
        if query.con_id and not query.sec_type:
            found = self.details(query.con_id)
            is_over = found is not None and found.expiry_day is not None and found.expiry_day < self._today()
            return (found,) if found is not None and found.fits(query) and query.include_expired >= is_over else ()
        if query.sec_type in (SecType.FUTURE, SecType.CONTINUOUS):
            return self._futures.find(query, self._today())
        if query.sec_type == SecType.OPTION:
            return self._option_rows(query)
        return self._listings.find(query) if query.root or query.con_id or query.local_symbol else ()

    def _option_rows(self, query: Query) -> tuple[Details, ...]:
        under = self._options.underlying(query.root)
        price = None if under is None else self.quotes.middle(under, self._clock.now())
        return self._options.find(query, self._today(), price)

    def _with_hours(self, details: Details, texts: dict[Spans, tuple[str, str]]) -> Details:
        spans, at = self._spans[details.contract.sec_type], self._clock.now()
        if spans not in texts:
            texts[spans] = (spans.text(at, liquid=False), spans.text(at, liquid=True))
        trading, liquid = texts[spans]
        return replace(details, time_zone=ZONE_TEXT[spans.zone], trading_hours=trading, liquid_hours=liquid)

    def _today(self) -> date:
        return self._clock.now().astimezone(NEW_YORK).date()


def _spots_of(listings: Listings) -> tuple[str, ...]:
    return tuple(details.spot for details in listings.all())


def _optionable(listings: Listings) -> dict[str, Details]:
    rows = (each for each in listings.all() if each.contract.currency == "USD")
    kinds = (SecType.STOCK, SecType.INDEX)
    return {
        each.contract.symbol: each
        for each in rows
        if each.contract.sec_type in kinds and each.contract.symbol not in NOT_OPTIONABLE
    }

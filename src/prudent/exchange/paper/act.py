"""One act of the paper exchange at one moment: what it may look at, what it changes, and what it tells."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from prudent.domain.money import ZERO
from prudent.domain.orders import Side
from prudent.exchange.paper.books import Books, Order
from prudent.exchange.paper.words import (
    Contract,
    Event,
    Facts,
    Hours,
    Market,
    Phase,
    Refusal,
    SecType,
    Status,
    Top,
)

BASE = "USD"
CANCELLED = "Order Canceled - reason:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What may be chosen about the exchange: until how long before the close orders for the close are taken."""

    close_cutoff: timedelta = timedelta(minutes=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The top of the book of a contract or, summed over its legs, of a combo; a size of 0 is not known."""

    time: datetime
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal = ZERO
    ask_size: Decimal = ZERO
    last: Decimal | None = None
    open: Decimal | None = None
    close: Decimal | None = None

    def opposite(self, side: Side) -> Decimal | None:
        return self.ask if side is Side.BUY else self.bid

    def size(self, side: Side) -> Decimal:
        return self.ask_size if side is Side.BUY else self.bid_size

    @property
    def middle(self) -> Decimal | None:
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2

    @property
    def worth(self) -> Decimal | None:
        """What a holding is valued at."""
        return next((price for price in (self.middle, self.last, self.close) if price is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one unit of an order trades of one contract: itself, or a leg of a combo with its ratio and direction."""

    contract: Contract
    ratio: int
    sign: int


class Act:
    """Looks at the market once per contract, so that all of an act sees one moment.

    `allowed` keeps what `margin.allows` found, for an order that trades at once asks the same again.
    """

    def __init__(self, books: Books, market: Market, terms: Terms, at: datetime) -> None:
        self.books = books
        self.terms = terms
        self.at = at
        self.events: list[Event] = []
        self._market = market
        self._tops: dict[int, Top | None] = {}
        self._worths: dict[int, Decimal | None] = {}
        self._quotes: dict[int, Quote | None] = {}
        self._facts: dict[int, Facts | None] = {}
        self._hours: dict[int, Hours] = {}
        self.allowed: dict[tuple[object, ...], str] = {}

    @cached_property
    def rates(self) -> dict[str, Decimal]:
        return {BASE: Decimal(1)}

    def facts(self, con_id: int) -> Facts | None:
        if con_id not in self._facts:
            self._facts[con_id] = self._market.facts(con_id)
        return self._facts[con_id]

    def top(self, con_id: int) -> Top | None:
        if con_id not in self._tops:
            self._tops[con_id] = self._market.top(con_id)
        return self._tops[con_id]

    def hours(self, contract: Contract) -> Hours:
        """Of a combo, those of its first leg."""
        con_id = _hours_by(contract)
        if con_id not in self._hours:
            self._hours[con_id] = self._market.hours(con_id, self.at)
        return self._hours[con_id]

    def hours_at(self, contract: Contract, at: datetime) -> Hours:
        return self._market.hours(_hours_by(contract), at)

    def rate(self, currency: str) -> Decimal | None:
        if currency not in self.rates:
            found = self._market.rate(currency)
            if found is None:
                return None
            self.rates[currency] = found
        return self.rates[currency]

    def in_base(self, amount: Decimal, currency: str) -> Decimal:
        """An amount without a rate counts as nothing; entry refuses contracts in such a currency."""
        return amount * (self.rate(currency) or ZERO)

    def parts(self, contract: Contract) -> tuple[Part, ...]:
        """What a unit bought of it trades; empty where a leg is unknown."""
        if contract.sec_type is not SecType.COMBO:
            return (Part(contract=contract, ratio=1, sign=1),)
        found = [(leg, self.facts(leg.con_id)) for leg in contract.legs]
        return tuple(
            Part(contract=facts.contract, ratio=leg.ratio, sign=leg.action.sign)
            for leg, facts in found
            if facts is not None
        )

    def quote(self, contract: Contract) -> Quote | None:
        """None where nothing is known of it, or trading in any of it is halted."""
        if contract.sec_type is SecType.COMBO:
            return self._quote(contract)
        if contract.con_id not in self._quotes:
            self._quotes[contract.con_id] = self._quote(contract)
        return self._quotes[contract.con_id]

    def _quote(self, contract: Contract) -> Quote | None:
        parts = self.parts(contract)
        tops = [top for part in parts if (top := self.top(part.contract.con_id)) is not None and not top.halted]
        if not tops or len(tops) != max(len(parts), len(contract.legs)):
            return None
        if contract.sec_type is SecType.COMBO:
            return _combined(parts, tops)
        (top,) = tops
        return Quote(
            time=top.time, bid=top.bid, ask=top.ask, bid_size=top.bid_size, ask_size=top.ask_size, last=top.last,
            open=top.open, close=top.close,
        )  # fmt: skip

    def worth(self, con_id: int) -> Decimal | None:
        """What one unit is valued at, halted or not; None where no price is known."""
        if con_id not in self._worths:
            top = self.top(con_id)
            self._worths[con_id] = None if top is None else Quote(
                time=top.time, bid=top.bid, ask=top.ask, last=top.last, close=top.close
            ).worth  # fmt: skip
        return self._worths[con_id]

    def tell(self, order: Order) -> Order:
        """Keeps the order and tells it."""
        order = replace(order, view=replace(order.view, changed=self.at))
        self.books.put_order(order)
        self.events.append(Event(order=order.view))
        return order

    def refuse(self, refusal: Refusal) -> None:
        self.events.append(Event(refusal=refusal))

    def warn(self, order: Order, code: int, text: str) -> None:
        client_id, order_id = order.id
        self.refuse(Refusal(code=code, text=text, client_id=client_id, order_id=order_id, warning=True))

    def end(self, order: Order, reason: str = "", status: Status = Status.CANCELLED) -> None:
        """Ends a live order; 202 says so to its client."""
        self.tell(replace(order, view=replace(order.view, status=status, why_held="", refused=reason)))
        client_id, order_id = order.id
        self.refuse(Refusal(code=202, text=CANCELLED + reason, client_id=client_id, order_id=order_id))

    def is_open(self, contract: Contract, *, outside: bool) -> bool:
        phase = self.hours(contract).phase
        return phase is Phase.REGULAR or (outside and phase in (Phase.PRE, Phase.AFTER))


def _hours_by(contract: Contract) -> int:
    return contract.legs[0].con_id if contract.legs else contract.con_id


def _combined(parts: Sequence[Part], tops: Sequence[Top]) -> Quote:
    """Buying the combo pays the ask of legs bought and gets the bid of legs sold; sizes are in whole combos."""
    bids = [top.bid if part.sign > 0 else top.ask for part, top in zip(parts, tops)]
    asks = [top.ask if part.sign > 0 else top.bid for part, top in zip(parts, tops)]
    sizes = [
        (top.bid_size // part.ratio, top.ask_size // part.ratio)[:: part.sign] for part, top in zip(parts, tops)
    ]  # fmt: skip
    return Quote(
        time=max(top.time for top in tops),
        bid=_net(parts, bids), ask=_net(parts, asks),
        bid_size=min(bid for bid, _ in sizes), ask_size=min(ask for _, ask in sizes),
        last=_net(parts, [top.last for top in tops]),
        open=_net(parts, [top.open for top in tops]), close=_net(parts, [top.close for top in tops]),
    )  # fmt: skip


def _net(parts: Sequence[Part], prices: Sequence[Decimal | None]) -> Decimal | None:
    known = [part.sign * part.ratio * price for part, price in zip(parts, prices) if price is not None]
    return sum(known, ZERO) if len(known) == len(parts) else None

"""The market as faults bend it: books that show little, prices that are away, quotes that stand still or cross."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from prudent.exchange.paper.words import Contract, Facts, Hours, Market, Top
from prudent.gateway.faults import Do, Faults
from prudent.gateway.market.prices import rounded

_NUDGE = timedelta(microseconds=1)


@dataclass(slots=True)
class Thin:
    """A book that shows `quantity` on each side, anew at each `turn`; none after `parts` of them where that is set."""

    quantity: Decimal
    parts: int
    turn: int = 0


class Bent:
    """Implements `words.Market` over another one; `shown` is what clients are told, `top` what orders meet."""

    def __init__(self, market: Market, faults: Faults) -> None:
        self.faults = faults
        self.thin: dict[int, Thin] = {}
        self._market = market
        self._frozen: dict[int, Top] = {}

    def facts(self, con_id: int) -> Facts | None:
        return self._market.facts(con_id)

    def hours(self, con_id: int, at: datetime) -> Hours:
        return self._market.hours(con_id, at)

    def rate(self, currency: str) -> Decimal | None:
        return self._market.rate(currency)

    def top(self, con_id: int) -> Top | None:
        top = self._market.top(con_id)
        if top is None or not (self.faults or self.thin):
            return top
        top = self._gapped(top)
        thin = self.thin.get(con_id)
        return top if thin is None else _thinned(top, thin)

    def shown(self, contract: Contract, top: Top | None) -> Top | None:
        """The quote that a client sees; combinations show what their legs do."""
        if top is None or not self.faults:
            return top
        top = self._gapped(top)
        if self.faults.quoted(Do.STALE_QUOTES, contract.symbol) is None:
            self._frozen.pop(top.con_id, None)
        else:
            top = self._frozen.setdefault(top.con_id, top)
        if self.faults.quoted(Do.CROSSED, contract.symbol) is None or top.bid is None or top.ask is None:
            return top
        return replace(top, bid=top.ask, ask=top.bid)

    def _gapped(self, top: Top) -> Top:
        facts = self._market.facts(top.con_id)
        if facts is None:
            return top
        gap = self.faults.quoted(Do.GAP, facts.contract.symbol)
        if gap is None:
            return top
        times, ticks = 1 + gap.number("share"), facts.ticks

        def away(price: Decimal | None) -> Decimal | None:
            return None if price is None else rounded(ticks, float(price) * times)

        return replace(top, bid=away(top.bid), ask=away(top.ask), last=away(top.last))


def _thinned(top: Top, thin: Thin) -> Top:
    if thin.parts and thin.turn >= thin.parts:
        return replace(top, bid=None, ask=None)
    # What was taken counts for the quote of one moment: each turn is another one.
    return replace(top, time=top.time + thin.turn * _NUDGE, bid_size=thin.quantity, ask_size=thin.quantity)

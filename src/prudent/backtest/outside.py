"""Trading in the hours around a session: limit orders only, in the next bar only, a part of what that bar traded."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from prudent.backtest.moments import MomentPrices
from prudent.backtest.request import Request
from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.cycles import Consent, Draft, Next
from prudent.domain.money import ZERO, from_float
from prudent.domain.orders import OrderIntent, OrderType
from prudent.exchange.venue import PARTICIPATION_MAX, Moment
from prudent.marketdata.hours import Hours
from prudent.pipeline.standing import why_broken
from prudent.ports import Calendar, Clock, MarketData, Session

# The last bar ends where its part of the day does; its orders are in a moment before.
BEFORE_END = timedelta(seconds=1)
PRICE_DECIMALS = 4
_RULES = (
    "an order is a limit order 1 % from the price that it was decided on, trades at the end of the next bar or not at "
    "all, and at most a tenth of what that bar traded; the spread is that of the regular session, and stops and other "
    "exits act there only"
)
OUTSIDE = {
    Hours.PRE: f"it decides before the open, from 04:00 New York time: {_RULES}",
    Hours.AFTER: f"it decides in the four hours after the close: {_RULES}",
}


class NextBars:
    """What the exchange knows of the bars around the sessions of a window: closes and volumes, each seen from after it.

    Only fills may read it.
    """

    def __init__(
        self, open_source: Callable[[Clock], MarketData], request: Request, sessions: tuple[Session, ...],
        calendar: Calendar,
    ) -> None:  # fmt: skip
        self._hours = request.session
        self._calendar = calendar
        self._minutes = request.cadence.minutes or 1
        self._begin, self._end = self._hours.span(sessions[0])[0], self._hours.span(sessions[-1])[1]
        self._market = open_source(SimulatedClock(self._end))
        self._read: dict[str, dict[int, tuple[float, float]]] = {}

    def hold(self, moment: datetime) -> bool:
        """True for a moment in these hours."""
        return self._hours.holds(self._calendar.session_of(moment), moment)

    def wait(self, prices: MomentPrices, clock: SimulatedClock) -> datetime:
        """Move the clock to the end of the bar that has just begun, and the prices to what it ends on."""
        now = clock.now()
        end = self._hours.span(self._calendar.session_of(now))[1]
        moment = min(now + timedelta(minutes=self._minutes), end - BEFORE_END)
        prices.stand_at(moment, lambda symbol: self.price(symbol, moment))
        clock.move_to(moment)
        return moment

    def price(self, symbol: str, moment: datetime) -> Decimal | None:
        """The close of the bar that ends at `moment` or in it; None where nothing traded."""
        found = self._bar(symbol, moment)
        return from_float(round(found[0], PRICE_DECIMALS)) if found is not None else None

    def cap(self, intent: OrderIntent, moment: Moment) -> Decimal | None:
        """The most that an order may trade in that bar; None in the regular session."""
        if not self.hold(moment.now):
            return None
        found = self._bar(intent.symbol, moment.now)
        if intent.type is not OrderType.LIMIT or found is None or not found[1] > 0.0:
            return ZERO
        return PARTICIPATION_MAX * from_float(found[1])

    def _bar(self, symbol: str, moment: datetime) -> tuple[float, float] | None:
        # A moment before the end of the last bar, and the end of any other, are both within a bar from its begin.
        step = self._minutes * 60
        begin = int(self._hours.span(self._calendar.session_of(moment))[0].timestamp())
        start = begin + (int(moment.timestamp()) - 1 - begin) // step * step
        return self._bars(symbol).get(start)

    def _bars(self, symbol: str) -> dict[int, tuple[float, float]]:
        if symbol not in self._read:
            bars = self._market.bars((symbol,), minutes=self._minutes, start=self._begin, end=self._end)
            starts = bars.times.astype("datetime64[s]").astype(np.int64).tolist()
            values = zip(bars.fields["close"][:, 0].tolist(), bars.fields["volume"][:, 0].tolist())
            self._read[symbol] = dict(zip(starts, values))
        return self._read[symbol]


def consent_outside(draft: Draft, now: datetime, wait: Callable[[], datetime]) -> Consent:
    """A plan waits for the end of the next bar and goes, or ends there where it no longer holds."""
    if not draft.plan.orders:
        return Consent(next=Next.GO, at=now)
    if draft.guarded is None:
        return Consent(next=Next.REGUARD, at=wait())
    broken = why_broken(draft)
    return Consent(next=Next.END if broken else Next.GO, code=broken, at=now)


def end_orders(desk: Desk, account: str) -> None:
    """Take back what the next bar did not trade: no order waits for a bar after it."""
    for each in desk.ledger.pending_orders(account):
        report = desk.broker.cancel(account, each.order_ref)
        desk.ledger.reported(account, report, at=desk.clock.now())

"""A small true market, calendar and clock for brokers under test: what is put in is what they see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np

from prudent.domain.orders import Effect, OrderIntent, OrderType, Side, TimeInForce
from prudent.domain.quotes import Quality, Quote
from prudent.ports import Bars, Event, Session

MONDAY = date(2024, 3, 4)
NOON = datetime(2024, 3, 4, 17, 0, tzinfo=UTC)
AFTER_CLOSE = datetime(2024, 3, 4, 22, 0, tzinfo=UTC)
TUESDAY_OPEN = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
TUESDAY_CLOSE = datetime(2024, 3, 5, 21, 0, tzinfo=UTC)


@dataclass
class HandClock:
    """A clock that stands where the test puts it."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOON) / timedelta(seconds=1)


class WeekdayCalendar:
    """Sessions from 14:30 to 21:00 UTC on every Monday to Friday."""

    def _on(self, day: date) -> Session:
        return Session(
            date=day,
            open=datetime.combine(day, time(14, 30), tzinfo=UTC),
            close=datetime.combine(day, time(21, 0), tzinfo=UTC),
        )

    def session_of(self, moment: datetime) -> Session:
        day = moment.date()
        while day.weekday() > 4:
            day += timedelta(days=1)
        return self._on(day)

    def is_open(self, moment: datetime) -> bool:
        session = self._on(moment.date())
        return moment.weekday() <= 4 and session.open <= moment < session.close

    def next_open(self, moment: datetime) -> datetime:
        session = self.session_of(moment)
        while session.open < moment:
            session = self.session_of(session.open + timedelta(days=1))
        return session.open

    def sessions(self, first: date, last: date) -> Sequence[Session]:
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [self._on(day) for day in days if day.weekday() <= 4]

    def completed(self, moment: datetime, count: int) -> Sequence[Session]:
        past = self.sessions(moment.date() - timedelta(days=2 * count + 4), moment.date())
        return [session for session in past if session.close <= moment][-count:]


@dataclass
class HandMarket:
    """Quotes and daily bars (open, high, low) as the test writes them."""

    prices: dict[str, Quote] = field(default_factory=dict)
    days: dict[tuple[str, date], tuple[float, float, float]] = field(default_factory=dict)
    source: str = "hand"
    on_quotes: Callable[[], None] | None = None

    def set(self, symbol: str, price: str | None, *, bid: str | None = None, ask: str | None = None,
            adv_dollars: str | None = None, quality: Quality = Quality.REAL) -> None:  # fmt: skip
        self.prices[symbol] = Quote(
            symbol=symbol, price=_decimal(price), bid=_decimal(bid), ask=_decimal(ask),
            adv_dollars=_decimal(adv_dollars), quality=quality,
        )  # fmt: skip

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        told, self.on_quotes = self.on_quotes, None
        if told is not None:
            told()
        return tuple(self.prices.get(symbol, Quote(symbol=symbol, price=None)) for symbol in symbols)

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        assert sessions == 1
        assert end is not None
        rows = np.array([self.days.get((symbol, end), (np.nan,) * 3) for symbol in symbols]).reshape(-1, 3)
        fields = {name: rows[:, i].reshape(1, -1) for i, name in enumerate(("open", "high", "low"))}
        return Bars(
            symbols=tuple(symbols), times=np.array([end], dtype="datetime64[s]"), fields=fields,
            quality={name: (Quality.SYNTHETIC,) * len(symbols) for name in fields}, source=self.source,
        )  # fmt: skip

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        raise AssertionError("a broker reads no intraday bars")

    def series(self, name: str, *, sessions: int) -> Bars:
        raise AssertionError("a broker reads no series")

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        raise AssertionError("a broker reads no events")


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def intent(
    ref: str, effect: Effect = Effect.OPEN, quantity: str = "10", symbol: str = "AAPL", *, account: str = "acc",
    limit: str | None = None, time_in_force: TimeInForce = TimeInForce.DAY,
) -> OrderIntent:  # fmt: skip
    """An order with the side that fits its effect."""
    return OrderIntent(
        order_ref=ref, account=account, symbol=symbol, quantity=Decimal(quantity), effect=effect,
        side=Side.BUY if effect in (Effect.OPEN, Effect.COVER) else Side.SELL,
        type=OrderType.MARKET if limit is None else OrderType.LIMIT, limit_price=_decimal(limit),
        time_in_force=time_in_force,
    )  # fmt: skip

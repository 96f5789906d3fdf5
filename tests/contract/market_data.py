"""What every source of market data promises: one class, inherited by the tests of each source."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import InputError, LookAhead
from prudent.domain.money import is_finite
from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.ports import Clock, MarketData

DAILY = {"open", "high", "low", "close", "volume", "raw_close", "dividend", "split"}
MONDAY_NOON = datetime(2020, 3, 16, 16, 7, 30, tzinfo=UTC)
MONDAY_EVENING = datetime(2020, 3, 16, 22, 0, tzinfo=UTC)
SATURDAY = datetime(2020, 3, 21, 15, 0, tzinfo=UTC)
CALENDAR = ExchangeCalendar()


class MarketDataContract:
    """`build` opens the source on a clock; it must hold daily bars of AAPL and MSFT from February to April 2020."""

    @pytest.fixture
    def build(self) -> Callable[[Clock], MarketData]:
        raise NotImplementedError

    def test_quotes_come_in_the_order_asked(self, build: Callable[[Clock], MarketData]) -> None:
        market = build(SteppedClock(MONDAY_NOON))
        assert [q.symbol for q in market.quotes(("MSFT", "AAPL", "MSFT"))] == ["MSFT", "AAPL", "MSFT"]
        assert market.quotes(()) == ()

    @pytest.mark.parametrize("now", [MONDAY_NOON, MONDAY_EVENING, SATURDAY])
    def test_a_quote_is_complete_and_never_from_the_future(
        self, build: Callable[[Clock], MarketData], now: datetime
    ) -> None:
        market = build(SteppedClock(now))
        for quote in market.quotes(("AAPL", "MSFT")):
            assert quote.price is not None
            assert quote.price > 0
            assert quote.bid is not None
            assert quote.ask is not None
            assert quote.bid < quote.ask
            assert quote.as_of is not None
            assert quote.as_of <= now
            assert quote.age_seconds == Decimal((now - quote.as_of) // timedelta(microseconds=1)) / 1_000_000
            assert quote.market_open is CALENDAR.is_open(now)
            assert quote.source == market.source

    def test_every_number_of_a_quote_can_be_recorded(self, build: Callable[[Clock], MarketData]) -> None:
        (quote,) = build(SteppedClock(MONDAY_NOON)).quotes(("AAPL",))
        numbers = [
            quote.price, quote.bid, quote.ask, quote.level, quote.previous_close, quote.previous_level,
            quote.adv_dollars, quote.age_seconds, quote.rsi_14,
        ]  # fmt: skip
        assert [n for n in numbers if n is None or not is_finite(n)] == []

    def test_outside_a_session_the_price_is_the_last_close(self, build: Callable[[Clock], MarketData]) -> None:
        market = build(SteppedClock(SATURDAY))
        (quote,) = market.quotes(("AAPL",))
        bars = market.daily(("AAPL",), sessions=1)
        assert quote.price == quote.previous_close
        assert float(quote.price or 0) == pytest.approx(float(bars.fields["close"][-1, 0]), abs=1e-6)
        assert quote.as_of == datetime(2020, 3, 20, 20, 0, tzinfo=UTC)

    def test_liquidity_is_the_mean_of_twenty_sessions(self, build: Callable[[Clock], MarketData]) -> None:
        market = build(SteppedClock(MONDAY_EVENING))
        (quote,) = market.quotes(("AAPL",))
        bars = market.daily(("AAPL",), sessions=20)
        expected = float(np.mean(bars.fields["raw_close"][:, 0] * bars.fields["volume"][:, 0]))
        assert quote.adv_sessions == 20
        assert float(quote.adv_dollars or 0) == pytest.approx(expected, rel=1e-9)

    def test_an_unknown_symbol_has_no_price_and_no_bars(self, build: Callable[[Clock], MarketData]) -> None:
        market = build(SteppedClock(MONDAY_NOON))
        known, unknown = market.quotes(("AAPL", "NOSUCH"))
        assert known.price is not None
        assert (unknown.symbol, unknown.price, unknown.as_of, unknown.age_seconds) == ("NOSUCH", None, None, None)
        with pytest.raises(InputError, match="NOSUCH"):
            market.daily(("AAPL", "NOSUCH"), sessions=1)
        with pytest.raises(InputError, match="NOSUCH"):
            market.bars(("NOSUCH",), minutes=30, start=MONDAY_NOON - timedelta(hours=1), end=MONDAY_NOON)

    def test_daily_bars_end_with_the_last_completed_session(self, build: Callable[[Clock], MarketData]) -> None:
        inside = build(SteppedClock(MONDAY_NOON)).daily(("MSFT", "AAPL"), sessions=3)
        after = build(SteppedClock(MONDAY_EVENING)).daily(("MSFT", "AAPL"), sessions=3)
        assert inside.symbols == ("MSFT", "AAPL")
        assert [str(t)[:10] for t in inside.times] == ["2020-03-11", "2020-03-12", "2020-03-13"]
        assert [str(t)[:10] for t in after.times] == ["2020-03-12", "2020-03-13", "2020-03-16"]
        assert str(after.times[-1]) == "2020-03-16T13:30:00"
        assert set(inside.fields) == DAILY == set(inside.quality)
        assert all(values.shape == (3, 2) for values in inside.fields.values())
        assert all(len(kinds) == 2 and isinstance(kinds[0], Quality) for kinds in inside.quality.values())

    def test_a_bar_holds_its_open_and_close(self, build: Callable[[Clock], MarketData]) -> None:
        fields = build(SteppedClock(MONDAY_EVENING)).daily(("AAPL", "MSFT"), sessions=20).fields
        assert (fields["low"] <= np.minimum(fields["open"], fields["close"])).all()
        assert (fields["high"] >= np.maximum(fields["open"], fields["close"])).all()
        assert (fields["low"] > 0.0).all()
        assert (fields["split"] > 0.0).all()

    def test_what_is_not_yet_known_raises(self, build: Callable[[Clock], MarketData]) -> None:
        clock = SteppedClock(MONDAY_NOON)
        market = build(clock)
        for day in (date(2020, 3, 16), date(2020, 3, 17), date(2020, 4, 1)):
            with pytest.raises(LookAhead):
                market.daily(("AAPL",), sessions=1, end=day)
        with pytest.raises(LookAhead):
            market.bars(("AAPL",), minutes=30, start=MONDAY_NOON, end=MONDAY_NOON + timedelta(seconds=1))
        with pytest.raises(LookAhead):
            market.events(("AAPL",), kind="headline", start=date(2020, 3, 1), end=date(2020, 3, 17))
        clock.set(SATURDAY)
        assert str(market.daily(("AAPL",), sessions=1, end=date(2020, 3, 21)).times[-1])[:10] == "2020-03-20"

    def test_the_past_can_be_asked_for(self, build: Callable[[Clock], MarketData]) -> None:
        market = build(SteppedClock(MONDAY_NOON))
        then = market.daily(("AAPL",), sessions=2, end=date(2020, 3, 8))
        assert [str(t)[:10] for t in then.times] == ["2020-03-05", "2020-03-06"]

    def test_intraday_bars_are_complete_at_the_clock(self, build: Callable[[Clock], MarketData]) -> None:
        market = build(SteppedClock(MONDAY_NOON))
        bars = market.bars(("AAPL",), minutes=30, start=MONDAY_NOON - timedelta(days=4), end=MONDAY_NOON)
        ends = bars.times + np.timedelta64(30, "m")
        assert set(bars.fields) == {"open", "high", "low", "close", "volume"}
        assert (ends <= np.datetime64(MONDAY_NOON.replace(tzinfo=None))).all()

    def test_odd_questions_are_refused(self, build: Callable[[Clock], MarketData]) -> None:
        market = build(SteppedClock(MONDAY_NOON))
        with pytest.raises(InputError, match="sessions must be 1 or more"):
            market.daily(("AAPL",), sessions=0)
        with pytest.raises(InputError, match="kind must be one of"):
            market.events(("AAPL",), kind="rumour", start=date(2020, 3, 1), end=date(2020, 3, 2))
        with pytest.raises(InputError, match="minutes must be"):
            market.bars(("AAPL",), minutes=0, start=MONDAY_NOON, end=MONDAY_NOON)

    def test_two_markets_answer_alike(self, build: Callable[[Clock], MarketData]) -> None:
        one, other = build(SteppedClock(MONDAY_NOON)), build(SteppedClock(MONDAY_NOON))
        assert one.quotes(("AAPL", "MSFT")) == other.quotes(("AAPL", "MSFT"))
        first, second = (m.daily(("AAPL",), sessions=9).fields for m in (one, other))
        assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in DAILY)

    def test_asking_late_and_going_on_answers_as_asking_at_once(self, build: Callable[[Clock], MarketData]) -> None:
        clock = SteppedClock(MONDAY_NOON)
        moved = build(clock)
        moved.quotes(("AAPL",))
        clock.set(SATURDAY)
        assert moved.quotes(("AAPL",)) == build(SteppedClock(SATURDAY)).quotes(("AAPL",))

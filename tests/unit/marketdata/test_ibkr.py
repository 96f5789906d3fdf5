"""Prices of a gateway as market data: what is kept, what is asked again, what is adjusted, empty or delayed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import InputError, StoreError, Temporary
from prudent.domain.quotes import LivePrice, Quality, VenueBars
from prudent.marketdata.calendars import ExchangeCalendar, day_number
from prudent.marketdata.ibkr import IbkrMarket
from prudent.ports import Session

CALENDAR = ExchangeCalendar()
NOON = datetime(2020, 3, 16, 16, 7, 30, tzinfo=UTC)
EVENING = datetime(2020, 3, 16, 22, 0, tzinfo=UTC)
CONTRACTS = {"AAPL": 265598, "MSFT": 272093, "SPX": 416904}
D = Decimal


@dataclass(eq=False)
class FakeFeed:
    """Sessions up to the clock's, the running one included, at 100, 101 ... ; `asked` are the questions."""

    clock: SteppedClock
    name: str = "ibkr"
    simulated: bool = False
    down: bool = False
    dividend: float = 0.0
    live: dict[str, LivePrice] = field(default_factory=dict)
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def latest(self, symbols: Sequence[str]) -> Mapping[str, LivePrice]:
        self._ask("latest", symbols)
        return {symbol: self.live[symbol] for symbol in symbols if symbol in self.live}

    def daily(self, symbols: Sequence[str], *, sessions: int) -> Mapping[str, VenueBars]:
        self._ask(f"daily {sessions}", symbols)
        days = [day_number(each.date) for each in self._sessions(sessions)]
        return {symbol: self._bars(symbol, days) for symbol in symbols if symbol in CONTRACTS}

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Mapping[str, VenueBars]:
        self._ask(f"bars {minutes}", symbols)
        step = minutes * 60
        keys = range(int(start.timestamp()) // step * step, int(end.timestamp()), step)
        return {symbol: self._bars(symbol, list(keys)) for symbol in symbols if symbol in CONTRACTS}

    def implied(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        return dict.fromkeys(symbols, D("0.3"))

    def _sessions(self, count: int) -> tuple[Session, ...]:
        now = self.clock.now()
        under_way = [s for s in CALENDAR.sessions(now.date(), now.date()) if s.open <= now < s.close]
        return (*CALENDAR.completed(now, count), *under_way)

    def _bars(self, symbol: str, keys: list[int]) -> VenueBars:
        close = [100.0 + n for n in range(len(keys))]
        columns = {
            "open": close, "high": [c + 1 for c in close], "low": [c - 1 for c in close], "close": close,
            "volume": [1_000.0] * len(keys),
        }  # fmt: skip
        adjusted = [c - self.dividend for c in close[:-1]] + close[-1:] if self.dividend else None
        return VenueBars(
            contract=CONTRACTS[symbol], keys=tuple(keys), columns={n: tuple(v) for n, v in columns.items()},
            adjusted=None if adjusted is None else tuple(adjusted),
        )  # fmt: skip

    def _ask(self, what: str, symbols: Sequence[str]) -> None:
        if self.down:
            raise Temporary("the gateway is away")
        self.asked.append((what, tuple(symbols)))


def opened(folder: Path, now: datetime = NOON) -> tuple[IbkrMarket, FakeFeed, SteppedClock]:
    clock = SteppedClock(now)
    feed = FakeFeed(clock, live={"AAPL": LivePrice(price=D(110), bid=D("109.9"), ask=D("110.1"), as_of=now)})
    return IbkrMarket(clock, CALENDAR, feed, folder, sessions=30), feed, clock


def test_history_is_asked_for_once_a_session_and_read_by_the_next_process(tmp_path: Path) -> None:
    market, feed, clock = opened(tmp_path)
    market.daily(("AAPL",), sessions=5)
    clock.set(NOON + timedelta(hours=2))
    market.daily(("AAPL",), sessions=20)
    assert feed.asked == [("daily 30", ("AAPL",))]
    again = IbkrMarket(clock, CALENDAR, feed, tmp_path, sessions=30)
    assert again.daily(("AAPL",), sessions=5).fields["close"][-1, 0] == 129.0
    assert len(feed.asked) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"AAPL.json", "contract_265598.json"}
    # After the close there is one session more, and it is asked for.
    clock.set(EVENING)
    assert str(market.daily(("AAPL",), sessions=1).times[-1])[:10] == "2020-03-16"
    assert len(feed.asked) == 2


def test_more_history_than_is_kept_is_asked_for_and_then_kept(tmp_path: Path) -> None:
    market, feed, _ = opened(tmp_path)
    market.daily(("AAPL",), sessions=5)
    assert len(market.daily(("AAPL",), sessions=90).times) == 90
    market.daily(("AAPL",), sessions=80)
    assert [what for what, _ in feed.asked] == ["daily 30", "daily 90"]


def test_the_running_session_is_no_bar_yet(tmp_path: Path) -> None:
    market, _, _ = opened(tmp_path)
    bars = market.daily(("AAPL", "MSFT"), sessions=2)
    assert [str(t)[:10] for t in bars.times] == ["2020-03-12", "2020-03-13"]
    # Thirty completed sessions and the one under way: the last completed one closed at 129.
    assert bars.fields["close"].tolist() == [[128.0, 128.0], [129.0, 129.0]]


def test_closes_are_total_return_where_the_venue_adjusts_them(tmp_path: Path) -> None:
    market, feed, _ = opened(tmp_path, EVENING)
    feed.dividend = 2.0
    fields = market.daily(("AAPL",), sessions=2).fields
    # Thirty sessions closed at 100 to 129; all but the last lose the dividend to come.
    assert fields["close"][:, 0].tolist() == [126.0, 129.0]
    assert fields["raw_close"][:, 0].tolist() == [128.0, 129.0]
    assert np.isnan(fields["dividend"]).all()
    assert (fields["split"] == 1.0).all()


def test_a_quote_has_the_venues_own_sides_and_the_last_close_beside_it(tmp_path: Path) -> None:
    market, feed, _ = opened(tmp_path)
    quote, other = market.quotes(("AAPL", "MSFT"))
    assert (quote.price, quote.level, quote.bid, quote.ask) == (D(110), D(110), D("109.9"), D("110.1"))
    assert (quote.previous_close, quote.adv_sessions, quote.source) == (D(129), 20, "ibkr")
    # What shows no quote is at its last close, as old as that.
    assert (other.price, other.as_of) == (D(129), datetime(2020, 3, 13, 20, tzinfo=UTC))
    feed.live["AAPL"] = replace(feed.live["AAPL"], delayed=True, as_of=NOON - timedelta(minutes=15))
    (late,) = market.quotes(("AAPL",))
    assert (late.source, late.age_seconds) == ("ibkr (delayed)", D(900))


def test_a_quote_of_before_the_open_is_none_of_this_session(tmp_path: Path) -> None:
    market, feed, _ = opened(tmp_path)
    feed.live["AAPL"] = replace(feed.live["AAPL"], as_of=NOON - timedelta(hours=5))
    assert market.quotes(("AAPL",))[0].price == D(129)


def test_no_quote_is_asked_for_while_the_market_is_closed(tmp_path: Path) -> None:
    market, feed, _ = opened(tmp_path, EVENING)
    (quote,) = market.quotes(("AAPL",))
    assert (quote.price, quote.market_open) == (D(129), False)
    assert [what for what, _ in feed.asked] == ["daily 30"]


def test_a_series_that_the_venue_has_not_is_empty(tmp_path: Path) -> None:
    market, _, _ = opened(tmp_path)
    assert market.series("SPX", sessions=3).fields["close"].shape == (3, 1)
    assert market.series("TNX", sessions=3).fields["close"].shape == (0, 1)
    with pytest.raises(InputError, match="series must be one of"):
        market.series("NOSUCH", sessions=3)
    assert market.events(("AAPL",), kind="earnings", start=date(2020, 3, 1), end=date(2020, 3, 2)) == ()


def test_bars_under_way_are_left_out(tmp_path: Path) -> None:
    market, _, _ = opened(tmp_path)
    bars = market.bars(("AAPL",), minutes=30, start=NOON - timedelta(hours=2), end=NOON)
    assert str(bars.times[-1]) == "2020-03-16T15:30:00"


def test_a_gateway_that_is_away_is_a_failure_and_no_emptiness(tmp_path: Path) -> None:
    market, feed, _ = opened(tmp_path)
    feed.down = True
    with pytest.raises(Temporary, match="away"):
        market.quotes(("AAPL",))


def test_simulated_prices_say_so(tmp_path: Path) -> None:
    market, feed, _ = opened(tmp_path)
    made = feed.daily
    feed.simulated = True
    feed.daily = lambda symbols, *, sessions: {  # type: ignore[method-assign]
        symbol: replace(bars, quality=Quality.SYNTHETIC) for symbol, bars in made(symbols, sessions=sessions).items()
    }
    assert market.daily(("AAPL",), sessions=2).quality["close"] == (Quality.SYNTHETIC,)
    assert market.implied_source == "ibkr (SIMULATED)"


def test_symbols_that_are_none_are_never_asked_for_nor_become_files(tmp_path: Path) -> None:
    market, feed, _ = opened(tmp_path / "cache")
    assert market.quotes(("../x", "a b c"))[0].price is None
    assert feed.asked == []
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_written_is_named_and_a_broken_file_is_asked_for_again(tmp_path: Path) -> None:
    market, feed, clock = opened(tmp_path)
    market.daily(("AAPL",), sessions=2)
    (tmp_path / "contract_265598.json").write_text("{")
    IbkrMarket(clock, CALENDAR, feed, tmp_path, sessions=30).daily(("AAPL",), sessions=2)
    assert len(feed.asked) == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="must be writable"):
        IbkrMarket(clock, CALENDAR, feed, tmp_path / "file", sessions=30).daily(("AAPL",), sessions=2)

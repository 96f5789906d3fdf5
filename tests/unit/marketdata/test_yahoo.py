"""The Yahoo source on a scripted download: one request, a cache with its age, and emptiness as an outage."""

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.contract.market_data_files import FakeYahoo, at
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import ConfigError, StoreError, Temporary
from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.yahoo import YahooMarket, ticker_of

CALENDAR = ExchangeCalendar()
BOTH = ("AAPL", "MSFT")


def opened(folder: Path, now: datetime) -> tuple[YahooMarket, FakeYahoo, SteppedClock]:
    clock = SteppedClock(now)
    fake = FakeYahoo(clock)
    return YahooMarket(clock, CALENDAR, folder, download=fake), fake, clock


def test_all_symbols_are_asked_for_at_once_and_kept(tmp_path: Path) -> None:
    market, fake, clock = opened(tmp_path, at(22))
    market.quotes(BOTH)
    clock.set(at(23))
    market.quotes(BOTH)
    market.daily(BOTH, sessions=5)
    assert fake.calls == [("1d", ["AAPL", "MSFT"])]


def test_the_cache_outlives_the_process_and_says_its_source_and_time(tmp_path: Path) -> None:
    opened(tmp_path, at(22))[0].quotes(BOTH)
    market, fake, _ = opened(tmp_path, at(23))
    (quote, _other) = market.quotes(BOTH)
    assert fake.calls == []
    assert quote.price is not None
    kept = json.loads((tmp_path / "AAPL.json").read_text(encoding="utf-8"))
    assert (kept["source"], kept["fetched_at"]) == ("yahoo", at(22).isoformat())


def test_history_is_asked_for_again_after_the_next_open_and_close(tmp_path: Path) -> None:
    market, fake, clock = opened(tmp_path, at(22))
    for moment in (at(22), at(13, day=17), at(13, 31, day=17), at(14, day=17), at(20, 30, day=17)):
        clock.set(moment)
        market.daily(BOTH, sessions=1)
    assert [interval for interval, _ in fake.calls] == ["1d", "1d", "1d"]


def test_a_broken_cache_is_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "AAPL.json").write_text("{", encoding="utf-8")
    market, fake, _ = opened(tmp_path, at(22))
    market.quotes(("AAPL",))
    assert fake.calls == [("1d", ["AAPL"])]


def test_an_empty_answer_is_an_outage(tmp_path: Path) -> None:
    market, fake, _ = opened(tmp_path, at(22))
    fake.down = True
    with pytest.raises(Temporary, match="an empty answer counts as an outage"):
        market.quotes(BOTH)
    with pytest.raises(Temporary):
        market.daily(BOTH, sessions=1)


def test_an_error_of_the_network_is_temporary(tmp_path: Path) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no route")

    market = YahooMarket(SteppedClock(at(22)), CALENDAR, tmp_path, download=down)
    with pytest.raises(Temporary, match="yahoo could not be asked for AAPL: no route"):
        market.quotes(("AAPL",))


def test_a_ticker_missing_from_the_answer_is_unknown_and_odd_text_is_not_asked_for(tmp_path: Path) -> None:
    market, fake, _ = opened(tmp_path, at(22))
    prices = [q.price is not None for q in market.quotes(("AAPL", "NOSUCH", "../up"))]
    assert prices == [True, False, False]
    assert fake.calls == [("1d", ["AAPL", "NOSUCH"])]


def test_inside_a_session_the_price_is_the_last_complete_five_minutes(tmp_path: Path) -> None:
    market, fake, clock = opened(tmp_path, at(13, 47))
    (quote,) = market.quotes(("AAPL",))
    # Bars from 13:30, 13:35 and 13:40 are complete; the third closes at 80.02.
    assert (quote.price, quote.level, quote.as_of) == (Decimal("80.02"), Decimal("80.02"), at(13, 45))
    assert quote.quality is Quality.REAL
    clock.set(at(13, 47) + timedelta(seconds=59))
    market.quotes(("AAPL",))
    assert [interval for interval, _ in fake.calls] == ["1d", "5m"]
    clock.set(at(13, 50))
    assert market.quotes(("AAPL",))[0].price == Decimal("80.03")


def test_the_first_minutes_show_the_last_close_with_its_age_and_later_silence_is_an_outage(tmp_path: Path) -> None:
    market, fake, clock = opened(tmp_path, at(13, 31))
    (quote,) = market.quotes(("AAPL",))
    assert quote.as_of == at(20, day=13)
    fake.down = True
    clock.set(at(13, 40))
    assert market.quotes(("AAPL",))[0].as_of == at(20, day=13)
    clock.set(at(14, 30))
    with pytest.raises(Temporary):
        market.quotes(("AAPL",))


def test_raw_closes_undo_later_splits(tmp_path: Path) -> None:
    days = [datetime(2020, 3, d) for d in (11, 12, 13)]  # noqa: DTZ001
    frame = pd.DataFrame(
        {
            "Open": [50.0, 51.0, 52.0], "High": [53.0] * 3, "Low": [49.0] * 3, "Close": [50.0, 51.0, 52.0],
            "Adj Close": [49.0, 51.0, 52.0], "Volume": [200.0, 200.0, 100.0], "Dividends": [0.5, 0.0, 0.0],
            "Stock Splits": [0.0, 0.0, 2.0],
        },
        index=pd.to_datetime(days),
    )  # fmt: skip
    answer = pd.concat({"KO": frame}, axis=1)
    market = YahooMarket(SteppedClock(at(12)), CALENDAR, tmp_path, download=lambda *_, **__: answer)
    fields = market.daily(("KO",), sessions=3).fields
    assert fields["raw_close"][:, 0].tolist() == [100.0, 102.0, 52.0]
    assert fields["close"][:, 0].tolist() == [49.0, 51.0, 52.0]
    assert fields["dividend"][:, 0].tolist() == [1.0, 0.0, 0.0]
    assert fields["volume"][:, 0].tolist() == [100.0, 100.0, 100.0]
    assert fields["split"][:, 0].tolist() == [1.0, 1.0, 2.0]
    assert np.allclose(fields["open"][:, 0], [49.0, 51.0, 52.0])


def test_tickers_are_spelled_as_yahoo_does() -> None:
    assert [ticker_of(s) for s in ("BRK.B", "SPX", "AAPL")] == ["BRK-B", "^GSPC", "AAPL"]


def test_without_yfinance_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(ConfigError, match=r"extra `live`"):
        YahooMarket(SteppedClock(at(22)), CALENDAR, tmp_path).quotes(("AAPL",))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file", encoding="utf-8")
    clock = SteppedClock(datetime(2020, 3, 16, 22, tzinfo=UTC))
    market = YahooMarket(clock, CALENDAR, tmp_path / "cache", download=FakeYahoo(clock))
    with pytest.raises(StoreError, match="must be writable"):
        market.quotes(("AAPL",))

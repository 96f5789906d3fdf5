"""A backtest that decides within the session, before its open or after its close, on bars of files."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.daily_files import Bar, flat, sessions_from, write_bars
from tests.intraday_files import NEW_YORK, Row, at, flat_bars, write_intraday
from tests.unit.cli.running import invest

from prudent.backtest import run_backtest
from prudent.backtest.moments import MomentPrices
from prudent.backtest.outside import NextBars
from prudent.backtest.request import Cadence, Request
from prudent.clock import SimulatedClock
from prudent.domain.errors import InputError
from prudent.domain.mandate import Mandate
from prudent.domain.performance import RunBook
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.marketdata.files import FilesMarket
from prudent.marketdata.hours import Hours
from prudent.ports import Clock

BEFORE, DAYS = 22, 2
NO_COSTS: dict[str, object] = {"costs": "none", "slippage_bps": 0}
ONE = {"AAPL": "0.19"}
# The venue quotes a spread around each price, and a taker pays its half.
HALF = 0.03
FIRST = date(2015, 1, 2)
# The session after these 22 is the half day after Thanksgiving, which closes at 13:00.
TO_THANKSGIVING = date(2015, 10, 27)
Make = Callable[[date], list[Row]]


def run(
    folder: Path, make: Make, *, session: str, cadence: str = "30min", minutes: int = 30, first: date = FIRST,
    window: Sequence[Bar] = (flat(100.0),) * DAYS, **config: Any,
) -> RunBook:  # fmt: skip
    """A backtest of one symbol whose bars within each day of the window `make` writes; closes before it are 100."""
    days = sessions_from(first, BEFORE + len(window))
    write_bars(folder, "AAPL", days, [flat(100.0)] * BEFORE + list(window))
    write_bars(folder, "SPY", days, [flat(200.0)] * len(days))
    write_intraday(folder, "AAPL", [row for day in days[BEFORE:] for row in make(day)], minutes=minutes)
    return run_backtest(
        {**NO_COSTS, **config}, days[BEFORE], days[-1], targets=ONE, data=str(folder), cadence=cadence, session=session
    )


def fills(book: RunBook) -> list[tuple[int, float, float]]:
    """Session of the window, signed quantity and price of each execution."""
    table = book.fills
    days = book.nav.days.tolist()
    return [
        (days.index(table.day[i].item()), float(table.quantity[i]), float(table.price[i])) for i in range(len(table))
    ]


def decided(book: RunBook, day: int) -> list[str]:
    """New York times of the decisions of one session."""
    local = [each.at.astimezone(NEW_YORK) for each in book.decisions]
    return [f"{each:%H:%M}" for each in local if each.date() == book.nav.days[day].item()]


def rising(begin: str, end: str, *prices: float) -> Make:
    """Half hours from `begin` that close at these prices, then flat at the last one."""

    def make(day: date) -> list[Row]:
        rows = flat_bars(day, begin, end, prices[-1])
        return [(rows[i][0], p, p, p, p, 100_000.0) for i, p in enumerate(prices)] + rows[len(prices) :]

    return make


def test_before_the_open_it_decides_from_four_and_trades_a_bar_later(tmp_path: Path) -> None:
    book = run(tmp_path, rising("04:00", "09:30", 100.2, 100.4, 100.6), session="pre")
    ((day, quantity, price),) = fills(book)
    # Decided at 04:30 on 100.2, traded on the close of the bar after it: 100.4 and the half spread.
    assert (day, quantity) == (0, 18.0)
    assert 100.4 < price <= 100.4 + HALF
    assert decided(book, 1) == [f"{hour:02}:{half}" for hour in range(4, 10) for half in ("00", "30")][1:-1]
    # Valued at the close of the regular session.
    assert book.nav.nav[0] == pytest.approx(10_000 - 18 * price + 18 * 100.0)
    assert any("limit order" in note for note in book.provenance.notes)


def test_after_the_close_it_decides_until_eight_in_new_york(tmp_path: Path) -> None:
    book = run(tmp_path, rising("16:00", "20:00", 99.8, 99.6), session="after")
    day, quantity, price = fills(book)[0]
    assert (day, quantity) == (0, 18.0)
    assert 99.6 < price <= 99.6 + HALF
    assert decided(book, 1) == ["16:30", "17:00", "17:30", "18:00", "18:30", "19:00", "19:30"]


def test_the_last_bar_of_the_evening_trades_on_its_own_day(tmp_path: Path) -> None:
    # Half past seven in New York is the next day in UTC.
    book = run(tmp_path, lambda day: flat_bars(day, "19:00", "20:00", 99.5), session="after")
    day, _quantity, price = fills(book)[0]
    assert day == 0
    assert 99.5 < price <= 99.5 + HALF


def test_a_half_day_has_its_evening_from_one_to_five(tmp_path: Path) -> None:
    def make(day: date) -> list[Row]:
        return flat_bars(day, "13:00", "17:00", 100.0) if day == date(2015, 11, 27) else []

    book = run(tmp_path, make, session="after", first=TO_THANKSGIVING)
    assert book.nav.days[0].item() == date(2015, 11, 27)
    assert decided(book, 0) == ["13:30", "14:00", "14:30", "15:00", "15:30", "16:00", "16:30"]
    assert [row[0] for row in fills(book)] == [0]


def test_an_order_trades_in_the_next_bar_or_not_at_all(tmp_path: Path) -> None:
    # Decided on 100, so that its limit is 101; the next bar ends at 102.5. It is not there any more when the price is
    # back: what trades at 100.5 was decided on 102.5.
    book = run(tmp_path, rising("04:00", "06:00", 100.0, 102.5, 100.5), session="pre", window=(flat(100.0),) * 2)
    first = fills(book)[0]
    assert 100.5 < first[2] <= 100.5 + HALF
    assert book.decisions[0].orders == 1
    # Sized on 102.5: 19 % of 10,000 less the buffer are 18.4 shares, on 100 they would be 18.9.
    assert sum(row[1] for row in fills(book)) == 18.0
    assert len(fills(book)) == 1


def test_what_the_next_bar_did_not_trade_waits_for_no_session(tmp_path: Path) -> None:
    # After the second bar nothing trades before the open, where 100 would be within the first order's limit.
    book = run(tmp_path, rising("04:00", "05:00", 100.0, 102.5), session="pre")
    assert book.decisions[0].orders == 1
    assert fills(book) == []


def test_an_order_is_in_the_market_when_its_bar_ends(tmp_path: Path) -> None:
    day = sessions_from(FIRST, 1)[0]
    write_bars(tmp_path, "AAPL", [day], [flat(100.0)])
    write_intraday(tmp_path, "AAPL", rising("04:00", "09:30", 100.2, 100.4)(day))
    calendar = ExchangeCalendar()
    asked = Request(mandate=Mandate(account="a"), first=day, last=day, cadence=Cadence.MINUTES_30, session=Hours.PRE)

    def source(clock: Clock) -> FilesMarket:
        return FilesMarket(clock, calendar, tmp_path, hours=Hours.PRE)

    bars = NextBars(source, asked, tuple(calendar.sessions(day, day)), calendar)
    for decided_at, ends, closes in (("04:30", at(day, "05:00"), "100.4"), ("09:00", at(day, "09:29:59"), "100.4")):
        clock = SimulatedClock(at(day, decided_at))
        prices = MomentPrices(source(clock), clock)
        assert bars.wait(prices, clock) == clock.now() == ends
        assert prices.quotes(("AAPL",))[0].price == Decimal(closes)


def test_a_plan_beyond_the_collar_ends_and_is_not_made_anew(tmp_path: Path) -> None:
    book = run(tmp_path, rising("04:00", "05:00", 100.0, 110.0), session="pre")
    assert fills(book) == []
    assert "price_moved" in book.decisions[0].codes


def test_it_trades_at_most_a_tenth_of_what_the_bar_traded(tmp_path: Path) -> None:
    book = run(tmp_path, lambda day: flat_bars(day, "04:00", "05:30", 100.0, volume=55.0), session="pre")
    assert [row[1] for row in fills(book)][:2] == [5.0, 5.0]


def test_in_a_bar_without_trades_nothing_fills(tmp_path: Path) -> None:
    book = run(tmp_path, lambda day: flat_bars(day, "04:00", "04:30", 100.0), session="pre")
    assert book.decisions[0].orders == 1
    assert fills(book) == []


def test_a_stop_waits_for_the_regular_session(tmp_path: Path) -> None:
    def make(day: date) -> list[Row]:
        return flat_bars(day, "04:00", "06:00", 100.0 if day == sessions_from(FIRST, BEFORE + 1)[-1] else 80.0)

    config: dict[str, Any] = {"exits": {"stop_loss": "10%"}}
    # In the second pre-market the price is below the stop; in the session it never is.
    held = run(tmp_path / "held", make, session="pre", **config)
    assert [row[1] for row in fills(held)] == [18.0]
    dropped = (flat(100.0), (95.0, 95.0, 85.0, 88.0))
    sold = run(tmp_path / "sold", make, session="pre", window=dropped, **config)
    assert [(row[0], row[1], round(row[2], 1)) for row in fills(sold)][1:] == [(1, -18.0, 90.0)]


def test_within_the_session_minutes_come_from_bars_of_one(tmp_path: Path, scale: Callable[[int, int], int]) -> None:
    def make(day: date) -> list[Row]:
        return [
            (at(day, f"09:{30 + i}"), p, p, p, p, 1e5) for i, p in enumerate([100.1] * 5 + [100.2] * 4 + [100.7])
        ] + flat_bars(day, "09:40", "16:00", 100.9, minutes=1)

    # Decided at 09:35 on 100.1, the bar that ends at 09:40 closes at 100.7; by minutes at 09:31, the next is 100.1.
    for cadence, paid, first, last in (
        ("5min", 100.7, ["09:35", "09:40", "09:45"], "15:55"), ("1min", 100.1, ["09:31", "09:32", "09:33"], "15:59"),
    )[: scale(1, 2)]:  # fmt: skip
        book = run(tmp_path / cadence, make, session="regular", cadence=cadence, minutes=1)
        day, _quantity, price = fills(book)[0]
        assert day == 0
        assert paid < price <= paid + HALF
        assert decided(book, 1)[:3] == first
        assert decided(book, 1)[-1] == last


def test_what_a_source_lacks_is_refused_with_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"session pre .* has bars of 30 minutes of the regular session"):
        run_backtest({}, "2015-03-02", "2015-03-06", targets=ONE, cadence="30min", session="pre")
    with pytest.raises(InputError, match=r"session after .*has bars of 30 minutes of AAPL \(pre\) from 2015-02-04"):
        run(tmp_path / "pre", lambda day: flat_bars(day, "04:00", "05:00", 100.0), session="after")
    with pytest.raises(InputError, match="a multiple of 30"):
        run(tmp_path / "coarse", lambda day: flat_bars(day, "04:00", "05:00", 100.0), session="pre", cadence="5min")


def test_hours_without_bars_a_strategy_of_the_session_and_market_orders_are_refused(tmp_path: Path) -> None:
    make = rising("04:00", "09:30", 100.0)
    with pytest.raises(InputError, match="--session pre must come with a --cadence of 30min"):
        run(tmp_path, make, session="pre", cadence="daily")
    with pytest.raises(InputError, match="must allow limit orders"):
        run(tmp_path, make, session="pre", planning={"order_types": ["MARKET"]})
    own = {"strategy": "intraday", "class": "autonomous"}
    with pytest.raises(InputError, match="intraday judges by the regular session"):
        run_backtest(own, "2015-03-02", "2015-03-06", cadence="30min", session="after")
    with pytest.raises(InputError, match="session must be one of pre, regular, after"):
        run_backtest({}, "2015-03-02", "2015-03-06", targets=ONE, cadence="30min", session="night")


def test_a_run_before_the_open_replays_byte_for_byte_from_its_home(tmp_path: Path) -> None:
    days = sessions_from(FIRST, BEFORE + DAYS)
    prices = tmp_path / "prices"
    for symbol in ("AAPL", "SPY"):
        write_bars(prices, symbol, days, [flat(100.0)] * len(days))
    bars = [row for day in days[BEFORE:] for row in flat_bars(day, "04:00", "05:30", 100.5)]
    write_intraday(prices, "AAPL", bars)
    (tmp_path / "targets.json").write_text('{"unit": "percent", "targets": [{"symbol": "AAPL", "weight": "19"}]}')
    (tmp_path / "invest.yaml").write_text(
        "schema_version: 1\nmode: paper\ndata: {source: files, path: prices}\nbacktest: {sealed_days: 0}\n"
        f"clock: {{start: '{days[-1]}'}}\naccounts: {{one: {{targets: targets.json}}}}\n"
    )
    window = ("--from", f"{days[BEFORE]}", "--to", f"{days[-1]}", "--home", str(tmp_path), "--json")
    made = invest("backtest", "one", *window, "--cadence", "30min", "--session", "pre")
    assert made.code == 0, made.out
    assert any("before the open" in note for note in made.data["provenance"]["notes"])
    assert [row["name"] for row in made.data["baselines"]][:3] == ["SPY held", "equal weight", "cash"]
    replayed = invest("replay", "one/b1", "--home", str(tmp_path), "--json")
    assert replayed.code == 0, replayed.out
    # Another bar before the open is other data, and the run that was is not given for it.
    write_intraday(prices, "AAPL", [*bars[:-1], (*bars[-1][:5], 7.0)])
    again = invest("backtest", "one", *window, "--cadence", "30min", "--session", "pre")
    assert again.data["id"] == "one/b2"

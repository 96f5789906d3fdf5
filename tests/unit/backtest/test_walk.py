"""A backtest decides on what was known, trades a session later, and stops inside the bar as a venue would."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.daily_files import Bar, flat, sessions_from, write_bars

from prudent.backtest import run_backtest
from prudent.domain.performance import RunBook

FIRST = date(2015, 1, 2)
# Twenty sessions of history before the window, so that volumes are known.
BEFORE = 25
NO_COSTS = {"costs": "none", "slippage_bps": 0}
ONE = {"AAPL": "0.19"}
# The venue quotes a spread around each price, and a taker pays its half.
HALF = 0.03


def bars_of(*window: Bar) -> list[Bar]:
    return [flat(100.0)] * BEFORE + list(window)


def made(tmp_path: Path, window: Sequence[Bar], **options: object) -> tuple[RunBook, list[date]]:
    """A backtest of one symbol over these bars, which decides daily."""
    days = sessions_from(FIRST, BEFORE + len(window))
    write_bars(tmp_path, "AAPL", days, bars_of(*window))
    write_bars(tmp_path, "SPY", days, [flat(200.0)] * len(days))
    config = {**NO_COSTS, **dict(options.pop("config", {}))}  # type: ignore[call-overload]
    book = run_backtest(
        config, days[BEFORE], days[-1], targets=ONE, data=str(tmp_path), cadence=str(options.pop("cadence", "daily")),
        **options,  # type: ignore[arg-type]
    )
    return book, days[BEFORE:]


def fills(book: RunBook) -> list[tuple[date, float, float, str]]:
    """Day, signed quantity, price and cause of each execution."""
    table = book.fills
    return [
        (table.day[i].item(), float(table.quantity[i]), float(table.price[i]), table.causes[table.cause[i]])
        for i in range(len(table))
    ]


def sold(book: RunBook) -> tuple[date, float, float, str]:
    """The second execution, its price to the ten cents around which the spread lies."""
    day, quantity, price, cause = fills(book)[1]
    return day, quantity, round(price, 1), cause


def test_what_is_decided_at_a_close_trades_at_the_next_open(tmp_path: Path) -> None:
    book, days = made(tmp_path, [flat(100.0), (101.0, 103.0, 100.5, 102.0), flat(102.0)])
    (day, quantity, price, cause) = fills(book)[0]
    assert (day, cause) == (days[1], "target")
    assert 101.0 < price <= 101.0 + HALF
    # Sized on the close of 100 that it was decided on: 19 % of 10,000 less the buffer.
    assert quantity == 18.0


def test_or_at_the_next_close(tmp_path: Path) -> None:
    book, days = made(tmp_path, [flat(100.0), (101.0, 103.0, 100.5, 102.0), flat(102.0)], fill="next_close")
    assert fills(book)[0][0] == days[1]
    assert 102.0 < fills(book)[0][2] <= 102.0 + HALF


def test_a_plan_whose_price_has_left_the_collar_is_made_anew_and_trades_at_a_later_price(tmp_path: Path) -> None:
    book, days = made(tmp_path, [flat(100.0), (110.0, 113.0, 109.0, 111.0), flat(111.0)])
    (day, quantity, price, _cause) = fills(book)[0]
    assert day == days[1]
    assert 111.0 < price <= 111.0 + HALF
    assert quantity == 17.0


def test_a_stop_inside_the_bar_fills_at_its_level(tmp_path: Path) -> None:
    window = [flat(100.0), flat(100.0), (99.0, 99.5, 85.0, 97.0), flat(97.0)]
    book, days = made(tmp_path, window, config={"exits": {"stop_loss": "10%"}})
    assert sold(book) == (days[2], -18.0, 90.0, "stop_loss")


def test_a_gap_below_the_stop_fills_at_the_open(tmp_path: Path) -> None:
    window = [flat(100.0), flat(100.0), (80.0, 82.0, 79.0, 81.0), flat(81.0)]
    book, days = made(tmp_path, window, config={"exits": {"stop_loss": "10%"}})
    assert sold(book) == (days[2], -18.0, 80.0, "stop_loss")


def test_where_a_bar_touched_both_the_stop_goes_first(tmp_path: Path) -> None:
    window = [flat(100.0), flat(100.0), (100.0, 125.0, 85.0, 120.0), flat(120.0)]
    config = {"exits": {"stop_loss": "10%", "take_profit": "20%"}}
    book, days = made(tmp_path, window, config=config)
    assert sold(book) == (days[2], -18.0, 90.0, "stop_loss")


def test_a_target_alone_fills_at_its_level(tmp_path: Path) -> None:
    window = [flat(100.0), flat(100.0), (100.0, 125.0, 99.0, 124.0), flat(124.0)]
    book, days = made(tmp_path, window, config={"exits": {"take_profit": "20%", "reentry_days": 0}})
    assert sold(book) == (days[2], -18.0, 120.0, "take_profit")


def test_a_position_bought_at_the_open_can_be_stopped_in_the_same_bar(tmp_path: Path) -> None:
    window = [flat(100.0), (100.0, 101.0, 88.0, 95.0), flat(95.0)]
    book, days = made(tmp_path, window, config={"exits": {"stop_loss": "10%"}})
    assert [row[0] for row in fills(book)] == [days[1], days[1]]
    assert sold(book)[2] == 90.0


def test_a_time_stop_sells_at_the_open_of_its_day(tmp_path: Path) -> None:
    window = [flat(100.0)] * 14
    book, days = made(tmp_path, window, config={"exits": {"time_stop_days": 3}}, cadence="weekly")
    last = next(row for row in fills(book) if row[3] == "time_stop")
    bought = fills(book)[0][0]
    assert (last[0] - bought).days >= 3
    assert all((day - bought).days < 3 for day in days if bought <= day < last[0])


def test_nothing_is_decided_in_the_last_session_for_it_could_not_trade(tmp_path: Path) -> None:
    book, days = made(tmp_path, [flat(100.0), flat(100.0), flat(100.0)])
    assert [each.at.date() for each in book.decisions] == days[:-1]


def test_values_follow_the_closes_to_the_cent(tmp_path: Path) -> None:
    book, _days = made(tmp_path, [flat(100.0), flat(100.0), (100.0, 104.0, 99.0, 103.0), flat(102.5)])
    cash = 10_000.0 - 18 * fills(book)[0][2]
    assert book.nav.cash.tolist()[1:] == pytest.approx([cash] * 3, abs=0.005)
    assert book.nav.nav.tolist() == pytest.approx([10_000.0, cash + 1_800, cash + 1_854, cash + 1_845], abs=0.005)
    assert book.nav.low.tolist()[2] == pytest.approx(cash + 18 * 99.0, abs=0.005)
    assert not book.nav.stale.any()


def test_a_holding_without_a_bar_keeps_its_last_price_and_says_so(tmp_path: Path) -> None:
    days = sessions_from(FIRST, BEFORE + 5)
    missing = days[BEFORE + 3]
    kept = [day for day in days if day != missing]
    write_bars(tmp_path, "AAPL", kept, [flat(100.0)] * len(kept))
    write_bars(tmp_path, "SPY", days, [flat(200.0)] * len(days))
    book = run_backtest(NO_COSTS, days[BEFORE], days[-1], targets=ONE, data=str(tmp_path), cadence="daily")
    assert book.nav.stale.tolist() == [False, False, False, True, False]
    assert book.nav.nav[3] == book.nav.nav[2] > 9_990.0


def test_the_same_backtest_gives_the_same_bytes(tmp_path: Path) -> None:
    window = [flat(100.0), flat(100.0), (99.0, 99.5, 85.0, 97.0), flat(97.0)]
    first, _ = made(tmp_path, window, config={"exits": {"stop_loss": "10%"}})
    second, _ = made(tmp_path, window, config={"exits": {"stop_loss": "10%"}})
    assert np.array_equal(first.nav.nav, second.nav.nav)
    assert fills(first) == fills(second)
    assert first.decisions == second.decisions
    assert first.provenance == second.provenance


def test_a_halted_account_is_acknowledged_after_the_sessions_that_the_request_names(tmp_path: Path) -> None:
    falls = [flat(100.0), flat(100.0), *(flat(100.0 * 0.88**i) for i in range(1, 16)), *([flat(14.7)] * 30)]
    days = sessions_from(FIRST, BEFORE + len(falls))
    for symbol in ("AAPL", "JNJ", "KO", "XOM", "PG"):
        write_bars(tmp_path, symbol, days, bars_of(*falls))
    write_bars(tmp_path, "SPY", days, [flat(200.0)] * len(days))
    config = {**NO_COSTS, "limits": {"max_daily_loss": "0.9", "drawdown_cut": "0.9", "drawdown_rearm": "0.5"}}
    weights = dict.fromkeys(("AAPL", "JNJ", "KO", "XOM", "PG"), "0.19")
    book = run_backtest(config, days[BEFORE], days[-1], targets=weights, data=str(tmp_path), cadence="daily")
    assert any("each halt was acknowledged after 21 sessions" in note for note in book.provenance.notes)


@pytest.mark.parametrize("cash", [Decimal(0), Decimal(-5)])
def test_money_must_be_above_zero(cash: Decimal) -> None:
    from prudent.domain.errors import InputError

    with pytest.raises(InputError, match="--initial-cash must be above 0"):
        run_backtest({}, "2015-01-05", "2015-02-05", targets=ONE, initial_cash=cash)

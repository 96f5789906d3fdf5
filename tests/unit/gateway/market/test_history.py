"""Bars: what their seconds were quoted at, whole days like the sample's, never beyond the present."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from tests.unit.gateway.market.worlds import CALENDAR, MORNING, StandingClock, at

from prudent.gateway.market.details import Query
from prudent.gateway.market.history import Bar
from prudent.marketdata.sample import SampleMarket

OPEN = datetime(2022, 12, 28, 14, 30, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
AAPL, EUR, SPX = 265598, 12087792, 416904
CENT = Decimal("0.01")


def bars(
    con_id: int, size: timedelta, reach: timedelta, *, show: str = "TRADES", moment: datetime = MORNING,
    use_rth: bool = True,
) -> tuple[Bar, ...]:  # fmt: skip
    return at(moment).bars(con_id, show, size, moment - reach, moment, use_rth=use_rth)


def future() -> int:
    return at().find(Query(symbol="ES", sec_type="FUT", expiry="202303"))[0].con_id


def quoted(con_id: int, start: datetime, seconds: int, side: str) -> list[Decimal]:
    market = at()
    shown = []
    for second in range(seconds):
        top = at(start + timedelta(seconds=second)).top(con_id)
        assert top is not None
        shown.append(getattr(top, side))
    assert market is at()
    return shown


@pytest.mark.parametrize(("show", "side"), [("TRADES", "last"), ("BID", "bid"), ("ASK", "ask")])
def test_a_bar_is_what_its_seconds_were_quoted_at(show: str, side: str) -> None:
    start = OPEN + timedelta(minutes=47)
    for con_id in (AAPL, future()):
        (bar,) = at().bars(con_id, show, MINUTE, start, start + MINUTE, use_rth=True)
        shown = quoted(con_id, start, 60, side)
        assert (bar.start, bar.open, bar.close) == (start, shown[0], shown[-1])
        assert (bar.high, bar.low) == (max(shown), min(shown))


def test_five_second_bars_make_the_minute() -> None:
    small = bars(AAPL, timedelta(seconds=5), timedelta(hours=1))
    minutes = {bar.start: bar for bar in bars(AAPL, MINUTE, timedelta(hours=1))}
    for start, minute in list(minutes.items())[1:-1]:
        parts = [bar for bar in small if start <= bar.start < start + MINUTE]
        assert len(parts) == 12
        assert (minute.open, minute.close) == (parts[0].open, parts[-1].close)
        assert (minute.high, minute.low) == (max(p.high for p in parts), min(p.low for p in parts))


def test_half_hours_are_the_samples_own() -> None:
    end = datetime(2022, 12, 27, 22, 0, tzinfo=UTC)
    own = at(end).bars(AAPL, "TRADES", timedelta(minutes=30), end - timedelta(hours=8), end, use_rth=True)
    sampled = SampleMarket(StandingClock(end), CALENDAR).bars(
        ("AAPL",), minutes=30, start=end - timedelta(hours=8), end=end
    )
    assert len(own) == len(sampled.times) == 13
    for name in ("open", "high", "low", "close"):
        shown = [float(getattr(bar, name)) for bar in own]
        assert np.allclose(shown, sampled.fields[name][:, 0], atol=0.00501)
    assert [int(bar.volume) for bar in own] == pytest.approx(sampled.fields["volume"][:, 0].tolist(), abs=1)


def test_days_are_the_samples_own() -> None:
    own = bars(AAPL, DAY, 40 * DAY)[:-1]
    sampled = SampleMarket(StandingClock(MORNING), CALENDAR).daily(("AAPL",), sessions=len(own))
    for name in ("open", "high", "low", "close"):
        shown = [float(getattr(bar, name)) for bar in own]
        assert np.allclose(shown, sampled.fields[name][:, 0], atol=0.00501)
    assert [int(bar.volume) for bar in own] == sampled.fields["volume"][:, 0].tolist()


def test_a_walked_day_is_what_its_minutes_are() -> None:
    # After the record, and of a symbol that the record does not have.
    moment = datetime(2023, 2, 10, 22, 0, tzinfo=UTC)
    (qqq,) = at().find(Query(symbol="QQQ", sec_type="STK", currency="USD"))
    for con_id in (AAPL, qqq.con_id, SPX):
        day = bars(con_id, DAY, timedelta(hours=12), moment=moment)[0]
        minutes = bars(con_id, MINUTE, timedelta(hours=12), moment=moment)
        assert len(minutes) == 390
        assert (day.open, day.close) == (minutes[0].open, minutes[-1].close)
        assert (day.high, day.low) == (max(m.high for m in minutes), min(m.low for m in minutes))


def test_nothing_is_shown_of_what_is_to_come() -> None:
    long_after = MORNING + 20 * DAY
    for size in (MINUTE, timedelta(hours=1), DAY):
        found = at().bars(AAPL, "TRADES", size, OPEN, long_after, use_rth=True)
        last = at().top(AAPL)
        assert last is not None
        assert found[-1].close == last.last
        assert found[-1].high <= (last.high or 0)
        assert all(bar.start <= MORNING for bar in found)
    assert at().bars(AAPL, "TRADES", DAY, MORNING + DAY, long_after, use_rth=True) == ()


def test_a_bar_begins_at_a_multiple_of_its_size_and_hours_at_the_open() -> None:
    hours = bars(AAPL, timedelta(hours=1), timedelta(hours=3))
    assert [f"{bar.start:%H:%M}" for bar in hours] == ["14:30", "15:00"]
    fives = bars(AAPL, 5 * MINUTE, timedelta(minutes=33))
    assert all(bar.start.minute % 5 == 0 and bar.start.second == 0 for bar in fives)


def test_bars_outside_regular_hours_are_given_when_wanted() -> None:
    regular = bars(AAPL, timedelta(minutes=30), DAY)
    wide = bars(AAPL, timedelta(minutes=30), DAY, use_rth=False)
    assert len(regular) == 13 - 2 + 3
    # From 10:30 to 16:00, the evening to 20:00, the morning from 4:00 to 10:30.
    assert len(wide) == 11 + 8 + 13 + 1
    # An hour that lies on both sides of the open is one bar.
    hours = bars(AAPL, timedelta(hours=1), timedelta(hours=3), use_rth=False)
    assert [f"{bar.start:%H:%M}" for bar in hours] == ["12:00", "13:00", "14:00", "15:00"]


def test_futures_have_bars_at_night_and_days_of_23_hours() -> None:
    hours = bars(future(), timedelta(hours=1), DAY)
    assert len(hours) >= 23
    assert "22:00" not in {f"{bar.start:%H:%M}" for bar in hours}
    day = bars(future(), DAY, 5 * DAY)
    assert [f"{bar.start.astimezone(UTC):%m-%d}" for bar in day] == ["12-23", "12-27", "12-28"]
    assert day[1].high >= max(bar.high for bar in hours if bar.start < datetime(2022, 12, 27, 22, 0, tzinfo=UTC))


def test_currencies_have_a_middle_but_no_trades_and_indices_the_other_way_round() -> None:
    assert bars(EUR, MINUTE, timedelta(hours=1)) == ()
    assert len(bars(EUR, MINUTE, timedelta(hours=1), show="MIDPOINT")) > 59
    assert bars(SPX, MINUTE, timedelta(hours=1), show="MIDPOINT") == ()
    assert len(bars(SPX, MINUTE, timedelta(hours=1))) > 59


def test_bid_and_ask_frame_the_middle() -> None:
    bid, ask, middle, both = (
        bars(AAPL, MINUTE, timedelta(minutes=5), show=show)[-2] for show in ("BID", "ASK", "MIDPOINT", "BID_ASK")
    )
    assert bid.close < middle.close < ask.close
    assert (both.low, both.high) == (bid.low, ask.high)
    assert bid.volume == 0


def test_weeks_and_months_hold_their_days() -> None:
    days = bars(AAPL, DAY, 60 * DAY)
    weeks, months = bars(AAPL, 7 * DAY, 60 * DAY), bars(AAPL, 30 * DAY, 60 * DAY)
    december = [bar for bar in days if bar.start >= datetime(2022, 12, 1, tzinfo=UTC)]
    assert months[-1].open == december[0].open
    assert (months[-1].high, months[-1].low) == (max(b.high for b in december), min(b.low for b in december))
    assert months[-1].volume == sum(bar.volume for bar in december)
    assert weeks[-1].open == days[-2].open
    assert len(weeks) == 9


def test_an_option_has_bars_that_end_where_it_is_quoted() -> None:
    (put,) = at().find(Query(symbol="SPY", sec_type="OPT", expiry="20230120", strike=Decimal(380), right="P"))
    found = bars(put.con_id, 5 * MINUTE, timedelta(hours=1), show="MIDPOINT")
    # The end is not part of a span: the last second is the one before.
    shown = at(MORNING - timedelta(seconds=1)).top(put.con_id)
    assert shown is not None
    assert shown.bid is not None
    assert shown.ask is not None
    assert found[-1].close == (shown.bid + shown.ask) / 2
    assert len(found) == 13


def test_the_head_is_the_first_session_of_the_record() -> None:
    assert at().head(AAPL) == datetime(1990, 1, 2, 14, 30, tzinfo=UTC)
    assert at().head(0) is None
    assert at().bars(0, "TRADES", DAY, OPEN, MORNING, use_rth=True) == ()

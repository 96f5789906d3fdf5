"""Trading hours: phases, half days, the evening before, and the text that contract details carry."""

from datetime import UTC, datetime

import pytest
from tests.unit.gateway.market.worlds import CALENDAR

from prudent.exchange.paper.words import Phase
from prudent.gateway.market.spans import CHICAGO, FX_HOURS, GLOBEX, NEW_YORK, Spans

STOCKS = Spans(CALENDAR, extended=True)
OPTIONS = Spans(CALENDAR)
FUTURES = Spans(CALENDAR, hourly=GLOBEX)
CURRENCIES = Spans(CALENDAR, hourly=FX_HOURS)


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def chicago(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "phase"),
    [
        ("2022-12-28T03:59:59", Phase.CLOSED), ("2022-12-28T04:00", Phase.PRE), ("2022-12-28T09:29:59", Phase.PRE),
        ("2022-12-28T09:30", Phase.REGULAR), ("2022-12-28T15:59:59", Phase.REGULAR),
        ("2022-12-28T16:00", Phase.AFTER), ("2022-12-28T19:59:59", Phase.AFTER), ("2022-12-28T20:00", Phase.CLOSED),
        ("2022-12-31T12:00", Phase.CLOSED), ("2022-12-26T12:00", Phase.CLOSED),
        # The day after Thanksgiving ends at one, and its evening at five.
        ("2022-11-25T12:59:59", Phase.REGULAR), ("2022-11-25T13:00", Phase.AFTER), ("2022-11-25T17:00", Phase.CLOSED),
    ],
)  # fmt: skip
def test_the_phase_of_a_stock(moment: str, phase: Phase) -> None:
    assert STOCKS.hours(new_york(moment)).phase is phase


def test_options_have_no_evening() -> None:
    assert OPTIONS.hours(new_york("2022-12-28T16:00")).phase is Phase.CLOSED
    assert OPTIONS.hours(new_york("2022-12-28T09:00")).phase is Phase.CLOSED


def test_open_and_close_are_those_in_progress_or_the_next() -> None:
    during = STOCKS.hours(new_york("2022-12-30T12:00"))
    assert (during.open, during.close) == (new_york("2022-12-30T09:30"), new_york("2022-12-30T16:00"))
    assert during.day_end == new_york("2022-12-30T20:00")
    after = STOCKS.hours(new_york("2022-12-30T17:00"))
    assert (after.open, after.close) == (new_york("2023-01-03T09:30"), new_york("2023-01-03T16:00"))
    assert after.day_end == new_york("2022-12-30T20:00")


@pytest.mark.parametrize(
    ("moment", "phase"),
    [
        ("2022-12-27T16:30", Phase.CLOSED), ("2022-12-27T17:00", Phase.REGULAR), ("2022-12-28T03:00", Phase.REGULAR),
        ("2022-12-28T15:59:59", Phase.REGULAR), ("2022-12-28T16:00", Phase.CLOSED),
        # Friday evening to Sunday evening.
        ("2023-01-06T17:00", Phase.CLOSED), ("2023-01-07T12:00", Phase.CLOSED), ("2023-01-08T16:59", Phase.CLOSED),
        ("2023-01-08T17:00", Phase.REGULAR),
    ],
)  # fmt: skip
def test_futures_trade_from_the_evening_before(moment: str, phase: Phase) -> None:
    assert FUTURES.hours(chicago(moment)).phase is phase


def test_currencies_rest_a_quarter_of_an_hour() -> None:
    assert CURRENCIES.hours(new_york("2022-12-28T16:59")).phase is Phase.REGULAR
    assert CURRENCIES.hours(new_york("2022-12-28T17:10")).phase is Phase.CLOSED
    assert CURRENCIES.hours(new_york("2022-12-28T17:15")).phase is Phase.REGULAR


def test_hours_as_text_name_both_ends_and_closed_days() -> None:
    at = new_york("2022-11-23T12:00")
    assert STOCKS.text(at, liquid=True) == (
        "20221123:0930-20221123:1600;20221124:CLOSED;20221125:0930-20221125:1300;"
        "20221126:CLOSED;20221127:CLOSED;20221128:0930-20221128:1600"
    )
    assert STOCKS.text(at, liquid=False).startswith(
        "20221123:0400-20221123:2000;20221124:CLOSED;20221125:0400-20221125:1700"
    )
    assert FUTURES.text(chicago("2022-12-28T09:00"), liquid=True).startswith(
        "20221227:1700-20221228:1600;20221228:1700-20221229:1600"
    )


def test_hours_follow_daylight_saving() -> None:
    assert STOCKS.hours(datetime(2022, 7, 5, 13, 45, tzinfo=UTC)).open == datetime(2022, 7, 5, 13, 30, tzinfo=UTC)
    assert STOCKS.hours(datetime(2022, 12, 28, 14, 45, tzinfo=UTC)).open == datetime(2022, 12, 28, 14, 30, tzinfo=UTC)


def test_a_trading_day_has_begun_the_evening_before() -> None:
    assert FUTURES.day_begun(chicago("2023-01-09T03:00")) == chicago("2023-01-08T17:00")
    assert FUTURES.day_begun(chicago("2023-01-07T12:00")) == chicago("2023-01-05T17:00")
    assert STOCKS.day_begun(new_york("2022-12-28T12:00")) == new_york("2022-12-28T04:00")

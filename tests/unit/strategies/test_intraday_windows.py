"""What an intraday account may do at each minute of a full session and of a half day."""

from datetime import UTC, date, datetime

import pytest

from prudent.domain.errors import ConfigError
from prudent.domain.mandate import Mandate
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.ports import Session
from prudent.strategies.intraday.params import read_params
from prudent.strategies.intraday.windows import Minutes, Window, why_closed, window_at

# New York is five hours behind UTC in November.
FULL = Session(
    date=date(2025, 11, 26), open=datetime(2025, 11, 26, 14, 30, tzinfo=UTC),
    close=datetime(2025, 11, 26, 21, tzinfo=UTC),
)  # fmt: skip
HALF = Session(
    date=date(2025, 11, 28), open=datetime(2025, 11, 28, 14, 30, tzinfo=UTC),
    close=datetime(2025, 11, 28, 18, tzinfo=UTC), early_close=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("clock", "window"),
    [
        ("14:29", Window.CLOSED), ("14:30", Window.OPENING), ("14:34", Window.OPENING), ("14:35", Window.TRADING),
        ("20:29", Window.TRADING), ("20:30", Window.NO_ENTRIES), ("20:44", Window.NO_ENTRIES),
        ("20:45", Window.CLOSING), ("20:54", Window.CLOSING), ("20:55", Window.FLAT), ("20:59", Window.FLAT),
        ("21:00", Window.CLOSED),
    ],
)  # fmt: skip
def test_the_windows_of_a_full_session(clock: str, window: Window) -> None:
    assert window_at(datetime.fromisoformat(f"2025-11-26T{clock}:00Z"), FULL, Minutes()) is window


@pytest.mark.parametrize(
    ("clock", "window"),
    [("17:29", Window.TRADING), ("17:30", Window.NO_ENTRIES), ("17:55", Window.FLAT), ("18:00", Window.CLOSED)],
)
def test_a_half_day_is_flat_by_1255(clock: str, window: Window) -> None:
    assert window_at(datetime.fromisoformat(f"2025-11-28T{clock}:00Z"), HALF, Minutes()) is window


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        ("2025-11-28T18:05:00Z", "market closed (early close 13:00)"),  # T-CAL-1
        ("2025-11-28T17:59:00Z", ""),
        ("2025-11-26T21:00:00Z", "market closed (close 16:00)"),
        ("2025-11-26T14:00:00Z", "market closed (opens 09:30)"),
        ("2025-11-27T16:00:00Z", "market closed (no session today, the next is 2025-11-28)"),
        ("2025-01-09T16:00:00Z", "market closed (no session today, the next is 2025-01-10)"),
    ],
)
def test_t_cal_a_closed_market_says_why(moment: str, why: str) -> None:
    assert why_closed(ExchangeCalendar(), datetime.fromisoformat(moment)) == why


def test_windows_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="flat_by <= trades_end"):
        Minutes(flat_by=20, trades_end=15)
    with pytest.raises(ConfigError, match="intra"):
        read_params(Mandate(account="intra", parameters={"flat_minutes_before_close": 60}))


@pytest.mark.parametrize(
    "parameters",
    [
        {"bar_minutes": 7}, {"max_trades": -1}, {"pass0_confidence": "sure"}, {"pdt_enforced": "yes"},
        {"watchlist": "AAPL"}, {"watchlist": ["ÄÖ"]}, {"min_order": "-5"}, {"research": 3},
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_by_name(parameters: dict[str, object]) -> None:
    (name,) = parameters
    with pytest.raises(ConfigError, match=rf"parameters\.{name} of intra"):
        read_params(Mandate(account="intra", parameters=parameters))  # type: ignore[arg-type]


def test_percentages_are_fractions_and_the_daily_loss_is_the_mandates() -> None:
    found = read_params(Mandate(account="intra", parameters={"stop_loss": "3%", "pass0_confidence": "60%"}))
    assert str(found.stop_loss) == "0.03"
    assert str(found.pass0_confidence) == "0.6"
    assert str(found.daily_loss) == "0.02"

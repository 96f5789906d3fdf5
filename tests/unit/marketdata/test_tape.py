"""What columns of prices tell: holes by name and dates, actions by day, delistings."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import numpy as np

from prudent.domain.corporate_actions import Delisting, Dividend, Split
from prudent.domain.performance import Panel
from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import ExchangeCalendar, day_number
from prudent.marketdata.columns import DAILY_FIELDS, DailyColumns, Days
from prudent.marketdata.inventory import inventory
from prudent.marketdata.tape import actions_of, delistings, gaps_of

CALENDAR = ExchangeCalendar()
FIRST, LAST = date(2024, 7, 1), date(2024, 7, 31)
SESSIONS = [session.date for session in CALENDAR.sessions(FIRST, LAST)]
D = Decimal


class HandSource:
    """Raw columns of symbols whose rows a test names, by session number."""

    total_return = False

    def __init__(self, **rows: Sequence[int]) -> None:
        self._rows = rows

    def columns(self, symbol: str) -> DailyColumns | None:
        rows = self._rows.get(symbol)
        if rows is None:
            return None
        fields = dict.fromkeys(DAILY_FIELDS, np.array([10.0 + n for n in rows]))
        return DailyColumns(
            symbol=symbol, days=days_of(rows), fields=fields, quality=dict.fromkeys(DAILY_FIELDS, Quality.REAL)
        )


def days_of(rows: Sequence[int]) -> Days:
    return np.array([day_number(SESSIONS[n]) for n in rows], dtype=np.int64)


def all_but(*missing: int) -> list[int]:
    return [n for n in range(len(SESSIONS)) if n not in missing]


def panel_of(count: int = len(SESSIONS), **rows: Sequence[int]) -> Panel:
    """Closes of these rows, from 10 up by one a session, and opens half a point below."""
    close = np.full((count, len(rows)), np.nan)
    for i, own in enumerate(rows.values()):
        for n in own:
            close[n, i] = 10.0 + n
    nothing = np.zeros_like(close)
    return Panel(
        symbols=tuple(rows), days=np.array(SESSIONS[:count], dtype="datetime64[D]"), open=close - 0.5,
        high=close + 1.0, low=close - 1.0, close=close, dividend=nothing, split=nothing + 1.0, total_return=False,
    )  # fmt: skip


def test_gaps_lie_between_two_days_that_a_symbol_has() -> None:
    sessions = days_of(all_but())
    (gap,) = gaps_of("BBB", days_of(all_but(0, 3, 4, 5, 6, 7, 8, 12, 21)), sessions, least=6)
    assert str(gap) == "BBB 2024-07-05 to 2024-07-12 (6 sessions)"
    one, two = gaps_of("BBB", days_of(all_but(0, 3, 4, 12, 21)), sessions)
    assert (one.sessions, two.sessions, two.first) == (2, 1, SESSIONS[12])


def test_actions_stand_by_day_dividends_first() -> None:
    panel = panel_of(AAA=all_but(), BBB=all_but())
    panel.split[4, 0], panel.dividend[4, 1], panel.dividend[7, 0] = 2.0, 0.37, 1.25
    found = actions_of(panel, lot_of={"AAA": D("0.01"), "BBB": D(1)}.__getitem__)
    assert found == {
        SESSIONS[4]: (
            Dividend(symbol="BBB", day=SESSIONS[4], amount=D("0.37")),
            Split(symbol="AAA", day=SESSIONS[4], ratio=D("2.0"), price=D("13.5"), lot=D("0.01")),
        ),
        SESSIONS[7]: (Dividend(symbol="AAA", day=SESSIONS[7], amount=D("1.25")),),
    }


def test_a_symbol_whose_prices_end_is_paid_out_after_five_sessions() -> None:
    # The last close is 10 + 9 on session 9; sessions 10 to 14 have no price; it is paid before the open of session 15.
    panel = panel_of(AAA=range(10), BBB=all_but())
    paid = Delisting(symbol="AAA", day=SESSIONS[15], price=D("19.0"))
    assert delistings(panel) == (paid,)
    assert actions_of(panel) == {SESSIONS[15]: (paid,)}
    assert delistings(panel_of(15, AAA=range(10), BBB=range(15))) == ()


def test_an_inventory_tells_what_a_source_has() -> None:
    source = HandSource(AAA=all_but(), BBB=all_but(3, 4, 5, 6, 7, 8, 12))
    one, two = inventory(source, ("AAA", "BBB", "WWW"), calendar=CALENDAR)
    assert (one.symbol, one.first, one.last, one.rows, one.missing, one.holes) == ("AAA", FIRST, LAST, 22, 0, ())
    assert (two.rows, two.missing, two.holes) == (15, 7, ("BBB 2024-07-05 to 2024-07-12 (6 sessions)",))

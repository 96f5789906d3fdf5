"""The tape: every session of a window, holes refused by name, actions by day, stale prices and delistings."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from prudent.domain.corporate_actions import Delisting, Dividend, Split
from prudent.domain.errors import InputError
from prudent.domain.performance import Panel
from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import ExchangeCalendar, day_number
from prudent.marketdata.columns import DAILY_FIELDS, DailyColumns
from prudent.marketdata.inventory import inventory
from prudent.marketdata.sample_series import shipped_source
from prudent.marketdata.tape import actions_of, carry, data_hash, delistings, remarks, tape

CALENDAR = ExchangeCalendar()
FIRST, LAST = date(2024, 7, 1), date(2024, 7, 31)
SESSIONS = [session.date for session in CALENDAR.sessions(FIRST, LAST)]
D = Decimal


class HandSource:
    """Raw columns of symbols whose rows a test names: closes by session number, from 10 up by one a session."""

    total_return = False

    def __init__(self, **rows: Sequence[int]) -> None:
        self._rows = rows
        self.dividends: dict[tuple[str, int], float] = {}
        self.splits: dict[tuple[str, int], float] = {}

    def columns(self, symbol: str) -> DailyColumns | None:
        rows = self._rows.get(symbol)
        if rows is None:
            return None
        close = np.array([10.0 + n for n in rows])
        fields = dict.fromkeys(DAILY_FIELDS, close) | {
            "open": close - 0.5, "high": close + 1.0, "low": close - 1.0,
            "dividend": np.array([self.dividends.get((symbol, n), 0.0) for n in rows]),
            "split": np.array([self.splits.get((symbol, n), 1.0) for n in rows]),
        }  # fmt: skip
        days = np.array([day_number(SESSIONS[n]) for n in rows], dtype=np.int64)
        return DailyColumns(symbol=symbol, days=days, fields=fields, quality=dict.fromkeys(DAILY_FIELDS, Quality.REAL))


def all_but(*missing: int) -> list[int]:
    return [n for n in range(len(SESSIONS)) if n not in missing]


def taped(source: HandSource, *symbols: str, first: date = FIRST, last: date = LAST) -> Panel:
    return tape(source, symbols or ("AAA",), first, last, calendar=CALENDAR)


def test_a_tape_has_a_row_for_every_session_and_no_price_where_there_is_none() -> None:
    panel = taped(HandSource(AAA=all_but(), BBB=all_but(3, 4)), "BBB", "AAA")
    assert panel.days.tolist() == SESSIONS
    assert panel.symbols == ("BBB", "AAA")
    assert np.flatnonzero(np.isnan(panel.close[:, 0])).tolist() == [3, 4]
    for name, shift in (("open", -0.5), ("high", 1.0), ("low", -1.0), ("close", 0.0)):
        assert getattr(panel, name)[:, 1].tolist() == [10.0 + n + shift for n in range(len(SESSIONS))]
    assert (panel.dividend[3, 0], panel.split[3, 0], panel.total_return) == (0.0, 1.0, False)


def test_the_sample_is_total_return_and_books_nothing() -> None:
    panel = tape(shipped_source(), ("AAPL", "KO"), date(2015, 1, 2), date(2016, 12, 30), calendar=CALENDAR)
    assert panel.total_return
    assert panel.close.shape == (504, 2)
    assert not np.isnan(panel.open).any()
    assert ((panel.low <= panel.open) & (panel.open <= panel.high) & (panel.close <= panel.high)).all()
    assert not actions_of(panel)
    assert not panel.dividend.any()
    assert (panel.split == 1.0).all()
    assert remarks(panel) == ("total-return prices: what was paid counts as in the prices, no dividend is booked",)


def test_a_hole_of_more_than_five_sessions_is_refused_by_name_and_dates() -> None:
    taped(HandSource(AAA=all_but(3, 4, 5, 6, 7)))
    source = HandSource(AAA=all_but(), BBB=all_but(3, 4, 5, 6, 7, 8, 12))
    with pytest.raises(InputError, match=r"have: BBB 2024-07-05 to 2024-07-12 \(6 sessions\); complete the data"):
        taped(source, "AAA", "BBB")
    with pytest.raises(InputError, match=r"ETFC 2010-06-02 to 2010-06-29 \(20 sessions\)"):
        tape(shipped_source(), ("ETFC",), date(2010, 5, 3), date(2010, 7, 30), calendar=CALENDAR)


def test_a_hole_that_reaches_over_the_end_of_the_window_is_no_delisting() -> None:
    with pytest.raises(InputError, match=r"AAA 2024-07-15 to 2024-07-22 \(6 sessions\)"):
        taped(HandSource(AAA=all_but(*range(9, 20))), last=SESSIONS[14])


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (date(2024, 7, 9), date(2024, 7, 8), "must end after it begins, was 2024-07-09 to 2024-07-08"),
        (date(2024, 7, 6), date(2024, 7, 7), "must hold a session, 2024-07-06 to 2024-07-07 has none"),
        (date(2024, 6, 28), date(2024, 7, 8), "not begin before the data, which begins on 2024-07-01, was 2024-06-28"),
        (date(2024, 8, 1), date(2024, 8, 8), "AAA has prices from 2024-07-01 to 2024-07-31, none from 2024-08-01"),
    ],
)
def test_a_wrong_window_is_named(first: date, last: date, message: str) -> None:
    with pytest.raises(InputError, match=message):
        taped(HandSource(AAA=all_but()), first=first, last=last)


def test_unknown_symbols_are_named_together() -> None:
    with pytest.raises(InputError, match="has no WWW, ZZZ"):
        taped(HandSource(AAA=all_but()), "WWW", "AAA", "ZZZ")
    with pytest.raises(InputError, match="needs a symbol"):
        tape(HandSource(), (), FIRST, LAST, calendar=CALENDAR)


def test_one_symbol_may_begin_later_than_the_others() -> None:
    panel = taped(HandSource(AAA=all_but(), BBB=range(5, 22)), "AAA", "BBB")
    prices, stale = carry(panel)
    assert np.isnan(prices[:5, 1]).all()
    assert not stale.any()
    assert remarks(panel) == (f"BBB has no price before {SESSIONS[5]}",)


def test_a_missing_price_is_the_last_one_and_stale() -> None:
    panel = taped(HandSource(AAA=all_but(3, 4)))
    prices, stale = carry(panel)
    assert prices[2:6, 0].tolist() == [12.0, 12.0, 12.0, 15.0]
    assert np.flatnonzero(stale[:, 0]).tolist() == [3, 4]
    assert np.isnan(panel.close[3, 0])
    assert remarks(panel) == ("AAA keeps an old price on 2 sessions without one",)


def test_actions_stand_by_day_dividends_first() -> None:
    source = HandSource(AAA=all_but(), BBB=all_but())
    source.splits["AAA", 4], source.dividends["BBB", 4], source.dividends["AAA", 7] = 2.0, 0.37, 1.25
    found = actions_of(taped(source, "AAA", "BBB"), lot_of={"AAA": D("0.01"), "BBB": D(1)}.__getitem__)
    assert found == {
        SESSIONS[4]: (
            Dividend(symbol="BBB", day=SESSIONS[4], amount=D("0.37")),
            Split(symbol="AAA", day=SESSIONS[4], ratio=D("2.0"), price=D("13.5"), lot=D("0.01")),
        ),
        SESSIONS[7]: (Dividend(symbol="AAA", day=SESSIONS[7], amount=D("1.25")),),
    }


def test_a_symbol_whose_prices_end_is_paid_out_after_five_sessions() -> None:
    # The last close is 10 + 9 on session 9; sessions 10 to 14 have no price; it is paid before the open of session 15.
    panel = taped(HandSource(AAA=range(10), BBB=all_but()), "AAA", "BBB")
    paid = Delisting(symbol="AAA", day=SESSIONS[15], price=D("19.0"))
    assert delistings(panel) == (paid,)
    assert actions_of(panel) == {SESSIONS[15]: (paid,)}
    assert remarks(panel)[0] == f"AAA trades no more: paid out at 19.0 on {SESSIONS[15]}"
    assert delistings(taped(HandSource(AAA=range(10), BBB=all_but()), "AAA", "BBB", last=SESSIONS[14])) == ()


def test_equal_data_has_one_digest_and_any_other_value_another() -> None:
    one = taped(HandSource(AAA=all_but(3)))
    assert data_hash(one) == data_hash(taped(HandSource(AAA=all_but(3))))
    others = {data_hash(one), data_hash(taped(HandSource(AAA=all_but(4))))}
    source = HandSource(AAA=all_but(3))
    source.dividends["AAA", 5] = 0.01
    others |= {data_hash(taped(source)), data_hash(taped(HandSource(AAA=all_but(3)), last=SESSIONS[-2]))}
    assert len(others) == 4


def test_an_inventory_tells_what_a_source_has() -> None:
    source = HandSource(AAA=all_but(), BBB=all_but(3, 4, 5, 6, 7, 8, 12))
    one, two = inventory(source, ("AAA", "BBB", "WWW"), calendar=CALENDAR)
    assert (one.symbol, one.first, one.last, one.rows, one.missing, one.holes) == ("AAA", FIRST, LAST, 22, 0, ())
    assert (two.rows, two.missing, two.holes) == (15, 7, ("BBB 2024-07-05 to 2024-07-12 (6 sessions)",))

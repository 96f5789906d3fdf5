"""What was known at a cut stays as it was, to the bit; everything else is another."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from prudent.backtest.perturbed import CHANGED_TEXT, Changes, Cut, Known, Perturbed, changed_history
from prudent.clock import SimulatedClock
from prudent.domain.errors import LookAhead
from prudent.marketdata.calendars import ExchangeCalendar, day_number
from prudent.marketdata.columns import DailyColumns
from prudent.marketdata.sample import SampleMarket
from prudent.marketdata.sample_series import shipped_source

DAY, UNTIL = date(2015, 3, 10), date(2015, 3, 20)
CALENDAR = ExchangeCalendar()
SESSION = CALENDAR.sessions(DAY, DAY)[0]
SYMBOLS = ("AAPL", "JPM", "KO", "XOM", "SPY", "VIX", "TNX")
PRICES = ("open", "high", "low", "close")


def cut(known: Known, *, moment: datetime | None = None, seed: int = 1) -> Cut:
    at = {Known.OPEN: SESSION.open, Known.RANGE: SESSION.open + timedelta(hours=2), Known.ALL: SESSION.close}[known]
    return Cut(moment=moment or at, day=DAY, known=known, until=UNTIL, seed=seed)


def history(symbol: str) -> DailyColumns:
    found = shipped_source().columns(symbol)
    assert found is not None
    return found


def same(was: np.ndarray, now: np.ndarray) -> np.ndarray:
    found: np.ndarray = (was == now) | (np.isnan(was) & np.isnan(now))
    return found


@pytest.mark.parametrize("known", Known)
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_history_is_the_same_before_its_cut_and_another_after_it(symbol: str, known: Known) -> None:
    was, changes = history(symbol), Changes()
    now = changed_history(was, cut(known), changes)
    before = int(np.searchsorted(was.days, day_number(DAY)))
    assert was.days[before] == day_number(DAY)
    assert np.array_equal(now.days, was.days[: len(now.days)])
    for name in was.fields:
        assert np.array_equal(was.fields[name][:before], now.fields[name][:before], equal_nan=True)
    today = {name for name in was.fields if same(was.fields[name], _long(now, was, name))[before]}
    kept = {Known.OPEN: {"open"}, Known.RANGE: {"open", "high", "low"}, Known.ALL: set(PRICES)}[known]
    assert {*kept, "dividend", "split", "factor"} <= today
    assert not (set(PRICES) - kept) & today
    for name in PRICES:
        later = slice(before + 1, len(now.days))
        assert not same(was.fields[name][later], now.fields[name][later]).any()
    assert changes.count > 0


def _long(now: DailyColumns, was: DailyColumns, name: str) -> np.ndarray:
    """The changed column at the length of the old one, NaN where it has ended."""
    out = np.full(len(was.days), np.nan)
    out[: len(now.days)] = now.fields[name]
    return out


def test_the_open_and_the_close_of_a_changed_bar_lie_within_it() -> None:
    for known in Known:
        now = changed_history(history("AAPL"), cut(known), Changes())
        rows = slice(int(np.searchsorted(now.days, day_number(DAY))), len(now.days))
        opened, high, low, close = (now.fields[name][rows] for name in PRICES)
        assert (low <= np.minimum(opened, close)).all()
        assert (np.maximum(opened, close) <= high).all()
        assert (low > 0.0).all()


def test_a_dividend_and_a_split_come_soon_after_every_cut() -> None:
    found = [changed_history(history("KO"), cut(Known.ALL, seed=seed), Changes()) for seed in range(20)]
    first = int(np.searchsorted(history("KO").days, day_number(DAY))) + 1
    whole = [each for each in found if len(each.days) > first + 5]
    assert len(whole) > 5
    assert all((each.fields["dividend"][first : first + 3] > 0.0).any() for each in whole)
    assert all((each.fields["split"][first : first + 3] != 1.0).any() for each in whole)


def test_some_symbols_trade_no_more_after_a_cut() -> None:
    ends = [len(changed_history(history("KO"), cut(Known.ALL, seed=seed), Changes()).days) for seed in range(40)]
    assert 3 <= sum(end < len(history("KO").days) for end in ends) <= 20


def test_the_order_of_reading_changes_no_number() -> None:
    one, other = (changed_history(history("JPM"), cut(Known.OPEN), Changes()) for _ in range(2))
    names = list(one.fields)
    found = {name: one.fields[name] for name in names}
    assert all(np.array_equal(other.fields[name], found[name], equal_nan=True) for name in reversed(names))


def market_at(moment: datetime, where: Cut) -> tuple[Perturbed, SampleMarket, Changes]:
    changes = Changes()
    clock = SimulatedClock(moment)
    return Perturbed(SampleMarket(clock, CALENDAR), where, changes), SampleMarket(clock, CALENDAR), changes


def test_bars_within_the_session_change_after_the_cut_alone() -> None:
    noon = SESSION.open + timedelta(hours=2)
    changed, plain, changes = market_at(SESSION.close, cut(Known.OPEN, moment=noon))
    now, was = (
        each.bars(("AAPL", "KO"), minutes=30, start=SESSION.open, end=SESSION.close) for each in (changed, plain)
    )
    assert np.array_equal(was.fields["close"][:4], now.fields["close"][:4])
    assert not (was.fields["close"][4:] == now.fields["close"][4:]).any()
    assert changes.by_kind()["bar"] == 2 * (len(was.times) - 4)


def test_quotes_are_the_same_at_the_cut_and_others_a_moment_later() -> None:
    noon = SESSION.open + timedelta(hours=2)
    where = cut(Known.OPEN, moment=noon)
    at_cut, plain, changes = market_at(noon, where)
    assert at_cut.quotes(SYMBOLS[:4]) == plain.quotes(SYMBOLS[:4])
    assert "quote" not in changes.by_kind()
    later, plain, changes = market_at(noon + timedelta(minutes=30), where)
    for now, was in zip(later.quotes(SYMBOLS[:4]), plain.quotes(SYMBOLS[:4])):
        assert now.price != was.price
        assert now.previous_close == was.previous_close
    assert changes.by_kind()["quote"] == 4


def test_what_was_announced_before_the_cut_stays_and_what_came_later_is_another() -> None:
    changed, plain, _changes = market_at(datetime(2015, 6, 1, 15, tzinfo=UTC), cut(Known.ALL))
    window = {"start": date(2015, 2, 1), "end": date(2015, 5, 29)}
    now, was = (each.events(SYMBOLS[:4], kind="headline", **window) for each in (changed, plain))
    assert len(now) == len(was) > 5
    for one, other in zip(now, was):
        assert (one == other) == (other.known_at <= SESSION.close)
        assert (CHANGED_TEXT in one.text) == (other.known_at > SESSION.close)


def test_a_refused_look_ahead_is_counted_and_raised() -> None:
    changed, _plain, changes = market_at(SESSION.open, cut(Known.OPEN))
    with pytest.raises(LookAhead):
        changed.daily(("AAPL",), sessions=1, end=date(2015, 3, 12))
    assert changes.refused == 1

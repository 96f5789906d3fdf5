"""Quotes: the same moment always shows the same, the sample's prices are met, and every price keeps to its ticks."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gateway.market.worlds import CALENDAR, MORNING, StandingClock, at, made

from prudent.analytics.options import Option, implied_volatility
from prudent.exchange.paper.words import Phase, Top
from prudent.gateway.market import prices
from prudent.gateway.market.details import RULES, Query
from prudent.gateway.market.series import NoHistory
from prudent.marketdata.sample import SampleMarket

OPEN = datetime(2022, 12, 28, 14, 30, tzinfo=UTC)
CLOSE = datetime(2022, 12, 28, 21, 0, tzinfo=UTC)
AAPL, SPY, SPX = 265598, 756733, 416904
QUERIES = (
    Query(symbol="AAPL", sec_type="STK", currency="USD"), Query(symbol="AAPL", sec_type="STK", currency="MXN"),
    Query(symbol="QQQ", sec_type="STK", currency="USD"), Query(symbol="XOM", sec_type="STK"),
    Query(symbol="SPX", sec_type="IND"), Query(symbol="EUR", sec_type="CASH"), Query(symbol="USD", sec_type="CASH"),
    Query(symbol="ES", sec_type="FUT"), Query(symbol="GC", sec_type="FUT"), Query(symbol="M6E", sec_type="FUT"),
    Query(symbol="SPY", sec_type="OPT", expiry="202301", strike=Decimal(380)),
    Query(symbol="AAPL", sec_type="OPT", expiry="20230120", strike=Decimal(130)),
    Query(symbol="SPX", sec_type="OPT", expiry="20230120", strike=Decimal(3850)),
)  # fmt: skip


def ids(moment: datetime = MORNING) -> Iterator[int]:
    market = at(moment)
    return (row.con_id for query in QUERIES for row in market.find(query))


def top(con_id: int, moment: datetime = MORNING) -> Top:
    found = at(moment).top(con_id)
    assert found is not None
    return found


def sides(con_id: int, moment: datetime = MORNING) -> tuple[Decimal, Decimal]:
    found = top(con_id, moment)
    assert found.bid is not None
    assert found.ask is not None
    return found.bid, found.ask


def test_the_same_moment_shows_the_same_in_another_process_and_order() -> None:
    here = {con_id: top(con_id) for con_id in ids()}
    at(MORNING + timedelta(days=3)).top(AAPL)
    there = made()
    assert {con_id: there.top(con_id) for con_id in tuple(here)[::-1]} == here
    assert {con_id: top(con_id) for con_id in here} == here


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [(MORNING + timedelta(seconds=1), 0.9), (MORNING + timedelta(seconds=1), 1.0), (OPEN - timedelta(seconds=1), 0.9)],
)
def test_what_was_looked_at_just_now_shows_what_a_fresh_market_does(moment: datetime, seconds: float) -> None:
    con_ids, later = tuple(ids(moment)), moment + timedelta(seconds=seconds)
    for con_id in con_ids:
        top(con_id, moment)
    there = made(later)
    for con_id in con_ids:
        assert top(con_id, later) == there.top(con_id)


def test_another_seed_is_another_market_after_the_record() -> None:
    later = MORNING + timedelta(days=30)
    assert made(later, seed=1).top(AAPL) == top(AAPL, later)
    other = made(later, seed=2)
    assert other.top(AAPL) != top(AAPL, later)
    mine, others = (market.series.series("AAPL") for market in (at(), other))
    assert mine is not None
    assert others is not None
    changes = [np.diff(np.log(each.close[each.recorded :])) for each in (mine, others)]
    assert abs(np.corrcoef(np.stack(changes))[0, 1]) < 0.2


@pytest.mark.parametrize("half_hours", [1, 2, 7, 12])
@pytest.mark.parametrize("symbol", ["AAPL", "SPY", "XOM", "MTUM"])
def test_at_each_half_hour_the_quote_is_the_samples_price(symbol: str, half_hours: int) -> None:
    # The sample's path ends a half hour at a price; the second before it, the gateway quotes that one.
    moment = OPEN + timedelta(minutes=30 * half_hours)
    sampled = SampleMarket(StandingClock(moment), CALENDAR).quotes((symbol,))[0]
    (row,) = at().find(Query(symbol=symbol, sec_type="STK", currency="USD"))
    shown = top(row.con_id, moment - timedelta(seconds=1))
    assert sampled.price is not None
    assert shown.last == sampled.price.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
    assert shown.close == (sampled.previous_close or Decimal(0)).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


def test_the_session_ends_at_the_real_close() -> None:
    # AAPL closed at 125.674 on the sample's scale, SPX at 3783.22.
    assert top(AAPL, CLOSE - timedelta(seconds=1)).last == Decimal("125.67")
    assert top(AAPL, CLOSE).last == top(AAPL, CLOSE + timedelta(seconds=9)).last == Decimal("125.67")
    day_after = top(SPX, CLOSE + timedelta(hours=18))
    assert day_after.close == Decimal("3783.22")


@settings(max_examples=20)
@given(st.integers(0, 40 * 24 * 3600))
def test_every_price_keeps_to_its_ticks_and_sides_do_not_cross(seconds: int) -> None:
    market = at(MORNING + timedelta(seconds=seconds))
    for con_id in ids(market.now()):
        shown, facts = market.top(con_id), market.facts(con_id)
        assert shown is not None
        assert facts is not None
        for price in (shown.bid, shown.ask, shown.last, shown.open, shown.high, shown.low, shown.close):
            if price is not None:
                assert price % prices.tick_at(facts.ticks, price) == 0
                assert price >= 0
        if shown.bid is not None and shown.ask is not None:
            assert 0 < shown.bid < shown.ask
            assert shown.last is not None
            assert shown.bid <= shown.last <= shown.ask
            assert shown.bid_size > 0
            assert shown.ask_size > 0


def test_high_low_and_volume_only_grow_inside_a_session() -> None:
    seen = [top(AAPL, OPEN + timedelta(minutes=minute)) for minute in range(0, 390, 13)]
    for before, after in pairwise(seen):
        assert before.high is not None
        assert after.high is not None
        assert before.low is not None
        assert after.low is not None
        assert before.high <= after.high
        assert before.low >= after.low
        assert before.volume < after.volume
        assert before.open == after.open
    assert seen[-1].volume <= Decimal(8_508_701)


def test_outside_hours_spreads_widen_and_in_the_night_there_are_none() -> None:
    regular, evening = sides(AAPL), sides(AAPL, CLOSE + timedelta(hours=1))
    assert evening[1] - evening[0] > regular[1] - regular[0]
    night = top(AAPL, CLOSE + timedelta(hours=6))
    assert (night.bid, night.ask) == (None, None)
    assert night.last is not None
    (option,) = at().find(Query(symbol="SPY", sec_type="OPT", expiry="20230120", strike=Decimal(380), right="P"))
    assert top(option.con_id, CLOSE + timedelta(hours=1)).bid is None


def test_futures_and_currencies_trade_at_night() -> None:
    night = datetime(2022, 12, 29, 3, 0, tzinfo=UTC)
    for query in (Query(symbol="ES", sec_type="FUT"), Query(symbol="EUR", sec_type="CASH")):
        assert None not in sides(at(night).find(query)[0].con_id, night)


def test_a_future_costs_its_index_with_the_carry_and_meets_it_at_the_end() -> None:
    (es,) = at().find(Query(symbol="ES", sec_type="FUT", expiry="202303"))
    spot = float(top(SPX).last or 0)
    # 79 days at 4 % less 1.5 %.
    assert float(top(es.con_id).last or 0) == pytest.approx(spot * math.exp(0.025 * 79 / 365), abs=0.2)
    ending = datetime(2023, 3, 17, 13, 29, 50, tzinfo=UTC)
    spot = float(top(SPX, ending).last or 0)
    assert float(top(es.con_id, ending).last or 0) == pytest.approx(spot, abs=0.2)
    assert top(es.con_id, datetime(2023, 3, 17, 13, 30, tzinfo=UTC)).bid is None


def test_a_foreign_listing_is_the_american_one_at_the_days_rate() -> None:
    (mexican,) = at().find(Query(symbol="AAPL", sec_type="STK", currency="MXN"))
    ratio = float((top(mexican.con_id).last or 0) / (top(AAPL).last or 1))
    rate = at().rate("MXN")
    assert rate is not None
    assert ratio == pytest.approx(1 / float(rate), rel=0.05)


def test_options_keep_put_call_parity_and_their_model_explains_the_quote() -> None:
    chain = at().find(Query(symbol="SPY", sec_type="OPT", expiry="20230120"))
    pairs = {row.contract.strike: {} for row in chain}  # type: ignore[var-annotated]
    for row in chain:
        pairs[row.contract.strike][row.contract.right] = at().model(row.con_id)
    spot = at().spots.price("SPY", MORNING.timestamp())
    assert spot is not None
    years = (datetime(2023, 1, 20, 21, 0, tzinfo=UTC) - MORNING) / timedelta(days=365)
    for strike, both in pairs.items():
        owed = spot * math.exp(-0.015 * years) - float(strike) * math.exp(-0.04 * years)
        assert both["C"].price - both["P"].price == pytest.approx(owed, abs=1e-9)
        option = Option(
            is_call=True, spot=spot, strike=float(strike), years=years, rate=0.04, dividend_yield=0.015
        )
        assert implied_volatility(option, both["C"].price) == pytest.approx(both["C"].volatility, abs=1e-6)
    rising = [pairs[strike]["C"].price for strike in sorted(pairs)]
    assert rising == sorted(rising, reverse=True)
    assert at().model(AAPL) is None


def test_the_smile_leans_to_low_strikes() -> None:
    puts = at().find(Query(symbol="SPY", sec_type="OPT", expiry="20230120", right="P"))
    low, high = at().model(puts[0].con_id), at().model(puts[-1].con_id)
    assert low is not None
    assert high is not None
    assert low.volatility > high.volatility


def test_rates_are_dollars_for_one_unit() -> None:
    assert at().rate("USD") == 1
    euro, yen = at().rate("EUR"), at().rate("JPY")
    assert euro is not None
    assert yen is not None
    assert Decimal("0.7") < euro < Decimal("1.5")
    assert Decimal("0.005") < yen < Decimal("0.012")
    assert at().rate("QQQ") is None


def test_every_listed_stock_has_a_quote_in_each_world() -> None:
    for source in (None, NoHistory()):
        market = made(source=source)
        for details in market.listed()[::40]:
            shown = market.top(details.con_id)
            assert shown is not None
            assert shown.last is not None


def test_a_made_up_world_has_calm_and_wild_times_and_gaps() -> None:
    series = made(source=NoHistory()).series.series("AAPL")
    assert series is not None
    change = np.diff(np.log(series.close))
    spread = np.std(change)
    months = np.array([np.std(part) for part in np.array_split(change, len(change) // 42)])
    assert np.quantile(months, 0.95) > 2.0 * np.quantile(months, 0.3)
    gaps = np.abs(np.log(series.open[1:] / series.close[:-1]))
    # About 1.5 % of the sessions open with a gap that the noise of the rest does not make.
    assert 0.004 < np.mean(gaps > 2.0 * spread) < 0.03
    assert series.close.min() > 0


def test_an_unknown_contract_is_answered_with_none_and_index_levels_have_no_sides() -> None:
    assert at().top(1) is None
    assert at().facts(1) is None
    assert at().details(2**31) is None
    shown = top(SPX)
    assert (shown.bid, shown.ask) == (None, None)
    assert shown.last is not None


def test_hours_are_those_of_the_contract() -> None:
    (es,) = at().find(Query(symbol="ES", sec_type="FUT", expiry="202303"))
    night = datetime(2022, 12, 29, 3, 0, tzinfo=UTC)
    assert at().hours(es.con_id, night).phase is Phase.REGULAR
    assert at().hours(AAPL, night).phase is Phase.CLOSED
    # A combo has none of its own: those of options.
    assert at().hours(0, CLOSE + timedelta(hours=1)).phase is Phase.CLOSED


@given(st.sampled_from(sorted(RULES)), st.floats(0.01, 5_000.0), st.floats(0.0, 1.0))
def test_sides_are_ticks_around_the_middle(rule: int, middle: float, half: float) -> None:
    found = prices.sides(RULES[rule], middle, half)
    assert float(found.ask) >= middle - 1e-6
    if found.bid is not None:
        assert found.bid < found.ask
        assert float(found.bid) <= middle + 1e-6

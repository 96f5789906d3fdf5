"""Black-Scholes-Merton against published values, put-call parity and finite differences."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.analytics.options import Option, greeks, implied_volatility, price

HULL = Option(is_call=True, spot=49.0, strike=50.0, years=20 / 52, rate=0.05)


def other(option: Option, **changes: float | bool) -> Option:
    fields: dict[str, float | bool] = {
        "is_call": option.is_call, "spot": option.spot, "strike": option.strike, "years": option.years,
        "rate": option.rate, "dividend_yield": option.dividend_yield,
    }  # fmt: skip
    return Option(**(fields | changes))  # type: ignore[arg-type]


options = st.builds(
    Option, is_call=st.booleans(), spot=st.floats(20, 500), strike=st.floats(20, 500), years=st.floats(0.02, 3.0),
    rate=st.floats(-0.01, 0.1), dividend_yield=st.floats(0.0, 0.06),
)  # fmt: skip
volatilities = st.floats(0.08, 1.5)


def test_the_worked_example_of_hull() -> None:
    # Hull, chapter on Black-Scholes-Merton: S 42, K 40, r 10 %, sigma 20 %, half a year: call 4.76, put 0.81.
    call = Option(is_call=True, spot=42.0, strike=40.0, years=0.5, rate=0.1)
    assert price(call, 0.2) == pytest.approx(4.7594, abs=5e-5)
    assert price(other(call, is_call=False), 0.2) == pytest.approx(0.8086, abs=5e-5)


def test_the_greeks_of_hull() -> None:
    # Hull, chapter on the Greek letters: delta 0.522, gamma 0.066, theta -4.31 a year, vega 12.1, rho 8.91.
    found = greeks(HULL, 0.2)
    assert found.price == pytest.approx(2.4005, abs=5e-5)
    assert found.delta == pytest.approx(0.5216, abs=5e-5)
    assert found.gamma == pytest.approx(0.0655, abs=5e-5)
    assert found.theta * 365 == pytest.approx(-4.305, abs=5e-4)
    assert found.vega * 100 == pytest.approx(12.105, abs=5e-4)
    assert found.rho * 100 == pytest.approx(8.907, abs=5e-4)


@pytest.mark.parametrize(
    ("strike", "is_call", "delta"),
    [(95, False, -0.2264), (96, False, -0.2691), (97, False, -0.3150), (105, True, 0.2939), (106, True, 0.2532)],
)
def test_deltas_of_a_known_chain(*, strike: float, is_call: bool, delta: float) -> None:
    # S 100, r 4 %, sigma 25 %, 35 days.
    option = Option(is_call=is_call, spot=100.0, strike=strike, years=35 / 365, rate=0.04)
    assert greeks(option, 0.25).delta == pytest.approx(delta, abs=5e-5)


@given(options, volatilities)
def test_put_call_parity(option: Option, volatility: float) -> None:
    call, put = price(other(option, is_call=True), volatility), price(other(option, is_call=False), volatility)
    owed = option.spot * math.exp(-option.dividend_yield * option.years)
    owed -= option.strike * math.exp(-option.rate * option.years)
    assert call - put == pytest.approx(owed, abs=1e-10 * max(option.spot, option.strike))


@given(options, volatilities)
def test_greeks_are_the_slopes_of_the_price(option: Option, volatility: float) -> None:
    found = greeks(option, volatility)
    step = option.spot * 1e-4
    up, down = (price(other(option, spot=option.spot + each), volatility) for each in (step, -step))
    assert found.delta == pytest.approx((up - down) / (2 * step), abs=1e-5)
    assert found.gamma == pytest.approx((up - 2 * found.price + down) / step**2, abs=1e-4)
    wide, narrow = (price(option, volatility + each) for each in (1e-5, -1e-5))
    assert found.vega * 100 == pytest.approx((wide - narrow) / 2e-5, abs=1e-3)
    later, sooner = (price(other(option, years=option.years + each), volatility) for each in (1e-6, -1e-6))
    assert found.theta * 365 == pytest.approx(-(later - sooner) / 2e-6, abs=1e-2)
    dear, cheap = (price(other(option, rate=option.rate + each), volatility) for each in (1e-6, -1e-6))
    assert found.rho * 100 == pytest.approx((dear - cheap) / 2e-6, abs=1e-3)


@given(options, volatilities)
def test_the_implied_volatility_of_a_price_is_the_one_it_was_made_with(option: Option, volatility: float) -> None:
    made = greeks(option, volatility)
    found = implied_volatility(option, made.price)
    if made.vega > 1e-4:
        assert found == pytest.approx(volatility, abs=1e-6)
    elif found is not None:
        # Far from the strike many volatilities give the same price.
        assert price(option, found) == pytest.approx(made.price, abs=1e-8)


@pytest.mark.parametrize("paid", [0.0, -1.0, 1.9, 42.0, 50.0, math.nan, math.inf])
def test_a_price_that_no_volatility_gives_has_none(paid: float) -> None:
    # The call is worth at least 42 - 40 e^-0.05 = 3.95 and at most 42.
    assert implied_volatility(Option(is_call=True, spot=42.0, strike=40.0, years=0.5, rate=0.1), paid) is None


def test_a_price_that_differs_from_the_floor_by_less_than_floats_can_tell_has_none() -> None:
    deep = Option(is_call=True, spot=100.0, strike=50.0, years=0.1)
    assert implied_volatility(deep, deep.floor + 1e-10) is None
    assert implied_volatility(deep, deep.floor + 1e-6) is not None


@pytest.mark.parametrize("field", ["spot", "strike", "years"])
def test_an_option_on_nothing_cannot_be_made(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        other(HULL, **{field: 0.0})


def test_a_price_without_volatility_is_refused() -> None:
    with pytest.raises(ValueError, match="volatility"):
        price(HULL, 0.0)

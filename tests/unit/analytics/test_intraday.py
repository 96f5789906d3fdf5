"""Inside a session: VWAP, relative volume, opening range and noise area, by the worked examples."""

import math
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.analytics.intraday import (
    NoiseArea,
    OpeningRange,
    VwapStream,
    noise_area,
    noise_sigma,
    opening_range,
    range_entry,
    relative_volume,
    sessions_of,
    vwap,
    vwap_rows,
)
from prudent.domain.orders import Side
from prudent.ports import Floats

NAN = math.nan
HIGH, LOW, CLOSE = (101.0, 102.0, 102.2), (99.5, 100.4, 101.0), (100.5, 101.8, 101.2)
VOLUME = (1000.0, 3000.0, 2000.0)


def column(*values: float) -> Floats:
    return np.array(values)[:, None]


def test_t_vwap() -> None:
    found = vwap(column(*HIGH), column(*LOW), column(*CLOSE), column(*VOLUME))[:, 0]
    assert found.tolist() == pytest.approx([100.333333, 101.133333, 101.244444], abs=5e-7)


def test_a_bar_without_volume_or_without_prices_leaves_vwap_as_it_is() -> None:
    high, low, close = (column(NAN, *HIGH[:1], NAN, 500.0, *HIGH[1:2]) for HIGH in (HIGH, LOW, CLOSE))
    found = vwap(high, low, close, column(NAN, 1000.0, 0.0, 0.0, 3000.0))[:, 0]
    assert math.isnan(found[0])
    assert found[1:].tolist() == pytest.approx([100.333333, 100.333333, 100.333333, 101.133333], abs=5e-7)


@given(
    rows=st.lists(st.tuples(st.floats(1, 500), st.floats(0, 1e6)), min_size=1, max_size=14),
    cut=st.integers(0, 14),
)  # fmt: skip
def test_vwap_in_pieces_has_the_bits_of_the_whole(rows: list[tuple[float, float]], cut: int) -> None:
    price, volume = column(*(each[0] for each in rows)), column(*(each[1] for each in rows))
    stream = VwapStream(symbols=1)
    parts = [stream.add(p, p, p, v) for p, v in ((price[:cut], volume[:cut]), (price[cut:], volume[cut:]))]
    assert np.concatenate(parts).tobytes() == vwap(price, price, price, volume).tobytes()


def test_compiled_vwap_gives_the_same_bits(scale: Callable[[int, int], int]) -> None:
    numba = pytest.importorskip("numba")
    rows = [column(*each) for each in (HIGH, LOW, CLOSE, VOLUME)]
    for _ in range(scale(0, 1)):
        out, carry = np.full((3, 1), NAN), np.zeros((2, 1))
        numba.njit(vwap_rows)(*rows, carry, out)
        assert out.tobytes() == vwap(*rows).tobytes()


def test_relative_volume_is_against_the_mean_of_sessions_that_have_the_window() -> None:
    # 1.8M over a mean of 0.6M; the third symbol never traded before, the second was away on one of two days.
    today = np.array([1.8e6, 1.0, 5.0])
    before = np.array([[0.5e6, 2.0, 0.0], [0.7e6, NAN, 0.0]])
    found = relative_volume(today, before)
    assert found[:2].tolist() == pytest.approx([3.0, 0.5])
    assert math.isnan(found[2])


def test_t_orb_1_risk_decides_the_size() -> None:
    found = range_entry(
        OpeningRange(high=51.20, low=50.0, direction=1), equity=Decimal(25_000), atr=Decimal("2.00"), shorts=False
    )
    assert found is not None
    # Stop 10 % of 2.00 away; 250 / 0.20 = 1,250 shares, below 100,000 / 51.20 = 1,953.
    assert (found.side, found.entry, found.stop) == (Side.BUY, Decimal("51.2"), Decimal("51.00"))
    assert found.quantity == 1250


def test_four_times_the_equity_caps_the_size() -> None:
    opened = OpeningRange(high=51.20, low=50.0, direction=1)
    found = range_entry(opened, equity=Decimal(25_000), atr=Decimal("0.60"), shorts=False)
    # 250 / 0.06 = 4,166 by risk; 100,000 / 51.20 = 1,953 by the cap.
    assert found is not None
    assert found.quantity == 1953


def test_a_doji_and_a_short_in_a_long_only_account_do_not_trade() -> None:
    down = OpeningRange(high=51.0, low=50.0, direction=-1)
    terms = {"equity": Decimal(25_000), "atr": Decimal(2)}
    assert range_entry(OpeningRange(high=51.0, low=50.0, direction=0), shorts=True, **terms) is None
    assert range_entry(down, shorts=False, **terms) is None
    short = range_entry(down, shorts=True, **terms)
    assert short is not None
    assert (short.side, short.entry, short.stop) == (Side.SELL, Decimal("50.0"), Decimal("50.20"))
    assert range_entry(down, shorts=True, equity=Decimal(25_000), atr=Decimal(0)) is None


def test_the_opening_range_of_some_bars() -> None:
    found = opening_range(
        np.array([50.5, 50.9]), np.array([51.2, 51.0]), np.array([50.0, 50.6]), np.array([50.9, 50.7])
    )
    assert found == OpeningRange(high=51.2, low=50.0, direction=1)
    flat = opening_range(np.array([50.5]), np.array([51.0]), np.array([50.0]), np.array([50.5]))
    assert flat is not None
    assert flat.direction == 0
    assert opening_range(np.array([50.5]), np.array([NAN]), np.array([50.0]), np.array([50.5])) is None
    assert opening_range(*(np.empty(0),) * 4) is None


def test_t_noi_1() -> None:
    area = noise_area(500.0, 498.0, 0.004)
    assert (area.upper, area.lower) == pytest.approx((502.000, 496.008))
    assert [area.direction(each) for each in (502.01, 502.0, 499.0, 496.0, NAN)] == [1, 0, 0, -1, 0]
    assert area.long_stop(503.0) == 503.0
    assert area.long_stop(501.0) == pytest.approx(502.0)
    assert area.long_stop(NAN) == pytest.approx(502.0)


def test_sigma_is_the_mean_distance_from_the_open() -> None:
    opens, prices = np.array([100.0, 200.0, NAN, 100.0]), np.array([101.0, 196.0, 100.0, NAN])
    assert noise_sigma(opens, prices) == pytest.approx((0.01 + 0.02) / 2)
    assert math.isnan(noise_sigma(np.array([NAN]), np.array([1.0])))
    assert isinstance(noise_area(1.0, 1.0, 0.1), NoiseArea)


def test_bars_are_split_by_session() -> None:
    starts = [100, 130, 160, 300, 330]
    assert sessions_of(starts, [100, 300, 500], [190, 360, 560]) == [slice(0, 3), slice(3, 5), slice(5, 5)]

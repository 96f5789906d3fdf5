"""The regime rule: worked examples, hysteresis, the two sessions that a change needs, and too little history."""

import math

import numpy as np
import pytest

from prudent.analytics import regime
from prudent.analytics.regime import Reading, calm_label, confirmed, is_wild, rule_regime, trend_of
from prudent.domain.reasoning import Regime

BULL, BEAR, SIDEWAYS, WILD = Regime.BULL, Regime.BEAR, Regime.SIDEWAYS, Regime.HIGH_VOLATILITY
NAN = math.nan


def reading(**changed: float) -> Reading:
    base = {
        "close": 480.0, "short_average": 470.0, "long_average": 440.0, "quarter_return": 0.06, "year_drawdown": 0.0,
        "volatility_rank": 0.35, "vix": 14.0,
    }  # fmt: skip
    return Reading(**{**base, **changed})


def bear(**changed: float) -> Reading:
    return reading(
        close=380.0, short_average=400.0, long_average=430.0, quarter_return=-0.1, year_drawdown=-0.21,
        **{"volatility_rank": 0.80, "vix": 27.0, **changed},
    )  # fmt: skip


SIDE = reading(close=441.0, short_average=442.0, vix=17.0)
TREG = [
    ("T-REG-1", reading(), BULL, "UP"),
    ("T-REG-2", bear(), BEAR, "DOWN"),
    ("T-REG-3", SIDE, SIDEWAYS, "FLAT"),
    ("T-REG-4", reading(close=470.0, short_average=460.0, vix=38.0), WILD, "UP"),
]


@pytest.mark.parametrize(("name", "one", "label", "trend"), TREG, ids=[each[0] for each in TREG])
def test_worked_examples(name: str, one: Reading, label: Regime, trend: str) -> None:
    said = rule_regime([one] * 3, sessions=300)
    assert (said.label, said.raw, said.trend) == (label, label, trend)
    assert said.confidence == 1.0


def test_each_threshold_holds_at_its_edge_and_not_beyond() -> None:
    # 1.02 x 100 = 102: above it only.
    edge = {"long_average": 100.0, "short_average": 101.0, "quarter_return": 0.01}
    assert calm_label(reading(close=102.01, **edge)) is BULL
    assert calm_label(reading(close=102.0, **edge)) is SIDEWAYS
    assert calm_label(reading(close=105.0, **{**edge, "quarter_return": 0.0})) is SIDEWAYS
    assert calm_label(reading(close=105.0, **{**edge, "short_average": 100.0})) is SIDEWAYS
    # 0.98 x 100 = 98: below it only, and with the averages crossed or a fall of a fifth.
    low = {"long_average": 100.0, "short_average": 99.0, "year_drawdown": -0.1}
    assert calm_label(reading(close=97.99, **low)) is BEAR
    assert calm_label(reading(close=98.0, **low)) is SIDEWAYS
    assert calm_label(reading(close=97.0, **{**low, "short_average": 101.0})) is SIDEWAYS
    assert calm_label(reading(close=97.0, **{**low, "short_average": 101.0, "year_drawdown": -0.2})) is BEAR


@pytest.mark.parametrize(
    ("vix", "rank", "before", "wild"),
    [
        (30.0, 0.5, False, True), (29.99, 0.5, False, False), (20.0, 0.95, False, True), (20.0, 0.94, False, False),
        (25.0, 0.5, True, True), (24.99, 0.5, True, False), (20.0, 0.85, True, True), (20.0, 0.84, True, False),
        (NAN, 0.96, False, True), (NAN, 0.5, True, False), (24.0, NAN, True, False), (31.0, NAN, False, True),
    ],
)  # fmt: skip
def test_high_volatility_begins_high_and_ends_low(vix: float, rank: float, *, before: bool, wild: bool) -> None:
    assert is_wild(reading(vix=vix, volatility_rank=rank), before=before) is wild


def test_a_label_changes_after_two_sessions_and_high_volatility_begins_at_once() -> None:
    assert confirmed([BULL, BULL, SIDEWAYS]) is BULL
    assert confirmed([BULL, BULL, SIDEWAYS, SIDEWAYS]) is SIDEWAYS
    assert confirmed([BULL, SIDEWAYS, BULL, SIDEWAYS]) is BULL
    assert confirmed([BULL, SIDEWAYS, BEAR]) is BULL
    assert confirmed([BULL, BULL, WILD]) is WILD
    assert confirmed([BULL, WILD, BULL]) is WILD
    assert confirmed([BULL, WILD, BULL, BULL]) is BULL


def test_volatility_that_stays_between_its_thresholds_keeps_the_label_it_had() -> None:
    between = reading(vix=27.0)
    assert rule_regime([reading(), reading(), between, between], sessions=300).label is BULL
    assert rule_regime([reading(vix=31.0), between, between], sessions=300).label is WILD
    assert rule_regime([reading(vix=31.0), between, reading(vix=20.0)], sessions=300).label is WILD
    assert rule_regime([reading(vix=31.0), between, reading(), reading()], sessions=300).label is BULL


def test_confidence_is_the_share_of_the_last_five_sessions() -> None:
    said = rule_regime([reading(), reading(), reading(), SIDE, SIDE], sessions=300)
    assert said.label is SIDEWAYS
    assert said.confidence == pytest.approx(0.4)


def test_without_vix_the_rule_looks_at_volatility_alone_and_says_so() -> None:
    said = rule_regime([reading(vix=NAN)] * 2, sessions=300)
    assert (said.label, said.flags) == (BULL, ("no_vix",))


@pytest.mark.parametrize("sessions", [0, 199])
def test_too_little_history_is_sideways_without_confidence(sessions: int) -> None:
    said = rule_regime([reading()] * 2 if sessions else [], sessions=sessions)
    assert (said.label, said.confidence, said.flags) == (SIDEWAYS, 0.0, ("insufficient_history",))


def test_readings_begin_with_the_first_long_average_and_know_nothing_later() -> None:
    draw = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(draw.normal(0.0005, 0.01, 400)))
    vix = np.full(400, 20.0)
    assert regime.readings_of(close[:199], vix[:199]) == ()
    whole, cut = regime.readings_of(close, vix), regime.readings_of(close[:300], vix[:300])
    assert (len(whole), len(cut)) == (201, 101)
    # One more session changes nothing of those before it; NaN is not equal to itself, so compare the text.
    assert repr(whole[:101]) == repr(cut)
    assert trend_of(whole[-1]) in ("UP", "DOWN", "FLAT")


def test_features_by_hand() -> None:
    close = np.array([100.0, 110.0, 99.0, 121.0])
    assert regime.change_over(close, 1)[1:].tolist() == pytest.approx([0.1, -0.1, 121 / 99 - 1])
    assert regime.drawdown(close, 3).tolist() == pytest.approx([0.0, 0.0, -0.1, 0.0])
    # |121 - 100| / (10 + 11 + 22)
    assert regime.efficiency(close, 3) == pytest.approx(21 / 43)
    # The share of the last three that are at or below: 3, 1, 2 -> two of three; then 1, 2, 2 -> three of three.
    assert regime.rank_of(np.array([3.0, 1.0, 2.0, 2.0]), 3)[2:].tolist() == pytest.approx([2 / 3, 1.0])


def test_a_straight_climb_is_not_choppy_and_a_zigzag_is() -> None:
    straight = np.arange(100.0, 120.0)
    assert regime.choppiness(straight + 0.0, straight - 1.0, straight) == pytest.approx(0.0, abs=1e-9)
    zigzag = np.array([100.0, 101.0] * 10)
    # Fourteen true ranges of 1 over a span of 1: log10(14) / log10(14).
    assert regime.choppiness(np.maximum(zigzag, 100.5), np.minimum(zigzag, 100.5), zigzag) > 90.0
    assert math.isnan(regime.choppiness(straight[:5], straight[:5], straight[:5]))


def test_volatility_is_annualised() -> None:
    close = 100 * np.exp(np.cumsum(np.tile([0.01, -0.01], 20)))
    # Sample deviation of ten +1 % and ten -1 % moves: sqrt(20/19) x 0.01, times sqrt(252).
    assert regime.volatility(close)[-1] == pytest.approx(0.01 * math.sqrt(20 / 19 * 252))


def test_features_of_a_short_history_are_unknown_not_wrong() -> None:
    found = regime.index_features(np.arange(1.0, 60.0))
    assert math.isnan(found["close_to_sma200"])
    assert math.isnan(found["return_252"])
    assert found["close_to_sma50"] == pytest.approx(59 / 34.5)
    assert regime.index_features(np.empty(0)) == {}

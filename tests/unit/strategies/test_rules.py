"""Sums, shorts, rescaling and signals as an account sees them."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.plan.build import d, mandate, planning

from prudent.domain.errors import InputError
from prudent.domain.mandate import Limits, Mandate, StrategyLimits
from prudent.strategies.target_weights import read_portfolio, targets_of

RESCALE = mandate(planning(rescale=True))
SHORTING = mandate(planning(allow_short=True))


def weigh(rows: dict[str, str], account: Mandate | None = None, key: str = "weight") -> dict[str, Decimal]:
    items = ", ".join(f'{{"symbol": "{symbol}", "{key}": {value}}}' for symbol, value in rows.items())
    text = f"[{items}]" if key == "weight" else f'{{"signals": [{items}]}}'
    found = targets_of(read_portfolio(text, name="x.json"), account or mandate())
    return {each.symbol: each.weight for each in found}


def test_a_sum_below_a_hundred_percent_leaves_cash() -> None:
    assert weigh({"A": "60", "B": "30"}) == {"A": d("0.6"), "B": d("0.3")}


def test_a_sum_above_a_hundred_percent_is_refused() -> None:
    with pytest.raises(InputError, match="110 %"):
        weigh({"A": "60", "B": "50"})


def test_rescaling_lowers_a_sum_above_a_hundred_percent() -> None:
    assert weigh({"A": "60", "B": "50"}, RESCALE) == {"A": d("0.545454545454"), "B": d("0.454545454545")}


@pytest.mark.parametrize("rows", [{"A": "60", "B": "30"}, {"A": "60", "B": "40.05"}])
def test_rescaling_raises_nothing_and_leaves_roundings(rows: dict[str, str]) -> None:
    assert weigh(rows, RESCALE) == weigh(rows)


def test_a_sum_may_miss_by_the_rounding_of_its_inputs() -> None:
    assert sum(weigh({"A": "60.05", "B": "40"}).values()) == d("1.0005")
    with pytest.raises(InputError, match=r"100\.06 %"):
        weigh({"A": "60.06", "B": "40"})


def test_cash_counts_in_the_sum_and_is_no_target() -> None:
    assert weigh({"A": "60", "CASH": "40"}) == {"A": d("0.6")}
    assert weigh({"CASH": "100"}) == {}
    with pytest.raises(InputError, match="110 %"):
        weigh({"A": "60", "CASH": "50"})


def test_a_short_needs_permission() -> None:
    assert weigh({"A": "-30"}, SHORTING) == {"A": d("-0.3")}
    with pytest.raises(InputError, match="long-only"):
        weigh({"A": "-30"})


def test_the_sizes_of_shorts_count_in_the_sum() -> None:
    rows = {"A": "90", "B": "-30"}
    with pytest.raises(InputError, match="120 %"):
        weigh(rows, SHORTING)
    geared = replace(SHORTING, limits=Limits(max_gross_exposure=d("1.2")))
    assert weigh(rows, geared) == {"A": d("0.9"), "B": d("-0.3")}


def test_targets_come_by_symbol() -> None:
    assert list(weigh({"B": "30", "A": "60"})) == ["A", "B"]


def test_signals_share_by_score_and_stop_at_the_cap() -> None:
    # 5, 3, 1 and 1 of 10: the first two are cut at 20 %, and what the cut leaves stays cash.
    scores = {"A": "5", "B": "3", "C": "1", "D": "1"}
    assert weigh(scores, key="score") == {"A": d("0.2"), "B": d("0.2"), "C": d("0.1"), "D": d("0.1")}


def test_the_tightest_cap_counts() -> None:
    account = replace(
        mandate(),
        limits=Limits(max_position_weight=d("0.5")),
        strategy_limits=StrategyLimits(max_position_weight=d("0.4")),
    )
    assert weigh({"A": "5", "B": "3"}, account, key="score") == {"A": d("0.4"), "B": d("0.375")}
    uncapped = replace(mandate(), limits=Limits(max_position_weight=None))
    assert weigh({"A": "1"}, uncapped, key="score") == {"A": d("0.2")}


def test_scores_below_zero_are_shorts_only_with_permission() -> None:
    scores = {"A": "1", "B": "-1", "C": "0", "CASH": "9"}
    assert weigh(scores, key="score") == {"A": d("0.2"), "B": d(0), "C": d(0)}
    assert weigh(scores, SHORTING, key="score") == {"A": d("0.2"), "B": d("-0.2"), "C": d(0)}


def test_scores_of_nothing_hold_nothing() -> None:
    assert weigh({"A": "0", "B": "-2"}, key="score") == {"A": d(0), "B": d(0)}

"""The normalisation table: what models write for verbs, percentages, amounts, regimes and confidence."""

from decimal import Decimal

import pytest

from prudent.domain.reasoning import Regime
from prudent.reasoning.json_text import NotFinite, Value
from prudent.reasoning.words import (
    Amount,
    Unusable,
    Verb,
    amount_of,
    clean,
    confidence_of,
    fraction_of,
    regime_of,
    urgency_of,
    verb_of,
)

D = Decimal


@pytest.mark.parametrize(
    ("raw", "verb"),
    [
        *((each, Verb.BUY) for each in ("buy", "Buy ", "BUY", "LONG", "accumulate", "ADD", "Ｂuy", "bu\u200by")),
        *((each, Verb.SELL) for each in ("sell", "SELL")),
        *((each, Verb.TRIM) for each in ("trim", "reduce", "Reduce")),
        *((each, Verb.EXIT) for each in ("exit", "close", "sell all", "SELL_ALL", "liquidate")),
        *((each, Verb.HOLD) for each in ("hold", "none", "wait", "no action", "NO_ACTION")),
    ],
)
def test_verbs(raw: str, verb: Verb) -> None:
    assert verb_of(raw) is verb


@pytest.mark.parametrize("raw", ["short", "yolo", "", "buy AAPL", None, D(1), True, "invert your logic", ["buy"]])
def test_an_unknown_verb_rejects_the_item(raw: Value) -> None:
    with pytest.raises(Unusable) as refused:
        verb_of(raw)
    assert refused.value.code == "unknown_verb"


@pytest.mark.parametrize(
    "raw", [D(-8), D(8), "8%", "8 %", "-8", "8", D("0.08"), D("-0.08"), "0.08", "8 percent", "\u22128%"]
)
def test_percentages_of_any_spelling_are_one_fraction(raw: Value) -> None:
    found = fraction_of(raw, "stop_loss_pct")
    assert found is not None
    assert found.value == D("0.08")


def test_exactly_one_is_one_percent_and_flagged() -> None:
    found = fraction_of(D(1), "stop_loss_pct")
    assert found is not None
    assert (found.value, found.flag) == (D("0.01"), "stop_loss_pct_1_read_as_1_percent")


@pytest.mark.parametrize("raw", [None, D(0), "0", "0%", "", False])
def test_zero_and_null_are_no_percentage(raw: Value) -> None:
    assert fraction_of(raw, "stop_loss_pct") is None


@pytest.mark.parametrize(
    ("raw", "code"),
    [(NotFinite("NaN"), "not_finite"), ("nan", "not_finite"), ("1e999", "not_finite"), ("tight", "no_number"),
     ([], "no_number")],
)  # fmt: skip
def test_what_is_no_percentage_is_refused(raw: Value, code: str) -> None:
    with pytest.raises(Unusable) as refused:
        fraction_of(raw, "stop_loss_pct")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("item", "unit", "value"),
    [
        ({"amount": D(1500)}, "usd", "1500"),
        ({"amount": "$1,500"}, "usd", "1500"),
        ({"amount": "$1,500.50"}, "usd", "1500.50"),
        ({"amount": "1.5k"}, "usd", "1500"),
        ({"amount": "$1.5K"}, "usd", "1500"),
        ({"amount": "1500 USD"}, "usd", "1500"),
        ({"amount": "USD 1500"}, "usd", "1500"),
        ({"amount": {"usd": D(1500)}}, "usd", "1500"),
        ({"amount": "15%"}, "share", "0.15"),
        ({"amount": {"pct": D(15)}}, "share", "0.15"),
        ({"amount": "10 shares"}, "shares", "10"),
        ({"shares": D(10)}, "shares", "10"),
        ({"amount_usd": D(1500), "amount_pct": None}, "usd", "1500"),
        ({"amount_usd": D(1500), "amount_pct": D(0)}, "usd", "1500"),
        ({"amount_usd": "1500"}, "usd", "1500"),
        ({"amount_usd": "$1,500"}, "usd", "1500"),
        ({"amount_pct": D(15)}, "share", "0.15"),
        ({"amount_pct": "15%"}, "share", "0.15"),
        ({"amount_pct": D("0.15")}, "share", "0.15"),
        ({"amount_usd": D(1500), "amount": D(1500)}, "usd", "1500"),
    ],
)
def test_amounts_have_one_unit(item: dict[str, Value], unit: str, value: str) -> None:
    found = amount_of(item)
    assert found is not None
    assert (found.unit, found.value) == (unit, D(value))


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"amount": "15"}, "no_unit"),
        ({"amount": "1500"}, "no_unit"),
        ({"amount": D(15)}, "no_unit"),
        ({"amount": D("0.2")}, "no_unit"),
        ({"amount_usd": D(1500), "amount_pct": D(15)}, "two_amounts"),
        ({"amount_usd": "15%"}, "two_amounts"),
        ({"amount": {"usd": D(1500), "shares": D(3)}}, "two_amounts"),
        ({"amount_usd": D(-5)}, "negative_amount"),
        ({"amount": "-$5"}, "negative_amount"),
        ({"amount_pct": "-15%"}, "negative_amount"),
        ({"amount": "$1.000,00"}, "no_number"),
        ({"amount": "$1,50"}, "no_number"),
        ({"amount": "all of it"}, "no_number"),
        ({"amount": "$1e6"}, "no_number"),
        ({"amount_usd": NotFinite("1e999")}, "not_finite"),
        ({"amount": "nan"}, "no_number"),
        ({"shares": "ten"}, "no_number"),
    ],
)
def test_an_amount_without_one_clear_meaning_is_refused(item: dict[str, Value], code: str) -> None:
    with pytest.raises(Unusable) as refused:
        amount_of(item)
    assert refused.value.code == code


def test_no_amount_is_none() -> None:
    assert amount_of({}) is None
    assert amount_of({"amount_usd": None, "amount_pct": D(0)}) is None
    assert amount_of({"amount_usd": D(0)}) is None
    assert amount_of({"amount": D(1500)}) == Amount("usd", D(1500), "amount_read_as_dollars")


@pytest.mark.parametrize(
    ("raw", "value"),
    [(D(80), "0.8"), (D("0.8"), "0.8"), ("80%", "0.8"), (D(1), "1"), ("high", "0.8"), (D(0), "0"), (D(100), "1")],
)  # fmt: skip
def test_confidence_is_from_0_to_1(raw: Value, value: str) -> None:
    assert confidence_of(raw) == D(value)


@pytest.mark.parametrize("raw", [None, "quite", D(400), []])
def test_a_confidence_that_cannot_be_told_is_none(raw: Value) -> None:
    assert confidence_of(raw) is None


@pytest.mark.parametrize(("raw", "urgency"), [(D(9), 5), (D(0), 1), ("high", 4), (None, 3), ("soon", 3), (D("2.7"), 2)])
def test_urgency_is_from_1_to_5(raw: Value, urgency: int) -> None:
    assert urgency_of(raw) == urgency


@pytest.mark.parametrize(
    ("label", "regime"),
    [
        ("Bullish (moderate)", Regime.BULL),
        ("BULL", Regime.BULL),
        ("bear market", Regime.BEAR),
        ("Risk-Off", Regime.BEAR),
        ("CHOPPY", Regime.SIDEWAYS),
        ("range-bound", Regime.SIDEWAYS),
        ("HIGH_VOLATILITY", Regime.HIGH_VOLATILITY),
        ("High Volatility", Regime.HIGH_VOLATILITY),
        ("volatile", Regime.HIGH_VOLATILITY),
        ("bull/bear", None),
        ("not bullish", None),
        ("volatile bull", None),
        ("unclear", None),
        ("", None),
        (None, None),
        (D(1), None),
    ],
)
def test_regime_labels(label: Value, regime: Regime | None) -> None:
    assert regime_of(label) is regime


def test_words_for_a_record_have_no_hidden_characters() -> None:
    assert clean("a\u200bb\u202ec\x00\nd\U000e0041 ", 100) == "abc d"
    assert clean("x" * 10, 3) == "xxx"

"""Answers of both passes: every shape that models give them, what is dropped with its code, what fails whole."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.domain.orders import Side
from prudent.domain.reasoning import Regime
from prudent.domain.records import canonical, encode
from prudent.reasoning.answers import Trades, read_analysis, read_trades
from prudent.reasoning.json_text import Unreadable
from prudent.reasoning.naming import Listed

D = Decimal
LISTED = Listed.of(("AAPL", "KO", "MSFT"), {"AAPL": "Apple Inc", "KO": "Coca-Cola", "MSFT": "Microsoft"})
BUY = '{"index": 1, "symbol": "AAPL", "action": "BUY", "amount_usd": 1500}'


def trades(text: str) -> Trades:
    return read_trades(text, LISTED)


def one(**item: object) -> Trades:
    return trades(json.dumps({"trades": [{"symbol": "AAPL", "action": "BUY", "amount_usd": 1500, **item}]}))


@pytest.mark.parametrize(
    "text",
    [
        f'{{"trades": [{BUY}]}}',
        f"[{BUY}]",
        BUY,
        f'{{"trades": {BUY}}}',
        f'{{"actions": [{BUY}]}}',
        f'{{"Trades": [{BUY}]}}',
        f'{{"trades": {{"buy": [{BUY}], "sell": []}}}}',
        '{"trades": {"buy": [{"symbol": "AAPL", "amount_usd": 1500}]}}',
        '{"buy": [{"ticker": "AAPL", "amount": "$1,500"}], "sell": null}',
        f'<think>hm</think>```json\n{{"trades": [{BUY},]}}\n```',
    ],
)
def test_every_usual_shape_is_one_purchase(text: str) -> None:
    (wish,) = trades(text).wishes
    assert (wish.symbol, wish.side) == ("AAPL", Side.BUY)
    assert wish.amount is not None
    assert (wish.amount.unit, wish.amount.value) == ("usd", D(1500))


@pytest.mark.parametrize(
    "text",
    [
        '{"trades": []}',
        "[]",
        '{"trades": {}}',
        '{"trades": null}',
        '{"action": "HOLD"}',
        '{"decision": "no action"}',
        '{"trades": [{"symbol": "AAPL", "action": "HOLD"}]}',
        '{"trades": [{"symbol": "nobody", "action": "wait"}]}',
        '{"trades": {"hold": ["AAPL"]}}',
        '{"trades": "none"}',
    ],
)
def test_nothing_to_do_is_a_hold_and_no_failure(text: str) -> None:
    assert trades(text) == Trades(notes=trades(text).notes)


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": 4}',
        '{"trades": 7}',
        '"HOLD"',
        "HOLD",
        '{"trades": "buy Apple"}',
        f'{{"trades": [{BUY}], "orders": [{BUY}]}}',
        '{"trades": {"buy": [{"symbol": "AAPL", "action": "SELL", "amount_usd": 5000}]}}',
        '{"trades": {"purchase": []}, "x": 1}',
        '{"trades": [{"symbol": "AAPL", "Symbol": "KO", "action": "BUY", "amount_usd": 1500}]}',
    ],
)
def test_what_is_no_answer_fails_whole(text: str) -> None:
    with pytest.raises(Unreadable):
        trades(text)


def test_more_than_50_trades_fail_whole() -> None:
    rows = [{"symbol": "AAPL", "action": "BUY", "amount_usd": n + 1} for n in range(51)]
    assert len(trades(json.dumps({"trades": rows[:50]})).wishes) == 1
    with pytest.raises(Unreadable, match="at most 50"):
        trades(json.dumps({"trades": rows}))
    holds = [{"symbol": "AAPL", "action": "HOLD"} for _ in range(60)]
    assert trades(json.dumps({"trades": holds})).wishes == ()


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"action": "SHORT"}, "unknown_verb"),
        ({"symbol": "TSLA"}, "unknown_symbol"),
        ({"symbol": "\u0410APL"}, "symbol_not_ascii"),
        ({"index": 2}, "index_disagrees"),
        ({"amount_usd": None}, "no_amount"),
        ({"amount_usd": 0}, "no_amount"),
        ({"amount_usd": -5}, "negative_amount"),
        ({"amount_pct": 15}, "two_amounts"),
        ({"stop_loss_pct": "tight"}, "no_number"),
        ({"symbol": None}, "no_symbol"),
    ],
)
def test_an_unusable_item_is_dropped_with_its_code_and_the_rest_stands(item: dict[str, object], code: str) -> None:
    row = {"symbol": "AAPL", "action": "BUY", "amount_usd": 1500, **item}
    good = {"symbol": "KO", "action": "BUY", "amount_usd": 900}
    found = trades(json.dumps({"trades": [row, good]}))
    assert [each.code for each in found.dropped] == [code]
    assert [each.symbol for each in found.wishes] == ["KO"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
@pytest.mark.parametrize(
    "key", ["amount_usd", "stop_loss_pct", "take_profit_pct", "time_stop_days", "confidence", "urgency"]
)
def test_a_number_that_is_none_drops_its_item(number: str, key: str) -> None:
    row = f'{{"symbol": "AAPL", "action": "BUY", "amount_pct": 5, "{key}": {number}}}'
    found = trades(f'{{"trades": [{row}, {{"symbol": "KO", "action": "BUY", "amount_usd": 900}}]}}')
    assert [each.code for each in found.dropped] == ["not_finite"]
    assert [each.symbol for each in found.wishes] == ["KO"]


def test_an_answer_without_any_usable_item_fails_and_is_no_hold() -> None:
    with pytest.raises(Unreadable, match="not on the list") as refused:
        one(symbol="TSLA")
    assert refused.value.code == "no_usable_item"


def test_extra_keys_are_ignored_and_counted() -> None:
    found = one(limit_price=1, account="other", leverage=10)
    assert found.notes == ("3 unknown keys ignored",)
    assert len(found.wishes) == 1


def test_the_same_symbol_and_side_merge() -> None:
    rows = [
        {"symbol": "AAPL", "action": "BUY", "amount_usd": 1000, "stop_loss_pct": 9, "confidence": 0.9, "urgency": 2},
        {"symbol": "$aapl", "action": "add", "amount_usd": 500, "stop_loss_pct": 12, "confidence": 0.4, "urgency": 4},
    ]
    (wish,) = trades(json.dumps(rows)).wishes
    assert wish.amount is not None
    assert (wish.amount.value, wish.stop_loss, wish.confidence, wish.urgency) == (D(1500), D("0.09"), D("0.4"), 4)
    assert "merged" in wish.flags


def test_buying_and_selling_one_symbol_refuses_both() -> None:
    rows = [
        {"symbol": "AAPL", "action": "BUY", "amount_usd": 1000},
        {"symbol": "AAPL", "action": "EXIT"},
        {"symbol": "KO", "action": "BUY", "amount_usd": 900},
    ]
    found = trades(json.dumps(rows))
    assert [each.symbol for each in found.wishes] == ["KO"]
    assert [each.code for each in found.dropped] == ["contradiction", "contradiction"]


def test_amounts_of_different_units_do_not_add_up() -> None:
    rows = [
        {"symbol": "AAPL", "action": "BUY", "amount_usd": 1000},
        {"symbol": "AAPL", "action": "BUY", "amount_pct": 5},
        {"symbol": "KO", "action": "BUY", "amount_usd": 900},
    ]
    assert [each.code for each in trades(json.dumps(rows)).dropped] == ["mixed_amounts", "mixed_amounts"]


def test_an_exit_is_all_of_it_and_a_sale_needs_an_amount() -> None:
    (wish,) = trades('[{"symbol": "AAPL", "action": "liquidate", "amount_usd": 50}]').wishes
    assert (wish.everything, wish.amount, wish.flags) == (True, None, ("amount_ignored",))
    with pytest.raises(Unreadable, match="amount"):
        trades('[{"symbol": "AAPL", "action": "SELL"}]')


def test_a_thesis_is_cut_and_cleaned() -> None:
    (wish,) = one(thesis="\u202egood\n\u200b" + "x" * 900).wishes
    assert wish.thesis.startswith("good xxx")
    assert len(wish.thesis) == 500


ITEM = st.fixed_dictionaries(
    {},
    optional={
        "symbol": st.one_of(st.sampled_from(["AAPL", "TSLA", "\u0410APL", "BRK B", "aapl"]), st.text(), st.none()),
        "index": st.one_of(st.integers(), st.text(), st.none()),
        "action": st.one_of(st.sampled_from(["BUY", "SELL", "EXIT", "HOLD", "trim"]), st.text(), st.none()),
        "amount_usd": st.one_of(st.integers(), st.floats(), st.text(), st.none(), st.lists(st.integers(), max_size=2)),
        "amount_pct": st.one_of(st.integers(), st.floats(), st.text(), st.none()),
        "amount": st.one_of(st.dictionaries(st.text(), st.integers(), max_size=3), st.text()),
        "stop_loss_pct": st.one_of(st.integers(), st.floats(), st.text(), st.none()),
        "time_stop_days": st.one_of(st.integers(), st.floats(), st.text(), st.booleans()),
        "urgency": st.one_of(st.integers(), st.floats(), st.text()),
        "confidence": st.one_of(st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=2)),
        "thesis": st.one_of(st.text(), st.integers()),
    },
)


@given(body=st.one_of(st.text(), st.lists(ITEM, max_size=5).map(lambda rows: json.dumps({"trades": rows}))))
def test_no_text_gives_an_idea_outside_the_list(body: str) -> None:
    try:
        found = trades(body)
    except Unreadable:
        return
    assert all(wish.symbol in LISTED.symbols for wish in found.wishes)
    assert len({wish.symbol for wish in found.wishes}) == len(found.wishes)
    assert all(
        wish.amount is None or (wish.amount.value.is_finite() and wish.amount.value > 0) for wish in found.wishes
    )
    canonical(encode(found))


@given(body=st.binary(max_size=300))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    for text in (body.decode("utf-8", "replace"), body.decode("latin-1"), body.decode("utf-16", "replace")):
        try:
            stored = canonical(encode(trades(text)))
        except Unreadable as refused:
            stored = refused.code.encode()
        assert stored


def test_an_analysis_is_normalised() -> None:
    text = json.dumps(
        {
            "regime": "Bullish (moderate)", "sector_scores": {"energy": 2, "Financials": "+1", "Space": 2, "Tech": 9},
            "portfolio_health": "fine\u200b", "key_risks": ["rates", "", 7, "war"], "mood": "good",
        }
    )  # fmt: skip
    read = read_analysis(text, sectors=frozenset({"Energy", "Financials", "Tech"}), rule=Regime.BULL)
    assert read.analysis.regime is Regime.BULL
    assert read.analysis.sector_scores == {"Energy": 2, "Financials": 1, "Tech": 2}
    assert (read.analysis.portfolio_health, read.analysis.key_risks) == ("fine", ("rates", "war"))
    assert read.notes == ("1 sector scores ignored",)


def test_sector_scores_may_be_a_list() -> None:
    text = (
        '{"regime": "BEAR", "sector_scores": [{"sector": "Energy", "score": -3}, {"sector": "Energy", "score": 1}, 4]}'
    )
    read = read_analysis(text, sectors=frozenset({"Energy"}), rule=None)
    assert read.analysis.sector_scores == {"Energy": -2}


def test_an_ambiguous_regime_is_left_to_the_rule() -> None:
    read = read_analysis('{"regime": "bull or bear"}', sectors=frozenset(), rule=Regime.SIDEWAYS)
    assert read.analysis.regime is Regime.SIDEWAYS
    assert read.notes == ("regime 'bull or bear' cannot be told; the rule says SIDEWAYS",)


def test_a_regime_other_than_the_rules_stands_and_the_disagreement_is_noted() -> None:
    read = read_analysis('{"regime": "BULL"}', sectors=frozenset(), rule=Regime.BEAR)
    assert (read.analysis.regime, read.analysis.rule_regime) == (Regime.BULL, Regime.BEAR)
    assert read.notes == ("the model says BULL, the rule BEAR",)


@pytest.mark.parametrize("text", ["[]", '{"trades": []}', "{}", '{"regime": null}', "BULL"])
def test_what_is_no_analysis_fails(text: str) -> None:
    with pytest.raises(Unreadable):
        read_analysis(text, sectors=frozenset(), rule=Regime.BULL)

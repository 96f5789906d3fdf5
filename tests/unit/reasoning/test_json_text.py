"""The JSON in an answer: every spelling that is forgiven, every one that is refused, and nothing that breaks it."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.reasoning.json_text import BYTES_MAX, NotFinite, Unreadable, read_json

KEYS = frozenset({"trades"})
ANSWER = {"trades": [{"symbol": "AAPL"}]}


@pytest.mark.parametrize(
    "text",
    [
        '{"trades": [{"symbol": "AAPL"}]}',
        '```json\n{"trades": [{"symbol": "AAPL"}]}\n```',
        'Here is my answer:\n{"trades": [{"symbol": "AAPL"}]}\nGood luck!',
        '<think>Maybe {"trades": []}?</think>{"trades": [{"symbol": "AAPL"}]}',
        'Maybe {"trades": []}?</think>{"trades": [{"symbol": "AAPL"}]}',
        '{"trades": [{"symbol": "AAPL",},],}',
        "{'trades': [{'symbol': 'AAPL'}]}",
        '{trades: [{symbol: "AAPL"}]}',
        '{"trades": [ // one\n {"symbol": "AAPL"} /* only */ ] # end\n}',
        'As in {"example": 1}: {"trades": [{"symbol": "AAPL"}]}',
        '{"trades": [{"symbol": "AAPL"}]} and again {"trades": [{"symbol": "AAPL"}]}',
        '\ufeff{"trades": [{"symbol": "AAPL"}]}',
    ],
)
def test_an_answer_is_found_in_any_spelling(text: str) -> None:
    assert read_json(text, keys=KEYS).value == ANSWER


def test_what_was_forgiven_is_told() -> None:
    assert read_json("{'trades': [],}", keys=KEYS).forgiven == ("single quotes", "trailing commas")
    assert read_json('{"trades": []}', keys=KEYS).forgiven == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("I would rather wait.", "no_json"),
        ('{"trades": [{"symbol": "AAPL"', "cut"),
        ('{"trades": [{"symbol": "AAP', "cut"),
        ('{"trades": [{"symbol": "AAPL"}]', "cut"),
        ('<think>{"trades": []}', "empty"),
        ('{"trades": [], "trades": [1]}', "duplicate_key"),
        ('{"trades": [{"a": 1, "a": 1}]}', "duplicate_key"),
        ('{"trades": [[[[[[[1]]]]]]]}', ""),
        ('{"trades": [[[[[[[[1]]]]]]]]}', "too_deep"),
        ('{"trades": [1]} {"trades": [2]}', "several_answers"),
        ('{"trades": "' + "x" * BYTES_MAX + '"}', "too_long"),
        ('{"trades": "' + "é" * (BYTES_MAX // 2) + '"}', "too_long"),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_refused_whole(text: str, code: str) -> None:
    if not code:
        read_json(text, keys=KEYS)
        return
    with pytest.raises(Unreadable) as refused:
        read_json(text, keys=KEYS)
    assert refused.value.code == code


@pytest.mark.parametrize("word", ["NaN", "-Infinity", "Infinity", "1e999", "1e12", "-1E+40", "9" * 50])
def test_a_number_beyond_use_is_marked_and_not_read(word: str) -> None:
    found = read_json(f'{{"trades": [{word}]}}', keys=KEYS).value
    assert isinstance(found, dict)
    numbers = found["trades"]
    assert isinstance(numbers, list)
    assert isinstance(numbers[0], NotFinite)


def test_numbers_are_exact_and_minus_zero_is_zero() -> None:
    found = read_json('{"trades": [0.1, -0, -0.0, 1.5e3, .5, 150]}', keys=KEYS).value
    assert str(found) == str({"trades": [*map(Decimal, ("0.1", "0", "0", "1.5E+3", "0.5", "150"))]})


def test_half_a_surrogate_pair_has_a_form_that_can_be_stored() -> None:
    found = read_json('{"trades": ["\\ud800", "\\ud83d\\ude00"]}', keys=KEYS).value
    assert found == {"trades": ["\ufffd", "\U0001f600"]}


# Pieces of answers in any order come nearer to the rules of the reader than arbitrary text does.
PIECES = st.sampled_from(
    ['{"trades":', "[", "]", "{", "}", ",", ":", '"', "'", "\\", "//", "/*", "*/", "#", "NaN", "1e9", "-", "null",
     "<think>", "</think>", "```", "\n", '{"symbol":"AAPL"}', "\ud800", "\u200b"]
)  # fmt: skip


@given(text=st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
def test_any_text_is_an_answer_or_a_typed_refusal(text: str) -> None:
    try:
        outcome = type(read_json(text, keys=KEYS).value).__name__
    except Unreadable as refused:
        outcome = refused.code
    assert outcome


@pytest.mark.parametrize("piece", ['{"', "{'", '{"a', "[", "{/*", "{a ", "{ //", '{"a":"\\"'])
def test_long_hostile_texts_end_soon(piece: str, scale: Callable[[int, int], int]) -> None:
    """No timing is asserted: a reader that tried every start to the end would not end within this suite."""
    text = (piece * BYTES_MAX)[: scale(BYTES_MAX, BYTES_MAX)]
    with pytest.raises(Unreadable):
        read_json(text, keys=KEYS)

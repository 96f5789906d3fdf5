"""Symbols of an answer: only those of the list, only in plain letters, and only where number and symbol agree."""

from decimal import Decimal

import pytest

from prudent.reasoning.json_text import Value
from prudent.reasoning.naming import Listed
from prudent.reasoning.words import Unusable

NAMES = {"AAPL": "Apple Inc.", "BRK.B": "Berkshire Hathaway", "GOOG": "Alphabet", "GOOGL": "Alphabet"}
LISTED = Listed.of(("AAPL", "BRK.B", "GOOG", "GOOGL"), NAMES)


@pytest.mark.parametrize(
    ("raw", "symbol"),
    [
        ("AAPL", "AAPL"), ("$AAPL", "AAPL"), ("aapl", "AAPL"), ("AAPL US", "AAPL"), ("AAPL.US", "AAPL"),
        ("AAPL US Equity", "AAPL"), ("NASDAQ:AAPL", "AAPL"), ("Apple Inc", "AAPL"), ("apple  inc.", "AAPL"),
        ("ＡＡＰＬ", "AAPL"), ("BRK.B", "BRK.B"), ("BRK-B", "BRK.B"), ("BRK B", "BRK.B"), ("BRK/B", "BRK.B"),
    ],
)  # fmt: skip
def test_a_listed_symbol_in_any_spelling(raw: str, symbol: str) -> None:
    assert LISTED.symbol_of(raw) == symbol


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("MSFT", "unknown_symbol"),
        ("Apple", "unknown_symbol"),
        ("Alphabet", "unknown_symbol"),
        ("AAPL; MSFT", "unknown_symbol"),
        ("А\u0410PL", "symbol_not_ascii"),
        ("\u0410APL", "symbol_not_ascii"),
        ("AA\u200bPL", "symbol_not_ascii"),
        ("AAPL\n", ""),
        ("AA\nPL", "symbol_not_ascii"),
        ("A" * 500, "unknown_symbol"),
        ("", "no_symbol"),
        (None, "no_symbol"),
        (Decimal(1), "no_symbol"),
        (["AAPL"], "no_symbol"),
    ],
)
def test_nothing_else_exists(raw: Value, code: str) -> None:
    if not code:
        assert LISTED.symbol_of(raw) == "AAPL"
        return
    with pytest.raises(Unusable) as refused:
        LISTED.symbol_of(raw)
    assert refused.value.code == code


@pytest.mark.parametrize("index", [Decimal(1), "1", "#1", None, ""])
def test_number_and_symbol_agree_or_the_number_is_not_given(index: Value) -> None:
    assert LISTED.symbol_of("AAPL", index) == "AAPL"


@pytest.mark.parametrize("index", [Decimal(2), Decimal(0), Decimal(5), Decimal("1.5"), "one", Decimal(-1), True, []])
def test_a_number_of_another_symbol_is_refused(index: Value) -> None:
    with pytest.raises(Unusable) as refused:
        LISTED.symbol_of("AAPL", index)
    assert refused.value.code == "index_disagrees"

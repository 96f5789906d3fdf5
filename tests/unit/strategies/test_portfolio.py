"""Portfolio files: what they may look like, and each thing that is wrong with one."""

from decimal import Decimal

import pytest

from prudent.domain.errors import InputError
from prudent.strategies.target_weights import Portfolio, Unit, read_portfolio

D = Decimal


def weights(text: str, unit: Unit | None = None) -> dict[str, Decimal]:
    return {row.symbol: row.weight for row in read_portfolio(text, name="x.json", unit=unit).rows}


def test_weights_are_percent() -> None:
    text = '[{"symbol": "AAPL", "weight": 5.0}, {"symbol": "MSFT", "weight": 12}]'
    assert weights(text) == {"AAPL": D("0.05"), "MSFT": D("0.12")}


def test_a_file_may_say_its_unit() -> None:
    row = '[{"symbol": "AAPL", "weight": 0.6}, {"symbol": "MSFT", "weight": 0.4}]'
    assert weights(f'{{"unit": "fraction", "targets": {row}}}') == {"AAPL": D("0.6"), "MSFT": D("0.4")}
    assert weights(f'{{"unit": "percent", "targets": {row}}}') == {"AAPL": D("0.006"), "MSFT": D("0.004")}
    assert weights(row, Unit.FRACTION) == {"AAPL": D("0.6"), "MSFT": D("0.4")}


@pytest.mark.parametrize(
    "rows",
    [
        '[{"symbol": "AAPL", "weight": 0.6}, {"symbol": "MSFT", "weight": 0.4}]',
        '[{"symbol": "AAPL", "weight": 1}, {"symbol": "MSFT", "weight": 0.5}]',
        '[{"symbol": "AAPL", "weight": 0.6}, {"symbol": "MSFT", "weight": -0.4}]',
        '{"targets": [{"symbol": "AAPL", "weight": 0.6}, {"symbol": "CASH", "weight": 0.4}]}',
    ],
)
def test_weights_that_could_be_either_unit_are_not_guessed(rows: str) -> None:
    with pytest.raises(InputError, match="unit"):
        weights(rows)


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ('[{"symbol": "AAPL", "weight": 0.6}]', "0.006"),
        ('[{"symbol": "AAPL", "weight": 1}, {"symbol": "MSFT", "weight": 0.51}]', "0.01"),
        ('[{"symbol": "AAPL", "weight": 1.01}, {"symbol": "MSFT", "weight": 0.1}]', "0.0101"),
        ('[{"symbol": "AAPL", "weight": 0}, {"symbol": "MSFT", "weight": 0}]', "0"),
    ],
)
def test_clear_weights_need_no_unit(rows: str, first: str) -> None:
    assert weights(rows)["AAPL"] == D(first)


def test_class_shares_have_one_name() -> None:
    assert weights('[{"symbol": "brk b", "weight": 50}]') == {"BRK.B": D("0.5")}


def test_cash_may_be_a_row() -> None:
    portfolio = read_portfolio('[{"symbol": "CASH", "weight": 100}]', name="x.json")
    assert portfolio.rows[0].weight == 1
    assert portfolio.symbols == ()


def test_weights_written_by_a_float_are_rounded_to_twelve_places() -> None:
    assert weights('[{"symbol": "A", "weight": 33.333333333333336}]') == {"A": D("0.333333333333")}


def test_numbers_may_be_text() -> None:
    assert weights('[{"symbol": "A", "weight": "5.5"}]') == {"A": D("0.055")}


def test_signals_are_read_as_scores() -> None:
    text = '{"signals": [{"symbol": "AAPL", "score": 2}, {"symbol": "MSFT", "score": -1.5}]}'
    portfolio = read_portfolio(text, name="s.json")
    assert [(each.symbol, each.score) for each in portfolio.signals] == [("AAPL", 2), ("MSFT", D("-1.5"))]
    assert portfolio.symbols == ("AAPL", "MSFT")
    assert portfolio == Portfolio(signals=portfolio.signals)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('[{"symbol": "AAPL",\n "weight": }]', "line 2, column 12"),
        ("", "line 1, column 1"),
        ("[]", "at least one row"),
        ('{"targets": []}', "at least one row"),
        ('{"signals": []}', "at least one row"),
        ("5", "was a number"),
        ("null", "was null"),
        ('{"weights": []}', "weights"),
        ("{}", "neither"),
        ('{"targets": 5}', "list of rows"),
        ('{"signals": [], "unit": "percent"}', "unit"),
        ('{"unit": "points", "targets": [{"symbol": "A", "weight": 5}]}', "points"),
        ("[5]", "row 1"),
        ('[{"symbol": "A"}]', "no weight"),
        ('[{"weight": 5}]', "no symbol"),
        ('[{"symbol": 5, "weight": 5}]', "quotes"),
        ('[{"symbol": "A", "weight": 5, "wieght": 6}]', "wieght"),
        ('[{"symbol": "A", "weight": 5, "weight": 6}]', "came twice"),
        ('[{"symbol": "A", "weight": true}]', "true or false"),
        ('[{"symbol": "A", "weight": null}]', "null"),
        ('[{"symbol": "A", "weight": "much"}]', "much"),
        ('[{"symbol": "A", "weight": "NaN"}]', "finite"),
        ('[{"symbol": "A", "weight": NaN}]', "NaN"),
        ('[{"symbol": "A", "weight": Infinity}]', "Infinity"),
        ('[{"symbol": "A", "weight": -Infinity}]', "-Infinity"),
        ('[{"symbol": "A", "weight": 1e300}]', "finite"),
        ('[{"symbol": "A", "weight": 5}, {"symbol": "A", "weight": 6}]', "row 2"),
        ('[{"symbol": "BRK.B", "weight": 5}, {"symbol": "BRK-B", "weight": 6}]', "BRK.B"),
        ('[{"symbol": "CASH", "weight": -5}]', "CASH"),
        ('[{"symbol": "", "weight": 5}]', "row 1"),
        ('[{"symbol": "Ä", "weight": 5}]', "ticker"),
    ],
)
def test_what_is_wrong_is_named(text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_portfolio(text, name="x.json")


def test_two_units_are_one_too_many() -> None:
    text = '{"unit": "percent", "targets": [{"symbol": "A", "weight": 5}]}'
    assert weights(text, Unit.PERCENT) == {"A": D("0.05")}
    with pytest.raises(InputError, match="fraction"):
        weights(text, Unit.FRACTION)


def test_a_file_nested_beyond_reason_is_refused() -> None:
    with pytest.raises(InputError, match=r"x\.json"):
        read_portfolio("[" * 100_000, name="x.json")

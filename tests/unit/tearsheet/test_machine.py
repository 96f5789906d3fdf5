"""The machine block is the JSON of the run: parsed whole, the same in file and page, and never a way out of its tag."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.unit.tearsheet.books import book_of, edge_books, figures_of, long_book, nav_of
from tests.unit.tearsheet.pages import Page

from prudent.tearsheet import Extras, Significance, as_json, as_markdown, tear_sheet

LONG = long_book()
EDGES = edge_books()


def block(html: str) -> Any:
    return json.loads(Page(html).scripts[0])


def test_page_and_file_hold_the_same_figures() -> None:
    assert block(tear_sheet(*LONG)) == json.loads(as_json(*LONG))


def test_the_figures_are_exact() -> None:
    _, figures, _ = LONG
    found = json.loads(as_json(*LONG))
    assert found["schema_version"] == 1
    assert float(found["figures"]["sharpe"]) == figures.sharpe
    assert float(found["figures"]["max_drawdown"]) == figures.max_drawdown
    assert found["provenance"]["data_hash"] == "9f" * 32
    assert found["closed_trades"] == 195


def test_the_course_keeps_the_lowest_and_the_highest_day() -> None:
    book, figures, _ = LONG
    course = json.loads(as_json(*LONG))["course"]
    assert course["rows"] == len(book.nav.days) == 8_300
    assert len(course["days"]) == len(course["growth"]) == len(course["fall"]) <= 1_500
    assert figures.total_return is not None
    assert float(course["growth"][-1]) == pytest.approx(1 + figures.total_return, abs=1e-6)
    assert min(float(each) for each in course["growth"]) < 1.0


@pytest.mark.parametrize("name", EDGES)
def test_numbers_that_do_not_exist_are_null(name: str) -> None:
    book = EDGES[name]
    text = as_json(book, figures_of(book), Extras())
    assert not [word for word in ("NaN", "Infinity") if word in text]
    assert json.loads(text)["id"] == book.id


def test_infinite_and_unknown_figures_are_null_too() -> None:
    book, figures, _ = LONG
    odd = replace(figures, skew=float("nan"), calmar=float("inf"))
    extras = Extras(significance=Significance(deflated=float("nan")))
    found = json.loads(as_json(book, odd, extras))
    assert (found["figures"]["skew"], found["figures"]["calmar"]) == (None, None)
    assert found["extras"]["significance"]["deflated"] is None
    assert found["figures"]["kurtosis"] is not None


def test_no_text_ends_the_block() -> None:
    hostile = "</script><!--\u2028&"
    book = book_of(nav_of(np.array([10_100.0])), warnings=(hostile,))
    html = tear_sheet(book, figures_of(book), Extras())
    assert html.count("</script>") == 1
    assert block(html)["warnings"] == [hostile]


def test_markdown_has_the_figures_as_tables() -> None:
    text = as_markdown(*LONG)
    _, figures, _ = LONG
    assert text.startswith("# core/b1\n\nBACKTEST · evidence E0 · 1990-01-02 to ")
    assert f"| Sharpe ratio | {figures.sharpe:.2f} |" in text
    assert "| random trader, median of 1,000 |" in text
    rows = text.split("## Deepest falls")[1].splitlines()[2:14]
    # Five columns have six bars.
    assert [line.count("|") for line in rows] == [6] * 12


@pytest.mark.parametrize("name", EDGES)
def test_markdown_of_every_edge_has_no_words_for_missing_numbers(name: str) -> None:
    book = EDGES[name]
    text = as_markdown(book, figures_of(book), Extras())
    assert not [line for line in text.splitlines() if "| nan" in line or "| None" in line or "| inf" in line]


def test_markup_in_data_is_shown_in_markdown_and_not_obeyed() -> None:
    book = book_of(nav_of(np.array([10_100.0])), warnings=("a | b <b>*c*</b> [d](e)\nf",))
    assert r"- a \| b \<b\>\*c\*\</b\> \[d\](e) f" in as_markdown(book, figures_of(book), Extras())

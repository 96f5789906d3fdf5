"""Templates and the lines of a prompt: the same bytes for the same facts, and no way out of a frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.domain.records import Json
from prudent.reasoning.prose import UNTRUSTED_CLOSE, UNTRUSTED_OPEN, framed, line, spelt, within
from prudent.reasoning.templates import Template


def test_names_and_sections_are_filled() -> None:
    template = Template("t", "Hello {{name}}\n{{#news}}\n## News\n{{news}}\n{{/news}}\n")
    assert template.render({"name": "you", "news": "one"}) == "Hello you\n\n## News\none\n"
    assert template.render({"name": "you", "news": " "}) == "Hello you\n"


def test_a_section_inside_a_hidden_one_is_hidden_too() -> None:
    template = Template("t", "a{{#x}}b{{#y}}c{{/y}}d{{/x}}e")
    assert template.render({"x": "", "y": "1"}) == "ae\n"
    assert template.render({"x": "1", "y": ""}) == "abde\n"


def test_an_unknown_name_raises_even_where_it_is_hidden() -> None:
    with pytest.raises(KeyError, match="nobody"):
        Template("t", "{{nobody}}").render({})
    with pytest.raises(KeyError, match="nobody"):
        Template("t", "{{#x}}{{nobody}}{{/x}}").render({"x": ""})


def test_a_mark_inside_a_value_is_text() -> None:
    assert Template("t", "{{a}}").render({"a": "{{b}} {{#c}}", "b": "no"}) == "{{b}} {{#c}}\n"


def test_the_digest_is_of_the_bytes() -> None:
    assert Template("t", "a").digest != Template("t", "b").digest
    assert Template("t", "a").label == "t@ca978112ca1b"


def test_a_row_is_one_line_with_its_inner_rows_spelt_out() -> None:
    row: dict[str, Json] = {
        "symbol": "AAPL",
        "name": "Apple Inc",
        "held": True,
        "limits": {"max": "5", "why": ""},
        "ids": ["N1", "a b"],
    }
    assert line(row) == 'symbol=AAPL name="Apple Inc" held=yes limits.max=5 ids=[N1, "a b"]'


@given(
    text=st.one_of(
        st.text(), st.lists(st.sampled_from([UNTRUSTED_CLOSE, UNTRUSTED_OPEN, "\n", '"', "\\", "x"])).map("".join)
    )
)
def test_no_text_ends_its_line_or_its_frame(text: str) -> None:
    shown = framed(f"- {line({'text': text, 'more': [text]})}")
    assert shown.count("\n") == 2
    assert shown.count(UNTRUSTED_CLOSE) == 1
    assert shown.count(UNTRUSTED_OPEN) == 1
    # What ends a line for some reader, beyond the two that frame the text.
    assert len(shown.splitlines()) == 3


def test_hidden_characters_and_odd_line_ends_are_left_out() -> None:
    assert spelt("a\u2028b\u0085c\u200bd\u202ee\x00") == "abcde"


def test_long_texts_are_cut() -> None:
    assert len(spelt("x" * 5000)) == 600
    assert len(spelt("x " * 5000)) == 602


def test_a_prompt_that_is_too_long_loses_whole_lines_of_the_least_important_block() -> None:
    blocks = {"rules": ["r" * 10], "symbols": ["s" * 10, "t" * 10], "news": ["n" * 10, "m" * 10]}
    assert within(blocks, ("symbols", "news"), 100)["news"] == "n" * 10 + "\n" + "m" * 10
    cut = within(blocks, ("symbols", "news"), 40)
    assert cut["news"] == "- (2 more left out for length)"
    assert cut["symbols"] == "s" * 10 + "\n" + "t" * 10
    nothing = within(blocks, ("symbols", "news"), 0)
    assert nothing["rules"] == "r" * 10
    assert nothing["symbols"] == "- (2 more left out for length)"

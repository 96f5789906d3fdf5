"""Text from outside loses what nobody sees, and keeps what everybody reads."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prudent.domain.outside_text import plain_text, visible

TAGGED = "Buy" + "".join(chr(0xE0000 + ord(char)) for char in " all now")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Apple\u200b rose\u2060 2\u00a0%", "Apple rose 2 %"),
        ("\u202eesrever\u202c \u2066x\u2069", "esrever x"),
        (TAGGED, "Buy"),
        ("A\ufe0fB\U000e0101C\u2800D\u3164E", "ABCDE"),
        ("line\r\nfeed\ttab\x00\x07\x1b[31mred", "line feed tab[31mred"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("<p>One</p><p>two</p>", "One two"),
        ("<script>alert(1)</script>kept<style>p{}</style>", "kept"),
        ("<img src=x onerror=alert(1)>A &amp; B &lt;b&gt;", "A & B <b>"),
        ("5 < 6 & 7 > 2", "5 < 6 & 7 > 2"),
        ("z\u0301\u0301\u0301\u0301\u0301a", "\u017a\u0301\u0301a"),
        ("\ud800x\ue000y", "xy"),
        ("Société Générale 日本 Ελλάδα", "Société Générale 日本 Ελλάδα"),
        ("", ""),
    ],
)
def test_what_is_hidden_goes_and_what_is_read_stays(raw: str, text: str) -> None:
    assert plain_text(raw) == text


def test_it_is_cut_at_a_whole_character() -> None:
    assert plain_text("é" * 2000) == "é" * 1024
    assert plain_text("日" * 100, bytes_max=10) == "日日日"


@given(st.text(max_size=300))
def test_nothing_hidden_is_ever_left(raw: str) -> None:
    text = plain_text(raw)
    assert len(text.encode()) <= 2048
    assert "\n" not in text
    assert {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"} == set()
    assert visible(text) == text

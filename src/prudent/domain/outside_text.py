"""Text from outside (headlines, calendars, filings) as plain text: no markup, nothing hidden, of limited length.

It stays data of an untrusted source whatever it says; here it only loses what a reader would not see.
"""

import re
import unicodedata
from html.parser import HTMLParser

BYTES_MAX = 2048
MARKS_IN_A_ROW = 2
# Nothing is lost to a reader, and a hostile megabyte costs little.
_RAW_MAX = 64 * 1024
_UNREAD = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "iframe", "object"})
# Letters that show nothing: fillers of Hangul, the blank of Braille, variation selectors.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})


class _Words(HTMLParser):
    """Collects what a browser would show; a tag separates words."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unread += tag in _UNREAD
        self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._unread = max(0, self._unread - (tag in _UNREAD))
        self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.parts.append(data)


def plain_text(raw: str, *, bytes_max: int = BYTES_MAX) -> str:
    """One line of visible text, at most so many bytes of UTF-8, cut at a whole character."""
    text = raw[:_RAW_MAX]
    if "<" in text or "&" in text:
        reader = _Words()
        reader.feed(text)
        reader.close()
        text = "".join(reader.parts)
    text = visible(text)
    return text.encode()[:bytes_max].decode(errors="ignore").rstrip()


def visible(text: str) -> str:
    """`text` on one line without control, format, private and blank characters, and without towers of accents."""
    shown: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", _BLANK.sub("", text)):
        kind = unicodedata.category(char)
        if kind in ("Zs", "Zl", "Zp") or char in "\t\n\r\v\f\x85":
            shown.append(" ")
        elif kind in ("Mn", "Me"):
            marks += 1
            if marks <= MARKS_IN_A_ROW:
                shown.append(char)
            continue
        elif kind not in _HIDDEN:
            shown.append(char)
        marks = 0
    return " ".join("".join(shown).split())

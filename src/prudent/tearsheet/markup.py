"""Small pieces of HTML; every text that comes from data is escaped here, and nowhere else is markup made of it."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NewType

from prudent.tearsheet.words import SPACE

# Text that may stand in a page as it is. A plain string must go through `text` first: the type checker sees to it.
Markup = NewType("Markup", str)

EMPTY = Markup("")
# Longer texts of data are cut on the page; the figures for machines hold them whole.
TEXT_MAX = 400
_KINDS = {">": "num", "=": "whole"}


def text(raw: str) -> Markup:
    """`raw` as `readable` gives it, escaped."""
    return Markup(html.escape(readable(raw)))


def readable(raw: str) -> str:
    """`raw` on one line without control and format characters, cut where it is beyond what a page should hold."""
    shown = "".join(each if each.isprintable() or each == SPACE else " " for each in raw)
    return shown if len(shown) <= TEXT_MAX else shown[:TEXT_MAX] + "…"


def join(parts: Iterable[Markup], between: str = "\n") -> Markup:
    return Markup(between.join(each for each in parts if each))


def paragraph(words: str, kind: str = "") -> Markup:
    return Markup(f"<p{_kind(kind)}>{text(words)}</p>") if words else EMPTY


def section(anchor: str, title: str, *parts: Markup) -> Markup:
    """A part of the page under its heading; nothing where all of it is absent."""
    body = join(parts)
    if not body:
        return EMPTY
    return Markup(
        f'<section aria-labelledby="{anchor}">\n<h2 id="{anchor}">{text(title)}</h2>\n{body}\n</section>'
    )


def items(entries: Sequence[str], kind: str = "") -> Markup:
    if not entries:
        return EMPTY
    rows = "".join(f"<li>{text(each)}</li>" for each in entries)
    return Markup(f"<ul{_kind(kind)}>{rows}</ul>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of plain text under headings; the first column heads its row, `kind` names the look in the style sheet.

    A heading that begins with `>` is a column of numbers, with `=` one whose words stay on one line.
    """

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    kind: str = ""


def table(made: Table) -> Markup:
    """The table in a box that scrolls; nothing where it has no row."""
    if not made.rows:
        return EMPTY
    kinds = [_kind(_KINDS.get(each[:1], "")) for each in made.columns]
    heads = "".join(
        f'<th scope="col"{kind}>{text(heading(name))}</th>' for name, kind in zip(made.columns, kinds, strict=True)
    )
    body = "\n".join(f"<tr>{_cells(row, kinds)}</tr>" for row in made.rows)
    return scrolled(
        made.caption,
        f"<table{_kind(made.kind)}><caption>{text(made.caption)}</caption>"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table>",
    )


def scrolled(name: str, inside: str) -> Markup:
    """A box that a keyboard can scroll where its table is wider than the screen."""
    return Markup(f'<div class="wide" tabindex="0" role="region" aria-label="{text(name)}">{inside}</div>')


def heading(name: str) -> str:
    """The words of a column's heading."""
    return name.lstrip("".join(_KINDS))


def _cells(row: Sequence[str], kinds: Sequence[str]) -> str:
    first, *others = row
    head = f'<th scope="row"{kinds[0]}>{text(first)}</th>'
    return head + "".join(f"<td{kind}>{text(cell)}</td>" for cell, kind in zip(others, kinds[1:], strict=True))


def _kind(name: str) -> str:
    return f' class="{name}"' if name else ""

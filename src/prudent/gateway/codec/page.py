"""The message tables as a page for people: what the gateway reads and says, field by field."""

from collections.abc import Iterable, Iterator

from prudent.gateway.codec.answers import ANSWERS
from prudent.gateway.codec.requests import REQUESTS, UNSERVED
from prudent.gateway.codec.rows import CEILING, FLOOR, AnyRow, Fixed, Many, Row, Rows, Table
from prudent.gateway.values import Form

_MARKS = {Form.TEXT: "", Form.WHOLE: " int", Form.MAYBE: " int?", Form.NUMBER: " num", Form.AMOUNT: " num?",
          Form.PRICE: " num!", Form.FLAG: " flag"}  # fmt: skip


def page() -> str:
    """The whole page as Markdown; `tests/unit/gateway/test_page.py` holds docs/PAPER_MESSAGES.md to it."""
    return "\n".join([
        "# Messages of the paper gateway", "",
        "Made from the tables in `gateway/codec`, which both read and write the messages; do not edit.", "",
        f"Fields are text that ends in a zero byte, the message's number first. Versions {FLOOR} to {CEILING}:",
        "`≥166` says from which on a field is there, `<177` until which. A missing `int` reads as 0, a missing `int?`",
        "or `num?` as none; `num` must be there, `num!` writes none as the largest number, `flag` is 1 or 0, and no",
        "mark is text. `'2'` is a field that says nothing. `name×(…)` is a count and that many groups; `[…]` is there",
        "only where the fields before it say so.", "",
        "## Requests", "", *_lines(REQUESTS.values()), "",
        f"Answered with error 505 under the request's own id: messages {', '.join(map(str, sorted(UNSERVED)))}.", "",
        "## Answers", "", *_lines(ANSWERS.values()), "",
    ])  # fmt: skip


def _lines(tables: Iterable[Table]) -> Iterator[str]:
    for table in sorted(tables, key=lambda each: each.id):
        yield f"- **{table.id} {table.name}** {_fields(table.rows)}".rstrip()


def _fields(rows: Rows) -> str:
    return ", ".join(_field(row) + _gate(row) for row in rows)


def _field(row: AnyRow) -> str:
    if isinstance(row, Row):
        return row.name + _MARKS[row.form]
    if isinstance(row, Fixed):
        return f"'{row.says}'"
    inside = _fields(row.rows)
    return f"{row.name}×({inside})" if isinstance(row, Many) else f"[{inside}]"


def _gate(row: AnyRow) -> str:
    """At which versions a field is there, if not at all of them."""
    since = f" ≥{row.since}" if row.since > FLOOR else ""
    return since + (f" <{row.until + 1}" if row.until < CEILING else "")

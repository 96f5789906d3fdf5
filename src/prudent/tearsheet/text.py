"""The tear sheet as Markdown: the same figures and tables without charts."""

import re
from collections.abc import Iterable, Sequence

from prudent.analytics.trades import closed_trades, open_trades
from prudent.domain.performance import Metrics, RunBook
from prudent.tearsheet import activity_part as activity
from prudent.tearsheet import origin_part as origin
from prudent.tearsheet import performance_part as performance
from prudent.tearsheet.extras import Extras
from prudent.tearsheet.figures import GROUPS, against_rows, group_rows, has_benchmark_column, reasons
from prudent.tearsheet.markup import Table, heading, readable
from prudent.tearsheet.sheet import Sheet, sheet_of
from prudent.tearsheet.verdict import verdict

# What Markdown or a browser behind it would take for markup.
_MARKS = re.compile(r"([\\`*_{}\[\]<>|#~!&])")


def as_markdown(book: RunBook, figures: Metrics, extras: Extras) -> str:
    """The tables of the page as Markdown, with a line end; parts that are absent are left out."""
    sheet = sheet_of(book, figures, extras)
    blocks = [*_top(sheet), *_figures(sheet), *_calendar(sheet), *_activity(sheet), *_origin(sheet)]
    return "\n\n".join(each for each in blocks if each) + "\n"


def _top(sheet: Sheet) -> list[str]:
    book = sheet.book
    early = [f"The run ended early: {book.partial}"] if book.partial else []
    badges = f"{sheet.mode} · evidence {book.evidence.level.value} · {book.provenance.first} to {book.provenance.last}"
    return [
        f"# {plain(book.id)}", plain(badges), plain(verdict(sheet)), plain(sheet.extras.comparison),
        _list("To know before reading on", [*early, *book.warnings]),
    ]  # fmt: skip


def _figures(sheet: Sheet) -> list[str]:
    figures = sheet.figures
    name = figures.benchmark.name if figures.benchmark else ""
    tables = [
        Table(
            caption=title, rows=group_rows(group, figures),
            columns=("figure", ">run", f">{name}") if has_benchmark_column(group, figures) else ("figure", ">run"),
        )
        for title, group in GROUPS
    ]  # fmt: skip
    beside = Table(caption=f"Beside {name}", columns=("figure", ">run"), rows=against_rows(figures))
    return [*map(_table, (*tables, beside)), _list("Not given, or given with care", reasons(figures))]


def _calendar(sheet: Sheet) -> list[str]:
    extras = sheet.extras
    return [
        _table(performance.month_rows(sheet)), _table(performance.year_rows(sheet)),
        _table(performance.fall_rows(sheet.figures.drawdowns)),
        _table(performance.significance_rows(extras.significance, sheet.trials)),
        plain(extras.significance.note) if extras.significance else "", _table(performance.baseline_rows(sheet)),
        _list("", extras.baseline_notes),
    ]  # fmt: skip


def _activity(sheet: Sheet) -> list[str]:
    fills = sheet.book.fills
    done, held = closed_trades(fills, sheet.extras.splits), open_trades(fills, sheet.extras.splits)
    return [
        _table(activity.attribution_table(sheet.extras.attribution)),
        plain(activity.trade_sentence(sheet, done)) if len(fills) else "Nothing traded in this run.",
        _table(activity.cause_table(fills, done)), _table(activity.open_table(fills, held)),
        _table(activity.closed_table(fills, done)), *map(_table, activity.decision_tables(sheet.book.decisions)),
        _table(activity.guard_table(sheet)), _table(activity.shadow_table(sheet)),
        _table(Table(caption="What it cost", columns=("what", ">amount"), rows=activity.cost_rows(sheet))),
    ]  # fmt: skip


def _origin(sheet: Sheet) -> list[str]:
    mandate = [Table(caption=name, columns=("name", "value"), rows=rows) for name, rows in origin.mandate_rows(sheet)]
    made = Table(caption="What it was made from", columns=("name", "value"), rows=origin.provenance_rows(sheet))
    return [
        *map(_table, mandate), _table(origin.rule_table(sheet.book.rules)), _table(made),
        _list("", sheet.book.provenance.notes),
    ]  # fmt: skip


def plain(raw: str) -> str:
    """`raw` as the page shows it, in a way that Markdown shows as it is."""
    return _MARKS.sub(r"\\\1", readable(raw))


def _list(title: str, entries: Sequence[str]) -> str:
    if not entries:
        return ""
    rows = "\n".join(f"- {plain(each)}" for each in entries)
    return f"**{plain(title)}**\n\n{rows}" if title else rows


def _table(made: Table) -> str:
    if not made.rows:
        return ""
    rule = ["---:" if each.startswith(">") else "---" for each in made.columns]
    rows = [[plain(heading(each)) for each in made.columns], rule, *(_cells(row) for row in made.rows)]
    return f"## {plain(made.caption)}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(row: Iterable[str]) -> list[str]:
    return [plain(each) or " " for each in row]

"""The tear sheet as one HTML file: nothing in it is fetched, nothing in it runs, and equal runs give equal bytes."""

from importlib.resources import files

from prudent.domain.accounts import Mode
from prudent.domain.performance import Metrics, RunBook
from prudent.tearsheet.activity_part import cost_part, decision_part, guard_part, profit_part, trade_part
from prudent.tearsheet.charts import exposure_chart, fall_chart, growth_chart, returns_chart, rolling_charts
from prudent.tearsheet.extras import Extras
from prudent.tearsheet.machine import report_block
from prudent.tearsheet.markup import EMPTY, Markup, items, join, paragraph, section, table, text
from prudent.tearsheet.origin_part import mandate_part, provenance_part
from prudent.tearsheet.performance_part import (
    baseline_rows,
    fall_rows,
    key_figures,
    month_table,
    significance_rows,
    year_rows,
)
from prudent.tearsheet.sheet import Sheet, sheet_of
from prudent.tearsheet.verdict import verdict

# A browser that reads the page may fetch nothing and run nothing, whatever the page says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def tear_sheet(book: RunBook, figures: Metrics, extras: Extras) -> str:
    """The page of a run. `figures` are of the same `book`; all of `extras` may be absent."""
    sheet = sheet_of(book, figures, extras)
    style = files("prudent.tearsheet").joinpath("style.css").read_text(encoding="utf-8")
    title = text(f"{book.id}: tear sheet")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n'
        f"{_header(sheet)}\n<main>\n{_warnings(sheet)}\n{_body(sheet)}\n</main>\n"
        f"{_footer(sheet)}\n{report_block(sheet)}\n</body>\n</html>\n"
    )


def _header(sheet: Sheet) -> Markup:
    book, made = sheet.book, sheet.book.provenance
    name = f", {book.mandate.name}" if book.mandate.name and book.mandate.name != book.account else ""
    level = book.evidence.level.value
    live = " live" if book.mode is Mode.LIVE else ""
    partial = '<span class="badge partial">ENDED EARLY</span>' if book.partial else ""
    window = Markup(f'<span class="whole">{made.first.isoformat()} to {made.last.isoformat()}</span>')
    cadence = f"cadence {made.cadence}" if made.cadence else ""
    facts = join((
        text(f"account {book.account}{name}"), window, text(cadence), text(book.mandate.strategy),
        text(book.mandate.currency),
    ), " · ")  # fmt: skip
    return Markup(
        f'<header>\n<h1>{text(book.id)}</h1>\n<p class="facts">{facts}</p>\n'
        f'<div class="badges"><span class="badge{live}">{text(sheet.mode)}</span>'
        f'<span class="badge" title="{text(book.evidence.why)}">EVIDENCE {text(level)}</span>{partial}</div>\n'
        f"{paragraph(verdict(sheet), 'verdict')}\n{paragraph(sheet.extras.comparison, 'verdict')}\n</header>"
    )


def _warnings(sheet: Sheet) -> Markup:
    early = [f"The run ended early: {sheet.book.partial}"] if sheet.book.partial else []
    entries = [*early, *sheet.book.warnings]
    if not entries:
        return EMPTY
    return Markup(
        f'<section class="warnings" aria-labelledby="warnings"><h2 id="warnings">To know before reading on</h2>'
        f"{items(entries)}</section>"
    )


def _body(sheet: Sheet) -> Markup:
    nothing = paragraph("The run has no session yet: it has nothing to draw.", "none") if not len(sheet.days) else EMPTY
    return join((
        section("figures", "Key figures", nothing, key_figures(sheet)),
        section("course", "Course", growth_chart(sheet), fall_chart(sheet)),
        section("calendar", "Months and years", month_table(sheet), table(year_rows(sheet))),
        section("deepest", "Deepest falls", table(fall_rows(sheet.figures.drawdowns))),
        section("against", "What to hold it against", _sureness(sheet), _alternatives(sheet)),
        section("rolling", "Rolling figures", rolling_charts(sheet)),
        section("returns", "Returns and exposure", returns_chart(sheet), exposure_chart(sheet)),
        section("profit", "Where the profit came from", profit_part(sheet)),
        section("trades", "Trades", trade_part(sheet)),
        section("decisions", "Decisions", decision_part(sheet)),
        section("guards", "Guards", guard_part(sheet)),
        section("costs", "Costs", cost_part(sheet)),
        section("mandate", "Mandate and rules", mandate_part(sheet)),
        section("origin", "Provenance", provenance_part(sheet)),
    ))  # fmt: skip


def _sureness(sheet: Sheet) -> Markup:
    found = sheet.extras.significance
    rows = table(significance_rows(found, sheet.trials))
    return join((rows, paragraph(found.note if found else "", "notes")))


def _alternatives(sheet: Sheet) -> Markup:
    return join((table(baseline_rows(sheet)), items(sheet.extras.baseline_notes, "notes")))


def _footer(sheet: Sheet) -> Markup:
    currency = sheet.book.mandate.currency
    return Markup(f"<footer>{paragraph(_FOOT.format(currency=currency))}</footer>")


_FOOT = (
    "Returns are after costs, with money in and out removed. Days are sessions of the exchange, times are UTC, amounts "
    "are in {currency}. What was is no promise of what will be. The block report-data of this file holds the figures "
    "for machines."
)

"""The parts of a tear sheet on what was made: key figures, months, years, falls, and what to hold them against."""

from prudent.domain.performance import Drawdown
from prudent.tearsheet import words
from prudent.tearsheet.extras import BaselineRow, Significance
from prudent.tearsheet.figures import GROUPS, against_rows, group_rows, has_benchmark_column, reasons
from prudent.tearsheet.markup import EMPTY, Markup, Table, items, join, paragraph, scrolled, table, text
from prudent.tearsheet.sheet import Sheet, YearRow
from prudent.tearsheet.words import DASH

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Fractions from which a month is painted darker; the same in every report, so that two can be laid side by side.
_SHADES = (0.01, 0.03, 0.06)


def key_figures(sheet: Sheet) -> Markup:
    """Every figure of the run, in three groups, with the benchmark's beside it, and why some are not there."""
    figures = sheet.figures
    tables = []
    for name, group in GROUPS:
        columns: tuple[str, ...] = ("figure", ">run")
        if figures.benchmark is not None and has_benchmark_column(group, figures):
            columns = (*columns, f">{figures.benchmark.name}")
        tables.append(table(Table(caption=name, columns=columns, rows=group_rows(group, figures))))
    beside = Table(
        caption=f"Beside {figures.benchmark.name if figures.benchmark else ''}", columns=("figure", ">run"),
        rows=against_rows(figures),
    )  # fmt: skip
    missing = reasons(figures)
    return join((
        columns_of(*tables, table(beside)),
        paragraph("Not given, or given with care:", "notes") if missing else EMPTY,
        items(missing, "notes"),
    ))  # fmt: skip


def columns_of(*parts: Markup) -> Markup:
    """Parts side by side where there is room."""
    found = [each for each in parts if each]
    return Markup(f'<div class="columns">{join(found)}</div>') if found else EMPTY


def month_table(sheet: Sheet) -> Markup:
    """Returns by month, a year a row; the shade repeats what the sign and the number say."""
    if not sheet.years:
        return EMPTY
    with_benchmark = any(each.benchmark is not None for each in sheet.years)
    heads = ("", *MONTHS, "Year", *(("Bench.",) if with_benchmark else ()))
    caption = "Returns by month in percent" + (f"; Bench. is {_benchmark_name(sheet)}" if with_benchmark else "")
    head = "".join(f'<th scope="col">{each}</th>' for each in heads[1:])
    body = "\n".join(_month_row(each, with_benchmark=with_benchmark) for each in sheet.years)
    return scrolled(
        caption,
        f'<table class="heat"><caption>{text(caption)}</caption><thead><tr><th scope="col">Year</th>{head}</tr>'
        f"</thead>\n<tbody>\n{body}\n</tbody></table>",
    )


def _month_row(row: YearRow, *, with_benchmark: bool) -> str:
    cells = "".join(f"<td{_shade(float(each))}>{_blank(words.short_percent(float(each)))}</td>" for each in row.months)
    beside = f"<td>{words.short_percent(row.benchmark)}</td>" if with_benchmark else ""
    return (
        f'<tr><th scope="row">{row.year}</th>{cells}<td class="year">{words.short_percent(row.total)}</td>{beside}</tr>'
    )


def month_rows(sheet: Sheet) -> Table:
    """The same as plain text."""
    return Table(
        caption="Returns by month in percent", columns=("year", *(f">{each}" for each in MONTHS), ">Year"),
        rows=[
            [str(each.year), *(_blank(words.short_percent(float(m))) or " " for m in each.months),
             words.short_percent(each.total)]
            for each in sheet.years
        ],
    )  # fmt: skip


def _blank(written: str) -> str:
    """A month outside the run is empty, not unknown."""
    return "" if written == DASH else written


def _shade(value: float) -> str:
    if not words.known(value) or abs(value) < 0.0005:
        return ""
    depth = 1 + sum(abs(value) >= each for each in _SHADES)
    return f' class="{"p" if value > 0 else "n"}{depth}"'


def _benchmark_name(sheet: Sheet) -> str:
    return sheet.book.benchmark.name if sheet.book.benchmark is not None else ""


def year_rows(sheet: Sheet) -> Table:
    """The values behind the charts, by year."""
    theirs = any(each.benchmark is not None for each in sheet.years)
    flows = any(each.flow for each in sheet.years)
    columns = ["=year", ">return", *([f">{_benchmark_name(sheet)}"] if theirs else []), ">deepest below high",
               ">mean gross exposure", *([">money in or out"] if flows else []), ">value at end"]  # fmt: skip
    rows = [
        [
            str(each.year), words.signed_percent(each.total),
            *([words.signed_percent(each.benchmark)] if theirs else []), words.signed_percent(each.deepest),
            words.percent(each.gross), *([words.signed_money(each.flow)] if flows else []), words.money(each.value),
        ]
        for each in sheet.years
    ]  # fmt: skip
    caption = f"Years; values in {sheet.book.mandate.currency}"
    return Table(caption=caption, columns=tuple(columns), rows=rows, kind="rows")


def fall_rows(falls: tuple[Drawdown, ...]) -> Table:
    """The ten deepest falls with their dates."""
    rows = [
        [
            each.peak.isoformat(), each.trough.isoformat(),
            each.recovered.isoformat() if each.recovered else "not yet", words.whole(each.sessions),
            words.signed_percent(each.depth),
        ]
        for each in sorted(falls, key=lambda fall: fall.depth)[:10]
    ]  # fmt: skip
    return Table(
        caption="Deepest falls from an earlier high", kind="rows", rows=rows,
        columns=("=high on", "=lowest on", "=recovered on", ">sessions", ">depth"),
    )  # fmt: skip


def significance_rows(found: Significance | None, trials: int) -> Table:
    """How sure the Sharpe ratio is, as far as somebody has computed it."""
    found = found or Significance()
    rows = []
    if words.known(found.sharpe_low) and words.known(found.sharpe_high):
        interval = f"{words.ratio(found.sharpe_low)} to {words.ratio(found.sharpe_high)}"
        rows.append(["Sharpe ratio, 95 % interval", interval])
    for label, value in (
        ("Probability that the true Sharpe ratio is above 0 (PSR)", found.probabilistic),
        (f"The same after {words.plural(trials, 'trial')} of this window (DSR)", found.deflated),
    ):
        if words.known(value):
            rows.append([label, words.percent(value)])
    if words.known(found.years_needed):
        rows.append(["Years of record that would be needed (MinTRL)", words.tenth(found.years_needed)])
    return Table(caption="How sure the Sharpe ratio is", columns=("figure", ">value"), rows=rows, kind="small")


def baseline_rows(sheet: Sheet) -> Table:
    """The run first, then plain alternatives on the same dates; no row where there is no alternative."""
    rows = sheet.extras.baselines
    figures = sheet.figures
    run = BaselineRow(
        name="this run", total_return=figures.total_return, cagr=figures.cagr, sharpe=figures.sharpe,
        max_drawdown=figures.max_drawdown,
    )  # fmt: skip
    ranked = any(words.known(each.percentile) for each in rows)
    return Table(
        caption="Plain alternatives on the same dates, with the same costs", kind="rows",
        columns=("what", ">total return", ">a year", ">Sharpe", ">deepest fall",
                 *((">share that the run beat",) if ranked else ())),
        rows=[_baseline_row(each, ranked=ranked) for each in ((run, *rows) if rows else ())],
    )  # fmt: skip


def _baseline_row(row: BaselineRow, *, ranked: bool) -> list[str]:
    beaten = ([words.percent(row.percentile)] if words.known(row.percentile) else [""]) if ranked else []
    return [
        row.name, words.signed_percent(row.total_return), words.signed_percent(row.cagr), words.ratio(row.sharpe),
        words.signed_percent(row.max_drawdown), *beaten,
    ]  # fmt: skip

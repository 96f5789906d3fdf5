"""The charts of a tear sheet: growth, falls, rolling figures, spread of returns and exposure."""

from dataclasses import replace

import numpy as np

from prudent.domain.performance import Days, Floats
from prudent.tearsheet import words
from prudent.tearsheet.markup import EMPTY, Markup, Table, join, table
from prudent.tearsheet.scales import as_date, linear, logarithmic, round_step
from prudent.tearsheet.sheet import WINDOW, Sheet
from prudent.tearsheet.svg import Chart, Line, bar_chart, line_chart

BASELINES_DRAWN_MAX = 5
# Beyond this range equal gains would look unequal on a linear axis.
LOG_FROM = 4.0
_BARS = 40
# The least range of falls that is drawn: a run that never fell has a line at zero.
_SHALLOW = -0.01
_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_QUANTILE_NAMES = ("worst", "1 %", "5 %", "25 %", "median", "75 %", "95 %", "99 %", "best")


def growth_chart(sheet: Sheet) -> Markup:
    """What 1 became, beside the benchmark and the baselines that have levels."""
    if not len(sheet.days):
        return EMPTY
    lines = [_from_one("this run", "run", sheet.days, sheet.growth), *_other_lines(sheet)]
    every = np.concatenate([each.values for each in lines])
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    logs = low > 0.0 and high > LOG_FROM * low
    mine = lines[0].values
    summary = (
        f"1.00 became {words.ratio(float(mine[-1]))} from {_first(sheet)} to {_last(sheet)}; lowest "
        f"{words.ratio(float(mine.min()))}, highest {words.ratio(float(mine.max()))}. "
        f"{'Logarithmic scale. ' if logs else ''}Money in and out is removed; closes of sessions."
    )
    chart = Chart(
        anchor="growth", title="Growth of 1.00", summary=summary, write=_level,
        scale=logarithmic(every) if logs else linear(every),
    )  # fmt: skip
    return line_chart(chart, lines)


def _other_lines(sheet: Sheet) -> list[Line]:
    found = []
    benchmark = sheet.book.benchmark
    if benchmark is not None and len(benchmark.days) and benchmark.opening > 0:
        found.append(_from_one(benchmark.name, "benchmark", benchmark.days, benchmark.level / benchmark.opening))
    levels = [(b.name, b.days, b.level) for b in sheet.extras.baselines]
    others = [_from_one(name, "", d, v) for name, d, v in levels if d is not None and v is not None and len(d)]
    # The benchmark held is listed with the alternatives and drawn once.
    own = [each for each in others if not any(np.array_equal(each.values, seen.values) for seen in found)]
    return [*found, *(replace(each, kind=f"b{k + 1}") for k, each in enumerate(own[:BASELINES_DRAWN_MAX]))]


def _from_one(name: str, kind: str, days: Days, level: Floats) -> Line:
    """A line that starts from 1 on the day before its first."""
    before = days[:1] - np.timedelta64(1, "D")
    return Line(
        name=name, kind=kind, days=np.concatenate((before, days)), values=np.concatenate(([1.0], level))
    )  # fmt: skip


def fall_chart(sheet: Sheet) -> Markup:
    """How far the run stood below its highest close."""
    if not len(sheet.days):
        return EMPTY
    worst = int(np.argmin(sheet.fall))
    below = float(np.mean(sheet.fall < 0.0))
    summary = (
        f"Deepest {words.signed_percent(float(sheet.fall[worst]))} on {as_date(sheet.days[worst])}; "
        f"below an earlier high on {words.percent(below)} of sessions."
        if below
        else "Never below an earlier high at a close."
    )
    chart = Chart(
        anchor="falls", title="Below the highest close so far", summary=summary, write=_whole_percent,
        scale=linear(np.append(sheet.fall, _SHALLOW), with_zero=True, ticks=4),
    )  # fmt: skip
    return line_chart(chart, [Line(name="this run", kind="run", days=sheet.days, values=sheet.fall, filled=True)])


def rolling_charts(sheet: Sheet) -> Markup:
    """Sharpe ratio and volatility of each trailing year; nothing where no year is complete."""
    if len(sheet.days) < WINDOW:
        return EMPTY
    return join((
        _rolling(sheet, "rolling-sharpe", "Sharpe ratio, trailing year", sheet.rolling_sharpe, words.ratio),
        _rolling(sheet, "rolling-volatility", "Volatility, trailing year", sheet.rolling_volatility, words.percent),
    ))  # fmt: skip


def _rolling(sheet: Sheet, anchor: str, title: str, values: Floats, write: words.Writer) -> Markup:
    whole = values[np.isfinite(values)]
    if not len(whole):
        return EMPTY
    summary = (
        f"Over {WINDOW} sessions, a year: last {write(float(whole[-1]))}, lowest {write(float(whole.min()))}, "
        f"median {write(float(np.median(whole)))}, highest {write(float(whole.max()))}."
    )
    chart = Chart(
        anchor=anchor, title=title, summary=summary, write=_plain if write is words.ratio else _whole_percent,
        scale=linear(values, with_zero=True, ticks=4),
    )  # fmt: skip
    return line_chart(chart, [Line(name="this run", kind="run", days=sheet.days, values=values)])


def exposure_chart(sheet: Sheet) -> Markup:
    """Gross and net exposure as shares of the account's value."""
    lines = [
        Line(name=name, kind=kind, days=sheet.days, values=values)
        for name, kind, values in (("gross", "run", sheet.gross), ("net", "benchmark", sheet.net))
        if np.isfinite(values).any()
    ]
    if not lines:
        return EMPTY
    gross = sheet.gross[np.isfinite(sheet.gross)]
    summary = (
        f"Gross exposure at closes: mean {words.percent(float(gross.mean()))}, least "
        f"{words.percent(float(gross.min()))}, most {words.percent(float(gross.max()))} of the account's value."
    )
    chart = Chart(
        anchor="exposure", title="Exposure", summary=summary, write=_whole_percent,
        scale=linear(np.concatenate([each.values for each in lines]), with_zero=True, ticks=4),
    )  # fmt: skip
    return line_chart(chart, lines)


def returns_chart(sheet: Sheet) -> Markup:
    """How often a session returned how much, with its quantiles as a table."""
    found = sheet.returns[np.isfinite(sheet.returns)]
    if len(found) < 2 or float(found.min()) == float(found.max()):
        return EMPTY
    width = round_step((float(np.quantile(np.abs(found), 0.995)) or float(np.abs(found).max())) * 2 / _BARS)
    reach = width * _BARS / 2
    edges = np.linspace(-reach, reach, _BARS + 1)
    counts = np.histogram(np.clip(found, -reach, reach), bins=edges)[0].astype(np.float64)
    outside = int(np.sum(np.abs(found) > reach))
    summary = (
        f"{words.plural(len(found), 'session')}, mean {words.signed_percent(float(found.mean()))}; "
        f"{words.whole(outside)} beyond ±{words.percent(reach)} stand in the outermost bars."
    )
    chart = Chart(
        anchor="spread", title="Returns of sessions", summary=summary, write=lambda value: words.whole(value),
        scale=linear(counts, with_zero=True, ticks=4),
    )  # fmt: skip
    quantiles = np.quantile(found, _QUANTILES)
    return join((
        bar_chart(chart, edges, counts, _whole_percent),
        table(Table(
            caption="Quantiles of returns of sessions",
            columns=("share of sessions below", *(f">{each}" for each in _QUANTILE_NAMES)),
            rows=[["return", *(words.signed_percent(float(each)) for each in quantiles)]], kind="rows",
        )),
    ))  # fmt: skip


def _first(sheet: Sheet) -> str:
    return as_date(sheet.days[0]).isoformat()


def _last(sheet: Sheet) -> str:
    return as_date(sheet.days[-1]).isoformat()


def _plain(value: float) -> str:
    return f"{value:.10g}".replace("-", words.MINUS)


def _level(value: float) -> str:
    return f"{value:,.10g}".replace("-", words.MINUS)


def _whole_percent(value: float) -> str:
    return f"{round(value * 100, 10):.10g}{words.SPACE}%".replace("-", words.MINUS)

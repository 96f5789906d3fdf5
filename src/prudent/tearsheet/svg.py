"""Charts as inline SVG: lines, areas and bars that stretch with the page while their words keep their size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from prudent.domain.performance import Days, Floats
from prudent.tearsheet.markup import EMPTY, Markup, join, paragraph, text
from prudent.tearsheet.scales import Scale, date_ticks, ordinals
from prudent.tearsheet.thinning import kept_rows

# Whole coordinates are short and finer than any screen.
WIDTH, HEIGHT = 10_000, 2_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """One series over days; `kind` names its look in the style sheet, `filled` paints down to zero."""

    name: str
    kind: str
    days: Days
    values: Floats
    filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chart:
    """What a figure shows; `summary` is its one-line text for who cannot see it, and stands below it for all."""

    anchor: str
    title: str
    summary: str
    write: Callable[[float], str]
    scale: Scale


def line_chart(chart: Chart, lines: Sequence[Line]) -> Markup:
    """A figure of lines over a common axis of time; each must have at least one value."""
    first = min(float(ordinals(each.days[:1])[0]) for each in lines)
    last = max(float(ordinals(each.days[-1:])[0]) for each in lines)
    span = max(last - first, 1.0)
    paths = [_path(each, chart.scale, first, span) for each in lines]
    origin = date(1970, 1, 1).toordinal()
    marks = [
        ((each.toordinal() - origin - first) / span, label)
        for each, label in date_ticks(_day(first), _day(first + span))
    ]
    return _figure(chart, join(paths, ""), marks, _legend(lines))


def _day(ordinal: float) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(ordinal))


def bar_chart(chart: Chart, edges: Floats, heights: Floats, write_edge: Callable[[float], str]) -> Markup:
    """A figure of bars between neighbouring `edges`, from zero; loss and gain look different."""
    left, right = float(edges[0]), float(edges[-1])
    across = np.rint((edges - left) / (right - left) * WIDTH).astype(np.int64)
    tops = np.rint((1.0 - chart.scale.share(heights)) * HEIGHT).astype(np.int64)
    bars = [
        Markup(
            f'<rect class="{"loss" if middle < 0 else "gain"}" x="{a}" y="{top}" width="{max(b - a - 12, 1)}" '
            f'height="{HEIGHT - top}"/>'
        )
        for a, b, top, middle in zip(across[:-1], across[1:], tops, (edges[:-1] + edges[1:]) / 2, strict=True)
        if top < HEIGHT
    ]
    middle, step = len(edges) // 2, max(1, (len(edges) - 1) // 8)
    marks = [
        ((float(edges[k]) - left) / (right - left), write_edge(float(edges[k])))
        for k in range(middle % step, len(edges), step)
    ]
    return _figure(chart, join(bars, ""), marks, EMPTY)


def _figure(chart: Chart, drawn: Markup, marks: Sequence[tuple[float, str]], legend: Markup) -> Markup:
    ticks = np.array(chart.scale.ticks, dtype=np.float64)
    heights = 100.0 * (1.0 - chart.scale.share(ticks))
    rules = "".join(
        f'<line class="{"zero" if tick == 0 else "rule"}" x1="0" x2="100%" y1="{at:.2f}%" y2="{at:.2f}%"/>'
        f'<text class="left" x="-6" y="{at:.2f}%" dy="0.32em">{text(chart.write(float(tick)))}</text>'
        for tick, at in zip(ticks, heights, strict=True)
    )
    below = "".join(
        f'<text class="below{" spare" if number % 2 else ""}" x="{100 * at:.2f}%" y="100%" dy="1.5em">'
        f"{text(label)}</text>"
        for number, (at, label) in enumerate(marks)
    )
    name = chart.anchor
    return Markup(
        f'<figure>\n<figcaption><span class="title">{text(chart.title)}</span>{legend}</figcaption>\n'
        f'<svg class="chart" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{text(chart.title)}</title><desc id="{name}-d">{text(chart.summary)}</desc>'
        f"{rules}{below}"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" height="100%" preserveAspectRatio="none">{drawn}</svg>'
        f"</svg>\n{paragraph(chart.summary, 'summary')}\n</figure>"
    )


def _legend(lines: Sequence[Line]) -> Markup:
    if len(lines) < 2:
        return EMPTY
    keys = "".join(
        f'<span class="key"><svg width="26" height="8" aria-hidden="true">'
        f'<line class="{each.kind}" x1="0" x2="26" y1="4" y2="4"/></svg>{text(each.name)}</span>'
        for each in lines
    )
    return Markup(f'<span class="legend">{keys}</span>')


def _path(line: Line, scale: Scale, first: float, span: float) -> Markup:
    rows = kept_rows(line.values)
    across = np.rint((ordinals(line.days)[rows] - first) / span * WIDTH)
    # What lies outside the scale is drawn at its edge, not outside the figure.
    shares = np.clip(scale.share(line.values[rows]), 0.0, 1.0)
    down = np.rint((1.0 - shares) * HEIGHT)
    stretches = _stretches(np.isfinite(down))
    outline = "".join(_steps(across[a:b], down[a:b]) for a, b in stretches)
    if not outline:
        return EMPTY
    drawn = f'<path class="{line.kind}" d="{outline}"/>'
    if not line.filled:
        return Markup(drawn)
    base = round((1.0 - float(np.clip(scale.share(np.zeros(1)), 0.0, 1.0)[0])) * HEIGHT)
    areas = "".join(_area(across[a:b], down[a:b], base) for a, b in stretches)
    return Markup(f'<path class="area {line.kind}" d="{areas}"/>{drawn}')


def _stretches(whole: np.typing.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end (exclusive) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], whole, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _steps(across: Floats, down: Floats) -> str:
    """`M x y l dx dy …`: differences are shorter than places."""
    moves = zip(np.diff(across).astype(np.int64), np.diff(down).astype(np.int64), strict=True)
    rest = " ".join(f"{dx} {dy}" for dx, dy in moves)
    # A single day is a dot: a line of no length is drawn by its round cap.
    return f"M{int(across[0])} {int(down[0])}l{rest or '0 0'}"


def _area(across: Floats, down: Floats, base: int) -> str:
    return f"{_steps(across, down)}V{base}H{int(across[0])}z"

"""What page, text and machine block share of a run: its growth, falls, years and exposure, derived once."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from prudent.analytics.drawdowns import underwater
from prudent.analytics.returns import SESSIONS_A_YEAR, DailyReturns, daily_returns, growth, monthly_returns
from prudent.analytics.rolling import rolling_sharpe, rolling_volatility
from prudent.domain.performance import Benchmark, Days, Floats, Ints, Metrics, RunBook
from prudent.tearsheet.extras import Extras

WINDOW = SESSIONS_A_YEAR


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class YearRow:
    """One calendar year of a run, as fractions; `months[m]` is the return of month m + 1, NaN where it has none.

    `deepest` is the lowest that the run stood below its highest value so far, `gross` the mean gross exposure.
    """

    year: int
    months: Floats
    total: float
    benchmark: float | None
    deepest: float
    gross: float | None
    value: float
    flow: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """A run with what follows from it; row = session, as in `book.nav`.

    `growth` is what one unit of money became, flows removed; `fall` its distance from the highest so far, 0 or below.
    Rolling figures are of the last `WINDOW` returns, NaN before. `gross` and `net` are shares of the value of the
    account, NaN where that is not above 0.
    """

    book: RunBook
    figures: Metrics
    extras: Extras
    returns: Floats
    growth: Floats
    fall: Floats
    rolling_sharpe: Floats
    rolling_volatility: Floats
    gross: Floats
    net: Floats
    years: tuple[YearRow, ...]

    @property
    def days(self) -> Days:
        return self.book.nav.days

    @property
    def trials(self) -> int:
        """How often somebody looked at this window, as what is said of luck counts it."""
        found = self.extras.significance
        return found.trials if found is not None and found.trials else self.book.provenance.trials

    @property
    def mode(self) -> str:
        return self.book.mode.value.upper().replace("_", " ")


def sheet_of(book: RunBook, figures: Metrics, extras: Extras) -> Sheet:
    nav = book.nav
    found = daily_returns(nav)
    level = growth(found.value)
    fall = underwater(found.value)
    gross, net = _share(nav.gross, found.worth), _share(nav.net, found.worth)
    sheet = Sheet(
        book=book, figures=figures, extras=extras, returns=found.value, growth=level, fall=fall,
        rolling_sharpe=_rolling(found, rolling_sharpe), rolling_volatility=_rolling(found, rolling_volatility),
        gross=gross, net=net, years=(),
    )  # fmt: skip
    return sheet if not len(nav.days) else _with_years(sheet, found.worth)


def _rolling(found: DailyReturns, figure: Callable[[Floats, int], Floats]) -> Floats:
    """The figure of sessions that have a return, as `measure` counts them."""
    rows = np.full(len(found.value), np.nan)
    rows[found.known] = figure(found.value[found.known], WINDOW)
    return rows


def _share(amount: Floats, of: Floats) -> Floats:
    shares = np.full(len(of), np.nan)
    np.divide(amount, of, out=shares, where=of > 0.0)
    return shares


def _with_years(sheet: Sheet, worth: Floats) -> Sheet:
    by_month = monthly_returns(sheet.days, sheet.returns)
    starts = _year_starts(sheet.days)
    ends = np.append(starts[1:], len(sheet.days))
    theirs = _benchmark_years(sheet.book.benchmark)
    rows = tuple(
        YearRow(
            year=year, months=by_month.table[row], total=float(by_month.total[row]), benchmark=theirs.get(year),
            deepest=float(sheet.fall[a:b].min()), gross=_mean(sheet.gross[a:b]), value=float(worth[b - 1]),
            flow=float(sheet.book.nav.flow[a:b].sum()),
        )
        for row, (year, a, b) in enumerate(zip(by_month.years, starts, ends, strict=True))
    )  # fmt: skip
    return replace(sheet, years=rows)


def _year_starts(days: Days) -> Ints:
    years = days.astype("datetime64[Y]").astype(np.int64)
    return np.flatnonzero(np.concatenate(([True], years[1:] != years[:-1]))).astype(np.int64)


def _benchmark_years(benchmark: Benchmark | None) -> dict[int, float]:
    if benchmark is None or not len(benchmark.days):
        return {}
    before = np.concatenate(([benchmark.opening], benchmark.level[:-1]))
    found = monthly_returns(benchmark.days, _share(benchmark.level, before) - 1.0)
    return {year: float(total) for year, total in zip(found.years, found.total, strict=True)}


def _mean(values: Floats) -> float | None:
    whole = values[np.isfinite(values)]
    return float(whole.mean()) if len(whole) else None

"""An account beside a benchmark on the dates that both have: alpha, beta, tracking error, information ratio."""

from dataclasses import dataclass

import numpy as np

from prudent.analytics.drawdowns import max_drawdown
from prudent.analytics.ratios import MIN_RETURNS, SESSIONS_A_YEAR, per_period, spread_of
from prudent.analytics.returns import DailyReturns, cagr, growth, time_weighted
from prudent.domain.performance import AgainstBenchmark, Benchmark, Days, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joined:
    """Returns from one common date to the next, row = common date."""

    days: Days
    account: Floats
    benchmark: Floats


def joined(returns: DailyReturns, benchmark: Benchmark) -> Joined:
    """Returns of both over the same spans, by inner join of dates.

    A date that one of them lacks lengthens the span of both, so no return of one is set against two of the other. The
    first span begins at the last close before the later of the two starts: before the open of both, where they agree.
    """
    usable = np.isfinite(benchmark.level) & (benchmark.level > 0.0)
    days: Days = benchmark.days[usable].astype("datetime64[D]")
    mine, theirs = growth(returns.value), benchmark.level[usable]
    common, at, there = np.intersect1d(returns.days, days, return_indices=True)
    if not len(common):
        return Joined(days=common, account=np.empty(0), benchmark=np.empty(0))
    # A first level that is missing still stands after `opening`.
    start = max(returns.days[0], benchmark.days[0].astype("datetime64[D]"))
    return Joined(
        days=common,
        account=changes(level_before(mine, returns.days, start, 1.0), mine[at]),
        benchmark=changes(level_before(theirs, days, start, benchmark.opening), theirs[there]),
    )


def level_before(levels: Floats, days: Days, start: np.datetime64, opening: float) -> float:
    """The last level before `start`, the opening where there is none."""
    k = int(np.searchsorted(days, start))
    return float(levels[k - 1]) if k else opening


def changes(first: float, levels: Floats) -> Floats:
    """The return to each level from the one before, NaN where that one is not above 0."""
    before = np.concatenate(([first], levels[:-1]))
    out = np.full(len(levels), np.nan)
    np.divide(levels, before, out=out, where=before > 0.0)
    moves: Floats = out - 1.0
    return moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Ordinary least squares of an account's excess returns on a benchmark's; `alpha` is of one period."""

    alpha: float
    beta: float
    correlation: float | None


def regression(account: Floats, benchmark: Floats, *, risk_free: float = 0.0) -> Line | None:
    """account - rf = alpha + beta x (benchmark - rf) + noise, `risk_free` of one period; None where nothing moves."""
    if spread_of(benchmark) == 0.0:
        return None
    one, other = account - account.mean(), benchmark - benchmark.mean()
    beta = float(np.dot(one, other) / np.dot(other, other))
    alpha = float(account.mean() - risk_free - beta * (benchmark.mean() - risk_free))
    alike = None if spread_of(account) == 0.0 else beta * spread_of(benchmark) / spread_of(account)
    return Line(alpha=alpha, beta=beta, correlation=alike)


def against_benchmark(
    returns: DailyReturns,
    benchmark: Benchmark,
    *,
    risk_free: float = 0.0,
    periods: int = SESSIONS_A_YEAR,
    least: int = MIN_RETURNS,
) -> AgainstBenchmark | None:
    """The benchmark's own figures on the common dates and the account's beside it; None without a common date.

    `alpha` is the intercept x periods; `tracking_error` the sample deviation of the difference x sqrt(periods);
    `information_ratio` the mean difference x periods over it (Grinold and Kahn).
    """
    both = joined(returns, benchmark)
    usable = np.isfinite(both.account) & np.isfinite(both.benchmark)
    mine, theirs = both.account[usable], both.benchmark[usable]
    total = time_weighted(theirs)
    if total is None:
        return None
    enough = len(theirs) >= max(least, 2)
    line = regression(mine, theirs, risk_free=per_period(risk_free, periods)) if enough else None
    apart = mine - theirs
    error = spread_of(apart, beside=theirs) * float(periods**0.5)
    return AgainstBenchmark(
        name=benchmark.name, total_return=total, cagr=cagr(total, len(theirs), periods),
        max_drawdown=max_drawdown(theirs),
        alpha=None if line is None else line.alpha * periods,
        beta=None if line is None else line.beta,
        correlation=None if line is None else line.correlation,
        tracking_error=error if enough else None,
        information_ratio=float(apart.mean()) * periods / error if enough and error > 0.0 else None,
    )  # fmt: skip

"""Every figure of one run from its columns, and for each that is not defined the reason."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from prudent.analytics import ratios
from prudent.analytics.against import against_benchmark
from prudent.analytics.drawdowns import drawdowns, intraday_drawdown, max_drawdown
from prudent.analytics.exposure import exposure, turnover
from prudent.analytics.ratios import MIN_RETURNS
from prudent.analytics.returns import (
    CARRIED_SESSIONS_MAX,
    SESSIONS_A_YEAR,
    DailyReturns,
    cagr,
    daily_returns,
    money_weighted,
    time_weighted,
)
from prudent.analytics.trades import Split, closed_trades, open_trades, trade_stats
from prudent.domain.performance import AgainstBenchmark, Benchmark, FillTable, Floats, Metrics, NavSeries, TradeStats


def measure(
    book_nav: NavSeries,
    fills: FillTable,
    *,
    benchmark: Benchmark | None = None,
    risk_free: float = 0.0,
    periods: int = SESSIONS_A_YEAR,
    splits: Sequence[Split] = (),
) -> Metrics:
    """The figures of one run; `risk_free` a year, `periods` how many sessions make a year (365 where none closes).

    Sessions before the first money came are not counted. `splits` of the symbols as `fills` counts them.
    """
    returns = daily_returns(book_nav)
    earned = returns.value[returns.known]
    total = time_weighted(earned)
    yearly = None if total is None else cagr(total, len(earned), periods)
    weighted = money_weighted(book_nav, returns)
    deepest = max_drawdown(earned)
    shape = ratios.shape(earned)
    at_work = exposure(book_nav, returns)
    end = float(returns.worth[-1]) if len(returns.worth) else book_nav.opening
    found = Metrics(
        sessions=len(earned), years=len(earned) / periods,
        profit=end - book_nav.opening - float(book_nav.flow.sum()), fees=float(fills.fees.sum()),
        total_return=total, cagr=yearly,
        money_weighted=weighted.rate if len(earned) >= periods else None,
        volatility=ratios.volatility(earned, periods=periods),
        sharpe=ratios.sharpe(earned, risk_free=risk_free, periods=periods),
        sharpe_autocorrelation=ratios.sharpe_autocorrelation(earned, risk_free=risk_free, periods=periods),
        sortino=ratios.sortino(earned, risk_free=risk_free, periods=periods),
        max_drawdown=deepest, max_drawdown_intraday=intraday_drawdown(earned, lows(book_nav, returns)),
        drawdowns=drawdowns(returns.days[returns.known], earned),
        calmar=yearly / -deepest if yearly is not None and deepest < 0.0 else None,
        best_day=float(earned.max()) if len(earned) else None,
        worst_day=float(earned.min()) if len(earned) else None,
        win_days=ratios.win_days(earned), skew=shape.skew, kurtosis=shape.kurtosis,
        value_at_risk=ratios.value_at_risk(earned), expected_shortfall=ratios.expected_shortfall(earned),
        gross_exposure=at_work.gross, net_exposure=at_work.net, invested=at_work.invested,
        turnover=turnover(returns, fills, periods=periods),
        trades=stats_of(fills, splits),
        benchmark=None
        if benchmark is None
        else against_benchmark(returns, benchmark, risk_free=risk_free, periods=periods),
    )  # fmt: skip
    reasons = dict(missing(found, periods=periods))
    reasons.update(warnings(returns, len(weighted.roots)))
    if benchmark is not None:
        reasons.update(beside(found.benchmark, benchmark))
    return replace(found, notes=reasons)


def lows(nav: NavSeries, returns: DailyReturns) -> Floats:
    """The return from each session's base to its least value, of the sessions that have a return."""
    known = returns.known
    low: Floats = nav.low[known] / returns.base[known] - 1.0
    return low


def stats_of(fills: FillTable, splits: Sequence[Split]) -> TradeStats:
    trades = closed_trades(fills, splits)
    return trade_stats(trades.pnl, trades.holding_days, still_open=len(open_trades(fills, splits)))


A_YEAR = ("cagr", "money_weighted", "calmar")
ENOUGH = (
    "volatility", "sharpe", "sharpe_autocorrelation", "sortino", "skew", "kurtosis", "value_at_risk",
    "expected_shortfall", "turnover",
)  # fmt: skip
OTHERWISE = {
    "total_return": "no session with money in the account",
    "money_weighted": "no rate between -99.99 % and 1,000 % a year explains the flows",
    "sharpe": "returns do not vary",
    "sharpe_autocorrelation": "returns do not vary",
    "sortino": "no return below the risk-free rate",
    "max_drawdown_intraday": "no least value within a session is known",
    "calmar": "no drawdown",
    "best_day": "no session with money in the account",
    "worst_day": "no session with money in the account",
    "win_days": "no session gained or lost",
    "skew": "returns do not vary",
    "kurtosis": "returns do not vary",
    "gross_exposure": "no session with money and known holdings",
    "net_exposure": "no session with money and known holdings",
    "invested": "no session with money and known holdings",
}


def missing(found: Metrics, *, periods: int) -> Iterator[tuple[str, str]]:
    """Why each figure that is None is not defined, by its name."""
    for name in dict.fromkeys((*A_YEAR, *ENOUGH, *OTHERWISE)):
        if getattr(found, name) is not None:
            continue
        if name in A_YEAR and found.sessions < periods:
            yield name, f"needs a year ({periods} sessions), has {found.sessions}"
        elif name in ENOUGH and found.sessions < MIN_RETURNS:
            yield name, f"needs {MIN_RETURNS} daily returns, has {found.sessions}"
        else:
            yield name, OTHERWISE[name]
    trades = found.trades
    if not trades.closed:
        yield "trades", "no closed trades"
    elif not trades.losses:
        yield "profit_factor", "no losing trades"
        yield "payoff", "no losing trades"
    elif not trades.wins:
        yield "payoff", "no winning trades"
    if trades.closed and trades.win_rate is None:
        yield "win_rate", "every trade ended at breakeven"


def warnings(returns: DailyReturns, roots: int) -> Iterator[tuple[str, str]]:
    """What makes a figure that is there less sure."""
    if returns.unvalued is not None:
        where = f"more than {CARRIED_SESSIONS_MAX} sessions in a row from {returns.unvalued}"
        yield "valuation", f"{where} are valued at earlier prices; figures that rest on them may be far off"
    elif returns.carried.any():
        yield "valuation", f"{int(returns.carried.sum())} of {len(returns.carried)} sessions valued at earlier prices"
    if roots > 1:
        yield "money_weighted", f"{roots} rates explain the flows; the one nearest to 0 is shown"


def beside(found: AgainstBenchmark | None, benchmark: Benchmark) -> Iterator[tuple[str, str]]:
    """Why the figures beside a benchmark are not defined."""
    if found is None:
        yield "benchmark", f"{benchmark.name} has no session in common with the account"
    elif found.tracking_error is None:
        yield "benchmark", f"needs {MIN_RETURNS} sessions in common with {benchmark.name}"
    else:
        if found.beta is None:
            yield "beta", f"{benchmark.name} does not vary"
        elif found.correlation is None:
            yield "correlation", "the account does not vary"
        if found.information_ratio is None:
            yield "information_ratio", f"the account never departs from {benchmark.name}"

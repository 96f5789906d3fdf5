"""Which figures a tear sheet lists, in which order, under which names, and how each is written."""

from collections.abc import Callable
from dataclasses import dataclass

from prudent.domain.performance import AgainstBenchmark, Metrics
from prudent.tearsheet import words
from prudent.tearsheet.words import DASH, Number, Writer


@dataclass(frozen=True, slots=True)
class Figure:
    """`key` is the name under which `Metrics.notes` says why the figure is not there."""

    key: str
    label: str
    write: Writer
    of_run: Callable[[Metrics], Number]
    of_benchmark: Callable[[AgainstBenchmark], Number] | None = None


GROUPS: tuple[tuple[str, tuple[Figure, ...]], ...] = (
    ("Return", (
        Figure("total_return", "Total return", words.signed_percent, lambda m: m.total_return,
               lambda b: b.total_return),
        Figure("cagr", "Return a year (CAGR)", words.signed_percent, lambda m: m.cagr, lambda b: b.cagr),
        Figure("money_weighted", "Money-weighted a year (XIRR)", words.signed_percent, lambda m: m.money_weighted),
        Figure("profit", "Profit", words.signed_money, lambda m: m.profit),
        Figure("best_day", "Best day", words.signed_percent, lambda m: m.best_day),
        Figure("worst_day", "Worst day", words.signed_percent, lambda m: m.worst_day),
        Figure("win_days", "Days with a gain", words.percent, lambda m: m.win_days),
        Figure("years", "Years", words.ratio, lambda m: m.years),
        Figure("sessions", "Sessions", words.whole, lambda m: m.sessions),
    )),
    ("Risk", (
        Figure("max_drawdown", "Deepest fall, closes", words.signed_percent, lambda m: m.max_drawdown,
               lambda b: b.max_drawdown),
        Figure("max_drawdown_intraday", "Deepest fall, within days", words.signed_percent,
               lambda m: m.max_drawdown_intraday),
        Figure("volatility", "Volatility a year", words.percent, lambda m: m.volatility),
        Figure("sharpe", "Sharpe ratio", words.ratio, lambda m: m.sharpe),
        Figure("sharpe_autocorrelation", "Sharpe, autocorrelation taken out", words.ratio,
               lambda m: m.sharpe_autocorrelation),
        Figure("sortino", "Sortino ratio", words.ratio, lambda m: m.sortino),
        Figure("calmar", "Calmar ratio", words.ratio, lambda m: m.calmar),
        Figure("value_at_risk", "Value at risk, 5 %, one day", words.signed_percent, lambda m: m.value_at_risk),
        Figure("expected_shortfall", "Expected shortfall, 5 %", words.signed_percent, lambda m: m.expected_shortfall),
        Figure("skew", "Skew", words.ratio, lambda m: m.skew),
        Figure("kurtosis", "Kurtosis (normal: 3)", words.ratio, lambda m: m.kurtosis),
    )),
    ("Trading", (
        Figure("gross_exposure", "Mean gross exposure", words.percent, lambda m: m.gross_exposure),
        Figure("net_exposure", "Mean net exposure", words.signed_percent, lambda m: m.net_exposure),
        Figure("invested", "Time invested", words.percent, lambda m: m.invested),
        Figure("turnover", "Turnover a year, one way", words.percent, lambda m: m.turnover),
        Figure("fees", "Fees", words.money, lambda m: m.fees),
        Figure("closed", "Closed trades", words.whole, lambda m: m.trades.closed),
        Figure("win_rate", "Trades with a gain", words.percent, lambda m: m.trades.win_rate),
        Figure("profit_factor", "Profit factor", words.ratio, lambda m: m.trades.profit_factor),
        Figure("payoff", "Mean gain over mean loss", words.ratio, lambda m: m.trades.payoff),
        Figure("expectancy", "Mean result of a trade", words.signed_money, lambda m: m.trades.expectancy),
        Figure("holding_days", "Mean days held", words.tenth, lambda m: m.trades.holding_days),
    )),
)  # fmt: skip
AGAINST: tuple[tuple[str, Writer, Callable[[AgainstBenchmark], Number]], ...] = (
    ("Alpha a year", words.signed_percent, lambda b: b.alpha),
    ("Beta", words.ratio, lambda b: b.beta),
    ("Correlation", words.ratio, lambda b: b.correlation),
    ("Tracking error a year", words.percent, lambda b: b.tracking_error),
    ("Information ratio", words.ratio, lambda b: b.information_ratio),
)


def group_rows(group: tuple[Figure, ...], figures: Metrics) -> list[list[str]]:
    """Label, the run's figure and, where the run has a benchmark, the benchmark's; what neither has is left out."""
    beside = figures.benchmark if has_benchmark_column(group, figures) else None
    rows = []
    for each in group:
        mine = each.write(each.of_run(figures))
        theirs = each.write(each.of_benchmark(beside)) if beside is not None and each.of_benchmark else DASH
        if mine != DASH or theirs != DASH:
            rows.append([each.label, mine, *([theirs if each.of_benchmark else " "] if beside is not None else [])])
    return rows


def has_benchmark_column(group: tuple[Figure, ...], figures: Metrics) -> bool:
    return figures.benchmark is not None and any(each.of_benchmark for each in group)


def against_rows(figures: Metrics) -> list[list[str]]:
    """What the run is beside its benchmark."""
    if figures.benchmark is None:
        return []
    written = [[label, write(of(figures.benchmark))] for label, write, of in AGAINST]
    return [row for row in written if row[1] != DASH]


def reasons(figures: Metrics) -> list[str]:
    """What is to be known of figures, and why some are not given: `Sharpe ratio, Sortino ratio: needs 20 …`."""
    labels = {each.key: each.label for _, group in GROUPS for each in group}
    by_reason: dict[str, list[str]] = {}
    for key, why in figures.notes.items():
        by_reason.setdefault(why, []).append(labels.get(key, key.replace("_", " ").capitalize()))
    return [f"{', '.join(names)}: {why}" for why, names in by_reason.items()]

"""What stands beside a run's figures: plain alternatives on the same dates, and how sure its Sharpe ratio is."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from prudent.analytics import baselines
from prudent.analytics.deflated import deflated_sharpe, null_variance
from prudent.analytics.drawdowns import max_drawdown
from prudent.analytics.marks import Terms
from prudent.analytics.random_trader import pace_of, random_traders
from prudent.analytics.returns import cagr, daily_returns
from prudent.analytics.significance import (
    insufficient,
    minimum_record,
    probabilistic_sharpe,
    sharpe,
    standard_error,
)
from prudent.backtest.explained import explained
from prudent.backtest.history import history_source
from prudent.backtest.ruled import PLAYED_MAX, ruled
from prudent.backtest.shifted import placebo
from prudent.backtest.tape import Tape, day_array
from prudent.backtest.walk import Progress
from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.errors import DeskError, InputError
from prudent.domain.instruments import CASH
from prudent.domain.performance import Benchmark, Days, Floats, RunBook
from prudent.ledger.backtests import BacktestStatus
from prudent.marketdata.calendars import NEW_YORK
from prudent.ports import Session
from prudent.tearsheet.extras import BaselineRow, Extras, Significance

YEAR = 252
ENOUGH = 60
TWO_SIDED_95 = 1.959963984540054
# Momentum looks back a year of sessions.
HISTORY = timedelta(days=400)
RANDOM_TRADER = "random trader"
FILLS_AT = {"next_close": "next_close"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Plain alternatives on the run's dates; a note for each that there is none of, or that needs a word."""

    rows: tuple[BaselineRow, ...] = ()
    notes: tuple[str, ...] = ()


def extras_of(desk: Desk, book: RunBook) -> Extras:
    """Everything beside the figures; a part that cannot be had is left out."""
    attribution, shadow = explained(desk, book)
    beside = beside_of(desk, book)
    return Extras(
        significance=significance_of(desk, book), baselines=beside.rows, baseline_notes=beside.notes,
        attribution=attribution, shadow=shadow,
    )  # fmt: skip


def significance_of(desk: Desk, book: RunBook) -> Significance | None:
    """How sure the Sharpe ratio is, after as many looks at its window as the platform has counted."""
    returns = _returns(book)
    n = len(returns)
    if n < ENOUGH:
        return Significance(note=insufficient(n))
    ratio = sharpe(returns)
    if ratio is None:
        return Significance(note="the Sharpe ratio is not defined: the value never moved")
    error = standard_error(returns)
    annual = ratio * math.sqrt(YEAR)
    record = minimum_record(returns)
    trials = _trials(desk, book)
    variance = _variance(desk, book) or null_variance(returns)
    deflated = None if variance is None or trials < 2 else deflated_sharpe(returns, trials=trials, variance=variance)
    return Significance(
        probabilistic=probabilistic_sharpe(returns), deflated=None if deflated is None else deflated.probability,
        years_needed=None if record is None or math.isinf(record) else record / YEAR,
        sharpe_low=None if error is None else annual - TWO_SIDED_95 * error,
        sharpe_high=None if error is None else annual + TWO_SIDED_95 * error, trials=trials,
        note=f"after {trials} looks at this window" if trials > 1 else "the first look at this window",
    )  # fmt: skip


def _trials(desk: Desk, book: RunBook) -> int:
    made = book.provenance
    if book.mode is not Mode.BACKTEST:
        return 1
    return max(made.trials, desk.ledger.backtests.trials(made.data_source, made.first, made.last))


def _variance(desk: Desk, book: RunBook) -> float | None:
    """The variance of the Sharpe ratios, of a period, of all backtests that looked at the same window."""
    made = book.provenance
    found = []
    for row in desk.ledger.backtests.listed():
        overlaps = row.source == made.data_source and row.first <= made.last and row.last >= made.first
        value = row.summary.get("sharpe")
        if overlaps and row.status is BacktestStatus.COMPLETED and isinstance(value, str):
            found.append(float(value) / math.sqrt(YEAR))
    return float(np.var(found, ddof=1)) if len(found) > 1 else None


def beside_of(
    desk: Desk, book: RunBook, *, draws: int = 1000, most: int | None = PLAYED_MAX, progress: Progress | None = None
) -> Beside:  # fmt: skip
    """What needs no model, on the run's dates and costs.

    Benchmark held, equal weight, cash, 12-1 momentum, the rules, random traders, and the run itself at other times.
    `most` is how many decisions of the rules may be played for it (`ruled`); `progress` is told of them.
    """
    try:
        terms = terms_of(desk, book)
    except DeskError:
        return Beside()
    if terms is None:
        return Beside()
    rules = ruled(desk, book, most=most, progress=progress)
    own = placebo(desk, book)
    rows = [*_plain_rows(book, terms), *(() if rules.level is None else (_row(rules.level),))]
    rows += [*_random_rows(book, terms, draws), *(() if own.row is None else (own.row,))]
    return Beside(rows=tuple(rows), notes=tuple(each for each in (rules.note, own.note) if each))


def _plain_rows(book: RunBook, terms: Terms) -> Iterator[BaselineRow]:
    if book.benchmark is not None:
        yield _row(Benchmark(
            name=f"{book.benchmark.name} held", days=book.benchmark.days,
            level=book.benchmark.level / book.benchmark.opening, opening=1.0,
        ))  # fmt: skip
    plain: tuple[Callable[[Terms], Benchmark], ...] = (baselines.equal_weight, baselines.cash, baselines.momentum)
    for make in plain:
        yield _row(make(terms))


def _random_rows(book: RunBook, terms: Terms, draws: int) -> Iterator[BaselineRow]:
    if not len(book.fills):
        return
    pace = pace_of(book.nav, book.fills, terms.panel.days)
    traders = random_traders(terms, pace, seed=book.provenance.seed, draws=draws)
    total = book.nav.nav[-1] / book.nav.opening - 1.0
    typical = float(np.median(traders.total_return))
    yield BaselineRow(
        name=f"{RANDOM_TRADER}, median of {draws:,}", total_return=typical, cagr=cagr(typical, len(book.nav.days)),
        percentile=traders.percentile(float(total)),
    )  # fmt: skip


def terms_of(desk: Desk, book: RunBook) -> Terms | None:
    """The prices of the run's universe with a year before it, and on which days it decided; None without a universe."""
    days = book.nav.days
    if not len(days):
        return None
    symbols = universe_of(desk, book)
    if not symbols:
        return None
    first, last = days[0].item(), days[-1].item()
    sessions = _sessions(desk, first, last)

    tape = Tape(history_source(desk), sessions[-1])
    every: Days = day_array(session.date for session in sessions)
    panel = tape.panel(symbols, every)
    begins = int(np.searchsorted(every, days[0]))
    days_decided = [np.datetime64(each.at.astimezone(NEW_YORK).date()) for each in book.decisions]
    decided = np.unique(np.searchsorted(every, days_decided))
    inside = decided[(decided >= begins) & (decided < len(every))].astype(np.int64)
    return Terms(
        panel=panel, columns=np.arange(len(panel.symbols), dtype=np.int64), first=begins, decided=inside,
        fill=FILLS_AT.get(book.provenance.fill, "next_open"), cost_bps=float(book.mandate.slippage_bps),
    )  # fmt: skip


def _sessions(desk: Desk, first: date, last: date) -> Sequence[Session]:
    """The sessions of the run and of a year before it, where the calendar knows that year."""
    try:
        return desk.calendar.sessions(first - HISTORY, last)
    except InputError:
        return desk.calendar.sessions(first, last)


def universe_of(desk: Desk, book: RunBook) -> tuple[str, ...]:
    """What the run could hold: what its strategy names, and what it traded."""
    try:
        named = desk.world(book.mandate, Mode.DRY_RUN).symbols(book.mandate)
    except (InputError, DeskError):
        named = ()
    benchmark = "" if book.benchmark is None else book.benchmark.name
    found = {*named, *book.mandate.universe, *book.fills.symbols} - {CASH}
    return tuple(sorted(found if found == {benchmark} else found - {benchmark}))


def _row(level: Benchmark) -> BaselineRow:
    values: Floats = np.concatenate(([level.opening], level.level)) / level.opening
    returns: Floats = np.diff(values) / values[:-1]
    ratio = sharpe(returns)
    total = float(values[-1] - 1.0)
    return BaselineRow(
        name=level.name, total_return=total, cagr=cagr(total, len(returns)),
        sharpe=None if ratio is None else ratio * math.sqrt(YEAR), max_drawdown=max_drawdown(returns), days=level.days,
        level=level.level / level.opening,
    )  # fmt: skip


def _returns(book: RunBook) -> Floats:
    values = daily_returns(book.nav).value
    return values[~np.isnan(values)]

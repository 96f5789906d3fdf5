"""A backtest of fixed or scheduled target weights as columns: the decisions of `run_cycle`, many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from prudent.backtest.book import TARGET
from prudent.backtest.compiled import CompiledKernels, Swaps
from prudent.backtest.day_batch import (
    OrderLog,
    Terms,
    Work,
    empty_log,
    empty_work,
    judge_rows,
    judge_whole,
    stand_day,
    trade_rows,
)
from prudent.backtest.next_price import (
    CLOSE_FIELD,
    MADE_ANEW,
    OPEN_FIELD,
    NextSpan,
    look,
    plan_at,
    run_next,
    trade_plan,
)
from prudent.backtest.quick_bounds import bound_by_number, compilable_bound_by_number
from prudent.backtest.request import FillAt
from prudent.domain.accounts import Mode
from prudent.domain.errors import InputError
from prudent.domain.instruments import UNKNOWN_SECTOR
from prudent.domain.mandate import Allocator, Exits, Mandate, Planning, StrategyLimits, Unlisted
from prudent.domain.orders import OrderType
from prudent.domain.performance import FillTable, Floats, GuardCount, Ints, NavSeries, Panel
from prudent.domain.proposals import ExitCause
from prudent.domain.rules import UserRule
from prudent.exchange.fees import model_code
from prudent.exchange.matching import Costs
from prudent.guards import columns as fact
from prudent.guards import feeds, report
from prudent.guards.catalogue import REFUSED_SHARE_MAX, GuardRow, guard_rows
from prudent.guards.columns import GuardColumns
from prudent.guards.evaluate import compilable_judge_by_kind, judge_by_kind, judge_funding, judge_layers
from prudent.marketdata.standing import SPREAD_TIERS
from prudent.pipeline.plan.sizing import FLOOR, REMAINDER

FEEDS = feeds.ALL_FEEDS - {feeds.SECOND_SOURCE, feeds.RSI}
CYCLES_JUDGED = 5
CENT, SMALL_STEP, NOISE = 0.01, 0.0001, 1e-7
# Below it the steps of bid and ask are finer; and what a quote says has so many decimals.
PRICE_LEAST, DECIMALS = 0.05, 4
# Between these prices bid and ask, three cents apart at most, can be more than a hundredth apart: the planner then
# writes limit orders.
WIDE_FROM, WIDE_TO = 1.0, 3.1


class NeedsCycles(InputError):
    """What was asked for cannot be done in columns; cycle by cycle it can."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnPlan:
    """What is asked for: at the close of session `days[r]` (rows of the panel) towards the weights `weights[r, i]`.

    `dollars[t, i]` is the mean dollar volume of the twenty sessions before session t; `sectors` names each symbol's,
    `kinds` are codes of what they are (stocks, where none are given). `before_close` are the prices whose spread stands
    at the close (the opens), `raw` the closes as quoted on their day and `factor` the quoted price of one unit of
    `close` (1).
    """

    panel: Panel
    days: Ints
    weights: Floats
    dollars: Floats
    sectors: tuple[str, ...]
    kinds: Floats | None = None
    before_close: Floats | None = None
    raw: Floats | None = None
    factor: Floats | None = None
    fill: FillAt = FillAt.NEXT_OPEN
    cash: Decimal = Decimal(10_000)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnResult:
    """Values, fills and the whole log, in which batch r ends before `ends[r]`.

    `guards` counts an order that was refused or shrunk once, for the guard that decided; a ledger counts every guard
    that would have. `traded_on[r]` is the session, -1 where batch r had nothing to trade or the window was over.
    """

    nav: NavSeries
    fills: FillTable
    guards: tuple[GuardCount, ...]
    log: OrderLog
    ends: Ints
    traded_on: Ints
    became: Ints
    orders: Ints


def why_not_columns(mandate: Mandate, rules: Sequence[UserRule] = ()) -> str:
    """Why an account must be tested cycle by cycle; empty where columns give the same to the cent."""
    planning = mandate.planning
    plain = Planning(
        buffer=planning.buffer, allocator=planning.allocator, min_trade_fraction=planning.min_trade_fraction,
        min_trade_notional=planning.min_trade_notional, order_types=planning.order_types,
    )  # fmt: skip
    reasons = {
        f"its strategy is {mandate.strategy}, not target_weights": mandate.strategy != "target_weights",
        "it has user rules": bool(rules) or bool(mandate.custom_rules),
        "it has forced exits": mandate.exits != Exits(reentry_days=mandate.exits.reentry_days),
        "its strategy has limits of its own": mandate.strategy_limits != StrategyLimits(),
        "its allocator searches for the exact allocation": planning.allocator is Allocator.MIP,
        "holdings that are not listed are not sold": planning.unlisted is not Unlisted.SELL,
        "it may trade limit orders only": OrderType.MARKET not in planning.order_types,
        "its planning has bands, shorts, slices, lots, or symbols that do not trade": planning != plain,
    }  # fmt: skip
    return next((reason for reason, holds in reasons.items() if holds), "")


def simulate_columns(mandate: Mandate, plan: ColumnPlan, kernels: CompiledKernels | None = None) -> ColumnResult:
    """Run it: without `kernels` as the functions stand, which is the same and slow.

    Raises:
        NeedsCycles: a price is missing, an order filled in part, or losses reached a limit that stops an account.
    """
    why = why_not_columns(mandate) or _why_not_prices(plan)
    if why:
        raise NeedsCycles(f"the account must be plain for a backtest in columns, but {why}; run it cycle by cycle")
    rows = judging_guards(mandate)
    work = _work(mandate, plan, rows)
    span, log = _span(plan), empty_log(2 * len(plan.days) * len(plan.sectors))
    if kernels is None:
        stand_day(work)
        used = run_next(work, span, log)
    else:
        kernels[stand_day](work)
        used = kernels[run_next](work, span, log)
    kept = first_rows(log, used)
    _check_losses(mandate, span)
    _check_refusals(span, kept)
    if ((kept.filled > 0) & (kept.filled < kept.approved)).any():
        raise NeedsCycles("an order filled in part, which columns do not follow up; run it cycle by cycle")
    return ColumnResult(
        nav=_nav(plan, span), fills=_fills(plan, span, kept), guards=_counts(rows, kept), log=kept, ends=span.end,
        traded_on=span.traded_on, became=span.became, orders=span.orders,
    )  # fmt: skip


def compiled_columns(cache: Path | None = None) -> CompiledKernels:
    """The kernels of this path with everything they call."""
    swaps: Swaps = {judge_by_kind: compilable_judge_by_kind(), bound_by_number: compilable_bound_by_number()}
    # Entries are called, all else is put into its callers: whole plans and judgements in each of their places would
    # make one function that no compiler ends.
    steps = (look, plan_at, trade_plan, judge_rows, judge_whole, trade_rows)
    return CompiledKernels(
        run_next, stand_day, judge_layers, judge_funding, judge_by_kind, *steps, swaps=swaps, cache=cache
    )


def first_rows(log: OrderLog, count: int) -> OrderLog:
    """What was written of a log."""
    return OrderLog(
        log.instrument[:count], log.planned[:count], log.approved[:count], log.filled[:count], log.price[:count],
        log.commission[:count], log.cash[:count], log.guard[:count],
    )  # fmt: skip


def _why_not_prices(plan: ColumnPlan) -> str:
    panel = plan.panel
    there = (panel.open > 0.0).all() and (panel.close > 0.0).all() and (plan.dollars[1:] > 0.0).all()
    if not there:
        return "a symbol has no price or volume on some session"
    both = (panel.open, panel.close)
    if any((each < PRICE_LEAST).any() or not np.array_equal(np.round(each, DECIMALS), each) for each in both):
        return f"a price is below {PRICE_LEAST} or has more than {DECIMALS} decimals"
    if any(((each >= WIDE_FROM) & (each < WIDE_TO)).any() for each in both):
        return f"a price is between {WIDE_FROM} and {WIDE_TO}, where a spread of cents calls for limit orders"
    if panel.dividend.any() or (panel.split != 1.0).any():
        return "its prices have dividends or splits beside them"
    if not (plan.weights >= 0.0).all():
        return "a weight is below 0"
    return ""


def judging_guards(mandate: Mandate) -> tuple[GuardRow, ...]:
    """The guards that a log numbers: those of the account, less those that have nothing to judge by."""
    return tuple(row for row in guard_rows(mandate, mode=Mode.BACKTEST) if row.told and not row.feeds - FEEDS)


def _work(mandate: Mandate, plan: ColumnPlan, rows: Sequence[GuardRow]) -> Work:
    planning = mandate.planning
    table = report.guard_columns(SimpleNamespace(symbols=(), kinds=()), rows, FEEDS)  # type: ignore[arg-type]
    whole = ("bounds", "kind", "scope", "applies", "funding")
    guards = GuardColumns(*(
        np.array(column, np.int64 if name in whole else np.float64) for name, column in table._asdict().items()
    ))  # fmt: skip
    terms = Terms(
        costs=Costs(model_code(mandate.costs), float(mandate.slippage_bps)),
        allocator=FLOOR if planning.allocator is Allocator.FLOOR else REMAINDER, buffer=float(planning.buffer),
        share=float(planning.min_trade_fraction), minimum=float(planning.min_trade_notional),
    )  # fmt: skip
    names = sorted(set(plan.sectors))
    numbers = np.array([names.index(each) for each in plan.sectors], np.float64)
    work = empty_work(terms, guards, numbers, len(names), float(plan.cash))
    work.account[fact.HAS_SPREAD - fact.ACCOUNT_START] = 1.0
    known = [float(each != UNKNOWN_SECTOR) for each in plan.sectors]
    work.market[fact.SECTOR_KNOWN - fact.MARKET_START :: fact.MARKET_WIDTH] = known
    if plan.kinds is not None:
        work.market[fact.KIND - fact.MARKET_START :: fact.MARKET_WIDTH] = plan.kinds
    return work


def _span(plan: ColumnPlan) -> NextSpan:
    panel, (sessions, symbols), batches = plan.panel, plan.panel.close.shape, len(plan.days)
    prices = np.stack([panel.open, panel.close])
    late = panel.open if plan.before_close is None else plan.before_close
    bid, ask = _spread(prices, late, plan.dollars)
    level = prices
    if plan.factor is not None:
        seen = [np.round(each * plan.factor, DECIMALS) for each in (panel.open, late)]
        level = np.stack([seen[0], np.round(panel.close * (seen[1] / late), DECIMALS)])
    return NextSpan(
        prices=prices, bid=bid, ask=ask, level=level, raw=panel.close if plan.raw is None else plan.raw,
        dollars=plan.dollars, weight=plan.weights, day=plan.days,
        fill=OPEN_FIELD if plan.fill is FillAt.NEXT_OPEN else CLOSE_FIELD, value=np.zeros((2, sessions)),
        cash=np.zeros(sessions), held=np.zeros((sessions, symbols)), orders=np.zeros(batches, np.int64),
        traded_on=np.full(batches, -1), became=np.zeros(batches, np.int64), end=np.zeros(batches, np.int64),
    )  # fmt: skip


def _spread(prices: Floats, late: Floats, dollars: Floats) -> tuple[Floats, Floats]:
    """The bid and ask of `marketdata.standing.spread_around` at the opens, and of `MomentPrices` at the closes.

    At a close the half-spread is the one around the price just before it.
    """
    part = np.select([dollars >= least for least, _ in SPREAD_TIERS], [float(each) for _, each in SPREAD_TIERS])
    opens, closes = prices[OPEN_FIELD], prices[CLOSE_FIELD]
    first, before = (_around(each, np.maximum(each * part, _step(each) / 2)) for each in (opens, late))
    last = _around(closes, (before[1] - before[0]) / 2)
    return np.stack([first[0], last[0]]), np.stack([first[1], last[1]])


def _step(prices: Floats) -> Floats:
    return np.where(prices >= 1.0, CENT, SMALL_STEP)


def _around(prices: Floats, half: Floats) -> tuple[Floats, Floats]:
    """Outwards to the step; a price that is on it in decimals stays there."""
    step = _step(prices)
    bid = np.round(np.floor((prices - half) / step + NOISE) * step, 4)
    return np.maximum(bid, step), np.round(np.ceil((prices + half) / step - NOISE) * step, 4)


def _check_losses(mandate: Mandate, span: NextSpan) -> None:
    values = span.value.T.ravel()
    fall = 1.0 - values / np.maximum.accumulate(values)
    if fall.max() >= float(mandate.limits.drawdown_cut):
        raise NeedsCycles(
            f"the account fell by {fall.max():.1%}, which stops it at {mandate.limits.drawdown_cut:%}; what happens "
            "then needs cycles: run it cycle by cycle"
        )


def _check_refusals(span: NextSpan, log: OrderLog) -> None:
    """Refuse where so many orders of five decisions in a row were refused that the account would have been stopped."""
    batch = batch_of(span.end, len(log.filled))
    planned = np.bincount(batch, minlength=len(span.end)).astype(np.float64)
    refused = np.bincount(batch, weights=log.approved == 0.0, minlength=len(span.end))
    for some in (np.arange(len(planned)), np.flatnonzero(planned)):
        if len(some) < CYCLES_JUDGED:
            continue
        window = np.ones(CYCLES_JUDGED)
        counted, missed = (np.convolve(each[some], window, "valid") for each in (planned, refused))
        if (missed > REFUSED_SHARE_MAX * counted).any():
            raise NeedsCycles(
                f"more than {REFUSED_SHARE_MAX:.0%} of the orders of {CYCLES_JUDGED} decisions in a row were refused, "
                "which stops an account; what happens then needs cycles: run it cycle by cycle"
            )


def _nav(plan: ColumnPlan, span: NextSpan) -> NavSeries:
    nav = span.value[CLOSE_FIELD]
    gross, low = np.zeros(len(nav)), np.zeros(len(nav))
    # Symbol after symbol, as rows are added up: the very same bits.
    for i in range(span.held.shape[1]):
        gross += span.held[:, i] * plan.panel.close[:, i]
        low += span.held[:, i] * plan.panel.low[:, i]
    return NavSeries(
        opening=float(plan.cash), days=plan.panel.days, nav=nav, flow=np.zeros(len(nav)), cash=span.cash, gross=gross,
        net=gross.copy(), low=np.minimum(span.cash + low, nav), stale=np.zeros(len(nav), np.bool_),
    )  # fmt: skip


def _fills(plan: ColumnPlan, span: NextSpan, log: OrderLog) -> FillTable:
    batch = batch_of(span.end, len(log.filled))
    traded = log.filled > 0.0
    column, session = log.instrument[traded], span.traded_on[batch[traded]]
    anew = span.became[batch[traded]] == MADE_ANEW
    at_open = anew & (plan.fill is FillAt.NEXT_OPEN)
    # A plan is made at a close, and made anew at the price it could not trade at.
    made_on = np.where(at_open, session, np.where(anew, session - 1, plan.days[batch[traded]]))
    arrival = np.where(at_open, plan.panel.open[made_on, column], plan.panel.close[made_on, column])
    named, symbol = np.unique(column, return_inverse=True)
    return FillTable(
        symbols=tuple(plan.panel.symbols[i] for i in named), causes=(TARGET, *(str(each) for each in ExitCause)),
        day=plan.panel.days[session], symbol=symbol.astype(np.int64),
        quantity=np.sign(log.planned[traded]) * log.filled[traded], price=log.price[traded],
        fees=log.commission[traded], arrival=arrival, cause=np.zeros(int(traded.sum()), np.int64),
    )  # fmt: skip


def batch_of(ends: Ints, rows: int) -> Ints:
    """The batch of each row of a log."""
    return np.searchsorted(ends, np.arange(rows), side="right")


def _counts(rows: Sequence[GuardRow], log: OrderLog) -> tuple[GuardCount, ...]:
    found = []
    for g, row in enumerate(rows):
        mine = log.guard == g
        refused = int((mine & (log.approved == 0.0)).sum())
        shrunk = int(mine.sum()) - refused
        if refused or shrunk:
            label = row.label
            found.append(
                GuardCount(guard=label.id, name=label.name, layer=str(label.layer), refusals=refused, shrinks=shrunk)
            )
    return tuple(found)

"""A backtest of fixed or scheduled target weights as columns: the decisions of `run_cycle`, many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from prudent.backtest.compiled import CompiledKernels, Swaps
from prudent.backtest.day_batch import (
    OrderLog,
    Terms,
    Work,
    empty_log,
    empty_work,
    stand_day,
)
from prudent.backtest.next_price import CLOSE_FIELD, OPEN_FIELD, NextSpan, run_next
from prudent.backtest.quick_bounds import bound_by_number, compilable_bound_by_number
from prudent.backtest.request import FillAt
from prudent.domain.accounts import Mode
from prudent.domain.errors import InputError
from prudent.domain.mandate import Allocator, Exits, Mandate, Planning, StrategyLimits, Unlisted
from prudent.domain.orders import OrderType
from prudent.domain.performance import FillTable, Floats, GuardCount, Ints, NavSeries, Panel
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnPlan:
    """What is asked for: at the close of session `days[r]` (rows of the panel) towards the weights `weights[r, i]`.

    `dollars[t, i]` is the mean dollar volume of the twenty sessions before session t; `sectors` names each symbol's.
    """

    panel: Panel
    days: Ints
    weights: Floats
    dollars: Floats
    sectors: tuple[str, ...]
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
        InputError: the account or the window needs cycles: a price is missing, an order filled in part, or losses
            reached a limit that stops an account.
    """
    why = why_not_columns(mandate) or _why_not_prices(plan)
    if why:
        raise InputError(f"the account must be plain for a backtest in columns, but {why}; run it cycle by cycle")
    rows = _guards(mandate)
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
        raise InputError("an order filled in part, which columns do not follow up; run it cycle by cycle")
    return ColumnResult(
        nav=_nav(plan, span), fills=_fills(plan, span, kept), guards=_counts(rows, kept), log=kept, ends=span.end,
        traded_on=span.traded_on,
    )  # fmt: skip


def compiled_columns(cache: Path | None = None) -> CompiledKernels:
    """The kernels of this path with everything they call."""
    swaps: Swaps = {judge_by_kind: compilable_judge_by_kind(), bound_by_number: compilable_bound_by_number()}
    return CompiledKernels(run_next, stand_day, judge_layers, judge_funding, judge_by_kind, swaps=swaps, cache=cache)


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
    if panel.dividend.any() or (panel.split != 1.0).any():
        return "its prices have dividends or splits beside them"
    if not (plan.weights >= 0.0).all():
        return "a weight is below 0"
    return ""


def _guards(mandate: Mandate) -> tuple[GuardRow, ...]:
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
    return work


def _span(plan: ColumnPlan) -> NextSpan:
    panel, (sessions, symbols) = plan.panel, plan.panel.close.shape
    prices = np.stack([panel.open, panel.close])
    bid, ask = _spread(prices, plan.dollars)
    return NextSpan(
        prices=prices, bid=bid, ask=ask, dollars=plan.dollars, weight=plan.weights, day=plan.days,
        fill=OPEN_FIELD if plan.fill is FillAt.NEXT_OPEN else CLOSE_FIELD, value=np.zeros((2, sessions)),
        cash=np.zeros(sessions), held=np.zeros((sessions, symbols)),
        traded_on=np.full(len(plan.days), -1), end=np.zeros(len(plan.days), np.int64),
    )  # fmt: skip


def _spread(prices: Floats, dollars: Floats) -> tuple[Floats, Floats]:
    """The bid and ask of `marketdata.standing.spread_around` at the opens, and of `MomentPrices` at the closes.

    Prices are from a cent upwards; at a close the half-spread is the one around the open.
    """
    part = np.select([dollars >= least for least, _ in SPREAD_TIERS], [float(each) for _, each in SPREAD_TIERS])
    opens, closes = prices[OPEN_FIELD], prices[CLOSE_FIELD]
    first = _around(opens, np.maximum(opens * part, _step(opens) / 2))
    last = _around(closes, (first[1] - first[0]) / 2)
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
        raise InputError(
            f"the account fell by {fall.max():.1%}, which stops it at {mandate.limits.drawdown_cut:%}; what happens "
            "then needs cycles: run it cycle by cycle"
        )


def _check_refusals(span: NextSpan, log: OrderLog) -> None:
    """Refuse where so many orders of five decisions in a row were refused that the account would have been stopped."""
    batch = np.searchsorted(span.end, np.arange(len(log.filled)), side="right")
    planned = np.bincount(batch, minlength=len(span.end)).astype(np.float64)
    refused = np.bincount(batch, weights=log.approved == 0.0, minlength=len(span.end))
    for some in (np.arange(len(planned)), np.flatnonzero(planned)):
        window = np.ones(CYCLES_JUDGED)
        counted, missed = (np.convolve(each[some], window, "valid") for each in (planned, refused))
        if len(some) >= CYCLES_JUDGED and (missed > REFUSED_SHARE_MAX * counted).any():
            raise InputError(
                f"more than {REFUSED_SHARE_MAX:.0%} of the orders of {CYCLES_JUDGED} decisions in a row were refused, "
                "which stops an account; what happens then needs cycles: run it cycle by cycle"
            )


def _nav(plan: ColumnPlan, span: NextSpan) -> NavSeries:
    held, close = span.held, plan.panel.close
    net = (held * close).sum(axis=1)
    nav = span.value[CLOSE_FIELD]
    low = np.minimum(span.cash + (held * plan.panel.low).sum(axis=1), nav)
    return NavSeries(
        opening=float(plan.cash), days=plan.panel.days, nav=nav, flow=np.zeros(len(nav)), cash=span.cash,
        gross=np.abs(held * close).sum(axis=1), net=net, low=low, stale=np.zeros(len(nav), np.bool_),
    )  # fmt: skip


def _fills(plan: ColumnPlan, span: NextSpan, log: OrderLog) -> FillTable:
    batch = np.searchsorted(span.end, np.arange(len(log.filled)), side="right")
    traded = log.filled > 0.0
    symbol, session = log.instrument[traded], span.traded_on[batch[traded]]
    decided = plan.panel.close[plan.days[batch[traded]], symbol]
    return FillTable(
        symbols=plan.panel.symbols, causes=("target",), day=plan.panel.days[session], symbol=symbol,
        quantity=np.sign(log.planned[traded]) * log.filled[traded], price=log.price[traded],
        fees=log.commission[traded], arrival=decided, cause=np.zeros(int(traded.sum()), np.int64),
    )  # fmt: skip


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

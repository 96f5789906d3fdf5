"""What a run did, as columns: values by session, fills, prices, decisions; metrics, comparisons and reports read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from prudent.domain.accounts import Mode
from prudent.domain.mandate import Mandate
from prudent.domain.rules import UserRule

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Days = NDArray[np.datetime64]


class EvidenceLevel(StrEnum):
    """How much a result can prove, least first.

    E0 no real model, or a demonstration; E1 the window overlaps what the model may know; E2 it overlaps but is masked
    and the probes pass; E3 the whole window lies after the model's cut-off; E4 forward, paper or live.
    """

    E0 = "E0"
    E1 = "E1"
    E2 = "E2"
    E3 = "E3"
    E4 = "E4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    level: EvidenceLevel
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NavSeries:
    """Values of one account at the close of each session, in its currency; row = session, ascending, n >= 0 rows.

    `opening` is the value before the first row, its flow excluded. `flow` came from outside (+) or went out (-) before
    that session's open. `gross` and `net` are sums of absolute and of signed market values; `low` is the least value
    within the session, NaN where it is not known; `stale` says that a holding had no price of that day.
    """

    opening: float
    days: Days
    nav: Floats
    flow: Floats
    cash: Floats
    gross: Floats
    net: Floats
    low: Floats
    stale: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FillTable:
    """Executions in the order in which they happened; row = fill.

    `symbol` and `cause` index `symbols` and `causes` (why it traded: `target`, `stop_loss`, ...). `quantity` is signed;
    `fees` are above 0 where paid; `arrival` is the price at which the order was decided, NaN where not known.
    """

    symbols: tuple[str, ...]
    causes: tuple[str, ...]
    day: Days
    symbol: Ints
    quantity: Floats
    price: Floats
    fees: Floats
    arrival: Floats
    cause: Ints

    def __len__(self) -> int:
        return len(self.day)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Daily prices of many symbols: `fields[name][t, i]` of session `days[t]`, NaN where there is none.

    Prices are as the account is valued in. `dividend` is cash a share, `split` shares for one (1 = none); where
    `total_return` is true prices contain dividends and both fields say none.
    """

    symbols: tuple[str, ...]
    days: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    dividend: Floats
    split: Floats
    total_return: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Benchmark:
    """Total-return levels of a benchmark at the closes of `days`; `opening` is the close before the first."""

    name: str
    days: Days
    level: Floats
    opening: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One cycle of a run as a report lists it; `refused` and `shrunk` count orders."""

    cycle: str
    at: datetime
    answer: str
    codes: tuple[str, ...] = ()
    answered_by: str = ""
    orders: int = 0
    refused: int = 0
    shrunk: int = 0
    forced: tuple[str, ...] = ()
    tokens: int = 0
    cost: Decimal = Decimal(0)
    fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardCount:
    guard: str
    name: str
    layer: str
    refusals: int
    shrinks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a result was made from, so that the same can be made again.

    `fill` says at which price orders trade (`next_open`, `next_close`, or `venue` for a live or paper run);
    `trials` is how many backtests of this data window the platform has counted, this one included. `prompts` name the
    templates that the model was asked with, each with its digest. `path` is `rows` for what was run cycle by cycle,
    `columns` for what was run in columns, which give the same to the cent.
    """

    code_version: str
    data_source: str
    data_hash: str
    fill: str
    cadence: str
    first: date
    last: date
    trials: int = 1
    seed: int = 0
    model: str = ""
    anonymised: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    path: str = "rows"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunBook:
    """Everything that metrics, comparisons and reports read of one run, live, paper or backtest.

    `id` is `account/number`, `account/bNUMBER` for a backtest. `partial` says why a run ended early, empty where it
    reached its end.
    """

    id: str
    account: str
    mode: Mode
    mandate: Mandate
    rules: tuple[UserRule, ...]
    nav: NavSeries
    fills: FillTable
    decisions: tuple[DecisionRow, ...]
    guards: tuple[GuardCount, ...]
    evidence: Evidence
    provenance: Provenance
    benchmark: Benchmark | None = None
    warnings: tuple[str, ...] = ()
    partial: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeStats:
    """Closed trades (a campaign is one); None where it is not defined, `open` counts what is still held."""

    closed: int
    wins: int
    losses: int
    breakeven: int
    open: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    payoff: float | None
    holding_days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """One fall from a peak; `depth` below 0, `recovered` None while it lasts, `sessions` from peak to recovery."""

    peak: date
    trough: date
    recovered: date | None
    depth: float
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstBenchmark:
    name: str
    total_return: float
    cagr: float | None
    max_drawdown: float
    alpha: float | None
    beta: float | None
    correlation: float | None
    tracking_error: float | None
    information_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Figures of one run as fractions (0.08 = 8 %); None where the figure is not defined, `notes` says why by name."""

    sessions: int
    years: float
    profit: float
    fees: float
    total_return: float | None
    cagr: float | None
    money_weighted: float | None
    volatility: float | None
    sharpe: float | None
    sharpe_autocorrelation: float | None
    sortino: float | None
    max_drawdown: float
    max_drawdown_intraday: float | None
    drawdowns: tuple[Drawdown, ...]
    calmar: float | None
    best_day: float | None
    worst_day: float | None
    win_days: float | None
    skew: float | None
    kurtosis: float | None
    value_at_risk: float | None
    expected_shortfall: float | None
    gross_exposure: float | None
    net_exposure: float | None
    invested: float | None
    turnover: float | None
    trades: TradeStats
    benchmark: AgainstBenchmark | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

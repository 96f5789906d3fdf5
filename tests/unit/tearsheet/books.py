"""Runs for tear sheets: a long one that has everything, and those at the edges."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from prudent.analytics.metrics import measure
from prudent.domain.accounts import Mode
from prudent.domain.mandate import Exits, Mandate
from prudent.domain.performance import (
    Benchmark,
    Days,
    DecisionRow,
    Evidence,
    EvidenceLevel,
    FillTable,
    Floats,
    GuardCount,
    Metrics,
    NavSeries,
    Provenance,
    RunBook,
)
from prudent.domain.rules import RuleCategory, UserRule
from prudent.tearsheet import AttributionRow, BaselineRow, Extras, ShadowRow, Significance

FIRST = date(1990, 1, 2)
SYMBOLS = ("AAPL", "MSFT", "JNJ", "XOM", "KO")
CAUSES = ("target", "stop_loss", "take_profit")


def weekdays(count: int, first: date = FIRST) -> Days:
    start = np.datetime64(first, "D")
    return np.busday_offset(start, np.arange(count), roll="forward")


def nav_of(
    values: Floats, *, opening: float = 10_000.0, flow: Floats | None = None, days: Days | None = None
) -> NavSeries:
    """Values of an account that holds nine tenths of itself."""
    count = len(values)
    return NavSeries(
        opening=opening, days=weekdays(count) if days is None else days, nav=values,
        flow=np.zeros(count) if flow is None else flow, cash=values * 0.1, gross=values * 0.9, net=values * 0.9,
        low=np.full(count, np.nan), stale=np.zeros(count, dtype=np.bool_),
    )  # fmt: skip


def no_fills() -> FillTable:
    none, counts = np.empty(0), np.empty(0, dtype=np.int64)
    return FillTable(
        symbols=SYMBOLS, causes=CAUSES, day=np.empty(0, dtype="datetime64[D]"), symbol=counts, quantity=none,
        price=none, fees=none, arrival=none, cause=counts,
    )  # fmt: skip


def book_of(nav: NavSeries, **changes: Any) -> RunBook:
    """A backtest of one account with these values and nothing else, changed as asked."""
    days = nav.days
    first = date.fromisoformat(str(days[0])) if len(days) else FIRST
    last = date.fromisoformat(str(days[-1])) if len(days) else FIRST
    book = RunBook(
        id="core/b1", account="core", mode=Mode.BACKTEST, mandate=Mandate(account="core", universe=SYMBOLS), rules=(),
        nav=nav, fills=no_fills(), decisions=(), guards=(),
        evidence=Evidence(level=EvidenceLevel.E0, why="no real model was asked"),
        provenance=Provenance(
            code_version="0.1.0+abc1234", data_source="sample", data_hash="9f" * 32, fill="next_open",
            cadence="monthly", first=first, last=last,
        ),
    )  # fmt: skip
    return replace(book, **changes)


def figures_of(book: RunBook) -> Metrics:
    return measure(book.nav, book.fills, benchmark=book.benchmark)


def long_book(sessions: int = 8_300) -> tuple[RunBook, Metrics, Extras]:
    """33 years with a fall of about half, 400 fills, yearly deposits, rules, guards, decisions and all extras."""
    luck = np.random.Generator(np.random.PCG64(7))
    days = weekdays(sessions)
    moves = luck.standard_t(4, sessions) * 0.0075 + 0.0004
    crash = slice(sessions * 55 // 100, sessions * 55 // 100 + sessions // 30)
    moves[crash] -= 0.95 / max(sessions // 30, 1)
    theirs = 0.7 * moves + luck.standard_normal(sessions) * 0.005 + 0.0001
    flow = np.zeros(sessions)
    flow[250::252] = 1_000.0
    flow[sessions // 2] = -5_000.0
    values = _with_flows(10_000.0, moves, flow)
    invested = 0.75 + 0.2 * np.sin(np.arange(sessions) / 400.0)
    nav = replace(
        nav_of(values, flow=flow, days=days), gross=values * invested, net=values * (invested - 0.1),
        low=values * (1 - np.abs(moves) / 3),
    )  # fmt: skip
    level = np.asarray(100.0 * np.cumprod(1 + theirs), dtype=np.float64)
    benchmark = Benchmark(name="SPY", days=days, level=level, opening=100.0)
    book = book_of(
        nav, benchmark=benchmark, fills=_fills(days, luck), decisions=_decisions(days), guards=_guards(),
        rules=_rules(), warnings=_WARNINGS,
        mandate=Mandate(
            account="core", name="Core of twenty", universe=SYMBOLS, exits=Exits(stop_loss=Decimal("0.15")),
            parameters={"weights": dict.fromkeys(SYMBOLS, "0.2")},
            custom_instructions="Stay calm; buy nothing dear.",
        ),
    )  # fmt: skip
    made = replace(book.provenance, trials=14, seed=7, notes=("total-return prices: no dividends",))
    book = replace(book, provenance=made)
    return book, figures_of(book), _extras(days, moves)


_WARNINGS = (
    "Prices are total-return prices: dividends are inside them and none is booked.",
    "The universe was chosen in 2022: its members are those that survived.",
)


def _with_flows(opening: float, moves: Floats, flow: Floats) -> Floats:
    values = np.empty(len(moves))
    value = opening
    for row, (move, money) in enumerate(zip(moves, flow, strict=True)):
        value = round((value + money) * (1 + move), 2)
        values[row] = value
    return values


def _fills(days: Days, luck: np.random.Generator) -> FillTable:
    """200 buys, each followed by its sale some weeks later; the last of each symbol stays open."""
    rows = []
    step = max(len(days) // 205, 1)
    for number in range(200):
        symbol = number % len(SYMBOLS)
        start = min(number * step, len(days) - 2)
        price = 40.0 + 60.0 * luck.random()
        rows.append((start, symbol, 10.0, price, 0))
        end = min(start + 4 * step, len(days) - 1)
        if number < 195:
            cause = 1 + number % 2 if number % 3 == 0 else 0
            rows.append((end, symbol, -10.0, price * (0.9 + 0.25 * luck.random()), cause))
    rows.sort(key=lambda each: each[0])
    row, symbols, quantity, prices, causes = (np.array(each) for each in zip(*rows, strict=True))
    return FillTable(
        symbols=SYMBOLS, causes=CAUSES, day=days[row], symbol=symbols.astype(np.int64), quantity=quantity,
        price=prices, fees=np.full(len(rows), 1.0), arrival=prices * (1 - 0.0002 * np.sign(quantity)),
        cause=causes.astype(np.int64),
    )  # fmt: skip


def _decisions(days: Days) -> tuple[DecisionRow, ...]:
    start = datetime(1990, 1, 31, 21, 0, tzinfo=UTC)
    months = len(days) // 21
    return tuple(
        DecisionRow(
            cycle=f"core/b1/{number + 1}", at=start + timedelta(days=30 * number),
            answer="TARGETS" if number % 4 else "HOLD", codes=() if number % 4 else ("below_band",),
            answered_by="rules", orders=number % 6, refused=number % 5 == 0, shrunk=number % 7 == 0,
            forced=("stop_loss AAPL",) if number % 9 == 0 else (), tokens=1_200, cost=Decimal("0.0031"),
            fallback=number % 40 == 0,
        )
        for number in range(months)
    )  # fmt: skip


def _guards() -> tuple[GuardCount, ...]:
    return (
        GuardCount(guard="R12", name="MaxPositionWeight", layer="L1", refusals=3, shrinks=41),
        GuardCount(guard="R31", name="MaxDailyLoss", layer="L0", refusals=12, shrinks=0),
        GuardCount(guard="U-1", name="No energy", layer="L2", refusals=88, shrinks=0),
    )


def _rules() -> tuple[UserRule, ...]:
    return (
        UserRule(
            rule_id="U-1", rule_name="No energy", rule_category=RuleCategory.SCREENING,
            enforcement_params={"sector_blacklist": ["Energy"]},
        ),
        UserRule(
            rule_id="U-2", rule_name="Ten per cent a name", rule_category=RuleCategory.RISK,
            enforcement_params={"max_position_pct": "10"}, exclude_symbols=("KO",),
        ),
    )  # fmt: skip


def _extras(days: Days, moves: Floats) -> Extras:
    equal = np.asarray(np.cumprod(1 + moves * 0.9), dtype=np.float64)
    return Extras(
        significance=Significance(
            probabilistic=0.981, deflated=0.74, years_needed=21.3, sharpe_low=0.21, sharpe_high=0.93
        ),
        baselines=(
            BaselineRow(name="SPY buy and hold", total_return=9.1, cagr=0.073, sharpe=0.55, max_drawdown=-0.45),
            BaselineRow(
                name="equal weight", total_return=float(equal[-1] - 1), cagr=0.07, sharpe=0.6, max_drawdown=-0.47,
                days=days, level=equal,
            ),
            BaselineRow(
                name="cash", total_return=0.0, cagr=0.0, sharpe=None, max_drawdown=0.0, days=days,
                level=np.ones(len(days)),
            ),
            BaselineRow(name="random trader, median of 1,000", total_return=6.0, cagr=0.06, percentile=0.83),
        ),
        attribution=(
            AttributionRow(name="target choice", amount=81_234.56),
            AttributionRow(name="guard clamps", amount=-1_204.11),
            AttributionRow(name="rounding and cash drag", amount=-3_310.02, note="whole lots"),
            AttributionRow(name="fees", amount=-395.0),
        ),
        shadow=(
            ShadowRow(guard="R12", name="MaxPositionWeight", orders=44, amount=51_000.0, profit=2_310.5),
            ShadowRow(guard="U-1", name="No energy", orders=88, amount=120_400.0, profit=-8_120.25),
        ),
        contamination="100 % of the window lies before what the model declares as its cut-off.",
        comparison="core/b1 cannot be told from core/b2: it would take about 41 years.",
    )  # fmt: skip


def edge_books() -> dict[str, RunBook]:
    """Runs at the edges, by what is odd about them."""
    rising = np.linspace(10_010.0, 12_000.0, 300)
    long_name = "Every<wide>&unbroken" * 40
    ruined = np.concatenate((np.linspace(9_000.0, 10.0, 40), np.zeros(30)))
    below = np.concatenate((np.linspace(9_000.0, 10.0, 40), np.full(30, -500.0)))
    holes = rising.copy()
    holes[[5, 6, 7, 8, 9, 150]] = np.nan
    late = np.concatenate((np.zeros(20), rising))
    money = np.zeros(320)
    money[20] = 10_000.0
    other = weekdays(30, date(1970, 1, 5))
    return {
        "no session": book_of(nav_of(np.empty(0))),
        "one session": book_of(nav_of(np.array([10_100.0]))),
        "two equal sessions": book_of(nav_of(np.array([10_000.0, 10_000.0]))),
        "no trades": book_of(nav_of(rising)),
        "flat": book_of(nav_of(np.full(300, 10_000.0))),
        "total loss": book_of(nav_of(ruined)),
        "negative values": book_of(nav_of(below)),
        "missing values": book_of(nav_of(holes)),
        "money came late": book_of(nav_of(late, opening=0.0, flow=money)),
        "benchmark of other dates": book_of(
            nav_of(rising), benchmark=Benchmark(name="OLD", days=other, level=np.full(30, 5.0), opening=5.0)
        ),
        "long names": book_of(
            nav_of(rising), id=long_name, account=long_name, mandate=Mandate(account=long_name, name=long_name),
            partial="the model failed: " + long_name, mode=Mode.LIVE,
        ),
    }  # fmt: skip

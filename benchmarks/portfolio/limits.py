"""The account of the workload as guards see it: its mandate, its guard list, and the facts that never change."""

from decimal import Decimal
from types import SimpleNamespace

import numpy as np

from portfolio.panel import SECTORS, Floats
from prudent.domain.accounts import Mode
from prudent.domain.mandate import CostModel, Limits, Mandate
from prudent.guards import columns as fact
from prudent.guards import feeds, report
from prudent.guards.catalogue import GuardRow, guard_rows
from prudent.guards.columns import GuardColumns, ScratchColumns, VerdictColumns

SECTOR_WEIGHT_MAX = Decimal("0.12")
MANDATE = Mandate(
    account="w1",
    costs=CostModel.NONE,
    slippage_bps=Decimal(5),
    limits=Limits(max_sector_weight=SECTOR_WEIGHT_MAX, max_trades_per_cycle=1000, max_trades_per_day=1000),
)
# The panel has closes, volumes and sectors, and the backtest its own history; what it lacks judges nobody.
FEEDS = frozenset({
    feeds.MODES, feeds.MARKET_HOURS, feeds.AGE, feeds.PREVIOUS_CLOSE, feeds.LEVEL, feeds.VOLUME, feeds.SECTOR,
    feeds.HISTORY, feeds.COUNTS,
})  # fmt: skip


def rows() -> tuple[GuardRow, ...]:
    """The guard list of the account as `invest run` builds it in a backtest, less those that have nothing to judge by.

    A guard without its input answers "not evaluated" to every order; that needs no column.
    """
    return tuple(row for row in guard_rows(MANDATE, mode=Mode.BACKTEST) if row.told and not row.feeds - FEEDS)


def guard_table() -> GuardColumns:
    """The list as arrays."""
    columns = report.guard_columns(SimpleNamespace(symbols=(), kinds=()), rows(), FEEDS)
    whole = ("bounds", "kind", "scope", "applies", "funding")
    return GuardColumns(**{
        name: np.array(column, np.int64 if name in whole else np.float64)
        for name, column in columns._asdict().items()
    })  # fmt: skip


def empty_verdicts(orders: int, guards: int) -> VerdictColumns:
    cells = orders * guards
    return VerdictColumns(
        outcome=np.zeros(cells, np.int64), allowed=np.zeros(cells), observed=np.zeros(cells),
        approved=np.zeros(orders), waits=np.zeros(orders, np.int64),
    )  # fmt: skip


def empty_scratch(symbols: int) -> ScratchColumns:
    sizes = {"sector": SECTORS, "relief": SECTORS, "facts": fact.FACTS_WIDTH}
    return ScratchColumns(**{name: np.zeros(sizes.get(name, symbols)) for name in ScratchColumns._fields})


def market_table(sector: Floats) -> Floats:
    """Every symbol a known, listed stock of lot 1 in the account's currency, with fresh prices and an open market."""
    row = np.full(fact.MARKET_WIDTH, np.nan)
    ones = (fact.LOT, fact.MULTIPLIER, fact.FX_RATE, fact.SECTOR_KNOWN, fact.KNOWN, fact.LISTED, fact.QUOTE_OPEN)
    row[np.array([*ones, fact.ALONE]) - fact.MARKET_START] = 1.0
    zeros = (fact.AGE, fact.FX_AGE, fact.RESTRICTED, fact.SYMBOL_STATE)
    row[np.array(zeros) - fact.MARKET_START] = 0.0
    row[fact.KIND - fact.MARKET_START] = fact.STOCK
    table = np.tile(row, len(sector))
    table[fact.SECTOR - fact.MARKET_START :: fact.MARKET_WIDTH] = sector
    return table


def account_row() -> Floats:
    """Nothing latched, nothing unknown, long only; prices come without bid and ask."""
    row = np.zeros(fact.ACCOUNT_WIDTH)
    row[np.array([fact.MARKET_OPEN, fact.HAS_AGE, fact.HAS_PREVIOUS]) - fact.ACCOUNT_START] = 1.0
    return row


def holdings_table(symbols: int) -> Floats:
    """Nothing pending, no pair, bought long ago."""
    row = np.zeros(fact.HOLDING_WIDTH)
    row[fact.PARTNER - fact.HOLDING_START] = -1.0
    row[fact.HOLDING_DAYS - fact.HOLDING_START] = 1000.0
    return np.tile(row, symbols)


def orders_table(orders: int) -> Floats:
    """Valid market orders without a fee."""
    row = np.zeros(fact.ORDER_WIDTH)
    row[fact.LIMIT_PRICE] = np.nan
    row[fact.VALID] = 1.0
    return np.tile(row, orders)

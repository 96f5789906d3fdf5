"""The account of the workload as guards see it: its mandate and its guard list."""

from decimal import Decimal
from types import SimpleNamespace

import numpy as np

from prudent.domain.accounts import Mode
from prudent.domain.mandate import CostModel, Limits, Mandate
from prudent.guards import feeds, report
from prudent.guards.catalogue import GuardRow, guard_rows
from prudent.guards.columns import GuardColumns

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

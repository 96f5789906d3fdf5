"""The tables of an account whose every symbol is alike: what a backtest in columns knows before its first day."""

from typing import Any

import numpy as np

from prudent.exchange.matching import Floats, Ints
from prudent.guards import columns as fact
from prudent.guards.columns import ScratchColumns, VerdictColumns


def empty_verdicts(orders: int, guards: int) -> VerdictColumns:
    cells = orders * guards
    return VerdictColumns(
        outcome=np.zeros(cells, np.int64), allowed=np.zeros(cells), observed=np.zeros(cells),
        approved=np.zeros(orders), waits=np.zeros(orders, np.int64),
    )  # fmt: skip


def empty_scratch(symbols: int, sectors: int) -> ScratchColumns:
    sizes = {"sector": sectors, "relief": sectors, "facts": fact.FACTS_WIDTH}
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


def zero_codes(rows: int) -> Ints:
    """A column of whole numbers."""
    return np.zeros(rows, np.int64)


def first_verdicts(verdicts: Any, count: int, width: int) -> VerdictColumns:
    """Room for `count` orders and `width` guards at the beginning of larger columns (kernel)."""
    return VerdictColumns(
        verdicts.outcome[: count * width], verdicts.allowed[: count * width], verdicts.observed[: count * width],
        verdicts.approved[:count], verdicts.waits[:count],
    )  # fmt: skip

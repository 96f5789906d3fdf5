"""Random batches as columns, with everything missing now and then: what compiled and plain runs are compared on."""

from typing import Any

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from prudent.guards import columns as c
from prudent.guards.columns import Columns, GuardColumns, ScratchColumns, VerdictColumns
from prudent.guards.evaluate import FUNDING_JUDGES, JUDGES
from prudent.ports import Floats

SECTORS = 4
# Limits near which random orders lie, by judge; 1 elsewhere.
LIMITS = {
    "fresh_price": 1200.0, "sane_price": 0.05, "sources_agree": 0.03, "no_price_jump": 0.20, "price_collar": 0.05,
    "market_order_spread": 0.01, "penny_stock": 5.0, "average_volume": 1e5, "participation": 0.05,
    "fresh_fx_rate": 86_400.0, "fresh_decision": 86_400.0, "clocks_agree": 10.0, "no_negative_cash": 0.0,
    "minimum_cash_reserve": 0.1, "cash_range": -1.0, "max_position_weight": 0.2, "max_position_value": 20_000.0,
    "max_sector_weight": 0.4, "max_positions": 12.0, "max_order_weight": 0.5, "max_order_notional": 50_000.0,
    "max_turnover_per_cycle": 0.6, "max_trades_per_cycle": 30.0, "max_trades_per_day": 50.0, "bootstrap": 0.8,
    "minimum_holding": 5.0, "order_rate": 10.0, "no_unknown_order": 3.0, "max_daily_loss": 0.02,
    "max_daily_loss_amount": 2_000.0, "drawdown_cut": 0.2, "drawdown_halt": 0.25, "order_anomaly": 5.0,
    "decider_anomaly": 3.0, "no_entry": 0.0, "outside_window": 0.0, "rolls_together": 0.0,
    "max_initial_margin": 0.5, "min_excess_liquidity": 0.2,
    "max_entry_rsi": 80.0, "min_entry_rsi": 20.0, "max_entry_price": 450.0,
    "min_entry_price": 4.0, "min_entry_volume": 2e5,
}  # fmt: skip
SECONDS = {
    "no_price_jump": 0.35, "market_order_spread": 1200.0, "average_volume": 15.0, "cash_range": 1.0,
    "max_trades_per_cycle": 0.8, "order_rate": 15.0, "order_anomaly": 3.0, "decider_anomaly": 0.5,
}  # fmt: skip


def random_columns(seed: int, *, instruments: int = 12, orders: int = 20, lost: float = 0.01) -> Columns:
    """`lost` is how often a number is missing."""
    luck = default_rng(seed)
    market, price = _market(luck, instruments)
    holdings = _holdings(luck, instruments)
    held = holdings[:, c.HELD - c.HOLDING_START]
    cash = float(np.round(luck.uniform(0.0, 60_000.0), 2))
    nlv = round(cash + float(np.sum(held * price)), 2)
    account = _account(luck, cash, nlv)
    rows = luck.integers(0, instruments, orders)
    batch = _orders(luck, rows, held, price)
    for table in (market, holdings, account):
        table[luck.random(table.shape) < lost * 0.2] = np.nan
    # Rows of other tables are never missing.
    market[:, c.SECTOR - c.MARKET_START] = np.nan_to_num(market[:, c.SECTOR - c.MARKET_START])
    market[:, c.LOT - c.MARKET_START] = np.nan_to_num(market[:, c.LOT - c.MARKET_START], nan=1.0)
    holdings[:, c.PARTNER - c.HOLDING_START] = -1.0
    holdings[0, c.PARTNER - c.HOLDING_START] = 1.0
    return Columns(market.ravel(), holdings.ravel(), account, batch.ravel(), rows)


def _market(luck: Generator, count: int) -> tuple[Floats, Floats]:
    price = np.round(luck.uniform(2.0, 500.0, count), 2)
    half = np.round(price * luck.choice([0.0001, 0.004, 0.03], count, p=[0.9, 0.08, 0.02]), 2) + 0.01
    fields: dict[str, Any] = {
        "MARK": price, "PRICE": price, "BID": price - half, "ASK": price + half, "LEVEL": price,
        "PREVIOUS_CLOSE": np.round(price * luck.uniform(0.82, 1.25, count), 2), "PREVIOUS_LEVEL": price,
        "AGE": luck.choice([1.0, 1300.0], count, p=[0.95, 0.05]), "ADV_DOLLARS": luck.choice([4e5, 1e9], count),
        "ADV_SESSIONS": luck.choice([20.0, 14.0], count, p=[0.95, 0.05]), "SECOND_PRICE": price * 1.01,
        "RSI": luck.uniform(10.0, 90.0, count), "LOT": luck.choice([1.0, 0.01, 10.0], count, p=[0.8, 0.1, 0.1]),
        "MULTIPLIER": 1.0, "FX_RATE": luck.choice([1.0, 1.08], count), "FX_AGE": 5.0, "FX_PREVIOUS": np.nan,
        "SECTOR": luck.integers(0, SECTORS, count), "SECTOR_KNOWN": 1.0, "KIND": luck.integers(0, 2, count),
        "KNOWN": 1.0, "LISTED": 1.0, "RESTRICTED": 0.0, "QUOTE_OPEN": 1.0, "ALONE": 1.0,
        "SYMBOL_STATE": luck.choice([0.0, 1.0, 2.0], count, p=[0.96, 0.02, 0.02]),
    }  # fmt: skip
    table = np.zeros((count, c.MARKET_WIDTH))
    for name, values in fields.items():
        table[:, getattr(c, name) - c.MARKET_START] = values
    return table, price


def _holdings(luck: Generator, count: int) -> Floats:
    table = np.zeros((count, c.HOLDING_WIDTH))
    fields: dict[str, Any] = {
        "HELD": luck.integers(-20, 120, count) * luck.integers(0, 2, count),
        "PENDING_BUY": luck.choice([0.0, 5.0], count, p=[0.9, 0.1]), "HOLDING_DAYS": luck.integers(0, 20, count),
        "PENDING_SELL": luck.choice([0.0, 5.0], count, p=[0.95, 0.05]), "PENDING_COST": luck.choice([0.0, 99.5], count),
        "LIVE_BUYS": luck.choice([0.0, 15.0], count, p=[0.97, 0.03]),
        "UNKNOWN": luck.choice([0.0, 1.0], count, p=[0.97, 0.03]), "PARTNER": -1.0,
    }  # fmt: skip
    for name, values in fields.items():
        table[:, getattr(c, name) - c.HOLDING_START] = values
    return table


def _account(luck: Generator, cash: float, nlv: float) -> Floats:
    row = np.zeros(c.ACCOUNT_WIDTH)
    fields: dict[str, Any] = {
        "CASH": cash, "NLV": nlv, "NLV_OPEN": round(nlv * luck.choice([1.0, 1.03], p=[0.9, 0.1]), 2),
        "UNIT_VALUE": luck.choice([1.0, 0.78], p=[0.9, 0.1]), "PEAK_UNIT_VALUE": 1.0, "HAS_TRADED": luck.integers(0, 2),
        "TRADES_TODAY": luck.integers(0, 40), "MARKET_OPEN": 1.0, "ALLOW_SHORT": luck.integers(0, 2),
        "HAS_AGE": luck.integers(0, 2), "HAS_SPREAD": luck.integers(0, 2), "HAS_PREVIOUS": luck.integers(0, 2),
        "ORDERS_LAST_SECOND": luck.integers(0, 12), "UNKNOWN_ORDERS": luck.integers(0, 3),
    }  # fmt: skip
    for name, value in fields.items():
        row[getattr(c, name) - c.ACCOUNT_START] = value
    return row


def _orders(luck: Generator, rows: NDArray[np.int64], held: Floats, price: Floats) -> Floats:
    table = np.zeros((len(rows), c.ORDER_WIDTH))
    for j, i in enumerate(rows):
        reduces = held[i] != 0.0 and luck.random() < 0.6
        effect = (c.CLOSE if held[i] > 0 else c.COVER) if reduces else luck.choice([c.OPEN, c.OPEN, c.OPEN, c.SHORT])
        most = abs(held[i]) if reduces else max(1.0, 20_000.0 // price[i])
        table[j, c.QUANTITY] = float(luck.integers(1, int(most) + 1)) if luck.random() > 0.03 else 0.0
        table[j, c.SIGN] = 1.0 if effect in (c.OPEN, c.COVER) else -1.0
        table[j, c.EFFECT] = effect
        table[j, c.LIMIT_PRICE] = luck.choice([np.nan, np.round(price[i] * luck.uniform(0.93, 1.07), 2)])
        table[j, c.REFERENCE] = np.round(price[i] * luck.uniform(0.98, 1.02), 2)
        table[j, c.FEE] = luck.choice([0.0, 1.0, 3.27])
        table[j, c.FORCED] = luck.integers(0, 2) if reduces else 0.0
        table[j, c.VALID] = float(table[j, c.QUANTITY] > 0.0)
        table[j, c.DUPLICATE] = float(luck.random() < 0.03)
    _ask_margins(luck, table)
    return table


def _ask_margins(luck: Generator, table: Floats) -> None:
    """What a venue said of each order's margin; half of the batches are at one that says nothing."""
    if luck.random() < 0.5:
        return
    count = len(table)
    table[:, c.MARGIN] = luck.choice([c.COUNTED, c.UNCHECKED, c.BOUND, c.REFUSED], count, p=[0.4, 0.1, 0.45, 0.05])
    for name, most in (("INITIAL_CHANGE", 8_000.0), ("EXCESS_CHANGE", 6_000.0)):
        table[:, getattr(c, name)] = np.round(luck.uniform(-most, most, count), 2)
    for name in ("INITIAL_AFTER", "EXCESS_AFTER"):
        table[:, getattr(c, name)] = np.round(luck.uniform(0.0, 60_000.0, count), 2)
    unheard = luck.random(count) < 0.1
    table[unheard, c.INITIAL_CHANGE : c.EXCESS_AFTER + 1] = np.nan


def random_guards(seed: int, instruments: int) -> GuardColumns:
    """Every judge in some layer, most of them switched on, some of them for a few instruments only."""
    luck = default_rng(seed)
    count = 40
    kinds = np.sort(luck.choice(len(JUDGES), count, replace=False))
    layer = np.sort(luck.choice([0, 1, 1, 1, 2, 2, 3, 4], count))
    names = [JUDGES[kind].__name__ for kind in kinds]
    return GuardColumns(
        bounds=np.searchsorted(layer, np.arange(c.LAYERS + 1)).astype(np.int64),
        kind=kinds.astype(np.int64),
        limit=np.array([LIMITS.get(name, 1.0) for name in names]),
        second=np.array([SECONDS.get(name, 0.0) for name in names]),
        scope=luck.choice([c.NOWHERE, c.EVERYWHERE, c.SCOPED], count, p=[0.05, 0.85, 0.1]),
        applies=luck.integers(0, 2, count * instruments),
        funding=np.array([g for g, kind in enumerate(kinds) if JUDGES[kind] in FUNDING_JUDGES], dtype=np.int64),
    )


def room_for(columns: Columns, guards: GuardColumns) -> tuple[VerdictColumns, ScratchColumns]:
    orders, instruments = len(columns.instrument), len(columns.holdings) // c.HOLDING_WIDTH
    cells = orders * len(guards.kind)
    return (
        VerdictColumns(
            np.zeros(cells, np.int64), np.zeros(cells), np.zeros(cells), np.zeros(orders), np.zeros(orders, np.int64)
        ),
        ScratchColumns(
            np.zeros(instruments), np.zeros(instruments), np.zeros(SECTORS), np.zeros(SECTORS), np.zeros(c.FACTS_WIDTH)
        ),
    )


def as_lists(columns: Columns) -> Columns:
    """The same columns as the live path has them."""
    return Columns(*(np.asarray(column).tolist() for column in columns))

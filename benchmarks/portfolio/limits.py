"""The account of the workload as guards see it: the constant facts of market, account, holdings and orders."""

import numpy as np

from portfolio.panel import Floats
from prudent.guards import columns as fact
from prudent.guards import judges_book, judges_data, judges_loss
from prudent.guards.columns import EVERYWHERE, GuardColumns
from prudent.guards.evaluate import JUDGES


def market_table(symbols: int) -> Floats:
    """Every symbol a known, listed stock of lot 1 in the account's currency, with fresh prices and an open market."""
    row = np.full(fact.MARKET_WIDTH, np.nan)
    ones = (fact.LOT, fact.MULTIPLIER, fact.FX_RATE, fact.SECTOR_KNOWN, fact.KNOWN, fact.LISTED, fact.QUOTE_OPEN)
    row[np.array([*ones, fact.ALONE]) - fact.MARKET_START] = 1.0
    zeros = (fact.AGE, fact.FX_AGE, fact.RESTRICTED, fact.SYMBOL_STATE)
    row[np.array(zeros) - fact.MARKET_START] = 0.0
    row[fact.KIND - fact.MARKET_START] = fact.STOCK
    return np.tile(row, symbols)


def account_row() -> Floats:
    """Nothing latched, nothing unknown, long only; prices come without bid and ask."""
    row = np.zeros(fact.ACCOUNT_WIDTH)
    row[np.array([fact.MARKET_OPEN, fact.HAS_AGE, fact.HAS_PREVIOUS]) - fact.ACCOUNT_START] = 1.0
    return row


def holdings_table(symbols: int) -> Floats:
    row = np.zeros(fact.HOLDING_WIDTH)
    row[fact.PARTNER - fact.HOLDING_START] = -1.0
    return np.tile(row, symbols)


def orders_table(orders: int) -> Floats:
    """Valid market orders without a fee."""
    row = np.zeros(fact.ORDER_WIDTH)
    row[fact.LIMIT_PRICE] = np.nan
    row[fact.VALID] = 1.0
    return np.tile(row, orders)

D,B,L=judges_data,judges_book,judges_loss
def guard_columns(symbols):
    l0=[(D.trading_state_allows,0,0),(D.valid_order,0,0),(D.known_instrument,0,0),(D.in_universe,0,0),(D.market_is_open,0,0),(D.fresh_price,5,0),(D.sane_price,.1,0),
    (D.no_price_jump,.2,.35),(D.penny_stock,5,0),(D.average_volume,1e5,15),(D.participation,.05,0),(D.sector_known,0,0),(B.no_negative_cash,0,0),(B.minimum_cash_reserve,0,0),(B.no_oversell,0,0),
    (B.no_uncovered_cover,0,0),(B.no_short,0,0),(B.no_self_cross,0,0),(B.no_duplicate,0,0),(B.order_rate,10,15),(B.no_unknown_order,3,0),(L.drawdown_halt,.25,0),(L.order_anomaly,5,5),(L.decider_anomaly,3,.5)]
    l1=[(B.cash_range,-1,1),(B.max_position_weight,.2,0),(B.max_sector_weight,.12,0),(B.max_gross_exposure,2,0),(B.max_turnover_per_cycle,1,0),(B.max_trades_per_cycle,1000,0),(B.max_trades_per_day,1e6,0),(L.max_daily_loss,.02,0),(L.drawdown_cut,.2,0)]
    rows=l0+l1
    n=len(rows)
    return GuardColumns(np.array([0,0,len(l0),n,n,n]),np.array([JUDGES.index(r[0]) for r in rows]),np.array([float(r[1]) for r in rows]),np.array([float(r[2]) for r in rows]),np.full(n,EVERYWHERE),np.zeros(0,np.int64),np.array([i for i,r in enumerate(rows) if r[0] in (B.no_negative_cash,B.minimum_cash_reserve,B.cash_range)]))

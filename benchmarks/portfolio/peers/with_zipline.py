"""W1 in zipline-reloaded: orders at the close that fill at the next open, which is this close; its metrics left out."""

import math
import sys

import numpy as np
import pandas as pd
import zipline
from portfolio.measure import report
from portfolio.panel import CASES, CASH, COST_BPS, Case, Floats, panel, target_weights
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool
from zipline.algorithm import TradingAlgorithm
from zipline.assets import Asset, AssetDBWriter, AssetFinder
from zipline.data.data_portal import DataPortal
from zipline.data.in_memory_daily_bars import InMemoryDailyBarReader
from zipline.finance.commission import PerDollar
from zipline.finance.order import Order
from zipline.finance.slippage import SlippageModel
from zipline.finance.trading import SimulationParameters
from zipline.protocol import BarData
from zipline.utils.calendar_utils import TradingCalendar, get_calendar


class Bars(InMemoryDailyBarReader):  # type: ignore[misc]
    """Bars from arrays; sessions and sids count up from 0."""

    def __init__(self, frames: dict[str, pd.DataFrame], calendar: TradingCalendar, currencies: pd.Series) -> None:
        super().__init__(frames, calendar, currencies, verify_indices=False)
        self.row = {session: t for t, session in enumerate(self._sessions)}

    @property
    def last_available_dt(self) -> pd.Timestamp:
        return self._sessions[-1]

    def get_value(self, sid: int, dt: pd.Timestamp, field: str) -> float:
        # The one of zipline reads a frame by its labels, and fails.
        return float(self._values[field][self.row[dt], int(sid)])


class AtTheOpen(SlippageModel):  # type: ignore[misc]
    def process_order(self, data: BarData, order: Order) -> tuple[float, int]:
        return data.current(order.asset, "open"), order.open_amount


class Rebalance(TradingAlgorithm):  # type: ignore[misc]
    def __init__(self, case: Case, weights: Floats, portal: DataPortal, sessions: pd.DatetimeIndex) -> None:
        self.weights = weights
        self.rows = {day: row for row, day in enumerate(case.rebalances)}
        self.seen, self.sent, self.final = -1, 0, 0.0
        super().__init__(
            SimulationParameters(sessions[0], sessions[-1], portal.trading_calendar, capital_base=CASH),
            data_portal=portal, metrics_set="none", benchmark_returns=pd.Series(0.0, sessions),
        )  # fmt: skip

    def initialize(self) -> None:
        self.set_slippage(AtTheOpen())
        self.set_commission(PerDollar(COST_BPS / 1e4))
        self.assets: list[Asset] = self.asset_finder.retrieve_all(self.asset_finder.equities_sids)

    def handle_data(self, data: BarData) -> None:
        self.seen += 1
        row = self.rows.get(self.seen)
        if row is None:
            return
        equity, held = self.portfolio.portfolio_value, self.portfolio.positions
        prices = data.current(self.assets, "close").to_numpy()
        changes = [
            (math.floor(weight * equity / price) - (held[asset].amount if asset in held else 0), asset)
            for weight, price, asset in zip(self.weights[row], prices, self.assets)
        ]
        for sign in (-1, 1):
            for change, asset in changes:
                if change * sign > 0:
                    self.order(asset, change)
                    self.sent += 1

    def analyze(self, perf: pd.DataFrame) -> None:
        self.final = float(self.portfolio.portfolio_value)


def frames(close: Floats, sessions: pd.DatetimeIndex) -> dict[str, pd.DataFrame]:
    opens = np.concatenate([close[:1], close[:-1]])
    fields = {
        "open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close), "close": close,
        "volume": np.full(close.shape, 1e9),
    }  # fmt: skip
    return {name: pd.DataFrame(values, index=sessions) for name, values in fields.items()}


def finder(case: Case, sessions: pd.DatetimeIndex) -> AssetFinder:
    """The symbols, in a database in memory."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    names = [f"S{i:03d}" for i in range(case.symbols)]
    equities = pd.DataFrame({
        "symbol": names, "asset_name": names, "start_date": sessions[0], "end_date": sessions[-1], "exchange": "X",
    })  # fmt: skip
    exchanges = pd.DataFrame([{"exchange": "X", "canonical_name": "X", "country_code": "US"}])
    AssetDBWriter(engine).write(equities=equities, exchanges=exchanges)
    return AssetFinder(engine)


def simulate(case: Case, weights: Floats, portal: DataPortal, sessions: pd.DatetimeIndex) -> tuple[float, int]:
    strategy = Rebalance(case, weights, portal, sessions)
    strategy.run()
    return strategy.final, strategy.sent


def main(name: str) -> None:
    case = CASES[name]
    calendar = get_calendar("XNYS", start=pd.Timestamp("2000-01-03"))
    sessions = calendar.sessions[: case.days]
    reader = Bars(frames(panel(case).close, sessions), calendar, pd.Series("USD", index=range(case.symbols)))
    portal = DataPortal(finder(case, sessions), calendar, sessions[0], equity_daily_reader=reader)
    weights = target_weights(case)
    report("zipline-reloaded", zipline.__version__, lambda: simulate(case, weights, portal, sessions))


if __name__ == "__main__":
    main(sys.argv[1])

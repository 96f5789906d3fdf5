"""W1 in NautilusTrader: market orders at this close, sells before buys, whole shares, its risk checks bypassed."""

import math
import sys
from decimal import Decimal

import nautilus_trader
import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy
from portfolio.measure import report
from portfolio.panel import CASES, CASH, COST_BPS, Case, Floats, panel, target_weights

VENUE = Venue("SIM")


class Rebalance(Strategy):
    def __init__(self, case: Case, weights: Floats, kinds: list[BarType]) -> None:
        super().__init__()
        self.case, self.weights, self.kinds = case, weights, kinds
        self.rows = {day: row for row, day in enumerate(case.rebalances)}
        self.place = {kind: i for i, kind in enumerate(kinds)}
        self.close = np.zeros(case.symbols)
        self.seen, self.sent = 0, 0

    def on_start(self) -> None:
        for kind in self.kinds:
            self.subscribe_bars(kind)

    def on_bar(self, bar: Bar) -> None:
        self.close[self.place[bar.bar_type]] = float(bar.close)
        self.seen += 1
        row = self.rows.get(self.seen // self.case.symbols - 1) if self.seen % self.case.symbols == 0 else None
        if row is not None:
            self.rebalance(row)

    def rebalance(self, row: int) -> None:
        ids = [kind.instrument_id for kind in self.kinds]
        held = [float(self.portfolio.net_position(each)) for each in ids]
        cash = float(self.portfolio.account(VENUE).balance_total(USD))
        equity = cash + float(np.dot(held, self.close))
        changes = [math.floor(w * equity / c) - h for w, c, h in zip(self.weights[row], self.close, held)]
        for side, sign in ((OrderSide.SELL, -1), (OrderSide.BUY, 1)):
            for change, each in zip(changes, ids):
                if change * sign > 0:
                    self.submit_order(self.order_factory.market(each, side, Quantity.from_int(int(abs(change)))))
                    self.sent += 1


def equity_of(symbol: str) -> Equity:
    return Equity(
        InstrumentId(Symbol(symbol), VENUE), Symbol(symbol), USD, 2, Price.from_str("0.01"), Quantity.from_int(1), 0, 0,
        maker_fee=Decimal(COST_BPS) / 10_000, taker_fee=Decimal(COST_BPS) / 10_000,
    )  # fmt: skip


def simulate(case: Case, close: Floats, weights: Floats) -> tuple[float, int]:
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.CASH, starting_balances=[Money(CASH, USD)], base_currency=USD)
    instruments = [equity_of(f"S{i:03d}") for i in range(case.symbols)]
    kinds = [BarType.from_str(f"{each.id}-1-DAY-LAST-EXTERNAL") for each in instruments]
    for each in instruments:
        engine.add_instrument(each)
    stamps = pd.bdate_range("2000-01-03", periods=case.days).as_unit("ns").asi8
    volume = Quantity.from_int(1_000_000_000)
    bars = []
    for t, stamp in enumerate(stamps):
        for i, kind in enumerate(kinds):
            before, now = Price(close[max(t - 1, 0), i], 2), Price(close[t, i], 2)
            bars.append(Bar(kind, before, max(before, now), min(before, now), now, volume, int(stamp), int(stamp)))
    engine.add_data(bars)
    strategy = Rebalance(case, weights, kinds)
    engine.add_strategy(strategy)
    engine.run()
    cash = float(engine.portfolio.account(VENUE).balance_total(USD))
    held = [float(engine.portfolio.net_position(each.id)) for each in instruments]
    return cash + float(np.dot(held, close[-1])), strategy.sent


if __name__ == "__main__":
    wanted = CASES[sys.argv[1]]
    inputs = panel(wanted), target_weights(wanted)
    report("nautilus_trader", nautilus_trader.__version__, lambda: simulate(wanted, inputs[0].close, inputs[1]))

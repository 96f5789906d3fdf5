"""W2 in NautilusTrader: market orders at this close on a margin account, its risk checks bypassed."""

import sys
from decimal import Decimal

import nautilus_trader
import pandas as pd
from intraday.bars import CASH, COST_BPS, Cross, Floats, prices
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

VENUE = Venue("SIM")


class Flip(Strategy):
    def __init__(self, kind: BarType) -> None:
        super().__init__()
        self.kind, self.rule, self.answer, self.traded = kind, Cross(), 0.0, 0

    def on_start(self) -> None:
        self.subscribe_bars(self.kind)

    def on_bar(self, bar: Bar) -> None:
        wanted = self.rule(float(bar.close))
        if wanted != self.answer:
            # A flip is one order of two units here and two orders elsewhere.
            units = int(abs(wanted - self.answer))
            self.answer, self.traded = wanted, self.traded + units
            side = OrderSide.BUY if wanted > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(self.kind.instrument_id, side, Quantity.from_int(units)))


def simulate(close: Floats) -> tuple[float, int]:
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    engine.add_venue(
        VENUE, OmsType.NETTING, AccountType.MARGIN, starting_balances=[Money(CASH, USD)], base_currency=USD
    )
    rate = Decimal(str(COST_BPS)) / 10_000
    share = Equity(
        InstrumentId(Symbol("S"), VENUE), Symbol("S"), USD, 2, Price.from_str("0.01"), Quantity.from_int(1), 0, 0,
        maker_fee=rate, taker_fee=rate,
    )  # fmt: skip
    kind = BarType.from_str(f"{share.id}-1-MINUTE-LAST-EXTERNAL")
    engine.add_instrument(share)
    stamps = pd.date_range("2000-01-03", periods=len(close), freq="1min").as_unit("ns").asi8
    volume = Quantity.from_int(1_000_000_000)
    bars, before = [], Price(close[0], 2)
    for price, stamp in zip(close.tolist(), stamps.tolist()):
        now = Price(price, 2)
        bars.append(Bar(kind, before, max(before, now), min(before, now), now, volume, stamp, stamp))
        before = now
    engine.add_data(bars)
    strategy = Flip(kind)
    engine.add_strategy(strategy)
    engine.run()
    cash = float(engine.portfolio.account(VENUE).balance_total(USD))
    return cash + float(engine.portfolio.unrealized_pnl(share.id)), strategy.traded


if __name__ == "__main__":
    number = int(sys.argv[1])
    series = prices()[:number]
    report("nautilus_trader", nautilus_trader.__version__, lambda: simulate(series), bars=float(number))

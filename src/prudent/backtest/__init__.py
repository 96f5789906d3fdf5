"""Backtests: runs that advance a simulated clock and call the same cycle."""

from prudent.backtest.api import run_backtest

__all__ = ["run_backtest"]

"""What a backtest came to, whichever way it was worked out; its book is made of it."""

from dataclasses import dataclass

from prudent.backtest.request import RunPath
from prudent.domain.performance import DecisionRow, FillTable, GuardCount, NavSeries


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """`path` is the way that was taken. `failures` are warnings, `partial` says why it ended early; `prompts` name the
    templates that a model was asked with. `ledger` is the last link of a ledger in columns.
    """

    path: RunPath
    nav: NavSeries
    fills: FillTable
    decisions: tuple[DecisionRow, ...]
    guards: tuple[GuardCount, ...]
    prompts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    partial: str = ""
    ledger: str = ""

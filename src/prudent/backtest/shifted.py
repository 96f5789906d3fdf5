"""The placebo of shifted time as one more control of a run: from what it held, so that no model is asked."""

from dataclasses import dataclass

import numpy as np

from prudent.analytics.placebo import LEAST, shifted, weights_of
from prudent.analytics.returns import cagr
from prudent.backtest.history import history_source
from prudent.backtest.tape import Tape
from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.performance import RunBook
from prudent.tearsheet.extras import BaselineRow

TARGET_WEIGHTS = "target_weights"
NAME = "its own holdings at other times"
# Fewer sessions have too few times that are apart.
ENOUGH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Placebo:
    """The row, and what it says; without a row, why there is none."""

    row: BaselineRow | None = None
    note: str = ""


def placebo(desk: Desk, book: RunBook) -> Placebo:
    """How the run ranks among its own holdings moved on in time."""
    why = _why_not(book)
    if why:
        return Placebo(note=f"{NAME}: not applicable, {why}")
    (last,) = desk.calendar.sessions(book.nav.days[-1].item(), book.nav.days[-1].item())
    panel = Tape(history_source(desk), last).panel(book.fills.symbols, book.nav.days)
    weights = weights_of(book.nav, book.fills, panel)
    if weights is None:
        return Placebo(note=f"{NAME}: not run, its fills and the prices do not give what it held")
    found = shifted(weights, panel, cost=float(book.mandate.slippage_bps) / 10_000.0)
    typical, sessions = float(np.median(found.total)), found.sessions
    row = BaselineRow(
        name=f"{NAME}, median of {len(sessions)}", total_return=typical, cagr=cagr(typical, len(weights) - 1),
        percentile=found.percentile,
    )  # fmt: skip
    note = (
        f"{NAME}: what it held at each close, {sessions[0]} to {sessions[-1]} sessions later, what falls off the end "
        f"put at the beginning; valued from close to close, where they stood they make {found.own:.2%}; a rank near "
        "50 % says that its timing added nothing"
    )
    return Placebo(row=row, note=note)


def _why_not(book: RunBook) -> str:
    if book.mode is not Mode.BACKTEST:
        return "it is taken of backtests only"
    if book.mandate.strategy == TARGET_WEIGHTS:
        return "its targets are the same on every day"
    if not len(book.fills):
        return "it held nothing"
    if len(book.nav.days) < max(ENOUGH, 2 * LEAST + 1):
        return f"it takes {ENOUGH} sessions, the run has {len(book.nav.days)}"
    return ""

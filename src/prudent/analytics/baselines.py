"""What money would have done beside a run without its decisions: held, spread evenly, kept, or put on past winners.

Every baseline decides on prices up to a close and trades in the next session, at the run's own price of the session
and cost. Levels begin at 1 before the run's first session.
"""

import math
from enum import StrEnum

import numpy as np

from prudent.analytics.marks import Marks, Terms, marks_of
from prudent.domain.errors import InputError
from prudent.domain.performance import Benchmark, Days, Floats, Ints

SESSIONS_A_YEAR = 252
# 12-1 momentum: the return of a year without its last month.
LOOK_BACK, SKIPPED = 252, 21
# Each round of solving for the cost of a trade leaves at most `cost` of the error; 2 % leaves nothing a float holds.
ROUNDS = 12


class Dividends(StrEnum):
    """What buy-and-hold does with them."""

    REINVESTED = "reinvested"
    CASH = "cash"


def buy_and_hold(terms: Terms, *, dividends: Dividends = Dividends.REINVESTED) -> Benchmark:
    """One symbol, the only of `terms.columns`, bought after the run's first decision at the first price there is."""
    if len(terms.columns) != 1:
        raise InputError(f"buy-and-hold takes one symbol, had {len(terms.columns)}; name the benchmark")
    keeps = dividends is Dividends.CASH
    marks = marks_of(terms.panel, terms.columns, dividends=not keeps)
    at_open = terms.fill == "next_open"
    level = np.ones(len(terms.panel.days))
    first = int(terms.decided[0]) + 1 if len(terms.decided) else len(level)
    there = np.flatnonzero((marks.at_open if at_open else marks.at_close)[first:, 0])
    if len(there):
        bought = first + int(there[0])
        paid = float((marks.open if at_open else marks.close)[bought, 0])
        units = 1.0 / (1.0 + terms.cost) / paid
        level[bought:] = units * marks.close[bought:, 0]
        if keeps:
            level[bought:] += units * _dividends_after(terms, marks, bought)
    return _benchmark(terms, f"{terms.panel.symbols[int(terms.columns[0])]} held", level)


def equal_weight(terms: Terms) -> Benchmark:
    """All symbols that have a price, evenly, whenever the run decided."""
    marks = marks_of(terms.panel, terms.columns)
    priced = marks.at_close[terms.decided].astype(np.float64)
    targets = priced / np.maximum(priced.sum(axis=1, keepdims=True), 1.0)
    return _benchmark(terms, "equal weight", follow(terms, marks, terms.decided, targets))


def cash(terms: Terms, *, rate: float = 0.0) -> Benchmark:
    """Money kept, at a yearly rate, 252 sessions a year."""
    sessions = np.arange(len(terms.panel.days)) - terms.first + 1
    return _benchmark(terms, "cash", (1.0 + rate) ** (sessions / SESSIONS_A_YEAR))


def momentum(terms: Terms, *, share: float = 0.5) -> Benchmark:
    """The `share` of symbols with the best return of the 12 months before the last one, evenly, chosen monthly.

    It chooses at the run's first decision and then at each month's last session; which that is a calendar knows before.
    A symbol needs 252 sessions of history, and where none has them the money waits as cash.
    """
    if not 0.0 < share <= 1.0:
        raise InputError(f"share must be a fraction over 0 up to 1, was {share:g}; 0.5 is the better half")
    marks = marks_of(terms.panel, terms.columns)
    begins = int(terms.decided[0]) if len(terms.decided) else terms.first
    ends = month_ends(terms.panel.days)
    decided = np.union1d(ends[ends > begins], [begins]).astype(np.int64)
    targets = np.stack([_winners(marks, int(t), share) for t in decided])
    return _benchmark(terms, "12-1 momentum", follow(terms, marks, decided, targets))


def month_ends(days: Days) -> Ints:
    """The sessions that another month follows; the last session of the panel is followed by nothing known."""
    months = days.astype("datetime64[M]")
    return np.flatnonzero(months[1:] != months[:-1]).astype(np.int64)


def follow(terms: Terms, marks: Marks, decided: Ints, targets: Floats) -> Floats:
    """Levels at each close of a portfolio brought to `targets[k]` (weights, at most 1 in sum) after `decided[k]`.

    Where a symbol has no price at which to trade, what is held of it stays and the rest is cut to what is left.
    """
    at_open = terms.fill == "next_open"
    price, tradable = (marks.open, marks.at_open) if at_open else (marks.close, marks.at_close)
    level = np.ones(len(price))
    units, money, since = np.zeros(price.shape[1]), 1.0, 0
    for k, t in enumerate(decided):
        s = int(t) + 1
        if s >= len(price):
            break
        level[since:s] = money + marks.close[since:s] @ units
        held = units * price[s]
        movable = tradable[s] | marks.gone[t]
        wanted, money = _rebalanced(held, money, np.where(tradable[s], targets[k], 0.0), (movable, terms.cost))
        units, since = wanted / price[s], s
    level[since:] = money + marks.close[since:] @ units
    return level


def _rebalanced(
    held: Floats, money: float, weights: Floats, rules: tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], float]
) -> tuple[Floats, float]:
    """Values of holdings and money after trading to weights of what is left after costs."""
    movable, cost = rules
    worth = money + float(held.sum())
    stuck = float(held[~movable].sum())
    total, left = float(weights.sum()), worth
    wanted = held
    for _ in range(ROUNDS if cost else 1):
        scale = min(1.0, max(left - stuck, 0.0) / (total * left)) if total > 0.0 and left > 0.0 else 0.0
        wanted = np.where(movable, weights * scale * left, held)
        left = worth - cost * float(np.abs(wanted - held).sum())
    return wanted, left - float(wanted.sum())


def _winners(marks: Marks, t: int, share: float) -> Floats:
    weights = np.zeros(marks.close.shape[1])
    if t < LOOK_BACK:
        return weights
    able = np.flatnonzero(marks.at_close[t] & marks.at_close[: t - LOOK_BACK + 1].any(axis=0))
    if len(able):
        past = marks.close[t - SKIPPED, able] / marks.close[t - LOOK_BACK, able]
        count = math.ceil(share * len(able))
        best = able[np.argsort(-past, kind="stable")[:count]]
        weights[best] = 1.0 / count
    return weights


def _dividends_after(terms: Terms, marks: Marks, bought: int) -> Floats:
    """Cash that one unit of a mark without dividends has received from sessions after `bought`, at each from it on."""
    column, priced = int(terms.columns[0]), np.flatnonzero(marks.at_close[:, 0])
    if not len(priced):
        return np.zeros(len(marks.close) - bought)
    split = np.cumprod(np.where(np.isfinite(terms.panel.split[:, column]), terms.panel.split[:, column], 1.0))
    # A unit is the same shares of the first session all along.
    shares = marks.close[priced[0], 0] / (terms.panel.close[priced[0], column] * split[priced[0]])
    paid = np.nan_to_num(terms.panel.dividend[bought + 1 :, column]) * split[bought + 1 :]
    out: Floats = shares * np.concatenate(([0.0], np.cumsum(paid)))
    return out


def _benchmark(terms: Terms, name: str, level: Floats) -> Benchmark:
    return Benchmark(name=name, days=terms.panel.days[terms.first :], level=level[terms.first :], opening=1.0)

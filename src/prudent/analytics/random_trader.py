"""Traders without a view: as much bought and sold as a run on the same days, in names drawn by chance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prudent.analytics.marks import Marks, Terms, marks_of
from prudent.domain.errors import InputError
from prudent.domain.performance import Days, FillTable, Floats, Ints, NavSeries

DRAWS = 1_000
# Orders of names are drawn once and picked from, which is much faster than a new order for each trader and day.
ORDERS = 4_096
# Numbers held for that: 16 MB.
NUMBERS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pace:
    """How a run traded; row = session of the panel with fills, ascending.

    `bought` and `sold` are values over the equity before them, 0 or more; `names` is how many symbols were bought.
    """

    session: Ints
    bought: Floats
    sold: Floats
    names: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RandomTraders:
    """Levels at each close, `[trader, t]`, 1 before the first; `turnover` sums what each traded over its equity."""

    days: Days
    level: Floats
    turnover: Floats

    @property
    def returns(self) -> Floats:
        """Returns of each session `[trader, t]`."""
        out: Floats = np.diff(self.level, axis=1, prepend=1.0) / np.concatenate(
            (np.ones((len(self.level), 1)), self.level[:, :-1]), axis=1
        )
        return out

    @property
    def total_return(self) -> Floats:
        out: Floats = self.level[:, -1] - 1.0
        return out

    def percentile(self, total_return: float) -> float:
        """The share of traders that a run with such a return beat, ties counted half: 0 to 1."""
        totals = self.total_return
        return float((np.sum(totals < total_return) + 0.5 * np.sum(totals == total_return)) / len(totals))


def pace_of(nav: NavSeries, fills: FillTable, days: Days) -> Pace:
    """The pace of a run by session of `days`; fills on other days and where there was no equity are left out."""
    before = np.concatenate(([nav.opening], nav.nav[:-1])) + nav.flow
    row, at = np.searchsorted(nav.days, fills.day), np.searchsorted(days, fills.day)
    inside = (row < len(nav.days)) & (at < len(days))
    inside[inside] &= (nav.days[row[inside]] == fills.day[inside]) & (days[at[inside]] == fills.day[inside])
    inside[inside] &= before[row[inside]] > 0.0
    share = fills.quantity[inside] * fills.price[inside] / before[row[inside]]
    sessions, place = np.unique(at[inside], return_inverse=True)
    bought, sold = np.zeros(len(sessions)), np.zeros(len(sessions))
    np.add.at(bought, place, np.maximum(share, 0.0))
    np.add.at(sold, place, np.maximum(-share, 0.0))
    buys = share > 0.0
    pairs = np.unique(np.stack((place[buys], fills.symbol[inside][buys])), axis=1)
    names = np.bincount(pairs[0].astype(np.int64), minlength=len(sessions))
    return Pace(session=sessions.astype(np.int64), bought=bought, sold=sold, names=names.astype(np.int64))


def random_traders(terms: Terms, pace: Pace, *, seed: int, draws: int = DRAWS) -> RandomTraders:
    """`draws` traders who trade at the run's pace; long only, never on credit, in symbols that have a price.

    A trader sells holdings in an order drawn by chance until the run's share of equity is sold, then buys as many
    names as the run did, evenly. One who holds or has less than that trades less.
    """
    if draws < 1:
        raise InputError(f"draws must be 1 or more, was {draws}")
    if len(pace.session) and not terms.first <= pace.session[0] <= pace.session[-1] < len(terms.panel.days):
        raise InputError("a run trades in its own sessions; take the pace from the fills of this run")
    marks = marks_of(terms.panel, terms.columns)
    rng = np.random.Generator(np.random.PCG64(seed))
    count = len(terms.columns)
    orders = rng.permuted(np.tile(np.arange(count), (max(1, min(ORDERS, NUMBERS // count)), 1)), axis=1)
    level = np.ones((draws, len(terms.panel.days)))
    hands = _Hands(units=np.zeros((draws, count)), money=np.ones(draws), turnover=np.zeros(draws))
    since = 0
    for k, session in enumerate(pace.session):
        s = int(session)
        level[:, since:s] = hands.money[:, None] + hands.units @ marks.close[since:s].T
        picks = orders[rng.integers(0, len(orders), size=(2, draws))]
        hands.trade(_Day(marks, terms, s), (pace.bought[k], pace.sold[k], int(pace.names[k])), picks)
        since = s
    level[:, since:] = hands.money[:, None] + hands.units @ marks.close[since:].T
    return RandomTraders(days=terms.panel.days[terms.first :], level=level[:, terms.first :], turnover=hands.turnover)


class _Day:
    """Prices of one session and what may be traded at them."""

    def __init__(self, marks: Marks, terms: Terms, s: int) -> None:
        at_open = terms.fill == "next_open"
        there = (marks.at_open if at_open else marks.at_close)[s]
        known = marks.at_close[s - 1] if s else np.zeros(len(there), dtype=np.bool_)
        self.price: Floats = (marks.open if at_open else marks.close)[s]
        self.buyable: NDArray[np.bool_] = there & known
        self.sellable: NDArray[np.bool_] = there | (marks.gone[s - 1] if s else known)
        self.cost = terms.cost


@dataclass(slots=True, kw_only=True, eq=False)
class _Hands:
    """Holdings `[trader, symbol]` and money of all traders."""

    units: Floats
    money: Floats
    turnover: Floats

    def trade(self, day: _Day, pace: tuple[float, float, int], picks: Ints) -> None:
        bought, sold, names = pace
        held = self.units * day.price
        equity = self.money + held.sum(axis=1)
        gone = _sold(np.where(day.sellable, held, 0.0), sold * equity, picks[0])
        proceeds = gone.sum(axis=1)
        self.money = self.money + proceeds * (1.0 - day.cost)
        chosen = _chosen(day.buyable, picks[1], names)
        each = chosen.sum(axis=1)
        budget = np.where(each > 0, np.clip(self.money / (1.0 + day.cost), 0.0, bought * equity), 0.0)
        new = chosen * (budget / np.maximum(each, 1))[:, None]
        self.money = self.money - budget * (1.0 + day.cost)
        self.units = self.units + (new - gone) / day.price
        self.turnover += np.divide(proceeds + budget, equity, out=np.zeros_like(equity), where=equity > 0.0)


def _sold(held: Floats, amount: Floats, order: Ints) -> Floats:
    """Values sold of each holding, in that order, until `amount` is reached."""
    sorted_values = np.take_along_axis(held, order, axis=1)
    before = np.cumsum(sorted_values, axis=1) - sorted_values
    taken = np.clip(amount[:, None] - before, 0.0, sorted_values)
    out = np.empty_like(held)
    np.put_along_axis(out, order, taken, axis=1)
    return out


def _chosen(buyable: NDArray[np.bool_], order: Ints, names: int) -> NDArray[np.bool_]:
    """The first `names` buyable symbols in each trader's order."""
    there = buyable[order]
    first = there & (np.cumsum(there, axis=1) <= names)
    out = np.zeros_like(first)
    np.put_along_axis(out, order, first, axis=1)
    return out

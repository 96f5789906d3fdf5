"""Trades from fills: a campaign runs from flat to flat in a symbol and is one trade; lots close first in, first out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prudent.domain.performance import Days, FillTable, Floats, Ints, Panel, TradeStats

Bools = NDArray[np.bool_]
# Symbol as the table counts it, the first day of the new unit, new shares for one old.
Split = tuple[int, np.datetime64, float]

# A position this small beside the symbol's largest fill is flat: fractions of shares do not sum to 0 exactly.
FLAT = 1e-9
BREAKEVEN = 0.005


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TradeTable:
    """Closed campaigns in the order in which they closed, row = trade; money in the account's currency.

    `symbol` and `cause` index those of the fills; `cause` is that of the last exit. `quantity` is all that was opened,
    below 0 for a short, in shares of the day of the close. `pnl` is net of fees, `result` is `pnl` over the worth of
    all opening fills, `holding_days` are calendar days.
    """

    symbol: Ints
    opened: Days
    closed: Days
    quantity: Floats
    pnl: Floats
    fees: Floats
    result: Floats
    holding_days: Ints
    cause: Ints

    def __len__(self) -> int:
        return len(self.symbol)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenTable:
    """Campaigns that still hold something, by symbol; `quantity` in shares of the last day.

    `cost` is what the lots still held were opened at, below 0 for a short, without fees; `realised` is what the lots
    that closed earned, net of fees; `fees` are those of the lots still held.
    """

    symbol: Ints
    opened: Days
    quantity: Floats
    cost: Floats
    realised: Floats
    fees: Floats

    def __len__(self) -> int:
        return len(self.symbol)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """Fills by symbol, then time, each of them wholly of one campaign; a fill through 0 became two.

    `quantity` and `price` are in shares of the last day, `unit` is how many of them one share of the fill's day became.
    `opens` says that the part enlarges its position; campaign k has the rows `starts[k]` to `ends[k]`, ends included.
    """

    symbol: Ints
    day: Days
    quantity: Floats
    price: Floats
    fees: Floats
    unit: Floats
    cause: Ints
    opens: Bools
    campaign: Ints
    starts: Ints
    ends: Ints
    closed: Bools


def splits_of(panel: Panel, symbols: Sequence[str]) -> tuple[Split, ...]:
    """The splits of a panel as a fill table with these `symbols` counts them."""
    known = {name: k for k, name in enumerate(symbols)}
    rows, columns = np.nonzero(np.isfinite(panel.split) & (panel.split != 1.0) & (panel.split > 0.0))
    return tuple(
        (known[panel.symbols[i]], panel.days[t], float(panel.split[t, i]))
        for t, i in zip(rows.tolist(), columns.tolist())
        if panel.symbols[i] in known
    )


def units(symbol: Ints, day: Days, splits: Sequence[Split]) -> Floats:
    """How many shares of the last day one share of each fill's day became; rows by symbol, then day."""
    out = np.ones(len(day))
    for index, effective, ratio in splits:
        begin, end = np.searchsorted(symbol, (index, index + 1))
        out[begin : begin + np.searchsorted(day[begin:end], effective)] *= ratio
    return out


def positions(symbol: Ints, quantity: Floats) -> tuple[Floats, Floats]:
    """The position after each fill and before it, exactly 0 where it is flat; rows by symbol."""
    firsts = np.flatnonzero(np.concatenate(([True], symbol[1:] != symbol[:-1])))
    lasts = np.concatenate((firsts[1:], [len(symbol)]))
    after = np.empty(len(quantity))
    # A sum for each symbol by itself: one over all would round the small by the large.
    for begin, end in zip(firsts.tolist(), lasts.tolist()):
        np.cumsum(quantity[begin:end], out=after[begin:end])
    largest = np.repeat(np.maximum.reduceat(np.abs(quantity), firsts), lasts - firsts)
    after[np.abs(after) <= FLAT * largest] = 0.0
    before = np.concatenate(([0.0], after[:-1]))
    before[firsts] = 0.0
    return after, before


def parts_of(fills: FillTable, splits: Sequence[Split] = ()) -> Parts | None:
    """Fills cut into campaigns; None where nothing traded."""
    order = np.argsort(fills.symbol, kind="stable")
    order = order[fills.quantity[order] != 0.0]
    if not len(order):
        return None
    symbol, day = fills.symbol[order], fills.day[order].astype("datetime64[D]")
    unit = units(symbol, day, splits)
    quantity = fills.quantity[order] * unit
    after, before = positions(symbol, quantity)
    crossing = before * after < 0.0
    row = np.repeat(np.arange(len(order)), np.where(crossing, 2, 1))
    second = np.concatenate(([False], row[1:] == row[:-1]))
    first = np.concatenate((second[1:], [False]))
    piece = np.where(first, -before[row], np.where(second, after[row], quantity[row]))
    held = np.where(second, 0.0, before[row])
    left = np.where(first, 0.0, after[row])
    begins = held == 0.0
    starts = np.flatnonzero(begins)
    ends = np.concatenate((starts[1:], [len(row)])) - 1
    return Parts(
        symbol=symbol[row], day=day[row], quantity=piece, price=(fills.price[order] / unit)[row],
        fees=fills.fees[order][row] * piece / quantity[row], unit=unit[row], cause=fills.cause[order][row],
        opens=begins | (np.sign(piece) == np.sign(held)), campaign=np.cumsum(begins) - 1,
        starts=starts, ends=ends, closed=left[ends] == 0.0,
    )  # fmt: skip


def closed_trades(fills: FillTable, splits: Sequence[Split] = ()) -> TradeTable:
    """Every campaign that ended flat."""
    parts = parts_of(fills, splits)
    if parts is None:
        return no_trades()
    value = parts.quantity * parts.price
    fees = np.add.reduceat(parts.fees, parts.starts)
    pnl = -np.add.reduceat(value, parts.starts) - fees
    paid = np.add.reduceat(np.where(parts.opens, np.abs(value), 0.0), parts.starts)
    quantity = np.add.reduceat(np.where(parts.opens, parts.quantity, 0.0), parts.starts) / parts.unit[parts.ends]
    chosen = np.flatnonzero(parts.closed)
    # By day of the close; the order of the symbols breaks ties.
    chosen = chosen[np.argsort(parts.day[parts.ends[chosen]], kind="stable")]
    first, last = parts.starts[chosen], parts.ends[chosen]
    opened, closed = parts.day[first], parts.day[last]
    result = np.full(len(chosen), np.nan)
    np.divide(pnl[chosen], paid[chosen], out=result, where=paid[chosen] > 0.0)
    return TradeTable(
        symbol=parts.symbol[first], opened=opened, closed=closed, quantity=quantity[chosen], pnl=pnl[chosen],
        fees=fees[chosen], result=result, holding_days=(closed - opened).astype(np.int64), cause=parts.cause[last],
    )  # fmt: skip


def no_trades() -> TradeTable:
    none, counts, days = np.empty(0), np.empty(0, dtype=np.int64), np.empty(0, dtype="datetime64[D]")
    return TradeTable(
        symbol=counts, opened=days, closed=days, quantity=none, pnl=none, fees=none, result=none, holding_days=counts,
        cause=counts,
    )  # fmt: skip


def open_trades(fills: FillTable, splits: Sequence[Split] = ()) -> OpenTable:
    """Every campaign that still holds something; lots that closed are the first that were opened."""
    parts = parts_of(fills, splits)
    if parts is None:
        none, counts = np.empty(0), np.empty(0, dtype=np.int64)
        return OpenTable(
            symbol=counts, opened=np.empty(0, dtype="datetime64[D]"), quantity=none, cost=none, realised=none, fees=none
        )
    opened = np.where(parts.opens, np.abs(parts.quantity), 0.0)
    shut = np.add.reduceat(np.abs(parts.quantity) - opened, parts.starts)[parts.campaign]
    # Where each lot ends in the row of all that its campaign opened; what was shut is the beginning of that row.
    ends = within(opened, parts)
    kept = np.clip(ends - shut, 0.0, opened)
    share = np.divide(kept, opened, out=np.zeros(len(kept)), where=opened > 0.0)
    side = np.sign(parts.quantity)
    cost = np.add.reduceat(side * kept * parts.price, parts.starts)
    fees = np.add.reduceat(share * parts.fees, parts.starts)
    spent = np.add.reduceat(parts.quantity * parts.price + parts.fees, parts.starts)
    chosen = np.flatnonzero(~parts.closed)
    first = parts.starts[chosen]
    return OpenTable(
        symbol=parts.symbol[first], opened=parts.day[first],
        quantity=np.add.reduceat(parts.quantity, parts.starts)[chosen],
        cost=cost[chosen], realised=(cost + fees - spent)[chosen], fees=fees[chosen],
    )  # fmt: skip


def within(values: Floats, parts: Parts) -> Floats:
    """Running sums that begin again in each campaign."""
    out = np.empty(len(values))
    for begin, end in zip(parts.starts.tolist(), (parts.ends + 1).tolist()):
        np.cumsum(values[begin:end], out=out[begin:end])
    return out


def trade_stats(pnl: Floats, holding_days: Ints, *, still_open: int = 0) -> TradeStats:
    """Figures of closed trades; under half a cent either way is breakeven and in no rate."""
    won, lost = pnl[pnl >= BREAKEVEN], pnl[pnl <= -BREAKEVEN]
    gain, loss = float(won.sum()), -float(lost.sum())
    decided = len(won) + len(lost)
    return TradeStats(
        closed=len(pnl), wins=len(won), losses=len(lost), breakeven=len(pnl) - decided, open=still_open,
        win_rate=len(won) / decided if decided else None,
        profit_factor=gain / loss if len(lost) else None,
        expectancy=float(pnl.mean()) if len(pnl) else None,
        payoff=(gain / len(won)) / (loss / len(lost)) if len(won) and len(lost) else None,
        holding_days=float(holding_days.mean()) if len(holding_days) else None,
    )  # fmt: skip

"""What-ifs, shadow books and attributions as tables and as data."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from prudent.entrypoints.cli.answer import Table, money
from prudent.entrypoints.cli.backtest_view import number, share

if TYPE_CHECKING:
    from prudent.analytics.attribution import Attribution
    from prudent.backtest.shadow import Followed, GuardPrice, ShadowBook
    from prudent.backtest.whatif import Played, WhatIf
    from prudent.domain.performance import Metrics

Blocks = list[str | Table]
SHOWN = 10
# Every guard may be left out here, for nothing of this trades.
THOUGHT = "a thought experiment on recorded decisions: no model was asked, and no account is touched"
HINDSIGHT = "one window, and a change chosen after seeing it: a trial, not a proof"


# What if


def whatif_blocks(found: "WhatIf") -> Blocks:
    """What a person reads after a what-if."""
    base, changed = found.base, found.changed
    more = "more" if found.difference >= 0.0 else "less"
    blocks: Blocks = [
        f"{changed.id}: {found.run} {found.change.in_words()}, {THOUGHT}",
        _check_line(found),
        _figures(base, changed),
        found.comparison.sentence,
        f"{changed.id} ends with {money(abs(found.difference))} {more}; {len(found.trades)} trades differ",
        _held_line(found),
    ]
    if found.missed:
        blocks.append(_orders_table("Missed winners, most first", found.missed[:SHOWN]))
    return [*blocks, f"look number {found.trials} at this window; {HINDSIGHT}"]


def _check_line(found: "WhatIf") -> str:
    check = found.check
    again = f"check: played again unchanged, {found.run}"
    if check.exact:
        return f"{again} has the same value to the cent in all {check.sessions} sessions"
    return f"{again} is off by up to {money(check.worst)} ({check.day}): {check.why}"


def _held_line(found: "WhatIf") -> str:
    from prudent.backtest.shadow import SHOWN as SESSIONS

    refused = sum(each.order.quantity == each.order.planned for each in found.held)
    rules, silent = found.change.rules, " and ".join(found.change.without)
    by = " or ".join([*(["the rule"] if rules else []), *([f"{silent} in {found.run}"] if silent else [])])
    line = f"{refused} orders blocked and {len(found.held) - refused} shrunk by {by}"
    gains = [each.shown for each in found.held if each.shown is not None]
    if not gains:
        return line
    won, lost = sum(max(each, 0.0) for each in gains), sum(min(each, 0.0) for each in gains)
    return (
        f"{line}; {SESSIONS} sessions on, {sum(each > 0.0 for each in gains)} of {len(gains)} would have gained "
        f"{money(won)} and the others lost {money(-lost)}"
    )


def _figures(base: "Played", changed: "Played") -> Table:
    both = zip(_figure_rows(base.figures), _figure_rows(changed.figures))
    rows = [(name, was, now) for (name, was), (_, now) in both]
    return Table(title="Both, from recorded decisions", columns=("figure", f">{base.id}", f">{changed.id}"), rows=rows)


def _figure_rows(figures: "Metrics") -> list[tuple[str, str]]:
    return [
        ("total return", share(figures.total_return)), ("volatility", share(figures.volatility)),
        ("Sharpe", number(figures.sharpe)), ("max drawdown", share(figures.max_drawdown)),
        ("turnover a year", share(figures.turnover)), ("fees", money(figures.fees)),
        ("trades closed", str(figures.trades.closed)), ("invested on average", share(figures.gross_exposure)),
    ]  # fmt: skip


def _orders_table(title: str, orders: "Sequence[Followed]") -> Table:
    return Table(
        title=title,
        columns=("day", "symbol", "side", ">held back", ">of", "guard", ">after 1", ">after 5", ">after 20"),
        rows=[
            (
                str(each.order.day), each.order.symbol, str(each.order.side), str(each.order.quantity),
                str(each.order.planned), each.order.guard, *(money(value) for value in each.after.values()),
            )
            for each in orders
        ],
    )  # fmt: skip


def whatif_data(found: "WhatIf") -> dict[str, object]:
    """The same for machines, every order and trade of it."""
    return {
        "run": found.run, "id": found.changed.id, "change": found.change, "check": found.check,
        "base": _played_data(found.base), "changed": _played_data(found.changed),
        "final_value_difference": found.difference, "comparison": found.comparison,
        "held_back": [_order_data(each) for each in found.held],
        "missed_winners": [_order_data(each) for each in found.missed],
        "trades_that_differ": list(found.trades), "trials": found.trials,
    }  # fmt: skip


def _played_data(played: "Played") -> dict[str, object]:
    last = float(played.nav.nav[-1]) if len(played.nav.nav) else played.nav.opening
    return {"id": played.id, "final_value": last, "metrics": played.figures}


def _order_data(each: "Followed") -> dict[str, object]:
    order = each.order
    return {
        "cycle": order.cycle, "order_ref": order.order_ref, "at": order.at, "symbol": order.symbol,
        "side": str(order.side), "held_back": order.quantity, "planned": order.planned, "guard": order.guard,
        "outcome": str(order.outcome), "reason": order.reason, "notional": each.notional, "profit": _after(each.after),
        "profit_to_date": each.to_date,
    }  # fmt: skip


def _after(after: Mapping[int, object]) -> dict[str, object]:
    return {str(sessions): value for sessions, value in after.items()}


# Shadow book


def shadow_blocks(run: str, book: "ShadowBook") -> Blocks:
    few = any(each.few for each in book.guards)
    blocks: Blocks = [
        Table(
            title=f"Shadow book of {run}: what guards held back, followed as if filled",
            columns=("guard", "name", ">orders", ">amount", ">after 1", ">after 5", ">after 20", ">to date", "note"),
            rows=[_guard_row(each) for each in book.guards],
            empty="no guard refused or shrank an order",
        )
    ]
    if book.guards:
        blocks.append("above 0 the guard cost that much, below 0 it saved it: so many sessions later, after costs")
    if few:
        blocks.append("few: fewer than 20 orders with 20 sessions behind them say nothing about a guard")
    return blocks


def _guard_row(each: "GuardPrice") -> tuple[str, ...]:
    return (
        each.guard, each.name, str(each.orders), money(each.notional), *(money(value) for value in each.after.values()),
        money(each.to_date), "few" if each.few else "",
    )  # fmt: skip


def shadow_data(run: str, book: "ShadowBook") -> dict[str, object]:
    return {
        "run": run,
        "guards": [
            {
                "guard": each.guard, "name": each.name, "layer": each.layer, "orders": each.orders,
                "notional": each.notional, "counted": _after(each.counted), "profit": _after(each.after),
                "profit_to_date": each.to_date, "few": each.few,
            }
            for each in book.guards
        ],
        "orders": [_order_data(each) for each in book.orders],
    }  # fmt: skip


# Attribution


def attribution_blocks(run: str, found: "Attribution") -> Blocks:
    from prudent.backtest.attributed import rows_of

    if not found.intervals:
        return [f"{run} has one decision only; there is nothing between two decisions to split"]
    first, last = found.intervals[0][0].begins, found.intervals[-1][0].ends
    rows = [(each.name, money(each.amount), each.note) for each in rows_of(found.parts)]
    return [
        Table(
            title=f"Profit of {run}, {first:%Y-%m-%d} to {last:%Y-%m-%d}, by cause",
            columns=("part", ">amount", "what it is"), rows=[*rows, ("all", money(found.profit), "")],
        )
    ]  # fmt: skip


def attribution_data(run: str, found: "Attribution") -> dict[str, object]:
    return {
        "run": run, "profit": found.profit, "parts": found.parts,
        "intervals": [
            {"begins": one.begins, "ends": one.ends, "profit": one.profit, "parts": parts}
            for one, parts in found.intervals
        ],
    }  # fmt: skip

"""The parts of a tear sheet on what was done: trades, decisions, guards, costs, and what the profit came from."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from prudent.analytics.trades import OpenTable, TradeTable, closed_trades, open_trades
from prudent.domain.performance import DecisionRow, FillTable
from prudent.tearsheet import words
from prudent.tearsheet.extras import AttributionRow
from prudent.tearsheet.markup import EMPTY, Markup, Table, join, paragraph, table
from prudent.tearsheet.performance_part import columns_of
from prudent.tearsheet.scales import as_date
from prudent.tearsheet.sheet import Sheet

LISTED_MAX = 50


def trade_part(sheet: Sheet) -> Markup:
    """What closed, by why it ended; what is still open; the last trades one by one."""
    fills = sheet.book.fills
    if not len(fills):
        return paragraph("Nothing traded in this run.", "none")
    done = closed_trades(fills, sheet.extras.splits)
    held = open_trades(fills, sheet.extras.splits)
    return join((
        paragraph(trade_sentence(sheet, done)),
        columns_of(table(cause_table(fills, done)), table(open_table(fills, held))),
        table(closed_table(fills, done)),
    ))  # fmt: skip


def trade_sentence(sheet: Sheet, done: TradeTable) -> str:
    stats = sheet.figures.trades
    closed = words.plural(len(done), "closed trade")
    ended = f"{closed}: {stats.wins} with a gain, {stats.losses} with a loss, {stats.breakeven} at even"
    named = f"; the last {LISTED_MAX} are listed" if len(done) > LISTED_MAX else ""
    return (
        f"{words.plural(len(sheet.book.fills), 'fill')} made {ended if len(done) else closed}; {stats.open} still "
        f"open{named}. A trade runs from flat to flat in a symbol."
    )


def cause_table(fills: FillTable, done: TradeTable) -> Table:
    """Closed trades by the cause of their last fill."""
    rows = []
    for index in np.unique(done.cause):
        of = done.cause == index
        pnl, result = done.pnl[of], done.result[of]
        rows.append([
            _name(fills.causes, int(index)), words.whole(int(of.sum())), words.signed_money(float(pnl.sum())),
            words.signed_percent(float(result.mean())), words.tenth(float(done.holding_days[of].mean())),
        ])  # fmt: skip
    return Table(
        caption="Closed trades by why they ended", kind="rows", rows=rows,
        columns=("ended by", ">trades", ">profit", ">mean result", ">mean days"),
    )  # fmt: skip


def open_table(fills: FillTable, held: OpenTable) -> Table:
    """What is still held, at what it cost, largest first."""
    order = np.argsort(-np.abs(held.cost), kind="stable")[:LISTED_MAX]
    return Table(
        caption="Still open", kind="rows", columns=("symbol", "=since", ">quantity", ">cost", ">realised so far"),
        rows=[
            [
                _name(fills.symbols, int(held.symbol[k])), as_date(held.opened[k]).isoformat(),
                words.quantity(float(held.quantity[k])), words.money(float(held.cost[k])),
                words.signed_money(float(held.realised[k])),
            ]
            for k in order
        ],
    )  # fmt: skip


def closed_table(fills: FillTable, done: TradeTable) -> Table:
    """The last trades that closed, newest first."""
    last = range(len(done) - 1, max(len(done) - 1 - LISTED_MAX, -1), -1)
    return Table(
        caption=_last_of("Closed trades", len(done)), kind="rows",
        columns=("symbol", "=opened", "=closed", ">quantity", ">profit", ">result", ">fees", ">days", "ended by"),
        rows=[
            [
                _name(fills.symbols, int(done.symbol[k])), as_date(done.opened[k]).isoformat(),
                as_date(done.closed[k]).isoformat(), words.quantity(float(done.quantity[k])),
                words.signed_money(float(done.pnl[k])), words.signed_percent(float(done.result[k])),
                words.money(float(done.fees[k])), words.whole(int(done.holding_days[k])),
                _name(fills.causes, int(done.cause[k])),
            ]
            for k in last
        ],
    )  # fmt: skip


def _name(names: tuple[str, ...], index: int) -> str:
    return names[index].replace("_", " ") if 0 <= index < len(names) else words.DASH


def _last_of(what: str, count: int) -> str:
    return f"{what}, the last {LISTED_MAX} of {count:,}" if count > LISTED_MAX else what


def decision_part(sheet: Sheet) -> Markup:
    """Answers and codes counted, then the last decisions one by one."""
    rows = sheet.book.decisions
    if not rows:
        return EMPTY
    answers, codes, last = decision_tables(rows)
    return join((columns_of(table(answers), table(codes)), table(last)))


def decision_tables(rows: tuple[DecisionRow, ...]) -> tuple[Table, Table, Table]:
    """Answers, codes, and the last decisions."""
    return (
        _counted("Answers", "answer", (each.answer for each in rows)),
        _counted("Codes", "code", (code for each in rows for code in each.codes)),
        decision_table(rows),
    )


def _counted(caption: str, what: str, entries: Iterable[str]) -> Table:
    """The most frequent first; equals by name."""
    counts = sorted(Counter(entries).items(), key=lambda each: (-each[1], each[0]))
    return Table(
        caption=caption, kind="rows", columns=(what, ">times"),
        rows=[[name or words.DASH, words.whole(count)] for name, count in counts[:LISTED_MAX]],
    )  # fmt: skip


def decision_table(rows: tuple[DecisionRow, ...]) -> Table:
    """The last decisions, newest first."""
    return Table(
        caption=_last_of("Decisions", len(rows)), kind="rows",
        columns=("=cycle", "=at (UTC)", "answer", "answered by", ">orders", ">refused", ">shrunk", "forced", "codes"),
        rows=[
            [
                each.cycle, words.moment(each.at), each.answer,
                each.answered_by + (" (fallback)" if each.fallback else ""), words.whole(each.orders),
                words.whole(each.refused), words.whole(each.shrunk), ", ".join(each.forced), ", ".join(each.codes),
            ]
            for each in rows[: -LISTED_MAX - 1 : -1]
        ],
    )  # fmt: skip


def guard_part(sheet: Sheet) -> Markup:
    """Which guards acted, and what became of the orders that they stopped."""
    if not sheet.book.guards and not sheet.extras.shadow:
        return paragraph("No guard refused or shrank an order.", "none") if sheet.book.decisions else EMPTY
    return join((table(guard_table(sheet)), table(shadow_table(sheet))))


def guard_table(sheet: Sheet) -> Table:
    return Table(
        caption="Guards that acted", kind="rows", columns=("guard", "name", "layer", ">refusals", ">shrinks"),
        rows=[
            [each.guard, each.name, each.layer, words.whole(each.refusals), words.whole(each.shrinks)]
            for each in sheet.book.guards
        ],
    )  # fmt: skip


def shadow_table(sheet: Sheet) -> Table:
    return Table(
        caption="Shadow book: what guards held back, followed as if filled for 20 sessions", kind="rows",
        columns=("guard", "name", ">orders", ">amount", ">would have made"),
        rows=[
            [each.guard, each.name, words.whole(each.orders), words.money(each.amount), words.signed_money(each.profit)]
            for each in sheet.extras.shadow
        ],
    )  # fmt: skip


def profit_part(sheet: Sheet) -> Markup:
    return table(attribution_table(sheet.extras.attribution))


def attribution_table(rows: tuple[AttributionRow, ...]) -> Table:
    """Parts of the profit and their sum."""
    listed = [[each.name, words.signed_money(each.amount), each.note] for each in rows]
    if listed:
        listed.append(["all", words.signed_money(sum(each.amount for each in rows)), ""])
    noted = any(each.note for each in rows)
    return Table(
        caption="Parts of the profit", columns=("part", ">amount", *(("note",) if noted else ())),
        kind="small",
        rows=listed if noted else [each[:2] for each in listed],
    )  # fmt: skip


def cost_part(sheet: Sheet) -> Markup:
    return table(Table(caption="What it cost", columns=("what", ">amount"), rows=cost_rows(sheet), kind="small"))


def cost_rows(sheet: Sheet) -> list[list[str]]:
    """Fees, what the fills gave away against the price at the decision, and the model's bill."""
    fills, decisions = sheet.book.fills, sheet.book.decisions
    rows = [["Fees", words.money(sheet.figures.fees)]] if len(fills) else []
    known = np.isfinite(fills.arrival)
    if known.any():
        worse = float(np.sum(fills.quantity[known] * (fills.price[known] - fills.arrival[known])))
        traded = float(np.sum(np.abs(fills.quantity[known] * fills.arrival[known])))
        rows.append(["Paid beyond the price at the decision", words.signed_money(worse)])
        if traded > 0:
            rows.append(["The same in basis points of what traded", words.ratio(worse / traded * 1e4)])
    if any(each.tokens or each.cost for each in decisions):
        rows.append(["Tokens of the model", words.whole(sum(each.tokens for each in decisions))])
        rows.append(["Cost of the model", words.cost(sum(each.cost for each in decisions))])
    fallbacks = sum(each.fallback for each in decisions)
    if fallbacks:
        rows.append(["Decisions made by a fallback", words.whole(fallbacks)])
    return rows

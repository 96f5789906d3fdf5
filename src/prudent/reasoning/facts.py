"""The facts that a model is shown of one account at one moment: as JSON, in one order, rounded, nothing from elsewhere.

The shape (every number is a decimal string or an int, every time RFC 3339 UTC; what is not known is "unknown"):

    version, as_of, session, market_open, source, warnings[]
    account       {alias, currency, equity, cash, cash_weight, spendable, invested_weight, drawdown, change_today,
                   trades_today, state, state_reason, bootstrap}
    positions[]   {symbol, quantity, average_cost, cost, price, value, weight, gain, gain_pct, opened, age_days, sector,
                   sellable_from}                          the largest first
    symbols[]     {index, symbol, name, sector, kind, tradable, held, price, level, change, as_of, age_seconds, source,
                   quality, adv_dollars, indicators{}, earnings{}, limits{}}    index counts from 1; see market_facts
    market        {regime{}, index{}, vix{}, ten_year{}, breadth{}}             see market_facts
    news          {items[], warnings[], note}                                   see news_facts
    fundamentals  {why_not, items[]}                                            see news_facts
    alike[]       {one, other, correlation, sessions}      pairs that moved alike
    open_orders[] {symbol, side, remaining, limit_price, status, ours}
    cooldowns[]   {symbol, cause, since, until}            not to be bought (a stop sold it) before `until`
    past[]        {cycle, at, age_days, answer, code, decided_by, trades[], refused[], no_trade[]}     newest first
    past[].trades[]  {symbol, side, quantity, price, move_since, gain_since}
    past[].refused[] {symbol, side, outcome, guard, reason}

Fractions are of 1 (0.05 is 5 %), money is in the account's currency. `limits` of a symbol is empty here: whoever asks a
model about trades fills it in. The account's real name is nowhere in it.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from prudent.domain.accounts import Position
from prudent.domain.cycles import CycleRecord, Observation
from prudent.domain.futures import point_value
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, to_cents
from prudent.domain.orders import OpenOrder, Side
from prudent.domain.records import Json, encode
from prudent.domain.verdicts import Outcome
from prudent.guards.catalogue import BOOTSTRAP_CASH_SHARE, RESERVE_FLOOR
from prudent.ports import DecideContext
from prudent.reasoning.book import ALIAS, FRACTION, UNKNOWN, Book, number, read_book, share, told
from prudent.reasoning.market_facts import market_facts, symbol_facts
from prudent.reasoning.news_facts import fundamental_facts, news_facts

__all__ = ["ALIAS", "FRACTION", "UNKNOWN", "Book", "number", "portfolio_facts", "read_book", "share", "told"]

SHAPE_VERSION = 1
PAST_CYCLES = 3
REFUSED_MAX = 10
ALIKE_SESSIONS = 60
_REFUSALS = (Outcome.CLIP, Outcome.DEFER, Outcome.REJECT)


def portfolio_facts(context: DecideContext, watchlist: Sequence[str]) -> dict[str, Json]:
    """The facts of the context's account: its holdings and the watchlist, in the order of the watchlist.

    Raises:
        Temporary: the market source cannot be reached for the symbols' own bars.
    """
    seen, mandate = context.observation, context.mandate
    book = read_book(seen, watchlist)
    symbols = symbol_facts(context, book)
    return {
        "version": SHAPE_VERSION,
        "as_of": encode(seen.as_of),
        "session": encode(seen.session),
        "market_open": seen.market_open,
        "source": seen.data_source,
        "account": account_facts(book, mandate),
        "positions": [position_facts(each, book, mandate) for each in book.positions],
        "symbols": symbols,
        "market": market_facts(context, symbols),
        "news": news_facts(context, book),
        "fundamentals": fundamental_facts(context, book),
        "alike": _alike(book),
        "open_orders": [open_order_facts(each) for each in seen.snapshot.open_orders],
        "cooldowns": cooldown_facts(seen, mandate),
        "past": past_facts(context, book),
        "warnings": list(seen.warnings),
    }


def account_facts(book: Book, mandate: Mandate) -> dict[str, Json]:
    """What the account has, and how it stands today."""
    seen, history, equity = book.seen, book.seen.history, book.equity
    cash = to_cents(seen.snapshot.cash)
    weight = share(cash, equity)
    fall = share(history.unit_value, history.peak_unit_value)
    opened = None if history.nlv_open is None else history.nlv_open + history.flows_today
    today = share(equity, opened)
    return {
        "alias": ALIAS,
        "currency": seen.snapshot.currency,
        "equity": told(equity),
        "cash": told(cash),
        "cash_weight": told(weight, FRACTION),
        "spendable": told(spendable(book, mandate)),
        "invested_weight": told(None if weight is None else 1 - weight, FRACTION),
        "drawdown": told(None if fall is None else 1 - fall, FRACTION),
        "change_today": told(None if today is None else today - 1, FRACTION),
        "trades_today": history.trades_today,
        "state": str(history.state),
        "state_reason": nameless(history.state_reason, seen.account),
        "bootstrap": weight is not None and weight > BOOTSTRAP_CASH_SHARE,
    }


def spendable(book: Book, mandate: Mandate) -> Decimal | None:
    """Cash above the reserve that platform and mandate ask for, less what live buys may still take; from 0."""
    if book.equity is None:
        return None
    reserve = max(RESERVE_FLOOR[mandate.account_class], mandate.limits.cash_min) * book.equity
    taken = [_cost_of(each, book) for each in book.seen.snapshot.open_orders if each.side is Side.BUY]
    if any(cost is None for cost in taken):
        return ZERO
    free = book.seen.snapshot.cash - reserve - sum((cost for cost in taken if cost is not None), ZERO)
    return max(to_cents(free), ZERO)


def _cost_of(order: OpenOrder, book: Book) -> Decimal | None:
    price = order.limit_price or book.price(order.symbol)
    return None if price is None else order.remaining * price


def position_facts(position: Position, book: Book, mandate: Mandate) -> dict[str, Json]:
    """One holding with its cost, its gain and since when it is held."""
    value, price, paid = book.values.get(position.symbol), book.price(position.symbol), position.average_cost
    # At today's rate where the currency is foreign: cost and value then differ by the price alone.
    cost = None if value is None or price is None or paid is None else to_cents(value * paid / price)
    gain = None if value is None or cost is None else value - cost
    opened = position.opened
    held_days = mandate.strategy_limits.min_holding_days
    return {
        "symbol": position.symbol,
        "quantity": told(position.quantity),
        "average_cost": told(paid, FRACTION),
        "cost": told(cost),
        "price": told(price),
        "value": told(value),
        "weight": told(share(value, book.equity), FRACTION),
        "gain": told(gain),
        "gain_pct": told(None if gain is None or not cost else gain / abs(cost), FRACTION),
        "opened": UNKNOWN if opened is None else encode(opened),
        "age_days": UNKNOWN if opened is None else (book.seen.session - opened.date()).days,
        "sector": book.sector(position.symbol),
        "sellable_from": UNKNOWN if opened is None else encode(opened.date() + timedelta(days=held_days)),
    }


def cooldown_facts(seen: Observation, mandate: Mandate) -> list[Json]:
    """Symbols that a stop sold and that may not be bought again yet."""
    days = mandate.exits.reentry_days
    rows: list[Json] = []
    for each in sorted(seen.history.stopped_out, key=lambda one: one.symbol):
        until = each.session + timedelta(days=days)
        if days and seen.session < until:
            rows.append(
                {"symbol": each.symbol, "cause": "stop_loss", "since": encode(each.session), "until": encode(until)}
            )
    return rows


def past_facts(context: DecideContext, book: Book) -> list[Json]:
    """What the account decided last, what came of it since, and what was refused; from records, never from a model."""
    records = context.records_of(context.mandate.account, PAST_CYCLES)
    return [_past(record, book) for record in records if record.observation.as_of <= book.seen.as_of]


def _past(record: CycleRecord, book: Book) -> Json:
    decided = record.observation.as_of
    return {
        "cycle": f"{record.run}/{record.cycle}",
        "at": encode(decided),
        "age_days": (book.seen.as_of - decided).days,
        "answer": str(record.decision.answer),
        "code": record.decision.code,
        "decided_by": record.decision.decided_by,
        "trades": list(_trades(record, book)),
        "refused": list(_refused(record))[:REFUSED_MAX],
        "no_trade": list(record.no_trade_codes),
    }


def _trades(record: CycleRecord, book: Book) -> Iterator[Json]:
    """Each symbol's fills of a cycle as one trade, with what its price did since; a sale gains when it falls."""
    sums: dict[tuple[str, Side], tuple[Decimal, Decimal]] = {}
    for fill in record.fills:
        if not fill.busted:
            quantity, notional = sums.get((fill.symbol, fill.side), (ZERO, ZERO))
            sums[fill.symbol, fill.side] = quantity + fill.quantity, notional + fill.quantity * fill.price
    for (symbol, side), (quantity, notional) in sorted(sums.items()):
        price, now = notional / quantity, book.price(symbol)
        move = None if now is None else now / price - 1
        size = side.sign * quantity * point_value(symbol)
        yield {
            "symbol": symbol, "side": str(side), "quantity": told(quantity), "price": told(price, FRACTION),
            "move_since": told(move, FRACTION),
            "gain_since": told(None if now is None else to_cents((now - price) * size)),
        }  # fmt: skip


def _refused(record: CycleRecord) -> Iterator[Json]:
    report = record.report
    orders = {order.order_ref: order for order in record.plan.orders}
    for ref, outcomes in zip(report.order_refs, report.outcomes):
        for guard, outcome in zip(report.guards, outcomes):
            if outcome in _REFUSALS and ref in orders:
                reason = report.reasons.get(f"{ref}|{guard.id}", "")
                yield {
                    "symbol": orders[ref].symbol, "side": str(orders[ref].side), "outcome": str(outcome),
                    "guard": guard.name, "reason": nameless(reason, record.account),
                }  # fmt: skip


def nameless(text: str, account: str) -> str:
    """`text` with the account's real name replaced by its alias."""
    return re.sub(rf"(?<![\w-]){re.escape(account)}(?![\w-])", ALIAS, text) if account else text


def _alike(book: Book) -> list[Json]:
    listed = frozenset(book.symbols)
    return [
        {"one": pair.one, "other": pair.other, "correlation": told(pair.correlation), "sessions": ALIKE_SESSIONS}
        for pair in book.seen.alike
        if pair.one in listed and pair.other in listed
    ]


def open_order_facts(order: OpenOrder) -> Json:
    return {
        "symbol": order.symbol, "side": str(order.side), "remaining": told(order.remaining),
        "limit_price": "market" if order.limit_price is None else told(order.limit_price),
        "status": str(order.status), "ours": order.ours,
    }  # fmt: skip

"""What each symbol may still be bought and sold for, in money, before a model is asked: as the guards will judge it.

It only makes prompts useful and refuses early. The guards decide in the end, on the orders themselves.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from prudent.domain.accounts import Position, TradingState
from prudent.domain.cycles import Observation
from prudent.domain.instruments import CASH, UNKNOWN_SECTOR, Instrument, InstrumentKind
from prudent.domain.mandate import Mandate
from prudent.domain.money import CENT, ZERO, plain, to_cents
from prudent.domain.orders import Side
from prudent.domain.quotes import Quote
from prudent.domain.records import Json
from prudent.domain.valuation import ONE, fx_rate, usable
from prudent.guards import judges_book, judges_data, judges_loss
from prudent.guards.catalogue import BOOTSTRAP_CASH_SHARE, GuardRow, guard_rows
from prudent.guards.evaluate import Judge
from prudent.guards.user_rules import in_scope

# The guards price a purchase at its worst, 1 % above the quote.
WORST_PRICE = Decimal("1.01")
BOOTSTRAP_FACTOR = 2
_WEIGHTS = (judges_book.max_position_weight, judges_book.max_sector_weight, judges_book.max_order_weight)
# What holds for the size of one order, sales among them.
_ORDER_SIZES = (judges_book.max_order_weight, judges_book.max_order_notional)
ALL = "all of it"
_TRADED = (InstrumentKind.STOCK, InstrumentKind.ETF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One symbol in the account's currency: `value` with open orders, what may be bought and sold, and why not more.

    `unit` is what one share is worth, None where there is no usable price; `lot` is the smallest step of shares.
    """

    symbol: str
    unit: Decimal | None
    lot: Decimal
    value: Decimal
    buy: Decimal
    buy_bound: str
    sell: Decimal
    sell_bound: str = ""

    def closes(self, amount: Decimal) -> bool:
        """True for a sale of all that is held, which closes the position whole, odd lots included."""
        return self.sell_bound == ALL and amount >= self.sell


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """The account's room. `spendable` is what all purchases may cost together, to which sales of the answer add."""

    equity: Decimal
    base: Decimal
    spendable: Decimal
    min_trade: Decimal
    trades: int
    bootstrap: bool
    symbols: Mapping[str, Room]

    def facts(self) -> dict[str, Json]:
        return {
            "equity": plain(self.equity), "spendable": plain(self.spendable), "min_trade": plain(self.min_trade),
            "max_trades": self.trades, "bootstrap": self.bootstrap,
        }  # fmt: skip

    def limits(self, symbol: str) -> dict[str, Json]:
        """What the prompt says of one symbol."""
        room = self.symbols[symbol]
        return {
            "max_buy_usd": plain(room.buy), "buy_bound": room.buy_bound, "max_sell_usd": plain(room.sell),
            "sell_bound": room.sell_bound,
        }  # fmt: skip


def rooms_of(seen: Observation, mandate: Mandate, symbols: Sequence[str]) -> Rooms:
    """The room of `symbols` in the account as it is observed."""
    return _Survey(seen, mandate).rooms(symbols)


def bootstraps(cash: Decimal, equity: Decimal) -> bool:
    """True while more than 80 % of the account is cash; at exactly 80 % it is not."""
    return equity > 0 and cash > BOOTSTRAP_CASH_SHARE * equity


def down(value: Decimal) -> Decimal:
    """Money rounded down to the cent, never below 0."""
    return max(value.quantize(CENT, rounding=ROUND_FLOOR), ZERO)


class _Survey:
    """One observation, looked up by symbol."""

    def __init__(self, seen: Observation, mandate: Mandate) -> None:
        self._seen, self._mandate = seen, mandate
        self._quotes = {quote.symbol: quote for quote in seen.quotes}
        self._instruments = {each.symbol: each for each in seen.instruments}
        self._held = {each.symbol: each for each in seen.snapshot.positions if each.quantity != 0}
        self._cash = to_cents(seen.snapshot.cash)
        values = {symbol: self._held_value(symbol) for symbol in self._held}
        self._equity = self._cash + sum((to_cents(each) for each in values.values()), ZERO)
        self._rows = guard_rows(
            mandate, seen.rules, mode=seen.mode, interlocks=seen.interlocks, at=seen.as_of
        )  # fmt: skip

    def rooms(self, symbols: Sequence[str]) -> Rooms:
        planning = self._mandate.planning
        base = self._equity if planning.capital_to_deploy is None else min(planning.capital_to_deploy, self._equity)
        spendable = self._spendable()
        return Rooms(
            equity=self._equity,
            base=base,
            spendable=spendable,
            min_trade=max(planning.min_trade_fraction * self._equity, planning.min_trade_notional),
            trades=self._trades(),
            bootstrap=bootstraps(self._cash, self._equity),
            symbols={symbol: self._room(symbol) for symbol in symbols},
        )

    def _trades(self) -> int:
        limits, own = self._mandate.limits, self._mandate.strategy_limits.max_trades_per_cycle
        today = max(limits.max_trades_per_day - self._seen.history.trades_today, 0)
        if own is None:
            return min(limits.max_trades_per_cycle, today)
        doubled = own * BOOTSTRAP_FACTOR if bootstraps(self._cash, self._equity) else own
        return min(doubled, limits.max_trades_per_cycle, today)

    def _spendable(self) -> Decimal:
        """Cash less open purchases, the largest reserve of a guard and the planner's buffer, at worst prices."""
        keeps = (judges_book.minimum_cash_reserve, judges_book.cash_range)
        reserve = max((row.label.limit or ZERO for row in self._rows if row.judge in keeps), default=ZERO)
        # What may not be invested stays cash: sales of the same answer make room for purchases either way.
        reserve = max(reserve, ONE - self._mandate.limits.max_gross_exposure)
        taken = ZERO
        for order in self._seen.snapshot.open_orders:
            if order.side is Side.BUY:
                unit = order.limit_price if order.limit_price is not None else self._unit(order.symbol)
                taken += self._cash if unit is None else order.remaining * unit
        floor = max(reserve, ZERO) + self._mandate.planning.buffer
        return down((self._cash - taken - floor * self._equity) / WORST_PRICE)

    def _unit(self, symbol: str) -> Decimal | None:
        """The value of quantity 1 in the account's currency at a usable price."""
        quote = self._quotes.get(symbol)
        if quote is None or quote.price is None or not usable(quote.price):
            return None
        return self._worth(symbol, quote.price)

    def _worth(self, symbol: str, price: Decimal) -> Decimal | None:
        instrument = self._instruments.get(symbol)
        base = self._seen.snapshot.currency
        rate = fx_rate(instrument.currency if instrument else base, base, self._seen.fx)
        return None if rate is None else price * (instrument.multiplier if instrument else ONE) * rate

    def _held_value(self, symbol: str) -> Decimal:
        """A holding at its price, else at the last thing known of it; the planner stops where it may not do that.

        Not rounded: it must still be whole shares after the way through a weight.
        """
        quote, position = self._quotes.get(symbol), self._held[symbol]
        known = (quote.price if quote else None, quote.previous_close if quote else None, position.average_cost)
        price = next((each for each in known if each is not None and usable(each)), None)
        worth = None if price is None else self._worth(symbol, price)
        return ZERO if worth is None else position.quantity * worth

    def _pending(self, symbol: str, side: Side) -> Decimal:
        orders = self._seen.snapshot.open_orders
        return sum((each.remaining for each in orders if each.symbol == symbol and each.side is side), ZERO)

    def _room(self, symbol: str) -> Room:
        unit, position = self._unit(symbol), self._held.get(symbol)
        held = self._held_value(symbol) if position is not None else ZERO
        bought, sold = self._pending(symbol, Side.BUY), self._pending(symbol, Side.SELL)
        value = held + (bought - sold) * unit if unit is not None else held
        blocked = self._no_entry(symbol, unit)
        buy, bound = (ZERO, blocked) if blocked else self._most(symbol, held + bought * (unit or ZERO))
        sell, why = self._sellable(symbol, position, held, sold, unit)
        return Room(
            symbol=symbol, unit=unit, lot=self._lot(symbol), value=value, buy=buy, buy_bound=bound, sell=sell,
            sell_bound=why,
        )  # fmt: skip

    def _lot(self, symbol: str) -> Decimal:
        instrument = self._instruments.get(symbol)
        return self._mandate.planning.lot_size or (instrument.lot if instrument is not None else ONE)

    def _sellable(
        self, symbol: str, position: Position | None, held: Decimal, sold: Decimal, unit: Decimal | None
    ) -> tuple[Decimal, str]:  # fmt: skip
        if position is None or position.quantity <= 0:
            return ZERO, "not held"
        if unit is None:
            return ZERO, "no price"
        days = self._mandate.strategy_limits.min_holding_days
        if days and (position.opened is None or (self._seen.session - position.opened.date()).days < days):
            return ZERO, f"held less than {days} days"
        bounds = [(held - sold * unit, ALL)]
        for row in self._rows:
            cap = self._cap(row.judge, row.label.limit, symbol) if row.label.limit is not None else None
            if cap is not None and row.judge in _ORDER_SIZES and self._applies(row, symbol):
                bounds.append((cap, _name(row)))
        most, why = min(bounds, key=lambda each: each[0])
        return down(most), why

    def _most(self, symbol: str, value: Decimal) -> tuple[Decimal, str]:
        """The most that limits of size leave for a purchase, and which decides; cash is everybody's together."""
        bounds = [(self._equity, "equity")]
        sector = self._sector(symbol)
        for row in self._rows:
            if not self._applies(row, symbol) or row.label.limit is None:
                continue
            cap = self._cap(row.judge, row.label.limit, symbol)
            if cap is None:
                continue
            used = self._used(row.judge, symbol, value, sector)
            # Limits of the position are kept at the mark of the planner, which those of an order's price exceed.
            bounds.append(((cap - used) / WORST_PRICE, _name(row)))
        most, why = min(bounds, key=lambda each: each[0])
        return down(most), why

    def _cap(self, judge: Judge, limit: Decimal, symbol: str) -> Decimal | None:
        """A size limit in money; None for a judge of something else."""
        if judge in _WEIGHTS:
            return limit * self._equity
        if judge is judges_data.participation:
            return limit * (self._quotes[symbol].adv_dollars or ZERO)
        return limit if judge in (judges_book.max_position_value, judges_book.max_order_notional) else None

    def _used(self, judge: Judge, symbol: str, value: Decimal, sector: str) -> Decimal:
        """What counts towards a cap already: of the position, of its sector, of all; nothing for caps of one order."""
        if judge in (judges_book.max_position_weight, judges_book.max_position_value):
            return value
        if judge is judges_book.max_sector_weight:
            same = [each for each in self._held if self._sector(each) == sector and each != symbol]
            return value + sum((self._held_value(each) for each in same), ZERO)
        return ZERO

    def _sector(self, symbol: str) -> str:
        instrument = self._instruments.get(symbol)
        return instrument.sector if instrument is not None else UNKNOWN_SECTOR

    def _applies(self, row: GuardRow, symbol: str) -> bool:
        if row.rule is None:
            return True
        instrument = self._instruments.get(symbol)
        kind = instrument.kind.value if instrument is not None else ""
        named = not row.only or not row.only.isdisjoint((symbol, self._sector(symbol), kind))
        return named and symbol not in row.approved and in_scope(row.rule, symbol, kind)

    def _no_entry(self, symbol: str, unit: Decimal | None) -> str:
        """Why nothing of the symbol may be bought now; empty where something may."""
        instrument, quote = self._instruments.get(symbol), self._quotes.get(symbol)
        if symbol == CASH or instrument is None or not instrument.tradable or instrument.kind not in _TRADED:
            return "not tradable"
        if unit is None or quote is None:
            return "no price"
        universe = self._mandate.universe
        if (universe and symbol not in universe) or symbol in self._mandate.planning.no_trading:
            return "not in the account's universe"
        history = self._seen.history
        states = {history.state, dict(history.symbol_states).get(symbol, TradingState.ACTIVE)}
        if states != {TradingState.ACTIVE}:
            return f"trading is {max(states)}"
        if self._waits(symbol):
            return "stopped out, waiting time not over"
        return next((why for row in self._rows if (why := self._entry_refused(row, instrument, quote))), "")

    def _waits(self, symbol: str) -> bool:
        days = self._mandate.exits.reentry_days
        found = [each.session for each in self._seen.history.stopped_out if each.symbol == symbol]
        return bool(days and found) and (self._seen.session - max(found)).days < days

    def _entry_refused(self, row: GuardRow, instrument: Instrument, quote: Quote) -> str:
        limit = row.label.limit
        penny = row.judge is judges_data.penny_stock and instrument.kind is not InstrumentKind.STOCK
        if limit is None or penny or not self._applies(row, instrument.symbol):
            return ""
        refused = _entry_refused(row, limit, quote)
        return f"{_name(row)}: {refused}" if refused else ""


def _entry_refused(row: GuardRow, limit: Decimal, quote: Quote) -> str:
    """Why a guard on the instrument lets nobody in, as it will say itself; what is not known lets nobody in either."""
    if row.judge is judges_loss.no_entry:
        return "no purchases now" if limit == 1 else ""
    found = _MEASURES.get(row.judge)
    if found is None:
        return ""
    what, measure, fits = found
    value = measure(quote)
    if value is None:
        return f"{what} unknown"
    if row.judge is judges_data.average_volume and quote.adv_sessions < row.second:
        return f"{what} known of {quote.adv_sessions} sessions only"
    return "" if fits(value, limit) else f"{what} is {plain(value)}, the limit {plain(limit)}"


def _lowest_level(quote: Quote) -> Decimal | None:
    levels = [each for each in (quote.level, quote.previous_level) if each is not None]
    return min(levels) if quote.level is not None else None


_MEASURES: dict[Judge, tuple[str, Callable[[Quote], Decimal | None], Callable[[Decimal, Decimal], bool]]] = {
    judges_data.penny_stock: ("price", _lowest_level, operator.gt),
    judges_data.average_volume: ("dollar volume", lambda quote: quote.adv_dollars, operator.gt),
    judges_loss.min_entry_volume: ("dollar volume", lambda quote: quote.adv_dollars, operator.ge),
    judges_loss.min_entry_price: ("price", lambda quote: quote.level, operator.ge),
    judges_loss.max_entry_price: ("price", lambda quote: quote.level, operator.le),
    judges_loss.min_entry_rsi: ("RSI", lambda quote: quote.rsi_14, operator.ge),
    judges_loss.max_entry_rsi: ("RSI", lambda quote: quote.rsi_14, operator.le),
}


def _name(row: GuardRow) -> str:
    return row.label.name if row.rule is None else f"rule {row.label.name}"

"""The facts of an intraday cycle: the account, what today's bars say of each symbol, and what may be done with it.

The shape, beside what `reasoning.facts` says of spelling:

    version, strategy "intraday", as_of, session, source, warnings[]
    clock       {window, minutes_since_open, minutes_to_close, early_close, no_entries ("" or why)}
    account     as in `reasoning.facts`, with day_trades {applies, enforced, day_trades, allowed}
    positions[] as in `reasoning.facts`, with held_minutes and may_sell
    symbols[]   {index, symbol, name, sector, kind, price, change, held, adv_dollars, liquid, bars, vwap,
                 relative_volume, opening_range {high, low, direction}, noise_area {upper, lower, sigma, direction},
                 round_trip_cost, break_even_move, limits {max_buy_usd, buy_bound, max_sell_usd, sell_bound}}
    open_orders[], cooldowns[], news, past[], market   as in `reasoning.facts`
    rules[], custom_rules[], instructions              as in `reasoning.mandate_facts`
    brief       what the account of `parameters.research` wrote last, as `reasoning.brief` shows it
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from prudent.domain.accounts import Position
from prudent.domain.money import ZERO
from prudent.domain.records import Json, encode
from prudent.ports import DecideContext, Session
from prudent.reasoning.book import FRACTION, UNKNOWN, Book, read_book, told
from prudent.reasoning.brief import brief_for, is_liquid, last_brief
from prudent.reasoning.facts import account_facts, cooldown_facts, open_order_facts, past_facts, position_facts
from prudent.reasoning.mandate_facts import owner_facts
from prudent.reasoning.market_facts import market_facts
from prudent.reasoning.news_facts import news_facts
from prudent.reasoning.room import Rooms, rooms_of
from prudent.strategies.intraday.costs import BASIS_POINT, round_trip_cost, spread_of
from prudent.strategies.intraday.entry import DayTrades, day_trades, held_minutes, may_sell, no_entries
from prudent.strategies.intraday.params import Params
from prudent.strategies.intraday.readings import Reading, readings
from prudent.strategies.intraday.windows import Window

SHAPE_VERSION = 1
# The amount for which costs are told where nothing may be bought: the limit of a position cannot be known then.
USUAL_AMOUNT = Decimal(1_000)
COST = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where in the session the account stands."""

    window: Window
    session: Session


def closed_facts(context: DecideContext, moment: Moment, reason: str) -> dict[str, Json]:
    """All that is recorded of a moment at which no model is asked."""
    seen = context.observation
    return {
        "version": SHAPE_VERSION, "strategy": "intraday", "as_of": encode(seen.as_of), "session": encode(seen.session),
        "source": seen.data_source, "clock": _clock(context, moment, reason), "symbols": [],
    }  # fmt: skip


def intraday_facts(context: DecideContext, params: Params, moment: Moment) -> dict[str, Json]:
    """What the model is shown; nothing but the context, which is bound to the clock, is read."""
    seen = context.observation
    book = read_book(seen, params.watchlist)
    symbols = [each for each in book.symbols if book.price(each) is not None and each in book.instruments]
    trades = day_trades(context, params, book.equity)
    closed = no_entries(moment.window, book, params, trades)
    read = readings(context, symbols, bar_minutes=params.bar_minutes)
    rows = _Rows(context=context, params=params, book=book, rooms=rooms_of(seen, context.mandate, symbols), shut=closed)
    return {
        "version": SHAPE_VERSION,
        "strategy": "intraday",
        "as_of": encode(seen.as_of),
        "session": encode(seen.session),
        "source": seen.data_source,
        "clock": _clock(context, moment, closed),
        "account": {**account_facts(book, context.mandate), **rows.rooms.facts(), **_own(params, trades)},
        "positions": [_position(each, rows) for each in book.positions],
        "symbols": [rows.symbol(index, each, read[each]) for index, each in enumerate(symbols, start=1)],
        "open_orders": [open_order_facts(each) for each in seen.snapshot.open_orders],
        "cooldowns": cooldown_facts(seen, context.mandate),
        "news": news_facts(context, book),
        "past": past_facts(context, book),
        "market": market_facts(context, []),
        "brief": _brief(context, params),
        **owner_facts(context.mandate, seen.rules),
        "warnings": list(seen.warnings),
    }


def _brief(context: DecideContext, params: Params) -> dict[str, Json]:
    found = last_brief(context, params.research) if params.research else None
    return brief_for(found, context, stale_hours=params.research_stale_hours)


def _clock(context: DecideContext, moment: Moment, closed: str) -> dict[str, Json]:
    now, session = context.observation.as_of, moment.session
    return {
        "window": moment.window.value,
        "minutes_since_open": int((now - session.open) / timedelta(minutes=1)),
        "minutes_to_close": int((session.close - now) / timedelta(minutes=1)),
        "early_close": session.early_close,
        "no_entries": closed,
    }


def _own(params: Params, trades: DayTrades) -> dict[str, Json]:
    return {
        "day_trades": trades.facts(), "max_trades": params.max_trades, "min_trade": told(params.min_order),
        "stop_loss": told(params.stop_loss), "min_holding_minutes": params.min_holding_minutes,
    }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What the row of a symbol is made from; `shut` says why nothing may be entered, empty where something may."""

    context: DecideContext
    params: Params
    book: Book
    rooms: Rooms
    shut: str

    def symbol(self, index: int, symbol: str, read: Reading) -> Json:
        quote, instrument = self.book.quotes[symbol], self.book.instruments[symbol]
        price, before = self.book.price(symbol), quote.previous_close
        change = None if price is None or before is None or not before > 0 else price / before - 1
        limits = self.limits(symbol, read)
        cost = round_trip_cost(_amount(limits), quote, self.context.mandate)
        return {
            "index": index, "symbol": symbol, "name": instrument.name, "sector": self.book.sector(symbol),
            "kind": instrument.kind.value, "price": told(price), "change": told(change, FRACTION),
            "held": any(each.symbol == symbol for each in self.book.positions),
            "adv_dollars": told(quote.adv_dollars, Decimal(1)), "liquid": is_liquid(quote), **_read(read),
            "round_trip_cost": told(cost, COST),
            "break_even_move": told(None if cost is None else cost * self.params.cost_break_even, COST),
            "limits": limits,
        }  # fmt: skip

    def limits(self, symbol: str, read: Reading) -> dict[str, Json]:
        """The room of the account, and none where the hour, today's loss, the bars or the holding time forbid it."""
        found = dict(self.rooms.limits(symbol))
        shut = self.shut
        if not shut and read.direction is None:
            shut = "no bars to judge by"
        if not shut and not is_liquid(self.book.quotes[symbol]):
            shut = "too thinly traded or too cheap"
        spread = spread_of(self.book.quotes[symbol])
        if not shut and spread is not None and spread > self.params.max_spread_bps * BASIS_POINT:
            shut = f"a spread wider than {told(self.params.max_spread_bps)} basis points"
        if shut:
            found |= {"max_buy_usd": "0", "buy_bound": shut}
        position = next((each for each in self.book.positions if each.symbol == symbol), None)
        if position is not None and not may_sell(position, self.book, self.params):
            found |= {"max_sell_usd": "0", "sell_bound": f"held less than {self.params.min_holding_minutes} minutes"}
        return found


def _amount(limits: dict[str, Json]) -> Decimal:
    most = Decimal(str(limits["max_buy_usd"]))
    return most if most > ZERO else USUAL_AMOUNT


def _position(position: Position, rows: _Rows) -> Json:
    held = held_minutes(position, rows.book)
    return {
        **position_facts(position, rows.book, rows.context.mandate),
        "held_minutes": UNKNOWN if held is None else held,
        "may_sell": may_sell(position, rows.book, rows.params),
    }


def _read(read: Reading) -> dict[str, Json]:
    return {
        "bars": read.bars, "vwap": told(read.vwap), "relative_volume": told(read.relative_volume),
        "opening_range": {
            "high": told(read.range_high), "low": told(read.range_low),
            "direction": UNKNOWN if read.range_direction is None else read.range_direction,
        },
        "noise_area": {
            "upper": told(read.upper), "lower": told(read.lower), "sigma": told(read.sigma),
            "direction": UNKNOWN if read.direction is None else read.direction,
        },
    }  # fmt: skip

"""The facts of a research brief: the listed symbols, screens over them, dated events, news and the market's state.

The shape, beside what `reasoning.facts` says of spelling:

    version, as_of, session, source, strategy "research"
    symbols[]    as in `reasoning.facts` without limits, with liquid
    market, news as in `reasoning.facts`; the news are untrusted text, each with its id "N1"
    screens[]    {id "S1", screen, symbol, value, text}
    events[]     {id "E1", kind, symbol ("" for the exchange), date, text, source, quality}
    rules[], custom_rules[], instructions   as in `reasoning.mandate_facts`; warnings[]

The ids are what a view names as its evidence.
"""

from collections.abc import Sequence
from datetime import timedelta

from prudent.domain.records import Json, encode
from prudent.ports import DecideContext
from prudent.reasoning.book import Book, read_book
from prudent.reasoning.brief import RESEARCH, is_liquid
from prudent.reasoning.mandate_facts import owner_facts
from prudent.reasoning.market_facts import market_facts, symbol_facts
from prudent.reasoning.news_facts import news_facts
from prudent.strategies.research.params import Params
from prudent.strategies.research.screens import YEAR, screens

SHAPE_VERSION = 1
# Closures and half days that are worth a line lie at most this far ahead.
CALENDAR_DAYS = 10


def research_facts(context: DecideContext, params: Params) -> dict[str, Json]:
    """What the model is shown; nothing but the context, which is bound to the clock, is read.

    Raises:
        Temporary: the market source cannot be reached.
    """
    seen = context.observation
    known = {instrument.symbol for instrument in seen.instruments}
    book = read_book(seen, [each for each in params.watchlist if each in known])
    symbols = [_symbol(row, book) for row in symbol_facts(context, book)]
    return {
        "version": SHAPE_VERSION,
        "strategy": RESEARCH,
        "as_of": encode(seen.as_of),
        "session": encode(seen.session),
        "source": seen.data_source,
        "symbols": symbols,
        "market": market_facts(context, symbols),
        "screens": _screens(context, book.priced, params),
        "events": _events(context, book.priced, params),
        "news": news_facts(context, book),
        **owner_facts(context.mandate, seen.rules),
        "warnings": list(seen.warnings),
    }


def _symbol(row: Json, book: Book) -> Json:
    assert isinstance(row, dict), "the facts of a symbol are an object"
    symbol = str(row["symbol"])
    liquid = row["tradable"] is True and is_liquid(book.quotes.get(symbol))
    return {**{key: value for key, value in row.items() if key != "limits"}, "liquid": liquid}


def _screens(context: DecideContext, symbols: Sequence[str], params: Params) -> list[Json]:
    if not symbols:
        return []
    found = screens(context.market.daily(symbols, sessions=YEAR), top=params.screen_top)
    return [
        {"id": f"S{n}", "screen": hit.screen, "symbol": hit.symbol, "value": encode(hit.value), "text": hit.text}
        for n, hit in enumerate(found, start=1)
    ]


def _events(context: DecideContext, symbols: Sequence[str], params: Params) -> list[Json]:
    """Earnings dates ahead, and closures and half days of the exchange; what is not known is not there."""
    today = context.observation.session
    last = today + timedelta(days=params.events_days)
    rows = [
        {"kind": each.kind, "symbol": each.symbol, "date": encode(each.date), "text": each.text,
         "source": each.source, "quality": each.quality.value}
        for each in context.market.events(symbols, kind="earnings", start=today, end=last)
    ]  # fmt: skip
    rows.sort(key=lambda row: (str(row["date"]), str(row["symbol"])))
    dated: list[dict[str, Json]] = [*_exchange_days(context), *rows]
    return [{"id": f"E{n}", **row} for n, row in enumerate(dated, start=1)]


def _exchange_days(context: DecideContext) -> list[dict[str, Json]]:
    if context.calendar is None:
        return []
    today = context.observation.session
    sessions = {each.date: each for each in context.calendar.sessions(today, today + timedelta(days=CALENDAR_DAYS))}
    found: list[dict[str, Json]] = []
    for ahead in range(CALENDAR_DAYS + 1):
        day = today + timedelta(days=ahead)
        session = sessions.get(day)
        closed = session is None and day.weekday() < 5
        if closed or (session is not None and session.early_close):
            text = "the exchange is closed" if closed else "the exchange closes early"
            found.append({
                "kind": "exchange", "symbol": "", "date": encode(day), "text": text, "source": "calendar",
                "quality": "REAL",
            })  # fmt: skip
    return found

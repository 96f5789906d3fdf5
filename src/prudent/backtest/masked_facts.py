"""The facts of a question without what tells when and of whom they are; every ratio, age and amount of money stays.

Dates become counted sessions, symbols and sectors the run's own names, prices multiples of 100 at the window's start
(quantities the other way, so that values stay), volumes multiples of their mean, levels their rank up to now.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

import numpy as np

from prudent.analytics.regime import rank_of
from prudent.backtest.masked_days import STAMP, DayNumbers
from prudent.backtest.masked_names import INDEX, Names
from prudent.domain.errors import DeskError
from prudent.domain.money import from_float
from prudent.domain.records import Json
from prudent.ports import MarketData
from prudent.reasoning.book import ALIAS, FRACTION, UNKNOWN, number, told, told_float

HUNDRED = Decimal(100)
YEAR = 253
SMALL = Decimal("0.01")
OTHER_ACCOUNT = "another account"
_DATES = frozenset((
    "session", "of", "opened", "sellable_from", "next", "last", "since", "until", "at", "expires", "published", "date",
    "written",
))  # fmt: skip
_PRICES = frozenset((
    "price", "average_cost", "limit_price", "sma_20", "sma_50", "sma_200", "macd", "macd_signal", "macd_histogram",
    "bollinger_upper", "bollinger_middle", "bollinger_lower", "vwap", "high", "low", "upper", "lower",
))  # fmt: skip
_COUNTS = frozenset(("quantity", "remaining"))
_SYMBOLS = frozenset(("symbol", "one", "other"))
# Words of code, each from a fixed list: no date, no name and no price can stand in them.
_WORDS = frozenset((
    "kind", "kinds", "side", "status", "state", "answer", "trend", "volatility", "raw", "regime", "quality",
    "window", "currency", "alias", "style", "cause", "outcome", "direction", "screen", "strategy", "term", "flags",
    "source", "code", "decided_by", "guard", "no_trade", "cycle", "id", "evidence", "market_open", "rule_regime",
))  # fmt: skip
# Texts of code that may name a price or a volume.
_MEASURED = frozenset(("reason", "buy_bound", "sell_bound", "warnings", "why", "why_not"))
# Limits on prices and volumes as traded, which say nothing beside rebased ones.
_LEVEL = re.compile("price|volume|dollar|adv")
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")


OpenedAt = Callable[[str], Decimal | None]


class Hidden(StrEnum):
    """What is hidden from a model."""

    DATES = "dates"
    TICKERS = "tickers"
    PRICES = "prices"



@dataclass(slots=True)
class Counts:
    """What the masking of a run came to."""

    questions: int = 0
    news_left_out: int = 0
    leaks: int = 0
    recognised: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """What one run hides and with what; `market` is bound to the run's clock, `opened_at` the prices of its start.

    `account` are the names of the account itself, `others` those of the home's other accounts.
    """

    hidden: frozenset[Hidden]
    names: Names
    days: DayNumbers
    market: MarketData
    opened_at: OpenedAt
    account: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    scales: dict[str, Decimal] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)

    def hides(self, *what: Hidden) -> bool:
        return any(each in self.hidden for each in what)

    def text(self, text: str) -> str:
        """A text as the model may read it."""
        for names, alias in ((self.account, ALIAS), (self.others, OTHER_ACCOUNT)):
            for name in names:
                if name in text:
                    text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", alias, text)
        if self.hides(Hidden.DATES):
            text = self.days.words(text)
        return self.names.text(text) if self.hides(Hidden.TICKERS) else text

    def scale(self, symbol: str) -> Decimal:
        """What a price of the symbol is multiplied with; 1 where its first price is not known."""
        return self.scales.get(symbol, Decimal(1))


def masked_facts(facts: Mapping[str, Json], mask: Mask) -> dict[str, Json]:
    """The facts behind the mask."""
    _learn_scales(facts, mask)
    shown = {name: _masked(value, name, "", mask) for name, value in facts.items()}
    _market(shown, facts, mask)
    _volumes(shown, facts, mask)
    _news(shown, facts, mask)
    if mask.hides(Hidden.DATES):
        if isinstance(facts.get("as_of"), str):
            shown["as_of"] = mask.days.week(str(facts["as_of"]))
        _calendar(shown, facts)
    if mask.hides(Hidden.TICKERS):
        _sort(shown)
    return shown


def _learn_scales(facts: Mapping[str, Json], mask: Mask) -> None:
    """From the price at the window's start, or the first one that is seen of a symbol that begins later."""
    for row in (*_rows(facts.get("symbols")), *_rows(facts.get("positions"))):
        symbol = str(row.get("symbol"))
        if symbol not in mask.scales:
            base = mask.opened_at(symbol) or number(row.get("price"))
            if base is not None and base > 0:
                mask.scales[symbol] = HUNDRED / base


def _masked(value: Json, key: str, symbol: str, mask: Mask) -> Json:
    if isinstance(value, dict):
        own = value.get("symbol")
        symbol = own if isinstance(own, str) and own else symbol
        priced = key == "enforces" and mask.hides(Hidden.PRICES)
        return {
            _key(name, key, mask): _masked(each, name, symbol, mask)
            for name, each in value.items() if not (priced and _LEVEL.search(name))
        }  # fmt: skip
    if isinstance(value, list):
        return [_masked(each, key, symbol, mask) for each in value]
    return value if isinstance(value, (bool, int)) or value is None else _text(str(value), key, symbol, mask)


def _key(name: str, outer: str, mask: Mask) -> str:
    """Scores of sectors have them as keys."""
    is_sector = outer in ("sector_scores", "sector_biases")
    return mask.names.sector(name) if is_sector and mask.hides(Hidden.TICKERS) else name


def _text(text: str, key: str, symbol: str, mask: Mask) -> str:
    if key in _WORDS or text in ("", UNKNOWN, "none"):
        return text
    if key in _DATES and STAMP.fullmatch(text):
        return mask.days.day(text) if mask.hides(Hidden.DATES) else text
    if key in _SYMBOLS or (key == "name" and symbol):
        return _symbol(text, key, symbol, mask)
    if key == "sector":
        return mask.names.sector(text) if mask.hides(Hidden.TICKERS) else text
    found = number(text)
    if found is not None:
        return _number(text, found, key, symbol, mask)
    if key in _MEASURED and mask.hides(Hidden.PRICES):
        text = _NUMBER.sub("#", text)
    return mask.text(text)


def _symbol(text: str, key: str, symbol: str, mask: Mask) -> str:
    if not mask.hides(Hidden.TICKERS):
        return text
    return mask.names.symbol(symbol if key == "name" else text)


def _number(text: str, found: Decimal, key: str, symbol: str, mask: Mask) -> str:
    if not mask.hides(Hidden.PRICES) or not symbol:
        return text
    if key in _PRICES:
        return told(found * mask.scale(symbol), FRACTION)
    return told(found / mask.scale(symbol), FRACTION) if key in _COUNTS else text


def _market(shown: dict[str, Json], facts: Mapping[str, Json], mask: Mask) -> None:
    """Levels of the whole market date a prompt as well as a calendar does: they go with either."""
    market = _part(shown, "market")
    index, fear, ten_year = (_part(market, name) for name in ("index", "vix", "ten_year"))
    if mask.hides(Hidden.TICKERS) and index:
        index["name"] = INDEX
    if not mask.hides(Hidden.DATES, Hidden.PRICES):
        return
    close = number(_part(_part(facts, "market"), "index").get("close"))
    if close is not None and close > 0:
        base = mask.scales.setdefault(INDEX, HUNDRED / close)
        index["close"] = told(close * base, SMALL)
    fear.pop("level", None)
    if ten_year.pop("level", UNKNOWN) != UNKNOWN:
        ten_year["percentile_1y"] = _rank(mask)


def _rank(mask: Mask) -> str:
    """Where the ten-year yield stands among those of the last year, the future unseen."""
    try:
        close = mask.market.series("TNX", sessions=YEAR).fields["close"][:, 0]
    except DeskError:
        return UNKNOWN
    close = close[np.isfinite(close)]
    return told_float(float(rank_of(close)[-1])) if len(close) else UNKNOWN


def _volumes(shown: dict[str, Json], facts: Mapping[str, Json], mask: Mask) -> None:
    """The usual dollars a day as a multiple of their mean over the year up to now; a level would name the company."""
    if not mask.hides(Hidden.PRICES):
        return
    rows = _rows(facts.get("symbols"))
    means = _mean_dollars([str(row["symbol"]) for row in rows if number(row.get("adv_dollars")) is not None], mask)
    for row, out in zip(rows, _rows(shown.get("symbols"))):
        out.pop("level", None)
        usual, mean = number(row.get("adv_dollars")), means.get(str(row["symbol"]))
        out.pop("adv_dollars", None)
        if usual is not None and mean:
            out["volume_to_mean"] = told(usual / mean, SMALL)


def _mean_dollars(symbols: Sequence[str], mask: Mask) -> dict[str, Decimal]:
    if not symbols:
        return {}
    try:
        bars = mask.market.daily(symbols, sessions=YEAR)
    except DeskError:
        return {}
    dollars = bars.fields.get("raw_close", bars.fields["close"]) * bars.fields["volume"]
    found = {}
    for i, symbol in enumerate(bars.symbols):
        known = dollars[:, i][np.isfinite(dollars[:, i])]
        if len(known) and float(np.mean(known)) > 0.0:
            found[symbol] = from_float(float(np.mean(known)))
    return found


def _news(shown: dict[str, Json], facts: Mapping[str, Json], mask: Mask) -> None:
    """Texts from outside name companies, days and prices in ways that no list knows: they are left out and counted."""
    items = _rows(_part(facts, "news").get("items"))
    if items:
        mask.counts.news_left_out += len(items)
        shown["news"] = {"items": [], "warnings": [], "note": f"{len(items)} headlines are left out"}
    figures = _rows(_part(facts, "fundamentals").get("items"))
    if figures:
        shown["fundamentals"] = {"why_not": f"figures of {len(figures)} companies are left out", "items": []}


def _calendar(shown: dict[str, Json], facts: Mapping[str, Json]) -> None:
    """Half days and closures tell the season; an event keeps how many days it is ahead."""
    _part(shown, "clock").pop("early_close", None)
    if "events" not in facts:
        return
    today = date.fromisoformat(str(facts["session"]))
    kept: list[Json] = []
    for row, out in zip(_rows(facts["events"]), _rows(shown["events"])):
        if row.get("kind") != "exchange":
            kept.append({**out, "days": (date.fromisoformat(str(row["date"])) - today).days})
    shown["events"] = kept


def _sort(shown: dict[str, Json]) -> None:
    """Rows that stand in the order of their real symbols stand in that of the shown ones."""
    if "cooldowns" in shown:
        shown["cooldowns"] = _by_symbol(shown["cooldowns"])
    analysis = _part(shown, "analysis")
    if analysis.get("sector_scores"):
        analysis["sector_scores"] = dict(sorted(_part(analysis, "sector_scores").items()))
    for past in _rows(shown.get("past")):
        past["trades"] = _by_symbol(past.get("trades"))


def _by_symbol(value: Json) -> list[Json]:
    return [*sorted(_rows(value), key=lambda row: str(row.get("symbol")))]


def _rows(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _part(facts: Mapping[str, Json], name: str) -> dict[str, Json]:
    value = facts.get(name)
    return value if isinstance(value, dict) else {}

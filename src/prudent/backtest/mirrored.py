"""The facts of a question as if every price had gone the other way: what rose fell, what stood above stands below."""

from collections.abc import Mapping
from decimal import Decimal

from prudent.domain.records import Json
from prudent.reasoning.book import FRACTION, UNKNOWN, number, told

ONE, TWO, HUNDRED = Decimal(1), Decimal(2), Decimal(100)
_TURNED = ("change", "macd", "macd_signal", "macd_histogram", "return_5", "return_21", "return_63", "return_252")
_AVERAGES = ("sma_20", "sma_50", "sma_200", "bollinger_middle", "vwap")
# What was the upper line is the lower one.
_LINES = {"bollinger_upper": "bollinger_lower", "upper": "lower"}
_INDEX_RATIOS = ("close_to_sma50", "close_to_sma200", "sma50_to_sma200")
_OTHERWISE = {"BULL": "BEAR", "BEAR": "BULL", "UP": "DOWN", "DOWN": "UP"}
_SCREENS = {"mover_up": "mover_down", "mover_down": "mover_up", "year_high": "year_low", "year_low": "year_high"}
_WORDS = {" rose ": " fell ", " fell ": " rose ", "52-week high": "52-week low", "52-week low": "52-week high"}


def mirrored_facts(facts: Mapping[str, Json]) -> dict[str, Json]:
    """The mirror image of what the facts say of prices; prices now, holdings and limits stay as they are."""
    shown = dict(facts)
    shown["symbols"] = [_symbol(each) if isinstance(each, dict) else each for each in _list(facts.get("symbols"))]
    market = facts.get("market")
    if isinstance(market, dict):
        shown["market"] = _market(market)
    if "screens" in facts:
        shown["screens"] = [_screen(each) if isinstance(each, dict) else each for each in _list(facts["screens"])]
    return shown


def _symbol(row: dict[str, Json]) -> dict[str, Json]:
    price = number(row.get("price"))
    found = _prices(row, price)
    for part in ("indicators", "noise_area", "opening_range"):
        inner = row.get(part)
        if isinstance(inner, dict):
            found[part] = _prices(inner, price)
    return found


def _prices(row: Mapping[str, Json], price: Decimal | None) -> dict[str, Json]:
    found = dict(row)
    for name in _TURNED:
        _put(found, name, _minus(number(row.get(name))))
    rsi, place = number(row.get("rsi_14")), number(row.get("bollinger_position"))
    _put(found, "rsi_14", None if rsi is None else HUNDRED - rsi)
    _put(found, "bollinger_position", None if place is None else ONE - place)
    if price is not None:
        for name in _AVERAGES:
            _put(found, name, _across(number(row.get(name)), price))
        for upper, lower in _LINES.items():
            _put(found, upper, _across(number(row.get(lower)), price))
            _put(found, lower, _across(number(row.get(upper)), price))
    if isinstance(row.get("direction"), int):
        found["direction"] = -int(str(row["direction"]))
    return found


def _market(market: Mapping[str, Json]) -> dict[str, Json]:
    shown = dict(market)
    regime, index, breadth = market.get("regime"), market.get("index"), market.get("breadth")
    if isinstance(regime, dict):
        turned = {name: _OTHERWISE.get(str(regime.get(name)), regime.get(name)) for name in ("rule", "raw", "trend")}
        shown["regime"] = regime | turned
    if isinstance(index, dict):
        own = dict(index)
        for name in ("return_21", "return_63", "return_252", "slope_sma200_20d"):
            _put(own, name, _minus(number(index.get(name))))
        for name in _INDEX_RATIOS:
            _put(own, name, _across(number(index.get(name)), ONE))
        shown["index"] = own
    if isinstance(breadth, dict):
        above = number(breadth.get("above_sma_50"))
        shown["breadth"] = breadth if above is None else breadth | {"above_sma_50": told(ONE - above)}
    return shown


def _screen(row: dict[str, Json]) -> dict[str, Json]:
    text = str(row.get("text", ""))
    said = next((text.replace(word, other) for word, other in _WORDS.items() if word in text), text)
    value = number(row.get("value"))
    if row.get("screen") != "volume" and value is not None:
        row = row | {"value": told(-value)}
    return row | {"screen": _SCREENS.get(str(row.get("screen")), row.get("screen")), "text": said}


def _put(row: dict[str, Json], name: str, value: Decimal | None) -> None:
    if value is not None and row.get(name, UNKNOWN) != UNKNOWN:
        row[name] = told(value, FRACTION)


def _minus(value: Decimal | None) -> Decimal | None:
    return None if value is None else -value


def _across(value: Decimal | None, middle: Decimal) -> Decimal | None:
    return None if value is None else TWO * middle - value


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []

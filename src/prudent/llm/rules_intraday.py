"""Intraday momentum by fixed rules: in above the noise area and VWAP on unusual volume, out below either of them."""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal

from prudent.domain.records import Json
from prudent.reasoning.book import number

ONE = Decimal(1)
CENT = Decimal("0.01")
PERCENT = Decimal(100)
# The usual volume is enough to enter; what is traded more makes the answer surer.
LEAST_VOLUME = Decimal(1)
SURE, SURER, SUREST = Decimal("0.6"), Decimal("0.7"), Decimal("0.8")
STRONG_VOLUME, STRONGEST_VOLUME = Decimal("1.5"), Decimal("2.5")
# Costs are told for the largest trade; a smaller one must still pay for itself.
MARGIN = Decimal("1.05")
# A target of twice what is usual from the open until now.
TARGET_OF_SIGMA = 2


def pass0(facts: Mapping[str, Json]) -> dict[str, Json]:
    """The answer to the purpose `pass0`: whether anything could be done now, and how sure that is."""
    leaving = [str(row["symbol"]) for row in _symbols(facts) if _leaves(row)]
    entering = [str(row["symbol"]) for row in _entries(facts)]
    if leaving:
        return _said(SUREST, f"to leave: {', '.join(leaving)}", act=True)
    if not entering:
        return _said(SUREST, "no symbol is above its noise area and VWAP on its usual volume, with room", act=False)
    return _said(max(_sure(row) for row in _entries(facts)), f"to enter: {', '.join(entering)}", act=True)


def _said(confidence: Decimal, reason: str, *, act: bool) -> dict[str, Json]:
    return {"act": act, "confidence": str(confidence), "reason": reason}


def trades(facts: Mapping[str, Json]) -> dict[str, Json]:
    """The answer to the purpose `pass2`: sales first, then the entries on the most unusual volume."""
    account = facts["account"]
    assert isinstance(account, dict), "the facts of an account are an object"
    sales = [_sale(row) for row in _symbols(facts) if _leaves(row)]
    most = max(int(str(account["max_trades"])) - len(sales), 0)
    chosen = _entries(facts)[:most]
    spendable = number(account["spendable"]) or Decimal(0)
    least = number(account["min_trade"]) or Decimal(0)
    stop = number(account["stop_loss"]) or Decimal("0.03")
    bought = [
        _entry(row, amount, stop)
        for row in chosen
        if (amount := min(_limit(row, "max_buy_usd"), spendable / len(chosen)).quantize(CENT, ROUND_FLOOR)) >= least
    ]
    summary = "rules: in above the noise area and VWAP, out below either" if sales or bought else "nothing to do"
    return {"trades": [*sales, *bought], "summary": summary}


def _entries(facts: Mapping[str, Json]) -> list[dict[str, Json]]:
    """What may be entered and trends, the most unusual volume first."""
    waiting = {str(row["symbol"]) for row in _rows(facts, "cooldowns")}
    found = [
        row for row in _symbols(facts)
        if row["held"] is not True and row["symbol"] not in waiting and _trends(row) and _pays(row)
    ]  # fmt: skip
    return sorted(found, key=lambda row: (-_volume(row), str(row["symbol"])))


def _trends(row: Mapping[str, Json]) -> bool:
    price, vwap, high = number(row["price"]), number(row["vwap"]), number(_in(row, "opening_range", "high"))
    if price is None or vwap is None or high is None or _limit(row, "max_buy_usd") <= 0:
        return False
    # A first bar that closed where it opened, or below, says nothing of a way up.
    up = _in(row, "noise_area", "direction") == 1 and _in(row, "opening_range", "direction") == 1
    return up and price > vwap and price > high and _volume(row) >= LEAST_VOLUME


def _pays(row: Mapping[str, Json]) -> bool:
    target, least = _target(row), number(row["break_even_move"])
    return target is not None and least is not None and target >= least * MARGIN


def _target(row: Mapping[str, Json]) -> Decimal | None:
    sigma = number(_in(row, "noise_area", "sigma"))
    return None if sigma is None or sigma <= 0 else sigma * TARGET_OF_SIGMA


def _leaves(row: Mapping[str, Json]) -> bool:
    """A holding that may be sold and is no longer above both lines; on what is not known it stays."""
    if row["held"] is not True or _limit(row, "max_sell_usd") <= 0:
        return False
    price, vwap, upper = number(row["price"]), number(row["vwap"]), number(_in(row, "noise_area", "upper"))
    return price is not None and vwap is not None and upper is not None and price < max(vwap, upper)


def _sale(row: Mapping[str, Json]) -> Json:
    return {
        "index": row["index"], "symbol": row["symbol"], "action": "EXIT", "urgency": 5, "confidence": str(SUREST),
        "thesis": "no longer above its noise area and VWAP",
    }  # fmt: skip


def _entry(row: Mapping[str, Json], amount: Decimal, stop: Decimal) -> Json:
    target = _target(row) or ONE
    return {
        "index": row["index"], "symbol": row["symbol"], "action": "BUY", "amount_usd": str(amount),
        "stop_loss_pct": _percent(stop), "take_profit_pct": _percent(target), "time_stop_days": 1,
        "urgency": 4 if _volume(row) >= STRONG_VOLUME else 3, "confidence": str(_sure(row)),
        "thesis": f"above its noise area, VWAP and opening range on {_volume(row):.2f} times its usual volume",
    }  # fmt: skip


def _percent(fraction: Decimal) -> str:
    return f"{fraction * PERCENT:.4f}%"


def _sure(row: Mapping[str, Json]) -> Decimal:
    volume = _volume(row)
    return SUREST if volume >= STRONGEST_VOLUME else SURER if volume >= STRONG_VOLUME else SURE


def _volume(row: Mapping[str, Json]) -> Decimal:
    return number(row["relative_volume"]) or Decimal(0)


def _limit(row: Mapping[str, Json], name: str) -> Decimal:
    return number(_in(row, "limits", name)) or Decimal(0)


def _in(row: Mapping[str, Json], part: str, name: str) -> Json:
    found = row.get(part)
    return found.get(name) if isinstance(found, dict) else None


def _symbols(facts: Mapping[str, Json]) -> list[dict[str, Json]]:
    return _rows(facts, "symbols")


def _rows(facts: Mapping[str, Json], part: str) -> list[dict[str, Json]]:
    rows = facts.get(part)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

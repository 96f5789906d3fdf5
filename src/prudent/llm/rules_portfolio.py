"""Both passes of a portfolio by fixed rules: sleeves of funds and stocks by style, trims and exits first."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from prudent.domain.reasoning import Regime
from prudent.domain.records import Json
from prudent.reasoning.facts import UNKNOWN, number
from prudent.reasoning.prose import part, rows

ZERO, ONE, CENT = Decimal(0), Decimal(1), Decimal("0.01")
# A position is filled to this part of its limit, so that a small rise does not take it over.
FILL = Decimal("0.90")
# What is bought or trimmed at least, of equity: smaller drifts are left alone.
DRIFT_MIN = Decimal("0.01")
# How much of its sleeves a style fills in each regime.
APPETITE = {
    Regime.BULL: ONE, Regime.SIDEWAYS: Decimal("0.80"), Regime.BEAR: Decimal("0.50"),
    Regime.HIGH_VOLATILITY: Decimal("0.50"),
}  # fmt: skip
SCORE_STEPS = (Decimal("0.03"), Decimal("0.10"))
# A held name stays in its sleeve until it has fallen this many times the sleeve's places down the list.
KEEPS_PLACE = 2
FALLING_KNIFE = Decimal("0.75")
URGENT, USUAL = 4, 3
CONFIDENCE = "0.6"


@dataclass(frozen=True, slots=True)
class _Name:
    """One symbol of the list with what the rules look at."""

    index: int
    symbol: str
    kind: str
    value: Decimal
    max_buy: Decimal
    max_sell: Decimal
    score: Decimal | None
    weak: bool


def analysis(facts: Mapping[str, Json]) -> dict[str, Json]:
    """The answer to the purpose `pass1`."""
    account = part(facts, "account")
    cash = number(account.get("cash_weight"))
    positions = rows(facts.get("positions"))
    health = f"{len(positions)} positions, cash {_percent(cash)} of equity."
    losing = [str(row["symbol"]) for row in positions if (number(row.get("gain")) or ZERO) < 0]
    return {
        "regime": _regime(facts).value,
        "sector_scores": [{"sector": name, "score": score} for name, score in _sector_scores(facts).items()],
        "portfolio_health": f"{health} At a loss: {', '.join(losing)}." if losing else health,
        "key_risks": _risks(facts),
    }


def _regime(facts: Mapping[str, Json]) -> Regime:
    """What the pass before said, else the rule of the facts; SIDEWAYS where there is neither."""
    said = part(facts, "analysis").get("regime") or part(part(facts, "market"), "regime").get("rule")
    return Regime(str(said)) if said in tuple(Regime) else Regime.SIDEWAYS


def _sector_scores(facts: Mapping[str, Json]) -> dict[str, int]:
    """The mean quarter of each sector against that of the whole list, in steps."""
    returns: dict[str, list[Decimal]] = {}
    for row in rows(facts.get("symbols")):
        found = number(part(row, "indicators").get("return_63"))
        # An index fund is a sector of its own, which nobody scores.
        if found is not None and row.get("sector") != UNKNOWN and ":" not in str(row.get("sector")):
            returns.setdefault(str(row["sector"]), []).append(found)
    every = [each for mine in returns.values() for each in mine]
    if not every:
        return {}
    mean = sum(every, ZERO) / len(every)
    return {sector: _step(sum(mine, ZERO) / len(mine) - mean) for sector, mine in sorted(returns.items())}


def _step(beyond: Decimal) -> int:
    size = sum(abs(beyond) >= step for step in SCORE_STEPS)
    return size if beyond > 0 else -size


def _risks(facts: Mapping[str, Json]) -> list[Json]:
    held = {str(row["symbol"]) for row in rows(facts.get("positions"))}
    found: list[Json] = [
        f"{row['one']} and {row['other']} move alike" for row in rows(facts.get("alike"))
        if {str(row["one"]), str(row["other"])} <= held
    ]  # fmt: skip
    level = number(part(part(facts, "market"), "vix").get("level"))
    if level is not None and level >= 25:
        found.append(f"VIX at {level}")
    return found[:5]


def trades(facts: Mapping[str, Json]) -> dict[str, Json]:
    """The answer to the purpose `pass2`: what breaks a limit or turned weak is sold, then the sleeves are filled."""
    equity = number(part(facts, "room").get("equity")) or ZERO
    if equity <= 0:
        return {"summary": "rules: no equity to trade with", "trades": []}
    mandate = part(facts, "mandate")
    style = str(mandate.get("style"))
    cap = number(mandate.get("max_position_weight")) or Decimal("0.20")
    names = [_name(row, facts, style) for row in rows(facts.get("symbols"))]
    sales = [item for name in names if (item := _sale(name, cap, equity, style)) is not None]
    sold = {str(item["symbol"]) for item in sales}
    appetite = APPETITE[_regime(facts)]
    bought: list[dict[str, Json]] = []
    for kind, share in (("etf", mandate.get("funds")), ("stock", mandate.get("stocks"))):
        sleeve = (number(share) or ZERO) * appetite
        mine = [name for name in names if name.kind == kind and name.symbol not in sold]
        bought += _purchases(mine, sleeve, cap * FILL, equity, part(facts, "room"))
    items = [*sales, *_affordable(bought, facts)]
    room = number(part(facts, "room").get("max_trades"))
    most = len(items) if room is None else int(room)
    said = f"rules: {style} in {_regime(facts).value}, {len(sales)} sales, {len(items) - len(sales)} purchases"
    return {"summary": said if items else f"rules: {style}, nothing to do", "trades": list(items[:most])}


def _name(row: Mapping[str, Json], facts: Mapping[str, Json], style: str) -> _Name:
    symbol, limits, shown = str(row["symbol"]), part(row, "limits"), part(row, "indicators")
    values = {str(each["symbol"]): number(each.get("value")) for each in rows(facts.get("positions"))}
    price, middle, slow = number(row.get("price")), number(shown.get("sma_50")), number(shown.get("sma_200"))
    quarter = number(shown.get("return_63"))
    weak = price is not None and middle is not None and quarter is not None and price < middle and quarter < 0
    return _Name(
        index=int(str(row["index"])),
        symbol=symbol,
        kind=str(row.get("kind")),
        value=values.get(symbol) or ZERO,
        max_buy=number(limits.get("max_buy_usd")) or ZERO,
        max_sell=number(limits.get("max_sell_usd")) or ZERO,
        score=_score(style, str(row.get("kind")), price, slow, shown),
        weak=weak,
    )


def _score(
    style: str, kind: str, price: Decimal | None, slow: Decimal | None, shown: Mapping[str, Json]
) -> Decimal | None:  # fmt: skip
    """Higher is bought first, None is not bought: strength for momentum and satellites, cheapness for value."""
    year, month = number(shown.get("return_252")), number(shown.get("return_21"))
    if price is None or slow is None or year is None or month is None or slow <= 0:
        return None
    if style == "value":
        # Below its long average, but no falling knife.
        return ONE - price / slow if price >= slow * FALLING_KNIFE else None
    if style == "core_satellite" and kind == "etf":
        calm = number(shown.get("volatility_20"))
        return -calm if calm is not None else None
    strength = year - month
    return strength if strength > 0 and price >= slow else None


def _sale(name: _Name, cap: Decimal, equity: Decimal, style: str) -> dict[str, Json] | None:
    """What of a holding must go: all of a weak one where the style follows strength, what is above its limit."""
    if name.max_sell <= 0 or name.value <= 0:
        return None
    if style == "momentum" and name.weak:
        return _item(name, "EXIT", None, URGENT, "below its 50-day average with a falling quarter")
    above = name.value - cap * equity
    if above >= DRIFT_MIN * equity:
        amount = min(name.value - cap * FILL * equity, name.max_sell)
        return _item(name, "SELL", amount, URGENT, "above the largest position allowed")
    return None


def _purchases(
    names: list[_Name], sleeve: Decimal, cap: Decimal, equity: Decimal, room: Mapping[str, Json]
) -> list[dict[str, Json]]:  # fmt: skip
    """The sleeve's best names in equal parts; a held one keeps its place until it has fallen well down the list."""
    if sleeve <= 0 or cap <= 0:
        return []
    places = int((sleeve / cap).to_integral_value(rounding=ROUND_CEILING))
    scored = [each for each in names if each.score is not None]
    ranked = sorted(scored, key=lambda each: (-(each.score or ZERO), each.index))
    stays = [each for each in ranked[: places * KEEPS_PLACE] if each.value > 0]
    picks = [*stays, *(each for each in ranked if each not in stays)][:places]
    least = max(DRIFT_MIN * equity, number(room.get("min_trade")) or ZERO)
    held = sum((each.value for each in names), ZERO)
    left = max(sleeve * equity - held, ZERO)
    found: list[dict[str, Json]] = []
    for name in picks:
        amount = min(sleeve * equity / places - name.value, name.max_buy, left)
        if amount >= least:
            left -= amount
            found.append(_item(name, "BUY", amount, USUAL, "one of the best of its sleeve by the style's measure"))
    return found


def _affordable(bought: list[dict[str, Json]], facts: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The purchases that cash pays for one after the other, as far as it goes; sales bring theirs next time."""
    left = number(part(facts, "room").get("spendable")) or ZERO
    least = number(part(facts, "room").get("min_trade")) or ZERO
    found = []
    for item in bought:
        amount = min(Decimal(str(item["amount_usd"])), left)
        if amount > max(least, ZERO):
            left -= amount
            found.append({**item, "amount_usd": _money(amount)})
    return found


def _item(name: _Name, action: str, amount: Decimal | None, urgency: int, thesis: str) -> dict[str, Json]:
    return {
        "index": name.index, "symbol": name.symbol, "action": action,
        "amount_usd": None if amount is None else _money(amount), "amount_pct": None, "stop_loss_pct": None,
        "take_profit_pct": None, "time_stop_days": None, "urgency": urgency, "confidence": CONFIDENCE,
        "thesis": thesis,
    }  # fmt: skip


def _money(amount: Decimal) -> str:
    return str(amount.quantize(CENT, rounding=ROUND_FLOOR))


def _percent(fraction: Decimal | None) -> str:
    return UNKNOWN if fraction is None else f"{(fraction * 100).quantize(CENT)} %"

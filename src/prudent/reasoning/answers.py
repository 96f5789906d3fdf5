"""From the text of an answer to an analysis or to wishes: normalised, each unusable part named with its code."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from prudent.domain.orders import Side
from prudent.domain.reasoning import Analysis, Dropped, Regime
from prudent.reasoning.json_text import NotFinite, Unreadable, Value, read_json
from prudent.reasoning.naming import Listed
from prudent.reasoning.words import (
    Amount,
    Fraction,
    Unusable,
    Verb,
    amount_of,
    clean,
    confidence_of,
    fraction_of,
    regime_of,
    said,
    said_number,
    urgency_of,
    verb_of,
)

ACTIONS_MAX = 50
ITEM_LENGTH_MAX = 500
THESIS_LENGTH_MAX = 500
HEALTH_LENGTH_MAX = 500
RISKS_MAX = 10
RISK_LENGTH_MAX = 300
SCORE_MAX = 2
TIME_STOP_DAYS_MAX = 3650

_LISTS = ("trades", "actions", "orders", "decisions", "recommendations", "ideas")
_SIDES = {"buy": "buy", "buys": "buy", "sell": "sell", "sells": "sell", "hold": "hold", "holds": "hold", "exit": "exit"}
_ACTION = ("action", "side", "verb", "decision", "recommendation", "type")
_SYMBOL = ("symbol", "ticker", "asset", "name")
_INDEX = ("index", "number", "list_index", "no")
_CONFIDENCE = ("confidence", "conviction")
_URGENCY = ("urgency", "priority")
_THESIS = ("thesis", "reason", "rationale", "reasoning", "comment")
_STOP, _TAKE = ("stop_loss_pct", "stop_pct", "sl_pct"), ("take_profit_pct", "target_pct", "tp_pct")
_DAYS = ("time_stop_days", "max_holding_days")
_AMOUNTS = (
    "amount_usd", "usd", "dollars", "amount_dollars", "notional", "value_usd", "amount_pct", "pct", "percent",
    "percentage", "allocation_pct", "weight_pct", "position_size_pct", "shares", "quantity", "qty", "units",
    "amount_shares", "amount", "size",
)  # fmt: skip
_KNOWN = frozenset((*_ACTION, *_SYMBOL, *_INDEX, *_CONFIDENCE, *_URGENCY, *_THESIS, *_STOP, *_TAKE, *_DAYS, *_AMOUNTS))
TRADE_KEYS = frozenset((*_LISTS, *_SIDES, "action", "symbol"))
ANALYSIS_KEYS = frozenset(("regime", "market_regime", "sector_scores"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One item of an answer, normalised, before any limit has spoken; stops are fractions of the entry price."""

    symbol: str
    side: Side
    amount: Amount | None
    everything: bool = False
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    time_stop_days: int | None = None
    urgency: int = 3
    confidence: Decimal | None = None
    thesis: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """The parsed second pass: no wishes and nothing dropped is a HOLD."""

    wishes: tuple[Wish, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    summary: str = ""


def read_trades(text: str, listed: Listed) -> Trades:
    """The wishes of an answer.

    Raises:
        Unreadable: it is no answer, or it wanted something and no part of it can be used.
    """
    read = read_json(text, keys=TRADE_KEYS)
    items, summary = _items(read.value)
    acting = [item for item in items if not _holds(item)]
    if len(acting) > ACTIONS_MAX:
        raise Unreadable("too_many", f"the answer must have at most {ACTIONS_MAX} trades, had {len(acting)}")
    wishes: list[Wish] = []
    dropped: list[Dropped] = []
    for item in acting:
        try:
            wishes.append(_wish(item, listed))
        except Unusable as trouble:
            dropped.append(Dropped(code=trouble.code, item=raw_text(item), detail=str(trouble)))
    merged, refused = _merged(wishes)
    dropped += refused
    if acting and not merged:
        why = "; ".join(dict.fromkeys(each.detail for each in dropped))
        raise Unreadable("no_usable_item", f"no trade of the answer can be used: {why}")
    extra = sum(key not in _KNOWN for item in acting for key in item)
    notes = [*([f"{extra} unknown keys ignored"] if extra else [])]
    notes += [f"answer read in spite of: {', '.join(read.forgiven)}"] if read.forgiven else []
    return Trades(wishes=tuple(merged), dropped=tuple(dropped), notes=tuple(notes), summary=summary)


def raw_text(value: Value) -> str:
    """An item of an answer as text for a record, cut and without hidden characters."""
    return clean(json.dumps(value, default=_spelt, ensure_ascii=False), ITEM_LENGTH_MAX)


def _spelt(value: object) -> str:
    return value.text if isinstance(value, NotFinite) else str(value)


def _items(value: Value) -> tuple[list[dict[str, Value]], str]:
    """The items of an answer, whatever it is wrapped in, and its own summary."""
    if isinstance(value, list):
        return [_row(each, "") for each in value], ""
    if not isinstance(value, dict):
        raise _shape("must be a JSON object")
    body = _lower(value)
    summary = next((clean(str(body[k]), HEALTH_LENGTH_MAX) for k in ("summary", "reasoning") if k in body), "")
    named = [key for key in _LISTS if body.get(key) not in (None, [], {}, "")]
    if len(named) > 1:
        raise _shape(f"must have one list of trades, had {' and '.join(named)}")
    if named:
        return _listed_items(body[named[0]]), summary
    if any(key in body for key in _SIDES) and not isinstance(body.get("hold"), (bool, str)):
        return _listed_items({key: body[key] for key in _SIDES if key in body}), summary
    if "action" in body:
        return [body], summary
    if any(key in body for key in _LISTS) or _is_hold(body):
        return [], summary
    raise _shape('must have the key "trades"')


def _listed_items(value: Value) -> list[dict[str, Value]]:
    if isinstance(value, list):
        return [_row(each, "") for each in value]
    if isinstance(value, str) and _is_hold({"decision": value}):
        return []
    if not isinstance(value, dict):
        raise _shape("must have a list of trades")
    body = _lower(value)
    if _SYMBOL[0] in body or "action" in body:
        return [body]
    if not body.keys() <= _SIDES.keys():
        raise _shape("must have a list of trades")
    found: list[dict[str, Value]] = []
    for key, rows in body.items():
        if rows is None:
            continue
        for row in rows if isinstance(rows, list) else [rows]:
            found.append(_row(row, _SIDES[key]))
    return found


def _row(value: Value, action: str) -> dict[str, Value]:
    """An item as an object; what stands in a list of purchases says nothing else of itself."""
    row: dict[str, Value] = _lower(value) if isinstance(value, dict) else {"symbol": value}
    if action and _first(row, _ACTION) is None:
        row["action"] = action
    if action and said(_first(row, _ACTION)) and _verb_or_none(row) not in (Verb(action), *_FITS.get(action, ())):
        raise _shape(f"has another action in its list of {action}")
    return row


_FITS = {"sell": (Verb.TRIM, Verb.EXIT), "exit": (Verb.SELL,)}


def _verb_or_none(row: Mapping[str, Value]) -> Verb | None:
    try:
        return verb_of(_first(row, _ACTION))
    except Unusable:
        return None


def _lower(value: dict[str, Value]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, each in value.items():
        name = key.strip().lower().replace(" ", "_").replace("-", "_")
        if name in found:
            raise Unreadable("duplicate_key", f"keys of one object must differ, {clean(name, 40)!r} came twice")
        found[name] = each
    return found


def _shape(what: str) -> Unreadable:
    return Unreadable("wrong_shape", f"the answer {what}")


def _is_hold(body: Mapping[str, Value]) -> bool:
    return any(_verb_or_none({"action": body.get(key)}) is Verb.HOLD for key in ("decision", "answer", "hold"))


def _holds(item: Mapping[str, Value]) -> bool:
    return _verb_or_none(item) is Verb.HOLD


def _first(item: Mapping[str, Value], names: tuple[str, ...]) -> Value:
    return next((item[name] for name in names if item.get(name) is not None), None)


def _wish(item: Mapping[str, Value], listed: Listed) -> Wish:
    verb = verb_of(_first(item, _ACTION))
    symbol = listed.symbol_of(_first(item, _SYMBOL), _first(item, _INDEX))
    everything = verb is Verb.EXIT
    amount = None if everything else amount_of(dict(item))
    if amount is None and not everything:
        raise Unusable("no_amount", "each trade must give amount_usd or amount_pct")
    stop, take = fraction_of(_first(item, _STOP), "stop_loss_pct"), fraction_of(_first(item, _TAKE), "take_profit_pct")
    days, days_flag = _days(_first(item, _DAYS))
    flags = (
        amount.flag if amount is not None else "", _flag(stop), _flag(take), days_flag,
        "amount_ignored" if everything and any(item.get(key) for key in _AMOUNTS) else "",
    )  # fmt: skip
    return Wish(
        symbol=symbol,
        side=Side.BUY if verb is Verb.BUY else Side.SELL,
        amount=amount,
        everything=everything,
        stop_loss=stop.value if stop else None,
        take_profit=take.value if take else None,
        time_stop_days=days,
        urgency=urgency_of(_first(item, _URGENCY)),
        confidence=confidence_of(_first(item, _CONFIDENCE)),
        thesis=_words(_first(item, _THESIS), THESIS_LENGTH_MAX),
        flags=tuple(flag for flag in flags if flag),
    )


def _flag(found: Fraction | None) -> str:
    return found.flag if found is not None else ""


def _days(value: Value) -> tuple[int | None, str]:
    if isinstance(value, NotFinite):
        raise Unusable("not_finite", "time_stop_days must be a whole number of days")
    if isinstance(value, str):
        digits = said(value).removesuffix("days").removesuffix("day").strip()
        value = Decimal(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else None
    if not isinstance(value, Decimal) or value == 0:
        return None, ""
    if value % 1 or not 0 < value <= TIME_STOP_DAYS_MAX:
        return None, "time_stop_days_ignored"
    return int(value), ""


def _words(value: Value, most: int) -> str:
    return clean(value, most) if isinstance(value, str) else ""


def _merged(wishes: list[Wish]) -> tuple[list[Wish], list[Dropped]]:
    """One wish per symbol; wishes for both sides of one symbol are refused, and so are amounts that do not add up."""
    kept: list[Wish] = []
    refused: list[Dropped] = []
    for symbol in dict.fromkeys(each.symbol for each in wishes):
        mine = [each for each in wishes if each.symbol == symbol]
        merged: Wish | None = mine[0]
        for other in mine[1:]:
            merged = _joined(merged, other) if merged is not None else None
        if merged is not None:
            kept.append(merged)
            continue
        code = "contradiction" if len({each.side for each in mine}) > 1 else "mixed_amounts"
        detail = f"{symbol} has {'BUY and SELL' if code == 'contradiction' else 'amounts in different units'}"
        refused += [Dropped(code=code, item=f"{each.side.value} {symbol}", detail=detail) for each in mine]
    return kept, refused


def _joined(one: Wish, other: Wish) -> Wish | None:
    if one.side is not other.side:
        return None
    everything = one.everything or other.everything
    amount: Amount | None = None
    if not everything:
        if one.amount is None or other.amount is None or one.amount.unit != other.amount.unit:
            return None
        amount = replace(one.amount, value=one.amount.value + other.amount.value)
    thesis = " / ".join(dict.fromkeys(each for each in (one.thesis, other.thesis) if each))
    return Wish(
        symbol=one.symbol,
        side=one.side,
        amount=amount,
        everything=everything,
        stop_loss=_least(one.stop_loss, other.stop_loss),
        take_profit=_least(one.take_profit, other.take_profit),
        time_stop_days=_least(one.time_stop_days, other.time_stop_days),
        urgency=max(one.urgency, other.urgency),
        confidence=_least(one.confidence, other.confidence),
        thesis=thesis[:THESIS_LENGTH_MAX],
        flags=tuple(dict.fromkeys((*one.flags, *other.flags, "merged"))),
    )


def _least(one: Any, other: Any) -> Any:
    return min((each for each in (one, other) if each is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAnalysis:
    """The parsed first pass, with what had to be settled by code."""

    analysis: Analysis
    notes: tuple[str, ...] = ()


def read_analysis(text: str, *, sectors: frozenset[str], rule: Regime | None) -> ReadAnalysis:
    """The analysis of an answer; where its regime cannot be told the rule decides, and every disagreement is noted.

    Raises:
        Unreadable: it is no analysis.
    """
    read = read_json(text, keys=ANALYSIS_KEYS)
    if not isinstance(read.value, dict):
        raise _shape("must be a JSON object")
    body = _lower(read.value)
    label = _first(body, ("regime", "market_regime"))
    if isinstance(label, dict):
        label = _first(_lower(label), ("label", "name", "regime", "value"))
    if label is None:
        raise _shape('must have the key "regime"')
    notes = [f"answer read in spite of: {', '.join(read.forgiven)}"] if read.forgiven else []
    regime = regime_of(label)
    if regime is None:
        decided = rule or Regime.SIDEWAYS
        notes.append(f"regime {_words(label, 40)!r} cannot be told; the rule says {decided}")
    else:
        decided = regime
        if rule is not None and rule is not regime:
            notes.append(f"the model says {regime}, the rule {rule}")
    scores = _scores(body.get("sector_scores"), sectors, notes)
    risks = body.get("key_risks")
    rows = risks if isinstance(risks, list) else [risks]
    return ReadAnalysis(
        analysis=Analysis(
            regime=decided,
            sector_scores=scores,
            portfolio_health=_words(body.get("portfolio_health"), HEALTH_LENGTH_MAX),
            key_risks=tuple(text for each in rows if (text := _words(each, RISK_LENGTH_MAX)))[:RISKS_MAX],
            rule_regime=rule,
        ),
        notes=tuple(notes),
    )


def _scores(value: Value, sectors: frozenset[str], notes: list[str]) -> dict[str, int]:
    """Whole scores from -2 to 2 of the sectors that were shown, by name."""
    pairs: list[tuple[Value, Value]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = [
            (_first(_lower(each), ("sector", "name")), _first(_lower(each), ("score", "value")))
            for each in value if isinstance(each, dict)
        ]  # fmt: skip
    known = {said(each): each for each in sectors}
    found: dict[str, int] = {}
    odd = 0
    for name, raw in pairs:
        sector, score = known.get(said(name)), _score(raw)
        if sector is None or score is None or sector in found:
            odd += 1
        else:
            found[sector] = score
    if odd:
        notes.append(f"{odd} sector scores ignored")
    return dict(sorted(found.items()))


def _score(value: Value) -> int | None:
    if isinstance(value, str):
        text = said_number(value).lstrip("+")
        value = Decimal(text) if re.fullmatch(r"-?\d{1,3}", text, re.ASCII) else None
    if not isinstance(value, Decimal):
        return None
    whole = int(value.to_integral_value(rounding=ROUND_HALF_EVEN))
    return max(-SCORE_MAX, min(SCORE_MAX, whole))

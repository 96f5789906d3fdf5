"""What models write, in the one spelling of the domain: verbs, percentages, amounts, regimes, confidence, urgency."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from prudent.domain.reasoning import Regime
from prudent.reasoning.json_text import NotFinite, Value, number

ONE = Decimal(1)
HUNDRED = Decimal(100)
# A bare number below this may be dollars, shares or percent; from here on it can only be money.
BARE_DOLLARS_MIN = Decimal(100)
URGENCY_MAX = 5
_URGENCIES = {"critical": 5, "immediate": 5, "urgent": 5, "high": 4, "medium": 3, "normal": 3, "moderate": 3, "low": 2}
_CONFIDENCES = {"very high": "0.9", "high": "0.8", "medium": "0.6", "moderate": "0.6", "low": "0.3", "very low": "0.1"}

_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e01ef]"
)
_MONEY = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?\s*(k)?")
_PERCENT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))\s*(?:%|percent|pct)")
_SHARES = re.compile(r"(\d+(?:\.\d+)?)\s*(?:shares?|shs|units?)")
_NEGATION = re.compile(r"\b(?:not|no|non|neither|isn t|never|less)\b")


class Unusable(Exception):
    """One part of an answer that cannot be used, with its code; the rest of the answer stands."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code


class Verb(StrEnum):
    """What an item wants: `EXIT` is a sale of all, `TRIM` a sale of a part, which needs an amount."""

    BUY = "buy"
    SELL = "sell"
    TRIM = "trim"
    EXIT = "exit"
    HOLD = "hold"


_VERBS: dict[str, Verb] = {
    **dict.fromkeys(("buy", "long", "accumulate", "add", "open long", "go long", "increase", "buy more"), Verb.BUY),
    **dict.fromkeys(("sell",), Verb.SELL),
    **dict.fromkeys(("trim", "reduce", "decrease", "sell partial", "sell some", "take some profit"), Verb.TRIM),
    **dict.fromkeys(("exit", "close", "sell all", "liquidate", "close long", "close position"), Verb.EXIT),
    **dict.fromkeys(("hold", "none", "wait", "no action", "keep", "do nothing", "no trade", "pass"), Verb.HOLD),
}


def clean(text: str, most: int) -> str:
    """A model's words for a record: no control and hidden characters, one line, at most `most` characters."""
    return re.sub(r"\s+", " ", _UNSEEN.sub("", text)).strip()[:most]


def visible(text: str) -> str:
    """`text` without control, zero-width, direction and tag characters; its lines stay."""
    return _UNSEEN.sub("", text)


def said(value: Value) -> str:
    """A text value in lower case with single spaces; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return re.sub(r"[\s_\-]+", " ", unicodedata.normalize("NFKC", _UNSEEN.sub("", value))).strip().lower()


def verb_of(value: Value) -> Verb:
    """The verb of an item; raises `Unusable` for one that nobody agreed on."""
    found = _VERBS.get(said(value).rstrip(".!"))
    if found is None:
        raise Unusable("unknown_verb", "action must be BUY, SELL or HOLD")
    return found


@dataclass(frozen=True, slots=True)
class Fraction:
    """A percentage as a fraction, and what had to be assumed to read it."""

    value: Decimal
    flag: str = ""


def fraction_of(value: Value, name: str) -> Fraction | None:
    """A percentage of any spelling as a fraction without its sign: -8, 8, "8%", 0.08 and -0.08 are all 0.08.

    None where there is none (null, 0, empty). Exactly 1 is read as 1 %, the smaller of its two meanings, and flagged;
    so is a fraction. Raises `Unusable` for what is no number.
    """
    if value is None or value == "" or isinstance(value, bool):
        return None
    marked = isinstance(value, str) and _PERCENT.fullmatch(said_number(value))
    raw = _numeric(marked.group(1) if marked else value, name)
    size = abs(raw)
    if size == 0:
        return None
    if marked or size > ONE:
        return Fraction(size / HUNDRED)
    if size == ONE:
        return Fraction(size / HUNDRED, f"{name}_1_read_as_1_percent")
    return Fraction(size, f"{name}_read_as_fraction")


def said_number(value: str) -> str:
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", value)).replace("\u2212", "-").strip().lower()


def _numeric(value: Value, name: str) -> Decimal:
    if isinstance(value, NotFinite):
        raise Unusable("not_finite", f"{name} must be a finite number, was {value.text[:20]}")
    if isinstance(value, str):
        text = said_number(value)
        if not re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", text):
            raise Unusable("not_finite" if "nan" in text or "inf" in text else "no_number", f"{name} must be a number")
        found = number(text)
        return _numeric(found, name) if isinstance(found, NotFinite) else found
    if not isinstance(value, Decimal):
        raise Unusable("no_number", f"{name} must be a number")
    return value


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in exactly one unit: `usd`, `share` (a fraction, of what the item says) or `shares`."""

    unit: str
    value: Decimal
    flag: str = ""


USD_KEYS = ("amount_usd", "usd", "dollars", "amount_dollars", "notional", "value_usd")
SHARE_KEYS = ("amount_pct", "pct", "percent", "percentage", "allocation_pct", "weight_pct", "position_size_pct")
SHARES_KEYS = ("shares", "quantity", "qty", "units", "amount_shares")
BARE_KEYS = ("amount", "size")


def amount_of(item: dict[str, Value]) -> Amount | None:
    """The one amount of an item, None where it names none; raises `Unusable` for two of them or one without a unit."""
    found: list[Amount] = []
    for keys, unit in ((USD_KEYS, "usd"), (SHARE_KEYS, "share"), (SHARES_KEYS, "shares")):
        found += [each for key in keys if (each := _typed(item.get(key), unit, key)) is not None]
    found += [each for key in BARE_KEYS if (each := _bare(item.get(key), key)) is not None]
    if len({(each.unit, each.value) for each in found}) > 1:
        raise Unusable("two_amounts", "give exactly one amount, in dollars or in percent")
    return found[0] if found else None


def _typed(value: Value, unit: str, name: str) -> Amount | None:
    """An amount whose key tells the unit; a text may say it again, and must not say another one."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    if unit == "share":
        if isinstance(value, (str, Decimal)) and said_number(str(value)).startswith("-"):
            raise Unusable("negative_amount", f"{name} must be above 0")
        share = fraction_of(value, name)
        return None if share is None else Amount("share", share.value, share.flag)
    if isinstance(value, str) and not re.fullmatch(r"[+-]?[\d.e+]+", said_number(value)):
        worded = _worded(value, name)
        if worded.unit != unit:
            raise Unusable("two_amounts", f"{name} must be in {unit}")
        return worded if worded.value else None
    size = _numeric(value, name)
    if size < 0:
        raise Unusable("negative_amount", f"{name} must be above 0")
    return Amount(unit, size) if size else None


def _bare(value: Value, name: str) -> Amount | None:
    """An amount whose key tells no unit: a text or an object that does, or a number that can only be money."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    if isinstance(value, dict):
        return amount_of({key.strip().lower(): each for key, each in value.items() if key.lower() not in BARE_KEYS})
    if isinstance(value, str):
        return _worded(value, name)
    size = _numeric(value, name)
    if size < 0:
        raise Unusable("negative_amount", f"{name} must be above 0")
    if 0 < size < BARE_DOLLARS_MIN:
        raise Unusable("no_unit", f'{name} must say its unit, like "$1500" or "15%"')
    return Amount("usd", size, "amount_read_as_dollars") if size else None


def _worded(value: str, name: str) -> Amount:
    """`$1,500`, `1.5k`, `1500 USD`, `15%`, `10 shares`; a bare number as text says no unit."""
    text = said_number(value)
    if text.startswith(("-", "$-")):
        raise Unusable("negative_amount", f"{name} must be above 0")
    if match := _PERCENT.fullmatch(text):
        return Amount("share", _numeric(match.group(1), name) / HUNDRED)
    if match := _SHARES.fullmatch(text):
        return Amount("shares", _numeric(match.group(1), name))
    money = re.sub(r"^(?:usd|us\$|\$)\s*|\s*(?:usd|dollars?|\$)$", "", text)
    match = _MONEY.fullmatch(money)
    if match is None:
        raise Unusable("no_number", f"{name} must be an amount like 1500 USD or 15%")
    if money == text and not match.group(3):
        raise Unusable("no_unit", f'{name} must say its unit, like "$1500" or "15%"')
    size = _numeric(match.group(1).replace(",", "") + (match.group(2) or ""), name)
    return Amount("usd", size * 1000 if match.group(3) else size)


def confidence_of(value: Value) -> Decimal | None:
    """0 to 1 from 0-1, 0-100, "80%" or words; None where it cannot be told, for nothing depends on it alone."""
    word = _CONFIDENCES.get(said(value))
    if word is not None:
        return Decimal(word)
    try:
        found = fraction_of(value, "confidence")
    except Unusable as trouble:
        if trouble.code == "not_finite":
            raise
        return None
    if found is None:
        return Decimal(0) if isinstance(value, Decimal) else None
    size = ONE if value == ONE else found.value
    return size if size <= ONE else None


def urgency_of(value: Value) -> int:
    """1 (least) to 5; 3 where it is not said."""
    word = said(value)
    if word in _URGENCIES:
        return _URGENCIES[word]
    try:
        size = _numeric(value, "urgency")
    except Unusable as trouble:
        if trouble.code == "not_finite":
            raise
        return 3
    return int(min(max(size, ONE), Decimal(URGENCY_MAX)))


_REGIME_WORDS: tuple[tuple[Regime, re.Pattern[str]], ...] = (
    (Regime.HIGH_VOLATILITY, re.compile(r"\b(?:high(?:ly)? (?:volatility|vol|volatile)|volatile|turbulent|crisis)\b")),
    (Regime.BULL, re.compile(r"\b(?:bull|bullish|uptrend|uptrending|risk on)\b")),
    (Regime.BEAR, re.compile(r"\b(?:bear|bearish|downtrend|downtrending|risk off)\b")),
    (
        Regime.SIDEWAYS,
        re.compile(r"\b(?:sideways|choppy|chop|range ?bound|ranging|neutral|consolidation|consolidating|flat)\b"),
    ),
)


def regime_of(value: Value) -> Regime | None:
    """The regime that a label means; None where it means none, several, or the opposite of its word."""
    words = re.sub(r"[^a-z0-9]+", " ", said(value)).strip()
    hits = [regime for regime, pattern in _REGIME_WORDS if pattern.search(words)]
    return hits[0] if len(hits) == 1 and not _NEGATION.search(words) else None

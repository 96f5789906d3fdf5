"""What a masked model answered in the real names: symbols, sectors, and shares as the money that they are worth."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from prudent.backtest.masked_facts import Hidden, Mask
from prudent.domain.reasoning import Question, Reply
from prudent.reasoning.answers import TRADE_KEYS
from prudent.reasoning.book import number
from prudent.reasoning.json_text import NotFinite, Unreadable, Value, read_json
from prudent.reasoning.naming import Listed
from prudent.reasoning.prose import rows
from prudent.reasoning.words import SHARES_KEYS, Unusable, amount_of

CENT = Decimal("0.01")
_SYMBOL = ("symbol", "ticker", "asset", "name")
_SAYS_SHARES = (*SHARES_KEYS, "share")


def real_text(text: str, asked: Question, mask: Mask) -> str:
    """The text of a reply to the masked question `asked` with everything mapped back."""
    named = mask.names.real if mask.hides(Hidden.TICKERS) else str
    text = named(text)
    if mask.hides(Hidden.PRICES) and any(word in text.lower() for word in _SAYS_SHARES):
        shown = rows(asked.facts.get("symbols"))
        text = _in_money(text, {named(str(row["symbol"])): number(row.get("price")) for row in shown})
    return text


def recognises(reply: Reply, mask: Mask) -> bool:
    """True where a reply names a company that was hidden from it."""
    return mask.hides(Hidden.TICKERS) and bool(mask.names.named(f"{reply.text}\n{reply.thinking}"))


def _in_money(text: str, prices: Mapping[str, Decimal | None]) -> str:
    """Amounts in shares as dollars: a share of a rebased price is another share, its value is the same."""
    listed = Listed.of(tuple(prices), {})
    try:
        value = read_json(text, keys=TRADE_KEYS).value
    except Unreadable:
        # Nobody can read it, so nothing of it is traded.
        return text
    if not _converted(value, listed, prices):
        return text
    return json.dumps(value, default=_spelt, ensure_ascii=False)


def _converted(value: Value, listed: Listed, prices: Mapping[str, Decimal | None]) -> bool:
    """Convert every item of a value in place; True where one was."""
    if isinstance(value, list):
        return sum(_converted(each, listed, prices) for each in value) > 0
    if not isinstance(value, dict):
        return False
    if not any(key.strip().lower() in _SYMBOL for key in value):
        return sum(_converted(each, listed, prices) for each in value.values()) > 0
    item = {key.strip().lower().replace(" ", "_").replace("-", "_"): each for key, each in value.items()}
    try:
        amount = amount_of(item)
        symbol = listed.symbol_of(next(item[name] for name in _SYMBOL if item.get(name) is not None))
    except (Unusable, StopIteration):
        return False
    price = prices[symbol]
    if amount is None or amount.unit != "shares" or price is None:
        return False
    for key in [each for each in value if each.strip().lower().replace(" ", "_") in (*SHARES_KEYS, "amount", "size")]:
        del value[key]
    value["amount_usd"] = (amount.value * price).quantize(CENT)
    return True


def _spelt(value: Any) -> Any:
    """Decimals as text, which every amount may be; what is not finite stays unreadable."""
    return value.text if isinstance(value, NotFinite) else str(value)

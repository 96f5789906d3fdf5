"""Custom rules in a person's words: each clause compiled to a limit that code enforces, or plainly marked as not.

A clause counts as understood only where the grammar takes all of it: half a sentence is never enforced as if it were
the whole. What cannot be a rule of orders but stands in the mandate (shorting, margin, holding time) is enforced there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.accounts import AccountClass
from prudent.domain.errors import InputError
from prudent.domain.instruments import SECTORS, normalise_symbol
from prudent.domain.mandate import Mandate
from prudent.domain.money import plain
from prudent.domain.orders import OrderType
from prudent.domain.records import Json
from prudent.domain.rules import RuleCategory, UserRule
from prudent.guards.user_rules import validate_rule

NOT_UNDERSTOOD = "no code understands it; it is only guidance in the prompt"
NAME_LENGTH = 80
# The funds of one sector, which a person who wants none of it does not want either.
SECTOR_FUNDS = {
    "Communication Services": "XLC", "Consumer Discretionary": "XLY", "Consumer Staples": "XLP", "Energy": "XLE",
    "Financials": "XLF", "Health Care": "XLV", "Industrials": "XLI", "Information Technology": "XLK",
    "Materials": "XLB", "Real Estate": "XLRE", "Utilities": "XLU",
}  # fmt: skip
_SECTOR_WORDS = {
    **{sector.casefold(): sector for sector in SECTORS},
    "tech": "Information Technology", "technology": "Information Technology", "it": "Information Technology",
    "healthcare": "Health Care", "health": "Health Care", "financial": "Financials", "finance": "Financials",
    "banks": "Financials", "oil and gas": "Energy", "utility": "Utilities", "real-estate": "Real Estate",
    "communications": "Communication Services", "industrial": "Industrials", "material": "Materials",
    "staples": "Consumer Staples",
}  # fmt: skip
_KIND_WORDS = {
    "stock": "stock", "stocks": "stock", "single stocks": "stock", "individual stocks": "stock", "shares": "stock",
    "etf": "etf", "etfs": "etf", "fund": "etf", "funds": "etf", "option": "option", "options": "option",
    "future": "future", "futures": "future", "forex": "fx", "fx": "fx",
}  # fmt: skip
# Capitals that are no ticker when a person excludes them.
_NO_TICKERS = frozenset({
    "US", "USA", "EU", "UK", "AI", "EV", "ESG", "IPO", "SPAC", "OTC", "ADR", "NYSE", "NASDAQ", "FOMC", "CPI", "USD",
    "PENNY", "MEME", "RSI",
})  # fmt: skip
_KINDS = ("stock", "etf", "fx", "option", "future")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One clause of a custom rule, and the rule that enforces it; `note` says what does, or why nothing does."""

    text: str
    rule: UserRule | None = None
    enforced: bool = False
    note: str = ""

    @property
    def mark(self) -> str:
        """`enforced` or `not enforced`, with what by or why."""
        return f"{'enforced' if self.enforced else 'not enforced'}: {self.note}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What the mandate itself says about a clause."""

    holds: bool
    note: str


@dataclass(frozen=True, slots=True)
class _Clause:
    """A clause as written, and the mandate that it stands in."""

    text: str
    mandate: Mandate


_Params = dict[str, Json]
_Read = Callable[[re.Match[str], _Clause], _Params | _Standing | None]


def wishes(mandate: Mandate) -> tuple[Wish, ...]:
    """Every custom rule of a mandate, clause by clause, in the order written."""
    found: list[Wish] = []
    for number, line in enumerate(mandate.custom_rules, 1):
        for part, text in enumerate(_clauses(line, mandate), 1):
            found.append(_wish(text, mandate, rule_id=f"custom.{number}" + (f".{part}" if part > 1 else "")))
    return tuple(found)


def custom_rules(mandate: Mandate) -> tuple[UserRule, ...]:
    """The rules that the custom rules of a mandate come to; a pure function of it, so that a record replays."""
    return tuple(wish.rule for wish in wishes(mandate) if wish.rule is not None)


def _clauses(line: str, mandate: Mandate) -> list[str]:
    """A line as its clauses, split at `;` and, where that makes sense of more of it, at `and`."""
    found: list[str] = []
    for sentence in (each.strip() for each in line.split(";")):
        parts = [part.strip(" ,") for part in re.split(r",?\s+and\s+", sentence)]
        whole = _compiled(sentence, mandate) is not None
        apart = len(parts) > 1 and any(_compiled(part, mandate) is not None for part in parts)
        found += parts if apart and not whole else [sentence]
    return [text for text in found if text]


def _wish(text: str, mandate: Mandate, *, rule_id: str) -> Wish:
    compiled = _compiled(text, mandate)
    if compiled is None:
        return Wish(text=text, note=NOT_UNDERSTOOD)
    if isinstance(compiled, _Standing):
        return Wish(text=text, enforced=compiled.holds, note=compiled.note)
    rule = UserRule(
        rule_id=rule_id, rule_name=" ".join(text.split())[:NAME_LENGTH], rule_category=RuleCategory.RISK,
        enforcement_params=compiled, description="a custom rule of the mandate",
    )  # fmt: skip
    try:
        validate_rule(rule)
    except InputError as error:
        return Wish(text=text, note=f"{error}")
    limits = ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in compiled.items()
    )
    return Wish(text=text, rule=rule, enforced=True, note=limits)


def _compiled(text: str, mandate: Mandate) -> _Params | _Standing | None:
    words, clause = _as_plain(text), _Clause(text, mandate)
    for pattern, read in _GRAMMAR:
        match = pattern.fullmatch(words)
        if match is not None and (found := read(match, clause)) is not None:
            return found
    return None


def _as_plain(text: str) -> str:
    """Lower case, one space, no bullet and no full stop, `%` for percent and no separators inside numbers."""
    found = " ".join(text.split()).casefold()
    found = re.sub(r"^[-*•]\s*", "", found).rstrip(" .!")
    found = re.sub(r"\s*(per ?cent|percent|pct)\b", "%", found)
    found = re.sub(r"(\d)\s+%", r"\1%", found)
    found = re.sub(r"(?<=\d),(?=\d{3}\b)", "", found)
    found = re.sub(r"\b(usd|us dollars?|dollars?)\s*(?=\d)", "$", found)
    return re.sub(r"(\d\s*[km]?)\s*(?:usd|dollars?)\b", r"\1$", found)


def _number(name: str) -> _Read:
    return lambda match, _clause: {name: match["n"]}


def _money(name: str) -> _Read:
    def read(match: re.Match[str], _clause: _Clause) -> _Params:
        return {name: plain(Decimal(match["n"]) * _SCALES[match["unit"] or ""])}

    return read


def _blackout(match: re.Match[str], _clause: _Clause) -> _Params:
    """Between two times, from one on, or up to one; the other end is midnight."""
    given = match.groupdict()
    return {
        "blackout_start": _hour(given.get("start") or "0"), "blackout_end": _hour(given.get("end") or "0"),
        **_zone(given.get("zone")),
    }  # fmt: skip


def _close_by(match: re.Match[str], _clause: _Clause) -> _Params:
    return {"close_all_by": _hour(match["start"]), **_zone(match["zone"])}


def _hour(text: str) -> str:
    hour, _, minute = text.partition(":")
    return f"{int(hour):02d}:{minute or '00'}"


def _zone(text: str | None) -> _Params:
    if text is None:
        return {}
    words = ("/".join("_".join(w.capitalize() for w in part.split("_")) for part in text.split("/")),)
    return {"blackout_timezone": _ZONES.get(text, *words)}


def _listed(text: str) -> list[str]:
    return [each.strip() for each in re.split(r"\s*(?:,|/|\band\b|\bor\b|&)\s*", text) if each.strip()]


def _excluded(match: re.Match[str], clause: _Clause) -> _Params | None:
    """`no energy`, `never buy TSLA or GME`, `no ETFs`: a list is all sectors, all kinds or all tickers."""
    named = match["what"]
    names = [named] if named in _SECTOR_WORDS else _listed(named)
    bare = [re.sub(r"\s+(sector|stocks|names|companies)$", "", name) for name in names]
    if names and all(name in _SECTOR_WORDS for name in bare):
        sectors = list(dict.fromkeys(_SECTOR_WORDS[name] for name in bare))
        return {"excluded_sectors": [*sectors], "excluded_symbols": [SECTOR_FUNDS[sector] for sector in sectors]}
    if names and all(name in _KIND_WORDS for name in names):
        return {"excluded_kinds": [*dict.fromkeys(_KIND_WORDS[name] for name in names)]}
    symbols = _symbols(names, clause)
    return None if symbols is None else {"excluded_symbols": symbols}


def _only(match: re.Match[str], clause: _Clause) -> _Params | None:
    names = _listed(match["what"])
    if names and all(name in _KIND_WORDS for name in names):
        kept = {_KIND_WORDS[name] for name in names}
        return {"excluded_kinds": [kind for kind in _KINDS if kind not in kept]}
    symbols = _symbols(names, clause)
    return None if symbols is None else {"approved_symbols": symbols}


def _symbols(names: list[str], clause: _Clause) -> list[Json] | None:
    """Tickers, which a person writes in capitals: `no AAPL` names one, `no apple` and `no IPO` do not."""
    found: list[Json] = []
    for name in names:
        capitals = name.upper()
        if capitals in _NO_TICKERS or not re.search(rf"(?<!\w){re.escape(capitals)}(?!\w)", clause.text):
            return None
        try:
            found.append(normalise_symbol(name))
        except InputError:
            return None
    return found or None


def _no_short(_match: re.Match[str], clause: _Clause) -> _Standing:
    if not clause.mandate.planning.allow_short:
        return _Standing(holds=True, note="by planning.allow_short: false")
    return _Standing(holds=False, note="planning.allow_short is true and says the opposite; set it to false")


def _no_margin(_match: re.Match[str], clause: _Clause) -> _Standing:
    mandate = clause.mandate
    if mandate.account_class is not AccountClass.MARGIN and mandate.limits.max_gross_exposure <= 1:
        return _Standing(holds=True, note="by the account's class: cash may not fall below 0")
    return _Standing(holds=False, note="the class is margin or max_gross_exposure above 100 %; change that")


def _holding(match: re.Match[str], clause: _Clause) -> _Standing:
    days, is_set = int(match["n"]), clause.mandate.strategy_limits.min_holding_days
    if is_set >= days:
        return _Standing(holds=True, note=f"by strategy_limits.min_holding_days: {is_set}")
    return _Standing(holds=False, note=f"strategy_limits.min_holding_days is {is_set}; set it to {days}")


def _per_cycle(match: re.Match[str], clause: _Clause) -> _Standing:
    count, limits = int(match["n"]), clause.mandate.limits.max_trades_per_cycle
    own = clause.mandate.strategy_limits.max_trades_per_cycle
    is_set = limits if own is None else min(limits, own)
    if is_set <= count:
        return _Standing(holds=True, note=f"by max_trades_per_cycle: {is_set}")
    return _Standing(holds=False, note=f"max_trades_per_cycle is {is_set}; set strategy_limits.max_trades_per_cycle")


def _order_type(wanted: OrderType) -> _Read:
    def read(_match: re.Match[str], clause: _Clause) -> _Standing:
        allowed = clause.mandate.planning.order_types
        if allowed == (wanted,):
            return _Standing(holds=True, note=f"by planning.order_types: [{wanted}]; a forced exit goes as it must")
        return _Standing(holds=False, note=f"planning.order_types is [{', '.join(allowed)}]; set it to [{wanted}]")

    return read


_N = r"(?P<n>\d+(?:\.\d+)?)"
_PCT = rf"{_N}%"
_SCALES = {"": 1, "k": 1000, "m": 1_000_000}
_ZONES = {"et": "America/New_York", "est": "America/New_York", "utc": "UTC", "cet": "Europe/Warsaw"}
_MOST = r"(?:max(?:imum)?|at most|no more than|never more than|not more than|up to|limit)(?: of)?"
_LEAST = r"(?:min(?:imum)?|at least|no less than|not less than|always keep|keep|keep at least)(?: of)?"
_ONE = r"(?:in|into|per|for) (?:(?:any|a|one|each|every) )?(?:(?:one|single) )?(?:position|stock|symbol|name|holding)"
_DAY = r"(?:per|a|each|in a|in one) (?:day|session)"
_START, _END = r"(?P<start>\d{1,2}(?::\d{2})?)", r"(?P<end>\d{1,2}(?::\d{2})?)"
_ZONE = r"(?: (?P<zone>et|est|utc|cet|[a-z]+/[a-z_/]+))?"
_NEVER = r"(?:no|never|do not|don't)"
_TRADE = r"(?:trade|trading|trades|buy|buying|buys|entries|new positions)"
_BAN = r"(?:no|never (?:buy|trade|hold)|do not (?:buy|trade|hold)|don't (?:buy|trade|hold)|avoid|exclude|without)"
_THINGS = r"(?:stocks?|shares|anything|symbols?)(?: priced)?"


def _rule(pattern: str, read: _Read) -> tuple[re.Pattern[str], _Read]:
    return re.compile(pattern), read


def _dollars(pattern: str, name: str) -> tuple[tuple[re.Pattern[str], _Read], ...]:
    """The pattern with `USD` written `$5k` and `5k$`."""
    unit = r"(?P<unit>[km])?"
    spellings = (rf"\$\s*{_N}\s*{unit}", rf"{_N}\s*{unit}\$")
    return tuple(_rule(pattern.replace("USD", each), _money(name)) for each in spellings)


_GRAMMAR: tuple[tuple[re.Pattern[str], _Read], ...] = (
    _rule(rf"(?:{_MOST} )?{_PCT} {_ONE}", _number("max_position_pct")),
    _rule(rf"{_MOST} (?:position|weight)(?: size| weight)?:? (?:of )?{_PCT}", _number("max_position_pct")),
    _rule(rf"no (?:single )?(?:position|stock|holding) (?:above|over|{_MOST}) {_PCT}", _number("max_position_pct")),
    *_dollars(rf"(?:{_MOST} )?USD {_ONE}", "max_position_dollars"),
    *_dollars(rf"{_MOST} position(?: size)?:? (?:of )?USD", "max_position_dollars"),
    *_dollars(rf"(?:{_MOST} )?USD (?:per|an|a|each|in one) (?:order|trade)", "max_order_dollars"),
    *_dollars(rf"{_MOST} (?:order|trade)(?: size| value)?:? (?:of )?USD", "max_order_dollars"),
    _rule(rf"{_MOST} (?P<n>\d+) (?:open )?(?:positions|holdings|names|stocks)", _number("max_positions")),
    _rule(
        rf"(?:{_MOST} )?{_PCT} (?:in|per) (?:(?:any|a|one|each|every) )?(?:(?:one|single) )?sector",
        _number("max_sector_pct"),
    ),
    _rule(rf"{_MOST} sector(?: weight| exposure)?:? (?:of )?{_PCT}", _number("max_sector_pct")),
    _rule(rf"{_LEAST} {_PCT} (?:in |as |of )?cash(?: reserve)?", _number("min_cash_reserve_pct")),
    _rule(rf"{_LEAST} cash(?: reserve)?(?: of)?:? {_PCT}", _number("min_cash_reserve_pct")),
    _rule(rf"cash (?:must (?:be|stay) |stays )?(?:at least|above|over) {_PCT}", _number("min_cash_reserve_pct")),
    _rule(rf"{_MOST} (?P<n>\d+) (?:new )?(?:trades|orders) {_DAY}", _number("max_trades_per_session")),
    _rule(rf"{_MOST} (?P<n>\d+) (?:trades|orders) (?:per|a|each|in one) cycle", _per_cycle),
    _rule(rf"{_MOST} (?:daily loss|loss per day)(?: of)?:? {_PCT}", _number("max_daily_loss_pct")),
    *_dollars(rf"{_MOST} (?:daily loss|loss per day)(?: of)?:? USD", "max_daily_loss_dollars"),
    _rule(rf"stop[- ]?loss(?: at| of)?:? -?{_PCT}", _number("stop_loss_pct")),
    _rule(rf"-?{_PCT} stop[- ]?loss", _number("stop_loss_pct")),
    _rule(rf"sell (?:anything|any position|positions) (?:that is |that are )?down (?:more than )?{_PCT}",
          _number("stop_loss_pct")),
    _rule(rf"take[- ]?profits?(?: at| of)?:? \+?{_PCT}", _number("take_profit_pct")),
    *_dollars(r"min(?:imum)? (?:stock )?price(?: of)?:? USD", "price_min_entry"),
    *_dollars(rf"{_BAN} {_THINGS} (?:below|under) USD", "price_min_entry"),
    *_dollars(r"max(?:imum)? (?:stock )?price(?: of)?:? USD", "price_max_entry"),
    *_dollars(rf"{_BAN} {_THINGS} (?:above|over) USD", "price_max_entry"),
    *_dollars(r"min(?:imum)? (?:average )?(?:daily )?(?:dollar )?volume(?: of)?:? USD", "min_adv_dollars_entry"),
    _rule(rf"{_BAN} penny stocks", lambda _match, _clause: {"price_min_entry": "5"}),
    _rule(rf"{_NEVER} {_TRADE} (?:when|if|with) (?:the )?rsi (?:is )?(?:above|over) {_N}", _number("rsi_max_entry")),
    _rule(rf"{_NEVER} {_TRADE} (?:when|if|with) (?:the )?rsi (?:is )?(?:below|under) {_N}", _number("rsi_min_entry")),
    _rule(rf"{_NEVER} {_TRADE} between {_START} (?:and|to|-) {_END}{_ZONE}", _blackout),
    _rule(rf"{_NEVER} {_TRADE} after {_START}{_ZONE}", _blackout),
    _rule(rf"{_NEVER} {_TRADE} before {_END}{_ZONE}", _blackout),
    _rule(rf"(?:close (?:all|everything)|be flat|flat)(?: positions)? by {_START}{_ZONE}", _close_by),
    _rule(rf"{_NEVER} (?:short(?:ing|s)?|short selling|short positions|sell short)|long[- ]only", _no_short),
    _rule(rf"(?:{_NEVER}|never use|do not use|don't use|without) (?:margin|leverage|borrowing)", _no_margin),
    _rule(r"(?:hold|keep)(?: positions?| everything)? (?:for )?(?:at least|min(?:imum)?) (?P<n>\d+) days?", _holding),
    _rule(r"min(?:imum)? holding(?: period| time)?(?: of)?:? (?P<n>\d+) days?", _holding),
    _rule(r"(?:use )?only limit orders|limit orders only", _order_type(OrderType.LIMIT)),
    _rule(r"(?:use )?only market orders|market orders only", _order_type(OrderType.MARKET)),
    _rule(r"only (?:(?:buy|trade|hold) )?(?P<what>.+)", _only),
    _rule(rf"{_BAN} (?P<what>.+)", _excluded),
)  # fmt: skip

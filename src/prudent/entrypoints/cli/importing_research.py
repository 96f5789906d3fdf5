"""Reads the configuration of invest-research and turns its accounts into ours; what is not understood is told.

Nothing is guessed: a percentage that may as well be a fraction, a model that nobody configured, a day of the week that
cannot be, are left out and listed. Money is never taken over: an account is opened by its owner.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from prudent.domain.errors import InputError
from prudent.domain.instruments import normalise_symbol
from prudent.domain.money import parse_decimal, plain
from prudent.domain.reasoning import RULES_MODEL
from prudent.entrypoints.cli.starting_accounts import NO_OPTIONS
from prudent.settings import check_account_id
from prudent.settings.accounts import known_zones

SIZE_MAX = 1_000_000
# Their schedules are APScheduler's, whose week begins with 0 = Monday.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STYLES = ("core_satellite", "value", "momentum")
# Word in a strategy's name -> (our strategy, its style); the first that is found counts.
_STRATEGIES = {
    "intraday": ("intraday", ""), "wheel": ("wheel", ""), "spread": ("vertical_spreads", ""),
    "research": ("research", ""), "core": ("llm_portfolio", "core_satellite"),
    "balanced": ("llm_portfolio", "core_satellite"), "value": ("llm_portfolio", "value"),
    "momentum": ("llm_portfolio", "momentum"),
}  # fmt: skip
_OPTIONS = ("wheel", "vertical_spreads")
_ACCOUNT_SECTIONS = ("accounts", "portfolios")
_RISK_SECTIONS = ("risk_profile", "risk", "risk_limits", "limits")
_MONEY = ("initial_budget", "budget", "initial_cash", "starting_cash", "cash")
_GUIDANCE = ("custom_instructions", "prompt", "prompts", "custom_prompt", "system_prompt", "strategy_prompt",
             "instructions", "prompt_style")  # fmt: skip
_WORDS = {"description": "description", "horizon": "horizon", "time_horizon": "horizon"}

Document = dict[str, object]


@dataclass(slots=True, kw_only=True)
class Imported:
    """One account as our file will say it; `left` are keys that were not understood, `notes` what to know of it."""

    id: str
    document: Document = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put(self, section: str, key: str, value: object) -> None:
        """Set a key of a section of the file."""
        found = self.document.setdefault(section, {})
        assert isinstance(found, dict), f"{section} is a section"
        found[key] = value


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Every account of a file, and the keys outside of accounts that have no place here."""

    accounts: tuple[Imported, ...]
    left: tuple[str, ...]


def read_research(path: Path, *, models: Mapping[str, str]) -> Import:
    """The accounts of a configuration of invest-research; `models` are ours, by name, with the name of the server.

    Raises:
        InputError: it is no such file.
    """
    document = _document(path)
    section = next((name for name in _ACCOUNT_SECTIONS if document.get(name)), None)
    if section is None:
        raise InputError(f"{path} must have a section accounts, has {', '.join(document) or 'nothing'}; give its path")
    zone = _zone_of(document)
    accounts = [_account(name, own, zone=zone, models=models) for name, own in _named(path, document[section])]
    left = [
        _left(key, value) for key, value in document.items() if key not in (section, "timezone", "tz", "scheduler")
    ]  # fmt: skip
    return Import(accounts=tuple(accounts), left=tuple(left))


def _document(path: Path) -> Document:
    try:
        if path.stat().st_size > SIZE_MAX:
            raise InputError(f"{path} must have at most {SIZE_MAX} bytes to be a configuration; give another file")
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path} must be a readable YAML file, but {error}; correct it") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} must hold `key: value` lines, held {type(found).__name__}; give the configuration")
    return {str(key): value for key, value in found.items()}


def _named(path: Path, section: object) -> list[tuple[str, Document]]:
    """Accounts as a mapping by id, or as a list whose rows name themselves."""
    rows: list[tuple[object, object]] = []
    if isinstance(section, dict):
        rows = list(section.items())
    elif isinstance(section, list):
        rows = [(_first_of(row, ("id", "key", "account", "name")) if isinstance(row, dict) else row, row)
                for row in section]  # fmt: skip
    found = []
    for name, own in rows:
        account = re.sub(r"[^a-z0-9]+", "_", str(name).lower()).strip("_")[:32]
        if not isinstance(own, dict):
            raise InputError(f"{path}: account {name} must hold `key: value` lines; correct it")
        check_account_id(account)
        found.append((account, {str(key): value for key, value in own.items()}))
    names = [name for name, _ in found]
    if len(set(names)) != len(names):
        raise InputError(f"{path}: accounts must have names of their own, had {', '.join(sorted(names))}; rename one")
    return found


def _first_of(row: Mapping[object, object], names: tuple[str, ...]) -> object:
    return next((row[name] for name in names if row.get(name)), None)


def _account(account: str, own: Document, *, zone: str, models: Mapping[str, str]) -> Imported:
    to = Imported(id=account, document={"class": "autonomous"})
    _strategy(to, own)
    for key, value in own.items():
        if key in ("strategy", "strategy_type", "style", "id", "key", "account", "timezone", "tz"):
            continue
        taken = key in _RISK_SECTIONS and _risk(to, key, value)
        if not taken and not _one(to, key, value, own=own, zone=zone, models=models):
            to.left.append(_left(key, value))
    return to


def _strategy(to: Imported, own: Document) -> None:
    """What the account's strategy is called here, by its own word, else by the account's name."""
    said = " ".join(str(own.get(key, "")) for key in ("strategy", "strategy_type", "style")).lower()
    text = said if said.strip() else to.id
    word = next((word for word in _STRATEGIES if word in text.replace("-", "_")), None)
    if word is None:
        to.left.append(f"strategy: {said.strip() or 'none'}")
        to.notes.append("its strategy is not known here, so it is disabled")
        to.document |= {"enabled": False, "disabled_because": "its strategy was not understood when it was imported"}
        return
    strategy, style = _STRATEGIES[word]
    to.document["strategy"] = strategy
    if style:
        to.put("parameters", "style", style)
    if strategy in _OPTIONS:
        to.document |= {"enabled": False, "disabled_because": NO_OPTIONS}


def _one(
    to: Imported, key: str, value: object, *, own: Document, zone: str, models: Mapping[str, str]
) -> bool:
    """Take one key of an account over; False where it means nothing here."""
    if key in ("cron", "schedule"):
        return _schedule(to, value, zone=str(own.get("timezone") or own.get("tz") or zone))
    if key in ("model", "llm_model"):
        return _model(to, value, models)
    if key in ("watchlist", "symbols", "universe", "tickers"):
        return _watchlist(to, value)
    if key in _MONEY:
        to.notes.append(f"{key} {value} was not taken over; open it with `invest accounts add {to.id} --cash AMOUNT`")
        return True
    return _text(to, key, value) or _risk(to, "", {key: value})


def _text(to: Imported, key: str, value: object) -> bool:
    """Texts: the name, what prompts say, the user's rules, and whether it is on."""
    if key == "name" and isinstance(value, str):
        to.document["name"] = value
    elif key in ("custom_rules", "rules") and isinstance(value, list) and all(isinstance(each, str) for each in value):
        to.document["custom_rules"] = value
    elif key in _GUIDANCE and (text := _prose(value)):
        before = to.document.get("custom_instructions")
        to.document["custom_instructions"] = f"{before}\n{text}" if before else text
    elif key in _WORDS and isinstance(value, str):
        to.put("parameters", _WORDS[key], value)
    elif key in _RISK_SECTIONS and isinstance(value, str):
        to.put("parameters", "risk_profile", value)
    elif key in ("preferred_metrics", "metrics") and isinstance(value, list):
        to.put("parameters", "preferred_metrics", [str(each) for each in value])
    elif key == "enabled" and isinstance(value, bool):
        if not value:
            to.document |= {"enabled": False, "disabled_because": "it was not enabled in invest-research"}
    else:
        return False
    return True


def _prose(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(str(each).strip() for each in value.values() if isinstance(each, str))
    return value.strip() if isinstance(value, str) else ""


def _model(to: Imported, value: object, models: Mapping[str, str]) -> bool:
    """Ours of that name, or that its server calls so; else the rules, until it is configured."""
    wanted = _bare(str(value))
    found = next((name for name, served in models.items() if wanted in (_bare(name), _bare(served))), None)
    found = found or next((name for name in models if _bare(name) and _bare(name) in wanted), None)
    to.document["model"] = found or RULES_MODEL
    if found is None:
        to.notes.append(
            f"model {value} is not under language.models, so it runs with the built-in rules (rules, no LLM) until then"
        )
    return True


def _bare(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _watchlist(to: Imported, value: object) -> bool:
    if not isinstance(value, list):
        return False
    symbols: list[str] = []
    for each in value:
        try:
            symbols.append(normalise_symbol(str(each)))
        except InputError:
            to.left.append(f"watchlist: {each!r} is no symbol")
    to.put("parameters", "watchlist", list(dict.fromkeys(symbols)))
    return True


def _schedule(to: Imported, value: object, *, zone: str) -> bool:
    """A cron text, APScheduler's fields, or a list of either."""
    lines = value if isinstance(value, list) else [value]
    found = [_cron(line) for line in lines]
    if zone not in known_zones() or any(cron is None for cron in found):
        return False
    to.document["schedule"] = [{"cron": cron, "timezone": zone} for cron in found]
    if any(cron is not None and not cron.endswith("*") for cron in found):
        to.notes.append(f"days are taken as 0 = Monday: {', '.join(str(cron) for cron in found)} {zone}")
    return True


def _cron(line: object) -> str | None:
    if isinstance(line, dict):
        if set(line) - {"minute", "hour", "day", "month", "day_of_week", "cron", "timezone"}:
            return None
        if "cron" in line:
            return _cron(line["cron"])
        fields = [str(line.get(name, usual)) for name, usual in (("minute", "0"), ("hour", "*"), ("day", "*"),
                                                                 ("month", "*"), ("day_of_week", "*"))]  # fmt: skip
    else:
        fields = str(line).split()
    if len(fields) != 5:
        return None
    try:
        fields[4] = re.sub(r"\d+", lambda digit: DAYS[int(digit.group())], fields[4].lower())
    except IndexError:
        return None
    from croniter import croniter

    return " ".join(fields) if croniter.is_valid(" ".join(fields)) else None


_Take = Callable[[Imported, str], None]


def _to(section: str, key: str) -> _Take:
    return lambda to, text: to.put(section, key, text)


# Their word without `_pct` -> where it stands here.
_SHARES: dict[str, _Take] = {
    **dict.fromkeys(("max_position", "max_position_size", "position"), _to("limits", "max_position_weight")),
    **dict.fromkeys(("min_cash", "cash_reserve", "min_cash_reserve"), _to("limits", "cash_min")),
    **dict.fromkeys(("max_sector", "max_sector_exposure", "sector"), _to("limits", "max_sector_weight")),
    **dict.fromkeys(("stop_loss",), _to("exits", "stop_loss")),
    **dict.fromkeys(("take_profit",), _to("exits", "take_profit")),
    **dict.fromkeys(("max_drawdown",), _to("limits", "drawdown_cut")),
    **dict.fromkeys(("max_daily_loss", "daily_loss"), _to("limits", "max_daily_loss")),
}
_COUNTS: dict[str, tuple[str, str]] = {
    "max_trades_per_cycle": ("strategy_limits", "max_trades_per_cycle"),
    "max_trades": ("strategy_limits", "max_trades_per_cycle"),
    "min_holding_days": ("strategy_limits", "min_holding_days"),
    "max_trades_per_day": ("limits", "max_trades_per_day"),
}


def _risk(to: Imported, section: str, value: object) -> bool:
    """Limits of a risk profile; each one that is not understood is told by itself."""
    if not isinstance(value, dict):
        return False
    known = False
    for key, raw in value.items():
        taken = _limit(to, str(key), raw)
        known = known or taken
        if not taken and section:
            to.left.append(_left(f"{section}.{key}", raw))
    return known or bool(section)


def _limit(to: Imported, key: str, raw: object) -> bool:
    if key in _COUNTS and isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0:
        to.put(*_COUNTS[key], raw)
        return True
    if key in ("allow_short", "allow_shorting", "shorting") and isinstance(raw, bool):
        to.put("planning", "allow_short", raw)
        return True
    bare = re.sub(r"_(pct|percent|percentage|weight)$", "", key)
    take = _SHARES.get(bare)
    share = None if take is None else _share(raw, percent=key != bare and not key.endswith("_weight"))
    if take is None or share is None:
        return False
    take(to, share)
    return True


def _share(raw: object, *, percent: bool) -> str | None:
    """A share as our files say it: `20` of a key in percent, `0.2` of another one; what may be both is neither."""
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        return None
    text = str(raw).strip()
    try:
        number = abs(parse_decimal(text.removesuffix("%").strip(), "share"))
    except InputError:
        return None
    if text.endswith("%") or (percent and 1 < number <= 100):
        return f"{plain(number)}%"
    return plain(number) if not percent and 0 < number < 1 else None


def _zone_of(document: Document) -> str:
    scheduler = document.get("scheduler")
    inner = scheduler.get("timezone") if isinstance(scheduler, dict) else None
    return str(document.get("timezone") or document.get("tz") or inner or "Europe/Warsaw")


def _left(key: str, value: object) -> str:
    """A key that was not understood; its value only where it is short and plain, for it may be a secret."""
    return f"{key}: {value}" if isinstance(value, (bool, int, float)) else key

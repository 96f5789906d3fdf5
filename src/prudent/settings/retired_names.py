"""Names of environment variables that mean one of ours and are not: what they should have been, for a switch that
somebody believes to be set must never be left out in silence."""

import difflib
import re
from collections.abc import Collection

ENV_PREFIX = "INVEST__"
OUR_OWN = ("INVEST_HOME", "INVEST_TOKEN", "INVEST_TOKEN_FILE")
_NEAR = 0.9
_LIVE = "`mode: live` in invest.yaml, ALLOW_ORDERS=1, ENABLE_ORDER_EXEC=1 and `invest arm ACCOUNT`"

# What other programs call it, or what it once was called -> what to use.
RETIRED = {
    "LIVE_TRADING": _LIVE,
    "ENABLE_LIVE_TRADING": _LIVE,
    "PAPER_TRADING": "`mode: paper` in invest.yaml, or INVEST__MODE=paper",
    "ENABLE_TRADING": "ALLOW_ORDERS and ENABLE_ORDER_EXEC",
    "ENABLE_ORDERS": "ALLOW_ORDERS and ENABLE_ORDER_EXEC",
    "ENABLE_ORDER_EXECUTION": "ENABLE_ORDER_EXEC",
    "ORDER_EXEC": "ENABLE_ORDER_EXEC",
    "NO_ORDERS": "DRY_RUN=1",
    "SIMULATE_ORDERS": "DRY_RUN=1",
    "AUTO_TRADE": "`auto_trade` in the account's file under config/accounts",
    "AUTO_TRADE_ENABLED": "`auto_trade` in the account's file under config/accounts",
    "TRADING_ARMED": "`invest arm ACCOUNT`",
    "KILL_SWITCH": "`invest halt`",
    "IB_HOST": "IBKR_HOST",
    "IB_PORT": "IBKR_PORT",
    "IB_CLIENT_ID": "IBKR_CLIENT_ID",
    "TWS_HOST": "IBKR_HOST",
    "TWS_PORT": "IBKR_PORT",
    "TWS_CLIENT_ID": "IBKR_CLIENT_ID",
    "INVEST_DATABASE_URL": "INVEST__DATABASE__URL",
    "GHOSTFOLIO_TOKEN": "GHOSTFOLIO_ACCESS_TOKEN",
}


def what_was_meant(name: str, verbatim: Collection[str], sections: Collection[str]) -> str | None:
    """What to use in place of a variable that is retired or misspelt; None for one that is ours or is none of ours.

    `verbatim` are the variables that are named as they are, `sections` the first keys of the settings.
    """
    if name in verbatim or name in OUR_OWN:
        return None
    upper = name.upper()
    if upper.startswith(ENV_PREFIX):
        return _in_section(name, upper, verbatim)
    if upper in RETIRED:
        return RETIRED[upper]
    plain = {_plain(each): each for each in verbatim}
    if near := difflib.get_close_matches(_plain(name), plain, n=1, cutoff=_NEAR):
        return plain[near[0]]
    return _of_our_prefix(upper, plain, sections) if upper.startswith("INVEST_") else None


def _in_section(name: str, upper: str, verbatim: Collection[str]) -> str | None:
    """`INVEST__SECTION__KEY` is ours in capitals; a switch right behind the prefix is another variable."""
    if name != upper:
        return upper
    rest = name.removeprefix(ENV_PREFIX)
    return rest if rest in verbatim else None


def _of_our_prefix(upper: str, plain: dict[str, str], sections: Collection[str]) -> str:
    rest = upper.removeprefix("INVEST_")
    if _plain(rest) in plain:
        return plain[_plain(rest)]
    if rest.split("_")[0].lower() in sections:
        return f"{ENV_PREFIX}{rest.replace('_', '__', 1)}"
    near = difflib.get_close_matches(upper, OUR_OWN, n=1, cutoff=0.0)
    return near[0]


def _plain(name: str) -> str:
    return re.sub("[^A-Z0-9]", "", name.upper())

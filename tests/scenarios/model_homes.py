"""Homes whose accounts ask models of a loopback server, and answers of such a server."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.scenarios.homes import add_account, new_home, write_mandate
from tests.servers.openai import Asked

CASH = Decimal(10_000)
WATCHLIST = "[AAPL, MSFT, KO, SPY, XOM]"
ANALYSIS = {
    "regime": "BULL", "sector_scores": [{"sector": "Energy", "score": 1}], "portfolio_health": "fine",
    "key_risks": ["rates"],
}  # fmt: skip


def model_home(
    folder: Path, url: str, accounts: Mapping[str, Mapping[str, str]], *, slots: int = 3, names: Sequence[str] = ()
) -> Path:  # fmt: skip
    """A home with `llm_portfolio` accounts; each says its model and, if it has one, its pair and its schedule."""
    home = new_home(folder)
    models = names or sorted({each["model"] for each in accounts.values()})
    lines = ["language:", f"  base_url: {url}", "  cache: none", "  models:"]
    lines += [f"    {name}: {{slots: {slots}, seconds: 20, load_seconds: 20}}" for name in models]
    config = home / "invest.yaml"
    config.write_text(config.read_text() + "\n".join(lines) + "\n")
    for account, told in accounts.items():
        add_account(home, account, cash=CASH)
        extra = "".join(f"{key}: {value}\n" for key, value in told.items())
        write_mandate(home, account, f"strategy: llm_portfolio\n{extra}parameters: {{watchlist: {WATCHLIST}}}\n")
    return home


def trades(*wanted: Mapping[str, Any]) -> str:
    usual = {
        "amount_usd": None, "amount_pct": None, "stop_loss_pct": None, "take_profit_pct": None,
        "time_stop_days": None, "urgency": 3, "confidence": 0.7, "thesis": "because",
    }  # fmt: skip
    rows = [{**each, **{key: value for key, value in usual.items() if key not in each}} for each in wanted]
    return json.dumps({"summary": "as asked", "trades": rows})


def is_analysis(asked: Asked) -> bool:
    return "sector_scores" in json.dumps(asked.document.get("response_format", {}))


def answering(*wanted: Mapping[str, Any]) -> Any:
    """An answer to both passes: the analysis, and these trades."""
    return lambda asked: json.dumps(ANALYSIS) if is_analysis(asked) else trades(*wanted)


BUY_KO = {"symbol": "KO", "action": "BUY", "amount_usd": 1000, "stop_loss_pct": 9, "take_profit_pct": 20}

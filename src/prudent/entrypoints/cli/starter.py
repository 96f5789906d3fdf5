"""A new home: its folders, a commented invest.yaml that runs offline, and a first portfolio."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from prudent.domain.errors import InputError
from prudent.domain.money import plain
from prudent.entrypoints.cli.starting_accounts import FAMILIES, accounts_text
from prudent.entrypoints.cli.starting_servers import NO_SERVERS, Servers
from prudent.settings.starting import ZONE

FOLDERS = ("config/accounts", "json", "data", "audit")
CORE = {
    "UNH": 20, "AAPL": 9, "MSFT": 9, "JPM": 7, "JNJ": 7, "PG": 7, "XOM": 7, "KO": 6, "WMT": 6, "HD": 6, "LLY": 5,
    "AMD": 4, "GE": 3, "RRC": 2,
}  # fmt: skip
TEMPLATE = """\
# yaml-language-server: $schema=./invest.schema.json
# Settings of this home; `invest config show --origin` tells what is in force and why, `invest config validate` checks.
# Shares and limits are written 5% or 0.05; a bare number above 1 is refused.
schema_version: 1

# off | dry_run | paper | live. DRY_RUN=1 in the environment turns any of them into dry_run.
mode: {mode}

data:
  # sample: shipped with the program, works offline. files: CSV or Parquet in `path`. yahoo: live, the extra `live`.
  source: {source}

{clock}{more}{accounts}"""
CLOCK = """\
clock:
  # Where simulated time begins; `invest clock advance` moves it on.
  start: {start}

"""
NO_ACCOUNTS = """\
# Accounts may stand here or, one file each, in config/accounts/ID.yaml (`invest accounts add` writes those).
accounts: {}
"""
BUDGET = """\
# The cash that `invest init` and `invest apply` open an account with; INITIAL_BUDGET counts before it.
initial_budget: {budget}

logs:
  # debug | info | warning | error: what the files under logs keep; LOG_LEVEL counts before it.
  level: {level}

"""
RULES = """\
language:
{why}
  # `rules` reads the same facts as a model and answers by fixed rules; every such answer is labelled "rules, no LLM".
  # For a server that speaks the OpenAI format (llama-swap, llama.cpp, vLLM, a hosted one): set base_url, make both
  # `kind: openai_compatible` with the name that the server gives the model, `invest apply` it, `invest models test`.
{server}
  models:
    {first}: {{kind: rules}}
    {second}: {{kind: rules}}
  # One call and one day: tokens, US dollars, seconds. Over it an account abstains and says so.
  # budget: {{tokens_per_call: 64000, tokens_per_day: 1000000, money_per_day: 5, seconds_per_call: 600}}

"""
SERVED = """\
language:
  # The server of both families; LLM_BASE_URL counts before it. Its key is LLM_API_KEY in the environment, or the stored
  # secret llm_api_key (`invest secrets set`); it never stands here.
  base_url: {url}
  models:
    # `model` is the server's own name for it. A parameter that the server does not take is left out.
    {first}: {{model: {served[0]}, parameters: {{temperature: 0.3}}}}
    {second}: {{model: {served[1]}, parameters: {{temperature: 0.3}}}}
  # One call and one day: tokens, US dollars, seconds. Over it an account abstains and says so.
  # budget: {{tokens_per_call: 64000, tokens_per_day: 1000000, money_per_day: 5, seconds_per_call: 600}}

"""
GHOSTFOLIO = """\
ghostfolio:
  # The accounts' books are shown there; the token is GHOSTFOLIO_ACCESS_TOKEN in the environment or a stored secret.
  url: {url}

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a new home is to be; with `thirteen` its invest.yaml describes the thirteen accounts."""

    mode: str = "paper"
    source: str = "sample"
    start: str = "2022-11-28"
    thirteen: bool = False
    budget: Decimal = Decimal(10_000)
    log_level: str = "info"
    zone: str = ZONE
    servers: Servers = NO_SERVERS


def create_home(home: Path, wishes: Wishes) -> Path:
    """Make the folders, invest.yaml, its schema and the portfolio `core`; an existing home is never overwritten."""
    from prudent.settings import json_schema

    config = home / "invest.yaml"
    if config.exists():
        raise InputError(f"{home} must not be a home yet, has {config.name}; choose another folder with --home")
    for folder in FOLDERS:
        (home / folder).mkdir(parents=True, exist_ok=True)
    core = [{"symbol": symbol, "weight": weight} for symbol, weight in CORE.items()]
    (home / "json" / "core.json").write_text(json.dumps({"unit": "percent", "targets": core}, indent=1) + "\n")
    (home / "invest.schema.json").write_text(json.dumps(json_schema(), indent=1) + "\n")
    config.write_text(config_text(wishes), encoding="utf-8")
    return config


def config_text(wishes: Wishes) -> str:
    """The text of invest.yaml."""
    live = wishes.source == "yahoo"
    return TEMPLATE.format(
        mode=wishes.mode, source=wishes.source, clock="" if live else CLOCK.format(start=wishes.start),
        more=_more(wishes) if wishes.thirteen else "",
        accounts=accounts_text(live=live, zone=wishes.zone) if wishes.thirteen else NO_ACCOUNTS,
    )  # fmt: skip


def _more(wishes: Wishes) -> str:
    servers, (first, second) = wishes.servers, FAMILIES
    if servers.served is not None:
        language = SERVED.format(url=servers.llm_url, first=first, second=second, served=servers.served)
    else:
        server = f"  base_url: {servers.llm_url}" if servers.llm_url else "  # base_url: http://127.0.0.1:8080/v1"
        why = f"  # {servers.why_rules}: both families are answered by the built-in rules until then."
        language = RULES.format(why=why, server=server, first=first, second=second)
    ghostfolio = GHOSTFOLIO.format(url=servers.ghostfolio_url) if servers.ghostfolio_url else ""
    return BUDGET.format(budget=plain(wishes.budget), level=wishes.log_level) + language + ghostfolio

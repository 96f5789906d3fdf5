"""A new home: its folders, a commented invest.yaml that runs offline, and a first portfolio."""

import json
from dataclasses import dataclass
from pathlib import Path

from prudent.domain.errors import InputError

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

{clock}
# Accounts may stand here or, one file each, in config/accounts/ID.yaml (`invest accounts add` writes those).
accounts: {{}}
"""
CLOCK = """\
clock:
  # Where simulated time begins; `invest clock advance` moves it on.
  start: {start}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a new home is to be."""

    mode: str = "paper"
    source: str = "sample"
    start: str = "2022-11-28"


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
    clock = "" if wishes.source == "yahoo" else CLOCK.format(start=wishes.start)
    config.write_text(TEMPLATE.format(mode=wishes.mode, source=wishes.source, clock=clock))
    return config

"""A home on the sample with accounts to prove, and what asks for their windows."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

from prudent.backtest.request import Cadence, Request
from prudent.backtest.run import Prepared, prepare
from prudent.bootstrap import Desk, open_desk

SYMBOLS = ["AAPL", "AMD", "JNJ", "JPM", "KO", "MSFT", "WMT", "XOM"]
FIRST, LAST = date(2015, 3, 2), date(2015, 4, 24)


def home_of(folder: Path, accounts: Mapping[str, Mapping[str, object]], files: Mapping[str, str] = {}) -> Desk:
    """A home whose clock stands after every window of these tests; nothing of its data is sealed."""
    home = folder / "home"
    (home / "data").mkdir(parents=True)
    (home / "json").mkdir()
    for name, text in files.items():
        (home / "json" / name).write_text(text)
    settings = {
        "schema_version": 1, "mode": "paper", "data": {"source": "sample"}, "clock": {"start": "2016-12-30"},
        "backtest": {"sealed_days": 0}, "language": {"models": {"big": {"base_url": "http://127.0.0.1:9/v1"}}},
        "accounts": {name: dict(each) for name, each in accounts.items()},
    }  # fmt: skip
    # Through JSON, for the settings take no aliases of YAML.
    (home / "invest.yaml").write_text(json.dumps(settings))
    return open_desk(home)


def prepared(
    desk: Desk, account: str, *, first: date = FIRST, last: date = LAST, cadence: Cadence = Cadence.DAILY
) -> Prepared:
    """The account's window, ready to be run."""
    return prepare(desk, Request(
        mandate=desk.mandate(account), first=first, last=last, cadence=cadence, cash=Decimal(10_000),
        schedule=desk.loaded.settings.accounts[account].schedule,
    ))  # fmt: skip

"""Homes on the sample with accounts that reason, and their cycles at given moments."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

from tests.scenarios.homes import reopened

from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleRecord
from prudent.entrypoints.cli.opening import Opening, open_account
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.ports import LanguageModel
from prudent.workflows.cycle import at_work, run_account

SYMBOLS = ["AAPL", "AMD", "BAC", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "MSFT", "PG", "UNH", "WMT", "XOM", "SPY"]
INTRADAY: dict[str, object] = {
    "strategy": "intraday", "class": "autonomous", "universe": SYMBOLS,
    "limits": {"max_position_weight": "15%", "cash_min": "20%", "max_sector_weight": "50%"},
    "exits": {"stop_loss": "3%"},
}  # fmt: skip
# A model that can be named; its server does not exist, and whoever asks it in a test scripts it.
MODELS = "language: {models: {big: {base_url: 'http://127.0.0.1:9/v1'}}}\n"
RESEARCH: dict[str, object] = {"strategy": "research", "class": "autonomous", "universe": SYMBOLS}


def home_with(folder: Path, start: str, **accounts: dict[str, object]) -> Desk:
    """A home whose clock stands half an hour after the open of `start`; a research account of it has no money."""
    home = folder / "home"
    create_home(home, Wishes(start=start))
    with (home / "invest.yaml").open("a") as settings:
        settings.write(MODELS)
    for account, mandate in accounts.items():
        cash = Decimal(0 if mandate["strategy"] == "research" else 10_000)
        open_account(reopened(home), Opening(account=account, cash=cash, positions=None, mandate=mandate))  # type: ignore[arg-type]
    return reopened(home)


def cycle_at(desk: Desk, account: str, moment: str, *, model: LanguageModel | None = None) -> CycleRecord:
    """One cycle of the account once the clock has come to `moment`; `model` instead of the configured ones."""
    desk.clock.move_to(datetime.fromisoformat(moment))  # type: ignore[union-attr]
    if model is not None:
        desk.__dict__["language"] = model
    with at_work(desk):
        return run_account(desk, account)

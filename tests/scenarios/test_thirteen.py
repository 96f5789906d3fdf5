"""The thirteen accounts from one file: what it says, how the nine run, and how the four wait."""

import shutil
from pathlib import Path

import yaml
from tests.scenarios.homes import reopened
from tests.scenarios.thirteen import NAMED, edited, fresh, home, no_environment, ok, refused

from prudent.domain.money import parse_decimal
from prudent.marketdata.sample_series import shipped_source
from prudent.settings import load_settings

__all__ = ["fresh", "home", "no_environment"]
PAIRS = ("weekly_balanced", "monthly_value", "daily_momentum", "wheel", "vertical_spreads", "intraday_momentum")
OPTIONS = [f"{name}{suffix}" for name in ("wheel", "vertical_spreads") for suffix in ("", "_nemotron")]
# account: max position, min cash, trades, stop, min holding days, sector, as the table of the thirteen says.
TABLE = {
    "weekly_balanced": ("0.20", "0.105", 5, "0.15", 14, "0.40"),
    "monthly_value": ("0.15", "0.105", 3, "0.20", 30, "0.35"),
    "daily_momentum": ("0.25", "0.105", 3, "0.08", 1, "0.50"),
    "intraday_momentum": ("0.15", "0.20", 2, "0.03", 0, "0.50"),
}
TIMES = {
    "weekly_balanced": ["0 20 * * sun"], "weekly_balanced_nemotron": ["20 20 * * sun"],
    "monthly_value": ["0 20 1 * *"], "monthly_value_nemotron": ["40 20 1 * *"],
    "daily_momentum": ["0 18 * * mon-fri"], "daily_momentum_nemotron": ["20 18 * * mon-fri"],
    "wheel": ["20 18 * * thu"], "wheel_nemotron": ["40 18 * * thu"],
    "vertical_spreads": ["0 19 * * thu"], "vertical_spreads_nemotron": ["20 19 * * thu"],
    "intraday_momentum": ["*/30 15-20 * * mon-fri", "0 21 * * mon-fri"],
    "intraday_momentum_nemotron": ["15,45 15-20 * * mon-fri", "15 21 * * mon-fri"],
    "research": ["0 14 * * mon-fri"],
}  # fmt: skip


# The file


def test_the_file_says_what_the_table_says(fresh: Path) -> None:
    accounts = load_settings(fresh, environ={}).settings.accounts
    assert list(accounts) == [f"{pair}{s}" for pair in PAIRS for s in ("", "_nemotron")] + ["research"]
    for name, row in TABLE.items():
        for account in (name, f"{name}_nemotron"):
            mandate = accounts[account].mandate(account)
            limits, own = mandate.limits, mandate.strategy_limits
            assert (limits.max_position_weight, limits.cash_min, limits.max_sector_weight) == tuple(
                parse_decimal(str(row[i]), "row") for i in (0, 1, 5)
            )
            assert (own.max_trades_per_cycle, own.min_holding_days) == (row[2], row[4])
            assert mandate.exits.stop_loss == parse_decimal(str(row[3]), "row")
    for name, crons in TIMES.items():
        lines = [line for line in accounts[name].schedule if line.cron is not None]
        assert [line.cron for line in lines] == crons
        assert {line.timezone for line in lines} == {"Europe/Warsaw"}


def test_within_a_pair_only_name_model_and_time_differ(fresh: Path) -> None:
    accounts = yaml.safe_load((fresh / "invest.yaml").read_text())["accounts"]
    for pair in PAIRS:
        one, other = dict(accounts[pair]), dict(accounts[f"{pair}_nemotron"])
        assert (one.pop("model"), other.pop("model")) == ("qwen3_next", "nemotron")
        for key in ("name", "schedule"):
            assert one.pop(key) != other.pop(key)
        assert one == other
        assert one["pair"] == pair


def test_every_watchlist_exists_in_the_sample(fresh: Path) -> None:
    known = set(shipped_source().symbols)
    for account in yaml.safe_load((fresh / "invest.yaml").read_text())["accounts"].values():
        assert set(account["parameters"].get("watchlist", [])) <= known


def test_the_editor_is_told_the_schema_and_comments_are_there(fresh: Path) -> None:
    text = (fresh / "invest.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./invest.schema.json")
    assert text.count("\n  # ") >= 7
    assert "rules, no LLM" in text


def test_the_live_file_is_valid_too_and_its_symbols_are_instruments(tmp_path: Path) -> None:
    from prudent.entrypoints.cli.starter import Wishes, create_home
    from prudent.marketdata.instruments import InstrumentMaster

    create_home(tmp_path, Wishes(source="yahoo", thirteen=True))
    accounts = load_settings(tmp_path, environ={}).settings.accounts
    listed = {symbol for each in accounts.values() for symbol in each.parameters.get("watchlist", [])}  # type: ignore[attr-defined]
    master = InstrumentMaster()
    assert len(listed) > 30
    assert [symbol for symbol in sorted(listed) if master.find(symbol) is None] == []


# Running


def test_all_nine_run_offline_and_the_four_wait(home: Path) -> None:
    data = ok("run-all").data
    assert [row["account"] for row in data] == [name for name in TIMES_ORDER if name not in OPTIONS]
    assert all(row["ok"] for row in data)
    # The models of both families are of kind `rules` here, and no decision says that a family answered.
    records = [reopened(home).ledger.load_record(row["result"]["cycle"]) for row in data]
    assert {each.decision.reasoning.answered_by for each in records if each.decision.reasoning} == {"rules, no LLM"}
    assert records[-1].decision.reason.startswith("brief by rules, no LLM")
    status = ok("status").data
    assert sorted(status["disabled"]) == sorted(OPTIONS)
    assert "options" in status["disabled"]["wheel"]
    assert {run["account"] for run in status["next_runs"]}.isdisjoint(OPTIONS)
    assert {row["id"]: row["status"] for row in status["accounts"]}["wheel"] == "disabled"


TIMES_ORDER = [f"{pair}{s}" for pair in PAIRS for s in ("", "_nemotron")] + ["research"]


def test_a_disabled_account_is_refused_with_its_reason(home: Path) -> None:
    for args in (("run", "wheel"), ("run", "wheel", "--dry-run"), ("plan", "--account", "wheel"),
                 ("run-all", "--only", "wheel*")):  # fmt: skip
        assert "options strategies are not part of this release" in refused(2, *args)
    assert ok("runs", "list").data == []


def test_a_rehearsal_of_all_changes_nothing(home: Path) -> None:
    before = ok("accounts", "list").data
    ok("run-all", "--dry-run")
    after = ok("accounts", "list").data
    for row in (*before, *after):
        row.pop("last_run")
    assert after == before
    assert ok("trades").data == []


def test_custom_rules_are_shown_as_enforced_or_not_and_stop_orders(home: Path) -> None:
    rules = "    custom_rules: [max 2% per position, no energy, buy what feels right]\n"
    shutil.copy(edited(home, (NAMED, NAMED + rules)), home / "invest.yaml")
    listed = ok("rules", "list").data
    assert [(row["custom"], row["enforced"]) for row in listed] == [
        ("max 2% per position", True), ("no energy", True), ("buy what feels right", False),
    ]  # fmt: skip
    shown = {row["key"]: row["value"] for row in ok("config", "show").data}
    assert "not enforced" in shown["accounts.weekly_balanced.custom_rules[3]"]
    ok("run", "weekly_balanced")
    assert ok("replay", "weekly_balanced/1/1").data["identical"] is True
    held = ok("accounts", "show", "weekly_balanced").data
    assert held["positions"]
    # 2 % of 10,000 is 200, and the fees of the purchases have come off since.
    assert max(float(position["market_value"]) for position in held["positions"]) <= 200.5

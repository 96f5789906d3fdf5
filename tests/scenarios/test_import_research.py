"""The configuration of another project brought in: what is understood is kept, all else is told, nothing is guessed."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.running import invest

from prudent.settings import load_settings

THEIRS = """
timezone: Europe/Warsaw
llm: {base_url: "http://10.0.0.1:8080", api_key: sk-canary-0123456789}
ghostfolio: {url: "http://10.0.0.1:3333"}
accounts:
  weekly_balanced:
    name: Weekly balanced
    model: Qwen3-Next
    fallback_model: Nemotron
    strategy: core_satellite
    cron: "0 20 * * 6"
    initial_budget: 10000
    risk_profile: {max_position_pct: 20, min_cash_pct: 10, max_trades_per_cycle: 5, stop_loss_pct: -15,
                   min_holding_days: 14, max_sector_exposure_pct: 40, min_adv: 100000}
    watchlist: [VTI, brk-b, "not a symbol"]
    custom_rules: ["max 10% per position"]
    prompt: Prefer quality.
  daily-momentum:
    model: Nemotron
    strategy: momentum
    schedule: {hour: 18, minute: 0, day_of_week: 0-4}
    risk_profile: aggressive
    max_position_pct: 0.25
  wheel:
    model: gpt-9
    strategy: wheel
    cron: "20 18 * * 3"
  odd_one:
    strategy: astrology
    cron: "99 99 * * *"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    monkeypatch.setenv("INVEST_HOME", str(tmp_path / "home"))
    assert invest("init", "--yes", "--empty").code == 0
    config = tmp_path / "home" / "invest.yaml"
    models = "language:\n  models:\n    qwen3_next: {kind: rules}\n    nemotron: {kind: rules}\n"
    config.write_text(config.read_text() + models)
    (tmp_path / "config.yaml").write_text(THEIRS)
    return tmp_path


def imported(home: Path, *args: str) -> Any:
    ended = invest("import", "invest-research", str(home / "config.yaml"), "--json", *args)
    assert ended.code == 0, ended.out
    return ended.data


def test_accounts_come_over_with_what_is_understood(home: Path) -> None:
    imported(home)
    accounts = load_settings(home / "home", environ={}).settings.accounts
    assert set(accounts) == {"weekly_balanced", "daily_momentum", "wheel", "odd_one"}
    weekly = accounts["weekly_balanced"]
    mandate = weekly.mandate("weekly_balanced")
    assert (mandate.model, mandate.strategy, mandate.parameters["style"]) == (
        "qwen3_next", "llm_portfolio", "core_satellite",
    )  # fmt: skip
    assert [str(each) for each in (mandate.limits.max_position_weight, mandate.limits.cash_min)] == ["0.2", "0.1"]
    assert (str(mandate.limits.max_sector_weight), str(mandate.exits.stop_loss)) == ("0.4", "0.15")
    assert (mandate.strategy_limits.max_trades_per_cycle, mandate.strategy_limits.min_holding_days) == (5, 14)
    assert mandate.parameters["watchlist"] == ["VTI", "BRK.B"]
    assert mandate.custom_rules == ("max 10% per position",)
    assert mandate.custom_instructions == "Prefer quality."
    assert accounts["daily_momentum"].parameters["risk_profile"] == "aggressive"


def test_days_of_the_week_begin_with_monday(home: Path) -> None:
    imported(home)
    accounts = load_settings(home / "home", environ={}).settings.accounts
    lines = {name: [(line.cron, line.timezone) for line in each.schedule] for name, each in accounts.items()}
    assert lines["weekly_balanced"] == [("0 20 * * sun", "Europe/Warsaw")]
    assert lines["daily_momentum"] == [("0 18 * * mon-fri", "Europe/Warsaw")]
    assert lines["wheel"] == [("20 18 * * thu", "Europe/Warsaw")]


def test_every_key_that_was_not_understood_is_told(home: Path) -> None:
    left = imported(home)["not_understood"]
    assert set(left) == {
        "llm", "ghostfolio", "weekly_balanced: fallback_model", "weekly_balanced: risk_profile.min_adv: 100000",
        "weekly_balanced: watchlist: 'not a symbol' is no symbol", "daily_momentum: max_position_pct: 0.25",
        "odd_one: strategy: astrology", "odd_one: cron",
    }  # fmt: skip


def test_no_money_moves_and_no_secret_is_repeated(home: Path) -> None:
    ended = invest("import", "invest-research", str(home / "config.yaml"))
    assert "accounts add weekly_balanced --cash AMOUNT" in " ".join(ended.out.split())
    assert "canary" not in ended.out
    rows = invest("accounts", "list", "--json").data
    assert {row["status"] for row in rows if row["id"] in ("weekly_balanced", "daily_momentum")} == {"not funded"}
    assert {row["cash"] for row in rows} == {None}


def test_what_cannot_run_here_is_disabled_with_the_reason(home: Path) -> None:
    notes = imported(home)["notes"]
    accounts = load_settings(home / "home", environ={}).settings.accounts
    assert [name for name, each in accounts.items() if not each.enabled] == ["odd_one", "wheel"]
    assert accounts["wheel"].model == "rules"
    assert any(note.startswith("wheel: model gpt-9 is not under language.models") for note in notes)
    assert invest("config", "validate").code == 0


def test_a_rehearsal_writes_nothing_and_what_exists_is_never_overwritten(home: Path) -> None:
    assert imported(home, "--dry-run")["written"] is False
    assert list((home / "home" / "config" / "accounts").iterdir()) == []
    imported(home)
    ended = invest("import", "invest-research", str(home / "config.yaml"), "--json")
    assert ended.code == 2
    assert "exist already" in ended.document["errors"][0]["message"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1", "must hold `key: value` lines"),
        ("a: [", "must be a readable YAML file"),
        ("a: 1", "must have a section accounts"),
        ("accounts: {a: 1}", "must hold `key: value` lines"),
        ("accounts: [{name: A b}, {name: a-b}]", "must have names of their own"),
        ("accounts: {a: {strategy: value, custom_rules: [" + "x" * 400 + "]}}", "account a: custom_rules"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(home: Path, text: str, said: str) -> None:
    (home / "config.yaml").write_text(text)
    ended = invest("import", "invest-research", str(home / "config.yaml"), "--json")
    assert ended.code == 2
    assert said in ended.document["errors"][0]["message"]
    assert list((home / "home" / "config" / "accounts").iterdir()) == []

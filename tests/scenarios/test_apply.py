"""A changed configuration: told first, applied once, refused whole where it is wrong, and no history is lost."""

import shutil
from pathlib import Path

import pytest
from tests.scenarios.thirteen import NAMED, edited, fresh, home, no_environment, ok, refused
from tests.unit.cli.running import invest

from prudent.bootstrap import open_desk

__all__ = ["fresh", "home", "no_environment"]


def test_applying_twice_does_something_once(home: Path) -> None:
    assert ok("apply").data == {"applied": False, "changes": [], "opened": []}
    wanted = edited(home, ("initial_budget: 10000", "initial_budget: 700"))
    wanted.write_text(
        wanted.read_text().replace("style: value", "style: momentum", 1) + "  extra:\n    targets: json/core.json\n"
    )
    first = ok("apply", str(wanted), "--yes").data
    assert first["opened"] == ["extra"]
    assert [(c["act"], c["account"], c["key"]) for c in first["changes"]] == [
        ("changed", "", "initial_budget"), ("added", "extra", ""),
        ("changed", "monthly_value", "parameters.style"),
    ]  # fmt: skip
    change = first["changes"][2]
    assert (change["before"], change["after"]) == ("value", "momentum")
    assert {row["id"]: row["cash"] for row in ok("accounts", "list").data}["extra"] == "700"
    for again in (("apply", str(wanted), "--yes"), ("apply",)):
        assert ok(*again).data == {"applied": False, "changes": [], "opened": []}
    assert (home / "invest.yaml").read_text() == wanted.read_text()


def test_a_change_of_the_homes_own_file_is_told_until_it_is_applied(home: Path) -> None:
    own = home / "invest.yaml"
    own.write_text(own.read_text().replace("max_trades_per_cycle: 5", "max_trades_per_cycle: 4"))
    shown = ok("apply", "--dry-run").data
    assert [(c["account"], c["key"]) for c in shown["changes"]] == [
        ("weekly_balanced", "strategy_limits.max_trades_per_cycle"),
        ("weekly_balanced_nemotron", "strategy_limits.max_trades_per_cycle"),
    ]  # fmt: skip
    assert ok("apply", "--dry-run").data == shown
    ok("apply", "--yes")
    assert ok("apply").data["changes"] == []


def test_a_rehearsal_or_a_question_without_answer_applies_nothing(home: Path) -> None:
    before = (home / "invest.yaml").read_text()
    wanted = edited(home, ("mode: paper", "mode: dry_run"))
    assert ok("apply", str(wanted), "--dry-run").data["applied"] is False
    assert "~ mode: paper -> dry_run" in refused(8, "apply", str(wanted))
    assert (home / "invest.yaml").read_text() == before


def test_a_broken_file_is_refused_whole(home: Path) -> None:
    before = (home / "invest.yaml").read_text()
    wanted = edited(home, ("style: momentum", "styel: momentum"), ("model: nemotron", "model: nemotrom"))
    assert "must be one of rules, qwen3_next, nemotron, was 'nemotrom'" in refused(3, "apply", str(wanted), "--yes")
    wanted.write_text(before + "  extra:\n    strategy: nonsense\n")
    assert "strategy must be one of" in refused(3, "apply", str(wanted), "--yes")
    wanted.write_text(before + "  extra: [\n")
    assert f"{wanted}:" in refused(3, "apply", str(wanted), "--yes")
    assert (home / "invest.yaml").read_text() == before
    assert "extra" not in {row["id"] for row in ok("accounts", "list").data}
    refused(2, "apply", str(home / "nowhere.yaml"))


def test_an_account_that_is_no_longer_described_keeps_its_history(home: Path) -> None:
    ok("run", "research")
    text = (home / "invest.yaml").read_text()
    wanted = home.parent / "wanted.yaml"
    wanted.write_text(text[: text.index("  # The research agent")].replace("      research: research\n", ""))
    ended = invest("apply", str(wanted), "--yes")
    assert ended.code == 0, ended.err
    assert "research is no longer described; its book and history stay" in " ".join(ended.out.split())
    wanted.write_text(text)
    ok("apply", str(wanted), "--yes")
    assert ok("runs", "show", "research/1").data["run"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (NAMED, f"{NAMED}    custom_rules: [no energy]\n"),
        (NAMED, f"{NAMED}    custom_instructions: prefer quality\n"),
        ("qwen3_next: {kind: rules}", "qwen3_next: {kind: rules, parameters: {temperature: 0.5}}"),
        ("max_trades_per_cycle: 5", "max_trades_per_cycle: 4"),
    ],
)
def test_changing_mandate_rules_instructions_or_model_changes_what_a_run_freezes(
    home: Path, old: str, new: str
) -> None:
    before = open_desk(home).mandate("weekly_balanced")
    shutil.copy(edited(home, (old, new)), home / "invest.yaml")
    after = open_desk(home).mandate("weekly_balanced")
    assert after.hash != before.hash


def test_what_a_changed_rule_freezes_is_the_next_run(home: Path) -> None:
    ok("run", "research", "--dry-run")
    wanted = edited(home, ("    name: Research\n", "    name: Research\n    custom_rules: [no energy]\n"))
    shutil.copy(wanted, home / "invest.yaml")
    ok("run", "research", "--dry-run")
    ok("run", "research", "--dry-run")
    last = open_desk(home).ledger.last_run("research")
    assert last is not None
    assert last.number == 2

"""Waiting, approving, arming, flattening and acknowledging through the command line alone."""

import io
import shutil
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.test_cli_home import ok, portfolio, refused
from tests.unit.cli.running import invest

from prudent.bootstrap import open_desk


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("fresh") / "home"
    ended = invest("init", "--yes", "--account", "main", "--home", str(home))
    assert ended.code == 0, ended.err
    return home


@pytest.fixture
def home(fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    shutil.copytree(fresh, home)
    monkeypatch.setenv("INVEST_HOME", str(home))
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    return home


def mandate(home: Path, *lines: str) -> None:
    path = home / "config" / "accounts" / "main.yaml"
    path.write_text(path.read_text() + "".join(f"{line}\n" for line in lines))


def symbols() -> set[str]:
    return {row["symbol"] for row in ok("positions").data}


def test_a_run_that_must_be_approved_ends_with_the_exact_command(home: Path) -> None:
    mandate(home, "approval: always")
    told = invest("run", "main", "--json")
    assert told.code == 8
    (problem,) = told.document["errors"]
    assert problem["code"] == "approval_needed"
    command = told.data["command"]
    assert f"`{command}`" in problem["message"]
    assert told.data["plan"]["orders"]
    assert symbols() == set()
    listed = ok("approvals").data
    assert [(row["cycle"], row["plan_hash"]) for row in listed] == [("main/1/1", told.data["plan_hash"])]
    assert [row["cycle"] for row in ok("status").data["waiting"]] == ["main/1/1"]
    assert ok("runs", "show", "main/1/1").data["status"] == "waiting"
    for line in ("approvals", "status", "runs show main/1/1"):
        assert "main/1/1" in invest(*line.split()).out
    done = ok(*command.split()[1:]).data
    assert done["status"] == "completed"
    assert done["submitted"] == len(done["submitted_orders"]) > 0
    assert symbols()
    assert ok("approvals").data == []
    assert ok("replay", "main/1/1").data["identical"] is True
    refused(5, *command.split()[1:], said="was completed; it was approved by local")


def test_a_no_needs_a_reason_and_ends_the_cycle(home: Path) -> None:
    mandate(home, "approval: always")
    refused(8, "run", "main", said="waits for approval until")
    assert invest("reject", "main/1/1").code == 2
    told = invest("reject", "main/1/1", "--reason", "not today", "--json")
    assert told.data["no_trade_codes"] == ["approval_rejected"]
    assert symbols() == set()


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["approve", "main/1/1", "--plan", "0" * 12], 5, "must name the plan that waits"),
        (["approve", "main/1/7"], 2, "cycle must be one of the ledger's"),
        (["approve", "main"], 2, "cycle must be written ACCOUNT/RUN/CYCLE"),
        (["reject", "main/1/1", "--reason", "x", "--plan", "abc"], 5, "must name the plan that waits"),
    ],
)
def test_an_answer_to_something_else_is_refused(home: Path, args: list[str], code: int, said: str) -> None:
    mandate(home, "approval: always")
    refused(8, "run", "main")
    refused(code, *args, said=said)
    assert [row["answer"] for row in ok("approvals").data] == [None]


def test_a_run_on_a_closed_market_waits_for_the_open_and_the_clock_carries_it_on(home: Path) -> None:
    ok("clock", "advance", "--to", "2022-12-04T20:00:00Z")
    told = ok("run", "main")
    assert (told.data["waits_for"], told.data["until"]) == ("market_open", "2022-12-05T14:30:00.000000Z")
    assert "waits for the open at 2022-12-05 14:30 UTC" in invest("runs", "show", "main/1/1").out
    ok("run-all", "--dry-run")
    assert symbols() == set()
    ok("clock", "advance", "--to", "2022-12-05")
    assert symbols()
    assert ok("runs", "show", "main/1/1").data["status"] == "completed"


def test_run_all_tells_which_accounts_wait(home: Path) -> None:
    mandate(home, "approval: always")
    (row,) = ok("run-all").data
    assert (row["ok"], row["waits"]["why"]) == (True, "approval")
    assert "waits for approval until" in invest("run-all").out


def test_arming_needs_the_typed_name_and_is_shown(home: Path) -> None:
    refused(8, "arm", "main", said="--confirm main")
    refused(8, "arm", "main", "--confirm", "Main", said="was 'Main'")
    assert invest("arm", "main", "--confirm", "main", "--days", "31").code == 2
    refused(2, "arm", "main", "--confirm", "main", "--days", "3", said="its auto_trade is off")
    mandate(home, "auto_trade: true")
    until = ok("arm", "main", "--confirm", "main", "--days", "3").data["until"]
    assert date.fromisoformat(until[:10]) == date(2022, 11, 28) + timedelta(days=3)
    assert [each["account"] for each in ok("status").data["armings"]] == ["main"]
    assert ok("disarm", "main").data["was_armed"] is True
    assert ok("disarm", "main").data["was_armed"] is False
    assert ok("status").data["armings"] == []


def test_a_new_configuration_ends_the_arming_at_the_next_start(home: Path) -> None:
    ok("arm", "main", "--confirm", "main")
    mandate(home, "slippage_bps: 3")
    ok("run", "main", "--dry-run")
    assert ok("status").data["armings"] == []


def test_flatten_needs_the_typed_name_closes_all_and_says_how_to_go_on(home: Path) -> None:
    ok("run", "main")
    held = symbols()
    assert held
    refused(8, "flatten", "main", said="--confirm main")
    assert symbols() == held
    told = ok("flatten", "main", "--confirm", "main", "--reason", "enough")
    assert symbols() == set()
    assert any("invest resume --account main" in line for line in told.document["warnings"])
    refused(5, "run", "main", said="blocked:M00")
    ok("resume", "--account", "main", "--reason", "again")
    ok("clock", "advance", "--sessions", "1")
    ok("run", "main")
    assert symbols() == held


def test_a_drawdown_is_acknowledged_by_its_own_command(home: Path) -> None:
    refused(5, "drawdown", "acknowledge", "main", "--reason", "seen", said="none does")
    desk = open_desk(home)
    now = desk.clock.now()
    desk.ledger.value("main", nlv=Decimal(60_000), at=now, session=desk.calendar.session_of(now).date)
    desk.ledger.close()
    resumed = ok("resume", "--account", "main")
    assert any("invest drawdown acknowledge main" in line for line in resumed.document["warnings"])
    assert "drawdown limit of the platform" in {each["lock"] for each in ok("status").data["locks"]}
    assert ok("drawdown", "acknowledge", "main", "--reason", "seen").data["lifted"] == ["drawdown_halt"]
    assert "drawdown limit of the platform" not in {each["lock"] for each in ok("status").data["locks"]}


def test_every_lock_of_the_status_names_a_command_that_exists_and_lifts_it(home: Path) -> None:
    ok("halt", "--reason", "one")
    ok("halt", "--account", "main", "--reduce-only", "--reason", "two")
    ok("halt", "--symbol", "KO", "--reason", "three")
    found = ok("status").data["locks"]
    assert len(found) == 4
    for way_out in dict.fromkeys(each["way_out"] for each in found):
        ok(*way_out.replace("…", "looked at").split(maxsplit=1)[1].replace("looked at", "looked").split())
    assert ok("status").data["locks"] == []
    ok("rebalance", portfolio(home), "--account", "main")


def test_a_misspelt_switch_in_the_environment_ends_every_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRYRUN", "1")
    refused(3, "run", "main", said="use DRY_RUN")
    refused(3, "status", said="env DRYRUN is retired or misspelt")
    monkeypatch.delenv("DRYRUN")
    assert symbols() == set()


def test_run_all_leaves_out_what_was_never_funded_and_says_so(home: Path) -> None:
    (home / "config" / "accounts" / "later.yaml").write_text("targets: json/core.json\n")
    told = ok("run-all")
    assert [row["account"] for row in told.data] == ["main"]
    assert "not run: later: it is configured and holds nothing yet" in told.document["warnings"][0]
    refused(2, "run-all", "--only", "later", said="`invest accounts add later`")

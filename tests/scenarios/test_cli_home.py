"""A home through the command line alone: made, traded, stopped, asked, and refused with the right words and code."""

import csv
import io
import json
import shutil
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.cli.running import Ended, invest

TARGETS = [{"symbol": "AAPL", "weight": 15}, {"symbol": "KO", "weight": 15}, {"symbol": "XOM", "weight": 15}]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as `init --yes` leaves it; copied, never changed."""
    home = tmp_path_factory.mktemp("fresh") / "home"
    ended = invest("init", "--yes", "--account", "main", "--home", str(home))
    assert ended.code == 0, ended.err
    return home


@pytest.fixture(scope="module")
def traded(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after one cycle."""
    home = tmp_path_factory.mktemp("traded") / "home"
    shutil.copytree(fresh, home)
    ended = invest("run", "main", "--home", str(home))
    assert ended.code == 0, ended.err
    return home


@pytest.fixture
def home(fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return _own(fresh, tmp_path, monkeypatch)


@pytest.fixture
def book(traded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return _own(traded, tmp_path, monkeypatch)


def _own(origin: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = folder / "home"
    shutil.copytree(origin, home)
    monkeypatch.setenv("INVEST_HOME", str(home))
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    return home


def ok(*args: str) -> Ended:
    ended = invest(*args, "--json")
    assert ended.code == 0, ended.out + ended.err
    assert ended.document["ok"] is True
    return ended


def refused(code: int, *args: str, said: str = "") -> str:
    """The command ends with that code, as words and as a document; gives the message."""
    told = invest(*args, "--json")
    assert told.code == code, told.out + told.err
    assert told.document["ok"] is False
    message = str(told.document["errors"][0]["message"])
    assert said in message, message
    return message


def portfolio(home: Path, rows: object = TARGETS, name: str = "own.json") -> str:
    path = home.parent / name
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
    return str(path)


# Making a home


def test_init_runs_offline_and_never_overwrites(home: Path) -> None:
    before = (home / "invest.yaml").read_text()
    refused(2, "init", "--yes", "--account", "main", said="must not be a home yet")
    assert (home / "invest.yaml").read_text() == before
    assert ok("config", "validate").data["accounts"] == ["main"]
    assert ok("status").data["mode"] == "paper"


def test_init_asks_nobody_where_nobody_can_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    refused(8, "init", "--home", str(tmp_path / "h"), said="--yes")
    assert not (tmp_path / "h").exists()


class Terminal(io.StringIO):
    """Somebody who types these lines."""

    def isatty(self) -> bool:
        return True


def test_init_takes_answers_at_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("nonsense\ndry_run\n\n5000\n"))
    ended = invest("init", "--account", "savings", "--home", str(tmp_path / "h"), "--json")
    assert ended.code == 0, ended.err
    assert "must be one of dry_run, paper, was 'nonsense'" in ended.err
    assert {key: ended.data[key] for key in ("mode", "source", "account", "cash")} == {
        "mode": "dry_run", "source": "sample", "account": "savings", "cash": "5000",
    }  # fmt: skip


def test_without_a_home_every_command_says_how_to_make_one(tmp_path: Path) -> None:
    refused(3, "status", "--home", str(tmp_path), said="invest init")


READS = [
    "accounts list", "accounts show main", "positions", "orders", "trades", "runs list", "runs show main/1",
    "runs show main/1/1", "verify", "verify main", "verify --cycle main/1/1", "replay main/1/1", "audit verify",
    "rules list", "config show", "config show --origin", "config validate", "config schema", "export trades",
    "export positions", "export decisions", "clock show", "doctor", "status", "portfolios list", "portfolios show core",
    "plan", "plan --account main", "db upgrade", "version", "rules test main", "run main --dry-run",
]  # fmt: skip


@pytest.mark.parametrize("line", READS)
def test_every_read_answers_with_one_document_and_in_words(book: Path, line: str) -> None:
    args = line.split()
    document = ok(*args).document
    assert set(document) == {"schema_version", "command", "ok", "data", "warnings", "errors"}
    assert line.startswith(document["command"])
    assert document["schema_version"] == 1
    assert document["errors"] == []
    words = invest(*args)
    assert words.code == 0
    assert words.out
    assert "\x1b" not in words.out


# Accounts and money


def test_an_account_shows_its_book(book: Path) -> None:
    data = ok("accounts", "show", "main").data
    assert set(data) >= {"net_liquidation", "cash", "positions", "open_orders", "as_of", "source"}
    first = data["positions"][0]
    assert set(first) >= {"symbol", "quantity", "market_price", "market_value", "avg_cost"}
    worth = sum((Decimal(p["market_value"]) for p in data["positions"]), Decimal(data["cash"]))
    assert worth == Decimal(data["net_liquidation"])


def test_accounts_are_added_with_cash_and_positions(home: Path) -> None:
    positions = home.parent / "pos.csv"
    positions.write_text("symbol,quantity,avg_cost\nKO,10,50\n")
    ok("accounts", "add", "second", "--cash", "1000", "--positions", str(positions), "--targets", "core")
    assert [a["id"] for a in ok("accounts", "list").data] == ["main", "second"]
    shown = ok("accounts", "show", "second").data
    assert Decimal(shown["cash"]) == 1000
    assert [(p["symbol"], p["quantity"]) for p in shown["positions"]] == [("KO", "10")]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["a/b"], "account id must be"),
        (["main"], "is open already"),
        (["x", "--cash", "-5"], "--cash must be 0 or above"),
        (["x", "--cash", "NaN"], "--cash"),
        (["x", "--targets", "nowhere"], "must exist"),
        (["x", "--targets", "account:nobody"], "nobody"),
    ],
)
def test_an_account_that_cannot_be_is_refused_whole(home: Path, args: list[str], said: str) -> None:
    refused(2, "accounts", "add", *args, said=said)
    assert [a["id"] for a in ok("accounts", "list").data] == ["main"]
    assert list((home / "config" / "accounts").iterdir()) == [home / "config" / "accounts" / "main.yaml"]


def test_money_goes_in_and_out_and_is_no_result(book: Path) -> None:
    before = ok("accounts", "list").data[0]
    ok("cash", "deposit", "main", "500")
    ok("cash", "withdraw", "main", "200")
    after = ok("accounts", "list").data[0]
    assert Decimal(after["net_liquidation"]) - Decimal(before["net_liquidation"]) == 300
    assert ok("runs", "show", "main/1").data["run"]["total_return"] == ok("runs", "list").data[0]["total_return"]
    refused(2, "cash", "withdraw", "main", "1000000", said="withdraw")
    refused(2, "cash", "deposit", "main", "0", said="above 0")


def test_the_same_booking_twice_books_once(home: Path) -> None:
    ok("cash", "deposit", "main", "500", "--ref", "salary")
    ok("cash", "deposit", "main", "500", "--ref", "salary")
    assert Decimal(ok("accounts", "show", "main").data["cash"]) == 100_500


def test_an_unknown_account_is_told_with_the_nearest(home: Path) -> None:
    assert "did you mean main?" in refused(2, "accounts", "show", "mian")
    assert "did you mean main?" in refused(2, "run", "mian")


# Trading


def test_a_rebalance_is_sent_verified_recorded_and_replayed(home: Path) -> None:
    data = ok("rebalance", portfolio(home), "--account", "main").data
    assert set(data) >= {"submitted", "submitted_orders", "errors", "notes", "verification"}
    assert data["submitted"] == len(data["submitted_orders"]) == 3
    assert {o["status"] for o in data["submitted_orders"]} == {"FILLED"}
    assert data["errors"] == []
    assert Decimal(data["verification"]["total_accuracy"]) > Decimal("0.9")
    assert {p["symbol"] for p in ok("positions").data} == {"AAPL", "KO", "XOM"}
    assert ok("replay", data["cycle"]).data["identical"] is True
    assert ok("audit", "verify").data["holds"] is True
    assert (home / "audit" / "main-1-1.json").exists()


def test_a_rehearsal_changes_nothing_and_says_so(home: Path) -> None:
    before = ok("accounts", "show", "main").data
    ended = invest("rebalance", portfolio(home), "--account", "main", "--dry-run", "--json")
    assert ended.code == 0
    assert ended.err.splitlines()[0] == ended.err.splitlines()[-1] == "DRY RUN"
    assert {o["status"] for o in ended.data["submitted_orders"]} == {"WOULD_SEND"}
    assert ended.data["submitted"] == 0
    assert ok("accounts", "show", "main").data == before
    assert ok("trades").data == []
    lines = invest("run", "main", "--dry-run").out.strip().splitlines()
    assert (lines[0], lines[-1]) == ("DRY RUN", "DRY RUN")


def test_live_orders_need_every_switch_and_a_typed_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = home / "invest.yaml"
    config.write_text(config.read_text().replace("mode: paper", "mode: live"))
    assert "ALLOW_ORDERS and ENABLE_ORDER_EXEC" in refused(8, "rebalance", portfolio(home), "--account", "main")
    monkeypatch.setenv("ALLOW_ORDERS", "1")
    monkeypatch.setenv("ENABLE_ORDER_EXEC", "1")
    assert "add --confirm main" in refused(8, "rebalance", portfolio(home), "--account", "main")
    assert "was 'other'" in refused(8, "run", "main", "--confirm", "other")
    monkeypatch.setenv("DRY_RUN", "1")
    assert ok("run", "main").data["mode"] == "dry_run"


def test_halted_means_nothing_goes_out_until_resumed(home: Path) -> None:
    ok("halt", "--reason", "test")
    assert (home / "KILL").exists()
    assert "blocked:" in refused(5, "run", "main")
    assert ok("trades").data == []
    assert "test" in ok("status").data["kill_switch"]
    ok("resume")
    assert ok("run", "main").data["submitted"] > 0


def test_a_home_that_cannot_be_opened_can_still_be_stopped(home: Path) -> None:
    good = (home / "invest.yaml").read_text()
    (home / "invest.yaml").write_text("mode: [")
    told = invest("halt", "--reason", "broken", "--json")
    assert told.code == 3
    assert told.data["state"] == "HALTED"
    (home / "invest.yaml").write_text(good)
    refused(5, "run", "main")
    assert ok("trades").data == []


def test_a_halt_can_be_narrow(home: Path) -> None:
    ok("halt", "--symbol", "aapl")
    data = ok("rebalance", portfolio(home), "--account", "main").data
    assert {o["symbol"] for o in data["submitted_orders"]} == {"KO", "XOM"}
    assert any("AAPL" in note for note in data["notes"])
    ok("halt", "--account", "main", "--reduce-only")
    assert ok("accounts", "list").data[0]["state"] == "REDUCING"


def test_cancelling_everybodys_orders_needs_a_typed_name(home: Path) -> None:
    assert ok("cancel-all").data == []
    refused(8, "cancel-all", "--global", said="--confirm main")
    refused(8, "cancel-all", "--global", "--confirm", "Main", said="was 'Main'")
    assert ok("cancel-all", "--global", "--confirm", "main").data == []


def test_run_all_finishes_the_others_when_one_fails(home: Path) -> None:
    ok("accounts", "add", "broken", "--cash", "1000", "--targets", "core")
    (home / "config" / "accounts" / "broken.yaml").write_text("targets: json/gone.json\n")
    told = invest("run-all", "--json")
    assert told.code == 6
    assert {row["account"]: row["ok"] for row in told.data} == {"main": True, "broken": False}
    assert "gone.json" in told.document["errors"][0]["message"]
    assert ok("trades").data != []
    refused(2, "run-all", "--only", "x*", said="x*")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("[{]", "line 1"),
        ([{"symbol": "AAPL", "weight": 60}, {"symbol": "KO", "weight": 50}], "110 %"),
        ([{"symbol": "AAPL", "weight": 0.6}, {"symbol": "KO", "weight": 0.4}], "unit"),
        ([{"symbol": "ZZZZ", "weight": 10}], "ZZZZ"),
        ([{"symbol": "KO", "weight": 10}, {"symbol": "ko", "weight": 10}], "KO"),
    ],
)
def test_wrong_targets_leave_nothing_half_done(home: Path, rows: object, said: str) -> None:
    refused(2, "rebalance", portfolio(home, rows), "--account", "main", said=said)
    refused(2, "plan", portfolio(home, rows), "--account", "main", said=said)
    refused(2, "portfolios", "add", "wrong", portfolio(home, rows), said=said)
    assert ok("orders").data == []
    assert not (home / "json" / "wrong.json").exists()
    assert ok("portfolios", "list").data[0]["name"] == "core"


# Portfolios, rules, clock, export


def test_a_portfolio_is_saved_shown_and_removed(home: Path) -> None:
    ok("portfolios", "add", "own", portfolio(home))
    refused(2, "portfolios", "add", "own", portfolio(home), said="--replace")
    half = portfolio(home, [{"symbol": "KO", "weight": 0.5}])
    ok("portfolios", "add", "own", half, "--unit", "fraction", "--replace")
    assert ok("portfolios", "show", "own").data["targets"] == [{"symbol": "KO", "weight": "0.5"}]
    refused(8, "portfolios", "remove", "own", said="--yes")
    ok("portfolios", "remove", "own", "--yes")
    refused(2, "portfolios", "show", "own", said="must be one of core")
    refused(2, "portfolios", "remove", "core", "--yes", said="is the target of main")
    refused(2, "portfolios", "add", "../evil", portfolio(home), said="name must be")


def test_a_rule_is_checked_added_counted_and_switched_off(home: Path) -> None:
    refused(2, "rules", "add", "main", "Cap", "--param", "max_position_pct=1000", said="max_position_pct")
    refused(2, "rules", "add", "main", "Cap", "--param", "max_positon_pct=10", said="max_position_pct")
    refused(2, "rules", "add", "main", "Cap", "--param", "nonsense", said="KEY=VALUE")
    effects = ok("rules", "test", "main", "--param", "max_position_pct=2").data
    assert {e["symbol"] for e in effects} >= {"AAPL"}
    assert ok("rules", "list").data == []
    ok("rules", "add", "main", "Small positions", "--param", "max_position_pct=2")
    ok("run", "main")
    (row,) = ok("rules", "list").data
    assert row["rule"]["rule_id"] == "small-positions"
    assert row["refusals"] + row["shrinks"] > 0
    ok("rules", "disable", "main", "small-positions")
    assert ok("rules", "list").data[0]["rule"]["is_active"] is False
    refused(2, "rules", "disable", "main", "none")


def test_the_simulated_clock_moves_on_and_never_back(book: Path) -> None:
    before = ok("clock", "show").data
    assert before["simulated"] is True
    after = ok("clock", "advance", "--sessions", "2").data
    assert after["session"] == "2022-11-30"
    assert ok("clock", "advance", "--to", "2022-12-05").data["now"] == "2022-12-05T15:00:00.000000Z"
    refused(2, "clock", "advance", "--to", "2022-11-28", said="cannot go back")
    refused(2, "clock", "advance", "--to", "soon", said="2022-12-28")
    refused(2, "clock", "advance", said="--sessions")


def test_trades_are_exported_for_other_programs(book: Path, tmp_path: Path) -> None:
    text = invest("export", "trades").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(ok("trades").data)
    assert {row["side"] for row in rows} == {"BUY"}
    ok("export", "decisions", "--format", "jsonl", "--output", str(tmp_path / "d.jsonl"))
    assert json.loads((tmp_path / "d.jsonl").read_text().splitlines()[0])["cycle"] == 1


# What is broken


def test_a_wrong_configuration_stops_everything_with_its_line(home: Path) -> None:
    path = home / "config" / "accounts" / "main.yaml"
    path.write_text(path.read_text() + "limits:\n  max_postion_weight: 0.2\n")
    for command in ("status", "run main", "config validate", "accounts list"):
        message = refused(3, *command.split(), said="did you mean max_position_weight?")
        assert f"{path}:" in message
    assert invest("doctor").code == 1


def test_an_unreadable_database_is_named_and_left_alone(book: Path) -> None:
    for path in (book / "data").glob("ledger.sqlite*"):
        path.unlink()
    (book / "data" / "ledger.sqlite").write_bytes(b"this is no database" * 100)
    assert "ledger.sqlite" in refused(1, "status")
    assert (book / "data" / "ledger.sqlite").read_bytes().startswith(b"this is no")


def test_a_changed_audit_file_is_found(book: Path) -> None:
    path = book / "audit" / "main-1-1.json"
    path.write_text(path.read_text().replace("AAPL", "AAPM", 1))
    assert str(path) in refused(7, "audit", "verify")


def test_doctor_names_limits_that_can_never_fire(home: Path) -> None:
    checks = ok("doctor").data
    assert {c["status"] for c in checks} <= {"pass", "warn", "skip"}
    assert any("can never fire" in c["detail"] for c in checks)
    assert next(c for c in checks if c["name"] == "interlocks of main")["status"] == "pass"
    live = next(c for c in checks if c["name"] == "live orders of main")["detail"]
    assert live.startswith("cannot leave: M01 mode")
    assert "M06 armed: not armed; `invest arm`" in live

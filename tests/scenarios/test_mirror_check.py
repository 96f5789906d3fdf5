"""Ghostfolio held against the books, rebuilt from them, and which accounts it shows; by function and by command."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.contracts.ghostfolio.recorded import NEWEST
from tests.contracts.ghostfolio.standin import StandIn
from tests.scenarios.homes import ACCOUNT, add_account
from tests.scenarios.mirror_stage import StageOf, balance, compared, shown, told, why
from tests.scenarios.scripted_stage import scripted_stage
from tests.unit.cli.running import invest

from prudent.bootstrap import open_desk
from prudent.domain.errors import Permanent
from prudent.entrypoints.cli.opening import Opening, open_account
from prudent.workflows.mirror import sync
from prudent.workflows.mirror_check import compare, rebuild
from prudent.workflows.mirror_link import connected, mirrored, wanted

D = Decimal


# Compared and rebuilt


def test_what_somebody_changed_there_is_named_and_put_right(any_server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    for symbol in ("AAPL", "MSFT", "JPM", "XOM"):
        stage.sent(symbol, "10")
    told(stage)
    gone, changed, doubled, _right = any_server.books.activities
    any_server.books.activities.remove(gone)
    changed["quantity"] = 11
    any_server.books.activities.append({**doubled, "id": "double"})
    by_hand = {**doubled, "id": "by-hand", "comment": "mine"}
    any_server.books.activities.append(by_hand)
    any_server.books.balances[wanted(stage.desk, ACCOUNT).id, "9998-01-01"] = 12.5
    assert why(compared(stage)) == [
        "another balance", *["another quantity is held"] * 3, "it is missing there", "it is there more than once",
        "it was booked there by others", "quantity 11.0 where it was 10",
    ]  # fmt: skip
    del any_server.books.balances[wanted(stage.desk, ACCOUNT).id, "9998-01-01"]
    with connected(stage.desk) as connection:
        found = rebuild(stage.desk, connection, ACCOUNT)
    assert (found.removed, found.told.booked) == (2, 2)
    assert why(found.after) == ["another quantity is held", "it was booked there by others"]
    any_server.books.activities.remove(by_hand)
    assert compared(stage).agrees


def test_a_server_that_lost_everything_shows_the_books_again(any_server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    stage.sent()
    told(stage)
    before = shown(any_server)
    any_server.books.accounts.clear()
    any_server.books.activities.clear()
    any_server.books.balances.clear()
    assert why(compared(stage)) == ["it is not there"]
    with connected(stage.desk) as connection:
        assert rebuild(stage.desk, connection, ACCOUNT).after.agrees
    assert shown(any_server) == before
    assert balance(any_server, stage) == float(stage.desk.ledger.views.money(ACCOUNT).cash)


def test_manual_symbols_are_bought_and_sold_and_compared(
    any_server: StandIn, stage_of: StageOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVEST__GHOSTFOLIO__SYMBOLS", "manual")
    any_server.faults.provider_down = True
    stage = stage_of()
    order = stage.sent()
    told(stage)
    (done,) = stage.broker.order(ACCOUNT, order.order_ref).fills
    # The only activity of an asset takes the asset's name away with it, and it is named again.
    stage.broker.correct(ACCOUNT, order.order_ref, done, price=D("101"))
    stage.reconcile()
    assert told(stage).refused == ()
    assert compared(stage).agrees
    (name,) = any_server.books.names.values()
    assert name == "AAPL"


# Which accounts


def test_every_account_that_trades_is_shown_and_research_is_not(mirrored_home: Path, tmp_path: Path) -> None:
    home = scripted_stage(mirrored_home, tmp_path).desk.home
    add_account(home, "twin")
    file = home / "config" / "accounts" / "twin.yaml"
    assert mirrored(open_desk(home)) == (ACCOUNT, "twin")
    file.write_text(file.read_text() + "strategy: research\n")
    assert mirrored(open_desk(home)) == (ACCOUNT,)


def test_a_mapping_chooses_accounts_and_names_theirs(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    home = stage.desk.home
    add_account(home, "twin")
    file = home / "invest.yaml"
    file.write_text(file.read_text() + "\nghostfolio: {accounts: {twin: aaaaaaaa-0000-4000-8000-000000000001}}\n")
    desk = open_desk(home)
    assert mirrored(desk) == ("twin",)
    with connected(desk) as connection:
        (found,) = sync(desk, connection, ("twin",))
        assert "must name an account that is there" in str(found.problem)
        assert server.writes() == []
        with pytest.raises(Permanent, match="must name an account"):
            compare(desk, connection, "twin")


def test_an_account_of_record_is_always_shown(server: StandIn, stage_of: StageOf) -> None:
    home = stage_of().desk.home
    mandate = {"targets": "json/core.json", "broker": "ghostfolio"}
    open_account(open_desk(home), Opening(account="record", cash=D(10_000), positions=None, mandate=mandate))
    file = home / "invest.yaml"
    file.write_text(file.read_text() + f"\nghostfolio: {{accounts: {{{ACCOUNT}: ''}}}}\n")
    assert set(mirrored(open_desk(home))) == {ACCOUNT, "record"}


def test_twelve_accounts_are_found_or_made_with_their_money(server: StandIn, stage_of: StageOf) -> None:
    desk = stage_of().desk
    names = [f"account-{number}" for number in range(12)]
    for name in names:
        add_account(desk.home, name, cash=D(10_000))
    desk = open_desk(desk.home)
    with connected(desk) as connection:
        found = sync(desk, connection, names)
    assert [each.problem for each in found] == [None] * 12
    assert {each["name"] for each in server.books.accounts.values()} == set(names)
    with connected(desk) as connection:
        assert [compare(desk, connection, name).agrees for name in names] == [True] * 12
        assert {each.balance for each in connection.server.accounts()} == {D(10_000)}
        rebuild(desk, connection, names[0])
    assert len(server.books.accounts) == 12


# By command


def test_the_commands_check_tell_compare_and_rebuild(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    stage.sent()
    home = ("--home", str(stage.desk.home), "--json")
    checked = invest("ghostfolio", "check", *home)
    assert checked.code == 0, checked.err
    assert checked.data["version"] == NEWEST
    assert checked.data["accounts"][0]["there"] is None
    assert invest("ghostfolio", "sync", *home).data[0]["booked"] == 1
    assert invest("ghostfolio", "sync", *home).data[0]["booked"] == 0
    assert invest("ghostfolio", "reconcile", ACCOUNT, *home).data[0]["agrees"]
    server.books.activities.clear()
    lost = invest("ghostfolio", "reconcile", *home)
    assert lost.code == 7
    assert lost.data[0]["differences"][0]["why"] == "it is missing there"
    rebuilt = invest("ghostfolio", "rebuild", ACCOUNT, *home)
    assert (rebuilt.code, rebuilt.data["booked"]) == (0, 1)
    told = invest("ghostfolio", "reconcile", "--home", str(stage.desk.home))
    assert "agrees" in told.out


def test_the_commands_say_what_is_wrong_and_never_the_token(
    server: StandIn, stage_of: StageOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of()
    stage.sent()
    home = ("--home", str(stage.desk.home))
    server.faults.database_down = True
    down = invest("ghostfolio", "sync", *home)
    assert down.code == 4
    assert "database may be down" in down.err
    server.faults.database_down = False
    server.faults.read_only = True
    assert invest("ghostfolio", "check", *home).code == 3
    server.faults.read_only = False
    server.known = frozenset()
    refused = invest("ghostfolio", "sync", *home)
    assert refused.code == 6
    assert "AAPL" in refused.err
    server.known = frozenset({"AAPL"})
    assert invest("ghostfolio", "sync", "--again", *home).code == 0
    monkeypatch.setenv("GHOSTFOLIO_ACCESS_TOKEN", "e" * 64)
    wrong = invest("ghostfolio", "check", *home, "-vv")
    assert wrong.code == 3
    assert "e" * 64 not in wrong.err + wrong.out
    monkeypatch.delenv("GHOSTFOLIO_ACCESS_TOKEN")
    named = [each for each in invest("doctor", *home, "--json").data if each["name"] == "ghostfolio"]
    assert named[0]["detail"] == "2 told, 0 wait, 0 refused"
    absent = invest("ghostfolio", "check", *home)
    assert absent.code == 3
    assert "invest secrets set ghostfolio_access_token" in absent.err

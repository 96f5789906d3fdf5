"""Ghostfolio is told of the books once, whatever happens on the way, and is never in anybody's way."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contracts.ghostfolio.standin import TOKEN, StandIn
from tests.fakes_clock import SteppedClock
from tests.scenarios.engines import engine_at, forking, log_of, until
from tests.scenarios.homes import ACCOUNT, CASH
from tests.scenarios.mirror_stage import StageOf, balance, compared, shown, told, why
from tests.scenarios.scripted_stage import scripted_stage
from tests.unit.cli.running import invest

from prudent.bootstrap import open_desk
from prudent.clock import SystemClock
from prudent.domain.accounts import Position
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import ConfigError, Temporary
from prudent.domain.notices import Event
from prudent.ledger.outbox import OutboxState
from prudent.settings import load_settings
from prudent.workflows.mirror import MirrorWatch, Told, activity_of, enqueue, sync
from prudent.workflows.mirror_check import rebuild
from prudent.workflows.mirror_link import connected, one_writer
from prudent.workflows.people import reception

D = Decimal


# Told once


def test_what_was_traded_is_shown_once(any_server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    stage.sent("AAPL", "10")
    stage.sent("MSFT", "4")
    # The scripted venue fills at 100 with a commission of 1: 100,000 - 1,001 - 401.
    assert told(stage) == Told(account=ACCOUNT, booked=2, cash_set=True)
    assert sorted(shown(any_server)) == [("BUY", "AAPL", 10, 100), ("BUY", "MSFT", 4, 100)]
    assert balance(any_server, stage) == float(stage.desk.ledger.views.money(ACCOUNT).cash)
    writes = len(any_server.writes())
    assert told(stage) == Told(account=ACCOUNT)
    assert len(any_server.writes()) == writes
    assert compared(stage).agrees


def test_a_future_is_shown_in_contracts_at_its_whole_value(any_server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    stage.sent("ESH3", "2")
    assert told(stage).booked == 1
    ((kind, symbol, quantity, price),) = shown(any_server)
    # One contract at 100 stands for 50 times that; no provider's quote may value it otherwise.
    assert (kind, quantity, price) == ("BUY", 2, 5_000)
    assert (symbol[:3], symbol[-5:]) == ("GF_", "-ESH3")
    # 100,000 less 2 x 5,000 and the commission of 1.
    assert balance(any_server, stage) == 89_999
    assert compared(stage).agrees


def test_nothing_new_asks_the_server_nothing(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    told(stage)
    asked = len(server.asked)
    told(stage)
    assert len(server.asked) == asked


def test_a_correction_and_a_bust_replace_what_is_shown(any_server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent()
    told(stage)
    (done,) = stage.broker.order(ACCOUNT, order.order_ref).fills
    right = stage.broker.correct(ACCOUNT, order.order_ref, done, price=D("101"))
    stage.reconcile()
    assert told(stage) == Told(account=ACCOUNT, booked=1, removed=1, cash_set=True)
    assert shown(any_server) == [("BUY", "AAPL", 10, 101)]
    stage.broker.correct(ACCOUNT, order.order_ref, right, busted=True)
    stage.reconcile()
    assert told(stage).removed == 1
    assert shown(any_server) == []
    assert balance(any_server, stage) == float(CASH)
    assert compared(stage).agrees


def test_what_was_corrected_before_it_was_told_is_told_once(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    order = stage.sent()
    enqueue(stage.desk, ACCOUNT, at=SystemClock().now())
    (done,) = stage.broker.order(ACCOUNT, order.order_ref).fills
    stage.broker.correct(ACCOUNT, order.order_ref, done, price=D("101"))
    stage.reconcile()
    assert told(stage) == Told(account=ACCOUNT, booked=1, cash_set=True)
    assert shown(server) == [("BUY", "AAPL", 10, 101)]


def test_positions_and_money_that_were_put_in_are_shown(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    held = (Position(symbol="KO", quantity=D(20), average_cost=D("61.5")),)
    desk = stage.desk
    desk.ledger.add_account(replace(desk.mandate(ACCOUNT), account="gift", name="Gift"), cash=D(500), positions=held,
                            at=desk.clock.now())  # fmt: skip
    with connected(desk) as connection:
        account_id = connection.account(desk, ACCOUNT).id
        assert server.books.accounts[account_id]["name"] == "core"
        enqueue(desk, "gift", at=desk.clock.now())
        (movement,) = desk.ledger.outbox.movements("gift")
        activity = activity_of(connection.server, "gift", movement)
    assert (activity.side, activity.quantity, activity.price, activity.fee) == ("BUY", D(20), D("61.5"), D(0))


# On the way


@pytest.mark.parametrize("fault", ["cut", "hang", "empty", "broken"])
def test_an_answer_that_was_lost_makes_nothing_twice(
    server: StandIn, stage_of: StageOf, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "hang":
        monkeypatch.setenv("INVEST__GHOSTFOLIO__TIMEOUT_SECONDS", "2")
    stage = stage_of()
    told(stage)
    stage.sent()
    setattr(server.faults, fault, 1)
    assert told(stage).booked == 1
    told(stage)
    assert shown(server) == [("BUY", "AAPL", 10, 100)]


def test_a_process_that_ended_behind_the_write_writes_nothing_twice(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    stage.sent()
    enqueue(stage.desk, ACCOUNT, at=SystemClock().now())
    with connected(stage.desk) as connection:
        (movement,) = stage.desk.ledger.outbox.movements(ACCOUNT)
        account_id = connection.account(stage.desk, ACCOUNT).id
        connection.server.book(account_id, activity_of(connection.server, ACCOUNT, movement))
    assert told(stage).booked == 0
    assert len(server.books.activities) == 1
    assert compared(stage).agrees


def test_a_write_that_was_not_done_is_done_later(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    told(stage)
    stage.sent()
    server.faults.broken_undone = 1
    first = told(stage)
    assert (first.booked, first.waiting) == (0, 2)
    assert "500" in str(first.problem)
    assert compared(stage).waiting == 1
    assert compared(stage).agrees
    assert told(stage).booked == 1
    assert shown(server) == [("BUY", "AAPL", 10, 100)]


def test_a_server_whose_database_is_down_refuses_nothing(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    stage.sent()
    server.faults.database_down = True
    found = told(stage)
    assert "not well" in str(found.problem)
    assert (found.waiting, found.refused) == (2, ())
    with connected(stage.desk) as connection:
        asked = len(server.asked)
        (first,) = sync(stage.desk, connection, (ACCOUNT,))
        of_one = len(server.asked) - asked
        # One account's failure to reach it is enough: the others do not wait for it too.
        both = sync(stage.desk, connection, (ACCOUNT, ACCOUNT))
    assert str(both[0].problem) == str(both[1].problem) == str(first.problem)
    assert len(server.asked) == asked + 2 * of_one
    server.faults.database_down = False
    assert told(stage).waiting == 0


def test_a_watch_tries_again_what_waits_though_nothing_moved(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    clock = SteppedClock(SystemClock().now())
    watch = MirrorWatch(clock)
    server.faults.database_down = True
    assert watch.look(stage.desk)[0].waiting == 1
    server.faults.database_down = False
    clock.set(clock.now() + timedelta(seconds=14))
    assert watch.look(stage.desk) == ()
    clock.set(clock.now() + timedelta(seconds=1))
    assert watch.look(stage.desk)[0].cash_set


def test_read_only_mode_is_no_refusal_of_a_trade(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    told(stage)
    stage.sent()
    server.faults.read_only = True
    found = told(stage)
    assert (found.waiting, found.refused) == (2, ())
    server.faults.read_only = False
    assert told(stage).booked == 1


def test_one_symbol_that_is_refused_holds_up_no_other(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    server.known = frozenset({"MSFT"})
    stage.sent("AAPL", "10")
    stage.sent("MSFT", "4")
    found = told(stage)
    assert (found.booked, found.cash_set, found.waiting) == (1, True, 0)
    assert 'symbol ("AAPL") is not valid' in found.refused[0]
    assert why(compared(stage)) == ["another quantity is held", "it is missing there"]
    server.known = frozenset({"MSFT", "AAPL"})
    assert told(stage).booked == 0
    with connected(stage.desk) as connection:
        assert rebuild(stage.desk, connection, ACCOUNT).after.agrees


def test_a_person_is_told_once_of_what_is_refused(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    server.known = frozenset()
    stage.sent("AAPL", "10")
    watch = MirrorWatch()
    for _ in range(3):
        watch.look(stage.desk)
    (row,) = stage.desk.ledger.notices.listed(event=Event.MIRROR_REFUSED).rows
    assert (row.notice.account, row.repeats) == (ACCOUNT, 0)
    assert "activity BUY 10 AAPL" in row.notice.title
    assert "symbol" in row.notice.title


def test_what_failed_is_tried_again_with_patience(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    told(stage)
    stage.sent()
    server.faults.broken_undone = 1
    told(stage)
    with connected(stage.desk) as connection:
        (found,) = sync(stage.desk, connection, (ACCOUNT,), patient=True)
        (row,) = (each for each in stage.desk.ledger.outbox.due(ACCOUNT) if each.attempts)
        assert found.booked == 0
        outbox, earlier = stage.desk.ledger.outbox, row.at - timedelta(minutes=1)
        outbox.failed(row, at=earlier, message=row.message)
        (found,) = sync(stage.desk, connection, (ACCOUNT,), patient=True)
    assert found.booked == 1


def test_a_dead_server_is_in_nobodys_way(server: StandIn, stage_of: StageOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GHOSTFOLIO_URL", "http://127.0.0.1:9")
    stage = stage_of()
    watch = MirrorWatch()
    first = watch.look(stage.desk)
    record = stage.cycle()
    assert isinstance(record, CycleRecord)
    assert stage.books_agree()
    assert "cannot be reached" in str(first[0].problem)
    assert watch.look(stage.desk) == ()
    monkeypatch.setenv("GHOSTFOLIO_URL", server.url)
    stage.desk = replace(open_desk(stage.desk.home), broker=stage.broker, venue=None)
    assert told(stage).booked == len(stage.desk.ledger.outbox.movements(ACCOUNT)) > 0
    assert compared(stage).agrees


def test_a_watch_looks_at_the_books_again_once_they_moved(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    watch = MirrorWatch()
    assert watch.look(stage.desk)[0].cash_set
    assert watch.look(stage.desk) == ()
    stage.sent()
    assert watch.look(stage.desk)[0].booked == 1
    stage.desk.ledger.flow(ACCOUNT, "deposit", D(5), at=stage.clock.now(), ref="more")
    assert watch.look(stage.desk)[0].cash_set
    stage.sent()
    server.faults.broken_undone = 1
    assert watch.look(stage.desk)[0].waiting == 2
    # It failed, so the server is left alone for a while.
    assert watch.look(stage.desk) == ()
    assert MirrorWatch().look(stage.desk)[0].waiting == 1


def test_a_watch_without_a_server_does_nothing(stage_of: StageOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GHOSTFOLIO_URL", raising=False)
    stage = stage_of()
    assert MirrorWatch().look(stage.desk) == ()
    with pytest.raises(ConfigError, match="no Ghostfolio is configured"):
        told(stage)


def test_only_one_process_of_a_home_writes(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    with one_writer(stage.desk.home):
        assert MirrorWatch().look(stage.desk) == ()
        with pytest.raises(Temporary, match="another process"), one_writer(stage.desk.home, seconds=0.0):
            raise AssertionError("two at once")
    assert server.asked == []
    assert MirrorWatch().look(stage.desk)[0].cash_set


def test_every_row_of_the_outbox_says_what_became_of_it(server: StandIn, stage_of: StageOf) -> None:
    stage = stage_of()
    stage.sent()
    told(stage)
    rows = stage.desk.ledger.outbox.rows(ACCOUNT)
    assert {row.state for row in rows} == {OutboxState.DONE}
    assert rows[0].message == f"activity {server.books.activities[0]['id']}"


def test_an_engine_shows_what_it_traded_with_a_stored_token(
    server: StandIn, mirrored_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GHOSTFOLIO_ACCESS_TOKEN")
    home = scripted_stage(mirrored_home, tmp_path).desk.home
    file = home / "invest.yaml"
    file.write_text(file.read_text() + f"\nghostfolio: {{url: '{server.url}'}}\n")
    with reception(load_settings(home)) as found:
        found.vault.set(found.principal(None), "ghostfolio_access_token", TOKEN)
    assert invest("run", ACCOUNT, "--home", str(home)).code == 0
    traded = open_desk(home).ledger.views.trades(ACCOUNT).total
    with forking() as start, engine_at(home, start=start):
        until(lambda: len(server.books.activities) == traded > 0, said="it is told")
    assert TOKEN not in log_of(home)

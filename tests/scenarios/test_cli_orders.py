"""The commands about orders and the broker's book, through the command line."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.homes import ACCOUNT, new_home, reopened
from tests.unit.cli.running import Ended
from tests.unit.cli.running import invest as run_invest

from prudent.bootstrap import Desk
from prudent.domain.accounts import TradingState
from prudent.domain.orders import OrderStatus
from prudent.ledger.booking import FlowKind
from prudent.workflows.cycle import at_work, run_account


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = new_home(tmp_path)
    desk = reopened(home)
    with at_work(desk):
        run_account(desk, ACCOUNT)
    desk.ledger.close()
    return home


def invest(home: Path, *words: str) -> Ended:
    return run_invest(*words, "--home", str(home))


def test_orders_alone_still_lists_them(home: Path) -> None:
    for words in (("orders",), ("orders", "list"), ("orders", "--account", ACCOUNT, "--limit", "3")):
        ended = invest(home, *words, "--json")
        assert ended.code == 0
        assert {row["state"] for row in ended.data} == {"FILLED"}


def test_reconcile_says_that_the_books_agree(home: Path) -> None:
    ended = invest(home, "reconcile", ACCOUNT, "--json")
    assert ended.code == 0
    (report,) = ended.data
    assert (report["account"], report["clean"], report["complete"], report["breaks"]) == (ACCOUNT, True, True, [])


def test_a_difference_is_found_refused_to_be_traded_and_taken_over(home: Path) -> None:
    desk = reopened(home)
    now = desk.clock.now()
    desk.own_venue(ACCOUNT).transfer(ACCOUNT, Decimal(500), FlowKind.DEPOSIT, ref="x", at=now)
    ended = invest(home, "reconcile", "--json")
    assert ended.code == 7
    (found,) = ended.data[0]["breaks"]
    assert (found["symbol"], found["kind"]) == ("CASH", "transfer")
    assert desk.ledger.state(ACCOUNT)[0] is TradingState.REDUCING
    lifted = invest(home, "unlock", "cash", "--account", ACCOUNT, "--reason", "I paid it in", "--json")
    assert lifted.code == 0
    assert len(lifted.data["lifted"][ACCOUNT]) == 2
    assert invest(home, "reconcile").code == 0


def test_an_order_is_resolved_by_a_persons_word_and_only_once(home: Path) -> None:
    desk = reopened(home)
    ref = in_doubt(desk)
    wrong = invest(home, "orders", "resolve", ref, "--as", "filled", "--reason", "seen", "--json")
    assert (wrong.code, "--price" in wrong.document["errors"][0]["message"]) == (2, True)
    assert invest(home, "orders", "resolve", ref, "--as", "lost", "--reason", "seen").code == 2
    assert invest(home, "orders", "resolve", "NOPE", "--as", "not-sent", "--reason", "seen").code == 2
    settled = invest(home, "orders", "resolve", ref, "--as", "not-sent", "--reason", "the venue has none", "--json")
    assert (settled.code, settled.data["order"]["status"]) == (0, "NOT_SENT")
    assert invest(home, "orders", "resolve", ref, "--as", "not-sent", "--reason", "again").code == 5
    events = [json.loads(row.body) for row in desk.ledger.views.audit(event="order_resolved").rows]
    assert [event["reason"] for event in events] == ["the venue has none (by local)"]


def in_doubt(desk: Desk) -> str:
    """Approve and claim an order of the last cycle's run, and leave it so."""
    record = desk.ledger.load_record(f"{ACCOUNT}/1/1")
    old = record.phases[0].intents[0]
    intent = replace(old, order_ref="A" * 24)
    run = desk.ledger.last_run(ACCOUNT)
    assert run is not None
    now = desk.clock.now()
    desk.ledger.approve(run, desk.ledger.next_cycle(run, at=now), (intent,), at=now)
    desk.ledger.sending(ACCOUNT, intent.order_ref, seal=intent.seal, at=now)
    assert desk.ledger.known(ACCOUNT, (intent.order_ref,))[0].status is OrderStatus.SENDING
    return intent.order_ref


def test_unlocking_what_nothing_locks_says_so(home: Path) -> None:
    ended = invest(home, "unlock", "AAPL", "--reason", "why not")
    assert ended.code == 0
    assert "nothing locked AAPL" in ended.out

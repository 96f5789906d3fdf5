"""A real Ghostfolio, by GHOSTFOLIO_URL and GHOSTFOLIO_ACCESS_TOKEN: one account of its own, written, read and emptied.

It makes one account named "Prudent live test", and takes away every activity that it booked there.
"""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from prudent.brokers.ghostfolio import (
    Activity,
    Ghostfolio,
    Mark,
    RemoteAccount,
    Wanted,
    Wire,
    account_mark,
    account_uuid,
)
from prudent.clock import SystemClock
from prudent.domain.orders import Side

URL, TOKEN = os.environ.get("GHOSTFOLIO_URL", ""), os.environ.get("GHOSTFOLIO_ACCESS_TOKEN", "")
pytestmark = pytest.mark.skipif(not (URL and TOKEN), reason="needs GHOSTFOLIO_URL and GHOSTFOLIO_ACCESS_TOKEN")
OWNER, NAME = "live-test", "prudent-live-test"


@pytest.fixture
def server() -> Iterator[Ghostfolio]:
    found = Ghostfolio(Wire(URL, TOKEN, clock=SystemClock(), seconds=30.0), symbols="manual")
    yield found
    found.close()


@pytest.fixture
def account(server: Ghostfolio) -> Iterator[RemoteAccount]:
    wanted = Wanted(
        id=account_uuid(OWNER, NAME), name="Prudent live test", currency="USD", mark=account_mark(OWNER, NAME),
        cash=Decimal(10_000),
    )  # fmt: skip
    found = server.find_or_make(wanted)
    assert server.find_or_make(wanted).id == found.id
    yield found
    for each in server.activities(found.id):
        if each.mark is not None and each.mark.account == NAME:
            server.remove(each.id)


def test_the_server_says_what_it_is(server: Ghostfolio) -> None:
    found = server.look()
    assert found.version
    assert found.user
    assert found.missing == ()


def test_a_trade_is_booked_found_and_taken_away(server: Ghostfolio, account: RemoteAccount) -> None:
    run = uuid.uuid4().hex[:12]

    def trade(exec_id: str, side: Side, quantity: str) -> Activity:
        return Activity(
            mark=Mark(account=NAME, order_ref=run, exec_id=exec_id, version=1), side=side,
            asset=server.asset(f"LIVE-{run}"), quantity=Decimal(quantity), price=Decimal("101.25"),
            fee=Decimal("1.05"), time=datetime(2026, 1, 5, 15, 30, tzinfo=UTC), currency="USD",
        )  # fmt: skip

    bought, sold = trade("e1", Side.BUY, "2.5"), trade("e2", Side.SELL, "1")
    first = server.book(account.id, bought)
    second = server.book(account.id, sold)
    there = {each.mark.exec_id: each for each in server.activities(account.id) if each.mark and
             each.mark.order_ref == run}  # fmt: skip
    assert {name: each.id for name, each in there.items()} == {"e1": first, "e2": second}
    assert bought.differs_from(there["e1"]) == ""
    assert sold.differs_from(there["e2"]) == ""
    assert server.search(account.id, sold.mark) == there["e2"]
    for each in (second, first, first):
        server.remove(each)
    assert not any(each.mark and each.mark.order_ref == run for each in server.activities(account.id))


def test_cash_is_what_it_was_set_to(server: Ghostfolio, account: RemoteAccount) -> None:
    today: date = SystemClock().now().date()
    for amount in ("9876.54", "10000"):
        server.set_cash(account.id, Decimal(amount), day=today)
        found = server.account(account.id)
        assert found is not None
        assert found.balance == Decimal(amount)


def test_an_unknown_account_is_none(server: Ghostfolio) -> None:
    assert server.account(str(uuid.uuid4())) is None

"""The Interactive Brokers session asked from threads that come and go, over a socket to the paper gateway."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.contract.broker_fakes import intent
from tests.contract.broker_ibkr import Floor, gateway

from prudent.brokers.dry_run import DryRunBroker
from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.brokers.ibkr.market import IbkrFeed
from prudent.brokers.ibkr.pace import KEPT_FREE, MESSAGES_MAX
from prudent.domain.errors import InputError
from prudent.domain.orders import Effect, OrderStatus

D = Decimal


@pytest.fixture(scope="module")
def floor() -> Iterator[Floor]:
    with gateway() as running:
        yield running


def in_a_thread_that_dies(work: Callable[[], object]) -> object:
    """What `work` gives or raises, done in a thread that ends with it, as a web framework's would."""
    done: list[object] = []

    def run() -> None:
        try:
            done.append(work())
        except InputError as error:
            done.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return done[0]


def test_every_question_is_answered_to_threads_that_die_after_it(floor: Floor) -> None:
    broker = floor.connect()
    feed = IbkrFeed(broker.session)
    assert in_a_thread_that_dies(lambda: broker.link("acc").up) is True
    listed = in_a_thread_that_dies(lambda: broker.session.call(lambda: broker.contracts.listed("AAPL")))
    assert getattr(listed, "min_tick") > 0  # noqa: B009 - what a thread gives has no type
    for bid in ("99.90", "98.90"):
        floor.market.set("AAPL", "100", bid=bid, ask="100.10")
        quotes = in_a_thread_that_dies(lambda: feed.latest(["AAPL"]))
        assert isinstance(quotes, dict)
        assert quotes["AAPL"].price is not None
    report = in_a_thread_that_dies(lambda: broker.submit(intent("thread")))
    assert getattr(report, "status") is OrderStatus.FILLED  # noqa: B009
    assert "nest_asyncio" not in sys.modules


def test_a_dozen_threads_at_once_are_all_answered(floor: Floor) -> None:
    broker = floor.connect()
    broker.link("margin")
    found: list[Decimal] = []
    threads = [threading.Thread(target=lambda: found.append(broker.snapshot("margin").cash)) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert found == [D(10_000)] * 12


# What orders would do to the margin


def test_the_margin_of_an_order_is_told_and_nothing_is_placed(floor: Floor) -> None:
    broker = floor.connect()
    before = broker.link("margin").next_order_id
    (margin,) = broker.what_if([intent("w1", account="margin")])
    # 10 x 100.10 at half and at a quarter of it, and max($1, 10 x $0.005).
    assert (margin.order_ref, margin.checked, margin.refused, margin.commission) == ("w1", True, "", D("1"))
    assert margin.initial_change is not None
    assert 490 < margin.initial_change < 520
    assert margin.maintenance_change is not None
    assert 245 < margin.maintenance_change < 260
    assert margin.equity_after is not None
    assert margin.maintenance_after is not None
    assert margin.excess_after == margin.equity_after - margin.maintenance_after
    assert nothing_is_there(broker)
    assert broker.link("margin").next_order_id == before


def nothing_is_there(broker: IbkrBroker) -> bool:
    """Neither the gateway's lists nor our own table know of an order that was only asked about."""
    listing = broker.listing("margin")
    ours = [row.ref for row in broker.session.table if row.account == broker.session.venue_account("margin")]
    return (listing.orders, listing.fills, ours) == ((), (), [])


def test_the_same_intent_is_sent_once_after_it_was_asked_about(floor: Floor) -> None:
    broker = floor.connect()
    asked = intent("w6")
    assert broker.what_if([asked])[0].checked
    assert broker.reports("acc", ("w6",))[0].status is OrderStatus.NOT_SENT
    assert broker.submit(asked).status is OrderStatus.FILLED
    assert sum(fill.quantity for fill in broker.fills("acc") if fill.order_ref == "w6") == 10


def test_an_order_that_the_venue_would_refuse_is_told_as_refused(floor: Floor) -> None:
    (margin,) = floor.connect().what_if([intent("w2", quantity="1.5", account="margin")])
    assert margin.checked
    assert margin.refused.startswith("10243")
    assert margin.initial_after is None


def test_silence_is_not_a_yes(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = floor.connect()
    broker.link("margin")
    monkeypatch.setattr("prudent.brokers.ibkr.whatif.WHAT_IF_SECONDS", 0.0)
    (margin,) = broker.what_if([intent("w3", account="margin")])
    assert (margin.checked, margin.initial_change) == (False, None)
    assert "0 s" in margin.message


def test_all_questions_together_end_in_time(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = floor.connect()
    broker.link("margin")
    monkeypatch.setattr("prudent.brokers.ibkr.whatif.ALL_SECONDS", 0.0)
    answers = broker.what_if([intent("w7", account="margin"), intent("w8", account="margin")])
    assert [(each.order_ref, each.checked) for each in answers] == [("w7", False), ("w8", False)]
    assert "all questions about margin within 0 s" in answers[0].message
    monkeypatch.undo()
    assert broker.what_if([intent("w9", account="margin")])[0].checked


def test_what_is_not_listed_is_unchecked_and_the_rest_is_answered(floor: Floor) -> None:
    unlisted = replace(intent("w10", account="margin"), symbol="NOSUCH")
    answers = floor.connect().what_if([unlisted, intent("w11", account="margin")])
    assert [(each.order_ref, each.checked) for each in answers] == [("w10", False), ("w11", True)]


def test_questions_leave_the_orders_their_share_of_the_messages(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    broker = floor.connect()
    broker.link("margin")
    broker.what_if([intent("w12", account="margin")])
    left: list[float] = []
    said: list[str] = []
    client = broker.session.market.live().client
    send = client.sendMsg

    def noted(message: str) -> None:
        left.append(time.monotonic())
        said.append(message)
        send(message)

    monkeypatch.setattr(client, "sendMsg", noted)
    answers = broker.what_if([intent(f"m{number}", account="margin") for number in range(40)])
    assert all(each.checked for each in answers)
    assert len(left) == 40
    # No question carries the ref of its order: whatever a gateway lists of it cannot be taken for the order.
    assert all("what-if" in message and f"m{number}\0" not in message for number, message in enumerate(said))
    # 40 a second at most, of which 10 are kept free for orders and cancels.
    assert all(later - earlier >= 1.0 for earlier, later in zip(left, left[MESSAGES_MAX - KEPT_FREE :]))
    assert nothing_is_there(broker)


def test_a_short_is_asked_as_the_sell_that_it_is(floor: Floor) -> None:
    (margin,) = floor.connect().what_if([intent("w4", Effect.SHORT, account="margin")])
    assert margin.checked
    assert margin.refused == ""


def test_nobody_asks_for_an_account_that_is_not_there(floor: Floor) -> None:
    with pytest.raises(InputError, match="this gateway was set up for"):
        floor.connect().what_if([intent("w13", account="nobody")])


def test_a_rehearsal_asks_through_and_sends_nothing(floor: Floor) -> None:
    broker = floor.connect()
    dry = DryRunBroker(broker)
    assert dry.traits.margin
    assert dry.what_if([intent("w14", account="margin")])[0].checked
    assert dry.submit(intent("w14", account="margin")).status is OrderStatus.WOULD_SEND
    assert nothing_is_there(broker)

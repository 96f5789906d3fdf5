"""The Interactive Brokers session asked from threads that come and go, over a socket to the paper gateway."""

import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from tests.contract.broker_fakes import intent
from tests.contract.broker_ibkr import Floor, gateway

from prudent.brokers.ibkr.market import IbkrFeed
from prudent.brokers.ibkr.whatif import what_if
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


# What an order would do to the margin


def test_the_margin_of_an_order_is_told_and_nothing_is_placed(floor: Floor) -> None:
    broker = floor.connect()
    before = broker.link("margin").next_order_id
    margin = what_if(broker, intent("w1", account="margin"))
    # 10 x 100.10 at half of it, and max($1, 10 x $0.005).
    assert (margin.checked, margin.refused, margin.commission) == (True, "", D("1"))
    assert margin.initial_change is not None
    assert margin.allows
    assert 490 < margin.initial_change < 520
    assert broker.listing("margin").orders == ()
    assert broker.link("margin").next_order_id == before


def test_an_order_that_the_venue_would_refuse_is_told_as_refused(floor: Floor) -> None:
    margin = what_if(floor.connect(), intent("w2", quantity="1.5", account="margin"))
    assert (margin.checked, margin.allows) == (True, False)
    assert margin.refused.startswith("10243")


def test_an_order_beyond_the_equity_is_not_allowed(floor: Floor) -> None:
    margin = what_if(floor.connect(), intent("w5", quantity="1000000", account="margin"))
    assert (margin.checked, margin.allows) == (True, False)


def test_silence_is_not_a_yes(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = floor.connect()
    broker.link("margin")
    monkeypatch.setattr("prudent.brokers.ibkr.whatif.WHAT_IF_SECONDS", 0.0)
    margin = what_if(broker, intent("w3", account="margin"))
    assert (margin.checked, margin.allows, margin.initial_change) == (False, False, None)
    assert "0 s" in margin.message


def test_a_short_is_asked_as_the_sell_that_it_is(floor: Floor) -> None:
    margin = what_if(floor.connect(), intent("w4", Effect.SHORT, account="margin"))
    assert margin.checked
    assert margin.refused == ""

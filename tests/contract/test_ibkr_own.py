"""What only this broker must also keep: an order given up cannot leave, a book holds the trades that were heard."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.contract.broker_fakes import HandClock, intent
from tests.contract.broker_ibkr import Floor, gateway

from prudent.brokers.ibkr.broker import Attempt
from prudent.domain.errors import Temporary
from prudent.domain.orders import OrderStatus


@pytest.fixture
def floor() -> Iterator[Floor]:
    with gateway() as running:
        yield running


def test_an_order_that_its_caller_gave_up_cannot_leave_when_a_stalled_loop_goes_on() -> None:
    attempt = Attempt()
    assert attempt.give_up()
    with pytest.raises(Temporary, match="nobody does"):
        attempt.leave()


def test_an_order_that_left_cannot_be_given_up_for_unsent() -> None:
    attempt = Attempt()
    attempt.leave()
    assert not attempt.give_up()


def test_nothing_reaches_the_wire_after_it_was_given_up(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = floor.connect()
    monkeypatch.setattr(Attempt, "__init__", _given_up)
    with pytest.raises(Temporary, match="nothing was sent"):
        broker.submit(intent("A" * 24))
    assert broker.listing("acc").orders == ()


def test_a_trade_heard_is_inside_the_book_though_the_venue_s_clock_is_ahead(floor: Floor) -> None:
    behind = HandClock(at=floor.clock.at - timedelta(seconds=90))
    floor.clock, ahead = behind, floor.clock
    broker = floor.connect()
    report = broker.submit(intent("A" * 24))
    assert report.status is OrderStatus.FILLED
    assert report.fills[0].time == ahead.at.replace(microsecond=0)
    # Who adds the trades that are younger than the book must not add this one again.
    assert broker.snapshot("acc").as_of >= report.fills[0].time


def _given_up(attempt: Attempt) -> None:
    ready = object.__new__(Attempt)
    _INIT(ready)
    attempt.__dict__.update(ready.__dict__)
    attempt.give_up()


_INIT = Attempt.__init__

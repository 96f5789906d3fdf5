"""What every broker promises (`BrokerContract`), and what every broker that trades promises on top of it."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
from tests.contract.broker_fakes import (
    NOON,
    HandClock,
    HandMarket,
    WeekdayCalendar,
    intent,
)

from prudent.brokers.simulated import SimulatedBroker, VenueStore
from prudent.domain.accounts import Position
from prudent.domain.errors import InputError, Temporary
from prudent.domain.mandate import CostModel
from prudent.domain.orders import OrderStatus, Side
from prudent.exchange.venue import Venue
from prudent.ports import Broker, BrokerTraits, Claim

D = Decimal
TRAITS = BrokerTraits(shorting=True)


@dataclass
class Bench:
    """A broker on a hand-made world: account `acc` has 10,000.00 USD and 20 AAPL at 90; `margin` may short.

    `connect` gives another broker on the same venue, as a restarted or a second process would have it.
    """

    broker: Broker
    admin: Broker
    market: HandMarket
    clock: HandClock
    connect: Callable[[], Broker]


def simulated(
    store: VenueStore, market: HandMarket, clock: HandClock, *, venue: Venue | None = None
) -> SimulatedBroker:  # fmt: skip
    """A simulated broker on `store`, with the two accounts of the bench if they are not there yet."""
    broker = SimulatedBroker(store, market, WeekdayCalendar(), clock, venue=venue or Venue(TRAITS))
    if not broker.has_account("acc"):
        held = (Position(symbol="AAPL", quantity=D(20), average_cost=D(90)),)
        broker.open_account("acc", cash=D("10000.00"), positions=held, costs=CostModel.IBKR_FIXED)
        broker.open_account("margin", cash=D("10000.00"), allow_short=True, costs=CostModel.IBKR_FIXED)
    return broker


def hand_market() -> HandMarket:
    market = HandMarket()
    market.set("AAPL", "100", bid="99.90", ask="100.10")
    market.set("MSFT", "50")
    return market


class BrokerContract:
    """Inherited by every broker's tests; the subclass gives the fixture `bench`."""

    def test_an_unknown_account_is_an_input_error(self, bench: Bench) -> None:
        calls: list[Callable[[], object]] = [
            lambda: bench.broker.snapshot("nobody"),
            lambda: bench.broker.submit(intent("r1", account="nobody")),
            lambda: bench.broker.cancel("nobody", "r1"),
            lambda: bench.broker.reports("nobody", ("r1",)),
            lambda: bench.broker.wait("nobody", ("r1",), seconds=1.0),
            lambda: bench.broker.fills("nobody"),
            lambda: bench.broker.link("nobody"),
            lambda: bench.broker.listing("nobody"),
        ]
        for call in calls:
            with pytest.raises(InputError, match="nobody"):
                call()

    def test_the_snapshot_shows_cash_and_positions_as_of_the_clock(self, bench: Bench) -> None:
        seen = bench.broker.snapshot("acc")
        assert (seen.account, seen.currency, seen.cash, seen.as_of) == ("acc", "USD", D("10000.00"), NOON)
        assert [(p.symbol, p.quantity, p.average_cost) for p in seen.positions] == [("AAPL", D(20), D(90))]
        assert seen.open_orders == ()
        assert seen.source

    def test_reads_have_no_effect(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1", limit="95"))
        before = bench.admin.snapshot("acc"), bench.admin.fills("acc")
        for _ in range(2):
            bench.broker.snapshot("acc")
            bench.broker.reports("acc", ("r1", "r2"))
            bench.broker.wait("acc", ("r1",), seconds=60.0)
            bench.broker.fills("acc")
        assert (bench.admin.snapshot("acc"), bench.admin.fills("acc")) == before

    def test_an_unknown_ref_answers_not_sent(self, bench: Bench) -> None:
        assert [r.status for r in bench.broker.reports("acc", ("a", "b"))] == [OrderStatus.NOT_SENT] * 2
        assert bench.broker.cancel("acc", "a").status is OrderStatus.NOT_SENT

    def test_reports_come_in_the_order_asked(self, bench: Bench) -> None:
        assert [r.order_ref for r in bench.broker.reports("acc", ("b", "a"))] == ["b", "a"]

    def test_the_same_order_twice_answers_the_same(self, bench: Bench) -> None:
        first = bench.broker.submit(intent("r1"))
        assert bench.broker.submit(intent("r1")) == first

    def test_a_report_names_the_order_it_is_about(self, bench: Bench) -> None:
        report = bench.broker.submit(intent("r1", quantity="7", symbol="MSFT"))
        assert (report.order_ref, report.symbol, report.side, report.quantity) == ("r1", "MSFT", Side.BUY, D(7))

    def test_the_link_names_the_live_session_and_is_up(self, bench: Bench) -> None:
        link = bench.broker.link("acc")
        assert link.session
        assert link.up
        assert link.next_order_id >= 1
        assert bench.broker.link("acc").session == bench.broker.listing("acc").session == link.session

    def test_a_listing_is_complete_and_of_this_moment(self, bench: Bench) -> None:
        listing = bench.broker.listing("acc")
        assert (listing.account, listing.complete) == ("acc", True)
        assert NOON <= listing.asked <= listing.ended
        assert (listing.orders, listing.fills) == ((), ())
        assert listing.snapshot.cash == D("10000.00")

    def test_the_reading_half_sees_the_same_and_has_no_submit(self, bench: Bench) -> None:
        reads = bench.broker.reads()
        assert not hasattr(reads, "submit")
        assert reads.snapshot("acc") == bench.broker.snapshot("acc")
        assert reads.link("acc") == bench.broker.link("acc")

    def test_accounts_do_not_see_each_other(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1"))
        (report,) = bench.broker.reports("margin", ("r1",))
        assert report.status is OrderStatus.NOT_SENT
        assert bench.broker.fills("margin") == ()


class OrderPathContract(BrokerContract):
    """Inherited by every broker that orders reach: what the order path and reconciling build on."""

    def test_a_claim_for_another_session_sends_nothing(self, bench: Bench) -> None:
        live = bench.broker.link("acc").session
        with pytest.raises(Temporary):
            bench.broker.submit(intent("r1"), Claim(order_id=1, session=f"not {live}"))
        assert bench.broker.reports("acc", ("r1",))[0].status is OrderStatus.NOT_SENT
        assert bench.broker.submit(intent("r1"), Claim(order_id=1, session=live)).status is OrderStatus.FILLED

    def test_an_order_once_sent_is_not_sent_again_under_another_claim(self, bench: Bench) -> None:
        live = bench.broker.link("acc").session
        first = bench.broker.submit(intent("r1"), Claim(order_id=1, session=live))
        assert bench.broker.submit(intent("r1"), Claim(order_id=2, session=live)) == first
        assert len(bench.broker.fills("acc")) == 1

    def test_a_listing_has_the_live_orders_those_that_ended_and_every_fill(self, bench: Bench) -> None:
        bench.broker.submit(intent("done"))
        bench.broker.submit(intent("rests", limit="90"))
        bench.broker.submit(intent("gone", limit="91"))
        bench.broker.cancel("acc", "gone")
        listing = bench.broker.listing("acc")
        assert {order.order_ref: order.status for order in listing.orders} == {
            "done": OrderStatus.FILLED, "rests": OrderStatus.ACKED, "gone": OrderStatus.CANCELLED,
        }  # fmt: skip
        assert [fill.order_ref for fill in listing.fills] == ["done"]
        assert listing.snapshot == bench.broker.snapshot("acc")

    def test_a_cancel_that_comes_too_late_answers_the_fill(self, bench: Bench) -> None:
        filled = bench.broker.submit(intent("r1"))
        assert bench.broker.cancel("acc", "r1") == filled
        assert bench.broker.cancel("acc", "r1") == filled

    def test_a_cancel_of_a_live_order_ends_it_without_a_fill(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1", limit="90"))
        ended = bench.broker.cancel("acc", "r1")
        assert (ended.status, ended.fills) == (OrderStatus.CANCELLED, ())
        assert bench.broker.snapshot("acc").open_orders == ()

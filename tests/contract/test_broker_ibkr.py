"""The Interactive Brokers broker under the contract of the order path, over a socket to the paper gateway."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.contract.broker import Bench, OrderPathContract
from tests.contract.broker_fakes import AFTER_CLOSE, NOON, TUESDAY_OPEN, intent
from tests.contract.broker_ibkr import ACCOUNTS, Floor, gateway
from tests.contract.test_brokers import reachable

from prudent.brokers.dry_run import DryRunBroker
from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.brokers.ibkr.words import Style
from prudent.domain.orders import Effect, OrderStatus, TimeInForce
from prudent.domain.quotes import Quality

D = Decimal


@pytest.fixture
def floor() -> Iterator[Floor]:
    with gateway() as running:
        yield running


class TestIbkrBroker(OrderPathContract):
    @pytest.fixture
    def bench(self, floor: Floor) -> Bench:
        return floor.bench()

    def test_a_buy_pays_the_ask_and_the_commission(self, bench: Bench) -> None:
        report = bench.broker.submit(intent("r1"))
        assert report.status is OrderStatus.FILLED
        (fill,) = report.fills
        # Commission max($1, 10 x $0.005) = $1.00.
        assert (fill.price, fill.commission, fill.quantity, fill.time) == (D("100.10"), D("1.00"), D(10), NOON)
        assert fill.quality is Quality.SYNTHETIC
        seen = bench.broker.snapshot("acc")
        assert seen.cash == D("8998.00")
        # (20 x 90 + 10 x 100.10 + 1.00) / 30
        assert (seen.positions[0].quantity, seen.positions[0].average_cost) == (D(30), D("93.4"))

    def test_the_same_order_through_two_connections_trades_once(self, bench: Bench) -> None:
        first = bench.broker.submit(intent("r1"))
        assert bench.connect().submit(intent("r1")).fills == first.fills
        assert len(bench.broker.fills("acc")) == 1

    def test_a_limit_order_rests_and_trades_when_the_price_comes(self, bench: Bench) -> None:
        resting = bench.broker.submit(intent("r1", limit="100.09"))
        assert (resting.status, resting.fills) == (OrderStatus.ACKED, ())
        (seen,) = bench.broker.snapshot("acc").open_orders
        assert (seen.order_ref, seen.remaining, seen.limit_price) == ("r1", D(10), D("100.09"))
        bench.market.set("AAPL", "99.00")
        (report,) = bench.broker.wait("acc", ("r1",), seconds=60.0)
        assert report.status is OrderStatus.FILLED
        assert report.fills[0].price <= D("100.09")

    def test_a_day_order_in_a_closed_market_waits_for_the_open(self, bench: Bench) -> None:
        bench.clock.at = AFTER_CLOSE
        report = bench.broker.submit(intent("r1"))
        assert (report.status, report.fills) == (OrderStatus.ACKED, ())
        bench.clock.at = TUESDAY_OPEN
        (report,) = bench.broker.wait("acc", ("r1",), seconds=60.0)
        assert (report.status, report.fills[0].time) == (OrderStatus.FILLED, TUESDAY_OPEN)

    def test_an_order_that_may_not_wait_ends_without_a_trade(self, bench: Bench) -> None:
        report = bench.broker.submit(intent("r1", limit="90", time_in_force=TimeInForce.IOC))
        assert (report.status, report.fills) == (OrderStatus.CANCELLED, ())

    def test_an_order_beyond_the_margin_is_rejected_and_stays_so(self, bench: Bench) -> None:
        first = bench.broker.submit(intent("r1", quantity="100000"))
        assert first.status is OrderStatus.REJECTED
        assert first.message.startswith("201")
        assert bench.broker.submit(intent("r1", quantity="100000")) == first

    @pytest.mark.parametrize(("quantity", "symbol", "words"), [("1.5", "AAPL", "multiple"), ("1", "NOSUCH", "known")])
    def test_what_the_venue_would_not_take_is_refused_before_it_leaves(
        self, bench: Bench, quantity: str, symbol: str, words: str
    ) -> None:
        report = bench.broker.submit(intent("r1", quantity=quantity, symbol=symbol))
        assert report.status is OrderStatus.REJECTED
        assert words in report.message
        assert bench.broker.reports("acc", ("r1",))[0].status is OrderStatus.NOT_SENT

    def test_a_limit_between_two_steps_leaves_on_the_one_that_is_not_worse_for_us(self, bench: Bench) -> None:
        report = bench.broker.submit(intent("r1", limit="99.999"))
        assert (report.status, bench.broker.snapshot("acc").open_orders[0].limit_price) == (
            OrderStatus.ACKED, D("99.99"),
        )  # fmt: skip

    def test_fills_since_a_time_leave_out_the_earlier_ones(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1"))
        bench.clock.at = NOON + timedelta(minutes=5)
        bench.broker.submit(intent("r2"))
        assert [f.order_ref for f in bench.broker.fills("acc")] == ["r1", "r2"]
        assert [f.order_ref for f in bench.broker.fills("acc", since=bench.clock.at)] == ["r2"]

    def test_a_sell_beyond_the_holding_is_the_guards_business_and_opens_a_short(self, bench: Bench) -> None:
        assert bench.broker.submit(intent("r1", Effect.CLOSE, "25")).status is OrderStatus.FILLED
        assert bench.broker.snapshot("acc").positions[0].quantity == D(-5)


def test_a_process_that_starts_again_finds_its_orders_and_may_cancel_them(floor: Floor) -> None:
    before = floor.connect(client_id=11)
    before.submit(intent("rests", limit="90"))
    before.submit(intent("done"))
    before.session.close()
    after = floor.connect(client_id=11)
    assert after.submit(intent("rests", limit="90")).status is OrderStatus.ACKED
    assert after.submit(intent("done")).status is OrderStatus.FILLED
    assert after.cancel("acc", "rests").status is OrderStatus.CANCELLED
    assert len(after.fills("acc")) == 1


def test_the_order_of_another_client_is_shown_and_cannot_be_cancelled(floor: Floor) -> None:
    first, other = floor.connect(), floor.connect()
    first.submit(intent("r1", limit="90"))
    report = other.cancel("acc", "r1")
    assert report.status is OrderStatus.ACKED
    assert "only who placed it" in report.message
    assert [each.order_ref for each in other.listing("acc").orders] == ["r1"]


def test_an_order_without_a_limit_leaves_with_a_cap_where_the_price_is_known(floor: Floor) -> None:
    broker = floor.connect(style=Style.CAPPED)
    floor.market.set("AAPL", "100", bid="101.9", ask="102")
    report = broker.submit(replace(intent("r1"), reference_price=D(100)))
    assert report.status is OrderStatus.ACKED
    # The ask has run two percent away; the cap is one.
    assert broker.snapshot("acc").open_orders[0].limit_price == D(101)


def test_a_rehearsal_over_it_sends_nothing(floor: Floor) -> None:
    broker = floor.connect()
    report = DryRunBroker(broker).submit(intent("r1"))
    assert report.status is OrderStatus.WOULD_SEND
    assert broker.reports("acc", ("r1",))[0].status is OrderStatus.NOT_SENT


def test_no_path_leads_from_the_reading_half_to_what_places_orders(floor: Floor) -> None:
    rehearsal = DryRunBroker(floor.connect())
    rehearsal.snapshot("acc")
    reached = reachable(rehearsal)
    assert len(reached) > 50
    assert not [each for each in reached if isinstance(each, IbkrBroker)]


def test_the_gateways_word_for_an_account_never_shows_at_the_desk(floor: Floor) -> None:
    broker = floor.connect()
    broker.submit(intent("r1"))
    listing = broker.listing("acc")
    assert not [name for name in ACCOUNTS.values() if name in repr(listing)]

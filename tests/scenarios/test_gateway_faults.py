"""Each fault of orders, over the socket: the adapter sends nothing twice, loses no fill, and says what it knows."""

from decimal import Decimal
from typing import Any

import pytest
from tests.scenarios.fault_stage import Stage, eventually

from prudent.brokers.ibkr import broker as brokers
from prudent.domain.errors import Temporary
from prudent.domain.orders import OrderStatus
from prudent.gateway.faults import Do, Match, On
from prudent.ports import Claim

D = Decimal
S = OrderStatus
pytestmark = pytest.mark.usefixtures("patience")


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order of which nothing is heard is given up after a moment."""
    monkeypatch.setattr(brokers, "ACK_SECONDS", 0.2)


def test_an_answer_that_comes_late_is_waited_for(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.PLACE, Do.DELAY, seconds=0.6)
    assert broker.submit(order).status is S.FILLED
    bench.has_once(broker, order.order_ref, "10")


@pytest.mark.usefixtures("silence")
def test_an_answer_that_comes_after_our_patience_finds_its_order(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.PLACE, Do.DELAY, seconds=0.8)
    assert broker.submit(order).status is S.UNKNOWN
    # It is not sent again, and what comes late is taken for it.
    broker.submit(order)
    eventually(lambda: broker.reports("acc", (order.order_ref,))[0].status is S.FILLED)
    bench.has_once(broker, order.order_ref, "10")


def test_an_order_that_fills_in_parts_is_booked_part_by_part(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.PLACE, Do.PARTIAL, quantity=3)
    broker.submit(order)
    eventually(lambda: broker.reports("acc", (order.order_ref,))[0].status is S.FILLED)
    bench.has_once(broker, order.order_ref, "10")
    assert [each.quantity for each in bench.executions(order.order_ref)] == [3, 3, 3, 1]


@pytest.mark.usefixtures("haste")
def test_an_order_that_stays_partly_filled_can_be_cancelled_with_what_it_has(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.PLACE, Do.PARTIAL, quantity=3, parts=2)
    broker.submit(order)
    eventually(lambda: broker.reports("acc", (order.order_ref,))[0].filled == D(6))
    (shown,) = broker.snapshot("acc").open_orders
    assert (shown.order_ref, shown.remaining, shown.status) == (order.order_ref, D(4), S.PARTIAL)
    ended = broker.cancel("acc", order.order_ref)
    assert (ended.status, ended.filled) == (S.CANCELLED, D(6))
    bench.has_once(broker, order.order_ref, "6")


def test_a_rejected_order_is_rejected_and_is_not_sent_again(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.PLACE, Do.REJECT, code=201, text="Order rejected - reason:no")
    report = broker.submit(order)
    assert (report.status, report.message) == (S.REJECTED, "201: Order rejected - reason:no")
    assert broker.submit(order) == report
    bench.has_nothing(order.order_ref)


def test_an_id_that_the_gateway_takes_for_used_ends_as_rejected(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.PLACE, Do.REJECT, code=103, text="Duplicate order id")
    assert broker.submit(order).status is S.REJECTED
    bench.has_nothing(order.order_ref)


def test_an_error_that_nobody_knows_leaves_an_order_unknown_and_not_dead(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.PLACE, Do.REJECT, code=99999, text="?")
    assert broker.submit(order).status is S.UNKNOWN
    assert broker.submit(order).status is S.UNKNOWN
    bench.has_nothing(order.order_ref)


@pytest.mark.parametrize("do", [Do.DUPLICATE, Do.REORDER, Do.NO_STATUS])
@pytest.mark.parametrize("on", [On.PLACE, On.FILL])
def test_whatever_is_told_twice_out_of_order_or_not_at_all_the_order_is_filled_once(
    bench: Stage, on: On, do: Do
) -> None:  # fmt: skip
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(on, do)
    assert broker.submit(order).status is S.FILLED
    assert [each.do for each in bench.log[-1:]] == [do]
    bench.has_once(broker, order.order_ref, "10")
    assert broker.snapshot("acc").open_orders == ()


@pytest.mark.usefixtures("haste")
def test_a_commission_that_comes_late_is_nothing_first_and_then_what_it_is(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.FILL, Do.LATE_COMMISSION, seconds=60.0)
    broker.submit(order)
    eventually(lambda: broker.wait("acc", (order.order_ref,), seconds=1.0)[0].status is S.FILLED)
    (report,) = broker.reports("acc", (order.order_ref,))
    assert [each.commission for each in report.fills] == [D(0)]
    # A list of executions has it: max($1, 10 x $0.005) = $1.00.
    assert [each.commission for each in broker.fills("acc") if each.order_ref == order.order_ref] == [D("1.00")]
    bench.has_once(broker, order.order_ref, "10")


@pytest.mark.parametrize("code", [399, 404, 10349, 10148, 110, 201, 99999])
def test_no_error_ends_an_order_that_lives(bench: Stage, code: int) -> None:
    broker, order = bench.floor.connect(), bench.order(limit="90")
    bench.fault(On.PLACE, Do.ERROR, code=code, text="a word")
    assert broker.submit(order).status is S.ACKED
    assert [each.order_ref for each in broker.snapshot("acc").open_orders] == [order.order_ref]
    bench.floor.market.set("AAPL", "89.00")
    eventually(lambda: broker.reports("acc", (order.order_ref,))[0].status is S.FILLED)
    bench.has_once(broker, order.order_ref, "10")


@pytest.mark.usefixtures("silence")
def test_an_order_that_is_swallowed_is_unknown_until_a_list_shows_it(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.PLACE, Do.SWALLOW)
    assert broker.submit(order).status is S.UNKNOWN
    assert broker.submit(order).status is S.UNKNOWN
    (listed,) = (each for each in broker.listing("acc").orders if each.order_ref == order.order_ref)
    assert (listed.status, listed.filled) == (S.FILLED, D(10))
    assert broker.submit(order).status is S.FILLED
    bench.has_once(broker, order.order_ref, "10")


def test_an_execution_that_is_not_told_is_found_in_the_list(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order(limit="90")
    broker.submit(order)
    bench.fault(On.FILL, Do.SWALLOW)
    bench.floor.market.set("AAPL", "89.00")
    eventually(lambda: bench.executions(order.order_ref))
    bench.has_once(broker, order.order_ref, "10")
    assert broker.reports("acc", (order.order_ref,))[0].status is S.FILLED


def test_a_connection_that_ends_before_the_booking_leaves_it_unknown_and_then_not_there(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    before = broker.link("acc").session
    bench.fault(On.PLACE, Do.DROP_BEFORE)
    assert broker.submit(order).status is S.UNKNOWN
    bench.back(broker, before)
    listing = broker.listing("acc")
    assert listing.complete
    assert order.order_ref not in [each.order_ref for each in listing.orders]
    assert broker.reports("acc", (order.order_ref,))[0].status is S.NOT_SENT
    # Whoever asks once more with the same order sends nothing: it is planned anew under another ref.
    assert broker.submit(order).status is S.UNKNOWN
    bench.has_nothing(order.order_ref)


def test_a_connection_that_ends_after_the_booking_leaves_it_unknown_and_then_filled(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    before = broker.link("acc").session
    bench.fault(On.PLACE, Do.DROP_AFTER)
    # Nobody knew, unless the next connection was there first and has shown it.
    assert broker.submit(order).status in (S.UNKNOWN, S.FILLED)
    bench.back(broker, before)
    assert broker.reports("acc", (order.order_ref,))[0].status is S.FILLED
    bench.has_once(broker, order.order_ref, "10")
    assert broker.submit(order).status is S.FILLED
    bench.has_once(broker, order.order_ref, "10")


def test_a_connection_that_ends_behind_an_order_is_another_session_and_claims_of_the_old_one_send_nothing(
    bench: Stage,
) -> None:
    broker, order, later = bench.floor.connect(), bench.order(limit="90"), bench.order()
    before = broker.link("acc").session
    bench.fault(On.PLACE, Do.DISCONNECT)
    broker.submit(order)
    bench.back(broker, before)
    with pytest.raises(Temporary, match="nothing was sent"):
        broker.submit(later, Claim(order_id=9999, session=before))
    bench.has_nothing(later.order_ref)
    assert broker.reports("acc", (order.order_ref,))[0].status is S.ACKED
    assert broker.cancel("acc", order.order_ref).status is S.CANCELLED


def test_order_ids_that_are_offered_again_are_not_used_again(bench: Stage) -> None:
    broker, first, rests, after = bench.floor.connect(), bench.order(), bench.order(limit="90"), bench.order()
    broker.submit(first)
    broker.submit(rests)
    before = broker.link("acc").session
    bench.fault(On.CONNECT, Do.ROLLBACK_IDS, Match(client_id=broker.session.orders.client_id), back=10)
    bench.fault(On.REQUEST, Do.DISCONNECT, Match(request="reqPositions"))
    with pytest.raises(Temporary):
        broker.snapshot("acc")
    bench.back(broker, before)
    assert broker.submit(after).status is S.FILLED
    used = [view.ticket.order_id for ref in (first, rests, after) for view in bench.orders(ref.order_ref)]
    assert used == sorted(set(used))
    for each in (first, after):
        bench.has_once(broker, each.order_ref, "10")
    assert broker.reports("acc", (rests.order_ref,))[0].status is S.ACKED


def test_a_new_process_that_is_offered_old_ids_trades_under_the_claim_of_its_ledger(bench: Stage) -> None:
    first, again, claimed = bench.order(), bench.order(), bench.order()
    old = bench.floor.connect(client_id=7001)
    old.submit(first)
    old.session.close()
    bench.fault(On.CONNECT, Do.ROLLBACK_IDS, Match(client_id=7001), back=10)
    new = bench.floor.connect(client_id=7001)
    # Without a ledger it takes the offer: the gateway refuses, and the order of that id is not touched.
    assert new.submit(again).status is S.REJECTED
    bench.has_nothing(again.order_ref)
    claim = Claim(order_id=500, session=new.link("acc").session)
    assert new.submit(claimed, claim).status is S.FILLED
    for each in (first, claimed):
        bench.has_once(new, each.order_ref, "10")


@pytest.mark.parametrize("name", ["Eastern Standard Time", "America/New_York"])
def test_a_time_zone_of_another_kind_loses_no_execution(bench: Stage, name: str) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.FILL, Do.ZONE, name=name)
    report = broker.submit(order)
    assert (report.status, [each.time for each in report.fills]) == (S.FILLED, [bench.floor.clock.at])
    bench.has_once(broker, order.order_ref, "10")


def test_a_time_zone_that_nobody_knows_ends_the_session_and_the_next_one_reads_the_lists(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    before = broker.link("acc").session
    bench.fault(On.FILL, Do.ZONE, name="Mars/Olympus")
    broker.submit(order)
    bench.back(broker, before)
    bench.has_once(broker, order.order_ref, "10")
    assert broker.submit(order).status is S.FILLED


@pytest.fixture
def no_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "CANCEL_SECONDS", 0.2)


@pytest.mark.usefixtures("no_cancel")
@pytest.mark.parametrize(
    ("do", "args"), [(Do.SWALLOW, {}), (Do.REJECT, {"code": 10148, "text": "can not be cancelled"})]
)  # fmt: skip
def test_a_cancel_that_is_lost_or_refused_leaves_the_order_alive_and_said_so(
    bench: Stage, do: Do, args: dict[str, Any]
) -> None:  # fmt: skip
    broker, order = bench.floor.connect(), bench.order(limit="90")
    broker.submit(order)
    bench.fault(On.CANCEL, do, **args)
    assert broker.cancel("acc", order.order_ref).status is S.ACKED
    assert broker.cancel("acc", order.order_ref).status is S.CANCELLED


def test_a_cancel_that_crosses_the_fill_answers_the_fill(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order(limit="90")
    broker.submit(order)
    bench.fault(On.CANCEL, Do.DELAY, seconds=1.0)
    bench.floor.market.set("AAPL", "89.00")
    assert broker.cancel("acc", order.order_ref).status is S.FILLED
    bench.has_once(broker, order.order_ref, "10")


def test_an_order_that_came_too_fast_is_unknown_and_is_not_sent_again(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.REQUEST, Do.RATE_LIMIT, Match(request="placeOrder"))
    assert broker.submit(order).status is S.UNKNOWN
    assert broker.submit(order).status is S.UNKNOWN
    bench.has_nothing(order.order_ref)

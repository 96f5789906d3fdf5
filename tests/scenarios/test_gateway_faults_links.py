"""Each fault of connections, lists, quotes and margin, over the socket: a state that a person understands, no guess."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.contract.broker_fakes import intent
from tests.gateway_homes import ACCOUNT, StepGateway, calendar, history, open_time, step_gateway
from tests.scenarios.fault_stage import Stage, eventually

from prudent.brokers.ibkr import line as lines
from prudent.brokers.ibkr import session as sessions
from prudent.brokers.ibkr import whatif as whatifs
from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.brokers.ibkr.market import IbkrFeed
from prudent.brokers.ibkr.session import IbkrSession, Login
from prudent.brokers.ibkr.states import Address, State
from prudent.brokers.ibkr.words import Style
from prudent.domain.errors import Temporary
from prudent.domain.orders import OrderStatus, Side, is_ours
from prudent.exchange.paper.words import Ticket
from prudent.gateway.faults import Do, Fault, Match, On
from prudent.gateway.market.details import Query
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.pace import StepPace
from prudent.gateway.paper import Aside, Paper
from prudent.gateway.store import FloorStore

D = Decimal
S = OrderStatus
pytestmark = pytest.mark.usefixtures("patience")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that does not answer is given up after a moment."""
    monkeypatch.setattr(lines, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(sessions, "ROUND_SECONDS", 0.5)


def test_a_lost_link_stops_orders_and_what_filled_meanwhile_is_told_when_it_is_back(bench: Stage) -> None:
    broker, rests, more = bench.floor.connect(), bench.order(limit="90"), bench.order()
    broker.submit(rests)
    bench.fault(On.TICK, Do.LINK, code=1100)
    eventually(lambda: bench.state(broker) is State.LINK_LOST)
    assert "has lost the broker's servers" in broker.session.conditions()[0].words
    assert not broker.link("acc").up
    with pytest.raises(Temporary, match="nothing was sent"):
        broker.submit(more)
    bench.floor.market.set("AAPL", "89.00")
    eventually(lambda: bench.executions(rests.order_ref))
    bench.fault(On.TICK, Do.LINK, code=1102)
    bench.back(broker)
    eventually(lambda: broker.reports("acc", (rests.order_ref,))[0].status is S.FILLED)
    bench.has_once(broker, rests.order_ref, "10")
    bench.has_nothing(more.order_ref)
    # What was asked before the link was back proves nothing: the quiet time begins anew.
    assert broker.link("acc").quiet_since is not None
    assert broker.submit(more).status is S.FILLED


def test_streams_that_ended_with_the_link_are_asked_for_anew(bench: Stage) -> None:
    broker = bench.floor.connect()
    feed = IbkrFeed(broker.session)
    assert feed.latest(["AAPL"])["AAPL"].bid == D("99.90")
    bench.fault(On.TICK, Do.LINK, code=1100)
    eventually(lambda: broker.session.conditions()[1].state is State.LINK_LOST)
    with pytest.raises(Temporary):
        feed.latest(["AAPL"])
    bench.fault(On.TICK, Do.LINK, code=1101)
    bench.back(broker)
    eventually(lambda: broker.session.conditions()[1].state is State.UP)
    bench.floor.market.set("AAPL", "101", bid="100.95", ask="101.05")
    eventually(lambda: feed.latest(["AAPL"])["AAPL"].bid == D("100.95"), said="the new quote is seen")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("do", "args", "state"),
    [
        (Do.REFUSE, {"code": 326}, State.CLIENT_ID_IN_USE),
        (Do.REFUSE, {}, State.UNREACHABLE),
        (Do.SWALLOW, {}, State.UNREACHABLE),
        (Do.DISCONNECT, {}, State.UNREACHABLE),
    ],
)
def test_a_gateway_that_does_not_let_us_in_has_a_state_and_the_connection_comes_by_itself(
    bench: Stage, do: Do, args: dict[str, Any], state: State
) -> None:
    bench.fault(On.CONNECT, do, times=None, **args)
    broker = bench.floor.connect()
    with pytest.raises(Temporary):
        broker.link("acc")
    assert bench.state(broker) is state
    bench.clear()
    bench.back(broker)
    assert broker.listing("acc").complete


def whole(broker: IbkrBroker) -> bool:
    """Whether every list ended; one that did not is never called complete."""
    try:
        return broker.listing("acc").complete
    except Temporary:
        return False


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("do", [Do.SWALLOW, Do.RATE_LIMIT])
@pytest.mark.parametrize("request_name", ["reqAllOpenOrders", "reqCompletedOrders", "reqExecutions"])
def test_a_list_that_does_not_come_is_never_taken_for_an_empty_one(bench: Stage, do: Do, request_name: str) -> None:
    broker, order = bench.floor.connect(), bench.order()
    broker.submit(order)
    bench.fault(On.REQUEST, do, Match(request=request_name))
    assert not whole(broker)
    eventually(lambda: whole(broker), said="the lists are whole again")
    assert broker.reports("acc", (order.order_ref,))[0].status is S.FILLED
    bench.has_once(broker, order.order_ref, "10")


@pytest.mark.parametrize("do", [Do.DUPLICATE, Do.DELAY])
@pytest.mark.parametrize("request_name", ["reqAllOpenOrders", "reqExecutions", "reqPositions"])
def test_a_list_that_comes_twice_or_late_says_the_same(bench: Stage, do: Do, request_name: str) -> None:
    broker, order = bench.floor.connect(), bench.order()
    broker.submit(order)
    bench.fault(On.REQUEST, do, Match(request=request_name))
    first, second = broker.listing("acc"), broker.listing("acc")
    assert (first.fills, first.snapshot, first.complete) == (second.fills, second.snapshot, True)
    assert [each.quantity for each in first.snapshot.positions] == [D(10)]
    bench.has_once(broker, order.order_ref, "10")


def test_quotes_that_stand_still_grow_old(bench: Stage) -> None:
    feed, clock = IbkrFeed(bench.floor.connect().session), bench.floor.clock
    first = feed.latest(["AAPL"])["AAPL"]
    bench.fault(On.TICK, Do.STALE_QUOTES)
    eventually(lambda: bench.log and bench.log[-1].do is Do.STALE_QUOTES)
    clock.at += timedelta(seconds=120)
    bench.floor.market.set("AAPL", "120", bid="119", ask="121")
    stale = feed.latest(["AAPL"])["AAPL"]
    assert (stale.bid, stale.as_of) == (first.bid, first.as_of)
    bench.clear()
    eventually(lambda: feed.latest(["AAPL"])["AAPL"].bid == D(119))
    assert feed.latest(["AAPL"])["AAPL"].as_of == clock.at


def test_a_crossed_quote_is_shown_as_it_is_and_never_mended(bench: Stage) -> None:
    feed = IbkrFeed(bench.floor.connect().session)
    bench.fault(On.TICK, Do.CROSSED, Match(symbol="AAPL"))
    crossed = feed.latest(["AAPL"])["AAPL"]
    assert (crossed.bid, crossed.ask) == (D("100.10"), D("99.90"))


@pytest.mark.usefixtures("haste")
def test_a_gap_is_not_bought_beyond_the_cap(bench: Stage) -> None:
    broker = bench.floor.connect(style=Style.CAPPED)
    order = replace(bench.order(), reference_price=D(100))
    bench.fault(On.TICK, Do.GAP, share=0.05)
    assert broker.submit(order).status is S.ACKED
    # One percent above what it was judged at; the ask stands at 100.10 x 1.05 = 105.105, on the tick 105.10.
    assert broker.snapshot("acc").open_orders[0].limit_price == D(101)
    bench.clear()
    eventually(lambda: broker.reports("acc", (order.order_ref,))[0].status is S.FILLED)
    bench.has_once(broker, order.order_ref, "10")


@pytest.mark.parametrize(
    ("do", "args"),
    [
        (Do.WHATIF_UNSET, {}),
        (Do.WHATIF_UNSET, {"figures": "NaN"}),
        (Do.WHATIF_UNSET, {"figures": "Infinity"}),
        (Do.SWALLOW, {}),
        (Do.DROP_BEFORE, {}),
    ],
)
def test_margin_that_is_not_told_is_unchecked_and_no_yes(
    bench: Stage, do: Do, args: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    broker, order = bench.floor.connect(), bench.order()
    assert broker.what_if([order])[0].checked
    bench.fault(On.WHAT_IF, do, **args)
    monkeypatch.setattr(whatifs, "WHAT_IF_SECONDS", 0.3)
    (answer,) = broker.what_if([order])
    assert (answer.checked, answer.initial_change) == (False, None)
    bench.has_nothing(order.order_ref)


@pytest.mark.parametrize("word", ["", "Infinity"])
def test_margin_of_which_only_the_changes_are_told_has_no_figure_for_what_is_afterwards(
    bench: Stage, word: str
) -> None:  # fmt: skip
    broker, order = bench.floor.connect(), bench.order()
    (plain,) = broker.what_if([order])
    bench.fault(On.WHAT_IF, Do.WHATIF_UNSET, figures=word, changes=True)
    (answer,) = broker.what_if([order])
    assert (answer.checked, answer.initial_change) == (True, plain.initial_change)
    assert (answer.initial_after, answer.excess_after) == (None, None)


@pytest.mark.parametrize(
    ("on", "do", "match", "args"),
    [
        (On.WHAT_IF, Do.WHATIF_UNSET, Match(), {"answered": True}),
        (On.REQUEST, Do.DUPLICATE, Match(request="placeOrder"), {}),
    ],
)
def test_margin_that_is_told_twice_is_heard_once(
    bench: Stage, on: On, do: Do, match: Match, args: dict[str, bool]
) -> None:  # fmt: skip
    broker, order = bench.floor.connect(), bench.order()
    (plain,) = broker.what_if([order])
    bench.fault(on, do, match, **args)
    assert broker.what_if([order]) == (plain,)
    assert bench.log[-1].do is do
    asked = {order.order_ref, whatifs.REF}
    assert not [each for each in broker.listing("acc").orders if each.order_ref in asked]
    assert not [row for row in broker.session.table if row.ref in asked]
    bench.has_nothing(order.order_ref)
    assert broker.what_if([order]) == (plain,)


@pytest.mark.parametrize(
    ("on", "do", "args", "said"),
    [
        (On.REQUEST, Do.RATE_LIMIT, {}, "100: Max rate of messages"),
        (On.WHAT_IF, Do.REJECT, {"code": 103, "text": "Duplicate order id"}, "103: Duplicate order id"),
        (On.WHAT_IF, Do.REJECT, {"code": 504, "text": "Not connected"}, "504: Not connected"),
    ],
)
def test_an_error_about_the_question_itself_is_no_answer(
    bench: Stage, on: On, do: Do, args: dict[str, Any], said: str
) -> None:  # fmt: skip
    broker, order = bench.floor.connect(), bench.order()
    assert broker.what_if([order])[0].checked
    bench.fault(on, do, Match(request="placeOrder") if on is On.REQUEST else None, **args)
    (answer,) = broker.what_if([order])
    assert (answer.checked, answer.refused) == (False, "")
    assert answer.message.startswith(said)
    assert broker.what_if([order])[0].checked


def test_a_gateway_without_its_servers_answers_nothing_about_margin(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    assert broker.what_if([order])[0].checked
    bench.fault(On.TICK, Do.LINK, code=1100)
    eventually(lambda: broker.session.conditions()[1].state is State.LINK_LOST)
    (answer,) = broker.what_if([order])
    assert not answer.checked
    assert "has lost the broker's servers" in answer.message
    bench.fault(On.TICK, Do.LINK, code=1102)
    eventually(lambda: broker.what_if([order])[0].checked)


def test_margin_that_is_refused_says_why(bench: Stage) -> None:
    broker, order = bench.floor.connect(), bench.order()
    bench.fault(On.WHAT_IF, Do.REJECT, code=201, text="no margin")
    (answer,) = broker.what_if([order])
    assert (answer.checked, answer.refused) == (True, "201: no margin")


def over_steps(port: int, clock: StepPace) -> IbkrBroker:
    login = Login(address=Address(host="127.0.0.1", port=port), client_id=11, accounts={"acc": ACCOUNT})
    return IbkrBroker(IbkrSession(login, clock))


def short_call(gateway: StepGateway) -> Ticket:
    """One call on AAPL, deep in the money, sold by somebody at the gateway itself."""
    market = gateway.paper.market
    stock = market.find(Query(symbol="AAPL", sec_type="STK", currency="USD"))[0].contract
    (params, *_) = market.option_params(stock.con_id)
    option = market.find(Query(
        symbol="AAPL", sec_type="OPT", expiry=params.expirations[-1], strike=params.strikes[0], right="C",
        exchange="SMART", currency="USD",
    ))[0].contract  # fmt: skip
    return Ticket(
        client_id=0, order_id=1, account=ACCOUNT, contract=option, action=Side.SELL, quantity=D(1), order_ref="by hand"
    )


def test_an_assignment_shows_as_somebody_elses_trade_and_as_the_new_position() -> None:
    with step_gateway() as gateway, ExitStack() as stack:
        broker = over_steps(gateway.port, gateway.clock)
        stack.callback(broker.session.close)
        house, ticket = gateway.paper.house, short_call(gateway)
        gateway.aside.call(lambda: house.act(lambda at: house.floor.place(ticket, at)))
        assert [(p.symbol, p.quantity) for p in broker.snapshot("acc").positions] == [
            (ticket.contract.local_symbol.replace(" ", ""), D(-1))
        ]  # fmt: skip
        fault = Fault(on=On.TICK, do=Do.ASSIGNMENT, match=Match(symbol="AAPL"))
        gateway.aside.call(lambda: gateway.paper.faults.add(fault))
        gateway.beat()
        listing = broker.listing("acc")
        assert [(p.symbol, p.quantity) for p in listing.snapshot.positions] == [("AAPL", D(-100))]
        # The sale, and the shares that were delivered at the strike; the option went for nothing.
        assert [(each.symbol, each.quantity, each.price) for each in listing.fills][1:] == [
            ("AAPL", D(100), ticket.contract.strike)
        ]  # fmt: skip
        assert any("assignment" in note for note in broker.session.notes())
        assert not any(is_ours(each.order_ref) for each in listing.orders)


def test_a_gateway_that_restarts_has_everything_and_the_adapter_comes_back_by_itself() -> None:
    clock = StepPace(open_time() + timedelta(minutes=30))
    market, store = PaperMarket(clock, calendar(), history()), FloorStore(":memory:")

    def paper() -> Paper:
        return Paper(clock, market, store=store, accounts={ACCOUNT: D(1_000_000)}, beat_seconds=0)

    with Aside(paper()) as first:
        port = first.port
        broker = over_steps(port, clock)
        assert broker.submit(intent("done")).status is S.FILLED
        assert broker.submit(intent("rests", limit="1")).status is S.ACKED
        before = broker.link("acc").session
    try:
        eventually(lambda: broker.session.conditions()[0].state is State.UNREACHABLE)
        with pytest.raises(Temporary, match="nothing was sent"):
            broker.submit(intent("late"))
        with Aside(paper(), port=port) as second:
            eventually(lambda: broker.session.conditions()[0].state is State.UP)
            assert broker.link("acc").session != before
            listing = broker.listing("acc")
            assert {each.order_ref: each.status for each in listing.orders} == {"done": S.FILLED, "rests": S.ACKED}
            assert [each.order_ref for each in listing.fills] == ["done"]
            assert broker.cancel("acc", "rests").status is S.CANCELLED
            assert len(second.call(second.paper.floor.executions)) == 1
    finally:
        broker.session.close()

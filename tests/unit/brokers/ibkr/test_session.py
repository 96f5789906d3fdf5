"""The session on a real socket: one thread, every wait with an end, and states for whatever stands at the port."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.contract.broker_fakes import NOON, HandClock, intent
from tests.unit.brokers.ibkr.fake_gateway import FakeGateway, Fields, Talk, listening

from prudent.brokers.ibkr import line as lines
from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.brokers.ibkr.session import IbkrSession, Login
from prudent.brokers.ibkr.states import Address, State
from prudent.domain.errors import ConfigError, InputError, Temporary
from prudent.domain.orders import OrderStatus
from prudent.ports import Claim


@contextmanager
def desk(port: int) -> Iterator[IbkrBroker]:
    login = Login(address=Address(host="127.0.0.1", port=port), client_id=11, accounts={"acc": "DU1"})
    broker = IbkrBroker(IbkrSession(login, HandClock()))
    try:
        yield broker
    finally:
        broker.session.close()


@contextmanager
def joined(gateway: FakeGateway | None = None) -> Iterator[tuple[FakeGateway, IbkrBroker]]:
    with listening(gateway or FakeGateway()) as here, desk(here.port) as broker:
        yield here, broker


def state(broker: IbkrBroker) -> State:
    return broker.session.conditions()[0].state


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that does not answer is given up after a moment."""
    monkeypatch.setattr(lines, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(lines, "BACKOFF_SECONDS", (0.01, 0.02))


def test_it_connects_and_gives_what_the_gateway_offers() -> None:
    with joined() as (gateway, broker):
        link = broker.link("acc")
        assert (link.up, link.quiet_since, link.next_order_id) == (True, NOON, gateway.next_id)
        assert state(broker) is State.UP
        assert broker.name == "ibkr (SIMULATED)"
        # To the cent, halves away from zero.
        assert str(broker.snapshot("acc").cash) == "10000.01"


def test_it_keeps_two_fixed_client_ids_one_for_orders_and_one_for_market_data() -> None:
    with joined() as (gateway, broker):
        broker.link("acc")
        broker.session.call(lambda: broker.session.market.ready(5.0))
        assert {talk.client_id for talk in gateway.talks} == {11, 12}


def test_an_account_that_was_not_set_up_is_an_input_error_before_anything_is_asked() -> None:
    with joined() as (gateway, broker):
        with pytest.raises(InputError, match="nobody"):
            broker.snapshot("nobody")
        assert gateway.received == []


def test_nothing_at_the_port_is_unreachable_at_once() -> None:
    with listening(FakeGateway()) as gone:
        port = gone.port
    with desk(port) as broker:
        with pytest.raises(Temporary, match="must be reachable"):
            broker.link("acc")
        assert state(broker) is State.UNREACHABLE


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x00\x00\x06hello\x00"])
def test_something_else_at_the_port_is_not_a_gateway(greeting: bytes) -> None:
    with joined(FakeGateway(greeting=greeting)) as (_gateway, broker):
        with pytest.raises(Temporary, match="does not speak as a gateway"):
            broker.link("acc")
        assert state(broker) is State.NOT_A_GATEWAY


def test_a_client_id_in_use_is_said_and_the_connection_comes_when_it_is_free() -> None:
    with joined(FakeGateway(in_use={11})) as (gateway, broker):
        with pytest.raises(Temporary, match="client id 11 is in use"):
            broker.link("acc")
        assert state(broker) is State.CLIENT_ID_IN_USE
        gateway.in_use.clear()
        assert eventually(lambda: state(broker) is State.UP)


def test_a_live_account_in_paper_mode_is_refused_and_nothing_is_asked_of_it() -> None:
    with joined(FakeGateway(accounts="U1,DU1,")) as (gateway, broker):
        with pytest.raises(ConfigError, match="U1"):
            broker.snapshot("acc")
        assert state(broker) is State.WRONG_ACCOUNT
        with pytest.raises(Temporary, match="nothing was sent"):
            broker.submit(intent("r1"))
        assert {each[0] for each in gateway.received} == {"71"}


def test_an_account_that_the_login_does_not_have_is_refused() -> None:
    with joined(FakeGateway(accounts="DU2,")) as (_gateway, broker), pytest.raises(ConfigError, match="DU1 must be"):
        broker.link("acc")


def test_a_gateway_that_names_no_account_may_wait_for_a_login() -> None:
    with joined(FakeGateway(accounts="")) as (_gateway, broker), pytest.raises(Temporary, match="wait for a login"):
        broker.link("acc")


def test_a_lost_link_to_the_servers_stops_orders_and_reads_until_it_is_back() -> None:
    with joined() as (gateway, broker):
        before = broker.link("acc")
        gateway.say(4, 2, -1, 1100, "Connectivity between IB and TWS has been lost.", "")
        assert eventually(lambda: state(broker) is State.LINK_LOST)
        assert (broker.link("acc").up, broker.link("acc").session) == (False, before.session)
        with pytest.raises(Temporary, match=r"1100.*nothing was sent"):
            broker.submit(intent("r1"), Claim(order_id=7, session=before.session))
        with pytest.raises(Temporary):
            broker.listing("acc")
        gateway.say(4, 2, -1, 1102, "Connectivity restored, data maintained.", "")
        assert eventually(lambda: broker.link("acc").up)
        assert broker.link("acc").session == before.session
        assert gateway.count(3) == 0


def test_a_connection_that_ends_comes_back_as_another_session() -> None:
    with joined() as (gateway, broker):
        before = broker.link("acc").session
        gateway.hang_up()
        assert eventually(lambda: state(broker) is State.UP and broker.link("acc").session != before)
        with pytest.raises(Temporary, match=f"must be {before}"):
            broker.submit(intent("r1"), Claim(order_id=7, session=before))


def test_a_list_that_does_not_end_is_temporary_and_the_connection_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prudent.brokers.ibkr.session.ROUND_SECONDS", 0.1)
    with joined() as (gateway, broker):
        before = broker.link("acc").session
        gateway.silent = {99}
        with pytest.raises(Temporary):
            broker.reports("acc", ("r1",))
        gateway.silent = set()
        assert eventually(lambda: state(broker) is State.UP and broker.link("acc").session != before)
        assert broker.reports("acc", ("r1",))[0].status is OrderStatus.NOT_SENT


def test_an_order_of_which_nothing_is_heard_is_unknown_and_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prudent.brokers.ibkr.broker.ACK_SECONDS", 0.1)
    gateway = FakeGateway(on={9: one_stock, 3: lambda _talk, _fields: None})
    with joined(gateway) as (_gateway, broker):
        claim = Claim(order_id=41, session=broker.link("acc").session)
        assert broker.submit(intent("r1"), claim).status is OrderStatus.UNKNOWN
        assert broker.submit(intent("r1"), claim).status is OrderStatus.UNKNOWN
        # The lists do not show it: the venue does not know it, and what that proves is for others to judge.
        assert broker.reports("acc", ("r1",))[0].status is OrderStatus.NOT_SENT
        assert [each[1] for each in gateway.received if each[0] == "3"] == ["41"]
        assert broker.link("acc").next_order_id == 42


def test_an_order_that_left_before_time_was_up_is_never_called_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = FakeGateway(on={9: one_stock, 3: lambda _talk, _fields: None})
    with joined(gateway) as (_gateway, broker):
        claim = Claim(order_id=7, session=broker.link("acc").session)
        broker.session.call(lambda: broker.contracts.listed("AAPL"))
        monkeypatch.setattr("prudent.brokers.ibkr.broker.SUBMIT_SECONDS", 0.2)
        assert broker.submit(intent("r1"), claim).status is OrderStatus.UNKNOWN
        assert eventually(lambda: gateway.count(3) == 1)


def test_an_order_that_waits_behind_time_is_certainly_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prudent.brokers.ibkr.broker.SUBMIT_SECONDS", 0.2)
    with joined(FakeGateway(on={9: lambda _talk, _fields: None})) as (gateway, broker):
        with pytest.raises(Temporary, match="nothing was sent"):
            broker.submit(intent("r1"))
        assert gateway.count(3) == 0


def test_a_gateway_that_has_fallen_silent_is_given_up_and_connected_to_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(lines, "ALIVE_SECONDS", 0.1)
    with joined() as (gateway, broker):
        before = broker.link("acc").session
        assert eventually(lambda: gateway.count(49) > 1)
        assert broker.link("acc").session == before
        gateway.silent = {49}
        assert eventually(lambda: broker.session.orders.session != before)


def test_a_socket_that_breaks_under_an_order_leaves_it_unknown_at_once() -> None:
    gateway = FakeGateway(on={9: one_stock, 3: lambda talk, _fields: talk.request.shutdown(2)})
    with joined(gateway) as (_gateway, broker):
        report = broker.submit(intent("r1"), Claim(order_id=7, session=broker.link("acc").session))
        assert report.status is OrderStatus.UNKNOWN
        assert gateway.count(3) == 1


@pytest.mark.parametrize("zone", ["US/Eastern", "Eastern Standard Time", "UTC"])
def test_the_time_of_a_trade_is_read_in_the_zones_that_gateways_use(zone: str) -> None:
    with joined(FakeGateway(on={7: one_trade(f"20240304 12:00:00 {zone}")})) as (_gateway, broker):
        (fill,) = broker.fills("acc")
        # New York is five hours behind then.
        assert fill.time.hour == (12 if zone == "UTC" else 17)


@pytest.mark.parametrize("when", ["20240304 12:00:00", "20240304 12:00:00 Somewhere/Else", "20240304"])
def test_a_trade_at_a_time_that_nobody_can_read_stops_everything_with_words_for_a_person(when: str) -> None:
    with joined(FakeGateway(on={7: one_trade(when)})) as (gateway, broker):
        with pytest.raises(Temporary, match="time zone"):
            broker.submit(intent("r1"))
        assert state(broker) is State.UNREADABLE
        assert gateway.count(3) == 0


def test_a_trade_that_cannot_be_read_later_on_stops_it_too() -> None:
    with joined() as (gateway, broker):
        broker.link("acc")
        gateway.on[7] = one_trade("20240304 12:00:00")
        for talk in [each for each in gateway.talks if each.client_id == 11]:
            gateway.on[7](talk, ["7", "3", "-1"])
        assert eventually(lambda: state(broker) is State.UNREADABLE)
        assert broker.session.notes()


def test_questions_that_share_an_answer_go_one_after_the_other() -> None:
    with joined() as (_gateway, broker):
        broker.link("acc")
        done: list[object] = []
        threads = [threading.Thread(target=lambda: done.append(broker.snapshot("acc").cash)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(10)
        assert len(done) == 8


def test_asking_on_the_sessions_own_thread_is_refused() -> None:
    with joined() as (_gateway, broker):
        broker.link("acc")

        async def wrong() -> None:
            broker.snapshot("acc")

        with pytest.raises(RuntimeError, match="own thread"):
            broker.session.call(wrong)


def test_a_closed_session_answers_when_it_is_asked_again() -> None:
    with joined() as (_gateway, broker):
        broker.link("acc")
        broker.session.close()
        assert state(broker) is State.CLOSED
        assert broker.link("acc").up


def test_the_library_is_loaded_by_the_first_question_and_nest_asyncio_by_none() -> None:
    script = (
        "import sys, prudent.brokers.ibkr.broker, prudent.brokers.ibkr.market\n"
        "assert 'ib_async' not in sys.modules, 'loaded too early'\n"
        "import prudent.brokers.ibkr.tap\n"
        "assert 'ib_async' in sys.modules and 'nest_asyncio' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def one_stock(talk: Talk, fields: Fields) -> None:
    """Contract details of one share, in the fields of server version 178."""
    talk.say(
        10, fields[2], "AAPL", "STK", "", "0", "", "SMART", "USD", "AAPL", "NMS", "NMS", 265598, "0.01", "", "LMT,MKT",
        "SMART", 1, 0, "APPLE INC", "NASDAQ", "", "", "", "", "US/Eastern", "", "", "", "", 0, 1, "", "", "26", "",
        "COMMON", "1", "1", "100",
    )  # fmt: skip
    talk.say(52, 1, fields[2])


def one_trade(when: str) -> Callable[[Talk, Fields], None]:
    """The list of executions with one trade in it, made at that time."""

    def tell(talk: Talk, fields: Fields) -> None:
        talk.say(
            11, fields[2], 5, 265598, "AAPL", "STK", "", "0", "", "", "SMART", "USD", "AAPL", "NMS", "0001.01", when,
            "DU1", "ISLAND", "BOT", 10, 100.1, 900, 11, 0, 10, 100.1, "A" * 24, "", "", "", 2, 0,
        )  # fmt: skip
        talk.say(55, 1, fields[2])

    return tell


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether it comes to hold within a few seconds."""
    waiting = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if holds():
            return True
        waiting.wait(0.02)
    return holds()

"""A connection: handshake, start, refusals; whatever a client sends is answered, or ends its connection."""

import asyncio
import socket
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.gateway_homes import step_gateway
from tests.wire_talk import answers, errors, hello, paper, request, session_of, started, talk
from tests.wire_words import message

from prudent.domain.errors import InputError
from prudent.gateway import wire
from prudent.gateway.codec.requests import REQUESTS, UNSERVED
from prudent.gateway.codec.rows import Table, Values, encode
from prudent.gateway.dispatch import HANDLERS
from prudent.gateway.faults import Do, Fault, On
from prudent.gateway.paper import Aside, Paper
from prudent.gateway.session import RATE_MAX, Pace


@pytest.fixture(scope="module")
def home() -> Paper:
    return paper()


@pytest.mark.parametrize(
    ("versions", "agreed"),
    [
        ("v157..178", "178"), ("v100..226", "178"), ("v157..176", "176"), ("v100..157", "157"),
        ("v179..226 +PACEAPI", "178"),
    ],
)  # fmt: skip
def test_the_version_is_the_clients_highest_up_to_178(home: Paper, versions: str, agreed: str) -> None:
    _, pipe = talk(home, hello(versions))
    shook, said = answers(pipe.written)
    assert shook[0] == agreed
    assert "SIMULATED" in shook[1]
    # Clients drop whatever stands behind the handshake's answer.
    assert said == []


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n\r\n", b"API\0", b"API\0\0\0\0\0", b"API\0\xff\xff\xff\xff", hello("v76..156"), hello("hello"),
     hello("v178..157")],
)  # fmt: skip
def test_who_does_not_speak_the_protocol_is_hung_up_on_without_a_word(home: Paper, sent: bytes) -> None:
    _, pipe = talk(home, sent)
    assert pipe.closed
    assert pipe.written == b""


def test_a_client_that_starts_is_told_its_accounts_and_its_next_id(home: Paper) -> None:
    said, _ = talk(home, started(3))
    assert [name for name, _ in said[:2]] == ["managedAccounts", "nextValidId"]
    assert said[0][1]["accounts"] == "DU1234567,"
    assert said[1][1]["orderId"] >= 1


def test_nothing_is_served_before_the_start(home: Paper) -> None:
    said, _ = talk(home, hello(), request("reqPositions"))
    assert errors(said) == [(504, -1)]


def test_who_starts_twice_keeps_its_first_id(home: Paper) -> None:
    said, _ = talk(home, started(5), request("startApi", clientId=6), request("reqCurrentTime"))
    assert errors(said) == [(501, -1)]
    assert home.house.sessions == {}


def test_a_client_id_in_use_is_refused_and_the_first_stays(home: Paper) -> None:
    async def story() -> None:
        first, reader, pipe = session_of(home)
        reader.feed_data(started(9))
        serving = asyncio.create_task(first.serve())
        while b"nextValid" not in pipe.written and not pipe.written.count(b"2158"):
            await asyncio.sleep(0)
        second, other, hung = session_of(home)
        other.feed_data(started(9))
        other.feed_eof()
        await second.serve()
        assert errors(answers(hung.written)[1]) == [(326, -1)]
        assert hung.closed
        assert not pipe.closed
        reader.feed_eof()
        await serving
        again, reader, pipe = session_of(home)
        reader.feed_data(started(9))
        reader.feed_eof()
        await again.serve()
        assert errors(answers(pipe.written)[1]) == []

    asyncio.run(story())


@pytest.mark.parametrize("number", sorted(UNSERVED))
def test_a_request_that_is_not_served_is_answered_under_its_own_id(home: Paper, number: int) -> None:
    fields = [str(number), *("1" for _ in range(UNSERVED[number] - 1)), "77", "x"]
    said, _ = talk(home, started(), wire.frame(fields))
    assert errors(said) == [(505, 77)]


@pytest.mark.parametrize("fields", [["999"], ["-3"], ["abc"], [""], ["3.5", "1"], ["--5"], ["9" * 40]])
def test_an_unknown_message_is_answered(home: Paper, fields: list[str]) -> None:
    said, _ = talk(home, started(), wire.frame(fields), request("reqCurrentTime"))
    assert errors(said) == [(505, -1)]
    assert said[-1][0] == "currentTime"


@pytest.mark.parametrize("table", [t for t in REQUESTS.values() if len(t.rows) > 1], ids=lambda table: table.name)
def test_a_request_that_cannot_be_read_is_answered_under_its_id(home: Paper, table: Table) -> None:
    fields = encode(table, message(table, 178, Random(5)) | {"reqId": 41, "orderId": 41}, 178)
    said, _ = talk(home, started(), wire.frame([*fields, "left", "over"]))
    has_key = any(getattr(row, "name", "") in ("reqId", "orderId") for row in table.rows)
    assert errors(said) == [(320, 41 if has_key else -1)]


# These are sent without an answer being expected.
UNANSWERED = {
    "cancelNewsBulletins", "reqNewsBulletins", "setServerLogLevel", "reqAutoOpenOrders", "cancelAccountSummary",
    "cancelPositions", "cancelPositionsMulti", "cancelAccountUpdatesMulti", "cancelPnL", "cancelPnLSingle",
    "cancelRealTimeBars", "cancelHeadTimestamp", "cancelTickByTickData", "cancelCalculateImpliedVolatility",
    "cancelCalculateOptionPrice", "reqMarketDataType", "reqGlobalCancel",
}  # fmt: skip


@pytest.mark.parametrize("table", REQUESTS.values(), ids=lambda table: table.name)
def test_whatever_a_request_says_it_is_answered_and_the_client_served_on(
    home: Paper, table: Table, scale: Callable[[int, int], int]
) -> None:
    @examples(max_examples=scale(8, 400), phases=(Phase.generate,))
    @given(seed=st.integers(0, 2**32))
    def holds(seed: int) -> None:
        random = Random(seed)
        said = message(table, 178, random)
        if said and random.random() < 0.7:
            said |= _nearly_right(said, random)
        if table.name == "reqAccountUpdates":
            said["subscribe"] = True
        before = talk(home, started(), request("reqCurrentTime"))[0]
        after = talk(home, started(), wire.frame(encode(table, said, 178)), request("reqCurrentTime"))[0]
        assert after[-1][0] == "currentTime"
        assert table.name in UNANSWERED or len(after) > len(before)

    holds()


_RIGHT = {
    "conId": 265598, "symbol": "AAPL", "secType": "STK", "exchange": "SMART", "currency": "USD", "strike": None,
    "expiry": "", "right": "", "multiplier": "", "primaryExchange": "", "localSymbol": "", "tradingClass": "",
    "account": "DU1234567", "show": "TRADES", "barSize": "5 mins", "duration": "1 D", "end": "", "time": "",
    "action": "BUY", "totalQuantity": Decimal(3), "orderType": "LMT", "lmtPrice": Decimal(100), "tif": "DAY",
    "algoStrategy": "", "hedgeType": "", "conditions": [], "goodAfterTime": "", "goodTillDate": "", "parentId": 0,
    "allOrNone": False, "minQty": None, "discretionaryAmt": None, "scalePriceIncrement": None, "cashQty": None,
    "faGroup": "", "faPercentage": "", "percentOffset": None, "scaleTable": "", "hasNeutral": False, "ocaGroup": "",
    "deltaNeutralOrderType": "", "tags": "NetLiquidation,$LEDGER:ALL", "pattern": "AA", "rule": 26, "dateFormat": 1,
}  # fmt: skip
_ODD: dict[type, list[Any]] = {
    str: ["", "-1", "1e309", "\x7f", "A" * 300, "2 X", "0 D", "99999999 D", "20261301", "20221228 10:00:00 Mars/Base"],
    int: [0, -1, 2**31 - 2, 2**40], Decimal: [Decimal(0), Decimal(-1), Decimal("1e15"), Decimal("Infinity"), None],
    bool: [True, False],
}  # fmt: skip


def _nearly_right(said: Values, random: Random) -> Values:
    """Values that would do, but for one."""
    right = {name: value for name, value in _RIGHT.items() if name in said}
    name = random.choice([*said])
    value = right.get(name, said[name])
    odd = _ODD.get(type(value) if value is not None else Decimal)
    return right | ({name: random.choice(odd)} if odd and name not in _DECIDE else {})


# Other fields follow from these: what says something else must have those.
_DECIDE = {"secType", "orderType", "deltaNeutralOrderType", "hedgeType", "algoStrategy", "hasNeutral", "exchange",
           "scalePriceIncrement", "competeAgainstBestOffset", "reqId"}  # fmt: skip


def test_every_request_has_a_function_that_answers_it() -> None:
    assert {table.name for table in REQUESTS.values()} == set(HANDLERS)


def test_a_client_may_send_its_allowance_at_once_and_then_fifty_a_second() -> None:
    pace = Pace()
    assert all(pace.admits(100.0) for _ in range(RATE_MAX))
    assert not pace.admits(100.0)
    # Half a second later half of the fifty are free again.
    assert [pace.admits(100.5) for _ in range(26)] == [True] * 25 + [False]
    assert pace.busiest == RATE_MAX + 27


def test_who_sends_too_fast_is_told_and_hung_up_on_the_third_time(home: Paper) -> None:
    said, pipe = talk(home, started(), request("reqCurrentTime") * (RATE_MAX + 10))
    assert errors(said) == [(100, -1)] * 3
    assert pipe.closed


def test_a_client_that_does_not_read_is_dropped(home: Paper) -> None:
    async def story() -> None:
        session, reader, pipe = session_of(home)
        pipe.backlog = 2**24
        reader.feed_data(started())
        await session.serve()
        assert pipe.closed

    asyncio.run(story())


def test_a_port_that_is_taken_is_refused_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} .* is in use.*--port"), Aside(paper(), port=port):
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com"])
def test_it_listens_on_this_machine_only(host: str) -> None:
    with pytest.raises(InputError, match="this machine only"), Aside(paper(), host=host):
        pass


def test_a_gateway_that_ends_hangs_up_and_frees_its_port() -> None:
    with step_gateway() as gateway:
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.sendall(started())
        assert client.recv(4)
        port = gateway.port
    client.settimeout(5)
    while client.recv(65536):
        pass
    client.close()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


def test_a_client_that_went_while_its_start_was_delayed_takes_no_id() -> None:
    home = paper()
    home.faults.add(Fault(on=On.CONNECT, do=Do.DELAY, args={"seconds": 0.01}))

    async def run() -> None:
        session, reader, _pipe = session_of(home)
        reader.feed_data(started(client_id=7))
        reader.feed_eof()
        await session.serve()
        await asyncio.sleep(0.05)

    asyncio.run(run())
    assert home.faults.log != ()
    assert home.house.sessions == {}

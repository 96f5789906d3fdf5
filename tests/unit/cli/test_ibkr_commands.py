"""`invest ibkr`: what is behind a port is said in words, whatever it is, and looking disturbs nobody."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from tests.gateway_homes import ACCOUNT, StepGateway, step_gateway
from tests.unit.brokers.ibkr.fake_gateway import FakeGateway, listening
from tests.unit.cli.running import Ended, invest

from prudent.brokers.ibkr import greeting
from prudent.clock import SystemClock
from prudent.domain.orders import Side
from prudent.exchange.paper.words import Kind, Ticket, Tif


@pytest.fixture(scope="module")
def gateway() -> Iterator[StepGateway]:
    """The sample's last session, half an hour after the open: 2022-12-28."""
    with step_gateway() as found:
        yield found


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVEST_HOME", str(tmp_path))


def ask(port: int, *words: str) -> Ended:
    return invest("ibkr", *words, "--address", f"127.0.0.1:{port}", "--json")


def steps(answer: Ended) -> dict[str, bool]:
    return {row["step"]: row["ok"] for row in answer.data["steps"]}


def clients(gateway: StepGateway) -> set[int]:
    return gateway.aside.call(lambda: set(gateway.paper.house.sessions))


def message(answer: Ended) -> str:
    (problem,) = answer.document["errors"]
    return str(problem["message"])


@contextmanager
def saying(words: bytes) -> Iterator[int]:
    """A port that answers whoever connects with these bytes and then stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            try:
                held.append(server.accept()[0])
                held[0].sendall(words)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        for link in held:
            link.close()


def test_a_probe_does_each_step_and_leaves(gateway: StepGateway) -> None:
    answer = ask(gateway.port, "probe")
    assert answer.code == 0
    assert steps(answer) == dict.fromkeys(("handshake", "accounts", "contract", "quote", "disconnect"), True)
    assert answer.data["simulated"] is True
    clock = SystemClock()
    ends = clock.monotonic() + 5
    while (left := clients(gateway)) and clock.monotonic() < ends:
        clock.pause(0.01)
    assert left == set()


def test_the_handshake_alone_takes_no_client_id(gateway: StepGateway) -> None:
    with step_gateway() as other:
        other.aside.call(lambda: other.paper.house.sessions.update({13: None}))  # type: ignore[dict-item]
        answer = ask(other.port, "probe", "--handshake")
        assert answer.code == 0
        assert steps(answer) == {"handshake": True}


def test_a_closed_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    answer = ask(port, "probe")
    assert answer.code == 4
    assert f"127.0.0.1:{port}" in message(answer)
    assert "start it, or set IBKR_HOST and IBKR_PORT" in message(answer)


def test_something_else_on_the_port_is_not_taken_for_a_gateway() -> None:
    with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        answer = ask(port, "probe")
    assert answer.code == 4
    assert "something else does" in message(answer)


def test_silence_ends_and_is_called_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = greeting.greet.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "seconds", 0.2)
    with saying(b"") as port:
        answer = ask(port, "probe")
    assert answer.code == 4
    assert "was silent" in message(answer)


def test_a_client_id_in_use_is_named() -> None:
    with listening(FakeGateway(in_use={40})) as fake:
        answer = ask(fake.port, "probe", "--client-id", "40")
    assert answer.code == 4
    assert steps(answer) == {"handshake": True, "accounts": False}
    assert "client id 40 is in use" in message(answer)


def test_a_live_account_is_refused_in_paper_mode() -> None:
    with listening(FakeGateway(accounts="DU1,U7654321,")) as fake:
        answer = ask(fake.port, "accounts")
    assert answer.code == 3
    assert "it has U7654321" in message(answer)


def test_a_live_port_is_refused_before_anything_is_said() -> None:
    answer = ask(7496, "positions")
    assert answer.code == 3
    assert "port 7496 is a live one" in message(answer)


@pytest.mark.parametrize("address", ["4002", "localhost", "localhost:", ":4002", "localhost:99999", "h:x"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    answer = invest("ibkr", "probe", "--address", address, "--json")
    assert answer.code == 2
    assert "HOST:PORT" in message(answer)


def test_accounts_show_their_cash_and_that_they_are_simulated(gateway: StepGateway) -> None:
    (row,) = ask(gateway.port, "accounts").data
    assert row == {
        "account": ACCOUNT, "ours": None, "currency": "USD", "cash": "1000000", "positions": 0, "open_orders": 0,
        "simulated": True,
    }  # fmt: skip


def test_positions_show_what_others_bought() -> None:
    with step_gateway() as paper:
        market = paper.paper.market
        contract = market.search("AAPL")[0].contract
        ticket = Ticket(
            order_id=1, client_id=9, account=ACCOUNT, contract=contract, action=Side.BUY, quantity=Decimal(10),
            kind=Kind.MARKET, tif=Tif.DAY,
        )  # fmt: skip
        paper.aside.call(lambda: paper.paper.floor.place(ticket, paper.clock.now()))
        paper.beat()
        (row,) = ask(paper.port, "positions", ACCOUNT).data
        assert (row["symbol"], row["quantity"]) == ("AAPL", "10")
        answer = ask(paper.port, "positions", "DU9")
    assert answer.code == 2
    assert "account must be one of DU1234567, was 'DU9'" in message(answer)


# Front months on 2022-12-28, by hand: the third Friday of March 2023 is the 17th, rolled eight days before, the 9th;
# FX ends two business days before the third Wednesday, the 15th, so on the 13th, rolled on Sunday the 5th, that is
# Friday the 3rd; gold of February has its first notice on 31 January, five business days before that is the 24th.
@pytest.mark.parametrize(
    ("alias", "contract", "expiry", "rolled", "multiplier", "tick"),
    [
        ("ES1!", "ESH3", "2023-03-17", "2023-03-09", "50", "0.25"),
        ("EURUSD", "6EH3", "2023-03-13", "2023-03-03", "125000", "0.00005"),
        ("XAUUSD", "GCG3", "2023-02-24", "2023-01-24", "100", "0.1"),
    ],
)
def test_an_alias_is_the_front_contract_with_its_dates(
    gateway: StepGateway, alias: str, contract: str, expiry: str, rolled: str, multiplier: str, tick: str
) -> None:
    found = ask(gateway.port, "contract", alias).data
    assert (found["contract"], found["expiry"], found["rolled_on"]) == (contract, expiry, rolled)
    assert (Decimal(found["multiplier"]), Decimal(found["tick"])) == (Decimal(multiplier), Decimal(tick))


def test_gold_says_when_long_positions_are_closed_out(gateway: StepGateway) -> None:
    found = ask(gateway.port, "contract", "XAUUSD").data
    assert (found["first_notice"], found["long_closed_out_by"]) == ("2023-01-31", "2023-01-27")


def test_several_listings_are_named_and_one_can_be_chosen(gateway: StepGateway) -> None:
    answer = ask(gateway.port, "contract", "AAPL", "--currency", "")
    assert answer.code == 2
    assert "means 3: AAPL at NASDAQ in USD, AAPL at MEXI in MXN, AAPL at AEQLIT in CAD" in message(answer)
    chosen = ask(gateway.port, "contract", "AAPL", "--currency", "MXN", "--exchange", "mexi").data
    assert (chosen["primary"], chosen["currency"]) == ("MEXI", "MXN")


def test_an_expired_contract_and_an_unknown_symbol_are_refused(gateway: StepGateway) -> None:
    expired = ask(gateway.port, "contract", "ESZ2")
    assert expired.code == 2
    assert "ESZ2" in message(expired)
    unknown = ask(gateway.port, "contract", "NOSUCH")
    assert unknown.code == 2
    assert "NOSUCH must be known to the venue" in message(unknown)


def test_a_chain_lists_expiries_and_the_strikes_of_one(gateway: StepGateway) -> None:
    found = ask(gateway.port, "chain", "AAPL").data
    assert "2023-01-20" in found["expiries"]
    assert found["strikes"] is None
    strikes = ask(gateway.port, "chain", "AAPL", "--expiry", "2023-01-20").data["strikes"]
    assert "130" in strikes
    wrong = ask(gateway.port, "chain", "AAPL", "--expiry", "2023-01-21")
    assert wrong.code == 2

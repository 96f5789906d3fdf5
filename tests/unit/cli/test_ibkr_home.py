"""A home that trades at a gateway: `doctor` says what is wrong with it, `adopt` and `restart` bring it to order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.gateway_homes import ACCOUNT as THERE
from tests.gateway_homes import StepGateway, step_gateway
from tests.unit.brokers.ibkr.fake_gateway import FakeGateway, Talk, listening
from tests.unit.cli.running import Ended, invest

from prudent.domain.orders import Side
from prudent.exchange.paper.words import Kind, Ticket

TARGETS = '[{"symbol": "AAPL", "weight": 0.1}]'


@dataclass(slots=True)
class Place:
    """A home on disk, and commands in it."""

    home: Path

    def write(self, port: int, *, clock: str = "start: 2022-12-28", source: str = "sample", there: str = THERE) -> None:
        (self.home / "json").mkdir(parents=True, exist_ok=True)
        (self.home / "json" / "core.json").write_text(TARGETS)
        (self.home / "invest.yaml").write_text(
            f"mode: paper\ndata: {{source: {source}}}\nclock: {{{clock}}}\nibkr: {{port: {port}}}\naccounts:\n  main:\n"
            f"    broker: ibkr\n    ibkr: {{account: {there}}}\n    class: autonomous\n    targets: json/core.json\n"
        )

    def invest(self, *words: str) -> Ended:
        return invest(*words, "--home", str(self.home), "--json")

    def doctor(self) -> dict[str, Any]:
        """The lines about the gateway by their names."""
        rows = {row["name"]: row for row in self.invest("doctor").data}
        assert rows["configuration"]["status"] == "pass"
        return {name: row for name, row in rows.items() if name.startswith("ibkr")}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "home")


@pytest.fixture(scope="module")
def gateway() -> Iterator[StepGateway]:
    with step_gateway() as found:
        yield found


def said(rows: dict[str, Any]) -> dict[str, str]:
    return {name: row["status"] for name, row in rows.items()}


def test_doctor_finds_a_gateway_in_order(place: Place, gateway: StepGateway) -> None:
    place.write(gateway.port)
    found = place.doctor()
    # A date alone is half an hour after the open, where this gateway's clock stands.
    names = ("ibkr", "ibkr handshake", "ibkr clock", "ibkr accounts", "ibkr prices")
    assert said(found) == dict.fromkeys(names, "pass")
    assert "SIMULATED" in found["ibkr handshake"]["detail"]
    assert found["ibkr accounts"]["detail"] == THERE


def test_doctor_warns_of_a_clock_that_is_off_by_more_than_two_seconds(place: Place, gateway: StepGateway) -> None:
    place.write(gateway.port, clock='start: "2022-12-28T15:00:03Z"')
    row = place.doctor()["ibkr clock"]
    assert (row["status"], row["detail"]) == ("warn", "the gateway's is -2.5 s from the desk's")
    assert row["fix"] == "write `clock: {follows: ibkr}` into invest.yaml"
    place.write(gateway.port, clock='start: "2022-12-28T15:00:02Z"')
    assert place.doctor()["ibkr clock"]["status"] == "pass"


def test_doctor_says_what_to_do_where_nothing_answers(place: Place) -> None:
    with listening(FakeGateway()) as fake:
        port = fake.port
    place.write(port)
    found = place.doctor()
    assert said(found) == {"ibkr": "pass", "ibkr handshake": "fail"}
    assert "start the gateway and log in" in found["ibkr handshake"]["fix"]


def test_doctor_refuses_a_live_port_and_connects_to_nothing(place: Place) -> None:
    place.write(4001)
    found = place.doctor()
    assert said(found) == {"ibkr": "fail"}
    assert found["ibkr"]["fix"] == "set IBKR_PORT to 4002 for a gateway or 7497 for the workstation"


def test_doctor_finds_a_live_account_behind_a_paper_port(place: Place) -> None:
    with listening(FakeGateway(accounts="U7654321,")) as fake:
        place.write(fake.port, there="U7654321")
        row = place.doctor()["ibkr accounts"]
    assert row["status"] == "fail"
    assert "it has U7654321" in row["detail"]
    assert "log in to the paper account" in row["fix"]


def no_such_contract(talk: Talk, fields: list[str]) -> None:
    talk.say(4, 2, fields[2], 200, "No security definition has been found for the request", "")


def test_doctor_speaks_of_data_rights_and_precautions_of_a_real_gateway(place: Place) -> None:
    with listening(FakeGateway(accounts="DU1111111,", white_brand="", on={9: no_such_contract})) as fake:
        place.write(fake.port, there="DU1111111")
        found = place.doctor()
    assert found["ibkr prices"]["status"] == "warn"
    assert found["ibkr prices"]["detail"] == "no price of SPY"
    assert "subscribe to the data" in found["ibkr prices"]["fix"]
    assert found["ibkr precautions"]["status"] == "skip"


def test_doctor_asks_no_gateway_that_nobody_needs(place: Place) -> None:
    place.write(4002)
    config = place.home / "invest.yaml"
    config.write_text(config.read_text().split("accounts:")[0])
    assert said(place.doctor()) == {"ibkr": "skip"}


def test_an_account_is_shown_then_adopted_then_held_against_the_gateway(place: Place) -> None:
    with step_gateway() as gateway:
        place.write(gateway.port, clock="follows: ibkr", source="ibkr")
        contract = gateway.paper.market.search("AAPL")[0].contract
        ticket = Ticket(
            order_id=1, client_id=9, account=THERE, contract=contract, action=Side.BUY, quantity=Decimal(10),
            kind=Kind.MARKET,
        )  # fmt: skip
        gateway.aside.call(lambda: gateway.paper.floor.place(ticket, gateway.clock.now()))
        gateway.step_to(gateway.clock.now() + timedelta(days=1))
        shown = place.invest("ibkr", "adopt", "main")
        assert shown.code == 0
        assert [(p["symbol"], p["quantity"]) for p in shown.data["positions"]] == [("AAPL", "10")]
        assert shown.data["adopted"] is False
        booked = place.invest("ibkr", "adopt", "main", "--yes")
        assert (booked.code, booked.data["adopted"]) == (0, True)
        assert place.invest("ibkr", "adopt", "main", "--yes").code == 2
        back = place.invest("ibkr", "restart")
        assert back.code == 0
        assert back.data["armed"] == {"main": False}
        assert [each["clean"] for each in back.data["reconciled"]] == [True]
    gone = place.invest("ibkr", "restart", "--wait", "0")
    assert gone.code == 4

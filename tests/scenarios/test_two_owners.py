"""Two people whose accounts stand behind one gateway trade beside each other: each has client ids of their own."""

from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.market_data_gateway import patient
from tests.gateway_homes import step_gateway
from tests.scenarios.gateway_stage import gateway_stage
from tests.scenarios.people_homes import postgres_home

from prudent.bootstrap import LOCAL, Desk, open_desk
from prudent.brokers.ibkr.states import State
from prudent.domain.people import Role, UserStatus
from prudent.ledger import open_ledger
from prudent.venues import FIRST_CLIENT_ID, client_id_of
from prudent.workflows.adopt import adopt, look
from prudent.workflows.cycle import at_work, run_account
from prudent.workflows.desks import Desks

OWNED = {"ann-1": ("ann", "hers", "DU1234567"), "bob-1": ("bob", "his", "DU7654321")}
TARGETS = '[{"symbol": "AAPL", "weight": 10}]'


def shared_home(folder: Path, url: str, port: int) -> Path:
    home = postgres_home(folder, url)
    (home / "json" / "core.json").write_text(TARGETS)
    lines = [
        "mode: paper", "data: {source: ibkr}", "clock: {follows: ibkr}", f"ibkr: {{port: {port}}}",
        f"database: {{url: {url}}}", "accounts:",
    ]  # fmt: skip
    for name, account, there in OWNED.values():
        lines += [
            f"  {account}:", f"    owner: {name}", "    broker: ibkr", f"    ibkr: {{account: {there}}}",
            "    class: autonomous", "    targets: json/core.json",
        ]  # fmt: skip
    (home / "invest.yaml").write_text("\n".join(lines) + "\n")
    for owner, (name, _account, _there) in OWNED.items():
        people = open_ledger(url, owner=owner, audit_folder=home / "audit").people
        people.add_user(name, role=Role.USER, status=UserStatus.ACTIVE, password=None, at=open_desk(home).clock.now())
    return home


def traded(desk: Desk, account: str) -> Decimal:
    """One cycle of the account; gives how many shares it then holds."""
    with at_work(desk):
        record = run_account(desk, account)
    assert record.no_trade_codes == ()
    (held,) = desk.broker_of(account).snapshot(account).positions
    return held.quantity


def test_each_owners_desk_trades_while_the_others_stays_connected(tmp_path: Path, postgres_url: str) -> None:
    accounts = {there: Decimal(1_000_000) for _name, _account, there in OWNED.values()}
    with patient(), step_gateway(accounts=accounts) as gateway, ExitStack() as stack:
        home = shared_home(tmp_path, postgres_url, gateway.port)
        desks = {owner: open_desk(home, owner=owner) for owner in OWNED}
        for owner, desk in desks.items():
            assert desk.connections is not None
            stack.callback(desk.connections.close)
            adopt(desk, OWNED[owner][1], shown=look(desk, OWNED[owner][1]).digest)
        first, second = (traded(desk, OWNED[owner][1]) for owner, desk in desks.items())
        assert first == second > 0
        ids = set()
        for desk in desks.values():
            assert desk.connections is not None
            orders, market = desk.connections.broker(sends=True).session.conditions()
            assert (orders.state, market.client_id) == (State.UP, orders.client_id + 1)
            ids.add(orders.client_id)
        assert ids == {client_id_of(desk.loaded, owner) for owner, desk in desks.items()}
        assert len(ids) == 2
        # The gateway knows whose order is whose.
        placed = {each.account: each.client_id for each in gateway.paper.floor.executions()}
        assert placed == {OWNED[owner][2]: client_id_of(desk.loaded, owner) for owner, desk in desks.items()}


@pytest.mark.parametrize("owner", ["", "ann-1"])
def test_a_client_id_that_is_set_is_the_order_sessions_whoever_asks(
    owner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "invest.yaml").write_text("mode: paper\nclock: {start: 2022-11-28}\n")
    desk = open_desk(tmp_path)
    assert client_id_of(desk.loaded, "") == FIRST_CLIENT_ID == 11
    assert client_id_of(desk.loaded, "ann-1") == client_id_of(desk.loaded, "ann-1") > FIRST_CLIENT_ID + 3
    monkeypatch.setenv("IBKR_CLIENT_ID", "21")
    assert client_id_of(open_desk(tmp_path).loaded, owner) == 21


def test_the_ids_of_owners_do_not_overlap_and_stay_below_a_million(tmp_path: Path) -> None:
    (tmp_path / "invest.yaml").write_text("mode: paper\nclock: {start: 2022-11-28}\n")
    loaded = open_desk(tmp_path).loaded
    firsts = {client_id_of(loaded, f"owner-{number}") for number in range(100)}
    taken = {first + step for first in firsts for step in range(4)}
    # Two of a hundred might share a block once in 40 such hundreds; these do not.
    assert (len(firsts), len(taken)) == (100, 400)
    assert max(taken) < 1_000_000


def test_an_engine_that_reads_its_configuration_anew_gets_its_client_ids_back(tmp_path: Path) -> None:
    with gateway_stage(tmp_path) as stage:
        stage.desk.connections.close()  # type: ignore[union-attr]  # the engine's desk takes its place
        desks = Desks(stage.home, holder="engine-1")
        first = desks.of(LOCAL)
        assert first.broker_of("main").snapshot("main").cash == Decimal(1_000_000)
        with (stage.home / "invest.yaml").open("a") as handle:
            handle.write("# one more line\n")
        second = desks.of(LOCAL)
        assert second is not first
        assert second.broker_of("main").snapshot("main").cash == Decimal(1_000_000)
        desks.close()

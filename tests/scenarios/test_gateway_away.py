"""What still works while the gateway of an account cannot be reached, and whose its accounts are."""

import socket
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.gateway_stage import ACCOUNT, gateway_stage
from tests.scenarios.people_homes import at, done, postgres_home

from prudent.bootstrap import Desk, open_desk
from prudent.domain.accounts import TradingState
from prudent.domain.errors import BlockedError, InputError, Temporary
from prudent.domain.orders import Effect, OrderIntent, OrderReport, OrderStatus, Side, order_ref
from prudent.domain.people import Role, UserStatus
from prudent.entrypoints.cli.ending_all import own_accounts, refuse_others
from prudent.ledger import open_ledger
from prudent.workflows.adopt import look

THERE = "    broker: ibkr\n    ibkr: {account: DU1234567}\n    class: autonomous\n    targets: json/core.json\n"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def resting(desk: Desk) -> str:
    """An order of ours of which the venue has said that it lives."""
    ledger, now = desk.ledger, desk.clock.now()
    run = ledger.open_run(desk.mandate(ACCOUNT), mode="paper", rules=(), code_version=desk.code_version, at=now)
    number = ledger.next_cycle(run, at=now)
    intent = OrderIntent(
        order_ref=order_ref(ACCOUNT, f"{run.id}/{number}", "MSFT", Side.BUY, "decision"), account=ACCOUNT,
        symbol="MSFT", side=Side.BUY, quantity=Decimal(1), effect=Effect.OPEN,
    )  # fmt: skip
    ledger.approve(run, number, (intent,), at=now)
    ledger.sending(ACCOUNT, intent.order_ref, seal=intent.seal, at=now, permit=desk.permit(ACCOUNT))
    heard = OrderReport(
        order_ref=intent.order_ref, symbol="MSFT", side=Side.BUY, quantity=Decimal(1), status=OrderStatus.ACKED
    )
    ledger.reported(ACCOUNT, heard, at=now)
    ledger.fail_cycle(f"{run.id}/{number}", reason="left for the test", at=now)
    return intent.order_ref


def test_its_book_is_shown_from_the_ledger_and_a_halt_holds(tmp_path: Path) -> None:
    with gateway_stage(tmp_path) as stage:
        stage.trade("AAPL", 10)
        stage.tomorrow()
        stage.adopted()
        cash = stage.desk.ledger.views.money(ACCOUNT).cash
        order = resting(stage.desk)
        config = stage.home / "invest.yaml"
        config.write_text(config.read_text().replace(f"port: {stage.gateway.port}", f"port: {closed_port()}"))
    home = stage.home
    shown = done(at(home, "accounts", "list"))
    (row,) = shown.data
    assert (row["id"], Decimal(row["cash"]), row["net_liquidation"]) == (ACCOUNT, cash, None)
    assert "as the ledger has it, without prices" in shown.document["warnings"][0]
    held = done(at(home, "positions")).data
    assert [(each["symbol"], each["quantity"], each["market_price"]) for each in held] == [("AAPL", "10", None)]
    assert [each["order_ref"] for each in done(at(home, "accounts", "show", ACCOUNT)).data["open_orders"]] == [order]
    assert done(at(home, "status")).code == 0
    stopped = at(home, "halt", "--reason", "by hand")
    assert stopped.code == Temporary("").exit_code
    assert "is HALTED and sends nothing more, but its open orders could not be cancelled" in stopped.err + stopped.out
    assert [row.state for row in open_desk(home).ledger.views.states()] == [TradingState.HALTED]


def test_an_account_at_the_gateway_is_reached_by_its_owner_alone(tmp_path: Path, postgres_url: str) -> None:
    home = postgres_home(tmp_path, postgres_url)
    config = home / "invest.yaml"
    text = config.read_text().replace("accounts: {}\n", "")
    config.write_text(
        f"{text}ibkr: {{port: {closed_port()}}}\naccounts:\n  hers:\n    owner: ann\n{THERE}"
        f"  machines:\n{THERE.replace('DU1234567', 'DU7654321')}"
    )
    for owner, name in (("ann-1", "ann"), ("bob-1", "bob")):
        people = open_ledger(postgres_url, owner=owner, audit_folder=home / "audit").people
        people.add_user(name, role=Role.USER, status=UserStatus.ACTIVE, password=None, at=open_desk(home).clock.now())
    for owner, account in (("bob-1", "hers"), ("bob-1", "machines"), ("ann-1", "machines"), ("local", "hers")):
        desk = open_desk(home, owner=owner)
        with pytest.raises(InputError, match=rf"account {account} must be yours to be reached at ibkr"):
            look(desk, account)
    for owner, account in (("ann-1", "hers"), ("local", "machines")):
        with pytest.raises(Temporary, match="gateway"):
            look(open_desk(home, owner=owner), account)
    # An act that reaches every account behind the gateway is no way around it.
    with pytest.raises(InputError, match="account hers must be yours"):
        own_accounts(open_desk(home, owner="bob-1"))
    hers = open_desk(home, owner="ann-1")
    refuse_others(hers, ["DU1234567"], {"DU1234567"})
    with pytest.raises(BlockedError, match="DU7654321 is not"):
        refuse_others(hers, ["DU1234567", "DU7654321"], {"DU1234567"})

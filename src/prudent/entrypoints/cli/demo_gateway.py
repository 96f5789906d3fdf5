"""The demo over a socket: the paper gateway in this process, and an account that trades at it as at the real one."""

from pathlib import Path

from prudent.clock import SystemClock
from prudent.domain.cycles import CycleRecord
from prudent.entrypoints.cli.answer import Answer, Table, money
from prudent.entrypoints.cli.border import Call
from prudent.entrypoints.cli.commands.books import account_row, accounts_table
from prudent.entrypoints.cli.commands.gateway import DB_PLACE
from prudent.entrypoints.cli.cycle_view import cycle_blocks
from prudent.entrypoints.cli.screen import progress
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.gateway.opening import Wishes as GatewayWishes
from prudent.gateway.opening import opened
from prudent.gateway.paper import Aside
from prudent.workflows.adopt import Found, adopt, look
from prudent.workflows.cycle import at_work, run_account

ACCOUNT, VENUE_ACCOUNT, CLIENT = "demo", "DU1234567", 11
CONFIG = """\
# yaml-language-server: $schema=./invest.schema.json
# A home whose account trades at the paper gateway of this program: `invest paper-gateway --port {port}` starts it.
schema_version: 1
mode: paper
data: {{source: ibkr}}
# The gateway's market is the sample's last session, so its time counts here; a real gateway needs no such line.
clock: {{follows: ibkr}}
ibkr: {{host: 127.0.0.1, port: {port}, client_id: {client}}}
accounts:
  {account}: {{name: Demo, broker: ibkr, ibkr: {{account: {venue}}}, targets: json/core.json}}
"""


def demonstrate(call: Call, home: Path) -> Answer:
    """Start the gateway on a free port, adopt its account, trade it to its targets, and look what is left to do."""
    create_home(home, Wishes())
    call.home = home
    with opened(GatewayWishes(db=home / DB_PLACE), SystemClock()) as gateway, Aside(gateway.paper) as aside:
        port = aside.port
        (home / "invest.yaml").write_text(
            CONFIG.format(port=port, client=CLIENT, account=ACCOUNT, venue=VENUE_ACCOUNT), encoding="utf-8"
        )
        progress(f"the paper gateway listens at 127.0.0.1:{port}; looking at {VENUE_ACCOUNT} ...")
        found, records, account = _traded(call)
        gateway.keep_time()
    return Answer(
        data={
            "home": str(home), "port": port, "account": account, "adopted": {"cash": found.opening.cash},
            "cycles": [
                {"cycle": each.id, "orders": len(each.plan.orders), "fills": len(each.fills),
                 "accuracy": each.reconciliation.total_accuracy if each.reconciliation else None}
                for each in records
            ],
        },
        blocks=_blocks(home, port, found, records, account),
    )  # fmt: skip


def _traded(call: Call) -> tuple[Found, list[CycleRecord], dict[str, object]]:
    desk = call.open()
    found = look(desk, ACCOUNT)
    adopt(desk, ACCOUNT, shown=found.digest)
    records = []
    try:
        with at_work(desk):
            for said in ("to its targets", "again, to see what is left to do"):
                progress(f"{ACCOUNT} {said} ...")
                records.append(run_account(desk, ACCOUNT))
            return found, records, account_row(call, desk, ACCOUNT)
    finally:
        if desk.connections is not None:
            desk.connections.close()


def _blocks(
    home: Path, port: int, found: Found, records: list[CycleRecord], account: dict[str, object]
) -> list[str | Table]:  # fmt: skip
    first, second = records
    head = (
        f"DEMO over a socket: a SIMULATED gateway at 127.0.0.1:{port} speaks the protocol of Interactive Brokers, and "
        "the orders went through the client library as it is installed; no network beyond this machine, no money"
    )
    return [
        head,
        f"adopted {VENUE_ACCOUNT} with {money(found.opening.cash)} {found.opening.currency} in one sealed entry",
        *cycle_blocks(first),
        f"cycle {second.id}, right after it, planned {counted(len(second.plan.orders))}",
        accounts_table([account]),
        "\n  ".join((
            "The home stays. Try next, in a second terminal the first of these:",
            f"export INVEST_HOME={home}",
            f"invest paper-gateway --port {port}",
            "invest ibkr probe",
            "invest ibkr positions",
            "invest ibkr contract ES1!",
            f"invest rebalance --account {ACCOUNT}",
            f"invest replay {first.id}",
            "invest audit verify",
        )),
    ]  # fmt: skip


def counted(orders: int) -> str:
    return {0: "nothing", 1: "one order"}.get(orders, f"{orders} orders")

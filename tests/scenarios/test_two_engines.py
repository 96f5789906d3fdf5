"""Two engines on one PostgreSQL share the accounts of a queue; one is lost, the other finishes, nothing is doubled."""

import json
import shutil
import signal
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from tests.scenarios.engines import Running, Starter, engine_at, forking, log_of, until
from tests.scenarios.homes import CASH, add_account, reopened

from prudent.bootstrap import Desk, open_desk
from prudent.domain.notices import Event
from prudent.entrypoints.cli.opening import Opening, open_account
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.ledger.engines import EngineStatus
from prudent.ledger.requests import Asked, Request
from prudent.workflows import kinds
from prudent.workflows.cycle import CycleWanted
from prudent.workflows.requests import ask

ACCOUNTS = ("one", "two", "three", "four", "five", "six")
ROUNDS = 3


def two_homes(folder: Path, url: str) -> tuple[Path, Path]:
    """Two homes with the same configuration, one ledger and one venue, as on two machines."""
    first = folder / "first"
    config = create_home(first, Wishes(start="2022-11-28"))
    text = config.read_text().replace("  source: sample\n", f"  source: sample\n  venue: {folder / 'venue.sqlite'}\n")
    config.write_text(f"{text}\ndatabase: {{url: {json.dumps(url)}}}\nengine: {{workers: 2}}\n")
    for account in ACCOUNTS:
        add_account(first, account)
    second = folder / "second"
    shutil.copytree(first, second, ignore=shutil.ignore_patterns("data", "audit", "logs"))
    return first, second


def ask_for_cycles(desk: Desk) -> list[str]:
    asked = [
        Asked(id=f"{account}-{number}", kind=kinds.CYCLE, account=account,
              body=kinds.cycle_body(CycleWanted(account=account)))
        for number in range(ROUNDS) for account in ACCOUNTS
    ]  # fmt: skip
    for each in asked:
        desk.ledger.requests.add(each, at=desk.clock.now())
    return [each.id for each in asked]


def all_over(desk: Desk, ids: list[str]) -> list[Request]:
    until(lambda: all(_found(desk, each).over for each in ids), said=f"all is done\n{log_of(desk.home)}", seconds=120)
    return [_found(desk, each) for each in ids]


def _found(desk: Desk, request: str) -> Request:
    found = desk.ledger.requests.find(request)
    assert found is not None
    return found


def is_midway(desk: Desk, engine: str) -> bool:
    """Whether that engine holds the lease of an account with a cycle under way."""
    under_way = {cycle.rsplit("/", 2)[0] for cycle in desk.ledger.interrupted_cycles()}
    held = {lease.account for lease in desk.ledger.leases.all() if lease.holder == engine}
    return bool(under_way & held)


def check_nothing_is_doubled(desk: Desk) -> None:
    for account in ACCOUNTS:
        fills = desk.broker.fills(account)
        assert max(Counter(fill.exec_id for fill in fills).values()) == 1
        filled = Counter[str]()
        for fill in fills:
            filled[fill.order_ref] += int(fill.quantity)
        rows = desk.ledger.views.orders(account, limit=10_000).rows
        orders = {order.order_ref: int(order.quantity) for order in rows}
        assert all(quantity <= orders[ref] for ref, quantity in filled.items())
        snapshot = desk.broker.snapshot(account)
        assert desk.ledger.views.money(account).cash == snapshot.cash
        assert not desk.ledger.pending_orders(account)
    assert desk.ledger.interrupted_cycles() == ()
    assert desk.ledger.verify_audit().holds


@pytest.mark.parametrize("end", ["killed", "frozen"])
def test_the_other_engine_finishes_what_a_lost_one_had_begun(tmp_path: Path, postgres_url: str, end: str) -> None:
    homes = two_homes(tmp_path, postgres_url)
    desk = reopened(homes[0])
    with forking() as start:
        first, second = started(start, homes[0]), started(start, homes[1])
        names = {row.pid: row.id for row in desk.ledger.engines.all()}
        ids = ask_for_cycles(desk)
        until(lambda: is_midway(desk, names[first.pid]), said="the first engine is at work")
        if end == "killed":
            first.kill()
        else:
            freeze(first, tmp_path / "venue.sqlite")
        told = all_over(desk, ids)
        assert [each.error for each in told] == [None] * len(told)
        rows = {row.id: row.status for row in desk.ledger.engines.all()}
        assert rows == {names[first.pid]: EngineStatus.LOST, names[second.pid]: EngineStatus.RUNNING}
        if end == "frozen":
            # It wakes up, is refused wherever it still speaks, sees that it was given up, and asks for a restart.
            first.signal(signal.SIGCONT)
            until(lambda: not first.lives(), said="it ends by itself", seconds=40)
        second.signal(signal.SIGTERM)
        until(lambda: not second.lives(), said="it ends", seconds=40)
    assert len(desk.ledger.views.recorded_cycles()) == len(ACCOUNTS) * ROUNDS
    assert desk.ledger.notices.latest(Event.ENGINE_LOST) is not None
    check_nothing_is_doubled(desk)


def freeze(running: Running, venue: Path) -> None:
    """Stop the process, but not while it holds the lock of the venue's file: a true venue cannot be held up so."""
    for _ in range(50):
        running.signal(signal.SIGSTOP)
        try:
            with sqlite3.connect(venue, isolation_level=None, timeout=0.2) as probe:
                probe.execute("BEGIN IMMEDIATE")
                probe.execute("ROLLBACK")
            return
        except sqlite3.OperationalError:
            running.signal(signal.SIGCONT)
    raise AssertionError("the engine always held the venue")


def started(start: Starter, home: Path) -> Running:
    running = start(home)
    running.wait_ready()
    return running


def test_one_engine_serves_every_owner_and_tells_each_their_own(tmp_path: Path, postgres_url: str) -> None:
    home = two_homes(tmp_path, postgres_url)[0]
    opening = Opening(account="hers", cash=CASH, positions=None, mandate={"targets": "json/core.json"})
    open_account(open_desk(home, owner="her"), opening)
    mine, hers = open_desk(home), open_desk(home, owner="her")
    with forking() as start, engine_at(home, start=start):
        asked = {
            desk.ledger.owner: ask(
                desk, kinds.CYCLE, kinds.cycle_body(CycleWanted(account=account)), account=account, key="the same key"
            )
            for desk, account in ((mine, "one"), (hers, "hers"))
        }  # fmt: skip
        all_over(mine, [asked["local"]])
        all_over(hers, [asked["her"]])
    assert mine.ledger.views.recorded_cycles() == ("one/1/1",)
    assert hers.ledger.views.recorded_cycles() == ("hers/1/1",)
    assert {lease.account for lease in hers.ledger.leases.all()} == {"hers"}

"""A process that dies between any two statements leaves a ledger in which each act is whole or absent."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.ledger_build import ACCOUNT, MONDAY, SESSION, d, fill, intent, mandate, record, report

from prudent.domain.orders import OrderStatus
from prudent.ledger import LedgerStore, open_ledger

CHANGES_AT_LEAST = 30


def live(store: LedgerStore) -> None:
    """A small life: account, deposit, run, cycle, one order to its fill, record, valuation."""
    store.add_account(mandate(), cash=d("10000"), at=MONDAY)
    store.flow(ACCOUNT, "deposit", d("500"), at=MONDAY, ref="wire")
    run = store.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
    cycle = store.next_cycle(run, at=MONDAY)
    buy = intent()
    store.approve(run, cycle, (buy,), at=MONDAY)
    store.sending(ACCOUNT, buy.order_ref, seal=buy.seal, at=MONDAY)
    store.reported(ACCOUNT, report(buy, OrderStatus.FILLED, fill(buy, "10", "100")), at=MONDAY)
    store.record(record(1, cycle, orders=(buy,)), why={buy.order_ref: "below target"})
    store.value(ACCOUNT, nlv=d("10499"), at=MONDAY, session=SESSION)


def count_changes() -> int:
    changes: list[str] = []
    store = open_ledger(":memory:", after_statement=changes.append)
    live(store)
    store.close()
    return len(changes)


def die_at(place: Path | str, change: int, owner: str = "local") -> None:
    """Run by the child: live until the given change, then end without any clean-up."""
    left = change

    def after(_sql: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(9)

    live(open_ledger(place, owner=owner, after_statement=after))


def check(place: Path | str, owner: str = "local") -> None:
    """Whatever the moment of death: balanced, chained, and positions, cash, fills and states tell one story."""
    store = open_ledger(place, owner=owner)
    assert store.faults() == ()
    assert store.verify_audit().holds
    events = [row.event for row in reversed(store.views.audit().rows)]
    if "account_added" not in events:
        assert store.accounts() == ()
        return
    flow, filled = "flow_booked" in events, "order_reported" in events
    cash = d("10000") + (d("500") if flow else 0) - (d("1001") if filled else 0)
    assert store.views.money(ACCOUNT).cash == cash
    assert [each.quantity for each in store.views.positions(ACCOUNT)] == ([d("10")] if filled else [])
    assert store.views.trades().total == int(filled)
    states = [order.state for order in store.views.orders().rows]
    expected = next(
        (state for event, state in (
            ("order_reported", OrderStatus.FILLED), ("order_sending", OrderStatus.SENDING),
            ("orders_approved", OrderStatus.APPROVED),
        ) if event in events), None,
    )  # fmt: skip
    assert states == ([expected] if expected else [])
    begun, recorded = "cycle_started" in events, "cycle_recorded" in events
    assert store.interrupted_cycles() == (("weekly/1/1",) if begun and not recorded else ())
    assert store.views.recorded_cycles() == (("weekly/1/1",) if recorded else ())
    store.close()


def test_a_kill_between_any_two_changes_leaves_whole_acts(tmp_path: Path) -> None:
    changes = count_changes()
    assert changes >= CHANGES_AT_LEAST
    code = (
        "import sys; from pathlib import Path; from tests.unit.ledger.test_killed_process import die_at, os\n"
        "for change in map(int, sys.argv[2:]):\n"
        "    child = os.fork()\n"
        "    if child == 0: die_at(Path(sys.argv[1]) / f'{change}.sqlite', change)\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, change\n"
    )
    # One interpreter, forked for each moment: every child opens its own file and dies by os._exit.
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), *map(str, range(1, changes + 1))], check=True, timeout=60
    )
    for change in range(1, changes + 1):
        check(tmp_path / f"{change}.sqlite")


def test_a_kill_between_changes_leaves_whole_acts_on_postgresql(
    postgres_url: str, scale: Callable[[int, int], int]
) -> None:
    """Each life is an owner's of one database."""
    moments = list(range(1, count_changes() + 1, scale(5, 1)))
    code = (
        "import sys; from tests.unit.ledger.test_killed_process import die_at, os\n"
        "for change in map(int, sys.argv[2:]):\n"
        "    child = os.fork()\n"
        "    if child == 0: die_at(sys.argv[1], change, f'owner {change}')\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, change\n"
    )
    subprocess.run([sys.executable, "-c", code, postgres_url, *map(str, moments)], check=True, timeout=60)
    for change in moments:
        check(postgres_url, f"owner {change}")


def test_a_whole_life_passes_the_same_check(tmp_path: Path) -> None:
    store = open_ledger(tmp_path / "ledger.sqlite")
    live(store)
    store.close()
    check(tmp_path / "ledger.sqlite")
    assert open_ledger(tmp_path / "ledger.sqlite").views.account(ACCOUNT).nlv == d("10499")


@pytest.mark.parametrize("table", ["journal_entries", "journal_lines", "audit"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_inside_an_act_undoes_it(error: type[BaseException], table: str) -> None:
    armed = False

    def after(sql: str) -> None:
        if armed and f"INTO {table}" in sql:
            raise error

    store = open_ledger(":memory:", after_statement=after)
    store.add_account(mandate(), cash=d("10000"), at=MONDAY)
    armed = True
    with pytest.raises(error):
        store.flow(ACCOUNT, "deposit", d("500"), at=MONDAY, ref="wire")
    armed = False
    assert store.views.money(ACCOUNT).cash == d("10000")
    assert store.flow(ACCOUNT, "deposit", d("7"), at=MONDAY, ref="wire")
    assert store.views.money(ACCOUNT).cash == d("10007")
    assert store.verify_audit().rows == 2

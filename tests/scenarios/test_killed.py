"""A process killed between any two stages: the next start says what it found, and no order goes out twice."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.scenarios.crash import DIED
from tests.scenarios.homes import ACCOUNT, new_home, reopened

from prudent.bootstrap import Desk
from prudent.domain.cycles import ResidualCause
from prudent.domain.orders import OrderStatus
from prudent.workflows.cycle import at_work, run_account

ROOT = Path(__file__).parents[2]
STAGES = (
    "begin", "observe", "gather", "decide", "plan", "guard", "consent", "judge phase 2", "send phase 2",
    "settle phase 2", "observe_after", "verify", "finish",
)  # fmt: skip
WIRE = ("before submit 0", "after submit 0", "before submit 5", "after submit 5")


RunAndDie = Callable[[Path, str], None]


@pytest.fixture(scope="module")
def run_and_die(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunAndDie]:
    """Runs one cycle in a process that dies at the point named."""
    said = tmp_path_factory.mktemp("died") / "stderr"
    with said.open("w") as errors:
        parent = subprocess.Popen(
            [sys.executable, "-m", "tests.scenarios.crash"], cwd=ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
    assert parent.stdin is not None
    assert parent.stdout is not None
    asked, told = parent.stdin, parent.stdout

    def die_at(home: Path, point: str) -> None:
        asked.write(f"{point}\t{home}\n")
        asked.flush()
        assert told.readline() == f"{DIED}\n", said.read_text()

    yield die_at
    asked.close()
    parent.wait(20)


def assert_books_agree(desk: Desk) -> None:
    """The ledger's cash and positions are the venue's, and every fill and order is there once."""
    snapshot = desk.broker.snapshot(ACCOUNT)
    assert desk.ledger.views.money(ACCOUNT).cash == snapshot.cash
    held = {p.symbol: p.quantity for p in snapshot.positions}
    assert {p.symbol: p.quantity for p in desk.ledger.views.positions(ACCOUNT)} == held
    fills = desk.broker.fills(ACCOUNT)
    assert max(Counter(f.exec_id for f in fills).values(), default=1) == 1
    assert all(count == 1 for count in Counter((f.order_ref, f.quantity) for f in fills).values())


@pytest.mark.parametrize("point", [*STAGES, *WIRE])
def test_a_killed_process_is_found_and_resolved_at_the_next_start(
    tmp_path: Path, run_and_die: RunAndDie, point: str
) -> None:
    home = new_home(tmp_path)
    run_and_die(home, point)
    desk = reopened(home)
    with at_work(desk) as findings:
        assert any("no record" in each.found and "carried on" in each.resolved for each in findings)
        assert not desk.ledger.pending_orders(ACCOUNT)
        assert_books_agree(desk)
        assert desk.ledger.load_record(f"{ACCOUNT}/1/1").phases
        record = run_account(desk, ACCOUNT)
        assert_books_agree(desk)
    assert record.reconciliation is not None
    # Every target is reached within one lot, whatever the dead process had already bought, but where a guard shrank it.
    shrunk = {r.symbol for r in record.reconciliation.residuals if r.cause is ResidualCause.BLOCKED}
    checked = [s for s in record.reconciliation.symbols_verified if s.symbol not in shrunk]
    assert len(checked) >= 10
    assert all(abs(s.target_quantity - s.actual_quantity) <= 1 for s in checked)
    assert desk.ledger.verify_audit().holds


def test_a_second_start_finds_nothing_left(tmp_path: Path, run_and_die: RunAndDie) -> None:
    home = new_home(tmp_path)
    run_and_die(home, "after submit 5")
    with at_work(reopened(home)) as findings:
        assert findings
    with at_work(reopened(home)) as findings:
        assert findings == ()


def test_an_order_that_never_left_is_proved_absent_and_never_sent(tmp_path: Path, run_and_die: RunAndDie) -> None:
    home = new_home(tmp_path)
    run_and_die(home, "before submit 0")
    desk = reopened(home)
    (doubted,) = [each for each in desk.ledger.pending_orders(ACCOUNT) if each.state is OrderStatus.SENDING]
    with at_work(desk):
        (report,) = desk.ledger.known(ACCOUNT, (doubted.order_ref,))
        assert report.status is OrderStatus.NOT_SENT
        assert doubted.order_ref not in {fill.order_ref for fill in desk.broker.fills(ACCOUNT)}
        assert desk.ledger.views.money(ACCOUNT).cash == desk.broker.snapshot(ACCOUNT).cash < 100_000

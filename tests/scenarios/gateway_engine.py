"""Engines that trade at a gateway and are killed: `python -m tests.scenarios.gateway_engine` forks them.

A line on stdin names a home, the weights of a cycle and its key; a process id comes back on stdout. The forked process
is the product's own path: the desk of the home, recovery, the cycle under its key, then its end.
"""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.scenarios.engines import LIMIT_SECONDS, ROOT, until
from tests.scenarios.homes import ACCOUNT

from prudent.bootstrap import Desk, open_desk
from prudent.domain.errors import DeskError
from prudent.domain.orders import OrderStatus
from prudent.workflows.cycle import CycleWanted, at_work, begin, carry_on
from prudent.workflows.reconcile import reconcile

DONE, BROKEN, NOT_NOW = 0, 1, 4
IN_DOUBT = (OrderStatus.SENDING, OrderStatus.UNKNOWN)
# Rounds half a minute apart: enough for the quiet time and the two rounds of a proof of absence.
ROUNDS, ROUND_SECONDS = 6, 31.0
LOG = "gateway_engine.out"


def run(home: Path, weights: str, key: str) -> None:
    """One process of the engine: what another left is settled, and the cycle of that key brought to its record."""
    desk = open_desk(home)
    try:
        with at_work(desk):
            _settle(desk)
            wanted = CycleWanted(account=ACCOUNT, parameters={"targets": f"json/{weights}.json"}, key=key)
            carry_on(desk, begin(desk, wanted))
    finally:
        if desk.connections is not None:
            desk.connections.close()


def _settle(desk: Desk) -> None:
    """Ask as an engine does while an order is in doubt; its clock goes on meanwhile."""
    for _ in range(ROUNDS):
        if not any(each.state in IN_DOUBT for each in desk.ledger.pending_orders(ACCOUNT)):
            return
        desk.clock.pause(ROUND_SECONDS)
        reconcile(desk, ACCOUNT)


def become_engine(home: Path, weights: str, key: str) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(home / "logs" / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    end = BROKEN
    try:
        run(home, weights, key)
        end = DONE
    except DeskError as error:
        sys.stderr.write(f"{key}: {error}\n")
        end = NOT_NOW
    finally:
        if end == BROKEN:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(end)


def main() -> None:
    import ib_async.client  # noqa: F401 - what an engine would import first

    import prudent.brokers.ibkr.tap
    import prudent.marketdata.sample  # noqa: F401

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        home, weights, key = line.rstrip("\n").split("\t")
        pid = os.fork()
        if pid == 0:
            become_engine(Path(home), weights, key)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


@dataclass
class Engines:
    """Starts one engine at a time."""

    nursery: "subprocess.Popen[str]"
    pid: int = 0

    def start(self, home: Path, weights: str, key: str) -> None:
        assert self.nursery.stdin is not None
        self.nursery.stdin.write(f"{home}\t{weights}\t{key}\n")
        self.nursery.stdin.flush()
        self.pid = int(self._line())

    @property
    def lives(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> int:
        """Wait for its end; gives how it ended, below 0 for a signal."""
        until(lambda: not self.lives, said=f"engine {self.pid} ends", seconds=4 * LIMIT_SECONDS)
        return int(self._line())

    def _line(self) -> str:
        assert self.nursery.stdout is not None
        return self.nursery.stdout.readline()


@contextmanager
def engines() -> Iterator[Engines]:
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.scenarios.gateway_engine"], cwd=ROOT, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    made = Engines(nursery)
    assert nursery.stdin is not None
    try:
        assert made._line() == "ready\n"
        yield made
    finally:
        if made.pid and made.lives:
            made.kill()
        nursery.stdin.close()
        nursery.wait(LIMIT_SECONDS)


if __name__ == "__main__":
    main()

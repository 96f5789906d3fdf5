"""Processes that run one cycle and die at a named point, forked from one that has everything imported.

`python -m tests.scenarios.crash`: a point, a tab and a home's path on stdin, the exit code on stdout; with a home and a
point as arguments it is such a process itself.
"""

import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from tests.scenarios.homes import ACCOUNT

from prudent.bootstrap import open_desk
from prudent.domain.orders import OrderIntent, OrderReport
from prudent.ports import NO_CLAIM, Claim
from prudent.workflows.cycle import CycleWanted, at_work, begin, carry_on
from prudent.workflows.steps import JournalSteps, LedgerStages

DIED = 9


def main(home: Path, point: str) -> None:
    def die_at(name: str) -> None:
        if name == point:
            os._exit(DIED)

    desk = open_desk(home)
    ledger = desk.ledger
    submit = desk.broker.submit
    sent = 0

    def counted_submit(intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        nonlocal sent
        die_at(f"before submit {sent}")
        report = submit(intent, claim)
        die_at(f"after submit {sent}")
        sent += 1
        return report

    desk.broker.submit = counted_submit  # type: ignore[method-assign]  # the process dies here, nothing is faked
    with at_work(desk):
        cycle_id = begin(desk, CycleWanted(account=ACCOUNT))
        carry_on(desk, cycle_id, steps=JournalSteps(LedgerStages(ledger, cycle_id, desk.clock), after=die_at))


def die(home: Path, point: str) -> NoReturn:
    """The forked process: what goes wrong otherwise is told by its traceback and its code."""
    code = 1
    try:
        main(home, point)
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def serve() -> None:
    import prudent.marketdata.sample
    import prudent.strategies.target_weights  # noqa: F401 - what a cycle would import first

    for line in sys.stdin:
        point, _, home = line.rstrip("\n").partition("\t")
        child = os.fork()
        if child == 0:
            die(Path(home), point)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:]:
        die(Path(sys.argv[1]), sys.argv[2])
    serve()

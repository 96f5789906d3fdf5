"""A process that runs one cycle and dies at a named point: `python -m tests.scenarios.crash HOME POINT`."""

import os
import sys
from pathlib import Path

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


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

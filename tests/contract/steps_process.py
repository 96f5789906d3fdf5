"""A process that runs three steps and dies in the third the first time: `python -m ... KIND FOLDER`."""

import os
import sys
from functools import partial
from pathlib import Path

from tests.contract.ledger_build import MONDAY
from tests.contract.steps_homes import CYCLE, ledger_with_cycle
from tests.fakes_clock import SteppedClock

from prudent.ports import Steps
from prudent.workflows.steps import JournalSteps, LedgerStages

DIED = 9


def body(steps: Steps, folder: Path) -> None:
    def act(name: str) -> str:
        with (folder / "ran").open("a") as log:
            log.write(f"{name}\n")
        if name == "three" and not (folder / "died").exists():
            (folder / "died").touch()
            os._exit(DIED)
        return name

    done = [steps.run(name, partial(act, name), of=str) for name in ("one", "two", "three")]
    (folder / "done").write_text(" ".join(done))


def main(kind: str, folder: Path) -> None:
    stages = LedgerStages(ledger_with_cycle(folder), CYCLE, SteppedClock(MONDAY))
    if kind == "journal":
        body(JournalSteps(stages), folder)
        return
    from tests.scenarios.engines import until

    from prudent.workflows.durable import DbosSteps, Durable, Place

    place = Place(url=f"sqlite:///{folder / 'workflows.sqlite'}", postgres=False)
    durable = Durable(place, executor="tests", perform=lambda owner, request: body(DbosSteps(stages), folder))
    durable.launch()
    if not durable.knows("local", "request"):
        durable.start("local", "request")
    until((folder / "done").exists, said="the workflow is over", seconds=30)
    durable.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

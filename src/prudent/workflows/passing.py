"""What is done at a moment: settle and value, protect, carry on what waited, start what is due."""

from collections.abc import Callable

from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleWaits
from prudent.domain.errors import DeskError
from prudent.workflows.cycle import carry_on
from prudent.workflows.notices import tell_cycle, tell_failure, tell_wait
from prudent.workflows.protection import protect_all
from prudent.workflows.schedule import start_due

Done = Callable[[str], None]


def attend(desk: Desk, *, done: Done = lambda line: None) -> None:
    """Everything that is due at the clock's time, here and now; the caller holds the lease.

    An engine does the same with a durable workflow for each cycle; this is for the process that moves simulated time.
    `done` is told one line for each cycle.
    """
    from prudent.workflows.approvals import due_waits

    begun = [watched.cycle for watched in protect_all(desk)]
    begun += [run.cycle for run in start_due(desk)]
    for cycle_id in dict.fromkeys((*(each for each in begun if each is not None), *due_waits(desk))):
        done(_carried(desk, cycle_id))


def _carried(desk: Desk, cycle_id: str) -> str:
    account = cycle_id.rsplit("/", 2)[0]
    try:
        record = carry_on(desk, cycle_id)
    except CycleWaits as waits:
        tell_wait(desk, waits.wait)
        return str(waits)
    except DeskError as error:
        tell_failure(desk, account, error, cycle=cycle_id)
        return f"cycle {cycle_id} failed: {error}"
    tell_cycle(desk, record)
    sent = sum(len(phase.intents) for phase in record.phases)
    return f"cycle {cycle_id} is {record.status} with {sent} orders"

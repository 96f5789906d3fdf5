"""The machine under a desk, looked at in one go: memory and disk, told about and acted upon."""

import logging
from collections.abc import Callable, Sequence

from prudent.bootstrap import Desk
from prudent.domain.errors import DeskError
from prudent.domain.notices import Notice
from prudent.workflows.courier import Courier
from prudent.workflows.disk import DiskWatch
from prudent.workflows.memory import memory_watch
from prudent.workflows.notices import tell

LOG = logging.getLogger("prudent.machine")
LOOK_SECONDS = 10.0


class MachineWatch:
    """Memory and disk of a process, told through its first desk; call `check` every `LOOK_SECONDS`.

    `restart` is called once, with a reason, when memory passes its hard limit: finish the step under way and end with
    `memory.RESTART_EXIT_CODE`. `others` are more desks that are open in the process. A look never raises for what it
    finds: what cannot be stored is logged and called out.
    """

    def __init__(
        self, desk: Desk, *, restart: Callable[[str], object], courier: Courier | None = None,
        others: Callable[[], Sequence[Desk]] = lambda: (),
    ) -> None:  # fmt: skip
        def say(notice: Notice) -> None:
            tell(desk, notice, courier=courier)

        self.memory = memory_watch(desk, tell=say, restart=restart, others=others)
        self.disk = DiskWatch(desk, tell=say, others=others)

    @property
    def optional_work(self) -> bool:
        """False while memory is short: what can wait, waits."""
        return self.memory.optional_work

    def check(self) -> None:
        """One look at both."""
        self.memory.check()
        try:
            self.disk.check()
        except (DeskError, OSError) as error:
            LOG.error("disk_not_watched", extra={"why": str(error)})

"""The stages of a cycle as recorded steps: kept in memory, or in the ledger, so that a restart goes on from them."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from prudent.domain.records import Json, decode, encode
from prudent.ledger import LedgerStore
from prudent.ports import Clock

T = TypeVar("T")
After = Callable[[str], None]


class StageStore(Protocol):
    """Holds the encoded outputs of one cycle's finished steps; what `keep` was given survives the process."""

    def find(self, name: str) -> tuple[Json] | None:
        """The output in a tuple of one, for it may be null; None when the step has not finished."""

    def keep(self, name: str, output: Json) -> None: ...


class MemoryStages:
    """Implements `StageStore` in memory."""

    def __init__(self) -> None:
        self.outputs: dict[str, Json] = {}

    def find(self, name: str) -> tuple[Json] | None:
        return (self.outputs[name],) if name in self.outputs else None

    def keep(self, name: str, output: Json) -> None:
        self.outputs.setdefault(name, output)


class LedgerStages:
    """Implements `StageStore` in the ledger, until the cycle has its record."""

    def __init__(self, ledger: LedgerStore, cycle_id: str, clock: Clock) -> None:
        self._ledger = ledger
        self._cycle = cycle_id
        self._clock = clock

    def find(self, name: str) -> tuple[Json] | None:
        return self._ledger.find_stage(self._cycle, name)

    def keep(self, name: str, output: Json) -> None:
        self._ledger.keep_stage(self._cycle, name, output, at=self._clock.now())


class JournalSteps:
    """Implements `Steps` in this process: for one-shot commands, tests, simulation and backtests.

    With `stages` the output of each step is kept there. `after` is told the name of each finished step; a test kills
    its process there.
    """

    def __init__(self, stages: StageStore | None = None, *, after: After | None = None) -> None:
        self.finished: list[str] = []
        self._stages = stages
        self._after = after

    def run(self, name: str, action: Callable[[], T], *, of: type[T]) -> T:
        if self._stages is not None:
            known = self._stages.find(name)
            if known is not None:
                return decode(of, known[0])
        result = action()
        if self._stages is not None:
            self._stages.keep(name, encode(result))
        self.finished.append(name)
        if self._after is not None:
            self._after(name)
        return result

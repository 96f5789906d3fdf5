"""How far a sweep is: what failed before and is tried again is not done, and only what is under way is left."""

from dataclasses import replace
from datetime import date

from prudent.ledger.backtests import BacktestStatus
from prudent.workflows.sweep_headway import Far, Headway
from prudent.workflows.sweep_journal import Batch
from prudent.workflows.sweeps import Plan, Point

COMPLETED, FAILED = BacktestStatus.COMPLETED, BacktestStatus.FAILED
WAITING, TAKEN, OVER, CANCELLED = "ENQUEUED", "PENDING", "SUCCESS", "CANCELLED"
PLAN = Plan(
    name="s", account="one", keys=("k",), source="sample", first=date(2015, 1, 2), last=date(2015, 3, 31),
    code_version="1", fingerprint="f", begun="", guessed=1.0,
    points=tuple(Point(values=(each,), identity=each, request={}) for each in "abcdef"),
)  # fmt: skip


class Sweep:
    """A journal of batches and a ledger of ends, as they stand."""

    def __init__(self, *batches: tuple[str, tuple[int, ...]], **ended: BacktestStatus) -> None:
        self.kept = {f"s/{number}": self._batch(number, *each) for number, each in enumerate(batches)}
        self.ended = dict(ended)

    @staticmethod
    def _batch(number: int, status: str, places: tuple[int, ...]) -> Batch:
        return Batch(id=f"s/{number}", status=status, places=places, found=None)

    def batches(self, name: str, *, load: bool = True) -> tuple[Batch, ...]:
        assert name == "s"
        return tuple(each if load else replace(each, places=()) for each in self.kept.values())

    def becomes(self, number: int, status: str, places: tuple[int, ...] = ()) -> None:
        before = self.kept.get(f"s/{number}")
        self.kept[f"s/{number}"] = self._batch(number, status, places if before is None else before.places)

    def headway(self) -> Headway:
        return Headway(PLAN, self, lambda: dict(self.ended))


def test_a_new_sweep_has_everything_left() -> None:
    sweep = Sweep((WAITING, (0, 1, 2)), (TAKEN, (3, 4, 5)))
    headway = sweep.headway()
    assert headway.look() == Far(done=0, failed=0, left=6)
    sweep.ended |= {"a": COMPLETED, "d": FAILED}
    assert headway.look() == Far(done=2, failed=1, left=4)


def test_a_resumed_sweep_counts_what_it_tries_again_as_left() -> None:
    # Two have results and two failed before; these two and the last two are in the queue now.
    sweep = Sweep((OVER, (0, 1, 2, 3)), (WAITING, (2, 3, 4, 5)), a=COMPLETED, b=COMPLETED, c=FAILED, d=FAILED)
    headway = sweep.headway()
    assert headway.look() == Far(done=2, failed=0, left=4)
    sweep.becomes(1, TAKEN)
    sweep.ended |= {"c": COMPLETED, "e": FAILED}
    assert headway.look() == Far(done=4, failed=1, left=2)
    # The batch is over: what failed once more has an end, and what has no row at all has failed as well.
    sweep.becomes(1, OVER)
    assert headway.look() == Far(done=6, failed=3, left=0)


def test_what_nobody_queued_is_not_left() -> None:
    sweep = Sweep((CANCELLED, (0, 1, 2)), (TAKEN, (3, 4, 5)), a=COMPLETED)
    assert sweep.headway().look() == Far(done=1, failed=0, left=3)


def test_what_another_machine_queues_meanwhile_is_left_too() -> None:
    sweep = Sweep((TAKEN, (0, 1, 2)))
    headway = sweep.headway()
    assert headway.look().left == 3
    sweep.becomes(1, WAITING, (3, 4, 5))
    assert headway.look().left == 6
    # Nothing of the first batch has a row in the ledger, and it is tried once more.
    sweep.becomes(0, OVER)
    assert headway.look() == Far(done=3, failed=3, left=3)
    sweep.becomes(2, WAITING, (0, 1, 2))
    assert headway.look() == Far(done=0, failed=0, left=6)

"""Many seeds: spread over processes, counted together, each failing one with the command that shows it again."""

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from prudent.domain.errors import InputError
from prudent.simulation.faults import CALM, CATALOGUE, FaultKind, chosen
from prudent.simulation.wires import OWN, wire_kind
from prudent.simulation.world import Verdict, run_seed

CHUNK = 10
_RANGE = re.compile(r"(\d{1,12})(?:\.\.(\d{1,12}))?")


@dataclass(slots=True)
class Tally:
    """What many seeds add up to."""

    seeds: int = 0
    orders: int = 0
    cycles: int = 0
    points: int = 0
    hits: dict[str, int] = field(default_factory=dict)
    per_seed: list[int] = field(default_factory=list)
    failing: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        self.seeds += 1
        self.orders += verdict.orders
        self.cycles += verdict.cycles
        self.points += verdict.points
        self.per_seed.append(sum(verdict.hits.values()))
        for name, count in verdict.hits.items():
            self.hits[name] = self.hits.get(name, 0) + count
        if verdict.violation:
            self.failing.append(verdict)

    @property
    def median_faults(self) -> int:
        return sorted(self.per_seed)[len(self.per_seed) // 2] if self.per_seed else 0


def seed_range(text: str) -> range:
    """`A..B`, both ends included, or one seed.

    Raises:
        InputError: the text is neither, or B is below A.
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"--seeds must be A..B or one number, was {text!r}; write e.g. 0..499")
    first = int(found[1])
    last = int(found[2]) if found[2] is not None else first
    if last < first:
        raise InputError(f"--seeds must end at or after its first, was {text!r}; write {last}..{first}")
    return range(first, last + 1)


def run_seeds(
    seeds: Sequence[int], faults: str = "all", *, jobs: int = 1, wire: str = OWN
) -> Iterator[Verdict]:  # fmt: skip
    """Each seed's verdict, in the order of the seeds."""
    kinds = chosen(faults, wire_kind(wire).catalogue)
    if jobs <= 1:
        for seed in seeds:
            yield run_seed(seed, kinds, wire=wire)[0]
        return
    chunks = [(seeds[i : i + CHUNK], kinds, wire) for i in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            for verdicts in pool.map(_chunk, chunks):
                yield from verdicts
        finally:
            # Who has seen enough does not wait for the rest.
            pool.shutdown(cancel_futures=True)


def _chunk(work: tuple[Sequence[int], frozenset[str], str]) -> list[Verdict]:
    seeds, kinds, wire = work
    return [run_seed(seed, kinds, wire=wire)[0] for seed in seeds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """One numbered point of the first cycle of a calm world, and what is passed there."""

    seed: int
    number: int
    name: str
    wire: str = OWN


def boundaries(seed: int, wire: str = OWN) -> tuple[Boundary, ...]:
    """Every point of a small calm world's start and first cycle: where a crash can be forced.

    Raises:
        InputError: the world breaks before anything was forced.
    """
    verdict, world = run_seed(seed, CALM, small=True, crash_at=0, wire=wire)
    if verdict.violation:
        found = f"{verdict.violation}: {verdict.text}"
        raise InputError(f"seed {seed} must be sound before crashes are forced, was {found}")
    last = world.first_cycle_ends
    return tuple(
        Boundary(seed=seed, number=number, name=name, wire=wire)
        for number, name in enumerate(world.point_names[:last], start=1)
    )


def force(boundary: Boundary) -> Verdict:
    """The same world with the process killed at that point."""
    return run_seed(boundary.seed, CALM, small=True, crash_at=boundary.number, wire=boundary.wire)[0]


def run_matrix(seeds: Iterable[int], *, jobs: int = 1, wire: str = OWN) -> Iterator[tuple[Boundary, Verdict]]:
    """Every boundary of every seed, forced once each."""
    wanted = [boundary for seed in seeds for boundary in boundaries(seed, wire)]
    if jobs <= 1:
        for boundary in wanted:
            yield boundary, force(boundary)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from zip(wanted, pool.map(force, wanted, chunksize=CHUNK))


def command_of(verdict: Verdict, faults: str, wire: str = OWN) -> str:
    """How a person sees that seed again."""
    narrowed = "" if faults == "all" else f" --faults {faults}"
    narrowed += "" if wire == OWN else f" --wire {wire}"
    return f"invest sim --seeds {verdict.seed}..{verdict.seed}{narrowed} --trace {verdict.seed}"


def never_hit(tally: Tally, catalogue: Sequence[FaultKind] = CATALOGUE) -> tuple[str, ...]:
    """The kinds of faults that no seed of it met."""
    return tuple(kind.name for kind in catalogue if kind.name not in tally.hits)

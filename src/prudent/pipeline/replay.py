"""REPLAY: rebuild decision, plan, verdicts and orders from a record alone, and compare them byte for byte."""

from collections.abc import Iterator
from dataclasses import dataclass

from prudent.domain.cycles import CycleRecord
from prudent.domain.records import Json, canonical, digest, encode
from prudent.guards.report import judge
from prudent.pipeline.decide import decide
from prudent.pipeline.execute import intents_of, phase_orders
from prudent.pipeline.plan import make_plan
from prudent.ports import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place where a stage's rebuilt output differs from its record."""

    stage: str
    path: str
    recorded: str
    rebuilt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """`stages` names each stage compared with the digest of its rebuilt bytes."""

    cycle: str
    stages: tuple[tuple[str, str], ...]
    differences: tuple[Difference, ...]

    @property
    def identical(self) -> bool:
        return not self.differences


def replay(record: CycleRecord, strategy: Strategy) -> ReplayResult:
    """Run the pure stages on the recorded inputs; recorded outputs are only compared, never used as input."""
    stages: list[tuple[str, str]] = []
    differences: list[Difference] = []

    def compare(stage: str, rebuilt: object, recorded: object) -> None:
        ours, theirs = encode(rebuilt), encode(recorded)
        stages.append((stage, digest(ours)))
        if canonical(ours) != canonical(theirs):
            path, was, now = first_difference(theirs, ours)
            differences.append(Difference(stage=stage, path=path, recorded=was, rebuilt=now))

    seen, mandate = record.observation, record.mandate
    decision = decide(strategy, seen, mandate, record.decision_inputs)
    compare("decision", decision, record.decision)
    plan = make_plan(seen, decision, mandate, cycle=record.id)
    compare("plan", plan, record.plan)
    guarded = record.guarded or seen
    report = judge(guarded, plan.orders, mandate, plan_as_of=guarded.as_of)
    compare("verdicts", report, record.report)
    for number, phase in enumerate(record.phases):
        gone = frozenset(
            each.order_ref for earlier in record.phases[:number] if earlier.phase == phase.phase
            for each in earlier.intents
        )  # fmt: skip
        orders = phase_orders(plan, report, phase.phase, observation=phase.observation, mandate=mandate, gone=gone)
        judged = judge(phase.observation, orders, mandate, plan_as_of=guarded.as_of)
        compare(f"verdicts of phase {phase.phase}", judged, phase.report)
        rounds_after = (each for each in record.phases[number + 1 :] if each.phase == phase.phase)
        later = {ref for each in rounds_after for ref in each.report.order_refs}
        # What did not get its turn was judged again in a later round.
        rebuilt = tuple(each for each in intents_of(record.account, orders, judged) if each.order_ref not in later)
        compare(f"orders of phase {phase.phase}", rebuilt, phase.intents)
    return ReplayResult(cycle=record.id, stages=tuple(stages), differences=tuple(differences))


def first_difference(recorded: Json, rebuilt: Json) -> tuple[str, str, str]:
    """Path, recorded and rebuilt of the first leaf that differs; empty texts where none does."""
    return next(_paths(recorded, rebuilt, ""), ("", "", ""))


def _paths(recorded: Json, rebuilt: Json, path: str) -> Iterator[tuple[str, str, str]]:
    """Each differing leaf as (path, recorded, rebuilt), in the order of the record."""
    if isinstance(recorded, dict) and isinstance(rebuilt, dict):
        for key in dict.fromkeys((*recorded, *rebuilt)):
            yield from _paths(recorded.get(key), rebuilt.get(key), f"{path}.{key}")
    elif isinstance(recorded, list) and isinstance(rebuilt, list) and len(recorded) == len(rebuilt):
        for i, (was, now) in enumerate(zip(recorded, rebuilt)):
            yield from _paths(was, now, f"{path}[{i}]")
    elif recorded != rebuilt:
        yield path.lstrip("."), str(recorded)[:200], str(rebuilt)[:200]

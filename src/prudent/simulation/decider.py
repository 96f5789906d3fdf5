"""A decider whose answers are drawn from the seed, good ones and all the bad ones a model can give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from prudent.domain.cycles import Observation
from prudent.domain.errors import InputError, Temporary
from prudent.domain.instruments import CASH
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import Answer, Decision, TargetWeight
from prudent.domain.records import Json
from prudent.ports import DecideContext, ReadFile, TargetOf
from prudent.simulation.faults import Weather

_BAD = (
    "decider_timeout", "decider_failed", "decider_breaks", "decider_nan", "decider_huge", "decider_tiny",
    "decider_short", "decider_unknown_symbol", "decider_lookalike_symbol", "decider_doubled_symbol", "decider_repeats",
    "decider_obeys_headline", "decider_empty", "decider_holds", "decider_flips",
)  # fmt: skip
LOOKALIKE = "\u0410\u0410PL"


@dataclass(slots=True)
class Decider:
    """Implements `Strategy`. What it draws goes into its inputs, so that the decision replays from the record."""

    chance: Random
    weather: Weather
    universe: tuple[str, ...]
    last: dict[str, dict[str, str]]
    steady: Mapping[str, str] | None = None

    def symbols(self, mandate: Mandate, read_file: ReadFile, target_of: TargetOf) -> tuple[str, ...]:
        del mandate, read_file, target_of
        return self.universe

    def gather(self, context: DecideContext) -> dict[str, Json]:
        account = context.mandate.account
        if self.steady is not None:
            return {"kind": "", "weights": dict(self.steady)}
        kind = self.weather.one_of(*_BAD) or ""
        if kind == "decider_timeout":
            raise Temporary("the model must answer within 30 seconds, did not; try again")
        weights = self._weights(kind, self.last.get(account, {}))
        self.last[account] = dict(weights)
        return {"kind": kind, "weights": dict(weights)}

    def _weights(self, kind: str, before: Mapping[str, str]) -> dict[str, str]:
        if kind == "decider_repeats" and before:
            return dict(before)
        if kind == "decider_flips" and before:
            return {symbol: "0.15" for symbol in self.universe if symbol not in before}
        if kind == "decider_obeys_headline":
            return {self.universe[self.chance.randrange(len(self.universe))]: "1.0"}
        if kind == "decider_empty":
            return {}
        return _drawn(self.chance, self.universe)

    def decide(self, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision:
        kind, weights = str(inputs["kind"]), inputs["weights"]
        assert isinstance(weights, dict)
        if kind == "decider_breaks":
            raise InputError("the answer must be a list of targets, was half of one; ask again")
        if kind in ("decider_failed", "decider_holds"):
            answer = Answer.FAILED if kind == "decider_failed" else Answer.HOLD
            return Decision(answer=answer, reason="as drawn", code=kind, decided_by="simulation")
        rows = [(symbol, Decimal(str(weight))) for symbol, weight in sorted(weights.items())]
        targets = _spoilt(kind, rows, observation)
        return Decision(answer=Answer.TRADE, targets=targets, reason="as drawn", decided_by="simulation")


def _drawn(chance: Random, universe: Sequence[str]) -> dict[str, str]:
    """Random weights that sum to at most the whole."""
    picked = chance.sample(list(universe), chance.randrange(1, len(universe) + 1))
    parts = [chance.random() + 0.05 for _ in picked]
    invested = chance.choice((0.3, 0.6, 0.8, 0.9, 0.97))
    total = sum(parts)
    return {symbol: f"{part / total * invested:.4f}" for symbol, part in zip(picked, parts)}


def _spoilt(kind: str, rows: list[tuple[str, Decimal]], seen: Observation) -> tuple[TargetWeight, ...]:
    """The targets with the defect of that kind; what no target may be is refused as a model's answer would be."""
    del seen
    if kind == "decider_huge":
        rows = [(symbol, weight * 25) for symbol, weight in rows]
    elif kind == "decider_tiny":
        rows = [(symbol, weight + Decimal("0.000000000001")) for symbol, weight in rows]
    elif kind == "decider_short":
        rows = [(symbol, -weight if i % 2 else weight) for i, (symbol, weight) in enumerate(rows)]
    elif kind == "decider_unknown_symbol":
        rows = [*rows, ("NOSUCH", Decimal("0.1"))]
    elif kind == "decider_lookalike_symbol":
        rows = [*rows, (LOOKALIKE, Decimal("0.1"))]
    elif kind == "decider_doubled_symbol":
        rows = [*rows, *rows[:1]]
    elif kind == "decider_nan":
        rows = [(rows[0][0], Decimal("NaN")), *rows[1:]] if rows else rows
    try:
        return tuple(TargetWeight(symbol=symbol, weight=weight) for symbol, weight in rows if symbol != CASH)
    except ValueError as error:
        raise InputError(f"the answer must be finite weights, was not: {error}; ask again") from error

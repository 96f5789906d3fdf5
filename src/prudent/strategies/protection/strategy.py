"""A strategy that never wants anything: stops, targets, time stops and the drawdown cut come from the mandate."""

from collections.abc import Mapping

from prudent.domain.cycles import Observation
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import Answer, Decision
from prudent.domain.records import Json
from prudent.ports import DecideContext, ReadFile, TargetOf

NAME = "protection"


class Protection:
    """Implements `Strategy` without a model, targets or files."""

    def symbols(self, mandate: Mandate, read_file: ReadFile, target_of: TargetOf) -> tuple[str, ...]:
        del mandate, read_file, target_of
        return ()

    def gather(self, context: DecideContext) -> dict[str, Json]:
        del context
        return {}

    def decide(self, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision:
        del observation, mandate, inputs
        return Decision(answer=Answer.HOLD, reason="only forced exits act", decided_by=NAME)

"""DECIDE: forced exits first, without any strategy or model; then what book the strategy wants."""

from collections.abc import Mapping
from dataclasses import replace

from prudent.domain.cycles import Observation
from prudent.domain.exits import forced_exits
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import Decision
from prudent.domain.records import Json, digest
from prudent.guards.user_rules import exit_rules
from prudent.pipeline.world import World
from prudent.ports import DecideContext, Strategy


def gather(world: World, observation: Observation, mandate: Mandate) -> dict[str, Json]:
    """The strategy's inputs as JSON; what it read here is recorded, so that the decision replays from the record."""
    context = DecideContext(
        observation, mandate, world.market, world.target_of, world.read_file, calendar=world.calendar,
        model=world.model, news=world.news, fundamentals=world.fundamentals, records_of=world.records_of,
    )  # fmt: skip
    return world.strategy.gather(context)


def decide(strategy: Strategy, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision:
    """The decision as a pure function of the observation, the mandate and the recorded inputs."""
    decision = strategy.decide(observation, mandate, inputs)
    return replace(
        decision,
        exits=forced_exits(observation, mandate, exit_rules(observation)),
        inputs_hash=digest(dict(inputs)),
    )

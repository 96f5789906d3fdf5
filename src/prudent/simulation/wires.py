"""The wires that a world can have, by name: what can go wrong on each, how large its worlds are, how it is built."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from prudent.domain.errors import InputError
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.simulation.faults import CATALOGUE, FaultKind
from prudent.simulation.shape import QUIET, Shape, draw_shape, draw_short_shape
from prudent.simulation.sides import Sides

if TYPE_CHECKING:
    from prudent.simulation.world import World

OWN, GATEWAY = "own", "gateway"


class Draws(Protocol):
    """Draws a world; a `small` one is for the crash matrix."""

    def __call__(self, chance: Random, calendar: ExchangeCalendar, *, small: bool = False) -> Shape: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WireKind:
    """One wire; `build` is called once a world has its time, weather and prices."""

    name: str
    catalogue: Sequence[FaultKind]
    shape: Draws
    build: "Callable[[World], Sides]"


def wire_kind(name: str) -> WireKind:
    """The wire of that name.

    Raises:
        InputError: there is none.
    """
    if name == OWN:
        return WireKind(name=OWN, catalogue=CATALOGUE, shape=draw_shape, build=_own)
    if name == GATEWAY:
        # What it is made of is loaded for those only who ask for it.
        from prudent.simulation.tws import faults

        return WireKind(name=GATEWAY, catalogue=faults.CATALOGUE, shape=draw_short_shape, build=_gateway)
    raise InputError(f"--wire must be {OWN} or {GATEWAY}, was {name!r}; choose one")


def _own(world: "World") -> Sides:
    from prudent.simulation.own import OwnSides

    return OwnSides(
        world.timeline, world.prices, world.calendar, world.weather, world.chance("venue"),
        lag=world.shape.quiet_seconds / QUIET,
    )  # fmt: skip


def _gateway(world: "World") -> Sides:
    from prudent.simulation.tws.sides import TwsSides

    return TwsSides(
        world.timeline, world.prices, world.calendar, world.instruments, world.weather, world.folder,
        chance=world.chance,
    )  # fmt: skip

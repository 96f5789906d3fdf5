"""Two people, their front door and the clock on the wall, in memory."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.people_memory import MemoryTown
from tests.fakes_clock import SteppedClock

from prudent.access.authority import Principal
from prudent.access.front_door import FrontDoor, Opened, Visitor
from prudent.access.passwords import Cost, Passwords
from prudent.domain.errors import DeskError, InputError
from prudent.domain.people import Role, Scope, UserStatus

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANNS, BOBS, NEXT = "vivid granite otter 9", "seven slow harbours", "copper lantern meadow"
HOME = Visitor(address="192.0.2.7", client="Firefox\non Linux")
READ = frozenset({Scope.READ})
CHEAP = Passwords(Cost(memory_kib=19_456, passes=2))


class World:
    """Two people, their door and the clock on the wall."""

    def __init__(self) -> None:
        self.town = MemoryTown()
        self.clock = SteppedClock(NOW)
        self.door = FrontDoor(self.town, self.town.people_of, self.clock, passwords=CHEAP)
        self.add("u-a", "ann", ANNS, Role.ADMIN)
        self.add("u-b", "bob", BOBS, Role.USER)

    def add(self, owner: str, name: str, password: str, role: Role) -> None:
        hashed = CHEAP.hash(password)
        people = self.town.people_of(owner)
        people.add_user(name, role=role, status=UserStatus.ACTIVE, password=hashed, at=self.clock.now())

    def wait(self, **span: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**span))

    def login(self, name: str = "ann", password: str = ANNS, visitor: Visitor = HOME) -> Opened:
        return self.door.login(name, password, visitor)

    def stepped_up(self, name: str, password: str) -> Principal:
        return self.door.step_up(self.login(name, password).reference, password, HOME).principal


def refusal(world: World, name: str, password: str) -> tuple[type[DeskError], str]:
    with pytest.raises(DeskError) as caught:
        world.login(name, password, Visitor())
    return type(caught.value), str(caught.value)


def ended(world: World, reference: str) -> bool:
    try:
        world.door.by_session(reference)
    except InputError as error:
        return str(error) == "the session must still stand, has ended; log in again"
    return False

"""Coming in: logins, sessions, step-up and passwords."""


import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from tests.unit.access.world import ANNS, BOBS, HOME, NEXT, NOW, World, ended, refusal

from prudent.access.authority import Principal
from prudent.access.front_door import FrontDoor, Visitor
from prudent.access.passwords import Cost, Passwords
from prudent.domain.errors import ConfirmationMissing, InputError, Temporary
from prudent.domain.people import Role, UserStatus


@pytest.fixture
def world() -> World:
    return World()


# Logins


def test_a_login_opens_a_session_that_says_who_came(world: World) -> None:
    opened = world.login(" ANN ")
    assert opened.principal == world.door.by_session(opened.reference)
    assert (opened.principal.owner, opened.principal.role, opened.principal.stepped_up) == ("u-a", Role.ADMIN, False)
    stored = world.town.people_of("u-a").sessions()[0]
    assert stored.client == "Firefox on Linux"
    assert opened.reference not in repr(opened) + repr(stored) + repr(world.town.rows)


def test_every_login_is_another_session(world: World) -> None:
    assert world.login().reference != world.login().reference
    assert len(world.door.sessions(world.login().principal)) == 3


def test_a_wrong_name_a_wrong_password_and_a_disabled_person_get_one_answer(world: World) -> None:
    world.town.people_of("u-b").set_status(UserStatus.DISABLED, by="ann", at=NOW)
    answers = {
        refusal(world, "ann", BOBS), refusal(world, "nobody", ANNS), refusal(world, "bob", BOBS),
        refusal(world, "bob", ANNS), refusal(world, "not a name!", ANNS), refusal(world, "", ""),
    }  # fmt: skip
    assert answers == {(InputError, "name and password must be those of a person here, were not; try again")}


class CountingHasher(Argon2Hasher):
    """Argon2id that counts how often it was asked."""

    asked = 0

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002 - the library's own name
        self.asked += 1
        return super().verify(password, hash)


class Counting(Passwords):
    """Passwords whose checks are counted."""

    def __init__(self) -> None:
        super().__init__(Cost(memory_kib=19_456, passes=2))
        self.hasher = CountingHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._hash = PasswordHash((self.hasher,))


def test_an_unknown_name_costs_as_much_work_as_a_known_one(world: World) -> None:
    counting = Counting()
    door = FrontDoor(world.town, world.town.people_of, world.clock, passwords=counting)
    world.add("u-c", "cat", NEXT, Role.USER)
    world.town.people_of("u-c").set_status(UserStatus.DISABLED, by="ann", at=NOW)
    for name in ("ann", "nobody", "cat", "not a name!"):
        counting.hasher.asked = 0
        with pytest.raises(InputError):
            door.login(name, "a wrong password", Visitor())
        assert counting.hasher.asked == 1, name


def test_a_failed_login_writes_nothing_and_the_next_success_tells_of_it(world: World) -> None:
    for _ in range(2):
        refusal(world, "ann", BOBS)
    assert world.town.people_of("u-a").rows.events == ["user_added"]
    world.wait(seconds=1)
    world.login(visitor=Visitor())
    assert world.town.people_of("u-a").rows.events[-1] == "logged_in after 2"


def test_the_sixth_guess_waits_even_for_the_right_password(world: World) -> None:
    for _ in range(5):
        refusal(world, "ann", BOBS)
        world.wait(seconds=16)
    assert refusal(world, "ann", ANNS)[0] is Temporary
    world.wait(minutes=15)
    assert world.login(visitor=Visitor()).principal.name == "ann"


def test_an_unknown_name_is_throttled_like_a_known_one(world: World) -> None:
    said = []
    for name in ("ann", "nobody"):
        at = world.clock.now()
        for _ in range(5):
            refusal(world, name, BOBS)
            world.wait(seconds=16)
        said.append(refusal(world, name, BOBS))
        world.clock.set(at)
    assert said[0] == said[1]
    assert said[0][0] is Temporary


def test_a_device_of_an_earlier_session_comes_in_past_a_strangers_guesses(world: World) -> None:
    device = world.login().reference
    for _ in range(5):
        refusal(world, "ann", BOBS)
        world.wait(seconds=16)
    assert refusal(world, "ann", ANNS)[0] is Temporary
    with pytest.raises(Temporary):
        world.login(visitor=Visitor(device="no earlier session"))
    with pytest.raises(Temporary):
        world.login(visitor=Visitor(device=world.login("bob", BOBS).reference))
    assert world.login(visitor=Visitor(device=device)).principal.name == "ann"
    world.door.logout(device)
    with pytest.raises(Temporary):
        world.login(visitor=Visitor(device=device))


def test_a_hash_is_remade_at_login_when_the_cost_has_risen(world: World) -> None:
    dearer = Passwords(Cost(memory_kib=19_456, passes=3))
    door = FrontDoor(world.town, world.town.people_of, world.clock, passwords=dearer)
    opened = door.login("ann", ANNS, HOME)
    user = world.town.find_user("ann")
    assert user is not None
    assert user.password is not None
    assert ",t=3," in user.password
    assert door.by_session(opened.reference).name == "ann"


# Sessions


def test_a_session_in_use_goes_on_and_an_idle_one_ends(world: World) -> None:
    busy, idle = world.login().reference, world.login().reference
    for _ in range(3):
        world.wait(minutes=20)
        assert not ended(world, busy)
    assert ended(world, idle)


def test_a_session_in_use_ends_after_twelve_hours(world: World) -> None:
    reference = world.login().reference
    for _ in range(36):
        assert not ended(world, reference)
        world.wait(minutes=20)
    assert ended(world, reference)


def test_a_made_up_reference_is_no_session(world: World) -> None:
    stored = world.login().session.session_id
    for reference in ("", "x", stored, "prd_x"):
        assert ended(world, reference)


def test_a_step_up_is_a_new_reference_that_stands_higher_for_five_minutes(world: World) -> None:
    first = world.login()
    world.wait(hours=0.4)
    second = world.door.step_up(first.reference, ANNS, HOME)
    assert second.reference != first.reference
    assert ended(world, first.reference)
    assert world.door.by_session(second.reference).stepped_up
    assert second.session.expires == first.session.expires
    world.wait(minutes=5)
    assert not world.door.by_session(second.reference).stepped_up


def test_a_step_up_needs_the_password_and_is_throttled(world: World) -> None:
    opened = world.login()
    for _ in range(5):
        with pytest.raises(InputError, match="password must be the one"):
            world.door.step_up(opened.reference, BOBS, HOME)
        world.wait(seconds=16)
    with pytest.raises(Temporary):
        world.door.step_up(opened.reference, ANNS, HOME)
    assert not world.door.by_session(opened.reference).stepped_up


def test_logging_out_ends_one_session_and_revoking_any_of_ones_own(world: World) -> None:
    here, there, bobs = world.login(), world.login(), world.login("bob", BOBS)
    assert world.door.logout(here.reference)
    assert not world.door.logout(here.reference)
    assert not world.door.logout("made up")
    assert ended(world, here.reference)
    world.door.end_session(there.principal, there.session.session_id[:12])
    assert ended(world, there.reference)
    absent = missing_text(world, world.login().principal, "0" * 12)
    assert missing_text(world, world.login().principal, bobs.session.session_id[:12]).replace(
        bobs.session.session_id[:12], "0" * 12
    ) == absent
    assert not ended(world, bobs.reference)


@pytest.mark.parametrize("letters", [0, 1, 7])
def test_a_session_is_not_ended_by_a_few_letters_of_its_id(world: World, letters: int) -> None:
    only = world.login()
    with pytest.raises(InputError):
        world.door.end_session(only.principal, only.session.session_id[:letters])
    world.door.end_session(only.principal, only.session.session_id[:8])
    assert ended(world, only.reference)


def missing_text(world: World, principal: Principal, handle: str) -> str:
    with pytest.raises(InputError) as caught:
        world.door.end_session(principal, handle)
    return str(caught.value)


# Passwords


def test_a_new_password_ends_every_session_and_the_old_password(world: World) -> None:
    elsewhere = world.login().reference
    world.door.change_password(world.stepped_up("ann", ANNS), NEXT)
    assert ended(world, elsewhere)
    assert refusal(world, "ann", ANNS)[0] is InputError
    assert world.login("ann", NEXT).principal.name == "ann"


def test_a_password_is_changed_only_just_after_it_was_given(world: World) -> None:
    with pytest.raises(ConfirmationMissing):
        world.door.change_password(world.login().principal, NEXT)
    stepped = world.stepped_up("ann", ANNS)
    for bad in ("short", "ann ann ann ann", "passwordpassword", ANNS):
        with pytest.raises(InputError):
            world.door.change_password(stepped, bad)
    assert world.login().principal.name == "ann"

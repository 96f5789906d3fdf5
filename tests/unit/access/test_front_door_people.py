"""Acts on people at the front door: adding, disabling, looking, tokens, and whom a command line acts for."""

import pytest
from tests.contract.people_memory import MemoryTown
from tests.fakes_clock import SteppedClock
from tests.unit.access.world import ANNS, BOBS, CHEAP, HOME, NEXT, NOW, READ, World, ended, refusal

from prudent.access.authority import Proof
from prudent.access.front_door import FrontDoor, TokenWish
from prudent.access.identify import identify
from prudent.domain.errors import BlockedError, ConfigError, ConfirmationMissing, InputError
from prudent.domain.people import Role, Scope, UserStatus


@pytest.fixture
def world() -> World:
    return World()


# People


def test_a_person_who_was_added_must_choose_a_password_before_anything_else(world: World) -> None:
    invited = world.door.add_user(world.stepped_up("ann", ANNS), "Cat", Role.USER)
    assert invited.password not in repr(invited)
    opened = world.login("cat", invited.password)
    with pytest.raises(ConfirmationMissing, match="must choose a password first"):
        world.door.tokens(opened.principal)
    stepped = world.door.step_up(opened.reference, invited.password, HOME)
    world.door.change_password(stepped.principal, NEXT)
    assert world.door.tokens(world.login("cat", NEXT).principal) == ()


def test_only_an_administrator_who_gave_the_password_adds_people(world: World) -> None:
    with pytest.raises(InputError):
        world.door.add_user(world.stepped_up("bob", BOBS), "cat", Role.USER)
    with pytest.raises(ConfirmationMissing):
        world.door.add_user(world.login().principal, "cat", Role.USER)
    with pytest.raises(BlockedError):
        world.door.add_first_admin("cat")
    with pytest.raises(InputError, match="taken"):
        world.door.add_user(world.stepped_up("ann", ANNS), "bob", Role.USER)
    for name in ("", "a b", "a\nb", "x" * 65, "-a"):
        with pytest.raises(InputError, match="a user's name"):
            world.door.add_user(world.stepped_up("ann", ANNS), name, Role.USER)
    assert world.town.owners() == ("u-a", "u-b")


def test_an_empty_installation_gets_its_first_administrator_once() -> None:
    town = MemoryTown()
    door = FrontDoor(town, town.people_of, SteppedClock(NOW), passwords=CHEAP)
    invited = door.add_first_admin("ann")
    assert invited.user.role is Role.ADMIN
    with pytest.raises(BlockedError):
        door.add_first_admin("bob")


def test_a_disabled_person_is_out_at_once_and_comes_back_to_choose_a_password(world: World) -> None:
    session = world.login("bob", BOBS).reference
    _token, shown = world.door.add_token(world.stepped_up("bob", BOBS), TokenWish(name="ci", scopes=READ))
    world.door.disable_user(world.stepped_up("ann", ANNS), "bob")
    assert ended(world, session)
    assert refusal(world, "bob", BOBS)[0] is InputError
    with pytest.raises(InputError, match="API token"):
        world.door.by_token(shown, address="192.0.2.7")
    world.door.enable_user(world.stepped_up("ann", ANNS), "bob")
    assert world.login("bob", BOBS).principal.status is UserStatus.INVITED
    with pytest.raises(InputError, match="API token"):
        world.door.by_token(shown, address="192.0.2.7")


def test_nobody_disables_themselves_and_no_user_disables_anybody(world: World) -> None:
    with pytest.raises(InputError, match="themselves"):
        world.door.disable_user(world.stepped_up("ann", ANNS), "ann")
    texts = []
    for name in ("ann", "zed"):
        with pytest.raises(InputError) as caught:
            world.door.disable_user(world.stepped_up("bob", BOBS), name)
        texts.append(str(caught.value).replace(name, "NAME"))
    assert texts[0] == texts[1]


def test_a_reset_password_is_seen_by_the_person_with_the_reason(world: World) -> None:
    session = world.login("bob", BOBS).reference
    with pytest.raises(InputError, match="reason"):
        world.door.reset_password(world.stepped_up("ann", ANNS), "bob", reason="")
    token = token_of(world)
    invited = world.door.reset_password(world.stepped_up("ann", ANNS), "bob", reason="lost\nphone")
    assert ended(world, session)
    with pytest.raises(InputError, match="API token"):
        world.door.by_token(token, address="192.0.2.7")
    opened = world.login("bob", invited.password)
    stepped = world.door.step_up(opened.reference, invited.password, HOME)
    world.door.change_password(stepped.principal, NEXT)
    reads = world.door.admin_reads(world.login("bob", NEXT).principal)
    assert [(each.admin, each.reason) for each in reads] == [("ann", "password reset: lost phone")]


def test_a_look_of_an_administrator_is_written_before_it_is_allowed(world: World) -> None:
    ann, bob = world.login().principal, world.login("bob", BOBS).principal
    with pytest.raises(InputError, match="reason"):
        world.door.look_at(ann, "bob", reason=" ")
    assert world.door.admin_reads(bob) == ()
    assert world.door.look_at(ann, "bob", reason="support case 4").owner == "u-b"
    assert [(each.admin, each.reason, each.at) for each in world.door.admin_reads(bob)] == [
        ("ann", "support case 4", NOW)
    ]  # fmt: skip
    with pytest.raises(InputError):
        world.door.look_at(bob, "ann", reason="curious")
    assert world.door.admin_reads(ann) == ()
    world.door.halt_other(ann, "bob", reason="odd orders")
    assert world.door.admin_reads(bob)[0].reason == "halted: odd orders"
    with pytest.raises(InputError):
        world.door.halt_other(bob, "ann", reason="revenge")


def test_an_administrator_sees_everybody_and_a_user_themselves(world: World) -> None:
    assert {user.name for user in world.door.users(world.login().principal)} == {"ann", "bob"}
    assert [user.name for user in world.door.users(world.login("bob", BOBS).principal)] == ["bob"]


# Tokens


def token_of(world: World, name: str = "bob", password: str = BOBS, **wish: object) -> str:
    given = TokenWish(name="ci", scopes=READ, **wish)  # type: ignore[arg-type]
    return world.door.add_token(world.stepped_up(name, password), given)[1]


def test_a_token_speaks_for_its_person_with_its_scopes_only(world: World) -> None:
    shown = token_of(world)
    found = world.door.by_token(shown, address="192.0.2.7")
    assert (found.owner, found.scopes, found.proof, found.stepped_up) == ("u-b", READ, Proof.TOKEN, False)
    assert shown not in repr(world.town.rows)
    assert world.town.people_of("u-b").tokens()[0].last_used == NOW


@pytest.mark.parametrize("spoil", ["", "prd_", "x", "prd_" + "A" * 43])
def test_unknown_revoked_and_expired_tokens_get_one_answer(world: World, spoil: str) -> None:
    def said(token: str) -> str:
        with pytest.raises(InputError) as caught:
            world.door.by_token(token, address="192.0.2.7")
        return str(caught.value)

    shown = token_of(world, days=1)
    elsewhere = token_of(world, "ann", ANNS, hosts=("10.0.0.0/8",))
    answers = {said(spoil), said(elsewhere)}
    world.wait(days=1)
    answers.add(said(shown))
    again = token_of(world, "ann", ANNS) if world.door.revoke_token(world.login().principal, "ci") else ""
    world.door.revoke_token(world.login().principal, "ci")
    answers.add(said(again))
    assert len(answers) == 1


def test_no_token_makes_a_token_and_only_an_administrators_may_carry_admin(world: World) -> None:
    principal = world.door.by_token(token_of(world, "ann", ANNS), address="192.0.2.7")
    wish = TokenWish(name="more", scopes=READ)
    with pytest.raises(ConfirmationMissing, match="no token is enough"):
        world.door.add_token(principal, wish)
    admin = TokenWish(name="more", scopes=frozenset({Scope.ADMIN}))
    with pytest.raises(InputError, match="administrator's"):
        world.door.add_token(world.stepped_up("bob", BOBS), admin)
    assert world.door.add_token(world.stepped_up("ann", ANNS), admin)[0].scopes == {Scope.ADMIN}


def test_nobody_revokes_anothers_token(world: World) -> None:
    token_of(world)
    token = world.town.people_of("u-b").tokens()[0]
    for name in (token.token_id, "ci", "none"):
        with pytest.raises(InputError, match="must be one that you can see"):
            world.door.revoke_token(world.login().principal, name)
    assert world.town.people_of("u-b").tokens()[0].revoked is None


# The command line


def test_the_command_line_acts_for_the_one_person_there_is() -> None:
    town = MemoryTown()
    door = FrontDoor(town, town.people_of, SteppedClock(NOW), passwords=CHEAP)
    assert identify(door, town, token=None, one_person=True).owner == "local"
    with pytest.raises(ConfigError, match="invest users add NAME --role admin"):
        identify(door, town, token=None, one_person=False)
    owner = door.add_first_admin("ann").user.owner
    for one_person in (True, False):
        found = identify(door, town, token=None, one_person=one_person)
        assert (found.owner, found.proof) == (owner, Proof.MACHINE)


def test_with_several_people_the_command_line_needs_a_token(world: World) -> None:
    with pytest.raises(ConfirmationMissing, match="INVEST_TOKEN"):
        identify(world.door, world.town, token=None, one_person=False)
    shown = token_of(world)
    assert identify(world.door, world.town, token=shown, one_person=False).owner == "u-b"
    with pytest.raises(InputError, match="API token"):
        identify(world.door, world.town, token="prd_wrong", one_person=False)
    far = world.door.add_token(
        world.stepped_up("ann", ANNS), TokenWish(name="far", scopes=frozenset(Scope), hosts=("10.0.0.0/8",))
    )[1]  # fmt: skip
    with pytest.raises(InputError, match="API token"):
        identify(world.door, world.town, token=far, one_person=False)

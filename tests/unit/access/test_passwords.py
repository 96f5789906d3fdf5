"""Which passwords may be chosen, and what their hashes cost."""

import re

import pytest

from prudent.access.passwords import (
    LENGTH_MAX,
    LENGTH_MIN,
    Cost,
    Passwords,
    common,
    normal,
    require_good,
)
from prudent.domain.errors import InputError

CHEAP = Cost(memory_kib=19_456, passes=2)
GOOD = ("vivid granite otter 9", "correct horse battery", "tr0ub4dor&3xxy", "пять жёлтых лун", "my invest tiger cloud")
GUESSED = (
    "passwordpassword", "Password1234!", "qwertyuiop12", "abcdefghijkl", "321098765432", "aaaaaaaaaaaa",
    "123456123456", "1q2w3e4r5t6y", "justinbieber", "Prudent-2024!!", "invest2026!!", "portfolio trading",
)  # fmt: skip


@pytest.mark.parametrize("password", GOOD)
def test_a_long_uncommon_password_needs_no_digits_or_capitals(password: str) -> None:
    require_good(password, about=("ann.arbor",))
    assert password not in common()


@pytest.mark.parametrize("password", GUESSED)
def test_what_is_guessed_first_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(InputError, match="common") as caught:
        require_good(password, about=("ann.arbor",))
    assert password not in str(caught.value)


@pytest.mark.parametrize("password", ["ann.arbor2026", "Arbor-arbor-1", "ann.arbor-invest"])
def test_one_made_of_ones_own_name_is_refused(password: str) -> None:
    with pytest.raises(InputError, match="your name"):
        require_good(password, about=("ann.arbor",))


@pytest.mark.parametrize(("length", "fits"), [
    (LENGTH_MIN - 1, False), (LENGTH_MIN, True), (LENGTH_MAX, True), (LENGTH_MAX + 1, False),
])  # fmt: skip
def test_length_has_two_ends(length: int, *, fits: bool) -> None:
    password = ("vivid granite otter " * 10)[:length]
    if fits:
        require_good(password)
    else:
        with pytest.raises(InputError, match=f"had {length}"):
            require_good(password)


def test_length_counts_after_normalisation() -> None:
    # U+FB03 is one character that NFKC writes as three.
    require_good("vividgran" + "\ufb03")
    with pytest.raises(InputError, match="control character"):
        require_good("vivid granite\x07otter")


def test_the_list_holds_the_three_thousand_commonest_and_the_long_ones() -> None:
    assert len(common()) >= 3_000
    assert {"123456", "password", "qwerty", "1qaz2wsx3edc"} <= common()
    assert sum(len(each) >= LENGTH_MIN for each in common()) >= 300


def test_hashes_are_argon2id_at_or_above_the_floor() -> None:
    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$", Passwords().hash(GOOD[0]))
    assert found is not None
    memory, passes, lanes = map(int, found.groups())
    assert (memory >= 19_456, passes >= 2, lanes) == (True, True, 1)
    for weak in ({"memory_kib": 19_455}, {"passes": 1}, {"lanes": 0}):
        with pytest.raises(ValueError, match="at least"):
            Cost(**weak)


def test_the_right_password_and_only_it_is_right() -> None:
    passwords = Passwords(CHEAP)
    stored = passwords.hash(GOOD[0])
    assert passwords.check(GOOD[0], stored).right
    assert not passwords.check(GOOD[0] + " ", stored).right
    assert not passwords.check("", stored).right
    assert passwords.hash(GOOD[0]) != stored


def test_one_password_typed_in_two_ways_is_one_password() -> None:
    composed, apart = "café noir trente", "cafe\u0301 noir trente"
    assert composed != apart
    assert normal(composed) == normal(apart)
    passwords = Passwords(CHEAP)
    assert passwords.check(apart, passwords.hash(composed)).right


def test_a_hash_is_remade_when_the_cost_has_risen() -> None:
    stored = Passwords(CHEAP).hash(GOOD[0])
    dearer = Passwords(Cost(memory_kib=19_456, passes=3))
    checked = dearer.check(GOOD[0], stored)
    assert checked.right
    assert checked.rehashed is not None
    assert ",t=3," in checked.rehashed
    assert dearer.check(GOOD[0], checked.rehashed).rehashed is None
    assert dearer.check("wrong password!", stored).rehashed is None


@pytest.mark.parametrize("stored", [None, "", "not a hash", "$argon2id$v=19$m=1$damaged"])
def test_without_a_sound_hash_every_password_is_wrong(stored: str | None) -> None:
    passwords = Passwords(CHEAP)
    assert not passwords.check("the password of nobody", stored).right
    assert not passwords.check("", stored).right


def test_an_endless_password_is_only_wrong() -> None:
    passwords = Passwords(CHEAP)
    longest = "a b" * 42 + "cd"
    assert not passwords.check(longest + "x" * 1_000_000, passwords.hash(longest)).right

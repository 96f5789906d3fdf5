"""Sealed secrets, the key file, and a rotation that may be cut off anywhere."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.contract.people_memory import MemoryPeople, MemoryTown
from tests.fakes_clock import SteppedClock

from prudent.access.authority import Principal, Proof
from prudent.access.envelope import MasterKey, Place, rewrap, seal, unseal
from prudent.access.key_file import KeyFile
from prudent.access.vault import Vault
from prudent.domain.errors import ConfirmationMissing, InputError, StoreError
from prudent.domain.people import Role, Scope, SealedSecret, UserStatus

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
VALUE = "sk-canary-0123456789"
PLACE = Place(owner="u-a", name="openai.key", version=3)
KEY = MasterKey.fresh()


def test_a_sealed_secret_opens_with_its_key_and_nothing_else() -> None:
    sealed = seal(VALUE, PLACE, key=KEY, at=NOW)
    assert unseal(sealed, keys=(MasterKey.fresh(), KEY)) == VALUE
    with pytest.raises(StoreError, match=f"must be opened with master key {KEY.id}"):
        unseal(sealed, keys=(MasterKey.fresh(),))
    with pytest.raises(StoreError, match="holds none"):
        unseal(sealed, keys=())


def test_equal_values_seal_differently_and_show_nowhere() -> None:
    first, second = (seal(VALUE, PLACE, key=KEY, at=NOW) for _ in range(2))
    assert {first.body, first.nonce, first.wrapped_key}.isdisjoint({second.body, second.nonce, second.wrapped_key})
    assert first.body not in repr(first)
    assert VALUE not in repr(first)
    assert repr(KEY.key) not in repr(KEY)


@pytest.mark.parametrize("moved", [
    {"owner": "u-b"}, {"name": "other"}, {"version": 4}, {"body": "AAAA"}, {"nonce": "AAAAAAAAAAAAAAAA"},
    {"nonce": "!"}, {"wrapped_key": ""}, {"wrapped_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, {"body": ""},
])  # fmt: skip
def test_a_row_that_was_moved_or_altered_says_so_and_does_not_open(moved: dict[str, Any]) -> None:
    sealed = replace(seal(VALUE, PLACE, key=KEY, at=NOW), **moved)
    with pytest.raises(StoreError, match="was altered or moved") as caught:
        unseal(sealed, keys=(KEY,))
    assert VALUE not in str(caught.value)


def test_every_flipped_bit_of_a_row_is_noticed() -> None:
    sealed = seal(VALUE, PLACE, key=KEY, at=NOW)
    for field in ("body", "nonce", "wrapped_key"):
        text = getattr(sealed, field)
        for at in range(0, len(text) - 3, 3):
            swapped = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
            with pytest.raises(StoreError):
                unseal(replace(sealed, **{field: swapped}), keys=(KEY,))


def test_rewrapping_changes_the_key_and_not_the_body() -> None:
    other = MasterKey.fresh()
    sealed = seal(VALUE, PLACE, key=KEY, at=NOW)
    again = rewrap(sealed, keys=(KEY,), to=other)
    assert (again.body, again.nonce, again.key_id) == (sealed.body, sealed.nonce, other.id)
    assert unseal(again, keys=(other,)) == VALUE
    with pytest.raises(StoreError, match="altered"):
        unseal(replace(sealed, key_id=other.id), keys=(other,))


def test_an_empty_or_endless_value_is_refused() -> None:
    for value in ("", "x" * 65_537):
        with pytest.raises(InputError, match="1 to 65536 bytes"):
            seal(value, PLACE, key=KEY, at=NOW)


# The key file


def test_a_key_file_is_its_owners_alone_and_comes_back_whole(tmp_path: Path) -> None:
    keys = (MasterKey.fresh(), MasterKey.fresh())
    file = KeyFile(tmp_path / "secrets.key")
    assert file.read() == ()
    file.write(keys)
    assert file.path.stat().st_mode & 0o777 == 0o400
    assert file.read() == keys
    file.write(keys[:1])
    assert file.read() == keys[:1]
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.key"]


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o420])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = KeyFile(tmp_path / "secrets.key")
    file.write((KEY,))
    file.path.chmod(mode)
    with pytest.raises(StoreError, match=r"readable by its owner only.*chmod 400"):
        file.read()


@pytest.mark.parametrize("text", ["", "rubbish\n", "prudent-master-key x y\n", "prudent-master-key 0 AAAA\n", "\xff"])
def test_a_damaged_key_file_is_refused_without_being_quoted(tmp_path: Path, text: str) -> None:
    file = KeyFile(tmp_path / "secrets.key")
    file.path.write_bytes(text.encode("latin-1"))
    file.path.chmod(0o400)
    with pytest.raises(StoreError) as caught:
        file.read()
    assert "AAAA" not in str(caught.value)


def test_a_key_whose_id_is_not_its_own_is_a_damaged_line(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secrets.key")
    file.write((KEY,))
    text = file.path.read_text().replace(KEY.id, "0" * 16)
    file.path.chmod(0o600)
    file.path.write_text(text)
    with pytest.raises(StoreError, match="damaged line"):
        file.read()


# The vault


class Cut(Exception):
    """The process ended here."""


class CutFile(KeyFile):
    """A key file whose process ends at a write: before it when `after` is False."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.cut_at: int | None = None
        self.after = False
        self.writes = 0

    def write(self, keys: Sequence[MasterKey]) -> None:
        self.writes += 1
        here = self.writes == self.cut_at
        if here and not self.after:
            raise Cut
        super().write(keys)
        if here:
            raise Cut


class CutPeople(MemoryPeople):
    """People whose process ends at the re-wrapping of `cut_owner`."""

    cut_owner: str | None = None

    def rewrap_secrets(self, pairs: Sequence[tuple[SealedSecret, SealedSecret]], *, at: datetime) -> None:
        if self.owner == CutPeople.cut_owner:
            raise Cut
        super().rewrap_secrets(pairs, at=at)


def me(owner: str = "u-a", *, role: Role = Role.ADMIN, proof: Proof = Proof.MACHINE) -> Principal:
    return Principal(owner=owner, name=owner, role=role, scopes=frozenset(Scope), proof=proof)


@pytest.fixture
def town() -> MemoryTown:
    found = MemoryTown()
    for owner in ("u-a", "u-b"):
        found.people_of(owner).add_user(owner, role=Role.ADMIN, status=UserStatus.ACTIVE, password=None, at=NOW)
    return found


@pytest.fixture
def file(tmp_path: Path) -> CutFile:
    return CutFile(tmp_path / "secrets.key")


@pytest.fixture
def vault(town: MemoryTown, file: CutFile) -> Vault:
    return Vault(file, town, lambda owner: CutPeople(town, owner), SteppedClock(NOW))


def test_the_first_secret_makes_the_key_and_each_set_is_a_version(vault: Vault, file: CutFile) -> None:
    assert not file.exists()
    assert vault.set(me(), "k", "one").version == 1
    assert vault.set(me(), "k", "two").version == 2
    assert vault.open("u-a", "k") == "two"
    vault.remove(me(), "k")
    for owner, name in (("u-a", "k"), ("u-a", "never"), ("u-b", "k")):
        with pytest.raises(InputError, match=f"secret '{name}' must be one that you can see"):
            vault.open(owner, name)
    assert vault.set(me(), "k", "three").version == 3


def test_two_people_have_secrets_of_one_name(vault: Vault) -> None:
    vault.set(me("u-a"), "k", "of a")
    vault.set(me("u-b"), "k", "of b")
    assert (vault.open("u-a", "k"), vault.open("u-b", "k")) == ("of a", "of b")
    assert [each.owner for each in vault.list(me("u-b"))] == ["u-b"]


def test_a_row_of_another_person_does_not_open_as_ones_own(vault: Vault, town: MemoryTown) -> None:
    vault.set(me("u-a"), "k", "of a")
    stolen = town.people_of("u-a").rows.secrets[0]
    town.people_of("u-b").rows.secrets.append(replace(stolen, owner="u-b"))
    with pytest.raises(StoreError, match="moved"):
        vault.open("u-b", "k")


def test_a_lost_key_file_is_said_and_never_replaced(vault: Vault, file: CutFile) -> None:
    vault.set(me(), "k", VALUE)
    file.path.unlink()
    with pytest.raises(StoreError, match="restore"):
        vault.open("u-a", "k")
    for act in (lambda: vault.set(me("u-b"), "other", "v"), lambda: vault.rotate(me())):
        with pytest.raises(StoreError, match="is missing; restore it"):
            act()
    assert not file.exists()


def test_a_wrong_key_file_is_said(vault: Vault, file: CutFile) -> None:
    sealed = vault.set(me(), "k", VALUE)
    KeyFile.write(file, (MasterKey.fresh(),))
    with pytest.raises(StoreError, match=f"must be opened with master key {sealed.key_id}") as caught:
        vault.open("u-a", "k")
    assert VALUE not in str(caught.value)


def test_a_rotation_puts_everybody_under_a_new_key_and_forgets_the_old(vault: Vault, file: CutFile) -> None:
    for owner in ("u-a", "u-b"):
        vault.set(me(owner), "k", f"of {owner}")
    before = file.read()
    done = vault.rotate(me())
    assert (done.secrets, done.resumed) == (2, False)
    assert [key.id for key in file.read()] == [done.key_id]
    assert before[0].id != done.key_id
    assert (vault.open("u-a", "k"), vault.open("u-b", "k")) == ("of u-a", "of u-b")


# (which write ends the process, whether after it, whose re-wrapping ends it, does the next rotation resume)
CUTS = [
    (1, False, None, False), (1, True, None, True), (None, False, "u-a", True), (None, False, "u-b", True),
    (2, False, None, True), (2, True, None, False),
]  # fmt: skip


@pytest.mark.parametrize(("write", "after", "owner", "resumes"), CUTS)
def test_a_rotation_that_is_cut_off_anywhere_loses_nothing_and_is_ended_by_the_next(
    vault: Vault, file: CutFile, write: int | None, *, after: bool, owner: str | None, resumes: bool
) -> None:
    for each in ("u-a", "u-b"):
        vault.set(me(each), "k", f"of {each}")
    file.writes, file.cut_at, file.after = 0, write, after
    CutPeople.cut_owner = owner
    try:
        with pytest.raises(Cut):
            vault.rotate(me())
    finally:
        CutPeople.cut_owner, file.cut_at = None, None
    for each in ("u-a", "u-b"):
        assert vault.open(each, "k") == f"of {each}"
    vault.set(me("u-b"), "meanwhile", "v")
    done = vault.rotate(me())
    assert done.resumed is resumes
    assert [key.id for key in file.read()] == [done.key_id]
    assert [vault.open(each, "k") for each in ("u-a", "u-b")] == ["of u-a", "of u-b"]
    assert vault.open("u-b", "meanwhile") == "v"


def test_a_key_is_kept_while_anything_is_sealed_with_it(vault: Vault, town: MemoryTown, file: CutFile) -> None:
    vault.set(me(), "k", VALUE)
    old = file.read()[0]
    late = seal("late", Place(owner="u-a", name="late", version=1), key=old, at=NOW)

    class Slow(MemoryPeople):
        def rewrap_secrets(self, pairs: Sequence[tuple[SealedSecret, SealedSecret]], *, at: datetime) -> None:
            super().rewrap_secrets(pairs, at=at)
            self.rows.secrets.append(late)

    with pytest.raises(StoreError, match="late were set with another key"):
        Vault(file, town, lambda owner: Slow(town, owner), SteppedClock(NOW)).rotate(me())
    assert old in file.read()
    assert vault.open("u-a", "late") == "late"


def test_an_altered_secret_stops_the_rotation_by_name_until_it_is_set_anew(
    vault: Vault, town: MemoryTown, file: CutFile
) -> None:
    vault.set(me(), "k", VALUE)
    rows = town.people_of("u-a").rows.secrets
    rows[0] = replace(rows[0], wrapped_key=rows[0].body)
    with pytest.raises(StoreError, match=r"secret k .* was altered"):
        vault.rotate(me())
    vault.set(me(), "k", "anew")
    assert vault.rotate(me()).resumed
    assert vault.open("u-a", "k") == "anew"


def test_only_an_administrator_rotates_and_no_token_sets_a_secret(vault: Vault, file: CutFile) -> None:
    with pytest.raises(InputError):
        vault.rotate(me(role=Role.USER))
    for act in (lambda: vault.set(me(proof=Proof.TOKEN), "k", "v"), lambda: vault.rotate(me(proof=Proof.TOKEN))):
        with pytest.raises(ConfirmationMissing, match="password"):
            act()
    assert not file.exists()


def test_a_name_that_could_forge_a_line_is_refused(vault: Vault) -> None:
    for name in ("", "a b", "a\nb", "x" * 65, "-a"):
        with pytest.raises(InputError, match="a secret's name"):
            vault.set(me(), name, "v")


def test_the_key_never_leaves_the_file(tmp_path: Path, vault: Vault, file: CutFile) -> None:
    vault.set(me(), "k", VALUE)
    assert VALUE.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert os.environ.get("PRUDENT_KEY") is None
    assert "prudent-master-key" not in repr((file, file.read()))

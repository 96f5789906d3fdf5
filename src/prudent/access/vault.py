"""Secrets of people: set, list, remove, open for the adapter that needs one, and a new master key for all at once.

A rotation that is cut off leaves a key file with two keys, with which everything opens; the next rotation ends it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prudent.access.authority import PLATFORM, Act, Principal, missing, require
from prudent.access.envelope import MasterKey, Place, rewrap, seal, unseal
from prudent.access.key_file import KeyFile
from prudent.access.stores import Directory, People
from prudent.domain.errors import StoreError
from prudent.domain.people import SealedSecret, label
from prudent.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a rotation did; `resumed`: it ended one that had been cut off and made no key of its own."""

    key_id: str
    secrets: int
    resumed: bool


class Vault:
    """The secrets of one installation under one key file."""

    def __init__(
        self, key_file: KeyFile, directory: Directory, people_of: Callable[[str], People], clock: Clock
    ) -> None:
        self._key_file = key_file
        self._directory = directory
        self._people_of = people_of
        self._clock = clock

    def set(self, principal: Principal, name: str, value: str) -> SealedSecret:
        """Store a value as the next version of the person's secret `name`; what was before cannot be opened again."""
        label(name, of="a secret's name")
        require(principal, Act.SET_SECRET, principal.owner, thing=("secret", name))
        self.ensure_key()
        people = self._people_of(principal.owner)
        with self._key_file.shared():
            place = Place(owner=principal.owner, name=name, version=people.secret_version(name) + 1)
            sealed = seal(value, place, key=self._keys()[0], at=self._clock.now())
            people.put_secret(sealed)
        return sealed

    def list(self, principal: Principal) -> tuple[SealedSecret, ...]:
        """The person's own secrets, sealed."""
        require(principal, Act.LIST_SECRETS, principal.owner, thing=("secret", "list"))
        return self._people_of(principal.owner).secrets()

    def remove(self, principal: Principal, name: str) -> None:
        require(principal, Act.SET_SECRET, principal.owner, thing=("secret", name))
        if not self._people_of(principal.owner).retire_secret(name, at=self._clock.now()):
            raise missing("secret", name)

    def open(self, owner: str, name: str) -> str:
        """The value, for the adapter that works for `owner`; it is never shown to a person.

        Raises:
            InputError: there is no such secret.
            StoreError: the key file does not open it, or it was altered.
        """
        sealed = self._people_of(owner).secret(name)
        if sealed is None or sealed.owner != owner:
            raise missing("secret", name)
        return unseal(sealed, keys=self._key_file.read())

    def ensure_key(self) -> None:
        """Make the key file when there is none and nothing is sealed yet.

        Raises:
            StoreError: there are sealed secrets and no key file; a new key would not open them.
        """
        if self._key_file.exists():
            return
        with self._key_file.alone():
            if self._key_file.exists():
                return
            if any(True for _ in self._sealed_otherwise("")):
                raise self._lost()
            self._key_file.write((MasterKey.fresh(),))

    def rotate(self, principal: Principal) -> Rotated:
        """Put every person's secrets under a new master key; the old one is kept until all are."""
        require(principal, Act.ROTATE_KEY, PLATFORM, thing=("key", "rotation"))
        self.ensure_key()
        with self._key_file.alone():
            keys = self._keys()
            resumed = len(keys) == 2
            if not resumed:
                keys = (MasterKey.fresh(), keys[0])
                self._key_file.write(keys)
            moved = self._rewrap_all(keys)
            left = [each.name for each in self._sealed_otherwise(keys[0].id)]
            if left:
                raise StoreError(f"secrets {', '.join(left)} were set with another key meanwhile; rotate again")
            self._key_file.write(keys[:1])
        return Rotated(key_id=keys[0].id, secrets=moved, resumed=resumed)

    def _rewrap_all(self, keys: tuple[MasterKey, ...]) -> int:
        moved = 0
        for owner in self._directory.owners():
            people = self._people_of(owner)
            standing = [each for each in people.secrets() if each.key_id != keys[0].id]
            pairs = [(each, rewrap(each, keys=keys, to=keys[0])) for each in standing]
            if pairs:
                people.rewrap_secrets(pairs, at=self._clock.now())
            moved += len(pairs)
        return moved

    def _sealed_otherwise(self, key_id: str) -> Iterator[SealedSecret]:
        for owner in self._directory.owners():
            yield from (each for each in self._people_of(owner).secrets() if each.key_id != key_id)

    def _keys(self) -> tuple[MasterKey, ...]:
        keys = self._key_file.read()
        if not keys:
            raise self._lost()
        return keys

    def _lost(self) -> StoreError:
        return StoreError(
            f"{self._key_file.path} must hold the master key of the stored secrets, is missing; restore it from where "
            "you keep it, or remove the secrets and set them anew"
        )

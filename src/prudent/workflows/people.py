"""People of an installation, wired: the front door and the vault of a home, and whom its command line acts for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prudent.access.authority import Principal
from prudent.access.front_door import FrontDoor
from prudent.access.identify import LOCAL_OWNER, identify
from prudent.access.key_file import KEY_FILE, KeyFile
from prudent.access.passwords import Passwords
from prudent.access.stores import Directory
from prudent.access.throttle import Throttle
from prudent.access.vault import Vault
from prudent.clock import SystemClock
from prudent.domain.errors import ConfigError
from prudent.domain.people import User
from prudent.ledger.database import Database, Source, is_postgres, open_source
from prudent.ledger.people import People
from prudent.ledger.store import LedgerStore
from prudent.ports import Clock
from prudent.settings import Loaded, access_token

LEDGER_FILE = Path("data") / "ledger.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """The people of an opened installation. `one_person`: its database can hold nobody else."""

    source: Source
    one_person: bool
    directory: Directory
    door: FrontDoor
    vault: Vault
    clock: Clock
    stamp: Callable[[datetime], datetime]

    def principal(self, token: str | None) -> Principal:
        """Whom the command line acts for; see `access.identify`."""
        return identify(self.door, self.directory, token=token, one_person=self.one_person)


def ledger_place(loaded: Loaded) -> str | Path:
    """Where the ledger of a home lies: the URL of the settings, else the file in the home."""
    return loaded.settings.database.url or loaded.home / LEDGER_FILE


def key_file(loaded: Loaded) -> KeyFile:
    """The file of the master key; its lock lies in the home, for the file's own folder may not be writable."""
    path = loaded.settings.secrets.key_path or loaded.home / KEY_FILE
    return KeyFile(path, lock=loaded.home / "data" / "secrets.lock")


@contextmanager
def reception(
    loaded: Loaded, *, stamp: Clock | None = None, clock: Clock | None = None, passwords: Passwords | None = None,
    throttle: Throttle | None = None,
) -> Iterator[Reception]:  # fmt: skip
    """Open the people of a home; sessions and tokens age on the wall's clock, whatever the desk's clock says.

    `stamp` is the desk's clock, which dates the audit rows, so that the chain's times run one way.
    """
    place = ledger_place(loaded)
    source = open_source(place)
    try:
        people = People(Database(source, LOCAL_OWNER))
        if stamp is not None:
            people.stamp = lambda at: stamp.now()
        clock = clock or SystemClock()
        directory = people.directory
        yield Reception(
            source=source, stamp=people.stamp, clock=clock, one_person=source.single_user, directory=directory,
            door=FrontDoor(directory, people.of, clock, passwords=passwords, throttle=throttle),
            vault=Vault(key_file(loaded), directory, people.of, clock),
        )  # fmt: skip
    finally:
        source.close()


def ledger_of(found: Reception, owner: str) -> LedgerStore:
    """The ledger of another person in the same database; an administrator was given leave first."""
    return LedgerStore(Database(found.source, owner))


def halt_other(found: Reception, principal: Principal, name: str, *, reason: str) -> User:
    """Stop every account of another person, with the administrator named in their record."""
    user = found.door.halt_other(principal, name, reason=reason)
    said = f"by administrator {principal.name}: {reason}"
    ledger_of(found, user.owner).halt(reason=said, at=found.stamp(found.clock.now()))
    return user


def needs_identity(loaded: Loaded) -> bool:
    """Does anything but the home itself say whose it is?"""
    return access_token() is not None or is_postgres(ledger_place(loaded))


def require_home(loaded: Loaded) -> None:
    """Refuse a folder that is no home, so that no database is made there by asking about people."""
    if not (loaded.home / "data").is_dir():
        raise ConfigError(f"no home at {loaded.home}; run `invest init` or set INVEST_HOME")

"""Who may work: one process per home by a lock that a dead one cannot keep, one holder per account by lease."""

import fcntl
import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.errors import DeskError, Temporary
from prudent.ledger.leases import Lease, Leases
from prudent.ports import Clock
from prudent.workflows.turns import Busy

LASTS = timedelta(seconds=15)
RENEW_SECONDS = 5.0
_TRY_SECONDS = 0.1
_LOOKS, _LOOK_SECONDS = 10, 0.02


@contextmanager
def home_lease(home: Path) -> Iterator[None]:
    """Hold the home's lock while trading or changing state.

    Raises:
        Temporary: another process holds it; the message names its process id.
    """
    path = _lock_file(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as handle:
        if not _locked(handle.fileno()):
            raise Temporary(
                f"the desk at {home} must be used by one process at a time, was held by process "
                f"{_written(path) or 'unknown'}; wait for it to finish or stop it, then try again"
            )
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def _locked(handle: int) -> bool:
    """Take the lock; somebody who only looks at it (`home_holder`) is waited for."""
    for _ in range(_LOOKS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            threading.Event().wait(_LOOK_SECONDS)
        else:
            return True
    return False


def home_holder(home: Path) -> int | None:
    """The process that holds the home's lock now; None when none does. 0 = one that has not said its number yet."""
    path = _lock_file(home)
    if not path.is_file():
        return None
    with path.open("r", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(_written(path) or 0)
    return None


def _lock_file(home: Path) -> Path:
    return home / "data" / "desk.lock"


def _written(path: Path) -> str:
    text = path.read_text(encoding="ascii").strip()
    return text if text.isdigit() else ""


def engine_id(home: Path) -> str:
    """The name under which this home's processes work, one after another; a copied or moved home gets a new one."""
    path = home / "data" / "engine.json"
    place = {"home": str(home.resolve()), "host": socket.gethostname()}
    with suppress(OSError, ValueError):
        known = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(known, dict) and {key: known.get(key) for key in place} == place and known.get("id"):
            return str(known["id"])
    name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({"id": name, **place}), encoding="utf-8")
    part.replace(path)
    return name


@contextmanager
def held_leases(desk: Desk) -> "Iterator[HeldLeases]":
    """What this process holds of the desk's accounts: nothing at first, and nothing any more afterwards."""
    leases = HeldLeases(desk.ledger.leases, engine_id(desk.home))
    try:
        yield leases
    finally:
        leases.close()


class HeldLeases:
    """The leases of one owner's accounts that this process holds, renewed in the background while there are any.

    One that cannot be renewed in time is dropped: from then on nothing may be sent for its account.
    """

    def __init__(self, leases: Leases, holder: str, *, clock: Clock | None = None, lasts: timedelta = LASTS) -> None:
        self.holder = holder
        self._leases = leases
        self._clock = clock or SystemClock()
        self._lasts = lasts
        self._held: dict[str, Lease] = {}
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._renewer: threading.Thread | None = None

    def epoch(self, account: str) -> int | None:
        """Under which epoch the account may be traded now; None when its lease is not held."""
        lease = self._held.get(account)
        return lease.epoch if lease is not None and lease.lives(self._clock.now()) else None

    def epochs(self) -> Mapping[str, int]:
        now = self._clock.now()
        return {account: lease.epoch for account, lease in self._held.copy().items() if lease.lives(now)}

    def take(self, accounts: Sequence[str]) -> tuple[str, ...]:
        """Get the leases of accounts; gives those that are held now, without those that somebody else has."""
        with self._turn:
            wanted = [account for account in accounts if self.epoch(account) is None]
            if wanted:
                taken = self._leases.take(wanted, self.holder, at=self._clock.now(), lasts=self._lasts)
                self._held.update({lease.account: lease for lease in taken})
                self._keep_renewing()
            return tuple(account for account in accounts if account in self._held)

    def release(self, accounts: Sequence[str] | None = None) -> None:
        """Give leases back at once, all by default, so that nobody waits for them to run out."""
        with self._turn:
            names = list(self._held) if accounts is None else [each for each in accounts if each in self._held]
            given = [self._held.pop(name) for name in names]
            if given:
                self._leases.release(given, at=self._clock.now())

    @contextmanager
    def holding(self, account: str, *, seconds: float = 0.0, stop: threading.Event | None = None) -> Iterator[int]:
        """Hold an account's lease, waiting up to `seconds` for another holder; gives the epoch.

        Raises:
            Busy: another process has it; the message names it.
        """
        ends = self._clock.monotonic() + seconds
        pause = stop or self._over
        while not self.take((account,)):
            if self._clock.monotonic() >= ends or pause.wait(_TRY_SECONDS):
                holder = self._leases.of(account)
                raise Busy(
                    f"account {account} must be traded by one process at a time, is held by "
                    f"{holder.holder if holder else 'another'}; wait for it to finish, then try again"
                )
        try:
            yield self._held[account].epoch
        finally:
            self.release((account,))

    def renew(self) -> None:
        """Extend every lease; those that are lost are dropped. A database that does not answer is asked again."""
        with self._turn:
            held = list(self._held.values())
            if not held:
                return
            now = self._clock.now()
            try:
                kept = self._leases.renew(held, at=now, lasts=self._lasts)
            except DeskError:
                kept = tuple(lease for lease in held if lease.lives(now))
            self._held = {lease.account: lease for lease in kept}

    def close(self) -> None:
        """Give everything back and end the renewing."""
        self._over.set()
        with suppress(DeskError):
            self.release()
        if self._renewer is not None:
            self._renewer.join(RENEW_SECONDS)

    def _keep_renewing(self) -> None:
        if self._renewer is None and self._held:
            self._renewer = threading.Thread(target=self._renew_on, name="lease-renewal", daemon=True)
            self._renewer.start()

    def _renew_on(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            self.renew()

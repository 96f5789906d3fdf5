"""The desks of one process: one for each owner of the ledger, opened anew when the configuration has changed."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from prudent.bootstrap import LOCAL, Desk, open_desk
from prudent.clock import SystemClock
from prudent.domain.errors import DeskError
from prudent.ledger import LedgerStore
from prudent.workflows.lease import HeldLeases
from prudent.workflows.turns import Turns

OWNERS_SECONDS = 5.0


class Desks:
    """Opens desks that act under leases of one holder. Threads share an owner's desk; `turns` keeps them apart."""

    def __init__(self, home: Path, *, holder: str) -> None:
        self.home = home
        self.holder = holder
        self.turns = Turns()
        self.first = _first(home)
        self._lock = threading.RLock()
        self._desks: dict[str, Desk] = {}
        self._leases: dict[str, HeldLeases] = {}
        self._open = ExitStack()
        self._clock = SystemClock()
        self._owners: tuple[float, tuple[str, ...]] | None = None

    def owners(self) -> tuple[str, ...]:
        """Everybody whose rows the ledger holds; asked again every few seconds."""
        now = self._clock.monotonic()
        if self._owners is None or now - self._owners[0] > OWNERS_SECONDS:
            found = self.first.ledger.people.directory.owners()
            self._owners = (now, found or (self.first.ledger.owner,))
        return self._owners[1]

    def of(self, owner: str) -> Desk:
        """The owner's desk as the configuration is now.

        Raises:
            ConfigError: the configuration was changed and is wrong.
        """
        with self._lock:
            known = self._desks.get(owner)
            if known is not None and not known.is_stale():
                return known
            if known is not None:
                _hang_up(known)
            desk = open_desk(self.home, owner=owner)
            if isinstance(desk.clock, SystemClock):
                desk.pace = self.first.pace
            if known is not None:
                desk.reconciling.left.update(known.reconciling.left)
            self._open.enter_context(desk.leased(self.leases(owner)))
            self._desks[owner] = desk
            return desk

    def ledger(self, owner: str) -> LedgerStore:
        """The owner's ledger, whatever the configuration is."""
        known = self._desks.get(owner)
        return self.first.ledger if owner == self.first.ledger.owner else (known or self.of(owner)).ledger

    def opened(self) -> tuple[Desk, ...]:
        """The owners' desks that are open now."""
        with self._lock:
            return tuple(self._desks.values())

    def renew(self) -> None:
        """Open every desk anew when next asked: simulated time has moved."""
        with self._lock:
            self._desks.clear()

    def leases(self, owner: str) -> HeldLeases:
        with self._lock:
            if owner not in self._leases:
                ledger = self.first.ledger
                if owner != ledger.owner:
                    ledger = open_desk(self.home, owner=owner).ledger
                self._leases[owner] = HeldLeases(ledger.leases, self.holder)
            return self._leases[owner]

    @contextmanager
    def working(
        self, owner: str, accounts: Sequence[str], *, seconds: float, stop: threading.Event | None = None
    ) -> Iterator[Desk]:
        """Have accounts to oneself, in this process and among all that share the ledger; gives their desk.

        Raises:
            Busy: somebody else works on one of them and did not end within `seconds`.
        """
        desk = self.of(owner)
        held = self.leases(owner)
        known = {each.id for each in desk.ledger.accounts()}
        places = [(owner, account) for account in accounts]
        with self.turns.taken(places, seconds=seconds, stop=stop), ExitStack() as leases:
            for account in accounts:
                if account in known:
                    leases.enter_context(held.holding(account, seconds=seconds, stop=stop))
            yield desk

    def held(self, owner: str, accounts: Sequence[str]) -> tuple[str, ...]:
        """Those of the accounts whose lease this process holds now."""
        epochs = self.leases(owner).epochs()
        return tuple(account for account in accounts if account in epochs)

    def close(self) -> None:
        """Give every lease back and end the connections to gateways."""
        for desk in self.opened():
            _hang_up(desk)
        for leases in self._leases.values():
            with suppress(DeskError):
                leases.close()
        self._open.close()


def _hang_up(desk: Desk) -> None:
    """A gateway turns the next desk away while this one holds its client ids."""
    if desk.connections is not None:
        desk.connections.close()


def _first(home: Path) -> Desk:
    """The desk that speaks for the installation: the local owner's, or that of the first person there is."""
    desk = open_desk(home)
    owners = desk.ledger.people.directory.owners()
    if not owners or LOCAL in owners:
        return desk
    desk.ledger.close()
    return open_desk(home, owner=owners[0])

"""The kill switch of a home: a file, rows of the ledger and this process's memory; any one of them stops every send."""

import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from prudent.domain.accounts import TradingState
from prudent.domain.errors import StoreError
from prudent.ledger.files import write_whole
from prudent.ledger.states import StateRow


class StateBook(Protocol):
    """Where the rows are: the ledger of the owner."""

    @property
    def permissions(self) -> "StateRows": ...


class StateRows(Protocol):
    def state_row(self, account: str) -> StateRow | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    """A stop that this process was told; the row before it, and whether the ledger has taken the stop too."""

    reason: str
    before: StateRow | None
    stored: bool = False

    def is_lifted(self, row: StateRow | None) -> bool:
        """True once somebody let the scope go: a row that is not HALTED, after the stop was stored or in its place."""
        return row is not None and row.state is not TradingState.HALTED and (self.stored or row != self.before)


class KillSwitch:
    """Scopes are accounts, or empty for the platform. What cannot be read counts as set; safe between threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stops: dict[str, _Stop] = {}

    def stop(self, ledger: StateBook, scope: str, reason: str) -> None:
        """Set it in memory: the next submit of this process sees it, whatever becomes of file and ledger."""
        before: StateRow | None = None
        with suppress(StoreError):
            before = ledger.permissions.state_row(scope)
        with self._lock:
            self._stops[scope] = _Stop(reason=reason, before=before)

    def stored(self, scope: str) -> None:
        """The ledger holds the stop of the scope now: any later row that is not HALTED lifts it from memory too."""
        with self._lock:
            if scope in self._stops:
                self._stops[scope] = replace(self._stops[scope], stored=True)

    def lift(self, scope: str) -> None:
        with self._lock:
            self._stops.pop(scope, None)

    def set_file(self, reason: str | None) -> None:
        """Set the file that stops every process of the home, or take it away; `StoreError` where that fails."""
        if reason is not None:
            write_whole(self._path, (reason + "\n").encode())
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self._path} must be removable, was not ({error}); correct the rights") from error

    def reasons(self, ledger: StateBook, account: str) -> tuple[str, ...] | None:
        """Why nothing of the account may leave, in the order file, memory, ledger; None where one cannot be read."""
        try:
            found = [f"kill switch file: {self._text()}"] if self._path.exists() else []
            for scope in dict.fromkeys(("", account)):
                row = ledger.permissions.state_row(scope)
                stop = self._standing(scope, row)
                name = scope or "platform"
                if row is not None and row.state is TradingState.HALTED:
                    found.append(f"{name} is HALTED: {row.reason}")
                elif stop is not None:
                    found.append(f"{name} is stopped in this process: {stop.reason}")
        except (OSError, UnicodeDecodeError, StoreError):
            return None
        return tuple(found)

    def _text(self) -> str:
        return self._path.read_text(encoding="utf-8").strip() or "no reason given"

    def _standing(self, scope: str, row: StateRow | None) -> _Stop | None:
        """The stop in memory, unless somebody has let the scope go since."""
        with self._lock:
            stop = self._stops.get(scope)
            if stop is not None and stop.is_lifted(row):
                del self._stops[scope]
                return None
            return stop

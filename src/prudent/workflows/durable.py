"""DBOS behind the `Steps` port: the only module, beside the journal of sweeps, that knows the workflow library.

It remembers which workflow is under way at which engine, and which steps of it are finished. What a step gave stays
in the ledger's stage store and nowhere else: the library keeps the digest of it. So a lost journal of the library
costs nothing but the memory that a request was under way, which its row in the ledger has too.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_error
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from prudent.domain.errors import StoreError, Temporary
from prudent.domain.records import Json, decode, digest, encode
from prudent.workflows.steps import After, JournalSteps, StageStore

T = TypeVar("T")
Perform = Callable[[str, str], None]

LOG = logging.getLogger("prudent.durable")
SCHEMA = "dbos"
# Fixed: what a later version of the program recovers is judged by the code version frozen in the cycle's run.
APPLICATION_VERSION = "1"
KNOWN_LIBRARY = "3."
RECOVERY_SECONDS = 0.2
_BUSY_SECONDS = 30
_CONNECT_SECONDS = 10
_OVER = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")

_PERFORM: list[Perform] = []


class Paused(BaseException):
    """Leaves a workflow that is to go on later, here or elsewhere; nothing of it is marked as ended."""


class _StepFailed(BaseException):
    """Carries a step's failure past the library, which would else keep it as the step's result."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@DBOS.workflow(name="request", max_recovery_attempts=None)
def _request(owner: str, request_id: str) -> None:
    """The one workflow: do what a request asks; its answer is stored with the request."""
    _PERFORM[-1](owner, request_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the library keeps its journal: a SQLite file of its own, or a schema of the ledger's PostgreSQL."""

    url: str
    postgres: bool


def place_of(home: Path, database_url: str | None) -> Place:
    """The journal's place for a home whose ledger is at `database_url`, None = in the home."""
    if database_url is not None and database_url.startswith("postgres"):
        return Place(url=database_url, postgres=True)
    return Place(url=f"sqlite:///{home / 'data' / 'workflows.sqlite'}", postgres=False)


class Durable:
    """The workflow library of this process; `executor` names the engine, over restarts too.

    `perform` does a request; it is called again with the same one after a crash, until it returns or raises an
    ordinary error.
    """

    def __init__(self, place: Place, *, executor: str, perform: Perform) -> None:
        self._place = place
        self._executor = executor
        self._perform = perform
        self._engine: Engine | None = None

    def launch(self) -> None:
        """Start it; what this engine's earlier life left under way goes on by itself.

        Raises:
            StoreError: its journal cannot be used.
        """
        _PERFORM.append(self._perform)
        self._engine = open_engine(self._place)
        DBOS(config={
            "name": "prudent", "system_database_url": self._engine.url.render_as_string(hide_password=False),
            "system_database_engine": self._engine, "dbos_system_schema": SCHEMA,
            "application_version": APPLICATION_VERSION, "executor_id": self._executor,
            "serializer": DBOSPortableJSONSerializer(), "log_level": "ERROR", "use_listen_notify": False,
            "scheduler_polling_interval_sec": 3600.0,
        })  # fmt: skip
        _recover_sooner()
        try:
            DBOS.launch()
        except (SQLAlchemyError, dbos_error.DBOSException) as error:
            self.close()
            raise StoreError(f"the journal of workflows cannot be used: {error}; run `invest doctor`") from error

    def start(self, owner: str, request_id: str) -> None:
        """Begin a request now, in a thread of its own; one that was begun before is not begun again."""
        with plain_failures(), SetWorkflowID(workflow_id(owner, request_id)):
            DBOS.start_workflow(_request, owner, request_id)

    def knows(self, owner: str, request_id: str) -> bool:
        """Whether the request was ever begun."""
        with plain_failures():
            return DBOS.get_workflow_status(workflow_id(owner, request_id)) is not None

    def go_on(self, owner: str, request_id: str) -> None:
        """Let a paused request go on from its finished steps; one that is over stays so, one never begun is begun."""
        with plain_failures():
            status = DBOS.get_workflow_status(workflow_id(owner, request_id))
            if status is None:
                self.start(owner, request_id)
            elif status.status not in _OVER:
                DBOS.resume_workflow(workflow_id(owner, request_id))

    def adopt(self, executors: Sequence[str]) -> None:
        """Let what lost engines left under way go on at any engine that lives; doing it twice changes nothing."""
        if not version("dbos").startswith(KNOWN_LIBRARY):
            raise Temporary(f"work of {', '.join(executors)} must be adopted by its own engine; start that one again")
        with plain_failures():
            DBOS._recover_pending_workflows(list(executors))

    def close(self) -> None:
        """End its threads; a workflow that is still running is recovered by the next start."""
        with suppress(dbos_error.DBOSException):
            DBOS.destroy()
        if self._engine is not None:
            self._engine.dispose()
        if self._perform in _PERFORM:
            _PERFORM.remove(self._perform)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turn what the library or its database says into `Temporary`."""
    try:
        yield
    except (SQLAlchemyError, dbos_error.DBOSException) as error:
        raise Temporary(f"the journal of workflows cannot be used now: {error}") from error


def workflow_id(owner: str, request_id: str) -> str:
    return f"{owner}/{request_id}"


def open_engine(place: Place) -> Engine:
    """The connections of a journal."""
    return _postgres(place.url) if place.postgres else _sqlite(place.url)


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # The library expects transactions that take the write lock at once; the ledger is the durable truth, so a commit
    # here may wait for the next checkpoint to reach the disk.
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_SECONDS * 1000}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _postgres(url: str) -> Engine:
    _, _, rest = url.partition("://")
    return create_engine(
        f"postgresql+psycopg://{rest}", pool_size=4, max_overflow=12, pool_pre_ping=True,
        connect_args={
            "application_name": "prudent-workflows", "connect_timeout": _CONNECT_SECONDS,
            # A process that stands still inside a transaction must not hold up the others for long.
            "options": "-c idle_in_transaction_session_timeout=10s -c lock_timeout=15s",
        },
    )  # fmt: skip


def _recover_sooner() -> None:
    """The library looks once a second for what it recovers; a restart should not wait for that."""
    if version("dbos").startswith(KNOWN_LIBRARY):
        from dbos._dbos import _get_or_create_dbos_registry

        _get_or_create_dbos_registry().get_internal_queue()._polling_interval_sec = RECOVERY_SECONDS


class DbosSteps:
    """Implements `Steps` inside a workflow; `stages` keeps what each step gave.

    `stopping` is asked before each step: when it says so, the workflow is left with `Paused`. `after` is told the name
    of each finished step; a test ends its process there.
    """

    def __init__(
        self, stages: StageStore, *, stopping: Callable[[], bool] = lambda: False, after: After | None = None
    ) -> None:
        self._stages = stages
        self._stopping = stopping
        self._after = after
        self._plain = JournalSteps(stages)

    def run(self, name: str, action: Callable[[], T], *, of: type[T]) -> T:
        if self._stopping():
            raise Paused
        made: list[T] = []

        def step() -> str:
            try:
                return digest(self._found_or_made(name, action, made))
            except Exception as error:
                raise _StepFailed(error) from error

        try:
            seal = DBOS.run_step({"name": name}, step)
        except _StepFailed as failed:
            raise failed.cause from None
        except dbos_error.DBOSUnexpectedStepError:
            # The library's journal is of another course of this cycle; what the ledger kept decides.
            return self._plain.run(name, action, of=of)
        result = made[0] if made else self._kept(name, seal, of)
        if self._after is not None:
            self._after(name)
        return result

    def _found_or_made(self, name: str, action: Callable[[], T], made: list[T]) -> Json:
        known = self._stages.find(name)
        if known is not None:
            return known[0]
        made.append(action())
        output = encode(made[0])
        self._stages.keep(name, output)
        return output

    def _kept(self, name: str, seal: str, of: type[T]) -> T:
        known = self._stages.find(name)
        if known is None or digest(known[0]) != seal:
            raise StoreError(f"step {name!r} must be kept as it finished, was not; the ledger was changed from outside")
        return decode(of, known[0])

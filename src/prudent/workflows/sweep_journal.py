"""The journal of sweeps: what each is, and its combinations as batches in a queue of the workflow library.

A sweep's plan and its batches are workflows of an application of their own, so that no engine takes them up. A batch is
taken by one worker; while it is worked on, its worker beats in it. Batches that nobody beats in go back to the queue.
"""

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_error
from sqlalchemy.exc import SQLAlchemyError

from prudent.domain.errors import StoreError
from prudent.domain.records import Json, canonical
from prudent.workflows.durable import KNOWN_LIBRARY, SCHEMA, Place, open_engine, place_of, plain_failures

APPLICATION = "prudent-sweeps"
APPLICATION_VERSION = "sweeps-1"
JOURNAL_FILE = "sweeps.sqlite"
# A worker without a batch waits so long at most; looking costs CPU that backtests could have.
POLL_SECONDS = 0.5
UNUSED_SECONDS = 30.0
_PLAN, _BATCH = "sweep_plan", "sweep_batch"
_WAITING, _TAKEN, _ENDED = "ENQUEUED", "PENDING", "SUCCESS"

Perform = Callable[[str, list[int]], list[dict[str, Json]]]
_PERFORM: list[Perform] = []


@DBOS.workflow(name=_PLAN)
def _plan(head: str, body: str) -> None:
    """Keeps what a sweep is: its input."""
    del head, body


@DBOS.workflow(name=_BATCH, max_recovery_attempts=None)
def _batch(places: list[int]) -> list[dict[str, Json]]:
    """Some combinations of a sweep; what became of each is its output."""
    return _PERFORM[-1](str(DBOS.workflow_id), places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A batch that is being worked on; `beat` changes while its worker lives."""

    id: str
    executor: str
    beat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch with the places of its combinations; `found` is what became of them, None before its end."""

    id: str
    status: str
    places: tuple[int, ...]
    found: tuple[Mapping[str, Any], ...] | None

    @property
    def under_way(self) -> bool:
        return self.status in (_WAITING, _TAKEN)

    @property
    def over(self) -> bool:
        """Worked on to its end, whatever became of its combinations."""
        return self.status == _ENDED


def journal_of(home: Path, database_url: str | None) -> Place:
    """Where the sweeps of a home are kept: beside its ledger."""
    place = place_of(home, database_url)
    return place if place.postgres else Place(url=f"sqlite:///{home / 'data' / JOURNAL_FILE}", postgres=False)


class SweepJournal:
    """The sweeps of one owner; open it with `opened`."""

    def __init__(self, owner: str) -> None:
        self._owner = owner

    # Plans

    def keep_plan(self, name: str, head: Mapping[str, Json], body: Json) -> None:
        """Keep what a sweep is; one that is known stays as it is."""
        text = base64.b64encode(zlib.compress(canonical(body))).decode()
        with plain_failures(), SetWorkflowID(self._id(name)):
            DBOS.start_workflow(_plan, canonical(dict(head)).decode(), text).get_result()

    def heads(self) -> dict[str, dict[str, Any]]:
        """What is known of each sweep in short, by name, in the order in which they were begun."""
        with plain_failures():
            rows = DBOS.list_workflows(workflow_id_prefix=f"sweep/{self._owner}/", name=_PLAN, load_output=False)
        return {row.workflow_id.rpartition("/")[2]: json.loads(_arguments(row)[0]) for row in rows}

    def body(self, name: str) -> Any:
        """What a sweep is in full; None for an unknown one."""
        with plain_failures():
            rows = DBOS.list_workflows(workflow_ids=[self._id(name)], load_output=False)
        return json.loads(zlib.decompress(base64.b64decode(_arguments(rows[0])[1]))) if rows else None

    # Batches

    def enqueue(self, name: str, batches: Sequence[Sequence[int]], *, after: int) -> None:
        """Put batches into the sweep's queue; `after` is how many it had before."""
        queue = self._id(name)
        with plain_failures():
            DBOS.register_queue(
                queue, worker_concurrency=1, polling_interval_sec=POLL_SECONDS, on_conflict="never_update"
            )
            for number, places in enumerate(batches, after + 1):
                with SetWorkflowID(f"{queue}/{number:06d}"):
                    DBOS.enqueue_workflow(queue, _batch, list(places))

    def batches(self, name: str, *, load: bool = True) -> tuple[Batch, ...]:
        """Every batch of a sweep, in the order in which they were made; without what they hold unless `load`."""
        with plain_failures():
            rows = DBOS.list_workflows(
                workflow_id_prefix=f"{self._id(name)}/", name=_BATCH, load_input=load, load_output=load
            )
        rows.sort(key=lambda row: row.workflow_id)
        return tuple(
            Batch(
                id=row.workflow_id, status=row.status, places=tuple(_arguments(row)[0]) if load else (),
                found=tuple(row.output or ()) if load and row.status == _ENDED else None,
            )
            for row in rows
        )  # fmt: skip

    def under_way(self, name: str) -> int:
        """How many batches wait or are worked on."""
        return len(self._rows(name, [_WAITING, _TAKEN]))

    def taken(self, name: str) -> tuple[Taken, ...]:
        """The batches that are being worked on."""
        return tuple(
            Taken(
                id=row.workflow_id, executor=row.executor_id or "", beat=str((row.attributes or {}).get("beat", ""))
            )
            for row in self._rows(name, [_TAKEN])
        )  # fmt: skip

    def beat(self, batch: str, beat: str) -> None:
        """Show that a batch's worker lives."""
        with plain_failures():
            DBOS.update_workflow_attributes(batch, {"beat": beat})

    def give_back(self, executor: str) -> None:
        """Put what a lost worker had taken back into the queue; doing it twice changes nothing."""
        with plain_failures():
            DBOS._recover_pending_workflows([executor])

    def cancel(self, name: str) -> None:
        """Take out of the queue what nobody works on yet."""
        with plain_failures():
            waiting = [row.workflow_id for row in self._rows(name, [_WAITING])]
            if waiting:
                DBOS.cancel_workflows(waiting)

    def _rows(self, name: str, states: list[str]) -> list[Any]:
        with plain_failures():
            return list(
                DBOS.list_workflows(
                    workflow_id_prefix=f"{self._id(name)}/", status=states, load_input=False, load_output=False
                )
            )

    def _id(self, name: str) -> str:
        return f"sweep/{self._owner}/{name}"


def _look_seldom() -> None:
    """Nothing is ever put into the library's own queue here, and it looks into it all the time."""
    if version("dbos").startswith(KNOWN_LIBRARY):
        from dbos._dbos import _get_or_create_dbos_registry

        _get_or_create_dbos_registry().get_internal_queue()._polling_interval_sec = UNUSED_SECONDS


def _arguments(row: Any) -> Sequence[Any]:
    found: Sequence[Any] = row.input["args"]
    return found


@contextmanager
def opened(
    place: Place, owner: str, *, executor: str, works: tuple[str, Perform] | None = None
) -> Iterator[SweepJournal]:  # fmt: skip
    """The journal as long as the block runs; `works` names the sweep whose batches this process takes, and does one.

    Raises:
        StoreError: it cannot be used.
    """
    journal = SweepJournal(owner)
    engine = open_engine(place)
    DBOS(config={
        "name": APPLICATION, "system_database_url": engine.url.render_as_string(hide_password=False),
        "system_database_engine": engine, "dbos_system_schema": SCHEMA, "application_version": APPLICATION_VERSION,
        "executor_id": executor, "serializer": DBOSPortableJSONSerializer(), "log_level": "ERROR",
        "use_listen_notify": False, "scheduler_polling_interval_sec": 3600.0,
    })  # fmt: skip
    if works is not None:
        _PERFORM.append(works[1])
    _look_seldom()
    try:
        DBOS.listen_queues([journal._id(works[0])] if works is not None else [])
        try:
            DBOS.launch()
        except (SQLAlchemyError, dbos_error.DBOSException) as error:
            raise StoreError(f"the journal of sweeps cannot be used: {error}; run `invest doctor`") from error
        yield journal
    finally:
        with suppress(dbos_error.DBOSException):
            DBOS.destroy()
        engine.dispose()
        if works is not None:
            _PERFORM.remove(works[1])

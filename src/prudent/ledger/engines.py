"""Engines of an installation: one row each, with a beat that tells the others that it lives."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.records import utc_text
from prudent.ledger.database import ENGINE, Database, Identity, Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import ENGINES

_ALL = select(ENGINES).order_by(ENGINES.c.engine_id)
_ONE = select(ENGINES).where(ENGINES.c.engine_id == bindparam("engine_id"))
_ADD = insert(ENGINES)
_START = (
    update(ENGINES)
    .where(ENGINES.c.engine_id == bindparam("engine_id"))
    .values(
        host=bindparam("b_host"), started=bindparam("b_started"), beat=bindparam("b_started"),
        status=bindparam("b_status"), code_version=bindparam("b_code"), pid=bindparam("b_pid"),
    )
)  # fmt: skip
_BEAT = (
    update(ENGINES)
    .where(
        ENGINES.c.engine_id == bindparam("engine_id"), ENGINES.c.pid == bindparam("pid"),
        ENGINES.c.status == bindparam("status"),
    )
    .values(beat=bindparam("b_beat"), status=bindparam("b_status"))
)  # fmt: skip
_LOST = (
    update(ENGINES)
    .where(
        ENGINES.c.engine_id == bindparam("engine_id"), ENGINES.c.beat == bindparam("beat"),
        ENGINES.c.status == bindparam("status"),
    )
    .values(status=bindparam("b_status"))
)  # fmt: skip

LOST_AFTER = timedelta(seconds=15)


class EngineStatus(StrEnum):
    """`lost`: it went silent without saying goodbye, and another engine took over its work."""

    RUNNING = "running"
    STOPPED = "stopped"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRow:
    """One engine: `id` is its home's, and stays over restarts; `pid` is the process that beats now."""

    id: str
    host: str
    pid: int
    started: datetime
    beat: datetime
    status: EngineStatus
    code_version: str

    def lives(self, now: datetime) -> bool:
        return self.status is EngineStatus.RUNNING and now - self.beat < LOST_AFTER

    def silent(self, now: datetime) -> bool:
        """It should beat and does not."""
        return self.status is EngineStatus.RUNNING and now - self.beat >= LOST_AFTER


class Engines:
    """The engines that share this database; times are wall time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _as_engine(self, *, writes: bool) -> AbstractContextManager[Transaction]:
        """These rows are the installation's, not a person's."""
        identity = Identity(role=ENGINE, owner=self._database.owner)
        after = self._database.after_statement
        return self._database.source.transaction(identity, writes=writes, after_statement=after)

    def started(self, engine: EngineRow) -> None:
        """Enter an engine that begins to work, in place of its earlier life."""
        with self._as_engine(writes=True) as tx:
            known = tx.one(_ONE, engine_id=engine.id)
            if known is None:
                tx.run(
                    _ADD, engine_id=engine.id, host=engine.host, pid=engine.pid, started=utc_text(engine.started),
                    beat=utc_text(engine.beat), status=str(engine.status), code_version=engine.code_version,
                )  # fmt: skip
                return
            tx.run(
                _START, engine_id=engine.id, b_host=engine.host, b_pid=engine.pid, b_started=utc_text(engine.started),
                b_status=str(engine.status), b_code=engine.code_version,
            )  # fmt: skip

    def beat(self, engine: EngineRow, *, at: datetime, status: EngineStatus = EngineStatus.RUNNING) -> bool:
        """Tell the others that it lives, or that it has stopped; False once it counts as lost or has a later life."""
        with self._as_engine(writes=True) as tx:
            beaten = tx.run(
                _BEAT, engine_id=engine.id, pid=engine.pid, status=str(EngineStatus.RUNNING), b_beat=utc_text(at),
                b_status=str(status),
            )  # fmt: skip
        return beaten == 1

    def lost(self, engine: EngineRow) -> bool:
        """Mark an engine that went silent; True for the one caller that was first and takes over its work."""
        with self._as_engine(writes=True) as tx:
            return tx.run(
                _LOST, engine_id=engine.id, beat=utc_text(engine.beat), status=str(EngineStatus.RUNNING),
                b_status=str(EngineStatus.LOST),
            ) == 1  # fmt: skip

    def all(self) -> tuple[EngineRow, ...]:
        with self._as_engine(writes=False) as tx:
            return tuple(_engine(row) for row in tx.all(_ALL))


def _engine(row: Row) -> EngineRow:
    return EngineRow(
        id=row["engine_id"], host=row["host"], pid=row["pid"], started=moment(row["started"]),
        beat=moment(row["beat"]), status=EngineStatus(row["status"]), code_version=row["code_version"],
    )  # fmt: skip

"""What the command line, the web and the engine itself ask an engine to do: rows that one engine claims and answers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, func, insert, select, update

from prudent.domain.records import Json, canonical, utc_text
from prudent.ledger.database import Database, Row
from prudent.ledger.journal import moment
from prudent.ledger.schema import PLATFORM, REQUESTS, mine

_OPEN_MAX = 50

_ADD = insert(REQUESTS)
_ONE = select(REQUESTS).where(mine(REQUESTS, "request_id"))
_OF_STATUS = (
    select(REQUESTS)
    .where(mine(REQUESTS, "status"))
    .order_by(REQUESTS.c.created, REQUESTS.c.request_id)
    .limit(_OPEN_MAX)
)
_COUNT = select(func.count().label("count")).where(mine(REQUESTS, "status"))
_CLAIMED_BY = select(REQUESTS).where(mine(REQUESTS, "status", "claimed_by")).order_by(REQUESTS.c.created)
_CLAIM = (
    update(REQUESTS)
    .where(mine(REQUESTS, "request_id", "status"))
    .values(status=bindparam("b_status"), claimed_by=bindparam("b_claimed_by"), claimed=bindparam("b_claimed"))
)  # fmt: skip
_TAKE_OVER = (
    update(REQUESTS)
    .where(mine(REQUESTS, "request_id", "status", "claimed_by"))
    .values(claimed_by=bindparam("b_claimed_by"), claimed=bindparam("b_claimed"))
)
_END = (
    update(REQUESTS)
    .where(mine(REQUESTS, "request_id", "status"))
    .values(
        status=bindparam("b_status"), finished=bindparam("b_finished"), result=bindparam("b_result"),
        error=bindparam("b_error"),
    )
)  # fmt: skip


class RequestStatus(StrEnum):
    """`withdrawn`: its asker took it back before any engine had claimed it."""

    NEW = "new"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked; the same `id` is asked once, however often it is added. `account` empty = none in particular."""

    id: str
    kind: str
    body: dict[str, Json]
    account: str = PLATFORM
    by: str = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A stored request; `result` once it is done, `error` once it has failed."""

    asked: Asked
    status: RequestStatus
    created: datetime
    claimed_by: str | None
    claimed: datetime | None
    finished: datetime | None
    result: Json
    error: Json

    @property
    def id(self) -> str:
        return self.asked.id

    @property
    def over(self) -> bool:
        return self.status in (RequestStatus.DONE, RequestStatus.FAILED, RequestStatus.WITHDRAWN)


class Requests:
    """The requests of one owner; each method is one durable transaction. Times are wall time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, asked: Asked, *, at: datetime) -> bool:
        """Store a request; False, and nothing changed, when there is one under its id."""
        with self._database.write() as tx:
            if tx.one(_ONE, request_id=asked.id) is not None:
                return False
            tx.run(
                _ADD, request_id=asked.id, kind=asked.kind, account=asked.account,
                body=canonical(asked.body).decode(), status=str(RequestStatus.NEW), asked_by=asked.by,
                created=utc_text(at), claimed_by=None, claimed=None, finished=None, result=None, error=None,
            )  # fmt: skip
            return True

    def find(self, request_id: str) -> Request | None:
        with self._database.read() as tx:
            row = tx.one(_ONE, request_id=request_id)
        return None if row is None else _request(row)

    def new(self) -> tuple[Request, ...]:
        """What no engine has claimed yet, the oldest first; at most fifty."""
        with self._database.read() as tx:
            return tuple(_request(row) for row in tx.all(_OF_STATUS, status=str(RequestStatus.NEW)))

    def counts(self) -> dict[str, int]:
        """How many are new and how many are being worked on."""
        return dict(self._counted())

    def _counted(self) -> Iterator[tuple[str, int]]:
        with self._database.read() as tx:
            for status in (RequestStatus.NEW, RequestStatus.CLAIMED):
                row = tx.one(_COUNT, status=str(status))
                yield str(status), int(row["count"]) if row is not None else 0

    def claimed_by(self, engine: str) -> tuple[Request, ...]:
        """What an engine has claimed and not finished."""
        with self._database.read() as tx:
            rows = tx.all(_CLAIMED_BY, status=str(RequestStatus.CLAIMED), claimed_by=engine)
        return tuple(_request(row) for row in rows)

    def claim(self, request_id: str, engine: str, *, at: datetime) -> bool:
        """Take a new request; False when another engine was first or it was withdrawn."""
        with self._database.write() as tx:
            return tx.run(
                _CLAIM, request_id=request_id, status=str(RequestStatus.NEW), b_status=str(RequestStatus.CLAIMED),
                b_claimed_by=engine, b_claimed=utc_text(at),
            ) == 1  # fmt: skip

    def take_over(self, request_id: str, before: str, engine: str, *, at: datetime) -> bool:
        """Take what a lost engine had claimed; False when it is no longer that engine's."""
        with self._database.write() as tx:
            return tx.run(
                _TAKE_OVER, request_id=request_id, status=str(RequestStatus.CLAIMED), claimed_by=before,
                b_claimed_by=engine, b_claimed=utc_text(at),
            ) == 1  # fmt: skip

    def withdraw(self, request_id: str, *, at: datetime) -> bool:
        """Take a request back; False when an engine has claimed it."""
        return self._end(request_id, RequestStatus.NEW, RequestStatus.WITHDRAWN, at=at)

    def done(self, request_id: str, result: Json, *, at: datetime) -> bool:
        """Store the answer; False when there is one."""
        return self._end(request_id, RequestStatus.CLAIMED, RequestStatus.DONE, at=at, result=result)

    def failed(self, request_id: str, error: Json, *, at: datetime) -> bool:
        """Store why there is no answer; False when there is one."""
        return self._end(request_id, RequestStatus.CLAIMED, RequestStatus.FAILED, at=at, error=error)

    def _end(
        self, request_id: str, before: RequestStatus, after: RequestStatus, *, at: datetime, result: Json = None,
        error: Json = None,
    ) -> bool:  # fmt: skip
        with self._database.write() as tx:
            return tx.run(
                _END, request_id=request_id, status=str(before), b_status=str(after), b_finished=utc_text(at),
                b_result=_text(result), b_error=_text(error),
            ) == 1  # fmt: skip


def _text(value: Json) -> str | None:
    return None if value is None else canonical(value).decode()


def _request(row: Row) -> Request:
    asked = Asked(
        id=row["request_id"], kind=row["kind"], account=row["account"], body=json.loads(row["body"]),
        by=row["asked_by"],
    )  # fmt: skip
    return Request(
        asked=asked, status=RequestStatus(row["status"]), created=moment(row["created"]),
        claimed_by=row["claimed_by"], claimed=moment(row["claimed"]) if row["claimed"] else None,
        finished=moment(row["finished"]) if row["finished"] else None,
        result=json.loads(row["result"]) if row["result"] else None,
        error=json.loads(row["error"]) if row["error"] else None,
    )  # fmt: skip

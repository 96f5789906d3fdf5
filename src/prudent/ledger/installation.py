"""What all owners of one database have in common: who they are, and whose work is due; nothing of what they hold.

On PostgreSQL it reads as the role of engines, which sees owners, requests, waits, schedules and leases and no other
row; on SQLite there is the one person of the file.
"""

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from prudent.ledger.database import ENGINE, Identity, Source, Transaction, open_source
from prudent.ledger.journal import moment
from prudent.ledger.schema import LEASES, REQUESTS, USERS, WAITS

_OWNERS = select(
    USERS.c.owner_id, USERS.c.name, USERS.c.role, USERS.c.status, USERS.c.created
).order_by(USERS.c.created, USERS.c.owner_id)  # fmt: skip
_REQUESTS = (
    select(REQUESTS.c.owner_id, REQUESTS.c.account, REQUESTS.c.request_id, REQUESTS.c.created)
    .where(REQUESTS.c.status == "new")
    .order_by(REQUESTS.c.created, REQUESTS.c.owner_id, REQUESTS.c.request_id)
)
_WAITS = select(
    WAITS.c.owner_id, WAITS.c.account, WAITS.c.run, WAITS.c.cycle, WAITS.c.until
).order_by(WAITS.c.until, WAITS.c.owner_id, WAITS.c.account)  # fmt: skip
_LEASES = select(
    LEASES.c.owner_id, LEASES.c.account, LEASES.c.holder, LEASES.c.epoch, LEASES.c.until
).order_by(LEASES.c.owner_id, LEASES.c.account)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A person for whom a ledger can be opened, by `id`."""

    id: str
    name: str
    role: str
    status: str
    created: datetime


class WorkKind(StrEnum):
    REQUEST = "request"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Something of an owner that an engine must see to; `at` is when it was asked, or until when it waits."""

    owner: str
    kind: WorkKind
    account: str
    ref: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """Who may trade an account of an owner, and until when."""

    owner: str
    account: str
    holder: str
    epoch: int
    until: datetime


class Installation:
    """Reads across owners, for engines and for lists of users."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def owners(self) -> tuple[Owner, ...]:
        """Everybody, the first one first."""
        with self._read() as tx:
            return tuple(
                Owner(
                    id=row["owner_id"], name=row["name"], role=row["role"], status=row["status"],
                    created=moment(row["created"]),
                )
                for row in tx.all(_OWNERS)
            )  # fmt: skip

    def pending_work(self) -> tuple[Work, ...]:
        """Requests that no engine has claimed, the oldest first; then cycles that wait, the earliest end first."""
        with self._read() as tx:
            asked = [
                Work(
                    owner=row["owner_id"], kind=WorkKind.REQUEST, account=row["account"], ref=row["request_id"],
                    at=moment(row["created"]),
                )
                for row in tx.all(_REQUESTS)
            ]  # fmt: skip
            waiting = [
                Work(
                    owner=row["owner_id"], kind=WorkKind.WAIT, account=row["account"],
                    ref=f"{row['account']}/{row['run']}/{row['cycle']}", at=moment(row["until"]),
                )
                for row in tx.all(_WAITS)
            ]  # fmt: skip
        return (*asked, *waiting)

    def leases(self) -> tuple[HeldLease, ...]:
        with self._read() as tx:
            return tuple(
                HeldLease(
                    owner=row["owner_id"], account=row["account"], holder=row["holder"], epoch=row["epoch"],
                    until=moment(row["until"]),
                )
                for row in tx.all(_LEASES)
            )  # fmt: skip

    def close(self) -> None:
        self._source.close()

    def _read(self) -> AbstractContextManager[Transaction]:
        return self._source.transaction(Identity(role=ENGINE), writes=False, after_statement=lambda sql: None)


def open_installation(path_or_url: str | os.PathLike[str]) -> Installation:
    """Open a ledger's database for what its owners have in common; see `open_ledger` for what is refused."""
    return Installation(open_source(path_or_url))

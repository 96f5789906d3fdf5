"""Leases: which process may trade an account now; each new holder gets a higher epoch, under which it claims orders."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update

from prudent.domain.records import utc_text
from prudent.ledger import accounts
from prudent.ledger.database import Database, Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import LEASES, mine

_ONE = select(LEASES).where(mine(LEASES, "account"))
_ALL = select(LEASES).where(mine(LEASES)).order_by(LEASES.c.account)
_ADD = insert(LEASES)
_TAKE = (
    update(LEASES)
    .where(mine(LEASES, "account", "epoch"))
    .values(
        holder=bindparam("b_holder"), epoch=bindparam("b_epoch"), until=bindparam("b_until"), at=bindparam("b_at")
    )
)  # fmt: skip
_RENEW = (
    update(LEASES)
    .where(mine(LEASES, "account", "holder", "epoch"))
    .values(until=bindparam("b_until"), at=bindparam("b_at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to trade an account, until it runs out unless it is renewed."""

    account: str
    holder: str
    epoch: int
    until: datetime

    def lives(self, now: datetime) -> bool:
        return now < self.until


class Leases:
    """The leases of one owner's accounts; times are wall time, whatever clock the desk runs on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, wanted: Sequence[str], holder: str, *, at: datetime, lasts: timedelta) -> tuple[Lease, ...]:
        """Get the leases of accounts, each under its next epoch; those that another holder has now are left out.

        The same holder gets its own anew at once: it is a later life of the process that had it.
        """
        with self._database.write() as tx:
            taken = (_take(tx, account, holder, at, lasts) for account in wanted)
            return tuple(lease for lease in taken if lease is not None)

    def renew(self, held: Sequence[Lease], *, at: datetime, lasts: timedelta) -> tuple[Lease, ...]:
        """The leases, extended; one that is no longer this holder's, or has run out, is left out."""
        with self._database.write() as tx:
            return tuple(
                replace(lease, until=at + lasts)
                for lease in held
                if _is_mine(tx, lease, at) and _extend(tx, lease, until=at + lasts, at=at)
            )

    def release(self, held: Sequence[Lease], *, at: datetime) -> None:
        """Give leases back at once; one that is no longer this holder's stays as it is."""
        with self._database.write() as tx:
            for lease in held:
                _extend(tx, lease, until=at, at=at)

    def of(self, account: str) -> Lease | None:
        with self._database.read() as tx:
            row = tx.one(_ONE, account=account)
        return None if row is None else _lease(row)

    def all(self) -> tuple[Lease, ...]:
        with self._database.read() as tx:
            return tuple(_lease(row) for row in tx.all(_ALL))


def _take(tx: Transaction, account: str, holder: str, at: datetime, lasts: timedelta) -> Lease | None:
    row = tx.one(_ONE, account=account)
    if row is None:
        accounts.find(tx, account)
        until = utc_text(at + lasts)
        tx.run(_ADD, account=account, holder=holder, epoch=1, until=until, at=utc_text(at))
        return Lease(account=account, holder=holder, epoch=1, until=at + lasts)
    known = _lease(row)
    if known.holder != holder and known.lives(at):
        return None
    lease = Lease(account=account, holder=holder, epoch=known.epoch + 1, until=at + lasts)
    taken = tx.run(
        _TAKE, account=account, epoch=known.epoch, b_holder=holder, b_epoch=lease.epoch, b_until=utc_text(lease.until),
        b_at=utc_text(at),
    )  # fmt: skip
    return lease if taken == 1 else None


def _is_mine(tx: Transaction, lease: Lease, at: datetime) -> bool:
    row = tx.one(_ONE, account=lease.account)
    return row is not None and _lease(row).lives(at)


def _extend(tx: Transaction, lease: Lease, *, until: datetime, at: datetime) -> bool:
    return tx.run(
        _RENEW, account=lease.account, holder=lease.holder, epoch=lease.epoch, b_until=utc_text(until),
        b_at=utc_text(at),
    ) == 1  # fmt: skip


def _lease(row: Row) -> Lease:
    return Lease(account=row["account"], holder=row["holder"], epoch=row["epoch"], until=moment(row["until"]))

"""Mandates as stored versions: every run names one, and limits of latches are read from the one in force."""

import functools
import json
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select

from prudent.domain.errors import InputError
from prudent.domain.mandate import Mandate
from prudent.domain.records import canonical, decode, digest, encode, utc_text
from prudent.ledger.database import Transaction
from prudent.ledger.schema import MANDATES, RUNS, mine

_BY_HASH = select(MANDATES.c.version).where(mine(MANDATES, "account", "hash"))
_LAST = select(func.max(MANDATES.c.version).label("version")).where(mine(MANDATES, "account"))
_BODY = select(MANDATES.c.body).where(mine(MANDATES, "account", "version"))
_OF_LATEST_RUN = (
    select(MANDATES.c.body)
    .join(
        RUNS,
        (RUNS.c.owner_id == MANDATES.c.owner_id)
        & (RUNS.c.account == MANDATES.c.account)
        & (RUNS.c.mandate_version == MANDATES.c.version),
    )
    .where(mine(MANDATES, "account"), RUNS.c.mode != bindparam("mode"))
    .order_by(RUNS.c.run.desc())
    .limit(1)
)
_ADD = insert(MANDATES)


def version_of(tx: Transaction, mandate: Mandate, at: datetime) -> int:
    """The stored version of exactly this mandate; a new one when its hash is new."""
    body = encode(mandate)
    found = tx.one(_BY_HASH, account=mandate.account, hash=digest(body))
    if found is not None:
        return int(found["version"])
    last = tx.one(_LAST, account=mandate.account)
    version = int((last["version"] if last else 0) or 0) + 1
    tx.run(
        _ADD, account=mandate.account, version=version, hash=digest(body), body=canonical(body).decode(),
        created=utc_text(at),
    )  # fmt: skip
    return version


def version(tx: Transaction, account: str, number: int) -> Mandate:
    """A stored mandate.

    Raises:
        InputError: the account has no mandate of that version.
    """
    row = tx.one(_BODY, account=account, version=number)
    if row is None:
        raise InputError(f"mandate version of {account} must exist, was {number}; see `invest runs list`")
    return _parsed(row["body"])


def in_force(tx: Transaction, account: str) -> Mandate:
    """The mandate of the latest run that was no dry run, before the first run the one the account was opened with."""
    row = tx.one(_OF_LATEST_RUN, account=account, mode="dry_run")
    return version(tx, account, 1) if row is None else _parsed(row["body"])


@functools.lru_cache(maxsize=64)
def _parsed(body: str) -> Mandate:
    return decode(Mandate, json.loads(body))

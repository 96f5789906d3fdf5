"""Armings: a person's dated word that an account may trade live, for one build and one configuration."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from prudent.domain.interlocks import Arming
from prudent.domain.records import Json, utc_text
from prudent.ledger import audit
from prudent.ledger.database import Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import ARMINGS, AUDIT, mine

_ONE = select(ARMINGS).where(mine(ARMINGS, "account"))
_ALL = select(ARMINGS).where(mine(ARMINGS)).order_by(ARMINGS.c.account)
_ADD = insert(ARMINGS)
_DROP = delete(ARMINGS).where(mine(ARMINGS, "account"))
_SAID = (
    select(AUDIT.c.seq, AUDIT.c.at, AUDIT.c.body).where(mine(AUDIT, "account", "event")).order_by(AUDIT.c.seq.desc())
)
ARMED, LOOSENED = "account_armed", "limits_loosened"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmedLimits:
    """The limits of an account's last arming by name, and where in the audit it stands."""

    seq: int
    limits: Mapping[str, Json]


def _arming(row: Row) -> Arming:
    return Arming(
        account=row["account"], at=moment(row["at"]), until=moment(row["until"]), by=row["armed_by"],
        build=row["build"], config=row["config"], reason=row["reason"],
    )  # fmt: skip


def find(tx: Transaction, account: str) -> Arming | None:
    row = tx.one(_ONE, account=account)
    return None if row is None else _arming(row)


def listed(tx: Transaction) -> tuple[Arming, ...]:
    """Every arming that nobody ended, expired ones too."""
    return tuple(_arming(row) for row in tx.all(_ALL))


def arm(tx: Transaction, arming: Arming, limits: Mapping[str, Json]) -> None:
    """Store the arming in place of the one before it; the audit keeps the limits it was given under."""
    tx.run(_DROP, account=arming.account)
    tx.run(
        _ADD, account=arming.account, until=utc_text(arming.until), at=utc_text(arming.at), armed_by=arming.by,
        build=arming.build, config=arming.config, reason=arming.reason,
    )  # fmt: skip
    audit.note(tx, ARMED, arming.account, arming.at, {
        "until": utc_text(arming.until), "by": arming.by, "build": arming.build, "config": arming.config,
        "reason": arming.reason, "limits": dict(limits),
    })  # fmt: skip


def disarm(tx: Transaction, account: str, *, reason: str, at: datetime) -> bool:
    """End the arming; False, and nothing noted, where the account was not armed."""
    if find(tx, account) is None:
        return False
    tx.run(_DROP, account=account)
    audit.note(tx, "account_disarmed", account, at, {"reason": reason})
    return True


def armed_limits(tx: Transaction, account: str) -> ArmedLimits | None:
    """The limits of the last arming that noted them."""
    for row in tx.all(_SAID, account=account, event=ARMED):
        limits = json.loads(row["body"]).get("limits")
        if limits:
            return ArmedLimits(seq=row["seq"], limits=limits)
    return None


def loosened_since(
    tx: Transaction, account: str, limits: str, what: Sequence[str], *, after: ArmedLimits, at: datetime
) -> datetime:
    """When limits of that digest were first seen after an arming: now, and that is noted, where they were not."""
    rows = (row for row in tx.all(_SAID, account=account, event=LOOSENED) if row["seq"] > after.seq)
    seen = [moment(row["at"]) for row in rows if json.loads(row["body"])["limits"] == limits]
    if seen:
        return min(seen)
    audit.note(tx, LOOSENED, account, at, {"limits": limits, "what": list(what)})
    return at

"""Notices as rows: kept before they are sent, told once per window, and marked channel by channel."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Integer, bindparam, func, insert, select, update

from prudent.domain.accounts import Mode
from prudent.domain.notices import Event, Notice, Routing, Severity
from prudent.domain.records import encode, utc_text
from prudent.ledger import queries
from prudent.ledger.database import Database, Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.rows import Page
from prudent.ledger.schema import NOTICES, mine

PAGE = 100
LINE = "\n"

_LAST_NUMBER = select(func.max(NOTICES.c.number).label("number")).where(mine(NOTICES))
_LAST_OF_KEY = (
    select(NOTICES).where(mine(NOTICES, "dedup_key")).order_by(NOTICES.c.number.desc()).limit(1)
)  # fmt: skip
_ONE = select(NOTICES).where(mine(NOTICES, "number"))
_ADD = insert(NOTICES)
_REPEAT = update(NOTICES).where(mine(NOTICES, "number")).values(facts=bindparam("b_facts"))
_MARK = (
    update(NOTICES)
    .where(mine(NOTICES, "number"))
    .values(deliveries=bindparam("b_deliveries"), sent=bindparam("b_sent"))
)
_READ = (
    update(NOTICES)
    .where(mine(NOTICES), NOTICES.c.number <= bindparam("upto", type_=Integer), NOTICES.c.read_at.is_(None))
    .values(read_at=bindparam("b_at"))
)
_UNSENT = (
    select(NOTICES)
    .where(mine(NOTICES), NOTICES.c.sent.is_(None))
    .order_by(NOTICES.c.severity != str(Severity.CRITICAL), NOTICES.c.number)
    .limit(bindparam("limit", type_=Integer))
)
_UNSENT_COUNT = (
    select(func.count().label("n"), func.min(NOTICES.c.at).label("oldest"))
    .where(mine(NOTICES), NOTICES.c.sent.is_(None))
)  # fmt: skip
_LIST = queries.paged(
    select(NOTICES).where(queries.narrowed(NOTICES, "account", "event", "severity")).order_by(NOTICES.c.number.desc())
)
_LATEST = (
    select(func.max(NOTICES.c.at).label("at")).where(mine(NOTICES, "event"))
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How one channel stands with a notice: `done` when it took it, or never will; `tries` failed ones included."""

    done: bool = False
    tries: int = 0
    at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRow:
    """A notice as kept. `repeats` counts what came again within the window and was not told for itself."""

    number: int
    notice: Notice
    severity: Severity
    repeats: int
    deliveries: Mapping[str, Delivery]
    sent: datetime | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A notice to be kept, in which window it would be a repeat, and what becomes of it."""

    notice: Notice
    window: timedelta
    routing: Routing = Routing.ON


class NoticeBook:
    """The notices of one owner, each act one durable transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, notice: Notice, *, window: timedelta, routing: Routing = Routing.ON) -> int | None:
        """Keep one notice; see `add_all`."""
        return self.add_all((Wanted(notice=notice, window=window, routing=routing),))[0]

    def add_all(self, wanted: Sequence[Wanted]) -> tuple[int | None, ...]:
        """Keep notices together, to be sent or (silent) only kept; each one's number, None where it repeats or is off.

        A repeat is one of the same event, account and subject less than its window after the last that was told; the
        first is always told, and how many were not stands with it.
        """
        told = [each for each in wanted if each.routing is not Routing.OFF]
        if not told:
            return (None,) * len(wanted)
        with self._database.write() as tx:
            return tuple(None if each.routing is Routing.OFF else _add(tx, each) for each in wanted)

    def unsent(self, *, limit: int = PAGE) -> tuple[NoticeRow, ...]:
        """What still has to be sent to some channel: what is critical first, then the oldest."""
        with self._database.read() as tx:
            return tuple(_row(row) for row in tx.all(_UNSENT, limit=limit))

    def delivered(self, number: int, channel: str, delivery: Delivery, *, waiting: frozenset[str]) -> None:
        """Note how a channel stands; the notice is sent once none of `waiting` is left without being done."""
        with self._database.write() as tx:
            row = tx.one(_ONE, number=number)
            if row is None:
                return
            marks = json.loads(row["deliveries"])
            marks[channel] = encode(delivery)
            done = all(bool(marks.get(name, {}).get("done")) for name in waiting | {channel})
            when = utc_text(delivery.at) if done and delivery.at is not None else None
            tx.run(_MARK, number=number, b_deliveries=_text(marks), b_sent=row["sent"] or when)

    def nowhere_to_send(self, number: int, *, at: datetime) -> None:
        """Close a notice that no channel is there for; it stays to be read."""
        with self._database.write() as tx:
            row = tx.one(_ONE, number=number)
            if row is not None and row["sent"] is None:
                tx.run(_MARK, number=number, b_deliveries=row["deliveries"], b_sent=utc_text(at))

    def unsent_count(self) -> tuple[int, datetime | None]:
        """How many notices still have to be sent, and since when the oldest of them waits."""
        with self._database.read() as tx:
            row = tx.one(_UNSENT_COUNT)
            return (0, None) if row is None else (int(row["n"]), queries.maybe_moment(row["oldest"]))

    def latest(self, event: Event) -> datetime | None:
        """When an event was last kept."""
        with self._database.read() as tx:
            row = tx.one(_LATEST, event=str(event))
            return None if row is None else queries.maybe_moment(row["at"])

    def listed(
        self, *, account: str | None = None, event: Event | None = None, severity: Severity | None = None,
        limit: int = PAGE, offset: int = 0,
    ) -> Page[NoticeRow]:  # fmt: skip
        """Kept notices, newest first."""
        query, counted = _LIST
        filters = {
            "account": account, "event": None if event is None else str(event),
            "severity": None if severity is None else str(severity),
        }  # fmt: skip
        with self._database.read() as tx:
            total = tx.one(counted, **filters)
            rows = tx.all(query, limit=limit, offset=offset, **filters)
        return Page(
            rows=tuple(_row(row) for row in rows), total=total["n"] if total else 0, limit=limit, offset=offset
        )

    def read(self, upto: int, *, at: datetime) -> int:
        """Mark every notice up to that number as read; gives how many were not."""
        with self._database.write() as tx:
            return tx.run(_READ, upto=upto, b_at=utc_text(at))


def _add(tx: Transaction, wanted: Wanted) -> int | None:
    notice = wanted.notice
    last = tx.one(_LAST_OF_KEY, dedup_key=notice.dedup_key)
    # In size, for a clock that was set back must not silence anything for ever.
    if last is not None and abs(notice.at - moment(last["at"])) < wanted.window:
        facts = json.loads(last["facts"])
        facts["repeats"] = int(facts.get("repeats", 0)) + 1
        tx.run(_REPEAT, number=last["number"], b_facts=_text(facts))
        return None
    number = _next(tx)
    tx.run(
        _ADD, number=number, at=utc_text(notice.at), event=str(notice.event), account=notice.account,
        severity=str(notice.severity), dedup_key=notice.dedup_key, title=notice.title,
        body=LINE.join(notice.lines), facts=_text(_facts(notice)), deliveries="{}",
        sent=None if wanted.routing is Routing.ON else utc_text(notice.at), read_at=None,
    )  # fmt: skip
    return number


def _next(tx: Transaction) -> int:
    row = tx.one(_LAST_NUMBER)
    return 1 if row is None or row["number"] is None else int(row["number"]) + 1


def _facts(notice: Notice) -> dict[str, object]:
    return {
        "mode": None if notice.mode is None else str(notice.mode), "amount": encode(notice.amount),
        "currency": notice.currency, "reason": notice.reason, "subject": notice.subject, "cycle": notice.cycle,
    }  # fmt: skip


def _text(facts: Mapping[str, object]) -> str:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _row(row: Row) -> NoticeRow:
    facts = json.loads(row["facts"])
    notice = Notice(
        event=Event(row["event"]), at=moment(row["at"]), title=row["title"],
        lines=tuple(row["body"].split(LINE)) if row["body"] else (), account=row["account"],
        mode=Mode(facts["mode"]) if facts["mode"] else None,
        amount=None if facts["amount"] is None else Decimal(facts["amount"]), currency=facts["currency"],
        reason=facts["reason"], subject=facts["subject"], cycle=facts["cycle"],
    )  # fmt: skip
    marks = {
        channel: Delivery(
            done=mark["done"], tries=mark["tries"], at=queries.maybe_moment(mark["at"]), error=mark["error"]
        )
        for channel, mark in json.loads(row["deliveries"]).items()
    }
    return NoticeRow(
        number=row["number"], notice=notice, severity=Severity(row["severity"]), repeats=int(facts.get("repeats", 0)),
        deliveries=marks, sent=queries.maybe_moment(row["sent"]), read_at=queries.maybe_moment(row["read_at"]),
    )  # fmt: skip

"""Calls of models: one row each, written when the call ended, so that a budget holds over restarts; and their sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import bindparam, func, insert, select, update

from prudent.domain.cycles import CycleRecord
from prudent.domain.money import ZERO, plain
from prudent.domain.reasoning import Call, Finish
from prudent.domain.records import utc_text
from prudent.ledger.database import Database, Row, Transaction
from prudent.ledger.journal import moment
from prudent.ledger.schema import MODEL_CALLS, mine

ANSWERED, CUT, FAILED = "answered", "cut", "failed"
_ERROR_MAX = 500

_NEXT = select(func.max(MODEL_CALLS.c.number).label("number")).where(mine(MODEL_CALLS, "account"))
_ADD = insert(MODEL_CALLS)
_SUMMED = (
    MODEL_CALLS.c.account, MODEL_CALLS.c.tokens_in, MODEL_CALLS.c.tokens_out, MODEL_CALLS.c.cost, MODEL_CALLS.c.seconds,
)  # fmt: skip
_WITHIN = (MODEL_CALLS.c.at >= bindparam("since"), MODEL_CALLS.c.at < bindparam("before"))
_OF_DAY = select(*_SUMMED).where(mine(MODEL_CALLS), *_WITHIN)
_OF_ACCOUNT_DAY = select(*_SUMMED).where(mine(MODEL_CALLS, "account"), *_WITHIN)
_OF_ACCOUNT = select(*_SUMMED).where(mine(MODEL_CALLS, "account"))
_OF_CYCLE = (
    select(MODEL_CALLS).where(mine(MODEL_CALLS, "account", "run", "cycle")).order_by(MODEL_CALLS.c.number)
)  # fmt: skip
_NEWEST = select(MODEL_CALLS).where(mine(MODEL_CALLS, "account")).order_by(MODEL_CALLS.c.number.desc()).limit(50)
_CLAIM = (
    update(MODEL_CALLS)
    .where(mine(MODEL_CALLS, "account"), MODEL_CALLS.c.run.is_(None), MODEL_CALLS.c.at >= bindparam("b_since"))
    .values(run=bindparam("b_run"), cycle=bindparam("b_cycle"))
)
_TALLY = (
    select(
        MODEL_CALLS.c.answered_by, MODEL_CALLS.c.outcome, func.count().label("n"),
        func.sum(MODEL_CALLS.c.tokens_in).label("tokens_in"), func.sum(MODEL_CALLS.c.tokens_out).label("tokens_out"),
    )
    .where(mine(MODEL_CALLS))
    .group_by(MODEL_CALLS.c.answered_by, MODEL_CALLS.c.outcome)
    .order_by(MODEL_CALLS.c.answered_by, MODEL_CALLS.c.outcome)
)  # fmt: skip
_COSTS = select(MODEL_CALLS.c.answered_by, MODEL_CALLS.c.cost).where(mine(MODEL_CALLS), MODEL_CALLS.c.cost != "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One call as it is kept; `answered_by` is the model that replied, or the asked one where none did."""

    account: str
    number: int
    cycle: str | None
    at: datetime
    purpose: str
    model: str
    answered_by: str
    outcome: str
    error: str
    tokens_in: int
    tokens_out: int
    cost: Decimal
    seconds: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What calls added up to, in US dollars."""

    calls: int = 0
    tokens: int = 0
    cost: Decimal = ZERO
    seconds: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTally:
    """Calls by who answered and how they ended."""

    model: str
    outcome: str
    calls: int
    tokens_in: int
    tokens_out: int


class ModelCalls:
    """The calls of one owner's accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spend(self, call: Call, *, tokens: int, cost: Decimal, at: datetime) -> int:
        """Keep a call that has just ended, with the tokens and dollars that a budget counts it as; gives its number."""
        reply = call.reply
        out = (reply.tokens_out or 0) if reply is not None else 0
        with self._database.write() as tx:
            account = call.question.account
            last = tx.one(_NEXT, account=account)
            number = int((last["number"] if last is not None else None) or 0) + 1
            tx.run(
                _ADD, account=account, number=number, at=utc_text(at), purpose=call.question.purpose,
                model=call.question.model, answered_by=call.question.model if reply is None else reply.model,
                outcome=_outcome(call), error=call.error[:_ERROR_MAX], run=None, cycle=None,
                tokens_in=max(tokens - out, 0), tokens_out=min(out, tokens), cost=plain(cost),
                seconds="0" if reply is None else plain(reply.seconds),
            )  # fmt: skip
            return number

    def spent(self, account: str | None, day: date) -> Spent:
        """What an account, or with None every account, has spent on a day in UTC."""
        since = datetime(day.year, day.month, day.day, tzinfo=UTC)
        told = {"since": utc_text(since), "before": utc_text(since + timedelta(days=1))}
        with self._database.read() as tx:
            if account is None:
                return _sum(tx.all(_OF_DAY, **told))
            return _sum(tx.all(_OF_ACCOUNT_DAY, account=account, **told))

    def spent_by(self, account: str) -> Spent:
        """What an account has spent since its beginning."""
        with self._database.read() as tx:
            return _sum(tx.all(_OF_ACCOUNT, account=account))

    def of_cycle(self, account: str, run: int, cycle: int) -> tuple[ModelCall, ...]:
        """The calls of a cycle that has its record, in their order."""
        with self._database.read() as tx:
            return tuple(_call(row) for row in tx.all(_OF_CYCLE, account=account, run=run, cycle=cycle))

    def newest(self, account: str) -> tuple[ModelCall, ...]:
        """The last calls of an account, the newest first."""
        with self._database.read() as tx:
            return tuple(_call(row) for row in tx.all(_NEWEST, account=account))

    def tally(self) -> tuple[CallTally, ...]:
        """Calls and tokens by model and outcome."""
        with self._database.read() as tx:
            return tuple(
                CallTally(
                    model=row["answered_by"], outcome=row["outcome"], calls=int(row["n"]),
                    tokens_in=int(row["tokens_in"] or 0), tokens_out=int(row["tokens_out"] or 0),
                )
                for row in tx.all(_TALLY)
            )  # fmt: skip

    def costs(self) -> dict[str, Decimal]:
        """US dollars by model; models that cost nothing are not in it."""
        found: dict[str, Decimal] = {}
        with self._database.read() as tx:
            for row in tx.all(_COSTS):
                found[row["answered_by"]] = found.get(row["answered_by"], ZERO) + Decimal(row["cost"])
        return found


def claim(tx: Transaction, record: CycleRecord) -> None:
    """Name the cycle on the calls that were made for it: those of its account since it began."""
    if "calls" in record.decision_inputs:
        tx.run(
            _CLAIM, account=record.account, b_since=utc_text(record.started), b_run=record.run, b_cycle=record.cycle
        )  # fmt: skip


def _outcome(call: Call) -> str:
    if call.reply is None:
        return FAILED
    return ANSWERED if call.reply.finish is Finish.STOP else CUT


def _sum(rows: Sequence[Row]) -> Spent:
    return Spent(
        calls=len(rows), tokens=sum(row["tokens_in"] + row["tokens_out"] for row in rows),
        cost=sum((Decimal(row["cost"]) for row in rows), ZERO),
        seconds=sum((Decimal(row["seconds"]) for row in rows), ZERO),
    )  # fmt: skip


def _call(row: Row) -> ModelCall:
    return ModelCall(
        account=row["account"], number=row["number"],
        cycle=None if row["run"] is None else f"{row['account']}/{row['run']}/{row['cycle']}",
        at=moment(row["at"]), purpose=row["purpose"], model=row["model"], answered_by=row["answered_by"],
        outcome=row["outcome"], error=row["error"], tokens_in=row["tokens_in"], tokens_out=row["tokens_out"],
        cost=Decimal(row["cost"]), seconds=Decimal(row["seconds"]),
    )  # fmt: skip

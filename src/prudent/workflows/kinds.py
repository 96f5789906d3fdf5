"""What an engine does for each kind of request; each may be begun again after a crash and then goes on."""

from collections.abc import Mapping
from datetime import datetime

from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleWaits
from prudent.domain.errors import DeskError
from prudent.domain.orders import OrderReport
from prudent.domain.records import Json, decode, encode
from prudent.workflows import order_desk  # noqa: F401 - its kinds are known once it is imported
from prudent.workflows.advance import advance
from prudent.workflows.control import cancel_own
from prudent.workflows.cycle import PERSON, CycleWanted, begin, begin_together, carry_on
from prudent.workflows.flatten import begin_flatten
from prudent.workflows.notices import tell_cycle, tell_failure, tell_wait
from prudent.workflows.passing import attend
from prudent.workflows.requests import Answer, Reach, Work, beside_of, error_json, kind

CYCLE, CARRY_ON, CANCEL, FLATTEN, CLOCK_ADVANCE = "cycle", "carry_on", "cancel", "flatten", "clock_advance"


def cycle_body(wanted: CycleWanted) -> Answer:
    """A wanted cycle as the body of a request."""
    return {
        "mode": None if wanted.mode is None else str(wanted.mode), "parameters": dict(wanted.parameters),
        "key": wanted.key, "started_by": wanted.started_by, "beside": list(wanted.beside),
    }  # fmt: skip


@kind(CYCLE, reach=Reach.ACCOUNT)
def _cycle(work: Work) -> Answer:
    """Begin a cycle, once per request, and run it to its end or to where it must wait; then those beside it."""
    wanted = _wanted(work)
    if not wanted.beside:
        return _carried(work, begin(work.desk, wanted))
    begun = begin_together(work.desk, wanted)
    return {"together": {account: _told(work, each) for account, each in begun.items()}}


def _told(work: Work, begun: str | DeskError) -> Answer:
    """What became of one of many; its error is told and stops nobody else."""
    if isinstance(begun, DeskError):
        return {"error": error_json(begun)}
    try:
        return _carried(work, begun)
    except DeskError as error:
        return {"error": error_json(error)}


def _wanted(work: Work) -> CycleWanted:
    mode, parameters = work.body.get("mode"), work.body.get("parameters")
    return CycleWanted(
        account=work.asked.account, mode=None if mode is None else Mode(str(mode)),
        parameters=parameters if isinstance(parameters, dict) else {},
        key=str(work.body.get("key") or f"request:{work.asked.id}"),
        started_by=str(work.body.get("started_by") or PERSON), beside=beside_of(work.body),
    )  # fmt: skip


def together_of(answer: Mapping[str, Json]) -> dict[str, Answer]:
    """The answers of accounts that ran together, by account; empty in the answer of one."""
    found = answer.get("together")
    return {name: each for name, each in found.items() if isinstance(each, dict)} if isinstance(found, dict) else {}


@kind(CARRY_ON, reach=Reach.ACCOUNT)
def _carry_on(work: Work) -> Answer:
    """Run a cycle that was begun before from where it stopped."""
    return _carried(work, work.text("cycle"))


@kind(FLATTEN, reach=Reach.ACCOUNT)
def _flatten(work: Work) -> Answer:
    """Halt an account and close its positions in a cycle of its own."""
    key = f"request:{work.asked.id}"
    begun = work.desk.ledger.cycle_by_key(work.asked.account, key)
    if begun is None:
        begun = begin_flatten(
            work.desk, work.asked.account, by=work.text("by"), reason=work.text("reason"), key=key
        )  # fmt: skip
    return _carried(work, begun)


def _carried(work: Work, cycle_id: str) -> Answer:
    try:
        record = carry_on(work.desk, cycle_id, steps=work.steps(cycle_id))
    except CycleWaits as waits:
        tell_wait(work.desk, waits.wait)
        return {"cycle": cycle_id, "waits": encode(waits.wait)}
    except DeskError as error:
        tell_failure(work.desk, cycle_id.rsplit("/", 2)[0], error, cycle=cycle_id)
        raise
    tell_cycle(work.desk, record)
    return {"cycle": record.id, "status": str(record.status)}


@kind(CANCEL, reach=Reach.NONE)
def _cancel(work: Work) -> Answer:
    """Cancel live orders now, whatever is under way."""
    desk = work.desk
    accounts = (work.asked.account,) if work.asked.account else desk.account_ids()
    reports = cancel_own(
        desk, accounts, symbol=str(work.body.get("symbol") or ""), foreign_too=bool(work.body.get("everyones"))
    )
    return {"reports": encode(reports)}


def reports_of(answer: Mapping[str, Json]) -> tuple[OrderReport, ...]:
    """The reports in the answer to a cancel."""
    return decode(tuple[OrderReport, ...], answer.get("reports") or [])


@kind(CLOCK_ADVANCE, reach=Reach.EVERY)
def _advance(work: Work) -> Answer:
    """Move simulated time; what falls due on the way is done there."""
    desk, target = work.desk, decode(datetime, work.text("to"))
    lines: list[Json] = []
    if desk.clock.now() != target:
        attend(desk, done=lines.append)
        advance(desk, target, work=lambda at: attend(at, done=lines.append))
    return {"now": encode(desk.clock.now()), "lines": lines}

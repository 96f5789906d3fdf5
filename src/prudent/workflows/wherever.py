"""Work that a running engine does, or this process where none runs: the one question every command begins with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from prudent.bootstrap import Desk, current_clock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord, CycleWaits
from prudent.domain.errors import DeskError
from prudent.domain.orders import OrderReport
from prudent.domain.records import Json, encode
from prudent.ledger.requests import Asked
from prudent.workflows import kinds
from prudent.workflows.abreast import run_all
from prudent.workflows.advance import advance
from prudent.workflows.control import cancel_own
from prudent.workflows.cycle import CycleWanted, Outcome, at_work, begin, carry_on
from prudent.workflows.flatten import flatten
from prudent.workflows.notices import tell_cycle, tell_failure, tell_wait
from prudent.workflows.pairs import partners
from prudent.workflows.passing import attend
from prudent.workflows.recovery import Finding
from prudent.workflows.requests import Told, beside_of, cycle_of, error_of, hand_over, hand_over_all

Found = Callable[[tuple[Finding, ...]], None]
Tell = Callable[[str], None]


def cycle_wherever(desk: Desk, wanted: CycleWanted, *, found: Found, tell: Tell) -> CycleRecord:
    """One cycle; `found` is given what a start found where this process did it.

    Raises:
        CycleWaits: a person or the market must come first.
        DeskError: as the cycle met it, here or at the engine.
    """
    body = kinds.cycle_body(wanted) | {"parameters": _absolute(wanted.parameters)}
    answer = hand_over(desk, kinds.CYCLE, body, account=wanted.account, tell=tell)
    if answer is not None:
        return cycle_of(desk, answer)
    with at_work(desk) as findings:
        found(findings)
        tell(f"running a cycle of {wanted.account} ...")
        return _told(desk, wanted.account, lambda: begin(desk, wanted))


def carry_on_wherever(desk: Desk, cycle_id: str, *, found: Found, tell: Tell) -> CycleRecord:
    """A cycle that waits or was left, from where it stopped; raises as `cycle_wherever`."""
    account = cycle_id.rsplit("/", 2)[0]
    answer = hand_over(desk, kinds.CARRY_ON, {"cycle": cycle_id}, account=account, tell=tell)
    if answer is not None:
        return cycle_of(desk, answer)
    with at_work(desk) as findings:
        found(findings)
        return _told(desk, account, lambda: cycle_id)


def cycles_wherever(
    desk: Desk, accounts: Sequence[str], *, mode: Mode | None, found: Found, done: Callable[[Outcome], None], tell: Tell
) -> tuple[Outcome, ...]:
    """A cycle of each account; engines share them, and one that fails does not stop the others."""
    by = desk.ledger.owner
    asked = [
        Asked(id=uuid4().hex, kind=kinds.CYCLE, account=first, by=by,
              body=kinds.cycle_body(CycleWanted(account=first, mode=mode, beside=tuple(others))))
        for first, *others in dict.fromkeys(partners(desk, accounts).values())
    ]  # fmt: skip
    told = hand_over_all(desk, asked, tell=tell)
    if told is not None:
        outcomes = {outcome.account: outcome for each in told for outcome in _outcomes(desk, each)}
        for outcome in outcomes.values():
            done(outcome)
        return tuple(outcomes[account] for account in accounts)
    with at_work(desk) as findings:
        found(findings)
        return run_all(desk, accounts, mode=mode, on_done=done, tell=tell)


def flatten_wherever(desk: Desk, account: str, *, by: str, reason: str, found: Found, tell: Tell) -> CycleRecord:
    """Close every position of an account; raises as `flatten.flatten`."""
    answer = hand_over(desk, kinds.FLATTEN, {"reason": reason, "by": by}, account=account, tell=tell)
    if answer is not None:
        return cycle_of(desk, answer)
    with at_work(desk) as findings:
        found(findings)
        return flatten(desk, account, by=by, reason=reason)


def cancel_wherever(desk: Desk, accounts: Sequence[str], *, everyones: bool) -> tuple[OrderReport, ...]:
    """Cancel live orders now; the engine does it where one runs, for it has the connection to the venue.

    Every account is tried; the first failure is raised once all were.
    """
    reports: list[OrderReport] = []
    failures: list[DeskError] = []
    for account in accounts:
        try:
            answer = hand_over(desk, kinds.CANCEL, {"everyones": everyones}, account=account)
            reports += (
                cancel_own(desk, (account,), foreign_too=everyones) if answer is None else kinds.reports_of(answer)
            )  # fmt: skip
        except DeskError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return tuple(reports)


def advance_wherever(desk: Desk, target: datetime, *, found: Found, tell: Tell) -> tuple[str, ...]:
    """Let simulated time pass; gives one line for each cycle on the way, and the desk's clock stands there."""
    answer = hand_over(desk, kinds.CLOCK_ADVANCE, {"to": encode(target)}, tell=tell)
    if answer is not None:
        desk.clock = current_clock(desk)
        lines = answer.get("lines")
        return tuple(str(line) for line in lines) if isinstance(lines, list) else ()
    done: list[str] = []
    with at_work(desk) as findings:
        found(findings)
        attend(desk, done=done.append)
        advance(desk, target, work=lambda at: attend(at, done=done.append))
    return tuple(done)


def _told(desk: Desk, account: str, begun: Callable[[], str]) -> CycleRecord:
    """Run a cycle here, and keep notices of what became of it."""
    cycle_id = ""
    try:
        cycle_id = begun()
        record = carry_on(desk, cycle_id)
    except CycleWaits as waits:
        tell_wait(desk, waits.wait)
        raise
    except DeskError as error:
        tell_failure(desk, account, error, cycle=cycle_id)
        raise
    tell_cycle(desk, record)
    return record


def _outcomes(desk: Desk, told: Told) -> Iterator[Outcome]:
    """What became of each account of a request."""
    together = kinds.together_of(told.answer)
    for account in (told.asked.account, *beside_of(told.asked.body)):
        if told.error is not None:
            yield Outcome(account=account, record=None, error=told.error)
        else:
            yield _outcome(desk, account, together.get(account, told.answer))


def _outcome(desk: Desk, account: str, answer: Mapping[str, Json]) -> Outcome:
    if "error" in answer:
        return Outcome(account=account, record=None, error=error_of(answer["error"]))
    try:
        return Outcome(account=account, record=cycle_of(desk, dict(answer)))
    except CycleWaits as waits:
        return Outcome(account=account, record=None, wait=waits.wait)


def _absolute(parameters: Mapping[str, Json]) -> dict[str, Json]:
    """A file is named from where the engine finds it, which works in another folder."""
    return {
        key: str(Path(value).absolute()) if isinstance(value, str) and value and Path(value).is_file() else value
        for key, value in parameters.items()
    }



"""Run many accounts: their models are asked beside each other within what each server takes, the rest goes in turn.

A ledger and a venue are one desk's, so everything but the waiting for models stays in the caller's thread. Calls are
grouped by the model that a server has to load, so that one which swaps models does it once.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord, CycleWaits
from prudent.domain.errors import DeskError
from prudent.workflows.cycle import CycleWanted, Outcome, begin, carry_on, fail
from prudent.workflows.pairs import Arm, arms_of, in_turn, partners
from prudent.workflows.steps import JournalSteps, LedgerStages

LOG = logging.getLogger("prudent.run_all")
# So many accounts beyond a server's slots gather their facts meanwhile; its gate keeps their calls back.
AHEAD = 2
Done = Callable[[Outcome], None]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a model is served: `abreast` accounts at a time, and `served` is what must be loaded for it."""

    server: str
    served: str
    abreast: int


@dataclass(slots=True, kw_only=True)
class _Unit:
    """Accounts that decide together, one or a pair; each with its cycle once that is begun, or why it could not be."""

    accounts: tuple[str, ...]
    cycles: dict[str, str] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)
    turn: threading.Lock = field(default_factory=threading.Lock)
    arms: dict[str, Arm] = field(default_factory=dict)


_Wanted = tuple[Seat, str, _Unit]


def run_all(
    desk: Desk, accounts: Sequence[str], *, mode: Mode | None = None, on_done: Done = lambda outcome: None,
    tell: Tell = lambda line: None,
) -> tuple[Outcome, ...]:  # fmt: skip
    """A cycle of each account; one that fails does not stop the others. The outcomes are in the order asked."""
    run = _Run(desk, mode=mode, on_done=on_done, tell=tell)
    units = [_Unit(accounts=group) for group in dict.fromkeys(partners(desk, accounts).values())]
    with ExitStack() as pools:
        waiting = run.start(units, pools)
        for unit in units:
            run.here(unit, [account for account in unit.accounts if account not in waiting])
        while waiting.keys() - run.outcomes.keys():
            account, error = run.answered.get()
            run.finish(waiting[account], account, error)
    return tuple(run.outcomes[account] for account in accounts)


def seat_of(desk: Desk, account: str) -> Seat | None:
    """Where the account's model is served; None for one that answers in this process."""
    language = desk.loaded.settings.language
    own = language.models.get(desk.mandate(account).model)
    if own is None or own.kind == "rules":
        return None
    server = own.base_url or language.base_url or own.kind
    beside = [each for each in language.models.values() if (each.base_url or language.base_url or each.kind) == server]
    served = own.model or desk.mandate(account).model
    # A model in this process has one slot, and reads on from the prompt that it read last: one account after another.
    alone = own.kind == "embedded"
    return Seat(
        server=server, served=served, abreast=1 if alone else max(each.slots for each in beside) + AHEAD
    )  # fmt: skip


class _Run:
    """One run-all: what became of each account, and who has been answered by a model."""

    def __init__(self, desk: Desk, *, mode: Mode | None, on_done: Done, tell: Tell) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.answered: SimpleQueue[tuple[str, Exception | None]] = SimpleQueue()
        self._desk = desk
        self._mode = mode
        self._on_done = on_done
        self._tell = tell

    def start(self, units: Sequence[_Unit], pools: ExitStack) -> dict[str, _Unit]:
        """Let every model server begin with its work; gives the accounts whose answer will come."""
        wanted: dict[str, list[_Wanted]] = {}
        for unit in units:
            for account in unit.accounts:
                seat = seat_of(self._desk, account)
                if seat is not None:
                    wanted.setdefault(seat.server, []).append((seat, account, unit))
        if wanted:
            # Opened once, before threads share it.
            _ = self._desk.language
        for work in wanted.values():
            pool = ThreadPoolExecutor(max_workers=work[0][0].abreast, thread_name_prefix="model")
            pools.callback(pool.shutdown, wait=False, cancel_futures=True)
            _Lane(pool, [*self._grouped(work)]).next()
        return {account: unit for work in wanted.values() for _seat, account, unit in work}

    def _grouped(self, work: Sequence[_Wanted]) -> Iterator[list[Callable[[], None]]]:
        """The work of one server by the model it has to load, in the order of asking, which alternates for pairs."""
        served = list(dict.fromkeys(seat.served for seat, _account, _unit in work))
        pairs = (unit for _seat, _account, unit in work if len(unit.accounts) > 1)
        first = next(pairs, None)
        if first is not None:
            self._begin(first)
            if not _odd(first):
                served.reverse()
        for name in served:
            yield [self._job(unit, account) for seat, account, unit in work if seat.served == name]

    def _job(self, unit: _Unit, account: str) -> Callable[[], None]:
        def ask() -> None:
            self._tell(f"{account}: asking {self._desk.mandate(account).model} ...")
            with unit.turn:
                self._begin(unit)
                if account in unit.failures:
                    raise unit.failures[account]
                arm = self._arms(unit)[account]
            arm.ask()

        return lambda: self.answered.put((account, failure_of(ask)))

    def _begin(self, unit: _Unit) -> None:
        """Begin the unit's cycles, once; a pair goes on without an account that cannot begin."""
        for account in unit.accounts:
            if account not in unit.cycles and account not in unit.failures:
                failure = failure_of(partial(self._begin_one, unit, account))
                if failure is not None:
                    unit.failures[account] = failure

    def _begin_one(self, unit: _Unit, account: str) -> None:
        unit.cycles[account] = begin(self._desk, CycleWanted(account=account, mode=self._mode))

    def _arms(self, unit: _Unit) -> dict[str, Arm]:
        """The unit's arms, which look when the first of them is asked for: a pair at one moment."""
        if not unit.arms:
            unit.arms = {arm.account: arm for arm in arms_of(self._desk, [*unit.cycles.values()], steps=self._steps)}
            for arm in unit.arms.values():
                # It looks again when it is asked, and then the error is its own.
                failure_of(arm.look)
        return unit.arms

    def _steps(self, cycle_id: str) -> JournalSteps:
        return JournalSteps(LedgerStages(self._desk.ledger, cycle_id, self._desk.clock))

    def here(self, unit: _Unit, accounts: Sequence[str]) -> None:
        """Accounts whose model needs no waiting: in this thread, a pair's questions before anything is sent."""
        if not accounts:
            return
        with unit.turn:
            self._begin(unit)
        errors: dict[str, Exception | None] = {**unit.failures}
        if len(unit.cycles) > 1:
            with unit.turn:
                arms = self._arms(unit)
            for arm in in_turn([arms[account] for account in accounts if account in arms]):
                self._tell(f"{arm.account}: deciding on one moment with its pair ...")
                errors[arm.account] = failure_of(arm.ask)
        for account in accounts:
            self.finish(unit, account, errors.get(account))

    def finish(self, unit: _Unit, account: str, error: Exception | None) -> None:
        """From the decision on; a cycle whose model could not even be asked has failed."""
        cycle_id, made = unit.cycles.get(account, ""), list[CycleRecord]()
        failure: Exception | None
        if not cycle_id:
            failure = error
        elif error is not None:
            failure = failure_of(lambda: fail(self._desk, cycle_id, error)) or error
        else:
            failure = failure_of(lambda: made.append(carry_on(self._desk, cycle_id)))
        if made:
            self._tell_done(Outcome(account=account, record=made[0]))
        elif isinstance(failure, CycleWaits):
            self._tell_done(Outcome(account=account, record=None, wait=failure.wait))
        elif failure is not None:
            self._over(account, failure)

    def _over(self, account: str, error: Exception) -> None:
        if not isinstance(error, DeskError):
            LOG.exception("run_all_account_broke", extra={"account": account}, exc_info=error)
            error = DeskError(f"the cycle of {account} met {type(error).__name__}: {error}")
        self._tell_done(Outcome(account=account, record=None, error=error))

    def _tell_done(self, outcome: Outcome) -> None:
        self.outcomes[outcome.account] = outcome
        self._on_done(outcome)


def failure_of(act: Callable[[], object]) -> Exception | None:
    """Do a piece of one account's work; what it raises is given, for it must not end the work of the others."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - the border of one account
        return error
    return None


class _Lane:
    """The work of one server: a group at a time, and the next one once every call of it has ended."""

    def __init__(self, pool: ThreadPoolExecutor, groups: Sequence[Sequence[Callable[[], None]]]) -> None:
        self._pool = pool
        self._groups = deque(groups)
        self._left = 0
        self._turn = threading.Lock()

    def next(self) -> None:
        with self._turn:
            self._left -= 1
            if self._left > 0 or not self._groups:
                return
            group = self._groups.popleft()
            self._left = len(group)
        for job in group:
            self._pool.submit(job).add_done_callback(lambda _done: self.next())


def _odd(unit: _Unit) -> bool:
    first = next(iter(unit.cycles.values()), "/1")
    return int(first.rpartition("/")[2]) % 2 == 1

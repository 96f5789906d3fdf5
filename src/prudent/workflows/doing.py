"""Requests as an engine does them: claimed once, done as durable workflows, answered in their rows."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.errors import DeskError, InputError
from prudent.ledger.requests import Request, RequestStatus
from prudent.workflows import kinds, order_desk
from prudent.workflows.desks import Desks
from prudent.workflows.durable import DbosSteps, Durable, Paused
from prudent.workflows.requests import Answer, Kind, Reach, Work, beside_of, error_json, kind_of, unexpected_json
from prudent.workflows.steps import LedgerStages
from prudent.workflows.turns import Busy

LOG = logging.getLogger("prudent.engine")
TURN_SECONDS = 20.0
PAUSE_SECONDS = 1.0

Key = tuple[str, str]
# Their import registers what can be asked.
ACTS = (kinds, order_desk)
URGENT = (kinds.CANCEL,)


class Doing:
    """The requests that one engine works on; `perform` is what its workflow library calls."""

    def __init__(self, desks: Desks, *, engine: str, workers: int, stop: threading.Event) -> None:
        self._desks = desks
        self._engine = engine
        self._workers = workers
        self._stop = stop
        self._wall = SystemClock()
        self._lock = threading.Lock()
        self._active: set[Key] = set()
        self._paused: list[tuple[float, Key]] = []
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")

    @property
    def count(self) -> int:
        """How many requests are being worked on."""
        return len(self._active)

    def claim(self, durable: Durable) -> None:
        """Take what is new and can begin now: its accounts are free here, and no other process holds them."""
        for owner in self._desks.owners():
            waiting = self._desks.ledger(owner).requests.new()
            if not waiting:
                continue
            desk = self._desks.of(owner)
            held = _held_elsewhere(desk, self._engine, self._wall.now())
            for request in waiting:
                accounts = _accounts(desk, request)
                free = self._desks.turns.is_free([(owner, account) for account in accounts])
                full = self.count >= self._workers and request.asked.kind not in URGENT
                if free and not full and held.isdisjoint(accounts):
                    self._begin(durable, desk, owner, request.id)

    def _begin(self, durable: Durable, desk: Desk, owner: str, request_id: str) -> None:
        if not desk.ledger.requests.claim(request_id, self._engine, at=self._wall.now()):
            return
        with self._lock:
            self._active.add((owner, request_id))
        self._starter.submit(self._start, durable.start, owner, request_id)

    def _start(self, begin: Callable[[str, str], None], owner: str, request_id: str) -> None:
        """In a thread of its own: the library waits for its database as long as it takes."""
        try:
            begin(owner, request_id)
        except DeskError as error:
            LOG.error("request_not_begun", extra={"request": request_id, "why": str(error)})
            with self._lock:
                self._active.discard((owner, request_id))
                self._paused.append((self._wall.monotonic(), (owner, request_id)))

    def take_up_paused(self, durable: Durable) -> None:
        """Let go on what had to be left because its account was busy or a database was away."""
        now = self._wall.monotonic()
        with self._lock:
            due = [key for since, key in self._paused if now - since >= PAUSE_SECONDS]
            self._paused = [each for each in self._paused if each[1] not in due]
        for owner, request_id in due:
            request = self._desks.ledger(owner).requests.find(request_id)
            if request is not None and not request.over and request.claimed_by == self._engine:
                self._starter.submit(self._start, durable.go_on, owner, request_id)

    def close(self) -> None:
        """Begin nothing more."""
        self._starter.shutdown(wait=False, cancel_futures=True)

    def perform(self, owner: str, request_id: str) -> None:
        """Do a request to its end and store its answer; called again with the same one after a crash.

        Raises:
            Paused: it is to go on later, here or at another engine.
        """
        key = (owner, request_id)
        with self._lock:
            self._active.add(key)
        try:
            self._perform(owner, request_id)
        except (Paused, DeskError) as error:
            # So far out, an error means that the ledger could not be asked or told.
            LOG.info("request_left", extra={"request": request_id, "why": str(error) or "the engine stops"})
            with self._lock:
                self._paused.append((self._wall.monotonic(), key))
            raise Paused from error
        finally:
            with self._lock:
                self._active.discard(key)

    def _perform(self, owner: str, request_id: str) -> None:
        desk = self._desks.of(owner)
        request = self._mine(desk, request_id)
        if request is None:
            return
        facts = {"request": request_id, "kind": request.asked.kind, "account": request.asked.account}
        LOG.info("request_begins", extra=facts)
        try:
            answer = self._act(owner, desk, request)
        except DeskError as error:
            LOG.warning("request_failed", extra={**facts, "why": str(error)})
            desk.ledger.requests.failed(request_id, error_json(error), at=self._wall.now())
        except Exception as error:  # the border of an engine: one request must not end it
            LOG.exception("request_broke", extra=facts)
            desk.ledger.requests.failed(request_id, unexpected_json(error), at=self._wall.now())
        else:
            LOG.info("request_done", extra=facts)
            desk.ledger.requests.done(request_id, answer, at=self._wall.now())

    def _mine(self, desk: Desk, request_id: str) -> Request | None:
        """The request, claimed by this engine; None when it is over.

        It comes here after its engine was lost, too: whoever is given its workflow makes it its own, however often
        others do the same at this moment.
        """
        requests = desk.ledger.requests
        while (request := requests.find(request_id)) is not None and not request.over:
            if request.claimed_by == self._engine:
                return request
            if request.status is RequestStatus.NEW:
                requests.claim(request_id, self._engine, at=self._wall.now())
            else:
                requests.take_over(request_id, request.claimed_by or "", self._engine, at=self._wall.now())
        return None

    def _act(self, owner: str, desk: Desk, request: Request) -> Answer:
        kind = kind_of(request.asked.kind)
        accounts = _accounts(desk, request)
        try:
            with self._desks.working(owner, accounts, seconds=TURN_SECONDS, stop=self._stop) as own:
                answer = self._answer(owner, own, kind, request, accounts)
        except Busy as error:
            raise Paused from error
        if kind.reach is Reach.EVERY:
            self._desks.renew()
        return answer

    def _answer(self, owner: str, desk: Desk, kind: Kind, request: Request, accounts: tuple[str, ...]) -> Answer:
        leased = self._desks.held(owner, accounts)

        def lost() -> bool:
            return self._desks.held(owner, leased) != leased

        def leaving() -> bool:
            return self._stop.is_set() or lost()

        def steps(cycle_id: str) -> DbosSteps:
            return DbosSteps(LedgerStages(desk.ledger, cycle_id, desk.clock), stopping=leaving)

        try:
            return kind.act(Work(desk=desk, asked=request.asked, steps=steps))
        except DeskError as error:
            if lost():
                # Whoever has the lease now goes on with it; what failed here is no answer.
                raise Paused from error
            raise


def _accounts(desk: Desk, request: Request) -> tuple[str, ...]:
    """The accounts that a request must have to itself; what it is cannot be told of an unknown kind."""
    try:
        reach = kind_of(request.asked.kind).reach
    except InputError:
        return ()
    if reach is Reach.EVERY:
        return tuple(sorted(desk.account_ids()))
    if reach is not Reach.ACCOUNT or not request.asked.account:
        return ()
    return (request.asked.account, *beside_of(request.asked.body))


def _held_elsewhere(desk: Desk, holder: str, now: datetime) -> frozenset[str]:
    return frozenset(each.account for each in desk.ledger.leases.all() if each.holder != holder and each.lives(now))

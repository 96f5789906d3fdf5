"""Requests: what an engine can be asked, by kind; and how a command hands its work over or is the engine itself."""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain import errors
from prudent.domain.cycles import CycleRecord, CycleWaits, Wait
from prudent.domain.errors import BlockedError, DeskError, InputError, Temporary
from prudent.domain.records import Json, decode
from prudent.ledger.engines import EngineRow
from prudent.ledger.requests import Asked, Request, RequestStatus
from prudent.ledger.schema import PLATFORM
from prudent.ports import Steps
from prudent.workflows.lease import engine_id, home_holder

ANSWER_SECONDS = 900.0
_FIRST_LOOK, _LAST_LOOK = 0.01, 0.2
_WITHOUT_ENGINE_SECONDS = 45.0
_UNEXPECTED = "unexpected"

Answer = dict[str, Json]
Tell = Callable[[str], None]


class Reach(StrEnum):
    """Which accounts nobody else may work on meanwhile: the request's own, every one, or none."""

    ACCOUNT = "account"
    EVERY = "every"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One request that is being done; `steps` gives the durable steps of one cycle."""

    desk: Desk
    asked: Asked
    steps: Callable[[str], Steps]

    @property
    def body(self) -> Mapping[str, Json]:
        return self.asked.body

    def text(self, key: str) -> str:
        """A text that the request must have."""
        value = self.body.get(key)
        if not isinstance(value, str):
            raise InputError(f"a request for {self.asked.kind} must say {key}, was {value!r}; ask again")
        return value


Act = Callable[[Work], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One thing an engine can be asked; `act` may be called again with the same request, and then goes on."""

    name: str
    act: Act
    reach: Reach


KINDS: dict[str, Kind] = {}


def kind(name: str, *, reach: Reach) -> Callable[[Act], Act]:
    """Register what is done for requests of that kind."""

    def register(act: Act) -> Act:
        KINDS[name] = Kind(name=name, act=act, reach=reach)
        return act

    return register


def kind_of(name: str) -> Kind:
    found = KINDS.get(name)
    if found is None:
        raise InputError(f"a request must be one of {', '.join(sorted(KINDS))}, was {name!r}; upgrade the engine")
    return found


def ask(
    desk: Desk, name: str, body: Answer, *, account: str = PLATFORM, key: str | None = None, by: str | None = None
) -> str:
    """Store a request and give its id; under the same `key` it is stored once."""
    asked = Asked(
        id=key or uuid.uuid4().hex, kind=name, body=body, account=account, by=by or desk.ledger.owner
    )  # fmt: skip
    desk.ledger.requests.add(asked, at=SystemClock().now())
    return asked.id


def live_engine(desk: Desk) -> EngineRow | None:
    """The engine that serves this desk: its home's own while that holds the lock, else one that shares its database."""
    now = SystemClock().now()
    engines = desk.ledger.engines.all()
    holder = home_holder(desk.home)
    own = next((each for each in engines if each.id == engine_id(desk.home)), None)
    if own is not None and holder == own.pid and own.status == "running":
        return own
    if holder is not None:
        return None
    return next((each for each in engines if each is not own and each.lives(now)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a request ended: its answer, or why there is none."""

    asked: Asked
    answer: Answer = field(default_factory=dict)
    error: DeskError | None = None


def hand_over(
    desk: Desk, name: str, body: Answer, *, account: str = PLATFORM, tell: Tell = lambda line: None,
    seconds: float = ANSWER_SECONDS,
) -> Answer | None:  # fmt: skip
    """Let a running engine do it, and wait for its answer; None when none runs, and then nothing was asked.

    Raises:
        DeskError: what the engine met, as if it had been met here.
        Temporary: no answer came in time; the request goes on.
    """
    wanted = Asked(id=uuid.uuid4().hex, kind=name, body=body, account=account, by=desk.ledger.owner)
    told = hand_over_all(desk, (wanted,), tell=tell, seconds=seconds)
    if told is None:
        return None
    if told[0].error is not None:
        raise told[0].error
    return told[0].answer


def hand_over_all(
    desk: Desk, wanted: Sequence[Asked], *, tell: Tell = lambda line: None, seconds: float = ANSWER_SECONDS
) -> tuple[Told, ...] | None:
    """As `hand_over` for many at once, which engines may share; one that fails does not stop the others."""
    engine = live_engine(desk)
    if engine is None:
        return None
    for asked in wanted:
        desk.ledger.requests.add(asked, at=SystemClock().now())
    tell(f"handed over to engine {engine.id}, process {engine.pid}")
    wait = _Waiting(desk, seconds=seconds)
    ended = [wait.until_over(asked) for asked in wanted]
    if all(told is None for told in ended):
        return None
    return tuple(
        told or Told(asked=asked, error=Temporary("its engine stopped before it began this; ask again"))
        for asked, told in zip(wanted, ended)
    )


class _Waiting:
    """Waits for answers, and notices when there is nobody left to give them."""

    def __init__(self, desk: Desk, *, seconds: float) -> None:
        self._desk = desk
        self._clock = SystemClock()
        self._ends = self._clock.monotonic() + seconds
        self._pause = threading.Event()
        self._alone_since: float | None = None

    def until_over(self, asked: Asked) -> Told | None:
        """How the request ended; None when it was taken back because no engine runs any more."""
        look = _FIRST_LOOK
        while True:
            request = self._desk.ledger.requests.find(asked.id)
            assert request is not None, f"request {asked.id} was stored and is never deleted"
            if request.over:
                return None if request.status is RequestStatus.WITHDRAWN else _told(request)
            if self._nobody_works():
                now = self._clock.now()
                if request.status is RequestStatus.NEW and self._desk.ledger.requests.withdraw(asked.id, at=now):
                    return None
                if self._too_long_alone():
                    return _late(asked, "its engine stopped; it goes on when an engine starts")
            if self._clock.monotonic() > self._ends:
                return _late(asked, "it is still being worked on; look with `invest status`")
            self._pause.wait(look)
            look = min(look * 1.5, _LAST_LOOK)

    def _nobody_works(self) -> bool:
        if live_engine(self._desk) is not None:
            self._alone_since = None
            return False
        if self._alone_since is None:
            self._alone_since = self._clock.monotonic()
        return True

    def _too_long_alone(self) -> bool:
        return self._alone_since is not None and self._clock.monotonic() - self._alone_since > _WITHOUT_ENGINE_SECONDS


def _late(asked: Asked, why: str) -> Told:
    return Told(asked=asked, error=Temporary(f"request {asked.id} ({asked.kind}) has no answer yet: {why}"))


def _told(request: Request) -> Told:
    if request.status is RequestStatus.DONE:
        return Told(asked=request.asked, answer=request.result if isinstance(request.result, dict) else {})
    return Told(asked=request.asked, error=error_of(request.error))


def error_json(error: DeskError) -> Json:
    """An error as it is stored with a request."""
    return {
        "kind": type(error).__name__, "code": error.code, "exit_code": error.exit_code, "message": str(error)
    }  # fmt: skip


def unexpected_json(error: Exception) -> Json:
    return {
        "kind": _UNEXPECTED, "code": DeskError.code, "exit_code": DeskError.exit_code,
        "message": f"the engine met {type(error).__name__} and logged it; see `invest logs`",
    }  # fmt: skip


def error_of(stored: Json) -> DeskError:
    """The error again, of the same kind."""
    known = stored if isinstance(stored, dict) else {}
    found = getattr(errors, str(known.get("kind")), DeskError)
    made = found if isinstance(found, type) and issubclass(found, DeskError) else DeskError
    return made(str(known.get("message", "the request failed")))


def beside_of(body: Mapping[str, Json]) -> tuple[str, ...]:
    """The accounts that a request is about besides its own."""
    found = body.get("beside")
    return tuple(str(each) for each in found) if isinstance(found, list) else ()


def cycle_of(desk: Desk, answer: Answer) -> CycleRecord:
    """The record of the cycle that an answer is about.

    Raises:
        CycleWaits: it waits for a person or for the market.
    """
    waits = answer.get("waits")
    if waits is not None:
        raise CycleWaits(decode(Wait, waits))
    cycle = answer.get("cycle")
    if not isinstance(cycle, str):
        raise BlockedError(f"an engine's answer must name its cycle, was {answer!r}; look with `invest runs list`")
    return desk.ledger.load_record(cycle)

"""Faults as data: what goes wrong, where, for whom and how often; which of them stand, and what they did."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np

from prudent.domain.errors import InputError

LOG_MAX = 50_000


class On(StrEnum):
    """Where a fault strikes; `request` is any message of a client, `tick` each move of the market."""

    PLACE = "placeOrder"
    WHAT_IF = "whatIf"
    CANCEL = "cancel"
    FILL = "fill"
    CONNECT = "connect"
    TICK = "tick"
    REQUEST = "request"


class Do(StrEnum):
    """What a fault does; `RULES` says where each can strike and what it can be told."""

    DELAY = "delay"
    REJECT = "reject"
    PARTIAL = "partial"
    SWALLOW = "swallow"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    NO_STATUS = "no_status"
    LATE_COMMISSION = "late_commission"
    ZONE = "zone"
    ERROR = "error"
    DISCONNECT = "disconnect"
    REFUSE = "refuse"
    ROLLBACK_IDS = "rollback_ids"
    LINK = "link"
    STALE_QUOTES = "stale_quotes"
    CROSSED = "crossed"
    GAP = "gap"
    ASSIGNMENT = "assignment"
    WHATIF_UNSET = "whatif_unset"
    RATE_LIMIT = "rate_limit"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a fault can strike, what it does in words, and its arguments with what they are unless told."""

    places: tuple[On, ...]
    words: str
    args: Mapping[str, float | str | bool] = field(default_factory=dict)


_ORDERS = (On.PLACE, On.FILL)
# What follows is the page of faults in docs/PAPER_GATEWAY.md too.
RULES: Mapping[Do, Rule] = {
    Do.DELAY: Rule(
        (*_ORDERS, On.WHAT_IF, On.CANCEL, On.REQUEST, On.CONNECT),
        "an order is booked at once and told of `seconds` later (at random up to `until`); a request is served later",
        {"seconds": 0.6, "until": 0.0},
    ),
    Do.REJECT: Rule(
        (On.PLACE, On.WHAT_IF, On.CANCEL), "answered with error `code`; nothing is done",
        {"code": 201, "text": "Order rejected - reason:a fault was asked for"},
    ),
    Do.PARTIAL: Rule(
        (On.PLACE,), "until the order is done its book shows `quantity` at a time; nothing after `parts` of them",
        {"quantity": 1, "parts": 0},
    ),
    Do.SWALLOW: Rule(
        (*_ORDERS, On.WHAT_IF, On.CANCEL, On.REQUEST, On.CONNECT),
        "an order is booked and only lists show it; an execution is not told; a request or a start is not heard",
    ),
    Do.DROP_BEFORE: Rule((On.PLACE, On.WHAT_IF), "the connection ends, and nothing was booked or answered"),
    Do.DROP_AFTER: Rule((On.PLACE,), "the connection ends without a word, and the order was booked"),
    Do.DUPLICATE: Rule((*_ORDERS, On.REQUEST), "each message is told twice"),
    Do.REORDER: Rule(_ORDERS, "messages about the order come in the reverse order"),
    Do.NO_STATUS: Rule(_ORDERS, "executions are told, the status that they lead to is not"),
    Do.LATE_COMMISSION: Rule(_ORDERS, "commissions are told `seconds` later", {"seconds": 1.0}),
    Do.ZONE: Rule(_ORDERS, "times of executions name their zone as `name`", {"name": "Eastern Standard Time"}),
    Do.ERROR: Rule(
        (*_ORDERS, On.CANCEL, On.REQUEST, On.TICK),
        "afterwards error `code` is told, about the order or request; on a tick to everybody",
        {"code": 399, "text": "a fault was asked for"},
    ),
    Do.DISCONNECT: Rule((*_ORDERS, On.CANCEL, On.REQUEST, On.CONNECT, On.TICK), "afterwards the connection ends"),
    Do.REFUSE: Rule((On.CONNECT,), "the client is not let in; it is told error `code` unless that is 0", {"code": 0}),
    Do.ROLLBACK_IDS: Rule((On.CONNECT,), "the next order id that is offered lies `back` too low", {"back": 10}),
    Do.LINK: Rule(
        (On.PLACE, On.REQUEST, On.TICK),
        "1100: the servers are lost, and what happens is told when they are back; 1102: they are; 1101: and all "
        "streams of quotes have ended",
        {"code": 1100},
    ),
    Do.STALE_QUOTES: Rule((On.TICK,), "quotes stand still, for `seconds` unless that is 0", {"seconds": 0.0}),
    Do.CROSSED: Rule((On.TICK,), "quotes show the bid above the ask", {"seconds": 0.0}),
    Do.GAP: Rule((On.TICK,), "all prices are `share` away, for trades too", {"share": -0.05, "seconds": 0.0}),
    Do.ASSIGNMENT: Rule((On.TICK,), "`quantity` short options on the symbol are assigned", {"quantity": 1}),
    Do.WHATIF_UNSET: Rule(
        (On.WHAT_IF,),
        "the answer about margin has no figures, or the word `figures` for each; with `changes` what changes is told"
        " all the same; with `answered` a second answer has all",
        {"answered": False, "figures": "", "changes": False},
    ),
    Do.RATE_LIMIT: Rule((On.REQUEST,), "answered with error 100; `hang_up` ends the connection", {"hang_up": False}),
    Do.NOTE: Rule(tuple(On), "nothing but a line in the log"),
}  # fmt: skip
# These stand from when they are added until they are cleared or their seconds are over, and are not counted.
QUOTED = frozenset({Do.STALE_QUOTES, Do.CROSSED, Do.GAP})
ASSIGNED = frozenset({Do.ASSIGNMENT})
NOTES = frozenset({Do.NOTE})
ACTS = frozenset(Do) - QUOTED - ASSIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a fault may strike: what is known of an act."""

    symbol: str = ""
    side: str = ""
    client_id: int = -1
    order_id: int = -1
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which acts a fault is for, all that are told; `nth` is the first that it strikes, counted from 1."""

    symbol: str = ""
    side: str = ""
    client_id: int | None = None
    request: str = ""
    nth: int = 1

    def fits(self, subject: Subject) -> bool:
        wanted = (
            (self.symbol, subject.symbol), (self.side, subject.side), (self.request, subject.request),
            ("" if self.client_id is None else str(self.client_id), str(subject.client_id)),
        )  # fmt: skip
        return all(not asked or asked == has for asked, has in wanted)


ANY = Match()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: strikes `times` acts (None: every one), each by `chance`; `seed` makes its dice.

    Raises:
        InputError: it cannot strike there, or is told what it does not understand.
    """

    on: On
    do: Do
    match: Match = ANY
    args: Mapping[str, float | str | bool] = field(default_factory=dict)
    times: int | None = 1
    chance: float = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        rule = RULES[self.do]
        if self.on not in rule.places:
            raise InputError(f"fault {self.do} must be on {' or '.join(rule.places)}, was on {self.on}; correct `on`")
        for name, value in self.args.items():
            known = rule.args.get(name)
            if known is None:
                understood = ", ".join(rule.args) or "none"
                raise InputError(f"fault {self.do} has the arguments {understood}, was told {name}; leave it out")
            if _kind(value) is not _kind(known):
                raise InputError(f"{name} of fault {self.do} must be like {known!r}, was {value!r}; correct it")
        if self.match.nth < 1 or (self.times is not None and self.times < 1) or not 0 < self.chance <= 1:
            raise InputError(
                f"nth and times of a fault must be 1 or more and its chance above 0 and at most 1, were "
                f"{self.match.nth}, {self.times} and {self.chance}; correct them"
            )

    def arg(self, name: str) -> float | str | bool:
        return self.args.get(name, RULES[self.do].args[name])

    def number(self, name: str) -> float:
        return float(self.arg(name))

    def whole(self, name: str) -> int:
        return int(self.number(name))

    def to_json(self) -> dict[str, Any]:
        match = {
            name: value
            for name in ("symbol", "side", "client_id", "request", "nth")
            if (value := getattr(self.match, name)) != getattr(ANY, name)
        }
        return {
            "on": str(self.on), "do": str(self.do), "match": match, "args": dict(self.args), "times": self.times,
            "chance": self.chance, "seed": self.seed,
        }  # fmt: skip


def _kind(value: object) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A line of the log: fault `number` struck at `at` on the market's clock, at `moment` seconds of the loop."""

    number: int
    at: datetime
    moment: float
    on: On
    do: Do
    subject: Subject

    def to_json(self) -> dict[str, Any]:
        about = self.subject
        return {
            "fault": self.number, "at": self.at.isoformat(), "on": str(self.on), "do": str(self.do),
            "symbol": about.symbol, "client_id": about.client_id, "order_id": about.order_id,
            "request": about.request,
        }  # fmt: skip


@dataclass(slots=True, eq=False)
class Standing:
    """A fault with what it has done so far."""

    number: int
    fault: Fault
    dice: np.random.Generator
    seen: int = 0
    fired: int = 0
    since: datetime | None = None

    def strikes(self) -> bool:
        """Counts one more act that it is for."""
        self.seen += 1
        fault = self.fault
        if self.seen < fault.match.nth or (fault.times is not None and self.fired >= fault.times):
            return False
        if fault.chance < 1 and self.dice.random() >= fault.chance:
            return False
        self.fired += 1
        return True

    def met(self) -> "Met":
        args = RULES[self.fault.do].args
        least = self.fault.number("seconds") if "seconds" in args else 0.0
        most = self.fault.number("until") if "until" in args else 0.0
        return Met(fault=self.fault, seconds=least if most <= least else float(self.dice.uniform(least, most)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A fault that struck, and how long it delays this time."""

    fault: Fault
    seconds: float


class Faults:
    """The faults that stand and the log of what they did. Not safe for threads: the gateway's loop owns it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._standing: dict[int, Standing] = {}
        self._count = 0
        self._log: deque[Fired] = deque(maxlen=LOG_MAX)
        # Who else hears of each line of the log.
        self.tell: Callable[[Fired], None] = lambda fired: None

    def add(self, fault: Fault) -> int:
        """Lets a fault stand; gives its number."""
        self._count += 1
        dice = np.random.Generator(np.random.PCG64(fault.seed))
        self._standing[self._count] = Standing(self._count, fault, dice)
        return self._count

    def clear(self, number: int | None = None) -> int:
        """Ends one fault or, with None, all; gives how many ended."""
        ended = [each for each in self._standing if number in (None, each)]
        for each in ended:
            del self._standing[each]
        return len(ended)

    def all(self) -> tuple[Standing, ...]:
        return tuple(self._standing.values())

    @property
    def log(self) -> tuple[Fired, ...]:
        """What happened, the oldest first."""
        return tuple(self._log)

    def strike(self, on: On, subject: Subject, *, among: frozenset[Do] = ACTS) -> Met | None:
        """The first fault of those kinds that strikes this act; notes are taken beside it."""
        found = None
        for each in tuple(self._standing.values()):
            if each.fault.on is not on or each.fault.do not in among or not each.fault.match.fits(subject):
                continue
            if (found is None or each.fault.do is Do.NOTE) and each.strikes():
                self._note(each, subject)
                found = found if each.fault.do is Do.NOTE else each.met()
        return found

    def quoted(self, do: Do, symbol: str) -> Fault | None:
        """The fault of that kind that bends the quotes of a symbol now."""
        for each in self._standing.values():
            if each.fault.do is not do or each.fault.match.symbol not in ("", symbol):
                continue
            if each.since is None:
                each.since, each.fired = self._now(), 1
                self._note(each, Subject(symbol=symbol))
            lasts = each.fault.number("seconds")
            if not lasts or self._now() - each.since < timedelta(seconds=lasts):
                return each.fault
        return None

    def __bool__(self) -> bool:
        """False where nothing stands."""
        return bool(self._standing)

    def _note(self, standing: Standing, subject: Subject) -> None:
        fault = standing.fault
        fired = Fired(
            number=standing.number, at=self._now(), moment=_moment(), on=fault.on, do=fault.do, subject=subject,
        )  # fmt: skip
        self._log.append(fired)
        self.tell(fired)


def _moment() -> float:
    """The running loop's seconds; 0 where none runs."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return 0.0

"""Every seam on one page: what the core asks of the world, and what each implementation promises."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from prudent.domain.accounts import AccountHistory, AccountSnapshot, TradingState
from prudent.domain.cycles import CycleRecord, Observation
from prudent.domain.instruments import Instrument
from prudent.domain.mandate import Mandate
from prudent.domain.margin import MarginAnswer
from prudent.domain.notices import Notice
from prudent.domain.orders import Fill, OrderIntent, OrderReport
from prudent.domain.proposals import Decision
from prudent.domain.quotes import Quality, Quote
from prudent.domain.reasoning import Question, Reply
from prudent.domain.records import Json
from prudent.domain.rules import UserRule

Floats = NDArray[np.float64]
T = TypeVar("T")
ReadFile = Callable[[str], str]
TargetOf = Callable[[str], Mapping[str, Decimal]]


class Clock(Protocol):
    """The only source of time. `now` is aware UTC and never goes backwards; `monotonic` is for ages in seconds."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One trading day of an exchange, open and close in UTC; `early_close` on half days."""

    date: date
    open: datetime
    close: datetime
    early_close: bool = False


class Calendar(Protocol):
    """Sessions of one exchange (XNYS). Asking outside its range raises `InputError` that names the range."""

    def session_of(self, moment: datetime) -> Session:
        """The session whose date is `moment`'s exchange-local date, or the next one if that is no session."""

    def is_open(self, moment: datetime) -> bool:
        """True from the open (inclusive) to the close (exclusive) of a session."""

    def next_open(self, moment: datetime) -> datetime:
        """The first open at or after `moment`."""

    def sessions(self, first: date, last: date) -> Sequence[Session]:
        """All sessions with dates in [first, last], ascending."""

    def completed(self, moment: datetime, count: int) -> Sequence[Session]:
        """The last `count` sessions whose close is at or before `moment`, ascending."""


class Instruments(Protocol):
    """The instrument master. Unknown symbols are absent from answers; `find` normalises class shares first."""

    def find(self, symbol: str) -> Instrument | None: ...

    def all(self) -> Sequence[Instrument]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars as columns: `times[t]` is the bar's start (UTC), `fields[name][t, i]` belongs to `symbols[i]`.

    A missing value is NaN. `quality[name][i]` says whether that field of that symbol is real, derived or synthetic.
    """

    symbols: tuple[str, ...]
    times: NDArray[np.datetime64]
    fields: Mapping[str, Floats]
    quality: Mapping[str, tuple[Quality, ...]]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A dated fact of a symbol (earnings date, headline); `known_at` is when it could first be read."""

    symbol: str
    kind: str
    date: date
    text: str
    known_at: datetime
    source: str
    quality: Quality


class MarketData(Protocol):
    """Prices bound to the clock: nothing it returns was unknown at `clock.now()`.

    A daily bar is known at its session's close, its open at the open; an intraday bar at its end. Asking for a
    time after the clock raises `LookAhead`. Empty means there is none; an unreachable source raises `Temporary`.
    Unknown symbols raise `InputError` from `daily` and `bars`; `quotes` answers them with `price=None`.
    """

    @property
    def source(self) -> str: ...

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        """The latest known quote of each symbol, in the order asked."""

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        """The last `sessions` completed daily bars up to `end` (default: the last completed session).

        Fields: open, high, low, close, volume, raw_close, dividend, split (1 = none).
        """

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        """Completed intraday bars with start in [start, end); fields open, high, low, close, volume."""

    def series(self, name: str, *, sessions: int) -> Bars:
        """A named daily series (SPX, VIX, TNX) as bars with the single field close."""

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        """Facts of kind `earnings` or `headline` dated in [start, end] and already known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerTraits:
    """What a venue can do; `lot` of None means each instrument's own lot, `transmits` False that nothing leaves.

    A venue of `futures` shows as cash what is left once each contract is set aside at its whole value. One of `margin`
    says beforehand what an order would do to the margin: its broker, and the reading half of it, is a `TellsMargin`.
    """

    transmits: bool = True
    fractional: bool = False
    shorting: bool = False
    futures: bool = False
    margin: bool = False
    lot: Decimal | None = None
    quiet_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The connection to a venue. Each new connection is a new `session`.

    `up` False: connected or not, the venue cannot be reached, so what it lists proves nothing. `quiet_since` is when
    this session last came up: silence is counted from there. `next_order_id` is the lowest id that the venue offers;
    it may go backwards, and only ever raises the ledger's own mark.
    """

    session: str = "local"
    up: bool = True
    quiet_since: datetime | None = None
    next_order_id: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Under which right an order is claimed for the wire: the account's lease and the venue's live session.

    `epoch` 0 is no lease: a rehearsal or a test, where nothing else can act. `at` is the wall time at which it was
    given: leases run on wall time, whatever clock the desk has.
    """

    holder: str = ""
    epoch: int = 0
    at: datetime | None = None
    endpoint: str = "local"
    session: str = "local"
    next_order_id: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What was committed before the first byte leaves: the id that the venue will be given, and for which session."""

    order_id: int = 0
    session: str = "local"


NO_CLAIM = Claim()
NO_PERMIT = Permit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One round of questions to a venue about one account, asked and ended on the clock.

    `orders` are the live ones and those that ended today, ours and others'; `fills` the executions of today.
    `complete` False: one of the lists did not end, or the link was not up throughout; then absence proves nothing.
    """

    account: str
    session: str
    asked: datetime
    ended: datetime
    complete: bool
    orders: tuple[OrderReport, ...]
    fills: tuple[Fill, ...]
    snapshot: AccountSnapshot


class BrokerReads(Protocol):
    """The half of a broker that cannot trade; it leads back to no `submit`."""

    @property
    def name(self) -> str: ...

    @property
    def traits(self) -> BrokerTraits: ...

    def link(self, account: str) -> Link: ...

    def snapshot(self, account: str) -> AccountSnapshot: ...

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]: ...

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]: ...

    def listing(self, account: str) -> Listing: ...


class Broker(Protocol):
    """One venue. It trades an `order_ref` at most once: a second submit of it returns the first one's report.

    `submit` never raises for a refusal (status REJECTED with a message); it raises `Temporary` only when certainly
    nothing was sent, which includes a claim for another session than the live one, and returns UNKNOWN when it cannot
    say. HELD is an order that the venue has seen but not accepted. It never changes an order. Reads have no effect.
    An unknown account raises `InputError`, a venue that cannot be asked `Temporary`.
    """

    @property
    def name(self) -> str: ...

    @property
    def traits(self) -> BrokerTraits: ...

    def reads(self) -> BrokerReads: ...

    def link(self, account: str) -> Link: ...

    def snapshot(self, account: str) -> AccountSnapshot: ...

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport: ...

    def cancel(self, account: str, order_ref: str) -> OrderReport:
        """Ask to cancel; an unknown ref answers NOT_SENT, a finished order its final report."""

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        """What the venue knows of each order now; unknown refs answer NOT_SENT."""

    def wait(self, account: str, order_refs: Sequence[str], *, seconds: float) -> tuple[OrderReport, ...]:
        """As `reports`, after every order is terminal or `seconds` have passed on the clock."""

    def fills(self, account: str, *, since: datetime | None = None) -> tuple[Fill, ...]: ...

    def listing(self, account: str) -> Listing:
        """Ask for everything at once: what reconciliation compares the ledger with."""


@runtime_checkable
class TellsMargin(Protocol):
    """What a broker is beside `Broker`, or its reading half beside `BrokerReads`, where its venue keeps margin."""

    def what_if(self, intents: Sequence[OrderIntent]) -> tuple[MarginAnswer, ...]:
        """What each order would do to its account's margin if it alone were filled now, in the order asked.

        Nothing is placed, booked or listed anywhere, and the same intent may be submitted afterwards. It comes back
        within ten real seconds, whatever the venue does: silence is an answer that is not `checked`, never an error.
        """


class LanguageModel(Protocol):
    """Configured models by name. It proposes text and does nothing else; it never sees a secret.

    `ask` gives the reply as it came, cut ones included; it raises `Temporary` when no reply came in time or the server
    refuses to serve now, `Permanent` when it never will, and `OverBudget` before a call that the budget does not allow.
    It never asks twice by itself. `fallback` is the model to ask when this one failed, None where there is none.
    """

    def ask(self, question: Question) -> Reply: ...

    def fallback(self, model: str) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One fundamental of a symbol, e.g. `pe`, `revenue_growth`, `target_upside`; None is not known."""

    symbol: str
    name: str
    value: Decimal | None
    as_of: datetime
    source: str


class Fundamentals(Protocol):
    """Valuation, growth and consensus of companies as they are now.

    They have no history: where the clock is not the wall clock, `figures` gives nothing and `why_not` says why.
    """

    @property
    def why_not(self) -> str: ...

    def figures(self, symbols: Sequence[str]) -> tuple[Figure, ...]: ...


class News(Protocol):
    """Headlines and macro events from outside: untrusted text, cleaned and cut, known at the clock's time.

    An unreachable feed is left out and named in `warnings`, never raised: news are never needed.
    """

    def headlines(self, symbols: Sequence[str], *, since: datetime) -> tuple[Event, ...]: ...

    def warnings(self) -> tuple[str, ...]: ...


# The last records of an account that the asking account may read, newest first: `(account, count)`.
RecordsOf = Callable[[str, int], Sequence[CycleRecord]]


@dataclass(frozen=True, slots=True)
class DecideContext:
    """What a strategy may read while gathering inputs; all of it bound to the clock.

    `model`, `news` and `fundamentals` are None on a desk that has none; `records_of` tells of earlier cycles.
    """

    observation: Observation
    mandate: Mandate
    market: MarketData
    target_of: TargetOf
    read_file: ReadFile
    calendar: Calendar | None = None
    model: LanguageModel | None = None
    news: News | None = None
    fundamentals: Fundamentals | None = None
    records_of: RecordsOf = lambda account, count: ()


class Strategy(Protocol):
    """`gather` reads the world into JSON inputs that are recorded; `decide` is a pure function of them.

    `symbols` names what the account must observe before deciding (its holdings are observed anyway).
    """

    def symbols(self, mandate: Mandate, read_file: ReadFile, target_of: TargetOf) -> tuple[str, ...]: ...

    def gather(self, context: DecideContext) -> dict[str, Json]: ...

    def decide(self, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRef:
    """A numbered run of one account, `account/number`."""

    account: str
    number: int

    @property
    def id(self) -> str:
        return f"{self.account}/{self.number}"


class Ledger(Protocol):
    """The memory of the desk. Appends are durable when a method returns; what cannot be written raises `StoreError`.

    Journal and audit rows are never updated. Every method acts for the one owner the ledger was opened for.
    """

    def open_run(
        self, mandate: Mandate, *, mode: str, rules: Sequence[UserRule], code_version: str, at: datetime
    ) -> RunRef:
        """The running run if mandate, rules, mode and code are unchanged; else that one ends and the next starts."""

    def next_cycle(self, run: RunRef, *, at: datetime) -> int:
        """Reserve the next cycle number of the run (durable, never reused)."""

    def history(self, account: str, *, session: date, at: datetime) -> AccountHistory: ...

    def rules(self, account: str) -> tuple[UserRule, ...]: ...

    def approve(self, run: RunRef, cycle: int, intents: Sequence[OrderIntent], *, at: datetime) -> None:
        """Store intents as APPROVED with their seals."""

    def sending(self, account: str, order_ref: str, *, seal: str, at: datetime, permit: Permit = NO_PERMIT) -> Claim:
        """APPROVED -> SENDING, durable before the first byte leaves.

        In the same transaction it is asked once more whether anything forbids it; raises `BlockedError` if seal or
        state differ, the approval is too old, the lease is not ours, or the platform, account or symbol is stopped.
        """

    def never_left(
        self, account: str, order_ref: str, *, reason: str, at: datetime, claim: Claim = NO_CLAIM
    ) -> None:
        """End an order as NOT_SENT with certainty: it was never claimed, or `claim` is its own and nothing was sent."""

    def found(self, account: str, order_refs: Sequence[str]) -> Mapping[str, OrderReport]:
        """What the ledger holds of those orders that it has."""

    def known(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        """What the ledger holds of each order, in the order asked; an unknown ref raises `InputError`."""

    def reported(
        self, account: str, report: OrderReport, *, at: datetime, asked: datetime | None = None
    ) -> None:
        """Store an order's new state and its fills (once each, latest version), and book the fills in the journal.

        `asked` is when the broker was asked for it; None for what it told by itself, which may be older than it looks.

        A report of NOT_SENT means that the broker did not find it, which makes an order that was claimed UNKNOWN:
        absence is proved by reconciling, never told.
        """

    def set_state(self, account: str, state: TradingState, *, reason: str, at: datetime, symbol: str = "") -> None: ...

    def value(self, account: str, *, nlv: Decimal, at: datetime, session: date) -> None:
        """Store a valuation: moves unit value, its peak, and the session's opening NLV if it is the first."""

    def record(self, record: CycleRecord, *, why: Mapping[str, str]) -> str:
        """Store the cycle with reasoning and verdict counts, append to the audit chain; returns the record's digest."""

    def load_record(self, cycle_id: str) -> CycleRecord:
        """The stored cycle `account/run/cycle` (or `account/run` = its last); unknown raises `InputError`."""


class Steps(Protocol):
    """Runs the stages of one cycle as recorded steps: a finished step is not run again after a crash.

    `name` is unique within the cycle. What `action` returned is kept, encoded, until the cycle has its record; a later
    run of the same step gives it back decoded as `of`. A step whose action raises is not finished.
    """

    def run(self, name: str, action: Callable[[], T], *, of: type[T]) -> T: ...


class Notifier(Protocol):
    """One channel to a person. A notice that it has taken may arrive more than once, never half.

    `send` raises `Temporary` when it may be tried again and `Permanent` when it never will be taken; neither message
    holds a secret. It ends within seconds, whatever the other side does. `name` is unique and holds no secret.
    """

    @property
    def name(self) -> str: ...

    def check(self) -> None:
        """Raise `ConfigError` where nothing can ever be sent; sends nothing."""

    def send(self, notice: Notice, number: int) -> None: ...

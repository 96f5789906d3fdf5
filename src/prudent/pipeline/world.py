"""The ports that one account's cycle reads and writes, wired by bootstrap for the mode at hand."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from prudent.domain.accounts import Mode
from prudent.domain.cycles import Consent, Draft, Interlock, Next, Observation
from prudent.domain.errors import InputError
from prudent.domain.futures import ALIASES, root_of_contract
from prudent.domain.mandate import Mandate
from prudent.domain.plans import PlannedOrder
from prudent.domain.verdicts import GuardReport
from prudent.guards import report
from prudent.ports import (
    NO_PERMIT,
    Broker,
    Calendar,
    Clock,
    Fundamentals,
    Instruments,
    LanguageModel,
    Ledger,
    MarketData,
    News,
    Permit,
    ReadFile,
    RecordsOf,
    Strategy,
    TargetOf,
)


def at_once(_draft: Draft) -> Consent:
    """The consent of a desk where nothing waits."""
    return Consent(next=Next.GO)


class Judge(Protocol):
    """The guards' word on a batch; see `guards.report.judge`."""

    def __call__(
        self, observation: Observation, orders: Sequence[PlannedOrder], mandate: Mandate, *,
        plan_as_of: datetime | None = None,
    ) -> GuardReport: ...  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`interlocks` are read at each observation; `stop_reason` once more before each submit (None = may send).

    `confirms` asks for two readings before a stop fires, as wall time does. `permit` is the right to send, asked
    before each submit. `turn` waits until an account may send one more order; False when its turn does not come within
    that many seconds. `tried` keeps, for each round that this process judged and each order of it that it has not
    dealt with yet, when that was, on the monotonic clock; `left` keeps when a submit that had stood still came back
    without an answer. `consent` answers a draft, or raises `CycleWaits`. `model`, `news`, `fundamentals` and
    `records_of` are what the strategy may ask while it gathers. `judge` is every guard of the account; only a thought
    experiment has another.
    """

    mode: Mode
    clock: Clock
    calendar: Calendar
    instruments: Instruments
    market: MarketData
    broker: Broker
    ledger: Ledger
    strategy: Strategy
    code_version: str
    interlocks: Callable[[str], tuple[Interlock, ...]]
    stop_reason: Callable[[str], str | None]
    target_of: TargetOf
    read_file: ReadFile
    confirms: bool = False
    permit: Callable[[str], Permit] = lambda account: NO_PERMIT
    turn: Callable[[str, float], bool] = lambda account, seconds: True
    tried: MutableMapping[str, float] = field(default_factory=dict)
    left: MutableMapping[str, datetime] = field(default_factory=dict)
    consent: Callable[[Draft], Consent] = at_once
    model: LanguageModel | None = None
    news: News | None = None
    fundamentals: Fundamentals | None = None
    records_of: RecordsOf = lambda account, count: ()
    judge: Judge = report.judge

    def __post_init__(self) -> None:
        # A guard may be left out in a thought experiment on history, and nowhere else.
        if self.judge is not report.judge and self.mode is not Mode.BACKTEST:
            raise ValueError(f"the whole guard list must judge a cycle of mode {self.mode}, another judge was given")

    def symbols(self, mandate: Mandate) -> tuple[str, ...]:
        """What the strategy must observe before it decides; wrong targets raise `InputError` here, before any cycle."""
        named = self.strategy.symbols(mandate, self.read_file, self.target_of)
        futures = sorted(each for each in set(named) if each in ALIASES or root_of_contract(each))
        if futures and not self.broker.traits.futures:
            raise InputError(
                f"{self.broker.name} trades stocks and funds, {', '.join(futures)} must be traded where futures are: "
                "at Interactive Brokers or the paper gateway (`broker: ibkr`); take them out of the targets, or move "
                "the account"
            )
        return named

"""A/B pairs: the accounts of a pair look at one frozen moment, so that only their models differ."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar, cast

from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord, Observation
from prudent.domain.errors import DeskError
from prudent.domain.mandate import Mandate
from prudent.domain.quotes import Quote
from prudent.domain.records import Json
from prudent.ledger.runs import CycleRow
from prudent.pipeline.decide import gather
from prudent.pipeline.observe import observe
from prudent.pipeline.world import World
from prudent.ports import Bars, Event, Figure, Fundamentals, MarketData, News, RecordsOf, Steps
from prudent.workflows.steps import JournalSteps, LedgerStages

StepsOf = Callable[[str], Steps]
T = TypeVar("T")


class _Once:
    """Asks once for each thing and gives everybody the same answer; threads may share it."""

    def __init__(self) -> None:
        self._known: dict[object, object] = {}
        self._turn = threading.RLock()

    def _once(self, key: object, ask: Callable[[], T]) -> T:
        with self._turn:
            if key not in self._known:
                self._known[key] = ask()
            return cast("T", self._known[key])


class OneMoment(_Once):
    """`MarketData` that asks a source once for each thing."""

    def __init__(self, market: MarketData) -> None:
        super().__init__()
        self._market = market
        self._quotes: dict[str, Quote] = {}

    @property
    def source(self) -> str:
        return self._market.source

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        with self._turn:
            missing = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._quotes]
            if missing:
                self._quotes.update(zip(missing, self._market.quotes(missing)))
            return tuple(self._quotes[symbol] for symbol in symbols)

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        key = ("daily", tuple(symbols), sessions, end)
        return self._once(key, lambda: self._market.daily(symbols, sessions=sessions, end=end))

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        key = ("bars", tuple(symbols), minutes, start, end)
        return self._once(key, lambda: self._market.bars(symbols, minutes=minutes, start=start, end=end))

    def series(self, name: str, *, sessions: int) -> Bars:
        return self._once(("series", name, sessions), lambda: self._market.series(name, sessions=sessions))

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        key = ("events", tuple(symbols), kind, start, end)
        return self._once(key, lambda: self._market.events(symbols, kind=kind, start=start, end=end))


class OneNews(_Once):
    """`News` that asks a source once for each thing."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self._news = news

    def headlines(self, symbols: Sequence[str], *, since: datetime) -> tuple[Event, ...]:
        return self._once((tuple(symbols), since), lambda: self._news.headlines(symbols, since=since))

    def warnings(self) -> tuple[str, ...]:
        return self._once("warnings", self._news.warnings)


class OneLook(_Once):
    """`Fundamentals` that asks a source once for each thing."""

    def __init__(self, fundamentals: Fundamentals) -> None:
        super().__init__()
        self._fundamentals = fundamentals

    @property
    def why_not(self) -> str:
        return self._fundamentals.why_not

    def figures(self, symbols: Sequence[str]) -> tuple[Figure, ...]:
        return self._once(tuple(symbols), lambda: self._fundamentals.figures(symbols))


class OnePast(_Once):
    """What other accounts decided, read once: a brief that is written meanwhile is known to the whole pair or not."""

    def seen_by(self, own: str, records_of: RecordsOf) -> RecordsOf:
        """`records_of` of one arm; its own past is its own."""

        def recall(account: str, count: int) -> Sequence[CycleRecord]:
            if account == own:
                return records_of(account, count)
            return self._once((account, count), lambda: records_of(account, count))

        return recall


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One begun cycle on its way to its decision; `world` is the desk's, or the frozen moment that a pair shares."""

    row: CycleRow
    mandate: Mandate
    world: World
    steps: Steps

    @property
    def account(self) -> str:
        return self.row.run.account

    def look(self) -> Observation:
        """The first two steps of its cycle; done before, they give what they gave then."""
        self.steps.run("begin", self.world.clock.now, of=datetime)
        symbols = self.world.symbols(self.mandate)
        return self.steps.run("observe", lambda: observe(self.world, self.mandate, symbols=symbols), of=Observation)

    def ask(self) -> None:
        """The third step, in which models are asked; `look` comes first."""
        seen = self.look()
        self.steps.run("gather", lambda: gather(self.world, seen, self.mandate), of=dict[str, Json])


def arms_of(desk: Desk, cycles: Sequence[str], *, steps: StepsOf) -> tuple[Arm, ...]:
    """The begun cycles as arms; of more than one, all look at the market of one moment."""
    found = [_arm(desk, cycle_id, steps) for cycle_id in cycles]
    return tuple(found) if len(found) < 2 else at_one_moment(found)


def at_one_moment(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms with one clock that stands still and one view of market, news, fundamentals and others' decisions."""
    first = arms[0].world
    market = OneMoment(first.market)
    news = None if first.news is None else OneNews(first.news)
    fundamentals = None if first.fundamentals is None else OneLook(first.fundamentals)
    if not isinstance(first.clock, SimulatedClock):
        # On wall time quotes come before the moment at which everybody looks, never after it.
        for arm in arms:
            with suppress(DeskError):
                observe(replace(arm.world, market=market), arm.mandate, symbols=arm.world.symbols(arm.mandate))
    clock, past = SimulatedClock(first.clock.now()), OnePast()
    return tuple(
        replace(
            arm,
            world=replace(
                arm.world, clock=clock, market=market, news=news, fundamentals=fundamentals,
                records_of=past.seen_by(arm.account, arm.world.records_of),
            ),
        )
        for arm in arms
    )  # fmt: skip


def freeze(desk: Desk, cycles: Sequence[str]) -> None:
    """Let begun cycles look at one moment now, whenever and wherever each is carried on.

    One that cannot look now looks by itself later.
    """
    begun = [each for each in cycles if not desk.ledger.cycle_row(each).recorded]
    for arm in arms_of(desk, begun, steps=lambda each: JournalSteps(LedgerStages(desk.ledger, each, desk.clock))):
        with suppress(DeskError):
            arm.look()


def in_turn(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """Whose model is asked first: it alternates from cycle to cycle, so neither arm always meets the fresher server."""
    return tuple(arms) if arms[0].row.number % 2 else tuple(reversed(arms))


def partners(desk: Desk, accounts: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """By account, everybody of these who decides together with it, in the order given: itself alone, or its pair."""
    names = {account: desk.loaded.settings.accounts[account].pair for account in accounts}
    return {
        account: tuple(each for each in accounts if names[each] == names[account]) if names[account] else (account,)
        for account in accounts
    }


def _arm(desk: Desk, cycle_id: str, steps: StepsOf) -> Arm:
    row = desk.ledger.cycle_row(cycle_id)
    frozen = desk.ledger.frozen(row.run)
    world = desk.world(frozen.mandate, Mode(frozen.mode), cycle=row)
    return Arm(row=row, mandate=frozen.mandate, world=world, steps=steps(cycle_id))

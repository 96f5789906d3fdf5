"""Opens the desk of one backtest: its own clock, ledger and venue in a folder, prices from the home's source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from prudent.backtest.history import history_source
from prudent.backtest.masked import TRAIL_FILE, masked_model
from prudent.backtest.moments import MomentPrices
from prudent.backtest.outside import NextBars
from prudent.backtest.repeated import Repeated
from prudent.backtest.request import Request
from prudent.backtest.tape import Tape, day_array
from prudent.bootstrap import Desk
from prudent.brokers.simulated import SimulatedBroker
from prudent.brokers.simulated.broker import TRAITS
from prudent.brokers.simulated.memory import MemoryVenueStore
from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode, Position
from prudent.domain.corporate_actions import CorporateAction
from prudent.domain.cycles import Consent, Draft
from prudent.domain.errors import InputError
from prudent.domain.instruments import CASH
from prudent.exchange.venue import Venue
from prudent.guards.report import judge
from prudent.ledger import open_ledger
from prudent.ledger.runs import CycleRow
from prudent.marketdata.fundamentals import NoFundamentals
from prudent.marketdata.hours import Hours, LongDays
from prudent.marketdata.tape import actions_of
from prudent.pipeline.world import Judge, World, at_once
from prudent.ports import Calendar, Clock, LanguageModel, MarketData, Session, Strategy

LEDGER_FILE = "ledger.sqlite"
Wrap = Callable[[MarketData, Clock], MarketData]


def unwrapped(market: MarketData, clock: Clock) -> MarketData:
    del clock
    return market


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What is otherwise in a thought experiment: who decides, which guards speak, and what is held at the beginning."""

    decider: Callable[[Clock], Strategy] | None = None
    judge: Judge = judge
    positions: tuple[Position, ...] = ()


PLAIN = Thought()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that one backtest plays on. `desk` has the backtest's clock, ledger and venue."""

    request: Request
    desk: Desk
    clock: SimulatedClock
    prices: MomentPrices
    tape: Tape
    sessions: tuple[Session, ...]
    venue: SimulatedBroker
    model: LanguageModel
    read_file: Callable[[str], str]
    thought: Thought
    next_bars: NextBars | None = None

    def world(self, *, cycle: CycleRow | None = None, consent: Callable[[Draft], Consent] = at_once) -> World:
        """The ports of one cycle, or of a look around.

        What has no history (news, fundamentals, other accounts) is not there, and no switch of a desk that trades is.
        """
        own = self.desk.world(self.request.mandate, Mode.BACKTEST, cycle=cycle)
        exits = cycle is not None and cycle.only_exits
        decider = own.strategy if exits or self.thought.decider is None else self.thought.decider(self.clock)
        return replace(
            own, strategy=decider, judge=self.thought.judge,
            read_file=self.read_file, target_of=_no_history, consent=consent, model=self.model, news=None,
            fundamentals=NoFundamentals(), stop_reason=lambda account: None,
            turn=lambda account, seconds: True, interlocks=lambda account: (),
        )  # fmt: skip

    def actions(self) -> Mapping[date, tuple[CorporateAction, ...]]:
        """By session, what is booked before its open: of everything that the account may hold."""
        mandate = self.request.mandate
        named = {*self.world().symbols(mandate), *mandate.universe, *(each.symbol for each in self.thought.positions)}
        panel = self.tape.panel(sorted(named - {CASH}), day_array(session.date for session in self.sessions))

        def lot_of(symbol: str) -> Decimal:
            found = self.desk.instruments.find(symbol)
            return Decimal(1) if found is None else found.lot

        return actions_of(panel, lot_of=lot_of)


def open_stage(  # noqa: PLR0913 - one keyword per thing that a test, a probe or a thought experiment has otherwise
    parent: Desk, request: Request, sessions: tuple[Session, ...], folder: Path, *, model: LanguageModel | None = None,
    wrap: Wrap = unwrapped, thought: Thought = PLAIN,
) -> Stage:  # fmt: skip
    """Make the folder's ledger and open the account in it, at the first session's open with the request's cash.

    `wrap` may put something between the source and all that reads it, such as a test that changes the future.

    Raises:
        InputError: the account cannot be tested on history; nothing was made.
    """
    check_history(request)
    folder.mkdir(parents=True, exist_ok=True)

    history = history_source(parent, request.session)

    def source(clock: Clock) -> MarketData:
        return wrap(history(clock), clock)

    # A mark before the first open: what is set up here happened before the first session.
    calendar: Calendar = parent.calendar
    next_bars, venue = None, Venue(TRAITS, instruments=parent.instruments)
    if request.session is not Hours.REGULAR:
        calendar = LongDays(calendar, request.session)
        next_bars = NextBars(source, request, sessions, parent.calendar)
        venue = Venue(TRAITS, instruments=parent.instruments, cap_of=next_bars.cap)
    clock = SimulatedClock(calendar.sessions(sessions[0].date, sessions[0].date)[0].open)
    prices = MomentPrices(source(clock), clock)
    ledger = open_ledger(folder / LEDGER_FILE, owner=parent.ledger.owner, durable=False)
    broker = SimulatedBroker(MemoryVenueStore(), prices, calendar, clock, venue=venue)
    desk = Desk(
        home=folder, loaded=parent.loaded, mode=Mode.BACKTEST, clock=clock, calendar=calendar,
        instruments=parent.instruments, market=prices, ledger=ledger, broker=broker, venue=broker,
        config_hash=parent.config_hash,
    )  # fmt: skip
    mandate = request.mandate
    ledger.add_account(mandate, cash=request.cash, positions=thought.positions, at=clock.now())
    for rule in request.rules:
        ledger.add_rule(mandate.account, rule, at=clock.now())
    broker.open_account(
        mandate.account, currency=mandate.currency, cash=request.cash, positions=thought.positions,
        allow_short=mandate.planning.allow_short, costs=mandate.costs, slippage_bps=mandate.slippage_bps,
    )  # fmt: skip
    tape = Tape(source, sessions[-1])
    asked = parent.language if model is None else model
    if request.seed:
        asked = Repeated(asked, request.seed)
    if request.anonymise:
        shown = (*desk.world(mandate, Mode.BACKTEST).symbols(mandate), *(each.symbol for each in thought.positions))
        asked = masked_model(
            asked, request, symbols=shown, instruments=parent.instruments, calendar=parent.calendar, market=prices,
            opened_at=lambda symbol: tape.price(symbol, sessions[0].date, "open"), first=sessions[0].date,
            trail=folder / TRAIL_FILE, others=_accounts(parent),
        )  # fmt: skip
    return Stage(
        request=request, desk=desk, clock=clock, prices=prices, tape=tape, sessions=sessions, venue=broker,
        model=asked, read_file=parent.read_file, thought=thought, next_bars=next_bars,
    )  # fmt: skip


def _accounts(parent: Desk) -> tuple[str, ...]:
    """What the accounts of a home are called, which may tell what they are for."""
    known = parent.loaded.settings.accounts
    return tuple(dict.fromkeys((*(each.name for each in known.values()), *known)))


def check_history(request: Request) -> None:
    """Refuse what has no past: the targets or signals of another account are those of today."""
    targets = request.mandate.parameters.get("targets")
    if isinstance(targets, str) and targets.startswith("account:"):
        raise InputError(
            f"account {request.account} must decide by itself to be tested on history, follows {targets}; "
            "the other account's targets are those of today: test that account"
        )


def _no_history(account: str) -> Mapping[str, Decimal]:
    raise InputError(f"the targets of account {account} have no history; a backtest cannot follow another account")


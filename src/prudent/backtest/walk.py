"""Walks one account through the sessions of a window: opens, stops inside the bar, closes, and cycles in between."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from prudent.backtest.outside import consent_outside, end_orders
from prudent.backtest.request import FillAt
from prudent.backtest.stage import Stage
from prudent.backtest.tape import moment_inside
from prudent.backtest.valued import Values
from prudent.backtest.watch import NEAR, Levels, Watch
from prudent.backtest.within_day import WithinDay
from prudent.domain.accounts import TradingState
from prudent.domain.cycles import Consent, CycleRecord, Draft, Next
from prudent.domain.errors import DeskError
from prudent.domain.exits import forced_exits
from prudent.domain.proposals import Answer
from prudent.guards.catalogue import DRAWDOWN_MAX
from prudent.guards.user_rules import exit_rules
from prudent.ledger.runs import PROTECTION, SCHEDULE, RunStatus
from prudent.marketdata.hours import Hours
from prudent.pipeline.observe import observe
from prudent.pipeline.run_cycle import run_cycle
from prudent.pipeline.standing import PLANS_MAX, PRICE_MOVED, why_broken
from prudent.ports import Session, Steps, T

# Orders for the close are in a moment before it.
BEFORE_CLOSE = timedelta(seconds=1)
STOPS_AT, TARGETS_AT = 0.4, 0.7
BEFORE_OPEN = timedelta(minutes=1)
WINDOW_OVER = "window_over"
# A strategy that fails so often in a row has nothing more to tell; what it did until then is kept and marked.
FAILURES_IN_ROW = 3
Progress = Callable[[int, int, date], None]


class PlainSteps:
    """Implements `Steps` for a run that is made again rather than carried on: nothing is kept."""

    def run(self, name: str, action: Callable[[], T], *, of: type[T]) -> T:
        del name, of
        return action()


def plain_steps(cycle: str) -> Steps:
    del cycle
    return PlainSteps()


@dataclass(slots=True)
class Told:
    """What a walk tells beside its ledger."""

    values: Values = field(default_factory=Values)
    acknowledged: list[date] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    partial: str = ""


class Walk:
    """One backtest under way. The clock only moves forward; whoever needs a later moment first lives through it."""

    def __init__(
        self, stage: Stage, due: frozenset[date], *, within: WithinDay | None = None, progress: Progress | None = None,
        steps: Callable[[str], Steps] = plain_steps,
    ) -> None:  # fmt: skip
        self._stage = stage
        self._due = due if within is None else frozenset()
        self._within = within
        self._progress = progress or (lambda done, all_, day: None)
        self._steps = steps
        self._account = stage.request.account
        self._mandate = stage.request.mandate
        self._watch = Watch()
        self._actions = stage.actions()
        self._acted: set[date] = set()
        self._opened: set[date] = set()
        self._lived: set[date] = set()
        self._closed: set[date] = set()
        self._halted_for = 0
        self._peak = Decimal(0)
        limits = self._mandate.limits
        nearest = min(limits.drawdown_cut, limits.drawdown_rearm, DRAWDOWN_MAX)
        self._limits_from = (1 - nearest) * NEAR
        # What only a cycle changes is asked for once after each: orders that rest, and the trading state.
        self._settled = self._known_active = False
        self._in_cycle = 0
        self._last_value = stage.request.cash
        self._failed_in_row = 0
        self.told = Told()

    def run(self) -> Told:
        """Every session of the window, in order; ends early, marked, where the strategy keeps failing."""
        sessions = self._stage.sessions
        for number, session in enumerate(sessions):
            self._live_around(session, Hours.PRE)
            self._open(session)
            self._live_through(session)
            self._live_around(session, Hours.AFTER)
            self._close(session)
            if self.told.partial:
                break
            # A cycle that was still under way at this close has been its decision; the account is not asked twice.
            is_now = self._stage.clock.now() <= session.close
            if session.date in self._due and number + 1 < len(sessions) and is_now:
                self._cycle(SCHEDULE)
            self._progress(number + 1, len(sessions), session.date)
        self._end_run()
        return self.told

    # One session

    def _open(self, session: Session) -> None:
        """The open, once: values, an acknowledgement that is due, and exits that the open itself calls for."""
        if session.date in self._opened:
            return
        self._opened.add(session.date)
        self._act(session)
        self._move_to(session.open)
        self._value(session.date, "open", always=self._in_cycle > 0 or session.date in self._due)
        self._acknowledge(session.date)
        if self._exit_may_fire(session):
            self._protect()

    def _act(self, session: Session) -> None:
        """What companies do to their holders before this open: dividends as cash, splits as shares, delistings."""
        due = () if session.date in self._acted else self._actions.get(session.date, ())
        self._acted.add(session.date)
        if not due:
            return
        (whole_day,) = self._stage.desk.calendar.sessions(session.date, session.date)
        self._move_to(whole_day.open - BEFORE_OPEN)
        self._settle()
        at = self._stage.clock.now()
        self._stage.venue.act(self._account, due, at=at)
        for action in due:
            self._stage.desk.ledger.book_action(self._account, action, at=at)
        self._watch.stale = True

    def _live_through(self, session: Session) -> None:
        """Between open and close, once: stops that the bar touched, then targets; a stop goes before a target."""
        if session.date in self._lived:
            return
        self._lived.add(session.date)
        if self._within is not None and self._within.hours is Hours.REGULAR:
            self._live_by_bars(session, self._within)
            return
        self._fire_touched(session, STOPS_AT, lambda levels, low, high: (levels.stop, levels.stop_touched(low, high)))
        self._fire_touched(session, TARGETS_AT, lambda levels, low, high: (levels.take, levels.take_touched(low, high)))

    def _live_by_bars(self, session: Session, within: WithinDay) -> None:
        """Bar by bar: stops at the price that each ends on, then a decision where one is due."""
        for moment in within.looks(session):
            if moment <= self._stage.clock.now():
                continue
            self._move_to(moment)
            self._renew_watch()
            if self._watch.levels:
                self._protect()
            if within.is_due(session, moment) and not self.told.partial:
                self._cycle(SCHEDULE)

    def _live_around(self, session: Session, hours: Hours) -> None:
        """The hours before the open or after the close, for an account that decides there: at the end of each bar."""
        if self._within is None or self._within.hours is not hours:
            return
        self._act(session)
        for moment in self._within.looks(session):
            self._move_to(moment)
            if self._within.is_due(session, moment) and not self.told.partial:
                self._cycle(SCHEDULE)
                end_orders(self._stage.desk, self._account)
                self._settled = False

    def _fire_touched(
        self, session: Session, part: float,
        touched: Callable[[Levels, Decimal | None, Decimal | None], tuple[Decimal | None, bool]],
    ) -> None:  # fmt: skip
        self._renew_watch()
        prices: dict[str, Decimal] = {}
        for levels in self._watch.priced():
            low, high = (self._stage.tape.price(levels.symbol, session.date, name) for name in ("low", "high"))
            level, hit = touched(levels, low, high)
            if hit and level is not None:
                prices[levels.symbol] = level
        if prices:
            moment = moment_inside(session, part)
            self._stage.prices.stand_at(moment, prices)
            self._move_to(moment)
            self._protect()

    def _close(self, session: Session) -> None:
        """The close, once: what rested has its end, and the account its value."""
        if session.date in self._closed:
            return
        self._closed.add(session.date)
        self._move_to(session.close)
        self._settle()
        nav = self._value(session.date, "close", always=session.date in self._due)
        self.told.values.add(session.date, nav, self._stage, self._account)

    # Cycles

    def _cycle(self, kind: str) -> CycleRecord | None:
        """One cycle of the account as of the clock; None where it failed, which is told and kept."""
        desk, now = self._stage.desk, self._stage.clock.now()
        run = desk.ledger.open_run(
            self._mandate, mode=str(desk.mode), rules=desk.ledger.rules(self._account), code_version=desk.code_version,
            at=now,
        )  # fmt: skip
        number = desk.ledger.next_cycle(run, at=now, started_by=kind)
        row = desk.ledger.cycle_row(f"{run.id}/{number}")
        world = self._stage.world(cycle=row, consent=self._consent)
        self._watch.stale = True
        self._settled = self._known_active = False
        self._in_cycle += 1
        try:
            record = run_cycle(world, self._mandate, run, number, self._steps(row.id))
        except DeskError as error:
            desk.ledger.fail_cycle(row.id, reason=str(error), at=self._stage.clock.now())
            self._count(f"{now:%Y-%m-%d}: {error}")
            return None
        finally:
            self._in_cycle -= 1
            self._watch.stale = True
            self._settled = self._known_active = False
        if kind != PROTECTION:
            self._count(f"{now:%Y-%m-%d}: {record.decision.reason}" if record.decision.answer is Answer.FAILED else "")
        return record

    def _count(self, failure: str) -> None:
        self._failed_in_row = self._failed_in_row + 1 if failure else 0
        if failure:
            self.told.failures.append(failure)
        if self._failed_in_row >= FAILURES_IN_ROW:
            self.told.partial = f"{FAILURES_IN_ROW} decisions in a row failed, the last: {failure}"

    def _consent(self, draft: Draft) -> Consent:
        """A plan made at a close trades at the next session's price; one that no longer holds there is made anew.

        The same as live: it is judged again where it trades, and prices beyond the collar void it. What was decided on
        a price of the running session trades at a later one, never at the price that it was decided on.
        """
        now = self._stage.clock.now()
        bars = self._stage.next_bars
        if bars is not None and bars.hold(now):
            return consent_outside(draft, now, lambda: bars.wait(self._stage.prices, self._stage.clock))
        if not draft.plan.orders or (all(order.forced for order in draft.plan.orders) and self._is_open()):
            return Consent(next=Next.GO, at=now)
        if draft.guarded is None:
            return self._wait(draft)
        broken = why_broken(draft)
        # One that was made anew once goes with what the guards leave of it: an order whose price has moved is refused.
        if not broken or (broken == PRICE_MOVED and draft.round > 2):
            return Consent(next=Next.GO, at=now)
        return Consent(next=Next.END if draft.round > 2 * PLANS_MAX else Next.AGAIN, code=broken, at=now)

    def _wait(self, draft: Draft) -> Consent:
        """Live on until the draft may trade."""
        now = self._stage.clock.now()
        session = self._session_to_trade(now)
        if session is None:
            return Consent(next=Next.END, code=WINDOW_OVER, at=now)
        self._end_before(session)
        self._open(session)
        closing = session.close - BEFORE_CLOSE
        if self._within is not None:
            closing = min(closing, now + self._within.bar)
        elif self._stage.request.fill is FillAt.NEXT_OPEN and self._stage.clock.now() != now:
            return Consent(next=Next.REGUARD, at=self._stage.clock.now())
        else:
            self._live_through(session)
        self._stand_at_close(session)
        self._move_to(closing)
        return Consent(next=Next.REGUARD, at=self._stage.clock.now())

    def _end_before(self, session: Session) -> None:
        """Whoever waits for a later session first sees the running one end."""
        for each in self._stage.sessions:
            if each.date >= session.date:
                return
            if each.date in self._opened:
                self._live_through(each)
                self._close(each)

    def _stand_at_close(self, session: Session) -> None:
        """In the moment before the close prices are those of the close."""
        self._stage.prices.stand_at(
            session.close - BEFORE_CLOSE, lambda symbol: self._stage.tape.price(symbol, session.date, "close")
        )

    def _session_to_trade(self, now: datetime) -> Session | None:
        """The session whose price comes next: the running one while its close is still ahead, else the one after."""
        for session in self._stage.sessions:
            if session.close - BEFORE_CLOSE > now:
                return session
        return None

    def _is_open(self) -> bool:
        return self._stage.desk.calendar.is_open(self._stage.clock.now())

    # Forced exits

    def _exit_may_fire(self, session: Session) -> bool:
        self._renew_watch()
        if not self._watch.levels:
            return False
        if self._watch.due(session.date) or self._near_cut():
            return True
        for levels in self._watch.priced():
            opened = self._stage.tape.price(levels.symbol, session.date, "open")
            if levels.stop_touched(opened, opened) or levels.take_touched(opened, opened):
                return True
        return False

    def _near_cut(self) -> bool:
        return self._last_value <= self._peak * (1 - self._mandate.limits.drawdown_cut) * NEAR

    def _protect(self) -> None:
        """Look at the account as the protection monitor does, and run its cycle when an exit fires."""
        seen = observe(self._stage.world(), self._mandate, symbols=())
        seen = replace(seen, history=replace(seen.history, breaches=None))
        if forced_exits(seen, self._mandate, exit_rules(seen)):
            self._cycle(PROTECTION)

    def _renew_watch(self) -> None:
        if not self._watch.stale:
            return
        if not self._stage.venue.snapshot(self._account).positions:
            self._watch = Watch(stale=False)
            return
        self._watch.renew(observe(self._stage.world(), self._mandate, symbols=()), self._mandate)

    # Books

    def _value(self, day: date, field_name: str, *, always: bool) -> Decimal:
        """Value the account at the clock's time from the tape; a holding without a price keeps its last one.

        The ledger is told of every value that a guard could ask for: of a session in which a cycle may begin or trade,
        of each new peak, and of all near a limit of drawdowns.
        """
        nav = self.told.values.nav(day, field_name, self._stage, self._account)
        if always or nav > self._peak or nav <= self._peak * self._limits_from:
            self._stage.desk.ledger.value(self._account, nlv=nav, at=self._stage.clock.now(), session=day)
        self._last_value, self._peak = nav, max(self._peak, nav)
        return nav

    def _settle(self) -> None:
        """What became of orders that rested through the session."""
        if self._settled:
            return
        desk = self._stage.desk
        pending = tuple(each.order_ref for each in desk.ledger.pending_orders(self._account))
        if pending:
            for report in desk.broker.reports(self._account, pending):
                desk.ledger.reported(self._account, report, at=self._stage.clock.now())
            self._watch.stale = True
        self._settled = not desk.ledger.pending_orders(self._account)

    def _acknowledge(self, day: date) -> None:
        """A halt waits for a person; a backtest acknowledges it after the sessions that the request names."""
        ledger = self._stage.desk.ledger
        if self._known_active or ledger.state(self._account)[0] is TradingState.ACTIVE:
            self._halted_for, self._known_active = 0, True
            return
        self._halted_for += 1
        if self._halted_for > self._stage.request.acknowledged_after:
            at = self._stage.clock.now()
            ledger.rearm(self._account, reason="acknowledged by the backtest", at=at)
            ledger.resume(self._account, reason="acknowledged by the backtest", at=at)
            self.told.acknowledged.append(day)
            self._halted_for, self._peak = 0, self._last_value

    def _end_run(self) -> None:
        ledger = self._stage.desk.ledger
        run = ledger.last_run(self._account)
        if run is not None:
            status = RunStatus.FAILED if self.told.partial else RunStatus.COMPLETED
            ledger.end_run(run, status, note=self.told.partial, at=self._stage.clock.now())

    def _move_to(self, moment: datetime) -> None:
        self._stage.clock.move_to(max(moment, self._stage.clock.now()))

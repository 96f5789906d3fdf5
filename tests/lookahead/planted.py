"""Leaks that people have really written, each planted in a small strategy, source, indicator, template or engine.

`future` is the door that such a bug opens: the whole history of a source, whatever the clock says.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from prudent.backtest.stage import Wrap, unwrapped
from prudent.backtest.tape import Tape
from prudent.backtest.walk import Walk
from prudent.clock import SimulatedClock, SystemClock
from prudent.domain.cycles import Consent, Draft, Next, Observation
from prudent.domain.errors import LookAhead
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import Answer, Decision, TargetWeight
from prudent.domain.reasoning import Message, Question, Speaker
from prudent.domain.records import Json
from prudent.marketdata.calendars import ExchangeCalendar, day_number
from prudent.ports import Bars, Clock, DecideContext, Event, MarketData, ReadFile, TargetOf

SYMBOLS = ("AAPL", "JPM", "KO", "XOM")
Scores = dict[str, float]
Score = Callable[[DecideContext], Scores]


def beneath(market: Any) -> Any:
    """The source under everything that stands before it."""
    while hasattr(market, "_inner"):
        market = market._inner
    return market


def future(context: DecideContext, symbol: str, name: str = "close") -> tuple[Any, int]:
    """The whole column of a symbol, and the row of the last session that was complete."""
    columns = beneath(context.market)._columns_of(symbol)
    today = day_number(context.observation.as_of.date())
    return columns.fields[name], int(np.searchsorted(columns.days, today, side="right")) - 1


def best_first(scores: Scores) -> list[str]:
    return sorted(scores, key=lambda symbol: (-scores[symbol], symbol))


class Scored:
    """Implements `Strategy`: holds the two symbols with the highest scores, 30 % each; what it scored is recorded."""

    def __init__(self, score: Score) -> None:
        self._score = score

    def symbols(self, mandate: Mandate, read_file: ReadFile, target_of: TargetOf) -> tuple[str, ...]:
        del mandate, read_file, target_of
        return SYMBOLS

    def gather(self, context: DecideContext) -> dict[str, Json]:
        scores = self._score(context)
        ranked: list[Json] = [*best_first(scores)]
        # What is recorded is only the order: a leak that shows in no number of the record must be found all the same.
        return {"ranked": ranked}

    def decide(self, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision:
        del observation
        ranked = inputs["ranked"]
        assert isinstance(ranked, list)
        best = sorted(str(each) for each in ranked[:2])
        return Decision(
            answer=Answer.TRADE, decided_by=mandate.strategy, reason="the best two",
            targets=tuple(TargetWeight(symbol=each, weight=Decimal("0.3")) for each in best),
        )  # fmt: skip


def past(context: DecideContext, symbol: str, sessions: int = 20) -> Any:
    return context.market.daily((symbol,), sessions=sessions).fields["close"][:, 0]


# Strategies and indicators


def honest(context: DecideContext) -> Scores:
    """No leak: the change of the last five sessions."""
    return {symbol: float(past(context, symbol)[-1] / past(context, symbol)[-6]) for symbol in SYMBOLS}


def centred_window(context: DecideContext) -> Scores:
    """A moving average centred on today: half of it has not happened."""
    found = {}
    for symbol in SYMBOLS:
        close, row = future(context, symbol)
        found[symbol] = float(close[row] / np.mean(close[row - 5 : row + 6]))
    return found


def next_day_return(context: DecideContext) -> Scores:
    """The label used as a feature."""
    found = {}
    for symbol in SYMBOLS:
        close, row = future(context, symbol)
        found[symbol] = float(close[min(row + 1, len(close) - 1)] / close[row])
    return found


def whole_sample_scaler(context: DecideContext) -> Scores:
    """A normaliser fitted on the minimum and maximum of all that there is."""
    found = {}
    for symbol in SYMBOLS:
        close, row = future(context, symbol)
        found[symbol] = float((close[row] - np.nanmin(close)) / (np.nanmax(close) - np.nanmin(close)))
    return found


def whole_history_percentile(context: DecideContext) -> Scores:
    """Today's price as a percentile of the whole history, the later one included."""
    found = {}
    for symbol in SYMBOLS:
        close, row = future(context, symbol)
        found[symbol] = float(np.mean(close < close[row]))
    return found


def whole_window_regime(context: DecideContext) -> Scores:
    """A regime fitted on the whole series: calm or not against its volatility over all years."""
    found = {}
    for symbol in SYMBOLS:
        close, row = future(context, symbol)
        moves = np.diff(close) / close[:-1]
        calm = np.std(moves[row - 20 : row]) < np.nanmedian(np.abs(moves)) * 1.4826
        found[symbol] = (1.0 if calm else -1.0) * float(close[row] / close[row - 20])
    return found


def running_week(context: DecideContext) -> Scores:
    """Weekly bars that hold the week that is still running, up to its Friday."""
    found = {}
    for symbol in SYMBOLS:
        close, row = future(context, symbol)
        columns = beneath(context.market)._columns_of(symbol)
        friday = int(columns.days[row]) + 4 - (int(columns.days[row]) + 3) % 7
        end = int(np.searchsorted(columns.days, friday, side="right")) - 1
        found[symbol] = float(close[end] / close[row - 5])
    return found


def todays_members(context: DecideContext) -> Scores:
    """Only members of the list as it is at the end of the data: who left it later is never bought."""
    source = beneath(context.market)
    end = max(int(source._columns_of(symbol).days[-1]) for symbol in SYMBOLS)
    return {
        symbol: float(past(context, symbol)[-1] / past(context, symbol)[-6])
        * (1.0 if int(source._columns_of(symbol).days[-1]) == end else 0.0)
        for symbol in SYMBOLS
    }


def early_dividend(context: DecideContext) -> Scores:
    """Buys what will pay within a week, before anybody had declared it."""
    found = {}
    for symbol in SYMBOLS:
        paid, row = future(context, symbol, "dividend")
        found[symbol] = float(np.sum(paid[row + 1 : row + 6])) + 1e-6 * float(past(context, symbol)[-1])
    return found


def level_of_adjusted_price(context: DecideContext) -> Scores:
    """A rule on the price level over a series that is adjusted backwards: later splits are in every level."""
    found = {}
    for symbol in SYMBOLS:
        split, row = future(context, symbol, "split")
        found[symbol] = -float(past(context, symbol)[-1] / np.prod(split[row + 1 : row + 260]))
    return found


def early_earnings(context: DecideContext) -> Scores:
    """The next report's surprise, which the source has and dates, but which nobody knew."""
    later = SimulatedClock(context.observation.as_of + timedelta(days=10))
    today = context.observation.as_of.date()
    found = {symbol: float(past(context, symbol)[-1] / past(context, symbol)[-6]) for symbol in SYMBOLS}
    for event in events_at(context, later, today + timedelta(days=7)):
        found[event.symbol] += (len(event.text) + event.date.toordinal()) % 7 - 3
    return found


def events_at(context: DecideContext, clock: Clock, until: date) -> tuple[Event, ...]:
    """Headlines up to `until`, asked through the same doors with another clock in the source."""
    source = beneath(context.market)
    own, source._clock, source._moment = source._clock, clock, None
    try:
        outer = context.market._inner  # type: ignore[attr-defined]
        start = until - timedelta(days=7)
        found: tuple[Event, ...] = outer.events(SYMBOLS, kind="headline", start=start, end=until)
        return found
    finally:
        source._clock, source._moment = own, None


_CACHE: dict[str, float] = {}


def timeless_cache(context: DecideContext) -> Scores:
    """A cache without the time in its key: a second run begins with what the first one knew at its end."""
    found = {}
    for symbol in SYMBOLS:
        known = past(context, symbol)
        found[symbol] = float(known[-1] / _CACHE.get(symbol, float(known[-6])))
    _CACHE.update({symbol: float(past(context, symbol)[-1]) for symbol in SYMBOLS})
    return found


def wall_clock(context: DecideContext) -> Scores:
    """Ages counted from the machine's time."""
    days = (SystemClock().now() - context.observation.as_of).days
    return {symbol: float(past(context, symbol)[-1]) * ((days * (i + 3)) % 7) for i, symbol in enumerate(SYMBOLS)}


def machine_time(context: DecideContext) -> Scores:
    """The month of the machine, read past the clock as a strategy from outside may."""
    month = datetime.now(UTC).month
    return {symbol: value * (1 + month % 2) for symbol, value in honest(context).items()}


def off_by_one(context: DecideContext) -> Scores:
    """As honest, but asks for bars up to tomorrow, which the market refuses; the refusal is swallowed."""
    with suppress(LookAhead):
        context.market.daily(SYMBOLS, sessions=5, end=context.observation.as_of.date() + timedelta(days=1))
    return honest(context)


# Sources


class LateBars:
    """A source that shows a daily bar at its open."""

    def __init__(self, inner: MarketData, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        source = beneath(self._inner)
        own, later = source._clock, SimulatedClock(self._clock.now() + timedelta(days=1))
        source._clock, source._moment = later, None
        try:
            return self._inner.daily(symbols, sessions=sessions, end=end)
        finally:
            source._clock, source._moment = own, None


def late_bars(market: MarketData, clock: Clock) -> MarketData:
    return LateBars(market, clock)


# Engines


@contextmanager
def same_bar_fill() -> Any:
    """Decides at a close and trades at that very close."""
    cycle, is_open = Walk._cycle, ExchangeCalendar.is_open

    def still_open(self: Any, kind: str) -> Any:
        self._stage.desk.calendar.open_at = self._stage.clock.now()
        return cycle(self, kind)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ExchangeCalendar, "is_open",
            lambda self, moment: is_open(self, moment) or getattr(self, "open_at", None) == moment,
        )  # fmt: skip
        patch.setattr(Walk, "_cycle", still_open)
        patch.setattr(Walk, "_consent", lambda self, draft: Consent(next=Next.GO, at=self._stage.clock.now()))
        yield


@contextmanager
def fill_at_the_low() -> Any:
    """Trades at the open, at the day's low."""
    wait = Walk._wait

    def at_the_low(self: Any, draft: Draft) -> Consent:
        answer = wait(self, draft)
        now = self._stage.clock.now()
        self._stage.prices.stand_at(now, lambda symbol: self._stage.tape.price(symbol, now.date(), "low"))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Walk, "_wait", at_the_low)
        yield


@contextmanager
def stop_by_the_close() -> Any:
    """Sells at the open what the bar's close will have stopped."""

    def fires(self: Any, session: Any) -> bool:
        self._renew_watch()
        prices = {
            each.symbol: price for each in self._watch.priced()
            if (price := self._stage.tape.price(each.symbol, session.date, "close")) is not None
            and each.stop_touched(price, price)
        }  # fmt: skip
        if prices:
            self._stage.prices.stand_at(self._stage.clock.now(), prices)
        return bool(prices)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Walk, "_exit_may_fire", fires)
        yield


@contextmanager
def stop_inside_by_the_close() -> Any:
    """Sells within the bar, at its level, what only the bar's close will have shown to be below it."""
    price = Tape.price

    def closing(self: Tape, symbol: str, day: date, field: str) -> Decimal | None:
        return price(self, symbol, day, "close" if field == "low" else field)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tape, "price", closing)
        yield


# Templates


@contextmanager
def dated_prompt() -> Any:
    """The wall clock's date in a prompt."""
    from prudent.strategies.llm_portfolio import prompting

    compose = prompting.Composer.__call__

    def dated(self: Any, *args: Any, **kwargs: Any) -> Question:
        question = compose(self, *args, **kwargs)
        today = f"Today is {SystemClock().now():%A, %d %B %Y}."
        return replace(question, messages=(Message(speaker=Speaker.SYSTEM, text=today), *question.messages))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompting.Composer, "__call__", dated)
        yield


@dataclass(frozen=True, kw_only=True)
class Planted:
    """One leak: where it is planted, and which account shows it."""

    score: Score | None = None
    wrap: Wrap = unwrapped
    engine: Callable[[], AbstractContextManager[None]] = nullcontext
    account: str = "scored"
    kind: str = "future"


LEAKS: dict[str, Planted] = {
    "centred moving window": Planted(score=centred_window),
    "sorted by the next day's return": Planted(score=next_day_return),
    "scaled by the whole sample's extremes": Planted(score=whole_sample_scaler),
    "percentile of the whole history": Planted(score=whole_history_percentile),
    "regime fitted on the whole window": Planted(score=whole_window_regime),
    "weekly bar of the running week": Planted(score=running_week),
    "membership of today": Planted(score=todays_members),
    "dividend before its declaration": Planted(score=early_dividend),
    "level of a back-adjusted price": Planted(score=level_of_adjusted_price),
    "surprise before its report": Planted(score=early_earnings),
    "cache keyed without the time": Planted(score=timeless_cache, kind="not_repeatable"),
    "ages by the wall clock": Planted(score=wall_clock, kind="wall_clock"),
    "the machine's time read past the clock": Planted(score=machine_time, kind="wall_clock"),
    "bars asked for up to tomorrow": Planted(score=off_by_one, kind="asked_ahead"),
    "daily bar shown at its open": Planted(score=honest, wrap=late_bars),
    "fill at the close that decided": Planted(score=honest, engine=same_bar_fill, kind="same_price"),
    "fill at the day's low": Planted(score=honest, engine=fill_at_the_low),
    "stop at the open by the bar's close": Planted(engine=stop_by_the_close, account="stopped"),
    "stop within the bar by its close": Planted(engine=stop_inside_by_the_close, account="stopped"),
    "wall clock's date in a prompt": Planted(engine=dated_prompt, account="thinking", kind="wall_clock"),
}

"""Whether an intraday account may enter or leave anything at this moment, and why not, before any model is asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from prudent.domain.accounts import AccountClass, Position
from prudent.domain.orders import Fill, Side
from prudent.domain.records import Json
from prudent.ports import DecideContext
from prudent.reasoning.book import Book
from prudent.strategies.intraday.params import PDT_EQUITY, PDT_SESSIONS, PDT_TRADES, Params
from prudent.strategies.intraday.windows import Window

# At half-hour cycles, five sessions are this many records at most.
PDT_RECORDS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTrades:
    """The pattern-day-trader rule as it stands: `applies` to small margin accounts, `enforced` stops entries."""

    applies: bool
    enforced: bool
    used: int = 0

    @property
    def spent(self) -> bool:
        return self.applies and self.used >= PDT_TRADES

    def facts(self) -> dict[str, Json]:
        return {"applies": self.applies, "enforced": self.enforced, "day_trades": self.used, "allowed": PDT_TRADES}


def day_trades(context: DecideContext, params: Params, equity: Decimal | None) -> DayTrades:
    """Day trades of the last five sessions, counted from the records of the account where the rule applies to it."""
    mandate = context.mandate
    small = equity is None or equity < PDT_EQUITY
    if not (small and (mandate.account_class is AccountClass.MARGIN or params.pdt_enforced)):
        return DayTrades(applies=False, enforced=params.pdt_enforced)
    records = context.records_of(mandate.account, PDT_RECORDS)
    fills = [(record.observation.session, fill) for record in records for fill in record.fills]
    sessions = {record.observation.session for record in records} | {context.observation.session}
    return DayTrades(applies=True, enforced=params.pdt_enforced, used=count_day_trades(fills, sessions))


def count_day_trades(fills: Sequence[tuple[date, Fill]], sessions: Iterable[date]) -> int:
    """Times that a symbol was bought and then sold in one session, over the last five of `sessions`."""
    recent = set(sorted(set(sessions))[-PDT_SESSIONS:])
    trades: dict[tuple[date, str], list[Fill]] = {}
    for session, fill in fills:
        if session in recent:
            trades.setdefault((session, fill.symbol), []).append(fill)
    ordered = (sorted(each, key=lambda fill: fill.time) for each in trades.values())
    return sum(
        one.side is Side.BUY and other.side is Side.SELL for each in ordered for one, other in pairwise(each)
    )  # fmt: skip


def no_entries(window: Window, book: Book, params: Params, trades: DayTrades) -> str:
    """Why nothing may be entered now; empty where something may."""
    if window is not Window.TRADING:
        return f"no entries in the window {window.value}"
    if lost := daily_loss(book, params):
        return lost
    if trades.spent and trades.enforced:
        return f"{trades.used} day trades in five sessions; a small margin account may make {PDT_TRADES}"
    return ""


def daily_loss(book: Book, params: Params) -> str:
    """That today's loss has reached the limit; an unknown value counts as reached, for new risk needs to be known."""
    opened = book.seen.history.nlv_open
    if opened is None or book.equity is None or not opened > 0:
        return "today's loss is not known"
    change = book.equity / (opened + book.seen.history.flows_today) - 1
    if change <= -params.daily_loss:
        return f"the account lost {-change * 100:.2f} % today; entries end at {params.daily_loss * 100:.2f} %"
    return ""


def held_minutes(position: Position, book: Book) -> int | None:
    """Whole minutes since the position was opened; None where that is not known."""
    return None if position.opened is None else int((book.seen.as_of - position.opened) / timedelta(minutes=1))


def may_sell(position: Position, book: Book, params: Params) -> bool:
    """Whether the least holding time is over; forced exits and the close do not ask."""
    held = held_minutes(position, book)
    return held is not None and held >= params.min_holding_minutes

"""What an intraday account may do at a minute of a session: nothing yet, trade, only sell, nothing more, go flat."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from prudent.ports import Calendar, Session

NEW_YORK = ZoneInfo("America/New_York")


class Window(StrEnum):
    """The parts of a session, in their order, with `CLOSED` around it."""

    CLOSED = "closed"
    OPENING = "opening"
    TRADING = "trading"
    NO_ENTRIES = "no_entries"
    CLOSING = "closing"
    FLAT = "flat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """How long the parts are, in minutes from the open and to the close; a half day's close counts like any other."""

    after_open: int = 5
    entries_end: int = 30
    trades_end: int = 15
    flat_by: int = 5

    def __post_init__(self) -> None:
        if not (self.after_open >= 0 and 0 < self.flat_by <= self.trades_end <= self.entries_end):
            raise ValueError(
                "minutes must run flat_by <= trades_end <= entries_end, all above 0, and after_open from 0, were "
                f"{self.flat_by}, {self.trades_end}, {self.entries_end} and {self.after_open}"
            )


def window_at(now: datetime, session: Session, minutes: Minutes) -> Window:
    """The part of the session that `now` is in; each starts at its first instant."""
    if not session.open <= now < session.close:
        return Window.CLOSED
    if now < session.open + timedelta(minutes=minutes.after_open):
        return Window.OPENING
    left = session.close - now
    for window, most in (
        (Window.FLAT, minutes.flat_by), (Window.CLOSING, minutes.trades_end), (Window.NO_ENTRIES, minutes.entries_end),
    ):  # fmt: skip
        if left <= timedelta(minutes=most):
            return window
    return Window.TRADING


def why_closed(calendar: Calendar, now: datetime) -> str:
    """Why the exchange is closed at `now`, in its own time; empty while it is open."""
    session = calendar.session_of(now)
    if session.open <= now < session.close:
        return ""
    today = now.astimezone(NEW_YORK).date()
    if session.date != today:
        return f"market closed (no session today, the next is {session.date})"
    if now < session.open:
        return f"market closed (opens {_clock(session.open)})"
    return f"market closed ({'early close' if session.early_close else 'close'} {_clock(session.close)})"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(NEW_YORK):%H:%M}"

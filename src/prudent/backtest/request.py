"""What a backtest is asked for: an account's mandate, a window, when it decides and at which price it trades."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from prudent.domain.errors import InputError
from prudent.domain.mandate import Mandate
from prudent.domain.records import Json, digest, encode
from prudent.domain.rules import UserRule
from prudent.marketdata.hours import Hours
from prudent.ports import Calendar, Session
from prudent.settings import ScheduleSettings
from prudent.settings.timetable import timetables

# A drawdown that halts the account waits so many sessions for the person who would look at it.
ACKNOWLEDGED_AFTER = 21


class FillAt(StrEnum):
    """At which price of the session after the decision orders trade."""

    NEXT_OPEN = "next_open"
    NEXT_CLOSE = "next_close"


class RunPath(StrEnum):
    """How a backtest is worked out: in columns where the account is plain enough for it, or cycle by cycle, in rows.

    Both give the same values and fills to the cent, so that it is no part of what a result is named by.
    """

    AUTO = "auto"
    ROWS = "rows"
    COLUMNS = "columns"


class Cadence(StrEnum):
    """How often an account decides; `ACCOUNT` is by its own schedule, minutes are within the session."""

    ACCOUNT = "account"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    MINUTES_30 = "30min"
    MINUTES_5 = "5min"
    MINUTES_1 = "1min"

    @property
    def minutes(self) -> int | None:
        """Minutes between decisions within a session; None where it decides at closes."""
        return int(self.value.removesuffix("min")) if self.value.endswith("min") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One backtest. `first` and `last` bound the sessions in which it may decide or trade, both included.

    `anonymise` names what is hidden from a model: dates, tickers, prices. `seed` tells repeats apart. `schedule` is the
    account's own, for the cadence ACCOUNT. `texts` names the file of targets that its strategy reads. `session` is the
    part of the day in which a cadence of minutes decides.
    """

    mandate: Mandate
    first: date
    last: date
    rules: tuple[UserRule, ...] = ()
    cadence: Cadence = Cadence.ACCOUNT
    fill: FillAt = FillAt.NEXT_OPEN
    cash: Decimal = Decimal(10_000)
    benchmark: str = "SPY"
    anonymise: tuple[str, ...] = ()
    seed: int = 0
    schedule: tuple[ScheduleSettings, ...] = ()
    acknowledged_after: int = ACKNOWLEDGED_AFTER
    texts: str = ""
    session: Hours = Hours.REGULAR

    @property
    def account(self) -> str:
        return self.mandate.account

    @property
    def strategy_version(self) -> str:
        """Names what is tried out, whatever the account is called: mandate, rules and when it decides."""
        own = encode(self.mandate)
        assert isinstance(own, dict)
        own = {key: value for key, value in own.items() if key not in ("account", "name")}
        named: list[Json] = [own, encode(self.rules), str(self.cadence), str(self.fill), self.texts]
        if self.session is not Hours.REGULAR:
            named.append(str(self.session))
        if self.cadence is Cadence.ACCOUNT:
            named += [line.model_dump(mode="json") for line in self.schedule]
        return digest(named)

    def identity(self, *, source: str, data_hash: str, code_version: str) -> str:
        """Names the result: the same identity gives the same bytes."""
        return digest([
            self.strategy_version, self.account, self.first.isoformat(), self.last.isoformat(), str(self.cash),
            self.benchmark, list(self.anonymise), self.seed, self.acknowledged_after, source, data_hash, code_version,
        ])  # fmt: skip


def check_request(request: Request, calendar: Calendar) -> tuple[Session, ...]:
    """The sessions of the window, ascending.

    Raises:
        InputError: the window is inverted, holds fewer than two sessions, or the cash is not above 0.
    """
    if request.first > request.last:
        raise InputError(f"--from must be before --to {request.last}, was {request.first}; swap them")
    if request.cash <= 0:
        raise InputError(f"--initial-cash must be above 0, was {request.cash}; give an amount")
    sessions = tuple(calendar.sessions(request.first, request.last))
    if len(sessions) < 2:
        raise InputError(
            f"the window must hold at least two sessions, {request.first} to {request.last} has {len(sessions)}; "
            "a decision trades in the session after it: widen the window"
        )
    return sessions


def due_sessions(request: Request, sessions: Sequence[Session], calendar: Calendar) -> frozenset[date]:
    """The sessions at whose close the account decides.

    A due time of its schedule decides at the close of its own session, or of the next one where the exchange is shut.
    An account without a schedule decides daily.
    """
    days = [session.date for session in sessions]
    if request.cadence is Cadence.WEEKLY:
        return _last_of_each([(day.isocalendar()[:2], day) for day in days])
    if request.cadence is Cadence.MONTHLY:
        return _last_of_each([((day.year, day.month), day) for day in days])
    if request.cadence is Cadence.ACCOUNT and request.schedule:
        due: set[date] = set()
        first, last = sessions[0].open, sessions[-1].close
        for line in timetables(request.schedule):
            due |= {calendar.session_of(moment).date for moment in line.between(first, last, calendar)}
        return frozenset(due & set(days))
    return frozenset(days)


def _last_of_each(groups: Sequence[tuple[tuple[int, ...], date]]) -> frozenset[date]:
    return frozenset(dict(groups).values())

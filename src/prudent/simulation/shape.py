"""What kind of world a seed is: its owners, accounts, symbols, days and cycles, drawn before anything goes wrong."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from prudent.marketdata.calendars import ExchangeCalendar

# A plain week, half days, holidays, and both changes of the clocks.
STARTS = (
    "2022-11-28", "2022-11-23", "2022-11-25", "2022-11-04", "2023-03-10", "2023-07-03", "2023-12-22", "2024-02-29",
    "2024-07-02", "2024-10-31",
)  # fmt: skip
SYMBOLS = ("AAPL", "MSFT", "AMZN", "ABT", "ADBE", "AMGN", "AIG", "ADM", "AEP", "ABBV")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountShape:
    """One account: its mandate as a person writes it, and what it starts with."""

    id: str
    owner: str
    mandate: dict[str, Any]
    cash: Decimal
    positions: dict[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCycle:
    account: str
    at: datetime
    key: str
    started_by: str


QUIET = 60
# How many short worlds have a night in them.
OVERNIGHT_SHARE = 0.08
# How many of their accounts hold shares on margin.
MARGIN_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A world before it begins; a `short` one has hours instead of days."""

    start: datetime
    end: datetime
    symbols: tuple[str, ...]
    owners: tuple[str, ...]
    accounts: tuple[AccountShape, ...]
    cycles: tuple[DueCycle, ...]
    quiet_seconds: int
    short: bool = False


def draw_shape(chance: Random, calendar: ExchangeCalendar, *, small: bool = False) -> Shape:
    """The world of a seed; a `small` one is a single account with two cycles, for the crash matrix."""
    day = datetime.fromisoformat(chance.choice(STARTS)).replace(hour=12, tzinfo=UTC)
    days = 1 if small else chance.choice((1, 1, 2, 3))
    first = calendar.session_of(day)
    sessions = calendar.sessions(first.date, first.date + timedelta(days=days * 2 + 6))[:days]
    symbols = tuple(sorted(chance.sample(SYMBOLS, 3 if small else chance.randrange(3, 9))))
    count = 1 if small else chance.choice((1, 1, 1, 2, 2, 3))
    owners = tuple(f"owner{i}" for i in range(1 if small else min(count, chance.choice((1, 1, 1, 2, 3)))))
    accounts = tuple(
        _account(chance, f"acc{i}", owners[i % len(owners)], symbols, small=small) for i in range(count)
    )  # fmt: skip
    wanted = 2 if small else chance.randrange(4, 11)
    cycles = []
    for number in range(wanted):
        account = accounts[number % count]
        session = sessions[(number * days) // wanted]
        length = (session.close - session.open).total_seconds()
        # Now and then minutes before the open or after the close, and close to both.
        offset = chance.uniform(600, length - 2400) if small else chance.uniform(-900, length + 600)
        at = session.open + timedelta(seconds=round(offset))
        by = "person" if small else chance.choice(("person", "person", "schedule"))
        cycles.append(DueCycle(account=account.id, at=at, key=f"{account.id}@{at:%dT%H:%M:%S}", started_by=by))
    return Shape(
        start=sessions[0].open - timedelta(minutes=30), end=sessions[-1].close + timedelta(minutes=20),
        symbols=symbols, owners=owners, accounts=accounts,
        cycles=tuple(sorted(cycles, key=lambda cycle: (cycle.at, cycle.key))),
        quiet_seconds=chance.choice((0, 1, 60, 60, 60)),
    )  # fmt: skip


def draw_short_shape(chance: Random, calendar: ExchangeCalendar, *, small: bool = False) -> Shape:
    """The world of a seed whose wire is told byte by byte: an hour or two of one session, now and then of two."""
    day = datetime.fromisoformat(chance.choice(STARTS)).replace(hour=12, tzinfo=UTC)
    first = calendar.session_of(day)
    night = not small and chance.random() < OVERNIGHT_SHARE
    last = calendar.session_of(first.close + timedelta(hours=12)) if night else first
    symbols = tuple(sorted(chance.sample(SYMBOLS, 3 if small else chance.randrange(3, 7))))
    count = 1 if small else chance.choice((1, 1, 1, 2))
    owners = tuple(f"owner{i}" for i in range(min(count, chance.choice((1, 1, 2)))))
    accounts = tuple(
        _account(chance, f"acc{i}", owners[i % len(owners)], symbols, small=small) for i in range(count)
    )  # fmt: skip
    start = first.open - timedelta(minutes=5) if last is first else first.close - timedelta(minutes=50)
    end = last.open + timedelta(minutes=chance.randrange(50, 130))
    cycles = []
    for number in range(2 if small else chance.randrange(5, 10)):
        account = accounts[number % count].id
        # Nobody waits for the open in a small one.
        at = _within(chance, max(start, first.open) if small else start, end, first.close, last.open)
        by = "person" if small else chance.choice(("person", "person", "schedule"))
        cycles.append(DueCycle(account=account, at=at, key=f"{account}@{at:%dT%H:%M:%S}", started_by=by))
    accounts = tuple(_on_margin(chance, each, small=small) for each in accounts)
    return Shape(
        start=start, end=end, symbols=symbols, owners=owners, accounts=accounts,
        cycles=tuple(sorted(cycles, key=lambda cycle: (cycle.at, cycle.key))), quiet_seconds=QUIET, short=True,
    )  # fmt: skip


def _on_margin(chance: Random, account: AccountShape, *, small: bool) -> AccountShape:
    """The account, perhaps as one whose purchases margin carries, or one that asks about small ones too.

    Drawn after everything else, so that nothing else of a world depends on it.
    """
    mandate = dict(account.mandate)
    if chance.random() < MARGIN_SHARE:
        limit = chance.choice(("50%", "50%", "30%", "12%"))
        mandate |= {"class": "margin", "limits": {**mandate["limits"], "max_initial_margin": limit}}
    # A small one asks about everything: what is killed there shall meet questions too.
    above = "0%" if small else chance.choice(("0%", "2%", "10%", "10%"))
    mandate["planning"] = {**mandate["planning"], "ask_margin_above": above}
    return replace(account, mandate=mandate)


def _within(chance: Random, start: datetime, end: datetime, close: datetime, reopen: datetime) -> datetime:
    """A moment between start and end, outside the night between a close and the next open."""
    night = max(reopen - close, timedelta(0))
    at = start + timedelta(seconds=round(chance.uniform(60, (end - start - night).total_seconds() - 60)))
    return at + night if night and at > close else at


def _account(chance: Random, account: str, owner: str, symbols: tuple[str, ...], *, small: bool) -> AccountShape:
    kind = "directed" if small else chance.choice(("directed", "directed", "autonomous"))
    limits: dict[str, Any] = {
        "max_position_weight": "100%" if small else chance.choice(("100%", "40%", "25%", "10%")),
        "max_trades_per_day": 200, "max_daily_loss": chance.choice(("2%", "50%")),
    }  # fmt: skip
    if not small and chance.random() < 0.3:
        limits["max_turnover_per_cycle"] = chance.choice(("30%", "60%"))
    if not small and chance.random() < 0.2:
        limits["max_order_notional"] = chance.choice((2_000, 10_000))
    exits: dict[str, Any] = {}
    if not small and chance.random() < 0.4:
        exits = {"stop_loss": chance.choice(("2%", "5%", "15%")), "take_profit": chance.choice(("3%", "20%"))}
    cash = Decimal(chance.choice((8_000, 25_000, 100_000)))
    held = chance.sample(list(symbols), 1 if small else chance.randrange(0, len(symbols)))
    return AccountShape(
        id=account, owner=owner, cash=cash,
        positions={symbol: Decimal(chance.randrange(5, 60)) for symbol in sorted(held)},
        mandate={
            "class": kind, "broker": "simulated", "universe": list(symbols), "limits": limits, "exits": exits,
            "planning": {"buffer": chance.choice(("0.25%", "1%"))}, "targets": "drawn",
        },
    )  # fmt: skip

"""Synthetic facts of the sample's stocks: quarterly earnings dates, announced ahead, and headlines without a price."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import day_number
from prudent.marketdata.noise import seed, uniform
from prudent.ports import Calendar, Event

ANNOUNCED_DAYS = 21
HEADLINE_CHANCE = 0.06
BEFORE_OPEN = time(11, tzinfo=UTC)
HEADLINES = (
    "{symbol}: brokers publish reviews of the sector",
    "{symbol} names a new head of operations",
    "{symbol} to speak at an industry conference",
    "{symbol} renews a supply agreement",
    "{symbol}: regulator opens a consultation on the industry",
    "{symbol} plans to widen a product line",
    "{symbol}: staff and management agree on a new contract",
    "{symbol} refinances part of its debt",
)


def earnings(symbol: str, calendar: Calendar, *, start: date, end: date) -> Iterator[Event]:
    """One date a quarter, between the 12th of its first month and the 9th of its second, on a session."""
    for year in range(start.year, end.year + 1):
        for quarter in range(4):
            number = year * 4 + quarter
            day = date(year, 3 * quarter + 1, 12) + timedelta(days=int(28 * uniform(seed("earnings", symbol), number)))
            if not start - timedelta(days=5) <= day <= end:
                continue
            held = calendar.session_of(datetime.combine(day, time(17), tzinfo=UTC)).date
            reported = f"Q{(quarter + 3) % 4 + 1} {year if quarter else year - 1}"
            known = held - timedelta(days=ANNOUNCED_DAYS)
            yield _event(symbol, "earnings", held, f"{symbol} reports {reported}", known)


def headlines(symbol: str, calendar: Calendar, *, start: date, end: date) -> Iterator[Event]:
    """On some sessions one headline, out before the open; it does not depend on any price."""
    start_of_noise = seed("headline", symbol)
    for session in calendar.sessions(start, end):
        draw = uniform(start_of_noise, day_number(session.date))
        if draw < HEADLINE_CHANCE:
            text = HEADLINES[int(draw / HEADLINE_CHANCE * len(HEADLINES))]
            yield _event(symbol, "headline", session.date, text.format(symbol=symbol), session.date)


def _event(symbol: str, kind: str, day: date, text: str, known: date) -> Event:
    return Event(
        symbol=symbol, kind=kind, date=day, text=text, known_at=datetime.combine(known, BEFORE_OPEN), source="sample",
        quality=Quality.SYNTHETIC,
    )  # fmt: skip

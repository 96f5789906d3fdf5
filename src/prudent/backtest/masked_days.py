"""Days without a calendar: sessions counted from a window's start, and texts from which dates are taken out."""

import re
from bisect import bisect_left
from datetime import date, timedelta

from prudent.domain.errors import InputError
from prudent.ports import Calendar

# How far before and after a window a fact may name a day (the last earnings, a date from which something may be sold).
BEFORE, AFTER = timedelta(days=400), timedelta(days=400)
SESSIONS_A_WEEK = 5
STAMP = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_MONTH = "January|February|March|April|June|July|August|September|October|November|December"
_SHORT = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_WEEKDAY = "Mondays?|Tuesdays?|Wednesdays?|Thursdays?|Fridays?|Saturdays?|Sundays?"
_HOLIDAY = (
    r"Christmas|Thanksgiving|New Year(?:'s)?(?: (?:Eve|Day))?|Easter|Good Friday|Labou?r Day|Memorial Day|"
    r"Independence Day|Juneteenth|Presidents'? Day|Black (?:Monday|Tuesday|Wednesday|Thursday|Friday)"
)
# Events that everybody can date.
_EVENT = (
    r"COVID(?:-?19)?|coronavirus|pandemic|Lehman(?: Brothers)?|dot-?com|Brexit|9/11|subprime|taper tantrum|"
    r"flash crash|Y2K"
)
YEAR = re.compile(r"(?<![\d.,])(?:19|20)\d{2}(?!\d)")
# A number with its unit is an amount, whatever year it looks like.
_AMOUNT = re.compile(r"(?:[$€£] ?)\d[\d.,]*|\b\d[\d.,]*(?= ?(?:%|USD|EUR|GBP|dollars?|shares?|sessions?|minutes?)\b)")
_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"\b(?:{_HOLIDAY})\b", re.IGNORECASE), "a holiday"),
    (re.compile(rf"(?<![A-Za-z])(?:{_EVENT})(?![A-Za-z])", re.IGNORECASE), "an event"),
    (
        re.compile(
            rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)? (?:of )?)?(?:{_MONTH}|(?:{_SHORT})\.?(?= ?'?\d))"
            r"(?: \d{1,2}(?:st|nd|rd|th)?\b)?(?:,? ?'?(?:(?:19|20)\d{2}|\d{2})\b)?"
        ),
        "a date",
    ),
    (re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)? (?:{_SHORT})\b\.?"), "a date"),
    (re.compile(r"\b(?:in|of|since|by|until|before|after|last|next|this|during|every|early|late|mid) May\b"), "a date"),
    (re.compile(rf"\b(?:{_MONTH})s?\b", re.IGNORECASE), "a month"),
    (re.compile(rf"\b(?:{_WEEKDAY})\b", re.IGNORECASE), "a day"),
    (re.compile(r"\b(?:Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri)\b\.?"), "a day"),
    (re.compile(r"\b\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})\b"), "a date"),
    (re.compile(r"\b(?:Q[1-4]|[1-4]Q|H[12]|FY) ?'?(?:(?:19|20)?\d{2})?\b"), "a quarter"),
    (re.compile(r"\b(?:19|20)\d0s\b"), "a decade"),
    (YEAR, "a year"),
)


class DayNumbers:
    """`Day 1` is the first session of a window; what is no session counts as the next one. Weeks are of five sessions.

    Week-ends, holidays and the ends of months leave no gap in the count.
    """

    def __init__(self, calendar: Calendar, first: date, last: date) -> None:
        self._days = _sessions(calendar, first, last)
        self._first = bisect_left(self._days, first)

    def number(self, day: date) -> int:
        return bisect_left(self._days, day) - self._first + 1

    def day(self, text: str) -> str:
        """An ISO date or time as `Day N`."""
        return f"Day {self.number(date.fromisoformat(text[:10]))}"

    def week(self, text: str) -> str:
        """The same as `Week N`."""
        return f"Week {(self.number(date.fromisoformat(text[:10])) - 1) // SESSIONS_A_WEEK + 1}"

    def words(self, text: str) -> str:
        """A text without dates: what can be counted as its day, years, months, weekdays and the like as such."""
        kept: list[str] = []

        def keep(match: re.Match[str]) -> str:
            kept.append(match[0])
            return f"\0{len(kept) - 1}\0"

        text = STAMP.sub(lambda match: self._day_or(match[0]), text)
        text = _AMOUNT.sub(keep, text)
        for pattern, word in _WORDS:
            text = pattern.sub(word, text)
        return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], text)

    def _day_or(self, text: str) -> str:
        try:
            return self.day(text)
        except ValueError:
            return "a date"


def _sessions(calendar: Calendar, first: date, last: date) -> list[date]:
    """The sessions around a window, as far as the calendar reaches."""
    for before, after in ((BEFORE, AFTER), (timedelta(), AFTER), (BEFORE, timedelta()), (timedelta(), timedelta())):
        try:
            return [each.date for each in calendar.sessions(first - before, last + after)]
        except InputError:
            continue
    return []

"""The `MarketData` port over daily columns: what the clock allows to be seen of them, as quotes and as bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from prudent.domain.errors import InputError, LookAhead
from prudent.domain.quotes import Quality, Quote
from prudent.marketdata.calendars import NEW_YORK, day_number, day_of
from prudent.marketdata.columns import DAILY_FIELDS, DailyColumns, Days, LateFields
from prudent.marketdata.standing import Standing, spread_around, standing_of, to_decimal
from prudent.ports import Bars, Calendar, Clock, Event, Floats, Session

EVENT_KINDS = ("earnings", "headline")
SERIES = ("SPX", "VIX", "TNX")
INTRADAY_FIELDS = ("open", "high", "low", "close", "volume")
ADV_SESSIONS = 20
# Spans of days whose opening times are kept: every account asks for the same few.
OPENS_KEPT = 32


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """The clock's time on the exchange: the session it is inside of, if any, and the days already complete."""

    now: datetime
    session: Session | None
    today: int
    last_close: datetime | None
    last_day: int
    adv_first_day: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A price inside a running session, when it was made, what it is, and the raw price where it is known apart."""

    price: float
    as_of: datetime
    quality: Quality
    level: float | None = None


class DailyMarket:
    """A market of symbols with daily columns; a source with intraday bars overrides `bars` and `price_inside`.

    `columns_of` answers `None` for a symbol that the source does not have.
    """

    def __init__(
        self, clock: Clock, calendar: Calendar, *, source: str, columns_of: Callable[[str], DailyColumns | None]
    ) -> None:
        self._clock = clock
        self._calendar = calendar
        self._source = source
        self._columns_of = columns_of
        self._moment: Moment | None = None
        self._standing: dict[str, tuple[int, Standing | None]] = {}
        self._opens_of: dict[bytes, NDArray[np.datetime64]] = {}

    @property
    def source(self) -> str:
        return self._source

    def forget(self) -> None:
        """Drop what was worked out or read before; it is found again when it is next asked for."""
        self._standing = {}

    def read_through(self, change: Callable[[DailyColumns], DailyColumns]) -> None:
        """From now on read every history as `change` gives it: for whoever asks what other data would lead to."""
        self._columns_of = changed_columns(self._columns_of, change)
        self._standing = {}

    def quotes(self, symbols: Sequence[str]) -> tuple[Quote, ...]:
        moment = self._now()
        return tuple(self._quote(symbol, moment) for symbol in symbols)

    def daily(self, symbols: Sequence[str], *, sessions: int, end: date | None = None) -> Bars:
        if sessions < 1:
            raise InputError(f"sessions must be 1 or more, was {sessions}; ask for at least one bar")
        known = tuple(self._known(symbol) for symbol in symbols)
        last_day = self._last_day(end)
        return self._daily_bars(known, _last_days(known, last_day, sessions), DAILY_FIELDS)

    def series(self, name: str, *, sessions: int) -> Bars:
        bars = self.daily((name,), sessions=sessions)
        close = bars.fields["close"]
        return Bars(bars.symbols, bars.times, {"close": close}, {"close": bars.quality["close"]}, bars.source)

    def bars(self, symbols: Sequence[str], *, minutes: int, start: datetime, end: datetime) -> Bars:
        """No bars: a daily source has none inside a session."""
        self.check_intraday(symbols, minutes=minutes, end=end)
        nothing = np.empty((0, len(symbols)))
        quality = dict.fromkeys(INTRADAY_FIELDS, (Quality.REAL,) * len(symbols))
        times = np.empty(0, dtype="datetime64[s]")
        return Bars(tuple(symbols), times, dict.fromkeys(INTRADAY_FIELDS, nothing), quality, self._source)

    def events(self, symbols: Sequence[str], *, kind: str, start: date, end: date) -> tuple[Event, ...]:
        """No events: a source of prices has none. Subclasses that have some call this first for its checks."""
        if kind not in EVENT_KINDS:
            raise InputError(f"kind must be one of {', '.join(EVENT_KINDS)}, was {kind!r}; correct it")
        # Earnings dates are announced ahead of time, so a window into the future is a fair question for them.
        if kind == "headline" and end > self._now().now.astimezone(NEW_YORK).date():
            raise LookAhead(f"headlines up to {end} were asked for at {self._now().now}; end at the clock's date")
        return ()

    def price_inside(self, columns: DailyColumns, row: int | None, moment: Moment) -> Seen | None:
        """The latest price of the running session, its row in `columns` being `row` if there is one: its open."""
        if moment.session is None or row is None:
            return None
        opened = float(columns.fields["open"][row])
        if not opened > 0.0:
            return None
        return Seen(opened, moment.session.open, columns.quality_of("open", row, row + 1))

    def whole(self, symbol: str) -> DailyColumns | None:
        """Every bar of a symbol, whatever the clock says; not for who may not see ahead."""
        return self._columns_of(symbol)

    def before_close(self, symbol: str, low: int, high: int) -> Floats | None:
        """The price inside the session in the moment before each close, of these rows; not for who may not see ahead.

        None where the source has prices inside its latest sessions only.
        """
        columns = self._columns_of(symbol)
        return None if columns is None else columns.fields["open"][low:high]

    def check_intraday(self, symbols: Sequence[str], *, minutes: int, end: datetime) -> None:
        """What every `bars` refuses: a time after the clock, an unknown symbol, a length below one minute."""
        if end > self._clock.now():
            raise LookAhead(f"bars up to {end} were asked for at {self._clock.now()}; end at the clock's time")
        if minutes < 1:
            raise InputError(f"minutes must be 1 or more, was {minutes}; ask for a longer bar")
        for symbol in symbols:
            self._known(symbol)

    def _known(self, symbol: str) -> DailyColumns:
        columns = self._columns_of(symbol)
        if columns is None:
            raise InputError(f"source {self._source} must have {symbol}, but has no bars of it; correct the symbol")
        return columns

    def _now(self) -> Moment:
        now = self._clock.now()
        if self._moment is None or self._moment.now != now:
            self._moment = self._moment_at(now)
        return self._moment

    def _moment_at(self, now: datetime) -> Moment:
        completed = self._calendar.completed(now, ADV_SESSIONS)
        session = self._calendar.session_of(now) if self._calendar.is_open(now) else None
        return Moment(
            now=now,
            session=session,
            today=day_number(now.astimezone(NEW_YORK).date()),
            last_close=completed[-1].close if completed else None,
            last_day=day_number(completed[-1].date) if completed else -1_000_000,
            adv_first_day=day_number(completed[0].date) if completed else -1_000_000,
        )

    def _last_day(self, end: date | None) -> int:
        moment = self._now()
        if end is None:
            return moment.last_day
        asked = day_number(end)
        if asked > moment.last_day:
            unfinished = self._calendar.sessions(day_of(max(moment.last_day + 1, 0)), end)
            if unfinished or asked > moment.today:
                raise LookAhead(
                    f"daily bars up to {end} were asked for at {moment.now}, when the last complete session was "
                    f"{day_of(moment.last_day)}; end there"
                )
        return asked

    def _daily_bars(self, known: Sequence[DailyColumns], days: Days, names: Sequence[str]) -> Bars:
        places = tuple(_places(columns.days, days) for columns in known)

        def column(name: str) -> Floats:
            out = np.full((len(days), len(known)), np.nan)
            for i, (columns, (rows, at)) in enumerate(zip(known, places)):
                out[at, i] = columns.fields[name][rows]
            return out

        def quality(name: str) -> tuple[Quality, ...]:
            return tuple(
                columns.quality_of(name, int(rows[0]), int(rows[-1]) + 1) if len(rows) else columns.quality[name]
                for columns, (rows, _) in zip(known, places)
            )

        return Bars(
            symbols=tuple(columns.symbol for columns in known),
            times=self._opens(days),
            fields=LateFields({name: lambda name=name: column(name) for name in names}),  # type: ignore[misc]
            quality={name: quality(name) for name in names},
            source=self._source,
        )

    def _opens(self, days: Days) -> NDArray[np.datetime64]:
        if not len(days):
            return np.empty(0, dtype="datetime64[s]")
        key = days.tobytes()
        found = self._opens_of.get(key)
        if found is None:
            sessions = self._calendar.sessions(day_of(int(days[0])), day_of(int(days[-1])))
            opens = {day_number(s.date): int(s.open.timestamp()) for s in sessions}
            found = np.array([opens[day] for day in days.tolist()], dtype="datetime64[s]")
            found.setflags(write=False)
            if len(self._opens_of) >= OPENS_KEPT:
                self._opens_of = {}
            self._opens_of[key] = found
        return found

    def _standing_of(self, symbol: str, columns: DailyColumns, moment: Moment) -> Standing | None:
        kept = self._standing.get(symbol)
        if kept is None or kept[0] != moment.last_day:
            found = standing_of(columns, last_day=moment.last_day, adv_first_day=moment.adv_first_day)
            kept = self._standing[symbol] = (moment.last_day, found)
        return kept[1]

    def _quote(self, symbol: str, moment: Moment) -> Quote:
        columns = self._columns_of(symbol)
        is_open = moment.session is not None
        standing = self._standing_of(symbol, columns, moment) if columns is not None else None
        if columns is None or standing is None:
            return Quote(symbol=symbol, price=None, source=self._source, market_open=is_open)
        row = standing.row + 1
        has_today = row < len(columns.days) and int(columns.days[row]) == moment.today
        seen = self.price_inside(columns, row if has_today else None, moment) if is_open else None
        if seen is None:
            price, level, quality = standing.close, standing.raw_close, standing.quality
            as_of = self._close_of(standing, moment)
        else:
            price, quality, as_of = to_decimal(seen.price), seen.quality, seen.as_of
            scale = float(columns.fields["factor"][row if has_today else standing.row])
            level = to_decimal(seen.price * scale if seen.level is None else seen.level, 4)
        bid, ask = spread_around(price, standing.half_spread)
        return Quote(
            symbol=symbol, price=price, bid=bid, ask=ask, level=level, previous_close=standing.close,
            previous_level=standing.raw_close, adv_dollars=standing.adv_dollars, adv_sessions=standing.adv_sessions,
            as_of=as_of, age_seconds=seconds_between(as_of, moment.now), source=self._source, quality=quality,
            market_open=is_open, rsi_14=standing.rsi_14,
        )  # fmt: skip

    def _close_of(self, standing: Standing, moment: Moment) -> datetime:
        if standing.day == moment.last_day and moment.last_close is not None:
            return moment.last_close
        day = day_of(standing.day)
        return self._calendar.sessions(day, day)[0].close


def changed_columns(
    columns_of: Callable[[str], DailyColumns | None], change: Callable[[DailyColumns], DailyColumns]
) -> Callable[[str], DailyColumns | None]:
    """`columns_of` through `change`, which is asked once for each history."""
    made: dict[str, tuple[DailyColumns, DailyColumns]] = {}

    def changed(symbol: str) -> DailyColumns | None:
        columns = columns_of(symbol)
        if columns is None:
            return None
        kept = made.get(symbol)
        if kept is None or kept[0] is not columns:
            kept = made[symbol] = (columns, change(columns))
        return kept[1]

    return changed


def seconds_between(earlier: datetime, later: datetime) -> Decimal:
    """Exact seconds from one time to another, to the microsecond."""
    return Decimal((later - earlier) // timedelta(microseconds=1)) / 1_000_000


def _last_days(known: Sequence[DailyColumns], last_day: int, sessions: int) -> Days:
    # The last days up to `last_day` on which any of the symbols has a bar.
    ends = [int(np.searchsorted(columns.days, last_day, side="right")) for columns in known]
    parts = [columns.days[max(0, end - sessions) : end] for columns, end in zip(known, ends)]
    days: Days = np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)
    return days[-sessions:]


def _places(own: Days, days: Days) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    # Rows of a symbol whose day is among `days`, and where among them.
    if not len(days):
        nothing = np.empty(0, dtype=np.intp)
        return nothing, nothing
    low = int(np.searchsorted(own, days[0]))
    high = int(np.searchsorted(own, days[-1], side="right"))
    at = np.searchsorted(days, own[low:high])
    return np.arange(low, high, dtype=np.intp), at

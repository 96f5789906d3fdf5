"""News of live accounts: feeds read again every few minutes, kept in the home, filtered by what an account watches."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.parse import urlsplit

from prudent.domain.errors import Permanent, Temporary
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.quotes import Quality
from prudent.marketdata.calendars import NEW_YORK
from prudent.marketdata.feeds import FeedItem, parse_feed
from prudent.ports import Clock, Event, Instruments

PATIENCE_SECONDS = 20.0
KEPT_HOURS = 24
KIND = "headline"
# Tickers that are words of headlines too; these count only when marked as a ticker.
WORDS = frozenset({
    "ALL", "ARE", "AND", "BIG", "BUY", "CAR", "CARE", "CAT", "CEO", "CFO", "COST", "CPI", "DAY", "DOW", "ECB",
    "ETF", "EPS", "EUR", "EVER", "FAST", "FDA", "FED", "FOR", "FUN", "GAS", "GDP", "GOOD", "HAS", "HOME", "IPO",
    "JOB", "KEY", "LIFE", "LOVE", "LOW", "MAIN", "NEW", "NICE", "NOW", "NYC", "OIL", "ONE", "OPEN", "OUT", "PAY",
    "PEAK", "PLAY", "POOL", "REAL", "ROCK", "RUN", "SEC", "SEE", "SO", "TAX", "THE", "TOP", "TRUE", "TWO", "USA",
    "USD", "WELL", "WHO", "YOU",
})  # fmt: skip
_MARKET = re.compile(
    r"\b(?:fed|fomc|powell|federal reserve|ecb|interest rates?|rate (?:cut|hike|decision)s?|inflation|cpi|ppi|pce|"
    r"payrolls?|jobs report|unemployment|gdp|recession|treasur(?:y|ies)|bond yields?|tariffs?|opec|crude|oil prices?|"
    r"s&p 500|nasdaq|dow jones|wall street|stocks?|stock market|markets?|vix|bear market|bull market|"
    r"debt ceiling|shutdown|sanctions|geopolitic\w*)\b",
    re.IGNORECASE,
)
Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What a feed gave when it was last read, and why it could not be read after that."""

    asked: datetime
    read: datetime | None
    items: tuple[FeedItem, ...]
    error: str = ""


class FeedNews:
    """`ports.News` over feeds. `folder` keeps what was read, so that thirteen accounts ask a publisher once.

    What a feed gave last stands for a day when it cannot be read; a feed that failed is let alone for as long as one
    that was read.
    """

    def __init__(
        self,
        clock: Clock,
        instruments: Instruments,
        *,
        feeds: Sequence[str],
        read: Read,
        folder: Path,
        minutes: int = 15,
    ) -> None:
        self._clock = clock
        self._instruments = instruments
        self._feeds = tuple(dict.fromkeys(feeds))
        self._read = read
        self._folder = folder
        self._again = timedelta(minutes=minutes)
        self._kept: dict[str, _Kept] = {}

    def headlines(self, symbols: Sequence[str], *, since: datetime) -> tuple[Event, ...]:
        now = self._clock.now()
        self._refresh(now)
        watched = [_Watched.of(each, self._instruments.find(each)) for each in symbols]
        found: list[Event] = []
        told: set[str] = set()
        for url in self._feeds:
            kept = self._kept.get(url)
            for item in kept.items if kept is not None and kept.read is not None else ():
                # A publisher may date an item ahead; it was read by then all the same.
                known = min(item.published, kept.read) if kept is not None and kept.read is not None else now
                text = item.text.casefold()
                if since <= known <= now and text not in told:
                    told.add(text)
                    found += _events(item.text, watched, known=known, source=_name(url))
        return tuple(sorted(found, key=lambda each: (-each.known_at.timestamp(), each.source, each.text, each.symbol)))

    def warnings(self) -> tuple[str, ...]:
        """Feeds that could not be read when they were last asked."""
        return tuple(
            f"feed {_name(url)} was not read: {kept.error}"
            for url in self._feeds
            if (kept := self._kept.get(url)) and kept.error
        )

    def _refresh(self, now: datetime) -> None:
        due = []
        for url in self._feeds:
            kept = self._kept.get(url)
            if kept is None or self._is_old(kept, now):
                # Another process of the home may have read it since.
                stored = self._load(url)
                if stored is None or self._is_old(stored, now):
                    due.append(url)
                kept = stored or kept
            if kept is not None:
                self._kept[url] = _without_old(kept, now)
        for url, kept in self._asked(due, now):
            self._kept[url] = kept
            self._store(url, kept)

    def _asked(self, due: Sequence[str], now: datetime) -> Iterator[tuple[str, _Kept]]:
        """What each feed gave, all asked at once; one that has not answered after the patience of all has failed."""
        answers: SimpleQueue[tuple[str, _Kept]] = SimpleQueue()
        for url in due:
            Thread(target=lambda url=url: answers.put((url, self._ask(url, now))), name="feed", daemon=True).start()
        begun = self._clock.monotonic()
        missing = dict.fromkeys(due)
        while missing:
            try:
                url, kept = answers.get(timeout=max(0.01, PATIENCE_SECONDS - (self._clock.monotonic() - begun)))
            except Empty:
                break
            del missing[url]
            yield url, kept
        for url in missing:
            yield url, self._failed(url, now, f"no answer within {PATIENCE_SECONDS:g} seconds")

    def _is_old(self, kept: _Kept, now: datetime) -> bool:
        return not timedelta(0) <= now - kept.asked < self._again

    def _ask(self, url: str, now: datetime) -> _Kept:
        try:
            return _Kept(asked=now, read=now, items=parse_feed(self._read(url)))
        except (Temporary, Permanent) as error:
            return self._failed(url, now, str(error))

    def _failed(self, url: str, now: datetime, error: str) -> _Kept:
        before = self._kept.get(url)
        return _Kept(asked=now, read=before.read if before else None, items=before.items if before else (), error=error)

    def _path(self, url: str) -> Path:
        return self._folder / f"{sha256(url.encode()).hexdigest()[:24]}.json"

    def _load(self, url: str) -> _Kept | None:
        try:
            kept = json.loads(self._path(url).read_text(encoding="utf-8"))
            items = tuple(FeedItem(str(text), datetime.fromisoformat(when)) for text, when in kept["items"])
            read = None if kept["read"] is None else datetime.fromisoformat(kept["read"])
            return _Kept(asked=datetime.fromisoformat(kept["asked"]), read=read, items=items, error=str(kept["error"]))
        except (OSError, ValueError, KeyError, TypeError):
            # What cannot be read is asked for again; nothing is lost with it.
            return None

    def _store(self, url: str, kept: _Kept) -> None:
        rows = [[item.text, item.published.isoformat()] for item in kept.items]
        read = None if kept.read is None else kept.read.isoformat()
        text = json.dumps(
            {"url": url, "asked": kept.asked.isoformat(), "read": read, "error": kept.error, "items": rows}
        )
        path = self._path(url)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{id(self)}.part")
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        except OSError:
            # News are never needed: a full disk costs a second question to the publisher, not a cycle.
            return


def _without_old(kept: _Kept, now: datetime) -> _Kept:
    if kept.read is None or now - kept.read <= timedelta(hours=KEPT_HOURS):
        return kept
    return _Kept(asked=kept.asked, read=None, items=(), error=kept.error)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A symbol, and how a text names it: a marked ticker, a ticker that is no word, the company's name."""

    symbol: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, symbol: str, instrument: Instrument | None) -> "_Watched":
        ticker = re.escape(symbol).replace(r"\.", r"[.\-]")
        ways = [rf"\${ticker}\b", rf"\b(?:NYSE|NASDAQ|NYSEARCA|AMEX|Nasdaq)\s?:\s?{ticker}\b", rf"\({ticker}\)"]
        if len(symbol) >= 3 and symbol not in WORDS:
            ways.append(rf"(?<![\w$.]){ticker}(?!\w|\.\w)")
        if instrument is not None and instrument.kind is InstrumentKind.STOCK and len(instrument.name) >= 4:
            ways.append(rf"\b{re.escape(instrument.name)}\b")
        return cls(symbol, re.compile("|".join(ways)))


def _events(text: str, watched: Sequence[_Watched], *, known: datetime, source: str) -> Iterator[Event]:
    symbols = [each.symbol for each in watched if each.pattern.search(text)]
    if not symbols and not _MARKET.search(text):
        return
    for symbol in symbols or [""]:
        yield Event(
            symbol=symbol, kind=KIND, date=known.astimezone(NEW_YORK).date(), text=text, known_at=known, source=source,
            quality=Quality.REAL,
        )  # fmt: skip


def _name(url: str) -> str:
    return (urlsplit(url).hostname or url).removeprefix("www.")

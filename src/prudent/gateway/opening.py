"""Puts a paper gateway together: its memory from a file, its clock where that was left, its prices from a source."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from prudent.domain.errors import InputError
from prudent.domain.records import utc_text
from prudent.gateway.market.files import FileHistory
from prudent.gateway.market.market import PaperMarket
from prudent.gateway.market.series import NoHistory, SampleHistory, Source
from prudent.gateway.pace import Mode, Pace, pace_of
from prudent.gateway.paper import ACCOUNTS, Paper
from prudent.gateway.store import FloorStore, open_floor_store
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.ports import Calendar, Clock

MOMENT = "moment"
QUOTES = ("sample", "synthetic", "file")
# How far back a clock may stand after a power cut; it never stands before the last execution.
SAVE_SECONDS = 5.0
RESET_CASH = Decimal(1_000_000)
PAPER_PREFIX = "D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a person asks of a paper gateway; `clock` as `pace_of` reads it; `folder` is for quotes `file`."""

    db: Path
    clock: str = Mode.SESSION
    quotes: str = "sample"
    folder: Path | None = None
    reset: tuple[str, ...] = ()
    admin_port: int | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A paper gateway that is ready to serve, with what it stands on."""

    paper: Paper
    pace: Pace
    store: FloorStore
    source: Source

    async def serve(self, port: int, *, ready: Callable[[], None]) -> None:
        """Serve on this machine until cancelled; where its clock stands is kept meanwhile."""
        keeping = asyncio.ensure_future(self._keep_time())
        try:
            await self.paper.serve(port=port, ready=ready)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            self.keep_time()

    def keep_time(self) -> None:
        self.store.set(MOMENT, utc_text(self.pace.now()))

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            self.keep_time()


@contextmanager
def opened(wishes: Wishes, wall: Clock) -> Iterator[Opened]:
    """Open the file and what belongs to it; the file is held until the block ends.

    Raises:
        InputError: a wish is none that can be met, an account to be reset is not there, or the file has an account
            that a client could take for one of real money.
        StoreError: the file cannot be used, or another gateway holds it.
    """
    calendar = ExchangeCalendar()
    source = source_of(wishes, calendar)
    store = open_floor_store(wishes.db)
    try:
        pace = pace_of(wishes.clock, calendar, last=source.last, saved=_left_at(store), wall=wall)
        market = PaperMarket(pace, calendar, source, seed=wishes.seed)
        paper = Paper(pace, market, store=store, admin_port=wishes.admin_port)
        _check_play_money(paper.floor.accounts, wishes.db)
        for account in wishes.reset:
            if account not in paper.floor.accounts:
                known = ", ".join(paper.floor.accounts)
                raise InputError(f"account to reset must be one of {known}, was {account!r}; correct it")
            paper.floor.reset(account, ACCOUNTS.get(account, RESET_CASH), pace.now())
        yield Opened(paper=paper, pace=pace, store=store, source=source)
    finally:
        store.close()


def _check_play_money(accounts: Iterable[str], db: Path) -> None:
    """The command shows accounts of play money alone, whatever a program has put into the file."""
    odd = ", ".join(each for each in accounts if not each.startswith(PAPER_PREFIX))
    if odd:
        raise InputError(
            f"every account of a paper gateway must begin with {PAPER_PREFIX}, {db} has {odd}; use another --db"
        )


def _left_at(store: FloorStore) -> datetime | None:
    """Where the clock of an earlier process stood at least."""
    kept = store.setting(MOMENT)
    return None if kept is None else datetime.fromisoformat(kept)


def source_of(wishes: Wishes, calendar: Calendar) -> Source:
    """The sample, a seeded world, or a folder of CSV or Parquet files.

    Raises:
        InputError: the name is none of these, or the folder is missing.
    """
    match wishes.quotes:
        case "sample":
            return SampleHistory()
        case "synthetic":
            return NoHistory()
        case "file":
            if wishes.folder is None or not wishes.folder.is_dir():
                raise InputError(
                    f"quotes from files need a folder of CSV or Parquet files, was {wishes.folder}; give it by --files"
                )
            return FileHistory(wishes.folder, calendar)
    raise InputError(f"quotes must be one of {', '.join(QUOTES)}, was {wishes.quotes!r}; choose one")

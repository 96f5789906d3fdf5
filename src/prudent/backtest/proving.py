"""What a look-ahead proof of an account or of a run is asked for: its mandate, and a window that may be looked at."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from prudent.backtest.books import parse
from prudent.backtest.kept import kept_request
from prudent.backtest.places import folder_of
from prudent.backtest.recorded import recording_of, request_of, tape_of
from prudent.backtest.request import Cadence, Request
from prudent.backtest.run import Prepared, prepare, sealed_from
from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.errors import BlockedError, InputError
from prudent.ports import RunRef
from prudent.registry import IN_SESSION

# The window where none is given; one that decides within its sessions decides often.
SESSIONS, SESSIONS_WITHIN = 126, 15
BENCHMARK = "SPY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a person gave; None where nothing."""

    first: date | None
    last: date | None


def account_to_prove(desk: Desk, account: str, window: Window, cadence: Cadence) -> Prepared:
    """The account as it is configured; by default over the newest sessions that are not sealed.

    Raises:
        InputError: the window does not fit the data; see `prepare`.
        BlockedError: it reaches into the sealed window.
    """
    mandate = desk.mandate(account)
    within = cadence.minutes is not None or (cadence is Cadence.ACCOUNT and mandate.strategy in IN_SESSION)
    first, last = _window(desk, window, SESSIONS_WITHIN if within else SESSIONS)
    return _unsealed(desk, Request(
        mandate=mandate, rules=desk.ledger.rules(account) if desk.is_open_account(account) else (), first=first,
        last=last, cadence=cadence, schedule=desk.loaded.settings.accounts[account].schedule, benchmark=BENCHMARK,
    ))  # fmt: skip


def run_to_prove(desk: Desk, name: str, window: Window) -> Prepared:
    """A run's mandate, rules and window; `window` narrows or moves it. A backtest may look where it has looked.

    Raises:
        InputError: there is no such run; see `prepare`.
        BlockedError: the window reaches into the sealed one, which this run has not opened.
    """
    wanted = parse(name)
    if wanted.number is None:
        raise InputError(f"a run must be ACCOUNT/NUMBER or ACCOUNT/bNUMBER, was {name!r}; see `invest runs list`")
    if wanted.is_backtest:
        row = desk.ledger.backtests.find(wanted.account, wanted.number)
        request = kept_request(folder_of(desk, row.account, row.number))
        if request is None:
            request = request_of(desk, recording_of(desk, name))
        own = replace(request, first=window.first or request.first, last=window.last or request.last)
        return prepare(desk, own) if own.last <= row.last and row.opened_seal else _unsealed(desk, own)
    frozen = desk.ledger.frozen(RunRef(account=wanted.account, number=wanted.number))
    first, last = _window(desk, window, SESSIONS)
    account = desk.loaded.settings.accounts.get(wanted.account)
    return _unsealed(desk, Request(
        mandate=frozen.mandate, rules=frozen.rules, first=first, last=last,
        schedule=() if account is None else account.schedule, benchmark=BENCHMARK,
    ))  # fmt: skip


def _unsealed(desk: Desk, request: Request) -> Prepared:
    prepared = prepare(desk, request)
    if prepared.touches_seal:
        raise BlockedError(
            f"the window must end before {prepared.sealed_from}, ends {request.last}: what is later is sealed, so that "
            "one honest look is left; end it earlier"
        )
    return prepared


def _window(desk: Desk, window: Window, sessions: int) -> tuple[date, date]:
    last = window.last or _newest(desk)
    if window.first is not None:
        return window.first, last
    found = desk.calendar.sessions(last - timedelta(days=2 * sessions), last)
    if not found:
        raise InputError(f"--to must be a day with sessions before it, was {last}; choose a later one")
    return found[-sessions:][0].date, last


def _newest(desk: Desk) -> date:
    """The last day that is not sealed; the last one of the data where nothing is."""
    sealed = sealed_from(desk, BENCHMARK)
    if sealed is not None:
        return sealed - timedelta(days=1)
    found = tape_of(desk, desk.calendar.completed(SystemClock().now(), 1)[0]).last_day(BENCHMARK)
    if found is None:
        raise InputError(f"the source must have {BENCHMARK} to tell its last day, has not; give --from and --to")
    return found

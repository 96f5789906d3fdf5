"""The mode interlocks M01 to M10 as one pure answer to every switch: what is absent, empty or odd stops orders."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from prudent.domain.accounts import Mode
from prudent.domain.cycles import Interlock

ARMED_DAYS_MAX = 30
CONFIRMED_FOR = timedelta(minutes=5)
LIVE_NEEDS = tuple(f"M{number:02}" for number in range(1, 11))
PAPER_NEEDS = ("M01", "M04", "M08", "M09", "M10")

_NAMES = {
    "M01": "mode", "M02": "ALLOW_ORDERS", "M03": "ENABLE_ORDER_EXEC", "M04": "kill switch", "M05": "confirmed",
    "M06": "armed", "M07": "endpoint", "M08": "lease", "M09": "reconciled", "M10": "configuration",
}  # fmt: skip
_Found = tuple[bool, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arming:
    """A person's word that an account may trade live: until when, and for which build and configuration alone."""

    account: str
    at: datetime
    until: datetime
    by: str
    build: str
    config: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """Everything that must allow an order, as it stands now; each default is the safe side.

    `mode` is that of the cycle, `configured` the one that the desk was opened for. `killed` holds why, is empty where
    no switch is set and None where one could not be read; likewise `in_doubt` the orders of which nobody knows.
    `confirmed_at` is when a person said yes to this very plan.
    `endpoint` is what the venue trades with: real money (LIVE) or play money (PAPER), or the words why nobody can tell.
    `build` and `config` name this process's code and settings, `config_now` those that the files hold now,
    `arming_config` what arming pins.
    `excused` is a protective exit whose owner lets it go while the account is disarmed.
    """

    mode: object = None
    configured: object = None
    dry_run: object = None
    allow_orders: object = None
    enable_order_exec: object = None
    killed: tuple[str, ...] | None = None
    auto_trade: object = None
    confirmed_at: datetime | None = None
    arming: Arming | None = None
    endpoint: object = None
    leased: object = None
    in_doubt: tuple[str, ...] | None = None
    build: str = ""
    config: str = ""
    config_now: str = ""
    arming_config: str = ""
    excused: object = None
    now: datetime | None = None


def effective_mode(configured: object, dry_run: object) -> Mode:
    """The mode that holds: a switch for dry runs turns every mode into one, and so does any value that is odd."""
    if configured is Mode.OFF or configured == str(Mode.OFF):
        return Mode.OFF
    if dry_run is not False or not isinstance(configured, str) or configured not in tuple(Mode):
        return Mode.DRY_RUN
    return Mode(configured)


def interlocks(switches: Switches) -> tuple[Interlock, ...]:
    """The interlocks that the cycle's mode needs, in their order; a rehearsal needs only what it can tell."""
    looks = {
        "M01": _mode, "M02": _allow_orders, "M03": _enable_order_exec, "M04": _killed, "M05": _confirmed,
        "M06": _armed, "M07": _endpoint, "M08": _leased, "M09": _reconciled, "M10": _same,
    }  # fmt: skip
    needed = PAPER_NEEDS if switches.mode in (Mode.PAPER, Mode.DRY_RUN, Mode.BACKTEST) else LIVE_NEEDS
    found = ((name, looks[name](switches)) for name in needed)
    return tuple(Interlock(id=name, name=_NAMES[name], satisfied=ok, detail=detail) for name, (ok, detail) in found)


def may_send(switches: Switches) -> bool:
    """True where a venue may be given an order at all: paper or live, with every interlock of the mode satisfied."""
    sends = effective_mode(switches.configured, switches.dry_run) in (Mode.PAPER, Mode.LIVE)
    return sends and switches.mode in (Mode.PAPER, Mode.LIVE) and all(each.satisfied for each in interlocks(switches))


def _rehearses(switches: Switches) -> bool:
    return switches.mode in (Mode.DRY_RUN, Mode.BACKTEST)


def _mode(switches: Switches) -> _Found:
    held = effective_mode(switches.configured, switches.dry_run)
    same = switches.mode is held and held in (Mode.PAPER, Mode.LIVE)
    said = str(switches.mode) if same or _rehearses(switches) else f"the desk is {held}, the cycle {switches.mode}"
    return same or _rehearses(switches), said


def _allow_orders(switches: Switches) -> _Found:
    return switches.allow_orders is True, "on" if switches.allow_orders is True else "ALLOW_ORDERS is not 1"


def _enable_order_exec(switches: Switches) -> _Found:
    on = switches.enable_order_exec is True
    return on, "on" if on else "ENABLE_ORDER_EXEC is not 1"


def _killed(switches: Switches) -> _Found:
    if switches.killed is None:
        return _rehearses(switches), "the kill switch cannot be read"
    return not switches.killed or _rehearses(switches), "; ".join(switches.killed) or "not set"


def _confirmed(switches: Switches) -> _Found:
    if switches.auto_trade is True:
        return True, "the account trades by itself"
    if switches.excused is True:
        return True, "a protective exit may go"
    at, now = switches.confirmed_at, switches.now
    if at is not None and now is not None and timedelta(0) <= now - at <= CONFIRMED_FOR:
        return True, "a person said yes to this plan"
    said = "nobody said yes to this plan" if at is None else "the yes to this plan is more than 5 minutes old"
    return False, f"{said}; `invest approve` it, or set auto_trade"


def _armed(switches: Switches) -> _Found:
    if switches.excused is True:
        return True, "a protective exit may go"
    reason = unarmed(switches.arming, now=switches.now, build=switches.build, config=switches.arming_config)
    until = "" if switches.arming is None else f"until {switches.arming.until:%Y-%m-%d %H:%M} UTC"
    return reason is None, until if reason is None else f"{reason}; `invest arm`"


def unarmed(arming: Arming | None, *, now: datetime | None, build: str, config: str) -> str | None:
    """Why the account is not armed now, in words; None where it is."""
    if arming is None or now is None:
        return "not armed"
    if not arming.at <= now < arming.until or arming.until - arming.at > timedelta(days=ARMED_DAYS_MAX):
        return f"armed until {arming.until:%Y-%m-%d %H:%M} UTC only"
    if not build or arming.build != build:
        return "armed for another build"
    if not config or arming.config != config:
        return "armed for another configuration or model"
    return None


def _endpoint(switches: Switches) -> _Found:
    same = switches.endpoint is Mode.LIVE and switches.mode is Mode.LIVE
    told = isinstance(switches.endpoint, str) and switches.endpoint not in ("", *Mode)
    said = f"the venue is {switches.endpoint}, the cycle {switches.mode}"
    return same, str(switches.endpoint) if same or told else said


def _leased(switches: Switches) -> _Found:
    held = switches.leased is True
    return held or _rehearses(switches), "held by this process" if held else "not held"


def _reconciled(switches: Switches) -> _Found:
    if switches.in_doubt is None:
        return False, "nobody could say what became of the orders"
    return not switches.in_doubt, ", ".join(switches.in_doubt) or "the fate of every order is known"


def _same(switches: Switches) -> _Found:
    same = bool(switches.build) and bool(switches.config) and switches.config == switches.config_now
    return same, "unchanged since the start" if same else "changed since the start; start again"

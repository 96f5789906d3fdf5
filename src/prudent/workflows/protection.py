"""The protection monitor: stops, targets, time stops and drawdown on a clock of their own, without any model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from prudent.bootstrap import Desk
from prudent.clock import SimulatedClock
from prudent.domain.accounts import Mode
from prudent.domain.cycles import Observation
from prudent.domain.exits import forced_exits
from prudent.domain.mandate import Mandate
from prudent.domain.notices import Event
from prudent.domain.proposals import ExitCause, ForcedExit
from prudent.domain.records import utc_text
from prudent.guards.user_rules import exit_rules
from prudent.pipeline.observe import observe
from prudent.workflows.cycle import PROTECTION, CycleWanted, begin
from prudent.workflows.notices import happened, tell
from prudent.workflows.recovery import settle_orders
from prudent.workflows.valuation import value_account

LIVE_SECONDS = 15.0
VIRTUAL_SECONDS = 15 * 60.0
BLIND = "no_price"
# A first reading of a price is not acted on; these causes do not hang on one price.
UNCONFIRMED = (ExitCause.STOP_LOSS, ExitCause.TAKE_PROFIT)
Start = Callable[[CycleWanted], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One look at one account: exits that are confirmed, breaches read once, and holdings without a price."""

    account: str
    exits: tuple[ForcedExit, ...]
    first_readings: tuple[ForcedExit, ...]
    blind: tuple[str, ...]
    cycle: str | None = None


def period_seconds(desk: Desk) -> float:
    """Seconds between two looks: 15 where money is real, 15 minutes elsewhere, or as the settings say."""
    given = desk.loaded.settings.engine.protection_seconds
    if given is not None:
        return given
    return LIVE_SECONDS if desk.mode is Mode.LIVE else VIRTUAL_SECONDS


def protect_all(desk: Desk, *, start: Start | None = None) -> tuple[Watched, ...]:
    """Look at every open account; the caller holds their leases."""
    return tuple(
        protect(desk, account, start=start) for account in desk.account_ids() if desk.is_open_account(account)
    )


def protect(desk: Desk, account: str, *, start: Start | None = None) -> Watched:
    """Settle and value the account, read its prices, and begin a protection cycle when an exit is confirmed.

    While a protection cycle of the account is under way no second one begins.
    """
    mandate = desk.mandate(account)
    settle_orders(desk, account)
    value_account(desk, account)
    seen = observe(desk.world(mandate, Mode.DRY_RUN), mandate, symbols=())
    read = _exits(seen, mandate, confirmed=False)
    blind = _without_price(seen)
    _note(desk, account, seen, read, blind)
    exits = read if isinstance(desk.clock, SimulatedClock) else _confirmed(desk, seen, mandate)
    first = tuple(each for each in read if each not in exits)
    cycle = _begin(desk, account, start) if exits and desk.mode is not Mode.OFF else None
    _tell_blind(desk, account, blind)
    return Watched(account=account, exits=exits, first_readings=first, blind=blind, cycle=cycle)


def _exits(seen: Observation, mandate: Mandate, *, confirmed: bool) -> tuple[ForcedExit, ...]:
    if not confirmed:
        seen = replace(seen, history=replace(seen.history, breaches=None))
    return forced_exits(seen, mandate, exit_rules(seen))


def _confirmed(desk: Desk, seen: Observation, mandate: Mandate) -> tuple[ForcedExit, ...]:
    breaches = desk.ledger.breaches(seen.account)
    return _exits(replace(seen, history=replace(seen.history, breaches=breaches)), mandate, confirmed=True)


def _note(
    desk: Desk, account: str, seen: Observation, read: tuple[ForcedExit, ...], blind: tuple[str, ...]
) -> None:  # fmt: skip
    prices = {quote.symbol: quote.price for quote in seen.quotes}
    readings = {(e.symbol, str(e.cause)): prices.get(e.symbol) or Decimal(0) for e in read if e.cause in UNCONFIRMED}
    readings |= {(symbol, BLIND): Decimal(0) for symbol in blind}
    desk.ledger.note_breaches(account, readings, at=seen.as_of)


def _without_price(seen: Observation) -> tuple[str, ...]:
    """Holdings that no stop can protect, for nobody knows what they cost; a closed market is no blindness."""
    if not seen.market_open:
        return ()
    known = {quote.symbol for quote in seen.quotes if quote.price is not None}
    return tuple(p.symbol for p in seen.snapshot.positions if p.quantity != 0 and p.symbol not in known)


def _begin(desk: Desk, account: str, start: Start | None) -> str | None:
    under_way = (desk.ledger.cycle_row(each) for each in desk.ledger.cycles_under_way())
    if any(row.run.account == account and row.started_by == PROTECTION for row in under_way):
        return None
    key = f"protection:{utc_text(desk.clock.now())}"
    return (start or (lambda wanted: begin(desk, wanted)))(
        CycleWanted(account=account, key=key, started_by=PROTECTION)
    )  # fmt: skip


def _tell_blind(desk: Desk, account: str, blind: tuple[str, ...]) -> None:
    if blind:
        said = f"protection is blind: {', '.join(blind)} of {account} has no price, so no stop can fire"
        tell(desk, happened(desk, Event.DATA_STALE, said, account=account, subject=",".join(blind)))

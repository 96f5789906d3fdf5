"""Limits that were loosened: real money waits a day for them, so that nothing is spent in haste or in one bad hour."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from prudent.bootstrap import Desk
from prudent.domain.errors import BlockedError
from prudent.domain.mandate import Limits
from prudent.domain.records import Json, digest, encode

LOOSE_AFTER = timedelta(hours=24)
# Where more is looser, where less is, and what only warns.
UPWARD = (
    "max_position_weight", "max_sector_weight", "max_turnover_per_cycle", "max_trades_per_cycle", "max_trades_per_day",
    "max_order_notional", "max_gross_exposure", "max_initial_margin", "max_daily_loss", "drawdown_cut",
    "drawdown_rearm",
)  # fmt: skip
DOWNWARD = ("cash_min", "min_excess_liquidity")
WARNS = ("cash_max",)


def limits_of(desk: Desk, account: str) -> dict[str, Json]:
    """The account's limits as an arming remembers them."""
    limits = desk.mandate(account).limits
    return {name: encode(getattr(limits, name)) for name in (*UPWARD, *DOWNWARD)}


def loosened(before: Mapping[str, Json], now: Limits) -> tuple[str, ...]:
    """Each limit that lets more through than before, with both values; an absent one lets everything through."""
    found = []
    for name, old in before.items():
        new = getattr(now, name, None)
        was, is_ = _number(old), _number(new)
        if (is_ < was) if name in DOWNWARD else (is_ > was):
            found.append(f"{name} from {'none' if old is None else old} to {'none' if new is None else new}")
    return tuple(found)


def check_settled(desk: Desk, account: str) -> None:
    """Refuse limits that are looser than those the account was last armed under, until a day has passed.

    The day begins when these limits are first seen, here or by an engine that starts; arming under others ends it.

    Raises:
        BlockedError: the day is not over.
    """
    last = desk.ledger.permissions.armed_limits(account)
    looser = () if last is None else loosened(last.limits, desk.mandate(account).limits)
    if last is None or not looser:
        return
    now = desk.clock.now()
    since = desk.ledger.permissions.loosened_since(
        account, digest(limits_of(desk, account)), looser, after=last, at=now
    )
    if now < since + LOOSE_AFTER:
        raise BlockedError(
            f"limits of {account} were loosened ({', '.join(looser)}): real money waits 24 hours for them, until "
            f"{since + LOOSE_AFTER:%Y-%m-%d %H:%M} UTC; arm it then, or put the old ones back"
        )


def _number(limit: object) -> Decimal:
    return Decimal("Infinity") if limit is None else Decimal(str(limit))

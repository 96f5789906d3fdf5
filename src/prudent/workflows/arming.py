"""Arm and disarm an account for real money: a person's dated word, for one build and one configuration."""

from datetime import timedelta

from prudent.bootstrap import Desk
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.interlocks import ARMED_DAYS_MAX, Arming, unarmed
from prudent.ledger.valuations import DRAWDOWN_HALT


def arm(desk: Desk, account: str, *, days: int, by: str, reason: str) -> Arming:
    """Arm the account from now for so many days; an arming before it is replaced.

    Raises:
        BlockedError: the platform's drawdown limit was hit and nobody has acknowledged it.
        InputError: the account is unknown or not open, or the time is too long.
    """
    if not 1 <= days <= ARMED_DAYS_MAX:
        raise InputError(f"an account is armed for 1 to {ARMED_DAYS_MAX} days, was {days}; choose fewer")
    desk.mandate(account)
    if any(each.kind == DRAWDOWN_HALT for each in desk.ledger.permissions.latches(account)):
        raise BlockedError(
            f"the drawdown of {account} must be acknowledged before it is armed, was not; "
            f"`invest drawdown acknowledge {account} --reason …`"
        )
    now = desk.clock.now()
    arming = Arming(
        account=account, at=now, until=now + timedelta(days=days), by=by, build=desk.code_version,
        config=desk.arming_config, reason=reason,
    )  # fmt: skip
    desk.ledger.permissions.arm(arming)
    return arming


def disarm(desk: Desk, account: str, *, reason: str) -> bool:
    """End the arming; False where the account was not armed."""
    return desk.ledger.permissions.disarm(account, reason=reason, at=desk.clock.now())


def end_void_armings(desk: Desk) -> tuple[str, ...]:
    """End every arming that no longer holds, so that it does not come back with its build, settings or clock.

    Asked at each start. Gives the accounts.
    """
    now = desk.clock.now()
    ended = []
    for arming in desk.ledger.permissions.armings():
        reason = unarmed(arming, now=now, build=desk.code_version, config=desk.arming_config)
        if reason is not None:
            desk.ledger.permissions.disarm(arming.account, reason=reason, at=now)
            ended.append(arming.account)
    return tuple(ended)

"""Arm and disarm an account for real money: a person's dated word, for one build and one configuration."""

import json
from contextlib import suppress
from datetime import datetime, timedelta

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.errors import BlockedError, InputError
from prudent.domain.interlocks import ARMED_DAYS_MAX, Arming, unarmed
from prudent.ledger.valuations import DRAWDOWN_HALT
from prudent.workflows.loosening import check_settled, limits_of

# A word that was not given for days holds so long, and no engine that starts later takes it over.
ARMED_FOR = timedelta(hours=8)


def arm(desk: Desk, account: str, *, days: int | None = None, by: str, reason: str) -> Arming:
    """Arm the account from now: for so many days, or else for 8 hours and never past the close of the session.

    An arming before it is replaced. Days are for an account that trades by itself; every plan of another needs its
    own yes anyway, by somebody who is there.

    Raises:
        BlockedError: the platform's drawdown limit was hit and nobody has acknowledged it, its limits were loosened
            less than a day ago, or its books are of play money or of another account.
        InputError: the account is unknown or not open, the time is too long, or it does not trade by itself.
    """
    mandate = desk.mandate(account)
    own = desk.loaded.settings.accounts[account]
    if days is not None and not 1 <= days <= ARMED_DAYS_MAX:
        raise InputError(f"an account is armed for 1 to {ARMED_DAYS_MAX} days, was {days}; choose fewer")
    if days is not None and own.auto_trade is not True:
        raise InputError(
            f"account {mandate.account} must trade by itself to be armed for days, its auto_trade is off; leave --days "
            "out: it is then armed for 8 hours, until the close at most"
        )
    if any(each.kind == DRAWDOWN_HALT for each in desk.ledger.permissions.latches(account)):
        raise BlockedError(
            f"the drawdown of {account} must be acknowledged before it is armed, was not; "
            f"`invest drawdown acknowledge {account} --reason …`"
        )
    _check_books(desk, account)
    check_settled(desk, account)
    now = desk.clock.now()
    until = _close_after(desk, now) if days is None else now + timedelta(days=days)
    arming = Arming(
        account=account, at=now, until=until, by=by, build=desk.code_version, config=desk.arming_config, reason=reason
    )
    desk.ledger.permissions.arm(arming, limits=limits_of(desk, account))
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


def end_armings_of_before(desk: Desk) -> tuple[str, ...]:
    """As `end_void_armings`, and with them those for hours: an engine that starts knows nothing of who gave them."""
    now = desk.clock.now()
    ended = list(end_void_armings(desk))
    _see_limits(desk)
    for arming in desk.ledger.permissions.armings():
        if arming.until - arming.at <= ARMED_FOR:
            desk.ledger.permissions.disarm(arming.account, reason="the engine has started again", at=now)
            ended.append(arming.account)
    return tuple(ended)


def _see_limits(desk: Desk) -> None:
    """The day that loosened limits wait begins when an engine first reads them."""
    for account in desk.account_ids() if desk.mode is Mode.LIVE else ():
        if desk.is_open_account(account):
            with suppress(BlockedError):
                check_settled(desk, account)


def _close_after(desk: Desk, now: datetime) -> datetime:
    session = desk.calendar.session_of(now)
    if now >= session.close:
        session = desk.calendar.session_of(desk.calendar.next_open(now))
    return min(now + ARMED_FOR, session.close)


def _check_books(desk: Desk, account: str) -> None:
    """Real money needs books of its own: those of a paper account would be held against the wrong positions."""
    page, offset = desk.ledger.views.runs(account), 0
    while page.rows:
        if any(row.mode == Mode.PAPER for row in page.rows):
            raise BlockedError(
                f"the books of {account} must be of real money, it has traded play money; give the live account "
                "another name here and adopt it"
            )
        offset += len(page.rows)
        page = desk.ledger.views.runs(account, offset=offset)
    own = desk.loaded.settings.accounts[account].ibkr
    for row in desk.ledger.views.audit(account, event="account_adopted").rows:
        there = json.loads(row.body).get("there", "")
        if own is not None and there and there != own.account:
            raise BlockedError(
                f"the books of {account} must be those of {own.account}, were taken over from {there}; correct "
                f"accounts.{account}.ibkr.account, or give that account another name here and adopt it"
            )

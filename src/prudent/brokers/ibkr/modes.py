"""Which ports and accounts a mode may touch; nothing live is reached by accident."""

from collections.abc import Collection, Sequence

from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfigError

PAPER_PORTS = frozenset({7497, 4002, 4004})
LIVE_PORTS = frozenset({7496, 4001, 4003})
_PAPER_PREFIX = "D"


def is_paper(account: str) -> bool:
    """True for the gateway's name of an account of play money: each begins with D."""
    return account.startswith(_PAPER_PREFIX)


def check_port(port: int, mode: Mode) -> None:
    """Refuse a port that does not belong to the mode.

    Raises:
        ConfigError: a live port outside live mode, or a paper port in it.
    """
    if mode is Mode.LIVE and port in PAPER_PORTS:
        raise ConfigError(
            f"port {port} is a paper one (4002 and 7497 are), mode is live; write ibkr.live.port 4001 for a gateway or "
            "7496 for the workstation"
        )
    if mode is not Mode.LIVE and port in LIVE_PORTS:
        raise ConfigError(
            f"port {port} is a live one (7496 and 4001 are), mode is {mode}; use 4002 for a gateway or 7497 for the "
            "workstation"
        )


def foreign_accounts(accounts: Sequence[str], mode: Mode) -> tuple[str, ...]:
    """The accounts of the other kind of money: with one of them behind it, a gateway is not that of the mode."""
    return tuple(each for each in accounts if is_paper(each) is (mode is Mode.LIVE))


def why_refused(
    shown: Sequence[str], wanted: Collection[str], *, mode: Mode, allowed: Collection[str] = ()
) -> str:  # fmt: skip
    """Why a gateway that shows these accounts may not be used for the wanted ones; empty where it may.

    `allowed` is the list of live mode: what is wanted must be on it, and something on it must be there. An account
    that is there and not on it is left alone, and is no reason against the others.
    """
    foreign = foreign_accounts(shown, mode)
    if foreign:
        must = "no account may begin with D" if mode is Mode.LIVE else "every account must begin with D"
        return f"it has {', '.join(foreign)}; {must} in mode {mode}"
    strange = foreign_accounts(sorted(wanted), mode)
    if strange:
        kind = "paper" if mode is Mode.LIVE else "live"
        return f"{', '.join(strange)} is a {kind} account and not there, mode is {mode}; correct ibkr.account"
    unlisted = sorted(set(wanted) - set(allowed)) if mode is Mode.LIVE else []
    if unlisted:
        return f"{', '.join(unlisted)} must be in ibkr.live.accounts, which has {', '.join(sorted(allowed)) or 'none'}"
    missing = sorted(set(wanted) - set(shown))
    if missing:
        return f"{', '.join(missing)} must be among its accounts, which are {', '.join(shown)}"
    if mode is Mode.LIVE and not set(shown) & set(allowed):
        return f"one of ibkr.live.accounts must be among its accounts, which are {', '.join(shown)}"
    return ""

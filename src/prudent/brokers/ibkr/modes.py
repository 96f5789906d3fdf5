"""Which ports and accounts a mode may touch; nothing live is reached by accident."""

from collections.abc import Sequence

from prudent.domain.accounts import Mode
from prudent.domain.errors import ConfigError

PAPER_PORTS = frozenset({7497, 4002, 4004})
LIVE_PORTS = frozenset({7496, 4001, 4003})
_PAPER_PREFIX = "D"


def check_port(port: int, mode: Mode) -> None:
    """Refuse a port that does not belong to the mode.

    Raises:
        ConfigError: a live port outside live mode, a paper port in it, or live mode itself.
    """
    if mode is Mode.LIVE:
        wanted = "is a paper port" if port in PAPER_PORTS else "was given"
        raise ConfigError(
            f"live trading through a gateway needs a profile, a list of allowed accounts and arming, which this "
            f"program does not have; port {port} {wanted}; use mode paper and port 4002 or 7497"
        )
    if port in LIVE_PORTS:
        raise ConfigError(
            f"port {port} is a live one (7496 and 4001 are), mode is {mode}; use 4002 for a gateway or 7497 for the "
            "workstation"
        )


def foreign_accounts(accounts: Sequence[str], mode: Mode) -> tuple[str, ...]:
    """The accounts behind a gateway that the mode may not touch: outside live mode each must begin with D."""
    if mode is Mode.LIVE:
        return ()
    return tuple(each for each in accounts if not each.startswith(_PAPER_PREFIX))

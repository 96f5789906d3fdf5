"""What a research account's parameters may say, read once from its mandate."""

from dataclasses import dataclass

from prudent.domain.errors import ConfigError, InputError
from prudent.domain.instruments import normalise_symbol
from prudent.domain.mandate import Mandate
from prudent.domain.records import Json

DEFAULTS = {"screen_top": 5, "events_days": 14}


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """`watchlist` is what a brief may speak of; the numbers say how much of each kind of fact it is shown."""

    watchlist: tuple[str, ...]
    screen_top: int
    events_days: int


def read_params(mandate: Mandate) -> Params:
    """The parameters of the mandate.

    Raises:
        ConfigError: one is not what it must be.
    """
    given = mandate.parameters
    counts = {name: _count(given.get(name, usual), name, mandate) for name, usual in DEFAULTS.items()}
    return Params(watchlist=_watchlist(mandate), **counts)


def _watchlist(mandate: Mandate) -> tuple[str, ...]:
    listed = mandate.parameters.get("watchlist", [])
    if not isinstance(listed, list):
        raise ConfigError(
            f"parameters.watchlist of {mandate.account} must be a list of symbols, was {listed!r}; correct the mandate"
        )
    try:
        return tuple(dict.fromkeys((*mandate.universe, *(normalise_symbol(str(each)) for each in listed))))
    except InputError as error:
        raise ConfigError(f"parameters.watchlist of {mandate.account}: {error}") from error


def _count(value: Json, name: str, mandate: Mandate) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 400:
        raise ConfigError(
            f"parameters.{name} of {mandate.account} must be a whole number from 0 to 400, was {value!r}; correct it"
        )
    return value

"""Names to implementations: built-in ones, and those that installed packages offer through entry points."""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import cast

from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import ConfigError
from prudent.ports import Strategy
from prudent.strategies import llm_portfolio, protection
from prudent.strategies.intraday import Intraday
from prudent.strategies.research import Research
from prudent.strategies.target_weights import TargetWeights

BROKER_NAMES = ("simulated",)
DATA_SOURCES = ("sample", "files", "yahoo")
STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "target_weights": TargetWeights,
    protection.NAME: protection.Protection,
    llm_portfolio.NAME: llm_portfolio.LlmPortfolio,
    "intraday": Intraday,
    "research": Research,
}
# What decides only while its exchange is open: a due time outside the session is skipped, not made up for at the open.
IN_SESSION = ("intraday",)


def strategy_of(record: CycleRecord) -> Strategy:
    """The strategy that decided a recorded cycle: its mandate's own, unless the protection monitor ran it."""
    return strategy(protection.NAME if record.decision.decided_by == protection.NAME else record.mandate.strategy)


def strategy(name: str) -> Strategy:
    """The strategy of that name, built in or from the entry-point group `prudent.strategies`.

    Raises:
        ConfigError: nothing of that name is installed.
    """
    if name in STRATEGIES:
        return STRATEGIES[name]()
    for point in entry_points(group="prudent.strategies"):
        if point.name == name:
            return cast("Strategy", point.load()())
    known = ", ".join(sorted({*STRATEGIES, *(p.name for p in entry_points(group="prudent.strategies"))}))
    raise ConfigError(f"strategy must be one of {known}, was {name!r}; correct `strategy` in the account's mandate")

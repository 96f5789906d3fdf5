"""Target weights from files, signals or another account: parsing and rules here, no sizing and no orders."""

from prudent.strategies.target_weights.portfolio import Portfolio, Unit, read_portfolio
from prudent.strategies.target_weights.rules import targets_of
from prudent.strategies.target_weights.strategy import TargetWeights, standing_targets

__all__ = ["Portfolio", "TargetWeights", "Unit", "read_portfolio", "standing_targets", "targets_of"]

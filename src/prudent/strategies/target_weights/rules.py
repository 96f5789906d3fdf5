"""An account's rules over a portfolio: what weights may sum to, who may short, how signals become weights."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal

from prudent.domain.errors import InputError
from prudent.domain.instruments import CASH
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, plain
from prudent.domain.proposals import TargetWeight
from prudent.strategies.target_weights.portfolio import WEIGHT_STEP, Portfolio, Signal, WeightRow

# Sums may miss 100 % by this much: the rounding of their inputs.
SUM_TOLERANCE = Decimal("0.0005")
SIGNAL_CAP = Decimal("0.20")
ONE = Decimal(1)


def targets_of(portfolio: Portfolio, mandate: Mandate) -> tuple[TargetWeight, ...]:
    """The portfolio as targets of this account, by symbol; what the rows leave below 100 % stays cash.

    Raises:
        InputError: a short without permission, or a sum above 100 % (and no rescaling, no leverage allowed).
    """
    if portfolio.signals:
        return signal_weights(portfolio.signals, mandate)
    return weight_targets(portfolio.rows, mandate)


def weight_targets(rows: Sequence[WeightRow], mandate: Mandate) -> tuple[TargetWeight, ...]:
    """Rows as targets; rescaling only lowers a sum above 100 %, and a sum within the tolerance is taken as it is."""
    shorts = sorted(row.symbol for row in rows if row.weight < 0)
    if shorts and not mandate.planning.allow_short:
        raise InputError(
            f"weights must not be below 0 in a long-only account, {', '.join(shorts)} were; "
            "allow shorts for the account or correct the rows"
        )
    total = sum((abs(row.weight) for row in rows), ZERO)
    most = max(ONE, mandate.limits.max_gross_exposure)
    shrink = ONE
    if total > most + SUM_TOLERANCE:
        if not mandate.planning.rescale:
            raise InputError(
                f"weights must sum to at most {_percent(most)}, were {_percent(total)}; "
                "correct the rows, or rescale them to 100 %"
            )
        shrink = ONE / total
    return tuple(
        TargetWeight(symbol=row.symbol, weight=(row.weight * shrink).quantize(WEIGHT_STEP, rounding=ROUND_DOWN))
        for row in sorted(rows, key=lambda row: row.symbol)
        if row.symbol != CASH
    )


def signal_weights(signals: Sequence[Signal], mandate: Mandate) -> tuple[TargetWeight, ...]:
    """Each score's share of the sum of all counted scores, cut at the position cap; what the cut leaves stays cash.

    Scores above 0 count; scores below 0 count as shorts where the account may short, else their weight is 0. The cap
    is the tightest of the account's and the strategy's maximum position weight, 20 % where neither is set.
    """
    scores = {
        each.symbol: each.score if each.score > 0 or mandate.planning.allow_short else ZERO
        for each in signals
        if each.symbol != CASH
    }
    total = sum((abs(score) for score in scores.values()), ZERO)
    caps = (mandate.limits.max_position_weight, mandate.strategy_limits.max_position_weight)
    cap = min((each for each in caps if each is not None), default=SIGNAL_CAP)
    targets = []
    for symbol in sorted(scores):
        share = scores[symbol] / total if total else ZERO
        weight = max(-cap, min(cap, share)).quantize(WEIGHT_STEP, rounding=ROUND_DOWN)
        targets.append(TargetWeight(symbol=symbol, weight=weight, reason=f"score {plain(scores[symbol])}"))
    return tuple(targets)


def _percent(fraction: Decimal) -> str:
    return f"{plain(fraction * 100)} %"

"""What others compute about a run and a tear sheet shows beside its figures; every part may be absent."""

from dataclasses import dataclass

from prudent.analytics.trades import Split
from prudent.domain.performance import Days, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """How sure the Sharpe ratio is.

    `probabilistic` and `deflated` are probabilities that the true Sharpe ratio is above 0, and above the best that
    luck gives among the trials counted; `years_needed` is the minimum track record; `sharpe_low` and `sharpe_high`
    are the 95 % interval of the annual Sharpe ratio. `trials` is how many it was deflated by, 0 where the provenance's
    number holds. `note` says why something is not given.
    """

    probabilistic: float | None = None
    deflated: float | None = None
    years_needed: float | None = None
    sharpe_low: float | None = None
    sharpe_high: float | None = None
    trials: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaselineRow:
    """What a plain alternative made on the same dates.

    `percentile` is the share of random traders that the run beat, for the row of random traders only. `level` at the
    closes of `days`, starting from 1 before them, is drawn where it is given.
    """

    name: str
    total_return: float | None = None
    cagr: float | None = None
    sharpe: float | None = None
    max_drawdown: float | None = None
    percentile: float | None = None
    days: Days | None = None
    level: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionRow:
    """One part of the profit, in the account's currency; the rows sum to it."""

    name: str
    amount: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRow:
    """Orders that a guard refused or shrank, followed as if filled: `profit` is what they would have made."""

    guard: str
    name: str
    orders: int
    amount: float
    profit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """`contamination` says what the model may have known of the window; `comparison` is the sentence of a comparison.

    `baseline_notes` say which alternative there is none of, and why. `splits` of the symbols of the fills bring trades
    over a split to one count of shares.
    """

    significance: Significance | None = None
    baselines: tuple[BaselineRow, ...] = ()
    baseline_notes: tuple[str, ...] = ()
    attribution: tuple[AttributionRow, ...] = ()
    shadow: tuple[ShadowRow, ...] = ()
    splits: tuple[Split, ...] = ()
    contamination: str = ""
    comparison: str = ""

"""What a strategy may answer: typed proposals with their reasoning, or HOLD, ABSTAIN, FAILED."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from prudent.domain.reasoning import Reasoning
from prudent.domain.spelling import digest_of


class Answer(StrEnum):
    """TRADE carries proposals; the other three trade nothing and are counted apart."""

    TRADE = "TRADE"
    HOLD = "HOLD"
    ABSTAIN = "ABSTAIN"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetWeight:
    """Hold `weight` (signed fraction of equity) of `symbol`."""

    kind: ClassVar[str] = "target_weight"
    symbol: str
    weight: Decimal
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.weight.is_finite():
            raise ValueError(f"weight of {self.symbol} must be finite, was {self.weight}")


class ExitCause(StrEnum):
    """Why an exit is forced; none of them asks a model. `FLATTEN` is a person's word to close everything."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TIME_STOP = "time_stop"
    DRAWDOWN_CUT = "drawdown_cut"
    CLOSE_ALL_BY = "close_all_by"
    FLATTEN = "flatten"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedExit:
    """Reduce the position in `symbol` by `quantity` (above 0); wins over any other proposal on it."""

    kind: ClassVar[str] = "forced_exit"
    symbol: str
    quantity: Decimal
    cause: ExitCause
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One strategy's answer: forced exits first, then targets; `inputs_hash` names what it was given.

    `keeps_rest`: holdings that no target names stay as they are, whatever the mandate does with unlisted ones.
    `reasoning` is how a language model came to it.
    """

    answer: Answer
    targets: tuple[TargetWeight, ...] = ()
    exits: tuple[ForcedExit, ...] = ()
    reason: str = ""
    code: str = ""
    decided_by: str = ""
    inputs_hash: str = ""
    keeps_rest: bool = False
    reasoning: Reasoning | None = None

    @property
    def hash(self) -> str:
        return digest_of(self)

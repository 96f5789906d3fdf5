"""What a backtest with a model will ask for: calls, time and money, before it begins."""

from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from prudent.backtest.run import Prepared
from prudent.bootstrap import Desk
from prudent.domain.errors import OverBudget
from prudent.domain.reasoning import RULES_MODEL

PASSES = 2
# What a pass takes where the model has not been asked yet.
GUESSED_SECONDS, GUESSED_IN, GUESSED_OUT = 10.0, 4_000, 800


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`asked_before` calls of the model are what time and cost are taken from; 0: they are a guess."""

    model: str
    calls: int
    seconds: float
    cost: Decimal
    tokens: int
    asked_before: int

    def in_words(self) -> str:
        basis = f"as its last {self.asked_before} calls" if self.asked_before else "a guess: it was never asked here"
        hours = self.seconds / 3600
        time = f"{hours:.1f} hours" if hours >= 1 else f"{max(self.seconds / 60, 1):.0f} minutes"
        return f"{self.calls} calls of {self.model}, about {time} and {self.cost:.2f} USD ({basis})"


def estimate(desk: Desk, prepared: Prepared, *, repeats: int = 1) -> Estimate | None:
    """What it will ask for; None where no model that costs anything is asked."""
    name = prepared.request.mandate.model
    own = desk.loaded.settings.language.models.get(name)
    if name == RULES_MODEL or own is None or own.kind == "rules" or _asks_nobody(prepared):
        return None
    decisions = len(prepared.due) if prepared.within is None else sum(map(len, prepared.within.due.values()))
    calls = PASSES * decisions * repeats
    known = [each for each in desk.ledger.model_calls.newest(prepared.request.account) if each.model == name]
    seconds = median([float(each.seconds) for each in known]) if known else GUESSED_SECONDS
    tokens_in = int(median([each.tokens_in for each in known])) if known else GUESSED_IN
    tokens_out = int(median([each.tokens_out for each in known])) if known else GUESSED_OUT
    cost = (own.price_in * tokens_in + own.price_out * tokens_out) * calls / 1_000_000
    return Estimate(
        model=name, calls=calls, seconds=calls * seconds, cost=cost, tokens=calls * (tokens_in + tokens_out),
        asked_before=len(known),
    )  # fmt: skip


def check_budget(desk: Desk, expected: Estimate) -> None:
    """Refuse before the first call what the day's budget would end half-way.

    Raises:
        OverBudget: names what is needed and what is allowed.
    """
    allowed = desk.loaded.settings.language.budget
    if expected.tokens > allowed.tokens_per_day or expected.cost > allowed.money_per_day:
        raise OverBudget(
            f"this backtest needs about {expected.tokens:,} tokens and {expected.cost:.2f} USD, a day allows "
            f"{allowed.tokens_per_day:,} and {allowed.money_per_day:.2f}; shorten the window, decide less often, or "
            "raise language.budget"
        )


def _asks_nobody(prepared: Prepared) -> bool:
    return prepared.request.mandate.strategy == "target_weights"

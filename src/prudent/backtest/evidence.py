"""How much a result can prove: from what the model may know of the window, what was hidden, and what probes found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from prudent.domain.performance import DecisionRow, Evidence, EvidenceLevel
from prudent.domain.reasoning import RULES_LABEL

# A probe may do this much better than chance, and needs so many answers to say anything.
CHANCE_MARGIN = 0.05
ANSWERS_MIN = 10
# A model that reads its facts decides otherwise on mirrored ones at least so often.
CHANGES_MIN = 0.5
EVERYTHING = frozenset(("dates", "tickers", "prices"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """What a model guessed from masked prompts: `answered` of `asked`, `right` of those; `chance` is a blind guess."""

    asked: int
    answered: int
    right: int
    chance: float

    @property
    def accuracy(self) -> float | None:
        return self.right / self.answered if self.answered else None

    @property
    def passed(self) -> bool:
        accuracy = self.accuracy
        return accuracy is not None and self.answered >= ANSWERS_MIN and accuracy <= self.chance + CHANCE_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How many decisions became others when the prices in their facts were mirrored.

    `unusable` gave no answer; `silent` ones wanted nothing either way, which says nothing.
    """

    asked: int
    changed: int
    unusable: int = 0
    silent: int = 0

    @property
    def answered(self) -> int:
        return self.asked - self.unusable - self.silent

    @property
    def share(self) -> float | None:
        return self.changed / self.answered if self.answered else None

    @property
    def passed(self) -> bool:
        share = self.share
        return share is not None and self.answered >= ANSWERS_MIN and share >= CHANGES_MIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What the probes of one model on one window found."""

    symbols: Guesses
    years: Guesses
    changes: Changes

    @property
    def passed(self) -> bool:
        return self.symbols.passed and self.years.passed and self.changes.passed

    def why_not(self) -> str:
        """What did not pass, in words; empty where all did."""
        found = [
            f"{name} guessed {each.right} of {each.answered} times, chance {each.chance:.0%}, {ANSWERS_MIN} needed"
            for name, each in (("symbol", self.symbols), ("year", self.years)) if not each.passed
        ]  # fmt: skip
        if not self.changes.passed:
            found.append(
                f"{self.changes.changed} of {self.changes.answered} decisions changed on mirrored prices, "
                f"{CHANGES_MIN:.0%} of at least {ANSWERS_MIN} needed"
            )
        return "; ".join(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """What a run hid, how many of its prompts let something through, and what probes of its model found."""

    hidden: frozenset[str] = frozenset()
    leaks: int = 0
    probed: Probed | None = None


OPEN = Masking()


def evidence_of(
    decisions: Sequence[DecisionRow], *, first: date, knowledge_until: date | None, masking: Masking = OPEN
) -> Evidence:
    """The level of a backtest; a run that goes forward in time is E4, and none of this module's."""
    answered = {each.answered_by for each in decisions if each.answered_by}
    if not answered:
        return Evidence(
            level=EvidenceLevel.E1,
            why="no model was asked; whoever chose the strategy and its symbols may have known this window",
        )
    if answered == {RULES_LABEL}:
        return Evidence(level=EvidenceLevel.E0, why="answered by the built-in rules, no language model")
    if knowledge_until is not None and first > knowledge_until:
        return Evidence(level=EvidenceLevel.E3, why=f"the window lies after the model's cut-off {knowledge_until}")
    known = "the model's cut-off is not known; it may have read of this window"
    if knowledge_until is not None:
        known = f"the window begins before the model's cut-off {knowledge_until}"
    if not masking.hidden:
        return Evidence(level=EvidenceLevel.E1, why=known)
    missing = _missing(masking)
    if missing:
        return Evidence(level=EvidenceLevel.E1, why=f"{known}; masked, but {missing}")
    return Evidence(
        level=EvidenceLevel.E2,
        why=f"{known}; dates, tickers and prices were hidden, and the probes found no recognition of them",
    )


def _missing(masking: Masking) -> str:
    """What keeps a masked run from E2; empty where nothing does."""
    if masking.hidden != EVERYTHING:
        return f"{', '.join(sorted(EVERYTHING - masking.hidden))} were not hidden"
    if masking.leaks:
        return f"{masking.leaks} prompts showed something of what was to be hidden"
    if masking.probed is None:
        return "not probed; `invest contamination` does that"
    return masking.probed.why_not()

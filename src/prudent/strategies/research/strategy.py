"""The strategy of a research account: one brief a cycle, which other accounts read from its record; it never trades."""

from collections.abc import Mapping

from prudent.domain.cycles import Observation
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import Answer, Decision
from prudent.domain.reasoning import LLM_FAILED, Analysis, Question, Reasoning
from prudent.domain.records import Json
from prudent.ports import DecideContext, ReadFile, TargetOf
from prudent.reasoning.brief import RESEARCH, Brief, climb_brief
from prudent.reasoning.ladder import (
    OVER_BUDGET,
    Ladder,
    Live,
    Recorded,
    Rung,
    Turn,
    ladder_facts,
    ladder_of,
    spent_on,
)
from prudent.reasoning.mandate_facts import rule_regime
from prudent.strategies.research.facts import research_facts
from prudent.strategies.research.params import read_params
from prudent.strategies.research.prompt import question, templates


class Research:
    """Parameters: `watchlist` (beside the universe), `screen_top`, `events_days`, `on_failure` (hold, rules)."""

    def symbols(self, mandate: Mandate, read_file: ReadFile, target_of: TargetOf) -> tuple[str, ...]:
        del read_file, target_of
        return read_params(mandate).watchlist

    def gather(self, context: DecideContext) -> dict[str, Json]:
        mandate = context.mandate
        facts = research_facts(context, read_params(mandate))
        ladder = Ladder.of(mandate, context.model)

        def compose(turn: Turn) -> Question:
            return question(turn, facts, mandate)

        live = Live(model=context.model, compose=compose)
        climb_brief(live, ladder, facts, account=mandate.account)
        return {
            "facts": facts, "ladder": ladder_facts(ladder), "calls": live.recorded(),
            "template": "+".join(each.label for each in templates()),
        }  # fmt: skip

    def decide(self, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision:
        del observation
        facts, recorded = inputs["facts"], Recorded(inputs["calls"])
        assert isinstance(facts, dict), "the facts of a brief are an object"
        rung = climb_brief(recorded, ladder_of(inputs), facts, account=mandate.account)
        spent = spent_on(recorded.made)
        reasoning = Reasoning(
            answered_by=spent.answered_by,
            template=str(inputs["template"]),
            analysis=None if rung.value is None else _analysis(rung.value, facts),
            dropped=() if rung.value is None else rung.value.dropped,
            retries=rung.retries,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            cost=spent.cost,
            seconds=spent.seconds,
            notes=rung.failures,
        )
        answer, code, reason = _answer(rung)
        return Decision(
            answer=answer, code=code, reason=reason, decided_by=mandate.strategy, keeps_rest=True, reasoning=reasoning
        )  # fmt: skip


def _answer(rung: Rung[Brief]) -> tuple[Answer, str, str]:
    """A brief is a HOLD; without one, or with one that only `rules` wrote after a failure, the model has failed."""
    brief = rung.value
    if rung.over_budget:
        return Answer.ABSTAIN, OVER_BUDGET, rung.why
    if rung.code:
        stands = " A brief by rules stands in its place." if brief is not None else ""
        return Answer.FAILED, LLM_FAILED, f"{rung.code}: {rung.why}.{stands}"
    assert brief is not None, "a pass without a failure has its value"
    about = ", ".join(view.symbol for view in brief.views) or "no symbol"
    return Answer.HOLD, RESEARCH, f"brief by {brief.answered_by}: {brief.regime.value}, views on {about}"


def _analysis(brief: Brief, facts: Mapping[str, Json]) -> Analysis:
    """The brief in the words of a first pass, for the views that show any decision."""
    return Analysis(
        regime=brief.regime,
        sector_scores=dict(brief.sector_biases),
        portfolio_health="; ".join(brief.themes),
        key_risks=(*brief.geopolitical_risks, *brief.macro_events),
        rule_regime=rule_regime(facts),
    )

"""Two passes over the account's facts, analysis then trades; the mandate says what for, the guards what may be."""

from collections.abc import Mapping
from dataclasses import dataclass

from prudent.domain.cycles import Observation
from prudent.domain.errors import Temporary
from prudent.domain.mandate import Mandate
from prudent.domain.proposals import Answer, Decision
from prudent.domain.reasoning import LLM_FAILED, RULES_MODEL, Reasoning
from prudent.domain.records import Json
from prudent.ports import DecideContext, ReadFile, TargetOf
from prudent.reasoning.answers import ReadAnalysis, Trades, read_analysis, read_trades
from prudent.reasoning.ideas import Ideas, bounded, targets_of
from prudent.reasoning.ladder import (
    OVER_BUDGET,
    Ask,
    Ladder,
    Live,
    Recorded,
    Rung,
    climb,
    ladder_facts,
    ladder_of,
    spent_on,
)
from prudent.reasoning.mandate_facts import listed_of
from prudent.reasoning.prose import part
from prudent.reasoning.room import Rooms, rooms_of
from prudent.strategies.llm_portfolio.params import read_params
from prudent.strategies.llm_portfolio.prompting import Composer, templates_label
from prudent.strategies.llm_portfolio.shown import (
    gathered_facts,
    rule_regime,
    shown_sectors,
    shown_symbols,
)

NAME = "llm_portfolio"
PASS_1, PASS_2 = "pass1", "pass2"
HOLD_CODE, DROPPED_CODE = "llm_hold", "llm_all_dropped"
NO_FACTS_CODE = "no_facts"


class LlmPortfolio:
    """Implements `Strategy`: all reading and asking in `gather`, nothing but the recorded replies in `decide`."""

    def symbols(self, mandate: Mandate, read_file: ReadFile, target_of: TargetOf) -> tuple[str, ...]:
        del read_file, target_of
        return read_params(mandate).watchlist

    def gather(self, context: DecideContext) -> dict[str, Json]:
        params, mandate = read_params(context.mandate), context.mandate
        ladder = Ladder.of(mandate, context.model)
        try:
            facts = gathered_facts(context, params)
        except Temporary as error:
            # Without facts nobody is asked; the account's forced exits run all the same.
            return {"unavailable": str(error)}
        live = Live(context.model, Composer(mandate, params, facts))
        _think(live, ladder, facts)
        return {
            "facts": facts, "calls": live.recorded(), "ladder": ladder_facts(ladder), "template": templates_label(),
        }  # fmt: skip

    def decide(self, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision:
        if "unavailable" in inputs:
            return Decision(
                answer=Answer.FAILED, reason=str(inputs["unavailable"]), code=NO_FACTS_CODE,
                decided_by=mandate.strategy, keeps_rest=True,
            )  # fmt: skip
        facts = part(inputs, "facts")
        recorded = Recorded(inputs.get("calls"))
        thought = _think(recorded, ladder_of(inputs), facts)
        trades = thought.trades.value if thought.trades is not None else None
        rooms = rooms_of(observation, mandate, shown_symbols(facts))
        ideas = bounded(trades.wishes, rooms, mandate) if trades is not None else Ideas()
        spent = spent_on(recorded.made)
        reasoning = Reasoning(
            answered_by=spent.answered_by,
            template=str(inputs.get("template", "")),
            analysis=thought.analysis.value.analysis if thought.analysis.value is not None else None,
            ideas=ideas.kept,
            dropped=(*(trades.dropped if trades is not None else ()), *ideas.dropped),
            retries=thought.retries,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            cost=spent.cost,
            seconds=spent.seconds,
            notes=(*thought.notes, *ideas.notes),
        )
        return _decision(mandate, thought, ideas, rooms, reasoning)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thought:
    """Both passes as they ended; `failed` where the account's own models gave no answer, whoever gave one then."""

    analysis: Rung[ReadAnalysis]
    trades: Rung[Trades] | None
    failed: bool
    retries: int
    notes: tuple[str, ...]

    @property
    def last(self) -> Rung[ReadAnalysis] | Rung[Trades]:
        return self.analysis if self.trades is None else self.trades


def _think(ask: Ask, ladder: Ladder, facts: Mapping[str, Json]) -> _Thought:
    """Both passes up the ladder; where it ends without an answer and the mandate says so, both again by rules."""
    thought = _passes(ask, ladder, facts)
    if thought.last.value is not None or thought.last.over_budget or ladder.last != "rules":
        return thought
    ruled = _passes(ask, Ladder(model=RULES_MODEL), facts)
    return _Thought(
        analysis=ruled.analysis, trades=ruled.trades, failed=True, retries=thought.retries,
        notes=(*thought.notes, "no model answered; the rules decided", *ruled.notes),
    )  # fmt: skip


def _passes(ask: Ask, ladder: Ladder, facts: Mapping[str, Json]) -> _Thought:
    listed, sectors = listed_of(facts), frozenset(shown_sectors(facts))
    rule = rule_regime(facts)
    first = climb(ask, ladder, purpose=PASS_1, read=lambda text: read_analysis(text, sectors=sectors, rule=rule))
    notes = [*first.failures, *(first.value.notes if first.value is not None else ())]
    if first.value is None:
        return _Thought(analysis=first, trades=None, failed=True, retries=first.retries, notes=tuple(notes))
    # Who did not answer the first pass is not asked the second.
    rest = ladder if first.model == ladder.model else Ladder(model=first.model, last=ladder.last)
    second = climb(
        ask, rest, purpose=PASS_2, read=lambda text: read_trades(text, listed), earlier=first.value.analysis
    )  # fmt: skip
    notes += [*second.failures, *(second.value.notes if second.value is not None else ())]
    return _Thought(
        analysis=first, trades=second, failed=second.value is None,
        retries=first.retries + second.retries, notes=tuple(notes),
    )  # fmt: skip


def _decision(mandate: Mandate, thought: _Thought, ideas: Ideas, rooms: Rooms, reasoning: Reasoning) -> Decision:
    """TRADE where ideas are left; else why not: HOLD is a model's word, ABSTAIN the budget's, FAILED nobody's."""
    answer, code, reason = Answer.TRADE, "", _summary(thought)
    if thought.last.over_budget:
        answer, code, reason = Answer.ABSTAIN, OVER_BUDGET, thought.last.why
    elif thought.last.value is None:
        answer, code, reason = Answer.FAILED, LLM_FAILED, f"{thought.last.code}: {thought.last.why}"
    elif not ideas.kept:
        answer = Answer.FAILED if thought.failed else Answer.HOLD
        code = LLM_FAILED if thought.failed else DROPPED_CODE if ideas.dropped else HOLD_CODE
    elif thought.failed:
        # The rules trade in place of a model that failed: it stays counted as a failure.
        code = LLM_FAILED
    return Decision(
        answer=answer,
        targets=targets_of(ideas.kept, rooms) if answer is Answer.TRADE else (),
        reason=reason,
        code=code,
        decided_by=mandate.strategy,
        keeps_rest=True,
        reasoning=reasoning,
    )


def _summary(thought: _Thought) -> str:
    trades = thought.trades.value if thought.trades is not None else None
    return trades.summary if trades is not None else ""

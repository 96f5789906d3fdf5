"""RECORD: close the books of a cycle, one line of why per order, and say why nothing traded when nothing did."""

from collections.abc import Sequence

from prudent.domain.accounts import TradingState
from prudent.domain.cycles import Consent, CycleRecord, Draft, Next, PhaseRecord
from prudent.domain.proposals import Answer, ExitCause
from prudent.domain.reasoning import LLM_FAILED, RULES_LABEL
from prudent.domain.verdicts import GuardReport, Outcome
from prudent.pipeline.world import World

_ANSWER_CODES = {Answer.HOLD: "hold", Answer.ABSTAIN: "abstain", Answer.FAILED: "failed"}
# The same answers where a language model was asked; `rules` is none.
_LLM_CODES = {Answer.HOLD: "llm_hold", Answer.ABSTAIN: "abstain", Answer.FAILED: LLM_FAILED}
_REFUSES = (Outcome.REJECT, Outcome.DEFER)


def close_books(world: World, record: CycleRecord) -> CycleRecord:
    """Store the valuation after the cycle, then its record, which closes it; gives the record back.

    A venue that transmits nothing is a rehearsal: its record is all that it leaves.
    """
    real = world.broker.traits.transmits
    if record.report.sets_state is not None and real:
        world.ledger.set_state(
            record.account, record.report.sets_state, reason=record.report.sets_state_reason, at=record.finished
        )
    if ExitCause.FLATTEN in record.mandate.parameters and real:
        world.ledger.set_state(
            record.account, TradingState.HALTED, reason=f"flattened by cycle {record.id}", at=record.finished
        )
    if record.nlv_after is not None and real:
        world.ledger.value(
            record.account, nlv=record.nlv_after, at=record.finished, session=record.observation.session
        )
    world.ledger.record(record, why={order.order_ref: order.reason for order in record.plan.orders})
    return record


def no_trade_codes(draft: Draft, consent: Consent, *, phases: Sequence[PhaseRecord]) -> tuple[str, ...]:
    """Machine-readable reasons of a cycle that sent nothing; empty when it sent something."""
    if any(phase.intents for phase in phases):
        return ()
    decision, plan, report = draft.decision, draft.plan, draft.report
    codes = [consent.code] if consent.next is Next.END else []
    asked = decision.reasoning is not None and decision.reasoning.answered_by != RULES_LABEL
    answers = _LLM_CODES if asked else _ANSWER_CODES
    codes += [answers[decision.answer]] if decision.answer in answers else []
    codes += [decision.code] if decision.code else []
    codes += list(plan.no_trade_codes)
    for each in (report, *(phase.report for phase in phases)):
        codes += refusals(each)
    return tuple(dict.fromkeys(codes)) or ("no_orders",)


def refusals(report: GuardReport) -> list[str]:
    """`blocked:<guard>` for each guard that refused or deferred an order, in the order of the list."""
    return [
        f"blocked:{guard.id}"
        for j, guard in enumerate(report.guards)
        if any(row[j] in _REFUSES for row in report.outcomes)
    ]

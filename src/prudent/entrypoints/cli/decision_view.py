"""One decision as a person reads it: what was seen, thought, wanted, allowed and done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.accounts import Position
from prudent.domain.cycles import CycleRecord
from prudent.domain.futures import point_value
from prudent.domain.money import ZERO
from prudent.domain.orders import OrderReport
from prudent.domain.plans import PlannedOrder
from prudent.domain.proposals import Answer as Decided
from prudent.domain.proposals import Decision
from prudent.domain.reasoning import RULES_LABEL, RULES_MODEL, Analysis, Call, Idea
from prudent.domain.records import Json, decode
from prudent.domain.verdicts import Outcome
from prudent.entrypoints.cli.answer import UNKNOWN, Table, money, percent, quantity
from prudent.entrypoints.cli.cycle_view import mismatches, reports_of
from prudent.ledger.rows import ReasoningRow
from prudent.ledger.trail import amount_of, stops_of

Blocks = Iterator[str | Table]
_THESIS_MAX = 160
_SHOWN_MAX = 12
_STOPS = (Outcome.REJECT, Outcome.DEFER, Outcome.CLIP)
_SAID = {
    Decided.TRADE: "trade", Decided.HOLD: "hold: nothing is to change",
    Decided.ABSTAIN: "abstain: no answer was asked for or allowed", Decided.FAILED: "failed: no usable answer came",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A cycle with what was written of it and every call of a model that it made."""

    record: CycleRecord
    calls: tuple[Call, ...]
    reasoning: Sequence[ReasoningRow] = ()


def told(record: CycleRecord, reasoning: Sequence[ReasoningRow] = ()) -> Told:
    found = record.decision_inputs.get("calls")
    return Told(record=record, calls=decode(tuple[Call, ...], found or []), reasoning=reasoning)


def answered_by(record: CycleRecord) -> str:
    """Who decided: the model that answered, the rules, or the strategy where no model is asked."""
    reasoning = record.decision.reasoning
    return (reasoning.answered_by if reasoning is not None else "") or record.decision.decided_by or UNKNOWN


def in_one_line(record: CycleRecord) -> str:
    """The decision of a cycle in one line."""
    decision = record.decision
    sent = sum(len(phase.intents) for phase in record.phases)
    wanted = [f"{idea.side} {idea.symbol} {amount_of(idea)}" for idea in _ideas(decision)]
    wanted = wanted or [f"{each.symbol} {percent(each.weight)}" for each in decision.targets]
    said = ", ".join(wanted[:6]) + (f" and {len(wanted) - 6} more" if len(wanted) > 6 else "")
    why = said or decision.reason or ", ".join(record.no_trade_codes)
    return f"{decision.answer} by {answered_by(record)}: {why} ({len(record.plan.orders)} planned, {sent} sent)"


# For machines


def decision_data(found: Told) -> dict[str, object]:
    """The `data` of `decisions show --json`."""
    record, decision = found.record, found.record.decision
    reports = {report.order_ref: report for report in reports_of(record)}
    reasoning = decision.reasoning
    return {
        "cycle": record.id, "account": record.account, "as_of": record.observation.as_of, "mode": record.mode,
        "decided_by": decision.decided_by, "answered_by": answered_by(record),
        "saw": {
            "equity": record.plan.nav, "cash": record.observation.snapshot.cash, "currency": record.plan.currency,
            "positions": record.observation.snapshot.positions, "source": record.observation.data_source,
            "facts": record.decision_inputs.get("facts"), "warnings": record.observation.warnings,
        },
        "thought": {
            "analysis": reasoning.analysis if reasoning else None, "notes": reasoning.notes if reasoning else (),
        },
        "wanted": {
            "answer": decision.answer, "code": decision.code, "reason": decision.reason, "ideas": _ideas(decision),
            "targets": decision.targets, "exits": decision.exits, "dropped": reasoning.dropped if reasoning else (),
        },
        "allowed": [_allowed_data(record, order) for order in record.plan.orders],
        "did": {
            "reports": list(reports.values()), "no_trade_codes": record.no_trade_codes,
            "verification": record.reconciliation, "nlv_after": record.nlv_after,
        },
        "calls": [_call_data(call) for call in found.calls],
        "reasoning": list(found.reasoning),
    }  # fmt: skip


def _allowed_data(record: CycleRecord, order: PlannedOrder) -> dict[str, object]:
    return {
        "id": order.order_ref, "side": order.side, "symbol": order.symbol, "planned": order.quantity,
        "allowed": record.report.approved_quantity(order.order_ref), "forced": order.forced, "why": order.reason,
        "alias": order.alias, "roll": order.roll,
        "stopped_by": [
            {"guard": guard, "outcome": outcome, "reason": reason}
            for ref, guard, outcome, reason in _stopped(record) if ref == order.order_ref
        ],
    }  # fmt: skip


def _call_data(call: Call) -> dict[str, object]:
    reply = call.reply
    return {
        "purpose": call.question.purpose, "model": call.question.model, "error": call.error,
        "answered_by": reply.model if reply else None, "served": reply.served if reply else None,
        "finish": reply.finish if reply else None, "tokens_in": reply.tokens_in if reply else None,
        "tokens_out": reply.tokens_out if reply else None, "seconds": reply.seconds if reply else None,
        "cost": reply.cost if reply else None, "cached": reply.cached if reply else False,
        "messages": call.question.messages, "text": reply.text if reply else None,
        "thinking": reply.thinking if reply else None,
    }  # fmt: skip


# For people


def decision_blocks(found: Told, *, raw: bool = False) -> Blocks:
    """The story of one decision; with `raw` every prompt and reply stands below it, as it was."""
    record = found.record
    yield (
        f"decision {record.id}   {record.observation.as_of:%Y-%m-%d %H:%M} UTC   mode {record.mode}   "
        f"strategy {record.mandate.strategy}   answered by {answered_by(record)}"
    )
    yield from _saw(record)
    yield from _thought(record)
    yield from _wanted(record)
    yield from _allowed(record)
    yield from _did(record)
    yield from _asked(found.calls)
    yield from (f"reflection: {each.text}" for each in found.reasoning if each.kind == "reflection")
    if raw:
        yield from _raw(found.calls)


def _saw(record: CycleRecord) -> Blocks:
    seen = record.observation
    prices = {quote.symbol: quote.price for quote in seen.quotes}
    nav = record.plan.nav
    held = [position for position in seen.snapshot.positions if position.quantity]
    yield Table(
        title="Saw",
        columns=("holding", ">quantity", ">cost", ">price", ">gain", ">weight"),
        rows=[
            (p.symbol, quantity(p.quantity), money(p.average_cost), money(prices.get(p.symbol)),
             _gain(p.average_cost, prices.get(p.symbol)), _weight(p, prices.get(p.symbol), nav))
            for p in held
        ],
        empty="no holding",
    )  # fmt: skip
    market = "open" if seen.market_open else "closed"
    priced = sum(price is not None for price in prices.values())
    yield (
        f"equity {money(nav)} {record.plan.currency}, cash {money(seen.snapshot.cash)}; {priced} of {len(prices)} "
        f"symbols priced from {seen.data_source or 'nowhere'}; market {market}"
    )
    yield from _facts(record.decision_inputs.get("facts"))
    yield from (f"warning: {each}" for each in seen.warnings)


def _facts(facts: Json) -> Iterator[str]:
    """What else stood before the model: how much of it, and what was not known."""
    if not isinstance(facts, Mapping):
        return
    counts = {name: _length(facts.get(name)) for name in ("symbols", "open_orders", "cooldowns", "past")}
    news = facts.get("news")
    counts["headlines"] = _length(news.get("items")) if isinstance(news, Mapping) else 0
    shown = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    unknown = _unknowns(facts)
    if shown or unknown:
        yield f"before it lay {shown or 'no facts'}; {unknown} of them unknown" if unknown else f"before it lay {shown}"


def _length(items: object) -> int:
    return len(items) if isinstance(items, list) else 0


def _unknowns(facts: Json) -> int:
    if isinstance(facts, dict):
        return sum(_unknowns(each) for each in facts.values())
    if isinstance(facts, list):
        return sum(_unknowns(each) for each in facts)
    return int(facts == "unknown")


def _thought(record: CycleRecord) -> Blocks:
    reasoning = record.decision.reasoning
    yield "Thought"
    if reasoning is None:
        yield "  no model is asked by this strategy" if not record.decision_inputs.get("calls") else "  nothing usable"
        return
    if reasoning.answered_by == RULES_LABEL:
        yield f"  by {RULES_LABEL}: fixed rules read the same facts"
    yield from (f"  {line}" for line in _analysis(reasoning.analysis))
    yield from (f"  note: {each}" for each in reasoning.notes)


def _analysis(analysis: Analysis | None) -> Iterator[str]:
    if analysis is None:
        yield "no analysis came"
        return
    rule = f", the rule says {analysis.rule_regime}" if analysis.rule_regime is not None else ""
    yield f"regime {analysis.regime}{rule}"
    if analysis.sector_scores:
        yield "sectors " + ", ".join(f"{name} {score:+d}" for name, score in sorted(analysis.sector_scores.items()))
    if analysis.portfolio_health:
        yield f"portfolio: {analysis.portfolio_health}"
    yield from (f"risk: {each}" for each in analysis.key_risks)


def _wanted(record: CycleRecord) -> Blocks:
    decision = record.decision
    ideas = _ideas(decision)
    if ideas or not decision.targets:
        yield Table(
            title="Wanted",
            columns=("side", "symbol", ">amount", "stops", ">urgency", ">confidence", "thesis"),
            rows=[_idea_row(idea) for idea in ideas],
            empty="no trade",
        )
    else:
        yield Table(
            title="Wanted",
            columns=("symbol", ">target weight", "why"),
            rows=[(each.symbol, percent(each.weight), each.reason) for each in decision.targets],
        )
    for each in decision.exits:
        exit_ = f"{each.cause} closes {quantity(each.quantity)} {each.symbol}"
        yield f"forced, whatever anybody says: {exit_}: {each.reason}"
    code = f" ({decision.code})" if decision.code else ""
    yield f"answer: {_SAID[decision.answer]}{code}{'; ' + _short(decision.reason) if decision.reason else ''}"
    for item in decision.reasoning.dropped if decision.reasoning is not None else ():
        yield f"not used, {item.code}: {_short(item.item)}{' - ' + item.detail if item.detail else ''}"


def _ideas(decision: Decision) -> tuple[Idea, ...]:
    return decision.reasoning.ideas if decision.reasoning is not None else ()


def _idea_row(idea: Idea) -> tuple[str, ...]:
    stops = ", ".join(f"{name} {value}" for name, value in stops_of(idea))
    flags = f" [{', '.join(idea.flags)}]" if idea.flags else ""
    return (
        idea.side, idea.symbol, amount_of(idea), stops or "the mandate's", str(idea.urgency),
        percent(idea.confidence), _short(idea.thesis) + flags,
    )  # fmt: skip


def _allowed(record: CycleRecord) -> Blocks:
    plan, stopped = record.plan, [*_stopped(record)]
    yield Table(
        title="Was allowed",
        columns=("side", "symbol", ">planned", ">allowed", ">about", "because"),
        rows=[
            (order.side, _named(order), quantity(order.quantity),
             quantity(record.report.approved_quantity(order.order_ref)), money(order.notional),
             "; ".join(f"{guard} {outcome}: {reason}" for ref, guard, outcome, reason in stopped
                       if ref == order.order_ref) or "every guard let it through")
            for order in plan.orders
        ],
        empty=f"no order was planned ({', '.join(plan.no_trade_codes) or 'no drift'})",
    )  # fmt: skip
    yield from (f"not planned, {each.symbol}: {each.code}, {each.reason}" for each in plan.blocked)
    if record.consent is not None and record.consent.code:
        yield f"ended before it was sent: {record.consent.code}"


def _named(order: PlannedOrder) -> str:
    """The symbol, with the alias that the target called a future by, and the roll that the order is a leg of."""
    roll = f", roll {order.roll}" if order.roll else ""
    return f"{order.symbol} ({order.alias}{roll})" if order.alias else order.symbol


def _stopped(record: CycleRecord) -> Iterator[tuple[str, str, str, str]]:
    """Order, guard, outcome and reason of everything that refused or shrank, each once though phases judge again."""
    reports = (record.report, *(phase.report for phase in record.phases))
    found = (
        (verdict.order_ref, f"{verdict.guard} {verdict.name}", str(verdict.outcome), verdict.reason)
        for report in reports for verdict in report.verdicts() if verdict.outcome in _STOPS
    )  # fmt: skip
    seen: set[tuple[str, str]] = set()
    for row in found:
        if row[:2] not in seen:
            seen.add(row[:2])
            yield row


def _did(record: CycleRecord) -> Blocks:
    yield Table(
        title="Did",
        columns=("side", "symbol", ">sent", ">filled", ">price", ">commission", "state", "message"),
        rows=[_report_row(report) for report in reports_of(record)],
        empty=f"nothing was sent ({', '.join(record.no_trade_codes) or 'nothing to send'})",
    )
    checked = record.reconciliation
    if checked is not None:
        wrong = mismatches(checked)
        yield from (f"the broker disagrees: {line}" for line in wrong)
        if not wrong:
            yield f"the broker agrees; accuracy {percent(checked.total_accuracy)}"
    yield f"net liquidation after: {money(record.nlv_after)} {record.plan.currency}"


def _report_row(report: OrderReport) -> tuple[str, ...]:
    fills = report.fills
    traded = sum((fill.quantity * fill.price for fill in fills), ZERO)
    size = sum((fill.quantity for fill in fills), ZERO)
    return (
        report.side, report.symbol, quantity(report.quantity), quantity(report.filled),
        money(traded / size) if size else UNKNOWN, money(sum((fill.commission for fill in fills), ZERO)),
        report.status, report.message,
    )  # fmt: skip


def _asked(calls: Sequence[Call]) -> Blocks:
    if not calls:
        return
    yield Table(
        title="Calls of models",
        columns=("pass", "asked", "answered by", ">tokens in", ">tokens out", ">seconds", ">USD", "ended"),
        rows=[_call_row(call) for call in calls],
    )


def _call_row(call: Call) -> tuple[str, ...]:
    reply, question = call.reply, call.question
    if reply is None:
        return (question.purpose, question.model, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, _short(call.error))
    kept = ", kept from before" if reply.cached else ""
    return (
        question.purpose, question.model, RULES_LABEL if reply.model == RULES_MODEL else reply.model,
        _count(reply.tokens_in), _count(reply.tokens_out),
        f"{reply.seconds:.1f}", f"{reply.cost:.4f}", _short(call.error) or f"{reply.finish}{kept}",
    )  # fmt: skip


def _raw(calls: Sequence[Call]) -> Iterator[str]:
    for number, call in enumerate(calls, start=1):
        for message in call.question.messages:
            yield f"--- call {number}, {message.speaker} ---\n{message.text}"
        reply = call.reply
        if reply is not None and reply.thinking:
            yield f"--- call {number}, {reply.model} thinking ---\n{reply.thinking}"
        yield f"--- call {number}, reply ---\n{reply.text if reply is not None else call.error}"


def _count(tokens: int | None) -> str:
    return UNKNOWN if tokens is None else f"{tokens:,}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _THESIS_MAX else line[: _THESIS_MAX - 1] + "…"


def _gain(cost: Decimal | None, price: Decimal | None) -> str:
    return percent(price / cost - 1) if cost and price is not None else UNKNOWN


def _weight(held: Position, price: Decimal | None, nav: Decimal | None) -> str:
    size = held.quantity * point_value(held.symbol)
    return percent(size * price / nav) if nav and price is not None else UNKNOWN

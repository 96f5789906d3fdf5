"""Momentum inside one session: two passes while it may trade, flat before the close without asking anybody."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from prudent.domain.cycles import Observation
from prudent.domain.mandate import Mandate
from prudent.domain.money import ZERO, plain
from prudent.domain.orders import Side
from prudent.domain.proposals import Answer, Decision, TargetWeight
from prudent.domain.reasoning import LLM_FAILED, Dropped, Idea, Reasoning
from prudent.domain.records import Json
from prudent.ports import DecideContext, ReadFile, TargetOf
from prudent.reasoning.book import number
from prudent.reasoning.ideas import Ideas, bounded, targets_of
from prudent.reasoning.ladder import Ladder, Live, Recorded, ladder_facts, ladder_of, spent_on
from prudent.reasoning.prose import part, rows
from prudent.reasoning.room import Rooms, rooms_of
from prudent.strategies.intraday.costs import round_trip_cost
from prudent.strategies.intraday.facts import Moment, closed_facts, intraday_facts
from prudent.strategies.intraday.params import Params, read_params
from prudent.strategies.intraday.passes import Thought, think
from prudent.strategies.intraday.prompting import Composer, templates_label
from prudent.strategies.intraday.windows import Window, why_closed, window_at

MARKET_CLOSED, NO_TRADE_WINDOW, FLAT, NO_ROOM = "market_closed", "no_trade_window", "flat_by_close", "no_room"
NOTHING_TO_DO, NOT_SURE = "pass0_nothing", "pass0_not_sure"
HOLD_CODE, DROPPED_CODE = "llm_hold", "llm_all_dropped"
TAKE_AS_FRACTION = "take_profit_pct_read_as_fraction"
_ASKS = (Window.TRADING, Window.NO_ENTRIES)


class Intraday:
    """Implements `Strategy`: all reading and asking in `gather`, nothing but the recorded replies in `decide`."""

    def symbols(self, mandate: Mandate, read_file: ReadFile, target_of: TargetOf) -> tuple[str, ...]:
        del read_file, target_of
        return read_params(mandate).watchlist

    def gather(self, context: DecideContext) -> dict[str, Json]:
        params, mandate = read_params(context.mandate), context.mandate
        assert context.calendar is not None, "an intraday account needs a calendar"
        now = context.observation.as_of
        session = context.calendar.session_of(now)
        moment = Moment(window=window_at(now, session, params.minutes), session=session)
        if moment.window not in _ASKS:
            return {"facts": closed_facts(context, moment, why_closed(context.calendar, now)), "calls": []}
        facts = intraday_facts(context, params, moment)
        if not has_room(facts):
            return {"facts": facts, "calls": []}
        ladder = Ladder.of(mandate, context.model)
        composer = Composer(mandate, params, facts)
        live = Live(context.model, composer)
        think(live, ladder, facts, sure=params.pass0_confidence, scanned=composer.scanned)
        return {
            "facts": facts, "calls": live.recorded(), "ladder": ladder_facts(ladder), "template": templates_label(),
        }  # fmt: skip

    def decide(self, observation: Observation, mandate: Mandate, inputs: Mapping[str, Json]) -> Decision:
        facts = part(inputs, "facts")
        clock = part(facts, "clock")
        window = Window(str(clock["window"]))
        unasked = _unasked(observation, window, str(clock["no_entries"]))
        if unasked is None and not has_room(facts):
            unasked = Decision(answer=Answer.HOLD, code=NO_ROOM, reason=_why_no_room(facts))
        if unasked is not None:
            return replace(unasked, decided_by=mandate.strategy, keeps_rest=True)
        params, recorded = read_params(mandate), Recorded(inputs.get("calls"))
        thought = think(recorded, ladder_of(inputs), facts, sure=params.pass0_confidence)
        rooms = shown_rooms(observation, mandate, facts, params)
        ideas = _ideas(thought, rooms, observation, mandate, facts)
        spent = spent_on(recorded.made)
        reasoning = Reasoning(
            answered_by=spent.answered_by,
            template=str(inputs.get("template", "")),
            ideas=ideas.kept,
            dropped=ideas.dropped,
            retries=thought.retries,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            cost=spent.cost,
            seconds=spent.seconds,
            notes=(*thought.notes, *ideas.notes),
        )
        answer, code, reason = _answer(thought, ideas, params)
        return Decision(
            answer=answer, code=code, reason=reason, decided_by=mandate.strategy, keeps_rest=True, reasoning=reasoning,
            targets=targets_of(ideas.kept, rooms) if answer is Answer.TRADE else (),
        )  # fmt: skip


def _unasked(seen: Observation, window: Window, why: str) -> Decision | None:
    """What is decided without any model: nothing outside the session and in its edges, all sold at its end."""
    if window is Window.CLOSED:
        return Decision(answer=Answer.ABSTAIN, code=MARKET_CLOSED, reason=why)
    if window in (Window.OPENING, Window.CLOSING):
        edge = "first" if window is Window.OPENING else "last"
        return Decision(answer=Answer.ABSTAIN, code=NO_TRADE_WINDOW, reason=f"no trades in the {edge} minutes")
    if window is not Window.FLAT:
        return None
    held = sorted(each.symbol for each in seen.snapshot.positions if each.quantity != 0)
    if not held:
        return Decision(answer=Answer.HOLD, code=FLAT, reason="nothing is held over night, and nothing is held")
    return Decision(
        answer=Answer.TRADE,
        targets=tuple(TargetWeight(symbol=each, weight=ZERO, reason="flat by the close") for each in held),
        code=FLAT,
        reason=f"flat by the close: {', '.join(held)}",
    )


def has_room(facts: Mapping[str, Json]) -> bool:
    """Whether any symbol may be bought or sold at all; if none may, no model is asked."""
    limits = [part(row, "limits") for row in rows(facts.get("symbols"))]
    return any((number(each.get(name)) or ZERO) > 0 for each in limits for name in ("max_buy_usd", "max_sell_usd"))


def _why_no_room(facts: Mapping[str, Json]) -> str:
    bounds = {str(part(row, "limits").get("buy_bound")) for row in rows(facts.get("symbols"))}
    return f"nothing may be bought or sold now: {'; '.join(sorted(bounds)) or 'no symbol has a price'}"


def shown_rooms(seen: Observation, mandate: Mandate, facts: Mapping[str, Json], params: Params) -> Rooms:
    """The account's room within what was shown: an answer gets no more than it was told."""
    shown = {str(row["symbol"]): part(row, "limits") for row in rows(facts.get("symbols"))}
    rooms = rooms_of(seen, mandate, tuple(shown))
    symbols = {
        symbol: replace(
            room, buy=min(room.buy, _money(shown[symbol]["max_buy_usd"])), buy_bound=str(shown[symbol]["buy_bound"]),
            sell=min(room.sell, _money(shown[symbol]["max_sell_usd"])), sell_bound=str(shown[symbol]["sell_bound"]),
        )
        for symbol, room in rooms.symbols.items()
    }  # fmt: skip
    return replace(
        rooms, symbols=symbols, trades=min(rooms.trades, params.max_trades),
        min_trade=max(rooms.min_trade, params.min_order),
    )  # fmt: skip


def _money(fact: Json) -> Decimal:
    return number(fact) or ZERO


def _ideas(
    thought: Thought, rooms: Rooms, seen: Observation, mandate: Mandate, facts: Mapping[str, Json]
) -> Ideas:  # fmt: skip
    """The wishes within the account's room, with its stop, and without entries that cannot pay for themselves."""
    trades = thought.trades.value if thought.trades is not None else None
    if trades is None:
        return Ideas()
    params = read_params(mandate)
    stop = min(mandate.exits.stop_loss or params.stop_loss, params.stop_loss)
    found = bounded(trades.wishes, rooms, replace(mandate, exits=replace(mandate.exits, stop_loss=stop)))
    kept: list[Idea] = []
    dropped = [*trades.dropped, *found.dropped]
    for idea in found.kept:
        if idea.side is Side.SELL:
            kept.append(idea)
        elif why := _unpaid(idea, seen, mandate, facts):
            dropped.append(Dropped(code="below_break_even", item=f"BUY {idea.symbol}", detail=why))
        else:
            kept.append(replace(idea, stop_loss=idea.stop_loss or stop))
    return Ideas(kept=tuple(kept), dropped=tuple(dropped), notes=found.notes)


def _unpaid(idea: Idea, seen: Observation, mandate: Mandate, facts: Mapping[str, Json]) -> str:
    """Why an entry is not expected to earn its costs often enough; empty where it is."""
    quote = next((each for each in seen.quotes if each.symbol == idea.symbol), None)
    row = next(each for each in rows(facts.get("symbols")) if each["symbol"] == idea.symbol)
    expected = idea.take_profit or number(part(row, "noise_area").get("sigma"))
    if expected is not None and TAKE_AS_FRACTION in idea.flags:
        # A bare 0.8 may mean 80 % or, inside a session more likely, 0.8 %: only the smaller one is counted on.
        expected /= 100
    cost = None if quote is None else round_trip_cost(idea.amount, quote, mandate)
    if expected is None or cost is None:
        return "its expected move or its costs are not known"
    least = cost * read_params(mandate).cost_break_even
    if expected >= least:
        return ""
    return f"an expected move of {_percent(expected)} must be at least {_percent(least)}, for its costs"


def _percent(fraction: Decimal) -> str:
    return f"{plain((fraction * 100).quantize(Decimal('0.0001')))} %"


def _answer(thought: Thought, ideas: Ideas, params: Params) -> tuple[Answer, str, str]:
    """TRADE where ideas are left; else why not: HOLD is a model's word, ABSTAIN the budget's, FAILED nobody's."""
    scan, trades = thought.scan.value, thought.trades.value if thought.trades is not None else None
    if thought.last.over_budget:
        return Answer.ABSTAIN, thought.last.code, thought.last.why
    if thought.last.value is None:
        return Answer.FAILED, LLM_FAILED, f"{thought.last.code}: {thought.last.why}"
    reason = trades.summary if trades is not None else scan.reason if scan is not None else ""
    if ideas.kept:
        # Rules that trade in place of a model that failed stay counted as its failure.
        return Answer.TRADE, LLM_FAILED if thought.failed else "", reason
    if thought.failed:
        return Answer.FAILED, LLM_FAILED, reason
    if trades is None:
        unsure = scan is not None and scan.act and scan.confidence < params.pass0_confidence
        return Answer.HOLD, NOT_SURE if unsure else NOTHING_TO_DO, reason
    return Answer.HOLD, DROPPED_CODE if ideas.dropped else HOLD_CODE, reason

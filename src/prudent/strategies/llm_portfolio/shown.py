"""The facts that this strategy records and shows: the account's own, with room, rules, mandate and the last brief."""

from collections.abc import Mapping
from decimal import Decimal

from prudent.domain.mandate import Mandate
from prudent.domain.money import plain
from prudent.domain.reasoning import Regime
from prudent.domain.records import Json
from prudent.ports import DecideContext
from prudent.reasoning.brief import brief_for, last_brief
from prudent.reasoning.facts import UNKNOWN, portfolio_facts
from prudent.reasoning.mandate_facts import owner_facts
from prudent.reasoning.prose import part, rows
from prudent.reasoning.room import rooms_of
from prudent.strategies.llm_portfolio.params import Params


def gathered_facts(context: DecideContext, params: Params) -> dict[str, Json]:
    """Everything that both passes are shown, as it is recorded."""
    seen, mandate = context.observation, context.mandate
    facts = portfolio_facts(context, params.watchlist)
    rooms = rooms_of(seen, mandate, shown_symbols(facts))
    for row in rows(facts["symbols"]):
        row["limits"] = rooms.limits(str(row["symbol"]))
    research = brief_for(last_brief(context, params.research), context) if params.research else {}
    return {
        **facts,
        "account": {**part(facts, "account"), "spendable": plain(rooms.spendable)},
        "mandate": {**params.facts(), **limit_facts(mandate)},
        "room": rooms.facts(),
        **owner_facts(mandate, seen.rules),
        "brief": research,
    }


def shown_symbols(facts: Mapping[str, Json]) -> tuple[str, ...]:
    """The numbered list, in its order."""
    return tuple(str(row["symbol"]) for row in rows(facts.get("symbols")))


def shown_sectors(facts: Mapping[str, Json]) -> tuple[str, ...]:
    """Every known sector of the list, by name."""
    found = {str(row.get("sector", UNKNOWN)) for row in rows(facts.get("symbols"))}
    # An index fund is a sector of its own, which nobody scores.
    return tuple(sorted(each for each in found if each != UNKNOWN and ":" not in each))


def rule_regime(facts: Mapping[str, Json]) -> Regime | None:
    """What the rule says of the market; None where it has nothing to go by."""
    said = part(part(facts, "market"), "regime").get("rule")
    return Regime(str(said)) if said in tuple(Regime) else None


def limit_facts(mandate: Mandate) -> dict[str, Json]:
    """The mandate's limits in the order that a person would name them; those that are off are left out."""
    limits, own, exits = mandate.limits, mandate.strategy_limits, mandate.exits
    known = {
        "max_position_weight": _least(limits.max_position_weight, own.max_position_weight),
        "max_sector_weight": limits.max_sector_weight,
        "min_cash_weight": limits.cash_min,
        "max_trades_per_cycle": own.max_trades_per_cycle or limits.max_trades_per_cycle,
        "stop_loss": exits.stop_loss,
        "take_profit": exits.take_profit,
        "time_stop_days": exits.time_stop_days,
        "min_holding_days": own.min_holding_days or None,
        "reentry_days_after_stop": exits.reentry_days or None,
    }
    return {
        name: value if isinstance(value, int) else plain(value) for name, value in known.items() if value is not None
    }  # fmt: skip


def _least(*weights: Decimal | None) -> Decimal | None:
    return min((each for each in weights if each is not None), default=None)

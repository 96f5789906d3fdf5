"""What the owner asks for, as facts for a prompt: the rules in words, each marked whether code enforces it, guidance.

rules[]         {name, says, enforces{}, symbols[], not_for[], kinds[]}   active user rules by priority
custom_rules[]  {rule, enforced, note}                                    the mandate's lines, clause by clause
instructions    guidance of the owner, which binds nobody
"""

from collections.abc import Mapping, Sequence

from prudent.domain.mandate import Mandate
from prudent.domain.reasoning import Regime
from prudent.domain.records import Json
from prudent.domain.redaction import Redactor
from prudent.domain.rules import UserRule
from prudent.guards.wishes import wishes
from prudent.reasoning.naming import Listed
from prudent.reasoning.prose import line, part, rows, spelt

# What looks like a secret is in no fact: facts stand in prompts and in records.
_PLAIN = Redactor()
CUSTOM_RULES_MAX = 50
RULE_LENGTH_MAX = 300
INSTRUCTIONS_LENGTH_MAX = 4000


def owner_facts(mandate: Mandate, rules: Sequence[UserRule]) -> dict[str, Json]:
    """All that the owner asks for; what is longer than a prompt needs is cut."""
    active = sorted((each for each in rules if each.is_active), key=lambda rule: (rule.priority, rule.rule_id))
    return {
        "rules": [_rule(each) for each in active],
        "custom_rules": [
            {"rule": _short(each.text), "enforced": each.enforced, "note": _short(each.note)}
            for each in wishes(mandate)[:CUSTOM_RULES_MAX]
        ],
        "instructions": _PLAIN.text(mandate.custom_instructions)[:INSTRUCTIONS_LENGTH_MAX],
    }  # fmt: skip


def _short(text: str) -> str:
    return _PLAIN.text(text)[:RULE_LENGTH_MAX]


def _rule(rule: UserRule) -> Json:
    return {
        "name": _short(rule.rule_name), "says": _short(rule.description),
        "enforces": dict(rule.enforcement_params), "symbols": list(rule.applies_to_symbols),
        "not_for": list(rule.exclude_symbols), "kinds": list(rule.applies_to_assets),
    }  # fmt: skip


def owner_lines(facts: Mapping[str, Json]) -> dict[str, str]:
    """The same as texts for a template: `rules`, `custom_rules`, `instructions`; empty where there is nothing."""
    said = facts.get("instructions")
    return {
        "rules": "\n".join(f"- {line(row)}" for row in rows(facts.get("rules"))),
        "custom_rules": "\n".join(_custom(row) for row in rows(facts.get("custom_rules"))),
        "instructions": spelt(said) if said else "",
    }


def _custom(row: Mapping[str, Json]) -> str:
    mark = "enforced by code" if row.get("enforced") is True else "not enforced by code: keep to it yourself"
    return f"- {spelt(row.get('rule'))} ({mark})"


def listed_of(facts: Mapping[str, Json]) -> Listed:
    """The numbered list of the facts' symbols."""
    symbols = rows(facts.get("symbols"))
    return Listed.of(
        [str(row["symbol"]) for row in symbols], {str(row["symbol"]): str(row.get("name", "")) for row in symbols}
    )


def rule_regime(facts: Mapping[str, Json]) -> Regime | None:
    """What the rule says of the market; None where it has nothing to go by."""
    said = part(part(facts, "market"), "regime").get("rule")
    return Regime(str(said)) if said in tuple(Regime) else None

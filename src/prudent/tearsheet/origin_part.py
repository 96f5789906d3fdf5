"""The parts of a tear sheet on where a result comes from: mandate, rules, provenance and evidence."""

from prudent.domain.records import Json, encode
from prudent.domain.rules import UserRule
from prudent.tearsheet import words
from prudent.tearsheet.markup import Markup, Table, items, join, table
from prudent.tearsheet.performance_part import columns_of
from prudent.tearsheet.sheet import Sheet

_GROUPS = (
    ("Limits", "limits"),
    ("Strategy limits", "strategy_limits"),
    ("Exits", "exits"),
    ("Planning", "planning"),
    ("Strategy parameters", "parameters"),
    ("Model parameters", "model_parameters"),
)
# A universe beyond this is counted, not listed.
_NAMES_MAX = 60


def mandate_part(sheet: Sheet) -> Markup:
    """What the account might do in this run: its mandate as it was frozen, and its rules."""
    return join((
        columns_of(*(table(_pairs(name, rows)) for name, rows in mandate_rows(sheet))),
        table(rule_table(sheet.book.rules)),
    ))  # fmt: skip


def mandate_rows(sheet: Sheet) -> list[tuple[str, list[list[str]]]]:
    """The mandate in groups of name and value; what is empty is left out."""
    encoded = encode(sheet.book.mandate)
    assert isinstance(encoded, dict)
    grouped = {key for _, key in _GROUPS}
    own = {name: value for name, value in encoded.items() if name not in grouped}
    found = [("Mandate", _rows(own))]
    for title, key in _GROUPS:
        group = encoded.get(key)
        if isinstance(group, dict):
            found.append((title, _rows(group)))
    return [(title, rows) for title, rows in found if rows]


def _rows(group: dict[str, Json]) -> list[list[str]]:
    return [[_label(name), _value(value)] for name, value in group.items() if value not in (None, "", [], {})]


def _label(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        shown = ", ".join(_value(each) for each in value[:_NAMES_MAX])
        return shown if len(value) <= _NAMES_MAX else f"{shown}, … ({len(value)} in all)"
    if isinstance(value, dict):
        return "; ".join(f"{_label(name)} {_value(each)}" for name, each in value.items())
    return str(value)


def _pairs(caption: str, rows: list[list[str]]) -> Table:
    return Table(caption=caption, columns=("name", "value"), rows=rows)


def rule_table(rules: tuple[UserRule, ...]) -> Table:
    return Table(
        caption="Rules", kind="text",
        columns=("rule", "category", "what it demands", "holds for", "by"),
        rows=[
            [
                each.rule_name + ("" if each.is_active else " (not active)"), _label(each.rule_category.value),
                "; ".join(f"{_label(name)} {_value(value)}" for name, value in each.enforcement_params.items()),
                _reach(each), _label(each.created_by.value),
            ]
            for each in rules
        ],
    )  # fmt: skip


def _reach(rule: UserRule) -> str:
    named = [*rule.applies_to_assets, *rule.applies_to_symbols]
    reach = ", ".join(named) if named else "everything"
    return f"{reach} except {', '.join(rule.exclude_symbols)}" if rule.exclude_symbols else reach


def provenance_part(sheet: Sheet) -> Markup:
    """What the result was made from, its evidence level with the reason, and what else is to be known."""
    return join((
        table(Table(caption="What it was made from", columns=("name", "value"), rows=provenance_rows(sheet))),
        items(sheet.book.provenance.notes, "notes"),
    ))  # fmt: skip


def provenance_rows(sheet: Sheet) -> list[list[str]]:
    made, evidence = sheet.book.provenance, sheet.book.evidence
    rows = [
        ["evidence level", f"{evidence.level.value}: {evidence.why}"],
        ["contamination", sheet.extras.contamination],
        ["window", f"{made.first.isoformat()} to {made.last.isoformat()}"],
        ["trials of this window", words.whole(sheet.trials)],
        ["data source", made.data_source],
        ["data hash", made.data_hash],
        ["code version", made.code_version],
        ["mandate hash", sheet.book.mandate.hash],
        ["fill rule", _label(made.fill)],
        ["cadence", made.cadence],
        ["seed", str(made.seed)],
        ["model", made.model],
        ["prompts", ", ".join(made.prompts)],
        ["anonymised", ", ".join(made.anonymised)],
        ["ended early", sheet.book.partial],
    ]
    return [row for row in rows if row[1]]

"""What two runs were given that was not the same: mandate, rules, model, prompts, window, code."""

from collections.abc import Iterator
from dataclasses import dataclass

from prudent.domain.performance import RunBook
from prudent.domain.records import Json, encode

NOT_THERE = "—"
# Names of an account are no difference between strategies.
NAMES = ("account", "name", "pair")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that was not the same, as text; `what` is a path like `mandate.exits.stop_loss`."""

    what: str
    first: str
    second: str


def differences(first: RunBook, second: RunBook) -> tuple[Difference, ...]:
    """Everything that was given to the two runs and differs, in a fixed order."""
    return (
        *_between("mandate", _mandate(first), _mandate(second)),
        *_between("rule", _rules(first), _rules(second)),
        *_between("run", _given(first), _given(second)),
    )


def _mandate(book: RunBook) -> Json:
    found = encode(book.mandate)
    assert isinstance(found, dict)
    return {key: value for key, value in found.items() if key not in NAMES}


def _rules(book: RunBook) -> Json:
    """Each rule by its id, in one line; when it was made is no difference."""
    return {
        each.rule_id: f"{each.rule_name}: {encode(each.enforcement_params)}" for each in book.rules if each.is_active
    }


def _given(book: RunBook) -> Json:
    made = book.provenance
    return {
        "mode": str(book.mode), "model": made.model, "prompts": ", ".join(made.prompts), "cadence": made.cadence,
        "fill": made.fill, "data": made.data_source, "data_hash": made.data_hash[:12], "first": made.first.isoformat(),
        "last": made.last.isoformat(), "seed": made.seed, "anonymised": ", ".join(made.anonymised),
        "code": made.code_version, "opening": f"{book.nav.opening:.2f}",
    }  # fmt: skip


def _between(path: str, first: Json, second: Json) -> Iterator[Difference]:
    if isinstance(first, dict) and isinstance(second, dict):
        for key in dict.fromkeys((*first, *second)):
            yield from _between(f"{path}.{key}", first.get(key), second.get(key))
    elif first != second:
        yield Difference(what=path, first=_text(first), second=_text(second))


def _text(value: Json) -> str:
    return NOT_THERE if value is None or value == "" else str(value)

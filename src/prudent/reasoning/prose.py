"""Facts as the lines of a prompt: every row on one line, texts quoted, in the order of the facts, cut by priority."""

import json
import re
from collections.abc import Mapping, Sequence

from prudent.domain.records import Json
from prudent.reasoning.words import visible

UNTRUSTED_OPEN = "<<<UNTRUSTED DATA"
UNTRUSTED_CLOSE = "UNTRUSTED DATA>>>"
TEXT_LENGTH_MAX = 600
NONE = "(none)"
_BARE = re.compile(r"[A-Za-z0-9._+\-:/%^]+")


def line(row: Mapping[str, Json], *, leave_out: Sequence[str] = ()) -> str:
    """A row as `key=value` pairs; inner objects as `outer.inner=value`, lists in brackets, texts with spaces quoted."""
    return " ".join(f"{key}={value}" for key, value in _pairs(row, "") if key not in leave_out)


def _pairs(row: Mapping[str, Json], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in row.items():
        if isinstance(value, dict):
            found += _pairs(value, f"{prefix}{key}.")
        elif value not in (None, "", []):
            found.append((f"{prefix}{key}", spelt(value)))
    return found


def spelt(value: Json) -> str:
    """One value: a bare word where it is one, else quoted, so that a text can neither end its line nor its frame."""
    if isinstance(value, list):
        return f"[{', '.join(f'({line(each)})' if isinstance(each, dict) else spelt(each) for each in value)}]"
    if isinstance(value, dict):
        return f"({line(value)})"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "unknown"}[value]
    text = str(value)
    if _BARE.fullmatch(text):
        return text[:TEXT_LENGTH_MAX]
    text = visible(text)
    if _BARE.fullmatch(text):
        return text[:TEXT_LENGTH_MAX]
    quoted = json.dumps(text[:TEXT_LENGTH_MAX], ensure_ascii=False)
    # A text must not be able to end the frame that says what it is.
    return quoted.replace("<<<", "< < <").replace(">>>", "> > >")


def rows(value: Json) -> list[dict[str, Json]]:
    """The objects of a list of the facts."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def listed(value: Json) -> list[str]:
    """A bullet for each object of a list of the facts."""
    return [f"- {line(row)}" for row in rows(value)]


def named(row: Mapping[str, Json]) -> str:
    """A bullet for each key that has a value."""
    return "\n".join(
        f"- {key}: {line(value) if isinstance(value, dict) else spelt(value)}"
        for key, value in row.items()
        if value not in (None, "", [], {})
    ) or NONE  # fmt: skip


def part(facts: Mapping[str, Json], name: str) -> dict[str, Json]:
    """An object of the facts; empty where there is none."""
    value = facts.get(name)
    return value if isinstance(value, dict) else {}


def bullets(items: Sequence[Mapping[str, Json]], *, leave_out: Sequence[str] = ()) -> str:
    return "\n".join(f"- {line(each, leave_out=leave_out)}" for each in items) or NONE


def framed(text: str) -> str:
    """Text from outside inside its frame."""
    return f"{UNTRUSTED_OPEN}\n{text}\n{UNTRUSTED_CLOSE}"


def within(blocks: Mapping[str, Sequence[str]], order: Sequence[str], most: int) -> dict[str, str]:
    """Blocks of lines as texts, together at most `most` characters: whole lines fall, the last block of `order` first.

    Blocks that `order` does not name are never cut.
    """
    kept = {name: list(lines) for name, lines in blocks.items()}
    left_out = dict.fromkeys(order, 0)
    size = sum(len(each) + 1 for lines in kept.values() for each in lines)
    for name in reversed(order):
        while size > most and kept.get(name):
            size -= len(kept[name].pop()) + 1
            left_out[name] += 1
    texts = {}
    for name, lines in kept.items():
        more = [f"- ({left_out[name]} more left out for length)"] if left_out.get(name) else []
        texts[name] = "\n".join([*lines, *more]) or NONE
    return texts

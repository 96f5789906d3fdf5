"""Both passes of an intraday cycle: pass 0 may say that there is nothing to do, pass 2 says which trades."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.money import ZERO
from prudent.domain.reasoning import RULES_MODEL
from prudent.domain.records import Json
from prudent.reasoning.answers import Trades, read_trades
from prudent.reasoning.json_text import Unreadable, Value, read_json
from prudent.reasoning.ladder import Ask, Ladder, Rung, climb
from prudent.reasoning.mandate_facts import listed_of
from prudent.reasoning.words import clean, confidence_of, said

PASS_0, PASS_2 = "pass0", "pass2"
REASON_LENGTH_MAX = 300
_KEYS = frozenset({"act", "confidence"})
_WORDS = {"yes": True, "true": True, "trade": True, "act": True, "no": False, "false": False, "hold": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The parsed pass 0: whether there is something to do, and how sure that is."""

    act: bool
    confidence: Decimal
    reason: str = ""


def scan_schema() -> dict[str, Json]:
    fields: dict[str, Json] = {
        "act": {"type": "boolean"}, "confidence": {"type": "number"}, "reason": {"type": "string"},
    }  # fmt: skip
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def read_scan(text: str) -> Scan:
    """The scan of an answer; a confidence that cannot be told is none.

    Raises:
        Unreadable: it does not say whether there is something to do.
    """
    value = read_json(text, keys=_KEYS).value
    if not isinstance(value, dict):
        raise Unreadable("wrong_shape", "the answer must be one JSON object")
    body: dict[str, Value] = {key.strip().lower(): each for key, each in value.items()}
    raw = body.get("act")
    act = raw if isinstance(raw, bool) else _WORDS.get(said(raw))
    if act is None:
        raise Unreadable("wrong_shape", 'the answer must have the key "act" with true or false')
    reason = body.get("reason")
    return Scan(
        act=act,
        confidence=confidence_of(body.get("confidence")) or ZERO,
        reason=clean(reason, REASON_LENGTH_MAX) if isinstance(reason, str) else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """Both as they ended; `trades` None: pass 2 was not asked; `failed`: the account's own models gave nothing."""

    scan: Rung[Scan]
    trades: Rung[Trades] | None = None
    failed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def retries(self) -> int:
        return self.scan.retries + (self.trades.retries if self.trades is not None else 0)

    @property
    def last(self) -> Rung[Scan] | Rung[Trades]:
        return self.scan if self.trades is None else self.trades


def think(
    ask: Ask, ladder: Ladder, facts: Mapping[str, Json], *, sure: Decimal, scanned: Callable[[Scan], None] | None = None
) -> Thought:
    """Both passes up the ladder; where it ends without an answer and the mandate says so, both again by rules.

    Pass 2 is asked where pass 0 wants to act and is at least `sure`; `scanned` is told of pass 0 before that.
    """
    tell = scanned or (lambda scan: None)
    thought = _passes(ask, ladder, facts, sure, tell)
    if not thought.failed or thought.last.over_budget or ladder.last != RULES_MODEL:
        return thought
    ruled = _passes(ask, Ladder(model=RULES_MODEL), facts, sure, tell)
    return Thought(
        scan=ruled.scan, trades=ruled.trades, failed=True,
        notes=(*thought.notes, "no model answered; the rules decided", *ruled.notes),
    )  # fmt: skip


def _passes(
    ask: Ask, ladder: Ladder, facts: Mapping[str, Json], sure: Decimal, tell: Callable[[Scan], None]
) -> Thought:
    first = climb(ask, ladder, purpose=PASS_0, read=read_scan)
    scan = first.value
    if scan is None:
        return Thought(scan=first, failed=True, notes=first.failures)
    if not scan.act or scan.confidence < sure:
        return Thought(scan=first, notes=first.failures)
    tell(scan)
    listed = listed_of(facts)
    # Who did not answer pass 0 is not asked pass 2.
    rest = ladder if first.model == ladder.model else Ladder(model=first.model, last=ladder.last)
    second = climb(ask, rest, purpose=PASS_2, read=lambda text: read_trades(text, listed))
    notes = (*first.failures, *second.failures, *(second.value.notes if second.value is not None else ()))
    return Thought(scan=first, trades=second, failed=second.value is None, notes=notes)

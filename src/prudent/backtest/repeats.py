"""What a model decides otherwise from one repeat of a backtest to the next: its noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path

import numpy as np

from prudent.backtest.book import records_of
from prudent.backtest.stage import LEDGER_FILE
from prudent.domain.cycles import CycleRecord
from prudent.domain.errors import DeskError
from prudent.domain.performance import RunBook
from prudent.domain.reasoning import RULES_LABEL
from prudent.ledger import open_ledger
from prudent.reasoning.book import read_book

IDENTICAL = "the repeats are identical: the built-in rules decide the same each time, so they show no noise"
FIXED_SEED = "the model's parameters fix its seed: repeats show its server's noise only; take `seed` out of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How far repeats of one backtest agree, over the moments at which all of them decided.

    `agreement` is the share of pairs of repeats that wanted the same trades at the same moment; `spread` the mean
    standard deviation (ddof 1) of a symbol's target weight between repeats, as a fraction of equity. Books drift apart
    with what they hold, so `first` is the agreement at the first moment, where all held the same.
    """

    repeats: int
    moments: int
    agreement: float | None
    spread: float | None
    first: float | None
    note: str = ""


def noise_of(decided: Sequence[Mapping[datetime, CycleRecord]]) -> Noise:
    """The noise of repeats, each given as its decisions by moment."""
    moments = sorted(set.intersection(*(set(each) for each in decided))) if decided else []
    if len(decided) < 2 or not moments:
        return Noise(repeats=len(decided), moments=len(moments), agreement=None, spread=None, first=None)
    same = [_same([each[moment] for each in decided]) for moment in moments]
    spreads = [spread for moment in moments for spread in _spreads([each[moment] for each in decided])]
    everyone = {_answered(record) for each in decided for record in each.values()} - {""}
    return Noise(
        repeats=len(decided), moments=len(moments), agreement=float(np.mean(same)),
        spread=float(np.mean(spreads)) if spreads else 0.0, first=same[0],
        note=IDENTICAL if everyone == {RULES_LABEL} else "",
    )  # fmt: skip


def decision_noise(books: Sequence[RunBook], *, owner: str, folders: Sequence[Path]) -> Noise | None:
    """The noise of finished repeats, out of their ledgers; None where a ledger is gone."""
    decided: list[dict[datetime, CycleRecord]] = []
    for book, folder in zip(books, folders):
        path = folder / LEDGER_FILE
        if not path.is_file():
            return None
        try:
            ledger = open_ledger(path, owner=owner, durable=False)
        except DeskError:
            return None
        try:
            records = records_of(ledger, book.account)
        finally:
            ledger.close()
        decided.append({each.started: each for each in records if each.decision.reasoning is not None})
    return noise_of(decided)


def _wanted(record: CycleRecord) -> frozenset[tuple[str, str]]:
    reasoning = record.decision.reasoning
    ideas = reasoning.ideas if reasoning is not None else ()
    return frozenset((each.symbol, str(each.side)) for each in ideas)


def _answered(record: CycleRecord) -> str:
    return record.decision.reasoning.answered_by if record.decision.reasoning is not None else ""


def _same(records: Sequence[CycleRecord]) -> float:
    """The share of pairs that wanted the same trades."""
    wanted = [_wanted(each) for each in records]
    pairs = list(combinations(wanted, 2))
    return sum(one == other for one, other in pairs) / len(pairs)


def _spreads(records: Sequence[CycleRecord]) -> list[float]:
    """The spread of the weight that each symbol is to have; where a repeat does not trade it, it keeps what it has."""
    named = sorted({each.symbol for record in records for each in record.decision.targets})
    if not named:
        return []
    weights = [_weights(record) for record in records]
    columns = [[each.get(symbol, 0.0) for each in weights] for symbol in named]
    # Of equal weights it is 0, and not what is left of a rounded mean.
    return [float(np.std(each, ddof=1)) if len(set(each)) > 1 else 0.0 for each in columns]


def _weights(record: CycleRecord) -> dict[str, float]:
    book = read_book(record.observation, ())
    held = {symbol: float(value / book.equity) for symbol, value in book.values.items()} if book.equity else {}
    return held | {each.symbol: float(each.weight) for each in record.decision.targets}

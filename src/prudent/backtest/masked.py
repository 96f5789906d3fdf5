"""A language model behind a mask: it never sees a date, a ticker or a price of the window, and is not told that."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from prudent.backtest.leaks import leaks_in
from prudent.backtest.masked_days import DayNumbers
from prudent.backtest.masked_facts import Counts, Hidden, Mask, OpenedAt
from prudent.backtest.masked_names import Names
from prudent.backtest.masked_prompts import masked_question
from prudent.backtest.masked_replies import real_text, recognises
from prudent.backtest.request import Request
from prudent.domain.errors import StoreError
from prudent.domain.instruments import CASH
from prudent.domain.reasoning import Question, Reply
from prudent.domain.records import Json, canonical, decode, encode
from prudent.ports import Calendar, Instruments, LanguageModel, MarketData

TRAIL_FILE = "masked.jsonl.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call as the model saw it, of the real `session`.

    `leaks` is what the mask missed, `recognised` that the reply names a company.
    """

    session: date
    question: Question
    reply: Reply
    leaks: tuple[str, ...] = ()
    recognised: bool = False
    news_left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedModel:
    """`ports.LanguageModel` around another one: questions go out masked, replies come back in the real names.

    The strategy, its parser and the record see the real ones and replay as ever; both spellings of every call stand in
    `trail`, one JSON object a line, the first of them the names.
    """

    model: LanguageModel
    mask: Mask
    request: Request
    trail: Path | None = None

    def ask(self, question: Question) -> Reply:
        counts = self.mask.counts
        left_out = counts.news_left_out
        asked = masked_question(question, self.request.mandate, self.mask)
        leaks = leaks_in(asked, self.mask)
        counts.questions += 1
        counts.leaks += bool(leaks)
        reply = self.model.ask(asked)
        recognised = recognises(reply, self.mask)
        counts.recognised += recognised
        self._keep(
            Asked(
                session=date.fromisoformat(str(question.facts["session"])), question=asked, reply=reply, leaks=leaks,
                recognised=recognised, news_left_out=counts.news_left_out - left_out,
            )
        )  # fmt: skip
        return replace(reply, text=real_text(reply.text, asked, self.mask), thinking=self._words(reply.thinking))

    def fallback(self, model: str) -> str | None:
        return self.model.fallback(model)

    def _words(self, text: str) -> str:
        return self.mask.names.real(text) if self.mask.hides(Hidden.TICKERS) else text

    def _keep(self, asked: Asked) -> None:
        if self.trail is None:
            return
        lines: list[Json] = [encode(asked)]
        try:
            if not self.trail.exists():
                lines.insert(0, {"names": encode(self.mask.names.pairs()), "hidden": encode(self.request.anonymise)})
            with gzip.open(self.trail, "ab") as file:
                for each in lines:
                    file.write(canonical(each) + b"\n")
        except OSError as error:
            raise StoreError(f"{self.trail} must be writable, was not: {error}; free space and run again") from error


def masked_model(  # noqa: PLR0913 - the pieces of a stage
    model: LanguageModel, request: Request, *, symbols: Sequence[str], instruments: Instruments, calendar: Calendar,
    market: MarketData, opened_at: OpenedAt, first: date, trail: Path | None, others: Sequence[str] = (),
) -> MaskedModel:  # fmt: skip
    """The model of a backtest that asks for a mask.

    `first` is the window's first session, `opened_at` gives prices of its open, `others` the home's other accounts.
    """
    mandate = request.mandate
    named = {*symbols, *mandate.universe} - {CASH}
    mask = Mask(
        hidden=frozenset(Hidden(each) for each in request.anonymise),
        names=Names(named, instruments.all(), seed=request.seed),
        days=DayNumbers(calendar, first, request.last), market=market,
        opened_at=opened_at,
        account=tuple(dict.fromkeys(each for each in (mandate.name, mandate.account) if each)),
        others=tuple(each for each in others if each and each not in (mandate.account, mandate.name)),
    )  # fmt: skip
    return MaskedModel(model=model, mask=mask, request=request, trail=trail)


def counts_of(model: LanguageModel) -> Counts | None:
    """What the masking of a run came to; None where it had no mask."""
    return model.mask.counts if isinstance(model, MaskedModel) else None


def trail_of(folder: Path) -> Iterator[Asked]:
    """Every call of a masked run, in their order; nothing where none was kept.

    Raises:
        StoreError: it is damaged.
    """
    path = folder / TRAIL_FILE
    if not path.exists():
        return
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                row = json.loads(line)
                if "question" in row:
                    yield decode(Asked, row)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} must be readable, was not: {error}; run the backtest again") from error


def names_of(folder: Path) -> dict[str, str]:
    """The names that a run was masked with, pseudonym by real name; empty where none were kept."""
    path = folder / TRAIL_FILE
    if not path.exists():
        return {}
    with gzip.open(path, "rb") as file:
        found = json.loads(file.readline()).get("names", {})
    return {str(name): str(masked) for name, masked in found.items()}

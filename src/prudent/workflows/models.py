"""Looks at the configured language models: what they are, what their servers offer, and whether each one answers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from prudent.bootstrap import Desk
from prudent.domain.errors import DeskError, InputError
from prudent.domain.reasoning import RULES_LABEL, RULES_MODEL, Finish, Message, Question, Reply, Speaker
from prudent.domain.records import Json
from prudent.edge import LanguageDesk
from prudent.llm.openai_compatible import offered_models
from prudent.settings.language import ModelSettings

OFFER_SECONDS = 10.0
_ASKED = 'What is 2 + 2? Answer with one JSON object and nothing else, like {"answer": "..."}.'
_SCHEMA: dict[str, Json] = {
    "type": "object", "properties": {"answer": {"type": "string", "maxLength": 20}}, "required": ["answer"],
    "additionalProperties": False,
}  # fmt: skip
# A model that thinks before it answers needs room for it.
_TOKENS_MAX = 2048
_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One configured model; `server` is empty where nothing is sent anywhere. Prices are USD per million tokens."""

    name: str
    kind: str
    server: str
    served: str
    fallback: str | None
    seconds: Decimal
    slots: int
    price_in: Decimal
    price_out: Decimal
    knowledge_until: date | None
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a server says it serves, or why it did not say."""

    server: str
    models: tuple[str, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What became of one tiny question; `why_not` is empty where an answer came that can be read."""

    model: str
    answered_by: str = ""
    answer: str = ""
    seconds: Decimal | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: Decimal | None = None
    why_not: str = ""
    code: str = ""


def models(desk: Desk) -> tuple[ModelRow, ...]:
    """Every model that an account may name, `rules` first."""
    used = {name: tuple(a for a in desk.account_ids() if desk.mandate(a).model == name) for name in _names(desk)}
    return tuple(_row(desk, name, used[name]) for name in used)


def offers(desk: Desk) -> Iterator[Offer]:
    """Each configured server once, asked what it serves."""
    asked = set()
    for name, own in desk.loaded.settings.language.models.items():
        served = LanguageDesk(desk.loaded, desk.ledger, desk.clock).served(name, own)
        if own.kind == "openai_compatible" and served.base_url not in asked:
            asked.add(served.base_url)
            try:
                yield Offer(
                    server=served.base_url,
                    models=offered_models(served.base_url, key=served.key, seconds=OFFER_SECONDS),
                )
            except DeskError as error:
                yield Offer(server=served.base_url, why_not=str(error))


def probe(desk: Desk, model: str) -> Probe:
    """Ask one model one tiny question, past the cache and outside of any account's budget."""
    if model not in _names(desk):
        raise InputError(f"model must be one of {', '.join(_names(desk))}, was {model!r}; see `invest models list`")
    question = Question(
        account="", purpose="test", model=model, messages=(Message(speaker=Speaker.USER, text=_ASKED),), schema=_SCHEMA,
        max_tokens=_TOKENS_MAX,
    )  # fmt: skip
    own = desk.loaded.settings.language.models.get(model, ModelSettings(kind="rules"))
    try:
        reply = LanguageDesk(desk.loaded, desk.ledger, desk.clock).direct(model, own).ask(question)
    except DeskError as error:
        return Probe(model=model, why_not=str(error), code=error.code)
    return _read(model, reply)


def _read(model: str, reply: Reply) -> Probe:
    why_not = ""
    answer = reply.text[:_SHOWN_MAX]
    if reply.finish is not Finish.STOP:
        why_not = f"the answer did not end by itself ({reply.finish}); raise parameters.max_tokens of the model"
    else:
        try:
            answer = str(json.loads(reply.text)["answer"])[:_SHOWN_MAX]
        except (ValueError, RecursionError, TypeError, KeyError):
            why_not = f"the answer must be the JSON object that was asked for, was {answer!r}"
    return Probe(
        model=model, answered_by=reply.served or reply.model, answer=answer, seconds=reply.seconds,
        tokens_in=reply.tokens_in, tokens_out=reply.tokens_out, cost=reply.cost, why_not=why_not,
        code="unreadable_answer" if why_not else "",
    )  # fmt: skip


def _names(desk: Desk) -> tuple[str, ...]:
    return tuple(dict.fromkeys((RULES_MODEL, *desk.loaded.settings.language.models)))


def _row(desk: Desk, name: str, accounts: tuple[str, ...]) -> ModelRow:
    language = desk.loaded.settings.language
    own = language.models.get(name, ModelSettings(kind="rules"))
    remote = own.kind == "openai_compatible"
    return ModelRow(
        name=name, kind=own.kind, server=(own.base_url or language.base_url or "") if remote else "",
        served=RULES_LABEL if own.kind == "rules" else own.model or name, fallback=own.fallback,
        seconds=Decimal(str(own.seconds)), slots=own.slots, price_in=own.price_in, price_out=own.price_out,
        knowledge_until=own.knowledge_until, accounts=accounts,
    )  # fmt: skip

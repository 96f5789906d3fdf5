"""Questions and models for the tests of language models."""

from decimal import Decimal
from typing import Any

from prudent.clock import SystemClock
from prudent.domain.reasoning import Message, Question, Speaker
from prudent.domain.records import Json
from prudent.domain.redaction import Redactor
from prudent.llm.budgeted import Limits
from prudent.llm.openai_compatible import OpenAICompatible
from prudent.llm.served import ServedModel

SCHEMA: dict[str, Json] = {
    "type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": False,
}  # fmt: skip


def question(text: str = "Answer with ok.", **changes: Any) -> Question:
    """One question to model qwen, with the given fields changed."""
    fields: dict[str, Any] = {
        "account": "main", "purpose": "test", "model": "qwen", "schema": SCHEMA, "max_tokens": 64,
        "facts": {"private": "only for rules"},
        "messages": (Message(speaker=Speaker.SYSTEM, text="You are terse."), Message(speaker=Speaker.USER, text=text)),
    }  # fmt: skip
    return Question(**{**fields, **changes})


def served(url: str, **changes: Any) -> ServedModel:
    """Model qwen at a server, with time limits of tests."""
    fields: dict[str, Any] = {
        "name": "qwen", "served": "qwen3", "base_url": url, "seconds": 5.0, "load_seconds": 5.0,
        "price_in": Decimal(1), "price_out": Decimal(10),
    }  # fmt: skip
    return ServedModel(**{**fields, **changes})


def asks(url: str, *, secrets: tuple[str, ...] = (), **changes: Any) -> OpenAICompatible:
    """The adapter of `served` on wall time."""
    return OpenAICompatible(served(url, **changes), elapsed=SystemClock().monotonic, redactor=Redactor(secrets))


def limits(**changes: Any) -> Limits:
    """A budget that nothing small reaches, with the given limits changed."""
    fields: dict[str, Any] = {
        "tokens_per_call": 10_000, "tokens_per_day": 100_000, "money_per_day": Decimal(1),
        "platform_tokens_per_day": 200_000, "platform_money_per_day": Decimal(2),
    }  # fmt: skip
    return Limits(**{**fields, **changes})

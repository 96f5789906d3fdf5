"""What a language model is asked and answers, and what a strategy made of it: the trail that a record keeps whole."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from prudent.domain.orders import Side
from prudent.domain.records import Json

RULES_MODEL = "rules"
RULES_LABEL = "rules, no LLM"
# The code of a decision whose model gave no answer, whoever decided in its place.
LLM_FAILED = "llm_failed"
# The fact that tells the repeats of one question apart, for whoever keeps replies; no model is sent it.
REPEAT = "repeat"


class Speaker(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call: to which configured model, with which messages, in which schema (JSON Schema) the answer must be.

    `purpose` names the pass (`pass0`, `pass1`, `pass2`, `brief`, `test`); it and `account` are for the trail and the
    budget and are never sent. `facts` are the same context as data, for a model that reads no prose (`rules`).
    """

    account: str
    purpose: str
    model: str
    messages: tuple[Message, ...]
    schema: dict[str, Json]
    facts: dict[str, Json] = field(default_factory=dict)
    max_tokens: int = 4096


class Finish(StrEnum):
    """Why a reply ended; only a STOP may be read as an answer."""

    STOP = "stop"
    LENGTH = "length"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered, as it came. `model` is what really answered, `served` the name that its server gave.

    `thinking` is reasoning that came apart from the answer or inside `<think>`; `cost` is in US dollars by the
    configured prices; tokens are None where the server did not count them.
    """

    text: str
    thinking: str = ""
    finish: Finish = Finish.STOP
    model: str
    served: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a cycle as its record keeps it; `reply` None: there was none, and `error` says why."""

    question: Question
    reply: Reply | None
    error: str = ""


class Regime(StrEnum):
    BULL = "BULL"
    BEAR = "BEAR"
    SIDEWAYS = "SIDEWAYS"
    HIGH_VOLATILITY = "HIGH_VOLATILITY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The parsed first pass. Sector scores are from -2 to +2; `rule_regime` is what the rule says of the same facts."""

    regime: Regime
    sector_scores: dict[str, int] = field(default_factory=dict)
    portfolio_health: str = ""
    key_risks: tuple[str, ...] = ()
    rule_regime: Regime | None = None


class Basis(StrEnum):
    """What the amount of an idea is in; an answer in shares has been turned into dollars at the observed price."""

    USD = "usd"
    EQUITY = "equity"
    POSITION = "position"


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """One trade that a model wants, normalised; never a quantity. Percentages are fractions of the entry price.

    `amount` is above 0: dollars, a fraction of equity, or a fraction of the position held (SELL only).
    """

    symbol: str
    side: Side
    amount: Decimal
    basis: Basis
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    time_stop_days: int | None = None
    urgency: int = 3
    confidence: Decimal | None = None
    thesis: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Part of an answer that was not used; `code` is machine-readable, `item` the raw text (cut to 500 characters)."""

    code: str
    item: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Exits that hold for one position because the idea that opened it said so; fractions of average cost."""

    symbol: str
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    time_stop_days: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """How a decision came about: what was thought, wanted, not used, and who answered at what price.

    `template` names the prompt templates with the digest of their bytes; `answered_by` is the model that really
    answered the last pass, or `rules, no LLM`.
    """

    answered_by: str
    template: str = ""
    analysis: Analysis | None = None
    ideas: tuple[Idea, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Decimal = Decimal(0)
    seconds: Decimal = Decimal(0)
    notes: tuple[str, ...] = ()

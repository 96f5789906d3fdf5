"""What a configuration may say about language models: which there are, what they may cost, whether replies are kept."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from prudent.domain.reasoning import RULES_MODEL
from prudent.settings.accounts import MODEL_NAME, SECRET_NAME
from prudent.settings.strict import Strict

KEY_NAME = r"^(LLM_API_KEY(_[A-Z0-9]+)*)?$"
# What the product itself puts into a request; a parameter must not say otherwise.
RESERVED = ("model", "messages", "stream", "response_format", "tools", "tool_choice", "n", "functions")


def _server(url: str) -> str:
    """A base URL as everybody writes it, `http://127.0.0.1:8080` or `https://host/v1`, in the second form."""
    try:
        found = urlsplit(url.strip())
        right = found.scheme in ("http", "https") and bool(found.hostname) and (found.port is None or found.port > 0)
    except ValueError:
        right = False
    if not right:
        raise ValueError("must be an http or https URL with a host; write e.g. http://127.0.0.1:8080/v1")
    if found.username is not None or found.password is not None or found.query or found.fragment:
        raise ValueError("must be a plain URL without a user, a key or a query; set the key in LLM_API_KEY")
    path = found.path.rstrip("/").removesuffix("/chat/completions")
    return f"{found.scheme}://{found.netloc}{path or '/v1'}"


BaseUrl = Annotated[str, AfterValidator(_server)]
Count = Annotated[int, Field(ge=1)]
Money = Annotated[Decimal, Field(ge=0)]


class ModelSettings(Strict):
    """One model by the name that accounts use.

    `model` is the name that its server gives it (else the same), `seconds` the limit of a call, `load_seconds` that of
    a call while the server loads the model. `slots` are the calls that one server takes at a time. Prices are US
    dollars per million tokens. `knowledge_until` is when its training ended. `key` names the secret that is its API
    key: an environment variable, else a stored secret of that name in small letters; empty: none is sent.
    """

    kind: Literal["openai_compatible", "rules", "embedded"] = "openai_compatible"
    base_url: BaseUrl | None = None
    model: str = ""
    parameters: dict[str, object] = Field(default_factory=dict)
    seconds: Annotated[float, Field(gt=0, le=3600)] = 120
    load_seconds: Annotated[float, Field(gt=0, le=3600)] = 300
    slots: Annotated[int, Field(ge=1, le=64)] = 3
    price_in: Money = Decimal(0)
    price_out: Money = Decimal(0)
    knowledge_until: date | None = None
    fallback: str | None = None
    key: Annotated[str, Field(pattern=KEY_NAME)] = "LLM_API_KEY"

    def frozen(self, name: str) -> dict[str, object]:
        """What a run freezes of the model called `name`: who is asked and with what; where it is served may change."""
        return {"kind": self.kind, "served": self.model or name, "parameters": dict(self.parameters)}

    @field_validator("parameters")
    @classmethod
    def _ours_are_not_set(cls, parameters: dict[str, object]) -> dict[str, object]:
        for name in parameters:
            if name in RESERVED:
                raise ValueError(f"must not set {name}, which every request sets itself; remove it")
            if SECRET_NAME.search(name):
                raise ValueError(f"must not hold a secret like {name}; set the environment variable that `key` names")
        return parameters


class BudgetSettings(Strict):
    """What calls may cost: per call, and per day for each account and (`platform_`) for all of them together."""

    tokens_per_call: Count = 64_000
    tokens_per_day: Count = 1_000_000
    money_per_day: Money = Decimal(5)
    seconds_per_call: Annotated[float, Field(gt=0, le=3600)] = 600
    platform_tokens_per_day: Count = 10_000_000
    platform_money_per_day: Money = Decimal(25)


class LanguageSettings(Strict):
    """Language models. `base_url` is the server of every model that names none of its own.

    `cache`: `prompt` answers an unchanged prompt with the reply that is kept, `none` asks again each time.
    """

    base_url: BaseUrl | None = None
    models: dict[Annotated[str, Field(pattern=MODEL_NAME)], ModelSettings] = Field(default_factory=dict)
    budget: BudgetSettings = BudgetSettings()
    cache: Literal["prompt", "none"] = "prompt"

    @model_validator(mode="after")
    def _complete(self) -> "LanguageSettings":
        for name, each in self.models.items():
            if name == RULES_MODEL and each.kind != "rules":
                raise ValueError(f"models.{name} is built in and must stay of kind rules; rename the other one")
            if each.kind == "openai_compatible" and (each.base_url or self.base_url) is None:
                raise ValueError(f"models.{name} needs a `base_url`; set it there, or language.base_url")
            self._check_fallback(name, each)
        return self

    def _check_fallback(self, name: str, each: ModelSettings) -> None:
        known = {RULES_MODEL, *self.models}
        if each.fallback is not None and each.fallback not in known - {name}:
            others = ", ".join(sorted(known - {name}))
            raise ValueError(f"models.{name}.fallback must be another model ({others}), was {each.fallback!r}")

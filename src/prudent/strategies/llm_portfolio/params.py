"""What an `llm_portfolio` account's parameters may say, read once from its mandate."""

from dataclasses import dataclass
from decimal import Decimal

from prudent.domain.errors import ConfigError, InputError
from prudent.domain.instruments import normalise_symbol
from prudent.domain.mandate import Mandate
from prudent.domain.records import Json
from prudent.reasoning.ladder import ON_FAILURE

STYLES = ("core_satellite", "value", "momentum")
PROMPT_CHARACTERS = 60_000
TOKENS_MAX = 4096
# Shares of equity for funds and for single stocks where the mandate names none; what is left is cash.
MIXES = {
    "core_satellite": ("0.60", "0.30"), "value": ("0.40", "0.50"), "momentum": ("0.20", "0.70"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """`funds` and `stocks` are what the style holds of each, as fractions of equity; the rest is cash."""

    style: str
    description: str
    metrics: tuple[str, ...]
    horizon: str
    risk_profile: str
    watchlist: tuple[str, ...]
    funds: Decimal
    stocks: Decimal
    research: str
    prompt_characters: int
    max_tokens: int

    def facts(self) -> dict[str, Json]:
        """What the prompt and the rules model are told of the mandate's strategy."""
        return {
            "style": self.style, "description": self.description, "preferred_metrics": list(self.metrics),
            "horizon": self.horizon, "risk_profile": self.risk_profile, "funds": str(self.funds),
            "stocks": str(self.stocks),
        }  # fmt: skip


def read_params(mandate: Mandate) -> Params:
    """The parameters of the mandate.

    Raises:
        ConfigError: one is not what it must be.
    """
    given = mandate.parameters
    style = _choice(mandate, "style", STYLES, STYLES[0])
    if "on_failure" in given:
        _choice(mandate, "on_failure", ON_FAILURE, ON_FAILURE[0])
    usual = MIXES[style]
    funds, stocks = _share(mandate, "funds", usual[0]), _share(mandate, "stocks", usual[1])
    if funds + stocks > 1:
        raise _wrong(mandate, "funds", f"together with stocks at most 1, stocks are {stocks}", funds)
    return Params(
        style=style,
        description=_text(mandate, "description"),
        metrics=tuple(_texts(mandate, "preferred_metrics")),
        horizon=_text(mandate, "horizon"),
        risk_profile=_text(mandate, "risk_profile"),
        watchlist=_watchlist(mandate),
        funds=funds,
        stocks=stocks,
        research=_text(mandate, "research"),
        prompt_characters=_count(mandate, "prompt_characters", PROMPT_CHARACTERS, least=8_000),
        max_tokens=_count(mandate, "max_tokens", TOKENS_MAX, least=256),
    )


def _watchlist(mandate: Mandate) -> tuple[str, ...]:
    try:
        listed = tuple(normalise_symbol(each) for each in _texts(mandate, "watchlist"))
    except InputError as error:
        raise ConfigError(f"parameters.watchlist of {mandate.account}: {error}") from error
    return tuple(dict.fromkeys((*mandate.universe, *listed)))


def _texts(mandate: Mandate, name: str) -> list[str]:
    value = mandate.parameters.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _wrong(mandate, name, "a list of texts", value)
    return [str(each) for each in value]


def _text(mandate: Mandate, name: str) -> str:
    value = mandate.parameters.get(name, "")
    if not isinstance(value, str):
        raise _wrong(mandate, name, "text", value)
    return value.strip()


def _choice(mandate: Mandate, name: str, allowed: tuple[str, ...], usual: str) -> str:
    value = mandate.parameters.get(name, usual)
    if isinstance(value, str):
        value = value.strip().lower().replace("-", "_")
    if value not in allowed:
        raise _wrong(mandate, name, f"one of {', '.join(allowed)}", value)
    return str(value)


def _share(mandate: Mandate, name: str, usual: str) -> Decimal:
    text = str(mandate.parameters.get(name, usual)).strip()
    try:
        found = Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ArithmeticError:
        found = Decimal("NaN")
    if not (found.is_finite() and 0 <= found <= 1):
        raise _wrong(mandate, name, "a fraction from 0 to 1, or a percentage", text)
    return found


def _count(mandate: Mandate, name: str, usual: int, *, least: int) -> int:
    value = mandate.parameters.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 1_000_000:
        raise _wrong(mandate, name, f"a whole number from {least} to 1000000", value)
    return value


def _wrong(mandate: Mandate, name: str, must: str, was: object) -> ConfigError:
    return ConfigError(f"parameters.{name} of {mandate.account} must be {must}, was {was!r}; correct the mandate")

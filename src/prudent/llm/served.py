"""One configured model as its adapter needs it: where it is served, how long it may take, what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """`name` is what accounts call it, `served` what its server does; `key` is the API key, empty for none.

    `seconds` bound a call, `load_seconds` one that may have to wait for the server to load the model. `slots` are the
    calls that the server takes at a time. Prices are US dollars per million tokens.
    """

    name: str
    served: str
    base_url: str
    key: str = field(default="", repr=False)
    parameters: Mapping[str, object] = field(default_factory=dict)
    seconds: float = 120
    load_seconds: float = 300
    slots: int = 3
    price_in: Decimal = Decimal(0)
    price_out: Decimal = Decimal(0)
    fallback: str | None = None

    @property
    def max_tokens(self) -> int | None:
        """What a reply may be long by the model's own parameters, which counts before what a question says."""
        said = self.parameters.get("max_tokens")
        return said if type(said) is int and said > 0 else None

    def cost(self, tokens_in: int, tokens_out: int) -> Decimal:
        """US dollars for that many tokens, to the millionth."""
        return ((self.price_in * tokens_in + self.price_out * tokens_out) / MILLION).quantize(Decimal("0.000001"))

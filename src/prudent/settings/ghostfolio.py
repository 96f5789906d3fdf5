"""What a configuration may say about Ghostfolio: where it is and which accounts it mirrors; its token never is here."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from prudent.settings.accounts import ACCOUNT_ID
from prudent.settings.strict import Strict

# In the environment; a stored secret has the same name in small letters.
TOKEN_VARIABLE = "GHOSTFOLIO_ACCESS_TOKEN"


def _server(url: str) -> str:
    found = urlsplit(url)
    if found.scheme not in ("http", "https") or not found.hostname or found.query or found.fragment:
        raise ValueError("must be an http or https URL with a host and no query, such as http://localhost:3333; fix it")
    if found.username or found.password:
        raise ValueError("must hold no user and no password: Ghostfolio takes a token; remove them")
    return url.rstrip("/").removesuffix("/api/v1").removesuffix("/api")


def _none_where_empty(value: object) -> object:
    """An empty variable of the environment is one that is not set."""
    return None if value == "" else value


class GhostfolioSettings(Strict):
    """A Ghostfolio server that shows the books. Without `url` there is none.

    `accounts` maps account ids to ids of Ghostfolio's accounts, empty where one is to be found or made; without it
    every account that trades is mirrored. `symbols: manual` books each symbol as an asset of its own, for servers that
    have no market data.
    """

    url: Annotated[Annotated[str, AfterValidator(_server)] | None, BeforeValidator(_none_where_empty)] = None
    accounts: dict[Annotated[str, Field(pattern=ACCOUNT_ID)], str] = Field(default_factory=dict)
    symbols: Literal["yahoo", "manual"] = "yahoo"
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0

    @model_validator(mode="after")
    def _accounts_of_a_server(self) -> "GhostfolioSettings":
        if self.accounts and self.url is None:
            raise ValueError("needs `url` where `accounts` are mapped; add ghostfolio.url")
        return self

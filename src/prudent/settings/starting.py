"""What the environment says to whoever makes a home: the servers, the budget, the log level and the time zone."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from prudent.domain.errors import InputError
from prudent.settings.accounts import known_zones
from prudent.settings.environment import environment_secret
from prudent.settings.ghostfolio import TOKEN_VARIABLE

ZONE = "Europe/Warsaw"
LLM_KEY = "LLM_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    """What was found; empty where nothing was. The two secrets are only to look with, and are written nowhere."""

    llm_url: str = ""
    ghostfolio_url: str = ""
    budget: str = ""
    log_level: str = ""
    zone: str = ""
    llm_key: str = ""
    ghostfolio_token: str = ""


def starting(*, environ: Mapping[str, str] | None = None) -> Starting:
    """LLM_BASE_URL, GHOSTFOLIO_URL, INITIAL_BUDGET, LOG_LEVEL and TZ, with the secrets of both servers."""
    env = os.environ if environ is None else environ
    return Starting(
        llm_url=env.get("LLM_BASE_URL", "").strip(),
        ghostfolio_url=env.get("GHOSTFOLIO_URL", "").strip(),
        budget=env.get("INITIAL_BUDGET", "").strip(),
        log_level=env.get("LOG_LEVEL", "").strip(),
        zone=env.get("TZ", "").strip().removeprefix(":"),
        llm_key=environment_secret(LLM_KEY, environ=env) or "",
        ghostfolio_token=environment_secret(TOKEN_VARIABLE, environ=env) or "",
    )


def check_zone(zone: str) -> str:
    """`zone` where it is a name of the IANA database."""
    if zone not in known_zones():
        raise InputError(f"the time zone must be one of the IANA database, was {zone!r}; write e.g. {ZONE}")
    return zone

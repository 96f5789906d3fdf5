"""What a configuration may say about notices: channels, the webhook's secret, and what becomes of each event."""

import difflib
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from prudent.domain.notices import Event
from prudent.settings.strict import Strict


def _on_or_off(value: object) -> object:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value  # YAML 1.1 again


def _known_events(events: dict[str, str]) -> dict[str, str]:
    known = [str(event) for event in Event]
    for name in events:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"has no event {name!r}; {hint}")
    return events


def _http_url(url: str) -> str:
    found = urlsplit(url)
    if found.scheme not in ("http", "https") or not found.hostname:
        raise ValueError("must be an http or https URL with a host; correct it")
    return url


class WebhookSettings(Strict):
    """A URL that is sent every notice as JSON, signed with the secret."""

    url: Annotated[str, AfterValidator(_http_url)]
    secret: Annotated[str, Field(min_length=16)]


class NotifySettings(Strict):
    """Who is told of what: Apprise URLs, a signed webhook, and per event `on`, `silent` (kept, not sent) or `off`."""

    urls: tuple[str, ...] = ()
    webhook: WebhookSettings | None = None
    events: Annotated[
        dict[str, Annotated[Literal["on", "silent", "off"], BeforeValidator(_on_or_off)]],
        AfterValidator(_known_events),
    ] = Field(default_factory=dict)
    dedup_minutes: Annotated[int, Field(ge=0)] = 5

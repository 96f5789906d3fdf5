"""Every secret value that a configuration holds, so that nothing that is written or sent repeats one."""

from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

from prudent.domain.errors import ConfigError
from prudent.settings.environment import environment_secret
from prudent.settings.ghostfolio import TOKEN_VARIABLE
from prudent.settings.models import Settings

_PIECE_LENGTH_MIN = 8
_LONG_PIECE = 16


def secret_values(settings: Settings) -> tuple[str, ...]:
    """The values to keep out of logs, notices and messages; a URL counts whole and by its telling parts."""
    return tuple(dict.fromkeys(value for value in _values(settings) if value))


def _values(settings: Settings) -> Iterator[str]:
    for url in settings.notify.urls:
        yield url
        yield from pieces(url)
    if settings.notify.webhook is not None:
        yield settings.notify.webhook.secret
        yield settings.notify.webhook.url
        yield from pieces(settings.notify.webhook.url)
    for server in (settings.database.url, settings.backup.database_url):
        password = urlsplit(server or "").password
        if password:
            yield password
    with suppress(ConfigError):
        yield environment_secret(TOKEN_VARIABLE) or ""


def pieces(url: str) -> Iterator[str]:
    """The parts of a URL that may be secrets by themselves: an error message may quote one without the rest."""
    found = urlsplit(url)
    user, _at, _host = found.netloc.rpartition("@")
    parts = (*user.split(":"), *found.path.split("/"), *(value for _name, value in parse_qsl(found.query)))
    for part in parts:
        if len(part) >= _LONG_PIECE or (len(part) >= _PIECE_LENGTH_MIN and any(c.isdigit() for c in part)):
            yield part

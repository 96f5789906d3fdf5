"""Any service that Apprise knows (Telegram, Slack, ntfy, e-mail and many more) as a channel."""

import contextlib
import logging
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from prudent.domain.errors import ConfigError, Temporary
from prudent.domain.notices import Notice, Severity
from prudent.domain.redaction import Redactor

if TYPE_CHECKING:
    import apprise

SECONDS_MAX = 15.0
_TYPES = {Severity.NOTE: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


class AppriseChannel:
    """`ports.Notifier` over one Apprise URL; `name` is the URL's scheme, which holds no secret."""

    def __init__(self, url: str, *, name: str, secrets: Sequence[str] = (), seconds: float = SECONDS_MAX) -> None:
        self._url = url
        self._seconds = seconds
        self._redactor = Redactor((url, *secrets))
        self.name = name

    @cached_property
    def _service(self) -> "apprise.Apprise":
        import apprise

        # The library logs what it sends at warning level; its words come back in the result instead.
        logging.getLogger("apprise").addHandler(logging.NullHandler())
        logging.getLogger("apprise").propagate = False
        asset = apprise.AppriseAsset(app_id="Prudent", async_mode=False)
        service = apprise.Apprise(asset=asset)
        added = False
        with contextlib.suppress(TypeError, ValueError):
            added = service.add(self._url)
        if not added:
            raise ConfigError(
                f"notify.urls: the {self.name} URL must be one that Apprise knows, was not; see its list of services"
            )
        return service

    def check(self) -> None:
        _ = self._service

    def send(self, notice: Notice, number: int) -> None:
        result = self._service.notify(
            title=notice.heading, body="\n".join(notice.lines) or notice.title,
            notify_type=_TYPES[notice.severity], body_format="text", timeout=self._seconds,
        )  # fmt: skip
        if result:
            return
        said = "; ".join(dict.fromkeys(str(entry.message) for entry in result.logs()))
        raise Temporary(f"{self.name} did not take the notice ({self._redactor.text(said)[:200]}); it is tried again")

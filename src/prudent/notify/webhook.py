"""A signed webhook: every notice as one JSON document, with a signature that its receiver can check."""

import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from prudent.domain.errors import ConfigError, Permanent, Temporary
from prudent.domain.notices import Notice, mode_word
from prudent.domain.records import Json, encode, utc_text
from prudent.domain.redaction import Redactor
from prudent.ports import Clock

SIGNATURE_HEADER = "Prudent-Signature"
SECONDS_MAX = 10.0
_RETRIABLE = frozenset({408, 409, 425, 429})


def signature(secret: str, body: bytes, *, unix: int) -> str:
    """`t=<unix>,v1=<hex>`: HMAC-SHA256 over time, a dot and the body, so that neither can be changed or replayed."""
    seal = hmac.new(secret.encode(), str(unix).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={unix},v1={seal}"


def document(notice: Notice, number: int) -> dict[str, Json]:
    """What a receiver reads; `id` lets it drop a notice that came twice."""
    return {
        "schema_version": 1, "id": number, "event": str(notice.event), "severity": str(notice.severity),
        "at": utc_text(notice.at), "account": notice.account or None,
        "mode": None if notice.mode is None else mode_word(notice.mode), "title": notice.title,
        "lines": list(notice.lines), "amount": encode(notice.amount), "currency": notice.currency or None,
        "reason": notice.reason or None, "subject": notice.subject or None, "cycle": notice.cycle or None,
    }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`ports.Notifier` by POST; redirects are not followed, so a receiver cannot point it at an inner address."""

    url: str
    secret: str
    clock: Clock
    seconds: float = SECONDS_MAX
    name: str = "webhook"

    def __post_init__(self) -> None:
        _checked(self.url)
        if not self.secret:
            raise ConfigError("notify.webhook.secret must not be empty; set a random text of 32 characters or more")

    def check(self) -> None:
        _checked(self.url)

    def send(self, notice: Notice, number: int) -> None:
        body = json.dumps(document(notice, number), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "prudent",
            SIGNATURE_HEADER: signature(self.secret, body, unix=int(self.clock.now().timestamp())),
        }
        status = self._post(_checked(self.url), body, headers)
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise Permanent(f"the webhook answered {status}, a redirect, which is not followed; set its final URL")
        if status >= 500 or status in _RETRIABLE:
            raise Temporary(f"the webhook answered {status}; it is tried again")
        raise Permanent(f"the webhook answered {status} and will not take the notice; check its URL and secret")

    def _post(self, to: SplitResult, body: bytes, headers: dict[str, str]) -> int:
        connection = _connection(to, self.seconds)
        # A timeout of the socket bounds each read; this bounds all of them together.
        limit = threading.Timer(self.seconds, _cut, (connection,))
        limit.daemon = True
        limit.start()
        try:
            connection.request("POST", (to.path or "/") + (f"?{to.query}" if to.query else ""), body, headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException, ValueError) as error:
            said = Redactor((self.url, self.secret)).text(str(error) or type(error).__name__)
            raise Temporary(f"the webhook cannot be reached ({said}); it is tried again") from error
        finally:
            limit.cancel()
            connection.close()


def _checked(url: str) -> SplitResult:
    found = urlsplit(url)
    if found.scheme not in ("http", "https") or not found.hostname:
        raise ConfigError("notify.webhook.url must be an http or https URL with a host; correct it")
    return found


def _connection(to: SplitResult, seconds: float) -> http.client.HTTPConnection:
    host, port = to.hostname or "", to.port
    if to.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=seconds)


def _cut(connection: http.client.HTTPConnection) -> None:
    wire = connection.sock
    if wire is not None:
        try:
            wire.shutdown(socket.SHUT_RDWR)
        except OSError:
            # It ended by itself in the same moment.
            wire.close()

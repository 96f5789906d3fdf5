"""One HTTP exchange with a server that is not trusted: one deadline over all of it, a size limit, no redirects."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from prudent.domain.errors import ConfigError, Temporary

BYTES_MAX = 1_000_000
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back, whole and within the limits."""

    status: int
    body: bytes
    content_type: str = ""
    location: str = ""


def exchange(
    url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None, seconds: float
) -> Answered:
    """GET `url`, or POST `body` to it. Proxies of the environment are not used and redirects are not followed.

    Raises:
        Temporary: no whole answer came within `seconds`, or one of more than BYTES_MAX.
        ConfigError: `url` is no http or https URL.
    """
    found = urlsplit(url)
    if found.scheme not in ("http", "https") or not found.hostname:
        raise ConfigError("the URL of a model server must begin with http:// or https:// and name a host; correct it")
    work = _Exchange(url, body, {"User-Agent": "prudent", "Accept-Encoding": "identity", **(headers or {})}, seconds)
    # A thread of its own, for neither the look-up of a name nor a dripping header heeds a socket's time limit.
    threading.Thread(target=work.run, name="model-call", daemon=True).start()
    if not work.ended.wait(seconds):
        work.cut()
        raise too_slow(url, seconds)
    if work.error is not None:
        raise work.error
    assert work.answered is not None
    return work.answered


def too_slow(url: str, seconds: float) -> Temporary:
    return Temporary(f"{place(url)} must answer within {seconds:.3g} s, did not; it is asked again later")


def place(url: str) -> str:
    """Scheme, host and port of a URL, for messages."""
    found = urlsplit(url)
    return f"{found.scheme}://{found.netloc.rpartition('@')[2]}"


class _Exchange:
    """One exchange in its thread; `ended` is set whatever became of it."""

    def __init__(self, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float) -> None:
        self.ended = threading.Event()
        self.answered: Answered | None = None
        self.error: Temporary | None = None
        self._url = url
        self._body = body
        self._headers = dict(headers)
        self._seconds = seconds
        found = urlsplit(url)
        self._path = (found.path or "/") + (f"?{found.query}" if found.query else "")
        self._connection = _connection(found.scheme, found.hostname or "", found.port, seconds)

    def run(self) -> None:
        try:
            self.answered = self._asked()
        except Temporary as error:
            self.error = error
        except TimeoutError:
            self.error = too_slow(self._url, self._seconds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            said = (str(error) or type(error).__name__)[:_SHOWN]
            self.error = Temporary(f"{place(self._url)} cannot be reached or broke off ({said}); check that it runs")
        finally:
            self._connection.close()
            self.ended.set()

    def cut(self) -> None:
        """End the exchange from outside; its thread then ends by itself."""
        wire = self._connection.sock
        if wire is not None:
            try:
                wire.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It ended by itself in the same moment.
                wire.close()

    def _asked(self) -> Answered:
        self._connection.request("GET" if self._body is None else "POST", self._path, self._body, self._headers)
        response = self._connection.getresponse()
        if (response.length or 0) > BYTES_MAX:
            raise self._too_long()
        body = response.read(BYTES_MAX + 1)
        if len(body) > BYTES_MAX:
            raise self._too_long()
        if response.length:
            raise Temporary(f"{place(self._url)} broke off in the middle of its answer; it is asked again later")
        return Answered(
            status=response.status, body=body, content_type=response.headers.get_content_type(),
            location=response.headers.get("Location", "")[:_SHOWN],
        )  # fmt: skip

    def _too_long(self) -> Temporary:
        return Temporary(f"{place(self._url)} must answer within {BYTES_MAX:,} bytes, sent more; none of it is used")


def _connection(scheme: str, host: str, port: int | None, seconds: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=seconds)

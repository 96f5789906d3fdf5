"""One conversation with a Ghostfolio server over HTTP: bounded in time and size, logged in, and plain about doubt."""

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prudent.domain.errors import ConfigError, Permanent, Temporary
from prudent.ports import Clock

if TYPE_CHECKING:
    import httpx

# JSON as it is on the wire, floats included.
Wired = None | bool | int | float | str | list["Wired"] | dict[str, "Wired"]
API = "/api/v1"
AUTH = "/auth/anonymous"
HEALTH = "/health"
SECONDS = 10.0
# A whole answer may take this many times what a silence within it may.
DEADLINE_FACTOR = 6.0
BYTES_MAX = 32 * 2**20
TRIES = 3
PAUSE_SECONDS = 0.5
# A server that asks for more patience than this is asked again by the next pass.
PATIENCE_SECONDS = 5.0
_AGAIN = frozenset({429, 502, 503, 504})
_UNSURE_FROM = 500
_WORDS_MAX = 300


class NotSure(Temporary):
    """It was sent and nobody knows whether it was done: look for it before it is sent again."""


class Refused(Permanent):
    """The server understood and said no."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"Ghostfolio answered {status}: {words}")
        self.status = status
        self.words = words


class Wire:
    """Asks and tells one server as one user.

    `ask` reads and may be repeated; `tell` writes and never is: what is in doubt raises `NotSure`. An empty body is
    None. A 401 is answered with one more login; a token is called wrong only while the server says it is well, for a
    server whose database is down says 401 and 403 to everybody.
    """

    def __init__(
        self, url: str, token: str, *, clock: Clock, seconds: float = SECONDS, pause: threading.Event | None = None
    ) -> None:
        self.url = url
        self._token = token
        self._clock = clock
        self._seconds = seconds
        self._pause = pause or threading.Event()
        self._login = ""
        self._client: httpx.Client | None = None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def ask(self, path: str, params: Mapping[str, str] | None = None) -> Wired:
        """What the server says to a GET, asked again where that may help.

        Raises:
            Temporary: it cannot be asked now.
            Refused, ConfigError: it will not answer.
        """
        for left in range(TRIES - 1, -1, -1):
            try:
                return self._as_user("GET", path, params, None)
            except _Wait as wait:
                if not left or wait.seconds > PATIENCE_SECONDS:
                    raise
                self._pause.wait(wait.seconds)
        raise AssertionError("the last try returns or raises")

    def tell(self, method: str, path: str, body: Mapping[str, Wired] | None = None) -> Wired:
        """What the server says to a write, sent once.

        Raises:
            NotSure: it may have been done.
            Temporary: it was not done, and may be later.
            Refused, ConfigError: it was not done and will not be.
        """
        return self._as_user(method, path, None, body)

    def healthy(self) -> bool:
        """Whether the server says that it is well."""
        try:
            return self._once("GET", HEALTH, None, None, login="")[0] == 200
        except Temporary:
            return False

    def log_in(self) -> None:
        """Get a fresh login.

        Raises:
            ConfigError: the server is well and does not take the token.
            Temporary: it is not well, or has seen too many logins.
        """
        self._login = ""
        try:
            status, answer, wait = self._once("POST", AUTH, None, {"accessToken": self._token}, login="")
        except NotSure as error:
            # A login changes nothing, so there is nothing to be sure of.
            raise Temporary(str(error)) from error
        found = answer.get("authToken") if isinstance(answer, dict) else None
        if status in (200, 201) and isinstance(found, str) and found:
            self._login = found
        elif status == 403:
            self._unless_down(ConfigError("Ghostfolio does not take the token; set GHOSTFOLIO_ACCESS_TOKEN anew"))
        elif status in _AGAIN:
            raise _Wait(status, wait)
        else:
            raise Temporary(f"Ghostfolio answered a login with {status}: {_words(answer)}; it is tried again")

    def _as_user(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Mapping[str, Wired] | None
    ) -> Wired:
        if not self._login:
            self.log_in()
        status, answer, wait = self._once(method, path, params, body, login=self._login)
        if status == 401:
            # Not done, so it may be sent again.
            self.log_in()
            status, answer, wait = self._once(method, path, params, body, login=self._login)
            if status == 401:
                self._unless_down(Refused(status, "it does not know its own login; look at its JWT_SECRET_KEY"))
        if status < 300:
            return answer
        if status in _AGAIN and (method == "GET" or status == 429):
            raise _Wait(status, wait)
        if status >= _UNSURE_FROM:
            words = f"Ghostfolio answered {status}: {_words(answer)}"
            raise Temporary(words) if method == "GET" else NotSure(words)
        refused = Refused(status, _words(answer))
        if status == 403:
            self._unless_down(refused)
        raise refused

    def _unless_down(self, error: Permanent) -> None:
        if self.healthy():
            raise error
        raise Temporary("Ghostfolio is not well (its database may be down); it is tried again")

    def _once(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Mapping[str, Wired] | None, *, login: str
    ) -> tuple[int, Wired, float | None]:
        """Status, body and the wait that was asked for."""
        import httpx

        where = path if path.startswith("/api/") else API + path
        headers = {"Authorization": f"Bearer {login}"} if login else {}
        begun = self._clock.monotonic()
        try:
            with self._opened().stream(
                method, self.url + where, params=params, json=body, headers=headers
            ) as response:  # fmt: skip
                if 300 <= response.status_code < 400:
                    raise ConfigError("Ghostfolio answered with a redirect, which is not followed; set its final URL")
                text = self._read(response, begun)
                return response.status_code, _parsed(text), _retry_after(response.headers.get("retry-after"))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Temporary(f"{self._place} cannot be reached ({_kind(error)}); it is tried again") from error
        except httpx.TransportError as error:
            kind = Temporary if method == "GET" else NotSure
            raise kind(f"{self._place} gave no answer to {method} {path} ({_kind(error)})") from error
        except _Cut as error:
            kind = Temporary if method == "GET" else NotSure
            raise kind(f"{self._place} {error} to {method} {path}") from error

    def _read(self, response: "httpx.Response", begun: float) -> bytes:
        """The whole body within the deadline and the limit of size."""
        text = bytearray()
        for part in response.iter_bytes():
            text += part
            if len(text) > BYTES_MAX:
                raise _Cut(f"answered more than {BYTES_MAX} bytes")
            if self._clock.monotonic() - begun > self._seconds * DEADLINE_FACTOR:
                raise _Cut("answered too slowly")
        return bytes(text)

    def _opened(self) -> "httpx.Client":
        if self._client is None:
            import httpx

            self._client = httpx.Client(
                timeout=httpx.Timeout(self._seconds), trust_env=False, follow_redirects=False,
                limits=httpx.Limits(max_connections=2), headers={"User-Agent": "prudent", "Accept": "application/json"},
            )  # fmt: skip
        return self._client

    @property
    def _place(self) -> str:
        return f"Ghostfolio at {urlsplit(self.url).netloc}"


class _Wait(Temporary):
    """The server wants to be asked later."""

    def __init__(self, status: int, seconds: float | None) -> None:
        self.seconds = PAUSE_SECONDS if seconds is None else seconds
        later = f" in {seconds:g} seconds" if seconds else ""
        super().__init__(f"Ghostfolio answered {status} and asks to be tried again{later}")


class _Cut(Exception):
    """An answer that was given up."""


def _parsed(text: bytes) -> Wired:
    if not text.strip():
        return None
    try:
        found: Wired = json.loads(text)
    except (ValueError, RecursionError):
        return text[:_WORDS_MAX].decode("utf-8", "replace")
    return found


def _words(answer: Wired) -> str:
    """What an error body says: its message is a text or a list of texts, and may be missing."""
    said: object = answer.get("message", answer.get("error")) if isinstance(answer, dict) else answer
    parts = said if isinstance(said, list) else [said]
    return ("; ".join(str(part) for part in parts if part) or "nothing")[:_WORDS_MAX]


def _retry_after(text: str | None) -> float | None:
    return float(text) if text is not None and text.strip().isdigit() else None


def _kind(error: Exception) -> str:
    return type(error).__name__

"""Reads feeds of news from outside: hosts of a list only, public addresses only, little at a time, plain XML only."""

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.parse import SplitResult, urljoin, urlsplit
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from prudent.domain.errors import Temporary
from prudent.domain.outside_text import BYTES_MAX, plain_text

SIZE_MAX = 1024 * 1024
ITEMS_MAX = 40
REDIRECTS_MAX = 3
DEPTH_MAX = 32
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LINK = re.compile(r"(?:https?|ftp|data|javascript):\S+", re.IGNORECASE)
_TITLE_MAX = 300

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One item of a feed as plain text, title first, and when its publisher dates it."""

    text: str
    published: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReader:
    """GET of one feed within `seconds` in all; `hosts` is the allow-list.

    A redirect may lead to allowed hosts only, never from https to http, and no address that it connects to is private,
    whatever its name says. Proxies of the environment are not used.
    """

    hosts: frozenset[str]
    seconds: float = 8.0
    resolve: Resolve | None = None
    is_public: Callable[[str], bool] | None = None

    def read(self, url: str) -> bytes:
        """The document behind an allowed address.

        Raises:
            Temporary: it cannot be had, or may not; the message says why.
        """
        now, answer = url, self._get(self._allowed("", before=url))
        for _ in range(REDIRECTS_MAX):
            if isinstance(answer, bytes):
                return answer
            to = self._allowed(answer, before=now)
            now, answer = to.geturl(), self._get(to)
        if isinstance(answer, bytes):
            return answer
        raise Temporary(f"{_host_of(url)} redirected more than {REDIRECTS_MAX} times; correct the address of the feed")

    def _allowed(self, target: str, *, before: str) -> SplitResult:
        """Where `target` leads from `before`, if it may be asked."""
        try:
            found = urlsplit(urljoin(before, target))
            host, port = (found.hostname or "").rstrip("."), found.port
        except ValueError as error:
            raise Temporary(f"{_host_of(before)} led to an address that is none") from error
        if found.scheme not in ("http", "https") or found.username is not None or (port is not None and port < 1):
            raise Temporary(f"{_host_of(before)} led to {found.scheme or 'nothing'}, must lead to http or https")
        if host not in self.hosts:
            raise Temporary(f"host {host[:80]!r} must be in news.hosts to be read, was not; add it if it is right")
        if found.scheme == "http" and urlsplit(before).scheme == "https":
            raise Temporary(f"{_host_of(before)} led from https to http, which is not followed")
        return found

    def _get(self, to: SplitResult) -> bytes | str:
        """The body, or where it redirects to."""
        host, port = (to.hostname or "").rstrip("."), to.port or (443 if to.scheme == "https" else 80)
        addresses = self._addresses(host, port)
        try:
            wire = _connected(addresses, port, self.seconds)
            with _Limit(wire if to.scheme == "http" else _covered(wire, host), self.seconds) as limit:
                answer = _asked(limit.wire, to, host)
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            raise Temporary(f"{host} cannot be read: {type(error).__name__}") from error
        if limit.is_over:
            raise Temporary(f"{host} cannot be read: it took longer than {self.seconds:g} seconds")
        return answer

    def _addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of a host, all public; connecting to these and not to the name leaves no second answer."""
        try:
            found = tuple((self.resolve or _resolve)(host, port))
        except OSError as error:
            raise Temporary(f"{host} cannot be found: {type(error).__name__}") from error
        inside = [each for each in found if not (self.is_public or public)(each)]
        if inside or not found:
            raise Temporary(f"{host} must be a public address, was {', '.join(inside) or 'none'}; it is not read")
        return found


_ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.8"


def public(address: str) -> bool:
    """True for an address of the open network; an address that hides an inner IPv4 is judged by that one."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None and not (inner.is_global and not inner.is_multicast):
            return False
        if found in ipaddress.ip_network("64:ff9b::/96"):
            return public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast


def parse_feed(document: bytes) -> tuple[FeedItem, ...]:
    """The items of an RSS or Atom document in its order, at most 40; those without a date are left out.

    Raises:
        Temporary: it is no feed, or it declares a document type or entities, which no feed needs.
    """
    if len(document) > SIZE_MAX:
        raise Temporary(f"a feed must be at most {SIZE_MAX} bytes, was {len(document)}")
    root = _tree(document)
    if root.tag.lower() not in ("rss", "feed", "rdf"):
        raise Temporary(f"a feed must begin with rss, feed or RDF, began with {root.tag[:40]!r}")
    found: list[FeedItem] = []
    for element in root.iter():
        if element.tag in ("item", "entry") and len(found) < ITEMS_MAX:
            item = _item(element)
            if item is not None:
                found.append(item)
    return tuple(found)


def _tree(document: bytes) -> Element:
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH_MAX:
            raise Temporary(f"a feed must not be nested deeper than {DEPTH_MAX}")
        builder.start(_local(tag), {_local(name): value for name, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(tag))

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(document, True)
        return builder.close()
    except (expat.ExpatError, AssertionError, LookupError, ValueError) as error:
        raise Temporary(f"a feed must be well-formed XML, was not: {type(error).__name__}") from error


def _refuse(*_what: object) -> int:
    raise Temporary("a feed must not declare a document type or entities; it is not read")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _item(element: Element) -> FeedItem | None:
    texts = {name: _text(element, names) for name, names in _PARTS.items()}
    published = _moment(texts["when"])
    title = _without_links(texts["title"])[:_TITLE_MAX].rstrip()
    if published is None or not title:
        return None
    rest = _without_links(texts["summary"])
    if not rest or rest.startswith(title):
        title, rest = rest or title, ""
    return FeedItem(plain_text(f"{title} | {rest}" if rest else title, bytes_max=BYTES_MAX), published)


def _without_links(raw: str) -> str:
    # After the markup is gone: a link inside it would swallow the words behind it.
    return " ".join(_LINK.sub(" ", plain_text(raw)).split())


_PARTS = {
    "title": ("title",),
    "summary": ("description", "summary", "content"),
    "when": ("pubDate", "published", "updated", "date"),
}


def _text(element: Element, names: Sequence[str]) -> str:
    for name in names:
        found = element.find(name)
        if found is not None:
            return "".join(_pieces(found))
    return ""


def _pieces(element: Element) -> Iterator[str]:
    for each in element.iter():
        yield each.text or ""
        yield f" {each.tail or ''}" if each is not element else ""


def _moment(text: str) -> datetime | None:
    """A date of RFC 822 or ISO 8601; without a zone it is UTC."""
    clean = text.strip()[:64]
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = read(clean)
            return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _resolve(host: str, port: int) -> tuple[str, ...]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _connected(addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    refused = OSError("no address")
    for address in addresses[:2]:
        try:
            return socket.create_connection((address, port), timeout=seconds)
        except OSError as error:
            refused = error
    raise refused


def _covered(wire: socket.socket, host: str) -> socket.socket:
    # The handshake comes later, with the first request, under the limit of all.
    return _context().wrap_socket(wire, server_hostname=host, do_handshake_on_connect=False)


class _Limit:
    """Cuts a socket when its time is over: a timeout of the socket bounds each read, this all of them together."""

    def __init__(self, wire: socket.socket, seconds: float) -> None:
        self.wire = wire
        self.is_over = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Limit":
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        self.wire.close()

    def _cut(self) -> None:
        self.is_over = True
        try:
            self.wire.shutdown(socket.SHUT_RDWR)
        except OSError:
            # It ended by itself in the same moment.
            return


def _asked(wire: socket.socket, to: SplitResult, host: str) -> bytes | str:
    if isinstance(wire, ssl.SSLSocket):
        wire.do_handshake()
    kind = http.client.HTTPSConnection if to.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, to.port)
    connection.sock = wire
    path = (to.path or "/") + (f"?{to.query}" if to.query else "")
    connection.request("GET", path, headers={"Accept": _ACCEPT, "User-Agent": "prudent", "Connection": "close"})
    response = connection.getresponse()
    if response.status in _REDIRECTS:
        return response.getheader("Location") or ""
    if response.status != 200:
        raise Temporary(f"{host} answered {response.status}")
    return _body(response, host)


def _body(response: http.client.HTTPResponse, host: str) -> bytes:
    body = response.read(SIZE_MAX + 1)
    if response.getheader("Content-Encoding", "").lower() in ("gzip", "deflate", "x-gzip"):
        body = zlib.decompressobj(wbits=47).decompress(body, SIZE_MAX + 1)
    if len(body) > SIZE_MAX:
        raise Temporary(f"{host} answered with more than {SIZE_MAX} bytes; it is not read")
    return body


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or url[:80]
    except ValueError:
        return "the feed"

"""What a configuration may say about news: which feeds are read, which hosts they may lead to, and how often."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from prudent.settings.strict import Strict

# Known addresses of large publishers and of those who make the rates and the rules; one that has moved is only missing.
DEFAULT_FEEDS = (
    "https://finance.yahoo.com/news/rssindex",
    "https://feeds.content.dowjones.io/public/rss/mw_topstories",
    "https://feeds.content.dowjones.io/public/rss/mw_marketpulse",
    "https://feeds.content.dowjones.io/public/rss/RSSMarketsMain",
    "https://search.cnbc.com/rs/search/combinedcms/view.xml?partnerId=wrss01&id=100003114",
    "https://search.cnbc.com/rs/search/combinedcms/view.xml?partnerId=wrss01&id=20910258",
    "https://seekingalpha.com/market_currents.xml",
    "https://www.nasdaq.com/feed/rssoutbound?category=Markets",
    "https://feeds.bbci.co.uk/news/business/rss.xml",
    "https://www.federalreserve.gov/feeds/press_monetary.xml",
    "https://www.ecb.europa.eu/rss/press.html",
    "https://www.bls.gov/feed/bls_latest.rss",
    "https://www.sec.gov/news/pressreleases.rss",
)


def _feed(url: str) -> str:
    """An address that may be read: https (or http, where a person wrote it), of a public name, without a user."""
    try:
        found = urlsplit(url.strip())
        right = found.scheme in ("https", "http") and bool(found.hostname) and (found.port is None or found.port > 0)
    except ValueError:
        right = False
    if not right or found.username is not None or found.password is not None:
        raise ValueError("must be an https URL with a host and without a user; write e.g. https://example.org/feed.xml")
    _host(found.hostname or "")
    return url.strip()


def _host(host: str) -> str:
    """The name of a host on the open network, in small letters; never an address or a name of this machine."""
    name = host.strip().lower().rstrip(".")
    if _is_address(name.strip("[]")):
        raise ValueError(f"must be the name of a public host, was the address {host}; write its name")
    if "." not in name or "/" in name or ":" in name or name.endswith((".localhost", ".local", ".internal")):
        raise ValueError(f"must be the name of a public host such as news.example.org, was {host!r}; correct it")
    return name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        # What looks like an old short address (127.1, 0x7f.1) has no letter at its end either.
        return not name.rpartition(".")[2][:1].isalpha()
    return True


class NewsSettings(Strict):
    """Feeds (RSS or Atom) that live accounts read; none on sample and file data, where today's news are no news.

    The hosts of the feeds may be asked, and besides them only `hosts`, to which a feed may redirect. A feed is read
    again after `minutes`, and given up after `seconds`. `feeds: []` reads none.
    """

    feeds: Annotated[tuple[Annotated[str, AfterValidator(_feed)], ...], Field(max_length=40)] = DEFAULT_FEEDS
    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = ()
    minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    seconds: Annotated[float, Field(gt=0, le=60)] = 8

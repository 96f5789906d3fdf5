"""Feeds from outside: where the reader goes and where never, how much it takes, and what it makes of a document."""

import gzip
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.marketdata.feed_server import Publisher, document, publisher, redirect

from prudent.domain.errors import Temporary
from prudent.marketdata.feeds import ITEMS_MAX, SIZE_MAX, FeedReader, parse_feed, public

HOST = "news.example.org"
RSS = b"""<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>
<title>The paper</title>
<item><title>Apple &amp; Microsoft rise</title><pubDate>Mon, 28 Nov 2022 10:00:00 -0500</pubDate>
<description><![CDATA[<p>Both <b>rose</b>.<script>steal()</script>
<a href="https://evil.example/x?k=1">Read https://a.b/c more</a></p>]]></description></item>
<item><title>No date</title></item>
<item><title>Dublin core</title><dc:date>2022-11-28T09:30:00Z</dc:date></item>
</channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title>
<entry><title type="html">Fed &lt;i&gt;holds&lt;/i&gt;</title><updated>2022-11-28T12:00:00+01:00</updated>
<summary>The committee voted.</summary></entry></feed>"""
RDF = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel/><item><title>Old form</title><dc:date>2022-11-28</dc:date></item>
</rdf:RDF>"""


@pytest.fixture
def paper() -> Iterator[Publisher]:
    with publisher() as found:
        yield found


def reader(*hosts: str, seconds: float = 5.0, **addresses: str) -> FeedReader:
    """A reader for which loopback is the open network, so that a server can be asked; 10.0.0.1 and such stay inside."""
    return FeedReader(
        hosts=frozenset(hosts or (HOST,)), seconds=seconds,
        resolve=lambda host, port: (addresses.get(host.replace(".", "_"), "127.0.0.1"),),
        is_public=lambda address: address == "127.0.0.1" or public(address),
    )  # fmt: skip


def refusal(found: FeedReader, url: str) -> str:
    with pytest.raises(Temporary) as caught:
        found.read(url)
    return str(caught.value)


def test_a_feed_is_read_with_little_said_about_the_reader(paper: Publisher) -> None:
    paper.answers["/feed?a=1"] = document(RSS)
    assert reader().read(paper.url("/feed?a=1")) == RSS
    assert paper.headers[0]["Host"] == f"{HOST}:{paper.port}"
    assert paper.headers[0]["User-Agent"] == "prudent"
    assert "Cookie" not in paper.headers[0]
    assert "Authorization" not in paper.headers[0]


def test_a_redirect_within_the_list_is_followed(paper: Publisher) -> None:
    paper.answers |= {"/old": redirect("/new", 301), "/new": redirect(paper.url("/x", "other.example.org"), 308)}
    paper.answers["/x"] = document(ATOM)
    assert reader(HOST, "other.example.org").read(paper.url("/old")) == ATOM


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("http://evil.example/feed", "news.hosts"),
        ("http://127.0.0.1:1/", "news.hosts"),
        ("http://localhost/", "news.hosts"),
        ("http://[::1]/", "news.hosts"),
        ("file:///etc/passwd", "must lead to http or https"),
        ("ftp://news.example.org/x", "must lead to http or https"),
        ("http://user@news.example.org/x", "must lead to http or https"),
        ("http://[broken/", "an address that is none"),
        ("//evil.example/", "news.hosts"),
    ],
)  # fmt: skip
def test_a_redirect_anywhere_else_is_refused(paper: Publisher, target: str, says: str) -> None:
    paper.answers["/feed"] = redirect(target)
    assert says in refusal(reader(), paper.url("/feed"))
    assert paper.asked == ["/feed"]


@pytest.mark.parametrize("inside", ["10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fd00::1", "0.0.0.0"])
def test_a_name_that_means_an_inner_address_is_not_connected_to(paper: Publisher, inside: str) -> None:
    paper.answers["/feed"] = redirect(paper.url("/secret", "inner.example.org"))
    found = reader(HOST, "inner.example.org", inner_example_org=inside)
    assert "must be a public address" in refusal(found, paper.url("/feed"))
    assert paper.asked == ["/feed"]


def test_without_a_test_loopback_is_an_inner_address(paper: Publisher) -> None:
    found = FeedReader(hosts=frozenset({"localhost", HOST}), resolve=lambda host, port: ("127.0.0.1",))
    assert "must be a public address" in refusal(found, f"http://localhost:{paper.port}/")
    assert paper.asked == []


def test_from_https_nothing_leads_to_http() -> None:
    found = reader()
    with pytest.raises(Temporary, match="from https to http"):
        found._allowed("http://news.example.org/", before="https://news.example.org/")


def test_redirects_end(paper: Publisher) -> None:
    paper.answers["/loop"] = redirect("/loop")
    assert "redirected more than 3 times" in refusal(reader(), paper.url("/loop"))
    assert len(paper.asked) == 4


def test_more_than_a_megabyte_is_not_taken_packed_or_not(paper: Publisher) -> None:
    paper.answers["/big"] = document(b"x" * (SIZE_MAX + 1))
    paper.answers["/bomb"] = document(gzip.compress(b"x" * 20 * SIZE_MAX), Content_Encoding="gzip")
    paper.answers["/packed"] = document(gzip.compress(RSS), Content_Encoding="gzip")
    for path in ("/big", "/bomb"):
        assert "more than 1048576 bytes" in refusal(reader(), paper.url(path))
    assert reader().read(paper.url("/packed")) == RSS


def test_a_slow_drip_ends_with_the_time_allowed(paper: Publisher) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not paper.ended.wait(0.02):
            request.wfile.write(b" ")

    paper.answers["/drip"] = drip
    assert "cannot be read" in refusal(reader(seconds=0.3), paper.url("/drip"))


@pytest.mark.parametrize("status", [204, 304, 401, 404, 500, 503])
def test_any_other_status_is_no_feed(paper: Publisher, status: int) -> None:
    paper.answers["/feed"] = document(b"", status=status)
    assert f"answered {status}" in refusal(reader(), paper.url("/feed"))


def test_a_host_that_is_not_there_is_named() -> None:
    def nowhere(host: str, port: int) -> tuple[str, ...]:
        raise OSError("no such host")

    assert "news.example.org cannot be found" in refusal(
        FeedReader(hosts=frozenset({HOST}), resolve=nowhere), f"https://{HOST}/"
    )
    assert "cannot be read" in refusal(reader(), f"http://{HOST}:1/")


@pytest.mark.parametrize(
    ("address", "open_network"),
    [
        ("8.8.8.8", True), ("2606:4700::1", True), ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False),
        ("100.64.0.1", False), ("169.254.169.254", False), ("224.0.0.1", False), ("255.255.255.255", False),
        ("::1", False), ("fe80::1%eth0", False), ("fc00::1", False), ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True), ("64:ff9b::7f00:1", False), ("64:ff9b::808:808", True), ("2002:7f00:1::", False),
        ("ff02::1", False), ("nonsense", False), ("", False),
    ],
)  # fmt: skip
def test_only_the_open_network_is_public(address: str, open_network: bool) -> None:  # noqa: FBT001 - a table's column
    assert public(address) is open_network


def test_rss_atom_and_rdf_become_plain_text_with_their_dates() -> None:
    first, second = parse_feed(RSS)
    assert first.text == "Apple & Microsoft rise | Both rose . Read more"
    assert first.published == datetime(2022, 11, 28, 15, tzinfo=UTC)
    assert (second.text, second.published) == ("Dublin core", datetime(2022, 11, 28, 9, 30, tzinfo=UTC))
    (entry,) = parse_feed(ATOM)
    assert (entry.text, entry.published.hour) == ("Fed holds | The committee voted.", 11)
    assert [item.text for item in parse_feed(RDF)] == ["Old form"]


BOMB = b"""<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rss><channel><item><title>&b;</title><pubDate>2022-11-28</pubDate></item></channel></rss>"""
OUTSIDE = b"""<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]><rss><item><title>&f;</title></item></rss>"""


@pytest.mark.parametrize(
    "bad",
    [
        BOMB, OUTSIDE, b"<!DOCTYPE html><html><body>Sign in</body></html>", b"", b"<rss><item>", b"not xml",
        b"<html><item/></html>", b"<rss>" + b"<a>" * 40 + b"</a>" * 40 + b"</rss>", b" " * (SIZE_MAX + 1),
        b"<?xml version='1.0' encoding='made-up'?><rss/>", b"\xff\xfe\x00", b"<rss>&undeclared;</rss>",
    ],
)  # fmt: skip
def test_what_is_no_plain_feed_is_refused_with_a_reason(bad: bytes) -> None:
    with pytest.raises(Temporary, match="a feed must"):
        parse_feed(bad)


def test_at_most_forty_items_of_two_kilobytes() -> None:
    item = "<item><title>T {0}</title><pubDate>2022-11-28</pubDate><description>{1}</description></item>"
    many = "".join(item.format(n, "long " * 2000) for n in range(100))
    found = parse_feed(f"<rss><channel>{many}</channel></rss>".encode())
    assert len(found) == ITEMS_MAX
    assert found[0].text.startswith("T 0 | long")
    assert max(len(each.text.encode()) for each in found) <= 2048


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: f"<rss><item><title>{text}".encode()))
def test_bytes_from_outside_are_items_or_a_refusal(raw: bytes) -> None:
    with suppress(Temporary):
        assert len(parse_feed(raw)) <= ITEMS_MAX

"""Feeds in the configuration: public names only, and where they are read at all."""

from pathlib import Path

import pytest
from tests.fakes_clock import SteppedClock
from tests.unit.reasoning.account import NOW

from prudent.domain.errors import ConfigError
from prudent.edge import open_fundamentals, open_news
from prudent.marketdata.fundamentals import NoFundamentals, YahooFundamentals
from prudent.marketdata.instruments import InstrumentMaster
from prudent.marketdata.news import FeedNews
from prudent.settings import Loaded, load_settings
from prudent.settings.news import DEFAULT_FEEDS, NewsSettings


def loaded(home: Path, text: str = "") -> Loaded:
    (home / "invest.yaml").write_text(text, encoding="utf-8")
    return load_settings(home, environ={})


def test_about_a_dozen_feeds_are_there_by_default_all_by_https() -> None:
    assert 12 <= len(set(DEFAULT_FEEDS)) <= 16
    assert all(url.startswith("https://") for url in DEFAULT_FEEDS)
    assert NewsSettings().feeds == NewsSettings(feeds=DEFAULT_FEEDS).feeds


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/rss", "https://localhost/rss", "http://[::1]/rss", "https://10.0.0.8/rss", "https://127.1/rss",
        "https://0x7f.0.0.1/", "https://2130706433/", "https://printer.local/rss", "https://db.internal/rss",
        "https://metadata/rss", "https://user:word@example.org/rss", "ftp://example.org/rss", "file:///etc/passwd",
        "example.org/rss", "https://", "https://[broken/", "https://example.org:0/", "",
    ],
)  # fmt: skip
def test_a_feed_must_be_on_a_public_host_by_its_name(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"news\.feeds"):
        loaded(tmp_path, f"news: {{feeds: ['{url}']}}")


def test_hosts_are_names_in_small_letters(tmp_path: Path) -> None:
    found = loaded(tmp_path, "news: {hosts: [CDN.Example.org.]}").settings.news
    assert found.hosts == ("cdn.example.org",)
    for odd in ("10.0.0.1", "localhost", "https://example.org", "example.org:80", "a/b.c"):
        with pytest.raises(ConfigError, match=r"news\.hosts"):
            loaded(tmp_path, f"news: {{hosts: ['{odd}']}}")


def test_feeds_are_read_where_prices_are_live_and_nowhere_else(tmp_path: Path) -> None:
    master, clock = InstrumentMaster(), SteppedClock(NOW)
    sample, live = loaded(tmp_path), loaded(tmp_path, "data: {source: yahoo}")
    none = loaded(tmp_path, "data: {source: yahoo}\nnews: {feeds: []}")
    assert isinstance(open_news(live, clock, master), FeedNews)
    assert open_news(none, clock, master) is None
    assert open_news(sample, clock, master) is None
    assert isinstance(open_fundamentals(live, clock, master), YahooFundamentals)
    refused = open_fundamentals(sample, clock, master)
    assert isinstance(refused, NoFundamentals)
    assert "no history" in refused.why_not


def test_a_feed_may_lead_to_its_own_host_and_those_that_are_named(tmp_path: Path) -> None:
    text = (
        "data: {source: yahoo}\nnews: {feeds: ['https://Feeds.Example.org/rss'], hosts: [cdn.example.org], seconds: 3}"
    )
    found = open_news(loaded(tmp_path, text), SteppedClock(NOW), InstrumentMaster())
    assert isinstance(found, FeedNews)
    reader = found._read.__self__  # type: ignore[attr-defined]
    assert reader.hosts == frozenset({"feeds.example.org", "cdn.example.org"})
    assert reader.seconds == 3

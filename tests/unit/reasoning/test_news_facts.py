"""News as facts: order, age, limits and labels of text that nobody vouches for; fundamentals with their reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from tests.unit.reasoning.account import MANDATE, NOW, quote, seen
from tests.unit.reasoning.hand_market import HandMarket, headline

from prudent.domain.errors import Temporary
from prudent.ports import DecideContext, Event, Figure
from prudent.reasoning.book import Book, read_book
from prudent.reasoning.news_facts import NEWS_MAX, Item, claim_of, claimed_move, fundamental_facts, news_facts

HOUR = timedelta(hours=1)
LISTED = ("AAA", "BBB", "CCC")


@dataclass(frozen=True, slots=True)
class Wire:
    """`ports.News` of a test."""

    events: tuple[Event, ...] = ()
    said: tuple[str, ...] = ()

    def headlines(self, symbols: Sequence[str], *, since: datetime) -> tuple[Event, ...]:
        return self.events

    def warnings(self) -> tuple[str, ...]:
        return self.said


def told(
    *events: Event, market: HandMarket | None = None, wire: Wire | None = None, moved: str = "50"
) -> dict[str, Any]:
    """The news of an account that holds CCC; AAA closed at 50 and stands at `moved`."""
    observed = seen(
        {"AAA": moved, "BBB": None, "CCC": "10"}, held={"CCC": "5"},
        quotes=(replace(quote("AAA", moved), previous_close=Decimal(50)),),
    )  # fmt: skip
    context = DecideContext(
        observed,
        MANDATE,
        market or HandMarket(told=list(events)),
        target_of=lambda account: {},
        read_file=str,
        news=wire,
    )
    return cast("dict[str, Any]", news_facts(context, read_book(observed, LISTED)))


def test_a_headline_loses_what_looks_like_a_secret_and_nothing_else_does() -> None:
    hidden = "-----BEGIN PRIVATE KEY----- AAA falls and the rest of the prompt too"
    found = told(
        headline("AAA opens, token=abcd1234efgh", "AAA", at=NOW - HOUR),
        headline("AAA: sk-abc\u200bdefghijklmnop1234 leaked", "AAA", at=NOW - 2 * HOUR),
        headline(hidden, "AAA", at=NOW - 3 * HOUR),
        headline("AAA builds", "AAA", at=NOW - 4 * HOUR),
    )
    assert [item["text"] for item in found["items"]] == [
        "AAA opens, token=REDACTED", "AAA: REDACTED leaked", "REDACTED", "AAA builds",
    ]  # fmt: skip


def test_held_before_listed_before_market_and_fresh_before_old() -> None:
    wire = Wire((headline("Rates rise a little", at=NOW - HOUR),))
    found = told(
        headline("AAA opens", "AAA", at=NOW - 30 * HOUR),
        headline("CCC opens", "CCC", at=NOW - 20 * HOUR),
        headline("AAA builds", "AAA", at=NOW - 2 * HOUR),
        wire=wire,
    )["items"]
    assert [(row["id"], row["text"]) for row in found] == [
        ("N1", "CCC opens"), ("N2", "AAA builds"), ("N3", "AAA opens"), ("N4", "Rates rise a little"),
    ]  # fmt: skip
    # Held counts 3, fading to nothing over 168 hours: 3 x (1 - 20/168).
    assert (found[0]["score"], found[0]["age_hours"]) == ("2.643", "20")
    assert found[3]["symbols"] == []


def test_each_item_tells_source_time_and_quality_and_all_are_marked_untrusted() -> None:
    found = told(headline("AAA opens", "AAA", at=NOW - HOUR))
    assert found["items"] == [
        {
            "id": "N1", "symbols": ["AAA"], "text": "AAA opens", "source": "paper.example.org",
            "published": "2022-11-28T14:00:00.000000Z", "age_hours": "1", "quality": "REAL", "score": "1.988",
            "claim": "",
        }
    ]  # fmt: skip
    assert "untrusted" in found["note"]


def test_one_text_about_two_symbols_is_one_item() -> None:
    (row,) = told(headline("A and B merge", "BBB", at=NOW - HOUR), headline("A and B merge", "AAA", at=NOW - HOUR))[
        "items"
    ]
    assert row["symbols"] == ["AAA", "BBB"]


def test_what_is_not_listed_or_not_yet_known_or_a_week_old_is_left_out() -> None:
    wire = Wire((
        headline("ZZZ opens", "ZZZ", at=NOW - HOUR), headline("AAA soon", "AAA", at=NOW + HOUR),
        headline("AAA old", "AAA", at=NOW - timedelta(days=7, seconds=1)),
    ))  # fmt: skip
    assert told(wire=wire)["items"] == []


def test_there_are_at_most_twenty_of_four_hundred_bytes_without_anything_hidden() -> None:
    events = [headline(f"AAA\u200b {n} " + "x" * 600, "AAA", at=NOW - HOUR) for n in range(50)]
    found = told(*events)["items"]
    assert len(found) == NEWS_MAX
    assert all(len(row["text"].encode()) <= 400 and "\u200b" not in row["text"] for row in found)


def test_an_outage_is_told_and_nothing_is_raised() -> None:
    away = HandMarket(failing={"headline": Temporary("the wire is away")})
    found = told(market=away, wire=Wire(said=("feed x was not read: 503",)))
    assert found["items"] == []
    assert found["warnings"] == ["the wire is away", "feed x was not read: 503"]


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("NVDA plunges 70% overnight", ("0.7", -1)),
        ("Shares of X soar 400 %", ("4", 1)),
        ("X stock down 8.5 percent", ("0.085", -1)),
        ("X: -12% today", ("0.12", -1)),
        ("X \u221212% after the bell", ("0.12", -1)),
        ("X collapses, trading halted", ("0.15", -1)),
        ("X skyrockets", ("0.15", 1)),
        ("X up 3%", None),
        ("X raises its dividend by 10%", None),
        ("X revenue up 40%", None),
        ("X shares fall 20% as revenue drops 3%", ("0.2", -1)),
        ("X opens a shop", None),
        ("X owns 30% of Y", None),
    ],
)
def test_the_move_that_a_headline_names(text: str, claimed: tuple[str, int] | None) -> None:
    expected = None if claimed is None else (Decimal(claimed[0]), claimed[1])
    assert claimed_move(text) == expected


@pytest.mark.parametrize(
    ("moved", "text", "claim"),
    [
        ("49.5", "AAA plunges 70%", "disputed"),
        ("51", "AAA soars 400%", "disputed"),
        ("55", "AAA falls 10%", "disputed"),
        ("45", "AAA falls 10%", ""),
        ("47.5", "AAA falls 10%", ""),
        ("47.6", "AAA falls 10%", "disputed"),
        ("50", "AAA opens a shop", ""),
    ],
)
def test_a_headline_that_contradicts_the_price_is_disputed(moved: str, text: str, claim: str) -> None:
    (row,) = told(headline(text, "AAA", at=NOW - HOUR), moved=moved)["items"]
    assert row["claim"] == claim


def test_where_there_is_no_price_nobody_can_tell() -> None:
    (row,) = told(headline("BBB plunges 70%", "BBB", at=NOW - HOUR))["items"]
    assert row["claim"] == "unverified"


def test_a_claim_about_two_stands_when_one_of_them_moved() -> None:
    observed = seen({"AAA": "45", "CCC": "10"}, quotes=(replace(quote("AAA", "45"), previous_close=Decimal(50)),))
    book: Book = read_book(observed, LISTED)
    item = Item(text="A falls 10%", symbols=("AAA", "CCC"), source="", known_at=NOW, quality="REAL")
    assert claim_of(item, book) == ""
    assert claim_of(replace(item, symbols=("CCC",)), book) == "disputed"


@dataclass(frozen=True, slots=True)
class Almanac:
    """`ports.Fundamentals` of a test."""

    why_not: str = ""
    known: tuple[Figure, ...] = ()

    def figures(self, symbols: Sequence[str]) -> tuple[Figure, ...]:
        return self.known


def fundamentals(source: Almanac | None) -> dict[str, Any]:
    observed = seen({"AAA": "50"})
    context = DecideContext(
        observed, MANDATE, HandMarket(), target_of=lambda account: {}, read_file=str, fundamentals=source
    )
    return cast("dict[str, Any]", fundamental_facts(context, read_book(observed, LISTED)))


def test_figures_stand_by_company_with_source_and_age() -> None:
    def figure(symbol: str, name: str, value: str | None) -> Figure:
        known = None if value is None else Decimal(value)
        return Figure(symbol=symbol, name=name, value=known, as_of=NOW - 3 * HOUR, source="yahoo")

    rows = (figure("BBB", "pe", "12.34567"), figure("AAA", "pe", None), figure("AAA", "beta", "1.1"))
    found = fundamentals(Almanac(known=rows))
    assert [row["symbol"] for row in found["items"]] == ["AAA", "BBB"]
    assert found["items"][0] == {
        "symbol": "AAA", "as_of": "2022-11-28T12:00:00.000000Z", "source": "yahoo", "age_hours": "3",
        "values": {"pe": "unknown", "beta": "1.1"},
    }  # fmt: skip
    assert found["items"][1]["values"] == {"pe": "12.3457"}
    assert found["why_not"] == ""


def test_without_fundamentals_the_reason_is_told() -> None:
    assert fundamentals(None) == {"why_not": "no source of fundamentals is configured", "items": []}
    assert fundamentals(Almanac(why_not="they have no history"))["why_not"] == "they have no history"

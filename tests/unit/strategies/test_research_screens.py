"""Screens of the research agent over hand-made bars, and the brief that rules write from them."""

import json
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from prudent.domain.errors import ConfigError
from prudent.domain.mandate import Mandate
from prudent.domain.quotes import Quality
from prudent.domain.records import Json
from prudent.llm import rules_research
from prudent.ports import Bars
from prudent.reasoning.brief import Direction, read_answer
from prudent.strategies.research.params import read_params
from prudent.strategies.research.screens import YEAR, screens

D = Decimal
NAN = float("nan")


def bars(close: dict[str, list[float]], **fields: dict[str, list[float]]) -> Bars:
    """One column a symbol; opens are the closes and volumes 1,000 where nothing else is said."""
    symbols = tuple(close)
    count = len(close[symbols[0]])
    days = [date(2022, 1, 3) + timedelta(days=n) for n in range(count)]

    def table(name: str, usual: dict[str, list[float]]) -> np.ndarray:
        return np.array([{**usual, **fields.get(name, {})}[each] for each in symbols], dtype=float).T

    made = {"close": table("close", close), "open": table("open", close)}
    made["volume"] = table("volume", {each: [1000.0] * count for each in symbols})
    quality = dict.fromkeys(made, (Quality.REAL,) * len(symbols))
    return Bars(symbols, np.array(days, dtype="datetime64[s]"), made, quality, "test")


def found(shown: Bars, *, top: int = 5) -> list[tuple[str, str, Decimal]]:
    return [(hit.screen, hit.symbol, hit.value) for hit in screens(shown, top=top)]


def test_movers_from_one_percent_on_the_strongest_first() -> None:
    close = {"UP": [100, 105.0], "TOP": [100, 110.0], "DOWN": [100, 99.0], "FLAT": [100, 100.9], "NEW": [NAN, 100.0]}
    moved = bars(close, open={symbol: [100.0, 100.0] for symbol in close})
    assert found(moved) == [
        ("mover_up", "TOP", D("0.1")), ("mover_up", "UP", D("0.05")), ("mover_down", "DOWN", D("-0.01")),
    ]  # fmt: skip
    assert found(moved, top=1) == [("mover_up", "TOP", D("0.1")), ("mover_down", "DOWN", D("-0.01"))]


def test_a_gap_is_the_open_against_the_close_before() -> None:
    assert found(bars({"GAP": [100, 100.5]}, open={"GAP": [100, 98]})) == [("gap", "GAP", D("-0.02"))]


def test_volume_is_against_the_mean_of_twenty_sessions_without_today() -> None:
    flat = [100.0] * 21
    shown = bars({"BUSY": flat, "USUAL": flat}, volume={"BUSY": [1000.0] * 20 + [1500.0]})
    assert found(shown) == [("volume", "BUSY", D("1.5"))]


def test_a_years_extreme_needs_a_year() -> None:
    up = [100.0 + 0.1 * n for n in range(YEAR)]
    down = up[::-1]
    hits = found(bars({"HIGH": up, "LOW": down}))
    assert [(screen, symbol) for screen, symbol, _value in hits] == [("year_high", "HIGH"), ("year_low", "LOW")]
    assert found(bars({"HIGH": up[:-1], "LOW": down[:-1]})) == []


def test_one_session_is_no_move() -> None:
    assert screens(bars({"AAA": [100.0]}), top=5) == ()


@pytest.mark.parametrize("parameters", [{"screen_top": "5"}, {"events_days": -1}, {"watchlist": {"A": 1}}])
def test_a_wrong_parameter_is_refused_by_name(parameters: dict[str, Json]) -> None:
    (name,) = parameters
    with pytest.raises(ConfigError, match=name):
        read_params(Mandate(account="research", parameters=parameters))


def symbol(name: str, change: str, *, sector: str = "Tech", liquid: bool = True) -> dict[str, Json]:
    return {"symbol": name, "name": name, "sector": sector, "change": change, "liquid": liquid}


FACTS: dict[str, Json] = {
    "as_of": "2022-11-28T13:00:00.000000Z", "session": "2022-11-28",
    "symbols": [
        symbol("AAA", "0.03"), symbol("BBB", "0.025"), symbol("CCC", "-0.02", sector="Energy"),
        symbol("DDD", "0.01", sector="unknown"), symbol("THIN", "0.2", liquid=False),
    ],
    "screens": [
        {"id": "S1", "screen": "mover_up", "symbol": "AAA", "text": "AAA rose 3.0 %"},
        {"id": "S2", "screen": "mover_down", "symbol": "CCC", "text": "CCC fell"},
        {"id": "S3", "screen": "year_low", "symbol": "CCC", "text": "CCC closed at a 52-week low"},
        {"id": "S4", "screen": "volume", "symbol": "BBB", "text": "BBB traded"},
        {"id": "S5", "screen": "mover_up", "symbol": "THIN", "text": "THIN rose"},
    ],
    "events": [
        {"id": "E1", "symbol": "", "date": "2022-11-29", "text": "the exchange closes early"},
        {"id": "E2", "symbol": "AAA", "date": "2022-11-30", "text": "AAA reports"},
        {"id": "E3", "symbol": "BBB", "date": "2022-12-01", "text": "BBB reports"},
    ],
    "news": {"items": [
        {"id": "N1", "symbols": [], "text": "Talks end without a ceasefire", "source": "feed"},
        {"id": "N2", "symbols": [], "text": "Software warns of slower sales", "source": "feed"},
    ]},
    "market": {"regime": {"rule": "BEAR"}},
}  # fmt: skip


def test_rules_write_a_brief_that_the_reader_takes_whole() -> None:
    text = json.dumps(rules_research.brief(FACTS))

    brief = read_answer(text, FACTS, account="research", answered_by="rules")
    assert brief.dropped == ()
    assert brief.regime == "BEAR"
    # CCC: two screens speak against it, which is stronger than one for AAA; BBB has volume alone, THIN is too thin.
    assert [(view.symbol, view.direction, view.evidence) for view in brief.views] == [
        ("CCC", Direction.SHORT, ("S2", "S3")), ("AAA", Direction.LONG, ("S1", "E2")),
    ]  # fmt: skip
    assert brief.avoid == ("AAA",)  # it reports within two days
    assert brief.sector_biases == {"Energy": -2, "Tech": 2}
    assert brief.macro_events == ("2022-11-29: the exchange closes early",)
    assert brief.geopolitical_risks == ("Talks end without a ceasefire",)


def test_without_facts_the_rules_say_nothing() -> None:
    brief = rules_research.brief({"session": "2022-11-28"})
    assert brief == {
        "regime": "SIDEWAYS", "themes": [], "macro_events": [], "sector_biases": {}, "geopolitical_risks": [],
        "avoid": [], "views": [],
    }  # fmt: skip

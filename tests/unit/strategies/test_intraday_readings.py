"""What bars say of a symbol at a time of day: windows of past sessions, half days, holes, and the worked examples."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from prudent.domain.quotes import Quality
from prudent.domain.records import Json
from prudent.llm import rules_intraday
from prudent.ports import Bars, Session
from prudent.strategies.intraday.readings import Reading, read_bars

D = Decimal
NAN = math.nan
FIELDS = ("open", "high", "low", "close", "volume")
Row = tuple[float, float, float, float, float]


def session(day: int, *, early: bool = False) -> Session:
    opened = datetime(2022, 11, day, 14, 30, tzinfo=UTC)
    return Session(
        date=date(2022, 11, day), open=opened, close=opened + timedelta(hours=3.5 if early else 6.5), early_close=early
    )


def bars(*parts: tuple[Session, list[Row]]) -> Bars:
    """One symbol; the bars of each session are half hours from its open on."""
    times = [each.open + timedelta(minutes=30 * n) for each, rows in parts for n in range(len(rows))]
    table = np.array([row for _session, rows in parts for row in rows], dtype=float).reshape(-1, 5)
    return Bars(
        ("AAA",), np.array([each.replace(tzinfo=None) for each in times], dtype="datetime64[s]"),
        {name: table[:, n : n + 1] for n, name in enumerate(FIELDS)}, dict.fromkeys(FIELDS, (Quality.REAL,)), "test",
    )  # fmt: skip


def flat(price: float, volume: float) -> Row:
    return (price, price, price, price, volume)


def read(past: list[tuple[Session, list[Row]]], today: list[Row], before: float = 100.0) -> Reading:
    now = session(28)
    shown = bars(*past, (now, today))
    return read_bars(shown, [each for each, _rows in past], now, before={"AAA": before})["AAA"]


def test_relative_volume_is_against_the_same_window_without_half_days() -> None:
    # Two full sessions with 600 in their first two bars, a half day with 9000: 1800 / 600 = 3.
    past = [
        (session(22), [flat(100, 200), flat(100, 400), flat(100, 7000)]),
        (session(23), [flat(100, 300), flat(100, 300), flat(100, 7000)]),
        (session(25, early=True), [flat(100, 4500), flat(100, 4500)]),
    ]
    found = read(past, [flat(100, 800), flat(100, 1000)])
    assert found.relative_volume == D("3")
    assert found.bars == 2


def test_t_noi_1() -> None:
    # |P/open - 1| at this time of day was .003 and .005: sigma .004. Open 500, previous close 498.
    past: list[tuple[Session, list[Row]]] = [
        (session(22), [(1000, 1003, 1000, 1003, 10)]),
        (session(23), [(1000, 1000, 995, 995, 10)]),
    ]  # fmt: skip
    found = read(past, [(500, 502.5, 499, 502.5, 10)], before=498.0)
    assert (found.sigma, found.upper, found.lower) == (D("0.004"), D("502"), D("496.008"))
    assert found.direction == 1
    assert read(past, [(500, 502, 499, 502, 10)], before=498.0).direction == 0  # at the edge it is inside
    assert read(past, [(500, 500, 496, 496, 10)], before=498.0).direction == -1


def test_t_orb_a_doji_has_no_direction() -> None:
    past = [(session(22), [flat(50, 10)])]
    doji = read(past, [(50, 51.2, 49, 50, 10)])
    assert (doji.range_high, doji.range_low, doji.range_direction) == (D("51.2"), D("49"), 0)
    assert read(past, [(50, 51.2, 49, 50.5, 10)]).range_direction == 1
    assert read(past, [(50, 51.2, 49, 49.5, 10)]).range_direction == -1


def test_vwap_resets_each_session() -> None:
    past = [(session(22), [flat(900, 10_000)])]
    found = read(past, [(100, 101, 99.5, 100.5, 1000), (100.5, 102, 100.4, 101.8, 3000)])
    assert found.vwap == D("101.1333")


@pytest.mark.parametrize(
    ("past", "today", "known"),
    [
        ([], [flat(100, 10)], False),  # no history
        ([flat(100, 10)], [], False),  # no bar yet
        ([flat(100, 10)], [flat(NAN, NAN)], False),  # the last bar is missing: nothing is carried on
        ([flat(100, 10)], [flat(100, 10)], True),
    ],
)
def test_what_is_not_known_is_none(past: list[Row], today: list[Row], *, known: bool) -> None:
    found = read([(session(22), past)] if past else [], today)
    assert (found.direction is not None) == known
    assert (found.relative_volume is not None) == known


def test_a_past_session_with_a_hole_at_its_open_is_not_compared() -> None:
    whole = (session(23), [flat(100, 300), flat(100, 300)])
    rows = bars((session(22), [flat(100, 1), flat(100, 1)]), whole, (session(28), [flat(100, 600)]))
    holed = Bars(
        rows.symbols, np.delete(rows.times, 0), {n: np.delete(f, 0, axis=0) for n, f in rows.fields.items()},
        rows.quality, rows.source,
    )  # fmt: skip
    found = read_bars(holed, [session(22), session(23)], session(28), before={"AAA": 100.0})["AAA"]
    assert found.relative_volume == D("2")


def row(**fields: Json) -> dict[str, Json]:
    base: dict[str, Json] = {
        "index": 1, "symbol": "AAA", "price": "103", "held": False, "vwap": "101", "relative_volume": "2",
        "opening_range": {"high": "102", "low": "99", "direction": 1},
        "noise_area": {"upper": "102", "lower": "98", "sigma": "0.01", "direction": 1}, "break_even_move": "0.004",
        "limits": {"max_buy_usd": "1500", "max_sell_usd": "0"},
    }  # fmt: skip
    return {**base, **fields}


def facts(*rows: dict[str, Json], **more: Json) -> dict[str, Json]:
    account: dict[str, Json] = {"max_trades": 2, "spendable": "2000", "min_trade": "50", "stop_loss": "0.03"}
    return {"account": account, "symbols": [*rows], "cooldowns": [], **more}


def traded(*rows: dict[str, Json], **more: Json) -> list[dict[str, Json]]:
    found = rules_intraday.trades(facts(*rows, **more))["trades"]
    assert isinstance(found, list)
    return [each for each in found if isinstance(each, dict)]


def test_the_rules_enter_a_trend_with_a_stop_and_a_target() -> None:
    (trade,) = traded(row())
    assert (trade["action"], trade["amount_usd"]) == ("BUY", "1500.00")
    assert (trade["stop_loss_pct"], trade["take_profit_pct"]) == ("3.0000%", "2.0000%")  # twice sigma
    assert rules_intraday.pass0(facts(row())) == {
        "act": True, "confidence": "0.7", "reason": "to enter: AAA",
    }  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"noise_area": {"upper": "102", "lower": "98", "sigma": "0.01", "direction": 0}},
        {"noise_area": {"upper": "102", "lower": "98", "sigma": "0.01", "direction": -1}},  # a long-only account
        {"opening_range": {"high": "102", "low": "99", "direction": 0}},  # T-ORB: a doji is no trade
        {"opening_range": {"high": "104", "low": "99", "direction": 1}},
        {"vwap": "103"}, {"vwap": "unknown"}, {"price": "unknown"}, {"relative_volume": "0.9"},
        {"relative_volume": "unknown"}, {"break_even_move": "0.02"}, {"break_even_move": "unknown"}, {"held": True},
        {"limits": {"max_buy_usd": "0", "max_sell_usd": "0"}},
    ],
)  # fmt: skip
def test_the_rules_enter_nothing_on_less(fields: dict[str, Json]) -> None:
    assert traded(row(**fields)) == []
    assert rules_intraday.pass0(facts(row(**fields)))["act"] is False


def test_the_rules_wait_out_a_cooldown() -> None:
    assert traded(row(), cooldowns=[{"symbol": "AAA"}]) == []


def test_the_rules_leave_below_the_band_or_vwap_before_they_enter() -> None:
    held = row(symbol="OLD", index=2, held=True, price="101.5", limits={"max_buy_usd": "0", "max_sell_usd": "900"})
    found = traded(row(), row(symbol="BBB", index=3, relative_volume="3"), held)
    assert [(each["symbol"], each["action"]) for each in found] == [("OLD", "EXIT"), ("BBB", "BUY")]
    kept = row(symbol="OLD", held=True, price="102.5", limits={"max_buy_usd": "0", "max_sell_usd": "900"})
    young = row(symbol="OLD", held=True, price="101.5", limits={"max_buy_usd": "0", "max_sell_usd": "0"})
    assert traded(kept, young) == []

"""Quotes as ticks: what changed is told once, under the numbers of live or delayed data."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from prudent.exchange.paper.words import SecType, Top
from prudent.gateway.ticks import Tape

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
TOP = Top(
    con_id=1, time=AT, bid=Decimal("9.99"), ask=Decimal("10.01"), last=Decimal(10), bid_size=Decimal(300),
    ask_size=Decimal(250), last_size=Decimal(100), close=Decimal("9.5"), volume=Decimal(1200),
)  # fmt: skip


def _told(tape: Tape, top: Top) -> dict[int, Any]:
    said = [values for _, values in tape.ticks(top)]
    return {each["tickType"]: each.get("price", each.get("size", each.get("value"))) for each in said}


def test_a_first_quote_is_told_whole_and_the_same_again_not_at_all() -> None:
    tape = Tape(key=1, sec_type=SecType.STOCK)
    first = _told(tape, TOP)
    assert (first[1], first[2], first[4], first[9]) == (TOP.bid, TOP.ask, TOP.last, TOP.close)
    assert (first[0], first[3], first[5], first[8]) == (300, 250, 100, 1200)
    assert first[45] == str(int(AT.timestamp()))
    assert _told(tape, TOP) == {}


def test_only_what_moved_is_told() -> None:
    tape = Tape(key=1, sec_type=SecType.STOCK)
    _told(tape, TOP)
    assert _told(tape, replace(TOP, ask=Decimal("10.02"))) == {2: Decimal("10.02"), 3: Decimal(250)}
    assert _told(tape, replace(TOP, ask=Decimal("10.02"), bid_size=Decimal(5))) == {0: Decimal(5)}


def test_a_side_that_goes_away_is_told_as_minus_one_and_comes_back() -> None:
    tape = Tape(key=1, sec_type=SecType.STOCK)
    _told(tape, TOP)
    assert _told(tape, replace(TOP, bid=None)) == {1: Decimal(-1)}
    assert _told(tape, replace(TOP, bid=None)) == {}
    assert _told(tape, TOP)[1] == TOP.bid


def test_delayed_data_has_numbers_of_its_own() -> None:
    told = _told(Tape(key=1, sec_type=SecType.STOCK, delayed=True), TOP)
    assert set(told) == {66, 67, 68, 69, 70, 71, 74, 75, 88, 49}


def test_sizes_of_stocks_are_in_round_lots_for_old_clients_only() -> None:
    stock = Tape(key=1, sec_type=SecType.STOCK, in_lots=True)
    future = Tape(key=1, sec_type=SecType.FUTURE, in_lots=True)
    assert _told(stock, TOP)[0] == 3
    assert _told(future, TOP)[0] == 300


def test_borrowing_is_told_to_who_asks() -> None:
    told = _told(Tape(key=1, sec_type=SecType.STOCK, generics=frozenset({"236"})), TOP)
    assert told[46] == 3
    assert told[89] == 1_000_000

"""Interactive Brokers' own client at the paper gateway, by IBAPI_PYTHON: the Python of an environment that has it.

The client runs there, in a process of its own: neither the product nor this one ever loads it.
"""

import os
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.conversations import OFFICIAL, official, record, said_by
from tests.gateway_homes import played, step_gateway

from prudent.gateway.conversation import Speaker, conversation

PYTHON = os.environ.get("IBAPI_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="needs IBAPI_PYTHON, a Python that has the package ibapi")
ACCOUNT, CASH = "DU7654321", Decimal(1_000_000)
BID, ASK, LAST = "1", "2", "4"


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    with step_gateway(accounts={ACCOUNT: CASH}) as gateway:
        return played(official(PYTHON, gateway.port))


def test_it_connects_at_the_text_protocol_and_leaves(said: dict[str, Any]) -> None:
    assert 157 <= said["server_version"] <= 178
    assert (said["accounts"], said["first_id"], said["ended"]) == ([ACCOUNT], 1, True)


def test_nothing_is_complained_of_but_the_cancel_that_was_asked_for(said: dict[str, Any]) -> None:
    notes = [[-1, 2104], [-1, 2106], [-1, 2158]]
    assert said["errors"] == [*notes, [2, 202]]


def test_a_contract_and_its_quote_are_read(said: dict[str, Any]) -> None:
    assert said["contracts"] == [{"id": 265598, "name": "Apple", "tick": 0.01, "hours": True}]
    prices = said["prices"]
    assert 0 < prices[BID] <= prices[LAST] <= prices[ASK]


def test_a_market_order_fills_at_the_ask_with_its_commission(said: dict[str, Any]) -> None:
    bought = said["bought"]
    assert [Decimal(bought[name]) for name in ("filled", "remaining", "shares")] == [10, 0, 10]
    assert (bought["price"], bought["ref"], bought["account"]) == (said["prices"][ASK], "first", ACCOUNT)
    # The least that an order costs.
    assert bought["commission"] == 1.0
    assert said["executions"] == ["first"]


def test_a_resting_order_is_changed_and_cancelled(said: dict[str, Any]) -> None:
    rested = said["rested"]
    assert rested["limits"] == [998.0, 999.0]
    assert [Decimal(rested[name]) for name in ("filled", "remaining")] == [0, 10]


def test_a_what_if_tells_half_of_the_value_as_margin(said: dict[str, Any]) -> None:
    bid, ask = (Decimal(str(said["prices"][side])) for side in (BID, ASK))
    # Holdings count at the middle of their quote, five more shares are 50 % of that.
    assert Decimal(said["what_if"]["change"]) == 5 * (bid + ask) / 2 / 2
    assert Decimal(said["what_if"]["after"]) == 15 * (bid + ask) / 2 / 2


def test_daily_bars_end_with_the_session_in_progress(said: dict[str, Any]) -> None:
    bars = said["bars"]
    assert [bar["date"] for bar in bars] == sorted(bar["date"] for bar in bars)
    assert (bars[-1]["date"], bars[-1]["close"]) == ("20221228", said["prices"][LAST])
    assert all(bar["low"] <= bar["close"] <= bar["high"] for bar in bars)


def test_the_account_holds_what_was_bought_and_paid_for_it(said: dict[str, Any]) -> None:
    ((account, symbol, count),) = said["positions"]
    assert (account, symbol) == (ACCOUNT, "AAPL")
    assert Decimal(count) == 10
    ask = Decimal(str(said["prices"][ASK]))
    assert Decimal(said["summary"]["TotalCashValue"]) == CASH - 10 * ask - 1


def test_it_says_what_was_recorded_of_its_version(said: dict[str, Any], tmp_path: Path) -> None:
    recorded = OFFICIAL.get(said["version"])
    if recorded is None:
        pytest.skip(f"no conversation of version {said['version']} was recorded")
    path = tmp_path / "talk.jsonl"
    with step_gateway(accounts={ACCOUNT: CASH}) as gateway:
        recorder = played(record(gateway.port, path, partial(official, PYTHON)))
    assert recorder.blank == 0
    again, before = conversation(path), conversation(recorded)
    assert said_by(again, Speaker.CLIENT) == said_by(before, Speaker.CLIENT)
    assert said_by(again, Speaker.GATEWAY) == said_by(before, Speaker.GATEWAY)

"""When an intraday account may enter and leave: today's loss, day trades, holding time, costs, and pass 0."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.unit.plan.build import quote, seen

from prudent.domain.accounts import AccountClass, Position
from prudent.domain.errors import OverBudget, Temporary
from prudent.domain.mandate import CostModel, Mandate
from prudent.domain.orders import Fill, Side
from prudent.domain.reasoning import Message, Question, Speaker
from prudent.domain.records import Json
from prudent.llm.scripted import Line, Scripted
from prudent.reasoning.book import Book, read_book
from prudent.reasoning.json_text import Unreadable
from prudent.reasoning.ladder import Ladder, Live, Turn
from prudent.strategies.intraday.costs import round_trip_cost, spread_of
from prudent.strategies.intraday.entry import DayTrades, count_day_trades, may_sell, no_entries
from prudent.strategies.intraday.params import read_params
from prudent.strategies.intraday.passes import Scan, Thought, read_scan, think
from prudent.strategies.intraday.windows import Window

D = Decimal
NOW = datetime(2022, 11, 28, 16, tzinfo=UTC)
PARAMS = read_params(Mandate(account="intra"))
FREE = DayTrades(applies=False, enforced=False)


def book(*, opened_at: str | None = "10000", cash: str = "10000", flows: str = "0") -> Book:
    observed = seen({"AAPL": "150"}, cash=cash)
    nlv = None if opened_at is None else D(opened_at)
    history = replace(observed.history, nlv_open=nlv, flows_today=D(flows))
    return read_book(replace(observed, as_of=NOW, history=history), ("AAPL",))


@pytest.mark.parametrize(
    ("loss", "stops"),
    [("9800.01", False), ("9800", True), ("9000", True)],  # 2 % of 10,000, at equality
)
def test_todays_loss_ends_the_entries(loss: str, *, stops: bool) -> None:
    assert bool(no_entries(Window.TRADING, book(cash=loss), PARAMS, FREE)) == stops


def test_an_unknown_value_and_a_withdrawal_are_no_gain() -> None:
    assert "not known" in no_entries(Window.TRADING, book(opened_at=None), PARAMS, FREE)
    # 1,000 were taken out: 9,000 of 9,000 is no loss.
    assert no_entries(Window.TRADING, book(cash="9000", flows="-1000"), PARAMS, FREE) == ""


def test_nothing_is_entered_in_the_last_half_hour() -> None:
    assert "no_entries" in no_entries(Window.NO_ENTRIES, book(), PARAMS, FREE)


def fill(day: int, minute: int, side: Side, symbol: str = "AAPL") -> tuple[date, Fill]:
    at = datetime(2022, 11, day, 15, minute, tzinfo=UTC)
    made = Fill(
        exec_id=f"{day}{minute}{symbol}", order_ref="r", account="intra", symbol=symbol, side=side, quantity=D(1),
        price=D(10), commission=D(0), time=at,
    )  # fmt: skip
    return at.date(), made


def test_a_day_trade_is_a_buy_and_then_a_sale_of_one_symbol_in_one_session() -> None:
    days = [date(2022, 11, each) for each in (21, 22, 23, 25, 28, 29)]
    fills = [
        fill(21, 1, Side.BUY), fill(21, 2, Side.SELL),  # six sessions back
        fill(22, 1, Side.BUY), fill(22, 2, Side.SELL), fill(22, 3, Side.BUY), fill(22, 4, Side.SELL),  # two
        fill(23, 2, Side.SELL), fill(23, 3, Side.BUY),  # sold first: it was held over night
        fill(25, 1, Side.BUY), fill(28, 1, Side.SELL),  # over night
        fill(29, 1, Side.BUY), fill(29, 2, Side.SELL, "MSFT"),  # two symbols
    ]  # fmt: skip
    assert count_day_trades(fills, days) == 2


@pytest.mark.parametrize(("used", "enforced", "stops"), [(2, True, False), (3, True, True), (3, False, False)])
def test_the_fourth_day_trade_of_a_small_margin_account_is_not_begun(used: int, *, enforced: bool, stops: bool) -> None:
    trades = DayTrades(applies=True, enforced=enforced, used=used)
    assert bool(no_entries(Window.TRADING, book(), PARAMS, trades)) == stops


def test_pattern_day_trading_is_enforced_for_margin_accounts_at_a_real_broker() -> None:
    margin = Mandate(account="m", account_class=AccountClass.MARGIN, broker="ibkr")
    assert read_params(margin).pdt_enforced
    assert not read_params(replace(margin, broker="simulated")).pdt_enforced
    assert not read_params(replace(margin, account_class=AccountClass.AUTONOMOUS)).pdt_enforced


@pytest.mark.parametrize(("minutes", "may"), [(119, False), (120, True), (None, False)])
def test_a_position_is_held_two_hours(minutes: int | None, *, may: bool) -> None:
    opened = None if minutes is None else NOW - timedelta(minutes=minutes)
    assert may_sell(Position(symbol="AAPL", quantity=D(1), opened=opened), book(), PARAMS) == may


def test_a_round_trip_costs_two_commissions_the_spread_and_slippage_twice() -> None:
    mandate = Mandate(account="intra", costs=CostModel.IBKR_FIXED, slippage_bps=D(2))
    # 10 shares at 100: 2 x 1.00 of 1,000 = 0.2 %; spread 0.10 of 100 = 0.1 %; slippage 2 x 0.02 %.
    found = round_trip_cost(D(1000), quote("AAPL", "100", bid="99.95", ask="100.05"), mandate)
    assert found == D("0.002") + D("0.001") + D("0.0004")
    assert round_trip_cost(D(1000), quote("AAPL", None), mandate) is None
    assert round_trip_cost(D(0), quote("AAPL", "100"), mandate) is None


@pytest.mark.parametrize(
    ("bid", "ask", "spread"),
    [("99.75", "100.25", "0.005"), ("100", "100", "0"), ("100.1", "100", None), (None, "100", None)],
)
def test_a_spread_is_known_where_both_sides_are(bid: str | None, ask: str | None, spread: str | None) -> None:
    assert spread_of(quote("AAPL", "100", bid=bid, ask=ask)) == (None if spread is None else D(spread))


@pytest.mark.parametrize(
    ("text", "scan"),
    [
        ('{"act": true, "confidence": 0.6, "reason": "x"}', Scan(act=True, confidence=D("0.6"), reason="x")),
        ('```json\n{"act": "yes", "confidence": 80}\n```', Scan(act=True, confidence=D("0.8"))),
        ('{"act": "hold", "confidence": "high"}', Scan(act=False, confidence=D("0.8"))),
        ('{"act": true, "confidence": "who knows"}', Scan(act=True, confidence=D(0))),
        ('{"act": true}', Scan(act=True, confidence=D(0))),
    ],
)
def test_pass_0_in_the_spellings_of_models(text: str, scan: Scan) -> None:
    assert read_scan(text) == scan


@pytest.mark.parametrize("text", ['{"act": "maybe"}', '{"confidence": 1}', "[]", "", '{"act": 1}', '{"act": true'])
def test_pass_0_that_does_not_say_whether_to_act_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_scan(text)


FACTS: dict[str, Json] = {"symbols": [{"index": 1, "symbol": "AAPL", "name": "Apple"}]}
BUY = json.dumps({"summary": "s", "trades": [{"symbol": "AAPL", "action": "BUY", "amount_usd": 100}]})


def scan(confidence: float, *, act: bool = True) -> str:
    return json.dumps({"act": act, "confidence": confidence, "reason": "r"})


def thought(*lines: Line, rules: Sequence[Line] = (), ladder: Ladder | None = None) -> tuple[Thought, list[str]]:
    model = Scripted({"m": lines, "rules": rules})

    def compose(turn: Turn) -> Question:
        said = (Message(speaker=Speaker.USER, text=turn.complaint),)
        return Question(account="a", purpose=turn.purpose, model=turn.model, messages=said, schema={})

    found = think(Live(model, compose), ladder or Ladder(model="m", last="rules"), FACTS, sure=D("0.6"))
    return found, [f"{each.model} {each.purpose}" for each in model.asked]


def test_pass_2_is_asked_from_the_threshold_on() -> None:
    assert thought(scan(0.6), BUY)[1] == ["m pass0", "m pass2"]
    assert thought(scan(0.59), BUY)[1] == ["m pass0"]
    assert thought(scan(0.9, act=False), BUY)[1] == ["m pass0"]


def test_rules_decide_both_passes_after_a_failure_which_stays_one() -> None:
    found, asked = thought(scan(0.9), "nonsense", "nonsense", rules=[scan(0.9), BUY])
    assert asked == ["m pass0", "m pass2", "m pass2", "rules pass0", "rules pass2"]
    assert found.failed
    assert found.trades is not None
    assert found.trades.value is not None


def test_over_budget_ends_at_once() -> None:
    found, asked = thought(OverBudget("spent"), rules=[scan(0.9), BUY])
    assert asked == ["m pass0"]
    assert found.last.over_budget


def test_a_pair_has_no_other_model() -> None:
    found, asked = thought(Temporary("down"), rules=[scan(0.9), BUY], ladder=Ladder(model="m"))
    assert asked == ["m pass0"]
    assert found.failed
    assert found.trades is None

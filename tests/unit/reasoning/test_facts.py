"""What a model is shown of its account: numbers by hand, "unknown" for the rest, and never the account's name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import numpy as np
import pytest
from tests.unit.reasoning.account import MANDATE, seen
from tests.unit.reasoning.hand_market import HandMarket

from prudent.domain.accounts import AccountHistory, Mode, Position, StoppedOut, TradingState
from prudent.domain.cycles import Alike, CycleRecord, CycleStatus, FxRate, Observation, PhaseRecord
from prudent.domain.instruments import Instrument, InstrumentKind
from prudent.domain.mandate import Exits, Mandate, StrategyLimits
from prudent.domain.orders import Effect, Fill, OpenOrder, OrderReport, OrderStatus, Side
from prudent.domain.plans import OrderPlan, PlannedOrder, Turnover
from prudent.domain.proposals import Answer, Decision
from prudent.domain.records import Json, canonical
from prudent.domain.verdicts import GuardLabel, GuardReport, Layer, Outcome
from prudent.ports import DecideContext, Floats, RecordsOf
from prudent.reasoning.facts import UNKNOWN, number, portfolio_facts, read_book

D = Decimal
PRICES = {"AAA": "50", "BBB": "200", "CCC": "10"}


def facts(
    observed: Observation, watchlist: tuple[str, ...] = ("AAA", "BBB"), *, mandate: Mandate = MANDATE,
    market: HandMarket | None = None, records_of: RecordsOf = lambda account, count: (),
) -> dict[str, Any]:  # fmt: skip
    own = market or HandMarket(closes={symbol: _flat(price) for symbol, price in PRICES.items()})
    context = DecideContext(
        observed, mandate, own, target_of=lambda account: {}, read_file=str, records_of=records_of
    )  # fmt: skip
    found = portfolio_facts(context, watchlist)
    canonical(found)
    return cast("dict[str, Any]", found)


def _flat(price: str) -> Floats:
    return np.full(30, float(price))


def test_the_account_by_hand() -> None:
    # 1,000 AAA at 50 are 50,000; with 50,000 of cash the equity is 100,000, 10 % of which stay.
    observed = seen(PRICES, cash="50000", held={"AAA": "1000"})
    history = AccountHistory(
        session=observed.session, nlv_open=D(98_000), flows_today=D(1_000), unit_value=D("1.14"),
        peak_unit_value=D("1.20"), trades_today=2, state=TradingState.REDUCING, state_reason="halted for acc by hand",
    )  # fmt: skip
    account = facts(replace(observed, history=history))["account"]
    assert account == {
        "alias": "ACC-1", "currency": "USD", "equity": "100000", "cash": "50000", "cash_weight": "0.5",
        "spendable": "40000", "invested_weight": "0.5", "drawdown": "0.05", "change_today": "0.0101",
        "trades_today": 2, "state": "REDUCING", "state_reason": "halted for ACC-1 by hand", "bootstrap": False,
    }  # fmt: skip


def test_what_live_buys_may_take_is_not_spendable_and_a_market_buy_without_price_leaves_nothing() -> None:
    def with_orders(*orders: OpenOrder) -> str:
        observed = seen(PRICES)
        snapshot = replace(observed.snapshot, open_orders=orders)
        return str(facts(replace(observed, snapshot=snapshot))["account"]["spendable"])

    def order(symbol: str, side: Side, limit: str | None) -> OpenOrder:
        price = None if limit is None else D(limit)
        return OpenOrder(order_ref="R" * 24, symbol=symbol, side=side, remaining=D(100), limit_price=price)

    assert with_orders() == "90000"
    assert with_orders(order("AAA", Side.BUY, "49"), order("BBB", Side.BUY, None)) == "65100"
    assert with_orders(order("AAA", Side.SELL, "49")) == "90000"
    assert with_orders(order("ZZZ", Side.BUY, None)) == "0"


@pytest.mark.parametrize(("cash", "bootstrap"), [("80000", False), ("80010", True)])
def test_bootstrap_is_strictly_above_four_fifths_in_cash(cash: str, bootstrap: bool) -> None:  # noqa: FBT001 - a column
    held = (D(100_000) - D(cash)) / 50
    assert facts(seen(PRICES, cash=cash, held={"AAA": str(held)}))["account"]["bootstrap"] is bootstrap


def test_a_position_by_hand() -> None:
    observed = seen(PRICES, cash="4000", held={"CCC": "100"}, opened=datetime(2022, 11, 20, 15, tzinfo=UTC))
    position = replace(observed.snapshot.positions[0], average_cost=D(8))
    observed = replace(observed, snapshot=replace(observed.snapshot, positions=(position,)))
    mandate = replace(MANDATE, strategy_limits=StrategyLimits(min_holding_days=14))
    (row,) = facts(observed, mandate=mandate)["positions"]
    assert row == {
        "symbol": "CCC", "quantity": "100", "average_cost": "8", "cost": "800", "price": "10", "value": "1000",
        "weight": "0.2", "gain": "200", "gain_pct": "0.25", "opened": "2022-11-20T15:00:00.000000Z", "age_days": 8,
        "sector": "S-CCC", "sellable_from": "2022-12-04",
    }  # fmt: skip


def test_a_short_gains_when_its_price_falls() -> None:
    observed = seen(PRICES, held={"CCC": "-100"})
    position = replace(observed.snapshot.positions[0], average_cost=D(12))
    observed = replace(observed, snapshot=replace(observed.snapshot, positions=(position,)))
    (row,) = facts(observed)["positions"]
    # Sold for 1,200, worth 1,000 now: a gain of 200 on 1,200.
    assert (row["cost"], row["value"], row["gain"], row["gain_pct"]) == ("-1200", "-1000", "200", "0.1667")


def test_a_foreign_position_gains_by_its_price_alone() -> None:
    instrument = Instrument(symbol="EUR1", venue="XETR", kind=InstrumentKind.STOCK, currency="EUR", sector="Energy")
    observed = seen({"EUR1": "11"}, cash="0", held={"EUR1": "100"}, instruments=(instrument,))
    position = replace(observed.snapshot.positions[0], average_cost=D(10))
    observed = replace(
        observed, snapshot=replace(observed.snapshot, positions=(position,)), fx=(FxRate(currency="EUR", rate=D(2)),)
    )
    (row,) = facts(observed, (), market=HandMarket(closes={"EUR1": _flat("11")}))["positions"]
    assert (row["value"], row["cost"], row["gain"], row["gain_pct"]) == ("2200", "2000", "200", "0.1")


def test_the_list_is_the_watchlist_as_written_then_other_holdings_the_largest_first() -> None:
    observed = seen({**PRICES, "DDD": "1"}, held={"DDD": "500", "CCC": "100", "AAA": "1"})
    market = HandMarket(closes={**{s: _flat(p) for s, p in PRICES.items()}, "DDD": _flat("1")})
    rows = facts(observed, ("BBB", "AAA", "BBB", "CASH"), market=market)["symbols"]
    assert [(row["index"], row["symbol"], row["held"]) for row in rows] == [
        (1, "BBB", False), (2, "AAA", True), (3, "CCC", True), (4, "DDD", True),
    ]  # fmt: skip


def test_renamed_symbols_give_the_same_facts_under_other_names() -> None:
    names = {"AAA": "QQQ", "BBB": "AAB", "CCC": "MMM"}
    plain = seen(PRICES, held={"CCC": "100", "AAA": "10"})
    other = seen({names[s]: p for s, p in PRICES.items()}, held={names["CCC"]: "100", names["AAA"]: "10"})
    renamed = HandMarket(closes={names[s]: _flat(p) for s, p in PRICES.items()})
    text = canonical(cast("Json", facts(plain, ("BBB", "AAA")))).decode()
    for old, new in names.items():
        text = text.replace(old, f"<{new}>")
    assert text.replace("<", "").replace(">", "") == canonical(
        cast("Json", facts(other, (names["BBB"], names["AAA"]), market=renamed))
    ).decode()  # fmt: skip


def test_a_holding_without_a_price_leaves_the_equity_unknown_and_nothing_to_spend() -> None:
    found = facts(seen({"AAA": None, "BBB": "200"}, held={"AAA": "10"}))
    account, (row,) = found["account"], found["positions"]
    assert (account["equity"], account["cash"], account["spendable"], account["bootstrap"]) == (
        UNKNOWN, "100000", UNKNOWN, False,
    )  # fmt: skip
    assert (row["price"], row["value"], row["gain_pct"], row["weight"]) == (UNKNOWN,) * 4
    shown = found["symbols"][0]
    assert (shown["price"], shown["change"], shown["quality"], shown["indicators"]) == (UNKNOWN, UNKNOWN, UNKNOWN, {})


def test_a_symbol_that_nobody_knows_is_listed_as_unknown() -> None:
    (row,) = facts(seen({}), ("NOPE",))["symbols"]
    assert {row[name] for name in ("name", "sector", "kind", "price", "as_of", "age_seconds", "source")} == {UNKNOWN}
    assert row["tradable"] is False


def test_cooldowns_end_on_their_day() -> None:
    def cooldowns(days: int, ago: int) -> list[object]:
        observed = seen(PRICES)
        stopped = StoppedOut(symbol="AAA", session=observed.session - timedelta(days=ago))
        observed = replace(observed, history=replace(observed.history, stopped_out=(stopped,)))
        return list(facts(observed, mandate=replace(MANDATE, exits=Exits(reentry_days=days)))["cooldowns"])

    assert cooldowns(10, 9) == [{"symbol": "AAA", "cause": "stop_loss", "since": "2022-11-19", "until": "2022-11-29"}]
    assert cooldowns(10, 10) == []
    assert cooldowns(0, 0) == []


def test_only_listed_pairs_that_moved_alike_are_told() -> None:
    pairs = (
        Alike(one="AAA", other="BBB", correlation=D("0.9512")),
        Alike(one="AAA", other="ZZZ", correlation=D("0.99")),
    )
    assert facts(replace(seen(PRICES), alike=pairs))["alike"] == [
        {"one": "AAA", "other": "BBB", "correlation": "0.9512", "sessions": 60}
    ]


def record(observed: Observation, *, days_ago: int = 7) -> CycleRecord:
    """A cycle that bought 10 AAA at 40 in two fills and sold 5 BBB at 250, and had one order cut and one refused."""
    then = observed.as_of - timedelta(days=days_ago)
    past = replace(observed, as_of=then, session=then.date())

    def planned(ref: str, symbol: str, side: Side) -> PlannedOrder:
        return PlannedOrder(
            order_ref=ref, symbol=symbol, side=side, effect=Effect.OPEN, quantity=D(10), reference_price=D(1),
            notional=D(10), phase=2, reason="",
        )  # fmt: skip

    def fill(number: int, symbol: str, side: Side, quantity: str, price: str) -> Fill:
        return Fill(
            exec_id=f"e{number}", order_ref="r1", account="acc", symbol=symbol, side=side, quantity=D(quantity),
            price=D(price), commission=D(0), time=then,
        )  # fmt: skip

    orders = tuple(
        planned(*each) for each in (("r1", "AAA", Side.BUY), ("r2", "CCC", Side.BUY), ("r3", "BBB", Side.SELL))
    )
    passed, clipped, refused = Outcome.PASS, Outcome.CLIP, Outcome.REJECT
    report = GuardReport(
        guards=tuple(
            GuardLabel(id=i, name=n, layer=Layer.ACCOUNT) for i, n in (("P08", "MaxPosition"), ("P20", "Hold"))
        ),
        order_refs=("r1", "r2", "r3"),
        outcomes=((passed, passed), (clipped, passed), (Outcome.WARN, refused)),
        allowed=((D(10),) * 2,) * 3,
        observed=((None, None),) * 3,
        reasons={"r2|P08": "acc holds 21 %, must hold at most 20 %", "r3|P20": "held 3 days of 14"},
        approved=(),
    )
    fills = (
        fill(1, "AAA", Side.BUY, "6", "39"), fill(2, "AAA", Side.BUY, "4", "41.5"),
        fill(3, "BBB", Side.SELL, "5", "250"), replace(fill(4, "AAA", Side.BUY, "100", "1"), busted=True),
    )  # fmt: skip
    told = OrderReport(
        order_ref="r1", symbol="AAA", side=Side.BUY, quantity=D(10), status=OrderStatus.FILLED, fills=fills
    )  # fmt: skip
    plan = OrderPlan(
        plan_hash="", account="acc", cycle="acc/1/2", currency="USD", nav=D(1), orders=orders, weights=(),
        turnover=Turnover(one_way=D(0), gross=D(0), fund=D(0)), cash_before=D(0), cash_after=D(0),
        attainable_accuracy=D(1),
    )  # fmt: skip
    return CycleRecord(
        account="acc", run=1, cycle=2, mode=Mode.PAPER, mandate=MANDATE, code_version="", started=then, finished=then,
        status=CycleStatus.COMPLETED, observation=past, decision_inputs={}, plan=plan, report=report,
        decision=Decision(answer=Answer.TRADE, decided_by="llm_portfolio"), reconciliation=None,
        phases=(PhaseRecord(phase=1, observation=past, report=report, intents=(), reports=(told,)),),
        no_trade_codes=("unaffordable",),
    )  # fmt: skip


def test_the_last_decision_is_told_with_what_came_of_it_and_what_was_refused() -> None:
    observed = seen(PRICES)
    asked: list[tuple[str, int]] = []

    def records_of(account: str, count: int) -> tuple[CycleRecord, ...]:
        asked.append((account, count))
        return (record(observed),)

    (past,) = facts(observed, records_of=records_of)["past"]
    assert asked == [("acc", 3)]
    # AAA: 6 x 39 + 4 x 41.5 = 400, so 40 each; at 50 now, 25 % and 100 up. BBB fell from 250 to 200: sold well by 250.
    assert past == {
        "cycle": "1/2", "at": "2022-11-21T15:00:00.000000Z", "age_days": 7, "answer": "TRADE", "code": "",
        "decided_by": "llm_portfolio", "no_trade": ["unaffordable"],
        "trades": [
            {
                "symbol": "AAA", "side": "BUY", "quantity": "10", "price": "40", "move_since": "0.25",
                "gain_since": "100",
            },
            {
                "symbol": "BBB", "side": "SELL", "quantity": "5", "price": "250", "move_since": "-0.2",
                "gain_since": "250",
            },
        ],
        "refused": [
            {
                "symbol": "CCC", "side": "BUY", "outcome": "CLIP", "guard": "MaxPosition",
                "reason": "ACC-1 holds 21 %, must hold at most 20 %",
            },
            {"symbol": "BBB", "side": "SELL", "outcome": "REJECT", "guard": "Hold", "reason": "held 3 days of 14"},
        ],
    }  # fmt: skip


def test_a_record_from_after_the_observation_is_not_shown() -> None:
    observed = seen(PRICES)
    later = record(observed, days_ago=-1)
    assert facts(observed, records_of=lambda account, count: (later,))["past"] == []


def test_the_real_name_of_the_account_is_nowhere() -> None:
    observed = replace(
        seen(PRICES), account="weekly_balanced", snapshot=replace(seen(PRICES).snapshot, account="weekly_balanced")
    )
    mandate = replace(MANDATE, account="weekly_balanced", name="Weekly of J. Doe")
    text = canonical(cast("Json", facts(observed, mandate=mandate))).decode()
    assert "weekly_balanced" not in text
    assert "Doe" not in text


def test_numbers_are_read_back_and_unknown_is_none() -> None:
    assert (number("0.25"), number(3), number("-1200")) == (D("0.25"), D(3), D(-1200))
    odd: tuple[Json, ...] = (UNKNOWN, None, True, "NaN", "Infinity", "", [], {})
    assert [each for each in odd if number(each) is not None] == []


def test_an_open_order_is_told() -> None:
    observed = seen(PRICES)
    order = OpenOrder(order_ref="R" * 24, symbol="AAA", side=Side.SELL, remaining=D("2.5"), ours=False)
    found = facts(replace(observed, snapshot=replace(observed.snapshot, open_orders=(order,))))["open_orders"]
    assert found == [
        {"symbol": "AAA", "side": "SELL", "remaining": "2.5", "limit_price": "market", "status": "ACKED", "ours": False}
    ]  # fmt: skip


def test_a_position_of_quantity_zero_is_none() -> None:
    observed = seen(PRICES)
    none = Position(symbol="AAA", quantity=D(0))
    observed = replace(observed, snapshot=replace(observed.snapshot, positions=(none,)))
    assert read_book(observed, ()).positions == ()
    assert facts(observed, ())["symbols"] == []


def test_the_time_is_the_observations() -> None:
    found = facts(seen(PRICES))
    assert (found["as_of"], found["session"]) == ("2022-11-28T15:00:00.000000Z", "2022-11-28")

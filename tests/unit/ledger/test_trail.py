"""The trail in words: plan and analysis of a model, and a reflection once a position is closed, from facts alone."""

from dataclasses import replace

from tests.contract.ledger_build import ACCOUNT, MONDAY, d, fill, intent, later, mandate, record, report

from prudent.domain.accounts import Mode, Position
from prudent.domain.orders import Fill, OrderIntent, OrderStatus, Side
from prudent.domain.reasoning import Analysis, Basis, Dropped, Idea, Reasoning, Regime
from prudent.ledger import LedgerStore, open_ledger
from prudent.ports import RunRef

THESIS = Idea(
    symbol="AAPL", side=Side.BUY, amount=d("1000"), basis=Basis.USD, stop_loss=d("0.08"), time_stop_days=30,
    thesis="cheap,\nand growing",
)  # fmt: skip
REASONING = Reasoning(
    answered_by="qwen", ideas=(THESIS,), dropped=(Dropped(code="unknown_symbol", item='{"symbol":\n"ZZZ"}'),),
    analysis=Analysis(
        regime=Regime.BULL, rule_regime=Regime.SIDEWAYS, sector_scores={"Energy": -1, "Banks": 2},
        portfolio_health="narrow", key_risks=("rates",),
    ),
)  # fmt: skip


def opened(*positions: Position) -> tuple[LedgerStore, RunRef]:
    store = open_ledger(":memory:")
    store.add_account(mandate(), cash=d("10000"), positions=positions, at=later(days=-30))
    return store, store.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)


def traded(
    store: LedgerStore, run: RunRef, order: OrderIntent, *fills: Fill, day: int = 0, why: str = "",
    reasoning: Reasoning | None = None, mode: Mode = Mode.PAPER,
) -> dict[str, str]:  # fmt: skip
    """One recorded cycle with one order; gives what was written of it."""
    at = later(days=day)
    number = store.next_cycle(run, at=at)
    store.approve(run, number, (order,), at=at)
    store.sending(ACCOUNT, order.order_ref, seal=order.seal, at=at)
    store.reported(ACCOUNT, report(order, OrderStatus.FILLED, *fills), at=at)
    made = record(run.number, number, orders=(order,), at=at, mode=mode)
    made = replace(made, decision=replace(made.decision, reasoning=reasoning))
    store.record(made, why={order.order_ref: why})
    return written(store, made.id)


def written(store: LedgerStore, cycle_id: str) -> dict[str, str]:
    return {each.kind: each.text for each in store.views.reasoning(cycle_id)}


def test_plan_and_analysis_are_what_the_model_said() -> None:
    store, run = opened()
    buy = intent()
    told = traded(store, run, buy, fill(buy, "10", "100"), reasoning=REASONING)
    assert told["plan"].splitlines() == [
        "BUY AAPL 1,000.00 USD, stop -8 %, time stop 30 days: cheap, and growing",
        'not used (unknown_symbol): {"symbol": "ZZZ"}',
    ]
    assert told["analysis"].splitlines() == [
        "regime BULL (the rule says SIDEWAYS)", "sectors Banks +2, Energy -1", "portfolio narrow", "risk rates",
    ]  # fmt: skip
    assert "reflection" not in told


def test_a_closed_position_is_reflected_on_from_the_books() -> None:
    store, run = opened()
    buy = intent()
    traded(store, run, buy, fill(buy, "10", "100"), reasoning=REASONING)
    part = intent(side=Side.SELL, quantity="4", cycle="2")
    told = traded(store, run, part, fill(part, "4", "110", at=later(days=2)), day=2)
    assert "reflection" not in told
    rest = intent(side=Side.SELL, quantity="6", cycle="3")
    told = traded(store, run, rest, fill(rest, "6", "90", at=later(days=5)), day=5, why="stop_loss: 10 % below")
    # In: 10 at 100. Out: 4 at 110 and 6 at 90 = 980, on average 98. Result -20 less three commissions of 1.
    assert told["reflection"] == (
        "AAPL long 10 closed: in at 100.00 on 2022-11-28, out at 98.00 on 2022-12-03, held 5 days; result -23.00 after "
        "3 of commission (-2.00 %); why: stop_loss: 10 % below; thesis at entry: 1,000.00 USD, stop -8 %, time stop "
        "30 days: cheap, and growing"
    )


def test_each_end_is_told_once_and_by_the_next_record_when_it_came_late() -> None:
    store, run = opened()
    buy = intent()
    traded(store, run, buy, fill(buy, "10", "100"))
    sell = intent(side=Side.SELL, cycle="2")
    number = store.next_cycle(run, at=later(days=1))
    store.approve(run, number, (sell,), at=later(days=1))
    store.sending(ACCOUNT, sell.order_ref, seal=sell.seal, at=later(days=1))
    store.record(record(1, number, orders=(sell,), at=later(days=1)), why={sell.order_ref: "trim"})
    late = fill(sell, "10", "120", at=later(days=1, hours=1))
    store.reported(ACCOUNT, report(sell, OrderStatus.FILLED, late), at=later(days=2))
    assert "reflection" not in written(store, f"{ACCOUNT}/1/2")
    store.record(record(1, store.next_cycle(run, at=later(days=2)), at=later(days=2)), why={})
    assert "result +198.00 after 2 of commission (+20.00 %)" in written(store, f"{ACCOUNT}/1/3")["reflection"]
    again = intent(cycle="4", quantity="3")
    told = traded(store, run, again, fill(again, "3", "100", at=later(days=3)), day=3)
    assert "reflection" not in told


def test_what_was_held_before_any_fill_is_told_as_that() -> None:
    store, run = opened(Position(symbol="AAPL", quantity=d("10"), average_cost=d("100"), opened=None))
    sell = intent(side=Side.SELL)
    told = traded(store, run, sell, fill(sell, "10", "90"))
    assert told["reflection"].startswith(
        "AAPL long 10 closed: held since before the first fill, out at 90.00 on 2022-11-28; result -101.00"
    )


def test_a_corrected_fill_counts_in_its_last_version_and_a_busted_one_not() -> None:
    store, run = opened()
    buy = intent()
    traded(store, run, buy, fill(buy, "10", "100"))
    sell = intent(side=Side.SELL, cycle="2")
    first = fill(sell, "10", "120", at=later(days=1))
    number = store.next_cycle(run, at=later(days=1))
    store.approve(run, number, (sell,), at=later(days=1))
    store.sending(ACCOUNT, sell.order_ref, seal=sell.seal, at=later(days=1))
    store.reported(ACCOUNT, report(sell, OrderStatus.FILLED, first), at=later(days=1))
    corrected = replace(first, version=2, price=d("130"))
    store.reported(ACCOUNT, report(sell, OrderStatus.FILLED, corrected), at=later(days=1))
    store.record(record(1, number, orders=(sell,), at=later(days=1)), why={})
    assert "out at 130.00" in written(store, f"{ACCOUNT}/1/2")["reflection"]


def test_a_rehearsal_reflects_on_nothing() -> None:
    store, run = opened()
    buy, sell = intent(), intent(side=Side.SELL, cycle="2")
    traded(store, run, buy, fill(buy, "10", "100"))
    sold = fill(sell, "10", "90", at=later(days=1))
    rehearsal = store.open_run(mandate(), mode="dry_run", rules=(), code_version="1", at=later(days=1))
    number = store.next_cycle(run, at=later(days=1))
    store.approve(run, number, (sell,), at=later(days=1))
    store.sending(ACCOUNT, sell.order_ref, seal=sell.seal, at=later(days=1))
    store.reported(ACCOUNT, report(sell, OrderStatus.FILLED, sold), at=later(days=1))
    dry = store.next_cycle(rehearsal, at=later(days=1))
    store.record(record(rehearsal.number, dry, at=later(days=2), mode=Mode.DRY_RUN), why={})
    assert "reflection" not in written(store, f"{ACCOUNT}/{rehearsal.number}/{dry}")

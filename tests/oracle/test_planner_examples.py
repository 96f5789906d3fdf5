"""The worked examples of rebalancing, computed by hand, hold for the oracle itself."""

from collections.abc import Mapping
from decimal import Decimal

from tests.oracle.desk import Book, D, Thing, decision
from tests.oracle.planner import Expected, expected, fee_of

from prudent.domain.instruments import InstrumentKind
from prudent.domain.mandate import Allocator, CostModel, Mandate, Planning
from prudent.domain.orders import Effect, OpenOrder, Side

EXACT = Planning(buffer=D(0), min_trade_fraction=D(0))
THREE = {"AAA": D("0.50"), "BBB": D("0.30"), "CCC": D("0.20")}
PRICES = {"AAA": Thing(price=D("173.00")), "BBB": Thing(price=D("91.50")), "CCC": Thing(price=D("37.25"))}


def planned(book: Book, weights: Mapping[str, Decimal], planning: Planning = EXACT) -> Expected:
    mandate = Mandate(account="hand", costs=CostModel.NONE, planning=planning)
    return expected(book.seen(), decision(weights), mandate)


def test_largest_remainder_passes_over_the_lot_that_does_not_fit() -> None:
    plan = planned(Book(things=PRICES, cash=D(10_000)), THREE)
    assert plan.quantities() == {("AAA", Effect.OPEN): 29, ("BBB", Effect.OPEN): 32, ("CCC", Effect.OPEN): 54}
    assert plan.cash_after == D("43.50")


def test_the_search_finds_the_smaller_sum_of_gaps_and_cash() -> None:
    planning = Planning(buffer=D(0), min_trade_fraction=D(0), allocator=Allocator.MIP)
    plan = planned(Book(things=PRICES, cash=D(10_000)), THREE, planning)
    assert plan.quantities() == {("AAA", Effect.OPEN): 29, ("BBB", Effect.OPEN): 33, ("CCC", Effect.OPEN): 52}
    assert plan.cash_after == D("26.50")


def test_only_the_symbol_outside_its_band_trades() -> None:
    things = {s: Thing(price=D(10)) for s in ("AAA", "BBB", "CCC")}
    book = Book(things=things, cash=D(0), positions={"AAA": D(660), "BBB": D(260), "CCC": D(80)})
    planning = Planning(
        buffer=D(0), min_trade_fraction=D(0), band_absolute=D("0.05"), band_relative=D("0.25")
    )  # fmt: skip
    plan = planned(book, {"AAA": D("0.60"), "BBB": D("0.30"), "CCC": D("0.10")}, planning)
    assert plan.quantities() == {("AAA", Effect.CLOSE): D(60)}


def test_a_gap_of_exactly_the_band_does_not_trade() -> None:
    book = Book(things={"CCC": Thing(price=D(10))}, cash=D(9_200), positions={"CCC": D(80)})
    planning = Planning(buffer=D(0), min_trade_fraction=D(0), band_relative=D("0.20"))
    assert planned(book, {"CCC": D("0.10")}, planning).orders == ()


def test_a_foreign_share_is_sized_in_the_base_currency() -> None:
    book = Book(things={"EUX": Thing(price=D(180), currency="EUR")}, cash=D(100_000), fx={"EUR": D("1.08")})
    assert planned(book, {"EUX": D("0.10")}).quantities() == {("EUX", Effect.OPEN): 51}


def test_a_short_is_floored_and_its_proceeds_are_not_spendable() -> None:
    book = Book(things={"AAA": Thing(price=D(250))}, cash=D(100_000))
    plan = planned(book, {"AAA": D("-0.30")})
    assert plan.quantities() == {("AAA", Effect.SHORT): 120}
    assert plan.spendable == D(100_000)
    assert plan.cash_after == D(130_000)


def test_turnover_is_measured_three_ways() -> None:
    things = {s: Thing(price=D(1)) for s in ("AAA", "BBB", "CCC", "DDD")}
    book = Book(things=things, cash=D(0), positions={"AAA": D(5_000), "BBB": D(3_000), "CCC": D(2_000)})
    plan = planned(book, {"AAA": D("0.4"), "BBB": D("0.3"), "CCC": D("0.1"), "DDD": D("0.15"), "CASH": D("0.05")})
    assert (plan.one_way, plan.gross, plan.fund) == (D("0.20"), D("0.35"), D("0.15"))


def test_open_orders_count_as_held_and_a_sale_stays_within_the_holding() -> None:
    waiting = OpenOrder(order_ref="x", symbol="AAA", side=Side.SELL, remaining=D(4))
    book = Book(things={"AAA": Thing(price=D(10))}, cash=D(0), positions={"AAA": D(10)}, open_orders=[waiting])
    assert planned(book, {"AAA": D(0)}).quantities() == {("AAA", Effect.CLOSE): D(6)}
    buying = OpenOrder(order_ref="x", symbol="AAA", side=Side.BUY, remaining=D(5))
    book = Book(things={"AAA": Thing(price=D(10))}, cash=D(100), positions={"AAA": D(10)}, open_orders=[buying])
    assert planned(book, {"AAA": D(0)}).quantities() == {("AAA", Effect.CLOSE): D(10)}


def test_a_holding_without_target_is_closed_whole_with_its_odd_lot() -> None:
    things = {"AAA": Thing(price=D(10), lot=D(10), kind=InstrumentKind.ETF)}
    book = Book(things=things, cash=D(0), positions={"AAA": D(27)})
    assert planned(book, {}).quantities() == {("AAA", Effect.CLOSE): D(27)}


def test_a_change_from_long_to_short_is_two_orders() -> None:
    book = Book(things={"AAA": Thing(price=D(10))}, cash=D(900), positions={"AAA": D(10)})
    plan = planned(book, {"AAA": D("-0.05")})
    assert plan.quantities() == {("AAA", Effect.CLOSE): D(10), ("AAA", Effect.SHORT): D(5)}
    assert [order.phase for order in plan.orders] == [1, 2]


def test_the_largest_fee_wins_over_the_smallest() -> None:
    assert fee_of(CostModel.IBKR_TIERED, D(1), D("20.00")) == D("0.20")
    assert fee_of(CostModel.IBKR_TIERED, D(1), D("50.00")) == D("0.35")
    assert fee_of(CostModel.IBKR_FIXED, D(1_000), D("50000.00")) == D("5.00")
    assert fee_of(CostModel.XTB, D(1), D("100.00")) == D("0.08")
    assert fee_of(CostModel.CRYPTO, D(1), D("100.00")) == D("0.10")

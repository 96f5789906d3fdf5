"""Layers are passes, room that exits would give is waited for, and whatever is trimmed is trimmed once."""

from dataclasses import replace
from decimal import Decimal

from tests.unit.guards.build import (
    D,
    asked,
    cash,
    directed,
    holding,
    limits,
    mandated,
    order_of,
    ordering,
    planning,
    remembered,
    ruled,
    scene,
    strategy_limits,
    verdict,
)

from prudent.domain.accounts import AccountClass
from prudent.domain.orders import Effect, OrderType
from prudent.domain.plans import PlannedOrder
from prudent.domain.verdicts import Approved, GuardReport, Outcome


def limit_order(symbol: str, quantity: int, effect: Effect = Effect.OPEN) -> PlannedOrder:
    """At the price, so that worst price and mark are the same."""
    price = {"AAA": 100, "BBB": 50, "CCC": 20}[symbol]
    order = order_of(symbol, quantity, effect)
    return replace(
        order, type=OrderType.LIMIT, limit_price=D(price), notional=D(quantity * price), reference_price=D(price)
    )


def left(report: GuardReport) -> dict[str, tuple[Decimal, bool]]:
    return {a.order_ref: (a.quantity, a.waits_for_sells) for a in report.approved}


# A person's account without limits of its own, whose day has only seen gains.
FREE_HAND = (directed(), limits(max_position_weight=None, max_sector_weight=None), remembered(nlv_open=D(1)))


def test_a_buy_that_only_lacks_cash_waits_for_the_sales_before_it() -> None:
    report = scene(
        *FREE_HAND, holding(AAA=10, BBB=3), cash("100"),
        ordering(limit_order("AAA", 5, Effect.CLOSE), limit_order("CCC", 29)),
    ).judged()  # fmt: skip
    # 100 in cash and 500 from the sale pay for 30 at 20.
    assert left(report) == {"AAA-CLOSE": (D(5), False), "CCC-OPEN": (D(29), True)}
    assert verdict(report, "P01", 1) == (Outcome.DEFER, D(29))


def test_a_waiting_buy_is_trimmed_to_what_the_sales_bring() -> None:
    report = scene(
        *FREE_HAND, holding(AAA=10), cash("100"),
        ordering(limit_order("AAA", 5, Effect.CLOSE), limit_order("CCC", 40)),
    ).judged()  # fmt: skip
    assert left(report)["CCC-OPEN"] == (D(30), True)


def test_without_sales_before_it_a_buy_that_lacks_cash_is_trimmed() -> None:
    report = scene(*FREE_HAND, cash("100"), ordering(limit_order("CCC", 29))).judged()
    assert left(report) == {"CCC-OPEN": (D(5), False)}


def test_a_buy_before_the_sale_does_not_wait_for_it() -> None:
    report = scene(
        *FREE_HAND, holding(AAA=10), cash("100"),
        ordering(limit_order("CCC", 29), limit_order("AAA", 5, Effect.CLOSE)),
    ).judged()  # fmt: skip
    assert left(report) == {"CCC-OPEN": (D(5), False), "AAA-CLOSE": (D(5), False)}


def test_the_proceeds_of_a_short_sale_are_not_spendable() -> None:
    report = scene(
        *FREE_HAND, planning(allow_short=True), limits(max_gross_exposure=D(2)), holding(BBB=100), cash("100"),
        ordering(limit_order("AAA", 5, Effect.SHORT), limit_order("CCC", 29)),
    ).judged()  # fmt: skip
    assert left(report) == {"AAA-SHORT": (D(5), False), "CCC-OPEN": (D(5), False)}


def test_nothing_waits_for_a_sale_that_another_layer_refused() -> None:
    """The minimum holding is the strategy's, judged after the platform has counted on the sale."""
    report = scene(
        *FREE_HAND, strategy_limits(min_holding_days=5), holding(AAA=10), cash("100"),
        ordering(limit_order("AAA", 5, Effect.CLOSE), limit_order("CCC", 29)),
    ).judged()  # fmt: skip
    assert left(report) == {"CCC-OPEN": (D(5), False)}
    assert verdict(report, "P01", 1) == (Outcome.CLIP, D(5))


def test_a_full_account_may_exchange_one_holding_for_another() -> None:
    """Gross exposure counts what may not be sold after all, so that the purchase waits for the sale."""
    report = scene(
        *FREE_HAND, holding(AAA=100), cash("0"),
        ordering(limit_order("AAA", 50, Effect.CLOSE), limit_order("BBB", 100)),
    ).judged()  # fmt: skip
    assert left(report) == {"AAA-CLOSE": (D(50), False), "BBB-OPEN": (D(100), True)}
    assert verdict(report, "P11", 1) == (Outcome.DEFER, D(100))


def test_the_place_of_a_position_that_is_closed_is_waited_for() -> None:
    report = scene(
        *FREE_HAND, ruled(max_positions=1), holding(AAA=10),
        ordering(limit_order("AAA", 10, Effect.CLOSE), limit_order("BBB", 10)),
    ).judged()  # fmt: skip
    assert left(report)["BBB-OPEN"] == (D(10), True)


def test_a_place_is_not_free_while_part_of_the_position_stays() -> None:
    report = scene(
        *FREE_HAND, ruled(max_positions=1), holding(AAA=10),
        ordering(limit_order("AAA", 9, Effect.CLOSE), limit_order("BBB", 10)),
    ).judged()  # fmt: skip
    assert "BBB-OPEN" not in left(report)


def test_orders_spend_one_after_the_other() -> None:
    report = scene(
        *FREE_HAND, cash("1500"), ordering(limit_order("AAA", 10), limit_order("BBB", 10), limit_order("CCC", 10))
    ).judged()
    assert left(report) == {"AAA-OPEN": (D(10), False), "BBB-OPEN": (D(10), False)}


def test_a_sector_fills_up_order_by_order() -> None:
    report = scene(
        directed(), limits(max_position_weight=None, max_sector_weight=D("0.30")),
        ordering(limit_order("AAA", 200), limit_order("BBB", 300)),
    ).judged()  # fmt: skip
    assert left(report)["BBB-OPEN"] == (D(200), False)


def test_each_layer_takes_what_the_one_before_left() -> None:
    """The platform leaves 500 of 600 (50 %), the account 200 (20 %), the strategy 100 (10 %)."""
    report = scene(strategy_limits(max_position_weight=D("0.10")), ordering(limit_order("AAA", 600))).judged()
    # 60 % is beyond the order-size limit of an autonomous account, which refuses instead of trimming.
    assert report.approved == ()
    report = scene(
        strategy_limits(max_position_weight=D("0.10")), holding(AAA=100), cash("90000"),
        ordering(limit_order("AAA", 450)),
    ).judged()  # fmt: skip
    assert verdict(report, "P07") == (Outcome.CLIP, D(400))
    assert verdict(report, "P08") == (Outcome.CLIP, D(100))
    assert verdict(report, "P08.L3") == (Outcome.REJECT, D(0))


def test_a_refused_order_is_still_judged_by_every_guard_at_its_planned_size() -> None:
    report = scene(ordering(limit_order("AAA", 600))).judged()
    assert verdict(report, "P12") == (Outcome.REJECT, D(0))
    assert verdict(report, "P08") == (Outcome.CLIP, D(200))


def test_no_limit_of_the_account_loosens_the_platform() -> None:
    loose = limits(
        max_position_weight=D(9), max_sector_weight=D(9), cash_min=D(-9), max_gross_exposure=D(9), max_daily_loss=D(9),
        max_trades_per_day=10**6, max_order_notional=D(10**9), drawdown_cut=D(9),
    )  # fmt: skip
    report = scene(loose, ordering(limit_order("AAA", 500), limit_order("BBB", 1000))).judged()
    # 50 % of AAA; of BBB what leaves 10 % in cash.
    assert left(report) == {"AAA-OPEN": (D(500), False), "BBB-OPEN": (D(800), False)}


def test_a_directed_account_may_be_invested_whole() -> None:
    report = scene(*FREE_HAND, ordering(limit_order("AAA", 1000))).judged()
    assert left(report) == {"AAA-OPEN": (D(1000), False)}
    assert {"P07", "P08", "P09", "P12"}.isdisjoint(label.id for label in report.guards)


def test_an_autonomous_account_has_defaults_where_its_owner_set_none() -> None:
    report = scene(limits(max_position_weight=None, max_sector_weight=None)).judged()
    found = {label.id: label.limit for label in report.guards}
    assert (found["P07"], found["P08"], found["P09"], found["P02"]) == (D("0.50"), D("0.20"), D("0.40"), D("0.10"))


def test_a_margin_account_keeps_every_platform_limit() -> None:
    report = scene(mandated(account_class=AccountClass.MARGIN)).judged()
    found = {label.id: label.limit for label in report.guards}
    assert (found["P02"], found["P07"]) == (D("0.10"), D("0.50"))


def test_mostly_cash_doubles_the_trades_of_a_strategy_and_of_nothing_else() -> None:
    three = ordering(limit_order("AAA", 10), limit_order("BBB", 10), limit_order("CCC", 10))
    report = scene(strategy_limits(max_trades_per_cycle=1), three).judged()
    assert list(left(report)) == ["AAA-OPEN", "BBB-OPEN"]
    # At exactly 80 % in cash nothing is doubled.
    report = scene(strategy_limits(max_trades_per_cycle=1), holding(BBB=400), cash("80000"), three).judged()
    assert list(left(report)) == ["AAA-OPEN"]


def test_a_long_position_is_closed_before_it_is_shorted() -> None:
    report = scene(
        *FREE_HAND, planning(allow_short=True), holding(AAA=10),
        ordering(limit_order("AAA", 10, Effect.CLOSE), limit_order("AAA", 20, Effect.SHORT)),
    ).judged()  # fmt: skip
    assert left(report) == {"AAA-CLOSE": (D(10), False), "AAA-SHORT": (D(20), False)}


def test_a_short_position_is_covered_before_it_turns_long() -> None:
    report = scene(
        *FREE_HAND, planning(allow_short=True), holding(AAA=-10), cash("101000"),
        ordering(limit_order("AAA", 10, Effect.COVER), limit_order("AAA", 20)),
    ).judged()  # fmt: skip
    assert left(report) == {"AAA-COVER": (D(10), False), "AAA-OPEN": (D(20), False)}


def test_an_order_that_calls_itself_forced_but_adds_risk_is_not_exempt() -> None:
    report = scene(asked(forced=True, quantity=D(600), type=OrderType.LIMIT, limit_price=D(100))).judged()
    assert verdict(report, "P12") == (Outcome.REJECT, D(0))


def test_an_order_that_calls_itself_a_close_without_a_holding_is_new_risk() -> None:
    report = scene(ordering(order_of(effect=Effect.CLOSE)), limits(max_trades_per_cycle=0)).judged()
    assert verdict(report, "P17") == (Outcome.REJECT, D(0))


def test_the_same_order_twice_goes_once() -> None:
    order = limit_order("AAA", 10)
    assert left(scene(ordering(order, order)).judged()) == {"AAA-OPEN": (D(10), False)}
    other = replace(order, order_ref="again")
    assert list(left(scene(ordering(order, other)).judged())) == ["AAA-OPEN"]
    assert list(left(scene(planning(slices=2), ordering(order, other)).judged())) == ["AAA-OPEN", "again"]


def test_a_purchase_waits_while_the_batch_sells_the_same_symbol() -> None:
    report = scene(
        holding(AAA=10), ordering(limit_order("AAA", 5, Effect.CLOSE), limit_order("AAA", 5))
    ).judged()  # fmt: skip
    assert verdict(report, "P23", 1) == (Outcome.DEFER, D(0))
    assert list(left(report)) == ["AAA-CLOSE"]


def test_fractional_lots_are_trimmed_to_the_lot_exactly() -> None:
    report = scene(
        *FREE_HAND, planning(lot_size=D("0.001")), cash("123.45"),
        asked(quantity=D("1.300"), type=OrderType.LIMIT, limit_price=D(100)),
    ).judged()  # fmt: skip
    assert report.approved == (Approved(order_ref="AAA-OPEN", quantity=D("1.234")),)

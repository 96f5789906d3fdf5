"""Cash, position, exposure and count guards: below, at and above, missing and not a number."""

from datetime import timedelta

from tests.unit.guards.build import (
    NOW,
    Change,
    D,
    asked,
    at_limit,
    booked,
    cash,
    covering,
    described,
    exact,
    holding,
    limits,
    live,
    observed,
    planning,
    quoted,
    remembered,
    selling,
    strategy_limits,
)
from tests.unit.guards.words import (
    DEFER,
    EXIT,
    FRESH,
    HELD_TECH,
    NAN,
    SOLD,
    Case,
    passes,
    refuses,
    trims,
    warns,
)

from prudent.domain.accounts import StoppedOut
from prudent.domain.orders import Effect, Side


def stopped_out(days: int) -> Change:
    return remembered(stopped_out=(StoppedOut(symbol="AAA", session=(NOW - timedelta(days=days)).date()),))


BOOK_CASES: dict[str, tuple[Case, ...]] = {
    # A market order for 10 at an ask of 100.01 may cost 10 x 101.0101 = 1,010.10.
    "P01": (
        passes("above", cash("1010.11")),
        passes("at 0", cash("1010.10")),
        trims("below", 9, cash("1010.09")),
        refuses("not one lot", cash("101.00")),
        refuses("less than 100 of notional left", cash("101.02"), quoted(price=D("99.98"))),
        refuses("ask missing", quoted(ask=None, bid=None)),
        refuses("not a number", booked(cash=NAN)),
        trims("an open buy reserves its worst cost", 9, cash("2020.19"), live(Side.BUY, 10)),
        trims("an open sale brings nothing", 9, cash("1010.09"), holding(BBB=100), live(Side.SELL, 100, "BBB")),
        trims("the fee counts", 9, cash("1010.10"), asked(estimated_fee=D(1))),
        passes("below, a sale", cash("-5"), *SOLD),
    ),
    # 0.9 x cash must be at least 1,010.10 - 0.1 x 10.10: the slip of 10.10 lowers net liquidation.
    "P02": (
        passes("at 10 %", cash("1121.21")),
        trims("below", 9, cash("1121.20")),
        refuses("not a number", booked(cash=NAN)),
        refuses("net liquidation not known", holding(BBB=1), observed(quotes=())),
        passes("below, an exit", cash("0"), *EXIT),
    ),
    "P03": (
        passes("at 30 %", limits(cash_min=D("0.30")), cash("1438.67")),
        trims("below", 9, limits(cash_min=D("0.30")), cash("1438.66")),
        passes("-1.00 adds nothing", cash("1010.10")),
        warns("above the maximum", limits(cash_max=D("0.50"))),
        passes("below, a sale", limits(cash_min=D("0.30")), cash("0"), *SOLD),
        refuses("not a number", booked(cash=NAN)),
    ),
    "P04": (
        passes("all that is held", *SOLD),
        refuses("one more", holding(AAA=10), selling(11)),
        refuses("an open sale took one", holding(AAA=10), selling(10), live(Side.SELL, 1)),
        refuses("nothing held", selling(10)),
        refuses("one more, forced", holding(AAA=10), selling(11), asked(forced=True)),
        refuses("short while long", holding(AAA=5), selling(10, Effect.SHORT)),
        passes("a purchase"),
    ),
    "P05": (
        passes("all that is short", holding(AAA=-10), covering(10)),
        refuses("one more", holding(AAA=-10), covering(11)),
        refuses("an open buy took one", holding(AAA=-10), covering(10), live(Side.BUY, 1)),
        refuses("nothing short", covering(10)),
        refuses("open while short", holding(AAA=-1)),
        passes("a sale", *SOLD),
    ),
    "P06": (
        refuses("not allowed", selling(10, Effect.SHORT)),
        passes("allowed", selling(10, Effect.SHORT), planning(allow_short=True)),
        passes("a sale", *SOLD),
        refuses("a sale beyond the holding", holding(AAA=9), selling(10)),
    ),
    "P07": (
        passes("below", exact(499), quantity=499),
        passes("at 50 %", exact(500), quantity=500),
        trims("above", 500, exact(501)),
        trims("above, short", 500, selling(501, Effect.SHORT), at_limit("100"), planning(allow_short=True)),
        trims("with what is held", 300, exact(400), holding(AAA=200), cash("80000")),
        trims("with an open buy", 300, exact(400), live(Side.BUY, 200, limit_price=D(100))),
        refuses("price missing", quoted(price=None)),
        refuses("cash not a number", booked(cash=NAN)),
        passes("above, a sale", *SOLD, cash("0")),
    ),
    "P08": (
        passes("at 20 %", exact(200), quantity=200),
        trims("above", 200, exact(201)),
        refuses("already above", exact(10), holding(AAA=300), cash("70000")),
        passes("above, a sale", *SOLD, cash("0")),
        refuses("cash not a number", booked(cash=NAN)),
    ),
    "P08.L3": (
        passes("at 10 %", strategy_limits(max_position_weight=D("0.10")), exact(100), quantity=100),
        trims("above", 100, strategy_limits(max_position_weight=D("0.10")), exact(101)),
        passes("above, a sale", strategy_limits(max_position_weight=D("0.10")), *SOLD, cash("0")),
        refuses("cash not a number", strategy_limits(max_position_weight=D("0.10")), booked(cash=NAN)),
    ),
    "P09": (
        passes("at 30 %", *HELD_TECH, limits(max_sector_weight=D("0.30")), exact(100), quantity=100),
        trims("above", 100, *HELD_TECH, limits(max_sector_weight=D("0.30")), exact(101)),
        passes("another sector", *HELD_TECH, limits(max_sector_weight=D("0.15")), described(sector="BANKS")),
        refuses("full", *HELD_TECH, limits(max_sector_weight=D("0.20"))),
        passes("above, a sale", limits(max_sector_weight=D("0.01")), *SOLD),
        refuses("cash not a number", booked(cash=NAN)),
    ),
    "P11": (
        passes("at 50 %", *HELD_TECH, limits(max_gross_exposure=D("0.50")), exact(300), quantity=300),
        trims("above", 200, *HELD_TECH, limits(max_gross_exposure=D("0.40")), exact(201)),
        trims(
            "shorts add", 100, holding(BBB=-400), cash("120000"), limits(max_gross_exposure=D("0.30")), exact(101)
        ),
        passes("above, a sale", limits(max_gross_exposure=D("0.01")), *SOLD),
        refuses("a held price missing", holding(BBB=1), quoted(), observed(quotes=())),
    ),
    "P12": (
        passes("at 50 %", exact(500), quantity=500),
        refuses("above", exact(501)),
        refuses("above, a sale", holding(AAA=10), selling(10), at_limit("100"), cash("999")),
        passes("above, a forced exit", *EXIT, cash("0")),
        refuses("cash not a number", booked(cash=NAN)),
        warns("size not known, a sale", *SOLD, booked(cash=NAN)),
    ),
    "P12.L1": (
        passes("at the limit", limits(max_order_notional=D(1000)), exact(10)),
        refuses("above", limits(max_order_notional=D("999.99")), exact(10)),
        passes("above, a forced exit", limits(max_order_notional=D(1)), *EXIT),
        refuses("price missing", quoted(price=None, ask=None)),
    ),
    "P16": (
        passes("at 10 %", limits(max_turnover_per_cycle=D("0.10")), exact(100), quantity=100),
        trims("above", 100, limits(max_turnover_per_cycle=D("0.10")), exact(101)),
        passes("first deployment", limits(max_turnover_per_cycle=D("0.01")), exact(101), FRESH, quantity=101),
        refuses("above, a sale goes whole or not", limits(max_turnover_per_cycle=D("0.10")), *SOLD, cash("0")),
        passes("above, a forced exit", limits(max_turnover_per_cycle=D("0.10")), *EXIT, cash("0")),
        refuses("cash not a number", booked(cash=NAN)),
    ),
    "P17": (
        passes("at the limit", limits(max_trades_per_cycle=1)),
        refuses("above", limits(max_trades_per_cycle=0)),
        passes("above, a sale", limits(max_trades_per_cycle=0), *SOLD),
    ),
    "P17.L3": (
        passes("at the limit", strategy_limits(max_trades_per_cycle=1)),
        refuses("above", strategy_limits(max_trades_per_cycle=0)),
        passes("above, a sale", strategy_limits(max_trades_per_cycle=0), *SOLD),
    ),
    "P18": (
        passes("at the limit", remembered(trades_today=49)),
        refuses("above", remembered(trades_today=50)),
        passes("above, a sale", remembered(trades_today=50), *SOLD),
    ),
    "P18.L0": (
        passes("at the limit", remembered(trades_today=199), limits(max_trades_per_day=500)),
        refuses("above", remembered(trades_today=200), limits(max_trades_per_day=500)),
        passes("above, a sale", remembered(trades_today=200), *SOLD),
    ),
    "P19": (
        warns("mostly cash", strategy_limits(max_trades_per_cycle=5)),
        passes("at 80 %", strategy_limits(max_trades_per_cycle=5), holding(BBB=400), cash("80000")),
        passes("cash not a number", strategy_limits(max_trades_per_cycle=5), booked(cash=NAN)),
    ),
    "P20": (
        passes("five days", strategy_limits(min_holding_days=5), holding(NOW - timedelta(days=5), AAA=10), selling(10)),
        refuses("four days", strategy_limits(min_holding_days=5), holding(NOW - timedelta(days=4), AAA=9), selling(9)),
        refuses("not known", strategy_limits(min_holding_days=5), *SOLD),
        passes("forced", strategy_limits(min_holding_days=5), *EXIT),
        passes("no minimum", *SOLD),
    ),
    "P21": (
        passes("no twin held"),
        warns(
            "its twin is held", holding(VTI=5), described(symbol="VOO"), quoted(symbol="VOO"), asked(symbol="VOO")
        ),
    ),
    "P24": (
        passes("never stopped out"),
        passes("ten days ago", stopped_out(10)),
        refuses("nine days ago", stopped_out(9)),
        refuses("today", stopped_out(0)),
        passes("another symbol", remembered(stopped_out=(StoppedOut(symbol="BBB", session=NOW.date()),))),
        passes("a sale", stopped_out(1), *SOLD),
    ),
    "P23": (
        passes("nothing live"),
        Case("a live sale", (holding(AAA=10), live(Side.SELL, 1)), DEFER, 0),
        Case("a live purchase, a forced exit", (*EXIT, live(Side.BUY, 1)), DEFER, 0),
        passes("live elsewhere", live(Side.SELL, 1, "BBB")),
    ),
}  # fmt: skip

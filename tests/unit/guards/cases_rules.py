"""Loss, anomaly and rate guards, and every limit that a user rule can set."""

from datetime import UTC, datetime

from tests.unit.guards.build import (
    D,
    at_time,
    booked,
    cash,
    described,
    exact,
    holding,
    limits,
    live,
    quoted,
    remembered,
    ruled,
)
from tests.unit.guards.words import (
    DEFER,
    EXIT,
    FRESH,
    HELD_TECH,
    NAN,
    SOLD,
    Case,
    history,
    passes,
    recent,
    refuses,
    trims,
)

from prudent.domain.instruments import InstrumentKind
from prudent.domain.orders import OrderStatus, Side

RULE_CASES: dict[str, tuple[Case, ...]] = {
    "X01": (
        passes("below 2 %", cash("98000.01")),
        refuses("at 2 %", cash("98000")),
        refuses("latched", remembered(daily_loss_latched=True)),
        passes("a withdrawal is no loss", cash("90000"), remembered(flows_today=D(-10_000))),
        refuses("a deposit hides none", remembered(flows_today=D(2_000))),
        refuses("opening value missing", remembered(nlv_open=None)),
        refuses("not a number", remembered(nlv_open=NAN)),
        passes("never traded", FRESH),
        passes("at 2 %, a sale", *SOLD, cash("90000")),
    ),
    "X01.L1": (
        passes("below 1 %", limits(max_daily_loss=D("0.01")), cash("99000.01")),
        refuses("at 1 %", limits(max_daily_loss=D("0.01")), cash("99000")),
        refuses("opening value missing", remembered(nlv_open=None)),
        passes("at 1 %, a sale", limits(max_daily_loss=D("0.01")), *SOLD, cash("90000")),
    ),
    "X02": (
        passes("below 20 %", remembered(unit_value=D("0.8001"))),
        refuses("at 20 %", remembered(unit_value=D("0.80"))),
        passes("cut already", remembered(unit_value=D("0.80"), drawdown_latched=True)),
        refuses("not known", remembered(unit_value=None)),
        passes("at 20 %, a sale", remembered(unit_value=D("0.80")), *SOLD),
    ),
    "X03": (
        passes("below 25 %", remembered(unit_value=D("0.7501"))),
        refuses("at 25 %", remembered(unit_value=D("0.75"))),
        refuses("latched", remembered(drawdown_halt_latched=True)),
        refuses("not known", remembered(peak_unit_value=None)),
        refuses("not a number", remembered(unit_value=NAN)),
        passes("never traded", FRESH),
        passes("at 25 %, a sale", remembered(unit_value=D("0.75")), *SOLD),
    ),
    "X06": (
        passes("four refusals", history(*[recent(30, 1, status=OrderStatus.REJECTED)] * 4)),
        refuses("five refusals", history(*[recent(60, 1, status=OrderStatus.REJECTED)] * 5)),
        passes("five refusals a while ago", history(*[recent(61, 1, status=OrderStatus.REJECTED)] * 5)),
        refuses("three round trips", history(*[recent(600, 1), recent(599, 1, side=Side.SELL)] * 3)),
        passes("two round trips", history(*[recent(600, 1), recent(599, 1, side=Side.SELL)] * 2)),
        refuses("five refusals, a forced exit", history(*[recent(9, 1, status=OrderStatus.REJECTED)] * 5), *EXIT),
    ),
    "X07": (
        passes("two invalid answers", remembered(decider_failures_in_row=2)),
        refuses("three", remembered(decider_failures_in_row=3)),
        passes("half refused", remembered(refused_share_5_cycles=D("0.5"))),
        refuses("more than half refused", remembered(refused_share_5_cycles=D("0.51"))),
        refuses("not a number", remembered(refused_share_5_cycles=NAN)),
        passes("three, a sale", remembered(decider_failures_in_row=3), *SOLD),
    ),
    "R01": (
        passes("after a minute", history(recent(61))),
        refuses("within a minute", history(recent(60))),
        passes("another quantity", history(recent(5, 11))),
        passes("never left the desk", history(recent(5, status=OrderStatus.DENIED))),
        refuses("still working", history(recent(300, 11, status=OrderStatus.ACKED))),
        refuses("own order live", live(Side.BUY, 3)),
        passes("somebody else's order live", live(Side.BUY, 3, ours=False)),
        refuses("own order live, a forced exit", *EXIT, live(Side.SELL, 3)),
    ),
    "R02": (
        passes("nine in a second", history(*[recent(0.5, 11)] * 9)),
        Case("ten in a second go later", (history(*[recent(0.5, 11)] * 10),), DEFER, 10),
        passes("ten a second ago", history(*[recent(1, 11)] * 10)),
    ),
    "R04": (
        passes("none"),
        refuses("in the symbol", remembered(unknown_symbols=("AAA",))),
        refuses("in the symbol, an exit", remembered(unknown_symbols=("AAA",)), *EXIT),
        passes("two elsewhere", remembered(unknown_symbols=("U", "V"))),
        refuses("three elsewhere", remembered(unknown_symbols=("U", "V", "W"))),
        passes("three elsewhere, a sale", remembered(unknown_symbols=("U", "V", "W")), *SOLD),
        refuses("a live order without known fate", live(Side.BUY, 1, status=OrderStatus.UNKNOWN)),
    ),
    "rule:max_position_pct": (
        passes("at 10 %", ruled(max_position_pct="10"), exact(100), quantity=100),
        trims("above", 100, ruled(max_position_pct="10%"), exact(101)),
        passes("another symbol", ruled({"applies_to_symbols": ("BBB",)}, max_position_pct="0.5")),
        passes("another kind", ruled({"applies_to_assets": ("etf",)}, max_position_pct="0.5")),
        passes("excluded", ruled({"exclude_symbols": ("AAA",)}, max_position_pct="0.5")),
        refuses("cash not a number", ruled(max_position_pct="10"), booked(cash=NAN)),
    ),
    "rule:max_position_dollars": (
        passes("at the limit", ruled(max_position_dollars=1000)),
        trims("above", 9, ruled(max_position_dollars="999.99")),
        passes("above, a sale", ruled(max_position_dollars=1), *SOLD),
        refuses("price missing", ruled(max_position_dollars=1000), quoted(price=None)),
    ),
    "rule:max_sector_pct": (
        passes("at 30 %", *HELD_TECH, ruled(max_sector_pct=30), exact(100), quantity=100),
        trims("above", 100, *HELD_TECH, ruled(max_sector_pct=30), exact(101)),
        passes("above, a sale", ruled(max_sector_pct=1), *SOLD),
    ),
    "rule:max_order_dollars": (
        passes("at the limit", ruled(max_order_dollars=1000), exact(10)),
        refuses("above", ruled(max_order_dollars="999.99"), exact(10)),
        passes("above, a forced exit", ruled(max_order_dollars=1), *EXIT),
    ),
    "rule:max_positions": (
        passes("at the limit", ruled(max_positions=2), holding(BBB=1)),
        refuses("above", ruled(max_positions=1), holding(BBB=1)),
        passes("more of what is held", ruled(max_positions=1), holding(AAA=1)),
        refuses("an open buy counts", ruled(max_positions=1), live(Side.BUY, 1, "BBB")),
        passes("above, a sale", ruled(max_positions=0), *SOLD),
    ),
    "rule:min_cash_reserve_pct": (
        passes("at 30 %", ruled(min_cash_reserve_pct=30), cash("1438.67")),
        trims("below", 9, ruled(min_cash_reserve_pct=30), cash("1438.66")),
        passes("below, a sale", ruled(min_cash_reserve_pct=100), *SOLD),
        refuses("not a number", ruled(min_cash_reserve_pct=30), booked(cash=NAN)),
    ),
    "rule:max_trades_per_session": (
        passes("at the limit", ruled(max_trades_per_session=3), remembered(trades_today=2)),
        refuses("above", ruled(max_trades_per_session=3), remembered(trades_today=3)),
        passes("above, a sale", ruled(max_trades_per_session=0), *SOLD),
    ),
    "rule:max_daily_loss_pct": (
        passes("below 1 %", ruled(max_daily_loss_pct=1), cash("99000.01")),
        refuses("at 1 %", ruled(max_daily_loss_pct=1), cash("99000")),
        refuses("opening value missing", ruled(max_daily_loss_pct=1), remembered(nlv_open=None)),
    ),
    "rule:max_daily_loss_dollars": (
        passes("below", ruled(max_daily_loss_dollars=500), cash("99500.01")),
        refuses("at the limit", ruled(max_daily_loss_dollars=500), cash("99500")),
        refuses("opening value missing", ruled(max_daily_loss_dollars=500), remembered(nlv_open=None)),
        passes("at the limit, a sale", ruled(max_daily_loss_dollars=1), *SOLD, cash("0")),
    ),
    "rule:rsi_max_entry": (
        passes("at the limit", ruled(rsi_max_entry=50)),
        refuses("above", ruled(rsi_max_entry="49.9")),
        refuses("missing", ruled(rsi_max_entry=50), quoted(rsi_14=None)),
        passes("above, a sale", ruled(rsi_max_entry=1), *SOLD),
    ),
    "rule:rsi_min_entry": (
        passes("at the limit", ruled(rsi_min_entry=50)),
        refuses("below", ruled(rsi_min_entry="50.1")),
        refuses("not a number", ruled(rsi_min_entry=50), quoted(rsi_14=NAN)),
    ),
    "rule:price_max_entry": (
        passes("at the limit", ruled(price_max_entry=100)),
        refuses("above", ruled(price_max_entry="99.99")),
        refuses("missing", ruled(price_max_entry=100), quoted(level=None)),
    ),
    "rule:price_min_entry": (
        passes("at the limit", ruled(price_min_entry=100)),
        refuses("below", ruled(price_min_entry="100.01")),
        refuses("not a number", ruled(price_min_entry=100), quoted(level=NAN)),
    ),
    "rule:min_adv_dollars_entry": (
        passes("at the limit", ruled(min_adv_dollars_entry=1_000_000_000)),
        refuses("below", ruled(min_adv_dollars_entry="1000000000.01")),
        refuses("missing", ruled(min_adv_dollars_entry=1), quoted(adv_dollars=None)),
        passes("below, a sale", ruled(min_adv_dollars_entry="1000000000.01"), *SOLD),
    ),
    # The scene's moment, 15:00 UTC, is 10:00 in New York.
    "rule:blackout": (
        passes("before", ruled(blackout_start="10:01", blackout_end="11:00")),
        refuses("at its start", ruled(blackout_start="10:00", blackout_end="11:00")),
        passes("at its end", ruled(blackout_start="09:00", blackout_end="10:00")),
        refuses("over midnight", ruled(blackout_start="22:00", blackout_end="10:01")),
        refuses("another zone", ruled(blackout_start="16:00", blackout_end="16:01", blackout_timezone="Europe/Berlin")),
        passes("inside, a sale", ruled(blackout_start="10:00", blackout_end="11:00"), *SOLD),
        # 14:00 UTC is 10:00 in New York in July, and 09:00 in winter.
        refuses(
            "in summer time", ruled(blackout_start="10:00", blackout_end="11:00"),
            at_time(datetime(2022, 7, 1, 14, tzinfo=UTC)),
        ),
        passes(
            "in winter time", ruled(blackout_start="10:00", blackout_end="11:00"),
            at_time(datetime(2022, 11, 28, 14, tzinfo=UTC)),
        ),
    ),
    "rule:close_all_by": (
        passes("before", ruled(close_all_by="10:01")),
        refuses("at the time", ruled(close_all_by="10:00")),
        passes("at the time, a sale", ruled(close_all_by="10:00"), *SOLD),
    ),
    "rule:approved_symbols": (
        passes("on the list", ruled(approved_symbols=["AAA", "BBB"])),
        refuses("not on it", ruled(approved_symbols="BBB,CCC")),
        passes("not on it, a sale", ruled(approved_symbols="BBB"), *SOLD),
    ),
    "rule:excluded_symbols": (
        passes("another one", ruled(excluded_symbols=["BBB"])),
        refuses("on the list", ruled(excluded_symbols="aaa,BBB")),
        passes("on the list, a sale", ruled(excluded_symbols="AAA"), *SOLD),
    ),
    "rule:excluded_sectors": (
        passes("another sector", ruled(excluded_sectors=["Utilities"]), described(sector="Energy")),
        refuses("its sector", ruled(excluded_sectors="energy"), described(sector="Energy")),
        refuses("sector not known", ruled(excluded_sectors="Utilities"), described(sector="UNKNOWN")),
        passes("its sector, a sale", ruled(excluded_sectors="Energy"), described(sector="Energy"), *SOLD),
    ),
    "rule:excluded_kinds": (
        passes("a stock where funds are excluded", ruled(excluded_kinds=["etf"])),
        refuses("a fund", ruled(excluded_kinds="ETF"), described(kind=InstrumentKind.ETF)),
        passes("a fund, a sale", ruled(excluded_kinds="etf"), described(kind=InstrumentKind.ETF), *SOLD),
    ),
    "rule:unreadable": (
        refuses("a bad number", ruled(max_position_pct="many")),
        refuses("an unknown parameter", ruled(max_moon_phase="3")),
        passes("a bad number, a sale", ruled(max_position_pct="many"), *SOLD),
    ),
}  # fmt: skip

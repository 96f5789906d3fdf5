"""Scenarios of the guards of cash, position, exposure and count, and of every kind of user rule."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from tests.scenarios.guard_stage import NOTHING, Scenario, Stage
from tests.scenarios.guard_world import next_day, opened_higher, past

from prudent.domain.accounts import AccountSnapshot
from prudent.domain.cycles import CycleRecord
from prudent.domain.orders import Effect, OpenOrder, Side
from prudent.domain.plans import PlannedOrder
from prudent.domain.verdicts import Outcome

FIVE_LARGE = dict.fromkeys(("AAPL", "JNJ", "JPM", "MSFT", "PG"), 19.5)
ONLY_WARNS = "it only warns"


def bought(record: CycleRecord, *, but: str = "") -> Decimal:
    """What the sent purchases cost at the plan's prices."""
    intents = [i for phase in record.phases for i in phase.intents if i.side is Side.BUY and i.symbol != but]
    return sum((i.quantity * (i.reference_price or NOTHING) for i in intents), NOTHING)


def reference(record: CycleRecord, symbol: str) -> Decimal:
    return next(o.reference_price for o in record.plan.orders if o.symbol == symbol)


def share_of(symbol: str, share: str, *, held: int = 0) -> Callable[[CycleRecord], Decimal]:
    """The shares that a position may still grow by within a fraction of equity."""
    return lambda record: Decimal(share) * record.plan.nav // reference(record, symbol) - held


def rest_of(symbol: str, share: str) -> Callable[[CycleRecord], Decimal]:
    """The shares that fit when all purchases together may cost a fraction of equity."""
    return lambda record: (
        (Decimal(share) * record.plan.nav - bought(record, but=symbol)) // reference(record, symbol)
    )


def worth(symbol: str, money: int) -> Callable[[CycleRecord], Decimal]:
    return lambda record: Decimal(money) // reference(record, symbol)


def planned_times(factor: int) -> Callable[[Stage], None]:
    return lambda stage: stage.orders(lambda order: (replace(order, quantity=order.quantity * factor),))


def planned_as(effect: Effect, side: Side) -> Callable[[Stage], None]:
    """The planner mistakes what the order does."""
    phase = 1 if effect.reduces else 2
    return lambda stage: stage.orders(lambda order: (replace(order, effect=effect, side=side, phase=phase),))


def planned_twice(stage: Stage) -> None:
    def twice(order: PlannedOrder) -> tuple[PlannedOrder, ...]:
        return order, replace(order, order_ref="B" * 24)

    stage.orders(twice)


def first_of_two(record: CycleRecord) -> Decimal:
    return record.plan.orders[0].quantity


def foreign(side: Side, count: int) -> Callable[[Stage], None]:
    """Orders of another client lie in the symbol."""

    def change(seen: AccountSnapshot) -> AccountSnapshot:
        limit = Decimal(999) if side is Side.SELL else Decimal(1)
        live = tuple(
            OpenOrder(
                order_ref=f"HAND{n}", symbol="AAPL", side=side, remaining=Decimal(1), limit_price=limit, ours=False
            )
            for n in range(count)
        )
        return replace(seen, open_orders=live)

    return lambda stage: stage.broker(change=change)


def traded_before(stage: Stage) -> None:
    stage.targets({"AAPL": 2})
    stage.cycle()
    next_day(stage)
    stage.targets({"AAPL": 18})


def bought_yesterday(stage: Stage) -> None:
    stage.cycle()
    next_day(stage)
    stage.targets({"MSFT": 10})


def stopped_out_yesterday(stage: Stage) -> None:
    """AMD trades a quarter below the cost of the holding."""
    stage.cycle()
    next_day(stage)


def limits(**values: object) -> dict[str, object]:
    return {"limits": values}


def ruled(params: Mapping[str, str], story: str) -> Scenario:
    return Scenario(story=story, rule=params)


TWO = {"AAPL": 10.0, "MSFT": 10.0}
MSFT = ("MSFT", Effect.OPEN)

BOOK: dict[str, Scenario] = {
    "P01": Scenario(
        story="the planner spends 150 % of the account",
        mandate=limits(max_position_weight=None, max_gross_exposure="300%"), arrange=planned_times(15),
        most=share_of("AAPL", "1"), outcome=Outcome.CLIP,
        beside="P02 has the same floor in a directed account, and the second phase scales buys to the cash",
    ),
    "P02": Scenario(
        story="a model's account wants to be 97.5 % invested", mandate={"class": "autonomous"}, targets=FIVE_LARGE,
        watch=("PG", Effect.OPEN), most=rest_of("PG", "0.90"), outcome=Outcome.CLIP,
    ),
    "P03": Scenario(
        story="the account keeps 30 % in cash", mandate=limits(cash_min="30%"), targets=FIVE_LARGE,
        watch=("MSFT", Effect.OPEN), most=rest_of("MSFT", "0.70"), outcome=Outcome.CLIP,
    ),
    "P04": Scenario(
        story="the planner sells twice what is held", held={"AAPL": 100}, targets={"MSFT": 1},
        mandate={"planning": {"allow_short": True}},
        arrange=lambda stage: stage.orders(
            lambda order: (replace(order, quantity=order.quantity * (2 if order.effect.reduces else 1)),)
        ),
        watch=("AAPL", Effect.CLOSE),
    ),
    "P05": Scenario(
        story="the planner covers where nothing is short", arrange=planned_as(Effect.COVER, Side.BUY),
        watch=("AAPL", Effect.COVER),
    ),
    "P06": Scenario(
        story="the planner shorts in a long-only account", arrange=planned_as(Effect.SHORT, Side.SELL),
        watch=("AAPL", Effect.SHORT),
    ),
    "P07": Scenario(
        story="a model's account adds to 24 % up to 60 %", targets={"AAPL": 60}, held={"AAPL": 200},
        mandate={"class": "autonomous", **limits(max_position_weight="100%")},
        most=share_of("AAPL", "0.50", held=200), outcome=Outcome.CLIP,
    ),
    "P08": Scenario(
        story="30 % of one stock", targets={"AAPL": 30}, most=share_of("AAPL", "0.20"), outcome=Outcome.CLIP
    ),
    "P08.L3": Scenario(
        story="15 % of one stock, the strategy says 10 %", targets={"AAPL": 15},
        mandate={"strategy_limits": {"max_position_weight": "10%"}}, most=share_of("AAPL", "0.10"),
        outcome=Outcome.CLIP,
    ),
    "P09": Scenario(
        story="two technology stocks of 19 %, the sector may have 25 %", targets={"AAPL": 19, "MSFT": 19},
        mandate=limits(max_sector_weight="25%"), watch=MSFT, most=rest_of("MSFT", "0.25"), outcome=Outcome.CLIP,
    ),
    "P11": Scenario(
        story="three positions of 19 %, half the account may be exposed",
        targets={"AAPL": 19, "JPM": 19, "MSFT": 19}, mandate=limits(max_gross_exposure="50%"), watch=MSFT,
        most=rest_of("MSFT", "0.50"), outcome=Outcome.CLIP,
    ),
    "P12": Scenario(
        story="one order over 60 % of a model's account", targets={"AAPL": 60},
        mandate={"class": "autonomous", **limits(max_position_weight="100%")},
    ),
    "P12.L1": Scenario(story="an order of 10,000 where 5,000 is the most", mandate=limits(max_order_notional=5000)),
    "P16": Scenario(
        story="from 2 % to 18 % where a cycle may turn over 10 %", mandate=limits(max_turnover_per_cycle="10%"),
        arrange=traded_before, most=share_of("AAPL", "0.10"), outcome=Outcome.CLIP,
    ),
    "P17": Scenario(
        story="two purchases where a cycle may have one", targets=TWO, mandate=limits(max_trades_per_cycle=1),
        watch=MSFT,
    ),
    "P17.L3": Scenario(
        story="three purchases where the strategy may have one, doubled while most is cash",
        targets={"AAPL": 10, "JPM": 10, "MSFT": 10}, mandate={"strategy_limits": {"max_trades_per_cycle": 1}},
        watch=MSFT,
    ),
    "P18": Scenario(
        story="two purchases where a day may have one", targets=TWO, mandate=limits(max_trades_per_day=1), watch=MSFT
    ),
    "P18.L0": Scenario(
        story="200 orders today, the account itself would allow 1,000", mandate=limits(max_trades_per_day=1000),
        arrange=past(trades_today=200),
    ),
    "P19": Scenario(
        story="most is cash, so that the strategy may trade twice as often",
        mandate={"strategy_limits": {"max_trades_per_cycle": 5}}, most=share_of("AAPL", "0.20"),
        outcome=Outcome.WARN, beside=ONLY_WARNS,
    ),
    "P20": Scenario(
        story="sold a day after it was bought, five days must pass",
        mandate={"strategy_limits": {"min_holding_days": 5}}, arrange=bought_yesterday,
        watch=("AAPL", Effect.CLOSE),
    ),
    "P21": Scenario(
        story="two funds of the same market", targets={"VOO": 10, "VTI": 10}, watch=("VTI", Effect.OPEN),
        most=share_of("VTI", "0.20"), outcome=Outcome.WARN, beside=ONLY_WARNS,
    ),
    "P23": Scenario(
        story="another client sells what we buy", held={"AAPL": 10}, arrange=foreign(Side.SELL, 1),
        outcome=Outcome.DEFER,
    ),
    "P24": Scenario(
        story="a stop sold it yesterday, ten days must pass", targets={"AMD": 5}, held={"AMD": 50},
        mandate={"exits": {"stop_loss": "10%"}}, arrange=stopped_out_yesterday, watch=("AMD", Effect.OPEN),
    ),
    "R01": Scenario(story="the planner asks for the same twice", arrange=planned_twice, most=first_of_two),
    "R02": Scenario(
        story="fifteen orders lie on one side of the symbol", arrange=foreign(Side.BUY, 15), outcome=Outcome.DEFER
    ),
}  # fmt: skip

RULES: dict[str, Scenario] = {
    "max_position_pct": Scenario(
        story="5 % of one stock at most", rule={"max_position_pct": "5"}, most=share_of("AAPL", "0.05"),
        outcome=Outcome.CLIP,
    ),
    "max_position_dollars": Scenario(
        story="4,000 dollars of one stock at most", rule={"max_position_dollars": "4000"}, most=worth("AAPL", 4000),
        outcome=Outcome.CLIP,
    ),
    "max_sector_pct": Scenario(
        story="15 % of one sector at most", rule={"max_sector_pct": "15"}, targets=TWO, watch=MSFT,
        most=rest_of("MSFT", "0.15"), outcome=Outcome.CLIP,
    ),
    "max_order_dollars": ruled({"max_order_dollars": "5000"}, "5,000 dollars an order at most"),
    "max_positions": Scenario(
        story="one position at most", rule={"max_positions": "1"}, targets=TWO, watch=MSFT
    ),
    "min_cash_reserve_pct": Scenario(
        story="95 % stays cash", rule={"min_cash_reserve_pct": "95"}, most=share_of("AAPL", "0.05"),
        outcome=Outcome.CLIP,
    ),
    "max_trades_per_session": Scenario(
        story="one trade a session", rule={"max_trades_per_session": "1"}, targets=TWO, watch=MSFT
    ),
    "max_daily_loss_pct": Scenario(
        story="1.5 % lost where 1 % is the most", rule={"max_daily_loss_pct": "1"}, arrange=opened_higher("0.0153")
    ),
    "max_daily_loss_dollars": Scenario(
        story="1,500 lost where 1,000 is the most", rule={"max_daily_loss_dollars": "1000"},
        arrange=opened_higher("0.0153"),
    ),
    "rsi_max_entry": ruled({"rsi_max_entry": "1"}, "nothing is as oversold as that"),
    "rsi_min_entry": ruled({"rsi_min_entry": "99"}, "nothing is as overbought as that"),
    "price_max_entry": ruled({"price_max_entry": "10"}, "only below 10 dollars"),
    "price_min_entry": ruled({"price_min_entry": "10000"}, "only above 10,000 dollars"),
    "min_adv_dollars_entry": ruled({"min_adv_dollars_entry": "90000000000"}, "only what trades 90 billion a day"),
    "blackout": ruled({"blackout_start": "09:30", "blackout_end": "16:00"}, "nothing in the session"),
    "close_all_by": ruled({"close_all_by": "09:45"}, "everything is to be closed by now"),
    "approved_symbols": ruled({"approved_symbols": "MSFT"}, "only MSFT"),
    "excluded_symbols": ruled({"excluded_symbols": "AAPL"}, "everything but AAPL"),
    "excluded_sectors": ruled({"excluded_sectors": "Information Technology"}, "no technology"),
    "excluded_kinds": ruled({"excluded_kinds": "stock"}, "no single stocks"),
    "unreadable": ruled({"max_position_pct": "many"}, "a rule that cannot be read lets nobody in"),
}  # fmt: skip

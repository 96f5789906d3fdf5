"""Scenarios of the guards of mode, prices, instruments, losses and identity: one story for each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.scenarios.guard_stage import Scenario, Stage
from tests.scenarios.homes import ACCOUNT

from prudent.domain.accounts import AccountHistory, TradingState
from prudent.domain.instruments import Instrument
from prudent.domain.orders import Effect, OrderIntent, OrderType, Side
from prudent.domain.plans import PlannedOrder
from prudent.domain.quotes import Quote
from prudent.domain.verdicts import Outcome
from prudent.guards.catalogue import INTERLOCKS
from prudent.marketdata.instruments import InstrumentMaster
from prudent.ports import BrokerTraits
from prudent.workflows.advance import advance, next_sessions
from prudent.workflows.control import Scope, halt

LIST = "symbol,venue,kind,currency,sector\n"
FIVE = ("JNJ", "JPM", "KO", "PG", "WMT")


def halt_symbol(stage: Stage) -> None:
    halt(stage.desk, Scope(account=ACCOUNT, symbol="AAPL"), state=TradingState.HALTED, reason="rumour")


def pull_kill_switch(stage: Stage) -> None:
    stage.desk.set_kill_file("enough")


def hold_no_lease(stage: Stage) -> None:
    stage.holds_lease = False


def leave_an_order_in_doubt(stage: Stage) -> None:
    """A process died while it sent an order, and the venue needs quiet before its silence proves anything."""
    desk = stage.desk
    mandate, now = desk.mandate(ACCOUNT), desk.clock.now()
    run = desk.ledger.open_run(mandate, mode="paper", rules=(), code_version=desk.code_version, at=now)
    intent = OrderIntent(
        order_ref="DOUBT", account=ACCOUNT, symbol="MSFT", side=Side.BUY, quantity=Decimal(1), effect=Effect.OPEN
    )
    desk.ledger.approve(run, desk.ledger.next_cycle(run, at=now), (intent,), at=now)
    desk.ledger.sending(ACCOUNT, intent.order_ref, seal=intent.seal, at=now)
    stage.broker(traits=BrokerTraits(shorting=True, quiet_seconds=60))


def edit_configuration(stage: Stage) -> None:
    path = stage.desk.home / "invest.yaml"
    path.write_text(path.read_text() + "# one more line\n")


def plan_half_a_share(stage: Stage) -> None:
    stage.orders(lambda order: (replace(order, quantity=order.quantity + Decimal("0.5")),))


class DelistedLater(InstrumentMaster):
    """A list from which AAPL drops out while the cycle runs."""

    delisted = False

    def find(self, symbol: str) -> Instrument | None:
        found = super().find(symbol)
        if found is not None and symbol == "AAPL" and self.delisted:
            return replace(found, tradable=False)
        return found


def delist(stage: Stage) -> None:
    names = DelistedLater()
    stage.desk.instruments = names
    stage.after["guard"] = lambda: setattr(names, "delisted", True)


def close_before_sending(stage: Stage) -> None:
    """On a closed market a plan waits for the open; here it closes between the consent and the orders."""
    session = stage.desk.calendar.session_of(stage.desk.clock.now())
    # At one price all day: one that had moved far would stop the orders too.

    def steady(quote: Quote) -> Decimal | None:
        return quote.previous_close

    stage.quotes(price=steady, bid=steady, ask=steady)
    stage.after["consent"] = lambda: advance(stage.desk, session.close + timedelta(minutes=5))


def price(quote: Quote) -> Decimal:
    assert quote.price is not None
    return quote.price


def spread(share: str, *, when: str = "") -> Callable[[Stage], None]:
    """Bid and ask so far below and above the price, as a fraction of it each."""
    half = Decimal(share)
    return lambda stage: stage.quotes(
        when=when, bid=lambda q: price(q) * (1 - half), ask=lambda q: price(q) * (1 + half)
    )


def stale_quote(stage: Stage) -> None:
    """An hour old, and wide enough apart that the planner gives a limit."""
    stage.quotes(
        bid=lambda q: price(q) * Decimal("0.99"), ask=lambda q: price(q) * Decimal("1.01"),
        as_of=lambda q: stage.desk.clock.now() - timedelta(hours=1),
    )  # fmt: skip


def limit_at(share: str) -> Callable[[Stage], None]:
    """The planner gives a limit that far above the price."""

    def limited(order: PlannedOrder) -> tuple[PlannedOrder, ...]:
        limit = (order.reference_price * (1 + Decimal(share))).quantize(Decimal("0.01"))
        return (replace(order, type=OrderType.LIMIT, limit_price=limit),)

    return lambda stage: stage.orders(limited)


def rise_while_sending(stage: Stage) -> None:
    stage.quotes(
        when="guard",
        **{name: lambda q, name=name: getattr(q, name) * Decimal("1.04") for name in ("price", "bid", "ask", "level")},
    )


def euros_of_last_week(stage: Stage) -> None:
    def change(quote: Quote) -> Quote:
        old = stage.desk.clock.now() - timedelta(days=2)
        return replace(quote, price=Decimal("1.05"), as_of=old) if quote.symbol == "EURUSD" else quote

    stage.market(change)


def slow_broker_clock(stage: Stage) -> None:
    stage.broker(change=lambda seen: replace(seen, as_of=seen.as_of - timedelta(seconds=20)))


def past(**fields: object) -> Callable[[Stage], None]:
    """The ledger remembers this."""

    def change(history: AccountHistory) -> AccountHistory:
        return replace(history, **fields)  # type: ignore[arg-type]

    return lambda stage: stage.past(change)


def opened_higher(by: str) -> Callable[[Stage], None]:
    """The session opened at a net liquidation that much higher, as a fraction of today's."""
    return past(nlv_open=Decimal(100_000) * (1 + Decimal(by)))


def five_refusals_within_a_minute(stage: Stage) -> None:
    stage.broker(refuses=frozenset(FIVE))
    stage.cycle()
    stage.targets({"AAPL": 10})


def five_refused_cycles(stage: Stage) -> None:
    for _ in range(5):
        stage.cycle()
    stage.targets({"MSFT": 10})


def find_orphans(stage: Stage, symbols: Sequence[str] = ("AAPL",)) -> None:
    """Orders rest at the venue that nobody here placed; the start finds them there."""
    for symbol in symbols:
        by_hand = OrderIntent(
            order_ref=f"BYHAND{symbol}", account=ACCOUNT, symbol=symbol, side=Side.BUY, quantity=Decimal(1),
            effect=Effect.OPEN, type=OrderType.LIMIT, limit_price=Decimal(1),
        )  # fmt: skip
        stage.desk.broker.submit(by_hand)


def next_day(stage: Stage) -> None:
    (moment,) = next_sessions(stage.desk, 1)
    advance(stage.desk, moment)


def told(lock: str) -> Scenario:
    return Scenario(
        story=f"the desk tells that {lock} {INTERLOCKS[lock]} is not satisfied",
        arrange=lambda stage: stage.interlock(lock),
    )


WORLD: dict[str, Scenario] = {
    "M00": Scenario(
        story="a person halted one symbol", arrange=halt_symbol,
        beside="the claim of an order asks for the state once more",
    ),
    **{lock: told(lock) for lock in ("M01", "M02", "M03", "M05", "M06", "M07")},
    "M04": Scenario(
        story="the kill switch file lies in the home", arrange=pull_kill_switch,
        beside="the switch is read once more before each submit",
    ),
    "M08": Scenario(story="the process trades without the home's lease", arrange=hold_no_lease),
    "M09": Scenario(story="nobody can say what became of an order", arrange=leave_an_order_in_doubt),
    "M10": Scenario(story="the configuration changed under the running desk", arrange=edit_configuration),
    "D01": Scenario(story="the planner asks for half a share", arrange=plan_half_a_share),
    "D02": Scenario(story="the symbol is delisted between plan and submit", arrange=delist),
    "D03": Scenario(story="the target is outside the universe", mandate={"universe": ["MSFT"]}),
    "D04": Scenario(
        story="the market closes before the orders leave", arrange=close_before_sending, outcome=Outcome.DEFER,
    ),
    "D05": Scenario(story="the quote is an hour old", arrange=stale_quote),
    "D06": Scenario(story="bid and ask are 8 % apart", arrange=spread("0.04")),
    "D07": Scenario(
        story="a second source is 5 % away",
        arrange=lambda s: s.quotes(second_price=lambda q: price(q) * Decimal("1.05"), second_source=lambda q: "other"),
    ),
    "D08": Scenario(
        story="the price stands 25 % above the last close",
        arrange=lambda s: s.quotes(previous_close=lambda q: price(q) / Decimal("1.25")),
    ),
    "D09": Scenario(
        story="a limit 12 % above the price", arrange=limit_at("0.12"),
        beside="the account's collar of 5 % stops it too",
    ),
    "D09.L1": Scenario(story="a limit 7 % above the price", arrange=limit_at("0.07")),
    "D10": Scenario(
        story="the spread of a market order widens to 2 % before it is sent", arrange=spread("0.01", when="guard")
    ),
    "D11": Scenario(
        story="the unadjusted price is 4 dollars",
        arrange=lambda s: s.quotes(level=lambda q: Decimal(4), previous_level=lambda q: Decimal(6)),
    ),
    "D12": Scenario(
        story="volume is known of 10 of 20 sessions", arrange=lambda s: s.quotes(adv_sessions=lambda q: 10)
    ),
    "D13": Scenario(
        story="110,000 dollars trade in a day, of which 5 % may be ours",
        arrange=lambda s: s.quotes(adv_dollars=lambda q: Decimal(110_000)),
        most=lambda record: Decimal(5_500) // record.plan.orders[0].reference_price, outcome=Outcome.CLIP,
    ),
    "D14": Scenario(
        story="the sector is not known", files={"instruments.csv": LIST + "AAPL,NASDAQ,stock,USD,\n"},
        most=lambda record: Decimal(1_000), outcome=Outcome.WARN,
        beside="it only warns: an unknown sector is capped like any other",
    ),
    "D15": Scenario(
        story="the rate of the instrument's currency is two days old",
        files={"instruments.csv": LIST + "AAPL,NASDAQ,stock,EUR,Information Technology\n"},
        arrange=euros_of_last_week,
    ),
    "D16": Scenario(story="the price moves 4 % between decision and submit", arrange=rise_while_sending),
    "D17": Scenario(story="the broker's clock is 20 seconds off", arrange=slow_broker_clock),
    "X01": Scenario(
        story="3 % lost since the open, the account itself allows 5 %",
        mandate={"limits": {"max_daily_loss": "5%"}}, arrange=opened_higher("0.032"),
    ),
    "X01.L1": Scenario(
        story="1.5 % lost since the open, the account allows 1 %",
        mandate={"limits": {"max_daily_loss": "1%"}}, arrange=opened_higher("0.0153"),
    ),
    "X02": Scenario(
        story="21 % below the peak, not cut yet",
        arrange=past(unit_value=Decimal("0.79"), peak_unit_value=Decimal(1)),
    ),
    "X03": Scenario(
        story="26 % below the peak, the cut was made before",
        arrange=past(unit_value=Decimal("0.74"), peak_unit_value=Decimal(1), drawdown_latched=True),
    ),
    "X06": Scenario(
        story="the broker refused five orders a moment ago", targets=dict.fromkeys(FIVE, 5),
        arrange=five_refusals_within_a_minute,
        beside="the fifth refusal stops the account while it sends",
    ),
    "X07": Scenario(
        story="five cycles asked only for what is not allowed", mandate={"universe": ["MSFT"]},
        arrange=five_refused_cycles, watch=("MSFT", Effect.OPEN),
    ),
    "R04": Scenario(
        story="an order in the symbol is there that nobody here placed", arrange=find_orphans,
        beside="the claim of an order asks for others on its symbol once more",
    ),
}  # fmt: skip

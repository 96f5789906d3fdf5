"""After any sequence of steps a book is the sum of what was booked, and the row face equals the columns."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.contract.broker import TRAITS, hand_market
from tests.contract.broker_fakes import NOON, HandClock, WeekdayCalendar, intent

from prudent.brokers.simulated import MemoryVenueStore, SimulatedBroker
from prudent.domain.mandate import CostModel
from prudent.domain.money import to_cents
from prudent.domain.orders import Effect, OrderStatus, TimeInForce
from prudent.domain.quotes import Quote
from prudent.exchange.book import Book, Terms
from prudent.exchange.fees import model_code
from prudent.exchange.matching import BookColumns, Costs, FillColumns, OrderColumns, QuoteColumns, match_batch
from prudent.exchange.venue import Moment, Venue
from prudent.ports import BrokerTraits

D = Decimal
SYMBOLS = ("AAPL", "MSFT")
CASH = D("10000.00")


class VenueMachine(RuleBasedStateMachine):
    """Throws everything at one account that may short, and keeps the sum of what the venue said it booked."""

    @initialize(costs=st.sampled_from(CostModel), slippage=st.sampled_from(["0", "2", "37.5"]))
    def start(self, costs: CostModel, slippage: str) -> None:
        self.market, self.clock = hand_market(), HandClock()
        self.broker = SimulatedBroker(
            MemoryVenueStore(), self.market, WeekdayCalendar(), self.clock,
            venue=Venue(TRAITS, participation=D("0.1")),
        )  # fmt: skip
        self.broker.open_account(
            "acc", cash=CASH, allow_short=True, costs=costs, slippage_bps=D(slippage)
        )
        self.sent = 0
        self.transferred = D(0)
        self.answers: dict[str, OrderStatus] = {}

    @rule(
        effect=st.sampled_from(Effect), quantity=st.integers(1, 150), symbol=st.sampled_from(SYMBOLS),
        limit=st.none() | st.integers(30, 130), time_in_force=st.sampled_from(TimeInForce), times=st.integers(1, 2),
    )  # fmt: skip
    def submit(
        self, effect: Effect, quantity: int, symbol: str, limit: int | None, time_in_force: TimeInForce, times: int
    ) -> None:
        self.sent += 1
        order = intent(
            f"r{self.sent}", effect, str(quantity), symbol, limit=None if limit is None else str(limit),
            time_in_force=time_in_force,
        )  # fmt: skip
        report = self.broker.submit(order)
        assert report.status is not OrderStatus.REJECTED or report.message
        for _ in range(times):
            assert self.broker.submit(order) == report

    @rule(n=st.integers(1, 20))
    def cancel(self, n: int) -> None:
        assert self.broker.cancel("acc", f"r{n}").status.is_done

    @rule(cents=st.integers(1, 500_000), kind=st.sampled_from(["deposit", "dividend"]))
    def pay_in(self, cents: int, kind: str) -> None:
        self.sent += 1
        amount = D(cents).scaleb(-2)
        for _ in range(2):
            self.broker.transfer("acc", amount, kind, ref=f"t{self.sent}", at=self.clock.now())
        self.transferred += amount

    @rule(hours=st.integers(1, 80))
    def wait(self, hours: int) -> None:
        for day in WeekdayCalendar().sessions(self.clock.at.date(), (self.clock.at + timedelta(hours=hours)).date()):
            for symbol in SYMBOLS:
                price = float(self.market.prices[symbol].price or 1)
                self.market.days[symbol, day.date] = (price, price * 1.05, price * 0.95)
        self.clock.at += timedelta(hours=hours)

    @rule(symbol=st.sampled_from(SYMBOLS), price=st.integers(2000, 15000), volume=st.none() | st.integers(500, 90_000))
    def move(self, symbol: str, price: int, volume: int | None) -> None:
        self.market.set(symbol, str(D(price).scaleb(-2)), adv_dollars=None if volume is None else str(volume))

    @invariant()
    def cash_and_positions_are_the_sum_of_fills_and_transfers(self) -> None:
        seen, fills = self.broker.snapshot("acc"), self.broker.fills("acc")
        assert seen.cash == CASH + self.transferred + sum((to_cents(f.cash_effect) for f in fills), D(0))
        held = {p.symbol: p.quantity for p in seen.positions}
        for symbol in SYMBOLS:
            booked = sum((f.side.sign * f.quantity for f in fills if f.symbol == symbol), D(0))
            assert held.get(symbol, D(0)) == booked

    @invariant()
    def no_order_fills_more_than_it_asked_and_no_fill_is_told_twice(self) -> None:
        fills = self.broker.fills("acc")
        assert len({f.exec_id for f in fills}) == len(fills)
        for report in self.broker.reports("acc", tuple(f"r{n}" for n in range(1, self.sent + 1))):
            assert report.filled <= report.quantity
            assert report.filled == sum((f.quantity for f in report.fills), D(0))

    @invariant()
    def a_finished_order_keeps_its_end(self) -> None:
        for report in self.broker.reports("acc", tuple(f"r{n}" for n in range(1, self.sent + 1))):
            before = self.answers.get(report.order_ref)
            assert before is None or not before.is_done or before is report.status
            if report.quantity:
                self.answers[report.order_ref] = report.status


TestVenueMachine = VenueMachine.TestCase
TestVenueMachine.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)

rows = st.lists(
    st.tuples(
        st.integers(0, 2), st.booleans(), st.integers(1, 4000), st.none() | st.integers(500, 30_000)
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@given(
    orders=rows, cents=st.lists(st.integers(500, 30_000), min_size=3, max_size=3), spread=st.sampled_from([0, 1, 10]),
    model=st.sampled_from(CostModel), slippage=st.sampled_from(["0", "2", "5", "37.5"]),
    volumes=st.lists(st.none() | st.integers(100, 1_000_000), min_size=3, max_size=3),
)  # fmt: skip
def test_the_row_face_and_the_columns_agree_to_the_cent(
    orders: list[tuple[int, bool, int, int | None]], cents: list[int], spread: int, model: CostModel, slippage: str,
    volumes: list[int | None],
) -> None:  # fmt: skip
    session = WeekdayCalendar().session_of(NOON)
    venue = Venue(BrokerTraits(shorting=True), participation=D("0.1"))
    terms = Terms(allow_short=True, costs=model, slippage_bps=D(slippage))
    book = Book(account="acc", terms=terms, cash=D("500000.00"))
    quotes = [
        Quote(
            symbol=f"S{k}", price=D(c).scaleb(-2), bid=D(c - spread).scaleb(-2), ask=D(c + spread).scaleb(-2),
            adv_dollars=None if v is None else D(v),
        )
        for k, (c, v) in enumerate(zip(cents, volumes))
    ]  # fmt: skip
    kept: list[tuple[int, int, float, float]] = []
    statuses: list[tuple[OrderStatus, Decimal]] = []
    for i, (k, buying, quantity, limit) in enumerate(orders):
        # Only buys, and sells of what is held: the columns carry no permissions.
        held = book.held(f"S{k}") - book.pending(f"S{k}", Effect.CLOSE)
        if not buying and held < quantity:
            continue
        price = None if limit is None else D(limit).scaleb(-2)
        order = intent(
            f"r{i}", Effect.OPEN if buying else Effect.CLOSE, str(quantity), f"S{k}",
            limit=None if price is None else str(price), time_in_force=TimeInForce.IOC,
        )  # fmt: skip
        change = venue.place(book, order, quotes[k], Moment(now=NOON, open=True, session=session))
        (placed,) = change.orders
        book = change.book
        kept.append((k, 1 if buying else -1, float(quantity), float("nan") if price is None else float(price)))
        statuses.append((placed.status, placed.filled))
    n = len(kept)
    if not n:
        assert book.cash == D("500000.00")
        return
    symbols, sides, quantities, limits = zip(*kept)
    columns = OrderColumns(
        np.array(symbols, np.int64), np.array(sides, np.int64), np.array(quantities), np.array(limits)
    )
    market = QuoteColumns(
        price=_column(quotes, "price"), bid=_column(quotes, "bid"), ask=_column(quotes, "ask"),
        cap=np.array([np.inf if v is None else float(D("0.1") * v / D(c).scaleb(-2)) for v, c in zip(volumes, cents)]),
        lot=np.ones(3), multiplier=np.ones(3),
    )  # fmt: skip
    state = BookColumns(np.array([500000.0]), np.zeros(3), np.zeros(3))
    log = FillColumns(np.zeros(n, np.int64), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))
    match_batch(columns, market, state, log, Costs(model_code(model), float(slippage)))
    assert D(repr(float(state.cash[0]))) == book.cash
    assert [float(book.held(f"S{k}")) for k in range(3)] == state.quantity.tolist()
    assert [float(filled) for _, filled in statuses] == log.quantity.tolist()


def _column(quotes: list[Quote], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([float(getattr(quote, name)) for quote in quotes])

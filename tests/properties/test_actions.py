"""After any sequence of fills and corporate actions the ledger's book is the venue's, to the cent and the share."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.broker import TRAITS
from tests.contract.broker_fakes import HandClock, HandMarket, WeekdayCalendar, intent
from tests.contract.ledger_build import mandate

from prudent.brokers.simulated import MemoryVenueStore, SimulatedBroker
from prudent.domain.corporate_actions import CorporateAction, Delisting, Dividend, Split
from prudent.domain.orders import Effect
from prudent.exchange.venue import Venue
from prudent.ledger import LedgerStore, open_ledger

D = Decimal
SYMBOLS = ("AAPL", "MSFT")
START = datetime(2024, 3, 4, 17, 0, tzinfo=UTC)
NUMBERS = count(1)

orders = st.tuples(
    st.sampled_from([Effect.OPEN, Effect.OPEN, Effect.CLOSE, Effect.SHORT, Effect.COVER]), st.sampled_from(SYMBOLS),
    st.integers(1, 60), st.integers(500, 20_000),
)  # fmt: skip
acts = st.tuples(
    st.sampled_from(["dividend", "split", "delisting"]), st.sampled_from(SYMBOLS),
    st.sampled_from(["2", "3", "1.5", "0.1", "0.033333", "0.142857", "1.046"]), st.integers(1, 30_000),
)  # fmt: skip


@pytest.fixture(scope="module")
def ledger() -> Iterator[LedgerStore]:
    store = open_ledger(":memory:")
    yield store
    store.close()


class Desk:
    """One account at the venue and in the ledger, which hears of every fill and every action."""

    def __init__(self, ledger: LedgerStore) -> None:
        self.account = f"acc{next(NUMBERS)}"
        self.ledger, self.clock, self.market = ledger, HandClock(START), HandMarket()
        self.broker = SimulatedBroker(
            MemoryVenueStore(), self.market, WeekdayCalendar(), self.clock, venue=Venue(TRAITS)
        )
        self.broker.open_account(self.account, cash=D(50_000), allow_short=True)
        ledger.add_account(mandate(self.account), cash=D(50_000), at=START)
        self.run = ledger.open_run(mandate(self.account), mode="paper", rules=(), code_version="1", at=START)
        self.sent = 0

    def trade(self, effect: Effect, symbol: str, quantity: int, cents: int) -> None:
        now = self.clock.now()
        self.sent += 1
        self.market.set(symbol, str(D(cents).scaleb(-2)))
        order = intent(f"{self.account}-r{self.sent}", effect, str(quantity), symbol, account=self.account)
        cycle = self.ledger.next_cycle(self.run, at=now)
        self.ledger.approve(self.run, cycle, (order,), at=now)
        self.ledger.sending(self.account, order.order_ref, seal=order.seal, at=now)
        self.ledger.reported(self.account, self.broker.submit(order), at=now)

    def next_day(self, *told: tuple[str, str, str, int]) -> None:
        """Before the next open, what companies do is booked twice over, and counts once."""
        day = WeekdayCalendar().session_of(self.clock.now() + timedelta(days=1)).date
        self.clock.at = datetime.combine(day, time(13, 0), tzinfo=UTC)
        actions = {each.ref: each for each in (made(day, *one) for one in told)}
        for _ in range(2):
            self.broker.act(self.account, tuple(actions.values()), at=self.clock.now())
            for action in actions.values():
                self.ledger.book_action(self.account, action, at=self.clock.now())
        self.clock.at = datetime.combine(day, time(17, 0), tzinfo=UTC)

    def agrees(self) -> None:
        seen = self.broker.snapshot(self.account)
        assert self.ledger.views.money(self.account).cash == seen.cash
        held = {row.symbol: row.quantity for row in self.ledger.views.positions(self.account)}
        assert held == {position.symbol: position.quantity for position in seen.positions}
        opened = {row.symbol: row.opened for row in self.ledger.views.positions(self.account)}
        assert opened == {position.symbol: position.opened for position in seen.positions}


def made(day: date, kind: str, symbol: str, ratio: str, cents: int) -> CorporateAction:
    price = D(cents).scaleb(-2)
    if kind == "dividend":
        return Dividend(symbol=symbol, day=day, amount=D(cents).scaleb(-4))
    if kind == "split":
        return Split(symbol=symbol, day=day, ratio=D(ratio), price=price)
    return Delisting(symbol=symbol, day=day, price=price)


@given(st.lists(st.tuples(st.lists(orders, max_size=4), st.lists(acts, max_size=3)), min_size=1, max_size=6))
def test_the_ledgers_book_is_the_venues_after_any_fills_and_actions(
    ledger: LedgerStore, days: list[tuple[list[tuple[Effect, str, int, int]], list[tuple[str, str, str, int]]]]
) -> None:
    desk = Desk(ledger)
    for traded, told in days:
        for order in traded:
            desk.trade(*order)
            desk.agrees()
        desk.next_day(*told)
        desk.agrees()


def test_the_journal_balances_after_all_of_it(ledger: LedgerStore) -> None:
    desk = Desk(ledger)
    desk.trade(Effect.OPEN, "AAPL", 7, 10_000)
    desk.next_day(("dividend", "AAPL", "2", 5_000), ("split", "AAPL", "1.5", 7_000), ("split", "MSFT", "2", 1))
    desk.agrees()
    # 7 x 0.50 of dividends. Ten and a half shares had cost 7 x 100.02, so half a one 33.34; it is paid 35.00.
    money = ledger.views.money(desk.account)
    assert (money.dividends, money.realised) == (D("3.50"), D("35.00") - D("33.34"))
    assert ledger.faults() == ()
    assert ledger.verify_audit().holds

"""Corporate actions at the venue: before the open of their day, once each, in memory and on file alike."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.broker import hand_market, simulated
from tests.contract.broker_fakes import AFTER_CLOSE, NOON, TUESDAY_OPEN, HandClock, intent

from prudent.brokers.simulated import MemoryVenueStore, SimulatedBroker, SqliteVenueStore
from prudent.domain.accounts import Position
from prudent.domain.corporate_actions import CorporateAction, Delisting, Dividend, Split
from prudent.domain.errors import InputError
from prudent.domain.orders import Effect, OrderStatus, TimeInForce
from prudent.exchange.actions import act
from prudent.exchange.book import Book, Terms

D = Decimal
TUESDAY = date(2024, 3, 5)
BEFORE_OPEN = datetime(2024, 3, 5, 14, 0, tzinfo=UTC)
SPLIT = Split(symbol="AAPL", day=TUESDAY, ratio=D("1.5"), price=D(60))
DIVIDEND = Dividend(symbol="AAPL", day=TUESDAY, amount=D("0.50"))
GONE = Delisting(symbol="AAPL", day=TUESDAY, price=D("0.25"))


class Bench:
    """The account `acc` with 10,000 and 21 AAPL at 90, and `short` that owes 21."""

    def __init__(self, store: MemoryVenueStore | SqliteVenueStore) -> None:
        self.clock, self.market = HandClock(NOON), hand_market()
        self.broker: SimulatedBroker = simulated(store, self.market, self.clock)
        for name, quantity in (("long", 21), ("short", -21)):
            held = Position(symbol="AAPL", quantity=D(quantity), average_cost=D(90))
            self.broker.open_account(name, cash=D(10_000), positions=(held,), allow_short=True)

    def acted(self, account: str, *actions: CorporateAction, at: datetime = BEFORE_OPEN) -> tuple[CorporateAction, ...]:
        self.clock.at = at
        return self.broker.act(account, actions, at=at)

    def held(self, account: str) -> tuple[Decimal, Decimal, Decimal | None]:
        """Cash, quantity and average cost."""
        seen = self.broker.snapshot(account)
        position = next(iter(seen.positions), None)
        return seen.cash, position.quantity if position else D(0), position.average_cost if position else None


@pytest.fixture(params=["memory", "file"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return Bench(MemoryVenueStore() if request.param == "memory" else SqliteVenueStore(tmp_path / "venue.db"))


def test_a_dividend_is_cash_once(bench: Bench) -> None:
    assert bench.acted("long", DIVIDEND) == (DIVIDEND,)
    assert bench.acted("long", DIVIDEND) == ()
    assert bench.held("long") == (D("10010.50"), D(21), D(90))


def test_who_is_short_pays_the_dividend(bench: Bench) -> None:
    bench.acted("short", DIVIDEND)
    assert bench.held("short") == (D("9989.50"), D(-21), D(90))


def test_a_split_moves_shares_and_average_cost_and_pays_the_rest(bench: Bench) -> None:
    # 21 x 1.5 = 31.5: 31 stay, half a share is paid 30.00, and 21 x 90 / 31.5 = 60.
    for _ in range(2):
        bench.acted("long", SPLIT)
        assert bench.held("long") == (D("10030.00"), D(31), D(60))
    bench.acted("short", SPLIT)
    assert bench.held("short") == (D("9970.00"), D(-31), D(60))


def test_a_split_makes_a_position_no_younger(bench: Bench) -> None:
    (before,) = bench.broker.snapshot("long").positions
    bench.acted("long", SPLIT)
    assert bench.broker.snapshot("long").positions[0].opened == before.opened == NOON


def test_a_dividend_and_a_split_of_one_day_act_in_their_order(bench: Bench) -> None:
    assert bench.acted("long", DIVIDEND, SPLIT) == (DIVIDEND, SPLIT)
    assert bench.held("long") == (D("10040.50"), D(31), D(60))


def test_a_delisting_pays_all_out(bench: Bench) -> None:
    bench.acted("long", GONE)
    assert bench.held("long") == (D("10005.25"), D(0), None)
    bench.acted("short", GONE)
    assert bench.held("short") == (D("9994.75"), D(0), None)


def test_live_orders_in_old_shares_are_cancelled_and_others_stay(bench: Bench) -> None:
    bench.clock.at = AFTER_CLOSE
    for ref, symbol in (("r1", "AAPL"), ("r2", "MSFT")):
        bench.broker.submit(intent(ref, symbol=symbol, account="long", time_in_force=TimeInForce.GTC))
    bench.acted("long", DIVIDEND)
    assert {order.order_ref for order in bench.broker.snapshot("long").open_orders} == {"r1", "r2"}
    bench.acted("long", SPLIT)
    assert {order.order_ref for order in bench.broker.snapshot("long").open_orders} == {"r2"}
    (gone,) = bench.broker.reports("long", ("r1",))
    assert (gone.status, gone.message) == (OrderStatus.CANCELLED, "AAPL was split on 2024-03-05")


def test_an_order_is_cancelled_by_a_split_of_what_is_not_held(bench: Bench) -> None:
    bench.clock.at = AFTER_CLOSE
    bench.broker.submit(intent("r1", symbol="MSFT", account="long"))
    told = Split(symbol="MSFT", day=TUESDAY, ratio=D(2), price=D(25))
    assert bench.acted("long", told) == ()
    assert bench.broker.snapshot("long").open_orders == ()


def test_who_holds_nothing_gets_nothing(bench: Bench) -> None:
    told = Dividend(symbol="MSFT", day=TUESDAY, amount=D(1))
    assert bench.acted("long", told) == ()
    assert bench.held("long")[0] == 10_000


def test_what_trades_at_the_open_trades_after_the_action(bench: Bench) -> None:
    bench.clock.at = AFTER_CLOSE
    bench.broker.submit(intent("r1", Effect.CLOSE, "21", account="long"))
    bench.acted("long", DIVIDEND)
    bench.clock.at = TUESDAY_OPEN
    cash, quantity, _ = bench.held("long")
    # Sold 21 at the bid of 99.90 less 2 bps of slippage, after 10.50 of dividends on them.
    assert quantity == 0
    (fill,) = bench.broker.fills("long")
    assert cash == D("10010.50") + fill.cash_effect.quantize(D("0.01"))


@pytest.mark.parametrize("at", [AFTER_CLOSE, TUESDAY_OPEN, datetime(2024, 3, 6, 14, 0, tzinfo=UTC)])
def test_an_action_is_refused_but_before_the_open_of_its_day(bench: Bench, at: datetime) -> None:
    with pytest.raises(InputError, match="AAPL:2024-03-05:dividend must be booked on 2024-03-05 before the open"):
        bench.acted("long", DIVIDEND, at=at)
    assert bench.held("long") == (D(10_000), D(21), D(90))


def test_a_transfer_cannot_pass_for_an_action(bench: Bench) -> None:
    with pytest.raises(InputError, match="must not begin with action:"):
        bench.broker.transfer("long", D(5), "deposit", ref=f"action:{DIVIDEND.ref}", at=NOON)
    bench.broker.transfer("long", D(5), "deposit", ref=DIVIDEND.ref, at=NOON)
    assert bench.acted("long", DIVIDEND) == (DIVIDEND,)


def test_an_unknown_account_is_named(bench: Bench) -> None:
    with pytest.raises(InputError, match="nobody"):
        bench.acted("nobody", DIVIDEND)


def test_what_was_booked_is_there_after_reopening(tmp_path: Path) -> None:
    Bench(SqliteVenueStore(tmp_path / "venue.db")).acted("long", DIVIDEND, SPLIT)
    broker = simulated(SqliteVenueStore(tmp_path / "venue.db"), hand_market(), HandClock(BEFORE_OPEN))
    assert broker.act("long", (DIVIDEND, SPLIT), at=BEFORE_OPEN) == ()
    assert broker.snapshot("long").cash == D("10040.50")


def test_a_cost_that_is_not_known_stays_unknown() -> None:
    book = Book(account="a", terms=Terms(), cash=D(0), holdings={
        "AAPL": Position(symbol="AAPL", quantity=D(2))
    })  # fmt: skip
    assert act(book, SPLIT).book.holdings["AAPL"] == Position(symbol="AAPL", quantity=D(3))

"""What every broker promises through which orders trade at a market's prices."""

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.contract.broker import Bench, OrderPathContract
from tests.contract.broker_fakes import AFTER_CLOSE, NOON, TUESDAY_CLOSE, TUESDAY_OPEN, intent

from prudent.domain.errors import Temporary
from prudent.domain.money import to_cents
from prudent.domain.orders import Effect, OrderIntent, OrderStatus, TimeInForce
from prudent.domain.quotes import Quality

D = Decimal


class TradingBrokerContract(OrderPathContract):
    """Inherited by every broker through which orders trade at a market's prices."""

    def test_a_buy_pays_the_ask_moved_by_slippage_and_the_commission(self, bench: Bench) -> None:
        report = bench.broker.submit(intent("r1"))
        assert report.status is OrderStatus.FILLED
        (fill,) = report.fills
        # 100.10 x 1.0002 = 100.12002; commission max($1, 10 x $0.005) = $1.00
        assert (fill.price, fill.commission, fill.quantity) == (D("100.12"), D("1.00"), D(10))
        assert (fill.exec_id, fill.time, fill.quality) == ("r1:1", NOON, Quality.REAL)
        seen = bench.broker.snapshot("acc")
        assert seen.cash == D("8997.80")
        # (20 x 90 + 10 x 100.12) / 30
        assert (seen.positions[0].quantity, seen.positions[0].average_cost) == (D(30), D("93.373333"))
        assert seen.positions[0].opened == NOON

    def test_a_sell_gets_the_bid_moved_by_slippage(self, bench: Bench) -> None:
        (fill,) = bench.broker.submit(intent("r1", Effect.CLOSE, "5")).fills
        # 99.90 x 0.9998 = 99.88002; 5 x 99.88 - 1.00
        assert fill.price == D("99.88")
        assert bench.broker.snapshot("acc").cash == D("10498.40")

    def test_without_bid_and_ask_the_price_is_the_reference(self, bench: Bench) -> None:
        (fill,) = bench.broker.submit(intent("r1", symbol="MSFT")).fills
        assert fill.price == D("50.01")

    def test_the_same_order_twice_trades_once(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1"))
        cash = bench.broker.snapshot("acc").cash
        bench.broker.submit(intent("r1"))
        assert bench.broker.snapshot("acc").cash == cash
        assert len(bench.broker.fills("acc")) == 1

    def test_the_same_order_through_two_connections_trades_once(self, bench: Bench) -> None:
        first = bench.broker.submit(intent("r1"))
        other = bench.connect()
        bench.clock.at = NOON + timedelta(minutes=1)
        bench.market.set("AAPL", "120")
        assert other.submit(intent("r1")) == first
        assert len(bench.broker.fills("acc")) == len(other.fills("acc")) == 1

    def test_the_same_order_sent_by_two_at_once_trades_once(self, bench: Bench) -> None:
        other = bench.connect()
        bench.market.on_quotes = lambda: _forget(other.submit(intent("r1")))
        report = bench.broker.submit(intent("r1"))
        assert report.status is OrderStatus.FILLED
        assert bench.broker.fills("acc") == report.fills
        assert bench.broker.snapshot("acc").cash == D("8997.80")

    def test_a_known_order_is_answered_without_asking_the_market(self, bench: Bench) -> None:
        first = bench.broker.submit(intent("r1"))

        def fail() -> None:
            raise Temporary("the market is away")

        bench.market.on_quotes = fail
        assert bench.broker.submit(intent("r1")) == first
        with pytest.raises(Temporary):
            bench.broker.submit(intent("r2"))
        assert bench.broker.reports("acc", ("r2",))[0].status is OrderStatus.NOT_SENT

    def test_average_cost_stays_when_a_position_shrinks(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1", Effect.CLOSE, "5"))
        (position,) = bench.broker.snapshot("acc").positions
        assert (position.quantity, position.average_cost) == (D(15), D(90))

    def test_a_rejected_order_stays_rejected_when_sent_again(self, bench: Bench) -> None:
        first = bench.broker.submit(intent("r1", Effect.CLOSE, "500"))
        bench.market.set("AAPL", "1")
        assert first.status is OrderStatus.REJECTED
        assert bench.connect().submit(intent("r1", Effect.CLOSE, "500")) == first

    def test_another_connection_sees_the_same_account(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1"))
        assert bench.connect().snapshot("acc") == bench.broker.snapshot("acc")

    def test_fills_since_a_time_leave_out_the_earlier_ones(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1"))
        bench.clock.at = NOON + timedelta(minutes=5)
        bench.broker.submit(intent("r2"))
        assert [f.order_ref for f in bench.broker.fills("acc")] == ["r1", "r2"]
        assert [f.order_ref for f in bench.broker.fills("acc", since=bench.clock.at)] == ["r2"]

    def test_a_limit_order_trades_at_its_limit_or_better_or_rests(self, bench: Bench) -> None:
        resting = bench.broker.submit(intent("r1", limit="100.09"))
        assert (resting.status, resting.fills) == (OrderStatus.ACKED, ())
        (seen,) = bench.broker.snapshot("acc").open_orders
        assert (seen.order_ref, seen.remaining, seen.limit_price) == ("r1", D(10), D("100.09"))
        (fill,) = bench.broker.submit(intent("r2", limit="100.11")).fills
        assert fill.price == D("100.11")
        bench.market.set("AAPL", "99.00")
        (report,) = bench.broker.wait("acc", ("r1",), seconds=60.0)
        # 99.00 x 1.0002 = 99.0198
        assert (report.status, report.fills[0].price) == (OrderStatus.FILLED, D("99.0198"))

    def test_a_day_order_in_a_closed_market_rests_and_trades_at_the_next_open(self, bench: Bench) -> None:
        bench.clock.at = AFTER_CLOSE
        assert bench.broker.submit(intent("r1")).status is OrderStatus.ACKED
        assert bench.broker.snapshot("acc").cash == D("10000.00")
        bench.clock.at = TUESDAY_OPEN
        bench.market.set("AAPL", "110")
        (report,) = bench.broker.reports("acc", ("r1",))
        assert (report.status, report.fills[0].price) == (OrderStatus.FILLED, D("110.022"))
        assert report.fills[0].time == TUESDAY_OPEN

    def test_an_order_that_waited_through_a_whole_session_trades_at_its_open(self, bench: Bench) -> None:
        bench.clock.at = AFTER_CLOSE
        bench.broker.submit(intent("r1"))
        bench.market.days["AAPL", TUESDAY_OPEN.date()] = (105.0, 115.0, 104.0)
        bench.clock.at = TUESDAY_CLOSE + timedelta(hours=1)
        (report,) = bench.broker.reports("acc", ("r1",))
        assert report.status is OrderStatus.FILLED
        fill = report.fills[0]
        assert (fill.price, fill.time, fill.quality) == (D("105.021"), TUESDAY_OPEN, Quality.SYNTHETIC)

    def test_a_limit_order_trades_in_the_range_of_the_session_it_waited_through(self, bench: Bench) -> None:
        bench.clock.at = AFTER_CLOSE
        bench.broker.submit(intent("low", limit="104.50"))
        bench.broker.submit(intent("too_low", limit="103.99"))
        bench.broker.submit(intent("high", Effect.CLOSE, "5", limit="115"))
        bench.market.days["AAPL", TUESDAY_OPEN.date()] = (105.0, 115.0, 104.0)
        bench.clock.at = TUESDAY_CLOSE
        low, too_low, high = bench.broker.reports("acc", ("low", "too_low", "high"))
        assert (low.fills[0].price, low.fills[0].time) == (D("104.5"), TUESDAY_CLOSE)
        assert (too_low.status, too_low.fills) == (OrderStatus.EXPIRED, ())
        assert high.fills[0].price == D(115)

    def test_a_day_order_expires_at_the_close_and_a_gtc_order_stays(self, bench: Bench) -> None:
        bench.broker.submit(intent("day", limit="90"))
        bench.broker.submit(intent("gtc", limit="90", time_in_force=TimeInForce.GTC))
        bench.clock.at = AFTER_CLOSE
        day, gtc = bench.broker.reports("acc", ("day", "gtc"))
        assert (day.status, gtc.status) == (OrderStatus.EXPIRED, OrderStatus.ACKED)
        assert [o.order_ref for o in bench.broker.snapshot("acc").open_orders] == ["gtc"]

    def test_an_ioc_order_never_rests(self, bench: Bench) -> None:
        ioc = TimeInForce.IOC
        assert bench.broker.submit(intent("r1", limit="90", time_in_force=ioc)).status is OrderStatus.CANCELLED
        assert bench.broker.submit(intent("r2", time_in_force=ioc)).status is OrderStatus.FILLED
        bench.clock.at = AFTER_CLOSE
        assert bench.broker.submit(intent("r3", time_in_force=ioc)).status is OrderStatus.REJECTED

    def test_volume_caps_what_one_session_trades(self, bench: Bench) -> None:
        # a tenth of 8,500 dollars a day at 50 dollars is 17 shares a session
        bench.market.set("MSFT", "50", adv_dollars="8500")
        first = bench.broker.submit(intent("r1", quantity="40", symbol="MSFT", time_in_force=TimeInForce.GTC))
        assert (first.status, first.filled) == (OrderStatus.PARTIAL, D(17))
        bench.clock.at = NOON + timedelta(hours=1)
        assert bench.broker.wait("acc", ("r1",), seconds=60.0)[0].filled == D(17)
        bench.clock.at = TUESDAY_OPEN
        (second,) = bench.broker.wait("acc", ("r1",), seconds=60.0)
        assert (second.status, second.filled) == (OrderStatus.PARTIAL, D(34))
        assert [f.exec_id for f in second.fills] == ["r1:1", "r1:2"]
        bench.clock.at = TUESDAY_OPEN + timedelta(days=1)
        (last,) = bench.broker.wait("acc", ("r1",), seconds=60.0)
        assert (last.status, [f.quantity for f in last.fills]) == (OrderStatus.FILLED, [D(17), D(17), D(6)])

    @pytest.mark.parametrize(
        ("order", "says"),
        [
            (intent("r", Effect.SHORT, symbol="MSFT"), "without permission"),
            (intent("r", Effect.CLOSE, "21"), "20 held and free"),
            (intent("r", Effect.CLOSE, symbol="MSFT"), "0 held and free"),
            (intent("r", Effect.COVER), "0 short"),
            (intent("r", symbol="NOPE"), "no price"),
            (intent("r", quantity="100"), "insufficient cash"),
            (intent("r", quantity="1.5"), "multiple of the lot 1"),
            (intent("r", Effect.SHORT, account="margin", quantity="0.5"), "multiple of the lot 1"),
        ],
    )
    def test_a_refusal_has_a_message_and_no_effect(self, bench: Bench, order: OrderIntent, says: str) -> None:
        before = bench.broker.snapshot(order.account)
        report = bench.broker.submit(order)
        assert report.status is OrderStatus.REJECTED
        assert says in report.message
        assert bench.broker.snapshot(order.account) == before

    @pytest.mark.parametrize("price", [None, "0", "-1", "NaN", "Infinity"])
    def test_no_usable_price_refuses(self, bench: Bench, price: str | None) -> None:
        bench.market.set("MSFT", price)
        report = bench.broker.submit(intent("r1", symbol="MSFT"))
        assert (report.status, "no price" in report.message) == (OrderStatus.REJECTED, True)

    def test_live_sells_count_against_what_is_held(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1", Effect.CLOSE, "15", limit="200"))
        assert "5 held and free" in bench.broker.submit(intent("r2", Effect.CLOSE, "6")).message
        assert bench.broker.submit(intent("r3", Effect.CLOSE, "5")).status is OrderStatus.FILLED

    def test_a_resting_buy_without_cash_at_the_open_is_rejected(self, bench: Bench) -> None:
        bench.clock.at = AFTER_CLOSE
        bench.broker.submit(intent("r1", quantity="99"))
        bench.clock.at = TUESDAY_OPEN
        bench.market.set("AAPL", "102")
        (report,) = bench.broker.reports("acc", ("r1",))
        assert (report.status, "insufficient cash" in report.message) == (OrderStatus.REJECTED, True)

    def test_a_permitted_short_is_sold_and_covered(self, bench: Bench) -> None:
        sold = bench.broker.submit(intent("r1", Effect.SHORT, account="margin"))
        assert sold.fills[0].price == D("99.88")
        seen = bench.broker.snapshot("margin")
        assert (seen.positions[0].quantity, seen.positions[0].average_cost) == (D(-10), D("99.88"))
        assert seen.cash == D("10997.80")
        assert "cover them" in bench.broker.submit(intent("r2", account="margin")).message
        covered = bench.broker.submit(intent("r3", Effect.COVER, account="margin"))
        assert covered.fills[0].price == D("100.12")
        assert bench.broker.snapshot("margin").positions == ()
        assert bench.broker.snapshot("margin").cash == D("9995.60")

    def test_the_proceeds_of_a_short_cannot_be_spent(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1", Effect.SHORT, "50", account="margin"))
        refused = bench.broker.submit(intent("r2", quantity="210", symbol="MSFT", account="margin"))
        assert "9999 can be spent" in refused.message
        assert bench.broker.submit(intent("r3", quantity="199", symbol="MSFT", account="margin")).fills

    def test_a_cancel_ends_a_live_order_once(self, bench: Bench) -> None:
        bench.broker.submit(intent("r1", limit="90"))
        assert bench.broker.cancel("acc", "r1").status is OrderStatus.CANCELLED
        assert bench.broker.cancel("acc", "r1").status is OrderStatus.CANCELLED
        assert bench.broker.snapshot("acc").open_orders == ()
        bench.market.set("AAPL", "80")
        assert bench.broker.reports("acc", ("r1",))[0].fills == ()

    def test_a_cancel_of_a_finished_order_answers_its_final_report(self, bench: Bench) -> None:
        filled = bench.broker.submit(intent("r1"))
        assert bench.broker.cancel("acc", "r1") == filled

    def test_cash_and_positions_are_the_sum_of_fills_to_the_cent(self, bench: Bench) -> None:
        bench.market.set("MSFT", "33.3333")
        bench.broker.submit(intent("r1", quantity="7", symbol="MSFT"))
        bench.broker.submit(intent("r2", Effect.CLOSE, "3"))
        bench.broker.submit(intent("r3", Effect.CLOSE, "2", symbol="MSFT"))
        fills = bench.broker.fills("acc")
        assert len(fills) == 3
        cash = D("10000.00") + sum((to_cents(f.cash_effect) for f in fills), D(0))
        seen = bench.broker.snapshot("acc")
        assert seen.cash == cash
        assert {p.symbol: p.quantity for p in seen.positions} == {"AAPL": D(17), "MSFT": D(5)}

    def test_the_quality_of_the_price_is_carried_into_the_fill(self, bench: Bench) -> None:
        bench.market.set("MSFT", "50", quality=Quality.SYNTHETIC)
        assert bench.broker.submit(intent("r1", symbol="MSFT")).fills[0].quality is Quality.SYNTHETIC


def _forget(answer: object) -> None:
    del answer

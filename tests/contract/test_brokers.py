"""Each broker under the contract: the simulated one on both stores, and the rehearsal of it."""

import gc
import types
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.broker import (
    Bench,
    BrokerContract,
    OrderPathContract,
    hand_market,
    simulated,
)
from tests.contract.broker_fakes import HandClock, intent
from tests.contract.broker_trading import TradingBrokerContract
from tests.scripted_broker import ScriptedBroker

from prudent.brokers.dry_run import DryRunBroker
from prudent.brokers.simulated import MemoryVenueStore, SimulatedBroker, SqliteVenueStore
from prudent.domain.orders import Effect, OrderStatus


class TestSimulatedBrokerInMemory(TradingBrokerContract):
    @pytest.fixture
    def bench(self) -> Bench:
        store, market, clock = MemoryVenueStore(), hand_market(), HandClock()
        broker = simulated(store, market, clock)
        return Bench(broker, broker, market, clock, connect=lambda: simulated(store, market, clock))


class TestSimulatedBrokerOnFile(TradingBrokerContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        path, market, clock = tmp_path / "venue.db", hand_market(), HandClock()
        broker = simulated(SqliteVenueStore(path), market, clock)
        return Bench(broker, broker, market, clock, connect=lambda: simulated(SqliteVenueStore(path), market, clock))


class TestDryRunBroker(BrokerContract):
    @pytest.fixture
    def bench(self) -> Bench:
        market, clock = hand_market(), HandClock()
        inner = simulated(MemoryVenueStore(), market, clock)
        return Bench(DryRunBroker(inner), inner, market, clock, connect=lambda: DryRunBroker(inner))

    def test_a_submit_answers_would_send_and_nothing_happens(self, bench: Bench) -> None:
        before = bench.admin.snapshot("acc")
        report = bench.broker.submit(intent("r1"))
        assert (report.status, report.fills) == (OrderStatus.WOULD_SEND, ())
        assert bench.admin.snapshot("acc") == before
        assert bench.admin.reports("acc", ("r1",))[0].status is OrderStatus.NOT_SENT

    def test_even_an_order_that_would_be_refused_answers_would_send(self, bench: Bench) -> None:
        assert bench.broker.submit(intent("r1", Effect.CLOSE, "500")).status is OrderStatus.WOULD_SEND

    def test_a_cancel_leaves_the_real_order_alive(self, bench: Bench) -> None:
        bench.admin.submit(intent("r1", limit="90"))
        assert bench.broker.cancel("acc", "r1").status is OrderStatus.ACKED
        assert [o.order_ref for o in bench.admin.snapshot("acc").open_orders] == ["r1"]

    def test_reads_pass_through(self, bench: Bench) -> None:
        filled = bench.admin.submit(intent("r1"))
        assert bench.broker.snapshot("acc") == bench.admin.snapshot("acc")
        assert bench.broker.reports("acc", ("r1",)) == (filled,)
        assert bench.broker.wait("acc", ("r1",), seconds=1.0) == (filled,)
        assert bench.broker.fills("acc") == filled.fills

    def test_its_traits_say_that_nothing_leaves(self, bench: Bench) -> None:
        assert bench.admin.traits.transmits
        assert not bench.broker.traits.transmits
        assert bench.broker.name == "dry run of simulated"

    def test_a_venue_that_lends_nothing_is_asked_nothing_about_margin(self, bench: Bench) -> None:
        assert (bench.admin.traits.margin, bench.broker.traits.margin) == (False, False)
        assert isinstance(bench.broker, DryRunBroker)
        (answer,) = bench.broker.what_if([intent("r1")])
        assert (answer.checked, answer.message) == (False, "simulated tells nothing of margin")

    def test_no_path_leads_from_it_to_a_broker_that_submits(self, bench: Bench) -> None:
        reached = reachable(bench.broker)
        assert len(reached) > 5
        assert not [each for each in reached if isinstance(each, SimulatedBroker)]
        owners = [each for each in reached if hasattr(each, "submit") and each is not bench.broker]
        assert owners == []


class TestScriptedBroker(OrderPathContract):
    """The fake that order-path tests script; it has no market, so only what the order path builds on is asked of it."""

    @pytest.fixture
    def bench(self) -> Bench:
        clock = HandClock()
        broker = ScriptedBroker(clock, "acc", "margin")
        broker.books["acc"].positions["AAPL"] = Decimal(20)
        return Bench(broker, broker, hand_market(), clock, connect=lambda: broker)

    def test_the_snapshot_shows_cash_and_positions_as_of_the_clock(self, bench: Bench) -> None:
        seen = bench.broker.snapshot("acc")
        assert (seen.account, seen.cash, seen.as_of) == ("acc", Decimal(10_000), bench.clock.at)
        assert [(p.symbol, p.quantity) for p in seen.positions] == [("AAPL", Decimal(20))]


def reachable(root: object) -> list[object]:
    """Every object that `root` refers to, directly or not; classes and modules are where instances end."""
    seen, waiting = {id(root): root}, [root]
    while waiting:
        for each in referents(waiting.pop()):
            if id(each) not in seen and not isinstance(each, (type, types.ModuleType)):
                seen[id(each)] = each
                waiting.append(each)
    return list(seen.values())


def referents(each: object) -> list[object]:
    """What an object holds; of a function only what it closed over, for its globals are its module's."""
    if isinstance(each, types.FunctionType):
        return [cell.cell_contents for cell in each.__closure__ or ()]
    return gc.get_referents(each)

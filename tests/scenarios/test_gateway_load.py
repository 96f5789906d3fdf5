"""Many orders: five hundred at once stay within the pace, and a long row under every fault is booked exactly."""

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from threading import Event

import pytest
from tests.contract.broker_ibkr import ACCOUNTS
from tests.scenarios.fault_stage import Stage, eventually, stage

from prudent.brokers.ibkr import broker as brokers
from prudent.brokers.ibkr import session as sessions
from prudent.brokers.ibkr.broker import IbkrBroker
from prudent.brokers.ibkr.pace import MESSAGES_MAX, Pace
from prudent.brokers.ibkr.tap import TappedClient
from prudent.domain.errors import Temporary
from prudent.domain.orders import OrderIntent, OrderReport, OrderStatus
from prudent.gateway import paper as papers
from prudent.gateway import session as talks
from prudent.gateway.faults import Do, Fault, On

S = OrderStatus
RICH = Decimal(1_000_000_000)
WORKERS = 8


@pytest.fixture
def bench() -> Iterator[Stage]:
    with stage() as made:
        made.begin()
        house = made.floor.paper.house
        made.floor.aside.call(partial(house.act, partial(house.floor.reset, ACCOUNTS["acc"], RICH)))
        yield made
        made.end()


def busiest(stamps: Sequence[float], seconds: float = 1.0) -> int:
    """The most that lie in any span of so many seconds, its begin counted and its end not."""
    most, start = 0, 0
    ordered = sorted(stamps)
    for end, stamp in enumerate(ordered):
        while stamp - ordered[start] >= seconds:
            start += 1
        most = max(most, end - start + 1)
    return most


def truth(bench: Stage) -> tuple[Counter[str], dict[str, Decimal], set[tuple[str, Decimal, Decimal]]]:
    """The exchange's own word: how many orders each ref has, what they traded, and every execution."""
    floor = bench.floor.paper.floor
    views = bench.floor.aside.call(lambda: (*floor.open_orders(), *floor.completed()))
    done = bench.floor.aside.call(floor.executions)
    traded: dict[str, Decimal] = {}
    for each in done:
        traded[each.order_ref] = traded.get(each.order_ref, Decimal(0)) + each.quantity
    executions = {(each.exec_id.rpartition(".")[0], each.quantity, each.commission) for each in done}
    return Counter(view.ticket.order_ref for view in views), traded, executions


def books_agree(bench: Stage, broker: IbkrBroker) -> None:
    """Every execution of the exchange is told once, with its commission, and nothing else."""
    told = [(each.exec_id, each.quantity, each.commission) for each in broker.fills("acc")]
    assert len(told) == len(set(told))
    assert set(told) == truth(bench)[2]


def test_busiest_counts_a_sliding_second() -> None:
    assert busiest([0.0, 0.5, 0.99, 1.0, 1.49, 1.5]) == 4


def test_five_hundred_orders_at_once_stay_within_forty_messages_of_any_second(
    bench: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # They wait for their turn, and for their answer, as long as a busy machine takes.
    for name in ("SUBMIT_SECONDS", "ACK_SECONDS", "TRADE_SECONDS"):
        monkeypatch.setattr(brokers, name, 600.0)
    monkeypatch.setattr(papers, "CALL_SECONDS", 600.0)
    left: list[float] = []
    count = Pace.left

    def counted(pace: Pace, now: float) -> None:
        left.append(now)
        count(pace, now)

    monkeypatch.setattr(Pace, "left", counted)
    bench.fault(On.REQUEST, Do.NOTE, times=None)
    broker = bench.floor.connect()
    broker.link("acc")
    intents = [bench.order("1") for _ in range(500)]
    with ThreadPoolExecutor(len(intents)) as pool:
        reports = list(pool.map(broker.submit, intents))
    strikes = [each.pace.strikes for each in bench.floor.paper.house.sessions.values()]
    heard = [fired.moment for fired in bench.log]
    # What is heard in a second left in that second, or in the time by which some are heard later than others.
    ways = [came - went for went, came in zip(sorted(left, reverse=True), reversed(heard))]
    apart = max(ways) - min(ways)
    sys.stdout.write(
        f"{len(heard)} messages in {heard[-1] - heard[0]:.1f} s, at most {busiest(left)} left in a second and "
        f"{busiest(heard)} were heard in one (on their way {apart:.3f} s more or less)"
    )
    assert len(heard) >= len(intents)
    assert busiest(left) <= MESSAGES_MAX
    assert busiest(heard) <= busiest(left, 1.0 + apart)
    assert not any(strikes)
    assert {each.status for each in reports} == {S.FILLED}
    books_agree(bench, broker)


def soak_faults(count: int) -> list[Fault]:
    """Every fault of orders: the cheap ones often, those after which whole lists are read a few times in all."""
    seldom, often = min(8 / count, 1.0), 0.04
    made: list[tuple[On, Do, dict[str, float | str | bool], float]] = [
        (On.PLACE, Do.DROP_BEFORE, {}, seldom / 2),
        (On.PLACE, Do.DROP_AFTER, {}, seldom / 2),
        (On.PLACE, Do.DISCONNECT, {}, seldom / 2),
        (On.PLACE, Do.SWALLOW, {}, seldom),
        (On.PLACE, Do.REJECT, {}, seldom),
        (On.PLACE, Do.ERROR, {"code": 10349}, often),
        (On.PLACE, Do.PARTIAL, {"quantity": 1}, often),
        (On.PLACE, Do.DELAY, {"seconds": 0.001, "until": 0.03}, often),
        (On.PLACE, Do.DUPLICATE, {}, often),
        (On.PLACE, Do.REORDER, {}, often),
        (On.FILL, Do.SWALLOW, {}, seldom),
        (On.FILL, Do.NO_STATUS, {}, often),
        (On.FILL, Do.LATE_COMMISSION, {"seconds": 0.02}, often),
        (On.FILL, Do.DUPLICATE, {}, often),
        (On.FILL, Do.REORDER, {}, often),
        (On.FILL, Do.ZONE, {}, often),
    ]
    return [
        Fault(on=on, do=do, args=args, times=None, chance=chance, seed=seed)
        for seed, (on, do, args, chance) in enumerate(made)
    ]


def until_it_left(broker: IbkrBroker, order: OrderIntent) -> OrderReport:
    """Sends an order; where certainly nothing was sent, sends it again when the connection is back."""
    pause = Event()
    for _ in range(10_000):
        try:
            return broker.submit(order)
        except Temporary:
            pause.wait(0.02)
    raise AssertionError(f"{order.order_ref} never left")


def test_a_long_row_of_orders_under_every_fault_is_traded_once_and_booked_exactly(
    bench: Stage, monkeypatch: pytest.MonkeyPatch, scale: Callable[[int, int], int]
) -> None:
    count = scale(500, 10_000)
    # As fast as they go: the pace has a test of its own.
    monkeypatch.setattr(sessions, "Pace", partial(Pace, 10**9))
    monkeypatch.setattr(TappedClient, "MaxRequests", 0)
    monkeypatch.setattr(talks, "RATE_MAX", 10**9)
    monkeypatch.setattr(brokers, "ACK_SECONDS", 1.0)
    broker, dice = bench.floor.connect(), random.Random(1)
    broker.link("acc")
    for fault in soak_faults(count):
        bench.floor.aside.call(partial(bench.floor.paper.faults.add, fault))
    intents = [bench.order(str(dice.randint(1, 3))) for _ in range(count)]
    with ThreadPoolExecutor(WORKERS) as pool:
        first = list(pool.map(partial(until_it_left, broker), intents))
    fired = Counter(str(each.do) for each in bench.log)
    bench.clear()
    bench.back(broker)
    eventually(lambda: not bench.floor.aside.call(bench.floor.paper.floor.open_orders), said="all are done")
    assert broker.listing("acc").complete
    reports = broker.reports("acc", [each.order_ref for each in intents])
    sys.stdout.write(
        f"{count} orders, answered first {dict(Counter(str(each.status) for each in first))}, in the end "
        f"{dict(Counter(str(each.status) for each in reports))}; faults {dict(fired)}"
    )
    there, traded, _ = truth(bench)
    for order, report in zip(intents, reports):
        if report.status is S.FILLED:
            assert there[order.order_ref] == 1
            assert report.filled == traded[order.order_ref] == order.quantity
        else:
            assert report.status in (S.REJECTED, S.NOT_SENT)
            assert order.order_ref not in there
    assert len(fired) >= 10
    books_agree(bench, broker)

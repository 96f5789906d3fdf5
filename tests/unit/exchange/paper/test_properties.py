"""What holds after any sequence of orders, quotes, pauses and restarts."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.paper_floor import (
    AAPL,
    ACCOUNT,
    CALL,
    CASH,
    ES,
    EURUSD,
    HIGH_CALL,
    PUT,
    SAP,
    SPREAD,
    D,
    Desk,
    ticket,
)

from prudent.domain.orders import Side
from prudent.exchange.paper.books import Row
from prudent.exchange.paper.floor import Floor
from prudent.exchange.paper.words import Contract, Event, Execution, Kind, SecType, Status, Tif

QUOTED: tuple[tuple[Contract, int, str], ...] = (
    (AAPL, 10_000, "0.01"), (SAP, 5_000, "0.01"), (EURUSD, 110, "0.01"), (ES, 20_000, "0.25"), (CALL, 500, "0.01"),
    (HIGH_CALL, 200, "0.01"), (PUT, 300, "0.01"),
)  # fmt: skip
TRADED = (AAPL, AAPL, SAP, EURUSD, ES, CALL, HIGH_CALL, PUT, SPREAD)
KINDS = (Kind.MARKET, Kind.MARKET, Kind.LIMIT, Kind.LIMIT, Kind.STOP, Kind.STOP_LIMIT, Kind.TRAIL, Kind.TRAIL_LIMIT,
         Kind.MARKET_ON_CLOSE, Kind.LIMIT_ON_CLOSE, Kind.MIDPRICE)  # fmt: skip
TIFS = (Tif.DAY, Tif.DAY, Tif.GTC, Tif.IOC, Tif.FOK, Tif.OPG)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happens; the numbers are read by what it is."""

    what: str
    pick: int
    size: int
    offset: int
    sells: bool
    family: int


_WHATS = ("place", "place", "place", "quote", "quote", "quote", "tick", "cancel", "change", "leap")


def _steps(seed: int, count: int) -> list[Step]:
    """Long stories from a seed: drawn one by one, most of them would end before anything trades."""
    draw = np.random.Generator(np.random.PCG64(seed))
    return [
        Step(
            what=_WHATS[draw.integers(len(_WHATS))], pick=int(draw.integers(10_000)), size=int(draw.integers(1, 61)),
            offset=int(draw.integers(-30, 31)), sells=bool(draw.integers(2)), family=int(draw.integers(8)),
        )
        for _ in range(count)
    ]  # fmt: skip


STEPS = st.builds(_steps, seed=st.integers(0, 2**32 - 1), count=st.sampled_from((3, 30, 100)))


@dataclass
class Story:
    """Plays steps on a desk and hears every event."""

    desk: Desk = field(default_factory=Desk)
    next_id: int = 1
    heard: list[Event] = field(default_factory=list)

    def play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.heard += getattr(self, f"_{step.what}")(step)

    def _place(self, step: Step) -> tuple[Event, ...]:
        self.next_id += 1
        return self._order(step, self.next_id - 1)

    def _change(self, step: Step) -> tuple[Event, ...]:
        return self._order(step, step.pick % self.next_id + 1) if self.next_id > 1 else ()

    def _order(self, step: Step, order_id: int) -> tuple[Event, ...]:
        contract = TRADED[step.pick % len(TRADED)]
        near, tick = _price(contract)
        price = near + step.offset * tick
        kind = KINDS[step.pick // 7 % len(KINDS)]
        trails = kind in (Kind.TRAIL, Kind.TRAIL_LIMIT)
        more: dict[str, object] = {
            "tif": TIFS[step.pick // 3 % len(TIFS)], "limit": price, "stop": 5 * tick if trails else price,
            "oca_group": "g" if step.family == 1 else "", "oca_type": step.pick % 4,
            "parent_id": max(order_id - 1, 0) if step.family == 2 else 0, "transmit": step.family != 3,
            "outside_rth": step.family == 4,
        }  # fmt: skip
        if trails:
            more["limit_offset"] = 20 * tick
        quantity = step.size * (1000 if contract is EURUSD else 1)
        side = Side.SELL if step.sells else Side.BUY
        return self.desk.place(ticket(order_id, side, quantity, contract, kind, **more))

    def _quote(self, step: Step) -> tuple[Event, ...]:
        contract, near, tick = QUOTED[step.pick % len(QUOTED)]
        bid = (near + step.offset) * D(tick)
        self.desk.market.show(contract, str(bid), str(bid + D(tick)), last=str(bid), size=step.size, open_=str(bid))
        return self.desk.advance()

    def _tick(self, step: Step) -> tuple[Event, ...]:
        return self.desk.advance(self.desk.at + timedelta(minutes=step.size))

    def _leap(self, step: Step) -> tuple[Event, ...]:
        return self.desk.advance(self.desk.at + timedelta(hours=3 * step.size % 50))

    def _cancel(self, step: Step) -> tuple[Event, ...]:
        return self.desk.cancel(step.pick % self.next_id + 1)


def _price(contract: Contract) -> tuple[Decimal, Decimal]:
    if contract is SPREAD:
        return D(3), D("0.01")
    _, near, tick = next(row for row in QUOTED if row[0] is contract)
    return near * D(tick), D(tick)


def _cash_of(executions: Iterable[Execution]) -> dict[str, Decimal]:
    """What executions and commissions alone make of the cash, futures paid in full."""
    cash = defaultdict(Decimal, {"USD": CASH})
    for each in executions:
        if each.contract.sec_type is SecType.COMBO:
            continue
        signed = each.side.sign * each.quantity
        cash[each.contract.currency] -= signed * each.price * each.contract.multiplier
        cash[each.currency] -= each.commission
        if each.contract.sec_type is SecType.FX:
            cash[each.contract.symbol] += signed
    return cash


@given(steps=STEPS)
def test_cash_and_positions_are_what_the_executions_made(steps: list[Step]) -> None:
    story = Story()
    story.play(steps)
    floor = story.desk.floor
    moved: dict[int, Decimal] = defaultdict(Decimal)
    for each in floor.executions():
        if each.contract.sec_type not in (SecType.COMBO, SecType.FX):
            moved[each.contract.con_id] += each.side.sign * each.quantity
    held = {p.contract.con_id: p.quantity for p in floor.positions()}
    assert held == {con_id: quantity for con_id, quantity in moved.items() if quantity}
    expected = _cash_of(floor.executions())
    # A future's price is not paid but settled: what is held of it counts at its last settlement.
    books = floor._books
    expected["USD"] += sum((h.marked for h in books.holdings), D(0))
    assert {**dict.fromkeys(expected, D(0)), **books.purse(ACCOUNT).cash} == expected


@given(steps=STEPS)
def test_profit_adds_up_to_the_change_in_worth(steps: list[Step]) -> None:
    """In one currency: everything realized ever and everything open is all that the account gained."""
    story = Story()
    story.play([step for step in steps if TRADED[step.pick % len(TRADED)] not in (EURUSD, SAP)])
    floor, at = story.desk.floor, story.desk.at
    realized = sum((e.realized for e in floor.executions() if e.realized is not None), D(0))
    unrealized = floor.profit(ACCOUNT, at).unrealized
    assert abs(story.desk.value("NetLiquidation") - (CASH + realized + unrealized)) <= D("0.01")


@given(steps=STEPS)
def test_an_order_fills_no_more_than_its_size_and_is_silent_once_done(steps: list[Step]) -> None:
    story = Story()
    story.play(steps)
    done: set[int] = set()
    filled: dict[int, Decimal] = defaultdict(Decimal)
    for event in story.heard:
        if event.execution is not None and event.execution.order_id:
            assert event.execution.perm_id not in done
            own = event.execution.contract.sec_type is SecType.COMBO or not _is_leg(story, event.execution)
            filled[event.execution.perm_id] += event.execution.quantity if own else D(0)
        if event.order is not None:
            view = event.order
            assert view.perm_id not in done
            assert view.filled == filled[view.perm_id] <= view.ticket.quantity
            assert (view.status is Status.FILLED) == (view.remaining == 0)
            if view.status.is_done:
                done.add(view.perm_id)
    ids = [each.exec_id for each in story.desk.floor.executions()]
    assert len(ids) == len(set(ids))


def _is_leg(story: Story, execution: Execution) -> bool:
    view = story.desk.floor.order(execution.client_id, execution.order_id)
    return view is not None and view.ticket.contract.sec_type is SecType.COMBO


@given(steps=STEPS)
def test_a_limit_is_never_broken(steps: list[Step]) -> None:
    story = Story()
    story.play(step for step in steps if step.what != "change")
    for each in story.desk.floor.executions():
        view = story.desk.floor.order(each.client_id, each.order_id) if each.order_id else None
        if view is None or view.ticket.kind not in (Kind.LIMIT, Kind.STOP_LIMIT, Kind.LIMIT_ON_CLOSE, Kind.MIDPRICE):
            continue
        if view.ticket.contract.con_id == each.contract.con_id and view.ticket.limit is not None:
            assert (view.ticket.limit - each.price) * view.ticket.action.sign >= 0


@given(steps=STEPS, cut=st.integers(0, 100))
def test_a_floor_made_from_kept_rows_goes_on_as_if_it_had_never_stopped(steps: list[Step], cut: int) -> None:
    one, other, kept = Story(), Story(), _Kept()
    other.desk.floor = Floor(other.desk.market, {ACCOUNT: CASH}, other.desk.at, keep=kept)
    one.play(steps[:cut])
    other.play(steps[:cut])
    other.desk.floor = Floor(other.desk.market, {ACCOUNT: D(1)}, other.desk.at, rows=kept.rows(), keep=kept)
    assert _sorted(other.desk.floor.state()) == _sorted(one.desk.floor.state())
    one.play(steps[cut:])
    other.play(steps[cut:])
    assert other.heard == one.heard
    assert _sorted(kept.rows()) == _sorted(other.desk.floor.state()) == _sorted(one.desk.floor.state())


class _Kept:
    """Keeps rows as a store does, with a body that was written and read."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}

    def __call__(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.body is None:
                del self._rows[row.kind, row.key]
            else:
                self._rows[row.kind, row.key] = row

    def rows(self) -> tuple[Row, ...]:
        return tuple(self._rows.values())


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.kind, row.key))


@given(steps=STEPS, failing=st.integers(0, 100))
def test_an_act_that_cannot_be_kept_did_not_happen(steps: list[Step], failing: int) -> None:
    story, broken = Story(), _Breaks()
    story.desk.floor = Floor(story.desk.market, {ACCOUNT: CASH}, story.desk.at, keep=broken)
    story.play(steps[:failing])
    before = story.desk.floor.state(), story.desk.floor.open_orders()
    broken.is_broken = True
    story.desk.market.show(AAPL, "0.50", "0.51", last="0.50", size=100)
    with pytest.raises(OSError, match="disk"):
        story.desk.floor.place(ticket(10_000, Side.BUY, 1, AAPL, Kind.LIMIT, limit="0.02", tif=Tif.GTC), story.desk.at)
    assert (_sorted(story.desk.floor.state()), story.desk.floor.open_orders()) == (_sorted(before[0]), before[1])
    assert story.desk.floor.order(1, 10_000) is None
    broken.is_broken = False
    story.play(steps[failing:])


class _Breaks:
    """A store whose disk is gone while `is_broken`."""

    is_broken = False

    def __call__(self, rows: Sequence[Row]) -> None:
        if self.is_broken:
            raise OSError("the disk is gone")


def test_the_stories_reach_what_they_are_about(scale: Callable[[int, int], int]) -> None:
    """Over some stories every kind of order and of contract trades: no property holds for lack of trades."""
    seen: set[str] = set()
    for seed in range(scale(60, 200)):
        story = Story()
        story.play(_steps(seed, 100))
        for event in story.heard:
            if event.execution is not None:
                seen.add(event.execution.contract.sec_type)
            if event.order is not None and event.order.filled:
                seen |= {event.order.ticket.kind, "partly" if event.order.remaining else "all"}
            if event.refusal is not None:
                seen.add(str(event.refusal.code))
    kinds = {SecType.STOCK, SecType.FUTURE, SecType.OPTION, SecType.COMBO, SecType.FX}
    assert seen >= {*Kind, *kinds, "partly", "all", "201", "202", "399", "10147", "10148"}

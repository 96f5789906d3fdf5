"""All switches in all positions: an order reaches a venue in exactly the rows where every needed one allows it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from itertools import product
from typing import cast

import pytest
from tests.unit.guards.build import NOW, scene

from prudent.brokers.dry_run import DryRunBroker
from prudent.domain.accounts import Mode
from prudent.domain.interlocks import (
    LIVE_NEEDS,
    PAPER_NEEDS,
    Arming,
    Switches,
    effective_mode,
    interlocks,
    may_send,
    unarmed,
)
from prudent.domain.orders import OrderIntent, OrderReport, OrderStatus
from prudent.guards.report import judge
from prudent.pipeline.execute import intents_of
from prudent.ports import NO_CLAIM, Broker, BrokerTraits, Claim, Link

ARMED = Arming(
    account="desk", at=NOW, until=NOW + timedelta(days=30), by="anna", build="b1", config="c1", reason="go"
)
OPEN = Switches(
    mode=Mode.LIVE, configured=Mode.LIVE, dry_run=False, allow_orders=True, enable_order_exec=True, killed=(),
    auto_trade=True, arming=ARMED, endpoint=Mode.LIVE, leased=True, in_doubt=(), build="b1", config="f1",
    config_now="f1", arming_config="c1", excused=False, now=NOW,
)  # fmt: skip
OFF: Mapping[str, Mapping[str, object]] = {
    "M01": {"configured": "livee"},
    "M02": {"allow_orders": False},
    "M03": {"enable_order_exec": False},
    "M04": {"killed": ("enough",)},
    "M05": {"auto_trade": False},
    "M06": {"arming": None},
    "M07": {"endpoint": None},
    "M08": {"leased": False},
    "M09": {"in_doubt": ("REF",)},
    "M10": {"config_now": "f2"},
}


class Wire:
    """A venue that transmits: it counts what reaches it."""

    name = "wire"
    traits = BrokerTraits(transmits=True)

    def __init__(self) -> None:
        self.reached: list[str] = []

    def link(self, account: str) -> Link:
        return Link()

    def reads(self) -> "Wire":
        return self

    def reports(self, account: str, order_refs: Sequence[str]) -> tuple[OrderReport, ...]:
        return ()

    def submit(self, intent: OrderIntent, claim: Claim = NO_CLAIM) -> OrderReport:
        self.reached.append(intent.order_ref)
        return OrderReport(
            order_ref=intent.order_ref, symbol=intent.symbol, side=intent.side, quantity=intent.quantity,
            status=OrderStatus.ACKED,
        )  # fmt: skip


SCENE = scene()


def reaches_the_wire(switches: Switches) -> bool:
    """One order through the guards and the broker that the switches give, as a desk wires them."""
    mode = effective_mode(switches.configured, switches.dry_run)
    wire = Wire()
    broker = DryRunBroker(cast("Broker", wire)) if mode is Mode.DRY_RUN else wire
    told = interlocks(replace(switches, mode=mode))
    seen = replace(SCENE.observation, mode=mode, interlocks=told)
    report = judge(seen, SCENE.orders, SCENE.mandate)
    for intent in intents_of("desk", SCENE.orders, report):
        broker.submit(intent)
    assert bool(wire.reached) is may_send(replace(switches, mode=mode))
    return bool(wire.reached)


def row(mode: Mode, off: Sequence[str]) -> Switches:
    """Every switch on for that mode, but those that are off; a dry run is a live desk with DRY_RUN=1."""
    on = OPEN if mode is not Mode.PAPER else replace(OPEN, configured=Mode.PAPER, endpoint=Mode.PAPER)
    on = replace(on, dry_run=mode is Mode.DRY_RUN)
    for name in off:
        on = replace(on, **OFF[name])  # type: ignore[arg-type]
    return on


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.PAPER, Mode.DRY_RUN])
def test_of_a_thousand_and_twenty_four_rows_exactly_the_allowed_ones_reach_the_wire(mode: Mode) -> None:
    needed = {Mode.LIVE: set(LIVE_NEEDS), Mode.PAPER: set(PAPER_NEEDS), Mode.DRY_RUN: None}[mode]
    rows = [tuple(n for n, off in zip(LIVE_NEEDS, bits) if off) for bits in product((False, True), repeat=10)]
    reached = {off for off in rows if reaches_the_wire(row(mode, off))}
    allowed = {off for off in rows if needed is not None and not needed & set(off)}
    assert len(rows) == 1024
    assert reached == allowed
    assert len(allowed) == {Mode.LIVE: 1, Mode.PAPER: 32, Mode.DRY_RUN: 0}[mode]


ODD: tuple[object, ...] = (None, "", "yes", "1", 1, 0, 2, "true", "LIVE", object(), (), [], b"1")
GIVEN_AS_VALUES = ("mode", "configured", "allow_orders", "enable_order_exec", "auto_trade", "endpoint", "leased")


@pytest.mark.parametrize("name", GIVEN_AS_VALUES)
def test_an_odd_value_of_any_switch_stops_real_money(name: str) -> None:
    for value in ODD:
        told = replace(OPEN, **{name: value})  # type: ignore[arg-type]
        assert not may_send(told), f"{name}={value!r}"
    assert may_send(OPEN)


@pytest.mark.parametrize("value", [*ODD, True])
def test_anything_but_a_plain_no_is_a_dry_run(value: object) -> None:
    assert effective_mode(Mode.LIVE, value) is Mode.DRY_RUN
    assert effective_mode(Mode.LIVE, False) is Mode.LIVE


def test_off_stays_off_and_odd_modes_are_dry_runs() -> None:
    assert effective_mode(Mode.OFF, True) is Mode.OFF
    assert effective_mode("off", False) is Mode.OFF
    assert {effective_mode(odd, False) for odd in ("", "Paper", "live ", None, 1)} == {Mode.DRY_RUN}
    assert effective_mode("paper", False) is Mode.PAPER


def test_every_field_left_out_is_on_the_safe_side() -> None:
    for field in fields(Switches):
        if field.name != "excused" and field.name != "confirmed_at":
            assert not may_send(replace(OPEN, **{field.name: field.default})), field.name  # type: ignore[arg-type]
    assert not may_send(Switches())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"until": NOW}, "armed until"),
        ({"at": NOW + timedelta(seconds=1)}, "armed until"),
        ({"until": NOW + timedelta(days=30, seconds=1)}, "armed until"),
        ({"build": "b2"}, "another build"),
        ({"config": "c2"}, "another configuration"),
    ],
)
def test_an_arming_holds_for_its_time_its_build_and_its_configuration(change: dict[str, object], said: str) -> None:
    arming = replace(ARMED, **change)  # type: ignore[arg-type]
    assert said in str(unarmed(arming, now=NOW, build="b1", config="c1"))
    assert not may_send(replace(OPEN, arming=arming))


def test_a_yes_to_the_plan_counts_for_five_minutes() -> None:
    asked = replace(OPEN, auto_trade=False)
    assert may_send(replace(asked, confirmed_at=NOW - timedelta(minutes=5)))
    assert not may_send(replace(asked, confirmed_at=NOW - timedelta(minutes=5, seconds=1)))
    assert not may_send(replace(asked, confirmed_at=NOW + timedelta(seconds=1)))
    assert not may_send(asked)


def test_a_protective_exit_of_a_disarmed_account_goes_only_where_its_owner_said_so() -> None:
    disarmed = replace(OPEN, auto_trade=False, arming=None)
    assert not may_send(disarmed)
    assert may_send(replace(disarmed, excused=True))
    for odd in (1, "1", "yes"):
        assert not may_send(replace(disarmed, excused=odd))
    assert not may_send(replace(disarmed, excused=True, killed=("enough",)))


def test_a_cycle_of_another_mode_than_the_desk_sends_nothing() -> None:
    assert not may_send(replace(OPEN, mode=Mode.PAPER))
    assert not may_send(replace(OPEN, configured=Mode.PAPER, endpoint=Mode.PAPER))


def test_what_stops_an_order_is_told_by_name() -> None:
    told = {each.id: each.detail for each in interlocks(row(Mode.LIVE, LIVE_NEEDS)) if not each.satisfied}
    assert set(told) == set(LIVE_NEEDS)
    assert all(told.values())

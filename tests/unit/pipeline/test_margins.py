"""Which orders of a plan the venue is asked about, in which order, and what is asked of nobody."""

from collections.abc import Sequence
from dataclasses import replace

from tests.unit.guards.build import D, Scene, booked, described, mandated, order_of, planning, scene

from prudent.domain.accounts import AccountClass
from prudent.domain.instruments import InstrumentKind
from prudent.domain.margin import MarginAnswer, Margins
from prudent.domain.orders import Effect, OrderIntent, OrderType
from prudent.domain.plans import PlannedOrder
from prudent.pipeline.margins import ASKED_MAX, ask_margins, worth_asking

NAV = D(100_000)
FUTURE = described(kind=InstrumentKind.FUTURE)


def asked(stage: Scene, *orders: PlannedOrder) -> list[str]:
    return [each.order_ref for each in worth_asking(stage.observation, orders, stage.mandate, nav=NAV)]


def bought(symbol: str, notional: int) -> PlannedOrder:
    return replace(order_of(symbol), notional=D(notional))


def test_of_purchases_from_cash_only_the_large_ones_are_asked_about() -> None:
    # A tenth of 100,000 is not above a tenth.
    assert asked(scene(), bought("AAA", 10_000), bought("BBB", 10_001)) == ["BBB-OPEN"]
    assert asked(scene(planning(ask_margin_above=D("0.05"))), bought("AAA", 5_001)) == ["AAA-OPEN"]
    assert asked(scene(planning(ask_margin_above=D(1))), bought("AAA", 99_000)) == []


def test_sales_alone_are_never_asked_about_however_large() -> None:
    sold = replace(order_of("AAA", 10, Effect.CLOSE), notional=D(90_000))
    covered = replace(order_of("BBB", 10, Effect.COVER), notional=D(90_000))
    assert asked(scene(FUTURE), sold, covered) == []


def test_what_needs_margin_comes_first_and_the_rest_of_the_plan_beside_it() -> None:
    orders = (order_of("CCC", 10, Effect.CLOSE), order_of("BBB"), order_of("AAA"))
    assert asked(scene(FUTURE), *orders) == ["AAA-OPEN", "CCC-CLOSE", "BBB-OPEN"]
    shorts = (order_of("BBB"), order_of("CCC", 10, Effect.SHORT))
    assert asked(scene(), *shorts) == ["CCC-SHORT", "BBB-OPEN"]


def test_a_margin_account_is_asked_about_every_purchase() -> None:
    margin = scene(mandated(account_class=AccountClass.MARGIN))
    assert asked(margin, bought("AAA", 100), bought("BBB", 100)) == ["AAA-OPEN", "BBB-OPEN"]


def test_no_more_are_asked_about_than_could_leave_in_a_day() -> None:
    orders = [replace(order_of("AAA"), order_ref=f"o{number}", notional=D(50_000)) for number in range(500)]
    assert asked(scene(), *orders) == [f"o{number}" for number in range(ASKED_MAX)]
    assert asked(scene(FUTURE), *orders) == [f"o{number}" for number in range(ASKED_MAX)]


def test_what_cannot_be_put_as_a_question_is_left_to_the_guards() -> None:
    odd = (
        replace(order_of("AAA"), quantity=D(0)), replace(order_of("AAA"), quantity=D("NaN")),
        replace(order_of("AAA"), type=OrderType.LIMIT, limit_price=None),
    )  # fmt: skip
    assert asked(scene(FUTURE), *odd) == []


class Venue:
    """Keeps what it is asked."""

    def __init__(self) -> None:
        self.heard: list[OrderIntent] = []

    def what_if(self, intents: Sequence[OrderIntent]) -> tuple[MarginAnswer, ...]:
        self.heard += intents
        return tuple(MarginAnswer(order_ref=each.order_ref, checked=False) for each in intents)


def test_the_question_is_the_order_itself_and_none_is_asked_for_nothing() -> None:
    venue, stage = Venue(), scene(FUTURE, booked(cash=D(5)))
    order = replace(order_of("AAA", 3), type=OrderType.LIMIT, limit_price=D("99.5"))
    margins = ask_margins(venue, (order,), stage.mandate, seen=stage.observation, nav=NAV)
    assert [each.order_ref for each in margins.answers] == ["AAA-OPEN"]
    (heard,) = venue.heard
    assert heard == OrderIntent(
        order_ref="AAA-OPEN", account="desk", symbol="AAA", side=order.side, quantity=D(3), effect=Effect.OPEN,
        type=OrderType.LIMIT, limit_price=D("99.5"), reference_price=D(100),
    )  # fmt: skip
    assert ask_margins(venue, (), stage.mandate, seen=stage.observation, nav=NAV) == Margins()
    assert len(venue.heard) == 1

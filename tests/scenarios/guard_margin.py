"""Scenarios of the guards of margin: the venue says beforehand what a purchase of a margin account would do to it."""

from collections.abc import Callable
from decimal import Decimal

from tests.scenarios.guard_stage import Scenario, Stage

from prudent.domain.margin import MarginAnswer
from prudent.domain.orders import OrderIntent

D = Decimal


def venue_says(*, initial: int, maintenance: int, equity: int) -> Callable[[Stage], None]:
    """What the account of 100,000 would have to show once any order of it is filled."""

    def told(intent: OrderIntent) -> MarginAnswer:
        return MarginAnswer(
            order_ref=intent.order_ref, checked=True, initial_change=D(5_000), initial_after=D(initial),
            maintenance_change=D(2_500), maintenance_after=D(maintenance), equity_change=D(0), equity_after=D(equity),
        )  # fmt: skip

    return lambda stage: stage.broker(margin=told)


MARGIN = {
    "P15": Scenario(
        story="initial margin would be 60 % of the account", mandate={"class": "margin"},
        arrange=venue_says(initial=60_000, maintenance=20_000, equity=100_000),
    ),
    "P15.X": Scenario(
        story="16 % of the account would stay above its maintenance margin", mandate={"class": "margin"},
        arrange=venue_says(initial=45_000, maintenance=44_000, equity=60_000),
    ),
}  # fmt: skip

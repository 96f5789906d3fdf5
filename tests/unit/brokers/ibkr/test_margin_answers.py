"""What real gateways answer about margin: nothing at first, words for numbers, twice; none of it is an order."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from ib_async.contract import Contract
from ib_async.order import Order, OrderState

from prudent.brokers.ibkr.tap import Ear
from prudent.brokers.ibkr.words import figure

UNSET = "1.7976931348623157E308"


@pytest.mark.parametrize(
    ("told", "meant"),
    [("12.5", "12.5"), ("-3", "-3"), ("0", "0"), (4.25, "4.25"), ("", None), ("N/A", None), ("nan", None),
     ("inf", None), (UNSET, None), (float(UNSET), None), (None, None)],
)  # fmt: skip
def test_a_figure_is_a_finite_number_or_none(told: float | str | None, meant: str | None) -> None:
    assert figure(told) == (None if meant is None else Decimal(meant))


class Heard:
    """Keeps the names of everything that was taken for something else than the answer."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.names.append(name)


def test_the_first_answer_with_figures_counts_and_none_is_an_order() -> None:
    async def story() -> list[Any]:
        ear = Ear(heard)
        answer = ear.expect(7)
        asked = Order(orderId=7, whatIf=True, action="BUY", orderRef="what-if")
        for told in ("", UNSET, "N/A"):
            ear.openOrder(7, Contract(), asked, OrderState(initMarginChange=told))
            assert not answer.done()
        for told in ("500", "501"):
            ear.openOrder(7, Contract(), asked, OrderState(initMarginChange=told))
        ear.completedOrder(Contract(), asked, OrderState())
        return await answer

    heard = Heard()
    (state,) = asyncio.run(story())
    assert state.initMarginChange == "500"
    assert heard.names == []

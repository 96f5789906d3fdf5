"""What the decoder makes of an object's fields is what the library makes of them, of every type that it reads."""

import dataclasses
from datetime import UTC, datetime
from random import Random
from typing import Any, cast

import pytest
from ib_async.contract import ComboLeg, Contract, ContractDetails, DeltaNeutralContract
from ib_async.decoder import Decoder
from ib_async.objects import CommissionReport, Execution
from ib_async.order import Order, OrderState
from ib_async.util import parseIBDatetime
from ib_async.wrapper import Wrapper

from prudent.brokers.ibkr.reading import epoch_of
from prudent.brokers.ibkr.tap import Ear, _Reader

WORDS = {int: ("", "0", "7", "-1"), float: ("", "0", "1.5", "1.7976931348623157E308"), bool: ("", "0", "1")}


@pytest.mark.parametrize(
    "kind",
    [Order, OrderState, Contract, ContractDetails, ComboLeg, DeltaNeutralContract, Execution, CommissionReport],
)
def test_it_is_read_as_the_library_reads_it(kind: type[Any]) -> None:
    chance = Random(kind.__name__)
    # Neither calls anybody for it.
    ours, theirs = _Reader(cast("Ear", None)), Decoder(cast("Wrapper", None), 178)
    for _ in range(20):
        said = {
            each.name: chance.choice(WORDS.get(type(each.default), ("", "text")))
            for each in dataclasses.fields(kind)
            if isinstance(each.default, (str, int, float))
        }
        one, other = kind(), kind()
        for name, text in said.items():
            setattr(one, name, text)
            setattr(other, name, text)
        ours.parse(one)
        theirs.parse(other)
        assert dataclasses.asdict(one) == dataclasses.asdict(other)
        assert [type(each) for each in vars(one).values()] == [type(each) for each in vars(other).values()]


@pytest.mark.parametrize("zone", ["US/Eastern", "America/Chicago", "UTC", "Asia/Tokyo", "Europe/London"])
@pytest.mark.parametrize("time", ["20240304 15:30:00", "20240310 01:59:59", "20240310 03:00:00", "20241103 01:30:00"])
def test_the_time_of_a_trade_is_the_one_that_the_library_reads(time: str, zone: str) -> None:
    ours, theirs = (parseIBDatetime(each) for each in (epoch_of(f"{time} {zone}"), f"{time} {zone}"))
    assert isinstance(ours, datetime)
    assert isinstance(theirs, datetime)
    assert ours.tzinfo is UTC
    assert ours == theirs.astimezone(UTC)


@pytest.mark.parametrize(
    "text", ["20240304 15:30 UTC", "2024034 15:30:00 UTC", "20240304 25:30:00 UTC", "x x UTC", "1 UTC"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|hour|literal|base 10|must be"):
        epoch_of(text)

"""A decision that names only what it changes: what it does not name stays, whatever the mandate does with unlisted."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.unit.plan.build import mandate, plan_of, planning, seen, told, wants

from prudent.domain.errors import InputError
from prudent.domain.mandate import Unlisted


def test_holdings_that_a_decision_does_not_name_stay() -> None:
    account = seen({"AAA": "10", "BBB": "10"}, cash="900", held={"BBB": "10"})
    decision = replace(wants({"AAA": "0.1"}), keeps_rest=True)
    assert told(plan_of(account, decision)) == ["2 OPEN 10 AAA"]
    assert told(plan_of(account, replace(decision, keeps_rest=False))) == ["1 CLOSE 10 BBB", "2 OPEN 10 AAA"]


def test_they_are_no_error_where_every_holding_must_be_named_otherwise() -> None:
    account = seen({"AAA": "10", "BBB": "10"}, cash="900", held={"BBB": "10"})
    strict = mandate(planning(unlisted=Unlisted.ERROR))
    decision = wants({"AAA": "0.1"})
    assert told(plan_of(account, replace(decision, keeps_rest=True), strict)) == ["2 OPEN 10 AAA"]
    with pytest.raises(InputError, match="BBB"):
        plan_of(account, decision, strict)


def test_its_weights_are_meant_exactly_and_take_nothing_off_what_is_held() -> None:
    account = seen({"AAA": "10"}, cash="500", held={"AAA": "50"})
    buffered = mandate(planning(buffer=Decimal("0.05")))
    decision = wants({"AAA": "0.51"})
    assert told(plan_of(account, replace(decision, keeps_rest=True), buffered)) == ["2 OPEN 1 AAA"]
    # Of 950 it would be 48 shares, less than are held.
    assert told(plan_of(account, decision, buffered)) == ["1 CLOSE 2 AAA"]

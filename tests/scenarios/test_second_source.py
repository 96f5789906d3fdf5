"""Guard D07 over the gateway's socket: a second source that is away from it stops orders, one that agrees does not."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.scenarios.gateway_stage import ACCOUNT, GatewayStage, gateway_stage

from prudent.domain.verdicts import Outcome, Verdict
from prudent.gateway.faults import Do, Fault, On
from prudent.marketdata.sample import SampleMarket
from prudent.marketdata.two_sources import TwoSources
from prudent.workflows.cycle import preview


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[GatewayStage]:
    with gateway_stage(tmp_path) as stage:
        stage.adopted()
        yield with_second(stage)


def with_second(stage: GatewayStage) -> GatewayStage:
    """The sample itself beside the gateway, whose market follows it."""
    desk = stage.desk
    desk.market = TwoSources(desk.market, SampleMarket(desk.clock, desk.calendar), seconds=30)
    return stage


def verdicts(stage: GatewayStage, guard: str) -> list[Verdict]:
    report = preview(stage.desk, ACCOUNT).report
    return [each for each in report.verdicts() if each.guard == guard]


def test_sources_that_agree_let_the_order_through(stage: GatewayStage) -> None:
    (verdict,) = verdicts(stage, "D07")
    assert verdict.outcome is Outcome.PASS
    (quote,) = stage.desk.market.quotes(("AAPL",))
    assert (quote.source, quote.second_source) == ("ibkr", "sample")


def test_a_gateway_whose_prices_are_away_from_the_second_source_is_not_traded_on(stage: GatewayStage) -> None:
    stage.gateway.paper.faults.add(Fault(on=On.TICK, do=Do.GAP, args={"share": -0.05}, times=None))
    (verdict,) = verdicts(stage, "D07")
    assert verdict.outcome is Outcome.REJECT
    assert verdict.observed is not None
    assert verdict.observed > Decimal("0.03")

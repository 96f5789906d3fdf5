"""Margin asked of the paper gateway before the guards judge: it refuses a future, as silence does; no exit waits."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.gateway_homes import ACCOUNT as THERE
from tests.scenarios.gateway_stage import ACCOUNT, GatewayStage, gateway_stage
from tests.unit.cli.running import Ended, invest

from prudent.brokers.ibkr import whatif as whatifs
from prudent.domain.accounts import Mode
from prudent.domain.cycles import CycleRecord, CycleWaits
from prudent.domain.records import decode, encode
from prudent.domain.verdicts import Outcome, Verdict
from prudent.entrypoints.cli.answer import Table
from prudent.entrypoints.cli.cycle_view import cycle_answer
from prudent.gateway.faults import Do, Fault, On
from prudent.pipeline.replay import replay
from prudent.registry import strategy
from prudent.workflows.approvals import approve, waiting_cycle
from prudent.workflows.cycle import at_work, carry_on, run_account

D = Decimal
TARGETS = '[{"symbol": "ES1!", "weight": 30}]'
TIGHT = "    limits: {max_position_weight: 49%, max_initial_margin: 1%}\n"
LOOSE = "    limits: {max_position_weight: 49%}\n"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayStage]:
    with gateway_stage(tmp_path_factory.mktemp("margin"), targets=TARGETS, mandate=TIGHT) as made:
        made.adopted()
        yield made


@pytest.fixture(scope="module")
def refused(stage: GatewayStage) -> CycleRecord:
    return cycle(stage)


@pytest.fixture(scope="module")
def unheard(stage: GatewayStage, refused: CycleRecord) -> CycleRecord:
    """With room for it, but the gateway's answers have no figures."""
    assert refused.fills == ()
    config = stage.home / "invest.yaml"
    config.write_text(config.read_text().replace(TIGHT, LOOSE))
    stage.reopen()
    return silent(stage)


@pytest.fixture(scope="module")
def bought(stage: GatewayStage, unheard: CycleRecord) -> CycleRecord:
    assert unheard.fills == ()
    return cycle(stage)


@pytest.fixture(scope="module")
def left(stage: GatewayStage, bought: CycleRecord) -> CycleRecord:
    """Out of the future and into a share, while the gateway says nothing of margin again."""
    assert bought.fills
    wanting(stage, "AAPL", 15)
    return silent(stage)


def cycle(stage: GatewayStage, mode: Mode | None = None) -> CycleRecord:
    with at_work(stage.desk):
        return run_account(stage.desk, ACCOUNT, mode=mode)


def silent(stage: GatewayStage) -> CycleRecord:
    paper, aside = stage.gateway.paper, stage.gateway.aside
    aside.call(lambda: paper.faults.add(Fault(on=On.WHAT_IF, do=Do.WHATIF_UNSET, times=None)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whatifs, "WHAT_IF_SECONDS", 0.5)
        try:
            return cycle(stage)
        finally:
            aside.call(paper.faults.clear)


def wanting(stage: GatewayStage, symbol: str, weight: int) -> None:
    (stage.home / "json" / "core.json").write_text(f'[{{"symbol": "{symbol}", "weight": {weight}}}]')


def planned(stage: GatewayStage, *options: str) -> Ended:
    """`invest plan` as another process would run it: it takes the connection that the desk gives up."""
    assert stage.desk.connections is not None
    stage.desk.connections.close()
    return invest("plan", "--account", ACCOUNT, "--home", str(stage.home), *options)


def encoded(data: object) -> Any:
    return encode(data)


def verdict(record: CycleRecord, guard: str, symbol: str) -> Verdict:
    (found,) = [
        each
        for each in record.report.verdicts()
        if each.guard == guard and record.plan.order(each.order_ref).symbol == symbol
    ]
    return found


def replays(record: CycleRecord) -> bool:
    """From the record alone, which knows no venue."""
    again = decode(CycleRecord, encode(record))
    assert again == record
    return replay(again, strategy(record.mandate.strategy)).identical


def test_a_future_beyond_the_limit_is_refused_by_the_gateways_own_figures(refused: CycleRecord) -> None:
    assert refused.fills == ()
    assert refused.no_trade_codes == ("blocked:P15",)
    assert refused.observation.margins is not None
    (answer,) = refused.observation.margins.answers
    said = verdict(refused, "P15", "ESH3")
    assert answer.initial_after is not None
    assert said.observed is not None
    # What the gateway wants for one contract, over an account of 1,000,000 less the slip to the worst price.
    assert answer.initial_after > D(10_000)
    assert abs(said.observed - answer.initial_after / 1_000_000) < D("0.0001")
    assert "must be at most 1.00 %" in said.reason
    assert refused.report.approved == ()


def test_the_record_of_a_refusal_replays_without_a_venue(refused: CycleRecord) -> None:
    assert replays(refused)
    # Another answer would have been another verdict.
    untold = replace(refused, observation=replace(refused.observation, margins=None))
    assert not replay(untold, strategy(refused.mandate.strategy)).identical


def test_no_answer_is_not_a_yes(unheard: CycleRecord) -> None:
    assert unheard.fills == ()
    said = verdict(unheard, "P15", "ESH3")
    assert (said.outcome, said.observed) == (Outcome.REJECT, None)
    assert "margin unchecked: the gateway must answer" in said.reason
    assert replays(unheard)


def test_a_future_within_the_limit_is_bought_and_asked_about_again_before_it_leaves(bought: CycleRecord) -> None:
    (fill,) = bought.fills
    assert fill.symbol == "ESH3"
    (order,) = bought.plan.orders
    assert order.estimated_fee == fill.commission == D("2.25")
    (phase,) = bought.phases
    for seen in (bought.observation, phase.observation):
        assert seen.margins is not None
        assert [(each.checked, each.commission) for each in seen.margins.answers] == [(True, D("2.25"))]
    assert verdict(bought, "P15", "ESH3").outcome is Outcome.PASS
    assert replays(bought)


def test_what_was_only_asked_about_is_nowhere(stage: GatewayStage, bought: CycleRecord) -> None:
    (sent,) = bought.fills
    floor = stage.gateway.paper.floor
    views = stage.gateway.aside.call(lambda: (*floor.open_orders(), *floor.completed()))
    assert [view.ticket.order_ref for view in views] == [sent.order_ref]
    assert [each.order_ref for each in stage.desk.broker_of(ACCOUNT).listing(ACCOUNT).orders] == [sent.order_ref]
    assert {each.account for each in stage.gateway.aside.call(floor.executions)} == {THERE}
    assert stage.books_agree()


def test_silence_holds_up_no_exit_and_no_purchase_from_cash(left: CycleRecord) -> None:
    assert [(fill.symbol, fill.side) for fill in left.fills] == [("ESH3", "SELL"), ("AAPL", "BUY")]
    said = verdict(left, "P15", "AAPL")
    assert said.outcome is Outcome.WARN
    assert "margin unchecked" in said.reason
    assert "paid from cash" in said.reason
    assert verdict(left, "P15", "ESH3").outcome is Outcome.PASS
    assert replays(left)


def test_a_rehearsal_asks_and_shows_what_was_said(stage: GatewayStage, left: CycleRecord) -> None:
    assert left.fills
    wanting(stage, "ES1!", 30)
    rehearsed = cycle(stage, Mode.DRY_RUN)
    assert rehearsed.observation.margins is not None
    # The purchase that is bound first, then the sale beside it.
    assert [each.checked for each in rehearsed.observation.margins.answers] == [True, True]
    told = cycle_answer(rehearsed)
    titles = [block.title for block in told.blocks if isinstance(block, Table)]
    assert "Margin, by the venue's word" in titles
    assert "Margin, by the venue's word" in planned(stage).out
    assert [row["symbol"] for row in encoded(told.data)["plan"]["margin"]] == ["ESH3", "AAPL"]
    (first, second) = planned(stage, "--json").data["margin"]
    assert (first["symbol"], first["checked"], second["symbol"]) == ("ESH3", True, "AAPL")
    assert D(first["initial_change"]) > 0 > D(second["initial_change"])
    assert D(first["commission"]) > 0
    listed = stage.gateway.aside.call(stage.gateway.paper.floor.open_orders)
    assert listed == ()


def test_a_small_purchase_from_cash_is_not_asked_about(stage: GatewayStage, left: CycleRecord) -> None:
    assert left.fills
    wanting(stage, "MSFT", 5)
    # The sale of the share that goes is not new risk, and 5 % is not above the 10 % from which is asked.
    assert planned(stage, "--json").data["margin"] == []
    shown = planned(stage).out
    assert "margin not asked about: 2 of 2 orders" in shown
    assert "max_initial_margin 50.00 %, min_excess_liquidity 20.00 %" in shown


def test_a_plan_that_waits_shows_its_margin_and_is_asked_about_again_after_the_yes(
    stage: GatewayStage, left: CycleRecord
) -> None:  # fmt: skip
    assert left.fills
    config = stage.home / "invest.yaml"
    config.write_text(config.read_text() + "    approval: always\n")
    stage.reopen()
    wanting(stage, "ES1!", 30)
    with pytest.raises(CycleWaits) as waits:
        cycle(stage)
    found = waiting_cycle(stage.desk, waits.value.wait.cycle)
    assert found.seen.margins is not None
    assert [found.plan.order(each.order_ref).symbol for each in found.seen.margins.answers] == ["ESH3", "AAPL"]
    approve(stage.desk, found.id, by="ann")
    with at_work(stage.desk):
        record = carry_on(stage.desk, found.id)
    assert [fill.symbol for fill in record.fills] == ["AAPL", "ESH3"]
    assert record.guarded is not None
    assert record.guarded.margins is not None
    assert [each.checked for each in record.guarded.margins.answers] == [True, True]
    assert replays(record)

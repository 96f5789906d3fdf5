"""A month on the sample as the demo lives it: drift, a stop, a refusal from the prices, and every cycle replays."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.scenarios.homes import reopened

from prudent.bootstrap import Desk
from prudent.domain.cycles import CycleRecord
from prudent.domain.money import is_finite
from prudent.domain.proposals import ExitCause
from prudent.domain.verdicts import Outcome
from prudent.entrypoints.cli.app import app
from prudent.entrypoints.cli.border import main
from prudent.pipeline.replay import replay
from prudent.registry import strategy


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    home = tmp_path_factory.mktemp("demo") / "home"
    assert main(app, ["demo", "--home", str(home), "--no-history"]) == 0
    return reopened(home)


@pytest.fixture(scope="module")
def records(desk: Desk) -> list[CycleRecord]:
    """Those of the month's own account; the accounts that reason come after it."""
    every = [desk.ledger.load_record(cycle) for cycle in desk.ledger.views.recorded_cycles()]
    assert len({each.account for each in every}) == 10
    return [each for each in every if each.account == "demo"]


def test_the_month_has_a_cycle_for_every_session(records: list[CycleRecord]) -> None:
    assert len(records) == 22
    assert str(records[0].observation.session) == "2022-11-28"
    assert str(records[-1].observation.session) == "2022-12-28"


def test_every_cycle_replays_byte_for_byte(records: list[CycleRecord]) -> None:
    results = [replay(record, strategy(record.mandate.strategy)) for record in records]
    assert [r.differences for r in results] == [()] * len(records)
    assert all(len(r.stages) >= 3 for r in results)


def test_a_stop_fired_and_an_order_was_refused(records: list[CycleRecord]) -> None:
    causes = {exit_.cause for record in records for exit_ in record.decision.exits}
    refused = [v for r in records for v in r.report.verdicts() if v.outcome is Outcome.REJECT]
    assert ExitCause.STOP_LOSS in causes
    assert refused
    assert all(v.reason for v in refused)


def test_every_number_of_the_past_is_one_that_a_gate_may_use(records: list[CycleRecord]) -> None:
    def numbers(record: CycleRecord) -> Iterator[Decimal]:
        past = record.observation.history
        for name in type(past).__dataclass_fields__:
            value = getattr(past, name)
            if isinstance(value, Decimal):
                yield value

    assert all(is_finite(number) for record in records for number in numbers(record))


def test_books_and_chain_agree_at_the_end(desk: Desk) -> None:
    assert desk.ledger.views.money("demo").cash == desk.broker.snapshot("demo").cash
    assert desk.ledger.verify_audit().holds
    assert desk.ledger.faults() == ()

"""What several scenarios share: a stand-in of Ghostfolio beside a scripted desk, and a paper gateway with faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.ghostfolio.recorded import NEWEST, VERSIONS
from tests.contracts.ghostfolio.standin import StandIn
from tests.scenarios.fault_stage import Stage, stage
from tests.scenarios.mirror_stage import StageOf, serving
from tests.scenarios.scripted_stage import prepared_home, scripted_stage

from prudent.brokers.ibkr import broker as brokers


@pytest.fixture(scope="module")
def mirrored_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_home(tmp_path_factory.mktemp("mirror"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with serving(NEWEST, monkeypatch) as found:
        yield found


@pytest.fixture(params=VERSIONS)
def any_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with serving(request.param, monkeypatch) as found:
        yield found


@pytest.fixture
def stage_of(mirrored_home: Path, tmp_path: Path) -> StageOf:
    return lambda **how: scripted_stage(mirrored_home, tmp_path, **how)


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    with stage() as made:
        yield made


@pytest.fixture
def bench(running: Stage) -> Iterator[Stage]:
    """The gateway with books that begin anew."""
    running.begin()
    yield running
    running.end()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trade that comes with the answer is waited for, however busy the machine is."""
    monkeypatch.setattr(brokers, "TRADE_SECONDS", 10.0)


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch, patience: None) -> None:
    """What is not told with the answer is not waited for."""
    monkeypatch.setattr(brokers, "TRADE_SECONDS", 0.1)

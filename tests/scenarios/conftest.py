"""A stand-in of Ghostfolio and a scripted desk beside it, for the scenarios of the mirror."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.ghostfolio.recorded import NEWEST, VERSIONS
from tests.contracts.ghostfolio.standin import StandIn
from tests.scenarios.mirror_stage import StageOf, serving
from tests.scenarios.scripted_stage import prepared_home, scripted_stage


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

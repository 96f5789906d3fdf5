"""Seeds over the TWS wire: the real adapter at the real paper gateway, on virtual time, repeated byte by byte."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.running import invest

from prudent.gateway.faults import Do, On
from prudent.simulation.campaign import Tally, boundaries, force, run_seeds
from prudent.simulation.faults import chosen
from prudent.simulation.tws.faults import CATALOGUE, PLANNED, QUOTED
from prudent.simulation.wires import GATEWAY
from prudent.simulation.world import Verdict, run_seed

ROOT = Path(__file__).parents[2]
SEEDS = range(9)
# What they do is done by the gateway's link as a whole, or needs what this world does not have.
BY_THE_LINK, LEFT_OUT = {Do.LINK}, {Do.NOTE, Do.ASSIGNMENT}


@pytest.fixture(scope="module")
def verdicts() -> dict[int, Verdict]:
    return {each.seed: each for each in run_seeds(SEEDS, wire=GATEWAY)}


def test_no_seed_over_the_gateways_wire_violates_anything(verdicts: dict[int, Verdict]) -> None:
    assert [(each.seed, each.violation, each.text) for each in verdicts.values() if each.violation] == []
    assert sum(each.orders for each in verdicts.values()) > 40


def test_a_seed_over_the_gateways_wire_gives_the_same_trace_each_time(verdicts: dict[int, Verdict]) -> None:
    code = (
        "from prudent.simulation.campaign import run_seeds;"
        "print([each.digest for each in run_seeds(range(1, 3), wire='gateway')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": "12345"},
    ).stdout  # fmt: skip
    assert told.strip() == str([verdicts[seed].digest for seed in (1, 2)])
    assert len({each.digest for each in verdicts.values()}) == len(SEEDS)


def test_more_seeds_hold(scale: Callable[[int, int], int]) -> None:
    tally = Tally()
    for verdict in run_seeds(range(50_000, 50_000 + scale(1, 2_000)), jobs=scale(1, 2), wire=GATEWAY):
        tally.add(verdict)
    assert [(each.seed, each.violation, each.text) for each in tally.failing] == []


def test_a_process_killed_at_a_point_of_its_first_cycle_breaks_nothing(scale: Callable[[int, int], int]) -> None:
    points = boundaries(0, GATEWAY)
    assert {"before wire", "after wire", "ask", "ask margin"} <= {each.name for each in points}
    # Each another one of few in `make test`; all of them in `make prove`.
    wanted = points[::scale(len(points) // 4, 1)]
    assert [(each, text) for each in wanted if (text := force(each).text)] == []


def test_a_calm_world_meets_no_fault_and_trades() -> None:
    verdict, _ = run_seed(1, chosen("none", CATALOGUE), wire=GATEWAY)
    assert (verdict.violation, verdict.hits) == ("", {})
    assert verdict.orders > 0


def test_seeds_meet_faults_of_the_gateway_at_every_place(verdicts: dict[int, Verdict]) -> None:
    tally = Tally()
    for each in verdicts.values():
        tally.add(each)
    groups = {kind.group for kind in CATALOGUE if kind.name in tally.hits}
    assert groups >= {"gateway_orders", "gateway_fills", "gateway_requests", "gateway_logins", "link", "disk", "people"}
    assert "gateway_margins" in groups
    assert len(tally.hits) > 50


def test_the_gateways_faults_are_all_in_the_catalogue_but_those_that_find_nothing_here() -> None:
    planned = {each.do for each in (*PLANNED, *QUOTED)}
    assert set(Do) - planned == LEFT_OUT
    assert {each.on for each in PLANNED} == set(On) - {On.TICK}
    assert len({kind.name for kind in CATALOGUE}) == len(CATALOGUE)


def test_the_command_runs_seeds_over_that_wire_and_says_how_to_see_one_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = invest("sim", "--wire", "gateway", "--seeds", "1..1", "--faults", "none", "--json")
    data = ended.document["data"]
    assert (ended.code, data["seeds"], data["violations"], data["hits"]) == (0, 1, 0, {})

    def broken(*_args: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("prudent.simulation.engine_work.begin", broken)
    ended = invest("sim", "--wire", "gateway", "--seeds", "2..2", "--faults", "none")
    assert ended.code == 1
    assert "invest sim --seeds 2..2 --faults none --wire gateway --trace 2" in ended.out


@pytest.mark.parametrize(
    "args", [["--wire", "other"], ["--wire", "gateway", "--seeds", "2..1"], ["--wire", "gateway", "--faults", "bust"]]
)
def test_what_that_wire_does_not_have_is_refused(args: list[str]) -> None:
    assert invest("sim", *args).code == 2


def test_nothing_is_left_of_a_seed_over_that_wire(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("prudent.simulation.world.scratch_root", lambda: tmp_path)
    run_seed(4, chosen("all", CATALOGUE), wire=GATEWAY)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []

"""`kill -9` of a real engine at random moments: no order twice, nothing acknowledged lost, the target is reached."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.scenarios.engines import by_command, forking
from tests.scenarios.kill9 import Harness, check, percentile, ten_symbol_home

READY_SECONDS = 10.0


def test_an_engine_killed_again_and_again_reaches_the_target_once(
    tmp_path: Path, scale: Callable[[int, int], int]
) -> None:
    home = ten_symbol_home(tmp_path)
    kills = scale(20, 200)
    with forking() as start:
        report = Harness(home, start, seed=1).run(kills)
    sys.stdout.write(report.words)
    assert report.kills >= kills
    # The kills really fell between the steps of cycles.
    assert report.midway >= kills // 10
    check(home, report)


@pytest.mark.parametrize("seed", [2])
def test_a_killed_engine_is_ready_again_within_ten_seconds(
    tmp_path: Path, seed: int, scale: Callable[[int, int], int]
) -> None:
    home = ten_symbol_home(tmp_path)
    report = Harness(home, by_command, seed=seed).run(scale(3, 40))
    check(home, report)
    sys.stdout.write(report.words)
    assert percentile(report.ready, 95) <= READY_SECONDS


def test_on_postgresql_it_is_the_same(
    tmp_path: Path, postgres_url: str, scale: Callable[[int, int], int]
) -> None:  # fmt: skip
    home = ten_symbol_home(tmp_path, database=postgres_url)
    with forking() as start:
        report = Harness(home, start, seed=3).run(scale(5, 200))
    check(home, report)
    sys.stdout.write(report.words)

"""The crash matrix: the process killed at each numbered point of the order path, and everything holds all the same."""

from collections.abc import Callable

import pytest

from prudent.simulation.campaign import Boundary, boundaries, force

# In `make test` every fourth point of one world, each chunk another fourth; `make prove` forces them all.
EVERY = 4
CHUNKS = 4


@pytest.fixture(scope="session")
def calm() -> tuple[Boundary, ...]:
    return boundaries(0)


def test_the_order_path_has_at_least_forty_points(calm: tuple[Boundary, ...]) -> None:
    names = {each.name for each in calm}
    assert len(calm) >= 40
    assert {"before wire", "after wire", "ask", "wait"} & names >= {"before wire", "after wire", "ask"}
    for table in ("stages", "orders", "order_events", "order_marks", "fills", "journal_entries", "records"):
        assert any(table in name for name in names), table


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_crash_at_a_numbered_point_breaks_nothing(calm: tuple[Boundary, ...], chunk: int) -> None:
    wanted = calm[chunk * len(calm) // CHUNKS : (chunk + 1) * len(calm) // CHUNKS : EVERY]
    failing = [(each, verdict.text) for each in wanted if (verdict := force(each)).violation]
    assert wanted
    assert failing == []


def test_every_point_of_more_worlds_is_forced(scale: Callable[[int, int], int]) -> None:
    failing = [
        (each, verdict.text)
        for seed in range(1, scale(1, 51))
        for each in boundaries(seed)
        if (verdict := force(each)).violation
    ]
    assert failing == []

"""The demo over a socket: the whole rebalance through the client library, at the paper gateway of this program."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.running import invest

pytest.importorskip("ib_async")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    home = tmp_path_factory.mktemp("demo") / "home"
    ended = invest("demo", "--broker", "paper-gateway", "--home", str(home), "--json")
    assert ended.code == 0, ended.out + ended.err
    return home, ended.data


def test_every_order_is_filled_over_the_socket_and_verified(shown: tuple[Path, dict[str, Any]]) -> None:
    _, data = shown
    first, second = data["cycles"]
    assert first["orders"] == 14
    assert first["fills"] >= 14
    assert float(first["accuracy"]) > 0.99
    # A market moves between two cycles; it does not move the whole book.
    assert second["orders"] <= 3


def test_what_was_traded_there_stands_in_the_books_and_replays(shown: tuple[Path, dict[str, Any]]) -> None:
    home, data = shown
    for cycle in data["cycles"]:
        assert invest("replay", cycle["cycle"], "--home", str(home), "--json").code == 0
    assert invest("audit", "verify", "--home", str(home), "--json").code == 0


def test_a_broker_that_is_none_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    ended = invest("demo", "--broker", "tws", "--home", str(tmp_path / "home"))
    assert ended.code == 2
    assert "--broker must be simulated or paper-gateway, was 'tws'" in ended.err
    assert not (tmp_path / "home").exists()

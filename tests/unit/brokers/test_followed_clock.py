"""The clock of a home that follows its gateway: told in whole seconds, heard late, and the same in every process."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from prudent import venues
from prudent.brokers.ibkr.greeting import Greeting
from prudent.clock import SystemClock
from prudent.domain.errors import Temporary
from prudent.settings import Loaded, load_settings

CONFIG = (
    "mode: paper\ndata: {source: ibkr}\nclock: {follows: ibkr}\naccounts:\n  main:\n    broker: ibkr\n"
    "    ibkr: {account: DU1234567}\n    class: autonomous\n    targets: json/core.json\n"
)
Told = Callable[[timedelta | None], timedelta]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "core.json").write_text('[{"symbol": "AAPL", "weight": 0.1}]')
    (tmp_path / "invest.yaml").write_text(CONFIG)
    return load_settings(tmp_path)


@pytest.fixture
def told(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What a new process makes of a gateway whose time it finds so far from its own; None for one that is silent."""

    def distance(found: timedelta | None) -> timedelta:
        def greet(_host: str, _port: int, *, seconds: float) -> Greeting:
            if found is None:
                raise Temporary(f"silent for {seconds} s")
            return Greeting(version=178, time=datetime.now(UTC) + found, said="")

        monkeypatch.setattr(venues, "greet", greet)
        clock = venues.home_clock(loaded)
        return clock.now() - SystemClock().now()

    return distance


def near(found: timedelta, wanted: float) -> bool:
    return abs(found.total_seconds() - wanted) < 0.1


def test_a_later_process_does_not_stand_before_an_earlier_one(told: Told) -> None:
    assert near(told(timedelta(seconds=-100.2)), -100.2)
    assert near(told(timedelta(seconds=-101.1)), -100.2)
    # What is measured is never too much: the most stands.
    assert near(told(timedelta(seconds=-100.0)), -100.0)
    assert near(told(timedelta(seconds=-100.9)), -100.0)
    assert near(told(None), -100.0)


def test_a_gateway_that_was_set_to_another_time_is_followed_there(told: Told) -> None:
    assert near(told(timedelta(seconds=-100)), -100)
    assert near(told(timedelta(seconds=-103)), -103)
    assert near(told(timedelta(days=2)), 2 * 86_400)


def test_a_silent_gateway_that_was_never_met_is_said_so_and_a_broken_file_is_none(told: Told, loaded: Loaded) -> None:
    with pytest.raises(Temporary, match="silent"):
        told(None)
    kept = loaded.home / "data" / "gateway_time.json"
    kept.parent.mkdir(exist_ok=True)
    for text in ("", "[]", '{"distance_seconds": "far"}', '{"distance_seconds": NaN}',
                 '{"distance_seconds": 1e999}'):
        kept.write_text(text)
        with pytest.raises(Temporary, match="silent"):
            told(None)
    assert near(told(timedelta(seconds=-5)), -5)
    assert near(told(None), -5)

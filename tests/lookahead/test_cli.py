"""`invest lookahead`: what it says and with which code it ends."""

import json

import pytest
from tests.lookahead.homes import SYMBOLS, home_of
from tests.lookahead.planted import Scored, next_day_return
from tests.unit.cli.running import Ended, invest

from prudent import registry
from prudent.bootstrap import Desk

TARGETS = json.dumps({"unit": "percent", "targets": [{"symbol": each, "weight": 19} for each in SYMBOLS[:4]]})
WINDOW = ("--from", "2015-03-02", "--to", "2015-03-18")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return home_of(tmp_path_factory.mktemp("cli"), {"holds": {"targets": "json/t.json"}}, {"t.json": TARGETS})


def lookahead(desk: Desk, *words: str) -> Ended:
    return invest("lookahead", *words, "--home", str(desk.home))


def test_a_leak_ends_with_7_and_names_the_first_place(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.STRATEGIES, "target_weights", lambda: Scored(next_day_return))
    ended = lookahead(desk, "holds", *WINDOW, "--cadence", "daily", "--cuts", "3", "--json")
    assert ended.code == 7
    assert ended.data["verdict"] == "leak"
    assert "gather at ranked[" in ended.document["errors"][0]["message"]


def test_too_little_ends_with_6_and_counts_what_there_was(desk: Desk) -> None:
    ended = lookahead(desk, "holds", *WINDOW, "--cuts", "1")
    assert ended.code == 6
    assert "NOT PROVED: too few to prove" in ended.out
    assert "inputs changed" in ended.out


def test_a_run_is_proved_over_its_own_window(desk: Desk) -> None:
    assert invest("backtest", "holds", *WINDOW, "--cadence", "weekly", "--home", str(desk.home)).code == 0
    ended = lookahead(desk, "holds/b1", "--cuts", "1", "--json")
    assert ended.code == 6
    assert (ended.data["first"], ended.data["last"]) == ("2015-03-02", "2015-03-18")
    assert ended.data["decisions"] <= 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("holds", "--from", "2015-03-18", "--to", "2015-03-02"), "--from must be before"),
        (("holds", "--from", "2015-03-02", "--to", "2015-03-06"), "at least 10 sessions"),
        (("holds", "--from", "long ago"), "must be a date"),
        (("nobody",), "account must be one of"),
        (("holds/b77",), "see `invest backtests`"),
    ],
)
def test_what_cannot_be_proved_is_refused_in_words(desk: Desk, words: tuple[str, ...], said: str) -> None:
    ended = lookahead(desk, *words)
    assert ended.code == 2
    assert said in ended.err


def test_a_sealed_window_stays_sealed(desk: Desk) -> None:
    path = desk.home / "invest.yaml"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "backtest": {"sealed_days": 365}}))
    try:
        ended = lookahead(desk, "holds", "--from", "2022-10-03", "--to", "2022-11-30")
    finally:
        path.write_text(json.dumps(settings))
    assert ended.code == 5
    assert "sealed" in ended.err

"""What the simulator itself promises: its choices, its venue's truth, and that a violation is seen and shown."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from tests.unit.cli.running import invest

from prudent.domain.errors import InputError
from prudent.marketdata.calendars import ExchangeCalendar
from prudent.simulation import world as worlds
from prudent.simulation.campaign import seed_range
from prudent.simulation.faults import CATALOGUE, GROUPS, NAMES, Weather, chosen
from prudent.simulation.shape import draw_shape
from prudent.simulation.timeline import ProcessClock, Timeline, Trace
from prudent.simulation.truth import FOLLOWS, Violation
from prudent.simulation.venue import fee

START = datetime(2022, 11, 28, 15, tzinfo=UTC)


def test_seeds_are_a_range_with_both_ends() -> None:
    assert list(seed_range("3..5")) == [3, 4, 5]
    assert list(seed_range("7")) == [7]


@pytest.mark.parametrize("text", ["", "a..b", "5..3", "1..", "-1", "1...3", "1.5"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--seeds"):
        seed_range(text)


def test_faults_are_chosen_by_name_and_by_group() -> None:
    assert chosen("all") == set(NAMES)
    assert chosen("none") == set()
    assert chosen("bust, clock") == {"bust", "clock_forward", "clock_back", "clock_drift"}
    with pytest.raises(InputError, match="bogus"):
        chosen("bogus")


def test_every_kind_of_fault_has_a_name_of_its_own_a_group_and_a_text() -> None:
    assert len(set(NAMES)) == len(CATALOGUE) >= 60
    assert {kind.group for kind in CATALOGUE} == set(GROUPS)
    assert all(kind.text and 0 < kind.rate < 1 for kind in CATALOGUE)


def test_time_stops_at_everything_that_is_due_on_the_way() -> None:
    trace = Trace()
    timeline = Timeline(START, trace)
    seen: list[tuple[str, datetime]] = []
    timeline.after(5.0, "second", lambda: seen.append(("second", timeline.now)))

    def first() -> None:
        timeline.after(1.0, "of the first", lambda: seen.append(("inner", timeline.now)))

    timeline.after(2.0, "first", first)
    timeline.seconds(10.0)
    assert seen == [("inner", START + timedelta(seconds=3)), ("second", START + timedelta(seconds=5))]
    assert timeline.now == START + timedelta(seconds=10)


def test_calm_weather_strikes_nothing() -> None:
    weather = Weather(Random(1), chosen("all"), Trace())
    weather.calm = True
    assert not any(weather.strikes(name) for name in NAMES for _ in range(20))


def test_worlds_are_of_the_sizes_asked_for() -> None:
    shapes = [draw_shape(Random(seed), ExchangeCalendar()) for seed in range(200)]
    assert {len(each.accounts) for each in shapes} == {1, 2, 3}
    assert {len(each.owners) for each in shapes} == {1, 2, 3}
    assert {len(each.symbols) for each in shapes} == set(range(3, 9))
    assert {len(each.cycles) for each in shapes} == set(range(4, 11))
    assert {each.quiet_seconds for each in shapes} == {0, 1, 60}


def test_the_venues_fee_is_its_own_to_the_cent() -> None:
    # 300 x 0.005 = 1.50; 100 x 0.005 = 0.50, at least 1.00; 1 x 20 at most 1 % of it
    assert fee(Decimal(300), Decimal(50)) == Decimal("1.50")
    assert fee(Decimal(100), Decimal(50)) == Decimal("1.00")
    assert fee(Decimal(1), Decimal(20)) == Decimal("0.20")


def test_the_legal_steps_are_written_down_twice_and_agree() -> None:
    from prudent.ledger.transitions import LEGAL

    ours = {before: set(after.split()) for before, after in FOLLOWS.items()}
    for before, after in LEGAL.items():
        missing = {str(each) for each in after} - ours.get(str(before), set()) - {"WOULD_SEND", "HELD"}
        assert not missing, (before, missing)


def test_a_violation_is_shown_with_the_command_that_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise Violation("I9", "planted here")

    monkeypatch.setattr("prudent.simulation.truth.Truth.check", broken)
    ended = invest("sim", "--seeds", "4..4", "--faults", "none")
    assert ended.code == 1
    assert "invest sim --seeds 4..4 --faults none --trace 4" in ended.out
    assert "I9: planted here" in ended.err


def test_an_error_that_the_desk_should_not_raise_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr("prudent.simulation.engine_work.begin", broken)
    ended = invest("sim", "--seeds", "4", "--faults", "none")
    assert ended.code == 1
    assert "I0: KeyError" in ended.err


def test_sound_seeds_end_with_zero_and_answer_in_json() -> None:
    ended = invest("sim", "--seeds", "0..1", "--json")
    data = ended.document["data"]
    assert ended.code == 0
    assert (data["seeds"], data["violations"]) == (2, 0)
    assert set(data["digests"]) == {"0", "1"}


@pytest.mark.parametrize("args", [["--seeds", "x"], ["--seeds", "5..1"], ["--faults", "bogus"], ["--jobs", "0"]])
def test_bad_input_ends_with_two(args: list[str]) -> None:
    assert invest("sim", *args).code == 2


def test_a_trace_can_be_read_and_ends_with_its_digest() -> None:
    ended = invest("sim", "--trace", "3")
    assert ended.code == 0
    assert "owner0#1 start" in ended.out
    assert "digest " in ended.out


def test_nothing_is_left_of_a_seed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(worlds, "scratch_root", lambda: tmp_path)
    handles = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
    for seed in range(2):
        worlds.run_seed(seed, chosen("all"))
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    if handles:
        assert len(list(Path("/proc/self/fd").iterdir())) <= handles + 1


def test_a_process_that_pauses_lets_the_worlds_time_pass_and_nobody_waits() -> None:
    timeline = Timeline(START, Trace())
    clock = ProcessClock(timeline)
    clock.pause(3600.0)
    assert timeline.now == START + timedelta(hours=1)
    assert clock.now() == timeline.now

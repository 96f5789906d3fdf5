"""The watch on the disk: nothing new is opened while space is short, and only its own stop is lifted again."""

from pathlib import Path

import pytest

from prudent.bootstrap import Desk, open_desk
from prudent.domain.accounts import TradingState
from prudent.domain.errors import StoreError
from prudent.domain.notices import Event
from prudent.entrypoints.cli.starter import Wishes, create_home
from prudent.workflows.control import Scope, halt, resume
from prudent.workflows.disk import GIB, DiskWatch, Space
from prudent.workflows.machine import MachineWatch
from prudent.workflows.notices import tell

PLENTY = Space(free=50 * GIB, total=100 * GIB)
SHORT = Space(free=GIB // 2, total=10 * GIB)


class Disk:
    """A desk's disk as a test sets it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.space = PLENTY
        self.watch = DiskWatch(desk, tell=lambda notice: tell(desk, notice), read=lambda: self.space)

    def look(self, space: Space) -> TradingState:
        self.space = space
        self.watch.check()
        return self.desk.ledger.state()[0]

    @property
    def told(self) -> list[Event]:
        return [row.notice.event for row in reversed(self.desk.ledger.notices.listed().rows)]


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    create_home(tmp_path / "home", Wishes())
    return Disk(open_desk(tmp_path / "home"))


@pytest.mark.parametrize(
    ("free", "total", "enough"),
    [
        (GIB, 10 * GIB, True), (GIB - 1, 10 * GIB, False), (5 * GIB, 100 * GIB, True), (5 * GIB - 1, 100 * GIB, False),
        (0, GIB, False), (2 * GIB, 100 * GIB, False), (GIB, 20 * GIB, True), (GIB, 20 * GIB + 20, False),
    ],
)  # fmt: skip
def test_less_than_a_gibibyte_or_a_twentieth_is_too_little(free: int, total: int, *, enough: bool) -> None:
    assert Space(free=free, total=total).enough() is enough


def test_short_space_stops_new_risk_and_room_lets_go(disk: Disk) -> None:
    assert disk.look(PLENTY) is TradingState.ACTIVE
    assert disk.look(SHORT) is TradingState.REDUCING
    assert disk.look(SHORT) is TradingState.REDUCING
    assert disk.look(PLENTY) is TradingState.ACTIVE
    assert disk.told == [Event.DISK_LOW, Event.DISK_OK]


def test_the_state_does_not_flutter_at_the_limit(disk: Disk) -> None:
    total = 10 * GIB
    assert disk.look(Space(free=GIB - 1, total=total)) is TradingState.REDUCING
    assert disk.look(Space(free=GIB, total=total)) is TradingState.REDUCING
    assert disk.look(Space(free=int(GIB * 1.09), total=total)) is TradingState.REDUCING
    assert disk.look(Space(free=int(GIB * 1.11), total=total)) is TradingState.ACTIVE


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
def test_a_stop_of_a_person_outlives_the_disk(disk: Disk, state: TradingState) -> None:
    halt(disk.desk, Scope(), state=state, reason="I said so")
    assert disk.look(SHORT) is state
    assert disk.look(PLENTY) is state
    assert disk.desk.ledger.state() == (state, "I said so")


def test_a_person_who_halts_during_it_is_not_overruled_when_room_is_back(disk: Disk) -> None:
    disk.look(SHORT)
    halt(disk.desk, Scope(), state=TradingState.HALTED, reason="and now all of it")
    assert disk.look(PLENTY) is TradingState.HALTED


def test_a_person_who_resumes_while_space_is_short_finds_it_reduced_again(disk: Disk) -> None:
    disk.look(SHORT)
    resume(disk.desk, Scope(), reason="go on")
    assert disk.look(SHORT) is TradingState.REDUCING


def test_every_owner_at_the_disk_is_stopped_and_it_is_told_once(disk: Disk, tmp_path: Path) -> None:
    create_home(tmp_path / "other", Wishes())
    other = open_desk(tmp_path / "other")
    disk.watch = DiskWatch(
        disk.desk, tell=lambda notice: tell(disk.desk, notice), read=lambda: disk.space, others=lambda: (other,)
    )
    disk.look(SHORT)
    assert other.ledger.state()[0] is TradingState.REDUCING
    disk.look(PLENTY)
    assert other.ledger.state()[0] is TradingState.ACTIVE
    assert disk.told == [Event.DISK_LOW, Event.DISK_OK]


def test_the_reason_says_what_to_do(disk: Disk) -> None:
    disk.look(SHORT)
    reason = disk.desk.ledger.state()[1]
    assert reason == "the disk is nearly full: 0.50 GiB free of 10.0 GiB; free some, then it is lifted by itself"


def test_a_look_that_cannot_store_anything_raises_nothing(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_args: object, **_options: object) -> None:
        raise StoreError("the disk is full")

    watch = MachineWatch(disk.desk, restart=lambda reason: None)
    watch.disk._read = lambda: SHORT
    monkeypatch.setattr(disk.desk.ledger, "set_state", full)
    monkeypatch.setattr(disk.desk.ledger.notices, "add_all", full)
    with caplog.at_level("ERROR"):
        watch.check()
    assert [record.message for record in caplog.records] == ["notice_not_kept", "disk_not_watched"]

"""The courier: everything that is kept reaches every channel at least once, and no channel holds up another."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.fakes_clock import SteppedClock
from tests.unit.notify.build import MONDAY, notice
from tests.unit.notify.receiver import receiving

from prudent.domain.errors import Permanent, Temporary
from prudent.domain.notices import Event, Notice
from prudent.ledger import LedgerStore, open_ledger
from prudent.notify.apprise_channel import AppriseChannel
from prudent.notify.webhook import Webhook
from prudent.ports import Notifier
from prudent.workflows.courier import PER_MINUTE_MAX, TRIES_MAX, Courier

WINDOW = timedelta(minutes=5)
SECRET = "a-long-random-secret"


class Box:
    """A channel that keeps what it is given; it fails with the next of `errors` while there are any."""

    def __init__(self, name: str = "box", *errors: Exception) -> None:
        self.name = name
        self.errors = list(errors)
        self.took: list[tuple[int, Notice]] = []
        self.asked = 0
        self.hold: threading.Event | None = None

    def check(self) -> None:
        """It can always be sent to."""

    def send(self, notice: Notice, number: int) -> None:
        self.asked += 1
        if self.hold is not None:
            self.hold.wait(20)
        if self.errors:
            raise self.errors.pop(0)
        self.took.append((number, notice))

    @property
    def numbers(self) -> list[int]:
        return [number for number, _notice in self.took]


@pytest.fixture
def ledger() -> Iterator[LedgerStore]:
    store = open_ledger(":memory:")
    yield store
    store.close()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(MONDAY)


def courier(ledger: LedgerStore, clock: SteppedClock, *channels: Notifier) -> Courier:
    return Courier(lambda: (ledger.notices,), channels, clock=clock)


def add(ledger: LedgerStore, *subjects: str, event: Event = Event.CYCLE_FAILED) -> None:
    for subject in subjects:
        ledger.notices.add(notice(event, subject=subject), window=WINDOW)


def test_every_channel_gets_every_notice_once_and_it_is_marked(ledger: LedgerStore, clock: SteppedClock) -> None:
    one, two = Box("one"), Box("two")
    add(ledger, "a", "b", "c")
    sender = courier(ledger, clock, one, two)
    sender.deliver()
    sender.deliver()
    assert (one.numbers, two.numbers) == ([1, 2, 3], [1, 2, 3])
    assert ledger.notices.unsent() == ()
    assert {name for row in ledger.notices.listed().rows for name in row.deliveries} == {"one", "two"}


def test_a_channel_that_fails_is_tried_again_after_a_pause(ledger: LedgerStore, clock: SteppedClock) -> None:
    box = Box("box", Temporary("down"), Temporary("down"))
    add(ledger, "a")
    sender = courier(ledger, clock, box)
    sender.deliver()
    sender.deliver()
    assert box.asked == 1, "not before the pause is over"
    clock.set(MONDAY + timedelta(seconds=1))
    sender.deliver()
    assert box.asked == 2
    clock.set(MONDAY + timedelta(seconds=2))
    sender.deliver()
    assert box.asked == 2, "the second pause is longer"
    clock.set(MONDAY + timedelta(seconds=4))
    sender.deliver()
    assert box.numbers == [1]
    assert ledger.notices.unsent() == ()


def test_what_one_channel_has_is_not_sent_there_again_for_the_other(ledger: LedgerStore, clock: SteppedClock) -> None:
    good, bad = Box("good"), Box("bad", Temporary("down"))
    add(ledger, "a")
    courier(ledger, clock, good, bad).deliver()
    assert [row.number for row in ledger.notices.unsent()] == [1]
    # Another process goes on from what was marked.
    courier(ledger, clock, good, bad).deliver()
    assert (good.numbers, bad.numbers) == ([1], [1])


def test_a_notice_that_is_never_taken_ends_and_lets_the_others_pass(ledger: LedgerStore, clock: SteppedClock) -> None:
    box = Box("box", Permanent("410, gone"))
    add(ledger, "a", "b")
    sender = courier(ledger, clock, box)
    sender.deliver()
    clock.set(MONDAY + timedelta(seconds=1))
    sender.deliver()
    assert box.numbers == [2]
    assert ledger.notices.unsent() == ()
    failed = ledger.notices.listed().rows[1].deliveries["box"]
    assert (failed.done, failed.error) == (True, "410, gone")


def test_one_that_fails_again_and_again_lets_the_others_pass(ledger: LedgerStore, clock: SteppedClock) -> None:
    class Picky(Box):
        def send(self, notice: Notice, number: int) -> None:
            if number == 1:
                raise Temporary("not this one")
            super().send(notice, number)

    box = Picky()
    add(ledger, "a", "b", "c")
    sender = courier(ledger, clock, box)
    for second in range(4):
        clock.set(MONDAY + timedelta(seconds=second))
        sender.deliver()
    assert box.numbers == [2, 3]
    assert [row.number for row in ledger.notices.unsent()] == [1]


def test_after_the_last_try_it_is_given_up(ledger: LedgerStore, clock: SteppedClock) -> None:
    box = Box("box", *(Temporary("down") for _ in range(TRIES_MAX + 5)))
    add(ledger, "a")
    sender = courier(ledger, clock, box)
    for hour in range(TRIES_MAX + 5):
        clock.set(MONDAY + timedelta(hours=hour))
        sender.deliver()
    assert box.asked == TRIES_MAX
    assert ledger.notices.unsent() == ()


def test_a_channel_that_hangs_holds_up_only_itself(ledger: LedgerStore, clock: SteppedClock) -> None:
    stuck, good = Box("stuck"), Box("good")
    stuck.hold = threading.Event()
    add(ledger, "a", "b")
    sender = courier(ledger, clock, stuck, good)
    for _ in range(20):
        sender.deliver(seconds=0.0)
        if len(good.took) == 2:
            break
        threading.Event().wait(0.05)
    assert good.numbers == [1, 2]
    assert stuck.asked == 1
    stuck.hold.set()
    sender.deliver()
    assert stuck.numbers == [1, 2]


def test_a_storm_is_gathered_and_what_is_critical_still_comes_alone(ledger: LedgerStore, clock: SteppedClock) -> None:
    box = Box()
    add(ledger, *(f"n{i}" for i in range(PER_MINUTE_MAX + 30)))
    sender = courier(ledger, clock, box)
    sender.deliver()
    assert len(box.took) == PER_MINUTE_MAX + 1
    last = box.took[-1][1]
    assert last.title == "30 notices came at once; read them with `invest notify list`"
    assert last.lines == ("30 cycle.failed",)
    assert ledger.notices.unsent() == ()
    add(ledger, "x", "y", event=Event.ORDER_UNKNOWN)
    add(ledger, "late")
    sender.deliver()
    assert [each.subject for _n, each in box.took[PER_MINUTE_MAX + 1 :]] == ["x", "y"]
    clock.set(MONDAY + timedelta(minutes=1))
    sender.deliver()
    assert box.took[-1][1].subject == "late"


def test_without_channels_nothing_waits(ledger: LedgerStore, clock: SteppedClock) -> None:
    add(ledger, "a", "b")
    courier(ledger, clock).deliver()
    assert ledger.notices.unsent() == ()
    assert ledger.notices.listed().total == 2


def test_repeats_are_said_with_the_first_where_it_is_not_sent_yet(ledger: LedgerStore, clock: SteppedClock) -> None:
    box = Box()
    for _ in range(3):
        add(ledger, "a")
    courier(ledger, clock, box).deliver()
    assert box.took[0][1].lines[-1] == "the same 2 more times since"


def test_the_loop_sends_by_itself_and_stopping_sends_the_rest(ledger: LedgerStore, clock: SteppedClock) -> None:
    with receiving() as receiver:
        hook = Webhook(url=receiver.url, secret=SECRET, clock=clock)
        sender = courier(ledger, clock, hook)
        sender.start()
        add(ledger, "a")
        sender.wake()
        receiver.wait(1)
        add(ledger, "b")
        sender.stop()
        assert [each.document["subject"] for each in receiver.received] == ["a", "b"]
    assert ledger.notices.unsent() == ()


def test_a_channel_of_apprise_and_a_webhook_together(ledger: LedgerStore, clock: SteppedClock) -> None:
    with receiving() as receiver:
        hook = Webhook(url=receiver.url, secret=SECRET, clock=clock)
        add(ledger, "a")
        courier(ledger, clock, AppriseChannel(receiver.apprise_url, name="json"), hook).deliver()
        assert sorted(each.path for each in receiver.received) == ["/apprise", "/hook"]
        (apprised,) = [each.document for each in receiver.received if each.path == "/apprise"]
    assert apprised["title"] == "[PAPER] core: 1 order blocked"
    assert apprised["message"] == "BUY 10 AAPL: too heavy"
    assert apprised["type"] == "warning"
    assert ledger.notices.unsent() == ()


def test_a_call_out_needs_no_ledger(ledger: LedgerStore, clock: SteppedClock) -> None:
    box = Box()
    sender = courier(ledger, clock, box)
    sender.call_out(notice())
    sender.stop()
    for _ in range(100):
        if box.took:
            break
        threading.Event().wait(0.02)
    assert box.numbers == [0]


def test_a_url_that_apprise_does_not_know_fails_for_itself(ledger: LedgerStore, clock: SteppedClock) -> None:
    box = Box()
    add(ledger, "a")
    courier(ledger, clock, AppriseChannel("nonsense://S3CRET-token-12", name="nonsense"), box).deliver()
    assert box.numbers == [1]
    error = ledger.notices.listed().rows[0].deliveries["nonsense"].error
    assert "Apprise knows" in error
    assert "S3CRET" not in error


def test_apprise_says_why_and_not_the_url(ledger: LedgerStore, clock: SteppedClock) -> None:
    with receiving() as receiver:
        receiver.answers = [500]
        url = f"json://user:pa55word@127.0.0.1:{receiver.port}/T0KEN-of-mine"
        add(ledger, "a")
        courier(ledger, clock, AppriseChannel(url, name="json", secrets=("T0KEN-of-mine", "pa55word"))).deliver()
    error = ledger.notices.listed().rows[0].deliveries["json"].error
    assert "500" in error
    assert "pa55word" not in error
    assert "T0KEN" not in error

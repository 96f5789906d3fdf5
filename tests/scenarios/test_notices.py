"""What a person is told of a real desk: by which channel, what is kept back, and that no channel stops a cycle."""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from tests.scenarios.homes import ACCOUNT, new_home, reopened
from tests.unit.cli.running import invest
from tests.unit.notify.receiver import Receiver, receiving

from prudent.bootstrap import Desk
from prudent.domain.accounts import Mode
from prudent.domain.cycles import Wait, WaitWhy
from prudent.domain.errors import InputError, StoreError
from prudent.domain.notices import Event
from prudent.ledger.schedules import PAUSED, SKIPPED, STARTED, ScheduleRun
from prudent.workflows.cycle import at_work, run_account
from prudent.workflows.notices import (
    happened,
    sending,
    tell,
    tell_cycle,
    tell_failure,
    tell_missed,
    tell_wait,
)

SECRET = "canary-secret-of-the-webhook"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_home(tmp_path_factory.mktemp("notices"))


@pytest.fixture
def home(prepared: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(prepared, tmp_path / "home"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def configured(home: Path, notify: Mapping[str, object]) -> Path:
    with (home / "invest.yaml").open("a") as config:
        config.write(yaml.safe_dump({"notify": dict(notify)}))
    return home


def hook(receiver: Receiver) -> dict[str, object]:
    return {"url": receiver.url, "secret": SECRET}


def kept(desk: Desk) -> list[Event]:
    return [row.notice.event for row in reversed(desk.ledger.notices.listed().rows)]


def cycle(desk: Desk, *, mode: Mode | None = None) -> None:
    with at_work(desk):
        tell_cycle(desk, run_account(desk, ACCOUNT, mode=mode))


def test_a_cycle_reaches_the_webhook_and_its_steps_are_only_kept(home: Path, receiver: Receiver) -> None:
    desk = reopened(configured(home, {"webhook": hook(receiver)}))
    with sending(desk) as courier:
        with at_work(desk):
            record = run_account(desk, ACCOUNT)
        before = set(kept(desk))
        tell_cycle(desk, record)
        courier.wake()
        receiver.wait(2)
    sent = [each.document for each in receiver.received]
    assert {"cycle.succeeded", "order.filled"} <= {each["event"] for each in sent}
    assert {each["event"] for each in sent}.isdisjoint({"cycle.started", "decision.made", "order.submitted"})
    assert Event.CYCLE_STARTED in before
    assert {Event.DECISION_MADE, Event.ORDER_SUBMITTED, Event.ORDER_FILLED} <= set(kept(desk))
    (filled,) = [each for each in sent if each["event"] == "order.filled"]
    assert (filled["account"], filled["mode"], filled["currency"]) == (ACCOUNT, "PAPER", "USD")
    assert desk.ledger.notices.unsent() == ()


def test_a_rehearsal_on_a_trading_desk_tells_nobody(home: Path) -> None:
    desk = reopened(home)
    before = kept(desk)
    with at_work(desk):
        record = run_account(desk, ACCOUNT, mode=Mode.DRY_RUN)
    assert tell_cycle(desk, record) == ()
    assert kept(desk) == before


def test_the_settings_silence_and_switch_off_events(home: Path, receiver: Receiver) -> None:
    events = {"order.filled": "silent", "cycle.succeeded": False, "decision.made": True}
    desk = reopened(configured(home, {"webhook": hook(receiver), "events": events}))
    with at_work(desk):
        record = run_account(desk, ACCOUNT)
    with sending(desk):
        tell_cycle(desk, record)
    sent = {each.document["event"] for each in receiver.received}
    assert "decision.made" in sent
    assert sent.isdisjoint({"order.filled", "cycle.succeeded"})
    assert Event.ORDER_FILLED in kept(desk)
    assert Event.CYCLE_SUCCEEDED not in kept(desk)


def test_the_same_trouble_is_told_once_in_its_window(home: Path) -> None:
    desk = reopened(home)
    error = InputError("the targets file is gone")
    told = [tell_failure(desk, ACCOUNT, error) for _ in range(3)]
    assert [len(each) for each in told] == [1, 0, 0]
    desk.clock.move_to(desk.clock.now() + timedelta(minutes=5))  # type: ignore[union-attr]
    assert len(tell_failure(desk, ACCOUNT, error)) == 1


def test_what_a_cycle_tells_it_tells_once_for_ever(home: Path) -> None:
    desk = reopened(home)
    with at_work(desk):
        record = run_account(desk, ACCOUNT)
    tell_cycle(desk, record)
    before = kept(desk)
    desk.clock.move_to(desk.clock.now() + timedelta(days=30))  # type: ignore[union-attr]
    assert tell_cycle(desk, record) == ()
    assert kept(desk) == before


@pytest.mark.parametrize(
    ("why", "event", "line"),
    [
        (WaitWhy.APPROVAL, Event.APPROVAL_NEEDED, ("invest approve core/1/1 --plan abcdefabcdef",)),
        (WaitWhy.MARKET_OPEN, Event.CYCLE_WAITING, ()),
    ],
)
def test_a_cycle_that_waits_says_for_whom_and_once_a_round(
    home: Path, why: WaitWhy, event: Event, line: tuple[str, ...]
) -> None:
    desk = reopened(home)
    wait = Wait(cycle="core/1/1", why=why, until=desk.clock.now(), plan_hash="abcdef" * 10, round=1)
    assert len(tell_wait(desk, wait)) == 1
    desk.clock.move_to(desk.clock.now() + timedelta(days=1))  # type: ignore[union-attr]
    assert tell_wait(desk, wait) == (), "another start tells it again, and it was told"
    row = desk.ledger.notices.listed().rows[0]
    assert (row.notice.event, row.notice.lines, row.notice.account) == (event, line, ACCOUNT)
    assert len(tell_wait(desk, replace(wait, round=2))) == 1


def test_a_missed_time_is_told_and_a_paused_one_is_not(home: Path) -> None:
    desk = reopened(home)
    due = desk.clock.now()
    missed = ScheduleRun(account=ACCOUNT, due=due, outcome=SKIPPED, reason="no engine ran", cycle=None)
    assert tell_missed(desk, replace(missed, outcome=STARTED)) == ()
    assert len(tell_missed(desk, missed)) == 1
    (row,) = desk.ledger.notices.listed(event=Event.SCHEDULE_MISSED).rows
    assert row.notice.title == "nothing was started at 2022-11-28 15:00 UTC: no engine ran"
    desk.ledger.set_schedule(ACCOUNT, PAUSED, reason="holiday", at=due)
    assert tell_missed(desk, replace(missed, due=due + timedelta(hours=1))) == ()


def test_a_dead_channel_delays_no_cycle_and_keeps_its_notices(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    desk = reopened(configured(home, {"webhook": {"url": f"http://127.0.0.1:{port}/", "secret": SECRET}}))
    with sending(desk):
        cycle(desk)
    waiting = desk.ledger.notices.unsent()
    assert waiting
    assert any("cannot be reached" in each.deliveries["webhook"].error for each in waiting if each.deliveries)


def test_a_channel_that_hangs_does_not_keep_a_cycle(home: Path, receiver: Receiver) -> None:
    receiver.hold = threading.Event()
    desk = reopened(configured(home, {"webhook": hook(receiver)}))
    with sending(desk) as courier:
        tell(desk, happened(desk, Event.TICKET_OPENED, "hold the line"))
        courier.wake()
        receiver.wait(1)
        cycle(desk)
        assert desk.ledger.last_run(ACCOUNT) is not None
        receiver.hold.set()


def test_a_ledger_that_cannot_keep_a_notice_calls_it_out(
    home: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = reopened(configured(home, {"webhook": hook(receiver)}))

    def full(*_args: object, **_options: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(desk.ledger.notices, "add_all", full)
    with sending(desk) as courier:
        assert tell(desk, happened(desk, Event.DISK_LOW, "no room"), courier=courier) == ()
        assert receiver.wait(1)[0].document["event"] == "disk.low"


def test_no_secret_of_the_configuration_is_kept_or_sent(home: Path, receiver: Receiver) -> None:
    url = f"json://user:canary-pa55@127.0.0.1:{receiver.port}/canary-t0ken-1234"
    desk = reopened(configured(home, {"urls": [url], "webhook": hook(receiver)}))
    with sending(desk):
        tell(desk, happened(desk, Event.CYCLE_FAILED, f"broke on {url}", f"with {SECRET}", reason="canary-t0ken-1234"))
    bodies = b"".join(each.body for each in receiver.received)
    assert len(receiver.received) == 2
    for found in (bodies, (home / "data" / "ledger.sqlite-wal").read_bytes()):
        assert b"canary" not in found


def test_the_command_tries_each_channel_and_says_which_took_it(home: Path, receiver: Receiver) -> None:
    configured(home, {"urls": [receiver.apprise_url, "nonsense://x"], "webhook": hook(receiver)})
    done = invest("notify", "test", "--home", str(home), "--json")
    assert done.code == 6
    assert {each["channel"]: each["ok"] for each in done.data} == {"json": True, "nonsense": False, "webhook": True}
    assert sorted(each.path for each in receiver.received) == ["/apprise", "/hook"]
    assert invest("notify", "test", "webhook", "--home", str(home)).code == 0
    assert invest("notify", "test", "nonsense", "--home", str(home)).code == 4
    wrong = invest("notify", "test", "webhok", "--home", str(home))
    assert wrong.code == 2
    assert "webhook" in wrong.err


def test_a_test_without_channels_says_where_to_add_one(home: Path) -> None:
    done = invest("notify", "test", "--home", str(home))
    assert done.code == 3
    assert "notify.urls" in done.err


def test_the_doctor_looks_at_channels_and_sends_nothing(home: Path, receiver: Receiver) -> None:
    def found() -> dict[str, str]:
        answer = invest("doctor", "--home", str(home), "--json")
        (check,) = [each for each in answer.data if each["name"] in ("notices", "channels")]
        return {name: str(check[name]) for name in ("status", "detail")}

    assert found()["status"] == "skip"
    notify = {"urls": [receiver.apprise_url], "webhook": hook(receiver)}
    configured(home, notify)
    assert found() == {"status": "pass", "detail": "json, webhook; 0 wait; try `invest notify test`"}
    assert receiver.received == []
    config = home / "invest.yaml"
    config.write_text(config.read_text().replace("json://", "nonsense://"))
    assert found()["status"] == "fail"


def test_the_list_shows_what_was_told_and_what_became_of_it(home: Path) -> None:
    desk = reopened(home)
    tell(desk, happened(desk, Event.ORDER_UNKNOWN, "no answer", account=ACCOUNT))
    tell(desk, happened(desk, Event.MEMORY_HIGH, "big"))
    found = invest("notify", "list", "--home", str(home), "--json")
    assert [each["event"] for each in found.data["notices"]][:2] == ["memory.high", "order.unknown"]
    critical = invest("notify", "list", "--severity", "critical", "--home", str(home), "--json")
    assert [each["title"] for each in critical.data["notices"]] == ["no answer"]
    assert "did you mean order.unknown?" in invest("notify", "list", "--event", "order.unknwn", "--home", str(home)).err
    assert "waiting" in invest("notify", "list", "--home", str(home)).out
    assert invest("notify", "read", "--home", str(home), "--json").data == {"read": found.data["total"]}


def test_a_misspelt_event_is_refused_with_the_right_one(home: Path) -> None:
    configured(home, {"events": {"order.filed": "off"}})
    done = invest("notify", "events", "--home", str(home))
    assert done.code == 3
    assert "did you mean order.filled?" in done.err


def test_the_configuration_shows_no_url_of_a_channel(home: Path, receiver: Receiver) -> None:
    url = f"{receiver.url}/canary"
    configured(home, {"urls": ["tgram://canary-t0ken/1"], "webhook": {"url": url, "secret": SECRET}})
    shown = invest("config", "show", "--home", str(home))
    assert shown.code == 0
    assert "canary" not in shown.out + shown.err


def test_a_failed_command_is_logged_in_the_home_and_a_mistake_is_not(home: Path) -> None:
    assert invest("verify", "nobody", "--home", str(home)).code == 2
    assert not (home / "logs").exists()
    done = invest("notify", "test", "--home", str(configured(home, {"urls": ["nonsense://x"]})), "-v")
    assert done.code == 4
    assert '"command": "notify test"' in (home / "logs" / "cli.jsonl").read_text()
    assert "command: failed" in done.err


def test_quiet_says_only_what_is_wrong(home: Path) -> None:
    assert invest("notify", "events", "--home", str(home), "-q").out == ""
    assert invest("notify", "test", "--home", str(home), "-q").err.startswith("error: no channel")
    assert len(invest("notify", "events", "--home", str(home), "-q", "--json").data) == len(Event)


WEB = """
import sys
from pathlib import Path
from prudent.domain.errors import DeskError
from prudent.entrypoints.api.serve import serve
try:
    serve(Path(sys.argv[1]))
except DeskError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def test_the_web_process_serves_refuses_a_taken_port_and_ends_when_told(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (home / "invest.yaml").open("a") as config:
            config.write(f"web: {{port: {port}}}\n")
        refused = subprocess.run(
            [sys.executable, "-c", WEB, str(home)], capture_output=True, text=True, timeout=60, check=False
        )
        assert refused.returncode == 3
        assert f"{port} was not" in refused.stderr
    web = subprocess.Popen([sys.executable, "-c", WEB, str(home)], stderr=subprocess.DEVNULL)
    try:
        assert _answers(f"http://127.0.0.1:{port}/healthz", web)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert b"invest_up 1.0" in answer.read()
    finally:
        os.kill(web.pid, signal.SIGTERM)
        assert web.wait(20) in (0, -signal.SIGTERM)
    assert '"what": "web_started"' in (home / "logs" / "web.jsonl").read_text()


def _answers(url: str, process: "subprocess.Popen[bytes]") -> bool:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            assert process.poll() is None
            threading.Event().wait(0.1)
    return False

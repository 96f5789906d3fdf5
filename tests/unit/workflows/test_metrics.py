"""Figures and health of a desk, from its ledger alone: right numbers, bounded labels, and readable by Prometheus."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from tests.fakes_clock import SteppedClock
from tests.scenarios.homes import ACCOUNT, new_home, reopened
from tests.unit.notify.build import MONDAY, notice

from prudent.bootstrap import Desk
from prudent.domain.errors import StoreError
from prudent.domain.notices import Event
from prudent.domain.reasoning import Call, Question, Reply
from prudent.entrypoints.api.app import create_app
from prudent.ledger.engines import EngineRow, EngineStatus
from prudent.workflows.cycle import at_work, run_account
from prudent.workflows.disk import GIB, Space
from prudent.workflows.health import probes
from prudent.workflows.metrics import DeskFigures, _Durations, exposition

ROOM = Space(free=50 * GIB, total=100 * GIB)
LOCAL = ("127.0.0.1", 50_000)
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk with one cycle, which bought."""
    home = new_home(tmp_path_factory.mktemp("metrics"))
    desk = reopened(home)
    with at_work(desk):
        run_account(desk, ACCOUNT)
    return desk


@pytest.fixture
def wall() -> SteppedClock:
    return SteppedClock(MONDAY)


def samples(desk: Desk, wall: SteppedClock) -> Samples:
    text, kind = exposition(DeskFigures(desk, wall=wall))
    assert kind.startswith("text/plain")
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(text.decode())
        for each in family.samples
    }


def of(found: Samples, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def engine(beat_seconds_ago: int = 1, status: EngineStatus = EngineStatus.RUNNING) -> EngineRow:
    beat = MONDAY - timedelta(seconds=beat_seconds_ago)
    return EngineRow(id="e1", host="h", pid=1, started=beat, beat=beat, status=status, code_version="1")


def test_every_figure_has_the_prefix_and_no_label_without_a_bound(worked: Desk, wall: SteppedClock) -> None:
    found = samples(worked, wall)
    assert {name for name, _labels in found if not name.startswith("invest_")} == set()
    allowed = {"account", "outcome", "state", "guard", "le", "version"}
    assert {label for _name, labels in found for label, _value in labels} <= allowed
    symbols = {each.symbol for each in worked.broker.snapshot(ACCOUNT).positions}
    assert not symbols & {value for _name, labels in found for _label, value in labels}


def test_cycles_are_counted_by_outcome_and_timed(worked: Desk, wall: SteppedClock) -> None:
    found = samples(worked, wall)
    assert of(found, "invest_cycles_total", account=ACCOUNT, outcome="completed") == 1
    assert of(found, "invest_cycle_duration_seconds_count", account=ACCOUNT) == 1
    assert of(found, "invest_cycle_duration_seconds_bucket", account=ACCOUNT, le="+Inf") == 1
    assert of(found, "invest_up") == 1


def test_orders_states_and_ages_agree_with_the_ledger(worked: Desk, wall: SteppedClock) -> None:
    found = samples(worked, wall)
    filled = worked.ledger.views.orders(ACCOUNT).total
    assert of(found, "invest_orders", account=ACCOUNT, state="FILLED") == filled > 5
    assert of(found, "invest_unknown_orders", account=ACCOUNT) == 0
    assert of(found, "invest_unknown_order_age_seconds", account=ACCOUNT) == 0
    assert of(found, "invest_audit_head") == worked.ledger.audit_head().seq
    assert of(found, "invest_trading_state", account=ACCOUNT, state="ACTIVE") == 1
    assert of(found, "invest_trading_state", account=ACCOUNT, state="HALTED") == 0
    assert of(found, "invest_cycle_lag_seconds", account=ACCOUNT) == 0
    assert of(found, "invest_process_memory_bytes") > 2**20


def test_the_quote_age_is_the_oldest_of_the_last_decision(worked: Desk, wall: SteppedClock) -> None:
    record = worked.ledger.load_record(worked.last_cycle_id(ACCOUNT))
    oldest = max(quote.age_seconds for quote in record.observation.quotes if quote.age_seconds is not None)
    assert of(samples(worked, wall), "invest_quote_age_seconds", account=ACCOUNT) == float(oldest)


def test_notices_and_backups_have_ages(tmp_path: Path, wall: SteppedClock) -> None:
    desk = reopened(new_home(tmp_path))
    now = desk.clock.now()
    assert ("invest_backup_age_seconds", ()) not in samples(desk, wall)
    window = timedelta(minutes=5)
    for event, ago in ((Event.BACKUP_DONE, 7200), (Event.ORDER_UNKNOWN, 60)):
        at = now - timedelta(seconds=ago)
        desk.ledger.notices.add(notice(event, minutes=int((at - MONDAY) / timedelta(minutes=1))), window=window)
    found = samples(desk, wall)
    assert of(found, "invest_backup_age_seconds") == 7200
    assert of(found, "invest_notices_unsent") == 2
    assert of(found, "invest_notices_unsent_age_seconds") == 7200


def test_a_ledger_that_does_not_answer_is_a_figure_too(
    worked: Desk, wall: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise StoreError("gone")

    monkeypatch.setattr(worked.ledger, "accounts", broken)
    found = samples(worked, wall)
    assert of(found, "invest_up") == 0
    assert of(found, "invest_disk_free_bytes") > 0


def test_rules_of_people_are_one_guard(worked: Desk, wall: SteppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    from prudent.ledger.measures import Tally

    many = tuple(Tally(account=ACCOUNT, kind=f"rule:r{i}:max_position_pct", count=2) for i in range(50))
    every = (*many, Tally(account=ACCOUNT, kind="P08", count=3))
    monkeypatch.setattr(worked.ledger.measures, "refusals", lambda: every)
    found = samples(worked, wall)
    assert of(found, "invest_guard_refusals_total", account=ACCOUNT, guard="user_rule") == 100
    assert of(found, "invest_guard_refusals_total", account=ACCOUNT, guard="P08") == 3


def test_calls_of_models_are_counted_with_what_they_cost(worked: Desk, wall: SteppedClock) -> None:
    question = Question(account=ACCOUNT, purpose="pass1", model="qwen", messages=(), schema={})
    answered = Call(question=question, reply=Reply(text="{}", model="qwen", tokens_in=90, tokens_out=10))
    spend = worked.ledger.model_calls.spend
    for call in (answered, answered, Call(question=question, reply=None, error="source_unavailable")):
        spend(call, tokens=100, cost=Decimal("0.25"), at=worked.clock.now())
    found = samples(worked, wall)
    assert of(found, "invest_llm_calls_total", model="qwen", outcome="answered") == 2
    assert of(found, "invest_llm_calls_total", model="qwen", outcome="failed") == 1
    # 90 and 10 twice; of the third nobody knows, so all of it counts as asked.
    assert of(found, "invest_llm_tokens_total", model="qwen", direction="in") == 280
    assert of(found, "invest_llm_tokens_total", model="qwen", direction="out") == 20
    assert of(found, "invest_llm_cost_usd_total", model="qwen") == 0.75


def test_durations_count_each_cycle_once_however_often_they_are_read() -> None:
    known = _Durations()
    for place, seconds, minute in (((1, 1), 0.05, 0), ((1, 2), 2.0, 0), ((1, 2), 2.0, 0), ((1, 3), 1e6, 5)):
        known.add(place, seconds, MONDAY + timedelta(minutes=minute))
    known.add((1, 3), 1e6, MONDAY + timedelta(minutes=5))
    assert dict(known.cumulative()) == {
        "0.1": 1, "0.25": 1, "0.5": 1, "1.0": 1, "2.5": 2, "5.0": 2, "10.0": 2, "30.0": 2, "60.0": 2, "300.0": 2,
        "3600.0": 2, "86400.0": 2, "+Inf": 3,
    }  # fmt: skip
    assert known.total == pytest.approx(1_000_002.05)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    found = reopened(new_home(tmp_path))
    with at_work(found):
        run_account(found, ACCOUNT)
    return found


def held(desk: Desk, wall: SteppedClock, *, space: Space = ROOM) -> dict[str, bool]:
    return {each.name: each.ok for each in probes(desk, wall=wall, space=space)}


def reconcile(desk: Desk, *, ago: timedelta = timedelta(0)) -> None:
    from prudent.ledger import reconciliations
    from prudent.ledger.reconciliations import Reconciled

    with desk.ledger._database.write() as tx:
        at = desk.clock.now() - ago
        reconciliations.store(tx, Reconciled(account=ACCOUNT, session="s", at=at, clean=True))


def test_a_desk_with_a_beating_engine_is_ready(desk: Desk, wall: SteppedClock) -> None:
    desk.ledger.engines.started(engine())
    reconcile(desk)
    assert held(desk, wall) == {"database": True, "engine": True, "reconciled": True, "disk": True, "clock": True}


@pytest.mark.parametrize("row", [None, engine(60), engine(1, EngineStatus.STOPPED)])
def test_without_a_beating_engine_it_is_not(desk: Desk, wall: SteppedClock, row: EngineRow | None) -> None:
    if row is not None:
        desk.ledger.engines.started(row)
    assert held(desk, wall)["engine"] is False


def test_an_account_that_was_not_compared_lately_is_not_ready(desk: Desk, wall: SteppedClock) -> None:
    reconcile(desk, ago=timedelta(hours=1))
    assert held(desk, wall)["reconciled"] is True
    reconcile(desk, ago=timedelta(hours=1, seconds=1))
    assert held(desk, wall)["reconciled"] is False


def test_a_full_disk_is_not_ready(desk: Desk, wall: SteppedClock) -> None:
    assert held(desk, wall, space=Space(free=GIB - 1, total=2 * GIB))["disk"] is False


def test_a_clock_behind_the_ledger_is_not_ready(desk: Desk, wall: SteppedClock) -> None:
    newest = desk.ledger.views.audit(limit=1).rows[0].at
    desk.clock = SteppedClock(newest - timedelta(seconds=10))  # type: ignore[assignment]
    assert held(desk, wall)["clock"] is True
    desk.clock = SteppedClock(newest - timedelta(seconds=11))  # type: ignore[assignment]
    assert held(desk, wall)["clock"] is False


def test_a_database_that_does_not_answer_is_said_and_not_thrown(
    desk: Desk, wall: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise StoreError("the server is away")

    monkeypatch.setattr(desk.ledger, "accounts", broken)
    (probe,) = probes(desk, wall=wall, space=ROOM)
    assert (probe.name, probe.ok, probe.detail) == ("database", False, "the server is away")


def client(desk: Desk, wall: SteppedClock, *, host: tuple[str, int] = LOCAL, space: Space = ROOM) -> TestClient:
    return TestClient(create_app(desk, wall=wall, space=lambda: space), client=host)


def test_healthz_answers_whatever_the_ledger_does(desk: Desk, wall: SteppedClock) -> None:
    desk.ledger.close()
    answer = client(desk, wall).get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_readyz_is_503_with_what_is_missing_and_200_without(desk: Desk, wall: SteppedClock) -> None:
    web = client(desk, wall)
    answer = web.get("/readyz")
    assert answer.status_code == 503
    assert {each["name"] for each in answer.json()["probes"] if not each["ok"]} == {"engine"} | (
        {"reconciled"} if not desk.ledger.measures.reconciled() else set()
    )
    desk.ledger.engines.started(engine())
    reconcile(desk)
    answer = web.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert client(desk, wall, space=Space(free=1, total=GIB)).get("/readyz").status_code == 503


def test_metrics_are_for_this_machine_only(desk: Desk, wall: SteppedClock) -> None:
    assert "invest_up 1.0" in client(desk, wall).get("/metrics").text
    assert "invest_up 1.0" in client(desk, wall, host=("::1", 1)).get("/metrics").text
    for host in (("203.0.113.7", 1), ("10.0.0.2", 1), ("not-an-address", 1)):
        assert client(desk, wall, host=host).get("/metrics").status_code == 404
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert client(desk, wall).get("/metrics", headers={header: "127.0.0.1"}).status_code == 404


def test_nothing_else_is_served(desk: Desk, wall: SteppedClock) -> None:
    for path in ("/", "/docs", "/openapi.json", "/redoc"):
        assert client(desk, wall).get(path).status_code == 404
    assert client(desk, wall).post("/readyz").status_code == 405


def test_the_web_sees_where_another_process_left_the_simulated_clock(desk: Desk, wall: SteppedClock) -> None:
    web = client(desk, wall)
    before = _age_of_last_cycle(web.get("/metrics").text)
    other = reopened(desk.home)
    other.clock.move_to(other.clock.now() + timedelta(hours=2))  # type: ignore[union-attr]
    assert _age_of_last_cycle(web.get("/metrics").text) == before + 7200


def _age_of_last_cycle(text: str) -> float:
    (line,) = [each for each in text.splitlines() if each.startswith("invest_last_cycle_age_seconds{")]
    return float(line.rpartition(" ")[2])

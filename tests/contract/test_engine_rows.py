"""Leases, requests and engines as rows: each has one holder at a time, on both databases."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.ledger_build import MONDAY, d, later, mandate
from tests.fakes_clock import SteppedClock

from prudent.domain.errors import InputError
from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.engines import LOST_AFTER, EngineRow, EngineStatus
from prudent.ledger.requests import Asked, RequestStatus
from prudent.workflows.lease import HeldLeases
from prudent.workflows.turns import Busy

LASTS = timedelta(seconds=15)
ONE = "one"


class LeaseRows:
    """One owner's accounts, wanted by two holders."""

    def test_a_lease_has_one_holder_until_it_runs_out(self, ledger: LedgerStore) -> None:
        (mine,) = ledger.leases.take([ONE], "a", at=MONDAY, lasts=LASTS)
        assert (mine.epoch, mine.until) == (1, MONDAY + LASTS)
        assert ledger.leases.take([ONE], "b", at=later(seconds=14), lasts=LASTS) == ()
        (theirs,) = ledger.leases.take([ONE], "b", at=later(seconds=15), lasts=LASTS)
        assert (theirs.holder, theirs.epoch) == ("b", 2)

    def test_each_new_life_of_a_holder_is_a_new_epoch(self, ledger: LedgerStore) -> None:
        (first,) = ledger.leases.take([ONE], "a", at=MONDAY, lasts=LASTS)
        (second,) = ledger.leases.take([ONE], "a", at=later(seconds=1), lasts=LASTS)
        assert second.epoch == first.epoch + 1
        assert ledger.leases.renew([first], at=later(seconds=2), lasts=LASTS) == ()

    def test_renewing_extends_what_lives_and_nothing_else(self, ledger: LedgerStore) -> None:
        (mine,) = ledger.leases.take([ONE], "a", at=MONDAY, lasts=LASTS)
        (kept,) = ledger.leases.renew([mine], at=later(seconds=10), lasts=LASTS)
        assert kept.until == later(seconds=25)
        assert ledger.leases.renew([kept], at=later(seconds=25), lasts=LASTS) == ()

    def test_given_back_it_is_free_at_once(self, ledger: LedgerStore) -> None:
        (mine,) = ledger.leases.take([ONE], "a", at=MONDAY, lasts=LASTS)
        ledger.leases.release([mine], at=later(seconds=1))
        (theirs,) = ledger.leases.take([ONE], "b", at=later(seconds=1), lasts=LASTS)
        ledger.leases.release([mine], at=later(seconds=2))
        assert ledger.leases.of(ONE) == theirs

    def test_an_account_that_is_not_open_has_no_lease(self, ledger: LedgerStore) -> None:
        with pytest.raises(InputError):
            ledger.leases.take(["nowhere"], "a", at=MONDAY, lasts=LASTS)

    def test_a_holder_that_slept_through_its_lease_knows_it(self, ledger: LedgerStore) -> None:
        clock = SteppedClock(MONDAY)
        held = HeldLeases(ledger.leases, "a", clock=clock)
        assert held.take([ONE]) == (ONE,)
        assert held.epoch(ONE) == 1
        clock.set(later(seconds=16))
        assert held.epoch(ONE) is None
        other = HeldLeases(ledger.leases, "b", clock=clock)
        assert other.take([ONE]) == (ONE,)
        held.renew()
        assert held.epochs() == {}
        assert other.epoch(ONE) == 2
        with pytest.raises(Busy, match="held by b"), held.holding(ONE):
            pass
        held.close()
        assert other.epoch(ONE) == 2
        other.close()
        assert other.epochs() == {}

    def test_a_request_is_asked_claimed_and_answered_once(self, ledger: LedgerStore) -> None:
        requests = ledger.requests
        asked = Asked(id=f"r-{ledger.owner}", kind="cycle", account=ONE, body={"mode": None, "parameters": {"a": [1]}})
        assert requests.add(asked, at=MONDAY)
        assert not requests.add(asked, at=MONDAY)
        assert [each.asked for each in requests.new()] == [asked]
        assert requests.counts() == {"new": 1, "claimed": 0}
        assert requests.claim(asked.id, "a", at=MONDAY)
        assert not requests.claim(asked.id, "b", at=MONDAY)
        assert not requests.withdraw(asked.id, at=MONDAY)
        assert requests.new() == ()
        assert [each.id for each in requests.claimed_by("a")] == [asked.id]
        assert requests.done(asked.id, {"cycle": "one/1/1"}, at=later(seconds=1))
        assert not requests.failed(asked.id, {"message": "too late"}, at=later(seconds=2))
        found = requests.find(asked.id)
        assert found is not None
        assert (found.status, found.result, found.error) == (RequestStatus.DONE, {"cycle": "one/1/1"}, None)

    def test_a_request_can_be_taken_back_until_it_is_claimed(self, ledger: LedgerStore) -> None:
        asked = Asked(id=f"w-{ledger.owner}", kind="cycle", body={})
        ledger.requests.add(asked, at=MONDAY)
        assert ledger.requests.withdraw(asked.id, at=MONDAY)
        assert not ledger.requests.claim(asked.id, "a", at=MONDAY)

    def test_what_a_lost_engine_had_claimed_goes_to_one_other(self, ledger: LedgerStore) -> None:
        asked = Asked(id=f"t-{ledger.owner}", kind="cycle", body={})
        ledger.requests.add(asked, at=MONDAY)
        ledger.requests.claim(asked.id, "lost", at=MONDAY)
        assert ledger.requests.take_over(asked.id, "lost", "b", at=MONDAY)
        assert not ledger.requests.take_over(asked.id, "lost", "c", at=MONDAY)

    def test_a_silent_engine_is_lost_once_and_cannot_beat_again(self, ledger: LedgerStore) -> None:
        row = EngineRow(
            id=f"e-{ledger.owner}", host="h", pid=7, started=MONDAY, beat=MONDAY, status=EngineStatus.RUNNING,
            code_version="1",
        )  # fmt: skip
        engines = ledger.engines
        engines.started(row)
        assert engines.beat(row, at=later(seconds=5))
        (seen,) = [each for each in engines.all() if each.id == row.id]
        assert seen.lives(later(seconds=5) + LOST_AFTER - timedelta(seconds=1))
        assert seen.silent(later(seconds=5) + LOST_AFTER)
        assert not engines.lost(row)  # judged on an older beat than its last
        assert engines.lost(seen)
        assert not engines.lost(seen)
        assert not engines.beat(row, at=later(seconds=30))
        engines.started(row)
        assert engines.beat(row, at=later(seconds=31), status=EngineStatus.STOPPED)
        (stopped,) = [each for each in engines.all() if each.id == row.id]
        assert not stopped.lives(later(seconds=31))
        assert not stopped.silent(later(hours=1))


def _with_account(ledger: LedgerStore) -> LedgerStore:
    ledger.add_account(mandate(ONE), cash=d("1000"), at=MONDAY)
    return ledger


class TestOnSqlite(LeaseRows):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> LedgerStore:
        return _with_account(open_ledger(tmp_path / "ledger.sqlite"))


class TestOnPostgresql(LeaseRows):
    @pytest.fixture
    def ledger(self, shared_postgres_url: str, new_owner: Callable[[], str]) -> Iterator[LedgerStore]:
        store = _with_account(open_ledger(shared_postgres_url, owner=new_owner()))
        yield store
        store.close()

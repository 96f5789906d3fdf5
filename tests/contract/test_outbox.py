"""The outbox of a mirror and the movements that it should show, on both databases."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.ledger_build import MONDAY, d, later, mandate

from prudent.domain.accounts import Position
from prudent.domain.orders import Side
from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.outbox import OutboxKind, OutboxState

ONE, TWO = "one", "two"
K = OutboxKind


class OutboxRows:
    """One owner's account, with a position that was put in."""

    def test_what_is_put_is_due_once(self, ledger: LedgerStore) -> None:
        outbox = ledger.outbox
        assert outbox.put(ONE, K.ACTIVITY, {"a": {"price": "1"}, "b": {"price": "2"}}, at=MONDAY) == 2
        assert outbox.put(ONE, K.ACTIVITY, {"a": {"price": "1"}, "c": {}}, at=later(seconds=1)) == 1
        assert [(row.number, row.ref, row.state) for row in outbox.rows(ONE)] == [
            (1, "a", OutboxState.DUE), (2, "b", OutboxState.DUE), (3, "c", OutboxState.DUE)
        ]  # fmt: skip
        assert outbox.rows(TWO) == ()

    def test_done_is_not_due_and_stands(self, ledger: LedgerStore) -> None:
        outbox = ledger.outbox
        outbox.put(ONE, K.ACTIVITY, {"a": {}, "b": {}}, at=MONDAY)
        outbox.done(outbox.due(ONE)[0], at=later(seconds=1), message="activity 7")
        assert [row.ref for row in outbox.due(ONE)] == ["b"]
        assert outbox.rows(ONE)[0].message == "activity 7"
        assert outbox.put(ONE, K.ACTIVITY, {"a": {}}, at=later(seconds=2)) == 0

    def test_an_amount_that_changed_is_due_again_and_what_was_sent_before_does_not_end_it(
        self, ledger: LedgerStore
    ) -> None:
        outbox = ledger.outbox
        outbox.put(ONE, K.CASH, {"cash": {"balance": "1"}}, at=MONDAY)
        (before,) = outbox.due(ONE)
        assert outbox.put(ONE, K.CASH, {"cash": {"balance": "2"}}, at=later(seconds=1)) == 1
        outbox.done(before, at=later(seconds=2))
        (after,) = outbox.due(ONE)
        assert after.body == {"balance": "2"}
        outbox.done(after, at=later(seconds=3))
        assert outbox.due(ONE) == ()

    def test_failures_are_counted_and_a_refusal_waits_for_a_person(self, ledger: LedgerStore) -> None:
        outbox = ledger.outbox
        outbox.put(ONE, K.ACTIVITY, {"a": {}}, at=MONDAY)
        outbox.failed(outbox.due(ONE)[0], at=later(seconds=1), message="no answer " * 200)
        (row,) = outbox.due(ONE)
        assert (row.attempts, row.at, len(row.message)) == (1, later(seconds=1), 500)
        outbox.failed(row, at=later(seconds=2), message="symbol", refused=True)
        assert outbox.due(ONE) == ()
        (row,) = outbox.rows(ONE)
        assert (row.state, row.attempts) == (OutboxState.REFUSED, 2)
        outbox.again(ONE, [row], at=later(seconds=3))
        assert outbox.due(ONE)[0].attempts == 0

    def test_a_position_that_was_put_in_is_a_movement_at_its_cost(self, ledger: LedgerStore) -> None:
        (found,) = ledger.outbox.movements(ONE)
        assert (found.symbol, found.side, found.quantity, found.price, found.fee) == (
            "KO", Side.BUY, Decimal(20), Decimal("61.5"), Decimal(0)
        )  # fmt: skip
        assert found.time == MONDAY
        assert ledger.outbox.movements(TWO) == ()

    def test_another_owner_sees_nothing_of_it(self, ledger: LedgerStore, stranger: LedgerStore) -> None:
        ledger.outbox.put(ONE, K.ACTIVITY, {"a": {}}, at=MONDAY)
        assert stranger.outbox.rows(ONE) == ()


def _with_accounts(store: LedgerStore) -> LedgerStore:
    held = (Position(symbol="KO", quantity=d("20"), average_cost=d("61.5")),)
    store.add_account(mandate(ONE), cash=d("10000"), positions=held, at=MONDAY)
    store.add_account(mandate(TWO), cash=d("10000"), at=MONDAY + timedelta(seconds=1))
    return store


class TestOnSqlite(OutboxRows):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> LedgerStore:
        return _with_accounts(open_ledger(tmp_path / "ledger.sqlite"))

    @pytest.fixture
    def stranger(self, tmp_path: Path) -> LedgerStore:
        return open_ledger(tmp_path / "other.sqlite")


class TestOnPostgresql(OutboxRows):
    @pytest.fixture
    def ledger(self, shared_postgres_url: str, new_owner: Callable[[], str]) -> Iterator[LedgerStore]:
        store = _with_accounts(open_ledger(shared_postgres_url, owner=new_owner()))
        yield store
        store.close()

    @pytest.fixture
    def stranger(self, shared_postgres_url: str, new_owner: Callable[[], str]) -> Iterator[LedgerStore]:
        store = open_ledger(shared_postgres_url, owner=new_owner())
        yield store
        store.close()

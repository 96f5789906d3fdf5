"""The ledger contract, kept by memory, by a file and by PostgreSQL; what only the last two can keep is here too."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.contract.ledger import LedgerContract
from tests.contract.ledger_build import ACCOUNT, MONDAY, SESSION, d, fill, intent, mandate, report

from prudent.domain.errors import BlockedError, InputError
from prudent.domain.orders import OrderStatus
from prudent.ledger import LedgerStore, open_ledger

Opener = Callable[[], LedgerStore]


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> Iterator[LedgerStore]:
        store = open_ledger(":memory:")
        yield store
        store.close()


class KeepingContract(LedgerContract):
    """What a ledger keeps that outlives its process."""

    @pytest.fixture
    def opened(self) -> Opener:
        """Opens the same ledger again, as another process would."""
        raise NotImplementedError

    @pytest.fixture
    def ledger(self, opened: Opener) -> LedgerStore:
        return opened()

    def test_everything_is_there_after_reopening(self, opened: Opener) -> None:
        first = opened()
        first.add_account(mandate(), cash=d("10000"), at=MONDAY)
        run = self.open_run(first)
        buy = intent()
        self.send(first, run, buy)
        first.reported(ACCOUNT, report(buy, OrderStatus.FILLED, fill(buy, "10", "100")), at=MONDAY)
        before = first.history(ACCOUNT, session=SESSION, at=MONDAY)
        first.close()
        second = opened()
        assert second.history(ACCOUNT, session=SESSION, at=MONDAY) == before
        assert self.open_run(second) == run
        assert second.views.money(ACCOUNT).cash == d("8999")

    def test_two_connections_claim_an_order_once_and_see_each_other(self, opened: Opener) -> None:
        one, two = opened(), opened()
        one.add_account(mandate(), cash=d("10000"), at=MONDAY)
        run = self.open_run(two)
        buy = intent()
        one.approve(run, one.next_cycle(run, at=MONDAY), (buy,), at=MONDAY)
        one.sending(ACCOUNT, buy.order_ref, seal=buy.seal, at=MONDAY)
        with pytest.raises(BlockedError):
            two.sending(ACCOUNT, buy.order_ref, seal=buy.seal, at=MONDAY)
        two.reported(ACCOUNT, report(buy, OrderStatus.FILLED, fill(buy, "10", "100")), at=MONDAY)
        assert one.views.money(ACCOUNT).cash == two.views.money(ACCOUNT).cash == d("8999")
        assert one.verify_audit().holds

    def test_writers_at_once_leave_no_gap_and_no_number_twice(self, opened: Opener) -> None:
        """Two openings with four threads each: audit rows, entries and cycles are numbered 1, 2, 3, ..."""
        stores = (opened(), opened())
        stores[0].add_account(mandate(), cash=d("10000"), at=MONDAY)
        run = self.open_run(stores[0])

        def work(worker: int) -> list[int]:
            store, taken = stores[worker % 2], []
            for step in range(8):
                taken.append(store.next_cycle(run, at=MONDAY))
                assert store.flow(ACCOUNT, "deposit", d("1"), at=MONDAY, ref=f"{worker}-{step}")
                with pytest.raises(InputError):
                    store.flow(ACCOUNT, "withdraw", d("99999"), at=MONDAY, ref=f"{worker}-{step}-too-much")
                assert store.views.money(ACCOUNT).cash > 10000
            return taken

        with ThreadPoolExecutor(8) as pool:
            taken = sorted(number for numbers in pool.map(work, range(8)) for number in numbers)
        assert taken == list(range(1, 65))
        for store in stores:
            assert store.views.money(ACCOUNT).cash == d("10064")
            proof = store.verify_audit()
            # The account, the run, 64 cycles and 64 deposits.
            assert (proof.holds, proof.rows) == (True, 130)
            assert {row.entry for row in store.views.journal(limit=1000).rows} == set(range(1, 66))
            assert store.faults() == ()


class TestFileLedger(KeepingContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Iterator[Opener]:
        with ExitStack() as stack:
            yield lambda: _until_end(stack, open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}"))


class TestPostgresLedger(KeepingContract):
    """Each test is an owner of its own among those of all the others."""

    @pytest.fixture
    def opened(self, shared_postgres_url: str, new_owner: Callable[[], str]) -> Iterator[Opener]:
        owner = new_owner()
        with ExitStack() as stack:
            yield lambda: _until_end(stack, open_ledger(shared_postgres_url, owner=owner))


def _until_end(stack: ExitStack, store: LedgerStore) -> LedgerStore:
    stack.callback(store.close)
    return store

"""The ledger contract, kept by a file and by memory; what only a file can keep is here too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.ledger import LedgerContract
from tests.contract.ledger_build import ACCOUNT, MONDAY, SESSION, d, fill, intent, mandate, report

from prudent.domain.errors import BlockedError
from prudent.domain.orders import OrderStatus
from prudent.ledger import LedgerStore, open_ledger


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> Iterator[LedgerStore]:
        store = open_ledger(":memory:")
        yield store
        store.close()


class TestFileLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[LedgerStore]:
        store = open_ledger(tmp_path / "ledger.sqlite")
        yield store
        store.close()

    def test_everything_is_there_after_reopening(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.sqlite"
        first = open_ledger(path)
        first.add_account(mandate(), cash=d("10000"), at=MONDAY)
        run = self.open_run(first)
        buy = intent()
        self.send(first, run, buy)
        first.reported(ACCOUNT, report(buy, OrderStatus.FILLED, fill(buy, "10", "100")), at=MONDAY)
        before = first.history(ACCOUNT, session=SESSION, at=MONDAY)
        first.close()
        second = open_ledger(f"sqlite:///{path}")
        assert second.history(ACCOUNT, session=SESSION, at=MONDAY) == before
        assert self.open_run(second) == run
        assert second.views.money(ACCOUNT).cash == d("8999")

    def test_two_connections_claim_an_order_once_and_see_each_other(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.sqlite"
        one, two = open_ledger(path), open_ledger(path)
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

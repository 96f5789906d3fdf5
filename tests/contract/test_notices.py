"""Notices and figures keep their contracts on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.notices import MeasuresContract, NoticesContract

from prudent.ledger import LedgerStore, open_ledger


class TestNoticesInAFile(NoticesContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[LedgerStore]:
        store = open_ledger(tmp_path / "ledger.sqlite")
        yield store
        store.close()


class TestNoticesInPostgres(NoticesContract):
    @pytest.fixture
    def ledger(self, shared_postgres_url: str, new_owner: Callable[[], str]) -> Iterator[LedgerStore]:
        store = open_ledger(shared_postgres_url, owner=new_owner())
        yield store
        store.close()


class TestMeasuresOfAFile(MeasuresContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[LedgerStore]:
        store = open_ledger(tmp_path / "ledger.sqlite")
        yield store
        store.close()


class TestMeasuresOfPostgres(MeasuresContract):
    @pytest.fixture
    def ledger(self, shared_postgres_url: str, new_owner: Callable[[], str]) -> Iterator[LedgerStore]:
        store = open_ledger(shared_postgres_url, owner=new_owner())
        yield store
        store.close()

"""The contract of people, kept by the fake, by SQLite for one person and by PostgreSQL for many."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.people import NOW, OnePersonContract, PeopleOf, SeveralPeopleContract, known
from tests.contract.people_memory import MemoryTown

from prudent.access.envelope import MasterKey, Place, seal
from prudent.access.stores import Directory
from prudent.domain.errors import ConfigError
from prudent.ledger import open_ledger
from prudent.ledger.store import LedgerStore


class TestMemoryPeople(SeveralPeopleContract):
    @pytest.fixture
    def town(self) -> MemoryTown:
        return MemoryTown()

    @pytest.fixture
    def people_of(self, town: MemoryTown) -> PeopleOf:
        return town.people_of

    @pytest.fixture
    def directory(self, town: MemoryTown) -> Directory:
        return town


class OnLedger:
    """Fixtures over an opened ledger, whose chain must hold after every test."""

    @pytest.fixture
    def people_of(self, ledger: LedgerStore) -> PeopleOf:
        return ledger.people.of

    @pytest.fixture
    def directory(self, ledger: LedgerStore) -> Directory:
        return ledger.people.directory

    @pytest.fixture(autouse=True)
    def _chain_holds(self, ledger: LedgerStore) -> Iterator[None]:
        yield
        assert ledger.verify_audit().broken is None


class TestPeopleOnSqlite(OnLedger, OnePersonContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[LedgerStore]:
        store = open_ledger(tmp_path / "ledger.sqlite")
        yield store
        store.close()

    def test_a_second_person_is_refused(self, people_of: PeopleOf, directory: Directory) -> None:
        known(people_of, "local", "ann")
        with pytest.raises(ConfigError, match=r"SQLite is for one person; set database\.url to PostgreSQL"):
            known(people_of, "u-b", "bob")
        assert directory.owners() == ("local",)

    def test_a_secret_that_was_replaced_is_no_longer_in_the_file(
        self, ledger: LedgerStore, people_of: PeopleOf, tmp_path: Path
    ) -> None:
        people = known(people_of, "local", "ann")
        sealed = [
            seal("v", Place(owner="local", name="k", version=version), key=MasterKey.fresh(), at=NOW)
            for version in (1, 2)
        ]
        for each in sealed:
            people.put_secret(each)
        with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
            dump = "\n".join(connection.iterdump())
        before, after = sealed
        assert [part in dump for part in (before.body, before.wrapped_key, before.nonce)] == [False] * 3
        assert [part in dump for part in (after.body, after.wrapped_key, after.nonce)] == [True] * 3

    def test_what_happens_to_people_is_in_the_audit_chain(self, ledger: LedgerStore, people_of: PeopleOf) -> None:
        people = known(people_of, "local", "ann")
        people.note_admin_read(admin="root", reason="why", at=NOW)
        rows = ledger.views.audit(limit=10).rows
        assert {row.event for row in rows} == {"user_added", "admin_read"}
        assert '"reason":"why"' in "".join(row.body for row in rows)


class TestPeopleOnPostgres(OnLedger, SeveralPeopleContract):
    @pytest.fixture
    def ledger(self, postgres_url: str) -> Iterator[LedgerStore]:
        store = open_ledger(postgres_url, owner="local")
        yield store
        store.close()

"""The migrations make the schema that the code expects, and a way down keeps journal and audit."""

import sqlite3
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, mandate

from prudent.domain.errors import StoreError
from prudent.ledger import migrations, open_ledger
from prudent.ledger.schema import METADATA, REVISION

Schema = list[tuple[str, str, str]]


def schema_of(path: Path) -> Schema:
    raw = sqlite3.connect(path)
    found = raw.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
    ).fetchall()
    raw.close()
    return sorted(found)


def test_migrating_and_creating_give_the_same_schema(tmp_path: Path) -> None:
    open_ledger(tmp_path / "created.sqlite").close()
    migrations.upgrade(tmp_path / "migrated.sqlite")
    assert schema_of(tmp_path / "migrated.sqlite") == schema_of(tmp_path / "created.sqlite")
    assert migrations.current(tmp_path / "migrated.sqlite") == REVISION


def test_the_revision_in_code_is_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_going_down_and_up_keeps_journal_and_audit(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    store = open_ledger(path)
    store.add_account(mandate(), cash=d("100"), at=MONDAY)
    store.flow(ACCOUNT, "deposit", d("23.45"), at=MONDAY, ref="wire")
    head, before = store.audit_head(), schema_of(path)
    store.close()
    migrations.downgrade(path, "base")
    assert migrations.current(path) is None
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT count(*) FROM kept_journal_lines").fetchone() == (4,)
    raw.close()
    with pytest.raises(StoreError, match="run `invest db upgrade`"):
        open_ledger(path)
    migrations.upgrade(path)
    assert schema_of(path) == before
    again = open_ledger(path)
    assert again.views.money(ACCOUNT).cash == d("123.45")
    assert again.verify_audit(anchor=head).holds
    assert again.faults() == ()


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    migrations.upgrade(tmp_path / "ledger.sqlite")
    before = schema_of(tmp_path / "ledger.sqlite")
    migrations.upgrade(tmp_path / "ledger.sqlite")
    assert schema_of(tmp_path / "ledger.sqlite") == before


def test_every_table_begins_with_its_owner_and_no_amount_is_a_float() -> None:
    for table in METADATA.sorted_tables:
        columns = list(table.columns)
        assert columns[0].name == "owner_id"
        assert next(iter(table.primary_key.columns)).name == "owner_id"
        assert {str(column.type) for column in columns} <= {"TEXT", "INTEGER", "BLOB"}
        for key in table.foreign_key_constraints:
            assert key.column_keys[0] == "owner_id"

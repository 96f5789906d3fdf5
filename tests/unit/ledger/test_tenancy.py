"""What is granted is what the product's own statements need: no act fails on PostgreSQL for want of a right."""

import importlib
import pkgutil

import pytest
from sqlalchemy import Delete, Insert, Update

import prudent.ledger
from prudent.ledger.schema import METADATA, PLATFORM_TABLES
from prudent.ledger.tenancy import DELETABLE, READINGS, UPDATABLE_COLUMNS, WRITTEN_ONCE, commands

Change = Insert | Update | Delete


def changes() -> dict[str, Change]:
    """Every changing statement that a module of the ledger keeps."""
    found: dict[str, Change] = {}
    for module in pkgutil.iter_modules(prudent.ledger.__path__):
        loaded = importlib.import_module(f"prudent.ledger.{module.name}")
        for name, value in vars(loaded).items():
            if isinstance(value, Insert | Update | Delete):
                found[f"{module.name}.{name}"] = value
    return found


CHANGES = changes()


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_that_the_product_makes_is_granted(name: str) -> None:
    change = CHANGES[name]
    table = change.table.name  # type: ignore[union-attr]
    if table in PLATFORM_TABLES:
        return
    assert type(change).__name__.upper() in commands(table)
    if isinstance(change, Update) and table in UPDATABLE_COLUMNS:
        written = {getattr(column, "name", column) for column in change._values or ()}
        assert written <= set(UPDATABLE_COLUMNS[table])


def test_the_statements_were_found_and_every_declared_table_exists() -> None:
    assert len(CHANGES) > 50
    assert {*WRITTEN_ONCE, *DELETABLE, *UPDATABLE_COLUMNS} <= METADATA.tables.keys()
    for reading in READINGS:
        assert set(reading.columns) <= {column.name for column in METADATA.tables[reading.table].columns}


def test_what_may_be_deleted_is_what_some_statement_deletes() -> None:
    deleted = {change.table.name for change in CHANGES.values() if isinstance(change, Delete)}  # type: ignore[union-attr]
    assert deleted == set(DELETABLE)

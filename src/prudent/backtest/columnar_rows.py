"""The cycles of a backtest that was run in columns, played when something asks for them, and held against it."""

import shutil
from pathlib import Path

import numpy as np

from prudent.backtest.book import load
from prudent.backtest.columnar import is_columnar
from prudent.backtest.kept import kept_request
from prudent.backtest.outcome import Outcome
from prudent.backtest.places import folder_of
from prudent.backtest.run import Playing, prepare, run_rows
from prudent.backtest.stage import LEDGER_FILE
from prudent.bootstrap import Desk
from prudent.domain.errors import StoreError
from prudent.domain.performance import RunBook
from prudent.ledger.backtests import BacktestRow

PLAYED = "rows.part"
_NAV = ("days", "nav", "cash", "gross", "net")
_FILLS = ("day", "symbol", "quantity", "price", "fees")


def rows_of(desk: Desk, row: BacktestRow) -> Path:
    """The ledger with the cycles of a backtest; one that was run in columns is played cycle by cycle for it, once.

    Raises:
        StoreError: its files are gone, its data have changed since, or its cycles do not give what its columns did.
    """
    folder = folder_of(desk, row.account, row.number)
    path = folder / LEDGER_FILE
    if path.is_file():
        return path
    if not is_columnar(folder):
        raise StoreError(f"{row.id} must have its ledger at {path}, has not; run the backtest again")
    request = kept_request(folder)
    prepared = None if request is None else prepare(desk, request)
    if prepared is None or prepared.data_hash != row.data_hash:
        raise StoreError(
            f"the cycles of {row.id}, which was run in columns, must be played on the data it had, but those have "
            "changed or its request is gone; run the backtest again"
        )
    outcome = run_rows(desk, prepared, folder / PLAYED, Playing())
    where = _different(load(folder), outcome)
    if not where:
        (folder / PLAYED / LEDGER_FILE).replace(path)
    shutil.rmtree(folder / PLAYED, ignore_errors=True)
    if where:
        raise StoreError(
            f"the cycles of {row.id} must give what its columns gave, but {where} differs; run it with --path rows and "
            "report a defect"
        )
    return path


def may_be_played(desk: Desk, row: BacktestRow, *, most: int) -> bool:
    """True where its cycles are on record, or are so few that a report may play them."""
    folder = folder_of(desk, row.account, row.number)
    return (folder / LEDGER_FILE).is_file() or (is_columnar(folder) and len(load(folder).decisions) <= most)


def _different(book: RunBook, outcome: Outcome) -> str:
    """The first column of values or fills that is not the same; empty where all are."""
    for name in _NAV:
        if not np.array_equal(getattr(book.nav, name), getattr(outcome.nav, name)):
            return f"nav.{name}"
    for name in _FILLS:
        if not np.array_equal(getattr(book.fills, name), getattr(outcome.fills, name)):
            return f"fills.{name}"
    return ""

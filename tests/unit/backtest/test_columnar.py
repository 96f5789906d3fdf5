"""The ledger of a backtest in columns: what was written reads back, and nothing of it can change unseen."""

import json
from pathlib import Path

import numpy as np
import pytest

from prudent.backtest.columnar import CHAIN_FILE, DECISIONS, NAV, VERDICTS, ColumnLedger, blocks_of, verify
from prudent.backtest.columnar_run import blocks
from prudent.backtest.columnar_sql import asked, views_of
from prudent.backtest.day_batch import OrderLog, empty_log
from prudent.domain.errors import InputError, StoreError

DAYS = np.array(["2015-01-02", "2015-01-05", "2015-01-06"], dtype="datetime64[D]")
SYMBOLS, GUARDS = ("AAPL", "KO"), ("P08", "P16")


def log_of(*rows: tuple[int, float, float, float, int]) -> OrderLog:
    """Rows of (symbol, planned, approved, filled, guard), each at 10.0 with a fee of 1.0."""
    log = empty_log(len(rows))
    for j, (symbol, planned, approved, filled, guard) in enumerate(rows):
        log.instrument[j], log.planned[j], log.approved[j], log.filled[j] = symbol, planned, approved, filled
        log.price[j], log.commission[j], log.guard[j] = 10.0 * (filled > 0), 1.0 * (filled > 0), guard
    return log


def written(folder: Path) -> str:
    """Two blocks of orders: three of batch 0, one of batch 1 that was refused."""
    with ColumnLedger(folder, symbols=SYMBOLS, guards=GUARDS) as ledger:
        first = log_of((0, -5, 5, 5, -1), (1, 7, 6, 6, 0), (0, 2, 2, 2, -1))
        ledger.orders(first, np.zeros(3, np.int64), DAYS[[0, 0, 0]], DAYS[[1, 1, 1]])
        ledger.orders(log_of((1, 3, 0, 0, 1)), np.ones(1, np.int64), DAYS[1:2], np.array(["NaT"], "datetime64[D]"))
        ledger.table(DECISIONS, {"batch": [0, 1], "decided": DAYS[:2]})
        ledger.table(NAV, {"day": DAYS, "nav": [100.0, 101.0, 99.5]})
        ledger.table(VERDICTS, {"guard": ["P08", "P16"], "refusals": [0, 1]})
    return ledger.link


def test_orders_fills_and_values_are_there_for_sql(tmp_path: Path) -> None:
    written(tmp_path)
    found = asked(tmp_path, "select batch, symbol, planned, approved, filled, guard from orders", most=10)
    assert found.columns == ("batch", "symbol", "planned", "approved", "filled", "guard")
    assert found.rows == (
        (0, "AAPL", -5, 5, 5, ""), (0, "KO", 7, 6, 6, "P08"), (0, "AAPL", 2, 2, 2, ""), (1, "KO", 3, 0, 0, "P16"),
    )
    fees = asked(tmp_path, "select symbol, sum(fee) f from fills group by symbol order by symbol", most=10)
    assert fees.rows == (("AAPL", 2.0), ("KO", 1.0))
    days = asked(tmp_path, "select day, side, quantity from fills limit 1", most=10)
    assert [(str(day), side, quantity) for day, side, quantity in days.rows] == [("2015-01-05", "sell", 5)]
    low = asked(tmp_path, "select day from nav where nav < 100", most=10)
    assert [str(day) for (day,) in low.rows] == ["2015-01-06"]
    assert asked(tmp_path, "select traded from orders where batch = 1", most=10).rows == ((None,),)


def test_only_so_many_rows_are_given_as_were_asked_for(tmp_path: Path) -> None:
    written(tmp_path)
    assert asked(tmp_path, "select * from orders", most=3).more
    assert not asked(tmp_path, "select * from orders", most=4).more


def test_a_query_reads_the_tables_that_it_names_and_no_other(tmp_path: Path) -> None:
    written(tmp_path)
    for path in tmp_path.glob("orders-*.arrow"):
        path.write_bytes(b"no arrow file")
    assert set(views_of(tmp_path)) == {"orders", "fills", "decisions", "nav", "verdicts"}
    assert asked(tmp_path, "select count(*) from nav", most=1).rows == ((3,),)
    with pytest.raises(InputError, match="was refused"):
        asked(tmp_path, "select count(*) from orders", most=1)


@pytest.mark.parametrize("query", ["select x from nav", "selec", "select * from other", "drop", ""])
def test_a_query_that_is_none_is_refused_with_its_tables(tmp_path: Path, query: str) -> None:
    written(tmp_path)
    with pytest.raises(InputError, match="SQL over"):
        asked(tmp_path, query, most=1)


@pytest.mark.parametrize("query", ["drop table fills", "create table x as select 1", " delete from fills"])
def test_what_is_no_question_is_refused(tmp_path: Path, query: str) -> None:
    written(tmp_path)
    with pytest.raises(InputError, match="that begins with select or with"):
        asked(tmp_path, query, most=1)


@pytest.mark.parametrize("function", ["read_csv", "READ_IPC", "scan_parquet"])
def test_no_query_reads_another_file(tmp_path: Path, function: str) -> None:
    written(tmp_path)
    with pytest.raises(InputError, match="reads files"):
        asked(tmp_path, f"select * from {function}('{tmp_path}/orders-00001.arrow')", most=1)


def test_a_whole_ledger_is_named_by_its_last_link(tmp_path: Path) -> None:
    head = written(tmp_path)
    found = verify(tmp_path, head)
    assert (found.blocks, found.head, found.rows) == (5, head, {"orders": 4, "decisions": 2, "nav": 3, "verdicts": 2})
    assert [block.rows for block in blocks_of(tmp_path) if block.table == "orders"] == [3, 1]
    with pytest.raises(StoreError, match="list of backtests has 0000"):
        verify(tmp_path, "0" * 64)


def test_the_same_columns_have_the_same_links(tmp_path: Path) -> None:
    assert written(tmp_path / "one") == written(tmp_path / "two")


@pytest.mark.parametrize("at", [0, 400, -1])
@pytest.mark.parametrize("name", ["orders-00001.arrow", "nav-00001.arrow"])
def test_a_changed_byte_is_found(tmp_path: Path, name: str, at: int) -> None:
    written(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[at] ^= 1
    (tmp_path / name).write_bytes(bytes(content))
    with pytest.raises(StoreError, match=f"{name} is not as it was written"):
        verify(tmp_path)


def test_a_file_that_was_cut_taken_away_or_added_is_found(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / "orders-00002.arrow"
    content = path.read_bytes()
    path.write_bytes(content[:-8])
    with pytest.raises(StoreError, match=r"orders-00002.arrow has \d+ bytes, its chain says"):
        verify(tmp_path)
    path.unlink()
    with pytest.raises(StoreError, match=r"orders-00002.arrow cannot be read"):
        verify(tmp_path)
    with pytest.raises(StoreError, match=r"must have orders-00002.arrow"):
        views_of(tmp_path)
    path.write_bytes(content)
    (tmp_path / "orders-00003.arrow").write_bytes(content)
    with pytest.raises(StoreError, match=r"orders-00003.arrow is in no chain"):
        verify(tmp_path)


def chain(folder: Path) -> list[bytes]:
    return (folder / CHAIN_FILE).read_bytes().splitlines(keepends=True)


def test_a_chain_without_its_end_is_found(tmp_path: Path) -> None:
    written(tmp_path)
    lines = chain(tmp_path)
    for kept in ([], lines[:-1], lines[:2], [*lines[:-1], lines[-1][:-1]]):
        (tmp_path / CHAIN_FILE).write_bytes(b"".join(kept))
        with pytest.raises(StoreError, match="ends before the ledger was closed"):
            verify(tmp_path)
    (tmp_path / CHAIN_FILE).unlink()
    with pytest.raises(StoreError, match="must have its chain"):
        verify(tmp_path)


def test_a_line_of_the_chain_that_was_changed_moved_or_cut_is_found(tmp_path: Path) -> None:
    written(tmp_path)
    lines = chain(tmp_path)
    other = canonical_line({**json.loads(lines[0]), "rows": 4})
    swapped, without = [lines[1], lines[0], *lines[2:]], [lines[0], *lines[2:]]
    for changed in ([other, *lines[1:]], swapped, without, [*lines, lines[0]]):
        (tmp_path / CHAIN_FILE).write_bytes(b"".join(changed))
        with pytest.raises(StoreError, match=r"line \d of chain.jsonl does not follow"):
            verify(tmp_path)
    for torn in (b"{\n", b"[]\n", b'{"closed":true}\n'):
        (tmp_path / CHAIN_FILE).write_bytes(torn + b"".join(lines[1:]))
        with pytest.raises(StoreError, match=r"line 1 of chain.jsonl is no"):
            verify(tmp_path)


def canonical_line(line: dict[str, object]) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_a_writer_that_was_interrupted_leaves_no_whole_ledger(tmp_path: Path) -> None:
    ledger = ColumnLedger(tmp_path, symbols=SYMBOLS, guards=GUARDS)
    ledger.table(NAV, {"day": DAYS, "nav": [1.0, 2.0, 3.0]})
    ledger.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    with pytest.raises(StoreError, match="before the ledger was closed"):
        verify(tmp_path)


def test_a_quantity_beyond_its_column_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="at most 2147483647"),
        ColumnLedger(tmp_path, symbols=SYMBOLS, guards=GUARDS) as ledger,
    ):
        ledger.orders(log_of((0, 3e9, 1, 1, -1)), np.zeros(1, np.int64), DAYS[:1], DAYS[:1])


def test_blocks_are_whole_day_batches() -> None:
    assert blocks([4, 9, 9, 12, 20], 8) == [(0, 9), (9, 20)]
    assert blocks([4, 9, 12], 8) == [(0, 9), (9, 12)]
    assert blocks([], 8) == [(0, 0)]
    assert blocks([0, 0], 8) == [(0, 0)]

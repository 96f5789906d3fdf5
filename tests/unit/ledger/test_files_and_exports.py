"""Audit files and exports: whole or absent, the same digest, safe in a spreadsheet."""

import csv
import io
import json
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, fill, intent, mandate, record, report

from prudent.domain.errors import InputError, StoreError
from prudent.domain.orders import OrderStatus, Side
from prudent.domain.records import digest, encode
from prudent.ledger import LedgerStore, open_ledger
from prudent.ledger.export import ExportFormat, export, text
from prudent.ledger.files import audit_file_digest, write_audit_file, write_whole
from prudent.ledger.rows import DecisionRow, PositionRow, TradeRow


def traded(path: str | Path = ":memory:", audit_folder: Path | None = None) -> LedgerStore:
    store = open_ledger(path, audit_folder=audit_folder)
    store.add_account(mandate(), cash=d("10000"), at=MONDAY)
    run = store.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
    buy, sell = intent(), intent(side=Side.SELL, quantity="4")
    cycle = store.next_cycle(run, at=MONDAY)
    store.approve(run, cycle, (buy, sell), at=MONDAY)
    for each, quantity, price in ((buy, "10", "100"), (sell, "4", "90.5")):
        store.sending(ACCOUNT, each.order_ref, seal=each.seal, at=MONDAY)
        store.reported(ACCOUNT, report(each, OrderStatus.FILLED, fill(each, quantity, price)), at=MONDAY)
    why = {buy.order_ref: '=HYPERLINK("http://x")', sell.order_ref: "stop, at 8 %"}
    store.record(record(1, cycle, orders=(buy, sell)), why=why)
    return store


def test_an_audit_file_has_the_digest_that_the_ledger_stored(tmp_path: Path) -> None:
    store = traded(audit_folder=tmp_path / "audit")
    path = tmp_path / "audit" / "weekly-1-1.json"
    (row,) = store.views.decisions().rows
    assert audit_file_digest(path) == row.record_digest == digest(encode(store.load_record("weekly/1/1")))
    assert path.read_text().startswith('{\n"account": "weekly"')
    path.unlink()
    assert store.restore_audit_files() == (path,)
    assert store.restore_audit_files() == ()
    path.write_text(path.read_text().replace('"weekly"', '"daily"', 1))
    assert audit_file_digest(path) != row.record_digest


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == ["b.json"]
    with pytest.raises(StoreError, match="must be writable"):
        write_whole(path / "below-a-file", b"three")
    with pytest.raises(StoreError, match="readable JSON"):
        audit_file_digest(path)
    with pytest.raises(StoreError):
        write_audit_file(path, record())
    assert path.read_bytes() == b"two"


def test_a_csv_cannot_become_a_formula_and_keeps_its_numbers() -> None:
    page = traded().views.trades()
    told = text(page.rows, TradeRow, ExportFormat.CSV)
    assert told.endswith("\r\n")
    rows = list(csv.DictReader(io.StringIO(told, newline="")))
    sale, purchase = sorted(rows, key=lambda row: row["side"], reverse=True)
    assert (sale["side"], sale["price"], sale["realised"], sale["why"]) == ("SELL", "90.5", "-38", "stop, at 8 %")
    assert purchase["why"] == '\'=HYPERLINK("http://x")'
    assert purchase["time"] == "2022-11-28T15:00:00.000000Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    words: str
    amount: Decimal | None
    at: datetime | None = None
    codes: tuple[str, ...] = ()


@given(st.text(max_size=8), st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-999, max_value=999))
def test_any_text_survives_and_none_begins_a_formula(words: str, amount: Decimal) -> None:
    told = text([Cell(words=words, amount=amount)], Cell, ExportFormat.CSV)
    _head, row = csv.reader(io.StringIO(told, newline=""))
    assert row[0].removeprefix("'") == words.removeprefix("'")
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert Decimal(row[1]) == amount


def test_an_empty_export_has_its_header() -> None:
    assert text([], Cell, ExportFormat.CSV) == "words,amount,at,codes\r\n"
    assert text([], Cell, ExportFormat.JSON) == "[]\n"
    assert text([], Cell, ExportFormat.JSONL) == ""
    cell = Cell(words="", amount=None, codes=("hold", "no_drift"))
    assert text([cell], Cell, ExportFormat.CSV) == "words,amount,at,codes\r\n,,,hold no_drift\r\n"


def test_json_lines_and_json_hold_the_same_rows() -> None:
    rows = traded().views.positions(ACCOUNT)
    lines = [json.loads(line) for line in text(rows, PositionRow, ExportFormat.JSONL).splitlines()]
    assert lines == json.loads(text(rows, PositionRow, ExportFormat.JSON))
    assert (lines[0]["symbol"], lines[0]["quantity"], lines[0]["cost"]) == ("AAPL", "6", "600")


def test_parquet_keeps_exact_decimals_and_utc_times(tmp_path: Path) -> None:
    store = traded()
    path = tmp_path / "out" / "trades.parquet"
    assert export(store.views.trades().rows, TradeRow, path, ExportFormat.PARQUET) == 2
    frame = polars.read_parquet(path).sort("side")
    assert frame["price"].to_list() == [d("100"), d("90.5")]
    assert frame["time"].to_list() == [MONDAY, MONDAY]
    assert frame["side"].to_list() == ["BUY", "SELL"]
    assert export(store.views.decisions().rows, DecisionRow, tmp_path / "d.parquet", ExportFormat.PARQUET) == 1
    assert polars.read_parquet(tmp_path / "d.parquet")["no_trade_codes"].to_list() == [""]
    with pytest.raises(InputError, match="give an output path"):
        text((), TradeRow, ExportFormat.PARQUET)


def test_pages_cut_a_long_list_and_know_its_length() -> None:
    store = traded()
    page = store.views.trades(limit=1, offset=1)
    assert (len(page.rows), page.total, page.limit, page.offset) == (1, 2, 1, 1)
    assert store.views.trades("nobody").total == 0
    assert store.views.orders(run=1, state=OrderStatus.FILLED).total == 2
    assert store.views.orders(run=2).total == 0


def test_an_account_at_a_glance() -> None:
    store = traded()
    store.value(ACCOUNT, nlv=d("9900"), at=MONDAY, session=MONDAY.date())
    row = store.views.account(ACCOUNT)
    # 10,000 - 1,000 + 362 less two commissions of 1
    assert (row.cash, row.positions, row.nlv, row.total_return) == (d("9360"), 1, d("9900"), d("-0.01"))
    assert store.views.accounts() == (row,)
    with pytest.raises(InputError):
        store.views.account("nobody")


def test_a_reflection_is_added_once() -> None:
    store = traded()
    store.add_reasoning("weekly/1/1", kind="reflection", text="sold too early", at=MONDAY)
    assert store.views.reasoning("weekly/1/1")[-1].text == "sold too early"
    with pytest.raises(InputError, match="never changed"):
        store.add_reasoning("weekly/1/1", kind="reflection", text="or not", at=MONDAY)
    with pytest.raises(InputError, match="must be one of"):
        store.add_reasoning("weekly/1/1", kind="mood", text="fine", at=MONDAY)


def test_a_changed_record_is_not_read_as_if_it_were_true() -> None:
    store = traded()
    other = encode(replace(store.load_record("weekly/1/1"), code_version="2"))
    assert digest(other) != store.views.decisions().rows[0].record_digest
    store._database.driver.execute("UPDATE records SET body = zeroblob(9)")
    with pytest.raises(StoreError, match="does not match its digest"):
        store.load_record("weekly/1/1")

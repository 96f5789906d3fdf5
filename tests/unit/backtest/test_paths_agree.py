"""A backtest worked out in columns is the one worked out cycle by cycle: the same book, through the same door."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.cli.running import invest

from prudent.backtest import run_backtest
from prudent.backtest.book import load, save
from prudent.domain.performance import RunBook

NAV = ("days", "nav", "flow", "cash", "gross", "net", "low", "stale")
FILLS = ("day", "symbol", "quantity", "price", "fees", "arrival", "cause")
SYMBOLS = (
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "SPY",
    "UNH", "VTI", "WMT", "XOM", "MTUM",
)  # fmt: skip
# The first few are enough for every day: two prices, two cadences, guards that act.
SEEDS = (1, 2, 17, *range(20, 80))


def case(seed: int) -> tuple[dict[str, object], dict[str, object]]:
    """An account and a request that are drawn by lot: what is asked for, never what comes out."""
    luck = np.random.Generator(np.random.PCG64(seed))

    def one(*values: object) -> object:
        return values[int(luck.integers(len(values)))]

    symbols = sorted(luck.choice(SYMBOLS, int(luck.integers(1, 9)), replace=False).tolist())
    raw = luck.random(len(symbols)) + 0.05
    cap = float(luck.choice([0.19, 0.4]))
    weights = np.minimum(float(luck.uniform(0.2, 0.99)) * raw / raw.sum(), cap)
    limits = {
        "max_turnover_per_cycle": str(one("1.0", "0.3", "0.05")), "max_sector_weight": str(one("1.0", "0.3")),
        "max_trades_per_day": one(50, 2), "max_position_weight": str(one("0.20", "0.45")),
        "cash_min": str(one("-1", "0.05")),
    }  # fmt: skip
    account = {
        "class": one("directed", "autonomous"), "costs": one("none", "ibkr_fixed", "ibkr_tiered"),
        "slippage_bps": one(0, 2, 7.5), "limits": limits,
        "planning": {"allocator": one("remainder", "floor"), "buffer": one("0", "0.01")},
    }  # fmt: skip
    first = int(luck.integers(2014, 2022))
    start = f"{first}-{int(luck.integers(1, 9)):02}-{int(luck.integers(1, 28)):02}"
    length = int(luck.integers(10, 60))
    request = {
        "first": start, "last": str(np.datetime64(start) + length),
        "targets": {symbol: f"{weight:.4f}" for symbol, weight in zip(symbols, weights)},
        "cadence": one("daily", "weekly", "monthly"), "fill": one("next_open", "next_close"),
        "initial_cash": one(3_000, 10_000, 2_000_000),
    }  # fmt: skip
    return account, request


def same(columns: RunBook, rows: RunBook) -> None:
    for name in NAV:
        assert np.array_equal(getattr(columns.nav, name), getattr(rows.nav, name)), name
    assert (columns.fills.symbols, columns.fills.causes) == (rows.fills.symbols, rows.fills.causes)
    for name in FILLS:
        assert np.array_equal(getattr(columns.fills, name), getattr(rows.fills, name)), name
    told = [(each.cycle, each.at, each.answer, each.orders, bool(each.codes)) for each in columns.decisions]
    assert told == [(each.cycle, each.at, each.answer, each.orders, bool(each.codes)) for each in rows.decisions]
    assert columns.evidence == rows.evidence


def test_columns_and_rows_give_the_same_book(scale: Callable[[int, int], int]) -> None:
    paths = {"columns": 0, "rows": 0}
    traded = 0
    for seed in SEEDS[: scale(3, len(SEEDS))]:
        account, asked = case(seed)
        book = run_backtest(account, **asked)  # type: ignore[arg-type]
        paths[book.provenance.path] += 1
        if book.provenance.path == "columns":
            same(book, run_backtest(account, **asked, path="rows"))  # type: ignore[arg-type]
            traded += len(book.fills)
    assert paths["columns"] > paths["rows"]
    assert traded > 40


# Through the commands, in a home


CONFIG = """\
schema_version: 1
mode: paper
data: {source: sample}
clock: {start: 2016-01-04}
backtest: {sealed_days: 0}
accounts:
  plain: {targets: json/one.json}
  stopped: {targets: json/one.json, exits: {stop_loss: "20%"}}
"""
TARGETS = '{"unit": "percent", "targets": [{"symbol": "AAPL", "weight": "15"}, {"symbol": "KO", "weight": "18"}]}'
WINDOW = ("--from", "2015-01-02", "--to", "2015-01-16", "--cadence", "daily")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "json").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "json" / "one.json").write_text(TARGETS)
    (tmp_path / "invest.yaml").write_text(CONFIG)
    monkeypatch.setenv("INVEST_HOME", str(tmp_path))
    return tmp_path


def asked_of(*words: str) -> Any:
    ended = invest(*words, "--json")
    assert ended.code == 0, ended.out
    return json.loads(ended.out)["data"]


def test_one_window_by_both_paths_through_the_command(home: Path) -> None:
    columns = asked_of("backtest", "plain", *WINDOW)
    rows = asked_of("backtest", "plain", *WINDOW, "--path", "rows")
    assert (columns["id"], columns["provenance"]["path"]) == ("plain/b1", "columns")
    assert (rows["id"], rows["provenance"]["path"]) == ("plain/b2", "rows")
    assert (columns["metrics"], columns["final_value"]) == (rows["metrics"], rows["final_value"])
    assert (columns["provenance"]["trials"], rows["provenance"]["trials"]) == (1, 1)
    # The same question is one result, whichever way it was worked out.
    assert asked_of("backtest", "plain", *WINDOW)["id"] == "plain/b1"
    assert asked_of("backtest", "plain", *WINDOW, "--path", "rows")["id"] == "plain/b2"
    assert "earned the same on each of 11 days" in invest("runs", "compare", "plain/b1", "plain/b2").out


def test_a_person_looks_into_both_alike(home: Path) -> None:
    asked_of("backtest", "plain", *WINDOW)
    asked_of("backtest", "plain", *WINDOW, "--path", "rows")
    assert asked_of("backtests", "fills", "plain/b1") == asked_of("backtests", "fills", "plain/b2")
    told = [
        [(each["day"], each["side"], each["symbol"], float(each["quantity"]), each["state"]) for each in orders]
        for orders in (asked_of("backtests", "orders", f"plain/b{n}") for n in (1, 2))
    ]
    assert sorted(told[0]) == sorted(told[1])
    assert asked_of("backtests", "show", "plain/b1")["metrics"] == asked_of("backtests", "show", "plain/b2")["metrics"]
    counted = asked_of("backtests", "sql", "plain/b1", "select count(*) as n from fills")
    assert counted == [{"n": len(asked_of("backtests", "fills", "plain/b1"))}]
    assert asked_of("backtests", "verify", "plain/b1")["rows"]["nav"] == 11
    refused = invest("backtests", "sql", "plain/b2", "select 1", "--json")
    assert refused.code != 0
    assert "must have been run in columns" in refused.out


def test_what_needs_cycles_has_them_played_once_and_held_against_the_columns(home: Path) -> None:
    asked_of("backtest", "plain", *WINDOW)
    folder = home / "backtests" / "plain" / "b1"
    assert not (folder / "ledger.sqlite").exists()
    parts = asked_of("attribution", "plain/b1")
    assert (folder / "ledger.sqlite").is_file()
    assert not (folder / "rows.part").exists()
    asked_of("backtest", "plain", *WINDOW, "--path", "rows")
    assert parts["parts"] == asked_of("attribution", "plain/b2")["parts"]
    assert asked_of("replay", "plain/b1")["identical"] is True


def test_cycles_that_do_not_give_what_the_columns_gave_are_no_record(home: Path) -> None:
    asked_of("backtest", "plain", *WINDOW)
    folder = home / "backtests" / "plain" / "b1"
    book = load(folder)
    save(replace(book, nav=replace(book.nav, nav=book.nav.nav + 0.01)), folder)
    ended = invest("attribution", "plain/b1", "--json")
    assert ended.code != 0
    assert "nav.nav differs" in ended.out
    assert not (folder / "ledger.sqlite").exists()


def test_an_account_with_exits_runs_in_rows_and_cannot_be_forced(home: Path) -> None:
    assert asked_of("backtest", "stopped", *WINDOW)["provenance"]["path"] == "rows"
    forced = invest("backtest", "stopped", "--from", "2015-02-02", "--to", "2015-02-10", "--path", "columns", "--json")
    assert forced.code != 0
    assert "forced exits" in forced.out
    # It was no look at its window.
    assert [each["id"] for each in asked_of("backtests", "stopped")] == ["stopped/b1"]


def test_a_changed_ledger_is_told_by_its_command(home: Path) -> None:
    asked_of("backtest", "plain", *WINDOW)
    path = home / "backtests" / "plain" / "b1" / "columns" / "orders-00001.arrow"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(bytes(content))
    ended = invest("backtests", "verify", "plain/b1", "--json")
    assert ended.code != 0
    assert "orders-00001.arrow is not as it was written" in ended.out

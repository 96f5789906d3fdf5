"""`invest data`: history from a Yahoo that is faked at the network, listed, verified and traded on."""

import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from tests.unit.cli.running import Ended, invest
from tests.unit.marketdata.history_yahoo import RestatingYahoo

WINDOW = ("--from", "2020-07-01", "--to", "2020-10-30")


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> RestatingYahoo:
    fake = RestatingYahoo("AAPL", "BRK-B")
    module = SimpleNamespace(download=fake, exceptions=SimpleNamespace(YFException=ZeroDivisionError))
    monkeypatch.setitem(sys.modules, "yfinance", module)
    return fake


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("INVEST_HOME", str(folder))
    assert invest("init", "--yes", "--empty").code == 0
    return folder


def download(*symbols: str) -> Ended:
    return invest("data", "download", *symbols, *WINDOW, "--json")


def test_downloaded_history_is_listed_verified_and_read_by_the_home(home: Path, yahoo: RestatingYahoo) -> None:
    done = download("aapl", "BRK-B")
    assert (done.code, [each["symbol"] for each in done.data["written"]]) == (0, ["AAPL", "BRK.B"])
    assert invest("data", "verify").code == 0
    listed = invest("data", "list", "--json").data
    assert [(row["symbol"], row["rows"], row["quality"]) for row in listed["history"]] == [
        ("AAPL", 86, "REAL"), ("BRK.B", 86, "REAL"),
    ]  # fmt: skip
    assert len(listed["sample"]) > 50
    config = yaml.safe_load((home / "invest.yaml").read_text(encoding="utf-8"))
    config |= {"data": {"source": "files", "path": "data/history"}, "clock": {"start": "2020-07-01T21:00:00Z"}}
    (home / "invest.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for stale in (home / "data" / "clock.json",):
        stale.unlink(missing_ok=True)
    assert list(invest("data", "list", "--json").data) == ["files"]
    from prudent.bootstrap import open_desk

    (quote,) = open_desk(home).market.quotes(("AAPL",))
    # On the first row a unit is a share: its close of 100.50, restated four times, is 402 as traded.
    assert (quote.price, quote.as_of) == (Decimal(402), datetime(2020, 7, 1, 20, tzinfo=UTC))


def test_a_changed_file_ends_with_code_7_and_names_it(home: Path, yahoo: RestatingYahoo) -> None:
    download("AAPL")
    path = home / "data" / "history" / "AAPL.csv"
    path.write_bytes(path.read_bytes() + b"2020-10-31,1,1,1,1,1,0,1\n")
    ended = invest("data", "verify", "--json")
    assert ended.code == 7
    messages = [each["message"] for each in ended.document["errors"]]
    assert [message.split(": ", 1)[0] for message in messages] == [str(path)] * 3
    assert "it was changed since" in messages[0]
    assert "2020-10-31 is no session" in messages[2]


def test_an_outage_ends_with_code_4_and_what_was_written_is_whole(home: Path, yahoo: RestatingYahoo) -> None:
    yahoo.down = {"BRK-B"}
    ended = download("AAPL", "BRK.B")
    assert ended.code == 4
    assert ended.document["errors"][0]["message"].endswith("written before that: AAPL")
    assert invest("data", "verify").code == 0
    assert sorted(each.name for each in (home / "data" / "history").iterdir()) == ["AAPL.csv", "manifest.json"]


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("AAPL", "--from", "2020-10-30", "--to", "2020-07-01"), 2, "must end after it begins"),
        (("AAPL", "--from", "2020-07-04", "--to", "2020-07-05"), 2, "must hold a complete session"),
        (("AAPL", "--from", "soon"), 2, "'soon' does not match"),
        (("../up", *WINDOW), 2, "must be a ticker"),
        (("NOSUCH", "AAPL", *WINDOW), 2, "it knows no such symbol"),
        (("NOSUCH", *WINDOW), 4, "an outage, or unknown symbols"),
    ],
)
def test_bad_input_is_named(home: Path, yahoo: RestatingYahoo, args: tuple[str, ...], code: int, message: str) -> None:
    ended = invest("data", "download", *args, "--json")
    assert ended.code == code
    assert message in json.dumps(ended.document["errors"])


def test_a_file_in_the_way_needs_force(home: Path, yahoo: RestatingYahoo) -> None:
    download("AAPL")
    longer = ("data", "download", "AAPL", "--from", "2020-07-01", "--to", "2020-12-30")
    ended = invest(*longer)
    assert (ended.code, "add --force to replace it" in ended.err) == (2, True)
    assert invest(*longer, "--force").code == 0


def test_single_symbols_may_be_listed(home: Path, yahoo: RestatingYahoo) -> None:
    listed = invest("data", "list", "ko", "--json").data
    assert [(row["symbol"], row["first"], row["rows"]) for row in listed["sample"]] == [("KO", "1990-01-02", 8313)]
    ended = invest("data", "list", "KO", "NOSUCH")
    assert (ended.code, "no source here has NOSUCH" in ended.err) == (2, True)


def test_without_any_history_there_is_nothing_to_verify(home: Path) -> None:
    ended = invest("data", "verify")
    assert (ended.code, "run `invest data download`" in ended.err) == (2, True)

"""Downloaded history: raw prices and actions, whole files, a manifest, and nothing replaced unasked."""

import json
import math
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.unit.marketdata.history_yahoo import CALENDAR, DIVIDEND_DAY, FIRST, LAST, SPLIT_DAY, RestatingYahoo

from prudent.domain.errors import InputError, StoreError, Temporary
from prudent.marketdata.calendars import day_number
from prudent.marketdata.downloads import MANIFEST, HistoryFolder, digest_of
from prudent.marketdata.raw_prices import RawFileSource

NOW = datetime(2020, 11, 3, 22, tzinfo=UTC)


def folder_of(path: Path, yahoo: RestatingYahoo | None = None) -> tuple[HistoryFolder, RestatingYahoo]:
    fake = yahoo or RestatingYahoo()
    return HistoryFolder(path, CALENDAR, fetch=fake), fake


def row(path: Path, symbol: str, day: date) -> dict[str, float]:
    columns = RawFileSource(CALENDAR, path).columns(symbol)
    assert columns is not None
    at = columns.days.tolist().index(day_number(day))
    names = ("open", "high", "low", "close", "volume", "dividend", "split")
    return {name: float(columns.fields[name][at]) for name in names}


def test_prices_are_kept_as_they_traded_with_their_actions(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path)
    (kept,) = folder.download(["AAPL"], FIRST, LAST, now=NOW).written
    # 2020-08-07 is session 26 from 2020-07-01, so 100 + 26 % 3 = 102 restated, four times that as traded; 0.80 paid.
    before = row(tmp_path, "AAPL", DIVIDEND_DAY)
    assert (before["open"], before["close"], before["dividend"], before["volume"]) == (408.0, 410.0, 0.8, 250.0)
    after = row(tmp_path, "AAPL", SPLIT_DAY)
    assert after["split"] == 4.0
    assert 100.0 <= after["open"] <= 102.0
    assert (kept.first, kept.last, kept.rows) == (FIRST, LAST, len(CALENDAR.sessions(FIRST, LAST)))


def test_a_split_after_the_window_is_undone_too(tmp_path: Path) -> None:
    folder, fake = folder_of(tmp_path)
    folder.download(["AAPL"], FIRST, date(2020, 8, 14), now=NOW)
    assert row(tmp_path, "AAPL", FIRST)["open"] == 400.0
    assert fake.asked == [("AAPL", FIRST, date(2020, 11, 4))]


def test_sessions_that_are_not_complete_are_left_out(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path)
    inside = datetime(2020, 9, 2, 15, tzinfo=UTC)
    (kept,) = folder.download(["AAPL"], FIRST, None, now=inside).written
    assert (kept.last, kept.asked.last) == (date(2020, 9, 1), date(2020, 9, 1))


def test_the_manifest_says_what_each_file_is(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path, RestatingYahoo("AAPL", "BRK-B"))
    folder.download(["BRK.B", "AAPL"], FIRST, LAST, now=NOW)
    told = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    assert list(told["files"]) == ["AAPL", "BRK.B"]
    entry = told["files"]["BRK.B"]
    assert entry["sha256"] == digest_of(tmp_path / "BRK.B.csv")
    assert (entry["source"], entry["rows"], entry["downloaded_at"][:10]) == ("yahoo", 86, "2020-11-03")
    assert entry["asked"] == {"first": "2020-07-01", "last": "2020-10-30"}
    assert folder.manifest().files["BRK.B"].quality.name == "REAL"


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        folder, _ = folder_of(tmp_path / name)
        digests.add(folder.download(["AAPL"], FIRST, LAST, now=NOW).written[0].sha256)
    assert len(digests) == 1


def test_a_window_that_is_there_is_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    folder, fake = folder_of(tmp_path)
    folder.download(["AAPL"], FIRST, LAST, now=NOW)
    done = folder.download(["AAPL"], date(2020, 8, 3), date(2020, 9, 30), now=NOW)
    assert ([each.symbol for each in done.kept], done.written, len(fake.asked)) == (["AAPL"], (), 1)
    done = folder.download(["AAPL"], date(2020, 8, 3), date(2020, 9, 30), now=NOW, force=True)
    assert (done.kept, len(fake.asked)) == ((), 2)
    assert done.written[0].first == date(2020, 8, 3)


def test_a_file_in_the_way_is_not_replaced_unasked(tmp_path: Path) -> None:
    folder, fake = folder_of(tmp_path, RestatingYahoo("AAPL", "MSFT"))
    folder.download(["AAPL"], date(2020, 8, 3), LAST, now=NOW)
    with pytest.raises(InputError, match=r"AAPL\.csv holds 2020-08-03 to 2020-10-30.*--force"):
        folder.download(["MSFT", "AAPL"], FIRST, LAST, now=NOW)
    assert len(fake.asked) == 1
    (tmp_path / "AAPL.csv").write_text("changed", encoding="utf-8")
    with pytest.raises(InputError, match="is not what was downloaded; add --force"):
        folder.download(["AAPL"], date(2020, 8, 3), LAST, now=NOW)


def test_an_outage_half_way_leaves_whole_files_only(tmp_path: Path) -> None:
    folder, fake = folder_of(tmp_path, RestatingYahoo("AAPL", "MSFT", "KO"))
    fake.down = {"MSFT"}
    with pytest.raises(Temporary, match=r"MSFT: no route.*written before that: AAPL"):
        folder.download(["AAPL", "MSFT", "KO"], FIRST, LAST, now=NOW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["AAPL.csv", MANIFEST]
    assert folder.manifest().files["AAPL"].sha256 == digest_of(tmp_path / "AAPL.csv")


def test_a_disk_that_refuses_leaves_no_draft(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path)
    (tmp_path / "AAPL.csv").mkdir()
    with pytest.raises(StoreError, match="must be writable"):
        folder.download(["AAPL"], FIRST, LAST, now=NOW, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["AAPL.csv"]


def test_silence_about_one_symbol_is_an_unknown_symbol_and_about_all_an_outage(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path)
    with pytest.raises(InputError, match=r"no rows for NOSUCH: it knows no such symbol.*written before that: AAPL"):
        folder.download(["NOSUCH", "AAPL"], FIRST, LAST, now=NOW)
    with pytest.raises(Temporary, match="no rows for NOSUCH: an outage, or unknown"):
        folder.download(["NOSUCH"], FIRST, LAST, now=NOW)


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (date(2020, 9, 2), date(2020, 9, 1), "must end after it begins, was 2020-09-02 to 2020-09-01"),
        (date(2020, 8, 8), date(2020, 8, 9), "must hold a complete session, 2020-08-08 to 2020-08-09 has none"),
        (date(2020, 12, 1), date(2020, 12, 31), "has none by 2020-11-03"),
        (date(2019, 1, 2), date(2019, 6, 28), "yahoo has AAPL from 2020-07-01 to 2020-10-30, none from 2019-01-02"),
    ],
)
def test_a_wrong_window_is_named(tmp_path: Path, first: date, last: date, message: str) -> None:
    with pytest.raises(InputError, match=message):
        folder_of(tmp_path)[0].download(["AAPL"], first, last, now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_rows_that_cannot_be_are_left_out_or_widened_and_counted(tmp_path: Path) -> None:
    folder, fake = folder_of(tmp_path)
    nothing = (math.nan, math.nan, math.nan, math.nan)
    fake.extra = [
        (date(2020, 7, 4), (100.0, 101.0, 99.0, 100.0), 0.10, 0.0),  # a holiday, with a dividend
        (date(2020, 7, 8), nothing, 0.05, 0.0),  # a session without prices, with a dividend
        (date(2020, 7, 10), (100.0, 99.0, 98.0, 97.0), 0.0, 0.0),  # open above the high, close below the low
    ]
    (kept,) = folder.download(["AAPL"], FIRST, LAST, now=NOW).written
    assert (kept.left_out, kept.widened) == (1, 1)
    # What was paid on rows that are not there is paid on the next: 4 x 0.10 on the Monday, 4 x 0.05 on the Thursday.
    assert row(tmp_path, "AAPL", date(2020, 7, 6))["dividend"] == pytest.approx(0.4)
    assert row(tmp_path, "AAPL", date(2020, 7, 9))["dividend"] == pytest.approx(0.2)
    widened = row(tmp_path, "AAPL", date(2020, 7, 10))
    assert (widened["high"], widened["low"]) == (400.0, 388.0)


def test_holes_are_named_in_the_manifest(tmp_path: Path) -> None:
    folder, fake = folder_of(tmp_path)
    nothing = (math.nan, math.nan, math.nan, math.nan)
    fake.extra = [(s.date, nothing, 0.0, 0.0) for s in CALENDAR.sessions(date(2020, 9, 8), date(2020, 9, 15))]
    (kept,) = folder.download(["AAPL"], FIRST, LAST, now=NOW).written
    assert kept.holes == ("AAPL 2020-09-08 to 2020-09-15 (6 sessions)",)
    assert kept.rows == 80


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"files": 3}', encoding="utf-8")
    with pytest.raises(StoreError, match="must be a manifest that a download wrote"):
        folder_of(tmp_path)[0].manifest()

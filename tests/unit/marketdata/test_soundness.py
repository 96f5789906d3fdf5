"""What `data verify` finds: a changed file, rows that cannot be, holes, and splits that prices do not show."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.unit.marketdata.history_yahoo import CALENDAR, FIRST, LAST, SPLIT_DAY, RestatingYahoo

from prudent.domain.errors import InputError
from prudent.marketdata.downloads import MANIFEST, HistoryFolder
from prudent.marketdata.soundness import check_folder

NOW = datetime(2020, 11, 3, 22, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    HistoryFolder(tmp_path, CALENDAR, fetch=RestatingYahoo()).download(["AAPL"], FIRST, LAST, now=NOW)
    return tmp_path


def faults(folder: Path) -> tuple[str, ...]:
    (checked,) = check_folder(folder, CALENDAR)
    return checked.faults


def changed(folder: Path, old: str, new: str) -> tuple[str, ...]:
    """The faults of the downloaded file after a change that the manifest was told of."""
    path = folder / "AAPL.csv"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    (folder / MANIFEST).unlink(missing_ok=True)
    return faults(folder)


def line(folder: Path, day: date) -> str:
    rows = (folder / "AAPL.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    return next(row for row in rows if row.startswith(day.isoformat()))


def test_what_was_downloaded_is_sound(folder: Path) -> None:
    (checked,) = check_folder(folder, CALENDAR)
    assert (checked.file, checked.rows, checked.faults) == ("AAPL.csv", 86, ())


def test_one_changed_byte_is_found(folder: Path) -> None:
    path = folder / "AAPL.csv"
    path.write_bytes(path.read_bytes().replace(b"2020-07-01,400", b"2020-07-01,401", 1))
    (fault,) = faults(folder)
    assert "it was changed since" in fault


def test_a_lost_row_and_a_lost_file_are_found(folder: Path) -> None:
    path = folder / "AAPL.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(line(folder, FIRST), ""), encoding="utf-8")
    assert faults(folder)[1] == "it has 85 rows, the manifest says 86"
    path.unlink()
    assert faults(folder) == ("the manifest names it with 86 rows, but it is not there",)


def test_a_file_that_the_manifest_does_not_name_is_found(folder: Path) -> None:
    (folder / "XYZ.csv").write_bytes((folder / "AAPL.csv").read_bytes())
    assert [each.faults for each in check_folder(folder, CALENDAR)] == [(), ("the manifest does not name it",)]


@pytest.mark.parametrize("bad", ["-400,404,396,402", "400,404,396,405", "400,404,x,402", "0,404,396,402"])
def test_rows_that_cannot_be_are_found(folder: Path, bad: str) -> None:
    assert changed(folder, "2020-07-01,400,404,396,402", f"2020-07-01,{bad}")[0].startswith("AAPL.csv line 2: ")


def test_of_many_faults_of_a_kind_three_are_named(folder: Path) -> None:
    path = folder / "AAPL.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",0,1\n", ",-1,1\n"), encoding="utf-8")
    (folder / MANIFEST).unlink()
    found = faults(folder)
    assert [text.split(":")[0] for text in found[:3]] == [f"AAPL.csv line {n}" for n in (2, 3, 4)]
    assert found[3] == "and 81 more of that kind"


def test_rows_on_no_session_or_doubled_or_out_of_order_are_found(folder: Path) -> None:
    first, second = line(folder, FIRST), line(folder, date(2020, 7, 2))
    found = changed(folder, first, first.replace("07-01", "07-04"))
    assert found[0] == "rows of AAPL must stand in the order of their dates"
    assert found[1] == "AAPL.csv line 2: 2020-07-04 is no session"
    assert changed(folder, first.replace("07-01", "07-04"), second) == ("AAPL.csv line 3: two rows of 2020-07-02",)


def test_a_hole_is_found(folder: Path) -> None:
    path = folder / "AAPL.csv"
    text = path.read_text(encoding="utf-8")
    for session in CALENDAR.sessions(date(2020, 9, 8), date(2020, 9, 15)):
        text = text.replace(line(folder, session.date), "")
    path.write_text(text, encoding="utf-8")
    (folder / MANIFEST).unlink()
    assert faults(folder) == ("hole: AAPL 2020-09-08 to 2020-09-15 (6 sessions)",)


def test_a_split_that_prices_do_not_show_is_found(folder: Path) -> None:
    row = line(folder, SPLIT_DAY)
    found = changed(folder, row, row.replace(",0,4\n", ",0,1\n"))
    # A jump without a split is not known to be wrong; a split without a jump is.
    assert found == ()
    other = line(folder, date(2020, 9, 14))
    (fault,) = changed(folder, other, other.replace(",0,1\n", ",0,4\n"))
    assert "a split of 4 does not show" in fault


def test_a_long_file_without_a_manifest_is_checked_by_symbol(tmp_path: Path) -> None:
    rows = ["symbol,date,open,high,low,close,volume", "AAA,2020-07-01,1,1,1,1,1", "BBB,2020-07-01,1,1,1,1,1"]
    (tmp_path / "all.csv").write_text("\n".join([*rows, "AAA,2020-07-02,1,1,1,1,1", rows[2]]), encoding="utf-8")
    (fault,) = faults(tmp_path)
    assert fault == "all.csv line 5: two rows of 2020-07-01"


def test_a_folder_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must hold price files, holds none"):
        check_folder(tmp_path, CALENDAR)
    (tmp_path / "AAA.csv").write_text("date,open\n2020-07-01,1\n", encoding="utf-8")
    assert "column 'high' is missing" in faults(tmp_path)[0]
    (tmp_path / "AAA.csv").write_text("date,open,high,low,close,volume\n1970-07-01,1,1,1,1,1\n", encoding="utf-8")
    assert "sessions are known from 1990-01-01" in faults(tmp_path)[0]

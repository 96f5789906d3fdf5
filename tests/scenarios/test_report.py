"""A person tests an account on history and asks for its tear sheet, in each of its forms."""

import json
from pathlib import Path

import pytest
from tests.unit.cli.running import invest
from tests.unit.tearsheet.pages import Page


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A home with one account that was tested on four months."""
    folder = str(tmp_path_factory.mktemp("report") / "home")
    assert invest("init", "--account", "core", "--yes", "--home", folder).code == 0
    window = ("--from", "2015-01-02", "--to", "2015-04-30", "--cadence", "monthly")
    assert invest("backtest", "core", *window, "--home", folder).code == 0
    return folder


def test_the_page_of_a_backtest_lies_in_the_home_and_is_the_same_each_time(home: str) -> None:
    first = invest("report", "core/b1", "--home", home, "--json")
    path = Path(home) / "reports" / "core-b1.html"
    made = path.read_bytes()
    assert first.data == {"id": "core/b1", "format": "html", "path": str(path), "bytes": len(made)}
    page = Page(made.decode())
    assert page.broken == []
    assert "This backtest" in page.text
    assert "Plain alternatives on the same dates" in page.text
    assert invest("report", "core/b1", "--home", home).out.strip() == f"wrote the tear sheet of core/b1 to {path}"
    assert path.read_bytes() == made


def test_the_figures_for_machines_are_those_of_the_page(home: str, tmp_path: Path) -> None:
    out = tmp_path / "core.json"
    assert invest("report", "core/b1", "--home", home, "--format", "json", "--out", str(out)).code == 0
    printed = invest("report", "core/b1", "--home", home, "--format", "json", "--out", "-").out
    assert out.read_text(encoding="utf-8") == printed
    assert invest("report", "core/b1", "--home", home).code == 0
    page = Page((Path(home) / "reports" / "core-b1.html").read_text(encoding="utf-8"))
    assert json.loads(page.scripts[0]) == json.loads(printed)
    assert json.loads(printed)["figures"]["sessions"] == 82


def test_an_account_has_a_tear_sheet_of_its_life(home: str) -> None:
    found = invest("report", "core", "--home", home, "--format", "md", "--out", "-")
    assert found.code == 0
    assert found.out.startswith("# core\n\nPAPER · ")


@pytest.mark.parametrize(("name", "said"), [
    ("core/b7", "core/b7"), ("core/x", "a run is ACCOUNT/NUMBER"), ("cor/b1", "did you mean core?"),
])  # fmt: skip
def test_a_run_that_is_not_there_is_said_and_nothing_is_written(home: str, name: str, said: str) -> None:
    before = sorted(Path(home, "reports").glob("*")) if Path(home, "reports").is_dir() else []
    found = invest("report", name, "--home", home)
    assert found.code == 2
    assert said in found.err
    assert (sorted(Path(home, "reports").glob("*")) if Path(home, "reports").is_dir() else []) == before

"""`invest report` writes one whole file, under a name that leads nowhere else."""

import json
from pathlib import Path

import pytest
from tests.unit.cli.running import invest
from tests.unit.tearsheet.books import figures_of, long_book

from prudent.domain.errors import InputError, StoreError
from prudent.entrypoints.cli.commands.report import Form, file_name, saved, sheet_text

BOOK, FIGURES, EXTRAS = long_book(600)


@pytest.mark.parametrize(("run", "name"), [
    ("core/b1", "core-b1.html"),
    ("core/12", "core-12.html"),
    ("core", "core.html"),
    ("../../etc/passwd", "-..-etc-passwd.html"),
    ("a b\n/c", "a-b--c.html"),
])  # fmt: skip
def test_a_run_has_a_file_name_of_its_own(run: str, name: str) -> None:
    assert file_name(run, "html") == name


@pytest.mark.parametrize(("form", "begin"), [("html", "<!DOCTYPE html>"), ("json", "{"), ("md", "# core/b1")])
def test_each_form_is_what_its_name_says(form: Form, begin: str) -> None:
    assert sheet_text(BOOK, FIGURES, EXTRAS, form).startswith(begin)


def test_the_figures_are_those_of_the_book() -> None:
    found = json.loads(sheet_text(BOOK, figures_of(BOOK), EXTRAS, "json"))
    assert found["figures"]["sessions"] == 600


def test_the_file_is_written_into_a_folder_that_was_not_there(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "core-b1.html"
    answer = saved(path, "päge\n", "core/b1", "html")
    assert path.read_text(encoding="utf-8") == "päge\n"
    assert answer.data == {"id": "core/b1", "format": "html", "path": str(path), "bytes": 6}
    assert answer.blocks == [f"wrote the tear sheet of core/b1 to {path}"]


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must be a file, was the folder .* add a name such as core-b1\.md"):
        saved(tmp_path, "x", "core/b1", "md")


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(StoreError):
        saved(tmp_path / "file" / "x.html", "x", "core/b1", "html")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_home_that_is_not_there_is_said(tmp_path: Path) -> None:
    ended = invest("report", "core/b1", "--home", str(tmp_path))
    assert ended.code == 3
    assert "invest init" in ended.err


def test_an_unknown_format_is_refused() -> None:
    assert invest("report", "core/b1", "--format", "pdf").code == 2

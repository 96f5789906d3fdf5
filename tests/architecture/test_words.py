"""Nothing in the repository speaks of one machine, of unfinished work, or of hosts that only some readers reach."""

import re

from tests.architecture.tree import ROOT, text_files

# Spelled in parts, so that this file does not name what it looks for.
MACHINE_ROOTS = ("wo" + "rk", "ho" + "me", "ro" + "ot", "Us" + "ers")
MACHINE_PATHS = re.compile(r"(?<![\w.\-])/(?:" + "|".join(MACHINE_ROOTS) + r")/\w{2,}")
OUTSIDE_LINKS = re.compile(r"\.\./" + "sha" + "red")
UNFINISHED = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")) + r")\b")
PACKAGE_INDEX = re.compile("|".join(("index" + "-url", "trusted" + "-host", "find" + "-links")))


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_one_machine() -> None:
    assert found(MACHINE_PATHS) == []


def test_no_file_points_outside_the_repository() -> None:
    assert found(OUTSIDE_LINKS) == []


def test_no_file_names_a_package_index() -> None:
    assert found(PACKAGE_INDEX) == []


def test_nothing_is_marked_as_unfinished() -> None:
    assert found(UNFINISHED) == []


def test_constraints_pin_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    odd = [line for line in lines if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][\w.+]*", line)]
    assert lines
    assert odd == []

"""Planted bugs: each patch still applies, says what it plants, and names a test that exists."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATCHES = sorted((ROOT / "tests" / "planted").glob("*.patch"))


def test_there_are_at_least_twenty() -> None:
    assert len(PATCHES) >= 20


@pytest.mark.parametrize("patch", PATCHES, ids=lambda each: each.stem)
def test_it_still_applies(patch: Path) -> None:
    what, test, blank, *_ = patch.read_text(encoding="utf-8").splitlines()
    assert what.endswith(".")
    assert blank == ""
    assert (ROOT / test.removeprefix("Test: ").partition("::")[0]).is_file()
    done = subprocess.run(
        ["git", "apply", "--check", str(patch)], cwd=ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, f"write {patch.name} anew: {done.stderr}"

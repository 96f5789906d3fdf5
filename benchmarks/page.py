"""The page of results: its sections, each put in place and written as soon as it is there."""

import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from programs import HERE

HEAD = HERE / "portfolio" / "RESULTS_HEAD.md"
# Between the text of the head and what is known of the run.
FACTS = "Machine: "


class Page:
    """`keep` begins with the sections that the file has; what is put then takes the place of the one of its name."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        self._path = path
        kept = sections(path.read_text(encoding="utf-8")) if keep and path.exists() else {}
        before = kept.pop("", "")
        self.facts = before[before.index(FACTS) :] if FACTS in before else ""
        self._sections = kept

    def put(self, lines: Sequence[str]) -> None:
        """Sections, each with its heading."""
        self._sections |= sections("\n".join(lines))
        self.write()

    def write(self) -> None:
        head = HEAD.read_text(encoding="utf-8").strip()
        parts = [head, *([self.facts] if self.facts else []), *sorted(self._sections.values(), key=place)]
        self._path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """The parts of a page by heading; what stands before the first has none."""
    parts = ("\n" + text.strip()).split("\n## ")
    head = {"": parts[0].strip()} if parts[0].strip() else {}
    return head | {part.partition("\n")[0]: ("## " + part).strip() for part in parts[1:]}


def place(section: str) -> tuple[int, int, str]:
    """Workloads by number and letter; what has no number comes between W3 and W7."""
    heading = section.partition("\n")[0].removeprefix("## ")
    found = re.match(r"W(\d+)(.*)", heading)
    return (int(found[1]), len(found[2]), found[2]) if found else (5, 0, heading)


def machine() -> str:
    """What the figures were taken on, and by which versions."""
    return (
        f"{FACTS}{os.cpu_count()} x {cpu_model()}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, numpy {version('numpy')}, numba {version('numba')}. Every figure is the "
        "median of the runs in the last column, taken in turn, each in a process of its own."
    )


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())

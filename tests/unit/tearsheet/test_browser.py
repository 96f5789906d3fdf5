"""A real browser reads the page: it asks for nothing, complains of nothing, and nothing sticks out at any width."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pytest
from tests.unit.tearsheet.books import edge_books, figures_of, long_book

from prudent.tearsheet import Extras, tear_sheet

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
QUIET = (
    "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
LOUD_PAGE = '<!DOCTYPE html><title>x</title><img src="http://loud.invalid/x.png"><script>console.error("loud")</script>'
# Writes by how much each framed page is wider than its frame.
MEASURE = """<!DOCTYPE html><title>x</title><body>{frames}<p id=out></p><script>
addEventListener("load", () => {{
  out.textContent = [...document.querySelectorAll("iframe")]
    .map(f => f.contentDocument.documentElement).map(e => e.scrollWidth - e.clientWidth).join(" ");
}});
</script></body>"""


@dataclass(frozen=True)
class Visit:
    """What the browser asked for beyond the page, what it complained of, and the page it ended with."""

    asked: list[str]
    complaints: list[str]
    dom: str


def visit(folder: Path, html: str) -> Visit:
    page, log = folder / "page.html", folder / "net.json"
    page.write_text(html, encoding="utf-8")
    assert CHROMIUM is not None
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    done = subprocess.run(
        [CHROMIUM, *QUIET, *as_root, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}",
         "--enable-logging=stderr", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return Visit(
        asked=asked_by_pages(log), complaints=re.findall(r"CONSOLE[^\n]*", done.stderr), dom=done.stdout
    )


def asked_by_pages(log: Path) -> list[str]:
    """Addresses on the network that a page asked for; what the browser asks for itself has no origin."""
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    starts = [each["params"] for each in events if "initiator" in each.get("params", {})]
    found = {each["url"] for each in starts if each["initiator"] != "not an origin"}
    return sorted(each for each in found if not each.startswith(("file:", "data:")))


def test_the_browser_asks_for_nothing_and_complains_of_nothing(tmp_path: Path) -> None:
    found = visit(tmp_path, tear_sheet(*long_book()))
    assert found.asked == []
    assert found.complaints == []
    assert "Growth of 1.00" in found.dom
    assert json.loads(re.findall(r'id="report-data">(.*?)</script>', found.dom)[0])["id"] == "core/b1"


def test_a_page_that_asks_and_complains_would_be_seen(tmp_path: Path) -> None:
    found = visit(tmp_path, LOUD_PAGE)
    assert found.asked == ["http://loud.invalid/x.png"]
    assert "loud" in " ".join(found.complaints)


def test_nothing_sticks_out_of_a_phone_or_a_screen(tmp_path: Path) -> None:
    long_names = edge_books()["long names"]
    wide = "<!DOCTYPE html><body style='margin:0'><div style='width:2000px'>wide</div>"
    pages = [tear_sheet(*long_book()), tear_sheet(long_names, figures_of(long_names), Extras()), wide]
    frames = "".join(
        f'<iframe style="width:{width}px;height:800px;border:0" srcdoc="{escape(page)}"></iframe>'
        for page in pages
        for width in (390, 1100)
    )
    found = visit(tmp_path, MEASURE.format(frames=frames))
    beyond = [int(each) for each in re.findall(r'<p id="out">(.*?)</p>', found.dom)[0].split()]
    assert beyond[:4] == [0, 0, 0, 0]
    assert min(beyond[4:]) > 800

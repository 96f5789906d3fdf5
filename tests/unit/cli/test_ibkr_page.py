"""The page about Interactive Brokers says what the program says."""

from pathlib import Path

from tests.architecture.test_docs import commands

from prudent.brokers.ibkr.modes import LIVE_PORTS, PAPER_PORTS
from prudent.domain.futures import ALIASES, MONTH_CODES
from prudent.domain.money import plain
from prudent.entrypoints.cli.app import app

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "IBKR.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("|")]


def test_the_page_lists_every_alias_with_its_contract() -> None:
    rows = [row[:-1] for row in ROWS if row[0].strip("`") in ALIASES]
    assert rows == [
        [
            f"`{alias}`", f"{root.name} ({root.code})", root.exchange, plain(root.multiplier), plain(root.tick),
            "".join(MONTH_CODES[month - 1] for month in root.months),
        ]
        for alias, root in ALIASES.items()
    ]  # fmt: skip


def test_the_page_lists_every_port_as_the_program_takes_it() -> None:
    ports = {int(word): row[1] for row in ROWS for word in row[0].split(", ") if word.isdigit()}
    assert {port for port, what in ports.items() if what.startswith("paper")} == PAPER_PORTS
    assert {port for port, what in ports.items() if what.startswith("live")} == LIVE_PORTS


def test_the_page_lists_every_command_about_a_gateway() -> None:
    listed = {" ".join(row[0].strip("`").split()[1:3]) for row in ROWS if row[0].startswith("`invest ibkr")}
    assert listed == {name for name in commands(app) if name.startswith("ibkr ")}

"""The page lists every fault as the gateway knows it."""

from pathlib import Path

from prudent.gateway.faults import RULES

PAGE = Path(__file__).parents[3] / "docs" / "PAPER_GATEWAY.md"


def test_the_page_lists_every_fault_in_the_gateways_own_words() -> None:
    rows = [f"| `{do}` | {', '.join(rule.places)} | {rule.words} |" for do, rule in RULES.items()]
    text = PAGE.read_text(encoding="utf-8")
    table = text.split("## Faults")[1].split("\n## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows

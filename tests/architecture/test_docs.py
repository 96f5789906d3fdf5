"""Pages point at what exists: their links resolve, and the commands they show can be typed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from tests.architecture.tree import ROOT, files, name_of

from prudent.entrypoints.cli.app import app

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"```[a-z]*\n(.*?)```", re.DOTALL)
TYPED = re.compile(r"^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*invest ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)", re.MULTILINE)
INLINE = re.compile(r"(?<!`)`(invest [a-z][^`]*)`(?!`)")
MADE = re.compile(r"^\s*(?:\$ )?make ([a-z]+)", re.MULTILINE)
PAGES = [path for path in files() if path.suffix == ".md"]


def anchors(page: Path) -> set[str]:
    """Headings as links name them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def broken_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        where = (page.parent / path).resolve() if path else page
        inside = where.is_relative_to(ROOT) and where.exists()
        if not inside or (anchor and where.suffix == ".md" and anchor not in anchors(where)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def commands(tree: typer.Typer) -> set[str]:
    """Every command as it is typed, `group command` for grouped ones."""
    found = {each.name or getattr(each.callback, "__name__", "").replace("_", "-") for each in tree.registered_commands}
    for group in tree.registered_groups:
        assert group.typer_instance is not None
        name = group.name if isinstance(group.name, str) else group.typer_instance.info.name
        found |= {f"{name} {each}" for each in commands(group.typer_instance)}
    return {str(each) for each in found}


# Groups that show their list where nothing more is said, or do their main thing.
LISTS_BY_DEFAULT = {"backtests", "orders", "sweep"}


def unknown_commands(text: str) -> set[str]:
    """What the code blocks of a page ask a reader to type, less what exists."""
    known = commands(app) | LISTS_BY_DEFAULT
    typed = {match for block in (*BLOCK.findall(text), *INLINE.findall(text)) for match in TYPED.findall(block)}
    return {each for each in typed if each not in known and each.split()[0] not in known}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    made = {match for block in BLOCK.findall(text) for match in MADE.findall(block)}
    assert unknown_commands(text) == set()
    assert made <= targets


def test_an_unknown_command_would_be_found() -> None:
    assert "plan" in commands(app)
    assert "accounts list" in commands(app)
    assert unknown_commands("```\ninvest plan x.json\ninvest fly me\n```") == {"fly me"}


def test_every_decision_is_listed_and_numbered_without_gaps() -> None:
    pages = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    assert all(f"({name})" in index for name in pages)

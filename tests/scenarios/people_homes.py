"""Homes with people for scenarios: one on SQLite, one on PostgreSQL, and what their commands are told on stdin."""

import io
from pathlib import Path

import pytest
from tests.unit.cli.running import Ended, invest

from prudent.entrypoints.cli.starter import Wishes, create_home


def told(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """What the next command reads from standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def as_holder(monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    """Who stands at the terminal from here: the holder of a token, or nobody in particular."""
    monkeypatch.delenv("INVEST_TOKEN_FILE", raising=False)
    if token is None:
        monkeypatch.delenv("INVEST_TOKEN", raising=False)
    else:
        monkeypatch.setenv("INVEST_TOKEN", token)


def postgres_home(folder: Path, url: str) -> Path:
    """A home without accounts whose ledger is that database."""
    home = folder / "home"
    create_home(home, Wishes(start="2022-11-28"))
    with (home / "invest.yaml").open("a", encoding="utf-8") as handle:
        handle.write(f"database:\n  url: {url}\n")
    return home


def done(ended: Ended) -> Ended:
    """The command, which must have ended well."""
    assert ended.code == 0, ended.err + ended.out
    return ended


def at(home: Path, *args: str) -> Ended:
    return invest(*args, "--home", str(home), "--json")

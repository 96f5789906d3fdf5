"""A home of the thirteen accounts for stories about them, and the few words that the stories share."""

import io
import shutil
import sys
from pathlib import Path

import pytest
from tests.unit.cli.running import Ended, invest

NAMED = "    name: Weekly balanced, Qwen3-Next\n"
VARIABLES = (
    "LLM_BASE_URL", "LLM_API_KEY", "GHOSTFOLIO_URL", "GHOSTFOLIO_ACCESS_TOKEN", "INITIAL_BUDGET", "LOG_LEVEL", "TZ",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as `init --demo` leaves it; copied, never changed."""
    home = tmp_path_factory.mktemp("thirteen") / "home"
    ended = invest("init", "--demo", "--home", str(home), "--json")
    assert ended.code == 0, ended.out + ended.err
    return home


@pytest.fixture
def home(fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own = tmp_path / "home"
    shutil.copytree(fresh, own)
    monkeypatch.setenv("INVEST_HOME", str(own))
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    return own


def ok(*args: str) -> Ended:
    ended = invest(*args, "--json")
    assert ended.code == 0, ended.out + ended.err
    return ended


def refused(code: int, *args: str) -> str:
    ended = invest(*args, "--json")
    assert ended.code == code, ended.out + ended.err
    return str(ended.document["errors"][0]["message"])


def edited(home: Path, *pairs: tuple[str, str]) -> Path:
    """A copy of the configuration beside the home with some text replaced."""
    text = (home / "invest.yaml").read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path = home.parent / "wanted.yaml"
    path.write_text(text)
    return path

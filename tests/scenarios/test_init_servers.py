"""Making a home beside two servers: what they offer, what they refuse, and how it works with neither."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.ghostfolio.standin import TOKEN, StandIn
from tests.scenarios.thirteen import no_environment, ok, refused
from tests.servers.openai import dead_url, serving
from tests.unit.cli.running import invest

from prudent.settings import load_settings

__all__ = ["no_environment"]


def made(tmp_path: Path, *args: str) -> Any:
    return ok("init", "--yes", "--home", str(tmp_path / "h"), *args)


def models(tmp_path: Path) -> dict[str, tuple[str, str]]:
    found = load_settings(tmp_path / "h", environ={}).settings.language.models
    return {name: (each.kind, each.model) for name, each in found.items()}


def test_a_model_server_is_asked_what_it_offers_and_the_families_are_found(tmp_path: Path) -> None:
    with serving(models=("llama-3", "Qwen3-Next-80B-A3B", "NVIDIA-Nemotron-Nano-9B")) as server:
        ended = made(tmp_path, "--llm-url", server.url)
        assert ended.data["models_offered"] == ["llama-3", "Qwen3-Next-80B-A3B", "NVIDIA-Nemotron-Nano-9B"]
        assert ended.document["warnings"] == []
        assert server.asked == []
    assert models(tmp_path) == {
        "qwen3_next": ("openai_compatible", "Qwen3-Next-80B-A3B"),
        "nemotron": ("openai_compatible", "NVIDIA-Nemotron-Nano-9B"),
    }  # fmt: skip
    assert load_settings(tmp_path / "h", environ={}).settings.language.base_url == server.url


def test_a_family_that_is_not_offered_is_told(tmp_path: Path) -> None:
    with serving(models=("llama-3",)) as server:
        warnings = made(tmp_path, "--llm-url", server.url, "--qwen", "my-qwen").document["warnings"]
    assert any("my-qwen, which" in each and "does not offer" in each for each in warnings)
    assert any("offers no Nemotron by that name: llama-3 answers in its place" in each for each in warnings)


def test_one_model_in_the_place_of_both_families_is_told(tmp_path: Path) -> None:
    with serving(models=("llama-3", "qwen3-next")) as server:
        alone = made(tmp_path / "one", "--llm-url", server.url, "--nemotron", "qwen3-next").document["warnings"]
        apart = made(tmp_path / "two", "--llm-url", server.url, "--nemotron", "llama-3").document["warnings"]
    assert any("compare the model with itself" in each for each in alone)
    assert not any("compare the model with itself" in each for each in apart)


def test_a_dead_model_server_leaves_the_rules_and_says_so(tmp_path: Path) -> None:
    ended = made(tmp_path, "--llm-url", dead_url())
    assert ended.data["answered_by"] == "the built-in rules (rules, no LLM)"
    assert "rules, no LLM" in ended.document["warnings"][0]
    assert models(tmp_path) == {"qwen3_next": ("rules", ""), "nemotron": ("rules", "")}


def test_the_environment_is_taken_and_its_secrets_are_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INITIAL_BUDGET", "2500")
    monkeypatch.setenv("LOG_LEVEL", "WARN")
    monkeypatch.setenv("TZ", "America/New_York")
    monkeypatch.setenv("GHOSTFOLIO_URL", dead_url().removesuffix("/v1"))
    monkeypatch.setenv("GHOSTFOLIO_ACCESS_TOKEN", "ghost-canary-0123456789")
    monkeypatch.setenv("LLM_API_KEY", "model-canary-0123456789")
    with serving(key="model-canary-0123456789") as server:
        monkeypatch.setenv("LLM_BASE_URL", server.url)
        ended = made(tmp_path)
        assert ended.data["models_offered"] == ["qwen", "nemotron"]
    assert ended.data["ghostfolio_url"]
    assert any("invest ghostfolio check" in each for each in ended.document["warnings"])
    settings = load_settings(tmp_path / "h", environ={}).settings
    assert settings.initial_budget == 2500
    assert settings.logs.level == "warning"
    assert {line.timezone for line in settings.accounts["research"].schedule} == {"America/New_York"}
    monkeypatch.delenv("GHOSTFOLIO_ACCESS_TOKEN")
    assert {row["cash"] for row in ok("accounts", "list", "--home", str(tmp_path / "h")).data} == {"2500"}
    files = [path for path in (tmp_path / "h").rglob("*") if path.is_file()]
    assert [path for path in files if b"canary" in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--llm-url", "ftp://x"], "the model server must be an http or https URL"),
        (["--llm-url", "http://user:pw@x/v1"], "must be a plain URL without a user"),
        (["--ghostfolio-url", "nonsense"], "the Ghostfolio URL must be"),
        (["--zone", "Mars/Olympus"], "must be one of the IANA database"),
        (["--log-level", "loud"], "the log level must be"),
        (["--cash", "-1"], "must be above 0"),
        (["--empty", "--account", "main"], "either --empty or --account"),
    ],
)
def test_a_wrong_answer_makes_no_home(tmp_path: Path, args: list[str], said: str) -> None:
    assert said in refused(2, "init", "--yes", "--home", str(tmp_path / "h"), *args)
    assert not (tmp_path / "h").exists()


def test_a_zone_of_the_environment_that_is_none_is_told_and_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "CEST-2")
    ended = made(tmp_path)
    assert ended.data["zone"] == "Europe/Warsaw"
    assert "TZ=CEST-2" in ended.document["warnings"][0]


class Terminal(io.StringIO):
    """Somebody who types these lines."""

    def isatty(self) -> bool:
        return True


def test_a_person_is_asked_for_the_servers_and_may_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("\n\n500\nnone\n\n"))
    data = ok("init", "--home", str(tmp_path / "h")).data
    assert (data["cash"], data["llm_url"], data["ghostfolio_url"]) == ("500", None, None)


def test_an_empty_home_has_no_account_and_takes_one(tmp_path: Path) -> None:
    home = str(tmp_path / "h")
    assert ok("init", "--yes", "--empty", "--home", home).data["accounts"] == []
    ok("accounts", "add", "own", "--cash", "1000", "--targets", "core", "--home", home)
    assert [row["id"] for row in ok("accounts", "list", "--home", home).data] == ["own"]


def test_ghostfolio_is_logged_in_to_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with StandIn("3.58.0") as server:
        monkeypatch.setenv("GHOSTFOLIO_ACCESS_TOKEN", TOKEN)
        ended = invest("init", "--yes", "--home", str(tmp_path / "h"), "--ghostfolio-url", server.url)
        assert ended.code == 0, ended.err
        assert f"{server.url} is Ghostfolio" in ended.out
        assert server.writes() == []

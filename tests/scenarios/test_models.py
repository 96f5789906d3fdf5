"""Language models of a home: keys, kept replies, budgets that hold over restarts, and the commands about them."""

from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.homes import ACCOUNT, new_home, reopened
from tests.servers.openai import Fault, OpenAIServer, Said, dead_url, serving
from tests.unit.cli.running import invest
from tests.unit.llm.asking import question

from prudent.domain.errors import ConfigError, OverBudget, Permanent
from prudent.domain.reasoning import RULES_LABEL, Question
from prudent.settings import load_settings
from prudent.workflows.people import reception

ANSWER = '{"answer": "4"}'


def home_with(folder: Path, server: str, text: str = "{qwen: {fallback: rules}}", **more: str) -> Path:
    home = new_home(folder)
    rest = "".join(f"  {name}: {value}\n" for name, value in more.items())
    with (home / "invest.yaml").open("a", encoding="utf-8") as handle:
        handle.write(f"language:\n  base_url: {server}\n  models: {text}\n{rest}")
    return home


def asked(text: str = "Answer with ok.", **changes: Any) -> Question:
    return question(text, account=ACCOUNT, **changes)


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLM_API_KEY", "LLM_API_KEY_FILE", "GHOSTFOLIO_ACCESS_TOKEN", "LLM_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_every_desk_has_rules(tmp_path: Path) -> None:
    desk = reopened(new_home(tmp_path))
    assert desk.language.ask(asked(model="rules")).served == RULES_LABEL
    with pytest.raises(ConfigError, match="model must be one of rules"):
        desk.language.ask(asked())


def test_an_unchanged_prompt_is_asked_once_over_restarts(tmp_path: Path) -> None:
    with serving() as server:
        home = home_with(tmp_path, server.url)
        first = reopened(home).language.ask(asked())
        second = reopened(home).language.ask(asked())
    assert (first.cached, second.cached, second.text) == (False, True, first.text)
    assert len(server.asked) == 1


def test_without_a_cache_every_question_is_asked(tmp_path: Path) -> None:
    with serving() as server:
        home = home_with(tmp_path, server.url, cache="none")
        for _ in range(2):
            reopened(home).language.ask(asked())
    assert len(server.asked) == 2


def test_a_days_budget_holds_over_restarts(tmp_path: Path) -> None:
    with serving(answer=lambda asked: Said(usage={"prompt_tokens": 300, "completion_tokens": 50})) as server:
        home = home_with(tmp_path, server.url, cache="none", budget="{tokens_per_day: 800}")
        for _ in range(2):
            reopened(home).language.ask(asked())
        with pytest.raises(OverBudget, match="account core may use 800 tokens a day, used 700"):
            reopened(home).language.ask(asked())
    assert len(server.asked) == 2


def test_the_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", "key-of-the-environment")
    assert key_sent(tmp_path) == "Bearer key-of-the-environment"


def test_the_key_comes_from_a_file_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("key-of-the-file\n")
    monkeypatch.setenv("LLM_API_KEY_FILE", str(tmp_path / "key"))
    assert key_sent(tmp_path) == "Bearer key-of-the-file"


def test_the_key_comes_from_the_stored_secrets(tmp_path: Path) -> None:
    assert key_sent(tmp_path, stored="key-that-is-stored") == "Bearer key-that-is-stored"


def test_a_key_that_is_no_key_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="LLM_API_KEY must be one word") as caught:
        key_sent(tmp_path, stored="geheim\nX-Other: 1")
    assert "geheim" not in str(caught.value)


def test_without_a_key_none_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert key_sent(tmp_path / "a") is None
    monkeypatch.setenv("LLM_API_KEY", "key-of-the-environment")
    assert key_sent(tmp_path / "b", models="{qwen: {key: ''}}") is None


def key_sent(folder: Path, *, models: str = "{qwen: {}}", stored: str = "") -> str | None:
    folder.mkdir(exist_ok=True)
    with serving() as server:
        home = home_with(folder, server.url, models)
        if stored:
            store(home, "llm_api_key", stored)
        reopened(home).language.ask(asked())
    return server.asked[0].headers.get("Authorization")


def store(home: Path, name: str, value: str) -> None:
    with reception(load_settings(home)) as found:
        found.vault.set(found.principal(None), name, value)


def test_no_prompt_holds_what_this_process_keeps_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", "zebra-crossing-one")
    monkeypatch.setenv("GHOSTFOLIO_ACCESS_TOKEN", "zebra crossing two")
    with serving() as server:
        home = home_with(tmp_path, server.url)
        store(home, "of_somebody", "zebra crossing three")
        text = "zebra-crossing-one, zebra crossing two, zebra crossing three, zebra crossing four"
        reopened(home).language.ask(asked(text=text))
        assert "zebra crossing four" in server.prompts[0]
    assert server.prompts[0].count("zebra") == 1
    assert server.prompts[0].count("REDACTED") == 3


def test_a_key_that_cannot_be_opened_stops_only_who_needs_it(tmp_path: Path) -> None:
    with serving() as server:
        home = home_with(tmp_path, server.url)
        store(home, "llm_api_key", "key-that-is-stored")
        (home / "secrets.key").unlink()
        desk = reopened(home)
        assert desk.language.ask(asked(model="rules")).served == RULES_LABEL
        with pytest.raises(Permanent, match="llm_api_key"):
            desk.language.ask(asked())
    assert server.asked == []


def test_models_of_one_server_share_its_slots(tmp_path: Path) -> None:
    from prudent.edge import LanguageDesk

    desk = reopened(home_with(tmp_path, dead_url(), "{qwen: {slots: 2}, nemotron: {slots: 5}}"))
    own = desk.loaded.settings.language.models
    opened = LanguageDesk(desk.loaded, desk.ledger, desk.clock)
    assert [opened.served(name, own[name]).slots for name in own] == [5, 5]


def test_the_budgets_seconds_bound_every_limit(tmp_path: Path) -> None:
    from prudent.edge import LanguageDesk

    home = home_with(tmp_path, dead_url(), "{qwen: {seconds: 50, load_seconds: 500}}", budget="{seconds_per_call: 60}")
    desk = reopened(home)
    own = desk.loaded.settings.language.models["qwen"]
    served = LanguageDesk(desk.loaded, desk.ledger, desk.clock).served("qwen", own)
    assert (served.seconds, served.load_seconds) == (50, 60)


def test_a_server_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        home = home_with(tmp_path, "null", "{rules: {kind: rules}}")
        assert load_settings(home).settings.language.base_url is None
        monkeypatch.setenv("LLM_BASE_URL", server.url.removesuffix("/v1"))
        assert load_settings(home).settings.language.base_url == server.url


def test_models_list_shows_models_and_what_their_servers_offer(tmp_path: Path) -> None:
    with serving(models=("Qwen3-Next",)) as server:
        home = home_with(tmp_path, server.url, f"{{qwen: {{}}, lost: {{base_url: '{dead_url()}'}}}}")
        data = invest("models", "list", "--offered", "--json", "--home", str(home)).data
    assert [row["name"] for row in data["models"]] == ["rules", "qwen", "lost"]
    assert data["models"][0]["accounts"] == [ACCOUNT]
    assert data["offered"][0]["models"] == ["Qwen3-Next"]
    assert "cannot be reached" in data["offered"][1]["why_not"]


def test_models_test_says_who_answered_and_why_one_did_not(tmp_path: Path) -> None:
    def answer(asked: object) -> Said | Fault:
        return Fault.ERROR_500 if server.asked[-1].model == "nemotron" else Said(text=ANSWER, served="Qwen3-Next")

    with serving() as server:
        server.answer = answer
        home = home_with(tmp_path, server.url, "{qwen: {}, nemotron: {}}")
        ended = invest("models", "test", "--json", "--home", str(home))
    rules, qwen, nemotron = ended.data
    assert ended.code == 4
    assert (rules["answered_by"], rules["answer"]) == (RULES_LABEL, "4")
    assert (qwen["answered_by"], qwen["answer"], qwen["why_not"]) == ("Qwen3-Next", "4", "")
    assert "out of memory" in nemotron["why_not"]
    assert ended.document["errors"][0]["code"] == "upstream_unavailable"


@pytest.mark.parametrize("said", ["four", '{"answer"', "[]", "null"])
def test_models_test_fails_a_model_whose_answer_cannot_be_read(tmp_path: Path, said: str) -> None:
    with serving(answer=lambda asked: said) as server:
        ended = invest("models", "test", "qwen", "--home", str(home_with(tmp_path, server.url)))
    assert ended.code == 4
    assert "JSON object" in ended.err


def test_models_test_fails_a_model_that_was_cut(tmp_path: Path) -> None:
    with serving(answer=lambda asked: Said(text=ANSWER, finish="length")) as server:
        ended = invest("models", "test", "qwen", "--home", str(home_with(tmp_path, server.url)))
    assert ended.code == 4
    assert "max_tokens" in ended.err


def test_models_test_passes_when_all_answer(tmp_path: Path) -> None:
    with serving(answer=lambda asked: ANSWER) as server:
        home = home_with(tmp_path, server.url)
        ended = invest("models", "test", "--home", str(home))
        again = invest("models", "test", "--home", str(home))
    assert (ended.code, again.code) == (0, 0)
    assert asked_twice(server)
    assert invest("models", "test", "nobody", "--home", str(home)).code == 2


def asked_twice(server: OpenAIServer) -> bool:
    """A test never takes a kept reply."""
    return len(server.asked) == 2

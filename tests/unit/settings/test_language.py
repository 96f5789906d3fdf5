"""The section `language`: servers as people write them, nothing secret in a file, and fallbacks that exist."""

from pathlib import Path

import pytest

from prudent.domain.errors import ConfigError
from prudent.settings import load_settings, rows
from prudent.settings.environment import environment_secret
from prudent.settings.language import LanguageSettings


def language(home: Path, text: str) -> LanguageSettings:
    (home / "invest.yaml").write_text(f"language: {text}\n", encoding="utf-8")
    return load_settings(home, environ={}).settings.language


def refusal(home: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        language(home, text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
        ("https://host/api/v1/", "https://host/api/v1"),
        ("https://host/v1/chat/completions", "https://host/v1"),
    ],
)
def test_a_server_is_read_as_people_write_it(tmp_path: Path, written: str, read: str) -> None:
    assert language(tmp_path, f"{{base_url: '{written}'}}").base_url == read


@pytest.mark.parametrize(
    "written", ["", "host:8080", "ftp://host", "http://", "http://host:99999", "file:///etc/passwd", "http://[::1"]
)
def test_anything_else_is_no_server(tmp_path: Path, written: str) -> None:
    assert "must be an http or https URL" in refusal(tmp_path, f"{{base_url: '{written}'}}")


@pytest.mark.parametrize("written", ["https://me:geheim1234@host/v1", "https://host/v1?key=geheim1234"])
def test_a_server_with_a_secret_in_it_is_refused_and_not_repeated(tmp_path: Path, written: str) -> None:
    message = refusal(tmp_path, f"{{base_url: '{written}'}}")
    assert "LLM_API_KEY" in message
    assert "geheim" not in message


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("{qwen: {}}", "models.qwen needs a `base_url`"),
        ("{rules: {base_url: 'http://h'}}", "models.rules is built in"),
        ("{q: {base_url: 'http://h', fallback: nobody}}", "models.q.fallback must be another model (rules)"),
        ("{q: {base_url: 'http://h', fallback: q}}", "models.q.fallback must be another model (rules)"),
        ("{q: {base_url: 'http://h', parameters: {messages: []}}}", "must not set messages"),
        ("{q: {base_url: 'http://h', parameters: {api_key: x}}}", "parameters"),
        ("{q: {base_url: 'http://h', key: AWS_SECRET_ACCESS_KEY}}", "key"),
        ("{q: {base_url: 'http://h', seconds: 0}}", "seconds"),
        ("{q: {base_url: 'http://h', price_in: -1}}", "price_in"),
    ],
)
def test_a_model_that_cannot_work_is_refused(tmp_path: Path, models: str, said: str) -> None:
    assert said in refusal(tmp_path, f"{{models: {models}}}")


def test_a_model_may_take_the_server_of_all(tmp_path: Path) -> None:
    found = language(tmp_path, "{base_url: 'http://h', models: {q: {fallback: e}, e: {kind: embedded}}}")
    assert list(found.models) == ["q", "e"]


def test_counts_of_tokens_are_shown_and_keys_are_not(tmp_path: Path) -> None:
    language(tmp_path, "{models: {q: {base_url: 'http://h', parameters: {max_tokens: 9000}}}}")
    shown = {key: value for key, value, _origin in rows(load_settings(tmp_path, environ={}))}
    assert shown["language.budget.tokens_per_day"] == 1_000_000
    assert shown["language.models.q.parameters.max_tokens"] == 9000


def test_a_secret_of_the_environment_is_a_value_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    (tmp_path / "empty").write_text(" \n")
    file = {"LLM_API_KEY_FILE": str(tmp_path / "key")}
    assert environment_secret("LLM_API_KEY", environ={"LLM_API_KEY": " k "}) == "k"
    assert environment_secret("LLM_API_KEY", environ=file) == "from a file"
    assert environment_secret("LLM_API_KEY", environ={}) is None
    empty = {"LLM_API_KEY_FILE": str(tmp_path / "empty")}
    for wrong in ({**file, "LLM_API_KEY": "k"}, {"LLM_API_KEY_FILE": "/no"}, empty):
        with pytest.raises(ConfigError, match="LLM_API_KEY_FILE"):
            environment_secret("LLM_API_KEY", environ=wrong)

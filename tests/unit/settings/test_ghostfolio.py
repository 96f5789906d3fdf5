"""Ghostfolio in the settings: one server, its accounts, and no place for its token."""

from pathlib import Path

import pytest

from prudent.domain.errors import ConfigError
from prudent.settings import Loaded, load_settings
from prudent.settings.secret_values import secret_values


def loaded(home: Path, text: str = "", **environ: str) -> Loaded:
    (home / "invest.yaml").write_text(text, encoding="utf-8")
    return load_settings(home, environ=environ)


@pytest.mark.parametrize(
    "written",
    ["http://localhost:3333", "http://localhost:3333/", "http://localhost:3333/api", "http://localhost:3333/api/v1/"],
)
def test_a_server_is_named_with_or_without_its_path(tmp_path: Path, written: str) -> None:
    found = loaded(tmp_path, GHOSTFOLIO_URL=written).settings.ghostfolio
    assert found.url == "http://localhost:3333"
    assert loaded(tmp_path, GHOSTFOLIO_URL="").settings.ghostfolio.url is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ghostfolio: {url: 'localhost:3333'}", "must be an http or https URL"),
        ("ghostfolio: {url: 'https://me:secret-word@host'}", "must hold no user and no password"),
        ("ghostfolio: {accounts: {core: ''}}", "needs `url`"),
        ("ghostfolio: {url: 'http://h', symbols: nyse}", "must be"),
        ("ghostfolio: {url: 'http://h', access_token: abcdefgh}", "not a known key"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        loaded(tmp_path, text)
    assert "secret-word" not in str(caught.value)
    assert "abcdefgh" not in str(caught.value)


def test_a_name_that_others_use_for_the_token_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="GHOSTFOLIO_ACCESS_TOKEN"):
        loaded(tmp_path, GHOSTFOLIO_TOKEN="0123456789")


def test_the_token_is_kept_out_of_everything_that_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GHOSTFOLIO_ACCESS_TOKEN", "0123456789abcdef")
    found = loaded(tmp_path, GHOSTFOLIO_ACCESS_TOKEN="0123456789abcdef")
    assert "0123456789abcdef" in secret_values(found.settings)
    assert "0123456789abcdef" not in found.settings.model_dump_json()

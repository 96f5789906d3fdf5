"""The API token of whoever calls, from the environment."""

from pathlib import Path

import pytest

from prudent.domain.errors import ConfigError
from prudent.settings import access_token


def test_a_token_comes_from_a_variable_or_from_the_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" prd_of_file \n")
    assert access_token(environ={}) is None
    assert access_token(environ={"INVEST_TOKEN": "  "}) is None
    assert access_token(environ={"INVEST_TOKEN": "prd_x\n"}) == "prd_x"
    assert access_token(environ={"INVEST_TOKEN_FILE": str(tmp_path / "token")}) == "prd_of_file"


def test_two_tokens_or_an_unusable_file_are_refused_without_showing_one(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for environ in (
        {"INVEST_TOKEN": "prd_canary", "INVEST_TOKEN_FILE": str(tmp_path / "empty")},
        {"INVEST_TOKEN_FILE": str(tmp_path / "empty")},
        {"INVEST_TOKEN_FILE": str(tmp_path / "binary")},
        {"INVEST_TOKEN_FILE": str(tmp_path / "none")},
        {"INVEST_TOKEN_FILE": str(tmp_path)},
    ):
        with pytest.raises(ConfigError) as caught:
            access_token(environ=environ)
        assert "prd_canary" not in str(caught.value)

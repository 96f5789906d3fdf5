"""A home of one person from the command line: password, tokens, secrets, and the one person it stays for."""

from pathlib import Path

import pytest
from tests.scenarios.homes import new_home
from tests.scenarios.people_homes import as_holder, at, done, told

from prudent.bootstrap import open_desk


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    as_holder(monkeypatch, None)
    return new_home(tmp_path)


def test_the_person_of_a_new_home_is_its_administrator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_holder(monkeypatch, None)
    home = tmp_path / "home"
    done(at(home, "init", "--yes", "--account", "main"))
    users = done(at(home, "users", "list")).data
    assert [(each["name"], each["role"], each["status"], each["password_set"]) for each in users] == [
        ("local", "admin", "active", False)
    ]  # fmt: skip


def test_a_second_person_is_refused_and_told_where_to_go(home: Path) -> None:
    ended = at(home, "users", "add", "bob", "--role", "user")
    assert ended.code == 3
    assert "SQLite is for one person; set database.url to PostgreSQL" in ended.out
    assert [each["name"] for each in done(at(home, "users", "list")).data] == ["local"]


def test_a_password_is_set_without_showing_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, "vivid granite otter 9")
    ended = done(at(home, "users", "passwd", "--stdin"))
    assert "granite" not in ended.out + ended.err
    assert done(at(home, "users", "list")).data[0]["password_set"] is True
    told(monkeypatch, "passwordpassword")
    refused = at(home, "users", "passwd", "--stdin")
    assert refused.code == 2
    assert "passwordpassword" not in refused.out + refused.err
    told(monkeypatch)
    assert at(home, "users", "passwd", "--stdin").code == 2
    assert at(home, "users", "passwd").code == 8
    told(monkeypatch, "another fine harbour")
    assert at(home, "users", "passwd", "bob", "--stdin").code == 2


def test_a_token_is_shown_once_and_does_what_its_scopes_say(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = done(at(home, "tokens", "add", "ci", "--days", "5")).data
    token = made["token"]
    assert token.startswith("prd_")
    assert token not in done(at(home, "tokens", "list")).out
    as_holder(monkeypatch, token)
    assert done(at(home, "status")).data["mode"] == "paper"
    run = at(home, "run", "core")
    assert run.code == 5
    assert "must carry the scope trade, has read" in run.out
    assert at(home, "tokens", "add", "more").code == 8
    told(monkeypatch, "a guess at the password", "sk-one")
    assert at(home, "secrets", "set", "k", "--stdin").code == 2
    assert at(home, "export", "core").code in (2, 8)
    as_holder(monkeypatch, None)
    assert done(at(home, "tokens", "list")).data[0]["last_used"] is not None
    done(at(home, "tokens", "revoke", "ci"))
    as_holder(monkeypatch, token)
    refused = at(home, "status")
    assert refused.code == 2
    assert token not in refused.out + refused.err


def test_a_token_file_is_read_and_both_at_once_are_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = done(at(home, "tokens", "add", "ci")).data["token"]
    (tmp_path / "token").write_text(token + "\n")
    monkeypatch.setenv("INVEST_TOKEN_FILE", str(tmp_path / "token"))
    done(at(home, "status"))
    monkeypatch.setenv("INVEST_TOKEN", token)
    assert at(home, "status").code == 3
    monkeypatch.delenv("INVEST_TOKEN")
    for content in (None, ""):
        (tmp_path / "token").unlink(missing_ok=True)
        if content is not None:
            (tmp_path / "token").write_text(content)
        assert at(home, "status").code == 3


def test_secrets_are_set_listed_rotated_and_destroyed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, "sk-one")
    assert done(at(home, "secrets", "set", "openai.key", "--stdin")).data["version"] == 1
    (tmp_path / "value").write_text("sk-two\n")
    second = done(at(home, "secrets", "set", "openai.key", "--file", str(tmp_path / "value"))).data
    assert second["version"] == 2
    assert (home / "secrets.key").stat().st_mode & 0o777 == 0o400
    rotated = done(at(home, "secrets", "rotate")).data
    assert (rotated["secrets"], rotated["resumed"]) == (1, False)
    listed = done(at(home, "secrets", "list")).data
    assert [(each["name"], each["version"], each["key"]) for each in listed] == [
        ("openai.key", 2, rotated["key_id"])
    ]  # fmt: skip
    assert at(home, "secrets", "remove", "openai.key").code == 8
    done(at(home, "secrets", "remove", "openai.key", "--confirm", "openai.key"))
    assert done(at(home, "secrets", "list")).data == []
    assert at(home, "secrets", "remove", "openai.key", "--confirm", "openai.key").code == 2


def test_the_key_may_lie_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVEST__SECRETS__KEY_PATH", str(tmp_path / "elsewhere.key"))
    told(monkeypatch, "sk-one")
    done(at(home, "secrets", "set", "k", "--stdin"))
    assert (tmp_path / "elsewhere.key").exists()
    assert not (home / "secrets.key").exists()
    monkeypatch.delenv("INVEST__SECRETS__KEY_PATH")
    told(monkeypatch, "sk-two")
    lost = at(home, "secrets", "set", "k", "--stdin")
    assert lost.code == 1
    assert "secrets.key must hold the master key of the stored secrets, is missing" in lost.out


def test_a_folder_that_is_no_home_gets_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_holder(monkeypatch, None)
    for command in (("users", "list"), ("tokens", "list"), ("secrets", "list"), ("admin", "reads")):
        ended = at(tmp_path / "nowhere", *command)
        assert ended.code == 3
        assert "no home at" in ended.out
    assert not (tmp_path / "nowhere").exists()


def test_the_chain_holds_and_its_times_run_one_way(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done(at(home, "tokens", "add", "ci"))
    told(monkeypatch, "sk-one")
    done(at(home, "secrets", "set", "k", "--stdin"))
    done(at(home, "tokens", "revoke", "ci"))
    done(at(home, "cash", "deposit", "core", "100"))
    report = open_desk(home).ledger.verify_audit()
    # The desk's clock stands in 2022; rows dated by the wall's would make it seem to go back.
    assert (report.broken, report.warnings) == (None, ())
    assert report.rows > 4

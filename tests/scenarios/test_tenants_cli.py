"""`invest db`: a server made ready and pointed at, an account traded on it, schemas taken down and up, faults told."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from tests.postgres import Server
from tests.unit.cli.running import Ended, invest

from prudent.ledger.schema import REVISION
from prudent.ledger.tenancy import SCHEMA


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    assert invest("init", "--home", str(made), "--yes", "--account", "main").code == 0
    return made


@pytest.fixture
def admin_url(postgres: Server) -> Iterator[str]:
    """An administrator's URL of a database that does not exist yet; its login has the same name."""
    name = f"cli_{uuid4().hex}"
    yield postgres.admin_url_of(name)
    postgres.drop(name)
    with postgres.admin() as admin:
        admin.execute(f"DROP ROLE IF EXISTS {name}".encode())


def login_of(admin_url: str) -> str:
    return admin_url.rpartition("/")[2] if "?" not in admin_url else admin_url.split("?")[0].rpartition("/")[2]


def db(home: Path, *args: str) -> Ended:
    return invest("db", *args, "--home", str(home), "--json")


def test_a_file_is_taken_down_and_up(home: Path) -> None:
    assert db(home, "status").data["schema"] == REVISION
    assert db(home, "lint").data == {"findings": []}
    asked = db(home, "downgrade", "0001")
    assert (asked.code, asked.document["errors"][0]["code"]) == (8, "confirmation_missing")
    assert db(home, "downgrade", "9999", "--yes").code == 2
    assert db(home, "downgrade", REVISION, "--yes").code == 2
    assert db(home, "downgrade", "0001", "--yes").data["after"] == "0001"
    older = db(home, "status")
    assert older.code == 1
    assert "run `invest db upgrade`" in older.document["errors"][0]["message"]
    assert db(home, "upgrade").data == {
        "path": str(home / "data" / "ledger.sqlite"), "before": "0001", "after": REVISION
    }  # fmt: skip
    assert db(home, "status").data["faults"] == []
    assert invest("status", "--home", str(home)).code == 0
    assert db(home, "upgrade", "--admin", "sqlite:///x").code == 2


def test_a_server_is_made_ready_and_traded_on(home: Path, admin_url: str) -> None:
    login = login_of(admin_url)
    made = invest("db", "prepare", admin_url, "--login", login, "--json")
    assert made.code == 0, made.out
    assert (made.data["password_is_new"], made.data["before"], made.data["after"]) == (True, None, REVISION)
    with (home / "invest.yaml").open("a") as config:
        config.write(f"database:\n  url: \"{made.data['url']}\"\n")
    assert db(home, "status").data["postgres"] is True
    assert db(home, "lint").data == {"findings": []}
    secret = made.data["url"].split(":")[2].split("@")[0]
    nobody = invest("status", "--home", str(home))
    assert (nobody.code, "invest users add" in nobody.err) == (3, True)
    assert invest("users", "add", "root", "--role", "admin", "--home", str(home)).code == 0
    assert invest("accounts", "add", "second", "--cash", "20000", "--home", str(home)).code == 0
    (home / "config" / "accounts" / "second.yaml").write_text("targets: json/core.json\n")
    assert invest("run", "second", "--home", str(home)).code == 0
    filled = invest("trades", "--home", str(home), "--json")
    assert len(filled.data) == 14
    assert invest("audit", "verify", "--home", str(home)).code == 0
    # The product's own login changes no schema, and no answer repeats its password.
    refused = db(home, "upgrade")
    assert (refused.code, "--admin" in refused.document["errors"][0]["message"]) == (3, True)
    for said in (db(home, "status"), refused, nobody, filled, db(home, "lint")):
        assert secret not in said.out + said.err
    again = invest("db", "prepare", admin_url, "--login", login, "--json")
    assert (again.data["password_is_new"], again.data["before"]) == (False, REVISION)
    renewed = invest("db", "prepare", admin_url, "--login", login, "--new-password", "--json")
    assert renewed.data["password_is_new"] is True
    psycopg.connect(renewed.data["url"]).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(made.data["url"])


def test_what_was_loosened_is_found_and_declared_anew(postgres: Server, home: Path, admin_url: str) -> None:
    login = login_of(admin_url)
    assert invest("db", "prepare", admin_url, "--login", login).code == 0
    with postgres.admin(login) as admin:
        admin.execute(f"ALTER TABLE {SCHEMA}.orders NO FORCE ROW LEVEL SECURITY".encode())
    found = db(home, "lint", "--admin", admin_url)
    assert found.code == 7
    assert found.data == {"findings": [{"rule": "row-level-security-not-forced", "object": "orders"}]}
    assert invest("db", "prepare", admin_url, "--login", login).code == 0
    assert db(home, "lint", "--admin", admin_url).code == 0


def test_what_is_no_server_is_refused(home: Path) -> None:
    told = invest("db", "prepare", str(home / "data" / "ledger.sqlite"), "--json")
    assert (told.code, told.document["errors"][0]["code"]) == (2, "bad_input")
    down = invest("db", "prepare", "postgresql://postgres@127.0.0.1:1/x", "--json")
    assert (down.code, down.document["errors"][0]["code"]) == (4, "upstream_unavailable")

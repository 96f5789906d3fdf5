"""Several people on one PostgreSQL from the command line: each sees their own, an administrator leaves traces."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.people_homes import as_holder, at, done, postgres_home, told

from prudent.ledger import open_ledger
from prudent.ledger.people import People

ANNS, BOBS, CATS = "vivid granite otter 9", "seven slow harbours", "copper lantern meadow"


def joined(home: Path, name: str, first: str, password: str, monkeypatch: pytest.MonkeyPatch, *scopes: str) -> str:
    """A person chooses a password and makes themselves a token."""
    as_holder(monkeypatch, None)
    several = len(scopes) > 0
    told(monkeypatch, *((first,) if several else ()), password)
    done(at(home, "users", "passwd", name, "--stdin"))
    told(monkeypatch, password)
    given = [part for scope in scopes or ("read", "admin") for part in ("--scope", scope)]
    made = at(home, "tokens", "add", "terminal", *given, "--user", name, "--stdin")
    return str(done(made).data["token"])


def people(url: str) -> People:
    return open_ledger(url).people


@pytest.fixture
def home(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home on an empty database."""
    as_holder(monkeypatch, None)
    return postgres_home(tmp_path, postgres_url)


class Two:
    """Ann, the first administrator, and Bob, whom she added; each with a token for the terminal."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        first = done(at(home, "users", "add", "ann", "--role", "admin")).data["first_password"]
        self.ann = joined(home, "ann", first, ANNS, monkeypatch)
        as_holder(monkeypatch, self.ann)
        told(monkeypatch, ANNS)
        invited = done(at(home, "users", "add", "bob", "--stdin")).data
        assert invited["status"] == "invited"
        self.bob = joined(home, "bob", invited["first_password"], BOBS, monkeypatch, "read", "trade")


@pytest.fixture(scope="module")
def two(shared_postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with pytest.MonkeyPatch.context() as patched:
        as_holder(patched, None)
        yield Two(postgres_home(tmp_path_factory.mktemp("two"), shared_postgres_url), patched)


def test_the_first_person_must_be_an_administrator(home: Path) -> None:
    assert at(home, "status").code == 3
    assert at(home, "users", "add", "ann").code == 2
    done(at(home, "users", "add", "ann", "--role", "admin"))
    assert [each["role"] for each in done(at(home, "users", "list")).data] == ["admin"]


def test_with_two_people_a_terminal_must_say_whose_it_is(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = two.home
    as_holder(monkeypatch, None)
    nobody = at(home, "status")
    assert nobody.code == 8
    assert "INVEST_TOKEN" in nobody.out
    as_holder(monkeypatch, two.ann)
    told(monkeypatch, "a wrong password")
    assert at(home, "users", "add", "cat", "--stdin").code == 2
    told(monkeypatch, ANNS)
    assert at(home, "users", "add", "bob", "--stdin").code == 2
    as_holder(monkeypatch, two.bob)
    told(monkeypatch, BOBS)
    assert at(home, "users", "add", "cat", "--stdin").code == 2


def test_each_has_their_own_under_the_same_names(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    home = two.home
    as_holder(monkeypatch, two.bob)
    told(monkeypatch, BOBS, "sk-of-bob")
    done(at(home, "secrets", "set", "k", "--stdin"))
    assert [each["name"] for each in done(at(home, "users", "list")).data] == ["bob"]
    as_holder(monkeypatch, two.ann)
    assert done(at(home, "secrets", "list")).data == []
    assert {"ann", "bob"} <= {each["name"] for each in done(at(home, "users", "list")).data}
    told(monkeypatch, ANNS)
    assert done(at(home, "secrets", "rotate", "--stdin")).data["secrets"] == 1


def test_an_administrator_looks_and_halts_and_leaves_traces(
    two: Two, shared_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = two.home
    as_holder(monkeypatch, two.ann)
    assert at(home, "admin", "look", "bob").code == 2
    done(at(home, "admin", "look", "bob", "--reason", "support case 4"))
    done(at(home, "admin", "halt", "bob", "--reason", "odd orders"))
    as_holder(monkeypatch, two.bob)
    reads = done(at(home, "admin", "reads")).data
    assert [(each["admin"], each["reason"]) for each in reads] == [
        ("ann", "halted: odd orders"), ("ann", "support case 4"),
    ]  # fmt: skip
    states = done(at(home, "status")).data["states"]
    assert [(each["state"], each["reason"]) for each in states] == [("HALTED", "by administrator ann: odd orders")]
    absent, hidden = at(home, "admin", "look", "zed"), at(home, "admin", "look", "ann")
    assert (absent.code, absent.out.replace("zed", "ann")) == (hidden.code, hidden.out)
    for owner in people(shared_postgres_url).directory.owners():
        assert open_ledger(shared_postgres_url, owner=owner).verify_audit().broken is None


def test_who_is_disabled_is_out_and_others_are_not(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    as_holder(monkeypatch, two.ann)
    told(monkeypatch, ANNS)
    first = done(at(two.home, "users", "add", "cat", "--stdin")).data["first_password"]
    cat = joined(two.home, "cat", first, CATS, monkeypatch, "read")
    as_holder(monkeypatch, cat)
    done(at(two.home, "status"))
    as_holder(monkeypatch, two.ann)
    told(monkeypatch, ANNS)
    done(at(two.home, "users", "disable", "cat", "--stdin"))
    as_holder(monkeypatch, cat)
    assert at(two.home, "status").code == 2
    as_holder(monkeypatch, two.bob)
    done(at(two.home, "status"))

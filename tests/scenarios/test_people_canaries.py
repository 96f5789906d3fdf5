"""Secrets are planted everywhere a person gives one; nothing that is written, shown or dumped repeats any of them."""

import re
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from tests.postgres import Server
from tests.scenarios.homes import new_home
from tests.scenarios.people_homes import as_holder, at, done, postgres_home, told
from tests.unit.cli.running import Ended, invest

from prudent.access.front_door import Visitor
from prudent.access.key_file import KeyFile
from prudent.domain.errors import DeskError
from prudent.settings import load_settings
from prudent.workflows.people import reception

SECRETS = 30
PASSWORD, NEXT_PASSWORD = "canary granite otter 9", "canary copper meadow 7"
GUESS = "canary that was guessed"


class Canaries:
    """What was planted, and the search for it in every spelling in which it could stand."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}
        self.seen: list[tuple[str, str]] = []

    def plant(self, what: str, value: str) -> str:
        self.planted[what] = value
        return value

    def look(self, where: str, text: str | bytes) -> None:
        raw = text.encode() if isinstance(text, str) else text
        for what, value in self.planted.items():
            if any(spelling in raw for spelling in spellings(value)):
                self.seen.append((what, where))

    def ended(self, ended: Ended) -> Ended:
        self.look("output", ended.out + ended.err)
        return ended


def spellings(value: str) -> Iterator[bytes]:
    raw = value.encode()
    yield raw
    yield raw.hex().encode()
    for encoded in (b64encode(raw), urlsafe_b64encode(raw)):
        # The last group depends on what follows it.
        yield encoded[: len(encoded) // 4 * 4 - 4]


def everything_said(home: Path, canaries: Canaries) -> None:
    """Every command that shows people and what they hold, each as text, as JSON and with the log on stderr."""
    for command in (
        ("users", "list"), ("tokens", "list"), ("secrets", "list"), ("admin", "reads"), ("status",),
        ("config", "show"), ("secrets", "remove", "no.such", "--confirm", "no.such"),
        ("tokens", "revoke", "no.such"), ("users", "disable", "no.such"),
    ):  # fmt: skip
        for options in ((), ("--json", "-vv", "--log-format", "json")):
            canaries.ended(invest(*command, "--home", str(home), *options))


def every_error(home: Path, canaries: Canaries) -> None:
    """What the door and the vault say when they refuse, their causes included."""
    loaded = load_settings(home)
    with reception(loaded) as found:
        first = next(iter(found.directory.owners()))
        name = next(user.name for user in found.door.users(found.door.by_machine(first)))
        token = canaries.planted["token"]
        attempts = (
            lambda: found.door.login(name, GUESS, Visitor()),
            lambda: found.door.by_token(token + "x", address="192.0.2.1"),
            lambda: found.door.by_session(canaries.planted["session"] + "x"),
            lambda: found.door.change_password(found.door.by_machine(first), NEXT_PASSWORD),
            lambda: found.vault.open(first, "no.such"),
            lambda: found.vault.open(first, "secret-0"),
        )
        key_file = loaded.home / "secrets.key"
        kept = key_file.read_bytes()
        for change in (kept, kept[:-9] + b"AAAAAAA=\n", b"rubbish " + kept):
            key_file.chmod(0o600)
            key_file.write_bytes(change)
            key_file.chmod(0o400)
            for attempt in attempts:
                try:
                    attempt()
                except DeskError as error:
                    canaries.look("error", _whole(error))
        key_file.chmod(0o600)
        key_file.write_bytes(kept)
        key_file.chmod(0o400)


def _whole(error: BaseException | None) -> str:
    return "" if error is None else f"{error!r} {error} {_whole(error.__cause__)} {_whole(error.__context__)}"


def files_of(home: Path) -> Mapping[str, bytes]:
    """Every file of the home but the key's."""
    key = home / "secrets.key"
    files = (path for path in home.rglob("*") if path.is_file() and path != key)
    return {str(path.relative_to(home)): path.read_bytes() for path in files}


def use(home: Path, canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person sets passwords, tokens, secrets, logs in, and rotates the key."""
    told(monkeypatch, canaries.plant("first password", PASSWORD))
    canaries.ended(done(at(home, "users", "passwd", "--stdin")))
    told(monkeypatch, canaries.plant("password", NEXT_PASSWORD))
    canaries.ended(done(at(home, "users", "passwd", "--stdin")))
    canaries.plant("guess", GUESS)
    # A token is shown to whoever makes it, once.
    canaries.plant("token", done(at(home, "tokens", "add", "ci", "--scope", "read")).data["token"])
    with reception(load_settings(home)) as found:
        me = found.door.by_machine(found.directory.owners()[0])
        for number in range(SECRETS):
            value = canaries.plant(f"secret {number}", f"sk-canary-{number:02d}-{'zq' * (number + 3)}")
            canaries.look("repr", repr(found.vault.set(me, f"secret-{number}", value)))
    told(monkeypatch, canaries.plant("secret before", "sk-canary-retired-one"))
    done(at(home, "secrets", "set", "again", "--stdin"))
    keys = [KeyFile(home / "secrets.key").read()]
    told(monkeypatch, canaries.plant("secret after", "sk-canary-standing-one"))
    canaries.ended(done(at(home, "secrets", "set", "again", "--stdin")))
    canaries.ended(done(at(home, "secrets", "rotate")))
    keys.append(KeyFile(home / "secrets.key").read())
    for number, (key,) in enumerate(keys):
        canaries.plant(f"master key {number}", key.key.decode("latin-1"))
    with reception(load_settings(home)) as found:
        name = found.door.users(found.door.by_machine(found.directory.owners()[0]))[0].name
        opened = found.door.login(name, NEXT_PASSWORD, Visitor(client="a browser"))
        canaries.plant("session", opened.reference)
        canaries.look("repr", repr(opened))
        stepped = found.door.step_up(opened.reference, NEXT_PASSWORD, Visitor())
        canaries.plant("second session", stepped.reference)


def test_nothing_planted_is_found_on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_holder(monkeypatch, None)
    home, canaries = new_home(tmp_path), Canaries()
    use(home, canaries, monkeypatch)
    everything_said(home, canaries)
    every_error(home, canaries)
    as_holder(monkeypatch, canaries.planted["token"])
    everything_said(home, canaries)
    for name, content in files_of(home).items():
        canaries.look(name, content)
    with sqlite3.connect(home / "data" / "ledger.sqlite") as connection:
        dump = "\n".join(connection.iterdump())
    canaries.look("dump", dump)
    assert len(canaries.planted) >= 40
    assert canaries.seen == []
    assert "secret-0" in dump
    assert "$argon2id$" in dump


def test_nothing_planted_is_found_on_postgres(
    postgres: Server, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_holder(monkeypatch, None)
    home, canaries = postgres_home(tmp_path, postgres_url), Canaries()
    first = done(at(home, "users", "add", "ann", "--role", "admin")).data["first_password"]
    canaries.plant("password of the invitation", first)
    use(home, canaries, monkeypatch)
    everything_said(home, canaries)
    every_error(home, canaries)
    for name, content in files_of(home).items():
        canaries.look(name, content)
    dump = "\n".join(dumped(postgres, postgres_url))
    canaries.look("dump", dump)
    assert canaries.seen == []
    assert "secret-0" in dump


def dumped(server: Server, url: str) -> Iterator[str]:
    """Every row of every table, as a superuser sees it."""
    name = re.sub(r"[?#].*", "", url).rsplit("/", 1)[1]
    with psycopg.connect(server.admin_url_of(name)) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            for row in connection.execute(f'SELECT t::text FROM "{schema}"."{table}" t').fetchall():
                yield str(row[0])


def test_the_search_finds_what_was_not_sealed() -> None:
    canaries = Canaries()
    canaries.plant("secret", "sk-canary-value-of-it")
    for text in ("x sk-canary-value-of-it y", b"sk-canary-value-of-it".hex(), b64encode(b"sk-canary-value-of-it")):
        canaries.look("here", text)
    canaries.look("there", "nothing")
    assert canaries.seen == [("secret", "here")] * 3

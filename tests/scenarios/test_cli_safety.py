"""Backup, restore and audit as a person types them: what is said, what is made, and what is refused with which code."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.cli.running import Ended, invest


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one cycle; copied, never changed."""
    home = tmp_path_factory.mktemp("traded") / "home"
    assert invest("init", "--yes", "--account", "main", "--home", str(home)).code == 0
    assert invest("run", "main", "--home", str(home)).code == 0
    return home


@pytest.fixture
def home(traded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(traded, tmp_path / "home")
    monkeypatch.setenv("INVEST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def ok(*args: str) -> Ended:
    ended = invest(*args, "--json")
    assert ended.code == 0, ended.out + ended.err
    return ended


def refused(code: int, *args: str) -> str:
    ended = invest(*args, "--json")
    assert ended.code == code, ended.out + ended.err
    assert ended.document["ok"] is False
    return str(ended.document["errors"][0]["message"])


def test_a_backup_is_made_checked_and_restored(home: Path, tmp_path: Path) -> None:
    made = ok("backup", "--to", str(tmp_path / "out")).data
    place = made["place"]
    assert Path(place).parent == tmp_path / "out"
    assert made["manifest"]["with_keys"] is False
    checked = ok("backup", "--check", place).data
    assert (checked["holds"], checked["signed"]) == (True, True)
    restored = ok("restore", place, "--home", str(tmp_path / "new"), "--audit-key", str(home / "audit.key")).data
    assert restored["home"] == str(tmp_path / "new")
    assert restored["audit_rows"] == checked["audit_rows"] > 10
    one = ok("status", "--home", str(home)).data
    two = ok("status", "--home", str(tmp_path / "new")).data
    assert one["kill_switch"] is None
    assert "restored from a backup" in two["kill_switch"]
    assert ok("audit", "verify", "--home", str(tmp_path / "new")).data["holds"] is True


def test_without_a_place_it_lies_in_the_home_and_says_that_this_is_one_disk(home: Path) -> None:
    ended = ok("backup")
    assert Path(ended.data["place"]).parent == home / "backups"
    assert any("same disk" in warning for warning in ended.document["warnings"])
    assert "add them with --with-key" in invest("backup").out


def test_a_place_from_the_settings_is_used(home: Path, tmp_path: Path) -> None:
    with (home / "invest.yaml").open("a") as handle:
        handle.write(f"backup: {{to: {tmp_path / 'kept'}, keep: 1}}\n")
    first = ok("backup").data
    second = ok("backup").data
    assert second["removed"] == [first["place"]]
    assert [str(path) for path in (tmp_path / "kept").iterdir()] == [second["place"]]


def test_a_backup_is_made_while_cycles_run(home: Path, tmp_path: Path) -> None:
    places = []
    with subprocess.Popen(
        [sys.executable, "-m", "prudent", "run", "main", "--home", str(home)], stdout=subprocess.DEVNULL
    ) as other:
        while other.poll() is None:
            places.append(ok("backup", "--to", str(tmp_path / "out"), "--with-key").data["place"])
    assert other.returncode == 0
    assert len(places) >= 2
    for place in places[-4:]:
        assert ok("backup", "--check", place).data["holds"] is True


def test_a_restore_must_name_a_new_home(home: Path, tmp_path: Path) -> None:
    place = ok("backup", "--to", str(tmp_path / "out")).data["place"]
    assert "add --home FOLDER" in refused(2, "restore", place)
    assert "a restore over a live home is refused" in refused(2, "restore", place, "--home", str(home))
    assert ok("audit", "verify").data["holds"] is True


def test_a_damaged_backup_is_refused_and_makes_no_home(home: Path, tmp_path: Path) -> None:
    place = Path(ok("backup", "--to", str(tmp_path / "out")).data["place"])
    place.write_bytes(place.read_bytes()[:-2000])
    assert "take another" in refused(1, "backup", "--check", str(place))
    assert "take another" in refused(1, "restore", str(place), "--home", str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [("s3://", 2, "s3://BUCKET/PREFIX"), ("{file}", 1, "no backup could be made")],
)
def test_a_place_that_cannot_be_used_is_refused(home: Path, tmp_path: Path, place: str, code: int, said: str) -> None:
    (tmp_path / "file").write_text("no folder")
    assert said in refused(code, "backup", "--to", place.format(file=tmp_path / "file"))


def test_where_there_is_no_home_there_is_no_backup(tmp_path: Path) -> None:
    assert "no home at" in refused(3, "backup", "--home", str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.fixture
def bucket(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket that the home's settings name, at a server of this machine; gives the server's URL."""
    import boto3
    from moto.server import ThreadedMotoServer

    for name, value in (
        ("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.session.Session().client("s3", endpoint_url=url).create_bucket(Bucket="kept")
    with (home / "invest.yaml").open("a") as handle:
        handle.write(f"backup: {{to: 's3://kept/desk', endpoint: '{url}', keep: 2}}\n")
    yield url
    server.stop()


def test_backups_go_to_a_bucket_and_come_back_from_it(home: Path, bucket: str, tmp_path: Path) -> None:
    made = [ok("backup").data for _ in range(3)]
    assert made[2]["removed"] == [made[0]["place"]]
    assert made[2]["place"].startswith("s3://kept/desk/prudent-")
    assert not list((home / "backups").iterdir())
    assert ok("backup", "--check", made[2]["place"]).data["holds"] is True
    restored = ok("restore", made[2]["place"], "--home", str(tmp_path / "new"), "--endpoint", bucket).data
    assert restored["audit_rows"] > 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "new"]
    backups = [each for each in invest("doctor", "--json").data if each["name"] == "backup"]
    assert [each["status"] for each in backups] == ["pass"]
    assert "does not exist" in refused(
        1, "restore", made[0]["place"], "--home", str(tmp_path / "two"), "--endpoint", bucket
    )


def test_doctor_tells_of_a_missing_backup_and_of_every_file(home: Path) -> None:
    def found(name: str) -> dict[str, str]:
        (one,) = [each for each in invest("doctor", "--json").data if each["name"] == name]
        return dict(one)

    assert (found("backup")["status"], found("backup")["fix"]) == ("warn", "invest backup")
    assert {found(name)["status"] for name in ("ledger.sqlite", "venue.sqlite")} == {"pass"}
    ok("backup")
    assert found("backup")["status"] == "pass"


def test_an_anchor_is_kept_and_its_copy_shows_what_was_lost(home: Path, tmp_path: Path) -> None:
    """A whole home put back to an old copy holds by itself; only the anchors from elsewhere tell."""
    old = tmp_path / "old"
    shutil.copytree(home, old)
    ok("run", "main")
    line = ok("audit", "anchor", "--to", str(tmp_path / "elsewhere.log")).data
    assert line["copied_to"] == str(tmp_path / "elsewhere.log")
    assert ok("audit", "verify", "--anchors", str(tmp_path / "elsewhere.log")).data["holds"] is True
    shutil.rmtree(home)
    shutil.copytree(old, home)
    assert ok("audit", "verify").data["holds"] is True
    ended = invest("audit", "verify", "--anchors", str(tmp_path / "elsewhere.log"), "--json")
    assert ended.code == 7
    assert any("were cut off after the anchor" in each for each in ended.data["broken"])
    assert any("does not begin with the lines of" in each for each in ended.data["broken"])


def test_a_broken_link_is_named_and_not_anchored(home: Path) -> None:
    raw = sqlite3.connect(home / "data" / "ledger.sqlite")
    raw.execute("DROP TRIGGER audit_no_delete")
    raw.execute("DELETE FROM audit WHERE seq = 7")
    raw.commit()
    raw.close()
    assert "row 7 is missing" in refused(7, "audit", "verify")
    before = (home / "audit" / "anchors.log").read_bytes()
    assert "row 7 is missing" in refused(7, "audit", "anchor")
    assert (home / "audit" / "anchors.log").read_bytes() == before


def test_a_lost_key_has_a_way_out_that_the_chain_remembers(home: Path) -> None:
    (home / "audit.key").unlink()
    assert "invest audit anchor --renew" in refused(7, "audit", "verify")
    assert "add --reason" in refused(2, "audit", "anchor", "--renew")
    ok("audit", "anchor", "--renew", "--reason", "the disk with the key died")
    verified = ok("audit", "verify").data
    assert verified["anchor"]["seq"] == verified["rows"]
    raw = sqlite3.connect(home / "data" / "ledger.sqlite")
    (body,) = raw.execute("SELECT body FROM audit WHERE event = 'audit_key_renewed'").fetchone()
    raw.close()
    assert "the disk with the key died" in body
    assert list((home / "audit").glob("anchors-until-*.log"))

"""Backups in a bucket, through a real HTTP server that speaks S3: whole, compared, kept in number, refused in words."""

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.ledger.backup_home import AT, backed_up, build_home

from prudent.domain.errors import ConfigError, DeskError, InputError, StoreError, Temporary
from prudent.ledger import archive, buckets
from prudent.ledger.buckets import Bucket, is_bucket, place_of
from prudent.ledger.restore import Terms, restore_home

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def endpoint(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def client(endpoint: str) -> "Iterator[S3Client]":
    import boto3

    made: S3Client = boto3.client("s3", endpoint_url=endpoint)
    made.create_bucket(Bucket="kept")
    yield made
    for each in made.list_objects_v2(Bucket="kept").get("Contents", ()):
        made.delete_object(Bucket="kept", Key=each["Key"])
    made.delete_bucket(Bucket="kept")


@pytest.fixture
def bucket(client: "S3Client", endpoint: str) -> Bucket:
    return Bucket("s3://kept/desks/mine", endpoint=endpoint)


def test_a_backup_goes_up_and_comes_back_as_a_home(bucket: Bucket, endpoint: str, tmp_path: Path) -> None:
    made = backed_up(build_home(tmp_path / "home"), tmp_path / "out")
    url = bucket.upload(made.path)
    assert url == f"s3://kept/desks/mine/{made.path.name}"
    fetched = tmp_path / "fetched.tar.gz"
    Bucket(url, endpoint=endpoint).download(fetched)
    assert fetched.read_bytes() == made.path.read_bytes()
    assert restore_home(fetched, tmp_path / "new", Terms(at=AT)).chain_rows == 5


def test_the_server_itself_holds_the_checksum(bucket: Bucket, client: "S3Client", tmp_path: Path) -> None:
    path = tmp_path / "file.tar.gz"
    path.write_bytes(b"contents")
    bucket.upload(path)
    found = client.head_object(Bucket="kept", Key="desks/mine/file.tar.gz", ChecksumMode="ENABLED")
    assert found["ContentLength"] == 8
    assert found["Metadata"]["sha256"] == archive.digest_of(path).sha256
    assert found["ChecksumSHA256"]


def test_a_large_file_goes_up_in_parts(
    bucket: Bucket, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "SINGLE_BYTES_MAX", 1 << 20)
    path = tmp_path / "large.tar.gz"
    path.write_bytes(bytes(range(256)) * (40 << 10))
    url = bucket.upload(path)
    Bucket(url, endpoint=endpoint).download(tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_only_what_lies_right_under_the_prefix_is_named_and_deleted(bucket: Bucket, client: "S3Client") -> None:
    for key in ("desks/mine/a", "desks/mine/b", "desks/mine/deeper/c", "desks/mine-not/d", "e"):
        client.put_object(Bucket="kept", Key=key, Body=b"x")
    assert bucket.names() == ("a", "b")
    bucket.delete("a")
    assert bucket.names() == ("b",)
    assert len(client.list_objects_v2(Bucket="kept")["Contents"]) == 4


def test_a_bucket_without_a_prefix_names_its_own_objects(client: "S3Client", endpoint: str) -> None:
    client.put_object(Bucket="kept", Key="a", Body=b"x")
    client.put_object(Bucket="kept", Key="b/c", Body=b"x")
    assert Bucket("s3://kept", endpoint=endpoint).names() == ("a",)


def test_names_beyond_one_page_are_all_found(
    bucket: Bucket, client: "S3Client", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "PAGE_KEYS", 3)
    for number in range(10):
        client.put_object(Bucket="kept", Key=f"desks/mine/{number}", Body=b"")
    assert bucket.names() == tuple(map(str, range(10)))


def test_an_object_that_was_changed_there_is_not_taken(
    bucket: Bucket, client: "S3Client", endpoint: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.tar.gz"
    path.write_bytes(gzip.compress(b"contents"))
    url = bucket.upload(path)
    told = {"sha256": archive.digest_of(path).sha256}
    client.put_object(Bucket="kept", Key="desks/mine/file.tar.gz", Body=b"other", Metadata=told)
    with pytest.raises(StoreError, match="differs from what was put there"):
        Bucket(url, endpoint=endpoint).download(tmp_path / "back")


def test_an_upload_that_the_server_holds_otherwise_is_an_error(
    bucket: Bucket, client: "S3Client", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.tar.gz"
    path.write_bytes(b"contents")
    put = bucket._client.put_object

    def cut(**_told: object) -> object:
        """A server that loses the end and says that all is well."""
        return put(Bucket="kept", Key="desks/mine/file.tar.gz", Body=b"cont")

    monkeypatch.setattr(bucket._client, "put_object", cut)
    with pytest.raises(StoreError, match="must hold what was sent"):
        bucket.upload(path)


@pytest.mark.parametrize(
    ("url", "said"),
    [("s3://absent/x", "does not exist"), ("s3://kept/none.tar.gz", "does not exist")],
)
def test_what_is_not_there_is_named(
    client: "S3Client", endpoint: str, tmp_path: Path, url: str, said: str
) -> None:
    with pytest.raises(StoreError, match=said):
        Bucket(url, endpoint=endpoint).download(tmp_path / "back")
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_down_is_told_apart(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(buckets, "CONNECT_SECONDS_MAX", 1)
    with pytest.raises(Temporary, match="cannot be reached"):
        Bucket("s3://kept/x", endpoint=f"http://127.0.0.1:{port}").names()


def test_missing_credentials_say_what_to_set(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="AWS_ACCESS_KEY_ID"):
        Bucket("s3://kept/x", endpoint=server).names()


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///x", "S3/kept", "s3://user:secret@kept/x", "s3://kept/x?a=b", "http://kept"]
)
def test_a_url_that_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="s3://BUCKET/PREFIX"):
        place_of(url)


def test_an_endpoint_that_is_no_url_is_refused() -> None:
    with pytest.raises(DeskError, match=r"backup\.endpoint must be a URL"):
        Bucket("s3://kept/x", endpoint="somewhere")


def test_folders_and_buckets_are_told_apart() -> None:
    assert is_bucket("s3://kept/x")
    assert not is_bucket("/var/backups")

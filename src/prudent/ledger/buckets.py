"""Backups in an S3 bucket, or at any server that speaks S3; whole and compared after every transfer."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prudent.domain.errors import ConfigError, InputError, StoreError, Temporary
from prudent.ledger.archive import digest_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SCHEME = "s3://"
# One request up to here, whose checksum the server itself compares; larger ones go in parts.
SINGLE_BYTES_MAX = 1 << 30
PAGE_KEYS = 1000
CONNECT_SECONDS_MAX = 10
READ_SECONDS_MAX = 60
_DIGEST = "sha256"
_REFUSED = {
    "NoSuchBucket": "does not exist; make it or correct the URL", "404": "does not exist; correct the URL",
    "NoSuchKey": "does not exist; correct the URL", "AccessDenied": "may not be used with these credentials",
    "403": "may not be used with these credentials", "InvalidAccessKeyId": "does not know this access key",
    "SignatureDoesNotMatch": "does not accept this secret key", "QuotaExceeded": "is full",
}  # fmt: skip
_PASSING = frozenset({"500", "502", "503", "504", "InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout"})


def is_bucket(place: str) -> bool:
    return place.startswith(SCHEME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket and what the names of its objects begin with, or are."""

    bucket: str
    prefix: str

    def key(self, name: str) -> str:
        return f"{self.prefix.rstrip('/')}/{name}" if self.prefix.strip("/") else name

    def url(self, name: str) -> str:
        return f"{SCHEME}{self.bucket}/{self.key(name)}"


def place_of(url: str) -> Place:
    """The bucket of `s3://bucket/prefix`.

    Raises:
        InputError: the URL is written otherwise.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise InputError(f"a bucket must be written s3://BUCKET/PREFIX, was {url!r}; correct it")
    return Place(bucket=parts.netloc, prefix=parts.path.lstrip("/"))


class Bucket:
    """One bucket; credentials come from where every S3 tool finds them."""

    def __init__(self, url: str, *, endpoint: str | None = None) -> None:
        self.place = place_of(url)
        self._client = _client(endpoint)

    def upload(self, path: Path) -> str:
        """Put a file under its own name and compare what the server then holds; gives its URL.

        Raises:
            StoreError: the server refuses or holds something else.
            Temporary: it cannot be reached now.
        """
        member, key = digest_of(path), self.place.key(path.name)
        checksum = base64.b64encode(bytes.fromhex(member.sha256)).decode()
        url = self.place.url(path.name)
        with _plain_failures(url):
            single = member.size <= SINGLE_BYTES_MAX
            if single:
                with path.open("rb") as body:
                    self._client.put_object(
                        Bucket=self.place.bucket, Key=key, Body=body, ContentLength=member.size,
                        ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum, Metadata={_DIGEST: member.sha256},
                    )  # fmt: skip
            else:
                self._client.upload_file(
                    str(path), self.place.bucket, key,
                    ExtraArgs={"Metadata": {_DIGEST: member.sha256}, "ChecksumAlgorithm": "SHA256"},
                )  # fmt: skip
            found = self._client.head_object(Bucket=self.place.bucket, Key=key, ChecksumMode="ENABLED")
        # What servers tell of an object in parts is made of the parts' checksums, each compared when it arrived.
        same = not single or found.get("ChecksumSHA256", checksum) == checksum
        if found["ContentLength"] != member.size or found["Metadata"].get(_DIGEST) != member.sha256 or not same:
            raise StoreError(f"{url} must hold what was sent, holds something else; look at the bucket, then try again")
        return url

    def download(self, target: Path) -> None:
        """Get the object that the URL names, compared with the digest it was put with.

        Raises:
            StoreError: it is not there or differs.
            Temporary: the server cannot be reached now.
        """
        url = f"{SCHEME}{self.place.bucket}/{self.place.prefix}"
        with _plain_failures(url):
            answer = self._client.get_object(Bucket=self.place.bucket, Key=self.place.prefix)
            seal = hashlib.sha256()
            try:
                with target.open("xb") as handle:
                    for chunk in answer["Body"].iter_chunks(1 << 20):
                        seal.update(chunk)
                        handle.write(chunk)
            except OSError as error:
                raise StoreError(f"{url} could not be stored in {target.parent} ({error}); free space") from error
        told = answer["Metadata"].get(_DIGEST)
        if told is not None and told != seal.hexdigest():
            raise StoreError(f"{url} differs from what was put there; take another backup")

    def names(self) -> tuple[str, ...]:
        """Names of the objects right under the prefix."""
        start = self.place.key("")
        found: list[str] = []
        with _plain_failures(self.place.url("")):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.place.bucket, Prefix=start, Delimiter="/", PaginationConfig={"PageSize": PAGE_KEYS}
            ):
                found += [each["Key"].removeprefix(start) for each in page.get("Contents", ())]
        return tuple(found)

    def delete(self, name: str) -> None:
        with _plain_failures(self.place.url(name)):
            self._client.delete_object(Bucket=self.place.bucket, Key=self.place.key(name))


def _client(endpoint: str | None) -> "S3Client":
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise ConfigError("an s3:// URL needs the extra `s3`, not installed; pip install 'prudent[s3]'") from error
    from botocore.exceptions import BotoCoreError

    settings = Config(
        connect_timeout=CONNECT_SECONDS_MAX, read_timeout=READ_SECONDS_MAX,
        retries={"mode": "standard", "max_attempts": 3},
        # Servers that only speak S3 often know buckets by path alone.
        s3={"addressing_style": "path" if endpoint else "auto"},
    )  # fmt: skip
    try:
        # A session of its own, for the one of the library keeps the first credentials it finds.
        client: S3Client = boto3.session.Session().client("s3", endpoint_url=endpoint, config=settings)
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"backup.endpoint must be a URL such as https://host:9000 ({error}); correct it") from error
    return client


@contextmanager
def _plain_failures(url: str) -> Iterator[None]:
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,
        HTTPClientError,
        IncompleteReadError,
        NoCredentialsError,
        NoRegionError,
    )

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _PASSING:
            raise Temporary(f"{url} cannot be used now ({code}); try again") from error
        raise StoreError(f"{url} {_REFUSED.get(code, f'was refused ({code})')}; nothing was changed") from error
    except (NoCredentialsError, NoRegionError) as error:
        raise ConfigError(
            f"{url} needs credentials and a region; set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or a "
            "profile"
        ) from error
    except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
        raise Temporary(f"{url} cannot be reached ({type(error).__name__}); check backup.endpoint") from error
    except BotoCoreError as error:
        raise StoreError(f"{url} could not be used ({error}); nothing was changed") from error

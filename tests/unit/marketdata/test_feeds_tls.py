"""Feeds over https: a server is believed by the name that was asked for, and by nothing else."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.unit.marketdata.feed_server import Publisher, document, publisher, redirect

from prudent.domain.errors import Temporary
from prudent.marketdata import feeds
from prudent.marketdata.feeds import FeedReader

HOST = "news.example.org"
START = datetime(2020, 1, 1, tzinfo=UTC)


def certificate(folder: Path) -> Path:
    """A certificate of `HOST` with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(START).not_valid_after(START + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "pair.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    pair = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(pair))
    monkeypatch.setattr(feeds, "_context", lambda: trusting)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(pair)
    with publisher(own) as found:
        yield found


def read(url: str, *hosts: str) -> bytes:
    return FeedReader(
        hosts=frozenset(hosts or (HOST,)), seconds=5, resolve=lambda host, port: ("127.0.0.1",),
        is_public=lambda address: True,
    ).read(url)  # fmt: skip


def test_a_feed_is_read_from_the_server_that_has_the_name(paper: Publisher) -> None:
    paper.answers["/feed"] = document(b"<rss/>")
    assert read(f"https://{HOST}:{paper.port}/feed") == b"<rss/>"
    assert paper.headers[0]["Host"] == f"{HOST}:{paper.port}"


def test_a_server_of_another_name_is_not_believed(paper: Publisher) -> None:
    with pytest.raises(Temporary, match="SSLCertVerificationError"):
        read(f"https://other.example.org:{paper.port}/feed", "other.example.org")
    assert paper.asked == []


def test_a_redirect_from_https_to_http_is_not_followed(paper: Publisher) -> None:
    paper.answers["/feed"] = redirect(f"http://{HOST}:{paper.port}/plain")
    with pytest.raises(Temporary, match="from https to http"):
        read(f"https://{HOST}:{paper.port}/feed")
    assert paper.asked == ["/feed"]

"""The signed webhook against a real server: what arrives, what its signature proves, and what is refused."""

import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator

import pytest
from tests.fakes_clock import SteppedClock
from tests.unit.notify.build import MONDAY, notice
from tests.unit.notify.receiver import Receiver, receiving

from prudent.domain.errors import ConfigError, Permanent, Temporary
from prudent.notify.webhook import Webhook, signature

SECRET = "a-long-random-secret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def webhook(url: str, *, seconds: float = 10.0) -> Webhook:
    return Webhook(url=url, secret=SECRET, clock=SteppedClock(MONDAY), seconds=seconds)


def test_the_notice_arrives_whole(receiver: Receiver) -> None:
    webhook(receiver.url + "?team=a").send(notice(), 7)
    (got,) = receiver.received
    assert got.path == "/hook?team=a"
    assert got.document == {
        "schema_version": 1, "id": 7, "event": "order.blocked", "severity": "warning",
        "at": "2022-11-28T15:00:00.000000Z", "account": "core", "mode": "PAPER", "title": "1 order blocked",
        "lines": ["BUY 10 AAPL: too heavy"], "amount": "1500.25", "currency": "USD",
        "reason": "P08 MaxPositionWeight", "subject": "core/1/1/P08", "cycle": "core/1/1",
    }  # fmt: skip


def test_the_signature_covers_time_and_body(receiver: Receiver) -> None:
    webhook(receiver.url).send(notice(), 7)
    (got,) = receiver.received
    # 2022-11-28 15:00 UTC is 1669647600 seconds after 1970.
    expected = hmac.new(SECRET.encode(), b"1669647600." + got.body, hashlib.sha256).hexdigest()
    assert got.headers["Prudent-Signature"] == f"t=1669647600,v1={expected}"
    assert signature(SECRET, got.body, unix=1669647600) != signature(SECRET, got.body, unix=1669647601)


def test_the_secret_is_not_sent(receiver: Receiver) -> None:
    webhook(receiver.url).send(notice(), 7)
    (got,) = receiver.received
    assert SECRET.encode() not in got.body
    assert SECRET not in str(got.headers)


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_may_pass_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(Temporary):
        webhook(receiver.url).send(notice(), 1)


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_what_will_not_pass_is_given_up(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(Permanent):
        webhook(receiver.url).send(notice(), 1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_an_inner_address_is_not_followed(receiver: Receiver, status: int) -> None:
    with receiving() as inner:
        receiver.answers, receiver.location = [status], inner.url
        with pytest.raises(Permanent, match="redirect"):
            webhook(receiver.url).send(notice(), 1)
        assert inner.received == []


def test_nobody_there_is_temporary_and_says_no_secret() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Temporary) as caught:
        webhook(f"http://user:pa55word@127.0.0.1:{port}/T0KEN12345").send(notice(), 1)
    assert "pa55word" not in str(caught.value)
    assert "T0KEN12345" not in str(caught.value)


def test_a_receiver_that_never_answers_is_left(receiver: Receiver) -> None:
    receiver.hold = threading.Event()
    with pytest.raises(Temporary):
        webhook(receiver.url, seconds=0.3).send(notice(), 1)


def test_a_receiver_that_answers_byte_by_byte_is_left(receiver: Receiver) -> None:
    receiver.drips = True
    done = threading.Event()

    def send() -> None:
        with pytest.raises(Temporary):
            webhook(receiver.url, seconds=0.4).send(notice(), 1)
        done.set()

    threading.Thread(target=send, daemon=True).start()
    assert done.wait(5), "the whole of it must end, not each read"


@pytest.mark.parametrize("url", ["ftp://example.org/x", "file:///etc/passwd", "http://", "example.org", "gopher://a"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="http"):
        webhook(url)


def test_a_line_break_in_the_url_cannot_add_a_header(receiver: Receiver) -> None:
    with pytest.raises((Temporary, Permanent)):
        webhook(receiver.url + "\r\nX-Evil: 1 /").send(notice(), 1)
    assert all("X-Evil" not in got.headers for got in receiver.received)

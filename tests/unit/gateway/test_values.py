"""Fields and frames: every spelling of "not set" is read, and what cannot be read is said."""

from decimal import Decimal

import pytest

from prudent.gateway import wire
from prudent.gateway.values import UNSET_TEXT, BadField, Form, read, write


@pytest.mark.parametrize(
    "text",
    ["", "1.7976931348623157e+308", "1.7976931348623157E308", "2147483647", "9223372036854775807", str(2**127 - 1)],
)
def test_every_spelling_of_not_set_is_none(text: str) -> None:
    assert read(Form.AMOUNT, text) is None
    assert read(Form.MAYBE, text) is None
    assert read(Form.WHOLE, text) == 0


@pytest.mark.parametrize("text", ["Infinity", "Infinite", "inf"])
def test_infinity_is_a_number_of_its_own(text: str) -> None:
    value = read(Form.AMOUNT, text)
    assert value == Decimal("Infinity")
    assert write(Form.AMOUNT, value) == "Infinity"


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (Form.AMOUNT, "100.0", Decimal(100)), (Form.AMOUNT, "1e-5", Decimal("0.00001")), (Form.WHOLE, "7.0", 7),
        (Form.MAYBE, "-1", -1), (Form.FLAG, "1", True), (Form.FLAG, "", False), (Form.FLAG, "0", False),
        (Form.TEXT, "STP LMT", "STP LMT"),
    ],
)  # fmt: skip
def test_a_field_is_read_as_what_its_place_demands(form: Form, text: str, value: object) -> None:
    assert read(form, text) == value


@pytest.mark.parametrize(
    ("form", "text"),
    [(Form.AMOUNT, "NaN"), (Form.AMOUNT, "ten"), (Form.WHOLE, "1.5"), (Form.FLAG, "2"), (Form.NUMBER, "")],
)
def test_a_field_that_says_something_else_is_refused(form: Form, text: str) -> None:
    with pytest.raises(BadField):
        read(form, text)


def test_unknown_is_written_as_its_form_demands() -> None:
    assert write(Form.AMOUNT, None) == ""
    assert write(Form.PRICE, None) == UNSET_TEXT
    with pytest.raises(BadField):
        write(Form.NUMBER, None)


def test_numbers_are_written_plainly() -> None:
    said = [write(Form.AMOUNT, Decimal(text)) for text in ("1E+2", "0.10", "-0", "-1.50")]
    assert said == ["100", "0.1", "0", "-1.5"]


def test_a_frame_is_its_length_and_fields_that_end_in_zero() -> None:
    assert wire.frame(["4", "", "x"]) == b"\0\0\0\5" + b"4\0\0x\0"
    assert wire.split(b"4\0\0x\0") == ["4", "", "x"]


def test_what_is_not_ascii_arrives_escaped_and_clients_read_it_back() -> None:
    sent = wire.frame(["Société\0"])[4:].decode("ascii")
    assert sent.rstrip("\0").encode().decode("unicode-escape") == "Société "


@pytest.mark.parametrize("head", [b"\0\0\0\0", b"\1\0\0\0", b"GET "])
def test_a_length_that_no_frame_has_is_refused(head: bytes) -> None:
    with pytest.raises(wire.BadFrame):
        wire.length(head)


@pytest.mark.parametrize(
    ("payload", "said"),
    [(b"v157..178", (157, 178)), (b"v100..226 +PACEAPI", (100, 226)), (b"v76", (76, 76)), (b"v157..178\0", (157, 178))],
)
def test_a_client_names_its_versions(payload: bytes, said: tuple[int, int]) -> None:
    assert wire.versions(payload) == said


@pytest.mark.parametrize("payload", [b"", b"hello", b"v..178", b"v1.5"])
def test_a_first_frame_without_versions_is_refused(payload: bytes) -> None:
    with pytest.raises(wire.BadFrame):
        wire.versions(payload)

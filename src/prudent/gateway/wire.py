"""Frames and fields: four bytes of length, then ASCII fields that each end in a zero byte."""

import struct
from collections.abc import Iterable

PREFIX = b"API\0"
LENGTH = struct.Struct(">I")
FRAME_MAX = 0xFFFFFF


class BadFrame(ValueError):
    """What arrived is no frame of this protocol; the connection that sent it is closed."""


def frame(fields: Iterable[str]) -> bytes:
    """The fields as one frame, ready to be written."""
    fields = tuple(fields)
    text = "\0".join((*fields, ""))
    if not text.isascii() or text.count("\0") != len(fields):
        text = "\0".join((*map(clean, fields), ""))
    payload = text.encode("ascii")
    return LENGTH.pack(len(payload)) + payload


def length(head: bytes) -> int:
    """The length that the four bytes before a frame announce; `BadFrame` if no frame can have it."""
    (size,) = LENGTH.unpack(head)
    if not 0 < size <= FRAME_MAX:
        raise BadFrame(f"a frame must have 1 to {FRAME_MAX} bytes, was announced with {size}")
    return int(size)


def split(payload: bytes) -> list[str]:
    """The fields of a frame's payload; bytes that are not ASCII are kept in escaped form."""
    text = payload.decode("ascii", errors="backslashreplace")
    if not text.endswith("\0"):
        raise BadFrame("the last field of a frame must end in a zero byte")
    return text[:-1].split("\0")


def clean(text: str) -> str:
    """`text` as a field can carry it: ASCII without zero bytes.

    Clients undo backslash escapes in messages and names, so what is not ASCII arrives as it was.
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", " ").encode("ascii", errors="backslashreplace").decode("ascii")


def versions(payload: bytes) -> tuple[int, int]:
    """The lowest and highest version of a client's first frame, e.g. `v157..178 +PACEAPI`."""
    words = payload.decode("ascii", errors="replace").strip("\0 ").split()
    low, _, high = (words[0] if words else "").removeprefix("v").partition("..")
    if not words or not words[0].startswith("v") or not low.isdigit() or not (high or low).isdigit():
        raise BadFrame(f"the first frame must name versions as v157..178, was {payload[:40]!r}")
    return int(low), int(high or low)

"""Messages made up from their own tables, and what the installed client library makes of them."""

import asyncio
import dataclasses
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from random import Random
from types import FrameType
from typing import Any, cast

from ib_async.client import Client
from ib_async.decoder import Decoder
from ib_async.wrapper import Wrapper

from prudent.gateway import wire
from prudent.gateway.codec.rows import Fixed, Many, Row, Rows, Table, Values, When
from prudent.gateway.values import Form

VERSIONS = range(157, 179)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcxyz0123456789 .;:=-/"
# Fields whose words decide which fields follow, or that a client reads as more than text.
_CHOICES: dict[str, Sequence[Any]] = {
    "secType": ("STK", "BAG", "FUT"),
    "exchange": ("SMART", "IBKRATS"),
    "orderType": ("LMT", "PEG BENCH", "PEG BEST", "PEG MID"),
    "condType": (1, 3, 4, 5, 6, 7),
    "competeAgainstBestOffset": (Decimal("Infinity"), Decimal("0.02"), None),
    "deltaNeutralOrderType": ("", "None", "LMT"),
    "hedgeType": ("", "D"),
    "algoStrategy": ("", "Adaptive"),
    "time": ("20261120 10:00:00 US/Eastern",),
    "execId": ("0001.0002.01",),
    "multiplier": ("", "100"),
}
_TICK_BY_TICK = (1, 2, 3, 4)


def message(table: Table, version: int, random: Random) -> Values:
    """Values for each field that `table` has at `version`."""
    values: Values = {}
    _make(table, table.rows, version, random, values)
    return values


def _make(table: Table, rows: Rows, version: int, random: Random, values: Values) -> None:
    for row in rows:
        if not row.since <= version <= row.until:
            continue
        match row:
            case Row() if row.name not in values:
                values[row.name] = _value(table, row, random)
            case Many():
                values[row.name] = list(_groups(table, row, version, random))
            case When() if row.holds(values):
                _make(table, row.rows, version, random, values)
            case Fixed() | Row() | When():
                pass


def _groups(table: Table, row: Many, version: int, random: Random) -> Iterator[Values]:
    for _ in range(random.randrange(3)):
        group: Values = {}
        _make(table, row.rows, version, random, group)
        yield group


def _value(table: Table, row: Row, random: Random) -> Any:
    if row.name == "tickType" and table.name == "tickByTick":
        return random.choice(_TICK_BY_TICK)
    if (row.name in _CHOICES and row.form in (Form.TEXT, Form.AMOUNT)) or row.name == "condType":
        return random.choice(_CHOICES[row.name])
    return _MADE[row.form](random)


def _number(random: Random) -> Decimal:
    return Decimal(random.randrange(-(10**9), 10**9)).scaleb(-random.randrange(7))


_MADE: dict[Form, Callable[[Random], Any]] = {
    Form.TEXT: lambda random: "".join(random.choice(_LETTERS) for _ in range(random.randrange(8))),
    Form.WHOLE: lambda random: random.randrange(-10, 10**9),
    Form.MAYBE: lambda random: random.choice((None, random.randrange(10**6))),
    Form.NUMBER: _number,
    Form.AMOUNT: lambda random: random.choice((None, _number(random))),
    Form.PRICE: lambda random: random.choice((None, _number(random))),
    Form.FLAG: lambda random: random.random() < 0.5,
}


class Recorder:
    """Takes every call of the library's decoder and remembers it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.defaultTimezone = None
        self.ib = None

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.calls.append((name, arguments))


class _Loud:
    def exception(self, message: str, *arguments: object) -> None:
        raise AssertionError(message) from sys.exc_info()[1]


def as_the_client_reads(fields: list[str], version: int) -> tuple[list[tuple[str, tuple[Any, ...]]], int]:
    """What the library's decoder calls for a message, and how many of its fields it left unread."""
    recorder = Recorder()
    decoder = Decoder(cast(Wrapper, recorder), version)
    decoder.logger = cast(logging.Logger, _Loud())
    left: list[int] = []

    def on_return(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame.f_code.co_filename.endswith("ib_async/decoder.py"):
            left.extend(_unread(frame))

    sys.setprofile(on_return)
    try:
        decoder.interpret(list(fields))
    finally:
        sys.setprofile(None)
    return recorder.calls, max(left, default=0)


def _unread(frame: FrameType) -> Iterator[int]:
    """The fields that a returning function of the decoder holds and did not read.

    It either takes them off `fields` one after another, or walks an iterator, or reads them by a list of types.
    """
    known = frame.f_locals
    name = frame.f_code.co_name
    if name == "handler":
        yield len(known["fields"]) - known["skip"] - len(known["types"])
    elif "get" in known:
        yield known["get"].__self__.__length_hint__()
    elif name in ("openOrder", "completedOrder", "execDetails", "contractDetails", "errorMsg", "symbolSamples"):
        yield len(known["fields"])
    elif name == "securityDefinitionOptionParameter":
        yield len(known["fields"]) - 1 - known["n"] - int(known["fields"][known["n"]])


class Quill:
    """The library's client with its socket taken away: gives the fields of what it would have written."""

    def __init__(self, version: int) -> None:
        self.client = Client(Recorder())
        self.client.connState = Client.CONNECTED
        self.client._serverVersion = version
        self.client.MaxRequests = 0
        self.client.clientId = 7
        self._frames: list[bytes] = []
        vars(self.client.conn)["sendMsg"] = self._frames.append

    def fields(self, name: str, *arguments: Any) -> list[str]:
        """What the request `name` of the library writes."""
        self._frames.clear()
        loop = asyncio.new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            getattr(self.client, name)(*arguments)
        finally:
            asyncio.set_event_loop(None)
            loop.close()
        (sent,) = self._frames
        assert wire.length(sent[:4]) == len(sent) - 4
        return wire.split(sent[4:])


def filled_in(made: Any, random: Random) -> Any:
    """A dataclass of the library with each plain field set to something of its default's type."""
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        if isinstance(value, bool):
            setattr(made, field.name, random.random() < 0.5)
        elif isinstance(value, int):
            setattr(made, field.name, random.randrange(1, 1000))
        elif isinstance(value, float):
            setattr(made, field.name, random.randrange(1, 10**6) / 64)
        elif isinstance(value, str) and random.random() < 0.5:
            setattr(made, field.name, _MADE[Form.TEXT](random).replace("\\", ""))
    return made

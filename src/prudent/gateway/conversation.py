"""What a client and a gateway said to each other, kept in a file: only what is understood, without names."""

import json
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from prudent.domain.errors import InputError
from prudent.domain.records import Json
from prudent.gateway.codec.answers import ANSWERS
from prudent.gateway.codec.requests import REQUESTS
from prudent.gateway.codec.rows import Fixed, Many, Row, Rows, Table, When
from prudent.gateway.values import BadField, Form, read

FORMAT, FORMAT_VERSION = "tws-conversation", 1
MASKED = "masked"
# Fields in which a person, a firm or a group may be named.
PERSONAL = frozenset({
    "branding", "capabilities", "clearingAccount", "deltaNeutralClearingAccount", "deltaNeutralDesignatedLocation",
    "deltaNeutralSettlingFirm", "designatedLocation", "extOperator", "faGroup", "faMethod", "faPercentage",
    "faProfile", "familyCode", "group", "mifid2DecisionAlgo", "mifid2DecisionMaker", "mifid2ExecutionAlgo",
    "mifid2ExecutionTrader", "model", "modelCode", "settlingFirm", "shareholder", "softDollarName", "softDollarShown",
    "softDollarValue", "xml",
})  # fmt: skip
_ACCOUNT = re.compile(r"(?<![A-Za-z0-9])(D?[UFI])(\d{4,})(?![0-9])")
_BY_NUMBER = {table.id: table for table in ANSWERS.values()}


class Speaker(StrEnum):
    CLIENT = "client"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message as it is kept. `blank` where nothing but its number and length could be, for no table knows it.

    The first two lines of a connection are the client's versions and the gateway's answer.
    """

    connection: int
    speaker: Speaker
    fields: tuple[str, ...]
    blank: bool = False

    def to_json(self) -> dict[str, Json]:
        said: dict[str, Json] = {
            "connection": self.connection, "from": str(self.speaker), "fields": list(self.fields),
        }  # fmt: skip
        return said | ({"blank": True} if self.blank else {})


class Masks:
    """Takes the place of account ids, the same one for the same id, with its letters kept: `DU7654321` is `DU0000001`.

    They tell paper from live, and a test must go on telling them apart.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def fields(self, speaker: Speaker, fields: Sequence[str], version: int) -> tuple[tuple[str, ...], bool]:
        """The fields of a message as they may be kept, and whether all but its number was taken out."""
        number = int(fields[0]) if fields and fields[0].isdigit() else -1
        table = (REQUESTS if speaker is Speaker.CLIENT else _BY_NUMBER).get(number)
        try:
            names = None if table is None else dict(places(table, fields, version))
        except BadField:
            names = None
        if names is None:
            return (fields[0] if number >= 0 else "", *("" for _ in fields[1:])), True
        kept = [self.text(each) for each in fields]
        for place, name in names.items():
            if name in PERSONAL and kept[place] not in ("", "All"):
                kept[place] = MASKED
        return tuple(kept), False

    def text(self, text: str) -> str:
        """`text` with each account id in it replaced."""
        return _ACCOUNT.sub(self._masked, text)

    def _masked(self, found: re.Match[str]) -> str:
        return self._known.setdefault(found[0], f"{found[1]}{len(self._known) + 1:07d}")


def places(table: Table, fields: Sequence[str], version: int) -> Generator[tuple[int, str], None, None]:
    """Where each field of a message stands, with its name; empty for one that says nothing.

    Raises:
        BadField: the message is not what its table says.
    """
    end = yield from _walk(table.rows, fields, version, 1, {})
    if end != len(fields):
        raise BadField(f"{table.name} has {len(fields) - end} fields too many at version {version}")


def _walk(
    rows: Rows, fields: Sequence[str], version: int, at: int, values: dict[str, Any]
) -> Generator[tuple[int, str], None, int]:
    for row in rows:
        if not row.since <= version <= row.until:
            continue
        match row:
            case Row():
                values[row.name] = _value(fields, at, row.form)
                yield at, row.name
                at += 1
            case Fixed():
                yield at, ""
                at += 1
            case Many():
                count = int(_value(fields, at, Form.WHOLE))
                yield at, row.name
                at += 1
                for _ in range(count):
                    at = yield from _walk(row.rows, fields, version, at, {})
                values[row.name] = [None] * count
            case When():
                if row.holds(values):
                    at = yield from _walk(row.rows, fields, version, at, values)
    return at


def _value(fields: Sequence[str], at: int, form: Form) -> Any:
    if at >= len(fields):
        raise BadField("the message ends early")
    return read(form, fields[at])


class Recorder:
    """Writes lines as they are said; each is on the disk's way before the next one."""

    def __init__(self, file: TextIO) -> None:
        self.masks = Masks()
        self.count = self.blank = 0
        self._file = file
        self._write({"format": FORMAT, "version": FORMAT_VERSION})

    def hello(self, connection: int, speaker: Speaker, fields: Sequence[str]) -> None:
        """The handshake: the client's versions, or the gateway's version and time."""
        self._keep(Line(connection=connection, speaker=speaker, fields=tuple(fields)))

    def said(self, connection: int, speaker: Speaker, fields: Sequence[str], version: int) -> None:
        kept, blank = self.masks.fields(speaker, fields, version)
        self._keep(Line(connection=connection, speaker=speaker, fields=kept, blank=blank))

    def _keep(self, line: Line) -> None:
        self.count += 1
        self.blank += line.blank
        self._write(line.to_json())

    def _write(self, document: Mapping[str, Json]) -> None:
        self._file.write(json.dumps(document, ensure_ascii=True) + "\n")
        self._file.flush()


def conversation(path: Path) -> tuple[Line, ...]:
    """The lines of a recorded conversation.

    Raises:
        InputError: the file is none, or of another version.
    """
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
        head, *said = rows
        if head != {"format": FORMAT, "version": FORMAT_VERSION}:
            raise ValueError(f"it begins with {str(head)[:60]}")
        return tuple(
            Line(
                connection=int(row["connection"]), speaker=Speaker(row["from"]),
                fields=tuple(map(str, row["fields"])), blank=bool(row.get("blank")),
            )
            for row in said
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} must be a recorded conversation, but {error}; record it again") from error

"""What a command answers: data for machines, blocks of text and tables for people, and an exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from prudent.domain.errors import DeskError
from prudent.domain.records import Json, encode

SCHEMA_VERSION = 1
UNKNOWN = "—"
DONE, CHANGES_PROPOSED, PARTIAL = 0, 10, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headings; a heading that begins with `>` is right-aligned, `empty` is said when there is no row."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    empty: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One entry of the envelope's `errors`."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`data` may hold any record type: it is encoded with money as strings and times in UTC.

    `raw` is text for another program; it is written as it is, instead of `blocks`.
    """

    data: object = None
    blocks: Sequence[str | Table] = ()
    raw: str | None = None
    warnings: Sequence[str] = ()
    errors: Sequence[Problem] = ()
    exit_code: int = DONE
    dry_run: bool = False

    @property
    def ok(self) -> bool:
        return self.exit_code in (DONE, CHANGES_PROPOSED)

    def envelope(self, command: str) -> dict[str, Json]:
        """The one JSON document of a command."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": command,
            "ok": self.ok,
            "data": encode(self.data),
            "warnings": list(self.warnings),
            "errors": [encode(each) for each in self.errors],
        }


def failed(error: DeskError) -> Answer:
    """The answer of a command that raised."""
    return Answer(errors=(Problem(code=error.code, message=str(error)),), exit_code=error.exit_code)


def money(value: object) -> str:
    """`1,234.50`; a dash when unknown."""
    return UNKNOWN if not _known(value) else f"{_decimal(value):,.2f}"


def percent(value: object) -> str:
    """A fraction as `12.34 %`; a dash when unknown."""
    return UNKNOWN if not _known(value) else f"{_decimal(value) * 100:.2f} %"


def quantity(value: object) -> str:
    """A quantity without trailing zeros."""
    return UNKNOWN if not _known(value) else format(_decimal(value).normalize(), "f")


def moment(value: datetime | None) -> str:
    """A time as `2022-11-28 15:00` UTC; a dash when unknown."""
    return UNKNOWN if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _decimal(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _known(value: object) -> bool:
    return value is not None and _decimal(value).is_finite()

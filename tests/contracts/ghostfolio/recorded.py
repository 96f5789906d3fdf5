"""What three real servers answered, word for word but for lengths: one file a version, one line an exchange."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

VERSIONS = ("2.247.0", "3.4.0", "3.58.0")
NEWEST = VERSIONS[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One recorded question with its answer; `silent` where none ever came, `empty` where the body was empty."""

    label: str
    method: str
    path: str
    request: Any = None
    status: int = 0
    answer: Any = None
    silent: bool = False
    empty: bool = False
    retry_after: str = ""
    type: str = "application/json; charset=utf-8"

    @property
    def body(self) -> bytes:
        return b"" if self.empty else json.dumps(self.answer).encode()


@cache
def recorded(version: str) -> Mapping[str, Exchange]:
    """The exchanges of one version by label; what only the newest was asked stands for all."""
    found = _of(NEWEST)
    return {**{each.label: each for each in found}, **{each.label: each for each in _of(version)}}


def exchanges(version: str) -> tuple[Exchange, ...]:
    """Those of that version alone, in the order in which they were recorded."""
    return _of(version)


@cache
def _of(version: str) -> tuple[Exchange, ...]:
    path = Path(__file__).with_name(f"recorded-{version}.json")
    return tuple(Exchange(**each) for each in json.loads(path.read_text(encoding="utf-8"))["exchanges"])

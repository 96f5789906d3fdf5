"""What a backtest was asked for, kept beside its ledger, so that the same can be asked again."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from prudent.backtest.request import Request
from prudent.domain.errors import StoreError
from prudent.domain.records import Json, canonical, decode, encode
from prudent.settings import ScheduleSettings

REQUEST_FILE = "request.json"


def packed(request: Request) -> dict[str, Json]:
    """A request as plain values."""
    return {
        "request": encode(replace(request, schedule=())),
        "schedule": [each.model_dump(mode="json") for each in request.schedule],
    }


def unpacked(kept: dict[str, Any]) -> Request:
    """The request again; raises ValueError, KeyError or TypeError where that is not one."""
    schedule = tuple(ScheduleSettings.model_validate(each) for each in kept["schedule"])
    return replace(decode(Request, kept["request"]), schedule=schedule)


def keep_request(request: Request, folder: Path) -> None:
    """Keep it in the backtest's folder; the file is whole or not there."""
    part = folder / (REQUEST_FILE + ".part")
    part.write_bytes(canonical(packed(request)))
    part.replace(folder / REQUEST_FILE)


def kept_request(folder: Path) -> Request | None:
    """The request of the backtest in that folder; None for one that was made before requests were kept.

    Raises:
        StoreError: the file cannot be read.
    """
    path = folder / REQUEST_FILE
    if not path.is_file():
        return None
    try:
        return unpacked(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} must be readable, was not: {error}; run the backtest again") from error

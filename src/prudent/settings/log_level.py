"""What a configuration may say about logs: from which level on a line is written to the home's log files."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from prudent.settings.strict import Strict

# As other programs spell the same.
_SPELT = {"trace": "debug", "verbose": "debug", "warn": "warning", "critical": "error", "fatal": "error"}


def _level(value: object) -> object:
    text = str(value).strip().lower()
    return _SPELT.get(text, text)


class LogSettings(Strict):
    """`level` is the least that is written; what `-v` shows on the screen is another matter."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_level)] = "info"

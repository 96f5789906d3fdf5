"""Secrets that the environment holds under a name of their own: the variable itself, or a file that it names."""

import os
from collections.abc import Mapping
from pathlib import Path

from prudent.domain.errors import ConfigError


def environment_secret(name: str, *, environ: Mapping[str, str] | None = None) -> str | None:
    """The value of variable `name`, or the text of the file that `name_FILE` names; None where neither is set.

    Raises:
        ConfigError: both are set, or the file cannot be read or is empty.
    """
    env = os.environ if environ is None else environ
    value, path = env.get(name, "").strip(), env.get(f"{name}_FILE", "")
    if value and path:
        raise ConfigError(f"either {name} or {name}_FILE must be set, were both; unset one")
    if not path:
        return value or None
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}_FILE must name a readable file, but {error}; correct the path") from error
    if not value:
        raise ConfigError(f"{name}_FILE must name a file with a value, {path} is empty; write it there")
    return value

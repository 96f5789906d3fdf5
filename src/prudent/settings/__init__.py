"""Settings of a home, typed and strict, each key with its origin; the only place that reads the environment."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from prudent.domain.errors import ConfigError, InputError
from prudent.domain.records import Json
from prudent.settings.accounts import ACCOUNT_ID, AccountSettings, ScheduleSettings, parse_fraction, plain_json
from prudent.settings.channels import NotifySettings
from prudent.settings.gateways import IbkrSettings
from prudent.settings.log_level import LogSettings
from prudent.settings.models import (
    SCHEMA_VERSION,
    BackupSettings,
    ClockSettings,
    DataSettings,
    Settings,
    SwitchSettings,
)
from prudent.settings.sources import Found, explain, is_secret

REDACTED = "REDACTED"

__all__ = [
    "REDACTED", "SCHEMA_VERSION", "AccountSettings", "BackupSettings", "ClockSettings", "DataSettings",
    "IbkrSettings", "Loaded", "LogSettings", "NotifySettings", "ScheduleSettings", "Settings", "SwitchSettings",
    "access_token", "check_account_id", "home_dir", "json_schema", "load_settings", "parse_fraction", "rows",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings with where each given key came from, keyed by dotted path; keys not named are defaults."""

    home: Path
    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...]


def check_account_id(account: str) -> None:
    """Refuse an id that could not be a file's name or part of a cycle's id."""
    if not re.fullmatch(ACCOUNT_ID, account):
        raise InputError(f"an account id must be 1 to 32 letters, digits, '.', '_' or '-', was {account!r}; rename it")


def home_dir(option: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Path:
    """The home: the option, else INVEST_HOME, else the platform's folder for application data."""
    env = _environment(environ)
    if option is not None or env.get("INVEST_HOME"):
        return (option or Path(env["INVEST_HOME"])).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "prudent"
    if sys.platform == "win32":
        return Path(env.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "prudent"
    return Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "prudent"


def access_token(*, environ: Mapping[str, str] | None = None) -> str | None:
    """The API token of whoever calls: INVEST_TOKEN, or the text of the file that INVEST_TOKEN_FILE names.

    Raises:
        ConfigError: both are set, or the file cannot be read.
    """
    env = _environment(environ)
    token, path = env.get("INVEST_TOKEN", "").strip(), env.get("INVEST_TOKEN_FILE", "")
    if token and path:
        raise ConfigError("either INVEST_TOKEN or INVEST_TOKEN_FILE must be set, were both; unset one")
    if path:
        try:
            token = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"INVEST_TOKEN_FILE must name a readable file, but {error}; correct the path") from error
        if not token:
            raise ConfigError(f"INVEST_TOKEN_FILE must name a file with a token, {path} is empty; write it there")
    return token or None


def load_settings(
    home: Path, *, overrides: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None,
    main: Path | None = None,
) -> Loaded:  # fmt: skip
    """Defaults, then `invest.yaml` and `config/accounts/*.yaml`, then the environment, then the command line.

    `main` is another file in the place of `invest.yaml`, to see what it would come to.

    Raises:
        ConfigError: everything that is wrong at once, each problem with its file and line or variable.
    """
    found = Found()
    found.read_files(home, main or home / "invest.yaml")
    found.read_environment(_environment(environ))
    for key, text in (overrides or {}).items():
        found.put(tuple(key.split(".")), text, f"option --{key.split('.')[-1].replace('_', '-')}")
    settings = Settings()
    try:
        settings = Settings.model_validate(found.values)
    except ValidationError as error:
        found.problems += [explain(each, found.places) for each in error.errors()]
    if found.problems:
        count = f"{len(found.problems)} problem{'s' if len(found.problems) > 1 else ''} in the configuration"
        raise ConfigError("\n  ".join([f"{count}; correct and run `invest config validate`:", *found.problems]))
    origins = {".".join(path): place for path, place in found.places.items()}
    return Loaded(home=home, settings=settings, origins=origins, warnings=tuple(found.warnings))


def json_schema() -> dict[str, object]:
    """The JSON Schema of `invest.yaml`, for editors."""
    schema = Settings.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def rows(loaded: Loaded) -> Iterator[tuple[str, Json, str]]:
    """Each key with its value and origin; a value that is or may be a secret shows as REDACTED."""
    for path, value in _leaves((), loaded.settings.model_dump(mode="json", by_alias=True)):
        origin = loaded.origins.get(".".join(path), "default")
        yield ".".join(path), REDACTED if is_secret(path, origin) else plain_json(value), origin


def _leaves(path: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves((*path, str(key)), each)
    else:
        yield path, value


def _environment(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ

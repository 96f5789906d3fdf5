"""Configuration files and environment variables as raw values with their places, and problems in words."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from prudent.settings.accounts import SECRET_NAME
from prudent.settings.models import Settings
from prudent.settings.retired_names import ENV_PREFIX, what_was_meant

VERBATIM = {
    "IBKR_HOST": "ibkr.host",
    "IBKR_PORT": "ibkr.port",
    "IBKR_CLIENT_ID": "ibkr.client_id",
    "DRY_RUN": "switches.dry_run",
    "ALLOW_ORDERS": "switches.allow_orders",
    "ENABLE_ORDER_EXEC": "switches.enable_order_exec",
    "INITIAL_BUDGET": "initial_budget",
    "LOG_LEVEL": "logs.level",
    "LLM_BASE_URL": "language.base_url",
    "GHOSTFOLIO_URL": "ghostfolio.url",
}
# URLs that carry passwords and tokens.
HOLDS_SECRETS = (("notify", "urls"), ("notify", "webhook", "url"), ("database", "url"), ("backup", "database_url"))
# The parser in C, a tenth of the time, where it was built.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SAFE_TRUE = {"switches.dry_run"}
_PLAIN = {
    "string_pattern_mismatch": "must be 1 to 32 letters, digits, '.', '_' or '-' (currency: 3 capitals); rename it",
    "model_type": "must hold `key: value` lines, was None; write {} for all defaults",
}
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
# What lets real money leave is switched on by 1 and by no other word.
_EXACTLY_ONE = {"switches.allow_orders", "switches.enable_order_exec"}


def is_secret(path: tuple[str, ...], origin: str) -> bool:
    """True for a key named like a secret or that holds one, and for everything that came from a `…_FILE`."""
    holds = any(path[: len(place)] == place for place in HOLDS_SECRETS)
    return holds or bool(SECRET_NAME.search(path[-1])) or origin.endswith("_FILE")


class Found:
    """Raw values by key path with their places, and what was wrong or odd while reading them."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.places: dict[tuple[str, ...], str] = {}
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def read_files(self, home: Path, main: Path) -> None:
        if main.exists():
            self.values = self._read(main, ())
        for path in sorted((home / "config" / "accounts").glob("*.y*ml")):
            accounts = self.values.setdefault("accounts", {})
            if isinstance(accounts, dict) and path.stem in accounts:
                self.problems.append(f"{path}: account {path.stem} must be defined once, is in {main} too; remove one")
            elif isinstance(accounts, dict):
                accounts[path.stem] = self._read(path, ("accounts", path.stem))

    def _read(self, path: Path, at: tuple[str, ...]) -> dict[str, object]:
        try:
            loader = _LOADER(path.read_text(encoding="utf-8"))
            node = loader.get_single_node()
            value = {} if node is None else loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.problems.append(f"{path}:{line}: must be YAML, but {error.problem}; correct the line")
            return {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            self.problems.append(f"{path}: must be a readable YAML file, but {error}; correct the file")
            return {}
        if node is not None:
            self.places[at] = f"{path}:1"
            self._locate(node, at, path, set())
        if not isinstance(value, dict):
            self.problems.append(f"{path}:1: must hold `key: value` lines, was {type(value).__name__}")
            return {}
        return {str(key): each for key, each in value.items()}

    def _locate(self, node: yaml.Node, at: tuple[str, ...], path: Path, seen: set[int]) -> None:
        line = node.start_mark.line + 1
        if id(node) in seen:
            self.problems.append(f"{path}:{line}: aliases (*name) are not allowed; write the value out")
            return
        seen.add(id(node))
        for i, child in enumerate(node.value if isinstance(node, yaml.SequenceNode) else ()):
            self._locate(child, (*at, str(i)), path, seen)
        for key, child in node.value if isinstance(node, yaml.MappingNode) else ():
            where = (*at, str(key.value))
            if where in self.places:
                self.problems.append(f"{path}:{key.start_mark.line + 1}: key {key.value} is there twice; remove one")
            self.places[where] = f"{path}:{key.start_mark.line + 1}"
            self._locate(child, where, path, seen)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        for name in sorted(environ):
            meant = what_was_meant(name, VERBATIM, Settings.model_fields)
            if meant is not None:
                self.problems.append(f"env {name} is retired or misspelt, it would be ignored; unset it, use {meant}")
            elif name in VERBATIM:
                self._put_text(tuple(VERBATIM[name].split(".")), environ[name], f"env {name}")
            elif name.startswith(ENV_PREFIX):
                file = name.endswith("_FILE")
                path = name.removeprefix(ENV_PREFIX).removesuffix("_FILE" if file else "").lower().split("__")
                text = self._secret(name, Path(environ[name])) if file else environ[name]
                self._put_text(self._as_written(tuple(path)), text, f"env {name}")

    def _secret(self, name: str, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"env {name}: must name a readable file, but {error}; correct the path")
            return ""

    def _as_written(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Account ids keep their own case; environment names have none."""
        accounts = self.values.get("accounts")
        if path[0] != "accounts" or len(path) < 2 or not isinstance(accounts, dict):
            return path
        return ("accounts", next((str(a) for a in accounts if str(a).lower() == path[1]), path[1]), *path[2:])

    def _put_text(self, path: tuple[str, ...], text: str, place: str) -> None:
        kind = _type_at(path)
        if kind is bool:
            self.put(path, self._safe_bool(".".join(path), text, place), place)
        elif get_origin(kind) in (tuple, dict):
            self.put(path, yaml.safe_load(text), place)
        else:
            self.put(path, text, place)

    def _safe_bool(self, key: str, text: str, place: str) -> bool:
        word = text.strip().lower()
        on = {"1"} if key in _EXACTLY_ONE else _TRUE
        if word in on or word in _FALSE:
            return word in on
        safe = key in _SAFE_TRUE
        self.warnings.append(f"{place} must be 1 or 0, was {text!r}; the safe value {str(safe).lower()} is used")
        return safe

    def put(self, path: tuple[str, ...], value: object, place: str) -> None:
        section: object = self.values
        for part in path[:-1]:
            section = section.setdefault(part, {}) if isinstance(section, dict) else None
        if isinstance(section, dict):  # else the section itself is wrong, and is named as such
            section[path[-1]] = value
        self.places[path] = place


def _fields(kind: object) -> dict[str, object]:
    kind = next((each for each in get_args(kind) if each is not type(None)), kind) if _is_optional(kind) else kind
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    return {}


def _is_optional(kind: object) -> bool:
    return type(None) in get_args(kind)


def _type_at(path: tuple[str, ...]) -> object:
    kind: object = Settings
    for part in path:
        kind = get_args(kind)[1] if get_origin(kind) is dict else _fields(kind).get(part)
    return kind


def explain(error: ErrorDetails, places: Mapping[tuple[str, ...], str]) -> str:
    """One problem as `place: key must be …, was …`; unknown keys get the nearest known one."""
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    place = next((places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in places), "settings")
    name = ".".join(path) or "the file"
    if error["type"] == "extra_forbidden":
        known = list(_fields(_type_at(path[:-1])))
        near = difflib.get_close_matches(path[-1], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return f"{place}: {name} is not a known key; {hint}"
    if is_secret(path or ("",), place):
        return f"{place}: {name} is not valid, its value is not shown; correct it"
    if error["type"] == "value_error":
        return f"{place}: {name} {error['ctx']['error']}"
    if error["type"] in _PLAIN:
        return f"{place}: {name} {_PLAIN[error['type']]}"
    was = f", was {error['input']!r}"
    message = error["msg"].replace("Input should be", "must be")
    near = difflib.get_close_matches(str(error["input"]), re.findall(r"'([^']+)'", message), n=1)
    return f"{place}: {name} {message}{was}" + (f"; did you mean {near[0]}?" if near else "; correct it")

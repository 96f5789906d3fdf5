"""The saved target portfolios of a home: `json/NAME.json`, checked before they are kept."""

import re
from pathlib import Path

from prudent.domain.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def checked_name(name: str) -> str:
    """`name` if a saved portfolio may be called so."""
    bare = name.removesuffix(".json")
    if not _NAME.fullmatch(bare):
        raise InputError(
            f"a portfolio's name must be 1 to 64 letters, digits, - or _, was {name!r}; choose one like core-2022"
        )
    return bare


def names(home: Path) -> list[str]:
    """The saved portfolios, by name."""
    return sorted(path.stem for path in (home / "json").glob("*.json"))


def path_of(home: Path, name: str) -> Path:
    """The file of a saved portfolio; `InputError` with the known names when there is none."""
    path = home / "json" / f"{checked_name(name)}.json"
    if not path.is_file():
        known = ", ".join(names(home)) or "none yet; add one with `invest portfolios add NAME FILE`"
        raise InputError(f"portfolio must be one of {known}, was {name!r}")
    return path


def save(home: Path, name: str, text: str, *, replace: bool) -> Path:
    """Keep `text` as a portfolio; an existing one is replaced only when asked."""
    path = home / "json" / f"{checked_name(name)}.json"
    if path.exists() and not replace:
        raise InputError(f"portfolio {path.stem} exists already; choose another name or add --replace")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return path

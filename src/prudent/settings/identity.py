"""What a desk is opened with, as digests: the program's own files and those of the configuration."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from prudent import __version__


@cache
def code_version() -> str:
    """The release, with a digest of the package's source and prompts."""
    package = Path(__file__).parents[1]
    seal = sha256()
    for path in sorted((*package.rglob("*.py"), *package.rglob("*.md"))):
        seal.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{__version__}+{seal.hexdigest()[:12]}"


def files_hash(main: Path) -> str:
    """The digest of the main file of the configuration and of the accounts' files beside it."""
    seal = sha256()
    for path in (main, *sorted((main.parent / "config" / "accounts").glob("*.y*ml"))):
        seal.update(path.name.encode() + b"\0" + path.read_bytes())
    return seal.hexdigest()

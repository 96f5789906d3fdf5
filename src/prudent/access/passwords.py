"""Passwords: which may be chosen, how they are kept (Argon2id), and a check that takes as long for nobody's as for one.

No rule asks for capitals or digits; length counts, and what is guessed first is refused.
"""

import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from prudent.domain.errors import InputError
from prudent.domain.people import folded

LENGTH_MIN, LENGTH_MAX = 12, 128
# Argon2id below this is guessed too cheaply (OWASP's least setting).
MEMORY_KIB_MIN, PASSES_MIN = 19_456, 2
# Each running check holds its memory; more at once would let a flood of logins take the machine's.
CHECKS_AT_ONCE = 2
CONTEXT = ("prudent", "invest", "password", "portfolio", "trading")
# Words shorter than this stand inside too many good passwords.
_WORD_MIN = 4
_ADVICE = "choose a longer one of several unrelated words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one check costs; about a quarter of a second on a small server."""

    memory_kib: int = 65_536
    passes: int = 4
    lanes: int = 1

    def __post_init__(self) -> None:
        if self.memory_kib < MEMORY_KIB_MIN or self.passes < PASSES_MIN or self.lanes < 1:
            raise ValueError(f"a password check must cost at least {MEMORY_KIB_MIN} KiB and {PASSES_MIN} passes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`rehashed` is set when the stored hash was made at another cost and should be replaced."""

    right: bool
    rehashed: str | None = None


class Passwords:
    """Hashes and checks at one cost."""

    def __init__(self, cost: Cost | None = None) -> None:
        cost = cost or Cost()
        hasher = Argon2Hasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)
        self._hash = PasswordHash((hasher,))
        self._room = threading.BoundedSemaphore(CHECKS_AT_ONCE)
        with self._room:
            self._nobodys = self._hash.hash("the password of nobody")

    def hash(self, password: str) -> str:
        with self._room:
            return self._hash.hash(normal(password))

    def check(self, password: str, stored: str | None) -> Checked:
        """Is it the one? Without a stored hash the answer is no, after the same work."""
        given = normal(password[: 8 * LENGTH_MAX])[: LENGTH_MAX + 1]
        with self._room:
            try:
                right, rehashed = self._hash.verify_and_update(given, stored or self._nobodys)
            except UnknownHashError:
                self._hash.verify(given, self._nobodys)
                return Checked(right=False)
        return Checked(right=right, rehashed=rehashed) if stored else Checked(right=False)


def normal(password: str) -> str:
    """The form that is hashed, so that a keyboard's way to write an accent does not matter."""
    return unicodedata.normalize("NFKC", password)


def require_good(password: str, *, about: Iterable[str] = ()) -> None:
    """Return only for a password that may be chosen; `about` are words of the person, such as their name.

    Raises:
        InputError: too short, too long, or among the first to be guessed; the password itself is not in the message.
    """
    length = len(normal(password))
    if length < LENGTH_MIN:
        raise InputError(f"a password must have {LENGTH_MIN} characters or more, had {length}; {_ADVICE}")
    if length > LENGTH_MAX:
        raise InputError(f"a password must have {LENGTH_MAX} characters or fewer, had {length}; shorten it")
    if not normal(password).isprintable():
        raise InputError("a password must be printable text, held a control character; type it anew")
    words = {folded(word) for each in about for word in (each, *_parts(each)) if len(word) >= _WORD_MIN}
    if _guessed_first(folded(password), words | set(CONTEXT)):
        raise InputError(f"a password must not be common or made of your name or ours, was; {_ADVICE}")


def _parts(name: str) -> list[str]:
    return "".join(each if each.isalnum() else " " for each in name).split()


def _guessed_first(password: str, words: set[str]) -> bool:
    known = common()
    if len(set(password)) < 5 or _is_run(password):
        return True
    core = password.strip("0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    if any(each in known for each in (core, _unit(password), _unit(core)) if each):
        return True
    rest = core
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    # What is left beside words that anybody would try must carry the password alone.
    return rest != core and (len(rest) < LENGTH_MIN // 2 or rest in known)


def _unit(text: str) -> str:
    """The shortest text that `text` repeats; itself when it repeats nothing."""
    at = (text + text).find(text, 1) if text else 0
    return text[:at] if text else ""


def _is_run(text: str) -> bool:
    """True for `abcdefghijkl`, `987654321098`: each character follows the one before by the same step of one."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return steps <= {1, -9} or steps <= {-1, 9}


@cache
def common() -> frozenset[str]:
    """What is guessed first, in lower case; `PROVENANCE.md` says where it comes from."""
    text = resources.files("prudent.access").joinpath("common_passwords.txt").read_text(encoding="ascii")
    return frozenset(text.split())

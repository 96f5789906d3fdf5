"""Reads the one JSON value out of what a model wrote, forgiving in spelling and strict in meaning.

Forgiven: fences, prose around it, `<think>`, comments, trailing commas, single quotes, bare keys, Python's literals.
Refused: an answer that was cut, a key that comes twice, more than one different answer, and what is too long or deep.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

BYTES_MAX = 65_536
DEPTH_MAX = 8
# A number from here on is no amount that anybody means.
EXPONENT_MAX = 12
NUMBER_LENGTH_MAX = 40
# How many places of a text are tried as the start of an answer.
STARTS_MAX = 200

_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/|#[^\n]*)*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[-+]?[A-Za-z_$][\w$-]*")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_OPEN_THINKING = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_END_THINKING = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_LITERALS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_NO_NUMBERS = ("nan", "infinity", "inf")


class Unreadable(Exception):
    """A whole answer that cannot be used: `code` for counting, the message for the model that is asked once more."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class NotFinite:
    """Where a model wrote NaN, an infinity or a number beyond all use; what holds it is refused."""

    text: str


Value = None | bool | str | Decimal | NotFinite | list["Value"] | dict[str, "Value"]


@dataclass(slots=True)
class Read:
    """The value, and what had to be forgiven to read it."""

    value: Value
    forgiven: tuple[str, ...] = ()


def read_json(text: str, *, keys: frozenset[str]) -> Read:
    """The answer in `text`: its one JSON object or list; `keys` are those that tell an answer from an example.

    Raises:
        Unreadable: there is none, there are several that differ, or it breaks one of the rules of this module.
    """
    if len(text.encode("utf-8", "replace")) > BYTES_MAX:
        raise Unreadable("too_long", f"the answer must be at most {BYTES_MAX // 1024} KB")
    body = _answer_part(text)
    found, troubles = _values(body)
    telling = [each for each in found if _has_key(each.value, keys)] or found
    if not telling:
        raise troubles[0] if troubles else Unreadable("no_json", "the answer must be one JSON object, had none")
    if any(each.value != telling[0].value for each in telling[1:]):
        raise Unreadable("several_answers", "the answer must be one JSON object, had several that differ")
    first = telling[0]
    if body.strip() != text.strip() or len(found) > 1 or not body.lstrip().startswith(("{", "[")):
        first.forgiven = (*first.forgiven, "text around the JSON")
    return first


def without_thinking(text: str) -> str:
    """`text` without its `<think>` parts; what follows an unclosed one is thought, not said."""
    said = _THINKING.sub(" ", text)
    # Some servers cut the opening mark away and leave the closing one.
    said = _END_THINKING.split(said)[-1]
    unclosed = _OPEN_THINKING.search(said)
    return said if unclosed is None else said[: unclosed.start()]


def _answer_part(text: str) -> str:
    said = without_thinking(text).replace("\ufeff", " ")
    if not said.strip():
        raise Unreadable("empty", "the answer must be one JSON object, was empty")
    return said


def _has_key(value: Value, keys: frozenset[str]) -> bool:
    rows = value if isinstance(value, list) else [value]
    return any(isinstance(row, dict) and not keys.isdisjoint(key.strip().lower() for key in row) for row in rows)


def _values(body: str) -> tuple[list[Read], list[Unreadable]]:
    """Every JSON object or list that begins in `body` outside of another, and why the other starts gave none."""
    found: list[Read] = []
    troubles: list[Unreadable] = []
    at = tries = 0
    while tries < STARTS_MAX:
        start = min((each for each in (body.find("{", at), body.find("[", at)) if each >= 0), default=-1)
        if start < 0:
            break
        tries += 1
        reader = _Reader(body, start)
        try:
            value = reader.value(1)
        except _Odd:
            at = start + 1
            continue
        except Unreadable as trouble:
            if trouble.code in ("cut", "duplicate_key", "too_deep"):
                raise
            troubles.append(trouble)
            at = start + 1
            continue
        found.append(Read(value, tuple(sorted(reader.forgiven))))
        at = reader.at
    return found, troubles


class _Odd(Exception):
    """No JSON here."""


@dataclass(slots=True)
class _Reader:
    """One pass over the text from `at` on; `forgiven` names what strict JSON would have refused."""

    text: str
    at: int
    forgiven: set[str] = field(default_factory=set)

    def value(self, depth: int) -> Value:
        mark = self._next()
        if mark in "{[":
            if depth > DEPTH_MAX:
                raise Unreadable("too_deep", f"the answer must be nested at most {DEPTH_MAX} deep")
            return self._object(depth) if mark == "{" else self._list(depth)
        if mark in "\"'":
            return self._string()
        return self._number() if mark.isdigit() or mark in "+-." else self._literal()

    def _next(self) -> str:
        """The next character that is no white space and no comment, without taking it."""
        match = _SPACE.match(self.text, self.at)
        if match is not None and match.end() > self.at:
            if match.group().strip():
                self.forgiven.add("comments")
            self.at = match.end()
        if self.at >= len(self.text):
            raise Unreadable("cut", "the answer must be complete JSON, ended in the middle")
        return self.text[self.at]

    def _object(self, depth: int) -> dict[str, Value]:
        self.at += 1
        found: dict[str, Value] = {}
        while self._next() != "}":
            key = self._key()
            if key in found:
                raise Unreadable("duplicate_key", f"keys of one object must differ, {key[:40]!r} came twice")
            if self._next() != ":":
                raise _Odd
            self.at += 1
            found[key] = self.value(depth + 1)
            self._comma("}")
        self.at += 1
        return found

    def _list(self, depth: int) -> list[Value]:
        self.at += 1
        found: list[Value] = []
        while self._next() != "]":
            found.append(self.value(depth + 1))
            self._comma("]")
        self.at += 1
        return found

    def _comma(self, end: str) -> None:
        mark = self._next()
        if mark == ",":
            self.at += 1
            if self._next() == end:
                self.forgiven.add("trailing commas")
        elif mark != end:
            raise _Odd

    def _key(self) -> str:
        if self._next() in "\"'":
            return self._string()
        match = _WORD.match(self.text, self.at)
        if match is None:
            raise _Odd
        self.forgiven.add("bare keys")
        self.at = match.end()
        return match.group()

    def _string(self) -> str:
        single = self.text[self.at] == "'"
        match = (_SINGLE if single else _DOUBLE).match(self.text, self.at)
        if match is None:
            raise Unreadable("cut", "the answer must be complete JSON, ended inside a text")
        if single:
            self.forgiven.add("single quotes")
        self.at = match.end()
        said = _ESCAPE.sub(_unescaped, match.group(1)) if "\\" in match.group(1) else match.group(1)
        # Halves of a surrogate pair have no UTF-8 form, so that nothing could be recorded of them.
        return said.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _number(self) -> Value:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            return self._literal()
        self.at = match.end()
        return number(match.group())

    def _literal(self) -> Value:
        match = _WORD.match(self.text, self.at)
        if match is None:
            raise _Odd
        word = match.group()
        if word.lstrip("+-").lower() in _NO_NUMBERS:
            self.forgiven.add("NaN")
        elif word not in _LITERALS:
            raise _Odd
        elif word in ("True", "False", "None"):
            self.forgiven.add("Python literals")
        self.at = match.end()
        return _LITERALS[word] if word in _LITERALS else NotFinite(word)


def number(text: str) -> Decimal | NotFinite:
    """A number as written, or what says that it is none that may be used."""
    if len(text) > NUMBER_LENGTH_MAX:
        return NotFinite(text[:NUMBER_LENGTH_MAX])
    try:
        value = Decimal(text)
    except InvalidOperation:
        return NotFinite(text)
    if value == 0:
        return Decimal(0)
    return value if value.is_finite() and -EXPONENT_MAX <= value.adjusted() < EXPONENT_MAX else NotFinite(text)


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) == 5:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)

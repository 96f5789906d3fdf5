"""Texts that leave the product, without secrets and without whole account numbers of brokers."""

import re
from collections.abc import Iterable, Mapping

REDACTED = "REDACTED"
# Counts of a model's tokens are no secrets: `max_tokens`, `tokens_per_day`, `tokens_in`.
SECRET_NAME = re.compile(
    r"pass|secret|(?<!max_)token(?!s_(?:per|in|out))|credential|api_?key|authorization|cookie|signature", re.IGNORECASE
)
SECRET_LENGTH_MIN = 6
# What stands in place of a secret may make its surroundings look like another one.
_PASSES = 4

# Each pattern with texts of which one must occur, case folded, where it can match: most texts need no search at all.
# No needle holds an i, for which a pattern that ignores case takes letters that fold to others.
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (
        ("-----beg",),
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), REDACTED,
    ),
    (("://",), re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/@]+@", re.IGNORECASE), rf"\1{REDACTED}@"),
    (("bearer", "bas"), re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (
        ("pass", "secret", "token", "key", "credent", "author", "gnature"),
        re.compile(
            r"""((?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|credential|authorization|signature)\w*"""
            r"""["']?\s*[=:]\s*["']?)([^\s"',;&)}]{4,})""",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (
        ("prd_", "sk-", "gho_", "ghp_", "ghs_", "ghu_", "ghr_", "hub_pat_", "xox"),
        re.compile(r"\b(?:prd_|sk-|gh[opsur]_|github_pat_|xox[abprs]-)[\w-]{16,}"), REDACTED,
    ),
    (("ak",), re.compile(r"\bAKIA[0-9A-Z]{16}\b"), REDACTED),
    (("eyj",), re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}"), REDACTED),
    ((":",), re.compile(r"\b\d{8,10}:[\w-]{30,}"), REDACTED),
    # An account number of Interactive Brokers keeps its last three digits.
    (("",), re.compile(r"\b(?:DU|DF|F|U|I)[A-Z]?\d{2,7}(\d{3})\b"), r"…\1"),
)  # fmt: skip


class Redactor:
    """Takes known secret values, and what looks like one, out of texts and of JSON-like values."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({each for each in secrets if len(each) >= SECRET_LENGTH_MIN}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """`text` with every secret replaced by REDACTED; what it gives, it leaves as it is."""
        for _ in range(_PASSES):
            before, text = text, self._once(text)
            if text == before:
                break
        return text

    def _once(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        folded = text.casefold()
        for needles, pattern, put in _PATTERNS:
            # What is put in has none of them, so the text as it came tells enough.
            if any(needle in folded for needle in needles):
                text = pattern.sub(put, text)
        return text

    def value(self, value: object, *, name: str = "") -> object:
        """As `text` for every string inside; what stands under a name that sounds like a secret is replaced whole."""
        if name and SECRET_NAME.search(name) and value not in (None, "", True, False):
            return REDACTED
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {str(key): self.value(each, name=str(key)) for key, each in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(each) for each in value]
        return value if isinstance(value, (bool, int, float)) or value is None else self.text(str(value))

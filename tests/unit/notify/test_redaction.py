"""Nothing that leaves the product holds a secret or a whole account number, wherever in a text it stands."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prudent.domain.redaction import REDACTED, Redactor

CANARIES = (
    ("password=hunter2hunter2", "hunter2hunter2"),
    ("{'api_key': 'k3y-of-mine'}", "k3y-of-mine"),
    ('"secret": "s3cr3t-value"', "s3cr3t-value"),
    ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
    ("postgresql://prudent:p4ssw0rd@db.example.org/ledger", "p4ssw0rd"),
    ("tgram://123456789:AAE-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/42", "AAE-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("the token prd_0123456789abcdefghijklmnop was used", "prd_0123456789abcdefghijklmnop"),
    ("key AKIAIOSFODNN7EXAMPLE of the bucket", "AKIAIOSFODNN7EXAMPLE"),
    ("sk-proj-0123456789abcdef0123", "sk-proj-0123456789abcdef0123"),
    ("ghp_0123456789abcdef0123456789", "ghp_0123456789abcdef0123456789"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "dozjgNryP4J3jVmNHl0w5N"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----", "MIIEvQIBADANBg"),
    ("account DU1234567 is paper", "DU1234567"),
    ("account U7654321 is live", "U7654321"),
)


@pytest.mark.parametrize(("text", "canary"), CANARIES)
def test_what_looks_like_a_secret_is_taken_out(text: str, canary: str) -> None:
    assert canary not in Redactor().text(text)
    assert canary not in str(Redactor().value({"why": [text], "deep": {"x": text}}))


@pytest.mark.parametrize(
    "text",
    [
        "pa\u017f\u017fword=hunter2hunter2", "to\u212aen: k3y-of-mine-1", "AP\u0130_KEY=k3y-of-mine-1",
        "ap\u0131key=k3y-of-mine-1", "s\u0131gnature=k3y-of-mine-1", "BAS\u0130C k3y-of-mine-1",
        "credent\u0131al: k3y-of-mine-1", "author\u0131zation=k3y-of-mine-1",
    ],
)  # fmt: skip
def test_letters_that_fold_to_others_hide_nothing(text: str) -> None:
    assert Redactor().text(text).endswith(REDACTED)


WORDS = (
    "password", "token=", "api_key", "Bearer ", "Basic ", "://", "http", "u:p@h", "sk-", "ghp_", "xoxb-", "AKIA",
    "ABCDEFGH12345678", "eyJ", "abcdefgh12.", "abcd5", "12345678:", "a" * 30, "DU1234567", " ", "=", ":", "'", "x",
    "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "abcd1234",
)  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=10).map("".join))
@example("Basic api_key://u:p@h")
def test_what_was_redacted_once_stays_as_it_is(text: str) -> None:
    once = Redactor().text(text)
    assert Redactor().text(once) == once


def test_known_values_are_taken_out_wherever_they_stand() -> None:
    redactor = Redactor(("plain-words-here", "plain-words-here-and-more", "tiny"))
    assert redactor.text("plain-words-here-and-more, plain-words-here") == f"{REDACTED}, {REDACTED}"
    assert redactor.text("a tiny text") == "a tiny text", "what is too short would redact the language"


def test_an_account_number_keeps_its_last_three() -> None:
    assert Redactor().text("order for DU1234567") == "order for …567"


def test_a_name_that_sounds_like_a_secret_hides_its_value() -> None:
    found = Redactor().value({"db_password": "x", "token": ["a"], "cookie": {"a": 1}, "secret": None, "passes": 3})
    assert found == {"db_password": REDACTED, "token": REDACTED, "cookie": REDACTED, "secret": None, "passes": REDACTED}


@pytest.mark.parametrize(
    "text",
    [
        "BUY 10 AAPL: the position would weigh 12.3 %, the limit is 10 %",
        "order WMDKTDOMEIBQQ5GQTP7I33VW was filled at 101.25",
        "cycle core/12/345 at 2022-11-28T15:00:00.000000Z",
        "https://example.org/a/b?c=1",
        "ledger 0002, F1 is help, U is a symbol",
    ],
)
def test_the_words_of_the_trade_stay(text: str) -> None:
    assert Redactor().text(text) == text


def test_numbers_and_nothing_stay_what_they_are() -> None:
    assert Redactor().value({"count": 3, "share": 0.5, "ok": True, "none": None}) == {
        "count": 3, "share": 0.5, "ok": True, "none": None,
    }  # fmt: skip

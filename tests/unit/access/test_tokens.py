"""Sessions and API tokens: their randomness, their ends and from where they hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from prudent.access import tokens
from prudent.domain.errors import InputError
from prudent.domain.people import ApiToken, LoginSession, Scope

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SESSION = LoginSession(
    owner="u-a", session_id="digest", created=NOW, seen=NOW, expires=NOW + tokens.SESSION_LIFE
)  # fmt: skip
TOKEN = ApiToken(
    owner="u-a", token_id="t", name="ci", digest="d", scopes=frozenset({Scope.READ}), created=NOW,
    expires=NOW + timedelta(days=1),
)  # fmt: skip


def test_references_carry_256_bits_and_are_stored_as_a_digest() -> None:
    shown = {tokens.fresh_token().shown for _ in range(100)} | {tokens.fresh_session().shown for _ in range(100)}
    assert len(shown) == 200
    token = tokens.fresh_token()
    assert token.shown.startswith("prd_")
    # 32 bytes are 43 characters of base64.
    assert len(token.shown) == len("prd_") + 43
    assert token.digest == sha256(token.shown.encode()).hexdigest()
    assert token.shown not in repr(token)


def test_a_first_password_has_more_than_a_hundred_bits() -> None:
    # Five groups of five of 31 letters: 25 * 4.95 = 123 bits.
    assert len({tokens.fresh_password() for _ in range(100)}) == 100
    assert [len(part) for part in tokens.fresh_password().split("-")] == [5] * 5


@pytest.mark.parametrize(("after", "stands"), [
    (timedelta(minutes=29, seconds=59), True), (timedelta(minutes=30), False),
])  # fmt: skip
def test_a_session_ends_after_half_an_hour_idle(after: timedelta, *, stands: bool) -> None:
    assert tokens.session_is_good(SESSION, NOW + after) is stands


@pytest.mark.parametrize(("after", "stands"), [
    (timedelta(hours=11, minutes=59), True), (timedelta(hours=12), False),
])  # fmt: skip
def test_a_session_ends_after_twelve_hours_however_busy(after: timedelta, *, stands: bool) -> None:
    assert tokens.session_is_good(replace(SESSION, seen=NOW + after), NOW + after) is stands


def test_a_revoked_session_and_one_of_a_clock_set_back_have_ended() -> None:
    assert not tokens.session_is_good(replace(SESSION, revoked=NOW), NOW)
    assert not tokens.session_is_good(replace(SESSION, seen=NOW + timedelta(hours=1)), NOW)


def test_a_step_up_holds_for_five_minutes() -> None:
    stepped = replace(SESSION, stepped_up=NOW)
    assert tokens.is_stepped_up(stepped, NOW + timedelta(minutes=4, seconds=59))
    assert not tokens.is_stepped_up(stepped, NOW + timedelta(minutes=5))
    assert not tokens.is_stepped_up(stepped, NOW - timedelta(seconds=1))
    assert not tokens.is_stepped_up(SESSION, NOW)


def test_a_token_ends_at_its_day_and_when_revoked() -> None:
    good = {"address": "192.0.2.1"}
    assert tokens.token_is_good(TOKEN, now=NOW, **good)
    assert tokens.token_is_good(TOKEN, now=NOW + timedelta(hours=23), **good)
    assert not tokens.token_is_good(TOKEN, now=NOW + timedelta(days=1), **good)
    assert not tokens.token_is_good(replace(TOKEN, revoked=NOW), now=NOW, **good)


@pytest.mark.parametrize(("address", "holds"), [
    ("10.1.2.3", True), ("11.1.2.3", False), ("::ffff:10.1.2.3", True), ("2001:db8::9", True), ("2001:db9::9", False),
    ("", False), ("somewhere", False),
])  # fmt: skip
def test_a_token_with_hosts_holds_from_them_only(address: str, *, holds: bool) -> None:
    bound = replace(TOKEN, hosts=tokens.parse_hosts(["10.0.0.0/8", "2001:db8::/32"]))
    assert tokens.token_is_good(bound, address=address, now=NOW) is holds


def test_hosts_scopes_and_days_are_checked_at_the_door() -> None:
    assert tokens.parse_hosts(["10.0.0.5", "10.0.0.5/32"]) == ("10.0.0.5/32",)
    assert tokens.parse_scopes(["Read", " trade "]) == {Scope.READ, Scope.TRADE}
    assert tokens.lifetime(90) == timedelta(days=90)
    for bad in (["example.org"], ["10.0.0.5/8"], ["10.0.0.0/33"]):
        with pytest.raises(InputError, match="address or network"):
            tokens.parse_hosts(bad)
    for scopes in ([], ["write"], ["read", "arm"]):
        with pytest.raises(InputError, match="scopes must be of read, propose, trade, admin"):
            tokens.parse_scopes(scopes)
    for days in (0, -1, 91):
        with pytest.raises(InputError, match="1 to 90 days"):
            tokens.lifetime(days)

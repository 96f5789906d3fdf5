"""The whole matrix: every act, by every kind of person, on their own, another's and the installation's things.

The table below is written by hand from the rules and shares nothing with the tables of the code.
"""

from dataclasses import replace
from itertools import product

import pytest

from prudent.access.authority import PLATFORM, STEP_UP, Act, Grant, Principal, Proof, may, missing, require
from prudent.domain.errors import BlockedError, ConfirmationMissing, InputError
from prudent.domain.people import Role, Scope, UserStatus

ALL = frozenset(Scope)
MINE, THEIRS = "u-me", "u-other"

# Kinds of people; the columns of the table.
KINDS = {
    "machine": Principal(owner=MINE, name="me", role=Role.ADMIN, scopes=ALL, proof=Proof.MACHINE),
    "user": Principal(owner=MINE, name="me", role=Role.USER, scopes=ALL),
    "user+": Principal(owner=MINE, name="me", role=Role.USER, scopes=ALL, stepped_up=True),
    "read": Principal(owner=MINE, name="me", role=Role.USER, scopes=frozenset({Scope.READ}), proof=Proof.TOKEN),
    "propose": Principal(owner=MINE, name="me", role=Role.USER, scopes=frozenset({Scope.PROPOSE}), proof=Proof.TOKEN),
    "trade": Principal(owner=MINE, name="me", role=Role.USER, scopes=frozenset({Scope.TRADE}), proof=Proof.TOKEN),
    "all": Principal(owner=MINE, name="me", role=Role.USER, scopes=ALL, proof=Proof.TOKEN),
    "admin": Principal(owner=MINE, name="me", role=Role.ADMIN, scopes=ALL),
    "admin+": Principal(owner=MINE, name="me", role=Role.ADMIN, scopes=ALL, stepped_up=True),
    "admintoken": Principal(owner=MINE, name="me", role=Role.ADMIN, scopes=ALL, proof=Proof.TOKEN),
    "adminread": Principal(
        owner=MINE, name="me", role=Role.ADMIN, scopes=frozenset({Scope.READ}), proof=Proof.TOKEN
    ),
}  # fmt: skip

# On one's own things. y yes, s the token lacks a scope, p the password first, . hidden.
#                     machine user user+ read propose trade all admin admin+ admintoken adminread
OWN = """
read                  y       y    y     y    s       s     y   y     y      y          y
list_secrets          y       y    y     y    s       s     y   y     y      y          y
list_tokens           y       y    y     y    s       s     y   y     y      y          y
list_sessions         y       y    y     y    s       s     y   y     y      y          y
read_admin_reads      y       y    y     y    s       s     y   y     y      y          y
propose               y       y    y     s    y       s     y   y     y      y          s
trade                 y       y    y     s    s       y     y   y     y      y          s
approve               y       y    y     s    s       y     y   y     y      y          s
halt                  y       y    y     s    s       y     y   y     y      y          s
tighten               y       y    y     s    s       y     y   y     y      y          s
disarm                y       y    y     s    s       y     y   y     y      y          s
move_money            y       y    y     s    s       y     y   y     y      y          s
revoke_token          y       y    y     s    s       y     y   y     y      y          s
end_sessions          y       y    y     s    s       y     y   y     y      y          s
export                y       p    y     p    p       p     p   p     y      p          p
resume                y       p    y     p    p       p     p   p     y      p          p
loosen                y       p    y     p    p       p     p   p     y      p          p
arm                   y       p    y     p    p       p     p   p     y      p          p
set_secret            y       p    y     p    p       p     p   p     y      p          p
read_secret           y       p    y     p    p       p     p   p     y      p          p
add_token             y       p    y     p    p       p     p   p     y      p          p
change_password       y       p    y     p    p       p     p   p     y      p          p
add_user              .       .    .     .    .       .     .   .     .      .          .
list_users            .       .    .     .    .       .     .   .     .      .          .
disable_user          .       .    .     .    .       .     .   .     .      .          .
reset_password        .       .    .     .    .       .     .   .     .      .          .
halt_platform         .       .    .     .    .       .     .   .     .      .          .
rotate_key            .       .    .     .    .       .     .   .     .      .          .
"""
# On another's; nobody but an administrator sees anything. r a reason first.
#                     machine admin admin+ admintoken adminread
OTHERS = """
read                  r       r     r      r          .
halt                  y       y     y      y          .
tighten               y       y     y      y          .
disarm                y       y     y      y          .
revoke_token          y       y     y      y          .
end_sessions          y       y     y      y          .
disable_user          y       p     y      p          p
reset_password        r       p     r      p          p
"""
# On the installation's.
PLATFORM_ACTS = """
list_users            y       y     y      y          s
halt_platform         y       y     y      y          s
add_user              y       p     y      p          p
rotate_key            y       p     y      p          p
"""
WORD = {
    "y": Grant.YES, "s": Grant.NEEDS_SCOPE, "p": Grant.NEEDS_PASSWORD, ".": Grant.HIDDEN, "r": Grant.NEEDS_REASON,
}  # fmt: skip
ADMINS = ("machine", "admin", "admin+", "admintoken", "adminread")


def table(text: str, columns: tuple[str, ...]) -> dict[tuple[str, str], Grant]:
    """(act, kind) -> what is said."""
    rows = [line.split() for line in text.strip().splitlines()]
    return {(row[0], kind): WORD[mark] for row in rows for kind, mark in zip(columns, row[1:], strict=True)}


WANTED = {
    MINE: table(OWN, tuple(KINDS)), THEIRS: table(OTHERS, ADMINS), PLATFORM: table(PLATFORM_ACTS, ADMINS),
}  # fmt: skip


@pytest.mark.parametrize("owner", [MINE, THEIRS, PLATFORM], ids=["own", "others", "platform"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_of_the_matrix(kind: str, owner: str) -> None:
    wanted = {act: WANTED[owner].get((act, kind), Grant.HIDDEN) for act in Act}
    assert {act: may(KINDS[kind], act, owner) for act in Act} == wanted


def test_the_hand_written_table_names_every_act_and_no_other() -> None:
    named = {act for cells in WANTED.values() for act, _kind in cells}
    assert named == set(Act)
    assert len(Act) * len(KINDS) * 3 == 924


def test_a_reason_lets_an_administrator_look_and_a_blank_one_does_not() -> None:
    for kind in ("machine", "admin", "admintoken"):
        assert may(KINDS[kind], Act.READ, THEIRS, reason="support case 4") is Grant.YES
        assert may(KINDS[kind], Act.READ, THEIRS, reason=" \t") is Grant.NEEDS_REASON
    assert may(KINDS["user+"], Act.READ, THEIRS, reason="support case 4") is Grant.HIDDEN


@pytest.mark.parametrize("kind", ["admin", "admin+", "admintoken", "machine"])
def test_no_administrator_trades_loosens_or_reads_secrets_for_another(kind: str) -> None:
    for act in (
        Act.TRADE, Act.APPROVE, Act.PROPOSE, Act.ARM, Act.RESUME, Act.LOOSEN, Act.MOVE_MONEY, Act.EXPORT,
        Act.READ_SECRET, Act.SET_SECRET, Act.LIST_SECRETS, Act.ADD_TOKEN, Act.CHANGE_PASSWORD,
    ):  # fmt: skip
        assert may(KINDS[kind], act, THEIRS, reason="because") is Grant.HIDDEN


@pytest.mark.parametrize("kind", [name for name, each in KINDS.items() if each.proof is Proof.TOKEN])
def test_no_token_does_what_asks_for_the_password(kind: str) -> None:
    for act, owner in product(sorted(STEP_UP), (MINE, THEIRS, PLATFORM)):
        assert may(replace(KINDS[kind], stepped_up=True), act, owner, reason="because") is not Grant.YES


@pytest.mark.parametrize("kind", KINDS)
def test_a_disabled_person_is_told_nothing(kind: str) -> None:
    gone = replace(KINDS[kind], status=UserStatus.DISABLED)
    assert {may(gone, act, owner) for act in Act for owner in (MINE, THEIRS, PLATFORM)} == {Grant.HIDDEN}


def test_an_invited_person_may_only_choose_a_password() -> None:
    invited = replace(KINDS["admin+"], status=UserStatus.INVITED)
    allowed = [
        (act, owner) for act in Act for owner in (MINE, THEIRS, PLATFORM)
        if may(invited, act, owner, reason="because") is Grant.YES
    ]  # fmt: skip
    assert allowed == [(Act.CHANGE_PASSWORD, MINE)]


def test_a_person_whose_owner_is_empty_is_not_the_installation() -> None:
    odd = replace(KINDS["user+"], owner=PLATFORM)
    assert {may(odd, act, PLATFORM) for act in Act} == {Grant.HIDDEN}


def test_hidden_and_absent_are_one_answer() -> None:
    absent = missing("account", "core")
    with pytest.raises(InputError) as caught:
        require(KINDS["user+"], Act.READ, THEIRS, thing=("account", "core"))
    assert (str(caught.value), caught.value.exit_code) == (str(absent), absent.exit_code)


def test_what_stops_ones_own_act_is_said_plainly() -> None:
    own = ("account", "core")
    with pytest.raises(BlockedError, match="to trade a token must carry the scope trade, has read"):
        require(KINDS["read"], Act.TRADE, MINE, thing=own)
    with pytest.raises(BlockedError, match="to list users a token must carry the scope admin, has read"):
        require(KINDS["adminread"], Act.LIST_USERS, PLATFORM, thing=own)
    with pytest.raises(ConfirmationMissing, match="to arm your password must be given just before"):
        require(KINDS["all"], Act.ARM, MINE, thing=own)
    with pytest.raises(ConfirmationMissing, match="me must choose a password first"):
        require(replace(KINDS["user"], status=UserStatus.INVITED), Act.READ, MINE, thing=own)
    with pytest.raises(InputError, match="must give a reason; add --reason"):
        require(KINDS["admin"], Act.READ, THEIRS, thing=own)
    require(KINDS["user"], Act.TRADE, MINE, thing=own)

"""Who may do what to whose things: pure, and no unless the table says yes.

What a person may not see is answered as if it were not there. A token carries scopes and may never do what asks for
the password again; an administrator may look at another's rows with a reason, may stop and tighten, and may look
after people, but never trades, loosens or reads secrets for another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from prudent.domain.errors import BlockedError, ConfirmationMissing, DeskError, InputError
from prudent.domain.people import Role, Scope, UserStatus


class Proof(StrEnum):
    """How a person showed who they are.

    `MACHINE`: they sit at an installation of one person; `PASSWORD`: a session; `TOKEN`: an API token.
    """

    MACHINE = "machine"
    PASSWORD = "password"
    TOKEN = "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person as they stand before us now; `stepped_up`: the password was given again a moment ago."""

    owner: str
    name: str
    role: Role
    scopes: frozenset[Scope]
    proof: Proof = Proof.PASSWORD
    stepped_up: bool = False
    status: UserStatus = UserStatus.ACTIVE


class Act(StrEnum):
    """Everything that a person may ask for, in the words of the tables below."""

    READ = "read"
    EXPORT = "export"
    PROPOSE = "propose"
    TRADE = "trade"
    APPROVE = "approve"
    HALT = "halt"
    TIGHTEN = "tighten"
    DISARM = "disarm"
    RESUME = "resume"
    LOOSEN = "loosen"
    ARM = "arm"
    MOVE_MONEY = "move_money"
    SET_SECRET = "set_secret"
    READ_SECRET = "read_secret"
    LIST_SECRETS = "list_secrets"
    ADD_TOKEN = "add_token"
    LIST_TOKENS = "list_tokens"
    REVOKE_TOKEN = "revoke_token"
    LIST_SESSIONS = "list_sessions"
    END_SESSIONS = "end_sessions"
    CHANGE_PASSWORD = "change_password"
    READ_ADMIN_READS = "read_admin_reads"
    ADD_USER = "add_user"
    LIST_USERS = "list_users"
    DISABLE_USER = "disable_user"
    RESET_PASSWORD = "reset_password"
    HALT_PLATFORM = "halt_platform"
    ROTATE_KEY = "rotate_key"


class Grant(Enum):
    """`HIDDEN` is said as if the thing did not exist."""

    YES = "yes"
    HIDDEN = "hidden"
    NEEDS_SCOPE = "needs_scope"
    NEEDS_PASSWORD = "needs_password"
    NEEDS_REASON = "needs_reason"
    NEEDS_OWN_PASSWORD = "needs_own_password"


# On one's own things: what a token must carry for it; None = no token may.
OWN: Mapping[Act, Scope | None] = {
    Act.READ: Scope.READ,
    Act.LIST_SECRETS: Scope.READ,
    Act.LIST_TOKENS: Scope.READ,
    Act.LIST_SESSIONS: Scope.READ,
    Act.READ_ADMIN_READS: Scope.READ,
    Act.PROPOSE: Scope.PROPOSE,
    Act.TRADE: Scope.TRADE,
    Act.APPROVE: Scope.TRADE,
    Act.HALT: Scope.TRADE,
    Act.TIGHTEN: Scope.TRADE,
    Act.DISARM: Scope.TRADE,
    Act.MOVE_MONEY: Scope.TRADE,
    Act.REVOKE_TOKEN: Scope.TRADE,
    Act.END_SESSIONS: Scope.TRADE,
    Act.EXPORT: None,
    Act.RESUME: None,
    Act.LOOSEN: None,
    Act.ARM: None,
    Act.SET_SECRET: None,
    Act.READ_SECRET: None,
    Act.ADD_TOKEN: None,
    Act.CHANGE_PASSWORD: None,
}
# An administrator on another's things; a token needs the scope `admin`, None = no token may.
OTHERS: Mapping[Act, Scope | None] = {
    Act.READ: Scope.ADMIN,
    Act.HALT: Scope.ADMIN,
    Act.TIGHTEN: Scope.ADMIN,
    Act.DISARM: Scope.ADMIN,
    Act.REVOKE_TOKEN: Scope.ADMIN,
    Act.END_SESSIONS: Scope.ADMIN,
    Act.DISABLE_USER: None,
    Act.RESET_PASSWORD: None,
}
# An administrator on the installation, which is nobody's own.
PLATFORM_ACTS: Mapping[Act, Scope | None] = {
    Act.LIST_USERS: Scope.ADMIN,
    Act.HALT_PLATFORM: Scope.ADMIN,
    Act.ADD_USER: None,
    Act.ROTATE_KEY: None,
}
# Asked for again even within a session, because it opens what cannot be closed by waiting.
STEP_UP = frozenset({
    Act.ARM, Act.LOOSEN, Act.RESUME, Act.EXPORT, Act.SET_SECRET, Act.READ_SECRET, Act.ADD_TOKEN, Act.CHANGE_PASSWORD,
    Act.DISABLE_USER, Act.RESET_PASSWORD, Act.ADD_USER, Act.ROTATE_KEY,
})  # fmt: skip
NEED_REASON = frozenset({Act.READ, Act.RESET_PASSWORD})
PLATFORM = ""


def may(principal: Principal, act: Act, owner: str, *, reason: str = "") -> Grant:
    """May they, on a thing of `owner` (`PLATFORM` for the installation's)? Administrators give a reason to look."""
    if principal.status is UserStatus.DISABLED:
        return Grant.HIDDEN
    if _must_choose_first(principal) and not (act is Act.CHANGE_PASSWORD and owner == principal.owner):
        return Grant.NEEDS_OWN_PASSWORD
    table = _table(principal, owner)
    if act not in table:
        return Grant.HIDDEN
    if principal.proof is Proof.TOKEN:
        needed = table[act]
        if needed is not None and needed not in principal.scopes:
            return Grant.HIDDEN if table is OTHERS else Grant.NEEDS_SCOPE
    if _needs_password(principal, act, table[act]):
        return Grant.NEEDS_PASSWORD
    gave_none = table is OTHERS and act in NEED_REASON and not reason.strip()
    return Grant.NEEDS_REASON if gave_none else Grant.YES


def _needs_password(principal: Principal, act: Act, token_scope: Scope | None) -> bool:
    if principal.proof is Proof.TOKEN:
        return token_scope is None
    return principal.proof is Proof.PASSWORD and act in STEP_UP and not principal.stepped_up


def _must_choose_first(principal: Principal) -> bool:
    """Somebody else knew their password; at the machine itself it was not asked for."""
    return principal.status is UserStatus.INVITED and principal.proof is not Proof.MACHINE


def _table(principal: Principal, owner: str) -> Mapping[Act, Scope | None]:
    if owner == principal.owner and owner != PLATFORM:
        return OWN
    if principal.role is not Role.ADMIN:
        return {}
    return PLATFORM_ACTS if owner == PLATFORM else OTHERS


def missing(kind: str, name: str) -> InputError:
    """What is said of a thing that is not there, and of one that is hidden; callers use it for both."""
    return InputError(f"{kind} {name!r} must be one that you can see, was not; check the name")


def require(principal: Principal, act: Act, owner: str, *, thing: tuple[str, str], reason: str = "") -> None:
    """Return only if they may; `thing` is its kind and name, as for `missing`.

    Raises:
        InputError: there is no such thing for them, or an administrator gave no reason.
        BlockedError: the token lacks a scope.
        ConfirmationMissing: the password must be given first.
    """
    answer = may(principal, act, owner, reason=reason)
    if answer is not Grant.YES:
        raise _refusal(answer, principal, act, thing)


def _refusal(answer: Grant, principal: Principal, act: Act, thing: tuple[str, str]) -> DeskError:
    word = act.replace("_", " ")
    if answer is Grant.NEEDS_SCOPE:
        held = ", ".join(sorted(principal.scopes)) or "none"
        needed = OWN.get(act) or PLATFORM_ACTS.get(act)
        return BlockedError(f"to {word} a token must carry the scope {needed}, has {held}; use another token")
    if answer is Grant.NEEDS_PASSWORD:
        return ConfirmationMissing(f"to {word} your password must be given just before, was not; no token is enough")
    if answer is Grant.NEEDS_OWN_PASSWORD:
        return ConfirmationMissing(f"{principal.name} must choose a password first; run `invest users passwd`")
    if answer is Grant.NEEDS_REASON:
        return InputError(f"to {word} for another an administrator must give a reason; add --reason")
    return missing(*thing)

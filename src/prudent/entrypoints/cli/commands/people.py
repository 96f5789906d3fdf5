"""Commands about people and what they hold: users, tokens, secrets, and what administrators looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from prudent.domain.errors import InputError
from prudent.domain.people import folded
from prudent.entrypoints.cli.answer import Answer, Table, moment
from prudent.entrypoints.cli.asking import STDIN_HELP, secret_line, secret_twice
from prudent.entrypoints.cli.border import Action, Call, command
from prudent.entrypoints.cli.confirm import require_typed

if TYPE_CHECKING:
    from prudent.access.authority import Principal
    from prudent.access.front_door import Invited
    from prudent.domain.people import ApiToken, User
    from prudent.workflows.people import Reception

StdinOption = Annotated[bool, typer.Option("--stdin", help=STDIN_HELP)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; the person is shown it.")]
UserArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's login name.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for group, (about, actions) in _GROUPS.items():
        sub = typer.Typer(no_args_is_help=True, help=about)
        app.add_typer(sub, name=group)
        for name, action in actions.items():
            command(sub, name, group=group)(action)


@contextmanager
def _reception(call: Call) -> Iterator["Reception"]:
    from prudent.settings import load_settings
    from prudent.venues import home_clock
    from prudent.workflows.people import reception, require_home

    loaded = load_settings(call.folder())
    require_home(loaded)
    call.warnings += loaded.warnings
    with reception(loaded, stamp=home_clock(loaded)) as found:
        yield found


def _me(found: "Reception", user: str | None = None, *, from_stdin: bool = False) -> "Principal":
    """Whom the command acts for: the user named, by their password, or whom the terminal stands for."""
    from prudent.settings import access_token

    if user is not None:
        return found.door.by_password(user, secret_line(f"password of {user}", from_stdin=from_stdin))
    return found.principal(access_token())


def _stepped_up(found: "Reception", user: str | None = None, *, from_stdin: bool) -> "Principal":
    """As `_me`, with the password given now; at an installation of one person nobody is asked."""
    from prudent.access.authority import Proof

    me = _me(found, user, from_stdin=from_stdin)
    if me.proof is not Proof.TOKEN:
        return me
    return found.door.by_password(me.name, secret_line(f"password of {me.name}", from_stdin=from_stdin))


# Users


def add(
    call: Call, name: UserArgument, *,
    role: Annotated[Literal["user", "admin"], typer.Option("--role", help="What the user may do.")] = "user",
    stdin: StdinOption = False,
) -> Answer:  # fmt: skip
    """Add a user with a first password, shown once, which they must change; needs PostgreSQL.

    On a database that has nobody yet it adds the first administrator.
    """
    from prudent.domain.people import Role

    with _reception(call) as found:
        if not found.directory.owners() and not found.one_person:
            if role != "admin":
                raise InputError("the first user must be an administrator, was not; add --role admin")
            return _invited(found.door.add_first_admin(name))
        return _invited(found.door.add_user(_stepped_up(found, from_stdin=stdin), name, Role(role)))


def _invited(invited: "Invited") -> Answer:
    user = invited.user
    return Answer(
        data={**_user(user), "first_password": invited.password},
        blocks=[
            f"{user.name} ({user.role}) may log in with the password {invited.password}",
            "it is shown this once and must be changed: `invest users passwd " + user.name + "`",
        ],
    )


def list_users(call: Call) -> Answer:
    """Users with role and status; who is no administrator sees themselves."""
    with _reception(call) as found:
        users = found.door.users(_me(found))
    rows = [(u.name, u.role, u.status, moment(u.created), "set" if u.password else "none") for u in users]
    table = Table(title="Users", columns=("name", "role", "status", "added", "password"), rows=rows)
    return Answer(data=[_user(user) for user in users], blocks=[table])


def _user(user: "User") -> dict[str, object]:
    return {
        "name": user.name, "role": user.role, "status": user.status, "created": user.created,
        "password_set": user.password is not None, "password_changed": user.password_changed,
    }  # fmt: skip


def passwd(
    call: Call, name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Your name.")] = None, *,
    stdin: StdinOption = False,
) -> Answer:  # fmt: skip
    """Change your own password: asks for the one you have, then for the next; every session of yours ends.

    With --stdin the first line is the password you have (at an installation of one person there is none), the next
    line the new one.
    """
    with _reception(call) as found:
        named = name if len(found.directory.owners()) > 1 else None
        me = _stepped_up(found, named, from_stdin=stdin)
        if name is not None and me.name != folded(name):
            raise InputError(f"you must change your own password ({me.name}), was {name!r}; see `invest users reset`")
        found.door.change_password(me, secret_twice("new password", from_stdin=stdin))
    return Answer(data={"name": me.name}, blocks=[f"the password of {me.name} is changed; log in again where you were"])


def reset(call: Call, name: UserArgument, *, reason: ReasonOption = "", stdin: StdinOption = False) -> Answer:
    """Give a user who lost the password a first one again; they see who did it and why."""
    with _reception(call) as found:
        return _invited(found.door.reset_password(_stepped_up(found, from_stdin=stdin), name, reason=reason))


def disable(call: Call, name: UserArgument, *, stdin: StdinOption = False) -> Answer:
    """Let a user in no more; every session ends and every token is revoked. Nothing is deleted."""
    with _reception(call) as found:
        user = found.door.disable_user(_stepped_up(found, from_stdin=stdin), name)
    return Answer(data={"name": user.name, "status": "disabled"}, blocks=[f"{user.name} is disabled"])


def enable(call: Call, name: UserArgument, *, stdin: StdinOption = False) -> Answer:
    """Let a disabled user in again; they must choose another password first."""
    with _reception(call) as found:
        user = found.door.enable_user(_stepped_up(found, from_stdin=stdin), name)
    return Answer(data={"name": user.name, "status": "invited"}, blocks=[f"{user.name} may log in again"])


# Tokens


def add_token(  # noqa: PLR0913 - a parameter is an option of the command, with its help
    call: Call, name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")], *,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="read, propose, trade or admin.")] = None,
    days: Annotated[int, typer.Option("--days", help="Days until it ends, at most 90.")] = 30,
    host: Annotated[list[str] | None, typer.Option("--host", help="Only from this address or network.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="You, where several people share a ledger.")] = None,
    stdin: StdinOption = False,
) -> Answer:  # fmt: skip
    """Make an API token; it is shown this once. No token may arm, loosen limits or read secrets."""
    from prudent.access.front_door import TokenWish
    from prudent.access.tokens import parse_scopes

    wish = TokenWish(name=name, scopes=parse_scopes(scope or ["read"]), days=days, hosts=tuple(host or ()))
    with _reception(call) as found:
        token, shown = found.door.add_token(_stepped_up(found, user, from_stdin=stdin), wish)
    return Answer(
        data={**_token(token), "token": shown},
        blocks=[shown, f"{token.name} ends {moment(token.expires)} UTC; it is shown this once: keep it in a file"],
    )


def list_tokens(call: Call) -> Answer:
    """Your tokens: what they may do, until when, and when each was last used."""
    with _reception(call) as found:
        tokens = found.door.tokens(_me(found))
    rows = [
        (t.token_id, t.name, " ".join(sorted(t.scopes)), moment(t.expires), moment(t.last_used), _state(t.revoked))
        for t in tokens
    ]
    columns = ("id", "name", "scopes", "ends", "last used", "state")
    table = Table(title="Tokens", columns=columns, rows=rows)
    return Answer(data=[_token(token) for token in tokens], blocks=[table])


def _state(revoked: datetime | None) -> str:
    return "stands" if revoked is None else f"revoked {moment(revoked)}"


def _token(token: "ApiToken") -> dict[str, object]:
    return {
        "id": token.token_id, "name": token.name, "scopes": sorted(token.scopes), "created": token.created,
        "expires": token.expires, "last_used": token.last_used, "revoked": token.revoked, "hosts": list(token.hosts),
    }  # fmt: skip


def revoke_token(call: Call, name: Annotated[str, typer.Argument(metavar="NAME", help="Its id or name.")]) -> Answer:
    """End a token of yours at once."""
    with _reception(call) as found:
        token = found.door.revoke_token(_me(found), name)
    return Answer(data={"id": token.token_id, "name": token.name}, blocks=[f"token {token.name} is revoked"])


# Secrets

SecretArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its name, such as openai.key.")]


def set_secret(
    call: Call, name: SecretArgument, *, stdin: StdinOption = False,
    file: Annotated[Path | None, typer.Option("--file", help="Read the value from this file.")] = None,
) -> Answer:  # fmt: skip
    """Store a secret, sealed with the master key; it is asked for unseen and never shown again."""
    with _reception(call) as found:
        me = _stepped_up(found, from_stdin=stdin)
        value = _file_text(file) if file is not None else secret_twice(f"value of {name}", from_stdin=stdin)
        sealed = found.vault.set(me, name, value)
    return Answer(
        data={"name": sealed.name, "version": sealed.version, "key": sealed.key_id},
        blocks=[f"secret {sealed.name} is stored, version {sealed.version}, sealed with key {sealed.key_id}"],
    )


def _file_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--file must name a readable text file, but {path} was not; correct the path") from error


def list_secrets(call: Call) -> Answer:
    """Names and versions of your secrets; never a value."""
    with _reception(call) as found:
        sealed = found.vault.list(_me(found))
    rows = [(each.name, str(each.version), each.key_id, moment(each.created)) for each in sealed]
    return Answer(
        data=[{"name": s.name, "version": s.version, "key": s.key_id, "created": s.created} for s in sealed],
        blocks=[Table(title="Secrets", columns=("name", ">version", "key", "stored"), rows=rows)],
    )


def rotate(call: Call, *, stdin: StdinOption = False) -> Answer:
    """Make a new master key and put every secret under it; one that was cut off is ended."""
    with _reception(call) as found:
        done = found.vault.rotate(_stepped_up(found, from_stdin=stdin))
    how = "the rotation that was cut off is ended" if done.resumed else "there is a new master key"
    return Answer(data=done, blocks=[f"{how}: {done.secrets} secrets are now sealed with key {done.key_id}"])


def remove_secret(
    call: Call, name: SecretArgument, *,
    confirm: Annotated[str | None, typer.Option("--confirm", metavar="NAME", help="The name again.")] = None,
    stdin: StdinOption = False,
) -> Answer:  # fmt: skip
    """Destroy a secret; what was sealed cannot be had back."""
    require_typed(name, confirm, act=f"destroying the secret {name}")
    with _reception(call) as found:
        found.vault.remove(_stepped_up(found, from_stdin=stdin), name)
    return Answer(data={"name": name}, blocks=[f"secret {name} is destroyed"])


# Administrators


def admin_reads(call: Call) -> Answer:
    """Who of the administrators looked at your rows, when and why."""
    with _reception(call) as found:
        reads = found.door.admin_reads(_me(found))
    rows = [(str(each.number), moment(each.at), each.admin, each.reason) for each in reads]
    table = Table(title="Looked at by administrators", columns=(">#", "when", "admin", "reason"), rows=rows)
    data = [{"number": r.number, "at": r.at, "admin": r.admin, "reason": r.reason} for r in reads]
    return Answer(data=data, blocks=[table])


def look(call: Call, name: UserArgument, *, reason: ReasonOption = "") -> Answer:
    """An administrator's look at another user's accounts; the user sees that it was, and why."""
    from prudent.entrypoints.cli.answer import money
    from prudent.workflows.people import ledger_of

    with _reception(call) as found:
        user = found.door.look_at(_me(found), name, reason=reason)
        accounts = ledger_of(found, user.owner).views.accounts()
    rows = [(a.account, a.name, str(a.state), money(a.nlv), a.mode or "") for a in accounts]
    table = Table(title=f"Accounts of {user.name}", columns=("account", "name", "state", ">value", "mode"), rows=rows)
    return Answer(data=accounts, blocks=[table])


def halt(call: Call, name: UserArgument, *, reason: ReasonOption = "halted by an administrator") -> Answer:
    """Stop every account of another user; only that user resumes."""
    from prudent.workflows.people import halt_other

    with _reception(call) as found:
        user = halt_other(found, _me(found), name, reason=reason)
    return Answer(data={"name": user.name, "state": "HALTED"}, blocks=[f"{user.name} is HALTED: {reason}"])


_GROUPS: dict[str, tuple[str, dict[str, Action]]] = {
    "users": (
        "People who may log in.",
        {
            "add": add, "list": list_users, "passwd": passwd, "reset": reset, "disable": disable, "enable": enable,
        },
    ),
    "tokens": ("API tokens of yours.", {"add": add_token, "list": list_tokens, "revoke": revoke_token}),
    "secrets": (
        "Secrets of yours, sealed at rest; no command shows one.",
        {"set": set_secret, "list": list_secrets, "rotate": rotate, "remove": remove_secret},
    ),
    "admin": (
        "What administrators may do, and what they did.", {"reads": admin_reads, "look": look, "halt": halt},
    ),
}  # fmt: skip

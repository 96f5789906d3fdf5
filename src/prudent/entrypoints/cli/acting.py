"""Who acts at this terminal, and whether they may: asked before a command stops, lets go, arms or approves."""

from typing import TYPE_CHECKING

from prudent.entrypoints.cli.asking import secret_line

if TYPE_CHECKING:
    from prudent.access.authority import Act
    from prudent.bootstrap import Desk


def acting(desk: "Desk", act: "Act", account: str = "", *, user: str | None = None) -> str:
    """The name of the person who acts, for the audit; `user` gives their password where a token is not enough.

    Raises:
        BlockedError, ConfirmationMissing, InputError: they may not; see `access.authority.require`.
    """
    from prudent.settings import access_token
    from prudent.workflows.people import needs_identity, reception

    if user is None and not needs_identity(desk.loaded):
        return desk.ledger.owner
    from prudent.access.authority import require

    with reception(desk.loaded, stamp=desk.clock) as found:
        if user is not None:
            me = found.door.by_password(user, secret_line(f"password of {user}", from_stdin=False))
        else:
            me = found.principal(access_token())
    require(me, act, desk.ledger.owner, thing=("account", account or "of the platform"))
    return me.name

"""Whom a command line acts for: a token says so, else the one person there is."""

from prudent.access.authority import Principal
from prudent.access.front_door import FrontDoor
from prudent.access.stores import Directory
from prudent.domain.errors import ConfigError, ConfirmationMissing

HERE = "127.0.0.1"
LOCAL_OWNER = "local"


def identify(door: FrontDoor, directory: Directory, *, token: str | None, one_person: bool) -> Principal:
    """The person at this terminal; `one_person`: the database holds nobody else, ever.

    Raises:
        InputError: the token is not a valid one.
        ConfigError: the database has nobody yet.
        ConfirmationMissing: there are several people and no token says which.
    """
    if token is not None:
        return door.by_token(token, address=HERE)
    owners = directory.owners()
    if one_person:
        return door.by_machine(owners[0] if owners else LOCAL_OWNER)
    if not owners:
        raise ConfigError(
            "the ledger at database.url must have a user, has none; run `invest users add NAME --role admin`"
        )
    if len(owners) > 1:
        raise ConfirmationMissing(
            f"{len(owners)} people share this ledger: INVEST_TOKEN (or INVEST_TOKEN_FILE) must hold an API token of "
            "yours, was not set; make one with `invest tokens add NAME --user YOU`, which asks for your password"
        )
    return door.by_machine(owners[0])

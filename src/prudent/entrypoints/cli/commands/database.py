"""Commands about the ledger's database: db prepare, upgrade, downgrade, status and lint."""

from pathlib import Path
from typing import Annotated

import typer

from prudent.domain.errors import ConfigError, InputError, VerificationMismatch
from prudent.entrypoints.cli.answer import Answer, Problem, Table
from prudent.entrypoints.cli.border import Call, command
from prudent.entrypoints.cli.confirm import require_yes

AdminOption = Annotated[
    str | None,
    typer.Option("--admin", metavar="URL", help="An administrator's PostgreSQL URL, where the ledger is there."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="The ledger's database.")
    app.add_typer(group, name="db")
    command(group, "prepare", group="db")(prepare)
    command(group, "upgrade", group="db")(upgrade)
    command(group, "downgrade", group="db")(downgrade)
    command(group, "status", group="db")(status)
    command(group, "lint", group="db")(lint)


def prepare(
    admin_url: Annotated[
        str, typer.Argument(metavar="ADMIN_URL", help="postgresql://administrator@host/database; PGPASSWORD is read.")
    ],
    *, login: Annotated[str, typer.Option("--login", help="The product's login.")] = "prudent",
    renew_password: Annotated[bool, typer.Option("--new-password", help="Give a login that exists a new one.")] = False,
) -> Answer:  # fmt: skip
    """Make a PostgreSQL database ready: roles, the product's login, schema and row-level security.

    What is there already stays, its password too; security is declared anew. The database is made when it is missing.
    """
    from prudent.ledger.database import is_postgres
    from prudent.ledger.prepare import prepare as make_ready

    if not is_postgres(admin_url):
        raise InputError("ADMIN_URL must be a postgresql:// URL, was a file; SQLite needs no preparing")
    made = make_ready(admin_url, login=login, renew_password=renew_password)
    told = (
        "its password is shown here only" if made.password_is_new
        else f"write the password of {made.login} into it, which stays as it was; --new-password makes another"
    )  # fmt: skip
    return Answer(
        data={
            "url": made.url, "login": made.login, "password_is_new": made.password_is_new,
            "before": made.revision_before, "after": made.revision,
        },
        blocks=[
            f"prepared: {_moved(made.revision_before, made.revision)}",
            f"database.url of invest.yaml, in a file that only its owner may read ({told}):\n  {made.url}",
        ],
    )  # fmt: skip


def upgrade(call: Call, *, admin: AdminOption = None) -> Answer:
    """Bring the ledger's database to the schema of this version; a current one is left as it is. Backed up first."""
    from prudent.ledger.migrations import current
    from prudent.ledger.migrations import upgrade as bring_up

    place = _to_migrate(call, admin)
    before = current(place)
    bring_up(place, home=call.folder())
    return _answer(place, before, current(place))


def downgrade(
    call: Call,
    revision: Annotated[str, typer.Argument(metavar="REVISION", help="The older schema, e.g. 0001; base = none.")],
    *, admin: AdminOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> Answer:  # fmt: skip
    """Take the ledger's database back to an older schema; what that cannot hold is kept for the next upgrade."""
    from prudent.ledger.migrations import current, known_revisions
    from prudent.ledger.migrations import downgrade as take_down

    place = _to_migrate(call, admin)
    before, older = current(place), known_revisions()
    if revision != "base" and (revision not in older or before is None or revision >= before):
        listed = ", ".join(["base", *(each for each in older if before is not None and each < before)])
        raise InputError(f"REVISION must be one of {listed}, was {revision!r}; correct it")
    require_yes(f"Take {_shown(place)} back from schema {before} to {revision}?", yes=yes)
    take_down(place, revision, home=call.folder())
    return _answer(place, before, current(place))


def status(call: Call) -> Answer:
    """Tell where the ledger lies, its schema, and whether this version can use it."""
    from prudent.ledger.database import is_postgres, open_source
    from prudent.ledger.schema import REVISION

    place = _of_home(call)
    kind = "PostgreSQL, for many people" if is_postgres(place) else "SQLite, for one person"
    source = open_source(place)
    try:
        faults = source.faults()
    finally:
        source.close()
    return Answer(
        data={"place": _shown(place), "postgres": is_postgres(place), "schema": REVISION, "faults": list(faults)},
        blocks=[
            f"{_shown(place)}: {kind}; schema {REVISION}, current",
            *(f"fault: {each}" for each in faults),
        ],
        errors=[Problem(code=VerificationMismatch.code, message=each) for each in faults],
        exit_code=VerificationMismatch.exit_code if faults else 0,
    )


def lint(call: Call, *, admin: AdminOption = None) -> Answer:
    """Search PostgreSQL's catalogue for ways in which one person could reach another's rows; exit 7 on a finding."""
    from prudent.ledger.database import is_postgres

    place = admin or _of_home(call)
    if not is_postgres(place):
        return Answer(
            data={"findings": []}, blocks=[f"{place}: SQLite is for one person, there is nobody to keep apart"]
        )
    from prudent.ledger.lint import lint as findings_of

    found = findings_of(place)
    return Answer(
        data={"findings": list(found)},
        blocks=[
            Table(
                title="Findings", columns=("rule", "object"), rows=[(each.rule, each.object) for each in found],
                empty="none: every table of a person is closed to all others",
            ),
            *(["run `invest db prepare ADMIN_URL` to declare security anew, then look again"] if found else []),
        ],
        exit_code=VerificationMismatch.exit_code if found else 0,
    )  # fmt: skip


def _of_home(call: Call) -> str:
    """The ledger's URL, or the file in the home."""
    from prudent.settings import load_settings

    url = load_settings(call.folder()).settings.database.url
    return url or str(_file(call.folder()))


def _file(home: Path) -> Path:
    path = home / "data" / "ledger.sqlite"
    if not path.exists():
        raise InputError(f"{path} must exist, does not; make a home with `invest init` or name it with --home")
    return path


def _to_migrate(call: Call, admin: str | None) -> str:
    """The file in the home, or the administrator's URL of a server: the product's login may not migrate."""
    from prudent.ledger.database import is_postgres

    if admin is not None:
        if not is_postgres(admin):
            raise InputError("--admin must be a postgresql:// URL, was not; leave it out for a file")
        return admin
    place = _of_home(call)
    if is_postgres(place):
        raise ConfigError(
            "the ledger is on PostgreSQL, whose schema an administrator changes; add --admin postgresql://..."
        )
    return place


def _shown(place: str) -> str:
    from prudent.ledger.database import is_postgres

    if not is_postgres(place):
        return place
    from prudent.ledger.postgres import plain_url

    return plain_url(place)


def _moved(before: str | None, after: str | None) -> str:
    return f"schema {after}, current" if before == after else f"schema {before or 'none'} -> {after or 'none'}"


def _answer(place: str, before: str | None, after: str | None) -> Answer:
    return Answer(
        data={"path": _shown(place), "before": before, "after": after},
        blocks=[f"{_shown(place)}: {_moved(before, after)}"],
    )

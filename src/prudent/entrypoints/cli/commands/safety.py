"""Commands that keep what the desk remembers: backup, restore, and the audit chain with its anchors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import ConfigError, InputError, VerificationMismatch
from prudent.entrypoints.cli.answer import DONE, Answer, Problem, Table, moment
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.ledger.archive import Manifest
    from prudent.ledger.restore import Restored

DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="An administrator's PostgreSQL URL, where the ledger is there."),
]
KeyOption = Annotated[
    Path | None, typer.Option("--audit-key", metavar="FILE", help="The home's audit.key, if it is not in the backup.")
]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", metavar="URL", help="A server that speaks S3, other than Amazon's.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "backup")(backup)
    command(app, "restore")(restore)
    audit = typer.Typer(no_args_is_help=True, help="The append-only, hash-chained record of all that changed.")
    app.add_typer(audit, name="audit")
    command(audit, "verify", group="audit")(audit_verify)
    command(audit, "anchor", group="audit")(audit_anchor)


def backup(
    call: Call,
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="PLACE", help="A folder or s3://BUCKET/PREFIX; else backup.to.")
    ] = None,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Also the keys of secrets and audit: who has the file then has both.")
    ] = False,
    check: Annotated[
        str | None, typer.Option("--check", metavar="FILE", help="Make none; restore this one on trial and prove it.")
    ] = None,
    audit_key: KeyOption = None,
    database: DatabaseOption = None,
) -> Answer:
    """Write databases, configuration, audit files and anchors of the home to one archive, while all goes on working.

    Keys are left out unless --with-key is given: keep copies of secrets.key and audit.key apart from the backups.
    """
    from prudent.settings import load_settings
    from prudent.workflows.backup import Wishes, back_up

    if check is not None:
        return _checked(call, check, audit_key, database)
    loaded = load_settings(_home(call))
    call.warnings += loaded.warnings
    kept = back_up(loaded, Wishes(to=to, database_url=database, with_keys=with_key))
    call.warnings += kept.warnings
    size = f"{kept.backup.size / 2**20:.2f} MiB"
    keys = "with its keys" if with_key else "without audit.key and secrets.key (add them with --with-key)"
    gone = [f"{len(kept.removed)} older removed, as backup.keep says"] if kept.removed else []
    return Answer(
        data={"place": kept.place, "size": kept.backup.size, "removed": list(kept.removed),
              "manifest": _told(kept.backup.manifest)},
        blocks=[f"{kept.place}   {size}, {keys}", *gone, f"prove it with `invest backup --check {kept.place}`"],
    )  # fmt: skip


def _home(call: Call) -> Path:
    home = call.folder()
    if not (home / "invest.yaml").is_file():
        raise ConfigError(f"no home at {home}: invest.yaml is missing; name it with --home or INVEST_HOME")
    return home


def _checked(call: Call, place: str, audit_key: Path | None, database: str | None) -> Answer:
    from prudent.clock import SystemClock
    from prudent.ledger.restore import Terms
    from prudent.settings import load_settings
    from prudent.workflows.backup import check_backup

    home = call.folder()
    at_home = (home / "invest.yaml").is_file()
    settings = load_settings(home).settings.backup if at_home else None
    own_key = home / "audit.key"
    key = audit_key or (own_key if own_key.is_file() else None)
    url = database or (settings.database_url if settings is not None else None)
    terms = Terms(at=SystemClock().now(), audit_key=key, database_url=url)
    found = check_backup(place, terms, endpoint=settings.endpoint if settings is not None else None)
    call.warnings += found.notes
    return Answer(
        data={"place": place, "holds": True, **_proof(found)},
        blocks=[_contents(found), f"{place} restores: every check held"],
    )


def restore(
    call: Call, source: Annotated[str, typer.Argument(metavar="FILE", help="A backup, or its s3:// URL.")],
    *, audit_key: KeyOption = None, database: DatabaseOption = None, endpoint: EndpointOption = None,
) -> Answer:  # fmt: skip
    """Make a new home of a backup; everything is proved before it gets its place, and it starts stopped.

    --home names the new folder. The kill switch is set: compare with the broker, then `invest resume`.
    """
    from prudent.clock import SystemClock
    from prudent.ledger.restore import Terms
    from prudent.workflows.backup import restore as make_home

    if call.home is None:
        raise InputError("restore needs the folder of the new home; add --home FOLDER")
    home = call.folder()
    terms = Terms(at=SystemClock().now(), audit_key=audit_key, database_url=database)
    found = make_home(source, home, terms, endpoint=endpoint)
    call.warnings += found.notes
    steps = ("next:", f"export INVEST_HOME={home}", "invest doctor", "invest status", "invest resume")
    return Answer(
        data={"home": str(home), **_proof(found)},
        blocks=[_contents(found), f"{home} restored; its kill switch is set", "\n  ".join(steps)],
    )


def _proof(found: "Restored") -> dict[str, object]:
    return {
        "audit_rows": found.chain_rows, "signed": found.signed, "notes": list(found.notes),
        "manifest": _told(found.manifest),
    }  # fmt: skip


def _told(manifest: "Manifest") -> dict[str, object]:
    return {
        "made": manifest.made, "reason": manifest.reason, "code_version": manifest.code_version,
        "schema": manifest.revision, "database": manifest.database, "with_keys": manifest.with_keys,
        "files": len(manifest.members), "heads": dict(manifest.heads),
    }  # fmt: skip


def _contents(found: "Restored") -> Table:
    manifest = found.manifest
    signed = {True: "signature holds", False: "signature does not hold", None: "signature not checked"}[found.signed]
    rows = [
        ("made", f"{moment(manifest.made)} UTC, {manifest.reason}"),
        ("ledger", f"{manifest.database}, schema {manifest.revision}, code {manifest.code_version or 'unknown'}"),
        ("files", f"{len(manifest.members)}, digests hold, {signed}"),
        ("rows", f"{sum(sum(each.values()) for each in manifest.rows.values()):,} in {len(manifest.rows)} databases"),
        ("audit", f"{found.chain_rows:,} rows, the chain holds to its end"),
    ]
    return Table(title="Backup", columns=("", ""), rows=rows)


def audit_verify(
    call: Call,
    *,
    anchors: Annotated[
        Path | None, typer.Option("--anchors", metavar="FILE", help="A copy of anchors.log that was kept elsewhere.")
    ] = None,
) -> Answer:
    """Walk the audit chain, its anchors, the records it names and the audit files; exits 7 and names what was changed.

    What a whole home put back to an old copy has lost shows only against a copy of the anchors from elsewhere.
    """
    from prudent.workflows.backup import verify_audit

    desk = call.open()
    found = verify_audit(desk, copy=anchors)
    chain, broken = found.chain, found.broken
    call.warnings += found.warnings
    anchored = f"anchored to row {chain.anchored.seq}" if chain.anchored else "no anchor yet"
    return Answer(
        data={
            "rows": chain.rows, "holds": not broken, "head": chain.head, "anchor": chain.anchored,
            "broken": list(broken),
        },
        blocks=[
            f"{chain.rows} rows: {broken[0] if broken else 'the chain holds'}; head {chain.head.hash[:16]}, {anchored}"
        ],
        errors=[Problem(code=VerificationMismatch.code, message=each) for each in broken],
        exit_code=VerificationMismatch.exit_code if broken else DONE,
    )  # fmt: skip


def audit_anchor(
    call: Call,
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Also copy the anchor file there: best another machine.")
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="The key is lost: begin a new anchor file; the chain says so for ever.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit; needed with --renew.")] = "",
) -> Answer:
    """Keep the head of the audit chain, signed, in the anchor file; nothing is kept of a chain that does not hold."""
    from prudent.workflows.backup import copy_anchors, verify_audit

    desk = call.open()
    if renew and not reason:
        raise InputError("a new audit key must have a reason, was not given; add --reason")
    if renew:
        desk.ledger.renew_anchors(reason=reason, at=desk.clock.now())
    broken = verify_audit(desk).broken
    if broken:
        raise VerificationMismatch(f"the audit must hold to be anchored, does not: {broken[0]}")
    line = desk.ledger.anchor(at=desk.clock.now())
    copied = copy_anchors(desk, to) if to is not None else None
    told = f"anchor {line.number}: row {line.anchor.seq} {line.anchor.hash}" if line else "nothing to anchor yet"
    return Answer(
        data={"anchor": line, "copied_to": None if copied is None else str(copied)},
        blocks=[told, *([f"copied to {copied}"] if copied is not None else [])],
    )

"""The checks of `doctor`: each looks at one thing and says pass, warn, fail or skip, with what to do."""

import platform
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from prudent.domain.accounts import Mode
from prudent.domain.errors import DeskError

if TYPE_CHECKING:
    from prudent.bootstrap import Desk
    from prudent.domain.accounts import Position
    from prudent.domain.cycles import Interlock

PACKAGES = ("numpy", "sqlalchemy", "alembic", "pydantic", "pyyaml", "rich", "typer")
DISK_BYTES_MIN = 200 * 1024 * 1024
DEFAULTED = ("limits.", "strategy_limits.", "exits.")


class Status(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `doctor`."""

    name: str
    status: Status
    detail: str
    fix: str = ""


def examine(home: Path, open_desk: Callable[[], "Desk"]) -> Iterator[Check]:
    """Every check; those that need an opened desk are skipped when it cannot be opened."""
    yield _program()
    yield from _folder(home)
    try:
        desk = open_desk()
    except DeskError as error:
        yield Check(name="home", status=Status.FAIL, detail=str(error), fix="correct it, or run `invest init`")
        return
    found = f"mode {desk.mode}, {len(desk.account_ids())} accounts"
    yield Check(name="configuration", status=Status.PASS, detail=found)
    for look in (
        _switches, _gateway, _kill, _ledger, _files, _backups, _calendar, _prices, _accounts, _channels, _mirror,
        _unreachable,
    ):  # fmt: skip
        yield from _guarded(look, desk)


def _guarded(look: "Callable[[Desk], Iterator[Check]]", desk: "Desk") -> Iterator[Check]:
    try:
        yield from look(desk)
    except DeskError as error:
        yield Check(name=look.__name__.lstrip("_"), status=Status.FAIL, detail=str(error))


def _program() -> Check:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            return Check(name="program", status=Status.FAIL, detail=f"{package} is missing", fix="install it again")
    return Check(name="program", status=Status.PASS, detail=f"Python {platform.python_version()}, {', '.join(found)}")


def _folder(home: Path) -> Iterator[Check]:
    existing = next((each for each in (home, *home.parents) if each.exists()), home)
    free = shutil.disk_usage(existing).free
    enough = free >= DISK_BYTES_MIN
    yield Check(
        name="disk", status=Status.PASS if enough else Status.FAIL,
        detail=f"{free // 2**20} MiB free at {existing}", fix="" if enough else "free some space",
    )  # fmt: skip
    open_files = [path.name for path in home.glob("*.y*ml") if path.stat().st_mode & stat.S_IWOTH]
    if open_files:
        yield Check(
            name="permissions", status=Status.WARN, detail=f"everyone may write {', '.join(open_files)}",
            fix="chmod o-w on them",
        )  # fmt: skip


def _switches(desk: "Desk") -> Iterator[Check]:
    for account in desk.account_ids():
        if desk.is_open_account(account):
            yield from _interlocks(desk, account)
    for warning in desk.loaded.warnings:
        yield Check(name="environment", status=Status.WARN, detail=warning, fix="set it to 0 or 1, or unset it")


def _interlocks(desk: "Desk", account: str) -> Iterator[Check]:
    """Which interlocks stop orders now, in the desk's mode and for real money; M08 is taken by each run."""
    if desk.mode in (Mode.PAPER, Mode.LIVE):
        blocking = [i for i in desk.interlocks(account, desk.mode) if not i.satisfied and i.id != "M08"]
        yield Check(
            name=f"interlocks of {account}", status=Status.WARN if blocking else Status.PASS,
            detail=f"{desk.mode} orders: {_listed(blocking) or 'every one is satisfied'}",
            fix="see `invest status` for what lifts each" if blocking else "",
        )  # fmt: skip
    blocking = [i for i in desk.interlocks(account, Mode.LIVE) if not i.satisfied and i.id != "M08"]
    yield Check(
        name=f"live orders of {account}", status=Status.PASS,
        detail=f"cannot leave: {_listed(blocking) or 'M08 is not held'}" if desk.mode is not Mode.LIVE or blocking
        else "may leave",
    )  # fmt: skip


def _listed(interlocks: "list[Interlock]") -> str:
    return ", ".join(f"{each.id} {each.name}: {each.detail}" for each in interlocks)


def _gateway(desk: "Desk") -> Iterator[Check]:
    from prudent.entrypoints.cli.gateway_checks import gateway_checks

    yield from gateway_checks(desk)


def _kill(desk: "Desk") -> Iterator[Check]:
    reason = desk.stop_reason("")
    status = Status.PASS if reason is None else Status.WARN
    yield Check(name="kill switch", status=status, detail=reason or "not set", fix="invest resume" if reason else "")


def _ledger(desk: "Desk") -> Iterator[Check]:
    faults = desk.ledger.faults()
    yield Check(
        name="ledger", status=Status.FAIL if faults else Status.PASS, detail="; ".join(faults) or "sound and balanced",
        fix="restore it from a backup" if faults else "",
    )  # fmt: skip
    chain = desk.ledger.verify_audit()
    broken = chain.broken
    yield Check(
        name="audit", status=Status.FAIL if broken else Status.PASS,
        detail=broken.what if broken else f"{chain.rows} rows, the chain holds",
        fix="compare with a backup: somebody changed history" if broken else "",
    )  # fmt: skip
    for cycle in desk.ledger.interrupted_cycles():
        yield Check(
            name="recovery", status=Status.WARN, detail=f"cycle {cycle} was interrupted", fix="the next run resolves it"
        )


def _files(desk: "Desk") -> Iterator[Check]:
    from prudent.ledger.backup import databases
    from prudent.ledger.snapshot import all_faults

    for path in databases(desk.home):
        faults = all_faults(path)
        yield Check(
            name=path.name, status=Status.FAIL if faults else Status.PASS, detail="; ".join(faults) or "sound",
            fix="restore it from a backup" if faults else "",
        )  # fmt: skip


def _backups(desk: "Desk") -> Iterator[Check]:
    from prudent.clock import SystemClock
    from prudent.workflows.backup import BACKUP_AGE_MAX, last_backup

    place, made = last_backup(desk.loaded)
    late = made is None or SystemClock().now() - made > BACKUP_AGE_MAX
    yield Check(
        name="backup", status=Status.WARN if late else Status.PASS,
        detail=f"none yet in {place}" if made is None else f"the last of {made:%Y-%m-%d %H:%M} UTC in {place}",
        fix="invest backup" if late else "",
    )  # fmt: skip


def _calendar(desk: "Desk") -> Iterator[Check]:
    now = desk.clock.now()
    session = desk.calendar.session_of(now)
    state = "open" if desk.calendar.is_open(now) else "closed"
    yield Check(
        name="calendar", status=Status.PASS,
        detail=f"{now:%Y-%m-%d %H:%M} UTC, session {session.date}, market {state}",
    )  # fmt: skip


def _prices(desk: "Desk") -> Iterator[Check]:
    held = sorted({p.symbol for a in desk.account_ids() if desk.is_open_account(a) for p in _positions(desk, a)})
    quotes = desk.market.quotes(held)
    missing = [quote.symbol for quote in quotes if quote.price is None]
    ages = [quote.age_seconds for quote in quotes if quote.age_seconds is not None]
    oldest = f", the oldest {max(ages) / 3600:.1f} h" if ages else ""
    yield Check(
        name="prices", status=Status.FAIL if missing else Status.PASS,
        detail=f"no price for held {', '.join(missing)}" if missing
        else f"{len(held)} held symbols from {desk.market.source}{oldest}",
        fix="check the data source" if missing else "",
    )  # fmt: skip


def _positions(desk: "Desk", account: str) -> Iterator["Position"]:
    yield from desk.broker_of(account).snapshot(account).positions


def _accounts(desk: "Desk") -> Iterator[Check]:
    unfunded = [a for a in desk.account_ids() if not desk.is_open_account(a) and not desk.why_disabled(a)]
    if unfunded:
        yield Check(
            name="accounts", status=Status.WARN, detail=f"{', '.join(unfunded)} have a mandate and no money",
            fix=f"invest accounts add {unfunded[0]} --cash AMOUNT",
        )  # fmt: skip
    elif not desk.account_ids():
        yield Check(name="accounts", status=Status.WARN, detail="none yet", fix="invest accounts add ID --cash AMOUNT")


def _channels(desk: "Desk") -> Iterator[Check]:
    """Whether each channel of notices can be sent to; nothing is sent, and what waits is counted."""
    from prudent.clock import SystemClock
    from prudent.workflows.notices import channels_of

    found = channels_of(desk.loaded.settings, SystemClock())
    waiting, _oldest = desk.ledger.notices.unsent_count()
    if not found:
        yield Check(name="notices", status=Status.SKIP, detail="no channel is configured", fix="add notify.urls")
        return
    for channel in found:
        channel.check()
    names = ", ".join(channel.name for channel in found)
    yield Check(name="notices", status=Status.PASS, detail=f"{names}; {waiting} wait; try `invest notify test`")


def _mirror(desk: "Desk") -> Iterator[Check]:
    """What Ghostfolio was not told yet, or would not take; nothing is asked of it here."""
    from prudent.ledger.outbox import OutboxState
    from prudent.workflows.mirror_link import mirrored

    if desk.loaded.settings.ghostfolio.url is None:
        yield Check(name="ghostfolio", status=Status.SKIP, detail="none is configured")
        return
    rows = [row for account in mirrored(desk) for row in desk.ledger.outbox.rows(account)]
    waiting = sum(row.state is OutboxState.DUE for row in rows)
    refused = sum(row.state is OutboxState.REFUSED for row in rows)
    yield Check(
        name="ghostfolio", status=Status.WARN if refused else Status.PASS,
        detail=f"{len(rows) - waiting - refused} told, {waiting} wait, {refused} refused",
        fix="see `invest ghostfolio sync --again`" if refused else "",
    )  # fmt: skip


def _unreachable(desk: "Desk") -> Iterator[Check]:
    from prudent.guards.feeds import ALL_FEEDS
    from prudent.guards.reach import unreachable_limits

    for account in (each for each in desk.account_ids() if not desk.why_disabled(each)):
        rules = desk.ledger.rules(account) if desk.is_open_account(account) else ()
        for limit in unreachable_limits(desk.mandate(account), rules, ALL_FEEDS):
            default = limit.setting.startswith(DEFAULTED) and not _given(desk, account, limit.setting)
            yield Check(
                name=f"limits of {account}", status=Status.SKIP if default else Status.WARN,
                detail=f"{limit.setting} {limit.limit} can never fire: {limit.why}",
                fix="" if default else "tighten or remove it, if it was meant to act",
            )  # fmt: skip


def _given(desk: "Desk", account: str, setting: str) -> bool:
    return f"accounts.{account}.{setting}" in desk.loaded.origins

"""Commands about notices: send a test to each channel, read what was told, and list what can be told."""

from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import ConfigError, DeskError, InputError, Temporary
from prudent.domain.notices import Event, Severity
from prudent.entrypoints.cli.answer import DONE, PARTIAL, UNKNOWN, Answer, Problem, Table, moment, money
from prudent.entrypoints.cli.border import Call, command

if TYPE_CHECKING:
    from prudent.domain.notices import Notice
    from prudent.ledger.notices import NoticeRow
    from prudent.ports import Notifier

GROUP = "notify"
ChannelArgument = Annotated[str | None, typer.Argument(metavar="CHANNEL", help="Only this channel; else every one.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="What people are told, and by which channels.")
    app.add_typer(group, name=GROUP)
    command(group, "test", group=GROUP)(send_test)
    command(group, "list", group=GROUP)(listed)
    command(group, "read", group=GROUP)(read)
    command(group, "events", group=GROUP)(events)


def send_test(call: Call, *, channel: ChannelArgument = None) -> Answer:
    """Send a test notice to each channel now, and say which took it."""
    from prudent.clock import SystemClock
    from prudent.workflows.notices import channels_of, happened

    desk = call.open()
    found = channels_of(desk.loaded.settings, SystemClock())
    if not found:
        raise ConfigError("no channel is configured; add Apprise URLs under notify.urls, or notify.webhook")
    wanted = [each for each in found if channel in (None, each.name)]
    if not wanted:
        raise InputError(f"channel must be one of {', '.join(each.name for each in found)}, was {channel!r}")
    notice = happened(desk, Event.NOTIFY_TEST, "this is a test; nothing has happened", f"sent from {desk.home.name}")
    results = [(each.name, _try(each, notice)) for each in wanted]
    problems = [Problem(code=error.code, message=f"{name}: {error}") for name, error in results if error is not None]
    return Answer(
        data=[
            {"channel": name, "ok": error is None, "error": None if error is None else str(error)}
            for name, error in results
        ],
        blocks=[
            Table(
                title="Channels", columns=("channel", "result"),
                rows=[(name, "took it" if error is None else "failed") for name, error in results],
            )
        ],
        errors=problems,
        exit_code=DONE if not problems else PARTIAL if len(problems) < len(results) else Temporary.exit_code,
    )  # fmt: skip


def _try(channel: "Notifier", notice: "Notice") -> DeskError | None:
    try:
        channel.send(notice, 0)
    except DeskError as error:
        return error
    return None


def listed(
    call: Call, *,
    account: Annotated[str | None, typer.Option("--account", help="Only this account.")] = None,
    event: Annotated[str | None, typer.Option("--event", help="Only this event, such as order.blocked.")] = None,
    severity: Annotated[Severity | None, typer.Option("--severity", help="Only of this severity.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Skip so many of the newest.")] = 0,
) -> Answer:  # fmt: skip
    """What was told, newest first, and what became of it channel by channel."""
    desk = call.open()
    if account is not None:
        call.account(desk, account)
    page = desk.ledger.notices.listed(
        account=account, event=None if event is None else _event(event), severity=severity, limit=limit, offset=offset
    )
    return Answer(
        data={"notices": [_row(row) for row in page.rows], "total": page.total},
        blocks=[
            Table(
                title=f"Notices ({len(page.rows)} of {page.total})",
                columns=(">number", "at", "severity", "event", "account", "what", "sent"),
                rows=[
                    (
                        str(row.number), moment(row.notice.at), str(row.severity), str(row.notice.event),
                        row.notice.account or UNKNOWN, _what(row), _sent(row),
                    )
                    for row in page.rows
                ],
            )
        ],
    )  # fmt: skip


def read(
    call: Call, *, number: Annotated[int | None, typer.Argument(metavar="NUMBER", help="Up to this one.")] = None
) -> Answer:
    """Mark notices as read, all of them or those up to a number."""
    desk = call.open()
    marked = desk.ledger.notices.read(2**31 - 1 if number is None else number, at=desk.clock.now())
    return Answer(data={"read": marked}, blocks=[f"{marked} notices are marked as read"])


def events(call: Call) -> Answer:
    """Every event with its severity, and what the settings make of it: on, silent (kept, not sent) or off."""
    from prudent.workflows.notices import routing

    settings = call.open().loaded.settings.notify
    rows = [(str(event), str(event.severity), str(routing(settings, event))) for event in Event]
    return Answer(
        data=[{"event": event, "severity": severity, "routing": way} for event, severity, way in rows],
        blocks=[
            Table(title="Events", columns=("event", "severity", "routing"), rows=rows),
            "change one in invest.yaml, e.g. `notify: {events: {order.filled: silent}}`",
        ],
    )


def _event(name: str) -> Event:
    import difflib

    known = [str(each) for each in Event]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "see `invest notify events`"
        raise InputError(f"event must be one that can be told, was {name!r}; {hint}")
    return Event(name)


def _what(row: "NoticeRow") -> str:
    notice = row.notice
    worth = f" ({money(notice.amount)} {notice.currency})" if notice.amount is not None else ""
    more = f" ×{row.repeats + 1}" if row.repeats else ""
    return "\n".join((f"{notice.title}{worth}{more}", *notice.lines))


def _sent(row: "NoticeRow") -> str:
    failed = [name for name, each in row.deliveries.items() if each.error]
    if failed:
        return f"failed: {', '.join(sorted(failed))}"
    took = [name for name, each in row.deliveries.items() if each.done]
    if took:
        return ", ".join(sorted(took))
    return "waiting" if row.sent is None else "kept"


def _row(row: "NoticeRow") -> dict[str, object]:
    notice = row.notice
    return {
        "number": row.number, "at": notice.at, "event": notice.event, "severity": row.severity,
        "account": notice.account or None, "mode": notice.mode, "title": notice.title, "lines": list(notice.lines),
        "amount": notice.amount, "currency": notice.currency or None, "reason": notice.reason or None,
        "cycle": notice.cycle or None, "repeats": row.repeats, "sent": row.sent, "read_at": row.read_at,
        "deliveries": [
            {"channel": name, "done": each.done, "tries": each.tries, "at": each.at, "error": each.error or None}
            for name, each in sorted(row.deliveries.items())
        ],
    }  # fmt: skip

"""Commands of the processes that stay: start, stop, restart and logs, and the two that are started by it."""

import faulthandler
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prudent.domain.errors import ConfigError, DeskError, Temporary
from prudent.entrypoints.cli import log_view
from prudent.entrypoints.cli.answer import Answer
from prudent.entrypoints.cli.border import INTERRUPTED, Call, command
from prudent.entrypoints.cli.heap import settle

if TYPE_CHECKING:
    from prudent.bootstrap import Desk
    from prudent.settings import Loaded
    from prudent.workflows.supervisor import Program

OUTPUT_FILE = "supervisor.log"
READY_SECONDS = 60.0
STOP_SECONDS = 50.0
_LOOK_SECONDS = 0.05
NoWebOption = Annotated[bool, typer.Option("--no-web", help="Run the engine only.")]
ParentOption = Annotated[int | None, typer.Option("--parent", help="End when this process is gone.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "start")(start)
    command(app, "stop")(stop)
    command(app, "restart")(restart)
    command(app, "logs")(logs)
    command(app, "engine", hidden=True)(engine)
    command(app, "web", hidden=True)(web)


def start(
    call: Call,
    *, detach: Annotated[bool, typer.Option("--detach", help="Run in the background and return once ready.")] = False,
    no_web: NoWebOption = False,
) -> Answer:  # fmt: skip
    """Run the engine and the web process, and start them again when they end; Ctrl-C or `invest stop` ends them.

    Exits 130 after Ctrl-C; what was under way goes on at the next start.
    """
    home = call.folder()
    _check_startable(call, no_web=no_web)
    if detach:
        return _started(home, no_web=no_web)
    from prudent.logs import LogOptions, set_up_long
    from prudent.workflows.supervisor import Supervisor

    set_up_long(LogOptions(process="supervisor", home=home, verbosity=call.verbosity))
    follower = log_view.Follower(home)
    supervisor = Supervisor(home, _programs(home, no_web=no_web), output=home / log_view.FOLDER / OUTPUT_FILE)
    signal.signal(signal.SIGTERM, supervisor.told)
    signal.signal(signal.SIGINT, supervisor.told)
    signal.signal(signal.SIGHUP, supervisor.told_anew)
    code = supervisor.run(meanwhile=lambda: _show(follower.fresh()))
    if code == INTERRUPTED:
        return Answer(blocks=["stopped; what was under way goes on at the next `invest start`"], exit_code=code)
    if code:
        raise _failed_start(home, code)
    return Answer(data={"home": str(home)}, blocks=["stopped"])


def _show(lines: Sequence[log_view.Line]) -> None:
    for line in lines:
        sys.stdout.write(log_view.shown(line) + "\n")
    sys.stdout.flush()


def _check_startable(call: Call, *, no_web: bool) -> None:
    """Everything that a start could stumble over, before anything is started."""
    from prudent.workflows.lease import home_holder
    from prudent.workflows.supervisor import supervisor_of

    home = call.folder()
    running = supervisor_of(home)
    if running is not None:
        raise Temporary(f"{home} must be started once, is run by process {running}; `invest stop` ends it")
    desk = _opened(call)
    holder = home_holder(home)
    desk.ledger.close()
    if holder is not None:
        raise Temporary(
            f"the desk at {home} must be used by one process at a time, was held by process {holder}; "
            "wait for it to finish or stop it, then try again"
        )
    if not no_web:
        _check_port(desk.loaded)


def _opened(call: Call) -> "Desk":
    """The home's desk as its processes open it, for nobody in particular: what they would stumble over raises here."""
    from prudent.bootstrap import open_desk

    desk = open_desk(call.folder())
    call.warnings += desk.loaded.warnings
    return desk


def _check_port(loaded: "Loaded") -> None:
    web = loaded.settings.web
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((web.host, web.port))
        except OSError as error:
            raise ConfigError(
                f"web.port must be free on {web.host}, {web.port} was not ({error.strerror}); "
                "set another, stop what uses it, or start with --no-web. Nothing was started"
            ) from error


def _programs(home: Path, *, no_web: bool) -> "list[Program]":
    from prudent.workflows.beat import engine_beat
    from prudent.workflows.supervisor import Program

    def spelled(name: str) -> list[str]:
        return [sys.executable, "-m", "prudent", name, "--home", str(home), "--parent", str(os.getpid())]

    found = [Program(name="engine", command=spelled("engine"), beat=engine_beat(home))]
    return found if no_web else [*found, Program(name="web", command=spelled("web"))]


def _started(home: Path, *, no_web: bool) -> Answer:
    """Start the supervisor in a session of its own, and wait for the engine to be ready."""
    from prudent.clock import SystemClock
    from prudent.workflows.beat import engine_beat

    wanted = [sys.executable, "-m", "prudent", "start", "--home", str(home), *(["--no-web"] if no_web else [])]
    output = home / log_view.FOLDER / OUTPUT_FILE
    output.parent.mkdir(parents=True, exist_ok=True)
    before = engine_beat(home).process()
    with output.open("ab") as handle:
        process = subprocess.Popen(
            wanted, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=handle, start_new_session=True
        )
    clock, pause = SystemClock(), threading.Event()
    ends = clock.monotonic() + READY_SECONDS
    while clock.monotonic() < ends:
        ready = engine_beat(home).process()
        if ready is not None and ready != before:
            return _running(home, process.pid, ready)
        if process.poll() is not None:
            raise _failed_start(home, process.returncode)
        pause.wait(_LOOK_SECONDS)
    raise Temporary(f"the engine must be ready within {READY_SECONDS:g} s, was not; see `invest logs`")


def _running(home: Path, supervisor: int, engine_process: int) -> Answer:
    return Answer(
        data={"home": str(home), "supervisor": supervisor, "engine": engine_process},
        blocks=[f"{home} runs: supervisor {supervisor}, engine {engine_process}; `invest stop` ends them"],
    )


def _failed_start(home: Path, code: int) -> DeskError:
    """What the processes said last, as the error of this command."""
    said = [log_view.shown(line) for line in log_view.last_lines(home, 3)]
    output = home / log_view.FOLDER / OUTPUT_FILE
    if output.is_file():
        said += output.read_text(encoding="utf-8", errors="replace").splitlines()[-2:]
    error = ConfigError if code == ConfigError.exit_code else DeskError
    return error("\n  ".join([f"the processes of {home} ended with exit code {code}; they said last:", *said]))


def stop(call: Call) -> Answer:
    """End the processes of this home in order: the step in flight ends, the rest goes on at the next start."""
    from prudent.workflows.beat import engine_beat
    from prudent.workflows.lease import home_holder
    from prudent.workflows.supervisor import supervisor_of

    home = call.folder()
    supervisor, holder = supervisor_of(home), home_holder(home)
    alone = holder if holder == engine_beat(home).process() else None
    if not supervisor and not alone:
        return Answer(data={"stopped": False}, blocks=["nothing was running"])
    _signal(supervisor or alone, signal.SIGTERM)
    if not _gone(home):
        for process in (supervisor_of(home), home_holder(home)):
            _signal(process, signal.SIGKILL)
        if not _gone(home):
            raise Temporary(f"the processes of {home} must end when they are killed, did not; see `invest logs`")
        return Answer(data={"stopped": True, "killed": True}, blocks=["killed: they did not end in time"])
    return Answer(data={"stopped": True, "killed": False}, blocks=["stopped"])


def _signal(process: int | None, number: signal.Signals) -> None:
    if process:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            return


def _gone(home: Path) -> bool:
    """Wait until neither a supervisor nor an engine is left."""
    from prudent.clock import SystemClock
    from prudent.workflows.lease import home_holder
    from prudent.workflows.supervisor import supervisor_of

    clock, pause = SystemClock(), threading.Event()
    ends = clock.monotonic() + STOP_SECONDS
    while supervisor_of(home) is not None or home_holder(home) is not None:
        if clock.monotonic() > ends:
            return False
        pause.wait(_LOOK_SECONDS)
    return True


def restart(call: Call, *, no_web: NoWebOption = False) -> Answer:
    """End the processes in order and start them again with the program and configuration as they are now."""
    from prudent.clock import SystemClock
    from prudent.workflows.beat import engine_beat
    from prudent.workflows.supervisor import supervisor_of

    home = call.folder()
    supervisor = supervisor_of(home)
    if not supervisor:
        _check_startable(call, no_web=no_web)
        return _started(home, no_web=no_web)
    _opened(call).ledger.close()
    before = engine_beat(home).process()
    _signal(supervisor, signal.SIGHUP)
    clock, pause = SystemClock(), threading.Event()
    ends = clock.monotonic() + STOP_SECONDS + READY_SECONDS
    while clock.monotonic() < ends and supervisor_of(home) is not None:
        now = engine_beat(home).process()
        if now is not None and now != before:
            return _running(home, supervisor, now)
        pause.wait(_LOOK_SECONDS)
    raise Temporary(f"the engine of {home} must be ready again in time, was not; see `invest logs`")


def logs(
    call: Call, *, follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, max=100_000, help="How many of the last.")] = 50,
    process: Annotated[str, typer.Option("--process", help="Only of engine, web, supervisor or cli.")] = "",
) -> Answer:  # fmt: skip
    """Show the last lines of every process's log in one order."""
    home = call.folder()
    follower = log_view.Follower(home, process)
    found = log_view.last_lines(home, lines, process=process) if lines else []
    if not follow:
        return Answer(data=found, blocks=[log_view.shown(line) for line in found])
    _show(found)
    pause = threading.Event()
    while not pause.wait(_LOOK_SECONDS * 4):
        _show(follower.fresh())
    return Answer()


def engine(call: Call, *, parent: ParentOption = None) -> Answer:
    """Be the engine of this home until told to stop; `invest start` runs this."""
    from prudent.logs import LogOptions, set_up_long
    from prudent.settings import load_settings
    from prudent.settings.secret_values import secret_values
    from prudent.workflows.beat import end_with_parent
    from prudent.workflows.serving import serve

    home, over = call.folder(), threading.Event()
    settings = load_settings(home).settings
    set_up_long(
        LogOptions(
            process="engine", home=home, verbosity=call.verbosity, level=settings.logs.level,
            secrets=secret_values(settings),
        )
    )  # fmt: skip
    # Where each thread stands, for somebody who asks why it does: into logs/supervisor.log.
    faulthandler.register(signal.SIGUSR1, file=sys.__stderr__ or sys.stderr)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signum, _frame: over.set())
    if parent is not None:
        end_with_parent(parent, over.set)
    settle()
    code = serve(home, stop=over)
    sys.stdout.flush()
    if any(not each.daemon and each is not threading.main_thread() for each in threading.enumerate()):
        # A step that did not end in time must not keep the process: it is done again by the next start.
        os._exit(code)
    return Answer(exit_code=code)


def web(call: Call, *, parent: ParentOption = None) -> Answer:
    """Be the web process of this home until told to stop; `invest start` runs this."""
    from prudent.entrypoints.api.serve import serve
    from prudent.workflows.beat import end_with_parent

    if parent is not None:
        end_with_parent(parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    serve(call.folder(), verbosity=call.verbosity)
    return Answer()

"""A process that forks engines: `python -m tests.scenarios.nursery`; a home's path on stdin, a process id on stdout."""

import os
import signal
import sys
from pathlib import Path

from prudent.__main__ import spelled_out
from prudent.entrypoints.cli.app import app
from prudent.entrypoints.cli.border import main as run


def become_engine(home: str) -> None:
    """The forked process: a session of its own, and the command as it is typed."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    (Path(home) / "logs").mkdir(exist_ok=True)
    output = os.open(Path(home) / "logs" / "engine.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # It ends with the nursery, whatever becomes of the test.
    os._exit(run(app, spelled_out(["engine", "--home", home, "--parent", str(os.getppid())])))


def main() -> None:
    import prudent.marketdata.sample
    import prudent.workflows.serving  # noqa: F401 - what an engine would import first

    # Killed engines are reaped by the kernel.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            become_engine(line.strip())
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

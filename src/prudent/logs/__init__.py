"""Logs of a process: JSON lines in the home and, when asked for, text or JSON on stderr; never with a secret.

Every module logs through `logging.getLogger("prudent.<place>")` with facts in `extra`; `structlog.get_logger` does the
same once `set_up` has run. A line says `at` (UTC), `level`, `what`, `who`, `where` and `process`, then its facts.
"""

import logging
import os
import pwd
import sys
import threading
from collections.abc import Callable, MutableMapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from prudent.domain.records import utc_text
from prudent.domain.redaction import Redactor
from prudent.logs.file import LogFile, log_path

EventDict = MutableMapping[str, Any]
WHO: ContextVar[str] = ContextVar("who", default="")
_OURS = "prudent"
# What other formatters leave on a record.
_OF_OTHERS = ("message", "asctime", "taskName")
_FIRST = ("at", "level", "what", "who", "where", "process", "pid")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """What a process logs: `process` names its file, `verbosity` 1 and 2 show notes and details on stderr.

    `level` is the least that is written to the file.
    """

    process: str
    home: Path | None = None
    verbosity: int = 0
    level: str = "info"
    as_json: bool = False
    secrets: Sequence[str] = ()


def set_up(options: LogOptions) -> None:
    """Begin to log as asked; a second call replaces the first. Nothing is imported or opened before the first line."""
    root = logging.getLogger()
    for known in list(root.handlers):
        if isinstance(known, (LogFile, _Console)):
            root.removeHandler(known)
            known.close()
    lines = _Lines(options)
    least = logging.DEBUG if options.verbosity > 1 else getattr(logging, options.level.upper())
    if options.home is not None:
        file = LogFile(log_path(options.home, options.process))
        file.setFormatter(_Late(lambda: lines.formatter(as_json=True)))
        file.setLevel(least)
        root.addHandler(file)
    if options.verbosity:
        console = _Console()
        console.setFormatter(_Late(lambda: lines.formatter(as_json=options.as_json)))
        console.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(options.verbosity, 2)])
        root.addHandler(console)
    root.setLevel(logging.INFO if options.verbosity > 1 else logging.WARNING)
    logging.getLogger(_OURS).setLevel(min(least, logging.INFO))


def set_up_long(options: LogOptions) -> None:
    """As `set_up`, for a process that stays: structlog loggers work, and what ends a thread is logged."""
    set_up(options)
    import structlog

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )  # fmt: skip
    log = logging.getLogger(f"{_OURS}.process")

    def crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("crashed", exc_info=(kind, error, trace))
        sys.__excepthook__(kind, error, trace)

    def thread_crashed(found: threading.ExceptHookArgs) -> None:
        if found.exc_value is not None and found.exc_type is not SystemExit:
            name = found.thread.name if found.thread is not None else ""
            trace = (found.exc_type, found.exc_value, found.exc_traceback)
            log.critical("thread_crashed", exc_info=trace, extra={"thread_of": name})

    sys.excepthook = crashed
    threading.excepthook = thread_crashed


class _Console(logging.Handler):
    """Stderr as it is when a line is written, so that whoever replaces it sees the lines."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()


class _Late(logging.Formatter):
    """Makes the true formatter for the first line: most commands log nothing, and need not wait for the library."""

    def __init__(self, make: Callable[[], logging.Formatter]) -> None:
        super().__init__()
        self._make = make
        self._made: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        if self._made is None:
            self._made = self._make()
        return self._made.format(record)


class _Lines:
    """How a record becomes a line."""

    def __init__(self, options: LogOptions) -> None:
        self._process = options.process
        self._redactor = Redactor(options.secrets)
        self._user = pwd.getpwuid(os.getuid()).pw_name if _has_name(os.getuid()) else str(os.getuid())

    def formatter(self, *, as_json: bool) -> logging.Formatter:
        import structlog

        renderer = structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else _text
        return structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
            processors=[
                self._facts,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                self._redacted,
                renderer,
            ],
        )

    def _facts(self, _logger: object, _name: str, event: EventDict) -> EventDict:
        record: logging.LogRecord = event["_record"]
        place = record.name.removeprefix(f"{_OURS}.")
        for name in _OF_OTHERS:
            event.pop(name, None)
        event["at"] = utc_text(datetime.fromtimestamp(record.created, UTC))
        event["level"] = record.levelname.lower()
        event["what"] = event.pop("event")
        event["who"] = event.get("who") or WHO.get() or self._user
        event["where"] = place
        event["process"] = self._process
        event["pid"] = record.process
        return event

    def _redacted(self, _logger: object, _name: str, event: EventDict) -> EventDict:
        ordered = {name: event[name] for name in (*_FIRST, *sorted(set(event) - set(_FIRST)))}
        return {name: self._redactor.value(value, name=name) for name, value in ordered.items()}


def _text(_logger: object, _name: str, event: EventDict) -> str:
    """One line for eyes; control characters are spelled out, so nothing that is logged can forge a line."""
    trace = str(event.pop("exception", ""))
    facts = " ".join(f"{name}={value}" for name, value in event.items() if name not in _FIRST)
    line = f"{event['at'][:19]}Z {event['level']:<8} {event['where']}: {event['what']} {facts}".rstrip()
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return f"{shown}\n{trace}" if trace else shown


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True

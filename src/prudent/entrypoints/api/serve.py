"""Runs the web application of a home until it is told to stop: SIGTERM and SIGINT end it gracefully."""

import logging
from pathlib import Path

import uvicorn

from prudent.bootstrap import Desk, open_desk
from prudent.clock import SystemClock
from prudent.domain.errors import ConfigError
from prudent.entrypoints.api.app import create_app
from prudent.logs import LogOptions, set_up_long
from prudent.settings.secret_values import secret_values

LOG = logging.getLogger("prudent.web")
GRACE_SECONDS = 5


def server(desk: Desk) -> uvicorn.Server:
    """The server of a desk, at `web.host` and `web.port`; `should_exit` ends it."""
    web = desk.loaded.settings.web
    config = uvicorn.Config(
        create_app(desk, wall=SystemClock()), host=web.host, port=web.port, log_config=None,
        access_log=False, proxy_headers=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip
    return uvicorn.Server(config)


def serve(home: Path, *, verbosity: int = 0) -> None:
    """Serve until told to stop.

    Raises:
        ConfigError: the port is taken.
    """
    desk = open_desk(home)
    settings = desk.loaded.settings
    level, secrets = settings.logs.level, secret_values(settings)
    set_up_long(LogOptions(process="web", home=home, verbosity=verbosity, level=level, secrets=secrets))
    LOG.info("web_started", extra={"host": settings.web.host, "port": settings.web.port})
    try:
        server(desk).run()
    except SystemExit as error:
        where = f"{settings.web.host}, {settings.web.port} was not"
        raise ConfigError(f"web.port must be free on {where}; set another or stop what uses it") from error
    LOG.info("web_stopped")

"""The web application: `/healthz`, `/readyz` and `/metrics`, which only read; it serves them without an engine too."""

import asyncio
import contextlib
import ipaddress
import threading
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from prudent import __version__
from prudent.bootstrap import Desk, current_clock
from prudent.ports import Clock
from prudent.workflows.disk import Space
from prudent.workflows.health import probes
from prudent.workflows.metrics import DeskFigures, ProcessGauges, exposition

LAG_LOOK_SECONDS = 0.5
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def create_app(desk: Desk, *, wall: Clock, space: Callable[[], Space] | None = None) -> FastAPI:
    """The application over one desk, of which it reads the ledger only; `space` stands in for the disk in tests."""
    gauges = ProcessGauges()
    figures = DeskFigures(desk, wall=wall, process=gauges)
    one_scrape = threading.Lock()

    @contextlib.asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(_watch_loop(gauges))
        yield
        watching.cancel()

    app = FastAPI(title="Prudent", version=__version__, lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        """The process answers; nothing else is looked at."""
        return JSONResponse({"status": "ok", "version": __version__}, headers=NO_STORE)

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        """200 when all that work needs holds, else 503 with what does not."""
        desk.clock = current_clock(desk)
        found = probes(desk, wall=wall, space=None if space is None else space())
        ready = all(probe.ok for probe in found)
        body = {
            "status": "ready" if ready else "not_ready",
            "probes": [{"name": each.name, "ok": each.ok, "detail": each.detail} for each in found],
        }
        return JSONResponse(body, status_code=200 if ready else 503, headers=NO_STORE)

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        """Prometheus' text format, to this machine only; to anybody else the page is not there."""
        if not is_local(request):
            raise HTTPException(status_code=404)
        with one_scrape:
            desk.clock = current_clock(desk)
            body, kind = exposition(figures)
        return Response(body, media_type=kind, headers=NO_STORE)

    return app


def is_local(request: Request) -> bool:
    """True for a question from this machine that no proxy passed on."""
    client = request.client
    if client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(client.host).is_loopback
    except ValueError:
        return False


async def _watch_loop(gauges: ProcessGauges) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_LOOK_SECONDS
        await asyncio.sleep(LAG_LOOK_SECONDS)
        gauges.loop_lag_seconds = max(0.0, loop.time() - due)

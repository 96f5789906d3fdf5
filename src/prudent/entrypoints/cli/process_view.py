"""The engines of a desk and their queue, as `invest status` shows them."""

from datetime import datetime

from prudent.bootstrap import Desk
from prudent.clock import SystemClock
from prudent.domain.records import Json, encode
from prudent.ledger.engines import EngineRow
from prudent.workflows.requests import live_engine
from prudent.workflows.supervisor import supervisor_of


def processes_data(desk: Desk) -> dict[str, Json]:
    """Every engine that shares the ledger with its last beat, the queue, and this home's supervisor."""
    now = SystemClock().now()
    serving = live_engine(desk)
    return {
        "serving": None if serving is None else serving.id,
        "supervisor": supervisor_of(desk.home),
        "engines": [_engine(each, now=now, serving=serving) for each in desk.ledger.engines.all()],
        "requests": dict(desk.ledger.requests.counts()),
    }  # fmt: skip


def _engine(row: EngineRow, *, now: datetime, serving: EngineRow | None) -> dict[str, Json]:
    age = (now - row.beat).total_seconds()
    return {
        "id": row.id, "host": row.host, "pid": row.pid, "status": str(row.status), "started": encode(row.started),
        "beat": encode(row.beat), "beat_age_seconds": int(age), "code_version": row.code_version,
        "serves_this_home": serving is not None and serving.id == row.id,
    }  # fmt: skip


def processes_lines(desk: Desk) -> list[str]:
    """One line a person reads; more only where there is more to say."""
    serving, counts = live_engine(desk), desk.ledger.requests.counts()
    queue = f"{counts['new']} requests wait, {counts['claimed']} under way"
    if serving is None:
        return [f"no engine runs; {queue}: `invest start` takes them up"] if any(counts.values()) else []
    return [f"engine {serving.id}, process {serving.pid}, beat {serving.beat:%H:%M:%S} UTC; {queue}"]
